//! A client that is back before its old connection has ended (section 3.1.4),
//! and sessions that have expired in the meantime (section 3.1.2.11.2): at
//! every step of a handshake.

use codec::{QoS, ReasonCode};
use protocol::Session;
use protocol::client::Event;

use crate::harness::{Client, Pair, SIDES, Server, V3_1_1, V5, VERSIONS};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const QOS: [QoS; 2] = [QoS::AtLeastOnce, QoS::ExactlyOnce];
/// More than the longest handshake has.
const STEPS: usize = 5;

#[test]
fn mqtt_3_1_4_3_a_session_taken_from_a_live_connection_goes_on_wherever_it_was() {
    for version in VERSIONS {
        for from in SIDES {
            for qos in QOS {
                for steps in 0..STEPS {
                    // Of the old connection's last packets none arrive, a
                    // piece, or all.
                    for bytes in [0, 3, usize::MAX] {
                        let mut pair = Pair::connected(version);
                        for n in ["0", "1", "2"] {
                            pair.publish(from, qos, n);
                        }
                        pair.steps(steps);
                        pair.take_over(bytes);
                        pair.settle();
                        let mut payloads = pair.end(from.other()).payloads();
                        if qos == QoS::AtLeastOnce {
                            payloads.sort();
                            payloads.dedup();
                        }
                        assert_eq!(payloads, ["0", "1", "2"], "{steps} {bytes}");
                        assert_eq!(pair.end(from).delivered.len(), 3);
                        pair.cut();
                        assert!(pair.client.session.is_empty() && pair.server.session.is_empty());
                    }
                }
            }
        }
    }
}

#[test]
fn the_old_connection_learns_who_has_its_session_and_answers_nothing_any_more() {
    let mut pair = Pair::connected(V5);
    pair.auto_acknowledge = false;
    pair.publish(Client, QoS::AtLeastOnce, "x");
    pair.settle();
    pair.take_over(usize::MAX);
    let told = pair.client_events.iter().filter_map(|event| match event {
        Event::Disconnect(disconnect) => Some(disconnect.reason),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [ReasonCode::SessionTakenOver]);
    assert!(pair.server.pending.is_empty());
    pair.settle();
    assert_eq!(pair.server.payloads(), ["x", "x"]);
    assert!(pair.server.received[1].dup);
}

#[test]
fn a_session_can_be_taken_over_again_before_it_has_gone_on() {
    for from in SIDES {
        for qos in QOS {
            for first in 0..STEPS {
                for second in 0..8 {
                    let mut pair = Pair::connected(V5);
                    pair.publish(from, qos, "x");
                    pair.steps(first);
                    pair.take_over(0);
                    pair.steps(second);
                    pair.take_over(usize::MAX);
                    pair.settle();
                    assert_eq!(pair.end(from).delivered.len(), 1, "{first} {second}");
                    let copies = pair.end(from.other()).received.len();
                    assert!(copies == 1 || qos == QoS::AtLeastOnce && copies <= 3);
                }
            }
        }
    }
}

#[test]
fn an_expired_session_is_forgotten_by_both_wherever_it_was() {
    // 3.1 has no way to say that there is no session.
    for version in [V3_1_1, V5] {
        for from in SIDES {
            for qos in QOS {
                for steps in 0..STEPS {
                    let mut pair = Pair::connected(version);
                    pair.publish(from, qos, "old");
                    pair.steps(steps);
                    pair.cut();
                    pair.server.session = Session::new();
                    pair.connack.session_present = false;
                    pair.client.received.clear();
                    pair.server.received.clear();
                    let was_over = pair.end(from).delivered.len();
                    pair.connect();
                    let Some(Event::ConnAck {
                        lost, completed, ..
                    }) = pair.client_events.last()
                    else {
                        panic!("no CONNACK");
                    };
                    // A client learns of each publish what became of it.
                    let told = was_over + lost.len() + completed.len();
                    assert_eq!(told, usize::from(from == Client || was_over > 0), "{steps}");
                    // The harness publishes anew what was lost.
                    let expected = lost.len();
                    assert_eq!(pair.end(from.other()).received.len(), expected);
                    // The identifiers begin again, and nobody takes a new
                    // message for a copy of the old one.
                    pair.end(from.other()).received.clear();
                    pair.publish(from, qos, "new");
                    pair.settle();
                    assert_eq!(pair.end(from.other()).payloads(), ["new"]);
                    pair.cut();
                    assert!(pair.client.session.is_empty() && pair.server.session.is_empty());
                }
            }
        }
    }
}

#[test]
fn another_program_with_the_same_identifier_gets_what_the_session_holds() {
    for version in VERSIONS {
        for steps in 0..STEPS {
            let mut pair = Pair::connected(version);
            pair.publish(Server, QoS::ExactlyOnce, "x");
            pair.steps(steps);
            let is_over = !pair.server.delivered.is_empty();
            pair.client.received.clear();
            // It asks for the session, of which it knows nothing itself.
            pair.take_over(0);
            pair.cut();
            pair.client.session = Session::new();
            pair.connect();
            assert_eq!(pair.client.violation, None);
            assert_eq!(pair.server.delivered.len(), 1);
            // Before PUBREC was read the message is sent again; after it, only
            // its handshake is finished.
            let is_taken = steps >= 2;
            assert_eq!(
                pair.client.received.is_empty(),
                is_taken,
                "{steps} {is_over}"
            );
        }
    }
}
