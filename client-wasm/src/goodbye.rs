use codec::{ByteString, Disconnect, Properties, Property, ReasonCode};

/// How a client leaves: what [`crate::Client::end_with`] puts into DISCONNECT
/// (section 3.14). Before MQTT 5.0 only [`Goodbye::with_will`] has an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Goodbye {
    reason: ReasonCode,
    properties: Properties,
}

impl Default for Goodbye {
    fn default() -> Self {
        Self::new()
    }
}

impl Goodbye {
    /// A normal end; the will is not published.
    pub const fn new() -> Self {
        Self {
            reason: ReasonCode::Success,
            properties: Properties::new(),
        }
    }

    /// The broker publishes the will all the same (0x04, section 3.14.2.1).
    pub const fn with_will() -> Self {
        Self::because(ReasonCode::DisconnectWithWill)
    }

    /// Says why, with one of the codes that table 3-10 gives to clients. The
    /// broker publishes the will, unless the code is `Success`.
    pub const fn because(reason: ReasonCode) -> Self {
        Self {
            reason,
            properties: Properties::new(),
        }
    }

    /// How long the broker keeps the session from now on, seconds (section
    /// 3.14.2.2.2). More than 0 only where
    /// [`crate::Options::session_expiry`] was more than 0.
    pub fn session_expiry(mut self, seconds: u32) -> Self {
        self.properties
            .set(Property::SessionExpiryInterval(seconds));
        self
    }

    /// The reason in words (section 3.14.2.2.3).
    pub fn reason_string(mut self, text: impl Into<ByteString>) -> Self {
        self.properties.set(Property::ReasonString(text.into()));
        self
    }

    /// Adds a user property (section 3.14.2.2.4); they keep their order.
    pub fn user_property(
        mut self,
        name: impl Into<ByteString>,
        value: impl Into<ByteString>,
    ) -> Self {
        let property = Property::UserProperty((name.into(), value.into()));
        self.properties.push(property);
        self
    }

    /// A reason, and properties of DISCONNECT.
    #[cfg(feature = "js")]
    pub(crate) const fn saying(reason: ReasonCode, properties: Properties) -> Self {
        Self { reason, properties }
    }

    /// Whether the broker publishes the will.
    pub(crate) fn leaves_will(&self) -> bool {
        self.reason != ReasonCode::Success
    }

    /// DISCONNECT; `None` if the code is none of a client's.
    pub(crate) fn into_disconnect(self) -> Option<Disconnect> {
        let is_allowed = matches!(
            self.reason,
            ReasonCode::Success
                | ReasonCode::DisconnectWithWill
                | ReasonCode::UnspecifiedError
                | ReasonCode::MalformedPacket
                | ReasonCode::ProtocolError
                | ReasonCode::ImplementationSpecificError
                | ReasonCode::TopicNameInvalid
                | ReasonCode::ReceiveMaximumExceeded
                | ReasonCode::TopicAliasInvalid
                | ReasonCode::PacketTooLarge
                | ReasonCode::MessageRateTooHigh
                | ReasonCode::QuotaExceeded
                | ReasonCode::AdministrativeAction
                | ReasonCode::PayloadFormatInvalid
        );
        is_allowed.then_some(Disconnect {
            reason: self.reason,
            properties: self.properties,
        })
    }
}
