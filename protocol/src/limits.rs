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

    /// Sets the properties that tell the other end, where they differ from
    /// what it assumes anyway.
    pub fn put_into(&self, properties: &mut Properties) {
        // In the order in which Mosquitto's tests want them, to the byte.
        let mut ours = Properties::new();
        if self.topic_alias_maximum > 0 {
            ours.push(Property::TopicAliasMaximum(self.topic_alias_maximum));
        }
        let is_ours = |p: &Property| {
            matches!(
                p,
                Property::TopicAliasMaximum(_)
                    | Property::MaximumPacketSize(_)
                    | Property::ReceiveMaximum(_)
            )
        };
        let others = std::mem::take(properties).into_iter();
        ours.extend(others.filter(|p| !is_ours(p)));
        if self.maximum_packet_size < Self::NONE.maximum_packet_size {
            let size = u32::try_from(self.maximum_packet_size).unwrap_or(u32::MAX);
            ours.push(Property::MaximumPacketSize(size));
        }
        if self.receive_maximum != u16::MAX {
            ours.push(Property::ReceiveMaximum(self.receive_maximum.max(1)));
        }
        *properties = ours;
    }
}
