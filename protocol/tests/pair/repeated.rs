//! Packets that come twice, and packet identifiers that come round again
//! (sections 2.2.1, 4.3, 4.4).

use std::collections::HashSet;

use codec::{Ack, Packet, PacketId, QoS, ReasonCode};

use crate::harness::{Client, Pair, SIDES, Server, Side, V5, VERSIONS};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The next packet that is under way arrives twice; gives whether there was
/// one.
fn step_twice(pair: &mut Pair) -> bool {
    for side in SIDES {
        pair.duplicate(side);
        if pair.deliver_packet(side) {
            pair.deliver_packet(side);
            return true;
        }
    }
    false
}

#[test]
fn section_4_3_a_packet_that_comes_twice_changes_nothing_at_any_step() {
    for version in VERSIONS {
        for from in SIDES {
            for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
                for steps in 0.. {
                    let mut pair = Pair::connected(version);
                    pair.publish(from, qos, "x");
                    pair.steps(steps);
                    let is_over = !step_twice(&mut pair);
                    pair.settle();
                    for side in SIDES {
                        assert_eq!(pair.end(side).violation, None, "{steps}");
                    }
                    assert_eq!(pair.end(from).delivered.len(), 1);
                    // At QoS 1 a second PUBLISH is a second message.
                    let is_doubled = qos == QoS::AtLeastOnce && steps == 0;
                    let copies = if is_doubled { 2 } else { 1 };
                    assert_eq!(pair.end(from.other()).received.len(), copies, "{steps}");
                    pair.cut();
                    assert!(pair.client.session.is_empty() && pair.server.session.is_empty());
                    if is_over {
                        break;
                    }
                }
            }
        }
    }
}

#[test]
fn packets_that_come_twice_after_a_cut_change_nothing_at_any_step() {
    for from in SIDES {
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            for before in 0..5 {
                // CONNECT and CONNACK, of which a second one is a violation.
                for after in 2..8 {
                    let mut pair = Pair::connected(V5);
                    pair.publish(from, qos, "x");
                    pair.steps(before);
                    pair.cut();
                    pair.open();
                    pair.steps(after);
                    step_twice(&mut pair);
                    pair.settle();
                    for side in SIDES {
                        assert_eq!(pair.end(side).violation, None, "{before} {after}");
                    }
                    assert_eq!(pair.end(from).delivered.len(), 1);
                    let copies = pair.end(from.other()).received.len();
                    assert!(copies == 1 || qos == QoS::AtLeastOnce && copies <= 3);
                }
            }
        }
    }
}

/// Answers as no receiver of this crate would, in any order; what else is
/// under way gets lost.
fn answer(pair: &mut Pair, to: Side, packet: &Packet) {
    let version = pair.connect.version;
    pair.end(to).link.clear();
    let link = &mut pair.end(to.other()).link;
    link.clear();
    packet.encode(version, link).unwrap();
    pair.deliver(to.other(), usize::MAX);
}

/// Publishes so many messages, each acknowledged at once.
fn publish_many(pair: &mut Pair, from: Side, count: usize) -> HashSet<PacketId> {
    let mut used = HashSet::new();
    for _ in 0..count {
        pair.publish(from, QoS::AtLeastOnce, "x");
        let id = pair.end(from).publishes()[0].packet_id.unwrap();
        used.insert(id);
        let ack = Ack::new(id, ReasonCode::Success);
        answer(pair, from, &Packet::PubAck(ack));
        pair.end(from).sent.clear();
    }
    used
}

#[test]
fn mqtt_2_2_1_3_identifiers_come_round_and_meet_none_that_is_in_use() {
    const IDS: usize = 65_535;
    for from in SIDES {
        let mut pair = Pair::connected(V5);
        let first = pair.publish(from, QoS::AtLeastOnce, "unacknowledged");
        let second = pair.publish(from, QoS::ExactlyOnce, "released");
        let sent = pair.end(from).publishes();
        let [one, two] = [0, 1].map(|at: usize| sent[at].packet_id.unwrap());
        let received = Packet::PubRec(Ack::new(two, ReasonCode::Success));
        answer(&mut pair, from, &received);
        pair.end(from).sent.clear();
        // They come round after the cut, which both outlive.
        let mut used = publish_many(&mut pair, from, IDS - 500);
        pair.cut();
        pair.open();
        pair.deliver(Client, usize::MAX);
        pair.auto_acknowledge = false;
        pair.deliver(Server, usize::MAX);
        let again = pair.end(from).publishes();
        let again: Vec<_> = again.iter().map(|p| (p.packet_id, p.dup)).collect();
        assert_eq!(again, [(Some(one), true)]);
        pair.end(from).sent.clear();
        used.extend(publish_many(&mut pair, from, 1_000));
        assert!(!used.contains(&one) && !used.contains(&two));
        assert_eq!(used.len(), IDS - 2);

        let (acknowledged, completed) = (
            Packet::PubAck(Ack::new(one, ReasonCode::Success)),
            Packet::PubComp(Ack::new(two, ReasonCode::Success)),
        );
        pair.end(from).delivered.clear();
        answer(&mut pair, from, &completed);
        answer(&mut pair, from, &acknowledged);
        let delivered = pair.end(from).delivered.iter().map(|d| d.token);
        assert_eq!(delivered.collect::<Vec<_>>(), [second, first]);
        assert_eq!(pair.end(from).violation, None);
    }
}
