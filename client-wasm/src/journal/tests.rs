use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use codec::{Properties, Property, TopicName};

use super::*;

const EPOCH: u64 = 1_800_000_000_000;

fn time(ms: u64) -> Time {
    Time::from_millis(ms)
}

/// What is left when all of it is committed.
fn commit(journal: &mut Journal, disk: &mut BTreeMap<u64, Bytes>) {
    for change in journal.begin_commit().unwrap_or_default().to_vec() {
        match change {
            Change::Put(key, record) => drop(disk.insert(key, record)),
            Change::Delete(key) => drop(disk.remove(&key)),
            Change::DeleteHandshakes => disk.retain(|key, _| !(1..1 << 51).contains(key)),
        }
    }
    journal.committed();
}

fn open(disk: &BTreeMap<u64, Bytes>, epoch: u64, now: Time) -> (Journal, Restored) {
    let records = disk.iter().map(|(key, record)| (*key, record.clone()));
    Journal::open(Possible, records, epoch, now)
}

fn delivery(token: u64, qos: QoS) -> Delivery {
    let topic = TopicName::new("home/led").unwrap();
    let mut message = protocol::Message::new(topic, format!("number {token}"));
    message.properties = Properties::new().with(Property::ContentType("text/plain".into()));
    Delivery {
        token,
        retain: true,
        ..Delivery::new(Arc::new(message), qos)
    }
}

fn publish(id: PacketId) -> Publish {
    Publish {
        dup: false,
        qos: QoS::ExactlyOnce,
        retain: false,
        topic: TopicName::new("in").unwrap(),
        packet_id: Some(id),
        properties: Properties::new(),
        payload: "1".into(),
    }
}

fn put(journal: &mut Journal, delivery: &Delivery) {
    let record = journal.record(delivery).unwrap();
    journal.publish(delivery.token, record);
}

#[test]
fn what_was_stored_is_read_as_it_was() {
    let mut disk = BTreeMap::new();
    let (mut journal, _) = open(&disk, EPOCH, time(0));
    let [one, other, third] = [1, 2, 3].map(|id| PacketId::new(id).unwrap());
    let all = [10, 11, 12, 13].map(|token| delivery(token, QoS::ExactlyOnce));
    all.iter().for_each(|delivery| put(&mut journal, delivery));
    // Identifiers in an order of their own.
    journal.prepared(third, 10);
    journal.prepared(one, 11);
    journal.prepared(other, 12);
    journal.taken_by_broker(other, 12);
    journal.received(publish(third), third, 14);
    commit(&mut journal, &mut disk);

    let (_, restored) = open(&disk, EPOCH, time(0));
    let in_flight: Vec<_> = restored.session.unacknowledged().collect();
    assert_eq!(in_flight, [&all[0], &all[1]]);
    assert_eq!(restored.session.released().collect::<Vec<_>>(), [12]);
    assert_eq!(restored.queue, all[3..]);
    let [message] = &restored.received[..] else {
        panic!("{:?}", restored.received);
    };
    assert_eq!((message.number, message.dup), (Some(14), true));
    assert_eq!((&*message.topic, message.text()), ("in", Some("1")));
}

#[test]
fn what_is_over_leaves_nothing_behind() {
    let mut disk = BTreeMap::new();
    let (mut journal, _) = open(&disk, EPOCH, time(0));
    let id = PacketId::MIN;
    put(&mut journal, &delivery(1, QoS::ExactlyOnce));
    journal.prepared(id, 1);
    journal.received(publish(id), id, 2);
    let receipt = journal.receipt(2);
    commit(&mut journal, &mut disk);
    assert_eq!(disk.len(), 4);
    journal.taken_by_broker(id, 1);
    journal.settled(1);
    journal.released(id);
    let copy = receipt.clone();
    drop(receipt);
    commit(&mut journal, &mut disk);
    assert_eq!(disk.len(), 1, "another stream has it yet");
    drop(copy);
    commit(&mut journal, &mut disk);
    assert!(disk.is_empty());
}

#[test]
fn a_message_expires_when_it_would_have_on_the_page_that_published_it() {
    let mut disk = BTreeMap::new();
    let (mut journal, _) = open(&disk, EPOCH, time(5000));
    let mut lasting = delivery(1, QoS::AtLeastOnce);
    Arc::make_mut(&mut lasting.message).expires_at = Some(time(65_000));
    put(&mut journal, &lasting);
    commit(&mut journal, &mut disk);
    // Its clock begins anew.
    let (_, restored) = open(&disk, EPOCH + 20_000, time(100));
    let expiry = restored.queue[0].message.expires_at;
    assert_eq!(expiry, Some(time(100) + Duration::from_secs(40)));
    let (_, restored) = open(&disk, EPOCH + 70_000, time(100));
    assert!(restored.queue[0].message.is_expired(time(100)));
}

#[test]
fn a_store_keeps_its_client_and_gives_no_number_twice() {
    let mut disk = BTreeMap::new();
    let (mut journal, _) = open(&disk, EPOCH, time(0));
    let (id, first) = journal.claim(&"a".into(), true);
    assert_eq!(id, "a");
    commit(&mut journal, &mut disk);
    assert!(!journal.is_known());

    let (mut journal, _) = open(&disk, EPOCH, time(0));
    let (id, second) = journal.claim(&"b".into(), true);
    assert_eq!(id, "a");
    assert!(second >= first + (1 << 30));
    assert_eq!(journal.objection, None);
    journal.accepted(&id);
    commit(&mut journal, &mut disk);

    let (mut journal, _) = open(&disk, EPOCH, time(0));
    assert!(journal.is_known());
    journal.claim(&"b".into(), false);
    assert_eq!(journal.objection, Some(OTHER_CLIENT));
    assert_eq!(journal.begin_commit(), None, "it is left as it is");
}

#[test]
fn what_cannot_be_read_is_not_touched() {
    for (key, record) in [
        (0, &b"\x01"[..]),
        (1 << 50, b"0"),
        (1 << 51, b""),
        (1 << 52, b"0"),
    ] {
        let disk = BTreeMap::from([(key, Bytes::from_static(record))]);
        let (mut journal, _) = open(&disk, EPOCH, time(0));
        journal.claim(&"a".into(), true);
        assert_eq!(journal.objection, Some(UNREADABLE), "{key}");
        assert_eq!(journal.begin_commit(), None);
        assert_eq!(journal.rest(), []);
    }
}

#[test]
fn messages_that_cannot_be_stored_are_given_up_and_handshakes_tried_again() {
    let mut disk = BTreeMap::new();
    let (mut journal, _) = open(&disk, EPOCH, time(0));
    let [one, other] = [1, 2].map(|id| PacketId::new(id).unwrap());
    put(&mut journal, &delivery(1, QoS::ExactlyOnce));
    journal.prepared(one, 1);
    commit(&mut journal, &mut disk);

    journal.taken_by_broker(one, 1);
    put(&mut journal, &delivery(2, QoS::ExactlyOnce));
    assert!(journal.begin_commit().is_some());
    journal.received(publish(other), other, 3);
    let undone = journal.failed();
    assert_eq!((undone.sent, undone.received), (vec![2], vec![other]));
    assert!(!journal.wants_commit(), "not before the next connection");
    assert!(journal.holds_connect());
    journal.opening();
    assert!(journal.holds_connect());
    commit(&mut journal, &mut disk);
    assert!(journal.lets_connect());
    let (_, restored) = open(&disk, EPOCH, time(0));
    assert_eq!(restored.session.released().collect::<Vec<_>>(), [1]);
    assert!(restored.queue.is_empty() && restored.received.is_empty());
}
