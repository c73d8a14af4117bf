//! What the other broker says.

use std::sync::Arc;

use codec::{
    ConnAck, PacketId, Properties, Publish, QoS, ReasonCode, RetainHandling, Subscription,
    SubscriptionOptions,
};
use protocol::client::{Delivered, Event, Taken};
use protocol::{Delivery, Message, PublishError};

use super::link::{End, Link};
use super::topics;
use crate::config::Notifications;
use crate::connection::Step;
use crate::desk;
use crate::log::{debug, notice, warning};
use crate::names;
use crate::router::Publication;
use crate::store::{Change, Sent};

impl Link<'_> {
    pub(super) fn event(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::ConnAck {
                connack,
                lost,
                completed,
            } => self.connack(&connack, lost, completed),
            Event::Publish(publish) => self.publish(publish),
            Event::Delivered(delivered) => {
                self.refused(&delivered);
                self.delivered(delivered.token);
                Ok(())
            }
            Event::Taken(taken) => {
                self.taken(taken);
                Ok(())
            }
            Event::Released(packet_id) => {
                self.released(packet_id);
                Ok(())
            }
            Event::SubAck { token, suback } => {
                self.suback(token, suback.reasons.first());
                Ok(())
            }
            Event::UnsubAck { .. } => Ok(()),
            Event::Disconnect(disconnect) => Err(End::Disconnected(disconnect.reason)),
            // It was not asked for, so the protocol lets none through.
            Event::Auth(_) => Ok(()),
        }
    }

    fn connack(
        &mut self,
        connack: &ConnAck,
        lost: Vec<Delivery>,
        completed: Vec<u64>,
    ) -> Result<(), End> {
        if connack.reason.is_failure() {
            return Err(self.terms.refused(connack.reason));
        }
        for delivery in lost.into_iter().rev() {
            self.local.backlog.push_front(delivery);
        }
        for token in completed {
            self.delivered(token);
        }
        self.since = Some(self.now);
        self.active_at = self.now;
        self.local.be_here(self.client.version());
        self.local.notify(true);
        if self.local.config.notifications == Notifications::Both {
            let notification = self.terms.notification(self.local);
            self.local.backlog.push_front(notification);
        }
        self.subscribe()?;
        // 3.1 does not say what was kept, and is taken at what it was asked for.
        let is_v3_1 = self.client.version() == codec::ProtocolVersion::V3_1;
        let is_kept = connack.session_present || is_v3_1 && !self.local.config.clean_session;
        self.local.collect_retained(is_kept, self.now);
        let name = &self.local.config.name;
        debug!("Bridge {name} is connected (session present: {is_kept}).");
        Ok(())
    }

    /// Asks for what comes in, and for nothing else.
    fn subscribe(&mut self) -> Result<(), End> {
        let refused = |error: PublishError| End::Refused(error.to_string());
        let config = self.local.config.clone();
        for (token, topic) in (0..).zip(&config.topics) {
            let none = Properties::new();
            let filter = topic.remote.clone();
            if topic.direction.is_in() {
                let is_v5 = self.client.version().is_v5();
                let options = SubscriptionOptions {
                    qos: topic.qos.min(self.terms.max_qos),
                    no_local: is_v5,
                    retain_as_published: is_v5,
                    retain_handling: RetainHandling::Send,
                };
                let subscription = Subscription { filter, options };
                let asked = vec![subscription];
                self.client.subscribe(asked, none, token, self.now)
            } else if config.attempts_unsubscribe {
                self.client.unsubscribe(vec![filter], none, token, self.now)
            } else {
                Ok(())
            }
            .map_err(refused)?;
        }
        Ok(())
    }

    fn suback(&self, token: u64, reason: Option<&ReasonCode>) {
        let config = &self.local.config;
        let topic = usize::try_from(token)
            .ok()
            .and_then(|n| config.topics.get(n));
        if let (Some(topic), Some(reason)) = (topic, reason)
            && reason.is_failure()
        {
            let (name, reason) = (&config.name, reason.text());
            warning!(
                "Warning: Bridge {name}: the remote broker refuses the topic {}: {reason}.",
                topic.remote
            );
        }
    }

    fn publish(&mut self, publish: Publish) -> Result<(), End> {
        let (qos, packet_id) = (publish.qos, publish.packet_id);
        self.tally.publishes_received += 1;
        self.tally.payload_received += publish.payload.len() as u64;
        self.active_at = self.now;
        let (reason, is_stored) = self.route(publish)?;
        let Some(packet_id) = packet_id else {
            return Ok(());
        };
        if is_stored {
            if qos == QoS::ExactlyOnce {
                self.received(packet_id);
            }
            self.store([], Some(Step::Acknowledge(qos, packet_id, reason)));
        } else {
            self.client.acknowledge(qos, packet_id, reason, self.now);
        }
        Ok(())
    }

    /// Passes a message on to subscribers here. Gives what the other broker is
    /// told, and whether that waits for the store.
    fn route(&mut self, mut publish: Publish) -> Result<(ReasonCode, bool), End> {
        let broker = self.local.broker.clone();
        let (qos, settings) = (publish.qos, &self.settings.config);
        let topic = topics::incoming(&self.local.config.topics, &publish.topic);
        let topic = topic.filter(|topic| names::check_topic(topic).is_ok() && !desk::owns(topic));
        let Some(topic) = topic else {
            debug!(
                "Dropped PUBLISH from {} ('{}'): it was not asked for",
                self.local.id, publish.topic
            );
            return Ok((ReasonCode::Success, false));
        };
        let limit = settings.message_size_limit;
        if limit > 0 && publish.payload.len() > limit {
            self.tally.publishes_dropped += 1;
            return Ok((ReasonCode::ImplementationSpecificError, false));
        }
        let more = topic.len() + publish.payload.len() + publish.properties.size();
        if !broker.router.memory().has_room(more) {
            self.tally.publishes_dropped += 1;
            return match qos {
                QoS::AtMostOnce => Ok((ReasonCode::Success, false)),
                // It comes again when there is room.
                _ => Err(End::Full),
            };
        }
        let retain = publish.retain && settings.retain_available;
        publish.topic = topic;
        let message = Arc::new(Message::from_publish(publish, self.now));
        let publication = Publication {
            message: &message,
            qos,
            retain,
        };
        let source = self.local.source(&message.topic).filter(|_| retain);
        broker.route(&mut self.routes, publication, source, self.now);
        let is_stored = broker.router.journal().is_some()
            && qos > QoS::AtMostOnce
            && (self.routes.take_has_stored()
                || retain && broker.router.stores_retained(&message.topic));
        Ok((ReasonCode::Success, is_stored))
    }

    fn refused(&self, delivered: &Delivered) {
        let reason = delivered.ack.reason;
        if reason.is_failure() {
            self.local.broker.router.count_dropped(1);
            let (name, reason) = (&self.local.config.name, reason.text());
            notice!("Bridge {name}: the remote broker refuses a message: {reason}.");
        }
    }

    /// The other broker has a delivery at QoS 1 or 2, or will never have it.
    pub(super) fn delivered(&mut self, number: u64) {
        // Those that were never queued bear none.
        if let Some(stored) = &self.local.state.stored
            && number > 0
        {
            self.local.state.outbox.forget(number);
            let done = Change::Done(stored.id, number);
            self.store([done], None);
        }
    }

    /// The other broker has taken a delivery at QoS 2 (PUBREC).
    fn taken(&mut self, taken: Taken) {
        let Taken { token, packet_id } = taken;
        let stored = self.local.state.stored.as_ref();
        let released = stored
            .filter(|_| token > 0)
            .map(|stored| Change::Sent(stored.id, token, Sent::Released(packet_id)));
        self.store(released, Some(Step::Release(packet_id)));
    }

    /// The other broker releases a publish at QoS 2 (PUBREL).
    fn released(&mut self, packet_id: PacketId) {
        let completed = self.local.state.stored.as_mut().and_then(|stored| {
            let is_known = stored.received.remove(&packet_id);
            is_known.then_some(Change::Completed(stored.id, packet_id))
        });
        self.store(completed, Some(Step::Complete(packet_id)));
    }

    /// A publish at QoS 2 is to be stored: so is its identifier, with it.
    fn received(&mut self, packet_id: PacketId) {
        if let Some(stored) = &mut self.local.state.stored {
            stored.received.insert(packet_id);
            let received = Change::Received(stored.id, packet_id);
            self.routes.store_with_it(received);
        }
    }
}
