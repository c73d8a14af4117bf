use std::collections::HashMap;
use std::hash::Hash;

use codec::{PacketId, TopicFilter, TopicName};
use foldhash::fast::RandomState;
use protocol::Delivery;

use super::{Change, Sent, SessionId, SessionRecord, Subscribed};
use crate::router::Retained;

/// Changes that are committed together, merged by what they change: the last
/// one counts, and what has come and gone is not there.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(super) sessions: Changed<SessionId, Box<SessionRecord>>,
    pub(super) subscriptions: Changed<(SessionId, TopicFilter), Subscribed>,
    pub(super) queue: Changed<(SessionId, u64), Delivery>,
    pub(super) sent: Changed<(SessionId, u64), Sent>,
    pub(super) received: Changed<(SessionId, PacketId), ()>,
    pub(super) retained: Changed<TopicName, Retained>,
}

impl Group {
    /// Whether there is nothing to commit.
    pub(crate) fn is_empty(&self) -> bool {
        self.sessions.0.is_empty()
            && self.subscriptions.0.is_empty()
            && self.queue.0.is_empty()
            && self.sent.0.is_empty()
            && self.received.0.is_empty()
            && self.retained.0.is_empty()
    }

    /// Adds a change that came after all those before.
    pub(crate) fn add(&mut self, change: Change) {
        match change {
            Change::Session(id, record) => self.sessions.put(id, record),
            Change::Ended(id) => self.sessions.remove(id),
            Change::Subscribed(id, filter, how) => self.subscriptions.put((id, filter), how),
            Change::Unsubscribed(id, filter) => self.subscriptions.remove((id, filter)),
            Change::Queued(id, number, delivery) => self.queue.put_new((id, number), delivery),
            Change::Sent(id, number, sent @ Sent::Published(_)) => {
                self.sent.put_new((id, number), sent);
            }
            Change::Sent(id, number, sent) => {
                self.queue.remove((id, number));
                self.sent.put((id, number), sent);
            }
            Change::Done(id, number) => {
                self.queue.remove((id, number));
                self.sent.remove((id, number));
            }
            Change::Received(id, packet_id) => self.received.put((id, packet_id), ()),
            Change::Completed(id, packet_id) => self.received.remove((id, packet_id)),
            Change::Retained(retained) => {
                self.retained.put(retained.message.topic.clone(), retained);
            }
            Change::Removed(topic) => self.retained.remove(topic),
        }
    }

    /// It is not known whether the store has it: what is removed from here on
    /// must be removed there too.
    pub(crate) fn may_be_stored(&mut self) {
        self.queue.may_be_stored();
        self.sent.may_be_stored();
    }

    /// Whether the session ends in this group: nothing of it is to be kept.
    pub(super) fn ends(&self, id: SessionId) -> bool {
        matches!(self.sessions.0.get(&id), Some(Put { value: None, .. }))
    }
}

/// What becomes of the values under some keys.
#[derive(Debug)]
pub(super) struct Changed<K, V>(HashMap<K, Put<V>, RandomState>);

#[derive(Debug)]
struct Put<V> {
    /// `None`: it is removed.
    value: Option<V>,
    /// Whether the store has nothing under the key, for certain.
    is_new: bool,
}

impl<K, V> Default for Changed<K, V> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<K: Eq + Hash, V> Changed<K, V> {
    /// All keys, each with what is to be there from now on.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, Option<&V>)> {
        self.0.iter().map(|(key, put)| (key, put.value.as_ref()))
    }

    fn put(&mut self, key: K, value: V) {
        let put = Put {
            value: Some(value),
            is_new: false,
        };
        match self.0.get_mut(&key) {
            Some(known) => known.value = put.value,
            None => {
                self.0.insert(key, put);
            }
        }
    }

    /// Puts a value under a key that there never was before.
    fn put_new(&mut self, key: K, value: V) {
        let put = Put {
            value: Some(value),
            is_new: true,
        };
        self.0.entry(key).or_insert(put);
    }

    fn remove(&mut self, key: K) {
        if self.0.get(&key).is_some_and(|put| put.is_new) {
            self.0.remove(&key);
            return;
        }
        let removed = Put {
            value: None,
            is_new: false,
        };
        self.0.insert(key, removed);
    }

    fn may_be_stored(&mut self) {
        for put in self.0.values_mut() {
            put.is_new = false;
        }
    }
}
