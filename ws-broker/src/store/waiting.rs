use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

use super::Ticket;

/// How far the journal is committed, and who waits for it to get further.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    committed: AtomicU64,
    /// Each waits once, for its oldest ticket; tickets go up, nearly.
    waiters: Mutex<VecDeque<(Ticket, Arc<AtomicWaker>)>>,
}

/// One that waits for tickets, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Waiter {
    waker: Arc<AtomicWaker>,
    /// The ticket that it is to be woken for.
    waits_for: Option<Ticket>,
}

impl Waiting {
    pub(super) fn is_committed(&self, ticket: Ticket) -> bool {
        ticket.0 <= self.committed.load(Ordering::Acquire)
    }

    /// Ready when the ticket is committed; the task is woken when it is.
    pub(super) fn poll(&self, ticket: Ticket, waiter: &mut Waiter, cx: &Context<'_>) -> Poll<()> {
        if self.is_committed(ticket) {
            return Poll::Ready(());
        }
        waiter.waker.register(cx.waker());
        if waiter.waits_for != Some(ticket) {
            let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
            waiters.push_back((ticket, waiter.waker.clone()));
            waiter.waits_for = Some(ticket);
        }
        // It may have been committed before the waker was there.
        if self.is_committed(ticket) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Nothing gets further for now: whoever waits may want to know.
    pub(super) fn wake_all(&self) {
        let waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        let wakers: Vec<_> = waiters.iter().map(|(_, waker)| waker.clone()).collect();
        drop(waiters);
        for waker in wakers {
            waker.wake();
        }
    }

    /// All up to `ticket` is committed.
    pub(super) fn advance(&self, ticket: Ticket) {
        self.committed.fetch_max(ticket.0, Ordering::Release);
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        let (ready, left) = std::mem::take(&mut *waiters)
            .into_iter()
            .partition(|(waits_for, _)| *waits_for <= ticket);
        *waiters = left;
        drop(waiters);
        let ready: VecDeque<_> = ready;
        for (_, waker) in ready {
            waker.wake();
        }
    }
}
