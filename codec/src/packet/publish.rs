use bytes::{BufMut, Bytes, BytesMut};

use crate::packet_type::{PacketSet, PacketType};
use crate::reader::{self, Reader};
use crate::{
    DecodeError, EncodeError, PacketId, Properties, PropertyId, ProtocolVersion, QoS, TopicName,
    fixed_header, writer,
};

const RETAIN: u8 = 0x01;
const DUP: u8 = 0x08;

/// PUBLISH: a message on its way (section 3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// Whether it may have been sent before; never at QoS 0.
    pub dup: bool,
    /// How surely it is delivered.
    pub qos: QoS,
    /// To a server: keep it. To a client: it was kept.
    pub retain: bool,
    /// Where it was published; empty if a topic alias stands for it.
    pub topic: TopicName,
    /// There at QoS 1 and 2, absent at QoS 0.
    pub packet_id: Option<PacketId>,
    /// Expiry, content type, user properties and others.
    pub properties: Properties,
    /// The message itself.
    pub payload: Bytes,
}

impl Publish {
    pub(crate) fn decode(
        flags: u8,
        body: &Bytes,
        version: ProtocolVersion,
    ) -> Result<Self, DecodeError> {
        PublishView::parse(flags, body, version)?.to_owned(body)
    }

    /// Its fields, borrowed.
    pub fn parts(&self) -> PublishParts<'_> {
        PublishParts {
            dup: self.dup,
            qos: self.qos,
            retain: self.retain,
            topic: &self.topic,
            packet_id: self.packet_id,
            properties: &self.properties,
            payload: &self.payload,
        }
    }
}

/// What a PUBLISH is encoded from.
#[derive(Clone, Copy, Debug)]
pub struct PublishParts<'a> {
    /// Whether it may have been sent before; never at QoS 0.
    pub dup: bool,
    /// How surely it is delivered.
    pub qos: QoS,
    /// To a server: keep it. To a client: it was kept.
    pub retain: bool,
    /// A topic name, or empty if a topic alias stands for it.
    pub topic: &'a str,
    /// There at QoS 1 and 2, absent at QoS 0.
    pub packet_id: Option<PacketId>,
    /// Left out before MQTT 5.0.
    pub properties: &'a Properties,
    /// The message itself.
    pub payload: &'a [u8],
}

impl PublishParts<'_> {
    /// Appends the packet to `out`.
    ///
    /// # Errors
    /// It cannot be encoded; `out` is then as it was.
    pub fn encode(&self, version: ProtocolVersion, out: &mut BytesMut) -> Result<(), EncodeError> {
        debug_assert_eq!(self.packet_id.is_some(), self.qos != QoS::AtMostOnce);
        let remaining = self.remaining(version)?;
        let flags = flags(self.dup, self.qos, self.retain);
        writer::put_header_with_flags(out, PacketType::Publish, flags, remaining)?;
        writer::put_field(out, self.topic.as_bytes());
        if let Some(packet_id) = self.packet_id {
            out.put_u16(packet_id.get());
        }
        if version.is_v5() {
            self.properties.encode(out)?;
        }
        out.put_slice(self.payload);
        Ok(())
    }

    /// Length of the whole packet when encoded for `version`, bytes.
    ///
    /// # Errors
    /// It cannot be encoded.
    pub fn encoded_len(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        self.remaining(version).map(fixed_header::packet_len)
    }

    fn remaining(&self, version: ProtocolVersion) -> Result<usize, EncodeError> {
        let packet_id = if self.packet_id.is_some() { 2 } else { 0 };
        let properties = if version.is_v5() {
            self.properties.encoded_len()?
        } else {
            0
        };
        Ok(writer::field_len(self.topic.as_bytes())? + packet_id + properties + self.payload.len())
    }
}

/// A PUBLISH read in place: nothing is copied, counted or checked as UTF-8
/// until asked for.
#[derive(Clone, Copy, Debug)]
pub struct PublishView<'a> {
    /// Whether it may have been sent before.
    pub dup: bool,
    /// How surely it is delivered.
    pub qos: QoS,
    /// To a server: keep it. To a client: it was kept.
    pub retain: bool,
    /// The topic's bytes, not yet checked; see [`PublishView::topic_name`].
    pub topic: &'a [u8],
    /// There at QoS 1 and 2, absent at QoS 0.
    pub packet_id: Option<PacketId>,
    /// The properties' bytes without their length, not yet decoded.
    pub properties: &'a [u8],
    /// The message itself.
    pub payload: &'a [u8],
    version: ProtocolVersion,
}

impl<'a> PublishView<'a> {
    /// Reads a PUBLISH's body; `flags` are those of its fixed header.
    ///
    /// # Errors
    /// Wrong flags, or fields that do not fit.
    #[inline]
    pub fn parse(flags: u8, body: &'a [u8], version: ProtocolVersion) -> Result<Self, DecodeError> {
        let qos = QoS::from_u8(flags >> 1 & 3).ok_or(DecodeError::QoS)?;
        let mut dup = flags & DUP != 0;
        if dup && qos == QoS::AtMostOnce {
            // 3.1 gives DUP a meaning above QoS 0 only (its section 2.1).
            if version != ProtocolVersion::V3_1 {
                return Err(DecodeError::DupAtQoS0);
            }
            dup = false;
        }
        let mut reader = Reader::new(body);
        let topic = reader.field()?;
        let packet_id = match qos {
            QoS::AtMostOnce => None,
            QoS::AtLeastOnce | QoS::ExactlyOnce => Some(reader.packet_id()?),
        };
        let mut properties: &[u8] = &[];
        if version.is_v5() {
            let len = reader.variable()?;
            properties = reader.take(len as usize)?;
        }
        Ok(Self {
            dup,
            qos,
            retain: flags & RETAIN != 0,
            topic,
            packet_id,
            properties,
            payload: reader.rest(),
            version,
        })
    }

    /// The topic name, checked, as a slice of `source`, which this view was
    /// read from.
    ///
    /// # Errors
    /// It is not UTF-8, has a wildcard, or is empty before MQTT 5.0.
    pub fn topic_name(&self, source: &Bytes) -> Result<TopicName, DecodeError> {
        let topic = reader::string(source, self.topic)?;
        Ok(if self.version.is_v5() {
            TopicName::new_or_alias(topic)?
        } else {
            TopicName::new(topic)?
        })
    }

    /// The packet, as slices of `source`, which this view was read from.
    ///
    /// # Errors
    /// A wrong topic name, wrong properties, or an empty topic name without
    /// a topic alias.
    pub fn to_owned(&self, source: &Bytes) -> Result<Publish, DecodeError> {
        let publish = PacketSet::of(PacketType::Publish);
        let topic = self.topic_name(source)?;
        let properties = Properties::decode_body(self.properties, source, publish)?;
        if topic.is_alias() {
            properties.require(PropertyId::TopicAlias)?;
        }
        Ok(Publish {
            dup: self.dup,
            qos: self.qos,
            retain: self.retain,
            topic,
            packet_id: self.packet_id,
            properties,
            payload: source.slice_ref(self.payload),
        })
    }
}

fn flags(dup: bool, qos: QoS, retain: bool) -> u8 {
    // [MQTT-3.3.1-2]
    let dup = if dup && qos != QoS::AtMostOnce {
        DUP
    } else {
        0
    };
    let retain = if retain { RETAIN } else { 0 };
    dup | qos.as_u8() << 1 | retain
}
