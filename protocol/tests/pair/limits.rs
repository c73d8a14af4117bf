//! Maximum packet size, topic aliases, message expiry, and what a server says
//! it does not support.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use codec::{
    ConnAck, Connect, Disconnect, Packet, Properties, Property, Publish, QoS, ReasonCode, SubAck,
    TopicName,
};
use protocol::{Delivery, Limits, Message, PublishError, Session, Time, Violation, server};

use crate::harness::{CONNECT_TIMEOUT, Client, Conn, Pair, Server, Side, V3_1_1, V5, VERSIONS};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOW: Time = Time::from_millis(0);
const SIDES: [Side; 2] = [Client, Server];

fn with(properties: &[Property]) -> Pair {
    let mut pair = Pair::new(V5);
    let properties: Properties = properties.iter().cloned().collect();
    pair.limits = Limits::from_properties(&properties);
    pair.connect.properties = properties;
    pair.connect();
    pair
}

fn to(topic: &str, len: usize) -> Delivery {
    let topic = TopicName::new(topic).unwrap();
    Delivery::new(
        Arc::new(Message::new(topic, vec![b'x'; len])),
        QoS::AtMostOnce,
    )
}

fn send(pair: &mut Pair, from: Side, delivery: Delivery) -> Result<(), PublishError> {
    let now = pair.now;
    let sent = pair.end(from).conn().publish(delivery, now).map(drop);
    pair.settle();
    sent
}

/// Length of the last packet that `from` has written, and its alias.
fn last(pair: &mut Pair, from: Side) -> (usize, Publish) {
    let publish = pair.end(from).publishes().last().copied().unwrap().clone();
    (publish.parts().encoded_len(V5).unwrap(), publish)
}

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
fn section_3_3_2_3_4_a_topic_is_sent_once_and_then_its_alias() {
    for from in SIDES {
        let mut pair = with(&[Property::TopicAliasMaximum(2)]);
        for topic in ["a", "b", "c", "a", "b", "c"] {
            send(&mut pair, from, to(topic, 1)).unwrap();
        }
        let sent: Vec<_> = pair
            .end(from)
            .publishes()
            .iter()
            .map(|p| (p.topic.to_string(), p.properties.topic_alias()))
            .collect();
        let sent: Vec<_> = sent
            .iter()
            .map(|(topic, alias)| (&**topic, *alias))
            .collect();
        let expected = [
            ("a", Some(1)),
            ("b", Some(2)),
            ("c", None),
            ("", Some(1)),
            ("", Some(2)),
            ("c", None),
        ];
        assert_eq!(sent, expected);
        let received = &pair.end(from.other()).received;
        let topics: Vec<_> = received.iter().map(|p| p.topic.as_str()).collect();
        assert_eq!(topics, ["a", "b", "c", "a", "b", "c"]);
        assert!(received.iter().all(|p| p.properties.is_empty()));
    }
}

#[test]
fn aliases_end_with_the_connection() {
    for from in SIDES {
        let mut pair = with(&[Property::TopicAliasMaximum(2)]);
        pair.auto_acknowledge = false;
        pair.publish(from, QoS::AtLeastOnce, "1");
        pair.publish(from, QoS::AtLeastOnce, "2");
        pair.reconnect();
        let sent: Vec<_> = pair
            .end(from)
            .publishes()
            .iter()
            .map(|p| p.topic.is_alias())
            .collect();
        assert_eq!(sent, [false, true, false, true]);
        assert_eq!(pair.end(from.other()).received.len(), 2);
    }
}

#[test]
fn a_message_that_is_too_long_sets_no_alias() {
    let mut pair = with(&[
        Property::TopicAliasMaximum(2),
        Property::MaximumPacketSize(100),
    ]);
    let refused = send(&mut pair, Client, to("Kitchen", 100));
    assert_eq!(refused, Err(PublishError::TooLarge));
    send(&mut pair, Client, to("Kitchen", 1)).unwrap();
    assert_eq!(&*last(&mut pair, Client).1.topic, "Kitchen");
    assert_eq!(&*pair.server.received[0].topic, "Kitchen");
}

#[test]
fn an_alias_never_makes_a_message_too_long() {
    // Around the length at which the remaining length takes a second byte.
    for limit in 126u16..136 {
        for len in limit - 14..limit {
            let mut pair = with(&[
                Property::TopicAliasMaximum(2),
                Property::MaximumPacketSize(limit.into()),
            ]);
            for _ in 0..2 {
                if send(&mut pair, Client, to("a", len.into())).is_ok() {
                    assert!(last(&mut pair, Client).0 <= limit.into());
                }
            }
            assert_eq!(pair.server.violation, None);
        }
    }
}

#[test]
fn what_a_receiver_can_make_a_sender_remember_is_bounded() {
    let mut pair = with(&[Property::TopicAliasMaximum(u16::MAX)]);
    for n in 0..1000 {
        let topic = format!("{n}/{}", "x".repeat(1000));
        send(&mut pair, Server, to(&topic, 0)).unwrap();
    }
    let publishes = pair.server.publishes();
    let aliased = publishes.iter().filter(|p| !p.properties.is_empty());
    assert!(aliased.count() < 20);

    let mut pair = with(&[Property::TopicAliasMaximum(u16::MAX)]);
    for n in 0..1000 {
        send(&mut pair, Server, to(&n.to_string(), 0)).unwrap();
    }
    let publishes = pair.server.publishes();
    let aliased = publishes.iter().filter(|p| !p.properties.is_empty());
    assert_eq!(aliased.count(), 256);
}

#[test]
fn a_server_may_set_fewer_aliases_than_the_client_takes() {
    let mut server = server::Connection::new(Limits::NONE, CONNECT_TIMEOUT, NOW);
    let mut connect = Connect::new(V5, "pair");
    connect.properties.push(Property::TopicAliasMaximum(5));
    server
        .handle_packet(Packet::Connect(Box::new(connect)), NOW)
        .unwrap();
    server.limit_topic_aliases(1);
    let connack = ConnAck::new(false, ReasonCode::Success);
    server.accept(Session::new(), connack, 20, NOW);
    server.output().clear();
    for (topic, alias) in [("a", Some(1)), ("b", None), ("a", Some(1))] {
        server.publish(to(topic, 1), NOW).unwrap();
        let packet = Packet::decode(server.output(), V5, usize::MAX);
        let Ok(Some(Packet::Publish(publish))) = packet else {
            panic!("{packet:?}");
        };
        assert_eq!(publish.properties.topic_alias(), alias);
    }
}

#[test]
fn a_delivery_encoded_without_a_connection_is_what_the_connection_writes() {
    for version in VERSIONS {
        let mut pair = Pair::connected(version);
        let mut delivery = expiring(&mut pair, QoS::AtMostOnce, 10);
        delivery.retain = true;
        delivery.subscription_identifiers = Some([1, 2].into());
        pair.server.conn().publish(delivery.clone(), NOW).unwrap();
        let expected = pair.server.conn().output().split();
        delivery.qos = QoS::ExactlyOnce;
        let mut output = BytesMut::new();
        let mut encode = |limit, now| delivery.encode_qos0(version, limit, now, &mut output);
        assert_eq!(encode(expected.len(), NOW), Ok(()));
        let short = encode(expected.len() - 1, NOW);
        assert_eq!(short, Err(PublishError::TooLarge));
        let late = encode(expected.len(), NOW + Duration::from_secs(11));
        assert_eq!(late, Err(PublishError::Expired));
        assert_eq!(output, expected);
    }
}

#[test]
fn a_session_can_be_taken_from_under_the_last_packets() {
    let mut pair = Pair::connected(V5);
    pair.publish(Server, QoS::AtLeastOnce, "kept");
    let Conn::Server(server) = pair.server.conn() else {
        unreachable!()
    };
    server.disconnect(Disconnect::new(ReasonCode::ServerBusy));
    let session = server.take_session();
    assert_eq!(session.inflight_len(), 1);
    assert!(server.is_closed() && !server.output().is_empty());
    server.acknowledge(QoS::AtLeastOnce, codec::PacketId::MIN, ReasonCode::Success);
    assert!(server.take_session().is_empty());
}

#[test]
fn mqtt_3_3_2_8_wrong_aliases_end_the_connection_with_0x94() {
    for from in SIDES {
        // Over the maximum, and unknown.
        for (topic, alias) in [("a", 3), ("", 1)] {
            let mut pair = with(&[Property::TopicAliasMaximum(2)]);
            let topic = TopicName::new(topic).unwrap_or(TopicName::alias());
            let properties = Properties::new().with(Property::TopicAlias(alias));
            let publish = Packet::Publish(Publish {
                dup: false,
                qos: QoS::AtMostOnce,
                retain: false,
                topic,
                packet_id: None,
                properties,
                payload: bytes::Bytes::new(),
            });
            publish.encode(V5, &mut pair.end(from).link).unwrap();
            pair.settle();
            let receiver = pair.end(from.other());
            assert_eq!(receiver.violation, Some(Violation::TopicAlias));
            let Some(Packet::Disconnect(disconnect)) = receiver.sent.last() else {
                panic!("{:?}", receiver.sent);
            };
            assert_eq!(disconnect.reason, ReasonCode::TopicAliasInvalid);
        }
    }
}

#[test]
fn an_alias_can_be_set_anew() {
    let mut pair = with(&[Property::TopicAliasMaximum(1)]);
    for topic in ["a", "", "b", ""] {
        let publish = Packet::Publish(Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic: TopicName::new(topic).unwrap_or(TopicName::alias()),
            packet_id: None,
            properties: Properties::new().with(Property::TopicAlias(1)),
            payload: bytes::Bytes::new(),
        });
        publish.encode(V5, &mut pair.client.link).unwrap();
    }
    pair.settle();
    let topics: Vec<_> = pair.server.received.iter().map(|p| &*p.topic).collect();
    assert_eq!(topics, ["a", "a", "b", "b"]);
}

fn expiring(pair: &mut Pair, qos: QoS, seconds: u64) -> Delivery {
    let mut delivery = pair.delivery(qos, "Temperature:14");
    let mut message = (*delivery.message).clone();
    message.expires_at = Some(pair.now + Duration::from_secs(seconds));
    delivery.message = Arc::new(message);
    delivery
}

#[test]
fn mqtt_3_3_2_6_the_expiry_interval_is_what_is_left_of_it() {
    for from in SIDES {
        let mut pair = Pair::connected(V5);
        pair.auto_acknowledge = false;
        let delivery = expiring(&mut pair, QoS::AtLeastOnce, 10);
        pair.advance(Duration::from_millis(3_500));
        send(&mut pair, from, delivery).unwrap();
        pair.advance(Duration::from_secs(3));
        pair.reconnect();
        // Its delivery has begun, so it is not dropped.
        pair.advance(Duration::from_secs(30));
        pair.reconnect();
        let left: Vec<_> = pair
            .end(from.other())
            .received
            .iter()
            .map(|p| p.properties.message_expiry_interval())
            .collect();
        assert_eq!(left, [Some(7), Some(4), Some(1)]);
    }
}

#[test]
fn mqtt_3_3_2_5_what_has_expired_is_not_sent() {
    for version in VERSIONS {
        let mut pair = Pair::connected(version);
        let delivery = expiring(&mut pair, QoS::AtLeastOnce, 10);
        pair.advance(Duration::from_millis(10_001));
        let refused = send(&mut pair, Server, delivery);
        assert_eq!(refused, Err(PublishError::Expired));
        let at_once = expiring(&mut pair, QoS::AtLeastOnce, 0);
        send(&mut pair, Server, at_once).unwrap();
        assert_eq!(pair.client.received.len(), 1);
    }
}

#[test]
fn a_publish_becomes_a_message_and_keeps_what_belongs_to_it() {
    let now = protocol::Time::from_millis(5);
    let kept = [
        Property::ContentType("text/plain".into()),
        Property::UserProperty(("a".into(), "b".into())),
    ];
    let mut properties: Properties = kept.iter().cloned().collect();
    properties.push(Property::MessageExpiryInterval(2));
    properties.push(Property::TopicAlias(2));
    properties.push(Property::SubscriptionIdentifier(2));
    let publish = Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: TopicName::new("a").unwrap(),
        packet_id: None,
        properties,
        payload: "payload".into(),
    };
    let message = Message::from_publish(publish, now);
    assert_eq!(message.properties, kept.into_iter().collect());
    assert_eq!(message.expires_at, Some(now + Duration::from_secs(2)));
    let bare = Message::new(message.topic.clone(), message.payload.clone());
    assert_eq!(bare.size(), 8);
    assert!(message.size() > 8 + "text/plain".len());
    assert_eq!(message.detached(), message);
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
