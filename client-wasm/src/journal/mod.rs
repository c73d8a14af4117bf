//! What a client stores of its session, and what waits until it is stored.
//! Pure: the driver commits the changes, and says when they are safe.
//!
//! ```text
//! send     store message and identifier -> PUBLISH; PUBREC -> store that it came -> PUBREL
//! receive  PUBLISH -> store message and identifier -> application, PUBACK or PUBREC
//!          PUBREL -> forget the identifier -> PUBCOMP
//! ```
//!
//! Changes are committed in order, as many at once as have come while the ones
//! before them were on their way.

mod receipt;
mod record;

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use codec::{ByteString, EncodeError, PacketId, Publish, QoS};
use protocol::{Delivery, Session, Time};

use crate::Message;
use crate::store::Possible;
pub(crate) use receipt::Receipt;
use record::{Clock, Head, Key};

/// A record to be written or to be deleted. Records of handshakes are those
/// with packet identifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Put(u64, Bytes),
    Delete(u64),
    DeleteHandshakes,
}

/// What is done once something is stored.
#[derive(Debug)]
pub(crate) enum Step {
    /// Subscribe: the session is this store's.
    Accepted,
    /// PUBLISH.
    Transmit(PacketId),
    /// PUBREL.
    Release(PacketId),
    /// PUBCOMP.
    Complete(PacketId),
    /// Hand a message with this number over, and PUBACK or PUBREC.
    Receive(Publish, u64),
}

/// What another page has left.
#[derive(Debug, Default)]
pub(crate) struct Restored {
    pub(crate) session: Session,
    /// What was not sent, oldest first.
    pub(crate) queue: Vec<Delivery>,
    /// What the application has not taken, oldest first.
    pub(crate) received: Vec<Message>,
}

/// What could not be stored, and is as if it had never been.
#[derive(Debug, Default)]
pub(crate) struct Undone {
    /// Tokens of publishes, ascending.
    pub(crate) sent: Vec<u64>,
    /// Packet identifiers of QoS 2 publishes.
    pub(crate) received: Vec<PacketId>,
}

/// Publishes by token, until they are given away.
type Inherited = Vec<(u64, Option<Delivery>)>;

/// See the module.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) possible: Possible,
    clock: Clock,
    head: Head,
    /// Whether the broker's session is known to be this store's half.
    is_known: bool,
    /// Why this store cannot be used with these options.
    pub(crate) objection: Option<&'static str>,
    next: Batch,
    committing: Option<Batch>,
    /// How many batches were begun, and how many are safe.
    begun: u64,
    safe: u64,
    /// The batch that CONNECT waits for.
    awaited: Option<u64>,
    /// Nothing could be stored: nothing is tried before the next connection.
    is_paused: bool,
    taken: Rc<RefCell<Vec<u64>>>,
    /// What another page has published and the broker has not taken, by token,
    /// ascending: nobody waits for its outcome.
    inherited: Inherited,
}

#[derive(Debug, Default)]
struct Batch {
    changes: Vec<Change>,
    steps: Vec<Step>,
}

impl Batch {
    const fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.steps.is_empty()
    }
}

impl Journal {
    /// Of the records that there are. `epoch` is now in milliseconds since
    /// 1970.
    pub(crate) fn open(
        possible: Possible,
        records: impl IntoIterator<Item = (u64, Bytes)>,
        epoch: u64,
        now: Time,
    ) -> (Self, Restored) {
        let taken = Rc::default();
        let clock = Clock::new(epoch, now);
        let read = record::read(records, clock, &taken, possible);
        let objection = read.is_none().then_some(UNREADABLE);
        let (head, restored, inherited) = read.unwrap_or_default();
        let journal = Self {
            possible,
            clock,
            is_known: head.is_known,
            head,
            objection,
            next: Batch::default(),
            committing: None,
            begun: 0,
            safe: 0,
            awaited: None,
            is_paused: false,
            taken,
            inherited,
        };
        (journal, restored)
    }

    /// Settles whose the store is: the client identifier to use, and a number
    /// above all that were ever used. One that nobody asked for gives way to
    /// that of the store.
    pub(crate) fn claim(&mut self, client_id: &ByteString, gives_way: bool) -> (ByteString, u64) {
        if self.head.client_id.is_empty() {
            self.head.client_id = client_id.clone();
        } else if !gives_way && *client_id != self.head.client_id {
            self.objection.get_or_insert(OTHER_CLIENT);
        }
        let first = self.head.take_numbers();
        self.write_head();
        (self.head.client_id.clone(), first)
    }

    fn write_head(&mut self) {
        let head = self.head.write();
        self.put(Key::HEAD, head);
    }

    /// Whether the broker's session is this store's other half. If it is not,
    /// it must be a new one.
    pub(crate) const fn is_known(&self) -> bool {
        self.is_known
    }

    /// The broker has accepted this client identifier.
    pub(crate) fn accepted(&mut self, client_id: &ByteString) {
        if !self.head.is_known {
            self.head.is_known = true;
            self.head.client_id = client_id.clone();
            self.write_head();
            self.then(Step::Accepted);
        }
    }

    /// That is stored.
    pub(crate) fn is_known_now(&mut self) {
        self.is_known = true;
    }

    /// The broker has lost its half of the session.
    pub(crate) fn session_lost(&mut self) {
        self.next.changes.push(Change::DeleteHandshakes);
    }

    /// The record of a publish that is to be sent.
    ///
    /// # Errors
    /// It is longer than MQTT allows.
    pub(crate) fn record(&self, delivery: &Delivery) -> Result<Bytes, EncodeError> {
        record::of_delivery(delivery, self.clock)
    }

    /// A publish that is to be sent.
    pub(crate) fn publish(&mut self, token: u64, record: Bytes) {
        self.put(Key::sending(token), record);
    }

    /// It has its packet identifier: the next is PUBLISH.
    pub(crate) fn prepared(&mut self, id: PacketId, token: u64) {
        self.put(Key::sent(token), record::of_sent(id, false));
        self.then(Step::Transmit(id));
    }

    /// PUBREC has come: the next is PUBREL.
    pub(crate) fn taken_by_broker(&mut self, id: PacketId, token: u64) {
        self.put(Key::sent(token), record::of_sent(id, true));
        self.next.changes.push(Change::Delete(Key::sending(token)));
        self.disown(token);
        self.then(Step::Release(id));
    }

    /// A publish is over, or is not to be sent. Gives it if it is another
    /// page's.
    pub(crate) fn settled(&mut self, token: u64) -> Option<Delivery> {
        for key in [Key::sent(token), Key::sending(token)] {
            self.next.changes.push(Change::Delete(key));
        }
        self.disown(token)
    }

    fn disown(&mut self, token: u64) -> Option<Delivery> {
        let all = &mut self.inherited;
        let at = all.binary_search_by_key(&token, |(token, _)| *token);
        all[at.ok()?].1.take()
    }

    /// A message has come at QoS 1 or 2.
    pub(crate) fn received(&mut self, publish: Publish, id: PacketId, number: u64) {
        self.put(Key::received(number), record::of_publish(&publish));
        if publish.qos == QoS::ExactlyOnce {
            self.put(Key::seen(id), Bytes::new());
        }
        self.then(Step::Receive(publish, number));
    }

    /// PUBREL has come: the next is PUBCOMP.
    pub(crate) fn released(&mut self, id: PacketId) {
        self.next.changes.push(Change::Delete(Key::seen(id)));
        self.then(Step::Complete(id));
    }

    /// What tells when the application has taken a message.
    pub(crate) fn receipt(&self, number: u64) -> Receipt {
        Receipt::new(number, &self.taken, self.possible)
    }

    fn put(&mut self, key: u64, record: Bytes) {
        self.next.changes.push(Change::Put(key, record));
    }

    fn then(&mut self, step: Step) {
        self.next.steps.push(step);
    }

    /// Whether CONNECT has to wait: for whatever the connection before has
    /// left to be stored.
    pub(crate) fn holds_connect(&mut self) -> bool {
        let last = self.begun + u64::from(!self.next.is_empty());
        self.safe < *self.awaited.get_or_insert(last)
    }

    /// Whether CONNECT has waited, and need not any more.
    pub(crate) fn lets_connect(&self) -> bool {
        self.awaited.is_some_and(|awaited| self.safe >= awaited)
    }

    /// Another connection is asked for.
    pub(crate) fn opening(&mut self) {
        self.awaited = None;
        self.is_paused = false;
    }

    /// Whether there is something to commit.
    pub(crate) fn wants_commit(&mut self) -> bool {
        self.note_taken();
        let is_free = self.committing.is_none() && !self.is_paused;
        is_free && self.objection.is_none() && !self.next.is_empty()
    }

    /// What to commit next, once that before is.
    pub(crate) fn begin_commit(&mut self) -> Option<&[Change]> {
        if !self.wants_commit() {
            return None;
        }
        self.begun += 1;
        let batch = std::mem::take(&mut self.next);
        Some(&self.committing.insert(batch).changes)
    }

    /// What the application has taken is forgotten.
    fn note_taken(&mut self) {
        let taken = self.taken.take();
        let changes = taken
            .into_iter()
            .map(|number| Change::Delete(Key::received(number)));
        self.next.changes.extend(changes);
    }

    /// What was begun is safe: what is to be done now.
    pub(crate) fn committed(&mut self) -> Vec<Step> {
        self.safe = self.begun;
        let batch = self.committing.take();
        batch.map_or_else(Vec::new, |batch| batch.steps)
    }

    /// Nothing of it was stored. The publishes in it are given up, and not
    /// those that have come since; what says how far handshakes are is tried
    /// again. What was received, then or since, the broker sends again.
    pub(crate) fn failed(&mut self) -> Undone {
        let mut undone = Undone::default();
        let failed = self.committing.take().unwrap_or_default();
        for change in &failed.changes {
            if let Change::Put(key, _) = change
                && let Some((token, true)) = Key::token(*key)
            {
                undone.sent.push(token);
            }
        }
        let next = std::mem::take(&mut self.next);
        for step in failed.steps.into_iter().chain(next.steps) {
            match step {
                Step::Receive(publish, _) => undone.received.extend(publish.packet_id),
                Step::Accepted => self.then(step),
                _ => {}
            }
        }
        let mut changes = failed.changes;
        changes.extend(next.changes);
        changes.retain(|change| match change {
            Change::Put(key, _) => match Key::token(*key) {
                Some((token, _)) => undone.sent.binary_search(&token).is_err(),
                None => !Key::is_incoming(*key),
            },
            _ => true,
        });
        self.next.changes = changes;
        // It counts as one that was never begun.
        self.begun = self.safe;
        self.is_paused = true;
        undone
    }

    /// The client has ended: what the application has not taken stays.
    pub(crate) fn end(&mut self) {
        self.note_taken();
        self.taken = Rc::default();
    }

    /// What there is still to commit.
    pub(crate) fn rest(mut self) -> Vec<Change> {
        if self.objection.is_some() {
            self.next.changes.clear();
        }
        self.next.changes
    }
}

const UNREADABLE: &str = "it holds what this version of the client cannot read";
const OTHER_CLIENT: &str = "it belongs to a client with another client identifier";

#[cfg(test)]
mod tests;
