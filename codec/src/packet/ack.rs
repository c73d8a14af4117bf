use bytes::{BufMut, Bytes, BytesMut};

use crate::packet_type::PacketSet;
use crate::reader::Reader;
use crate::{
    DecodeError, EncodeError, PacketId, PacketType, Properties, ProtocolVersion, ReasonCode, writer,
};

/// PUBACK, PUBREC, PUBREL or PUBCOMP (sections 3.4 to 3.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    /// Which publish it is about.
    pub packet_id: PacketId,
    /// How it went; always `Success` before MQTT 5.0.
    pub reason: ReasonCode,
    /// Reason string and user properties.
    pub properties: Properties,
}

impl Ack {
    /// An acknowledgement without properties.
    pub const fn new(packet_id: PacketId, reason: ReasonCode) -> Self {
        Self {
            packet_id,
            reason,
            properties: Properties::new(),
        }
    }

    pub(crate) fn decode(
        kind: PacketType,
        body: &Bytes,
        version: ProtocolVersion,
    ) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let mut ack = Self::new(reader.packet_id()?, ReasonCode::Success);
        if version.is_v5() && !reader.is_empty() {
            ack.reason = ReasonCode::decode(reader.u8()?, kind)?;
            if !reader.is_empty() {
                ack.properties = Properties::decode(&mut reader, body, PacketSet::of(kind))?;
            }
        }
        super::end(kind, reader.is_empty())?;
        Ok(ack)
    }

    pub(crate) fn encode(
        &self,
        kind: PacketType,
        version: ProtocolVersion,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        let (reason, properties) = match (version.is_v5(), self.reason, &self.properties) {
            (false, _, _) => (0, 0),
            (true, ReasonCode::Success, properties) if properties.is_empty() => (0, 0),
            (true, _, properties) if properties.is_empty() => (1, 0),
            (true, _, properties) => (1, properties.encoded_len()?),
        };
        writer::put_header(out, kind, 2 + reason + properties)?;
        out.put_u16(self.packet_id.get());
        if reason > 0 {
            out.put_u8(self.reason.as_u8());
        }
        if properties > 0 {
            self.properties.encode(out)?;
        }
        Ok(())
    }
}
