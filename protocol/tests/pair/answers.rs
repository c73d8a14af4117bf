//! What is answered, in which order, and what is left out of it (sections
//! 3.9.2, 3.11.2, 4.3, 4.6).

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use codec::{
    Ack, Connect, Disconnect, Packet, PacketId, PacketType, Properties, Property, Publish, QoS,
    ReasonCode, SubAck, TopicName, UnsubAck,
};
use protocol::{Delivery, Limits, Message, Time, server};

use crate::harness::{CONNECT_TIMEOUT, Client, Conn, Pair, Server, Side, V3_1_1, V5, VERSIONS};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOW: Time = Time::from_millis(0);
const SIDES: [Side; 2] = [Client, Server];

fn id(id: u16) -> PacketId {
    PacketId::new(id).unwrap()
}

/// A PUBLISH of no payload that is the same in 3.1.1 and, but for its
/// properties' length, in 5.0.
fn publish(first: u8, id: u8) -> [u8; 8] {
    [first, 6, 0, 1, b'a', 0, id, 0]
}

/// The acknowledgements among `packets`, with their identifiers.
fn acks(packets: &[Packet]) -> Vec<(PacketType, u16)> {
    let ack = |packet: &Packet| match packet {
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            Some((packet.packet_type(), ack.packet_id.get()))
        }
        _ => None,
    };
    packets.iter().filter_map(ack).collect()
}

fn expiring(pair: &mut Pair, seconds: u64) -> Delivery {
    let mut delivery = pair.delivery(QoS::ExactlyOnce, "x");
    let mut message = (*delivery.message).clone();
    message.expires_at = Some(pair.now + Duration::from_secs(seconds));
    delivery.message = Arc::new(message);
    delivery
}

#[test]
fn mqtt_3_1_4_6_nothing_is_read_after_a_refusal() {
    for version in VERSIONS {
        let mut server = server::Connection::new(Limits::NONE, CONNECT_TIMEOUT, NOW);
        let mut input = BytesMut::new();
        let connect = Packet::Connect(Box::new(Connect::new(version, "refused")));
        connect.encode(version, &mut input).unwrap();
        input.extend_from_slice(&publish(0x32, 1));
        let event = server.handle_input(&mut input, NOW);
        assert!(matches!(event, Ok(Some(server::Event::Connect(_)))));
        server.refuse(ReasonCode::NotAuthorized, Properties::new());
        server.output().clear();
        assert_eq!(server.handle_input(&mut input, NOW), Ok(None));
        assert!(server.output().is_empty());
    }
}

#[test]
fn mqtt_3_2_2_18_without_a_maximum_topics_are_sent_in_full() {
    for from in SIDES {
        let mut pair = Pair::connected(V5);
        for n in 0..3 {
            pair.publish(from, QoS::AtMostOnce, &n.to_string());
        }
        pair.settle();
        let sent = pair.end(from).publishes();
        assert_eq!(sent.len(), 3);
        for publish in sent {
            assert!(!publish.topic.is_alias());
            assert_eq!(publish.properties.topic_alias(), None);
        }
    }
}

#[test]
fn mqtt_3_3_1_3_dup_is_not_passed_on() {
    for version in VERSIONS {
        let mut pair = Pair::connected(version);
        let publish = Publish {
            dup: true,
            qos: QoS::AtLeastOnce,
            retain: false,
            topic: TopicName::new("a").unwrap(),
            packet_id: Some(id(7)),
            properties: Properties::new(),
            payload: "x".into(),
        };
        let message = Arc::new(Message::from_publish(publish, NOW));
        let delivery = Delivery::new(message, QoS::AtLeastOnce);
        pair.server.conn().publish(delivery, NOW).unwrap();
        pair.settle();
        assert!(!pair.client.received[0].dup);
    }
}

#[test]
fn mqtt_3_9_2_what_only_explains_is_left_out_of_an_answer_that_would_be_too_long() {
    let user = |len| Property::UserProperty(("why".into(), "x".repeat(len).into()));
    let reason = |len| Property::ReasonString("x".repeat(len).into());
    for (property, is_kept) in [
        (user(200), false),
        (reason(200), false),
        (user(20), true),
        (reason(20), true),
    ] {
        let explained = Properties::new().with(property);
        let mut pair = Pair::new(V5);
        let size = Property::MaximumPacketSize(100);
        pair.connect.properties.set(size);
        pair.connack.properties = explained.clone();
        pair.connect();
        let Conn::Server(server) = pair.server.conn() else {
            unreachable!()
        };
        server.suback(SubAck {
            packet_id: id(1),
            reasons: vec![ReasonCode::NotAuthorized],
            properties: explained.clone(),
        });
        server.unsuback(UnsubAck {
            packet_id: id(2),
            reasons: vec![ReasonCode::NotAuthorized],
            properties: explained.clone(),
        });
        let mut disconnect = Disconnect::new(ReasonCode::ServerBusy);
        disconnect.properties = explained;
        server.disconnect(disconnect);
        pair.deliver(Server, 0);
        let [
            Packet::ConnAck(connack),
            Packet::SubAck(suback),
            Packet::UnsubAck(unsuback),
            Packet::Disconnect(disconnect),
        ] = &pair.server.sent[..]
        else {
            panic!("{:?}", pair.server.sent);
        };
        for properties in [
            &connack.properties,
            &suback.properties,
            &unsuback.properties,
            &disconnect.properties,
        ] {
            let explains =
                properties.reason_string().is_some() || properties.user_properties().count() == 1;
            assert_eq!(explains, is_kept);
        }
    }
}

#[test]
fn mqtt_4_3_2_5_after_puback_an_identifier_is_free_whatever_dup_says() {
    for version in [V3_1_1, V5] {
        let mut pair = Pair::connected(version);
        pair.server.sent.clear();
        for first in [0x32, 0x3a] {
            pair.client.link.extend_from_slice(&publish(first, 9));
            pair.settle();
        }
        assert_eq!(pair.server.received.len(), 2);
        let puback = (PacketType::PubAck, 9);
        assert_eq!(acks(&pair.server.sent), [puback, puback]);
    }
}

#[test]
fn mqtt_4_3_3_7_a_delivery_that_has_begun_does_not_expire() {
    for from in SIDES {
        let mut pair = Pair::connected(V5);
        let delivery = expiring(&mut pair, 10);
        pair.end(from).conn().publish(delivery, NOW).unwrap();
        pair.deliver(from, 0);
        pair.cut();
        pair.advance(Duration::from_secs(30));
        pair.connect();
        pair.settle();
        assert_eq!(pair.end(from.other()).payloads(), ["x"]);
        assert_eq!(pair.end(from).delivered.len(), 1);
    }
}

#[test]
fn mqtt_4_3_3_9_after_a_refusal_an_identifier_is_free() {
    let mut pair = Pair::connected(V5);
    pair.auto_acknowledge = false;
    for n in 1..=2 {
        pair.client.link.extend_from_slice(&publish(0x34, 9));
        pair.settle();
        assert_eq!(pair.server.received.len(), n);
        let refusal = ReasonCode::QuotaExceeded;
        let server = pair.server.conn();
        server.acknowledge(QoS::ExactlyOnce, id(9), refusal, NOW);
    }
}

#[test]
fn mqtt_4_3_3_12_after_pubcomp_an_identifier_is_free() {
    for version in [V3_1_1, V5] {
        let mut pair = Pair::connected(version);
        pair.server.sent.clear();
        for n in 1..=2 {
            pair.client.link.extend_from_slice(&publish(0x34, 9));
            pair.client.link.extend_from_slice(&[0x62, 2, 0, 9]);
            pair.deliver(Client, usize::MAX);
            // The client knows nothing of it.
            pair.server.link.clear();
            assert_eq!(pair.server.received.len(), n);
        }
        let answers = [(PacketType::PubRec, 9), (PacketType::PubComp, 9)];
        assert_eq!(acks(&pair.server.sent), [answers, answers].concat());
    }
}

#[test]
fn mqtt_4_3_3_13_a_handshake_outlives_its_message() {
    for from in SIDES {
        let mut pair = Pair::connected(V5);
        let delivery = expiring(&mut pair, 1);
        pair.end(from).conn().publish(delivery, NOW).unwrap();
        pair.deliver_packet(from);
        pair.advance(Duration::from_secs(30));
        pair.settle();
        let answers = [(PacketType::PubRec, 1), (PacketType::PubComp, 1)];
        assert_eq!(acks(&pair.end(from.other()).sent), answers);
        assert_eq!(pair.end(from).delivered.len(), 1);
    }
}

#[test]
fn mqtt_4_6_0_2_a_client_answers_in_the_order_of_the_publishes() {
    let mut pair = Pair::connected(V5);
    pair.auto_acknowledge = false;
    for n in 0..4 {
        let qos = [QoS::AtLeastOnce, QoS::ExactlyOnce][n % 2];
        pair.publish(Server, qos, &n.to_string());
    }
    pair.settle();
    for at in [3, 2, 1, 0] {
        assert_eq!(acks(&pair.client.sent), []);
        pair.acknowledge(Client, at);
    }
    use PacketType::{PubAck, PubRec};
    let expected = [(PubAck, 1), (PubRec, 2), (PubAck, 3), (PubRec, 4)];
    assert_eq!(acks(&pair.client.sent), expected);
}

#[test]
fn mqtt_4_6_0_4_pubrels_leave_in_the_order_of_the_pubrecs() {
    for from in SIDES {
        let mut pair = Pair::connected(V5);
        pair.auto_acknowledge = false;
        for n in 0..3 {
            pair.publish(from, QoS::ExactlyOnce, &n.to_string());
        }
        pair.settle();
        for n in [2, 3, 1] {
            let pubrec = Packet::PubRec(Ack::new(id(n), ReasonCode::Success));
            let link = &mut pair.end(from.other()).link;
            pubrec.encode(V5, link).unwrap();
        }
        pair.deliver(from.other(), usize::MAX);
        let expected = [2, 3, 1].map(|n| (PacketType::PubRel, n));
        assert_eq!(acks(&pair.end(from).sent), expected);
    }
}

#[test]
fn mqtt_4_9_0_3_a_full_window_holds_back_publishes_alone() {
    use codec::{Subscription, TopicFilter};
    let mut pair = Pair::new(V5);
    pair.limits.receive_maximum = 1;
    let one = Property::ReceiveMaximum(1);
    pair.connect.properties.set(one);
    pair.auto_acknowledge = false;
    pair.connect();
    for from in SIDES {
        pair.publish(from, QoS::AtLeastOnce, "x");
        assert_eq!(pair.end(from).conn().window(), 0);
    }
    let Conn::Client(client) = pair.client.conn() else {
        unreachable!()
    };
    let filter = TopicFilter::new("a").unwrap();
    let subscription = Subscription {
        filter: filter.clone(),
        options: QoS::AtMostOnce.into(),
    };
    client
        .subscribe(vec![subscription], Properties::new(), 1, NOW)
        .unwrap();
    client
        .unsubscribe(vec![filter], Properties::new(), 2, NOW)
        .unwrap();
    client.ping(NOW);
    pair.settle();
    use PacketType::{PingResp, SubAck, UnsubAck};
    let sent = &pair.server.sent;
    let kinds: Vec<_> = sent.iter().map(Packet::packet_type).collect();
    assert!(kinds.ends_with(&[SubAck, UnsubAck, PingResp]), "{kinds:?}");
}
