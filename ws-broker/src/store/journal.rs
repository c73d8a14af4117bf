use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::waiting::Waiting;
use super::{Change, Group, SessionId, Store, StoreError, Waiter};
use crate::config::Durability;
use crate::log::{error, notice};

/// How soon a commit that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Changes that are not yet to be committed are merged when there are so many.
const MERGE_AT: usize = 16 << 10;
/// Without changes for so long, the store may tidy up.
const IDLE: Duration = Duration::from_secs(10);

/// Stands for all changes that were submitted before it was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(pub(super) u64);

/// Where changes are submitted; a thread of its own commits them.
#[derive(Debug)]
pub(crate) struct Journal {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
    next_session: AtomicU64,
}

#[derive(Debug)]
struct Shared {
    pending: Mutex<Pending>,
    /// The writer is to look what is pending.
    changed: Condvar,
    /// The writer takes what is pending while nobody reads this.
    unity: RwLock<()>,
    submitted: AtomicU64,
    waiting: Waiting,
    is_failing: AtomicBool,
    /// How often there is a commit; `None` for as soon as something changes.
    interval: Option<Duration>,
}

#[derive(Debug, Default)]
struct Pending {
    changes: Vec<Change>,
    /// The writer waits for a change.
    is_writer_idle: bool,
    /// Somebody does not want to wait for the interval's end.
    is_due: bool,
    is_over: bool,
}

impl Journal {
    /// A journal that commits to `store`, where sessions below `next_session`
    /// are known.
    pub(crate) fn start(
        store: Box<dyn Store>,
        durability: Durability,
        next_session: SessionId,
    ) -> std::io::Result<Arc<Self>> {
        let shared = Arc::new(Shared {
            pending: Mutex::default(),
            changed: Condvar::new(),
            unity: RwLock::default(),
            submitted: AtomicU64::new(0),
            waiting: Waiting::default(),
            is_failing: AtomicBool::new(false),
            interval: durability.interval(),
        });
        let writer = Writer {
            shared: shared.clone(),
            store,
            group: Group::default(),
            ticket: Ticket::default(),
        };
        let thread = std::thread::Builder::new().name("store".into());
        let thread = thread.spawn(move || writer.run())?;
        Ok(Arc::new(Self {
            shared,
            writer: Mutex::new(Some(thread)),
            next_session: AtomicU64::new(next_session.0),
        }))
    }

    /// A number for a new session.
    pub(crate) fn new_session(&self) -> SessionId {
        SessionId(self.next_session.fetch_add(1, Ordering::Relaxed))
    }

    /// Takes changes over, in their order. No code that can panic, or waits,
    /// may be in the iterator.
    pub(crate) fn submit(&self, changes: impl IntoIterator<Item = Change>) {
        let mut pending = self.shared.lock();
        let before = pending.changes.len();
        pending.changes.extend(changes);
        let more = pending.changes.len() - before;
        // Under the lock, so that no ticket stands for more than is there.
        self.shared
            .submitted
            .fetch_add(more as u64, Ordering::Release);
        let is_due = match self.shared.interval {
            None => more > 0,
            Some(_) => pending.changes.len() >= MERGE_AT,
        };
        if is_due && std::mem::take(&mut pending.is_writer_idle) {
            drop(pending);
            self.shared.changed.notify_one();
        }
    }

    /// What is submitted while the guard lives is kept together or not at all.
    /// It is not to be held for long, nor twice by the same thread.
    pub(crate) fn together(&self) -> RwLockReadGuard<'_, ()> {
        self.shared
            .unity
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Stands for all that was submitted so far.
    pub(crate) fn ticket(&self) -> Ticket {
        Ticket(self.shared.submitted.load(Ordering::Acquire))
    }

    /// Ready when all that the ticket stands for is as safe as the
    /// configuration asks for; the task is woken when it is, and when the store
    /// begins to fail.
    pub(crate) fn poll(&self, ticket: Ticket, waiter: &mut Waiter, cx: &Context<'_>) -> Poll<()> {
        match self.shared.interval {
            None => self.shared.waiting.poll(ticket, waiter, cx),
            Some(_) => Poll::Ready(()),
        }
    }

    /// Whether nothing can be stored at present.
    pub(crate) fn is_failing(&self) -> bool {
        self.shared.is_failing.load(Ordering::Relaxed)
    }

    /// Lets what was submitted be committed now, whatever the interval.
    pub(crate) fn commit_now(&self) {
        self.shared.lock().is_due = true;
        self.shared.changed.notify_one();
    }

    /// Commits all that was submitted, and ends; waits for it. What is
    /// submitted later is lost.
    pub(crate) fn close(&self) {
        self.shared.lock().is_over = true;
        self.shared.changed.notify_one();
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let writer = writer.take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            error!("Error: the store's thread has panicked.");
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// No code that can panic runs under the lock.
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a wait ended with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Woken {
    Changes,
    Time,
    Over,
}

struct Writer {
    shared: Arc<Shared>,
    store: Box<dyn Store>,
    /// What is not committed yet.
    group: Group,
    /// Stands for all that is in `group`, or was committed.
    ticket: Ticket,
}

impl Writer {
    fn run(mut self) {
        loop {
            let woken = match self.shared.interval {
                None => self.wait(1, Instant::now() + IDLE),
                Some(interval) => self.wait_merging(interval),
            };
            self.gather();
            if self.group.is_empty() && woken == Woken::Time {
                self.store.tidy();
            }
            let is_over = !self.commit() || woken == Woken::Over;
            if is_over {
                return;
            }
        }
    }

    /// Waits until so many changes are pending, or it is time, or over.
    fn wait(&self, changes: usize, until: Instant) -> Woken {
        let mut pending = self.shared.lock();
        loop {
            if pending.is_over {
                return Woken::Over;
            }
            if std::mem::take(&mut pending.is_due) {
                return Woken::Time;
            }
            if pending.changes.len() >= changes {
                return Woken::Changes;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Woken::Time;
            }
            pending.is_writer_idle = true;
            let woken = self.shared.changed.wait_timeout(pending, left);
            pending = woken.unwrap_or_else(PoisonError::into_inner).0;
            pending.is_writer_idle = false;
        }
    }

    /// Waits for the interval's end, and merges what comes meanwhile.
    fn wait_merging(&mut self, interval: Duration) -> Woken {
        let until = Instant::now() + interval;
        loop {
            match self.wait(MERGE_AT, until) {
                Woken::Changes => self.gather(),
                woken => return woken,
            }
        }
    }

    /// Takes what is pending.
    fn gather(&mut self) {
        let shared = &self.shared;
        let unity = shared.unity.write().unwrap_or_else(PoisonError::into_inner);
        let mut pending = shared.lock();
        let changes = std::mem::take(&mut pending.changes);
        self.ticket = Ticket(shared.submitted.load(Ordering::Acquire));
        drop(pending);
        drop(unity);
        for change in changes {
            self.group.add(change);
        }
    }

    /// Commits the group, however often it takes; false if it is over before
    /// that.
    fn commit(&mut self) -> bool {
        loop {
            let outcome = if self.group.is_empty() {
                Ok(())
            } else {
                self.store.commit(&self.group)
            };
            match outcome {
                Ok(()) => {
                    self.group = Group::default();
                    if self.shared.is_failing.swap(false, Ordering::Relaxed) {
                        notice!("The store works again.");
                    }
                    self.shared.waiting.advance(self.ticket);
                    return true;
                }
                Err(why) => {
                    self.failed(&why);
                    let retry = Instant::now() + RETRY;
                    if self.wait(usize::MAX, retry) == Woken::Over {
                        return self.last_try();
                    }
                    self.gather();
                }
            }
        }
    }

    fn failed(&mut self, why: &StoreError) {
        self.group.may_be_stored();
        if !self.shared.is_failing.swap(true, Ordering::Relaxed) {
            error!(
                "Error: cannot write to the store: {why}. Until it works again, publishes that \
                 must be kept are refused."
            );
            self.shared.waiting.wake_all();
        }
    }

    /// The broker stops while the store fails.
    fn last_try(&mut self) -> bool {
        self.gather();
        if let Err(why) = self.store.commit(&self.group) {
            error!("Error: what was not acknowledged is not stored: {why}.");
        } else {
            self.shared.waiting.advance(self.ticket);
        }
        false
    }
}
