//! Topic aliases (section 3.3.2.3.4).

use codec::{ConnAck, Connect, Packet, Properties, Property, Publish, QoS, ReasonCode, TopicName};
use protocol::{Limits, PublishError, Session, Violation, server};

use crate::harness::{CONNECT_TIMEOUT, Client, NOW, SIDES, Server, V5, last, send, to, with};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

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
