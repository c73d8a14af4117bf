//! On which terms a bridge connects: what the other broker has refused is not
//! asked for again.

use bytes::Bytes;
use codec::{
    ConnAck, Connect, Properties, Property, PropertyId, ProtocolVersion, QoS, ReasonCode, Will,
};
use protocol::Limits;

use super::link::End;
use super::local::{Local, state};
use crate::config::{Bridge, Config, Notifications};

/// What the other broker may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    version: ProtocolVersion,
    /// Whether it is told that this is a bridge.
    is_private: bool,
    /// The highest QoS that it takes.
    pub(super) max_qos: QoS,
    /// Whether it takes retained messages.
    pub(super) retains: bool,
}

impl Terms {
    /// What the configuration asks for.
    pub(super) const fn new(config: &Bridge) -> Self {
        Self {
            version: config.version,
            is_private: config.try_private,
            max_qos: QoS::ExactlyOnce,
            retains: config.outgoing_retain,
        }
    }

    /// What is told of the bridge's state at the other broker.
    fn notification_qos(self) -> QoS {
        self.max_qos.min(QoS::AtLeastOnce)
    }

    /// A CONNECT.
    pub(super) fn connect(self, local: &Local, config: &Config) -> Connect {
        let bridge = &local.config;
        let will = (bridge.notifications == Notifications::Both).then(|| Will {
            topic: local.state_topic(),
            payload: Bytes::from_static(state(false).as_bytes()),
            qos: self.notification_qos(),
            retain: self.retains,
            properties: Properties::new(),
        });
        // The order is Mosquitto's, whose tests look at the bytes.
        let mut properties = Properties::new();
        if self.version.is_v5() {
            if bridge.max_topic_alias > 0 {
                properties.push(Property::TopicAliasMaximum(bridge.max_topic_alias));
            }
            if bridge.session_expiry > 0 {
                properties.push(Property::SessionExpiryInterval(bridge.session_expiry));
            }
            let receive = bridge.receive_maximum;
            let receive = receive.unwrap_or(config.max_inflight_messages);
            properties.push(Property::ReceiveMaximum(receive));
        }
        Connect {
            version: self.version,
            bridge: self.is_private,
            clean_start: bridge.clean_session,
            keep_alive: bridge.keep_alive,
            client_id: bridge.remote_client_id(),
            will,
            username: bridge.remote_username.as_deref().map(Into::into),
            password: bridge.remote_password.clone().map(Into::into),
            properties,
        }
    }

    /// Narrows down what the other broker accepts to what this one is to send.
    pub(super) fn narrow(&mut self, connack: &mut ConnAck, bridge: &Bridge, config: &Config) {
        let properties = &mut connack.properties;
        let theirs = Limits::from_properties(properties);
        let size = match bridge.max_packet_size {
            0 => theirs.maximum_packet_size,
            limit => limit.min(theirs.maximum_packet_size),
        };
        let limits = Limits {
            receive_maximum: theirs.receive_maximum.min(config.max_inflight_messages),
            maximum_packet_size: size,
            topic_alias_maximum: theirs.topic_alias_maximum.min(bridge.max_topic_alias),
        };
        for id in [
            PropertyId::ReceiveMaximum,
            PropertyId::MaximumPacketSize,
            PropertyId::TopicAliasMaximum,
        ] {
            properties.remove(id);
        }
        limits.put_into(properties);
        let max_qos = properties.maximum_qos().and_then(QoS::from_u8);
        self.max_qos = self.max_qos.min(max_qos.unwrap_or(QoS::ExactlyOnce));
        self.retains &= properties.retain_available().unwrap_or(true);
    }

    /// What is to be done about a refusal.
    pub(super) fn refused(&mut self, reason: ReasonCode) -> End {
        let is_v5 = self.version.is_v5();
        match reason {
            ReasonCode::UnsupportedProtocolVersion if is_v5 => {
                self.version = ProtocolVersion::V3_1_1;
                End::TryAgain("does not support MQTT v5.0, reconnecting using MQTT v3.1.1.".into())
            }
            ReasonCode::UnsupportedProtocolVersion if self.is_private => {
                self.is_private = false;
                End::TryAgain(
                    "does not know bridges (Connection Refused: unacceptable protocol version), \
                     reconnecting as a client (as with try_private false)."
                        .into(),
                )
            }
            ReasonCode::RetainNotSupported => {
                self.retains = false;
                End::Refused("retain not available (will retry)".into())
            }
            ReasonCode::QoSNotSupported => {
                self.max_qos = match self.max_qos {
                    QoS::ExactlyOnce => QoS::AtLeastOnce,
                    _ => QoS::AtMostOnce,
                };
                End::Refused("QoS not supported (will retry)".into())
            }
            // The names that Mosquitto has in 3.x.
            ReasonCode::UnsupportedProtocolVersion if !is_v5 => {
                End::Refused("unacceptable protocol version".into())
            }
            ReasonCode::ClientIdentifierNotValid if !is_v5 => {
                End::Refused("identifier rejected".into())
            }
            ReasonCode::ServerUnavailable if !is_v5 => End::Refused("broker unavailable".into()),
            // The specification's spelling.
            ReasonCode::BadUserNameOrPassword if is_v5 => {
                End::Refused("Bad User Name or Password".into())
            }
            ReasonCode::NotAuthorized if !is_v5 => End::Refused("not authorised".into()),
            reason => End::Refused(reason.text().into()),
        }
    }

    /// The delivery that tells of the bridge's state at the other broker.
    pub(super) fn notification(self, local: &Local) -> protocol::Delivery {
        let message = protocol::Message::new(local.state_topic(), state(true));
        protocol::Delivery {
            retain: self.retains,
            ..protocol::Delivery::new(message.into(), self.notification_qos())
        }
    }
}
