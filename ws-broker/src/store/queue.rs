use std::collections::HashMap;
use std::sync::Arc;

use codec::QoS;
use foldhash::fast::RandomState;
use protocol::Delivery;

use super::{Change, Journal, SessionId};

/// The numbers of the deliveries in the queue of a session that is stored; an
/// outbox has it under its lock.
///
/// A delivery at QoS 1 or 2 bears its number as token, so that its
/// acknowledgement finds it. The token that it came with, a shared
/// subscription's, waits here.
#[derive(Debug)]
pub(crate) struct StoredQueue {
    journal: Arc<Journal>,
    session: SessionId,
    /// The number after the last. Those of deliveries that came by a shared
    /// subscription are odd.
    next: u64,
    shared: HashMap<u64, u64, RandomState>,
    /// What is new is not stored any more.
    is_over: bool,
    /// Changes that are about to be submitted.
    changes: Vec<Change>,
}

impl StoredQueue {
    /// Of a session without deliveries.
    pub(crate) fn new(journal: Arc<Journal>, session: SessionId) -> Self {
        Self {
            journal,
            session,
            next: 2,
            shared: HashMap::default(),
            is_over: false,
            changes: Vec::new(),
        }
    }

    /// Whether the session is stored still.
    pub(crate) const fn is_stored(&self) -> bool {
        !self.is_over
    }

    /// A number that is in use, and the delivery that bears it again, if it is
    /// still needed.
    pub(crate) fn restore(&mut self, number: u64, delivery: Option<&mut Delivery>) {
        self.next = self.next.max((number | 1) + 1);
        if let Some(delivery) = delivery {
            if delivery.token != 0 {
                self.shared.insert(number, delivery.token);
            }
            delivery.token = number;
        }
    }

    /// Numbers a delivery that is queued, to be stored by
    /// [`StoredQueue::submit`].
    pub(crate) fn number(&mut self, delivery: &mut Delivery) {
        if delivery.qos == QoS::AtMostOnce {
            return;
        }
        let is_shared = delivery.token != 0;
        let number = self.next | u64::from(is_shared);
        self.next += 2;
        if !self.is_over {
            let queued = Change::Queued(self.session, number, delivery.clone());
            self.changes.push(queued);
        }
        if is_shared {
            self.shared.insert(number, delivery.token);
        }
        delivery.token = number;
    }

    /// Submits what was numbered. Under the outbox's lock, so that nobody can
    /// be done with it before.
    pub(crate) fn submit(&mut self) {
        if !self.changes.is_empty() {
            self.journal.submit(self.changes.drain(..));
        }
    }

    /// The session ends, or is not stored from now on.
    pub(crate) fn end(&mut self) {
        if !std::mem::replace(&mut self.is_over, true) {
            self.journal.submit([Change::Ended(self.session)]);
        }
    }

    /// The token that a delivery at QoS 1 or 2 came with.
    pub(crate) fn token(&self, number: u64) -> u64 {
        self.shared.get(&number).copied().unwrap_or(0)
    }

    /// Nobody asks for the delivery's token again.
    pub(crate) fn forget(&mut self, number: u64) {
        self.shared.remove(&number);
    }

    /// Whether [`StoredQueue::forget`] has something to do.
    pub(crate) const fn is_shared(number: u64) -> bool {
        number & 1 == 1
    }
}
