use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::task::{Context, Poll};

use codec::{
    Properties, Property, ProtocolVersion, PublishParts, PublishView, QoS, TopicFilter, TopicName,
};
use foldhash::fast::FixedState;
use protocol::{Delivery, Message, Time};

use super::retained::{Retained, RetainedStore};
use super::subscriptions::{Merged, Subscriber, Subscriptions, merge};
use crate::outbox::{Batch, Outbox, QueueLimits, Receiver};

/// Who subscribes to what, and what is retained; shared by all connections.
#[derive(Debug)]
pub(crate) struct Router {
    subscriptions: RwLock<Subscriptions>,
    retained: RwLock<RetainedStore>,
    /// Goes up whenever a match that somebody has remembered may be wrong:
    /// at every change of subscriptions and of who is connected.
    generation: AtomicU64,
    limits: QueueLimits,
    dropped: AtomicU64,
}

impl Router {
    /// A router without subscriptions. `limits` are each outbox's.
    pub(crate) fn new(limits: QueueLimits) -> Self {
        Self {
            subscriptions: RwLock::default(),
            retained: RwLock::default(),
            generation: AtomicU64::new(1),
            limits,
            dropped: AtomicU64::new(0),
        }
    }

    /// The bounds of each outbox.
    pub(crate) const fn limits(&self) -> QueueLimits {
        self.limits
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

    /// Keeps a retained message, or removes one.
    pub(crate) fn retain(&self, retained: &Retained) {
        self.retained
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .set(retained);
    }

    /// The retained messages for a new subscription to `filter`.
    pub(crate) fn retained(&self, filter: &TopicFilter, now: Time) -> Vec<Retained> {
        self.retained
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .matching(filter, now)
    }
}

/// Remembered topics before they are forgotten and looked up again.
const MAX_REMEMBERED_TOPICS: usize = 1024;

/// One publisher's way to its subscribers: what a batch of publishes brings is
/// collected here for each subscriber, and handed over at the end of the
/// batch.
#[derive(Debug)]
pub(crate) struct Routes {
    /// The publisher's own outbox, 0 for none.
    publisher: u64,
    generation: u64,
    topics: HashMap<Box<[u8]>, Arc<[Target]>, FixedState>,
    slots: Vec<Slot>,
    slot_of: HashMap<u64, usize, FixedState>,
    touched: Vec<usize>,
    /// Subscribers that the publisher should wait for.
    held: Vec<Arc<Outbox>>,
}

#[derive(Debug)]
struct Slot {
    outbox: Arc<Outbox>,
    receiver: Option<Receiver>,
    batch: Batch,
    is_touched: bool,
}

/// A subscriber of one topic.
#[derive(Debug)]
struct Target {
    slot: usize,
    qos: QoS,
    retain_as_published: bool,
    identifiers: Option<Arc<[u32]>>,
}

/// A message as it comes from its publisher.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Publication<'a> {
    /// The message.
    pub message: &'a Arc<Message>,
    /// The publisher's QoS.
    pub qos: QoS,
    /// The publisher's RETAIN flag.
    pub retain: bool,
}

impl Routes {
    /// For a publisher whose own outbox is `publisher`, 0 if it has none.
    pub(crate) fn new(publisher: u64) -> Self {
        Self {
            publisher,
            generation: 0,
            topics: HashMap::default(),
            slots: Vec::new(),
            slot_of: HashMap::default(),
            touched: Vec::new(),
            held: Vec::new(),
        }
    }

    /// Collects a QoS 0 PUBLISH without properties and without RETAIN flag,
    /// of which `frame` is the whole packet. Gives the number of subscribers.
    ///
    /// # Errors
    /// The topic name is invalid.
    #[inline]
    pub(crate) fn publish_view(
        &mut self,
        router: &Router,
        view: &PublishView<'_>,
        frame: &[u8],
        version: ProtocolVersion,
    ) -> Result<usize, codec::DecodeError> {
        debug_assert!(view.properties.is_empty() && !view.retain && view.qos == QoS::AtMostOnce);
        let targets = self.lookup(router, view.topic)?;
        let mut dropped = 0;
        for target in &*targets {
            let slot = &mut self.slots[target.slot];
            let Some(receiver) = slot.receiver else {
                continue;
            };
            if receiver.version.is_v5() == version.is_v5() && target.identifiers.is_none() {
                if frame.len() > receiver.maximum_packet_size {
                    dropped += 1;
                    continue;
                }
                slot.batch.qos0.extend_from_slice(frame);
            } else {
                let properties = identifiers(target.identifiers.as_deref());
                let topic =
                    std::str::from_utf8(view.topic).map_err(|_| codec::DecodeError::Utf8)?;
                let publish = PublishParts {
                    dup: false,
                    qos: QoS::AtMostOnce,
                    retain: false,
                    topic,
                    packet_id: None,
                    properties: &properties,
                    payload: view.payload,
                };
                let len = publish.encoded_len(receiver.version);
                if len.map_or(true, |len| len > receiver.maximum_packet_size)
                    || publish
                        .encode(receiver.version, &mut slot.batch.qos0)
                        .is_err()
                {
                    dropped += 1;
                    continue;
                }
            }
            slot.batch.qos0_messages += 1;
            slot.touch(target.slot, &mut self.touched);
        }
        router.count_dropped(dropped);
        Ok(targets.len())
    }

    /// Collects a message. Gives the number of subscribers.
    pub(crate) fn publish(
        &mut self,
        router: &Router,
        publication: Publication<'_>,
        now: Time,
    ) -> usize {
        let message = publication.message;
        let Ok(targets) = self.lookup(router, message.topic.as_bytes()) else {
            return 0;
        };
        let mut dropped = 0;
        for target in &*targets {
            let slot = &mut self.slots[target.slot];
            let qos = publication.qos.min(target.qos);
            let delivery = Delivery {
                message: message.clone(),
                qos,
                retain: publication.retain && target.retain_as_published,
                subscription_identifiers: target.identifiers.clone(),
                token: 0,
            };
            if qos == QoS::AtMostOnce {
                let Some(receiver) = slot.receiver else {
                    continue;
                };
                let encoded = delivery.encode_qos0(
                    receiver.version,
                    receiver.maximum_packet_size,
                    now,
                    &mut slot.batch.qos0,
                );
                if encoded.is_err() {
                    dropped += 1;
                    continue;
                }
                slot.batch.qos0_messages += 1;
            } else {
                slot.batch.deliveries.push(delivery);
            }
            slot.touch(target.slot, &mut self.touched);
        }
        router.count_dropped(dropped);
        targets.len()
    }

    /// Hands over what was collected since the last flush.
    pub(crate) fn flush(&mut self, router: &Router) {
        for slot in self.touched.drain(..) {
            let slot = &mut self.slots[slot];
            slot.is_touched = false;
            slot.batch.receiver = slot.receiver;
            let pushed = slot.outbox.push(&mut slot.batch, router.limits);
            router.count_dropped(pushed.dropped);
            if pushed.hold && slot.outbox.id() != self.publisher {
                self.held.push(slot.outbox.clone());
            }
        }
    }

    /// Whether the publisher should wait before it reads on.
    pub(crate) const fn is_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// Ready when nobody is left to wait for.
    pub(crate) fn poll_relief(&mut self, router: &Router, cx: &Context<'_>) -> Poll<()> {
        self.held
            .retain(|outbox| outbox.poll_relief(router.limits, cx).is_pending());
        if self.held.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Waits no longer: those waited for have not drained in time.
    pub(crate) fn give_up_holding(&mut self) {
        for outbox in self.held.drain(..) {
            outbox.give_up_holding();
        }
    }

    fn lookup(
        &mut self,
        router: &Router,
        topic: &[u8],
    ) -> Result<Arc<[Target]>, codec::DecodeError> {
        let generation = router.generation.load(Ordering::SeqCst);
        if generation != self.generation {
            self.flush(router);
            self.topics.clear();
            self.slots.clear();
            self.slot_of.clear();
            self.generation = generation;
        }
        if let Some(targets) = self.topics.get(topic) {
            return Ok(targets.clone());
        }
        let name = std::str::from_utf8(topic).map_err(|_| codec::DecodeError::Utf8)?;
        // Checked here, once for each topic that is remembered.
        TopicName::new(name)?;
        if self.topics.len() >= MAX_REMEMBERED_TOPICS {
            self.topics.clear();
        }
        let merged = merge(&router.read(), name, self.publisher);
        let targets: Arc<[Target]> = merged.into_iter().map(|m| self.target(m)).collect();
        self.topics.insert(topic.into(), targets.clone());
        Ok(targets)
    }

    fn target(&mut self, merged: Merged) -> Target {
        let slots = &mut self.slots;
        let slot = *self.slot_of.entry(merged.outbox.id()).or_insert_with(|| {
            slots.push(Slot {
                receiver: merged.outbox.receiver(),
                outbox: merged.outbox,
                batch: Batch::default(),
                is_touched: false,
            });
            slots.len() - 1
        });
        let identifiers = (!merged.identifiers.is_empty()).then(|| merged.identifiers.into());
        Target {
            slot,
            qos: merged.qos,
            retain_as_published: merged.retain_as_published,
            identifiers,
        }
    }
}

impl Slot {
    fn touch(&mut self, index: usize, touched: &mut Vec<usize>) {
        if !self.is_touched {
            self.is_touched = true;
            touched.push(index);
        }
    }
}

fn identifiers(identifiers: Option<&[u32]>) -> Properties {
    identifiers
        .unwrap_or_default()
        .iter()
        .map(|id| Property::SubscriptionIdentifier(*id))
        .collect()
}
