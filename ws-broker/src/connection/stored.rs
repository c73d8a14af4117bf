//! What waits until it is stored: acknowledgements, and the steps of QoS 2
//! handshakes (section 4.1.1).

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use codec::{PacketId, QoS, ReasonCode, SubAck, UnsubAck};
use protocol::server;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Connection, End, Phase};
use crate::store::{Change, Journal, Sent, Ticket, Waiter};

/// So many steps may wait before more is read.
const MAX_WAITING: usize = 4096;

/// What one connection submits to the journal, and what waits for it.
pub(crate) struct Storing {
    journal: Arc<Journal>,
    /// Changes that are not submitted yet.
    changes: Vec<Change>,
    /// Steps that wait for what is submitted next, by this connection or its
    /// routes.
    next: Vec<Step>,
    /// Steps that wait for a commit, in order.
    waiting: VecDeque<(Ticket, Step)>,
    waiter: Waiter,
    /// How many of the steps are SUBACKs.
    subacks: usize,
}

/// What is done once something is stored.
pub(crate) enum Step {
    /// PUBACK or PUBREC.
    Acknowledge(QoS, PacketId, ReasonCode),
    /// SUBACK.
    SubAck(SubAck),
    /// UNSUBACK.
    UnsubAck(UnsubAck),
    /// PUBLISH at QoS 2.
    Transmit(PacketId),
    /// PUBREL.
    Release(PacketId),
    /// PUBCOMP.
    Complete(PacketId),
}

impl Storing {
    pub(crate) fn new(journal: Arc<Journal>) -> Self {
        Self {
            journal,
            changes: Vec::new(),
            next: Vec::new(),
            waiting: VecDeque::new(),
            waiter: Waiter::default(),
            subacks: 0,
        }
    }

    /// Changes, and the step to take when they, and all before them, are stored.
    pub(crate) fn add(&mut self, changes: impl IntoIterator<Item = Change>, then: Option<Step>) {
        self.changes.extend(changes);
        self.subacks += usize::from(matches!(then, Some(Step::SubAck(_))));
        self.next.extend(then);
    }

    /// Submits what this connection has changed. What waits for it, or for
    /// what its routes have handed over, waits for the commit from here on.
    pub(crate) fn submit(&mut self) {
        if !self.changes.is_empty() {
            self.journal.submit(self.changes.drain(..));
        }
        if !self.next.is_empty() {
            let ticket = self.journal.ticket();
            let next = self.next.drain(..).map(|step| (ticket, step));
            self.waiting.extend(next);
        }
    }

    /// Whether no more should be read before some of it is stored.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() + self.next.len() >= MAX_WAITING
    }

    /// Whether a SUBACK waits.
    pub(super) const fn has_suback(&self) -> bool {
        self.subacks > 0
    }

    /// The first step that need not wait any more; if there is none, the task
    /// is woken when there is.
    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Option<Step> {
        let (ticket, _) = self.waiting.front()?;
        match self.journal.poll(*ticket, &mut self.waiter, cx) {
            Poll::Ready(()) => self.waiting.pop_front().map(|(_, step)| step),
            Poll::Pending => None,
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Connection<T> {
    /// Hands over what was collected for subscribers, and submits what is to be
    /// stored.
    pub(super) fn flush(&mut self) {
        self.routes.flush(&self.broker.router);
        if let Some(storing) = &mut self.storing {
            storing.submit();
        }
    }

    /// Takes the steps that waited for what is stored by now; tells whether
    /// there were any. If some wait on, the task is woken for them.
    pub(super) fn poll_stored(&mut self, cx: &Context<'_>) -> Result<bool, End> {
        let Some(storing) = &mut self.storing else {
            return Ok(false);
        };
        let mut is_busy = false;
        while let Some(step) = storing.poll(cx) {
            is_busy = true;
            storing.subacks -= usize::from(matches!(step, Step::SubAck(_)));
            match step {
                Step::Acknowledge(qos, id, reason) => self.server.acknowledge(qos, id, reason),
                Step::SubAck(suback) => self.server.suback(suback),
                Step::UnsubAck(unsuback) => self.server.unsuback(unsuback),
                Step::Transmit(id) => self.server.transmit(id, self.broker.clock.now()),
                Step::Release(id) => self.server.release(id),
                Step::Complete(id) => self.server.complete(id),
            }
        }
        Ok(is_busy | self.refuse_waiting()?)
    }

    /// While the store fails nobody need wait for PUBACK: the message was
    /// passed on, but it is not safe. At QoS 2 it waits on, since a publisher
    /// that was refused would send another.
    fn refuse_waiting(&mut self) -> Result<bool, End> {
        let Some(storing) = &mut self.storing else {
            return Ok(false);
        };
        if storing.waiting.is_empty() || !storing.journal.is_failing() {
            return Ok(false);
        }
        let is_v5 = self.server.version().is_v5();
        let mut refused = Vec::new();
        let mut is_refused = false;
        storing.waiting.retain(|(_, step)| match step {
            Step::Acknowledge(QoS::AtLeastOnce, id, _) if is_v5 => {
                refused.push(*id);
                false
            }
            Step::Acknowledge(..) => {
                is_refused |= !is_v5;
                true
            }
            _ => true,
        });
        // Before 5.0 there is no other way not to acknowledge it.
        if is_refused {
            return Err(End::NotStored);
        }
        for id in &refused {
            let reason = ReasonCode::QuotaExceeded;
            self.server.acknowledge(QoS::AtLeastOnce, *id, reason);
        }
        Ok(!refused.is_empty())
    }

    /// What this connection stores; `None` if nothing is stored at all.
    pub(super) fn storing(&mut self) -> Option<&mut Storing> {
        if self.storing.is_none() {
            let journal = self.broker.router.journal()?.clone();
            self.storing = Some(Box::new(Storing::new(journal)));
        }
        self.storing.as_deref_mut()
    }

    /// Submits changes, and takes the step when they, and all before them, are
    /// stored.
    pub(super) fn store(&mut self, changes: impl IntoIterator<Item = Change>, then: Option<Step>) {
        if let Some(storing) = self.storing() {
            storing.add(changes, then);
        }
    }

    /// Whether the store takes nothing at present.
    pub(super) fn is_store_failing(&self) -> bool {
        let journal = self.broker.router.journal();
        journal.is_some_and(|journal| journal.is_failing())
    }

    /// The client has a delivery at QoS 1 or 2, or will never have it.
    #[inline]
    pub(super) fn delivered(&mut self, number: u64) {
        if let Phase::Connected(client) = &self.phase
            && let Some(stored) = &client.state.stored
        {
            client.state.outbox.forget(number);
            let done = Change::Done(stored.id, number);
            self.store([done], None);
        }
    }

    /// The client has taken a delivery at QoS 2 (PUBREC).
    pub(super) fn taken(&mut self, taken: server::Taken) {
        let server::Taken { token, packet_id } = taken;
        if let Phase::Connected(client) = &self.phase
            && let Some(stored) = &client.state.stored
        {
            let released = Change::Sent(stored.id, token, Sent::Released(packet_id));
            self.store([released], Some(Step::Release(packet_id)));
        }
    }

    /// The client releases a publish at QoS 2 (PUBREL).
    pub(super) fn released(&mut self, packet_id: PacketId) {
        if let Phase::Connected(client) = &mut self.phase
            && let Some(stored) = &mut client.state.stored
        {
            let is_known = stored.received.remove(&packet_id);
            let completed = is_known.then_some(Change::Completed(stored.id, packet_id));
            self.store(completed, Some(Step::Complete(packet_id)));
        }
    }

    /// A publish at QoS 2 is to be stored: so is its identifier, with it.
    pub(super) fn received(&mut self, packet_id: PacketId) {
        if let Phase::Connected(client) = &mut self.phase
            && let Some(stored) = &mut client.state.stored
        {
            stored.received.insert(packet_id);
            let received = Change::Received(stored.id, packet_id);
            self.routes.store_with_it(received);
        }
    }
}

#[cfg(test)]
mod tests;
