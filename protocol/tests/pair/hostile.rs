//! A peer that does what no honest one does.

use bytes::{Bytes, BytesMut};
use codec::{
    Ack, ConnAck, Connect, Packet, PacketId, PacketType, Properties, ProtocolVersion, Publish, QoS,
    ReasonCode, TopicName,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use protocol::{Limits, Session, Time, Violation, client, server};

use crate::harness::{CONNECT_TIMEOUT, Client, Pair, Server, V3_1_1, V5, VERSIONS};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOW: Time = Time::from_millis(0);

fn accepted(version: ProtocolVersion, limits: Limits, max_inflight: u16) -> server::Connection {
    let mut server = server::Connection::new(limits, CONNECT_TIMEOUT, NOW);
    let connect = Packet::Connect(Box::new(Connect::new(version, "hostile")));
    server.handle_packet(connect, NOW).unwrap();
    let connack = ConnAck::new(false, ReasonCode::Success);
    server.accept(Session::new(), connack, max_inflight, NOW);
    server
}

fn publish(qos: QoS, id: u16) -> Packet {
    Packet::Publish(Publish {
        dup: false,
        qos,
        retain: false,
        topic: TopicName::new("a").unwrap(),
        packet_id: PacketId::new(id),
        properties: Properties::new(),
        payload: Bytes::new(),
    })
}

fn ack(id: u16) -> Ack {
    Ack::new(PacketId::new(id).unwrap(), ReasonCode::Success)
}

#[test]
fn what_a_client_can_make_a_server_remember_is_bounded() {
    for version in VERSIONS {
        // As many identifiers as there are, and then one of them again.
        let mut server = accepted(version, Limits::NONE, 20);
        for id in 1..=u16::MAX {
            let event = server.handle_packet(publish(QoS::ExactlyOnce, id), NOW);
            assert!(matches!(event, Ok(Some(_))));
        }
        let again = server.handle_packet(publish(QoS::ExactlyOnce, 1), NOW);
        assert_eq!(again, Ok(None));
        let over = server.handle_packet(publish(QoS::AtLeastOnce, 1), NOW);
        assert_eq!(over, Err(Violation::ReceiveMaximum(u16::MAX)));
        assert_eq!(server.unanswered(), 65_535);

        // The same identifier, over and over.
        let mut server = accepted(version, Limits::NONE, 20);
        for _ in 0..u16::MAX {
            let event = server.handle_packet(publish(QoS::AtLeastOnce, 1), NOW);
            assert!(matches!(event, Ok(Some(_))));
        }
        let over = server.handle_packet(publish(QoS::AtLeastOnce, 1), NOW);
        assert_eq!(over, Err(Violation::ReceiveMaximum(u16::MAX)));
    }
}

#[test]
fn releases_of_nothing_buy_no_more_than_the_receive_maximum() {
    let mut pair = Pair::new(V5);
    pair.limits.receive_maximum = 3;
    pair.auto_acknowledge = false;
    pair.connect();
    for n in 1..=100 {
        let release = Packet::PubRel(ack(n));
        release.encode(V5, &mut pair.client.link).unwrap();
    }
    for n in 1..=7 {
        let publish = publish(QoS::AtLeastOnce, n);
        publish.encode(V5, &mut pair.client.link).unwrap();
    }
    pair.settle();
    assert_eq!(pair.server.received.len(), 6);
    assert_eq!(pair.server.violation, Some(Violation::ReceiveMaximum(3)));
}

#[test]
fn a_release_before_pubrec_is_a_violation_and_leaves_nothing_behind() {
    let mut server = accepted(V5, Limits::NONE, 20);
    let publish = publish(QoS::ExactlyOnce, 1);
    server.handle_packet(publish, NOW).unwrap();
    let released = server.handle_packet(Packet::PubRel(ack(1)), NOW);
    assert_eq!(released, Err(Violation::WrongAck(PacketType::PubRel)));
    server.acknowledge(QoS::ExactlyOnce, PacketId::MIN, ReasonCode::Success);
    assert!(server.is_closed());
}

#[test]
fn acknowledgements_of_the_wrong_kind_are_violations() {
    use PacketType::{PubAck, PubComp, PubRec};
    for from in [Client, Server] {
        for (qos, kind) in [
            (QoS::AtLeastOnce, PubRec),
            (QoS::AtLeastOnce, PubComp),
            (QoS::ExactlyOnce, PubAck),
            (QoS::ExactlyOnce, PubComp),
        ] {
            let mut pair = Pair::connected(V5);
            pair.auto_acknowledge = false;
            pair.publish(from, qos, "x");
            let packet = match kind {
                PubAck => Packet::PubAck(ack(1)),
                PubRec => Packet::PubRec(ack(1)),
                _ => Packet::PubComp(ack(1)),
            };
            packet.encode(V5, &mut pair.end(from.other()).link).unwrap();
            pair.deliver(from.other(), usize::MAX);
            let sender = pair.end(from);
            assert_eq!(sender.violation, Some(Violation::WrongAck(kind)));
            assert!(sender.delivered.is_empty());
            pair.cut();
            assert_eq!(pair.end(from).session.inflight_len(), 1);
        }
    }
}

#[test]
fn acknowledgements_of_nothing_are_let_pass() {
    for version in VERSIONS {
        for from in [Client, Server] {
            let mut pair = Pair::connected(version);
            for packet in [
                Packet::PubAck(ack(9)),
                Packet::PubRec(ack(9)),
                Packet::PubComp(ack(9)),
                Packet::PubRel(ack(9)),
            ] {
                packet.encode(version, &mut pair.end(from).link).unwrap();
            }
            pair.deliver(from, usize::MAX);
            let receiver = pair.end(from.other());
            assert_eq!(receiver.violation, None);
            let [.., Packet::PubRel(release), Packet::PubComp(complete)] = &receiver.sent[..]
            else {
                panic!("{:?}", receiver.sent);
            };
            assert_eq!(release.reason, ReasonCode::Success);
            assert_eq!(complete.reason, ReasonCode::Success);
        }
    }
}

#[test]
fn a_refusal_of_nothing_is_not_released() {
    let mut pair = Pair::connected(V5);
    pair.client.sent.clear();
    let refusal = Ack::new(PacketId::MIN, ReasonCode::NotAuthorized);
    let packet = Packet::PubRec(refusal);
    packet.encode(V5, &mut pair.server.link).unwrap();
    pair.settle();
    assert_eq!(pair.client.sent, []);
}

#[test]
fn a_receiver_that_answers_only_the_newest_slows_nobody_down() {
    // The oldest half stays unanswered while the other half goes round all
    // identifiers; with a search through what is unanswered this takes
    // minutes.
    let mut server = accepted(V3_1_1, Limits::NONE, u16::MAX);
    let mut pair = Pair::new(V3_1_1);
    let delivery = pair.delivery(QoS::AtLeastOnce, "x");
    for _ in 0..30_000 {
        server.publish(delivery.clone(), NOW).unwrap();
    }
    for _ in 0..100_000 {
        let id = server.publish(delivery.clone(), NOW).unwrap().unwrap();
        let ack = Packet::PubAck(Ack::new(id, ReasonCode::Success));
        assert!(server.handle_packet(ack, NOW).unwrap().is_some());
        server.output().clear();
    }
    assert_eq!(server.window(), 35_535);
}

#[test]
fn no_bytes_make_an_end_panic() {
    let config = Config {
        cases: 300,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let first = prop_oneof![
        Just(0x32u8),
        Just(0x34),
        Just(0x3b),
        Just(0x3d),
        Just(0x40),
        Just(0x50),
        Just(0x62),
        Just(0x70),
        Just(0x82),
        Just(0x90),
        Just(0xa2),
        Just(0xb0),
        Just(0xe0),
        any::<u8>(),
    ];
    let body = prop_oneof![
        // Acknowledgements and publishes with low packet identifiers.
        (1u8..4).prop_map(|id| vec![0, id]),
        (1u8..4, 0u8..2).prop_map(|(id, reason)| vec![0, id, reason * 0x92]),
        (1u8..4).prop_map(|id| vec![0, 1, b'a', 0, id, 0]),
        (1u8..4, 0u8..4).prop_map(|(id, alias)| vec![0, 0, 0, id, 3, 0x23, 0, alias]),
        proptest::collection::vec(any::<u8>(), 0..20),
    ];
    let packets = proptest::collection::vec((first, body), 1..30);
    runner
        .run(&packets, |packets| {
            let mut bytes = BytesMut::new();
            for (first, body) in packets {
                bytes.extend_from_slice(&[first, body.len() as u8]);
                bytes.extend_from_slice(&body);
            }
            for version in VERSIONS {
                run_server(version, bytes.clone());
                run_client(version, bytes.clone());
            }
            Ok(())
        })
        .unwrap();
}

fn run_server(version: ProtocolVersion, mut input: BytesMut) {
    let limits = Limits {
        receive_maximum: 3,
        topic_alias_maximum: 2,
        ..Limits::NONE
    };
    let mut server = accepted(version, limits, 20);
    let mut pair = Pair::new(version);
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::ExactlyOnce] {
        server.publish(pair.delivery(qos, "x"), NOW).unwrap();
    }
    let mut events = 0;
    while let Ok(Some(event)) = server.handle_input(&mut input, NOW) {
        events += 1;
        if let server::Event::Publish(publish) = event
            && let Some(id) = publish.packet_id
            && events % 2 == 0
        {
            server.acknowledge(publish.qos, id, ReasonCode::Success);
        }
    }
    server.into_session();
}

fn run_client(version: ProtocolVersion, mut input: BytesMut) {
    let connect = Connect::new(version, "victim");
    let mut client =
        client::Connection::new(connect, Session::new(), CONNECT_TIMEOUT, NOW).unwrap();
    let connack = Packet::ConnAck(ConnAck::new(false, ReasonCode::Success));
    client.handle_packet(connack, NOW).unwrap();
    let mut pair = Pair::new(version);
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::ExactlyOnce] {
        client.publish(pair.delivery(qos, "x"), NOW).unwrap();
    }
    let mut events = 0;
    while let Ok(Some(event)) = client.handle_input(&mut input, NOW) {
        events += 1;
        if let client::Event::Publish(publish) = event
            && let Some(id) = publish.packet_id
            && events % 2 == 0
        {
            client.acknowledge(publish.qos, id, ReasonCode::Success, NOW);
        }
    }
    client.into_session();
}
