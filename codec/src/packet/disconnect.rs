use bytes::{BufMut, Bytes, BytesMut};

use crate::packet_type::PacketSet;
use crate::reader::Reader;
use crate::{
    DecodeError, EncodeError, PacketType, Properties, ProtocolVersion, ReasonCode, writer,
};

/// DISCONNECT: the last packet of a connection (section 3.14). Before MQTT
/// 5.0 it has no fields, and only clients send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disconnect {
    /// Why; `Success` is a normal disconnection.
    pub reason: ReasonCode,
    /// Session expiry, reason string, user properties, server reference.
    pub properties: Properties,
}

impl Disconnect {
    /// A DISCONNECT without properties.
    pub const fn new(reason: ReasonCode) -> Self {
        Self {
            reason,
            properties: Properties::new(),
        }
    }

    pub(crate) fn decode(body: &Bytes, version: ProtocolVersion) -> Result<Self, DecodeError> {
        let kind = PacketType::Disconnect;
        if !version.is_v5() {
            super::end(kind, body.is_empty())?;
            return Ok(Self::new(ReasonCode::Success));
        }
        let (reason, properties) = decode_reason(kind, body)?;
        Ok(Self { reason, properties })
    }

    pub(crate) fn encode(
        &self,
        version: ProtocolVersion,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        if version.is_v5() {
            encode_reason(PacketType::Disconnect, self.reason, &self.properties, out)
        } else {
            writer::put_header(out, PacketType::Disconnect, 0)
        }
    }
}

/// The body that DISCONNECT and AUTH share: both fields may be left out from
/// the end (sections 3.14.2.1, 3.15.2.1).
pub(super) fn decode_reason(
    kind: PacketType,
    body: &Bytes,
) -> Result<(ReasonCode, Properties), DecodeError> {
    let mut reader = Reader::new(body);
    let mut reason = ReasonCode::Success;
    let mut properties = Properties::new();
    if !reader.is_empty() {
        reason = ReasonCode::decode(reader.u8()?, kind)?;
        if !reader.is_empty() {
            properties = Properties::decode(&mut reader, body, PacketSet::of(kind))?;
        }
    }
    super::end(kind, reader.is_empty())?;
    Ok((reason, properties))
}

pub(super) fn encode_reason(
    kind: PacketType,
    reason: ReasonCode,
    properties: &Properties,
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    if properties.is_empty() && reason == ReasonCode::Success {
        return writer::put_header(out, kind, 0);
    }
    // AUTH may leave the length of its properties out only with the reason.
    if properties.is_empty() && kind == PacketType::Disconnect {
        writer::put_header(out, kind, 1)?;
        out.put_u8(reason.as_u8());
        return Ok(());
    }
    writer::put_header(out, kind, 1 + properties.encoded_len()?)?;
    out.put_u8(reason.as_u8());
    properties.encode(out)
}
