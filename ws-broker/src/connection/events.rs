//! What a connected client asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use codec::{
    Properties, Publish, QoS, ReasonCode, RetainHandling, SubAck, Subscribe, UnsubAck, Unsubscribe,
};
use protocol::server::Event;
use protocol::{Delivery, Message, Time};
use tokio::io::{AsyncRead, AsyncWrite};

use super::stored::Step;
use super::{Connection, End, MAX_BACKLOG, Phase};
use crate::access::Access;
use crate::desk;
use crate::log;
use crate::log::clients::Who;
use crate::names;
use crate::router::{Publication, Subscriber};
use crate::sessions::NEVER;
use crate::store::{Change, Subscribed};

impl<T: AsyncRead + AsyncWrite + Unpin> Connection<T> {
    pub(super) fn event(&mut self, event: Event, now: Time) -> Result<(), End> {
        match event {
            Event::Connect(connect) => self.connect(connect),
            Event::Publish(mut publish) => {
                self.check_topic(&publish.topic)?;
                if desk::owns(&publish.topic) {
                    self.ask(&publish);
                    return Ok(());
                }
                self.mount_publish(&mut publish)?;
                self.publish(publish, now)
            }
            Event::Delivered(delivered) => {
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
            Event::Subscribe(subscribe) => {
                for subscription in &subscribe.subscriptions {
                    self.check_topic(&subscription.filter)?;
                }
                self.subscribe(&subscribe, now);
                Ok(())
            }
            Event::Unsubscribe(unsubscribe) => {
                self.unsubscribe(&unsubscribe);
                Ok(())
            }
            Event::Disconnect(disconnect) => {
                if let Phase::Connected(client) = &mut self.phase
                    && let Some(expiry) = disconnect.properties.session_expiry_interval()
                {
                    let limit = self.settings.config.persistent_client_expiration;
                    client.expiry = expiry.min(limit.unwrap_or(NEVER));
                }
                Err(End::Disconnect {
                    with_will: disconnect.reason != ReasonCode::Success,
                })
            }
            Event::Auth(auth) => self.on_auth(&auth),
        }
    }

    fn check_topic(&mut self, topic: &str) -> Result<(), End> {
        names::check_topic(topic)
            .map_err(|violation| End::Violation(self.server.handle_violation(violation)))
    }

    pub(super) fn publish(&mut self, publish: Publish, now: Time) -> Result<(), End> {
        let (qos, retain, packet_id) = (publish.qos, publish.retain, publish.packet_id);
        let mut is_stored = false;
        let reason = match self.may_publish(&publish) {
            // Before 5.0 there is no other way not to acknowledge it.
            Err(ReasonCode::QuotaExceeded)
                if qos > QoS::AtMostOnce && !self.server.version().is_v5() =>
            {
                return Err(if self.is_store_failing() {
                    End::NotStored
                } else {
                    End::Full
                });
            }
            Ok(()) => {
                let message = Arc::new(Message::from_publish(publish, now));
                let publication = Publication {
                    message: &message,
                    qos,
                    retain,
                };
                let source = match &self.phase {
                    Phase::Connected(client) if retain => {
                        self.settings.source(client.state.outbox.identity())
                    }
                    _ => None,
                };
                let routes = &mut self.routes;
                let subscribers = self.broker.route(routes, publication, source, now);
                let router = &self.broker.router;
                if router.journal().is_some() && qos > QoS::AtMostOnce {
                    is_stored = self.routes.take_has_stored()
                        || retain && router.stores_retained(&message.topic);
                }
                match subscribers {
                    0 if qos == QoS::AtLeastOnce => ReasonCode::NoMatchingSubscribers,
                    _ => ReasonCode::Success,
                }
            }
            Err(reason) => {
                self.log_denied(&publish.topic, reason, |client| {
                    let publish = log::packets::describe(&publish);
                    format!("PUBLISH from {client} {publish}")
                });
                reason
            }
        };
        if let Some(packet_id) = packet_id {
            if is_stored {
                if qos == QoS::ExactlyOnce {
                    self.received(packet_id);
                }
                self.store([], Some(Step::Acknowledge(qos, packet_id, reason)));
            } else {
                self.server.acknowledge(qos, packet_id, reason);
            }
        }
        Ok(())
    }

    fn may_publish(&mut self, publish: &Publish) -> Result<(), ReasonCode> {
        if !self.routes.may_publish(&self.broker.router, &publish.topic) {
            return Err(ReasonCode::NotAuthorized);
        }
        if !self.is_size_allowed(publish.payload.len()) {
            return Err(ReasonCode::ImplementationSpecificError);
        }
        let more = publish.topic.len() + publish.payload.len() + publish.properties.size();
        if !self.broker.router.memory().has_room(more) {
            self.tally.publishes_dropped += 1;
            return Err(ReasonCode::QuotaExceeded);
        }
        if publish.qos > QoS::AtMostOnce && self.is_store_failing() {
            let (router, topic) = (&self.broker.router, &publish.topic);
            if publish.retain && router.stores_retained(topic)
                || self.routes.would_be_stored(router, topic)
            {
                self.tally.publishes_dropped += 1;
                return Err(ReasonCode::QuotaExceeded);
            }
        }
        Ok(())
    }

    fn subscribe(&mut self, subscribe: &Subscribe, now: Time) {
        let is_failing = self.is_store_failing();
        let filters = self.mount_filters(subscribe);
        let Phase::Connected(client) = &mut self.phase else {
            return;
        };
        let router = &self.broker.router;
        let stored = client.state.stored.as_ref().map(|stored| stored.id);
        let mut changes = Vec::new();
        let identifier = subscribe.properties.subscription_identifier();
        let mut reasons = Vec::with_capacity(subscribe.subscriptions.len());
        let mut in_vain = Vec::new();
        for (subscription, filter) in subscribe.subscriptions.iter().zip(filters) {
            let mut options = subscription.options;
            let Some(filter) = filter else {
                reasons.push(ReasonCode::TopicFilterInvalid);
                continue;
            };
            // More may be asked for [MQTT-3.2.2-10].
            options.qos = options.qos.min(self.listener.max_qos);
            if client.is_bridge && filter.share_name().is_none() {
                // What 5.0 lets a client ask for: nothing comes back to where it
                // came from, and it is retained there as it is here.
                options.no_local = true;
                options.retain_as_published = true;
            }
            let who = client.state.outbox.identity();
            // What no rule allows is granted all the same, as in Mosquitto: each
            // message is judged, and what may be read can change while a
            // subscription stands. What a rule denies is refused.
            if !self.settings.may_get_something(who, &filter) {
                in_vain.push(subscription.filter.as_str());
                if self.settings.denies_all(who, &filter) {
                    reasons.push(ReasonCode::NotAuthorized);
                    continue;
                }
            }
            if is_failing && stored.is_some() {
                reasons.push(ReasonCode::QuotaExceeded);
                continue;
            }
            router.subscribe(
                &filter,
                Subscriber {
                    outbox: client.state.outbox.clone(),
                    options,
                    identifier,
                },
            );
            if let Some(id) = stored {
                let subscribed = Subscribed {
                    options,
                    identifier,
                };
                changes.push(Change::Subscribed(id, filter.clone(), subscribed));
            }
            log::packets::subscribed(&client.id, &filter, options.qos.as_u8());
            let is_shared = filter.share_name().is_some();
            let retained_for = filter.clone();
            let is_new = client.state.subscriptions.insert(filter, options).is_none();
            // None for shared subscriptions (section 4.8.2).
            let sends_retained = match options.retain_handling {
                RetainHandling::Send => !is_shared,
                RetainHandling::SendIfNew => is_new && !is_shared,
                RetainHandling::DoNotSend => false,
            };
            if sends_retained {
                self.wants_retained
                    .insert(retained_for, (options.qos, identifier));
            }
            reasons.push(match options.qos {
                QoS::AtMostOnce => ReasonCode::Success,
                QoS::AtLeastOnce => ReasonCode::GrantedQoS1,
                QoS::ExactlyOnce => ReasonCode::GrantedQoS2,
            });
        }
        if let Some((first, others)) = in_vain.split_first() {
            let user = client.state.outbox.identity().username.as_deref();
            let who = Who {
                client: &client.id,
                address: &self.control.address,
                user,
            };
            log::clients::subscribes_in_vain(who, first, others.len());
        }
        let suback = SubAck {
            packet_id: subscribe.packet_id,
            reasons,
            properties: Properties::new(),
        };
        if stored.is_some() && !is_failing {
            self.store(changes, Some(Step::SubAck(suback)));
        } else {
            self.server.suback(suback);
        }
        self.collect_retained(now);
    }

    /// Collects the retained messages for the next of the new subscriptions
    /// that still want them, as long as few are waiting to be sent: a client
    /// may subscribe faster than it reads.
    pub(super) fn collect_retained(&mut self, now: Time) {
        let Phase::Connected(client) = &self.phase else {
            return;
        };
        if self.storing.as_ref().is_some_and(|s| s.has_suback()) {
            return;
        }
        let router = &self.broker.router;
        let who = client.state.outbox.identity();
        while self.backlog.len() < MAX_BACKLOG
            && let Some((filter, (qos, identifier))) = self.wants_retained.pop_first()
        {
            let identifiers = identifier.map(|id| Arc::from([id]));
            for retained in router.retained(&filter, now) {
                let topic = &retained.message.topic;
                if self.settings.allows(who, topic, Access::Read) && self.settings.trusts(&retained)
                {
                    let mut delivery = Delivery {
                        qos: router.outgoing_qos(retained.qos, qos),
                        message: retained.message,
                        retain: true,
                        subscription_identifiers: identifiers.clone(),
                        token: 0,
                    };
                    if client.state.stored.is_some() {
                        client.state.outbox.store(&mut delivery);
                    }
                    self.backlog.push_back(delivery);
                }
            }
        }
        if self.wants_retained.is_empty() {
            // An empty tree may still hold a node.
            self.wants_retained = BTreeMap::new();
        }
    }

    fn unsubscribe(&mut self, unsubscribe: &Unsubscribe) {
        let filters = unsubscribe.filters.iter();
        let filters: Vec<_> = filters.map(|filter| self.mount_filter(filter)).collect();
        let Phase::Connected(client) = &mut self.phase else {
            return;
        };
        let subscriptions = &mut client.state.subscriptions;
        let reasons = filters.iter().map(|filter| {
            let Some(filter) = filter else {
                return ReasonCode::NoSubscriptionExisted;
            };
            log::packets::unsubscribed(&client.id, filter);
            self.wants_retained.remove(filter);
            match subscriptions.remove(filter) {
                Some(_) => ReasonCode::Success,
                None => ReasonCode::NoSubscriptionExisted,
            }
        });
        let reasons = reasons.collect();
        let id = client.state.outbox.id();
        self.broker.router.unsubscribe(filters.iter().flatten(), id);
        let unsuback = UnsubAck {
            packet_id: unsubscribe.packet_id,
            reasons,
            properties: Properties::new(),
        };
        match client.state.stored.as_ref().map(|stored| stored.id) {
            Some(id) => {
                let filters = filters.into_iter().flatten();
                let changes = filters.map(|filter| Change::Unsubscribed(id, filter));
                self.store(changes, Some(Step::UnsubAck(unsuback)));
            }
            None => self.server.unsuback(unsuback),
        }
    }
}
