use codec::{DecodeError, PacketType, ReasonCode};

/// What the other end did wrong; the connection is over after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Bytes that are no packet.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The first packet is not the one that must come first \[MQTT-3.1.0-1\],
    /// \[MQTT-3.2.0-1\].
    #[error("{} as the first packet", .0.name())]
    FirstPacket(PacketType),
    /// A packet that this end never receives, or not now.
    #[error("unexpected {}", .0.name())]
    Unexpected(PacketType),
    /// Another authentication method than CONNECT named, or none where it must
    /// be named \[MQTT-4.12.0-5\], \[MQTT-4.12.1-1\].
    #[error("another authentication method than at CONNECT")]
    AuthenticationMethod,
    /// An acknowledgement of another kind than the publish asks for.
    #[error("{} for a publish of another QoS or state", .0.name())]
    WrongAck(PacketType),
    /// More unacknowledged publishes than were allowed \[MQTT-3.3.4-9\].
    #[error("more than {0} unacknowledged publishes")]
    ReceiveMaximum(u16),
    /// Topic alias over the maximum, unknown, or none for an empty topic
    /// \[MQTT-3.3.2-8\] to \[MQTT-3.3.2-10\].
    #[error("invalid topic alias")]
    TopicAlias,
    /// A subscription identifier in a PUBLISH to a server \[MQTT-3.3.4-6\].
    #[error("subscription identifier from a client")]
    SubscriptionIdentifier,
    /// A publish at a QoS that CONNACK said the server does not support
    /// (section 3.2.2.3.4).
    #[error("publish at a QoS that is not supported")]
    QoSNotSupported,
    /// A publish with RETAIN, though CONNACK said it is not supported (section
    /// 3.2.2.3.5).
    #[error("publish with RETAIN, which is not supported")]
    RetainNotSupported,
    /// Session expiry 0 in CONNECT, changed in DISCONNECT (section
    /// 3.14.2.2.2).
    #[error("session expiry set at disconnect, though 0 at connect")]
    SessionExpiry,
    /// A topic name or filter of more levels than the server takes.
    #[error("a topic of more levels than are accepted")]
    TooManyLevels,
    /// A control character in a name, which a server may refuse (section
    /// 1.5.4).
    #[error("a control character in a name")]
    ControlCharacter,
    /// Silence for longer than the keep alive allows \[MQTT-3.1.2-22\].
    #[error("keep alive timeout")]
    KeepAlive,
    /// No CONNECT, or no CONNACK, in the time allowed.
    #[error("no answer in time")]
    ConnectTimeout,
}

impl Violation {
    /// What a 5.0 DISCONNECT says of it.
    pub const fn reason_code(self) -> ReasonCode {
        match self {
            // A second CONNECT is wrong whatever is in it; the reason code that
            // says so of the version is CONNACK's alone.
            Self::Decode(DecodeError::ProtocolName | DecodeError::ProtocolLevel(_)) => {
                ReasonCode::ProtocolError
            }
            Self::Decode(error) => error.reason_code(),
            Self::ReceiveMaximum(_) => ReasonCode::ReceiveMaximumExceeded,
            Self::TopicAlias => ReasonCode::TopicAliasInvalid,
            Self::TooManyLevels | Self::ControlCharacter => ReasonCode::MalformedPacket,
            Self::QoSNotSupported => ReasonCode::QoSNotSupported,
            Self::RetainNotSupported => ReasonCode::RetainNotSupported,
            Self::KeepAlive => ReasonCode::KeepAliveTimeout,
            Self::AuthenticationMethod => ReasonCode::BadAuthenticationMethod,
            _ => ReasonCode::ProtocolError,
        }
    }
}
