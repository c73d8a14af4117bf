use bytes::{BufMut, Bytes, BytesMut};

use super::suback::{decode_reasons, encode_head};
use crate::reader::Reader;
use crate::{
    DecodeError, EncodeError, PacketId, PacketType, Properties, ProtocolVersion, ReasonCode,
};

/// UNSUBACK: the server's answer to UNSUBSCRIBE (section 3.11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsubAck {
    /// Of the UNSUBSCRIBE.
    pub packet_id: PacketId,
    /// One for each filter, in order; empty before MQTT 5.0.
    pub reasons: Vec<ReasonCode>,
    /// Reason string and user properties.
    pub properties: Properties,
}

impl UnsubAck {
    pub(crate) fn decode(body: &Bytes, version: ProtocolVersion) -> Result<Self, DecodeError> {
        let kind = PacketType::UnsubAck;
        let (packet_id, properties, reasons) = if version.is_v5() {
            decode_reasons(kind, body, version)?
        } else {
            let mut reader = Reader::new(body);
            let packet_id = reader.packet_id()?;
            super::end(kind, reader.is_empty())?;
            (packet_id, Properties::new(), Vec::new())
        };
        Ok(Self {
            packet_id,
            reasons,
            properties,
        })
    }

    pub(crate) fn encode(
        &self,
        version: ProtocolVersion,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        let reasons: &[ReasonCode] = if version.is_v5() { &self.reasons } else { &[] };
        encode_head(
            PacketType::UnsubAck,
            self.packet_id,
            &self.properties,
            reasons.len(),
            version,
            out,
        )?;
        out.put_slice(&reasons.iter().map(|r| r.as_u8()).collect::<Vec<_>>());
        Ok(())
    }
}
