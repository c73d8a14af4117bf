//! QoS 0, 1 and 2 over a link that holds (section 4.3).

use codec::{Ack, Packet, PacketType, QoS, ReasonCode};

use crate::harness::{Client, Conn, Pair, Server, V5, VERSIONS};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const ALL: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

fn kinds(packets: &[Packet]) -> Vec<PacketType> {
    packets.iter().map(Packet::packet_type).collect()
}

#[test]
fn section_4_3_every_qos_both_ways_in_every_version() {
    for version in VERSIONS {
        for from in [Client, Server] {
            for qos in ALL {
                let mut pair = Pair::connected(version);
                pair.client.sent.clear();
                pair.server.sent.clear();
                let token = pair.publish(from, qos, "Temperature:14");
                pair.settle();
                let sent = kinds(&pair.end(from).sent);
                let answered = kinds(&pair.end(from.other()).sent);
                use PacketType::{PubAck, PubComp, PubRec, PubRel, Publish};
                let (expected, expected_answers): (&[_], &[_]) = match qos {
                    QoS::AtMostOnce => (&[Publish], &[]),
                    QoS::AtLeastOnce => (&[Publish], &[PubAck]),
                    QoS::ExactlyOnce => (&[Publish, PubRel], &[PubRec, PubComp]),
                };
                assert_eq!(sent, expected, "{version} {from:?} {qos:?}");
                assert_eq!(answered, expected_answers, "{version} {from:?} {qos:?}");
                assert_eq!(pair.end(from.other()).payloads(), ["Temperature:14"]);
                let received = &pair.end(from.other()).received[0];
                assert_eq!((received.qos, received.dup), (qos, false));
                let delivered: Vec<_> = pair.end(from).delivered.iter().map(|d| d.token).collect();
                let expected = if qos == QoS::AtMostOnce {
                    vec![]
                } else {
                    vec![token]
                };
                assert_eq!(delivered, expected);
                pair.cut();
                assert!(pair.client.session.is_empty() && pair.server.session.is_empty());
            }
        }
    }
}

#[test]
fn bytes_may_arrive_one_by_one() {
    for version in VERSIONS {
        let mut pair = Pair::new(version);
        pair.open();
        for (from, qos) in [(Client, QoS::ExactlyOnce), (Server, QoS::AtLeastOnce)] {
            for n in 0..3 {
                pair.publish(from, qos, &n.to_string());
            }
        }
        while pair.deliver(Client, 1) | pair.deliver(Server, 1) {}
        assert_eq!(pair.server.payloads(), ["0", "1", "2"]);
        assert_eq!(pair.client.payloads(), ["0", "1", "2"]);
        assert_eq!(pair.client.delivered.len(), 3);
        assert_eq!(pair.server.delivered.len(), 3);
    }
}

#[test]
fn mqtt_4_6_0_2_answers_leave_in_the_order_of_the_publishes() {
    let mut pair = Pair::connected(V5);
    pair.auto_acknowledge = false;
    for (n, qos) in [(0, ALL[1]), (1, ALL[2]), (2, ALL[1]), (3, ALL[2])] {
        pair.publish(Client, qos, &n.to_string());
    }
    pair.settle();
    pair.server.sent.clear();
    let ids: Vec<_> = pair.server.pending.iter().map(|p| p.packet_id).collect();
    for _ in 0..3 {
        pair.acknowledge(Server, 1);
    }
    let Conn::Server(conn) = pair.server.conn() else {
        unreachable!()
    };
    assert_eq!(conn.unanswered(), 4);
    assert!(pair.server.sent.is_empty());
    pair.acknowledge(Server, 0);
    let answered: Vec<_> = pair
        .server
        .sent
        .iter()
        .map(|packet| match packet {
            Packet::PubAck(ack) | Packet::PubRec(ack) => Some(ack.packet_id),
            _ => None,
        })
        .collect();
    assert_eq!(answered, ids);
    let Conn::Server(conn) = pair.server.conn() else {
        unreachable!()
    };
    assert_eq!(conn.unanswered(), 0);
}

#[test]
fn publishes_with_one_identifier_are_told_apart_as_far_as_they_can_be() {
    let mut pair = Pair::connected(V5);
    pair.auto_acknowledge = false;
    pair.publish(Client, QoS::AtLeastOnce, "0");
    // Two at QoS 1 and one at QoS 2, all with identifier 9.
    let link = &mut pair.client.link;
    for first in [0x32, 0x34, 0x32] {
        link.extend_from_slice(&[first, 6, 0, 1, b'a', 0, 9, 0]);
    }
    pair.settle();
    pair.server.sent.clear();
    for at in [1, 2, 1, 0] {
        pair.acknowledge(Server, at);
    }
    let answers: Vec<_> = kinds(&pair.server.sent);
    use PacketType::{PubAck, PubRec};
    assert_eq!(answers, [PubAck, PubAck, PubRec, PubAck]);

    let link = &mut pair.client.link;
    for first in [0x32, 0x34] {
        link.extend_from_slice(&[first, 6, 0, 1, b'a', 0, 10, 0]);
    }
    pair.settle();
    pair.server.sent.clear();
    pair.acknowledge(Server, 1);
    assert_eq!(pair.server.sent, [], "PUBACK comes first");
}

#[test]
fn mqtt_4_3_3_a_second_pubrec_is_answered_by_a_second_pubrel() {
    for from in [Client, Server] {
        let mut pair = Pair::connected(V5);
        pair.publish(from, QoS::ExactlyOnce, "x");
        pair.deliver(from, usize::MAX);
        let pubrec = pair.end(from.other()).link.clone();
        pair.end(from.other()).link.extend_from_slice(&pubrec);
        pair.settle();
        assert_eq!(pair.end(from).violation, None);
        assert_eq!(pair.end(from).delivered.len(), 1);
        let released = |packet: &&Packet| matches!(packet, Packet::PubRel(_));
        assert_eq!(pair.end(from).sent.iter().filter(released).count(), 2);
    }
}

#[test]
fn a_subscription_that_cannot_be_asked_for_takes_no_packet_identifier() {
    let mut pair = Pair::connected(V5);
    let now = pair.now;
    let Conn::Client(conn) = pair.client.conn() else {
        unreachable!()
    };
    for _ in 0..=u16::MAX {
        conn.unsubscribe(Vec::new(), codec::Properties::new(), 0, now)
            .unwrap_err();
    }
    pair.publish(Client, QoS::AtLeastOnce, "x");
    pair.settle();
    assert_eq!(pair.server.payloads(), ["x"]);
}

#[test]
fn a_refusal_ends_the_handshake_and_tells_the_reason_in_5_0() {
    for version in VERSIONS {
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let mut pair = Pair::connected(version);
            pair.auto_acknowledge = false;
            let token = pair.publish(Client, qos, "no");
            pair.settle();
            let publish = pair.server.pending.remove(0);
            let (id, now) = (publish.packet_id.unwrap(), pair.now);
            let reason = ReasonCode::NotAuthorized;
            pair.server.conn().acknowledge(qos, id, reason, now);
            pair.settle();
            let delivered = &pair.client.delivered[0];
            assert_eq!(delivered.token, token);
            let expected = if version.is_v5() {
                reason
            } else {
                ReasonCode::Success
            };
            if version.is_v5() {
                assert_eq!(delivered.ack, Ack::new(id, expected));
            }
            pair.cut();
            assert!(pair.client.session.is_empty() && pair.server.session.is_empty());
        }
    }
}

#[test]
fn an_answer_to_nothing_or_to_the_same_again_is_not_sent() {
    let mut pair = Pair::connected(V5);
    pair.publish(Client, QoS::AtLeastOnce, "once");
    pair.publish(Client, QoS::ExactlyOnce, "twice");
    pair.settle();
    pair.server.sent.clear();
    let (publishes, now) = (pair.server.received.clone(), pair.now);
    for publish in publishes {
        let (qos, id) = (publish.qos, publish.packet_id.unwrap());
        pair.server
            .conn()
            .acknowledge(qos, id, ReasonCode::Success, now);
    }
    pair.settle();
    assert_eq!(pair.server.sent, []);
    pair.cut();
    assert!(pair.server.session.is_empty());
}

#[test]
fn subscribe_and_unsubscribe_round_trip_and_are_forgotten_at_a_cut() {
    use codec::{Properties, Subscription, TopicFilter};
    use protocol::client::Event;
    for version in VERSIONS {
        let mut pair = Pair::connected(version);
        let filter = TopicFilter::new("Kitchen/#").unwrap();
        let subscription = || Subscription {
            filter: filter.clone(),
            options: QoS::AtLeastOnce.into(),
        };
        let ask = |pair: &mut Pair| {
            let now = pair.now;
            let Conn::Client(conn) = pair.client.conn() else {
                unreachable!()
            };
            conn.subscribe(vec![subscription()], Properties::new(), 7, now)
                .unwrap();
            conn.unsubscribe(vec![filter.clone()], Properties::new(), 8, now)
                .unwrap();
        };
        ask(&mut pair);
        pair.cut();
        assert!(pair.client.session.is_empty());
        pair.connect();
        pair.settle();
        assert_eq!(pair.client_events.len(), 2, "two CONNACKs and nothing else");
        ask(&mut pair);
        pair.settle();
        let [
            ..,
            Event::SubAck { token: 7, suback },
            Event::UnsubAck { token: 8, .. },
        ] = &pair.client_events[..]
        else {
            panic!("{:?}", pair.client_events);
        };
        assert_eq!(suback.reasons, [ReasonCode::GrantedQoS1]);
        pair.cut();
        assert!(pair.client.session.is_empty());
    }
}

#[test]
fn a_subscription_takes_no_packet_identifier_of_a_publish_in_flight() {
    use codec::{Properties, Subscription, TopicFilter};
    let mut pair = Pair::connected(V5);
    pair.auto_acknowledge = false;
    pair.publish(Client, QoS::AtLeastOnce, "1");
    let now = pair.now;
    let Conn::Client(conn) = pair.client.conn() else {
        unreachable!()
    };
    let subscription = Subscription {
        filter: TopicFilter::new("a").unwrap(),
        options: QoS::AtMostOnce.into(),
    };
    conn.subscribe(vec![subscription], Properties::new(), 7, now)
        .unwrap();
    pair.publish(Client, QoS::AtLeastOnce, "2");
    let ids: Vec<_> = pair
        .client
        .sent
        .iter()
        .filter_map(|packet| match packet {
            Packet::Publish(publish) => publish.packet_id,
            Packet::Subscribe(subscribe) => Some(subscribe.packet_id),
            _ => None,
        })
        .map(codec::PacketId::get)
        .collect();
    assert_eq!(ids, [1, 2, 3]);
}
