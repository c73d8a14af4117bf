//! Credentials that are asked for before each connection.

use std::time::Duration;

use codec::{Connect, Packet};

use super::{Pair, URL, names, read};
use crate::{Credentials, Error, Event, Options};

fn options() -> Options {
    let never = || std::future::pending();
    Options::new(URL).credentials(never)
}

/// The number of what is asked for.
fn wanted(pair: &Pair) -> Option<u64> {
    pair.core.wanted_credentials().map(|(number, _)| number)
}

fn come(pair: &mut Pair, number: u64, password: &str) {
    let credentials = Credentials::new("ada", password.to_owned());
    pair.core
        .handle_credentials(number, Ok(credentials), pair.now);
}

fn heard_connect(pair: &mut Pair) -> Connect {
    match pair.heard().remove(0) {
        Packet::Connect(connect) => *connect,
        other => panic!("{other:?}"),
    }
}

#[test]
fn they_are_asked_for_before_each_connection_and_used_in_it() {
    let mut pair = Pair::new(options());
    for token in ["first", "second"] {
        let number = wanted(&pair).expect("they are asked for");
        assert_eq!(pair.core.socket(), None, "not before they are there");
        come(&mut pair, number, token);
        assert_eq!(wanted(&pair), None);
        pair.open();
        let connect = heard_connect(&mut pair);
        assert_eq!(connect.username.unwrap(), "ada");
        assert_eq!(connect.password.unwrap(), token);
        pair.accept(false);
        pair.heard();
        pair.core.handle_close(1006, pair.now);
        pair.core.reconnect_now(pair.now);
    }
}

#[test]
fn an_attempt_without_them_has_failed_and_the_next_asks_again() {
    let mut pair = Pair::new(options());
    let events = pair.core.listen(pair.now);
    let first = wanted(&pair).unwrap();
    let why = || Err("the server is down".to_owned());
    pair.core.handle_credentials(first, why(), pair.now);
    pair.pass(Duration::from_secs(1));
    let second = wanted(&pair).expect("it tries again");
    assert_ne!(first, second);
    // The answer to the first, once more, is none to the second.
    come(&mut pair, first, "late");
    assert_eq!(pair.core.socket(), None);
    let events = read(&events);
    assert_eq!(names(&events), ["connecting", "disconnected", "connecting"]);
    assert!(matches!(
        &events[1],
        Event::Disconnected { error: Some(Error::Credentials(why)), .. } if why.contains("down")
    ));
}

#[test]
fn they_are_not_waited_for_for_ever() {
    let timeout = Duration::from_secs(3);
    let mut pair = Pair::new(options().connect_timeout(timeout));
    let events = pair.core.listen(pair.now);
    assert_eq!(pair.core.poll_timeout(), Some(pair.now + timeout));
    pair.pass(timeout);
    assert_eq!(wanted(&pair), None);
    let events = read(&events);
    assert!(matches!(
        &events[1],
        Event::Disconnected { error: Some(Error::Credentials(why)), .. } if why.contains("in time")
    ));
}

#[test]
fn those_that_are_set_take_their_place() {
    let mut pair = Pair::new(options());
    pair.core
        .set_credentials(Some("eve".into()), Some("pw".into()));
    assert_eq!(wanted(&pair), None);
    pair.open();
    assert_eq!(heard_connect(&mut pair).username.unwrap(), "eve");
}

#[test]
fn nobody_waits_for_them_after_the_end() {
    let mut pair = Pair::new(options());
    let number = wanted(&pair).unwrap();
    pair.core.end(crate::Goodbye::new()).unwrap();
    come(&mut pair, number, "late");
    assert!(pair.core.is_ended() && pair.core.socket().is_none());
}
