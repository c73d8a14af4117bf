//! Publishes on their way out: those that wait for their turn, and who waits
//! for their outcome.

use std::collections::VecDeque;

use protocol::Delivery;

use crate::acknowledgement::{Answer, Outcome, Reply};
use crate::mailbox::Bounds;
use crate::{Error, Overflow, reply};

#[derive(Debug)]
pub(crate) struct Outbox {
    bounds: Bounds,
    overflow: Overflow,
    queue: VecDeque<Delivery>,
    bytes: usize,
    /// Tokens of those that gave way, until they are asked for.
    dropped: Vec<u64>,
    /// Of the queued and of those that await an acknowledgement, by token:
    /// ascending, and so in the order in which most are settled.
    replies: VecDeque<(u64, Reply)>,
}

impl Outbox {
    pub(crate) fn new(bounds: Bounds, overflow: Overflow) -> Self {
        Self {
            bounds,
            overflow,
            queue: VecDeque::new(),
            bytes: 0,
            dropped: Vec::new(),
            replies: VecDeque::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Promises the outcome of the publish with this token, which is greater
    /// than any before.
    pub(crate) fn promise(&mut self, token: u64) -> Answer {
        let (reply, outcome) = reply::channel();
        debug_assert!(self.replies.back().is_none_or(|(last, _)| *last < token));
        self.replies.push_back((token, reply));
        outcome
    }

    /// Lets a publish wait for its turn.
    pub(crate) fn queue(&mut self, delivery: Delivery) -> Result<Answer, Error> {
        let size = delivery.message.size();
        while self.is_full_for(size) {
            let oldest = match self.overflow {
                Overflow::Refuse => return Err(Error::QueueFull),
                Overflow::DropNewest => return Err(Error::Dropped),
                Overflow::DropOldest => self.pop_front(),
            };
            // There is none where nothing may wait at all.
            let oldest = oldest.ok_or(Error::Dropped)?;
            self.dropped.push(oldest.token);
        }
        let outcome = self.promise(delivery.token);
        self.bytes += size;
        self.queue.push_back(delivery);
        Ok(outcome)
    }

    /// Tokens of those that gave way since this was last asked, to be settled.
    pub(crate) fn take_dropped(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.dropped)
    }

    /// Whether so many bytes more are too much. A single message over the
    /// limit of bytes may wait alone.
    fn is_full_for(&self, size: usize) -> bool {
        self.queue.len() >= self.bounds.messages
            || !self.queue.is_empty() && self.bytes + size > self.bounds.bytes
    }

    /// What is sent next.
    pub(crate) fn front(&self) -> Option<&Delivery> {
        self.queue.front()
    }

    pub(crate) fn pop_front(&mut self) -> Option<Delivery> {
        let delivery = self.queue.pop_front()?;
        self.bytes -= delivery.message.size();
        Some(delivery)
    }

    /// Tells whoever waits, if anybody does.
    pub(crate) fn settle(&mut self, token: u64, outcome: Outcome) {
        let at = self
            .replies
            .binary_search_by_key(&token, |(token, _)| *token);
        if let Some((_, reply)) = at.ok().and_then(|at| self.replies.remove(at)) {
            reply.send(outcome);
        }
    }

    /// Takes back what was sent and must be sent anew, oldest first, before
    /// anything else.
    pub(crate) fn requeue(&mut self, lost: Vec<Delivery>) {
        for delivery in lost.into_iter().rev() {
            self.bytes += delivery.message.size();
            self.queue.push_front(delivery);
        }
    }

    /// Gives up those that `hopeless` picks among the waiting.
    pub(crate) fn give_up(&mut self, error: &Error, hopeless: impl Fn(&Delivery) -> bool) {
        let (gone, kept): (VecDeque<_>, _) = std::mem::take(&mut self.queue)
            .into_iter()
            .partition(|delivery| hopeless(delivery));
        self.queue = kept;
        for delivery in gone {
            self.bytes -= delivery.message.size();
            self.settle(delivery.token, Err(error.clone()));
        }
    }

    /// Nothing more will be sent.
    pub(crate) fn end(&mut self) {
        self.queue.clear();
        self.bytes = 0;
        for (_, reply) in self.replies.drain(..) {
            reply.send(Err(Error::Ended));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use codec::{QoS, TopicName};
    use protocol::Message;

    use super::*;

    fn delivery(token: u64) -> Delivery {
        let topic = TopicName::new("t").unwrap();
        let message = Arc::new(Message::new(topic, vec![0; 9]));
        Delivery {
            token,
            ..Delivery::new(message, QoS::ExactlyOnce)
        }
    }

    fn outbox(messages: usize, bytes: usize) -> Outbox {
        dropping(Overflow::Refuse, messages, bytes)
    }

    fn dropping(overflow: Overflow, messages: usize, bytes: usize) -> Outbox {
        Outbox::new(Bounds { messages, bytes }, overflow)
    }

    fn tokens(outbox: &mut Outbox) -> Vec<u64> {
        std::iter::from_fn(|| outbox.pop_front())
            .map(|delivery| delivery.token)
            .collect()
    }

    #[test]
    fn messages_and_bytes_are_bounded() {
        let mut few = outbox(2, 1000);
        assert!(few.queue(delivery(1)).is_ok() && few.queue(delivery(2)).is_ok());
        assert_eq!(few.queue(delivery(3)).unwrap_err(), Error::QueueFull);

        let mut small = outbox(100, 5);
        assert!(small.queue(delivery(1)).is_ok(), "alone it may be larger");
        assert_eq!(small.queue(delivery(2)).unwrap_err(), Error::QueueFull);
        assert_eq!(tokens(&mut small), [1]);
        assert!(small.queue(delivery(3)).is_ok());
    }

    #[test]
    fn the_oldest_give_way_and_whoever_waits_for_them_hears_of_it() {
        // 10 bytes each.
        let mut outbox = dropping(Overflow::DropOldest, 3, 25);
        let mut waiting: Vec<_> = (1..=4)
            .map(|token| outbox.queue(delivery(token)).unwrap())
            .collect();
        for token in outbox.take_dropped() {
            outbox.settle(token, Err(Error::Dropped));
        }
        let outcomes = waiting.iter_mut().map(|wait| wait.try_recv().unwrap());
        let dropped = Some(Err(Error::Dropped));
        let expected = [dropped.clone(), dropped, None, None];
        assert!(outcomes.eq(expected));
        assert_eq!(tokens(&mut outbox), [3, 4]);
        assert_eq!(outbox.bytes, 0);
    }

    #[test]
    fn the_newest_gives_way() {
        let mut outbox = dropping(Overflow::DropNewest, 2, 1000);
        let mut waiting = [1, 2].map(|token| outbox.queue(delivery(token)).unwrap());
        assert_eq!(outbox.queue(delivery(3)).unwrap_err(), Error::Dropped);
        assert!(waiting.iter_mut().all(|w| w.try_recv().unwrap().is_none()));
        assert_eq!(tokens(&mut outbox), [1, 2]);
    }

    #[test]
    fn where_nothing_may_wait_nothing_does() {
        for overflow in [Overflow::DropOldest, Overflow::DropNewest] {
            let mut none = dropping(overflow, 0, 0);
            assert_eq!(none.queue(delivery(1)).unwrap_err(), Error::Dropped);
        }
    }

    #[test]
    fn what_is_sent_anew_goes_first() {
        let mut outbox = outbox(2, 1000);
        let mut sent: Vec<_> = (1..=3).map(|token| outbox.promise(token)).collect();
        let _waiting = outbox.queue(delivery(4)).unwrap();
        outbox.requeue(vec![delivery(1), delivery(3)]);
        assert!(sent.iter_mut().all(|s| s.try_recv().unwrap().is_none()));
        assert_eq!(tokens(&mut outbox), [1, 3, 4]);
        assert_eq!(outbox.bytes, 0);
    }

    #[test]
    fn whoever_waits_hears_of_the_end() {
        let mut outbox = outbox(10, 1000);
        let mut sent = outbox.promise(1);
        let mut waiting = outbox.queue(delivery(2)).unwrap();
        outbox.end();
        for outcome in [&mut sent, &mut waiting] {
            assert_eq!(outcome.try_recv().unwrap(), Some(Err(Error::Ended)));
        }
        assert!(outbox.is_empty());
    }
}
