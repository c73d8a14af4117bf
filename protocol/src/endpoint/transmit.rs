use bytes::BytesMut;
use codec::{PacketId, Properties, Property, ProtocolVersion, PublishParts, QoS};

use crate::topic_alias::OutboundAliases;
use crate::{Delivery, Limits, Mount, PublishError, Time};

/// How the other end sees messages, and which it takes.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) version: ProtocolVersion,
    pub(super) peer: &'a Limits,
    pub(super) mount: Option<&'a Mount>,
}

/// What a PUBLISH is written with.
pub(super) struct Transmit<'a> {
    pub(super) view: View<'a>,
    pub(super) aliases: &'a mut OutboundAliases,
    pub(super) output: &'a mut BytesMut,
    pub(super) now: Time,
}

impl Transmit<'_> {
    /// Encodes a PUBLISH that [fits](View::fits).
    pub(super) fn publish(self, delivery: &Delivery, packet_id: Option<PacketId>, dup: bool) {
        let message = &*delivery.message;
        let view = self.view;
        let Some(topic) = view.topic(delivery) else {
            return;
        };
        let mut publish = PublishParts {
            dup,
            qos: delivery.qos,
            retain: delivery.retain,
            topic,
            packet_id,
            properties: &message.properties,
            payload: &message.payload,
        };
        let properties;
        if view.version.is_v5() && (self.aliases.is_enabled() || view.has_extras(delivery)) {
            let mut extended = view.with_extras(delivery, self.now);
            if self.aliases.is_enabled() && !self.is_tight(&publish, &extended) {
                let sent = self.aliases.apply(&message.topic, &mut extended);
                if sent.is_empty() {
                    publish.topic = sent;
                }
            }
            properties = extended;
            publish.properties = &properties;
        }
        publish
            .encode(view.version, self.output)
            .expect("its length was computed, so it can be encoded");
    }

    /// Whether a topic alias property could make the packet too long.
    fn is_tight(&self, publish: &PublishParts<'_>, properties: &Properties) -> bool {
        const ALIAS: usize = 3;
        const LONGER_LENGTHS: usize = 2;
        let publish = PublishParts {
            properties,
            ..*publish
        };
        publish
            .encoded_len(self.view.version)
            .is_ok_and(|len| len + ALIAS + LONGER_LENGTHS > self.view.peer.maximum_packet_size)
    }
}

impl View<'_> {
    /// Whether the receiver sees the topic, the PUBLISH can be encoded and the
    /// receiver takes its size.
    pub(super) fn fits(&self, delivery: &Delivery, now: Time) -> Result<(), PublishError> {
        let message = &*delivery.message;
        let properties;
        let mut publish = PublishParts {
            dup: false,
            qos: delivery.qos,
            retain: false,
            topic: self.topic(delivery).ok_or(PublishError::Hidden)?,
            packet_id: (delivery.qos != QoS::AtMostOnce).then_some(PacketId::MIN),
            properties: &message.properties,
            payload: &message.payload,
        };
        if self.version.is_v5() && self.has_extras(delivery) {
            properties = self.with_extras(delivery, now);
            publish.properties = &properties;
        }
        match publish.encoded_len(self.version) {
            Ok(len) if len <= self.peer.maximum_packet_size => Ok(()),
            _ => Err(PublishError::TooLarge),
        }
    }

    /// The topic as the receiver sees it.
    fn topic<'m>(&self, delivery: &'m Delivery) -> Option<&'m str> {
        let topic = &*delivery.message.topic;
        match self.mount {
            None => Some(topic),
            Some(mount) => mount.inner(topic),
        }
    }

    fn has_extras(&self, delivery: &Delivery) -> bool {
        let properties = &delivery.message.properties;
        has_extras(delivery) || self.mount.is_some() && properties.response_topic().is_some()
    }

    fn with_extras(&self, delivery: &Delivery, now: Time) -> Properties {
        let mut properties = with_extras(delivery, now);
        if let Some(mount) = self.mount {
            mount.leave_properties(&mut properties);
        }
        properties
    }
}

impl Delivery {
    /// Appends the delivery to `output` as a PUBLISH at QoS 0, whatever its
    /// own QoS, for a receiver whose connection is not at hand.
    ///
    /// # Errors
    /// [`PublishError::TooLarge`] or [`PublishError::Expired`]; `output` is as
    /// it was.
    pub fn encode_qos0(
        &self,
        version: ProtocolVersion,
        maximum_packet_size: usize,
        now: Time,
        output: &mut BytesMut,
    ) -> Result<(), PublishError> {
        let message = &*self.message;
        if message.is_expired(now) {
            return Err(PublishError::Expired);
        }
        let properties;
        let mut publish = PublishParts {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: self.retain,
            topic: &message.topic,
            packet_id: None,
            properties: &message.properties,
            payload: &message.payload,
        };
        if version.is_v5() && has_extras(self) {
            properties = with_extras(self, now);
            publish.properties = &properties;
        }
        let len = publish.encoded_len(version);
        if len.map_or(true, |len| len > maximum_packet_size) {
            return Err(PublishError::TooLarge);
        }
        publish
            .encode(version, output)
            .map_err(|_| PublishError::TooLarge)
    }
}

fn has_extras(delivery: &Delivery) -> bool {
    delivery.subscription_identifiers.is_some() || delivery.message.expires_at.is_some()
}

/// The message's properties and those of this delivery. The expiry interval
/// is what is left of it \[MQTT-3.3.2-6\], and at least a second: a message
/// whose delivery has begun is not given up.
fn with_extras(delivery: &Delivery, now: Time) -> Properties {
    let message = &*delivery.message;
    let mut properties = message.properties.clone();
    if let Some(at) = message.expires_at {
        let left = (at - now).as_millis().div_ceil(1000).max(1);
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        properties.push(Property::MessageExpiryInterval(left));
    }
    for id in delivery
        .subscription_identifiers
        .iter()
        .flat_map(|ids| &**ids)
    {
        properties.push(Property::SubscriptionIdentifier(*id));
    }
    properties
}
