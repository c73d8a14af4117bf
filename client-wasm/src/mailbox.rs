//! A bounded queue between the driver and a stream, for one thread.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// How much a stream holds that nobody has read yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Messages.
    pub messages: usize,
    /// Bytes of topics and payloads.
    pub bytes: usize,
}

/// Both ends of the queue.
#[derive(Debug)]
pub(crate) struct Mailbox<T>(Rc<RefCell<State<T>>>);

impl<T> Clone for Mailbox<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<Item<T>>,
    bytes: usize,
    bounds: Bounds,
    missed: u64,
    closed: bool,
    reader: Option<Waker>,
}

#[derive(Debug)]
struct Item<T> {
    value: T,
    bytes: usize,
    droppable: bool,
}

impl<T> State<T> {
    fn is_full(&self) -> bool {
        self.items.len() >= self.bounds.messages || self.bytes >= self.bounds.bytes
    }

    fn pop(&mut self) -> Option<T> {
        let item = self.items.pop_front()?;
        self.bytes -= item.bytes;
        Some(item.value)
    }
}

impl<T> Mailbox<T> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self(Rc::new(RefCell::new(State {
            items: VecDeque::new(),
            bytes: 0,
            bounds,
            missed: 0,
            closed: false,
            reader: None,
        })))
    }

    /// Puts a value in. When the queue is full, something droppable gives way:
    /// the oldest value, else this one, and is counted as missed. What is not
    /// droppable goes in though the queue be full: its sender must then hold
    /// back until [`Mailbox::is_full`] is false again.
    pub(crate) fn push(&self, value: T, bytes: usize, droppable: bool) {
        let mut state = self.0.borrow_mut();
        if state.closed {
            return;
        }
        if droppable {
            while state.is_full() && state.items.front().is_some_and(|oldest| oldest.droppable) {
                state.pop();
                state.missed += 1;
            }
            if state.is_full() {
                state.missed += 1;
                return;
            }
        }
        state.bytes += bytes;
        state.items.push_back(Item {
            value,
            bytes,
            droppable,
        });
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// The oldest value, if there is any.
    pub(crate) fn take(&self) -> Option<T> {
        self.0.borrow_mut().pop()
    }

    /// Those that are wanted, oldest first.
    pub(crate) fn take_if(&self, wanted: &dyn Fn(&T) -> bool) -> Vec<T> {
        let mut state = self.0.borrow_mut();
        let mut taken = Vec::new();
        for _ in 0..state.items.len() {
            if let Some(item) = state.items.pop_front() {
                if wanted(&item.value) {
                    state.bytes -= item.bytes;
                    taken.push(item.value);
                } else {
                    state.items.push_back(item);
                }
            }
        }
        taken
    }

    pub(crate) fn poll_next(&self, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = self.0.borrow_mut();
        if let Some(value) = state.pop() {
            return Poll::Ready(Some(value));
        }
        if state.closed {
            return Poll::Ready(None);
        }
        state.reader = Some(context.waker().clone());
        Poll::Pending
    }

    /// Ready when [`Mailbox::take`] has something to give, or never will again.
    #[cfg(feature = "js")]
    pub(crate) fn poll_ready(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.borrow_mut();
        if state.closed || !state.items.is_empty() {
            return Poll::Ready(());
        }
        state.reader = Some(context.waker().clone());
        Poll::Pending
    }

    /// Whether nothing more comes, and nothing is left.
    #[cfg(feature = "js")]
    pub(crate) fn is_over(&self) -> bool {
        let state = self.0.borrow();
        state.closed && state.items.is_empty()
    }

    /// Nothing more comes; what is in the queue can still be read.
    pub(crate) fn close(&self) {
        let mut state = self.0.borrow_mut();
        state.closed = true;
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.0.borrow().is_full()
    }

    /// How many droppable values gave way.
    pub(crate) fn missed(&self) -> u64 {
        self.0.borrow().missed
    }

    /// Whether there is no other end any more.
    pub(crate) fn is_orphan(&self) -> bool {
        Rc::strong_count(&self.0) == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox(messages: usize, bytes: usize) -> Mailbox<u32> {
        Mailbox::new(Bounds { messages, bytes })
    }

    fn read(mailbox: &Mailbox<u32>) -> Vec<u32> {
        let mut context = Context::from_waker(Waker::noop());
        let mut all = Vec::new();
        while let Poll::Ready(Some(value)) = mailbox.poll_next(&mut context) {
            all.push(value);
        }
        all
    }

    #[test]
    fn the_oldest_droppable_gives_way_and_is_counted() {
        let mailbox = mailbox(3, usize::MAX);
        for n in 0..5 {
            mailbox.push(n, 1, true);
        }
        assert_eq!((read(&mailbox), mailbox.missed()), (vec![2, 3, 4], 2));
    }

    #[test]
    fn what_must_not_be_lost_is_not() {
        let mailbox = mailbox(2, usize::MAX);
        mailbox.push(0, 1, false);
        mailbox.push(1, 1, true);
        mailbox.push(2, 1, false);
        assert!(mailbox.is_full());
        mailbox.push(3, 1, true);
        assert_eq!((read(&mailbox), mailbox.missed()), (vec![0, 1, 2], 1));
        assert!(!mailbox.is_full());
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mailbox = mailbox(100, 10);
        for n in 0..4 {
            mailbox.push(n, 5, true);
        }
        assert_eq!((read(&mailbox), mailbox.missed()), (vec![2, 3], 2));
    }

    #[test]
    fn some_are_taken_out_and_the_others_stay_in_order() {
        let mailbox = mailbox(10, 10);
        for n in 0..6 {
            mailbox.push(n, 2, false);
        }
        assert_eq!(mailbox.take_if(&|n| n % 2 == 1), [1, 3, 5]);
        assert!(!mailbox.is_full());
        assert_eq!(read(&mailbox), [0, 2, 4]);
    }

    #[test]
    fn a_closed_one_is_read_to_its_end() {
        let mailbox = mailbox(10, 10);
        mailbox.push(1, 1, true);
        mailbox.close();
        mailbox.push(2, 1, true);
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(mailbox.poll_next(&mut context), Poll::Ready(Some(1)));
        assert_eq!(mailbox.poll_next(&mut context), Poll::Ready(None));
    }
}
