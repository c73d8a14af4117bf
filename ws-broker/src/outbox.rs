//! What waits to be written to one subscriber.

#[cfg(test)]
mod tests;

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use codec::{ProtocolVersion, QoS, TopicName};
use foldhash::fast::RandomState;
use protocol::Delivery;

use crate::access::Identity;
use crate::log::notice;
use crate::memory::{Memory, Stored};
use crate::store::StoredQueue;

/// Above this many bytes, publishers are held for a moment while the
/// subscriber drains.
const HIGH_WATER: usize = 1 << 20;
/// Encoded QoS 0 messages beyond this many bytes are dropped.
const MAX_QOS0_BYTES: usize = 8 << 20;
/// Queued QoS 1 and 2 messages of a draining subscriber may go beyond the
/// configured limits until they have this many bytes, since publishers are
/// held.
const MAX_DRAINING_BYTES: usize = 16 << 20;
/// Chunks up to this size are put together.
const SMALL_CHUNK: usize = 16 << 10;
/// Deliveries taken at once.
const MAX_TAKEN: usize = 1024;
/// What a queued delivery takes beside its message, for limits in bytes.
const DELIVERY_OVERHEAD: usize = 64;

/// Bounds on what is queued for one subscriber at QoS 1 and 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// `max_queued_messages`; 0 for no limit.
    pub messages: usize,
    /// `max_queued_bytes`; 0 for no limit.
    pub bytes: usize,
    /// `queue_qos0_messages`: whether QoS 0 messages wait for absent clients.
    pub qos0: bool,
}

/// What waits for one session's client: the queue outlives its connections.
///
/// Publishers push what a batch brought, the client's own connection takes it.
/// QoS 0 messages come encoded, and only while the client is connected. Others
/// come as deliveries and wait for the client's window, or its return; so do
/// QoS 0 messages that only the connection can encode, since they may get a
/// topic alias.
#[derive(Debug)]
pub(crate) struct Outbox {
    id: u64,
    identity: Identity,
    memory: Arc<Memory>,
    /// Counts writes to the client.
    progress: AtomicU64,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// `None` while the client is away.
    online: Option<Receiver>,
    chunks: VecDeque<BytesMut>,
    chunk_bytes: usize,
    chunk_count: Qos0,
    queue: VecDeque<Delivery>,
    queue_bytes: usize,
    /// A publisher waited in vain: nobody waits again before it has drained.
    is_slow: bool,
    /// It has been said that messages are dropped.
    has_dropped: bool,
    /// How many messages were.
    dropped: u32,
    /// The connection that waits for something to write.
    owner: Option<Waker>,
    /// The numbers of what is in `queue`, if the session is stored, or was.
    numbers: Option<Box<StoredQueue>>,
    /// Publishers that wait for it to drain; rare, so they take no room when
    /// there are none.
    held: Option<Box<Held>>,
}

#[derive(Debug, Default)]
struct Held(Vec<Waker>);

/// What an encoder must know of a connected client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Receiver {
    /// The version that QoS 0 messages must be encoded for.
    pub version: ProtocolVersion,
    /// The longest packet that the client accepts, bytes.
    pub maximum_packet_size: u32,
    /// Whether the client lets the broker set topic aliases, which only its
    /// connection knows.
    pub has_aliases: bool,
}

impl Receiver {
    /// Whether the client accepts a packet of `len` bytes.
    #[inline]
    pub(crate) const fn takes(self, len: usize) -> bool {
        len <= self.maximum_packet_size as usize
    }
}

/// How many QoS 0 messages a chunk holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Qos0 {
    /// Messages.
    pub messages: u32,
    /// Bytes of their payloads.
    pub payload: u32,
}

/// What a batch brings for one outbox.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// QoS 0 messages, encoded for [`Batch::receiver`].
    pub qos0: BytesMut,
    /// How many they are.
    pub qos0_count: Qos0,
    /// QoS 1 and 2 messages.
    pub deliveries: Vec<Delivery>,
    /// Whom the QoS 0 messages are encoded for.
    pub receiver: Option<Receiver>,
}

/// What a client takes at QoS 1 and 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Publishes.
    pub messages: usize,
    /// Bytes of their payloads, should they be limited.
    pub bytes: usize,
    /// Whether nothing is in flight: then one publish of any size may be.
    pub is_idle: bool,
}

impl Window {
    /// Whether the delivery may be taken; if so, it is subtracted.
    fn admits(&mut self, delivery: &mut Delivery) -> bool {
        if delivery.qos == QoS::AtMostOnce {
            return true;
        }
        let payload = delivery.message.payload.len();
        let fits = self.messages > 0 && (payload <= self.bytes || self.is_idle);
        if fits {
            self.messages -= 1;
            self.bytes = self.bytes.saturating_sub(payload);
            self.is_idle = false;
        }
        fits
    }
}

/// How a push went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pushed {
    /// Messages dropped because of a bound.
    pub dropped: u64,
    /// Whether the publisher should wait for [`Outbox::poll_relief`] before it
    /// reads on.
    pub hold: bool,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Outbox {
    /// The outbox of a new session, its client away.
    pub(crate) fn new(identity: Identity, memory: Arc<Memory>) -> Self {
        Self {
            memory,
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            identity,
            progress: AtomicU64::new(0),
            inner: Mutex::default(),
        }
    }

    /// The session is stored from here on: its queue is empty yet.
    pub(crate) fn set_stored(&self, numbers: StoredQueue) {
        self.lock().numbers = Some(Box::new(numbers));
    }

    /// Whether the session is stored: its deliveries at QoS 1 and 2 bear
    /// numbers.
    pub(crate) fn is_stored(&self) -> bool {
        let inner = self.lock();
        inner.numbers.as_ref().is_some_and(|n| n.is_stored())
    }

    /// The session ends, or is not stored from now on.
    pub(crate) fn end_storing(&self) {
        if let Some(numbers) = &mut self.lock().numbers {
            numbers.end();
        }
    }

    /// A delivery that does not go through the queue: it is numbered and
    /// stored as if it did.
    pub(crate) fn store(&self, delivery: &mut Delivery) {
        if let Some(numbers) = &mut self.lock().numbers {
            numbers.number(delivery);
            numbers.submit();
        }
    }

    /// A number that is in use, and the delivery that bears it again.
    pub(crate) fn restore_number(&self, number: u64, delivery: Option<&mut Delivery>) {
        if let Some(numbers) = &mut self.lock().numbers {
            numbers.restore(number, delivery);
        }
    }

    /// Queues deliveries that were stored, in their order.
    pub(crate) fn restore(&self, deliveries: impl IntoIterator<Item = Delivery>) {
        let mut inner = self.lock();
        let before = inner.stored();
        for delivery in deliveries {
            inner.queue_bytes += size(&delivery);
            inner.queue.push_back(delivery);
        }
        self.memory.update(before, inner.stored());
    }

    /// The delivery with the token that it came with, a shared
    /// subscription's.
    pub(crate) fn with_own_token(&self, delivery: Delivery) -> Delivery {
        let token = match &self.lock().numbers {
            Some(numbers) if delivery.qos > QoS::AtMostOnce => numbers.token(delivery.token),
            _ => delivery.token,
        };
        Delivery { token, ..delivery }
    }

    /// The client is done with the delivery that bears this number.
    pub(crate) fn forget(&self, number: u64) {
        if StoredQueue::is_shared(number)
            && let Some(numbers) = &mut self.lock().numbers
        {
            numbers.forget(number);
        }
    }

    /// Something was written to the client.
    pub(crate) fn note_progress(&self) {
        self.progress.fetch_add(1, Ordering::Relaxed);
    }

    /// Changes whenever something is written to the client.
    pub(crate) fn progress(&self) -> u64 {
        self.progress.load(Ordering::Relaxed)
    }

    /// Different for every outbox of this process.
    pub(crate) const fn id(&self) -> u64 {
        self.id
    }

    /// Whose it is.
    pub(crate) const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// No code that can panic runs under the lock.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who receives now, if anybody.
    pub(crate) fn receiver(&self) -> Option<Receiver> {
        self.lock().online
    }

    /// The client is here.
    pub(crate) fn set_online(&self, receiver: Receiver) {
        let mut inner = self.lock();
        inner.online = Some(receiver);
        inner.is_slow = false;
    }

    /// The client is away: QoS 0 messages are dropped, nobody waits.
    pub(crate) fn set_offline(&self) {
        let mut inner = self.lock();
        let before = inner.stored();
        inner.online = None;
        inner.chunks = VecDeque::new();
        inner.chunk_count = Qos0::default();
        inner.chunk_bytes = 0;
        inner.owner = None;
        self.memory.update(before, inner.stored());
        relieve(inner);
    }

    /// Puts deliveries back to the front, oldest first, that were taken and
    /// not sent.
    pub(crate) fn put_back(&self, deliveries: impl DoubleEndedIterator<Item = Delivery>) {
        let mut inner = self.lock();
        let before = inner.stored();
        for delivery in deliveries.rev() {
            inner.queue_bytes += size(&delivery);
            inner.queue.push_front(delivery);
        }
        self.memory.update(before, inner.stored());
    }

    /// Takes over what a batch brought, and wakes the connection, once. The
    /// batch is empty afterwards.
    pub(crate) fn push(&self, batch: &mut Batch) -> Pushed {
        let limits = self.memory.queue();
        let mut dropped = 0;
        let mut inner = self.lock();
        let before = inner.stored();
        if !batch.qos0.is_empty() {
            let qos0 = std::mem::take(&mut batch.qos0);
            let count = std::mem::take(&mut batch.qos0_count);
            // Who came back in another version cannot read these.
            if inner.online.is_none() || inner.online != batch.receiver {
                drop(qos0);
            } else if inner.chunk_bytes + qos0.len() > MAX_QOS0_BYTES
                || !self.memory.has_room(qos0.len())
            {
                dropped += u64::from(count.messages);
            } else {
                inner.push_chunk(qos0, count);
            }
        }
        for mut delivery in batch.deliveries.drain(..) {
            if delivery.qos == QoS::AtMostOnce && inner.online.is_none() && !limits.qos0 {
                continue;
            }
            let more = inner.stored().bytes - before.bytes + size(&delivery);
            if inner.has_room(size(&delivery), limits) && self.memory.has_room(more) {
                inner.queue_bytes += size(&delivery);
                if let Some(numbers) = &mut inner.numbers {
                    numbers.number(&mut delivery);
                }
                inner.queue.push_back(delivery);
            } else {
                dropped += 1;
            }
        }
        if let Some(numbers) = &mut inner.numbers {
            numbers.submit();
        }
        self.memory.update(before, inner.stored());
        let hold = inner.is_pressed(limits) && inner.online.is_some() && !inner.is_slow;
        let owner = inner.owner.take();
        let is_first_drop = dropped > 0 && !inner.has_dropped;
        inner.has_dropped |= dropped > 0;
        let more = u32::try_from(dropped).unwrap_or(u32::MAX);
        inner.dropped = inner.dropped.saturating_add(more);
        drop(inner);
        if let Some(owner) = owner {
            owner.wake();
        }
        if is_first_drop {
            notice!(
                "Outgoing messages are being dropped for client {}.",
                self.identity.client_id
            );
        }
        Pushed { dropped, hold }
    }

    /// Takes all QoS 0 chunks, and deliveries as far as the client's `window`
    /// goes; gives how many QoS 0 messages those are. The task is woken when
    /// there is more.
    pub(crate) fn take(
        &self,
        mut window: Window,
        chunks: &mut VecDeque<BytesMut>,
        deliveries: &mut Vec<Delivery>,
        cx: &Context<'_>,
    ) -> Qos0 {
        let mut inner = self.lock();
        let before = inner.stored();
        match &mut inner.owner {
            Some(waker) => waker.clone_from(cx.waker()),
            owner => *owner = Some(cx.waker().clone()),
        }
        chunks.append(&mut inner.chunks);
        inner.chunk_bytes = 0;
        let count = std::mem::take(&mut inner.chunk_count);
        deliveries.reserve(inner.queue.len().min(window.messages).min(MAX_TAKEN));
        while deliveries.len() < MAX_TAKEN
            && let Some(delivery) = inner.queue.pop_front_if(|next| window.admits(next))
        {
            inner.queue_bytes = inner.queue_bytes.saturating_sub(size(&delivery));
            deliveries.push(delivery);
        }
        if inner.queue.is_empty() {
            inner.queue_bytes = 0;
            // Nothing has come since it was looked last: nothing flows.
            if deliveries.is_empty() && inner.queue.capacity() > 0 {
                inner.queue = VecDeque::new();
            }
        }
        self.memory.update(before, inner.stored());
        if !inner.is_pressed(self.memory.queue()) {
            inner.is_slow = false;
            inner.has_dropped = false;
            relieve(inner);
        }
        count
    }

    /// How many messages wait for the client, and how many were dropped.
    pub(crate) fn waiting(&self) -> (usize, u64) {
        let inner = self.lock();
        let waiting = inner.queue.len() + inner.chunk_count.messages as usize;
        (waiting, inner.dropped.into())
    }

    /// How many deliveries wait; the task is woken when there are more.
    pub(crate) fn poll_len(&self, cx: &Context<'_>) -> usize {
        let mut inner = self.lock();
        inner.owner = Some(cx.waker().clone());
        inner.queue.len()
    }

    /// The topics of which a message with the RETAIN flag waits.
    pub(crate) fn retained_topics(&self) -> HashSet<TopicName, RandomState> {
        let inner = self.lock();
        let retained = inner.queue.iter().filter(|delivery| delivery.retain);
        retained.map(|d| d.message.topic.clone()).collect()
    }

    /// Takes all deliveries, for good.
    pub(crate) fn take_all(&self) -> VecDeque<Delivery> {
        let mut inner = self.lock();
        let before = inner.stored();
        inner.queue_bytes = 0;
        let queue = std::mem::take(&mut inner.queue);
        self.memory.update(before, inner.stored());
        queue
    }

    /// Ready when a publisher that was told to hold may go on.
    pub(crate) fn poll_relief(&self, cx: &Context<'_>) -> Poll<()> {
        let mut inner = self.lock();
        if inner.online.is_none() || inner.is_slow || !inner.is_pressed(self.memory.queue()) {
            return Poll::Ready(());
        }
        let Held(held) = &mut **inner.held.get_or_insert_default();
        if !held.iter().any(|held| held.will_wake(cx.waker())) {
            held.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// A publisher has waited long enough: nobody waits for this subscriber
    /// again until it has drained.
    pub(crate) fn give_up_holding(&self) {
        let mut inner = self.lock();
        inner.is_slow = true;
        relieve(inner);
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let inner = self.inner.get_mut();
        let stored = inner.unwrap_or_else(PoisonError::into_inner).stored();
        self.memory.update(stored, Stored::default());
    }
}

impl Inner {
    fn stored(&self) -> Stored {
        Stored {
            messages: self.queue.len(),
            bytes: self.chunk_bytes + self.queue_bytes,
        }
    }

    fn push_chunk(&mut self, chunk: BytesMut, count: Qos0) {
        self.chunk_count.messages += count.messages;
        self.chunk_count.payload += count.payload;
        self.chunk_bytes += chunk.len();
        match self.chunks.back_mut() {
            Some(last) if last.len() + chunk.len() <= SMALL_CHUNK => last.extend_from_slice(&chunk),
            _ => self.chunks.push_back(chunk),
        }
    }

    fn has_room(&self, size: usize, limits: QueueLimits) -> bool {
        let within = (limits.messages == 0 || self.queue.len() < limits.messages)
            && (limits.bytes == 0 || self.queue_bytes + size <= limits.bytes);
        let is_draining = self.online.is_some() && !self.is_slow;
        within || is_draining && self.queue_bytes + size <= MAX_DRAINING_BYTES
    }

    fn is_pressed(&self, limits: QueueLimits) -> bool {
        self.chunk_bytes + self.queue_bytes > HIGH_WATER
            || limits.messages > 0 && self.queue.len() > limits.messages / 2
            || limits.bytes > 0 && self.queue_bytes > limits.bytes / 2
    }
}

fn size(delivery: &Delivery) -> usize {
    delivery.message.size() + DELIVERY_OVERHEAD
}

fn relieve(mut inner: MutexGuard<'_, Inner>) {
    let held = inner.held.take();
    drop(inner);
    for publisher in held.into_iter().flat_map(|held| held.0) {
        publisher.wake();
    }
}
