//! Who is connected, and the sessions of those who are not.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;
use std::time::Duration;

use codec::{ByteString, PacketId, SubscriptionOptions, TopicFilter, Will};
use foldhash::fast::RandomState;
use futures_util::task::AtomicWaker;
use protocol::{Session, Time};
use tokio::sync::{Notify, oneshot};

use crate::access::Identity;
use crate::desk::{About, Row, Subscriptions};
use crate::listener::Address;
use crate::memory::Memory;
use crate::outbox::Outbox;
use crate::store::{Change, Journal, SessionId, SessionRecord, StoredQueue};

/// Session expiry that means "never" (section 3.1.2.11.2).
pub(crate) const NEVER: u32 = u32::MAX;

/// A session's whole state: it is with the connection, or parked, never both.
#[derive(Debug)]
pub(crate) struct SessionState {
    /// Handshakes in progress; with the connection while there is one.
    pub session: Option<Box<Session>>,
    /// What waits for the client.
    pub outbox: Arc<Outbox>,
    /// What it subscribes to.
    pub subscriptions: HashMap<TopicFilter, SubscriptionOptions, RandomState>,
    /// What the store knows it by, if it outlives the process.
    pub stored: Option<Box<StoredSession>>,
}

/// What a session is in the store.
#[derive(Debug)]
pub(crate) struct StoredSession {
    /// Its number.
    pub id: SessionId,
    /// QoS 2 publishes received, of which the store knows.
    pub received: HashSet<PacketId, RandomState>,
}

impl SessionState {
    /// A new session.
    pub(crate) fn new(identity: Identity, memory: Arc<Memory>) -> Self {
        Self {
            session: None,
            outbox: Arc::new(Outbox::new(identity, memory)),
            subscriptions: HashMap::default(),
            stored: None,
        }
    }

    /// A session without deliveries is stored from here on.
    pub(crate) fn store(&mut self, journal: &Arc<Journal>, id: SessionId) {
        let queue = StoredQueue::new(journal.clone(), id);
        self.outbox.set_stored(queue);
        self.stored = Some(Box::new(StoredSession {
            id,
            received: HashSet::default(),
        }));
    }

    /// What is to be stored of a session whose client is away since then, or
    /// connected; nothing if it is not stored.
    pub(crate) fn change(
        &self,
        expiry: u32,
        away_since: Option<Time>,
        will: Option<(Will, Time)>,
    ) -> Option<Change> {
        let stored = self.stored.as_ref()?;
        let record = SessionRecord {
            identity: self.outbox.identity().clone(),
            expiry,
            away_since,
            will,
            next_packet_id: self.session.as_ref().map(|s| s.next_packet_id()),
        };
        Some(Change::Session(stored.id, Box::new(record)))
    }
}

/// How others reach a client's connection.
#[derive(Debug)]
pub(crate) struct Control {
    /// The peer's address.
    pub address: Address,
    told: Mutex<Told>,
    waker: AtomicWaker,
}

#[derive(Debug, Default)]
struct Told {
    commands: VecDeque<Command>,
    /// Who is there, from CONNACK on.
    about: Option<Arc<About>>,
}

/// A client that is connected.
#[derive(Debug)]
pub(crate) struct Present {
    /// How it is reached.
    pub control: Arc<Control>,
    /// What is known of it.
    pub about: Arc<About>,
}

/// What a connection is told by others.
#[derive(Debug)]
pub(crate) enum Command {
    /// Another connection has the same client identifier: hand the session
    /// over and close.
    TakeOver(TakeOver),
    /// The broker stops.
    ShutDown,
    /// What clients may do has changed.
    LookAgain,
    /// Somebody wants to know what the client subscribes to.
    Subscriptions(oneshot::Sender<Subscriptions>),
    /// Another client has asked for the end of this connection.
    Disconnect {
        /// The other one's identifier.
        by: ByteString,
    },
}

/// A request for a session.
#[derive(Debug)]
pub(crate) struct TakeOver {
    /// The other connection throws the session away.
    pub clean_start: bool,
    /// The other connection's address.
    pub by: Address,
    reply: oneshot::Sender<Option<Box<SessionState>>>,
}

impl TakeOver {
    /// Answers the request; `None` if there is no session left.
    pub(crate) fn hand_over(
        self,
        state: Option<Box<SessionState>>,
    ) -> Result<(), Box<SessionState>> {
        match self.reply.send(state) {
            Ok(()) | Err(None) => Ok(()),
            Err(Some(state)) => Err(state),
        }
    }
}

impl Control {
    /// For a connection from `address`.
    pub(crate) fn new(address: Address) -> Self {
        Self {
            address,
            told: Mutex::default(),
            waker: AtomicWaker::new(),
        }
    }

    /// Tells the connection something.
    pub(crate) fn send(&self, command: Command) {
        self.lock().commands.push_back(command);
        self.waker.wake();
    }

    /// The client is accepted, and may be seen by others.
    pub(crate) fn tell(&self, about: Arc<About>) {
        self.lock().about = Some(about);
    }

    fn present(self: &Arc<Self>) -> Option<Present> {
        let about = self.lock().about.clone()?;
        Some(Present {
            control: self.clone(),
            about,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next command; if there is none, the task is woken when one comes.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Option<Command> {
        self.waker.register(cx.waker());
        self.take()
    }

    /// The next command.
    pub(crate) fn take(&self) -> Option<Command> {
        self.lock().commands.pop_front()
    }
}

/// A session whose client is away.
#[derive(Debug)]
pub(crate) struct Parked {
    /// The session.
    pub state: Box<SessionState>,
    /// When it ends; `None` for never.
    pub expires_at: Option<Time>,
    /// A will that waits for its delay to pass.
    pub will: Option<(Will, Time)>,
    /// Session expiry interval, seconds.
    expiry: u32,
    away_since: Time,
}

#[derive(Debug)]
enum Entry {
    Live(Arc<Control>),
    Parked(Box<Parked>),
    /// A bridge has it for good: no client takes its place.
    Bridge(Arc<Control>),
}

/// What a client that connects finds.
#[derive(Debug)]
pub(crate) enum Found {
    /// No session.
    Nothing,
    /// A session whose client was away.
    Parked(Box<Parked>),
    /// A connection that has the session, and has been told to hand it over.
    Live(oneshot::Receiver<Option<Box<SessionState>>>),
    /// A bridge has this identifier; nothing was changed.
    Bridge,
}

/// What is due at a moment.
#[derive(Debug)]
pub(crate) enum Due {
    /// The delay of a client's will has passed; what is to be stored when it is
    /// published.
    Will(Box<(Identity, Will)>, Option<Change>),
    /// A session has expired.
    Session(Box<Parked>),
}

/// All sessions by client identifier.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    inner: Mutex<Inner>,
    /// The next moment at which something is due may have changed.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    /// In the order in which they are listed.
    entries: BTreeMap<ByteString, Entry>,
    /// How many of them are parked.
    parked: usize,
    /// How many of them are bridges.
    bridges: usize,
    /// When which parked session is to be looked at.
    schedule: BTreeSet<(Time, ByteString)>,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether `id` has a session, or there are fewer than `limit`.
    pub(crate) fn has_room(&self, id: &ByteString, limit: usize) -> bool {
        let inner = self.lock();
        inner.entries.contains_key(id) || inner.entries.len() < limit
    }

    /// Puts a connection in the place of what was there.
    pub(crate) fn join(&self, id: &ByteString, control: &Arc<Control>, clean_start: bool) -> Found {
        let mut inner = self.lock();
        if let Some(Entry::Bridge(_)) = inner.entries.get(id) {
            return Found::Bridge;
        }
        inner.enter(id, Entry::Live(control.clone()), control, clean_start)
    }

    /// Puts a bridge in the place of what was there.
    pub(crate) fn join_bridge(&self, id: &ByteString, control: &Arc<Control>) -> Found {
        let mut inner = self.lock();
        inner.bridges += 1;
        inner.enter(id, Entry::Bridge(control.clone()), control, false)
    }

    /// A bridge gives its identifier up.
    pub(crate) fn leave_bridge(&self, id: &ByteString) {
        let mut inner = self.lock();
        if let Some(Entry::Bridge(_)) = inner.entries.get(id) {
            inner.entries.remove(id);
            inner.bridges -= 1;
        }
    }

    /// Parks a session that was stored; nobody is connected yet.
    pub(crate) fn restore(&self, parked: Box<Parked>) {
        let id = parked.state.outbox.identity().client_id.clone();
        let mut inner = self.lock();
        inner.parked += 1;
        inner.schedule(&id, &parked);
        inner.entries.insert(id, Entry::Parked(parked));
    }

    /// A connection ends and leaves its session behind, or nothing. Gives the
    /// session back if another connection has taken over: that one waits for
    /// it, see [`Control::take`].
    pub(crate) fn leave(
        &self,
        id: &ByteString,
        control: &Arc<Control>,
        parked: Option<Box<Parked>>,
    ) -> Result<(), Option<Box<Parked>>> {
        let mut inner = self.lock();
        match inner.entries.get_mut(id) {
            Some(Entry::Live(live)) if Arc::ptr_eq(live, control) => {}
            _ => return Err(parked),
        }
        match parked {
            None => {
                inner.entries.remove(id);
            }
            Some(parked) => {
                inner.parked += 1;
                inner.schedule(id, &parked);
                inner.entries.insert(id.clone(), Entry::Parked(parked));
                self.changed.notify_one();
            }
        }
        Ok(())
    }

    /// Tells every connection that the broker stops.
    pub(crate) fn shut_down(&self) {
        for control in self.live() {
            control.send(Command::ShutDown);
        }
    }

    /// Tells every connection that what clients may do has changed.
    pub(crate) fn look_again(&self) {
        for control in self.live() {
            control.send(Command::LookAgain);
        }
    }

    fn live(&self) -> Vec<Arc<Control>> {
        let inner = self.lock();
        let live = inner.entries.values().filter_map(|entry| match entry {
            Entry::Live(control) | Entry::Bridge(control) => Some(control.clone()),
            Entry::Parked(_) => None,
        });
        live.collect()
    }

    /// How the client is reached, if it is connected.
    pub(crate) fn control(&self, id: &ByteString) -> Option<Arc<Control>> {
        match self.lock().entries.get(id) {
            Some(Entry::Live(control)) => control.present().map(|present| present.control),
            _ => None,
        }
    }

    /// Looks at the session of a client that is away.
    pub(crate) fn away<T>(&self, id: &ByteString, look: impl FnOnce(&Parked) -> T) -> Option<T> {
        match self.lock().entries.get(id) {
            Some(Entry::Parked(parked)) => Some(look(parked)),
            _ => None,
        }
    }

    /// At most `limit` clients, connected or away, whose identifiers come
    /// after `after`, in their order, and whether there are more.
    pub(crate) fn page(&self, after: Option<&str>, limit: usize) -> (Vec<Row>, bool) {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let inner = self.lock();
        let entries = inner.entries.range::<str, _>((from, Bound::Unbounded));
        // Only what cannot be had later is looked at under the lock.
        let found = entries.filter_map(|(_, entry)| match entry {
            Entry::Live(control) => control.present().map(Ok),
            Entry::Parked(parked) => Some(Err(Row::away(parked))),
            Entry::Bridge(_) => None,
        });
        let mut found: Vec<_> = found.take(limit + 1).collect();
        drop(inner);
        let has_more = found.len() > limit;
        found.truncate(limit);
        let row = |found: Result<Present, Row>| match found {
            Ok(present) => Row::connected(&present),
            Err(row) => row,
        };
        (found.into_iter().map(row).collect(), has_more)
    }

    /// How many clients are connected, and how many sessions are parked.
    pub(crate) fn count(&self) -> (usize, usize) {
        let inner = self.lock();
        let parked = inner.parked;
        (inner.entries.len() - parked - inner.bridges, parked)
    }

    /// Waits until something is due, and takes it.
    pub(crate) async fn due(&self, clock: crate::clock::Clock) -> Vec<Due> {
        loop {
            let next = self.lock().schedule.first().map(|(at, _)| *at);
            let now = clock.now();
            match next {
                Some(at) if at <= now => return self.lock().take_due(now),
                Some(at) => {
                    let sleep = tokio::time::sleep_until(clock.instant(at));
                    tokio::select! {
                        () = sleep => {}
                        () = self.changed.notified() => {}
                    }
                }
                None => self.changed.notified().await,
            }
        }
    }
}

impl Inner {
    fn enter(
        &mut self,
        id: &ByteString,
        entry: Entry,
        control: &Control,
        clean_start: bool,
    ) -> Found {
        match self.entries.insert(id.clone(), entry) {
            None => Found::Nothing,
            Some(Entry::Parked(parked)) => {
                self.parked -= 1;
                self.unschedule(id, &parked);
                Found::Parked(parked)
            }
            Some(Entry::Live(other) | Entry::Bridge(other)) => {
                let (reply, state) = oneshot::channel();
                other.send(Command::TakeOver(TakeOver {
                    clean_start,
                    by: control.address.clone(),
                    reply,
                }));
                Found::Live(state)
            }
        }
    }

    fn schedule(&mut self, id: &ByteString, parked: &Parked) {
        self.schedule
            .extend(parked.next().map(|at| (at, id.clone())));
    }

    fn unschedule(&mut self, id: &ByteString, parked: &Parked) {
        if let Some(at) = parked.next() {
            self.schedule.remove(&(at, id.clone()));
        }
    }

    fn take_due(&mut self, now: Time) -> Vec<Due> {
        let mut due = Vec::new();
        while let Some((at, _)) = self.schedule.first()
            && *at <= now
        {
            let Some((_, id)) = self.schedule.pop_first() else {
                break;
            };
            let Some(Entry::Parked(parked)) = self.entries.get_mut(&id) else {
                continue;
            };
            if let Some((will, _)) = parked.will.take_if(|(_, at)| *at <= now) {
                let who = parked.state.outbox.identity().clone();
                due.push(Due::Will(Box::new((who, will)), parked.change()));
            }
            if parked.expires_at.is_some_and(|at| at <= now) {
                if let Some(Entry::Parked(parked)) = self.entries.remove(&id) {
                    self.parked -= 1;
                    due.push(Due::Session(parked));
                }
            } else if let Some(at) = parked.next() {
                self.schedule.insert((at, id));
            }
        }
        due
    }
}

impl Parked {
    /// A session that its client leaves `now`, with an expiry interval in
    /// seconds.
    pub(crate) fn new(
        state: Box<SessionState>,
        expiry: u32,
        will: Option<(Will, Time)>,
        now: Time,
    ) -> Self {
        let expires_at = (expiry != NEVER).then(|| now + Duration::from_secs(expiry.into()));
        Self {
            state,
            expires_at,
            will,
            expiry,
            away_since: now,
        }
    }

    /// What is to be stored of it, if it is stored.
    pub(crate) fn change(&self) -> Option<Change> {
        let will = self.will.clone();
        self.state.change(self.expiry, Some(self.away_since), will)
    }

    /// Session expiry interval, seconds.
    pub(crate) const fn expiry(&self) -> u32 {
        self.expiry
    }

    /// Since when its client is away.
    pub(crate) const fn away_since(&self) -> Time {
        self.away_since
    }

    /// When something is due.
    fn next(&self) -> Option<Time> {
        let will = self.will.as_ref().map(|(_, at)| *at);
        [self.expires_at, will].into_iter().flatten().min()
    }
}
