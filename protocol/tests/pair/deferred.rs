//! Handshakes whose steps a driver takes when it has stored them (section
//! 4.1.1): the server's, but where it says the client's.

use codec::{Packet, PacketId, PacketType, QoS};
use protocol::server::{self, Event, Taken};
use protocol::{Sent, Session, client};

use crate::harness::{Client, Conn, Pair, Server, VERSIONS};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn deferring(version: codec::ProtocolVersion) -> Pair {
    let mut pair = Pair::new(version);
    pair.defers = true;
    pair.connect();
    pair.server_events.clear();
    pair.server.sent.clear();
    pair
}

fn server(pair: &mut Pair) -> &mut server::Connection {
    match pair.server.conn() {
        Conn::Server(conn) => conn,
        Conn::Client(_) => unreachable!("it is the server's"),
    }
}

fn sent(pair: &mut Pair) -> Vec<PacketType> {
    pair.settle();
    let sent = pair.server.sent.iter().map(Packet::packet_type);
    let sent = sent.collect();
    pair.server.sent.clear();
    sent
}

#[test]
fn a_delivery_at_qos_2_waits_for_its_identifier_and_pubrel_for_pubrec_to_be_stored() {
    for version in VERSIONS {
        let mut pair = deferring(version);
        let now = pair.now;
        let window = server(&mut pair).window();
        let token = pair.publish(Server, QoS::ExactlyOnce, "x");
        let id = PacketId::MIN;
        assert_eq!(sent(&mut pair), [], "{version}");
        assert_eq!(server(&mut pair).window(), window - 1, "its place is taken");
        server(&mut pair).transmit(id, now);
        assert_eq!(sent(&mut pair), [PacketType::Publish]);
        assert!(!pair.client.received[0].dup);
        let packet_id = id;
        assert_eq!(
            pair.server_events,
            [Event::Taken(Taken { token, packet_id })]
        );
        server(&mut pair).release(id);
        assert_eq!(sent(&mut pair), [PacketType::PubRel]);
        assert_eq!(pair.server.delivered.len(), 1);
        assert_eq!(server(&mut pair).window(), window);
        // It is over: there is nothing to send any more.
        server(&mut pair).transmit(id, now);
        server(&mut pair).release(id);
        assert_eq!(sent(&mut pair), []);
    }
}

#[test]
fn deliveries_at_qos_1_wait_for_nothing() {
    for version in VERSIONS {
        let mut pair = deferring(version);
        pair.publish(Server, QoS::ExactlyOnce, "later");
        pair.publish(Server, QoS::AtLeastOnce, "now");
        assert_eq!(sent(&mut pair), [PacketType::Publish]);
        assert_eq!(pair.client.payloads(), ["now"]);
        assert_eq!(pair.server.delivered.len(), 1);
    }
}

#[test]
fn pubcomp_waits_for_the_driver() {
    for version in VERSIONS {
        let mut pair = deferring(version);
        pair.publish(Client, QoS::ExactlyOnce, "x");
        assert_eq!(sent(&mut pair), [PacketType::PubRec]);
        assert_eq!(pair.server_events, [Event::Released(PacketId::MIN)]);
        assert!(pair.client.delivered.is_empty());
        server(&mut pair).complete(PacketId::MIN);
        assert_eq!(sent(&mut pair), [PacketType::PubComp]);
        assert_eq!(pair.client.delivered.len(), 1);
    }
}

#[test]
fn what_was_not_transmitted_is_on_the_next_connection() {
    for version in VERSIONS {
        let mut pair = deferring(version);
        pair.publish(Server, QoS::ExactlyOnce, "x");
        pair.reconnect();
        assert_eq!(pair.client.payloads(), ["x"]);
        assert!(!pair.client.received[0].dup, "for the first time");
        server(&mut pair).release(PacketId::MIN);
        pair.settle();
        assert_eq!(pair.server.delivered.len(), 1);
        assert_eq!(pair.client.payloads(), ["x"]);
    }
}

#[test]
fn a_session_that_was_stored_goes_on_where_it_was() {
    for version in VERSIONS {
        let mut pair = Pair::connected(version);
        let ids = [7, 9, 8].map(|id| PacketId::new(id).expect("not 0"));
        let one = pair.delivery(QoS::AtLeastOnce, "1");
        let two = pair.delivery(QoS::ExactlyOnce, "2");
        let tokens = [one.token, two.token, 99];
        pair.cut();
        let sent = [
            (ids[0], Sent::Published(one)),
            (ids[1], Sent::Published(two)),
            (ids[2], Sent::Released(99)),
        ];
        // The harness has seen that they were sent.
        for (id, text) in [(ids[0], "1"), (ids[1], "2")] {
            pair.server.under.insert(id, text.into());
        }
        pair.server.session = Session::restore(sent, []);
        assert_eq!(pair.server.session.inflight_len(), 3);
        pair.connect();
        assert_eq!(pair.client.payloads(), ["1", "2"], "{version}");
        let received = pair.client.received.iter().map(|p| (p.packet_id, p.dup));
        let expected = [(Some(ids[0]), true), (Some(ids[1]), true)];
        assert_eq!(received.collect::<Vec<_>>(), expected);
        let mut delivered: Vec<_> = pair.server.delivered.iter().map(|d| d.token).collect();
        delivered.sort_unstable();
        assert_eq!(delivered, tokens);
    }
}

#[test]
fn a_publish_whose_identifier_was_stored_is_not_taken_again() {
    for version in VERSIONS {
        let mut pair = Pair::connected(version);
        pair.auto_acknowledge = false;
        pair.publish(Client, QoS::ExactlyOnce, "x");
        pair.settle();
        assert_eq!(pair.server.payloads(), ["x"]);
        pair.cut();
        pair.server.session = Session::restore([], [PacketId::MIN]);
        pair.auto_acknowledge = true;
        pair.connect();
        assert_eq!(pair.server.payloads(), ["x"]);
        assert_eq!(pair.client.delivered.len(), 1);
    }
}

fn client(pair: &mut Pair) -> &mut client::Connection {
    match pair.client.conn() {
        Conn::Client(conn) => conn,
        Conn::Server(_) => unreachable!("it is the client's"),
    }
}

#[test]
fn a_client_defers_as_a_server_does() {
    for version in VERSIONS {
        let mut pair = Pair::connected(version);
        let (now, id) = (pair.now, PacketId::MIN);
        client(&mut pair).defer_handshakes();
        pair.client_events.clear();
        let token = pair.publish(Client, QoS::ExactlyOnce, "x");
        pair.settle();
        assert!(pair.server.payloads().is_empty(), "{version}");
        client(&mut pair).transmit(id, now);
        pair.settle();
        assert_eq!(pair.server.payloads(), ["x"]);
        let packet_id = id;
        let taken = client::Event::Taken(Taken { token, packet_id });
        assert_eq!(pair.client_events, [taken]);
        assert!(pair.client.delivered.is_empty());
        client(&mut pair).release(id);
        pair.settle();
        assert_eq!(pair.client.delivered.len(), 1);

        pair.client_events.clear();
        pair.publish(Server, QoS::ExactlyOnce, "y");
        pair.settle();
        assert_eq!(pair.client_events, [client::Event::Released(id)]);
        assert!(pair.server.delivered.is_empty());
        client(&mut pair).complete(id);
        pair.settle();
        assert_eq!(pair.server.delivered.len(), 1);
    }
}

#[test]
fn a_client_may_store_a_publish_under_its_identifier_before_it_is_sent() {
    for version in VERSIONS {
        let mut pair = Pair::connected(version);
        let now = pair.now;
        for (qos, text) in [(QoS::AtLeastOnce, "x"), (QoS::ExactlyOnce, "y")] {
            let delivery = pair.delivery(qos, text);
            let window = client(&mut pair).window();
            let id = client(&mut pair).prepare(delivery, now).unwrap();
            assert_eq!(client(&mut pair).window(), window - 1);
            pair.settle();
            assert!(!pair.server.payloads().contains(&text.to_owned()));
            client(&mut pair).transmit(id, now);
            pair.settle();
            assert_eq!(pair.server.payloads().last().unwrap(), text);
        }
        assert_eq!(pair.client.delivered.len(), 2);
    }
}

#[test]
fn what_could_not_be_stored_is_forgotten() {
    for version in VERSIONS {
        let mut pair = Pair::connected(version);
        let now = pair.now;
        pair.auto_acknowledge = false;
        pair.publish(Server, QoS::ExactlyOnce, "in");
        pair.settle();
        for text in ["one", "other"] {
            let delivery = pair.delivery(QoS::ExactlyOnce, text);
            client(&mut pair).prepare(delivery, now).unwrap();
        }
        pair.cut();
        let one = |delivery: &protocol::Delivery| delivery.message.payload == "one";
        pair.client.session.forget(one, |id| id == PacketId::MIN);
        pair.auto_acknowledge = true;
        pair.connect();
        // The server's comes again, and is taken for new.
        assert_eq!(pair.client.payloads(), ["in", "in"]);
        assert_eq!(pair.server.delivered.len(), 1);
        assert_eq!(pair.server.payloads(), ["other"]);
    }
}
