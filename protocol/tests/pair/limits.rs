//! Maximum packet size, and what else a server or client says it does not
//! take.

use codec::{ConnAck, Disconnect, Packet, Properties, Property, QoS, ReasonCode, SubAck};
use protocol::{Limits, PublishError, Violation};

use crate::harness::{Conn, Pair, SIDES, Server, V3_1_1, V5, last, send, to, with};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn mqtt_3_1_2_24_nothing_longer_than_the_receiver_takes_is_sent() {
    for from in SIDES {
        let mut pair = with(&[Property::MaximumPacketSize(100)]);
        // Two bytes of fixed header, three of topic, one of properties.
        assert_eq!(send(&mut pair, from, to("a", 94)), Ok(()));
        assert_eq!(last(&mut pair, from).0, 100);
        let refused = send(&mut pair, from, to("a", 95));
        assert_eq!(refused, Err(PublishError::TooLarge));
        let mut at_qos_1 = to("a", 93);
        at_qos_1.qos = QoS::AtLeastOnce;
        let refused = send(&mut pair, from, at_qos_1);
        assert_eq!(refused, Err(PublishError::TooLarge));
        assert_eq!(pair.end(from.other()).received.len(), 1);
        pair.cut();
        assert!(pair.end(from).session.is_empty());
    }
}

#[test]
fn properties_of_the_delivery_count_in_its_size() {
    for (len, expected) in [(92, Ok(())), (93, Err(PublishError::TooLarge))] {
        let mut pair = with(&[Property::MaximumPacketSize(100)]);
        let mut delivery = to("a", len);
        delivery.subscription_identifiers = Some([1].into());
        assert_eq!(send(&mut pair, Server, delivery), expected);
    }
}

#[test]
fn a_packet_that_is_too_long_ends_the_connection_with_0x95() {
    for from in SIDES {
        let mut pair = with(&[Property::MaximumPacketSize(100)]);
        pair.end(from).link.extend_from_slice(&[0x30, 99]);
        pair.settle();
        let receiver = pair.end(from.other());
        assert!(matches!(receiver.violation, Some(Violation::Decode(_))));
        let Some(Packet::Disconnect(disconnect)) = receiver.sent.last() else {
            panic!("{:?}", receiver.sent);
        };
        assert_eq!(disconnect.reason, ReasonCode::PacketTooLarge);
    }
}

#[test]
fn a_limit_above_what_mqtt_has_is_no_limit() {
    let properties = Properties::new().with(Property::MaximumPacketSize(u32::MAX));
    assert_eq!(Limits::from_properties(&properties), Limits::NONE);
}

#[test]
fn mqtt_3_2_2_19_what_only_explains_is_left_out_if_it_does_not_fit() {
    let explained = Properties::new().with(Property::ReasonString("x".repeat(200).into()));
    let mut pair = Pair::new(V5);
    pair.connect
        .properties
        .set(Property::MaximumPacketSize(100));
    pair.connack.properties = explained.clone();
    pair.connect();
    let Conn::Server(server) = pair.server.conn() else {
        unreachable!()
    };
    let mut disconnect = Disconnect::new(ReasonCode::ServerBusy);
    disconnect.properties = explained.clone();
    disconnect
        .properties
        .push(Property::SessionExpiryInterval(1));
    server.disconnect(disconnect);
    pair.settle();
    let [.., protocol::client::Event::Disconnect(disconnect)] = &pair.client_events[..] else {
        panic!("{:?}", pair.client_events);
    };
    assert_eq!(*disconnect, Disconnect::new(ReasonCode::ServerBusy));

    // A refusal, and text that no packet can carry.
    for len in [200, 65_536] {
        pair.cut();
        pair.connack = ConnAck::new(false, ReasonCode::NotAuthorized);
        let text = "x".repeat(len);
        pair.connack
            .properties
            .push(Property::ReasonString(text.into()));
        pair.client_events.clear();
        pair.open();
        pair.settle();
        let [protocol::client::Event::ConnAck { connack, .. }] = &pair.client_events[..] else {
            panic!("{:?}", pair.client_events);
        };
        let expected = ConnAck::new(false, ReasonCode::NotAuthorized);
        assert_eq!(*connack, expected);
    }
}

#[test]
fn a_client_that_takes_no_connack_or_suback_is_not_sent_one() {
    let mut pair = Pair::connected(V5);
    pair.publish(Server, QoS::AtLeastOnce, "kept");
    pair.cut();
    pair.server.sent.clear();
    pair.connect.properties.set(Property::MaximumPacketSize(4));
    pair.open();
    pair.settle();
    assert_eq!(pair.server.sent, []);
    assert!(!pair.server.conn().is_connected());
    assert!(pair.server.session.is_empty());
    let server = pair.server.conn.take().unwrap();
    assert_eq!(server.into_session().inflight_len(), 1);

    let mut pair = Pair::new(V5);
    pair.connect.properties.set(Property::MaximumPacketSize(20));
    pair.connect();
    let Conn::Server(server) = pair.server.conn() else {
        unreachable!()
    };
    server.suback(SubAck {
        packet_id: codec::PacketId::MIN,
        reasons: vec![ReasonCode::Success; 20],
        properties: Properties::new(),
    });
    pair.settle();
    let Some(Packet::Disconnect(_)) = pair.server.sent.last() else {
        panic!("{:?}", pair.server.sent);
    };
}

#[test]
fn mqtt_3_1_2_29_answers_are_explained_only_to_clients_that_ask() {
    for asks in [true, false] {
        let mut pair = with(&[Property::RequestProblemInformation(asks)]);
        let Conn::Server(server) = pair.server.conn() else {
            unreachable!()
        };
        let properties = Properties::new().with(Property::ReasonString("why".into()));
        server.suback(SubAck {
            packet_id: codec::PacketId::MIN,
            reasons: vec![ReasonCode::NotAuthorized],
            properties: properties.clone(),
        });
        pair.deliver(Server, 0);
        let Some(Packet::SubAck(suback)) = pair.server.sent.last() else {
            panic!("{:?}", pair.server.sent);
        };
        assert_eq!(suback.properties.is_empty(), !asks);
    }
}

#[test]
fn section_3_2_2_3_what_connack_rules_out_is_neither_sent_nor_accepted() {
    let mut pair = Pair::new(V5);
    pair.connack.properties.push(Property::MaximumQoS(1));
    pair.connack
        .properties
        .push(Property::RetainAvailable(false));
    pair.connect();
    let now = pair.now;
    let at_qos_2 = pair.delivery(QoS::ExactlyOnce, "x");
    let refused = pair.client.conn().publish(at_qos_2.clone(), now);
    assert_eq!(refused, Err(PublishError::QoSNotSupported));
    let mut retained = pair.delivery(QoS::AtMostOnce, "x");
    retained.retain = true;
    let refused = pair.client.conn().publish(retained.clone(), now);
    assert_eq!(refused, Err(PublishError::RetainNotSupported));
    // They are limits of the server's only.
    send(&mut pair, Server, retained).unwrap();
    send(&mut pair, Server, at_qos_2).unwrap();
    assert_eq!(pair.client.received.len(), 2);
}

#[test]
fn mqtt_3_2_2_12_a_client_that_sends_it_all_the_same_is_disconnected() {
    for version in [V3_1_1, V5] {
        let cases = [
            (
                0x34,
                Violation::QoSNotSupported,
                ReasonCode::QoSNotSupported,
            ),
            (
                0x33,
                Violation::RetainNotSupported,
                ReasonCode::RetainNotSupported,
            ),
        ];
        for (first, violation, reason) in cases {
            let mut pair = Pair::new(version);
            pair.connack.properties.push(Property::MaximumQoS(1));
            pair.connack
                .properties
                .push(Property::RetainAvailable(false));
            pair.connect();
            let publish = [first, 6, 0, 1, b'a', 0, 1, 0];
            pair.client.link.extend_from_slice(&publish);
            pair.settle();
            assert_eq!(pair.server.violation, Some(violation));
            let expected = Packet::Disconnect(Disconnect::new(reason));
            let is_told = pair.server.sent.last() == Some(&expected);
            assert_eq!(is_told, version.is_v5());
        }
    }
}
