use std::task::Poll;

use codec::{Disconnect, PacketType, Will};

use super::*;
use crate::{Error, Goodbye, Operation, Reconnect};

fn will() -> Will {
    Will {
        topic: TopicName::new("gone").unwrap(),
        payload: "x".into(),
        qos: QoS::AtLeastOnce,
        retain: true,
        properties: Properties::new(),
    }
}

#[test]
fn connect_says_what_the_options_say() {
    let mut pair = Pair::new(
        Options::new(URL)
            .client_id("fridge")
            .username("ada")
            .password("secret")
            .keep_alive(30)
            .will(will()),
    );
    pair.open();
    let [Packet::Connect(connect)] = &pair.heard()[..] else {
        panic!("CONNECT alone");
    };
    assert_eq!(connect.client_id, "fridge");
    assert_eq!(connect.username.as_deref(), Some("ada"));
    assert_eq!(connect.password.as_deref(), Some(&b"secret"[..]));
    assert_eq!(connect.keep_alive, 30);
    assert_eq!(connect.will, Some(will()));
    assert!(connect.clean_start);
}

#[test]
fn a_client_without_a_name_gives_itself_one_and_keeps_it() {
    let mut pair = Pair::connected(Options::new(URL));
    let id = pair.core.client_id().clone();
    assert_eq!(id.len(), 20);
    assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
    pair.reopen();
    assert_eq!(*pair.core.client_id(), id);
}

#[test]
fn an_assigned_name_is_used_from_then_on() {
    let mut pair = Pair::new(Options::new(URL));
    pair.open();
    let assigned = Property::AssignedClientIdentifier("auto-1".into());
    pair.accept_with(false, Properties::new().with(assigned));
    pair.reopen();
    assert!(matches!(&pair.heard()[..], [Packet::Connect(c)] if c.client_id == "auto-1"));
}

#[test]
fn only_a_session_that_outlives_connections_is_gone_on_with() {
    for (expiry, clean) in [(0, true), (60, false)] {
        let mut pair = Pair::connected(Options::new(URL).session_expiry(expiry));
        pair.reopen();
        assert!(matches!(&pair.heard()[..], [Packet::Connect(c)] if c.clean_start == clean));
    }
}

#[test]
fn the_first_connection_may_go_on_with_an_older_session() {
    for clean in [true, false] {
        let options = Options::new(URL).session_expiry(60).clean_start(clean);
        let mut pair = Pair::new(options);
        pair.open();
        assert!(matches!(&pair.heard()[..], [Packet::Connect(c)] if c.clean_start == clean));
    }
}

#[test]
fn a_connection_that_lasted_starts_the_pauses_anew() {
    let mut pair = Pair::new(Options::new(URL).keep_alive(0));
    for (lasted, pause) in [(0, 1), (5, 2), (5, 5), (10, 1)] {
        pair.core.reconnect_now(pair.now);
        pair.open();
        pair.accept(false);
        pair.pass(Duration::from_secs(lasted));
        pair.core.handle_close(1006, pair.now);
        let retry_at = pair.now + Duration::from_secs(pause);
        assert_eq!(pair.core.poll_timeout(), Some(retry_at), "after {lasted} s");
    }
}

#[test]
fn every_step_is_told_and_a_late_listener_learns_what_is_now() {
    let mut pair = Pair::new(Options::new(URL));
    let events = pair.core.listen(pair.now);
    pair.open();
    pair.accept(false);
    pair.core.handle_close(1006, pair.now);
    let all = read(&events);
    assert_eq!(names(&all), ["connecting", "connected", "disconnected"]);
    let error = Some(Error::ConnectionLost { code: 1006 });
    let in_a_second = Event::Disconnected {
        error: error.clone(),
        retry_in: Some(Duration::from_secs(1)),
    };
    assert_eq!(all[2], in_a_second);

    pair.pass(Duration::from_millis(400));
    let late = pair.core.listen(pair.now);
    let retry_in = Some(Duration::from_millis(600));
    assert_eq!(read(&late), [Event::Disconnected { error, retry_in }]);
    pair.pass(Duration::from_millis(600));
    assert!(pair.core.socket().is_some());
    assert_eq!(names(&read(&late)), ["connecting"]);
}

#[test]
fn a_socket_that_does_not_open_is_tried_again_with_growing_pauses() {
    let mut pair = Pair::new(Options::new(URL));
    let events = pair.core.listen(pair.now);
    // Once it is asked whether there is a server that takes no subprotocol.
    pair.core.handle_close(1006, pair.now);
    for seconds in [1, 2, 5, 10, 10] {
        pair.core.handle_close(1006, pair.now);
        let url = URL.to_owned();
        assert_eq!(
            read(&events).last(),
            Some(&Event::Disconnected {
                error: Some(Error::Unreachable { url }),
                retry_in: Some(Duration::from_secs(seconds)),
            })
        );
        pair.pass(Duration::from_secs(seconds));
    }
}

#[test]
fn a_server_that_speaks_websocket_and_not_mqtt_is_told_from_none() {
    let mut pair = Pair::new(Options::new(URL));
    let events = pair.core.listen(pair.now);
    let url = || URL.to_owned();
    for _ in 0..2 {
        let asked = pair.core.socket();
        assert_eq!(pair.core.subprotocol(), "mqtt");
        pair.core.handle_close(1006, pair.now);
        assert_ne!(pair.core.socket(), asked, "another socket");
        assert_eq!(pair.core.subprotocol(), "");
        pair.open();
        assert_eq!(pair.heard(), [], "no MQTT without its subprotocol");
        let error = Some(Error::WrongSubprotocol { url: url() });
        let retry_in = Some(Duration::from_secs(10));
        let lost = Event::Disconnected { error, retry_in };
        assert_eq!(read(&events).last(), Some(&lost));
        pair.pass(Duration::from_secs(10));
    }
    // Silence is no answer either.
    pair.core.handle_close(1006, pair.now);
    pair.pass(Duration::from_secs(10));
    let told = read(&events);
    let Some(Event::Disconnected { error, .. }) = told.last() else {
        panic!("{told:?}");
    };
    assert_eq!(*error, Some(Error::Unreachable { url: url() }));
}

#[test]
fn a_broker_that_was_there_is_not_doubted() {
    let mut pair = Pair::connected(Options::new(URL));
    pair.core.handle_close(1006, pair.now);
    pair.core.reconnect_now(pair.now);
    pair.core.handle_close(1006, pair.now);
    assert_eq!(pair.core.socket(), None);
}

#[test]
fn silence_after_opening_and_after_connect_is_a_timeout() {
    for opened in [false, true] {
        let timeout = Duration::from_secs(3);
        let mut pair = Pair::new(Options::new(URL).connect_timeout(timeout));
        let events = pair.core.listen(pair.now);
        if opened {
            pair.open();
        }
        assert_eq!(pair.core.poll_timeout(), Some(pair.now + timeout));
        pair.pass(timeout);
        let url = URL.to_owned();
        let error = Some(Error::ConnectTimeout { url, timeout });
        assert!(
            matches!(read(&events).last(), Some(Event::Disconnected { error: e, .. }) if *e == error)
        );
    }
}

#[test]
fn a_refusal_for_good_waits_longest_and_new_credentials_are_used() {
    let mut pair = Pair::new(Options::new(URL).reconnect(Reconnect::default()));
    pair.open();
    let reason = ReasonCode::BadUserNameOrPassword;
    pair.say(&Packet::ConnAck(ConnAck::new(false, reason)));
    let events = read(&pair.core.listen(pair.now));
    let [
        Event::Disconnected {
            error: Some(error),
            retry_in,
        },
    ] = &events[..]
    else {
        panic!("{events:?}");
    };
    assert!(error.is_about_credentials());
    assert!(matches!(
        error,
        Error::Refused {
            operation: Operation::Connect,
            ..
        }
    ));
    assert_eq!(*retry_in, Some(Duration::from_secs(10)));

    pair.core
        .set_credentials(Some("ada".into()), Some("right".into()));
    pair.core.reconnect_now(pair.now);
    pair.open();
    let heard = pair.heard();
    assert!(matches!(&heard[..], [Packet::Connect(c)] if c.password.as_deref() == Some(b"right")));
}

#[test]
fn another_version_is_spoken_from_the_next_connection_on() {
    let mut pair = Pair::new(Options::new(URL).named_by_broker());
    pair.open();
    assert!(matches!(&pair.heard()[..], [Packet::Connect(c)] if c.client_id.is_empty()));
    let reason = ReasonCode::UnsupportedProtocolVersion;
    pair.say(&Packet::ConnAck(ConnAck::new(false, reason)));
    assert_eq!(pair.core.socket(), None);
    pair.core.set_version(ProtocolVersion::V3_1_1);
    pair.version = ProtocolVersion::V3_1_1;
    pair.core.reconnect_now(pair.now);
    pair.open();
    assert!(matches!(&pair.heard()[..], [Packet::Connect(c)]
        if c.version == ProtocolVersion::V3_1_1 && !c.client_id.is_empty()));
    pair.accept_with(false, Properties::new());
    assert!(pair.core.is_connected());
}

#[test]
fn a_page_that_is_seen_again_connects_at_once_or_asks_for_a_sign_of_life() {
    let mut pair = Pair::connected(Options::new(URL));
    pair.heard();
    pair.core.wake(pair.now);
    assert_eq!(pair.heard(), [Packet::PingReq]);
    pair.core.handle_close(1006, pair.now);
    assert_eq!(pair.core.socket(), None);
    pair.core.wake(pair.now);
    assert!(pair.core.socket().is_some());
}

#[test]
fn a_silent_broker_is_pinged_and_then_left() {
    let mut pair = Pair::connected(Options::new(URL).keep_alive(10));
    pair.heard();
    let events = pair.core.listen(pair.now);
    pair.pass(Duration::from_secs(10));
    assert_eq!(pair.heard(), [Packet::PingReq]);
    pair.pass(Duration::from_secs(5));
    let error = Some(Error::KeepAliveTimeout);
    assert!(
        matches!(read(&events).last(), Some(Event::Disconnected { error: e, .. }) if *e == error)
    );
}

#[test]
fn a_broken_protocol_is_answered_before_the_socket_goes() {
    let mut pair = Pair::connected(Options::new(URL));
    pair.heard();
    pair.say(&Packet::PingReq);
    assert_eq!(pair.core.socket(), None);
    let goodbye = Packet::Disconnect(Disconnect::new(ReasonCode::ProtocolError));
    assert_eq!(pair.heard(), vec![goodbye.clone()]);

    pair.core.reconnect_now(pair.now);
    pair.open();
    pair.accept(false);
    pair.heard();
    pair.core.fail(Error::TextFrame, pair.now);
    assert_eq!((pair.core.socket(), pair.heard()), (None, vec![goodbye]));
}

#[test]
fn the_brokers_goodbye_is_passed_on() {
    let mut pair = Pair::connected(Options::new(URL));
    let reason = ReasonCode::UseAnotherServer;
    let properties = Properties::new()
        .with(Property::ServerReference("other:9001".into()))
        .with(Property::ReasonString("moving house".into()))
        .with(Property::UserProperty(("until".into(), "noon".into())));
    pair.say(&Packet::Disconnect(Disconnect {
        reason,
        properties: properties.clone(),
    }));
    let events = read(&pair.core.listen(pair.now));
    let [
        Event::Disconnected {
            error: Some(error), ..
        },
    ] = &events[..]
    else {
        panic!("{events:?}");
    };
    assert_eq!(*error, Error::Disconnected { reason, properties });
    assert_eq!(error.server_reference(), Some("other:9001"));
    assert!(error.to_string().ends_with("(moving house)"), "{error}");
}

#[test]
fn section_4_11_a_refusal_names_the_other_server() {
    let mut pair = Pair::new(Options::new(URL));
    pair.open();
    let reference = Property::ServerReference("other:9001".into());
    pair.say(&Packet::ConnAck(ConnAck {
        properties: Properties::new().with(reference),
        ..ConnAck::new(false, ReasonCode::ServerMoved)
    }));
    let events = read(&pair.core.listen(pair.now));
    let [Event::Disconnected { error: Some(e), .. }] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(e.server_reference(), Some("other:9001"));
}

#[test]
fn section_3_14_the_goodbye_says_what_it_is_told_to() {
    let mut pair = Pair::connected(Options::new(URL).session_expiry(60));
    pair.heard();
    let goodbye = Goodbye::with_will()
        .session_expiry(5)
        .reason_string("bed time")
        .user_property("b", "1")
        .user_property("a", "2");
    pair.core.end(goodbye).unwrap();
    let heard = pair.heard();
    let [Packet::Disconnect(disconnect)] = &heard[..] else {
        panic!("{heard:?}");
    };
    assert_eq!(disconnect.reason, ReasonCode::DisconnectWithWill);
    let properties = &disconnect.properties;
    assert_eq!(properties.session_expiry_interval(), Some(5));
    assert_eq!(properties.reason_string().unwrap(), "bed time");
    let in_order: Vec<_> = properties.user_properties().collect();
    assert_eq!(in_order, [("b", "1"), ("a", "2")]);
}

#[test]
fn section_3_14_a_goodbye_that_mqtt_rules_out_ends_nothing() {
    let mut pair = Pair::connected(Options::new(URL));
    pair.heard();
    for goodbye in [
        Goodbye::because(ReasonCode::ServerShuttingDown),
        Goodbye::new().session_expiry(5),
        Goodbye::new().reason_string("\0"),
    ] {
        let refused = pair.core.end(goodbye.clone());
        assert!(matches!(refused, Err(Error::Goodbye(_))), "{goodbye:?}");
    }
    assert_eq!(pair.heard(), []);
    assert!(pair.core.is_connected());
    let over = Goodbye::because(ReasonCode::QuotaExceeded).session_expiry(0);
    pair.core.end(over).unwrap();
    assert!(matches!(&pair.heard()[..], [Packet::Disconnect(d)]
        if d.reason == ReasonCode::QuotaExceeded));
}

#[test]
fn before_5_0_who_leaves_its_will_says_nothing() {
    let options = Options::new(URL).version(ProtocolVersion::V3_1_1);
    for (goodbye, packets) in [(Goodbye::with_will(), 0), (Goodbye::new(), 1)] {
        let mut pair = Pair::connected(options.clone());
        pair.heard();
        pair.core.end(goodbye).unwrap();
        assert_eq!((pair.heard().len(), pair.core.socket()), (packets, None));
    }
}

#[test]
fn the_end_is_said_and_everything_ends() {
    let mut pair = Pair::connected(Options::new(URL));
    let filter = codec::TopicFilter::new("a").unwrap();
    let qos = QoS::AtLeastOnce.into();
    let mut subscribed = pair
        .core
        .subscribe(&filter, qos, Properties::new(), pair.now)
        .unwrap();
    pair.heard();
    let events = pair.core.listen(pair.now);
    pair.core.end(Goodbye::new()).unwrap();
    assert_eq!(outcome(&mut subscribed.granted), Some(Err(Error::Ended)));
    let mut context = Context::from_waker(Waker::noop());
    let stream = subscribed.mailbox.poll_next(&mut context);
    assert_eq!(stream, Poll::Ready(None));
    assert_eq!(pair.core.socket(), None);
    let packets: Vec<_> = pair.heard().iter().map(Packet::packet_type).collect();
    assert_eq!(packets, [PacketType::Disconnect]);
    assert_eq!(names(&read(&events)), ["connected", "disconnected"]);
    assert_eq!(events.poll_next(&mut context), Poll::Ready(None));
    assert_eq!(pair.core.poll_timeout(), None);
    pair.core.wake(pair.now);
    pair.core.reconnect_now(pair.now);
    assert_eq!(pair.core.socket(), None, "for ever");
    assert_eq!(names(&read(&pair.core.listen(pair.now))), ["disconnected"]);
}
