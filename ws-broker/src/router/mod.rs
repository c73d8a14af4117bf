//! From a publish to the outboxes of those who subscribe.

#[cfg(feature = "bench-api")]
pub mod bench_api;
mod retained;
mod routes;
mod subscriptions;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use codec::{QoS, TopicFilter, TopicName};
use protocol::{Delivery, Time};

use crate::access::Access;
use crate::desk::Rings;
use crate::memory::Memory;
use crate::outbox::Batch;
use crate::settings::{Live, Settings};
use crate::store::Journal;

pub(crate) use retained::Retained;
use retained::RetainedStore;
pub(crate) use routes::{Publication, Routes};
pub(crate) use subscriptions::Subscriber;
use subscriptions::{Found, Subscriptions};

/// Who subscribes to what, and what is retained; shared by all connections.
#[derive(Debug)]
pub(crate) struct Router {
    subscriptions: RwLock<Subscriptions>,
    retained: RwLock<RetainedStore>,
    /// Goes up whenever a match that somebody has remembered may be wrong:
    /// at every change of subscriptions, of who is connected, and of what they
    /// may do.
    generation: AtomicU64,
    memory: Arc<Memory>,
    /// Where what is to outlive the process is submitted.
    journal: Option<Arc<Journal>>,
    live: Live,
    /// `upgrade_outgoing_qos`.
    upgrades_qos: AtomicBool,
    dropped: AtomicU64,
    recent: Rings,
}

impl Router {
    /// A router without subscriptions.
    pub(crate) fn new(settings: Settings, journal: Option<Arc<Journal>>) -> Self {
        let config = &settings.config;
        let memory = Memory::new(config);
        Self {
            journal,
            recent: Rings::new(memory.limit()),
            subscriptions: RwLock::default(),
            retained: RwLock::default(),
            generation: AtomicU64::new(1),
            memory,
            upgrades_qos: AtomicBool::new(config.upgrade_outgoing_qos),
            live: Live::new(settings),
            dropped: AtomicU64::new(0),
        }
    }

    /// How much is stored, and may be.
    pub(crate) const fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    /// What numbers topics have had.
    pub(crate) const fn recent(&self) -> &Rings {
        &self.recent
    }

    /// Where what is to outlive the process is submitted, if anything is.
    #[inline]
    pub(crate) const fn journal(&self) -> Option<&Arc<Journal>> {
        self.journal.as_ref()
    }

    /// What holds now.
    pub(crate) const fn live(&self) -> &Live {
        &self.live
    }

    /// From here on other settings hold.
    pub(crate) fn set(&self, settings: Settings) {
        self.memory.set_bounds(&settings.config);
        let upgrades_qos = settings.config.upgrade_outgoing_qos;
        self.upgrades_qos.store(upgrades_qos, Ordering::Relaxed);
        self.live.set(settings);
        // Only now: whoever sees the new generation finds the new settings.
        self.invalidate();
    }

    /// Whether deliveries have the subscription's QoS.
    pub(crate) fn upgrades_qos(&self) -> bool {
        self.upgrades_qos.load(Ordering::Relaxed)
    }

    /// The QoS of a delivery: the lower one, unless `upgrade_outgoing_qos`
    /// says the subscription's.
    pub(crate) fn outgoing_qos(&self, published: QoS, subscribed: QoS) -> QoS {
        if self.upgrades_qos() {
            subscribed
        } else {
            published.min(subscribed)
        }
    }

    /// Gives deliveries of shared subscriptions, whose client is gone for
    /// good, to other members (section 4.8.2).
    pub(crate) fn redistribute(&self, deliveries: impl Iterator<Item = Delivery>) {
        let settings = self.live.get();
        for delivery in deliveries {
            let topic = &delivery.message.topic;
            let may_read = |member: &&Subscriber| {
                settings.allows(member.outbox.identity(), topic, Access::Read)
            };
            let member = {
                let subscriptions = self.read();
                subscriptions.group(delivery.token).and_then(|group| {
                    let members: Vec<_> = group.members.iter().filter(may_read).collect();
                    let turn = group.turn.fetch_add(1, Ordering::Relaxed);
                    let first = turn.checked_rem(members.len())?;
                    let (after, from) = members.split_at(first);
                    let mut in_turn = from.iter().chain(after);
                    let here = in_turn.clone().find(|m| m.outbox.receiver().is_some());
                    here.or_else(|| in_turn.next()).copied().cloned()
                })
            };
            let Some(member) = member else {
                continue;
            };
            // At the QoS that this member was granted [MQTT-4.8.2-3].
            let delivery = Delivery {
                qos: delivery.qos.min(member.options.qos),
                ..delivery
            };
            let mut batch = Batch {
                deliveries: vec![delivery],
                ..Batch::default()
            };
            self.count_dropped(member.outbox.push(&mut batch).dropped);
        }
    }

    /// Messages dropped so far because a bound was reached.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Adds to [`Router::dropped`].
    pub(crate) fn count_dropped(&self, messages: u64) {
        if messages > 0 {
            self.dropped.fetch_add(messages, Ordering::Relaxed);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Subscriptions> {
        self.subscriptions
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Subscriptions> {
        self.subscriptions
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds or replaces a subscription. Publishes that arrive after this
    /// returns see it.
    pub(crate) fn subscribe(&self, filter: &TopicFilter, subscriber: Subscriber) {
        self.write().insert(filter, subscriber);
        self.invalidate();
    }

    /// Whether the outbox `id` would get what is published to `topic`, other
    /// than by a shared subscription; if so, the identifiers of its
    /// subscriptions.
    pub(crate) fn subscription(&self, topic: &TopicName, id: u64) -> Option<Vec<u32>> {
        let mut identifiers = None;
        self.read().matching(topic, |found| {
            if let Found::Subscriber(subscriber) = found
                && subscriber.outbox.id() == id
            {
                let identifiers = identifiers.get_or_insert_with(Vec::new);
                identifiers.extend(subscriber.identifier);
            }
        });
        identifiers
    }

    /// Those whose subscriptions match `topic` and do not begin with a
    /// wildcard, shared ones too; a client may come several times. Gives how
    /// many there were, `most` for as many or more.
    pub(crate) fn meant_for(
        &self,
        topic: &TopicName,
        most: usize,
        mut found: impl FnMut(&Subscriber),
    ) -> usize {
        let mut seen = 0;
        let mut one = |subscriber: &Subscriber| {
            found(subscriber);
            seen += 1;
            seen < most
        };
        self.read().search(topic, false, |matching| match matching {
            Found::Subscriber(subscriber) => one(subscriber),
            Found::Group(group) => group.members.iter().all(&mut one),
        });
        seen
    }

    /// Removes subscriptions of the outbox `id`.
    pub(crate) fn unsubscribe<'f>(
        &self,
        filters: impl IntoIterator<Item = &'f TopicFilter>,
        id: u64,
    ) {
        let mut subscriptions = self.write();
        for filter in filters {
            subscriptions.remove(filter, id);
        }
        drop(subscriptions);
        self.invalidate();
    }

    /// Makes every connection look its matches up anew.
    pub(crate) fn invalidate(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// How many subscriptions there are, shared ones and others.
    pub(crate) fn subscriptions_len(&self) -> usize {
        self.read().len()
    }

    /// How many shared subscriptions there are, each with its members.
    pub(crate) fn groups_len(&self) -> usize {
        self.read().groups_len()
    }

    /// How many retained messages there are.
    pub(crate) fn retained_len(&self) -> usize {
        self.retained
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Keeps a retained message, or removes one; false if there is no room for
    /// it: then the one before stays.
    pub(crate) fn retain(&self, retained: &Retained) -> bool {
        let mut store = self
            .retained
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let is_kept = store.set(retained, &self.memory);
        if is_kept
            && let Some(journal) = &self.journal
            && self.stores_retained(&retained.message.topic)
        {
            // Under the lock, so that the last one here is the last one there.
            journal.submit([retained.change()]);
        }
        is_kept
    }

    /// Whether what is retained on the topic is stored: not what the broker
    /// says of itself.
    pub(crate) fn stores_retained(&self, topic: &TopicName) -> bool {
        self.journal.is_some() && !topic.starts_with("$SYS")
    }

    /// Keeps retained messages that were stored.
    pub(crate) fn restore_retained(&self, stored: &[Retained]) {
        let mut store = self
            .retained
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        for retained in stored {
            store.set(retained, &self.memory);
        }
    }

    /// The retained messages for a new subscription to `filter`.
    pub(crate) fn retained(&self, filter: &TopicFilter, now: Time) -> Vec<Retained> {
        self.retained
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .matching(filter, now)
    }
}
