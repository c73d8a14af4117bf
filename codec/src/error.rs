use crate::topic::InvalidTopic;
use crate::{PacketType, PropertyId, ReasonCode, SubscriptionOptions};

/// Why bytes are not a packet that the peer may send.
///
/// Each is the peer's fault; [`DecodeError::reason_code`] is what 5.0 tells
/// it. No variant means "not enough bytes yet".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The packet is longer than the receiver accepts \[MQTT-3.1.2-24\].
    #[error("packet of {size} bytes, over the limit of {limit}")]
    PacketTooLarge {
        /// Length of the whole packet, bytes.
        size: usize,
        /// The receiver's limit, bytes.
        limit: usize,
    },
    /// The remaining length has more than four bytes (section 1.5.5).
    #[error("remaining length of more than four bytes")]
    RemainingLength,
    /// A variable byte integer in the packet is overlong or out of range.
    #[error("malformed variable byte integer")]
    VariableByteInteger,
    /// Packet type 0 or one that the other end never sends, or flags that the
    /// type does not have \[MQTT-2.1.3-1\].
    #[error("invalid packet type or flags: 0x{0:02x}")]
    FirstByte(u8),
    /// The packet ends before its fields do.
    #[error("packet is too short for its fields")]
    TooShort,
    /// The packet goes on after its last field.
    #[error("bytes left over after the last field of {}", .0.name())]
    TrailingBytes(PacketType),
    /// A string is not UTF-8, or has U+0000 in it \[MQTT-1.5.4-1\],
    /// \[MQTT-1.5.4-2\].
    #[error("string is not valid UTF-8")]
    Utf8,
    /// QoS 3 \[MQTT-3.3.1-4\].
    #[error("QoS 3")]
    QoS,
    /// QoS 0 with the DUP flag \[MQTT-3.3.1-2\].
    #[error("DUP flag on QoS 0")]
    DupAtQoS0,
    /// Packet identifier 0 \[MQTT-2.2.1-3\].
    #[error("packet identifier 0")]
    PacketIdZero,
    /// A topic name or filter breaks section 4.7.
    #[error("{0}")]
    Topic(#[from] InvalidTopic),
    /// The protocol name is neither `MQTT` nor `MQIsdp`.
    #[error("unknown protocol name")]
    ProtocolName,
    /// The protocol name is known, the level is not \[MQTT-3.1.2-2\].
    #[error("unsupported protocol level {0}")]
    ProtocolLevel(u8),
    /// CONNECT flags contradict each other (section 3.1.2.3).
    #[error("invalid CONNECT flags: 0x{0:02x}")]
    ConnectFlags(u8),
    /// CONNACK flags other than session present \[MQTT-3.2.2-1\].
    #[error("invalid CONNACK flags: 0x{0:02x}")]
    ConnAckFlags(u8),
    /// Reserved bits \[MQTT-3.8.3-5\], QoS 3 or retain handling 3 in
    /// subscription options (section 3.8.3.1).
    #[error("invalid subscription options: 0x{0:02x}")]
    SubscriptionOptions(u8),
    /// No Local on a shared subscription \[MQTT-3.8.3-4\].
    #[error("No Local on a shared subscription")]
    NoLocalOnShared,
    /// SUBSCRIBE or UNSUBSCRIBE without a filter \[MQTT-3.8.3-2\],
    /// \[MQTT-3.10.3-2\], or SUBACK without a code.
    #[error("{} with an empty payload", .0.name())]
    EmptyPayload(PacketType),
    /// A reason code that this packet may not carry.
    #[error("reason code 0x{code:02x} in {}", .packet.name())]
    ReasonCode {
        /// The packet it was in.
        packet: PacketType,
        /// The code.
        code: u8,
    },
    /// A property identifier that is not in table 2-4.
    #[error("unknown property 0x{0:02x}")]
    UnknownProperty(u32),
    /// A property that this packet may not carry.
    #[error("property {0:?} in a packet that cannot have it")]
    MisplacedProperty(PropertyId),
    /// A property that may be there once only.
    #[error("property {0:?} more than once")]
    RepeatedProperty(PropertyId),
    /// A property's value that the specification rules out.
    #[error("property {0:?} with a forbidden value")]
    PropertyValue(PropertyId),
    /// A property that the rest of the packet calls for: a topic alias with
    /// an empty topic name (section 3.3.2.1), an authentication method with
    /// authentication data or in AUTH (sections 3.1.2.11.10, 3.15.2.2.2).
    #[error("property {0:?} is missing")]
    MissingProperty(PropertyId),
    /// A packet that this version does not have (AUTH before 5.0).
    #[error("{} does not exist in this version", .0.name())]
    NotInVersion(PacketType),
}

impl DecodeError {
    /// What a 5.0 DISCONNECT or CONNACK says of it (section 4.13.1).
    pub const fn reason_code(self) -> ReasonCode {
        match self {
            Self::PacketTooLarge { .. } => ReasonCode::PacketTooLarge,
            Self::Topic(InvalidTopic::Name(_)) => ReasonCode::TopicNameInvalid,
            Self::Topic(InvalidTopic::Filter(_)) => ReasonCode::TopicFilterInvalid,
            Self::ProtocolName | Self::ProtocolLevel(_) => ReasonCode::UnsupportedProtocolVersion,
            // Reserved bits make it malformed, the other values are protocol
            // errors (section 3.8.3.1).
            Self::SubscriptionOptions(byte) if byte & SubscriptionOptions::RESERVED == 0 => {
                ReasonCode::ProtocolError
            }
            Self::PacketIdZero
            | Self::NoLocalOnShared
            | Self::EmptyPayload(_)
            | Self::RepeatedProperty(_)
            | Self::PropertyValue(_)
            | Self::MissingProperty(_)
            | Self::NotInVersion(_) => ReasonCode::ProtocolError,
            _ => ReasonCode::MalformedPacket,
        }
    }
}

/// Why a packet cannot be put into bytes. Each is the caller's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A string or binary field of more than 65,535 bytes.
    #[error("string or binary field of {0} bytes, over 65,535")]
    FieldTooLong(usize),
    /// The packet would be longer than MQTT allows, 268,435,460 bytes.
    #[error("packet of {0} bytes, over what MQTT allows")]
    PacketTooLong(usize),
    /// A string with U+0000 in it \[MQTT-1.5.4-2\].
    #[error("string with U+0000 in it")]
    Nul,
    /// A property's value that the specification rules out.
    #[error("property {0:?} with a forbidden value")]
    PropertyValue(PropertyId),
    /// SUBSCRIBE or UNSUBSCRIBE without a filter, SUBACK or UNSUBACK without
    /// a code.
    #[error("{} with an empty payload", .0.name())]
    EmptyPayload(PacketType),
    /// AUTH before 5.0.
    #[error("{} does not exist in this version", .0.name())]
    NotInVersion(PacketType),
    /// Username absent but password present before 5.0 \[MQTT-3.1.2-22\] of
    /// 3.1.1.
    #[error("a password without a user name needs MQTT 5.0")]
    PasswordWithoutUsername,
}
