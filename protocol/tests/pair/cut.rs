//! The connection breaks and the session goes on, or does not (sections 4.1,
//! 4.4, 4.6).

use codec::{Disconnect, Packet, QoS, ReasonCode};
use protocol::client::Event;
use protocol::{Session, Time};

use crate::harness::{Client, Conn, Pair, Server, Side, V3_1, V3_1_1, V5, VERSIONS};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Runs `steps` packets of a handshake, and `bytes` of the next one, then cuts
/// and resumes. Gives whether the handshake was over before the cut.
fn cut_after(pair: &mut Pair, from: Side, qos: QoS, steps: usize, bytes: usize) -> bool {
    pair.publish(from, qos, "x");
    for _ in 0..steps {
        if !pair.step() {
            return true;
        }
    }
    pair.deliver(Client, bytes);
    pair.deliver(Server, bytes);
    pair.reconnect();
    false
}

#[test]
fn section_4_3_2_qos_1_arrives_at_least_once_wherever_the_cut_is() {
    for version in VERSIONS {
        for from in [Client, Server] {
            for bytes in [0, 3] {
                for steps in 0.. {
                    let mut pair = Pair::connected(version);
                    let is_over = cut_after(&mut pair, from, QoS::AtLeastOnce, steps, bytes);
                    let receiver = pair.end(from.other());
                    // PUBACK was delivered in the second step.
                    let copies = if steps == 1 { 2 } else { 1 };
                    assert_eq!(receiver.received.len(), copies, "{steps}");
                    let sender = pair.end(from);
                    let dups: Vec<_> = sender.publishes().iter().map(|p| p.dup).collect();
                    let expected: &[_] = if steps < 2 { &[false, true] } else { &[false] };
                    assert_eq!(dups, expected, "DUP when sent again, and only then");
                    assert_eq!(sender.delivered.len(), 1);
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
fn section_4_3_3_qos_2_arrives_exactly_once_wherever_the_cut_is() {
    for version in VERSIONS {
        for from in [Client, Server] {
            for bytes in [0, 3] {
                for steps in 0.. {
                    let mut pair = Pair::connected(version);
                    let is_over = cut_after(&mut pair, from, QoS::ExactlyOnce, steps, bytes);
                    assert_eq!(pair.end(from.other()).payloads(), ["x"], "{steps}");
                    let sender = pair.end(from);
                    let dups: Vec<_> = sender.publishes().iter().map(|p| p.dup).collect();
                    let expected: &[_] = if steps < 2 { &[false, true] } else { &[false] };
                    assert_eq!(dups, expected, "no PUBLISH after PUBREC [MQTT-4.3.3-6]");
                    assert_eq!(sender.delivered.len(), 1);
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
fn a_second_cut_in_the_middle_of_the_resumption_changes_nothing() {
    for from in [Client, Server] {
        for first in 0..5 {
            for second in 0..9 {
                let mut pair = Pair::connected(V5);
                for n in 0..3 {
                    pair.publish(from, QoS::ExactlyOnce, &n.to_string());
                }
                pair.steps(first);
                pair.cut();
                pair.open();
                pair.steps(second);
                pair.reconnect();
                assert_eq!(pair.end(from.other()).payloads(), ["0", "1", "2"]);
                assert_eq!(pair.end(from).delivered.len(), 3);
            }
        }
    }
}

#[test]
fn mqtt_4_6_0_order_holds_through_a_cut_with_many_in_flight() {
    for window in [1, 2, 20, 65_535] {
        for from in [Client, Server] {
            for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
                for steps in [0, 7, 40] {
                    let mut pair = Pair::new(V5);
                    pair.limits.receive_maximum = window;
                    pair.max_inflight = window;
                    pair.connect();
                    let all: Vec<_> = (0..60).map(|n| n.to_string()).collect();
                    for n in &all {
                        pair.publish(from, qos, n);
                    }
                    pair.steps(steps);
                    pair.reconnect();
                    let mut received = pair.end(from.other()).payloads();
                    if qos == QoS::AtLeastOnce {
                        let mut seen = std::collections::HashSet::new();
                        received.retain(|n| seen.insert(n.clone()));
                    }
                    assert_eq!(received, all, "{window} {from:?} {qos:?} {steps}");
                    assert_eq!(pair.end(from).delivered.len(), 60);
                }
            }
        }
    }
}

#[test]
fn nothing_new_overtakes_what_is_sent_again() {
    let mut pair = Pair::new(V5);
    pair.limits.receive_maximum = 2;
    pair.connect();
    pair.auto_acknowledge = false;
    pair.publish(Client, QoS::AtLeastOnce, "0");
    pair.publish(Client, QoS::AtLeastOnce, "1");
    pair.settle();
    pair.limits.receive_maximum = 1;
    pair.reconnect();
    pair.publish(Client, QoS::AtLeastOnce, "2");
    pair.settle();
    pair.server.received.clear();
    while !pair.server.pending.is_empty() {
        pair.acknowledge(Server, 0);
        pair.settle();
    }
    assert_eq!(pair.server.payloads(), ["1", "2"]);
}

#[test]
fn an_acknowledgement_from_before_the_cut_answers_nothing_after_it() {
    let mut pair = Pair::connected(V5);
    pair.auto_acknowledge = false;
    pair.publish(Client, QoS::AtLeastOnce, "first");
    pair.settle();
    let stale = pair.server.received[0].packet_id.unwrap();
    pair.cut();
    pair.client.session = Session::new();
    pair.connect();
    pair.server.sent.clear();
    let now = pair.now;
    let server = pair.server.conn();
    server.acknowledge(QoS::AtLeastOnce, stale, ReasonCode::Success, now);
    pair.settle();
    assert_eq!(pair.server.sent, []);
}

#[test]
fn qos_2_received_and_not_yet_acknowledged_is_not_given_again() {
    for version in VERSIONS {
        let mut pair = Pair::connected(version);
        pair.auto_acknowledge = false;
        pair.publish(Client, QoS::ExactlyOnce, "once");
        pair.settle();
        pair.reconnect();
        assert_eq!(pair.server.payloads(), ["once"]);
        assert_eq!(pair.client.delivered.len(), 1);
    }
}

#[test]
fn mqtt_3_2_2_4_what_the_server_has_lost_is_told() {
    for version in [V3_1_1, V5] {
        let mut pair = Pair::connected(version);
        let done = pair.publish(Client, QoS::ExactlyOnce, "taken");
        // PUBLISH, PUBREC.
        pair.step();
        pair.step();
        let first = pair.publish(Client, QoS::AtLeastOnce, "a");
        let second = pair.publish(Client, QoS::ExactlyOnce, "b");
        pair.cut();
        assert_eq!(pair.client.session.inflight_len(), 3);
        pair.server.session = Session::new();
        pair.connack.session_present = false;
        pair.connect();
        let Some(Event::ConnAck {
            lost, completed, ..
        }) = pair.client_events.last()
        else {
            panic!("no CONNACK");
        };
        let lost: Vec<_> = lost.iter().map(|delivery| delivery.token).collect();
        assert_eq!(lost, [first, second]);
        assert_eq!(*completed, [done]);
        // The harness publishes them anew, and they are not sent twice.
        let publishes = pair.client.publishes();
        assert!(publishes.iter().all(|publish| !publish.dup));
        assert_eq!(pair.server.payloads(), ["taken", "a", "b"]);
    }
}

#[test]
fn a_clean_start_tells_what_was_in_flight_and_forgets_what_was_received() {
    for version in VERSIONS {
        let mut pair = Pair::connected(version);
        pair.publish(Server, QoS::ExactlyOnce, "old");
        pair.step();
        pair.cut();
        assert!(!pair.client.session.is_empty());
        let token = pair.publish(Client, QoS::AtLeastOnce, "mine");
        pair.connect();
        pair.publish(Client, QoS::AtLeastOnce, "lost");
        pair.connect.clean_start = true;
        pair.server.received.clear();
        pair.client.received.clear();
        pair.reconnect();
        assert_eq!(pair.server.payloads(), ["lost"]);
        assert_eq!(pair.client.delivered[0].token, token);
        // Its packet identifier is one that the client had received before.
        pair.publish(Server, QoS::ExactlyOnce, "new");
        pair.settle();
        assert_eq!(pair.client.payloads(), ["new"]);
    }
}

#[test]
fn a_clean_start_holds_though_its_connack_is_lost() {
    let mut pair = Pair::connected(V5);
    pair.publish(Server, QoS::ExactlyOnce, "old");
    pair.step();
    pair.cut();
    pair.connect.clean_start = true;
    pair.open();
    pair.deliver(Client, usize::MAX);
    pair.cut();
    pair.connect.clean_start = false;
    pair.connect();
    // A copy, of which the first was lost, with the identifier of "old".
    pair.publish(Server, QoS::ExactlyOnce, "new");
    pair.reconnect();
    assert_eq!(pair.client.payloads(), ["old", "new"]);
}

/// The server may have thrown away what it had, and would take a copy for a
/// message of its new session.
#[test]
fn mqtt_3_1_2_4_what_was_in_flight_at_a_clean_start_is_never_sent_as_a_copy() {
    for version in VERSIONS {
        let mut pair = Pair::connected(version);
        let done = pair.publish(Client, QoS::ExactlyOnce, "released");
        pair.steps(2);
        let token = pair.publish(Client, QoS::ExactlyOnce, "once");
        pair.deliver(Client, usize::MAX);
        pair.cut();
        pair.connect.clean_start = true;
        pair.open();
        pair.deliver(Client, usize::MAX);
        pair.cut();
        pair.connect.clean_start = false;
        pair.client.outbox.clear();
        pair.connect();
        let Some(Event::ConnAck {
            lost, completed, ..
        }) = pair.client_events.last()
        else {
            panic!("no CONNACK");
        };
        let lost: Vec<_> = lost.iter().map(|delivery| delivery.token).collect();
        assert_eq!((lost, &completed[..]), (vec![token], &[done][..]));
        assert!(pair.client.publishes().iter().all(|publish| !publish.dup));
        pair.cut();
        assert!(pair.client.session.is_empty());
    }
}

#[test]
fn a_refused_or_unanswered_client_keeps_its_session() {
    for is_refused in [true, false] {
        let mut pair = Pair::connected(V5);
        pair.publish(Client, QoS::ExactlyOnce, "kept");
        pair.cut();
        let connack = pair.connack.clone();
        if is_refused {
            pair.connack.reason = ReasonCode::ServerUnavailable;
        }
        pair.open();
        if is_refused {
            pair.settle();
        }
        pair.cut();
        assert_eq!(pair.client.session.inflight_len(), 1);
        pair.connack = connack;
        pair.connect();
        assert_eq!(pair.server.payloads(), ["kept"]);
    }
}

#[test]
fn a_server_of_3_1_which_cannot_say_so_is_taken_to_have_kept_the_session() {
    let mut pair = Pair::connected(V3_1);
    pair.publish(Client, QoS::ExactlyOnce, "once");
    pair.step();
    pair.reconnect();
    assert_eq!(pair.server.payloads(), ["once"]);
    assert_eq!(pair.client.delivered.len(), 1);
}

#[test]
fn a_client_that_has_lost_its_session_answers_what_the_server_resumes() {
    for version in VERSIONS {
        let mut pair = Pair::connected(version);
        pair.publish(Server, QoS::ExactlyOnce, "taken");
        pair.step();
        pair.step();
        // PUBREL is lost with the link, and with it the client's memory.
        pair.publish(Server, QoS::AtLeastOnce, "sent");
        pair.cut();
        pair.client.session = Session::new();
        pair.connect();
        assert_eq!(pair.client.payloads(), ["taken", "sent"]);
        assert_eq!(pair.server.delivered.len(), 2);
        assert_eq!(pair.server.delivered[0].ack.reason, ReasonCode::Success);
    }
}

#[test]
fn a_publish_of_a_client_that_has_lost_its_session_is_not_taken_for_a_copy() {
    for version in VERSIONS {
        let mut pair = Pair::connected(version);
        pair.publish(Client, QoS::ExactlyOnce, "old");
        pair.step();
        pair.cut();
        pair.client.session = Session::new();
        pair.connect();
        pair.publish(Client, QoS::ExactlyOnce, "new");
        pair.settle();
        assert_eq!(pair.server.payloads(), ["old", "new"]);
    }
}

#[test]
fn mqtt_3_1_2_25_what_no_longer_fits_is_given_up_when_the_session_is_resumed() {
    use codec::Property;
    let mut pair = Pair::connected(V5);
    let long = "x".repeat(200);
    let one = pair.publish(Server, QoS::AtLeastOnce, &long);
    pair.publish(Server, QoS::AtLeastOnce, "short");
    let two = pair.publish(Server, QoS::ExactlyOnce, &long);
    pair.cut();
    pair.connect
        .properties
        .set(Property::MaximumPacketSize(100));
    pair.connect();
    assert_eq!(pair.given_up, [one]);
    assert_eq!(pair.client.payloads(), ["short"]);
    // The client might have had it: the handshake is finished without it.
    assert_eq!(pair.server.delivered[1].token, two);
    pair.cut();
    assert!(pair.server.session.is_empty());
}

#[test]
fn what_the_server_no_longer_takes_is_told_as_lost() {
    use codec::Property;
    let mut pair = Pair::connected(V5);
    let long = pair.publish(Client, QoS::AtLeastOnce, &"x".repeat(200));
    let mut retained = pair.delivery(QoS::AtLeastOnce, "retained");
    retained.retain = true;
    let token = retained.token;
    pair.client.outbox.push_back(retained);
    pair.publish(Client, QoS::AtLeastOnce, "short");
    pair.cut();
    pair.limits.maximum_packet_size = 100;
    pair.connack
        .properties
        .set(Property::RetainAvailable(false));
    pair.open();
    pair.deliver(Client, usize::MAX);
    let Some(Conn::Client(client)) = &mut pair.client.conn else {
        unreachable!()
    };
    let mut answer = std::mem::take(&mut pair.server.link);
    let event = client.handle_input(&mut answer, Time::from_millis(0));
    let Ok(Some(Event::ConnAck { lost, .. })) = event else {
        panic!("{event:?}");
    };
    let lost: Vec<_> = lost.iter().map(|delivery| delivery.token).collect();
    assert_eq!(lost, [long, token]);
    pair.settle();
    assert_eq!(pair.server.payloads(), ["short"]);
}

#[test]
fn a_message_that_was_never_acknowledged_keeps_its_packet_identifier() {
    let mut pair = Pair::connected(V5);
    pair.auto_acknowledge = false;
    for n in 0..5 {
        pair.publish(Client, QoS::AtLeastOnce, &n.to_string());
    }
    pair.settle();
    pair.acknowledge(Server, 0);
    pair.settle();
    pair.reconnect();
    let ids = |packets: &[Packet]| -> Vec<_> {
        let id = |packet: &Packet| match packet {
            Packet::Publish(publish) => Some((publish.packet_id, publish.payload.clone())),
            _ => None,
        };
        packets.iter().filter_map(id).collect()
    };
    let sent = ids(&pair.client.sent);
    assert_eq!(sent[1..5], sent[5..]);
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
