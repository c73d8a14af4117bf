use codec::Ack;

use super::*;
use crate::core::Published;
use crate::{Bounds, Error, Goodbye, Message, Offline, Operation};

fn message(payload: &'static str, qos: QoS) -> Message {
    Message::new("t", payload).unwrap().qos(qos)
}

impl Pair {
    fn publish(&mut self, payload: &'static str, qos: QoS) -> Answer {
        match self.core.publish(message(payload, qos), self.now) {
            Ok(Published::Pending(outcome)) => outcome,
            other => panic!("{other:?}"),
        }
    }

    fn payloads(&mut self) -> Vec<String> {
        let text = |publish: Publish| String::from_utf8(publish.payload.to_vec()).unwrap();
        self.heard_publishes().into_iter().map(text).collect()
    }

    fn puback(&mut self, id: u16, reason: ReasonCode) {
        self.say(&Packet::PubAck(Ack::new(
            PacketId::new(id).unwrap(),
            reason,
        )));
    }

    /// PUBREC or PUBACK that says no, in words.
    fn refuse(&mut self, ack: impl Fn(Ack) -> Packet, id: u16) {
        self.say(&ack(Ack {
            packet_id: PacketId::new(id).unwrap(),
            reason: ReasonCode::QuotaExceeded,
            properties: words(),
        }));
    }

    fn pubrec(&mut self, id: u16) {
        let ack = Ack::new(PacketId::new(id).unwrap(), ReasonCode::Success);
        self.say(&Packet::PubRec(ack));
    }
}

fn receive_maximum(pair: &mut Pair, maximum: u16) {
    pair.open();
    let property = Property::ReceiveMaximum(maximum);
    pair.accept_with(false, Properties::new().with(property));
    pair.heard();
}

#[test]
fn section_3_4_2_2_what_the_broker_says_besides_is_passed_on() {
    let mut pair = Pair::connected(Options::new(URL));
    let mut taken = pair.publish("a", QoS::AtLeastOnce);
    pair.say(&Packet::PubAck(Ack {
        packet_id: PacketId::MIN,
        reason: ReasonCode::Success,
        properties: words(),
    }));
    let told = taken.try_recv().unwrap().unwrap().unwrap();
    assert_eq!(told.properties, words());
}

fn words() -> Properties {
    Properties::new()
        .with(Property::ReasonString("full house".into()))
        .with(Property::UserProperty(("node".into(), "3".into())))
}

#[test]
fn section_3_4_2_2_and_3_5_2_2_a_refusal_comes_with_the_brokers_words() {
    for (qos, ack) in [
        (QoS::AtLeastOnce, Packet::PubAck as fn(Ack) -> Packet),
        (QoS::ExactlyOnce, Packet::PubRec),
    ] {
        let mut pair = Pair::connected(Options::new(URL));
        let mut refused = pair.publish("a", qos);
        pair.refuse(ack, 1);
        let expected = Error::Refused {
            operation: Operation::Publish,
            reason: ReasonCode::QuotaExceeded,
            properties: words(),
        };
        assert_eq!(refused.try_recv(), Ok(Some(Err(expected))));
    }
}

#[test]
fn a_publish_is_over_with_its_acknowledgement() {
    let mut pair = Pair::connected(Options::new(URL));
    let mut taken = pair.publish("a", QoS::AtLeastOnce);
    let mut refused = pair.publish("b", QoS::AtLeastOnce);
    assert_eq!(outcome(&mut taken), None);
    pair.puback(1, ReasonCode::NoMatchingSubscribers);
    assert_eq!(
        outcome(&mut taken),
        Some(Ok(ReasonCode::NoMatchingSubscribers))
    );
    pair.puback(2, ReasonCode::NotAuthorized);
    assert!(matches!(
        outcome(&mut refused),
        Some(Err(Error::Refused { .. }))
    ));
    let sent = pair.core.publish(message("c", QoS::AtMostOnce), pair.now);
    assert!(matches!(sent, Ok(Published::Sent)));
}

#[test]
fn what_the_broker_does_not_take_at_once_waits_in_order() {
    let mut pair = Pair::new(Options::new(URL));
    receive_maximum(&mut pair, 2);
    let mut all: Vec<_> = ["a", "b", "c", "d"]
        .map(|payload| pair.publish(payload, QoS::AtLeastOnce))
        .into();
    let mut last = pair.publish("e", QoS::AtMostOnce);
    assert_eq!(pair.payloads(), ["a", "b"]);
    pair.puback(1, ReasonCode::Success);
    assert_eq!(pair.payloads(), ["c"]);
    pair.puback(2, ReasonCode::Success);
    assert_eq!(pair.payloads(), ["d", "e"]);
    assert_eq!(outcome(&mut all[1]), Some(Ok(ReasonCode::Success)));
    assert_eq!(outcome(&mut all[2]), None);
    assert_eq!(outcome(&mut last), Some(Ok(ReasonCode::Success)));
}

#[test]
fn a_full_queue_refuses() {
    let bounds = Bounds {
        messages: 1,
        bytes: 100,
    };
    let mut pair = Pair::new(Options::new(URL).queue_bounds(bounds));
    receive_maximum(&mut pair, 1);
    let _sent = pair.publish("a", QoS::AtLeastOnce);
    let _waits = pair.publish("b", QoS::AtLeastOnce);
    let third = pair.core.publish(message("c", QoS::AtLeastOnce), pair.now);
    assert!(matches!(third, Err(Error::QueueFull)));
}

#[test]
fn a_congested_socket_lets_publishes_wait() {
    let mut pair = Pair::connected(Options::new(URL));
    pair.heard();
    pair.core.set_congested(true, pair.now);
    let mut waits = pair.publish("a", QoS::AtMostOnce);
    assert_eq!(pair.payloads(), Vec::<String>::new());
    pair.core.set_congested(false, pair.now);
    assert_eq!(pair.payloads(), ["a"]);
    assert_eq!(outcome(&mut waits), Some(Ok(ReasonCode::Success)));
}

#[test]
fn without_a_connection_a_publish_is_refused_or_waits() {
    let mut pair = Pair::new(Options::new(URL));
    let refused = pair.core.publish(message("a", QoS::AtLeastOnce), pair.now);
    assert!(matches!(refused, Err(Error::NotConnected)));

    let mut pair = Pair::new(Options::new(URL).offline(Offline::Queue));
    let _waits = pair.publish("a", QoS::AtMostOnce);
    pair.open();
    pair.accept(false);
    assert_eq!(pair.payloads(), ["a"]);
}

#[test]
fn a_lost_connection_refuses_what_waited_at_qos_0_only() {
    let mut pair = Pair::connected(Options::new(URL));
    pair.core.set_congested(true, pair.now);
    let mut dropped = pair.publish("a", QoS::AtMostOnce);
    let mut kept = pair.publish("b", QoS::AtLeastOnce);
    pair.reopen();
    assert_eq!(outcome(&mut dropped), Some(Err(Error::NotConnected)));
    pair.accept(false);
    assert_eq!(pair.payloads(), ["b"]);
    assert_eq!(outcome(&mut kept), None);
}

#[test]
fn after_a_lost_session_open_publishes_are_sent_anew() {
    for expiry in [0, 60] {
        let mut pair = Pair::connected(Options::new(URL).session_expiry(expiry));
        let mut first = pair.publish("a", QoS::AtLeastOnce);
        let mut taken = pair.publish("b", QoS::ExactlyOnce);
        let mut third = pair.publish("c", QoS::ExactlyOnce);
        pair.pubrec(2);
        pair.reopen();
        pair.accept(false);
        let sent = pair.heard_publishes();
        let summary: Vec<_> = sent.iter().map(|p| (&p.payload[..], p.dup)).collect();
        assert_eq!(summary, [(&b"a"[..], false), (&b"c"[..], false)]);
        // The broker had b: whether it did something with it, it has forgotten.
        assert_eq!(outcome(&mut taken), Some(Err(Error::SessionLost)));
        let id = sent[0].packet_id.unwrap().get();
        pair.puback(id, ReasonCode::Success);
        assert_eq!(outcome(&mut first), Some(Ok(ReasonCode::Success)));
        assert_eq!(outcome(&mut third), None);
    }
}

#[test]
fn a_kept_session_goes_on_where_it_was() {
    let mut pair = Pair::connected(Options::new(URL).session_expiry(60));
    let mut first = pair.publish("a", QoS::AtLeastOnce);
    let mut taken = pair.publish("b", QoS::ExactlyOnce);
    pair.pubrec(2);
    pair.reopen();
    pair.accept(true);
    let heard = pair.heard();
    assert!(
        heard
            .iter()
            .any(|p| matches!(p, Packet::Publish(p) if p.dup && &p.payload[..] == b"a"))
    );
    assert!(heard.iter().any(|p| matches!(p, Packet::PubRel(_))));
    pair.puback(1, ReasonCode::Success);
    let id = PacketId::new(2).unwrap();
    pair.say(&Packet::PubComp(Ack::new(id, ReasonCode::Success)));
    assert_eq!(outcome(&mut first), Some(Ok(ReasonCode::Success)));
    assert_eq!(outcome(&mut taken), Some(Ok(ReasonCode::Success)));
}

#[test]
fn what_the_next_broker_does_not_take_fails() {
    let mut pair = Pair::connected(Options::new(URL).session_expiry(60));
    let mut open = pair.publish("abcdefghijklmnop", QoS::AtLeastOnce);
    pair.reopen();
    let small = Property::MaximumPacketSize(12);
    pair.accept_with(true, Properties::new().with(small));
    assert_eq!(outcome(&mut open), Some(Err(Error::TooLarge)));
}

#[test]
fn the_end_tells_whoever_waits() {
    let mut pair = Pair::connected(Options::new(URL));
    let mut open = pair.publish("a", QoS::AtLeastOnce);
    pair.core.end(Goodbye::new()).unwrap();
    assert_eq!(outcome(&mut open), Some(Err(Error::Ended)));
    let late = pair.core.publish(message("b", QoS::AtMostOnce), pair.now);
    assert!(matches!(late, Err(Error::Ended)));
}
