use bytes::{Bytes, BytesMut};

use super::suback::encode_head;
use crate::packet_type::PacketSet;
use crate::reader::Reader;
use crate::{
    DecodeError, EncodeError, PacketId, PacketType, Properties, ProtocolVersion, TopicFilter,
    writer,
};

/// UNSUBSCRIBE: a client wants no more messages (section 3.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    /// Comes back in UNSUBACK.
    pub packet_id: PacketId,
    /// User properties.
    pub properties: Properties,
    /// At least one, as they were subscribed.
    pub filters: Vec<TopicFilter>,
}

impl Unsubscribe {
    pub(crate) fn decode(body: &Bytes, version: ProtocolVersion) -> Result<Self, DecodeError> {
        let kind = PacketType::Unsubscribe;
        let mut reader = Reader::new(body);
        let packet_id = reader.packet_id()?;
        let properties = if version.is_v5() {
            Properties::decode(&mut reader, body, PacketSet::of(kind))?
        } else {
            Properties::new()
        };
        let mut filters = Vec::new();
        while !reader.is_empty() {
            filters.push(TopicFilter::new(reader.string(body)?)?);
        }
        if filters.is_empty() {
            return Err(DecodeError::EmptyPayload(kind));
        }
        Ok(Self {
            packet_id,
            properties,
            filters,
        })
    }

    pub(crate) fn encode(
        &self,
        version: ProtocolVersion,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        let payload = self
            .filters
            .iter()
            .try_fold(0, |sum, f| Ok(sum + writer::field_len(f.as_bytes())?))?;
        encode_head(
            PacketType::Unsubscribe,
            self.packet_id,
            &self.properties,
            payload,
            version,
            out,
        )?;
        for filter in &self.filters {
            writer::put_field(out, filter.as_bytes());
        }
        Ok(())
    }
}
