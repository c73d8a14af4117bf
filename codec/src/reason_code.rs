use crate::DecodeError;
use crate::packet_type::{PacketSet, PacketType};

macro_rules! reason_codes {
    ($($code:literal $name:ident $text:literal: $($packet:ident),+;)+) => {
        /// The outcome of an operation (section 2.4, table 2-6). Codes of 0x80
        /// and above are failures.
        ///
        /// 0x00 is `Success`, and also "granted QoS 0" in SUBACK and "normal
        /// disconnection" in DISCONNECT.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ReasonCode {
            $(#[doc = $text] $name = $code,)+
        }

        impl ReasonCode {
            /// The code with this value, wherever it may stand.
            pub const fn from_u8(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// What it means, in words fit for a log line.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            const fn packets(self) -> PacketSet {
                match self {
                    $(Self::$name => PacketSet::EMPTY
                        $(.and(PacketSet::of(PacketType::$packet)))+,)+
                }
            }
        }
    };
}

reason_codes! {
    0x00 Success "success": ConnAck, PubAck, PubRec, PubRel, PubComp, SubAck, UnsubAck, Disconnect, Auth;
    0x01 GrantedQoS1 "granted QoS 1": SubAck;
    0x02 GrantedQoS2 "granted QoS 2": SubAck;
    0x04 DisconnectWithWill "disconnect with will message": Disconnect;
    0x10 NoMatchingSubscribers "no matching subscribers": PubAck, PubRec;
    0x11 NoSubscriptionExisted "no subscription existed": UnsubAck;
    0x18 ContinueAuthentication "continue authentication": Auth;
    0x19 ReAuthenticate "re-authenticate": Auth;
    0x80 UnspecifiedError "unspecified error": ConnAck, PubAck, PubRec, SubAck, UnsubAck, Disconnect;
    0x81 MalformedPacket "malformed packet": ConnAck, Disconnect;
    0x82 ProtocolError "protocol error": ConnAck, Disconnect;
    0x83 ImplementationSpecificError "implementation specific error": ConnAck, PubAck, PubRec, SubAck, UnsubAck, Disconnect;
    0x84 UnsupportedProtocolVersion "unsupported protocol version": ConnAck;
    0x85 ClientIdentifierNotValid "client identifier not valid": ConnAck;
    0x86 BadUserNameOrPassword "bad user name or password": ConnAck;
    0x87 NotAuthorized "not authorised": ConnAck, PubAck, PubRec, SubAck, UnsubAck, Disconnect;
    0x88 ServerUnavailable "server unavailable": ConnAck;
    0x89 ServerBusy "server busy": ConnAck, Disconnect;
    0x8a Banned "banned": ConnAck;
    0x8b ServerShuttingDown "server shutting down": Disconnect;
    0x8c BadAuthenticationMethod "bad authentication method": ConnAck, Disconnect;
    0x8d KeepAliveTimeout "keep alive timeout": Disconnect;
    0x8e SessionTakenOver "session taken over": Disconnect;
    0x8f TopicFilterInvalid "topic filter invalid": SubAck, UnsubAck, Disconnect;
    0x90 TopicNameInvalid "topic name invalid": ConnAck, PubAck, PubRec, Disconnect;
    0x91 PacketIdentifierInUse "packet identifier in use": PubAck, PubRec, SubAck, UnsubAck;
    0x92 PacketIdentifierNotFound "packet identifier not found": PubRel, PubComp;
    0x93 ReceiveMaximumExceeded "receive maximum exceeded": Disconnect;
    0x94 TopicAliasInvalid "topic alias invalid": Disconnect;
    0x95 PacketTooLarge "packet too large": ConnAck, Disconnect;
    0x96 MessageRateTooHigh "message rate too high": Disconnect;
    0x97 QuotaExceeded "quota exceeded": ConnAck, PubAck, PubRec, SubAck, Disconnect;
    0x98 AdministrativeAction "administrative action": Disconnect;
    0x99 PayloadFormatInvalid "payload format invalid": ConnAck, PubAck, PubRec, Disconnect;
    0x9a RetainNotSupported "retain not supported": ConnAck, Disconnect;
    0x9b QoSNotSupported "QoS not supported": ConnAck, Disconnect;
    0x9c UseAnotherServer "use another server": ConnAck, Disconnect;
    0x9d ServerMoved "server moved": ConnAck, Disconnect;
    0x9e SharedSubscriptionsNotSupported "shared subscriptions not supported": SubAck, Disconnect;
    0x9f ConnectionRateExceeded "connection rate exceeded": ConnAck, Disconnect;
    0xa0 MaximumConnectTime "maximum connect time": Disconnect;
    0xa1 SubscriptionIdentifiersNotSupported "subscription identifiers not supported": SubAck, Disconnect;
    0xa2 WildcardSubscriptionsNotSupported "wildcard subscriptions not supported": SubAck, Disconnect;
}

impl ReasonCode {
    /// The code as it stands in a packet of MQTT 5.0.
    pub const fn as_u8(self) -> u8 {
        self as u8
    }

    /// Whether the operation failed: 0x80 and above.
    pub const fn is_failure(self) -> bool {
        self as u8 >= 0x80
    }

    /// Reads a code that `packet` may carry.
    pub(crate) fn decode(code: u8, packet: PacketType) -> Result<Self, DecodeError> {
        Self::from_u8(code)
            .filter(|reason| reason.packets().overlaps(PacketSet::of(packet)))
            .ok_or(DecodeError::ReasonCode { packet, code })
    }

    /// Reads a CONNACK return code of MQTT 3.x (section 3.2.2.3 of 3.1.1).
    pub(crate) const fn from_v3_connect(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Success,
            1 => Self::UnsupportedProtocolVersion,
            2 => Self::ClientIdentifierNotValid,
            3 => Self::ServerUnavailable,
            4 => Self::BadUserNameOrPassword,
            5 => Self::NotAuthorized,
            _ => return None,
        })
    }

    /// The CONNACK return code of MQTT 3.x that comes nearest.
    pub const fn to_v3_connect(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::UnsupportedProtocolVersion => 1,
            Self::ClientIdentifierNotValid => 2,
            Self::BadUserNameOrPassword => 4,
            Self::NotAuthorized | Self::Banned | Self::BadAuthenticationMethod => 5,
            _ => 3,
        }
    }
}
