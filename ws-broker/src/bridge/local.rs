//! A bridge's session here: what waits for the other broker.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use codec::{
    ByteString, ProtocolVersion, QoS, RetainHandling, SubscriptionOptions, TopicFilter, TopicName,
};
use foldhash::fast::RandomState;
use protocol::{Delivery, Message, Session, Time};
use tokio::sync::oneshot;

use super::topics;
use crate::access::Identity;
use crate::broker::Broker;
use crate::config::{Bridge, Notifications, Start};
use crate::log::debug;
use crate::outbox::Receiver;
use crate::router::{Publication, Routes, Subscriber};
use crate::sessions::{Control, Found, NEVER, SessionState};
use crate::store::{Change, Subscribed};

/// A session that a client had under the bridge's identifier, on its way here.
pub(super) type Taken = oneshot::Receiver<Option<Box<SessionState>>>;

/// What is here of a bridge, connected or not.
#[derive(Debug)]
pub(super) struct Local {
    pub(super) broker: Arc<Broker>,
    pub(super) config: Arc<Bridge>,
    pub(super) control: Arc<Control>,
    /// Client identifier.
    pub(super) id: ByteString,
    pub(super) state: Box<SessionState>,
    /// Goes out before what waits in the outbox. Topics are the other
    /// broker's.
    pub(super) backlog: VecDeque<Delivery>,
    /// Whether the other broker has not had what is retained.
    is_new: bool,
}

impl Local {
    /// Takes the bridge's place among the sessions. From here on messages wait,
    /// unless the session ends with the connection.
    pub(super) fn join(
        broker: Arc<Broker>,
        config: Arc<Bridge>,
        control: Arc<Control>,
    ) -> (Self, Option<Taken>) {
        let id = config.local_client_id();
        let (found, taken): (Option<Box<SessionState>>, _) =
            match broker.sessions.join_bridge(&id, &control) {
                Found::Nothing | Found::Bridge => (None, None),
                Found::Parked(parked) => (Some(parked.state), None),
                Found::Live(taken) => (None, Some(taken)),
            };
        let mut local = Self {
            state: fresh(&broker, &config),
            broker,
            config,
            control,
            id,
            backlog: VecDeque::new(),
            is_new: true,
        };
        match found {
            Some(state) if local.goes_on_with(&state) => {
                local.state = state;
                local.is_new = false;
                local.rename_unacknowledged();
            }
            Some(other) => local.broker.end_session(&other),
            None => {}
        }
        if !local.config.is_local_clean() {
            local.store();
            local.subscribe();
            local.be_away();
        }
        (local, taken)
    }

    /// Gives the bridge's place up, with all that waits.
    pub(super) fn leave(&self) {
        self.broker.end_session(&self.state);
        self.broker.sessions.leave_bridge(&self.id);
    }

    /// Goes by another configuration, with the same session.
    pub(super) fn change(&mut self, config: Arc<Bridge>) {
        self.config = config;
        // Packet identifiers begin anew, where that confuses nobody.
        let is_idle = |session: &mut Box<Session>| session.is_empty();
        self.state.session.take_if(is_idle);
        if !self.config.is_local_clean() {
            self.subscribe();
            self.be_away();
        }
    }

    fn goes_on_with(&self, found: &SessionState) -> bool {
        !self.config.is_local_clean()
            && found.stored.is_some()
            && found.outbox.identity() == self.state.outbox.identity()
    }

    /// What was on its way when the broker stopped was stored as it was
    /// published here.
    fn rename_unacknowledged(&mut self) {
        let unacknowledged = self.state.session.iter_mut();
        for delivery in unacknowledged.flat_map(|session| session.unacknowledged_mut()) {
            // What has no name there any more cannot be taken back.
            if let Some(renamed) = renamed(&self.config, &delivery.message) {
                delivery.message = renamed;
            }
            delivery.retain &= self.config.outgoing_retain;
        }
    }

    fn store(&mut self) {
        if let Some(journal) = self.broker.router.journal() {
            if self.state.stored.is_none() {
                self.state.store(journal, journal.new_session());
            }
            journal.submit(self.state.change(NEVER, None, None));
        }
    }

    /// Subscribes to what goes out, and to nothing else.
    fn subscribe(&mut self) {
        let mut wanted: HashMap<TopicFilter, QoS, RandomState> = HashMap::default();
        for topic in self.config.topics.iter().filter(|t| t.direction.is_out()) {
            let qos = wanted.entry(topic.local.clone()).or_default();
            *qos = topic.qos.max(*qos);
        }
        let router = &self.broker.router;
        let stored = self.state.stored.as_ref().map(|stored| stored.id);
        let mut changes = Vec::new();
        let subscriptions = &mut self.state.subscriptions;
        let gone = subscriptions.keys().filter(|f| !wanted.contains_key(*f));
        let gone: Vec<_> = gone.cloned().collect();
        router.unsubscribe(&gone, self.state.outbox.id());
        for filter in gone {
            subscriptions.remove(&filter);
            changes.extend(stored.map(|id| Change::Unsubscribed(id, filter)));
        }
        for (filter, qos) in wanted {
            let options = SubscriptionOptions {
                qos,
                no_local: true,
                retain_as_published: true,
                retain_handling: RetainHandling::Send,
            };
            if subscriptions.get(&filter) == Some(&options) {
                continue;
            }
            debug!("Bridge {} doing local SUBSCRIBE on topic {filter}", self.id);
            let outbox = self.state.outbox.clone();
            let identifier = None;
            router.subscribe(
                &filter,
                Subscriber {
                    outbox,
                    options,
                    identifier,
                },
            );
            subscriptions.insert(filter.clone(), options);
            let subscribed = Subscribed {
                options,
                identifier,
            };
            changes.extend(stored.map(|id| Change::Subscribed(id, filter, subscribed)));
        }
        if let Some(journal) = router.journal() {
            journal.submit(changes);
        }
    }

    /// The other broker is there, and has not answered CONNECT: messages at QoS 0
    /// wait too.
    pub(super) fn be_near(&self, version: ProtocolVersion) {
        if !self.config.is_local_clean() {
            self.state.outbox.set_online(receiver(version));
            // Nothing drains yet, so nobody is held.
            self.state.outbox.give_up_holding();
            self.broker.router.invalidate();
        }
    }

    /// The other broker has accepted: what is published goes there.
    pub(super) fn be_here(&mut self, version: ProtocolVersion) {
        if self.config.is_local_clean() {
            self.subscribe();
        }
        self.state.outbox.set_online(receiver(version));
        // Encoders remember who is here.
        self.broker.router.invalidate();
    }

    /// The other broker is away.
    pub(super) fn be_away(&mut self) {
        let config = &self.config;
        if config.is_local_clean() {
            self.broker.end_session(&self.state);
            self.state = fresh(&self.broker, config);
            self.backlog.clear();
            self.is_new = true;
        } else if config.start == Start::Lazy {
            // Messages at QoS 0 wait too: they have it connect.
            self.be_near(config.version);
        } else {
            self.state.outbox.set_offline();
        }
        self.broker.router.invalidate();
    }

    /// Adds what is retained to the backlog, unless the other broker has it, or
    /// will have it from what waits.
    pub(super) fn collect_retained(&mut self, is_kept_there: bool, now: Time) {
        let settings = self.broker.settings();
        let has_all_but_qos_0 = is_kept_there && !self.is_new;
        self.is_new = false;
        let waiting = self.backlog.iter().filter(|delivery| delivery.retain);
        let waiting = waiting.map(|delivery| delivery.message.topic.clone());
        let waiting: HashSet<_, RandomState> = waiting.collect();
        let mut done = self.state.outbox.retained_topics();
        let router = &self.broker.router;
        for topic in self.config.topics.iter().filter(|t| t.direction.is_out()) {
            let found = router.retained(&topic.local, now).into_iter();
            for retained in found.filter(|retained| settings.trusts(retained)) {
                let qos = router.outgoing_qos(retained.qos, topic.qos);
                let name = &retained.message.topic;
                let came_in = retained.source.as_deref() == Some(self.state.outbox.identity());
                if has_all_but_qos_0 && qos > QoS::AtMostOnce
                    || came_in
                    || !done.insert(name.clone())
                {
                    continue;
                }
                let Some(message) = renamed(&self.config, &retained.message) else {
                    continue;
                };
                if waiting.contains(&message.topic) {
                    continue;
                }
                let mut delivery = Delivery {
                    retain: true,
                    ..Delivery::new(retained.message, qos)
                };
                if self.state.stored.is_some() {
                    self.state.outbox.store(&mut delivery);
                }
                delivery.message = message;
                self.backlog.push_back(delivery);
            }
        }
    }

    /// What is noted of a message that comes in and is retained: it does not go
    /// back to where it came from.
    pub(super) fn source(&self, topic: &TopicName) -> Option<&Identity> {
        let mut topics = self.config.topics.iter();
        let goes_out = topics.any(|t| t.direction.is_out() && t.local.matches(topic));
        goes_out.then(|| self.state.outbox.identity())
    }

    /// Tells subscribers here whether the bridge is connected.
    pub(super) fn notify(&self, is_connected: bool) {
        if self.config.notifications == Notifications::None {
            return;
        }
        let message = Arc::new(Message::new(self.state_topic(), state(is_connected)));
        let publication = Publication {
            message: &message,
            qos: QoS::AtLeastOnce,
            retain: self.broker.settings().config.retain_available,
        };
        let mut routes = Routes::new(Some(self.state.outbox.clone()));
        let now = self.broker.clock.now();
        self.broker.route(&mut routes, publication, None, now);
        routes.flush(&self.broker.router);
    }

    /// Where it is told whether the bridge is connected.
    pub(super) fn state_topic(&self) -> TopicName {
        let topic = self.config.notification_topic.clone();
        topic.unwrap_or_else(|| self.config.state_topic().expect("it was looked at"))
    }
}

/// What is said of a bridge's state.
pub(super) const fn state(is_connected: bool) -> &'static str {
    if is_connected { "1" } else { "0" }
}

/// A message as it is published at the other broker; `None` if it cannot be.
pub(super) fn renamed(config: &Bridge, message: &Arc<Message>) -> Option<Arc<Message>> {
    let topic = topics::outgoing(&config.topics, &message.topic)?;
    if topic == message.topic {
        return Some(message.clone());
    }
    Some(Arc::new(Message {
        topic,
        ..(**message).clone()
    }))
}

/// Messages come as they are: their topics are still to be changed.
const fn receiver(version: ProtocolVersion) -> Receiver {
    Receiver {
        version,
        maximum_packet_size: u32::MAX,
        has_aliases: true,
    }
}

fn fresh(broker: &Broker, config: &Bridge) -> Box<SessionState> {
    let username = config.local_username.as_deref().map(ByteString::from);
    let identity = Identity::of_bridge(config.local_client_id(), username);
    let memory = broker.router.memory().clone();
    Box::new(SessionState::new(identity, memory))
}
