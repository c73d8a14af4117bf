use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;

use super::*;

/// What a store should hold, kept in the plainest way.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Model {
    sessions: BTreeMap<SessionId, SessionRecord>,
    subscriptions: BTreeMap<(SessionId, String), Subscribed>,
    queue: BTreeMap<(SessionId, u64), Delivery>,
    sent: BTreeMap<(SessionId, u64), Sent>,
    received: BTreeSet<(SessionId, PacketId)>,
    retained: BTreeMap<String, (QoS, Message)>,
}

impl Model {
    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::Session(id, record) => {
                self.sessions.insert(id, *record);
            }
            Change::Ended(id) => {
                self.sessions.remove(&id);
                self.subscriptions.retain(|(of, _), _| *of != id);
                self.queue.retain(|(of, _), _| *of != id);
                self.sent.retain(|(of, _), _| *of != id);
                self.received.retain(|(of, _)| *of != id);
            }
            Change::Subscribed(id, filter, how) => {
                self.subscriptions.insert((id, filter.to_string()), how);
            }
            Change::Unsubscribed(id, filter) => {
                self.subscriptions.remove(&(id, filter.to_string()));
            }
            Change::Queued(id, number, delivery) => {
                self.queue.insert((id, number), delivery);
            }
            Change::Sent(id, number, sent) => {
                if let Sent::Released(_) = sent {
                    self.queue.remove(&(id, number));
                }
                self.sent.insert((id, number), sent);
            }
            Change::Done(id, number) => {
                self.queue.remove(&(id, number));
                self.sent.remove(&(id, number));
            }
            Change::Received(id, packet_id) => {
                self.received.insert((id, packet_id));
            }
            Change::Completed(id, packet_id) => {
                self.received.remove(&(id, packet_id));
            }
            Change::Retained(retained) => {
                let message = (*retained.message).clone();
                let topic = message.topic.to_string();
                self.retained.insert(topic, (retained.qos, message));
            }
            Change::Removed(topic) => {
                self.retained.remove(&*topic);
            }
        }
    }

    pub(super) fn deliveries(&self) -> usize {
        self.queue.len()
    }

    /// What was loaded, in the same form.
    pub(super) fn of(loaded: &Loaded) -> Self {
        let mut model = Self::default();
        for change in loaded.changes() {
            model.apply(change);
        }
        model
    }

    /// Changes as a broker may make them after those before; `next` numbers
    /// sessions and deliveries.
    pub(super) fn random_changes(&self, rng: &mut Rng, next: &mut u64) -> Vec<Change> {
        let mut model = self.clone();
        let mut changes = Vec::new();
        for _ in 0..rng.usize(1..30) {
            for change in model.random_change(rng, next) {
                model.apply(change.clone());
                changes.push(change);
            }
        }
        changes
    }

    fn random_change(&self, rng: &mut Rng, next: &mut u64) -> Vec<Change> {
        *next += 1;
        let number = *next;
        let ids: Vec<_> = self.sessions.keys().copied().collect();
        let id = rng.choice(&ids).copied();
        let filter = TopicFilter::new(format!("a/{}", rng.u8(0..9))).expect("a filter");
        let packet_id = PacketId::new(rng.u16(1..9)).expect("not 0");
        let text = "x".repeat(rng.usize(0..3000));
        let (kind, Some(id)) = (rng.u8(0..24), id) else {
            let id = SessionId(number);
            return vec![Change::Session(id, record(&format!("client {number}")))];
        };
        let queued = self.queue.range((id, 0)..=(id, u64::MAX));
        let queued: Vec<_> = queued.map(|((_, n), _)| *n).collect();
        match kind {
            0 => vec![Change::Ended(id)],
            1 => {
                let mut record = record("again");
                record.away_since = Some(NOW);
                vec![Change::Session(id, record)]
            }
            2 => {
                let how = Subscribed {
                    options: QoS::AtLeastOnce.into(),
                    identifier: Some(7),
                };
                vec![Change::Subscribed(id, filter, how)]
            }
            3 => vec![Change::Unsubscribed(id, filter)],
            4 => vec![Change::Received(id, packet_id)],
            5 => vec![Change::Completed(id, packet_id)],
            6 => vec![Change::Retained(Retained {
                message: message(filter.as_str(), &text),
                qos: QoS::AtLeastOnce,
                source: None,
            })],
            7 => vec![Change::Removed(
                TopicName::new(filter.as_str()).expect("no wildcard"),
            )],
            8..14 => {
                // To many at once.
                let mut delivery = Delivery::new(message("t", &text), QoS::ExactlyOnce);
                delivery.subscription_identifiers = rng.bool().then(|| [1, 2].into());
                delivery.token = rng.u64(..3);
                let to = ids.iter().filter(|to| **to == id || rng.bool());
                to.map(|to| Change::Queued(*to, number, delivery.clone()))
                    .collect()
            }
            _ => {
                let Some(number) = rng.choice(&queued).copied() else {
                    let sent = self.sent.keys().find(|(of, _)| *of == id);
                    return sent
                        .map(|(_, n)| Change::Done(id, *n))
                        .into_iter()
                        .collect();
                };
                match self.sent.get(&(id, number)) {
                    _ if rng.bool() => vec![Change::Done(id, number)],
                    None => vec![Change::Sent(id, number, Sent::Published(packet_id))],
                    Some(_) => vec![Change::Sent(id, number, Sent::Released(packet_id))],
                }
            }
        }
    }
}
