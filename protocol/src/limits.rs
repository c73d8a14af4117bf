use codec::{Connect, MAX_REMAINING_LENGTH, Properties, Property};

/// What one end accepts from the other; each end has its own (sections
/// 3.1.2.11 and 3.2.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many QoS 1 and 2 publishes may await acknowledgement; at least 1.
    pub receive_maximum: u16,
    /// The longest packet, bytes in all.
    pub maximum_packet_size: usize,
    /// The highest topic alias; 0 for none. The other end may make this end
    /// remember as many topics of up to 65,535 bytes.
    pub topic_alias_maximum: u16,
}

impl Limits {
    /// What holds when a packet says nothing (sections 3.1.2.11.3 to .5).
    pub const NONE: Self = Self {
        receive_maximum: u16::MAX,
        maximum_packet_size: MAX_REMAINING_LENGTH + 5,
        topic_alias_maximum: 0,
    };

    /// What the properties of a CONNECT or CONNACK say.
    pub fn from_properties(properties: &Properties) -> Self {
        let none = Self::NONE;
        Self {
            receive_maximum: properties.receive_maximum().unwrap_or(none.receive_maximum),
            maximum_packet_size: properties
                .maximum_packet_size()
                .and_then(|size| usize::try_from(size).ok())
                .map_or(none.maximum_packet_size, |size| {
                    size.min(none.maximum_packet_size)
                }),
            topic_alias_maximum: properties.topic_alias_maximum().unwrap_or(0),
        }
    }

    /// What a CONNECT says of its sender; no limits before MQTT 5.0.
    pub fn of_client(connect: &Connect) -> Self {
        Self::from_properties(&connect.properties)
    }

    /// Adds the properties that tell the other end, where they differ from
    /// what it assumes anyway. What is there already stays as it is.
    pub fn put_into(&self, properties: &mut Properties) {
        if self.topic_alias_maximum > 0 && properties.topic_alias_maximum().is_none() {
            properties.push(Property::TopicAliasMaximum(self.topic_alias_maximum));
        }
        let size = self.maximum_packet_size;
        if size < Self::NONE.maximum_packet_size && properties.maximum_packet_size().is_none() {
            let size = u32::try_from(size).unwrap_or(u32::MAX);
            properties.push(Property::MaximumPacketSize(size));
        }
        if self.receive_maximum != u16::MAX && properties.receive_maximum().is_none() {
            properties.push(Property::ReceiveMaximum(self.receive_maximum.max(1)));
        }
    }
}
