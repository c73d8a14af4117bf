//! What a page hears of its store (`journal`): of what it could not store, and
//! of what an earlier page has published.

use std::collections::BTreeMap;

use bytes::Bytes;
use codec::Ack;

use super::*;
use crate::core::Published;
use crate::journal::{Change, Journal};
use crate::store::Possible;
use crate::{Message, Offline, Operation, Overflow};

type Disk = BTreeMap<u64, Bytes>;

impl Pair {
    /// A page that goes on with what is stored.
    fn stored(disk: &Disk, options: Options) -> Self {
        let now = Time::from_millis(1000);
        let records = disk.iter().map(|(key, record)| (*key, record.clone()));
        let stored = Journal::open(Possible, records, 1_000_000, now);
        let options = options
            .clean_start(false)
            .session_expiry(600)
            .offline(Offline::Queue);
        Self {
            version: options.version,
            core: Core::new(options, Some(stored), || 0.0, now),
            now,
        }
    }

    /// Stores all there is to store.
    fn store(&mut self, disk: &mut Disk) {
        while let Some(changes) = self.core.begin_commit() {
            for change in changes {
                match change {
                    Change::Put(key, record) => drop(disk.insert(*key, record.clone())),
                    Change::Delete(key) => drop(disk.remove(key)),
                    Change::DeleteHandshakes => {
                        disk.retain(|key, _| !(1..1 << 51).contains(key));
                    }
                }
            }
            self.core.handle_stored(Ok(()), self.now);
        }
    }

    fn put(&mut self, text: &'static str, qos: QoS) -> Answer {
        let message = Message::new("t", text).unwrap().qos(qos);
        match self.core.publish(message, self.now) {
            Ok(Published::Pending(outcome)) => outcome,
            other => panic!("{other:?}"),
        }
    }

    fn sent(&mut self) -> Vec<(PacketId, Bytes)> {
        let publishes = self.heard_publishes().into_iter();
        let sent = publishes.map(|publish| (publish.packet_id.unwrap(), publish.payload));
        sent.collect()
    }
}

/// What is stored when a page has published these and is gone.
fn left_by_a_page(texts: &[(&'static str, QoS)]) -> Disk {
    let mut disk = Disk::new();
    let mut page = Pair::stored(&disk, Options::new(URL));
    for (text, qos) in texts {
        page.put(text, *qos);
    }
    page.store(&mut disk);
    disk
}

fn given_up(events: &[Event]) -> Vec<(String, Error)> {
    let events = events.iter().filter_map(|event| match event {
        Event::PublishGivenUp { message, error } => {
            assert_eq!(&*message.topic, "t");
            Some((message.text().unwrap().to_owned(), error.clone()))
        }
        _ => None,
    });
    events.collect()
}

#[test]
fn what_the_broker_refuses_of_an_earlier_page_is_told() {
    let mut disk = left_by_a_page(&[
        ("a", QoS::AtLeastOnce),
        ("b", QoS::ExactlyOnce),
        ("c", QoS::ExactlyOnce),
    ]);
    let mut page = Pair::stored(&disk, Options::new(URL));
    let events = page.core.listen(page.now);
    page.store(&mut disk);
    page.open();
    page.accept(false);
    let mut own = page.put("d", QoS::AtLeastOnce);
    page.store(&mut disk);
    let sent = page.sent();
    assert_eq!(sent.len(), 4);
    let words = Properties::new().with(Property::ReasonString("no".into()));
    for (id, payload) in sent {
        let ack = |reason| Ack {
            packet_id: id,
            reason,
            properties: words.clone(),
        };
        page.say(&match &payload[..] {
            b"a" | b"d" => Packet::PubAck(ack(ReasonCode::NotAuthorized)),
            b"b" => Packet::PubRec(ack(ReasonCode::NotAuthorized)),
            _ => Packet::PubRec(ack(ReasonCode::Success)),
        });
    }
    let refused = Error::Refused {
        operation: Operation::Publish,
        reason: ReasonCode::NotAuthorized,
        properties: words,
    };
    let told = given_up(&read(&events));
    let expected = ["a", "b"].map(|text| (text.to_owned(), refused.clone()));
    assert_eq!(told, expected);
    assert_eq!(own.try_recv(), Ok(Some(Err(refused))));
    page.store(&mut disk);
    let mut later = Pair::stored(&disk, Options::new(URL));
    later.store(&mut disk);
    later.open();
    later.accept(true);
    assert_eq!(later.sent(), [], "nothing is left of them");
}

#[test]
fn what_gives_way_of_an_earlier_page_is_told() {
    let disk = left_by_a_page(&[("a", QoS::AtLeastOnce), ("b", QoS::AtLeastOnce)]);
    let bounds = crate::Bounds {
        messages: 2,
        bytes: 1000,
    };
    let options = Options::new(URL).queue_bounds(bounds);
    let mut page = Pair::stored(&disk, options.overflow(Overflow::DropOldest));
    let events = page.core.listen(page.now);
    page.put("c", QoS::AtLeastOnce);
    let told = given_up(&read(&events));
    assert_eq!(told, [("a".to_owned(), Error::Dropped)]);
}

#[test]
fn only_what_was_in_a_failed_transaction_is_given_up() {
    let mut disk = Disk::new();
    let mut page = Pair::stored(&disk, Options::new(URL));
    page.store(&mut disk);
    page.open();
    page.accept(false);
    page.store(&mut disk);
    let mut full = page.put("large", QoS::AtLeastOnce);
    assert!(page.core.begin_commit().is_some());
    let mut later = [QoS::AtLeastOnce, QoS::ExactlyOnce].map(|qos| page.put("small", qos));
    page.core.handle_stored(Err(Error::StoreFull), page.now);
    assert_eq!(outcome(&mut full), Some(Err(Error::StoreFull)));
    assert_eq!(later.each_mut().map(outcome), [None, None]);

    page.core.reconnect_now(page.now);
    page.store(&mut disk);
    page.open();
    page.accept(true);
    page.store(&mut disk);
    let sent = page.sent();
    let payloads: Vec<_> = sent.iter().map(|(_, payload)| &payload[..]).collect();
    assert_eq!(payloads, [b"small", b"small"]);
    page.say(&Packet::PubAck(Ack::new(sent[0].0, ReasonCode::Success)));
    assert_eq!(outcome(&mut later[0]), Some(Ok(ReasonCode::Success)));
}
