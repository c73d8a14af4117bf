use bytes::{BufMut, Bytes, BytesMut};

use crate::packet_type::PacketSet;
use crate::reader::Reader;
use crate::{
    DecodeError, EncodeError, PacketId, PacketType, Properties, ProtocolVersion, ReasonCode, writer,
};

/// SUBACK: the server's answer to SUBSCRIBE (section 3.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubAck {
    /// Of the SUBSCRIBE.
    pub packet_id: PacketId,
    /// One for each filter, in order: the QoS granted, or why not. Before
    /// MQTT 5.0 every failure is 0x80.
    pub reasons: Vec<ReasonCode>,
    /// Reason string and user properties.
    pub properties: Properties,
}

impl SubAck {
    pub(crate) fn decode(body: &Bytes, version: ProtocolVersion) -> Result<Self, DecodeError> {
        let kind = PacketType::SubAck;
        let (packet_id, properties, reasons) = decode_reasons(kind, body, version)?;
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
        encode_head(
            PacketType::SubAck,
            self.packet_id,
            &self.properties,
            self.reasons.len(),
            version,
            out,
        )?;
        for reason in &self.reasons {
            out.put_u8(if reason.is_failure() && !version.is_v5() {
                ReasonCode::UnspecifiedError.as_u8()
            } else {
                reason.as_u8()
            });
        }
        Ok(())
    }
}

/// The body that SUBACK and UNSUBACK share: identifier, properties, codes.
pub(super) fn decode_reasons(
    kind: PacketType,
    body: &Bytes,
    version: ProtocolVersion,
) -> Result<(PacketId, Properties, Vec<ReasonCode>), DecodeError> {
    let mut reader = Reader::new(body);
    let packet_id = reader.packet_id()?;
    let properties = if version.is_v5() {
        Properties::decode(&mut reader, body, PacketSet::of(kind))?
    } else {
        Properties::new()
    };
    if reader.is_empty() {
        return Err(DecodeError::EmptyPayload(kind));
    }
    let reasons = reader
        .rest()
        .iter()
        .map(|&code| match code {
            // All that 3.1.1 has [MQTT-3.9.3-2].
            0..=2 | 0x80 => ReasonCode::decode(code, kind),
            _ if version.is_v5() => ReasonCode::decode(code, kind),
            _ => Err(DecodeError::ReasonCode { packet: kind, code }),
        })
        .collect::<Result<_, _>>()?;
    Ok((packet_id, properties, reasons))
}

/// Everything of SUBACK, UNSUBACK, SUBSCRIBE and UNSUBSCRIBE before the
/// payload, which has `payload` bytes.
pub(super) fn encode_head(
    kind: PacketType,
    packet_id: PacketId,
    properties: &Properties,
    payload: usize,
    version: ProtocolVersion,
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    // Only UNSUBACK may be without a payload, and has none before 5.0.
    if payload == 0 && (version.is_v5() || kind != PacketType::UnsubAck) {
        return Err(EncodeError::EmptyPayload(kind));
    }
    let properties_len = if version.is_v5() {
        properties.encoded_len()?
    } else {
        0
    };
    writer::put_header(out, kind, 2 + properties_len + payload)?;
    out.put_u16(packet_id.get());
    if version.is_v5() {
        properties.encode(out)?;
    }
    Ok(())
}
