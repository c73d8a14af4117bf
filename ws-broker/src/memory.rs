//! How much the broker stores for its clients, and how much it may.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use crate::config::Config;
use crate::outbox::QueueLimits;

/// What may be stored where the machine does not tell how much memory it has.
const UNKNOWN_MACHINE: usize = 1 << 30;
/// A packet up to this size may always come in, so that it can be refused by
/// an answer.
const ALWAYS_TAKEN: usize = 64 << 10;
/// One client's queue has this share of what may be stored, unless
/// `max_queued_bytes` says otherwise.
const SHARE_OF_ONE: usize = 4;

/// The bounds of everything that is stored for clients, and how much of that
/// there is now: queued messages, retained messages, and packets of which only
/// a part has come. Shared by all outboxes.
#[derive(Debug)]
pub(crate) struct Memory {
    /// The bounds of each queue, in messages and bytes.
    queue_messages: AtomicUsize,
    queue_bytes: AtomicUsize,
    /// Whether QoS 0 messages are queued.
    queue_qos0: AtomicBool,
    /// `memory_limit`, bytes.
    limit: AtomicUsize,
    bytes: AtomicUsize,
    messages: AtomicUsize,
}

impl Memory {
    /// Nothing stored. Without a `memory_limit`, half of what this machine has
    /// is the limit: a broker that is killed for the memory it takes serves
    /// nobody.
    pub(crate) fn new(config: &Config) -> Arc<Self> {
        Self::with(config.queue, limit(config))
    }

    /// As asked for.
    pub(crate) fn with(queue: QueueLimits, limit: usize) -> Arc<Self> {
        Arc::new(Self {
            queue_messages: AtomicUsize::new(queue.messages),
            queue_bytes: AtomicUsize::new(bytes_of_one(queue, limit)),
            queue_qos0: AtomicBool::new(queue.qos0),
            limit: AtomicUsize::new(limit),
            bytes: AtomicUsize::new(0),
            messages: AtomicUsize::new(0),
        })
    }

    /// From here on other bounds hold. What is stored stays.
    pub(crate) fn set_bounds(&self, config: &Config) {
        let (queue, limit) = (config.queue, limit(config));
        self.queue_messages.store(queue.messages, Relaxed);
        self.queue_bytes.store(bytes_of_one(queue, limit), Relaxed);
        self.queue_qos0.store(queue.qos0, Relaxed);
        self.limit.store(limit, Relaxed);
    }

    /// The bounds of each queue.
    #[inline]
    pub(crate) fn queue(&self) -> QueueLimits {
        QueueLimits {
            messages: self.queue_messages.load(Relaxed),
            bytes: self.queue_bytes.load(Relaxed),
            qos0: self.queue_qos0.load(Relaxed),
        }
    }

    /// How much may be stored, bytes.
    pub(crate) fn limit(&self) -> usize {
        self.limit.load(Relaxed)
    }

    /// Whether so many bytes more may be stored.
    #[inline]
    pub(crate) fn has_room(&self, more: usize) -> bool {
        self.bytes.load(Relaxed).saturating_add(more) <= self.limit.load(Relaxed)
    }

    /// What was stored in one place has changed.
    #[inline]
    pub(crate) fn update(&self, before: Stored, after: Stored) {
        update(&self.bytes, before.bytes, after.bytes);
        update(&self.messages, before.messages, after.messages);
    }

    /// All that is stored now.
    pub(crate) fn stored(&self) -> Stored {
        Stored {
            messages: self.messages.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
        }
    }
}

fn limit(config: &Config) -> usize {
    match config.memory_limit {
        0 => machine() / 2,
        limit => limit,
    }
}

/// How many bytes one queue may have.
const fn bytes_of_one(queue: QueueLimits, limit: usize) -> usize {
    match queue.bytes {
        0 => limit / SHARE_OF_ONE,
        bytes => bytes,
    }
}

/// What is stored in one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Messages.
    pub messages: usize,
    /// Bytes, with what holds them.
    pub bytes: usize,
}

#[inline]
fn update(total: &AtomicUsize, before: usize, after: usize) {
    match after.cmp(&before) {
        std::cmp::Ordering::Greater => total.fetch_add(after - before, Relaxed),
        std::cmp::Ordering::Less => total.fetch_sub(before - after, Relaxed),
        std::cmp::Ordering::Equal => 0,
    };
}

/// Bytes of a packet that comes in, counted for as long as they are there.
#[derive(Debug)]
pub(crate) struct Share {
    memory: Arc<Memory>,
    bytes: usize,
}

impl Share {
    /// Of nothing yet.
    pub(crate) const fn new(memory: Arc<Memory>) -> Self {
        Self { memory, bytes: 0 }
    }

    /// It has this many bytes now; false, and nothing is changed, if there is
    /// no room for them.
    #[inline]
    pub(crate) fn resize(&mut self, bytes: usize) -> bool {
        if bytes == self.bytes {
            return true;
        }
        let more = bytes.saturating_sub(self.bytes);
        if more > 0 && bytes > ALWAYS_TAKEN && !self.memory.has_room(more) {
            return false;
        }
        update(&self.memory.bytes, self.bytes, bytes);
        self.bytes = bytes;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        update(&self.memory.bytes, self.bytes, 0);
    }
}

/// What this machine, or the container, has; bytes.
fn machine() -> usize {
    let Ok(mut system) = sysinfo::System::new() else {
        return UNKNOWN_MACHINE;
    };
    system.refresh_memory();
    let total = system
        .cgroup_limits()
        .map_or(system.total_memory(), |limits| {
            limits.total_memory.min(system.total_memory())
        });
    match usize::try_from(total) {
        Ok(0) | Err(_) => UNKNOWN_MACHINE,
        Ok(total) => total,
    }
}

/// What this process takes now, bytes; 0 where the system does not tell.
pub(crate) fn resident() -> u64 {
    let (Ok(id), Ok(mut system)) = (sysinfo::get_current_pid(), sysinfo::System::new()) else {
        return 0;
    };
    let only_memory = sysinfo::ProcessRefreshKind::nothing().with_memory();
    let this = sysinfo::ProcessesToUpdate::Some(&[id]);
    system.refresh_processes_specifics(this, false, only_memory);
    system.process(id).map_or(0, sysinfo::Process::memory)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: QueueLimits = QueueLimits {
        messages: 0,
        bytes: 0,
        qos0: false,
    };

    #[test]
    fn a_share_counts_while_it_lives_and_grows_no_further_than_the_limit() {
        const LIMIT: usize = 4 * ALWAYS_TAKEN;
        let memory = Memory::with(QUEUE, LIMIT);
        let mut share = Share::new(memory.clone());
        assert!(share.resize(LIMIT - 2 * ALWAYS_TAKEN));
        let mut other = Share::new(memory.clone());
        assert!(!other.resize(2 * ALWAYS_TAKEN + 1));
        assert!(other.resize(2 * ALWAYS_TAKEN));
        assert!(!memory.has_room(1));
        let mut small = Share::new(memory.clone());
        assert!(small.resize(ALWAYS_TAKEN));
        drop((share, small));
        assert_eq!(memory.stored().bytes, 2 * ALWAYS_TAKEN);
        assert!(other.resize(LIMIT));
    }

    #[test]
    fn one_queue_has_its_share_unless_a_limit_is_set() {
        assert_eq!(Memory::with(QUEUE, 1000).queue().bytes, 250);
        let queue = QueueLimits { bytes: 7, ..QUEUE };
        assert_eq!(Memory::with(queue, 1000).queue().bytes, 7);
    }

    #[test]
    fn this_machine_has_memory_and_this_process_takes_some() {
        assert!(machine() > 1 << 20);
        assert!(resident() > 1 << 16);
    }
}
