//! Flow control (section 4.9).

use bytes::Bytes;
use codec::{Ack, Packet, PacketId, Properties, Property, Publish, QoS, ReasonCode, TopicName};
use protocol::{PublishError, Violation};

use crate::harness::{Client, Pair, Server, Side, V3_1, V3_1_1, V5};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn id(id: u16) -> PacketId {
    PacketId::new(id).unwrap()
}

fn publish(qos: QoS, packet_id: u16) -> Packet {
    Packet::Publish(Publish {
        dup: false,
        qos,
        retain: false,
        topic: TopicName::new("a").unwrap(),
        packet_id: Some(id(packet_id)),
        properties: Properties::new(),
        payload: Bytes::new(),
    })
}

/// Puts a packet on the link that no connection of this crate would write;
/// what is answered to it gets lost.
fn inject(pair: &mut Pair, from: Side, packet: &Packet) {
    let version = pair.connect.version;
    packet.encode(version, &mut pair.end(from).link).unwrap();
    pair.deliver(from, usize::MAX);
    pair.end(from.other()).link.clear();
}

fn with_window(window: u16) -> Pair {
    let mut pair = Pair::new(V5);
    pair.limits.receive_maximum = window;
    pair.connect
        .properties
        .set(Property::ReceiveMaximum(window));
    pair.connect();
    pair
}

#[test]
fn mqtt_3_3_4_9_no_more_publishes_are_open_than_the_receiver_takes() {
    // The harness checks each PUBLISH against the receive maximum.
    for window in [1, 2, 20, 65_535] {
        for from in [Client, Server] {
            for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
                let mut pair = with_window(window);
                pair.auto_acknowledge = false;
                for n in 0..50 {
                    pair.publish(from, qos, &n.to_string());
                }
                let expected = usize::from(window).min(50);
                while pair.end(from.other()).received.len() < 50 {
                    pair.settle();
                    assert_eq!(pair.end(from).most_outstanding, expected);
                    pair.acknowledge(from.other(), 0);
                }
            }
        }
    }
}

#[test]
fn a_full_window_refuses_qos_1_and_2_and_lets_qos_0_pass() {
    let mut pair = with_window(1);
    pair.auto_acknowledge = false;
    pair.publish(Client, QoS::AtLeastOnce, "1");
    let now = pair.now;
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let delivery = pair.delivery(qos, "2");
        let refused = pair.client.conn().publish(delivery, now);
        assert_eq!(refused, Err(PublishError::WindowFull));
    }
    pair.publish(Client, QoS::AtMostOnce, "0");
    pair.settle();
    assert_eq!(pair.server.payloads(), ["1", "0"]);
}

#[test]
fn the_server_has_a_limit_of_its_own_in_every_version() {
    for version in [V3_1, V3_1_1, V5] {
        let mut pair = Pair::new(version);
        pair.max_inflight = 3;
        pair.auto_acknowledge = false;
        pair.connect();
        for n in 0..10 {
            pair.publish(Server, QoS::AtLeastOnce, &n.to_string());
        }
        pair.settle();
        assert_eq!(pair.client.received.len(), 3);
    }
}

#[test]
fn a_pubrel_sent_again_gives_no_extra_quota() {
    for from in [Client, Server] {
        let mut pair = with_window(2);
        pair.publish(from, QoS::ExactlyOnce, "0");
        pair.publish(from, QoS::ExactlyOnce, "1");
        // PUBLISH and PUBREC of both; the PUBRELs are lost.
        for _ in 0..2 {
            pair.deliver_packet(from);
        }
        for _ in 0..2 {
            pair.deliver_packet(from.other());
        }
        pair.cut();
        pair.auto_acknowledge = false;
        pair.connect();
        // The harness would tell a third PUBLISH.
        for n in 2..6 {
            pair.publish(from, QoS::AtLeastOnce, &n.to_string());
        }
        pair.settle();
        assert_eq!(pair.end(from).delivered.len(), 2);
        assert_eq!(pair.end(from.other()).payloads(), ["0", "1", "2", "3"]);
    }
}

#[test]
fn an_acknowledgement_of_what_waits_to_be_sent_again_gives_no_extra_quota() {
    let early = Ack::new(id(2), ReasonCode::Success);
    for (qos, packets) in [
        (QoS::AtLeastOnce, &[Packet::PubAck(early.clone())][..]),
        (
            QoS::ExactlyOnce,
            &[Packet::PubRec(early.clone()), Packet::PubComp(early)],
        ),
    ] {
        let mut pair = with_window(2);
        pair.auto_acknowledge = false;
        for n in 0..4 {
            pair.publish(Client, qos, &n.to_string());
        }
        pair.limits.receive_maximum = 1;
        pair.reconnect();
        for packet in packets {
            inject(&mut pair, Server, packet);
        }
        assert_eq!(pair.server.payloads(), ["0"]);
        assert_eq!(pair.client.delivered.len(), 1);
    }
}

#[test]
fn mqtt_3_3_4_7_a_receiver_that_gets_too_many_says_0x93() {
    for from in [Client, Server] {
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let mut pair = with_window(2);
            pair.auto_acknowledge = false;
            inject(&mut pair, from, &publish(qos, 1));
            inject(&mut pair, from, &publish(qos, 2));
            assert_eq!(pair.end(from.other()).violation, None);
            inject(&mut pair, from, &publish(qos, 3));
            let receiver = pair.end(from.other());
            assert_eq!(receiver.violation, Some(Violation::ReceiveMaximum(2)));
            let Some(Packet::Disconnect(disconnect)) = receiver.sent.last() else {
                panic!("{:?}", receiver.sent);
            };
            assert_eq!(disconnect.reason, ReasonCode::ReceiveMaximumExceeded);
        }
    }
}

#[test]
fn a_qos_2_publish_counts_until_pubcomp() {
    let mut pair = with_window(1);
    inject(&mut pair, Client, &publish(QoS::ExactlyOnce, 1));
    let Some(Packet::PubRec(_)) = pair.server.sent.last() else {
        panic!("no PUBREC");
    };
    inject(&mut pair, Client, &publish(QoS::AtLeastOnce, 2));
    assert_eq!(pair.server.violation, Some(Violation::ReceiveMaximum(1)));
}

#[test]
fn a_refused_qos_2_publish_no_longer_counts() {
    let mut pair = with_window(1);
    pair.auto_acknowledge = false;
    let now = pair.now;
    for n in 1..4 {
        inject(&mut pair, Client, &publish(QoS::ExactlyOnce, n));
        let refusal = ReasonCode::QuotaExceeded;
        let server = pair.server.conn();
        server.acknowledge(QoS::ExactlyOnce, id(n), refusal, now);
    }
    assert_eq!(pair.server.violation, None);
    assert_eq!(pair.server.received.len(), 3);
}

#[test]
fn what_an_earlier_connection_left_open_does_not_count() {
    let mut pair = with_window(2);
    inject(&mut pair, Client, &publish(QoS::ExactlyOnce, 1));
    inject(&mut pair, Client, &publish(QoS::ExactlyOnce, 2));
    pair.reconnect();
    pair.auto_acknowledge = false;
    // The quota starts anew (section 4.9); PUBRELs may come later.
    inject(&mut pair, Client, &publish(QoS::AtLeastOnce, 3));
    inject(&mut pair, Client, &publish(QoS::AtLeastOnce, 4));
    assert_eq!(pair.server.violation, None);
    // Each PUBCOMP is leave to send one more to a sender that follows section
    // 4.9 to the letter.
    for n in [1, 2] {
        let release = Packet::PubRel(Ack::new(id(n), ReasonCode::Success));
        inject(&mut pair, Client, &release);
        inject(&mut pair, Client, &publish(QoS::AtLeastOnce, 4 + n));
    }
    assert_eq!(pair.server.violation, None);
    inject(&mut pair, Client, &publish(QoS::AtLeastOnce, 7));
    assert_eq!(pair.server.violation, Some(Violation::ReceiveMaximum(2)));
}

#[test]
fn a_copy_counts_once() {
    let mut pair = with_window(2);
    let mut copy = publish(QoS::ExactlyOnce, 1);
    inject(&mut pair, Client, &copy);
    pair.reconnect();
    if let Packet::Publish(publish) = &mut copy {
        publish.dup = true;
    }
    for _ in 0..4 {
        inject(&mut pair, Client, &copy);
    }
    assert_eq!(pair.server.violation, None);
    assert_eq!(pair.server.received.len(), 1);
    inject(&mut pair, Client, &publish(QoS::ExactlyOnce, 2));
    assert_eq!(pair.server.violation, None);
    inject(&mut pair, Client, &publish(QoS::ExactlyOnce, 3));
    assert_eq!(pair.server.violation, Some(Violation::ReceiveMaximum(2)));
}

#[test]
fn one_that_was_too_much_is_taken_when_it_comes_again() {
    let mut pair = with_window(1);
    pair.auto_acknowledge = false;
    inject(&mut pair, Client, &publish(QoS::ExactlyOnce, 1));
    inject(&mut pair, Client, &publish(QoS::ExactlyOnce, 2));
    assert_eq!(pair.server.violation, Some(Violation::ReceiveMaximum(1)));
    pair.server.violation = None;
    pair.reconnect();
    let mut again = publish(QoS::ExactlyOnce, 2);
    if let Packet::Publish(publish) = &mut again {
        publish.dup = true;
    }
    pair.server.received.clear();
    inject(&mut pair, Client, &again);
    assert_eq!(pair.server.received.len(), 1);
}
