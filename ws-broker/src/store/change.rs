use std::sync::Arc;

use codec::{PacketId, SubscriptionOptions, TopicFilter, TopicName, Will};
use protocol::{Delivery, Message, Time};

use crate::access::Identity;
use crate::router::Retained;

/// A session in the store. Never given again: what comes late for a session
/// that has ended finds no other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SessionId(pub u64);

/// What a session is, but for what it subscribes to and has under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionRecord {
    /// Whose it is.
    pub identity: Identity,
    /// Session expiry interval, seconds.
    pub expiry: u32,
    /// Since when its client is away; `None` while it is connected.
    pub away_since: Option<Time>,
    /// A will that waits for its delay to pass.
    pub will: Option<(Will, Time)>,
    /// The packet identifier that is next when its client comes back.
    pub next_packet_id: Option<PacketId>,
}

/// How a session subscribes to a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subscribed {
    /// The options.
    pub options: SubscriptionOptions,
    /// The subscription identifier.
    pub identifier: Option<u32>,
}

/// How far a delivery that was sent has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// PUBLISH was, or is about to be.
    Published(PacketId),
    /// PUBREC has come; the message itself is not needed any more.
    Released(PacketId),
}

/// One change of what is to be kept. Deliveries are known by their number in
/// the session's queue, which is never given again.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// A session is new, or has changed.
    Session(SessionId, Box<SessionRecord>),
    /// A session has ended, with all that belongs to it.
    Ended(SessionId),
    /// A session subscribes.
    Subscribed(SessionId, TopicFilter, Subscribed),
    /// A session does not subscribe any more.
    Unsubscribed(SessionId, TopicFilter),
    /// A delivery at QoS 1 or 2 was queued. Its token is that of the shared
    /// subscription it came by.
    Queued(SessionId, u64, Delivery),
    /// A delivery was sent, or got further.
    Sent(SessionId, u64, Sent),
    /// A delivery is done with.
    Done(SessionId, u64),
    /// A publish at QoS 2 has come from the session's client, and been routed.
    Received(SessionId, PacketId),
    /// PUBREL has come for it.
    Completed(SessionId, PacketId),
    /// A message is retained, in place of the one before.
    Retained(Retained),
    /// Nothing is retained on a topic any more.
    Removed(TopicName),
}

/// All that was in the store.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// In no order.
    pub sessions: Vec<LoadedSession>,
    /// In no order.
    pub retained: Vec<Retained>,
    /// What is too old to be of use, to be submitted.
    pub expired: Vec<Change>,
}

/// A session that was in the store.
#[derive(Debug)]
pub(crate) struct LoadedSession {
    /// Its number.
    pub id: SessionId,
    /// What it is.
    pub record: SessionRecord,
    /// What it subscribes to.
    pub subscriptions: Vec<(TopicFilter, Subscribed)>,
    /// What waits for its client, by number, oldest first.
    pub queue: Vec<(u64, Delivery)>,
    /// What was sent and is not done with, oldest first; with the delivery
    /// unless it is released.
    pub sent: Vec<(u64, Sent, Option<Delivery>)>,
    /// QoS 2 publishes received.
    pub received: Vec<PacketId>,
}

impl Loaded {
    /// How many deliveries there are.
    pub(crate) fn deliveries(&self) -> usize {
        let sessions = self.sessions.iter();
        sessions.map(|s| s.queue.len() + s.sent.len()).sum()
    }

    /// What would make an empty store hold all this.
    pub(super) fn changes(&self) -> Vec<Change> {
        let mut changes: Vec<_> = self
            .retained
            .iter()
            .cloned()
            .map(Change::Retained)
            .collect();
        for session in &self.sessions {
            let id = session.id;
            changes.push(Change::Session(id, Box::new(session.record.clone())));
            for (filter, subscribed) in &session.subscriptions {
                changes.push(Change::Subscribed(id, filter.clone(), *subscribed));
            }
            for (number, delivery) in &session.queue {
                changes.push(Change::Queued(id, *number, delivery.clone()));
            }
            for (number, sent, delivery) in &session.sent {
                let queued = delivery.clone().map(|d| Change::Queued(id, *number, d));
                changes.extend(queued);
                changes.push(Change::Sent(id, *number, *sent));
            }
            changes.extend(session.received.iter().map(|p| Change::Received(id, *p)));
        }
        changes
    }
}

/// Tells messages apart without looking into them, as long as they live.
pub(super) fn address(message: &Arc<Message>) -> usize {
    Arc::as_ptr(message).addr()
}
