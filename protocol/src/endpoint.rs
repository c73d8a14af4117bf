use std::collections::VecDeque;
use std::collections::hash_map::Entry;

use bytes::BytesMut;
use codec::{
    Ack, Disconnect, Packet, PacketId, PacketType, Properties, Property, ProtocolVersion, Publish,
    PublishParts, QoS, ReasonCode,
};

use crate::session::{Inbound, Outbound};
use crate::topic_alias::{InboundAliases, OutboundAliases};
use crate::{Delivery, Limits, Session, Time, Violation};

/// Why a message was not sent. It is not kept either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// There is no accepted connection.
    #[error("not connected")]
    NotConnected,
    /// As many QoS 1 and 2 publishes are in flight as the other end allows.
    #[error("too many publishes await acknowledgement")]
    WindowFull,
    /// It expired before it could be sent.
    #[error("the message has expired")]
    Expired,
    /// The other end does not accept packets of this size, or MQTT has none.
    #[error("the message is larger than the receiver accepts")]
    TooLarge,
    /// The server does not take messages at this QoS.
    #[error("the server does not support this QoS")]
    QoSNotSupported,
    /// The server does not keep retained messages.
    #[error("the server does not support retained messages")]
    RetainNotSupported,
}

/// The QoS handshakes (section 4.3) and flow control (section 4.9) of one
/// connection: the half that client and server share.
///
/// ```text
/// sender    QoS 1: Published --PUBACK--> done
///           QoS 2: Published --PUBREC--> Released --PUBCOMP--> done
/// receiver  QoS 1: (driver) --acknowledge--> done
///           QoS 2: Received --acknowledge--> Acknowledged --PUBREL--> done
/// ```
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) version: ProtocolVersion,
    pub(crate) session: Session,
    /// What this end accepts.
    pub(crate) local: Limits,
    /// What the other end accepts.
    peer: Limits,
    /// QoS 1 and 2 publishes that may be sent now.
    quota: u16,
    /// What to send again before anything new, oldest first.
    resend: VecDeque<PacketId>,
    /// QoS 1 publishes received and not yet acknowledged by the driver.
    unacknowledged: u16,
    inbound_aliases: InboundAliases,
    outbound_aliases: OutboundAliases,
    /// Encoded packets that the driver has not written yet.
    pub(crate) output: BytesMut,
}

impl Endpoint {
    pub(crate) fn new(version: ProtocolVersion, local: Limits) -> Self {
        Self {
            version,
            session: Session::new(),
            local,
            peer: Limits::NONE,
            quota: 0,
            resend: VecDeque::new(),
            unacknowledged: 0,
            inbound_aliases: InboundAliases::default(),
            outbound_aliases: OutboundAliases::new(0),
            output: BytesMut::new(),
        }
    }

    /// Encodes a packet of this crate's own making.
    pub(crate) fn send(&mut self, packet: &Packet) {
        packet
            .encode(self.version, &mut self.output)
            .expect("its fields were decoded, checked before, or are short");
    }

    /// Goes on with `session` on a connection that both ends have accepted;
    /// gives the tokens of deliveries that no longer fit the other end's
    /// maximum packet size and are given up \[MQTT-3.1.2-25\].
    pub(crate) fn resume(&mut self, session: Session, peer: Limits, now: Time) -> Vec<u64> {
        self.session = session;
        self.peer = peer;
        self.quota = peer.receive_maximum;
        self.outbound_aliases = OutboundAliases::new(peer.topic_alias_maximum);
        let sent: Vec<_> = self.session.outbound.iter().map(|(id, _)| id).collect();
        let mut given_up = Vec::new();
        for id in sent {
            match self.session.outbound.get_mut(id) {
                Some(Outbound::Published(delivery))
                    if !fits(delivery, self.version, &peer, now) =>
                {
                    given_up.push(delivery.token);
                    self.session.outbound.remove(id);
                }
                _ => self.resend.push_back(id),
            }
        }
        self.pump(now);
        given_up
    }

    pub(crate) const fn peer_maximum_packet_size(&self) -> usize {
        self.peer.maximum_packet_size
    }

    /// QoS 1 and 2 publishes that may be sent now.
    pub(crate) fn window(&self) -> usize {
        if self.resend.is_empty() {
            self.quota.into()
        } else {
            0
        }
    }

    pub(crate) fn publish(
        &mut self,
        delivery: Delivery,
        now: Time,
    ) -> Result<Option<PacketId>, PublishError> {
        if delivery.message.is_expired(now) {
            return Err(PublishError::Expired);
        }
        if !fits(&delivery, self.version, &self.peer, now) {
            return Err(PublishError::TooLarge);
        }
        if delivery.qos == QoS::AtMostOnce {
            self.transmit(&delivery, None, false, now);
            return Ok(None);
        }
        if self.window() == 0 {
            return Err(PublishError::WindowFull);
        }
        let outbound = Outbound::Published(delivery);
        let id = self.session.outbound.insert(outbound);
        let id = id.ok_or(PublishError::WindowFull)?;
        self.quota -= 1;
        self.transmit_inflight(id, false, now);
        Ok(Some(id))
    }

    /// Sends again what the last connection left open, in order
    /// \[MQTT-4.4.0-1\], \[MQTT-4.6.0-1\].
    fn pump(&mut self, now: Time) {
        while let Some(&id) = self.resend.front() {
            match self.session.outbound.get_mut(id) {
                Some(Outbound::Published(_)) => {
                    if self.quota == 0 {
                        return;
                    }
                    self.quota -= 1;
                    self.transmit_inflight(id, true, now);
                }
                Some(Outbound::Released { .. }) => {
                    self.send(&Packet::PubRel(Ack::new(id, ReasonCode::Success)));
                }
                _ => {}
            }
            self.resend.pop_front();
        }
    }

    fn transmit_inflight(&mut self, id: PacketId, dup: bool, now: Time) {
        if let Some(Outbound::Published(delivery)) = self.session.outbound.get_mut(id) {
            let delivery = delivery.clone();
            self.transmit(&delivery, Some(id), dup, now);
        }
    }

    /// Encodes a PUBLISH that [`fits`].
    fn transmit(&mut self, delivery: &Delivery, packet_id: Option<PacketId>, dup: bool, now: Time) {
        let message = &*delivery.message;
        let mut publish = PublishParts {
            dup,
            qos: delivery.qos,
            retain: delivery.retain,
            topic: &message.topic,
            packet_id,
            properties: &message.properties,
            payload: &message.payload,
        };
        let properties;
        if self.version.is_v5() && (self.outbound_aliases.is_enabled() || has_extras(delivery)) {
            let mut extended = with_extras(delivery, now);
            if self.outbound_aliases.is_enabled() && !self.is_tight(&publish, &extended) {
                publish.topic = self.outbound_aliases.apply(&message.topic, &mut extended);
            }
            properties = extended;
            publish.properties = &properties;
        }
        publish
            .encode(self.version, &mut self.output)
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
            .encoded_len(self.version)
            .is_ok_and(|len| len + ALIAS + LONGER_LENGTHS > self.peer.maximum_packet_size)
    }

    /// Resolves the alias, and filters out a QoS 2 publish seen before.
    pub(crate) fn on_publish(
        &mut self,
        mut publish: Publish,
    ) -> Result<Option<Publish>, Violation> {
        if self.version.is_v5() {
            self.inbound_aliases
                .resolve(&mut publish, self.local.topic_alias_maximum)?;
        }
        let Some(id) = publish.packet_id else {
            return Ok(Some(publish));
        };
        if publish.qos == QoS::ExactlyOnce {
            match self.session.inbound.entry(id) {
                Entry::Occupied(entry) => {
                    if *entry.get() == Inbound::Acknowledged {
                        self.send(&Packet::PubRec(Ack::new(id, ReasonCode::Success)));
                    }
                    return Ok(None);
                }
                Entry::Vacant(entry) => entry.insert(Inbound::Received),
            };
        } else {
            self.unacknowledged = self.unacknowledged.saturating_add(1);
        }
        let open = usize::from(self.unacknowledged) + self.session.inbound.len();
        let maximum = self.local.receive_maximum;
        if self.version.is_v5() && open > usize::from(maximum) {
            return Err(Violation::ReceiveMaximum(maximum));
        }
        Ok(Some(publish))
    }

    /// Sends the PUBACK or PUBREC of a received publish.
    pub(crate) fn acknowledge(&mut self, qos: QoS, id: PacketId, reason: ReasonCode) {
        match qos {
            QoS::AtMostOnce => {}
            QoS::AtLeastOnce => {
                self.unacknowledged = self.unacknowledged.saturating_sub(1);
                self.send(&Packet::PubAck(Ack::new(id, reason)));
            }
            QoS::ExactlyOnce => {
                if reason.is_failure() {
                    self.session.inbound.remove(&id);
                } else {
                    self.session.inbound.insert(id, Inbound::Acknowledged);
                }
                self.send(&Packet::PubRec(Ack::new(id, reason)));
            }
        }
    }

    /// PUBACK. An identifier that is not in use is left over from a session
    /// that one end has lost: there is nothing to do.
    pub(crate) fn on_puback(
        &mut self,
        ack: Ack,
        now: Time,
    ) -> Result<Option<Delivered>, Violation> {
        match self.session.outbound.get_mut(ack.packet_id) {
            None => Ok(None),
            Some(Outbound::Published(d)) if d.qos == QoS::AtLeastOnce => {
                let token = d.token;
                Ok(Some(self.delivered(token, ack, now)))
            }
            Some(_) => Err(Violation::WrongAck(PacketType::PubAck)),
        }
    }

    /// PUBREC. The message itself is no longer needed \[MQTT-4.3.3-4\].
    pub(crate) fn on_pubrec(
        &mut self,
        ack: Ack,
        now: Time,
    ) -> Result<Option<Delivered>, Violation> {
        let id = ack.packet_id;
        let reason = match self.session.outbound.get_mut(id) {
            None => ReasonCode::PacketIdentifierNotFound,
            Some(Outbound::Published(d)) if d.qos == QoS::ExactlyOnce => {
                let token = d.token;
                if ack.reason.is_failure() {
                    return Ok(Some(self.delivered(token, ack, now)));
                }
                *self.session.outbound.get_mut(id).expect("found above") =
                    Outbound::Released { token };
                ReasonCode::Success
            }
            Some(Outbound::Released { .. }) => ReasonCode::Success,
            Some(_) => return Err(Violation::WrongAck(PacketType::PubRec)),
        };
        self.send(&Packet::PubRel(Ack::new(id, reason)));
        Ok(None)
    }

    /// PUBREL.
    pub(crate) fn on_pubrel(&mut self, ack: &Ack) {
        let reason = match self.session.inbound.remove(&ack.packet_id) {
            Some(_) => ReasonCode::Success,
            None => ReasonCode::PacketIdentifierNotFound,
        };
        self.send(&Packet::PubComp(Ack::new(ack.packet_id, reason)));
    }

    /// PUBCOMP.
    pub(crate) fn on_pubcomp(
        &mut self,
        ack: Ack,
        now: Time,
    ) -> Result<Option<Delivered>, Violation> {
        match self.session.outbound.get_mut(ack.packet_id) {
            None => Ok(None),
            Some(Outbound::Released { token }) => {
                let token = *token;
                Ok(Some(self.delivered(token, ack, now)))
            }
            Some(_) => Err(Violation::WrongAck(PacketType::PubComp)),
        }
    }

    fn delivered(&mut self, token: u64, ack: Ack, now: Time) -> Delivered {
        self.session.outbound.remove(ack.packet_id);
        // A PUBREL sent again took no quota, so its PUBCOMP may not give one
        // (section 4.9).
        self.quota = self.quota.saturating_add(1).min(self.peer.receive_maximum);
        self.pump(now);
        Delivered { token, ack }
    }

    /// Says goodbye where the version has words for it.
    pub(crate) fn send_disconnect(&mut self, disconnect: Disconnect) {
        self.send(&Packet::Disconnect(disconnect));
    }
}

/// The end of a handshake for a publish that this end sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// What [`Delivery::token`] was.
    pub token: u64,
    /// PUBACK, PUBCOMP, or a PUBREC that refuses; its reason tells.
    pub ack: Ack,
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

/// Whether the PUBLISH can be encoded and the receiver takes its size.
fn fits(delivery: &Delivery, version: ProtocolVersion, peer: &Limits, now: Time) -> bool {
    let message = &*delivery.message;
    let properties;
    let mut publish = PublishParts {
        dup: false,
        qos: delivery.qos,
        retain: false,
        topic: &message.topic,
        packet_id: (delivery.qos != QoS::AtMostOnce).then_some(PacketId::MIN),
        properties: &message.properties,
        payload: &message.payload,
    };
    if version.is_v5() && has_extras(delivery) {
        properties = with_extras(delivery, now);
        publish.properties = &properties;
    }
    publish
        .encoded_len(version)
        .is_ok_and(|len| len <= peer.maximum_packet_size)
}
