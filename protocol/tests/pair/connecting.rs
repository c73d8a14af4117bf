//! The beginning and the end of a connection (sections 3.1, 3.2, 3.14).

use std::time::Duration;

use bytes::BytesMut;
use codec::{
    Ack, Auth, ConnAck, Connect, Disconnect, Packet, PacketId, PacketType, Properties, Property,
    ProtocolVersion, QoS, ReasonCode, SubAck, Subscribe, TopicFilter, UnsubAck, Unsubscribe,
};
use protocol::client::Event;
use protocol::{Limits, PublishError, Session, Time, Violation, server};

use crate::harness::{CONNECT_TIMEOUT, Client, Conn, Pair, Server, V3_1, V3_1_1, V5, VERSIONS};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOW: Time = Time::from_millis(0);

/// Every kind of packet, all fit to be sent in `version`.
fn packets(version: ProtocolVersion) -> Vec<Packet> {
    let packet_id = PacketId::MIN;
    let ack = Ack::new(packet_id, ReasonCode::Success);
    let properties = Properties::new();
    let filter = TopicFilter::new("a").unwrap();
    let mut packets = vec![
        Packet::Connect(Box::new(Connect::new(version, "again"))),
        Packet::ConnAck(ConnAck::new(false, ReasonCode::Success)),
        Packet::PubAck(ack.clone()),
        Packet::PubRec(ack.clone()),
        Packet::PubRel(ack.clone()),
        Packet::PubComp(ack),
        Packet::Subscribe(Subscribe {
            packet_id,
            properties: properties.clone(),
            subscriptions: vec![codec::Subscription {
                filter: filter.clone(),
                options: QoS::AtMostOnce.into(),
            }],
        }),
        Packet::SubAck(SubAck {
            packet_id,
            reasons: vec![ReasonCode::Success],
            properties: properties.clone(),
        }),
        Packet::Unsubscribe(Unsubscribe {
            packet_id,
            properties: properties.clone(),
            filters: vec![filter],
        }),
        Packet::UnsubAck(UnsubAck {
            packet_id,
            reasons: vec![ReasonCode::Success],
            properties: properties.clone(),
        }),
        Packet::PingReq,
        Packet::PingResp,
        Packet::Disconnect(Disconnect::new(ReasonCode::Success)),
    ];
    if version.is_v5() {
        let method = Property::AuthenticationMethod("SCRAM".into());
        packets.push(Packet::Auth(Auth {
            reason: ReasonCode::ContinueAuthentication,
            properties: properties.with(method),
        }));
    }
    packets
}

#[test]
fn mqtt_3_1_0_1_nothing_comes_before_connect() {
    for version in VERSIONS {
        for packet in packets(version) {
            let kind = packet.packet_type();
            if kind == PacketType::Connect {
                continue;
            }
            let mut server = server::Connection::new(Limits::NONE, CONNECT_TIMEOUT, NOW);
            let result = server.handle_packet(packet, NOW);
            assert_eq!(result, Err(Violation::FirstPacket(kind)));
            assert!(server.is_closed());
            assert!(server.output().is_empty());
        }
    }
}

#[test]
fn mqtt_3_2_0_1_nothing_comes_before_connack() {
    for version in VERSIONS {
        for packet in packets(version) {
            let kind = packet.packet_type();
            if kind == PacketType::ConnAck {
                continue;
            }
            let mut pair = Pair::new(version);
            pair.open();
            pair.client.conn().output().clear();
            packet.encode(version, &mut pair.server.link).unwrap();
            pair.settle();
            let expected = Some(Violation::FirstPacket(kind));
            assert_eq!(pair.client.violation, expected);
        }
    }
}

#[test]
fn what_only_clients_send_is_not_waited_for_by_one() {
    for first in [0x10, 0x82, 0xa2, 0xc0] {
        let mut pair = Pair::new(ProtocolVersion::V5);
        pair.open();
        pair.settle();
        pair.server.link.extend_from_slice(&[first, 100]);
        pair.settle();
        let kind = PacketType::from_u8(first >> 4).unwrap();
        let expected = Some(Violation::Unexpected(kind));
        assert_eq!(pair.client.violation, expected);
    }
}

#[test]
fn packets_that_only_the_other_end_sends_end_the_connection() {
    use PacketType::{
        Auth, ConnAck, Connect, Disconnect, PingReq, PingResp, SubAck, Subscribe, UnsubAck,
        Unsubscribe,
    };
    let to_server = [Connect, ConnAck, SubAck, UnsubAck, PingResp, Auth];
    let to_client = [Connect, ConnAck, Subscribe, Unsubscribe, PingReq, Auth];
    for version in VERSIONS {
        for (from, forbidden) in [(Client, to_server), (Server, to_client)] {
            for packet in packets(version) {
                let kind = packet.packet_type();
                let mut pair = Pair::connected(version);
                packet.encode(version, &mut pair.end(from).link).unwrap();
                pair.settle();
                let receiver = pair.end(from.other());
                // Before 5.0 a server has no DISCONNECT.
                let is_forbidden = forbidden.contains(&kind)
                    || kind == Disconnect && from == Server && !version.is_v5();
                let unasked = from == Server && [SubAck, UnsubAck].contains(&kind);
                let expected = match kind {
                    kind if is_forbidden => Some(Violation::Unexpected(kind)),
                    kind if unasked => Some(Violation::WrongAck(kind)),
                    _ => None,
                };
                assert_eq!(receiver.violation, expected, "{from:?} {kind:?}");
                let told = receiver.sent.iter().any(|packet| {
                    *packet == Packet::Disconnect(self::Disconnect::new(ReasonCode::ProtocolError))
                });
                assert_eq!(told, expected.is_some() && version.is_v5(), "{kind:?}");
            }
        }
    }
}

#[test]
fn a_header_is_enough_to_refuse_what_clients_do_not_send() {
    // Each is followed by 100 bytes that have not come.
    for (first, kind) in [
        (0x20, PacketType::ConnAck),
        (0x90, PacketType::SubAck),
        (0xb0, PacketType::UnsubAck),
        (0xd0, PacketType::PingResp),
        (0x10, PacketType::Connect),
    ] {
        let mut pair = Pair::connected(V5);
        pair.client.link.extend_from_slice(&[first, 100]);
        pair.settle();
        assert_eq!(pair.server.violation, Some(Violation::Unexpected(kind)));
        let told = Packet::Disconnect(Disconnect::new(ReasonCode::ProtocolError));
        assert_eq!(pair.server.sent.last(), Some(&told));
    }
    let mut server = server::Connection::new(Limits::NONE, Duration::from_secs(1), NOW);
    let mut input = BytesMut::from(&[0x30, 100][..]);
    let refused = server.handle_input(&mut input, NOW);
    assert_eq!(refused, Err(Violation::FirstPacket(PacketType::Publish)));
}

#[test]
fn mqtt_3_1_0_2_a_second_connect_is_a_protocol_error_whatever_is_in_it() {
    let mut pair = Pair::connected(V5);
    pair.client
        .link
        .extend_from_slice(b"\x10\x10\x00\x04MQTT\x09\x02\x00\x00\x00\x00\x03abc");
    pair.settle();
    assert!(pair.server.violation.is_some());
    let expected = Packet::Disconnect(Disconnect::new(ReasonCode::ProtocolError));
    assert_eq!(pair.server.sent.last(), Some(&expected));
}

#[test]
fn mqtt_3_1_2_2_an_unknown_protocol_level_is_answered_with_connack_1() {
    let connects: [&[u8]; 2] = [
        b"\x10\x0f\x00\x04MQTT\x06\x02\x00\x00\x00\x03abc",
        b"\x10\x11\x00\x06MQIsdp\x09\x02\x00\x00\x00\x03abc",
    ];
    for connect in connects {
        let mut server = server::Connection::new(Limits::NONE, CONNECT_TIMEOUT, NOW);
        let mut input = BytesMut::from(connect);
        server.handle_input(&mut input, NOW).unwrap_err();
        assert_eq!(&server.output()[..], [0x20, 2, 0, 1]);
        assert!(server.is_closed());
    }
    // Another protocol is not answered.
    let mut server = server::Connection::new(Limits::NONE, CONNECT_TIMEOUT, NOW);
    let mut input = BytesMut::from(&b"GET / HTTP/1.1\r\n\r\n"[..]);
    server.handle_input(&mut input, NOW).unwrap_err();
    assert!(server.output().is_empty());
}

#[test]
fn a_refused_client_learns_why() {
    for version in VERSIONS {
        let mut pair = Pair::new(version);
        pair.connack.reason = ReasonCode::NotAuthorized;
        pair.open();
        pair.settle();
        let [Event::ConnAck { connack, .. }] = &pair.client_events[..] else {
            panic!("{:?}", pair.client_events);
        };
        assert_eq!(connack.reason, ReasonCode::NotAuthorized);
        for side in [Client, Server] {
            assert!(!pair.end(side).conn().is_connected());
            assert_eq!(pair.end(side).conn().poll_timeout(), None);
            assert_eq!(pair.end(side).conn().window(), 0);
        }
    }
}

#[test]
fn nothing_is_read_before_connect_is_answered() {
    let mut server = server::Connection::new(Limits::NONE, CONNECT_TIMEOUT, NOW);
    let mut input = BytesMut::new();
    let connect = Packet::Connect(Box::new(Connect::new(V5, "eager")));
    connect.encode(V5, &mut input).unwrap();
    Packet::PingReq.encode(V5, &mut input).unwrap();
    let event = server.handle_input(&mut input, NOW);
    assert!(matches!(event, Ok(Some(server::Event::Connect(_)))));
    assert_eq!(server.handle_input(&mut input, NOW), Ok(None));
    assert_eq!(input.len(), 2);
    let connack = ConnAck::new(false, ReasonCode::Success);
    server.accept(Session::new(), connack, 20, NOW);
    assert_eq!(server.handle_input(&mut input, NOW), Ok(None));
    assert!(input.is_empty());
    assert!(server.output().ends_with(&[0xd0, 0]));
}

#[test]
fn a_client_that_was_given_up_while_it_was_judged_leaves_its_session() {
    let mut pair = Pair::connected(V5);
    pair.publish(Server, QoS::AtLeastOnce, "kept");
    pair.cut();
    let session = std::mem::take(&mut pair.server.session);
    let mut server = server::Connection::new(Limits::NONE, CONNECT_TIMEOUT, NOW);
    let connect = Packet::Connect(Box::new(Connect::new(V5, "late")));
    server.handle_packet(connect, NOW).unwrap();
    server.disconnect(Disconnect::new(ReasonCode::ServerShuttingDown));
    let connack = ConnAck::new(true, ReasonCode::Success);
    server.accept(session, connack, 20, NOW);
    assert!(server.is_closed());
    assert!(server.output().is_empty());
    assert_eq!(server.into_session().inflight_len(), 1);
}

#[test]
fn mqtt_3_2_2_2_a_session_cannot_be_present_after_a_clean_start() {
    let mut pair = Pair::new(V3_1_1);
    pair.connect.clean_start = true;
    pair.open();
    pair.client.conn().output().clear();
    pair.server.link.extend_from_slice(&[0x20, 2, 1, 0]);
    pair.settle();
    let expected = Some(Violation::Unexpected(PacketType::ConnAck));
    assert_eq!(pair.client.violation, expected);
}

#[test]
fn connack_tells_the_servers_limits_in_5_0() {
    for version in [V3_1, V3_1_1, V5] {
        let mut pair = Pair::new(version);
        pair.limits = Limits {
            receive_maximum: 0,
            maximum_packet_size: 1000,
            topic_alias_maximum: 7,
        };
        pair.connect();
        let [Event::ConnAck { connack, .. }] = &pair.client_events[..] else {
            panic!("{:?}", pair.client_events);
        };
        let expected = if version.is_v5() {
            Limits {
                // None at all is not MQTT.
                receive_maximum: 1,
                ..pair.limits
            }
        } else {
            Limits::NONE
        };
        assert_eq!(Limits::from_properties(&connack.properties), expected);
        pair.publish(Client, QoS::AtLeastOnce, "x");
        pair.settle();
        assert_eq!(pair.server.payloads(), ["x"]);
    }
}

#[test]
fn a_client_says_goodbye() {
    for version in VERSIONS {
        let mut pair = Pair::connected(version);
        let Conn::Client(client) = pair.client.conn() else {
            unreachable!()
        };
        client
            .disconnect(Disconnect::new(ReasonCode::DisconnectWithWill))
            .unwrap();
        assert!(client.is_closed());
        let now = NOW;
        let delivery = pair.delivery(QoS::AtMostOnce, "late");
        let refused = pair.client.conn().publish(delivery, now);
        assert_eq!(refused, Err(PublishError::NotConnected));
        pair.settle();
        let Some(server::Event::Disconnect(disconnect)) = pair.server_events.last() else {
            panic!("{:?}", pair.server_events);
        };
        let expected = if version.is_v5() {
            ReasonCode::DisconnectWithWill
        } else {
            ReasonCode::Success
        };
        assert_eq!(disconnect.reason, expected);
        // What comes after is not read.
        pair.client.link.extend_from_slice(&[0xc0, 0]);
        pair.settle();
        assert!(!matches!(pair.server.sent.last(), Some(Packet::PingResp)));
        assert_eq!(pair.server.violation, None);
    }
}

#[test]
fn mqtt_3_14_0_1_a_server_says_goodbye_in_5_0_only() {
    for version in VERSIONS {
        let mut pair = Pair::connected(version);
        let Conn::Server(server) = pair.server.conn() else {
            unreachable!()
        };
        server.disconnect(Disconnect::new(ReasonCode::SessionTakenOver));
        assert!(server.is_closed());
        pair.settle();
        let is_told = matches!(pair.client_events.last(), Some(Event::Disconnect(_)));
        assert_eq!(is_told, version.is_v5());
        assert_eq!(pair.client.conn().is_connected(), !version.is_v5());
    }
}

#[test]
fn section_3_14_2_2_2_a_session_that_ends_with_its_connection_cannot_be_prolonged_at_its_end() {
    // At CONNECT, what CONNACK makes of it, at DISCONNECT.
    let cases = [
        (None, None, Some(1), false),
        (Some(0), None, Some(1), false),
        (Some(0), Some(5), Some(1), false),
        (Some(0), None, Some(0), true),
        (Some(0), None, None, true),
        (Some(5), None, Some(1), true),
        (Some(5), Some(0), Some(1), true),
        (Some(5), None, Some(0), true),
    ];
    for (at_connect, at_connack, at_disconnect, is_allowed) in cases {
        let properties = |seconds: Option<u32>| -> Properties {
            seconds
                .into_iter()
                .map(Property::SessionExpiryInterval)
                .collect()
        };
        let mut pair = Pair::new(V5);
        pair.connect.properties = properties(at_connect);
        pair.connack.properties = properties(at_connack);
        pair.connect();
        let mut disconnect = Disconnect::new(ReasonCode::Success);
        disconnect.properties = properties(at_disconnect);
        let Conn::Client(client) = pair.client.conn() else {
            unreachable!()
        };
        let said = client.disconnect(disconnect.clone());
        assert_eq!(said.is_ok(), is_allowed);
        let mut pair = pair;
        pair.client.conn().output().clear();
        let packet = Packet::Disconnect(disconnect.clone());
        packet.encode(V5, &mut pair.client.link).unwrap();
        pair.settle();
        if is_allowed {
            let event = server::Event::Disconnect(disconnect);
            assert_eq!(pair.server_events.last(), Some(&event));
        } else {
            assert_eq!(pair.server.violation, Some(Violation::SessionExpiry));
            let expected = Packet::Disconnect(Disconnect::new(ReasonCode::ProtocolError));
            assert_eq!(pair.server.sent.last(), Some(&expected));
        }
    }
}

#[test]
fn mqtt_3_3_4_6_a_client_sends_no_subscription_identifier() {
    let mut pair = Pair::connected(V5);
    let publish = b"\x30\x07\x00\x01a\x02\x0b\x01x";
    pair.client.link.extend_from_slice(publish);
    pair.settle();
    let expected = Some(Violation::SubscriptionIdentifier);
    assert_eq!(pair.server.violation, expected);
}

#[test]
fn time_does_not_overflow() {
    let end = Time::from_millis(u64::MAX);
    assert_eq!(end + Duration::MAX, end);
    assert_eq!(NOW - end, Duration::ZERO);
    let mut server = server::Connection::new(Limits::NONE, Duration::MAX, end);
    server.handle_timeout(end).unwrap_err();
}
