use bytes::{BufMut, Bytes, BytesMut};

use crate::packet_type::PacketSet;
use crate::reader::Reader;
use crate::{
    DecodeError, EncodeError, PacketType, Properties, ProtocolVersion, ReasonCode, writer,
};

/// CONNACK: the server's answer to CONNECT (section 3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnAck {
    /// Whether the server had a session for this client.
    pub session_present: bool,
    /// `Success`, or why the connection is refused.
    pub reason: ReasonCode,
    /// What the server supports and chose.
    pub properties: Properties,
}

impl ConnAck {
    /// A CONNACK without properties.
    pub const fn new(session_present: bool, reason: ReasonCode) -> Self {
        Self {
            session_present,
            reason,
            properties: Properties::new(),
        }
    }

    pub(crate) fn decode(body: &Bytes, version: ProtocolVersion) -> Result<Self, DecodeError> {
        let kind = PacketType::ConnAck;
        let mut reader = Reader::new(body);
        let session_present = match reader.u8()? {
            // Reserved and unused in 3.1 (its section 3.2).
            _ if version == ProtocolVersion::V3_1 => false,
            0 => false,
            1 => true,
            flags => return Err(DecodeError::ConnAckFlags(flags)),
        };
        let code = reader.u8()?;
        // A server older than 5.0 refuses a 5.0 client in its own format.
        if version.is_v5() && code == 1 && !session_present && reader.is_empty() {
            return Ok(Self::new(false, ReasonCode::UnsupportedProtocolVersion));
        }
        let (reason, properties) = if version.is_v5() {
            (
                ReasonCode::decode(code, kind)?,
                Properties::decode(&mut reader, body, PacketSet::of(kind))?,
            )
        } else {
            let reason = ReasonCode::from_v3_connect(code)
                .ok_or(DecodeError::ReasonCode { packet: kind, code })?;
            (reason, Properties::new())
        };
        super::end(kind, reader.is_empty())?;
        Ok(Self {
            session_present,
            reason,
            properties,
        })
    }

    pub(crate) fn encode(
        &self,
        version: ProtocolVersion,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        let properties = if version.is_v5() {
            self.properties.encoded_len()?
        } else {
            0
        };
        writer::put_header(out, PacketType::ConnAck, 2 + properties)?;
        out.put_u8(u8::from(
            self.session_present && version != ProtocolVersion::V3_1,
        ));
        if version.is_v5() {
            out.put_u8(self.reason.as_u8());
            self.properties.encode(out)
        } else {
            out.put_u8(self.reason.to_v3_connect());
            Ok(())
        }
    }
}
