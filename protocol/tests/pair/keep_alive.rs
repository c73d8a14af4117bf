//! Keep alive and connect timeout (sections 3.1.2.10, 3.1.4, 3.2).

use std::time::Duration;

use codec::{Packet, Property, QoS, ReasonCode};
use protocol::Violation;

use crate::harness::{CONNECT_TIMEOUT, Client, Conn, Pair, Server, V3_1_1, V5, VERSIONS};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const MS: Duration = Duration::from_millis(1);
const S: Duration = Duration::from_secs(1);

fn with_keep_alive(version: codec::ProtocolVersion, seconds: u16) -> Pair {
    let mut pair = Pair::new(version);
    pair.connect.keep_alive = seconds;
    pair.connect();
    pair
}

fn pings(pair: &Pair) -> usize {
    let is_ping = |packet: &&Packet| matches!(packet, Packet::PingReq);
    pair.client.sent.iter().filter(is_ping).count()
}

#[test]
fn mqtt_3_1_2_20_a_client_pings_when_the_keep_alive_is_over() {
    for version in VERSIONS {
        let mut pair = with_keep_alive(version, 10);
        assert!(pair.advance(10 * S - MS));
        assert_eq!(pings(&pair), 0);
        assert!(pair.advance(MS));
        assert_eq!(pings(&pair), 1);
        pair.settle();
        for n in 2..5 {
            let next = pair.client.conn().poll_timeout().unwrap();
            assert_eq!(next - pair.now, 10 * S);
            assert!(pair.advance(10 * S));
            assert_eq!(pings(&pair), n);
            pair.settle();
        }
    }
}

#[test]
fn a_client_that_talks_and_hears_does_not_ping() {
    let mut pair = with_keep_alive(V5, 10);
    for n in 0..5 {
        pair.advance(7 * S);
        pair.publish(Client, QoS::AtLeastOnce, &n.to_string());
        pair.settle();
    }
    assert_eq!(pings(&pair), 0);
}

#[test]
fn a_client_that_only_talks_or_only_hears_pings() {
    for (from, auto_acknowledge) in [(Client, true), (Server, true), (Server, false)] {
        let mut pair = with_keep_alive(V5, 10);
        pair.auto_acknowledge = auto_acknowledge;
        for _ in 0..3 {
            pair.advance(7 * S);
            pair.publish(from, QoS::AtMostOnce, "0");
            pair.settle();
        }
        assert!(pings(&pair) > 0);
    }
}

#[test]
fn mqtt_3_1_2_22_a_server_gives_up_after_one_and_a_half_times_the_keep_alive() {
    for version in VERSIONS {
        let mut pair = with_keep_alive(version, 10);
        pair.client.conn = None;
        assert!(pair.advance(15 * S - MS));
        assert!(!pair.advance(MS));
        assert_eq!(pair.server.violation, Some(Violation::KeepAlive));
        assert!(!pair.server.conn().is_connected());
        match pair.server.sent.last() {
            Some(Packet::Disconnect(disconnect)) if version.is_v5() => {
                assert_eq!(disconnect.reason, ReasonCode::KeepAliveTimeout);
            }
            Some(Packet::ConnAck(_)) if !version.is_v5() => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn any_packet_is_a_sign_of_life_and_half_a_packet_is_none() {
    let mut pair = with_keep_alive(V3_1_1, 10);
    pair.publish(Client, QoS::AtMostOnce, "0");
    pair.client.conn = None;
    pair.advance(10 * S);
    pair.deliver(Client, 5);
    assert!(pair.advance(5 * S - MS));
    pair.deliver(Client, 100);
    assert!(pair.advance(15 * S - MS));
    let now = pair.now;
    let Conn::Server(server) = pair.server.conn() else {
        unreachable!()
    };
    server.handle_activity(now);
    assert!(pair.advance(15 * S - MS));
    assert!(!pair.advance(MS));
}

#[test]
fn a_client_gives_up_when_no_answer_comes() {
    for version in VERSIONS {
        let mut pair = with_keep_alive(version, 10);
        assert!(pair.advance(10 * S));
        assert!(pair.advance(5 * S - MS));
        // Asking again does not put it off.
        let now = pair.now;
        let Conn::Client(client) = pair.client.conn() else {
            unreachable!()
        };
        client.ping(now);
        pair.server.conn = None;
        assert!(!pair.advance(MS));
        assert_eq!(pair.client.violation, Some(Violation::KeepAlive));
        assert!(!pair.client.conn().is_connected());
        if let Some(Packet::Disconnect(disconnect)) = pair.client.sent.last() {
            assert_eq!(disconnect.reason, ReasonCode::UnspecifiedError);
        }
    }
}

#[test]
fn any_packet_is_an_answer_to_a_ping() {
    let mut pair = with_keep_alive(V5, 10);
    pair.advance(10 * S);
    pair.server.conn().output().clear();
    pair.publish(Server, QoS::AtMostOnce, "0");
    pair.deliver(Server, usize::MAX);
    pair.server.conn = None;
    assert!(pair.advance(9 * S));
}

#[test]
fn a_keep_alive_of_0_is_none() {
    for version in VERSIONS {
        let mut pair = with_keep_alive(version, 0);
        assert_eq!(pair.client.conn().poll_timeout(), None);
        assert_eq!(pair.server.conn().poll_timeout(), None);
        assert!(pair.advance(1_000_000 * S));
        assert_eq!(pings(&pair), 0);
    }
}

#[test]
fn a_ping_that_was_asked_for_is_waited_for_without_a_keep_alive_too() {
    let mut pair = with_keep_alive(V5, 0);
    for answered in [true, false] {
        let now = pair.now;
        let Conn::Client(client) = pair.client.conn() else {
            unreachable!()
        };
        client.ping(now);
        if answered {
            pair.settle();
        }
        assert_eq!(pair.advance(30 * S), answered);
    }
}

#[test]
fn mqtt_3_1_2_21_the_servers_keep_alive_takes_the_place_of_the_clients() {
    for version in VERSIONS {
        let mut pair = Pair::new(version);
        pair.connect.keep_alive = 100;
        pair.connack.properties.push(Property::ServerKeepAlive(10));
        pair.connect();
        // A client before 5.0 cannot know of it.
        let expected = if version.is_v5() { 10 } else { 100 };
        let client = pair.client.conn().poll_timeout().unwrap();
        assert_eq!(client - pair.now, expected * S);
        let server = pair.server.conn().poll_timeout().unwrap();
        assert_eq!(server - pair.now, expected * S * 3 / 2);
    }
}

#[test]
fn connect_and_connack_must_come_in_time() {
    let mut pair = Pair::new(V5);
    pair.open();
    let deadline = pair.now + CONNECT_TIMEOUT;
    for side in [Client, Server] {
        assert_eq!(pair.end(side).conn().poll_timeout(), Some(deadline));
    }
    assert!(pair.advance(CONNECT_TIMEOUT - MS));
    assert!(!pair.advance(MS));
    for side in [Client, Server] {
        let end = pair.end(side);
        assert_eq!(end.violation, Some(Violation::ConnectTimeout));
        assert_eq!(end.conn().poll_timeout(), None);
    }
    assert_eq!(pair.server.sent, []);
}
