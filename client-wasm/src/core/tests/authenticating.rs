//! Extended authentication (section 4.12).

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use codec::{Auth, ByteString, Disconnect};
use protocol::scram::{ClientFirst, Credentials, METHOD};

use super::*;
use crate::authenticator::Scram;
use crate::{Authenticator, Error};

fn with_scram(password: &'static str) -> Options {
    let nonce = || Some("nonce".to_owned());
    let scram = Scram::new("ada".into(), password.into(), nonce);
    Options::new(URL).authenticator(scram)
}

fn with(method: &str, data: impl Into<Bytes>) -> Properties {
    Properties::new()
        .with(Property::AuthenticationMethod(method.into()))
        .with(Property::AuthenticationData(data.into()))
}

fn auth(reason: ReasonCode, properties: Properties) -> Packet {
    Packet::Auth(Auth { reason, properties })
}

/// The broker's part, for a user whose password is "secret", up to its last
/// word.
fn exchange(pair: &mut Pair, first: &[u8]) -> Result<Vec<u8>, protocol::scram::Error> {
    let first = ClientFirst::parse(first).unwrap();
    assert_eq!(first.username(), "ada");
    let credentials = Credentials::derive(b"secret", *b"salt", 4096);
    let (server, challenge) = first.challenge(credentials, "more");
    pair.say(&auth(
        ReasonCode::ContinueAuthentication,
        with(METHOD, challenge),
    ));
    server.finish(&heard_auth(pair, ReasonCode::ContinueAuthentication))
}

fn heard_auth(pair: &mut Pair, expected: ReasonCode) -> Vec<u8> {
    let heard = pair.heard();
    let [Packet::Auth(Auth { reason, properties })] = &heard[..] else {
        panic!("AUTH alone, not {heard:?}");
    };
    assert_eq!(*reason, expected);
    properties.authentication_data().unwrap().to_vec()
}

/// The data in CONNECT.
fn opened(pair: &mut Pair) -> Vec<u8> {
    pair.open();
    let heard = pair.heard();
    let [Packet::Connect(connect)] = &heard[..] else {
        panic!("CONNECT alone, not {heard:?}");
    };
    assert_eq!((&connect.username, &connect.password), (&None, &None));
    assert_eq!(connect.properties.authentication_method().unwrap(), METHOD);
    connect.properties.authentication_data().unwrap().to_vec()
}

fn logged_in() -> Pair {
    let mut pair = Pair::new(with_scram("secret"));
    let first = opened(&mut pair);
    let last = exchange(&mut pair, &first).unwrap();
    pair.accept_with(false, with(METHOD, last));
    assert!(pair.core.is_connected());
    pair.heard();
    pair
}

fn last_error(pair: &mut Pair) -> Error {
    let events = read(&pair.core.listen(pair.now));
    let Some(Event::Disconnected {
        error: Some(error), ..
    }) = events.last()
    else {
        panic!("{events:?}");
    };
    error.clone()
}

#[test]
fn scram_proves_both_ends_without_sending_the_password() {
    let mut pair = logged_in();
    assert!(pair.core.is_connected());
    // And again at the next connection.
    pair.core.handle_close(1006, pair.now);
    pair.core.reconnect_now(pair.now);
    let first = opened(&mut pair);
    let last = exchange(&mut pair, &first).unwrap();
    pair.accept_with(false, with(METHOD, last));
    assert!(pair.core.is_connected());
}

#[test]
fn a_broker_that_cannot_prove_itself_gets_nothing() {
    for last in [&b"v=AAAA"[..], b""] {
        let mut pair = Pair::new(with_scram("secret").offline(crate::Offline::Queue));
        let message = crate::Message::new("home/led", "Turn On").unwrap();
        pair.core.publish(message, pair.now).unwrap();
        let first = opened(&mut pair);
        exchange(&mut pair, &first).unwrap();
        pair.accept_with(false, with(METHOD, last.to_vec()));
        assert!(!pair.core.is_connected());
        let goodbye = Disconnect::new(ReasonCode::UnspecifiedError);
        assert_eq!(pair.heard(), [Packet::Disconnect(goodbye)]);
        assert!(matches!(last_error(&mut pair), Error::Authentication(_)));
    }
    // Nor one that asks for nothing and accepts.
    let mut pair = Pair::new(with_scram("secret"));
    opened(&mut pair);
    pair.accept_with(false, with(METHOD, b"v=AAAA".to_vec()));
    assert!(!pair.core.is_connected());
}

#[test]
fn nothing_is_sent_again_to_a_broker_that_cannot_prove_itself() {
    let mut pair = Pair::new(with_scram("secret").session_expiry(60));
    let first = opened(&mut pair);
    let last = exchange(&mut pair, &first).unwrap();
    pair.accept_with(false, with(METHOD, last));
    let message = crate::Message::new("home/led", "Turn On").unwrap();
    let message = message.qos(QoS::AtLeastOnce);
    pair.core.publish(message, pair.now).unwrap();
    assert_eq!(pair.heard_publishes().len(), 1);
    for is_real in [false, true] {
        pair.core.handle_close(1006, pair.now);
        pair.core.reconnect_now(pair.now);
        let first = opened(&mut pair);
        let last = exchange(&mut pair, &first).unwrap();
        let last = if is_real { last } else { b"v=AAAA".to_vec() };
        pair.accept_with(true, with(METHOD, last));
        assert_eq!(pair.heard_publishes().len(), usize::from(is_real));
    }
}

#[test]
fn a_broker_that_asks_for_too_much_is_left() {
    let mut pair = Pair::new(with_scram("secret"));
    opened(&mut pair);
    let challenge = "r=noncemore,s=c2FsdA==,i=100000000";
    pair.say(&auth(
        ReasonCode::ContinueAuthentication,
        with(METHOD, challenge),
    ));
    let goodbye = Disconnect::new(ReasonCode::UnspecifiedError);
    assert_eq!(pair.heard(), [Packet::Disconnect(goodbye)]);
    let error = last_error(&mut pair).to_string();
    assert!(error.contains("iterations"), "{error}");
}

#[test]
fn a_wrong_password_is_about_credentials() {
    let mut pair = Pair::new(with_scram("wrong"));
    let first = opened(&mut pair);
    assert!(exchange(&mut pair, &first).is_err());
    let refusal = ConnAck::new(false, ReasonCode::NotAuthorized);
    pair.say(&Packet::ConnAck(refusal));
    assert!(last_error(&mut pair).is_about_credentials());
}

#[test]
fn section_4_12_1_authenticating_again() {
    let mut pair = logged_in();
    let mut done = pair.core.reauthenticate(pair.now).unwrap();
    assert!(pair.core.reauthenticate(pair.now).is_err());
    let first = heard_auth(&mut pair, ReasonCode::ReAuthenticate);
    let last = exchange(&mut pair, &first).unwrap();
    assert_eq!(outcome(&mut done), None);
    pair.say(&auth(ReasonCode::Success, with(METHOD, last)));
    assert_eq!(outcome(&mut done), Some(Ok(ReasonCode::Success)));
    assert!(pair.core.is_connected());
}

#[test]
fn section_4_12_1_a_refusal_ends_the_connection_and_the_wait() {
    let mut pair = logged_in();
    let mut done = pair.core.reauthenticate(pair.now).unwrap();
    let refusal = Disconnect::new(ReasonCode::NotAuthorized);
    pair.say(&Packet::Disconnect(refusal));
    let Some(Err(error)) = outcome(&mut done) else {
        panic!("it failed");
    };
    assert!(matches!(
        error,
        Error::Disconnected {
            reason: ReasonCode::NotAuthorized,
            ..
        }
    ));
    assert_eq!(
        pair.core.reauthenticate(pair.now).unwrap_err(),
        Error::NotConnected
    );
}

#[test]
fn without_a_method_there_is_nothing_to_do_again() {
    let mut pair = Pair::connected(Options::new(URL));
    let error = pair.core.reauthenticate(pair.now).unwrap_err();
    assert!(matches!(error, Error::Authentication(_)));
    assert!(pair.core.is_connected());
}

#[test]
fn before_5_0_there_is_no_extended_authentication() {
    let options = with_scram("secret").version(ProtocolVersion::V3_1_1);
    let mut pair = Pair::new(options);
    pair.open();
    assert_eq!(pair.heard(), []);
    let error = last_error(&mut pair).to_string();
    assert!(error.contains("needs MQTT 5.0"), "{error}");
}

/// What an application may have: a token that it has to ask for.
struct Token(Rc<RefCell<Vec<String>>>);

impl Authenticator for Token {
    fn method(&self) -> ByteString {
        "token".into()
    }

    fn begin(&mut self) -> Result<Option<Bytes>, String> {
        self.0.borrow_mut().push("begin".into());
        Ok(None)
    }

    fn answer(&mut self, challenge: &[u8]) -> Result<Option<Bytes>, String> {
        let challenge = String::from_utf8_lossy(challenge);
        self.0.borrow_mut().push(format!("answer {challenge}"));
        Ok(None)
    }

    fn finish(&mut self, data: &[u8]) -> Result<(), String> {
        let data = String::from_utf8_lossy(data);
        self.0.borrow_mut().push(format!("finish {data}"));
        Ok(())
    }
}

#[test]
fn an_application_may_have_a_method_of_its_own_and_answer_later() {
    let calls = Rc::default();
    let token = Token(Rc::clone(&calls));
    let mut pair = Pair::new(Options::new(URL).authenticator(token));
    pair.open();
    let heard = pair.heard();
    assert!(matches!(&heard[..], [Packet::Connect(connect)]
        if connect.properties.authentication_method().unwrap() == "token"
        && connect.properties.authentication_data().is_none()));
    assert!(pair.core.answer_challenge(Bytes::new(), pair.now).is_err());
    let challenge = with("token", "which?");
    pair.say(&auth(ReasonCode::ContinueAuthentication, challenge));
    assert_eq!(pair.heard(), []);
    let answer = Bytes::from_static(b"this");
    pair.core.answer_challenge(answer, pair.now).unwrap();
    let sent = heard_auth(&mut pair, ReasonCode::ContinueAuthentication);
    assert_eq!(sent, b"this");
    let method = Property::AuthenticationMethod("token".into());
    pair.accept_with(false, Properties::new().with(method));
    assert!(pair.core.is_connected());
    assert_eq!(*calls.borrow(), ["begin", "answer which?", "finish "]);
}
