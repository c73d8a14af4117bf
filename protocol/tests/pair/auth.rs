//! AUTH and extended authentication (sections 3.15, 4.12).

use std::time::Duration;

use bytes::BytesMut;
use codec::{
    Auth, ByteString, ConnAck, Disconnect, Packet, PacketType, Properties, Property, QoS,
    ReasonCode,
};
use protocol::{AuthError, Limits, Violation, client, server};

use crate::harness::{CONNECT_TIMEOUT, Client, Conn, Pair, Server, V5};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const METHOD: &str = "kitchen";

fn method() -> Property {
    Property::AuthenticationMethod(METHOD.into())
}

fn data(text: &str) -> Properties {
    Properties::new().with(Property::AuthenticationData(text.to_owned().into()))
}

fn auth(reason: ReasonCode, method: Option<&str>) -> Packet {
    let method = method.map(|method| Property::AuthenticationMethod(ByteString::from(method)));
    Packet::Auth(Auth {
        reason,
        properties: method.into_iter().collect(),
    })
}

fn client(pair: &mut Pair) -> &mut client::Connection {
    match pair.client.conn() {
        Conn::Client(client) => client,
        Conn::Server(_) => unreachable!("it is the client's"),
    }
}

fn server(pair: &mut Pair) -> &mut server::Connection {
    match pair.server.conn() {
        Conn::Server(server) => server,
        Conn::Client(_) => unreachable!("it is the server's"),
    }
}

/// The client has named a method, and the server has not answered yet.
fn asked() -> Pair {
    let mut pair = Pair::new(V5);
    pair.connect.properties = data("hello").with(method());
    pair.answers_connect = false;
    pair.open();
    pair.settle();
    assert!(matches!(
        pair.server_events[..],
        [server::Event::Connect(_)]
    ));
    pair
}

/// The server has asked for more, and the client has it.
fn challenged() -> Pair {
    let mut pair = asked();
    server(&mut pair).challenge(data("who?")).unwrap();
    pair.settle();
    pair
}

fn accept(pair: &mut Pair) {
    let (session, now) = (protocol::Session::new(), pair.now);
    let connack = ConnAck::new(false, ReasonCode::Success);
    server(pair).accept(session, connack, u16::MAX, now);
    pair.settle();
}

/// Both are connected, with a method.
fn authenticated() -> Pair {
    let mut pair = asked();
    accept(&mut pair);
    assert!(client(&mut pair).is_connected());
    pair.client.sent.clear();
    pair.server.sent.clear();
    pair.client_events.clear();
    pair.server_events.clear();
    pair
}

/// What `packet` from the client, as it is, makes of the server.
fn inject(pair: &mut Pair, packet: &Packet) -> Option<Violation> {
    packet.encode(V5, &mut pair.client.link).unwrap();
    pair.settle();
    pair.server.violation
}

#[test]
fn mqtt_4_12_0_2_a_server_that_needs_more_sends_auth_with_0x18() {
    let mut pair = challenged();
    let expected = Auth {
        reason: ReasonCode::ContinueAuthentication,
        properties: [method(), data("who?").iter().next().unwrap().clone()]
            .into_iter()
            .collect(),
    };
    assert_eq!(pair.server.sent, [Packet::Auth(expected.clone())]);
    assert_eq!(pair.client_events, [client::Event::Auth(expected)]);
    // And not a second one before the answer.
    let again = server(&mut pair).challenge(Properties::new());
    assert_eq!(again, Err(AuthError::OutOfTurn));
}

#[test]
fn mqtt_4_12_0_3_a_client_answers_with_auth_and_0x18() {
    let mut pair = asked();
    let now = pair.now;
    let unasked = client(&mut pair).authenticate(Properties::new(), now);
    assert_eq!(unasked, Err(AuthError::OutOfTurn));
    for _ in 0..3 {
        server(&mut pair).challenge(data("who?")).unwrap();
        pair.settle();
        client(&mut pair).authenticate(data("me"), now).unwrap();
        pair.settle();
        let Some(server::Event::Auth(auth)) = pair.server_events.last() else {
            panic!("{:?}", pair.server_events);
        };
        assert_eq!(auth.reason, ReasonCode::ContinueAuthentication);
        let properties = &auth.properties;
        assert_eq!(properties.authentication_method().unwrap(), METHOD);
        assert_eq!(properties.authentication_data().unwrap(), "me");
    }
    accept(&mut pair);
    assert!(client(&mut pair).is_connected());
}

#[test]
fn mqtt_4_12_0_5_every_auth_and_connack_names_connects_method() {
    let mut pair = challenged();
    let now = pair.now;
    // Whatever the driver says.
    let other = Property::AuthenticationMethod("other".into());
    let answer = Properties::new().with(other.clone());
    client(&mut pair).authenticate(answer, now).unwrap();
    pair.settle();
    let connack = ConnAck {
        properties: data("welcome").with(other),
        ..ConnAck::new(false, ReasonCode::Success)
    };
    let session = protocol::Session::new();
    server(&mut pair).accept(session, connack, u16::MAX, now);
    pair.settle();
    assert!(client(&mut pair).is_connected());
    let methods = pair.client.sent.iter().chain(&pair.server.sent).map(|p| {
        let properties = match p {
            Packet::Connect(connect) => &connect.properties,
            Packet::Auth(auth) => &auth.properties,
            Packet::ConnAck(connack) => &connack.properties,
            other => panic!("{other:?}"),
        };
        properties.authentication_method().unwrap().to_string()
    });
    assert_eq!(methods.collect::<Vec<_>>(), [METHOD; 4]);
    let Some(client::Event::ConnAck { connack, .. }) = pair.client_events.last() else {
        panic!("{:?}", pair.client_events);
    };
    assert_eq!(connack.properties.authentication_data().unwrap(), "welcome");
}

#[test]
fn mqtt_4_12_0_5_a_client_does_not_take_a_connack_with_another_method() {
    for properties in [
        Properties::new(),
        Properties::new().with(Property::AuthenticationMethod("other".into())),
    ] {
        let mut pair = asked();
        let connack = Packet::ConnAck(ConnAck {
            properties,
            ..ConnAck::new(false, ReasonCode::Success)
        });
        connack.encode(V5, &mut pair.server.link).unwrap();
        pair.settle();
        let expected = Some(Violation::AuthenticationMethod);
        assert_eq!(pair.client.violation, expected);
        assert!(!client(&mut pair).is_connected());
    }
}

#[test]
fn mqtt_4_12_0_6_a_client_that_named_no_method_takes_none() {
    let mut pair = Pair::new(V5);
    pair.answers_connect = false;
    pair.open();
    pair.settle();
    assert_eq!(
        server(&mut pair).challenge(Properties::new()),
        Err(AuthError::NoMethod)
    );
    let connack = Packet::ConnAck(ConnAck {
        properties: Properties::new().with(method()),
        ..ConnAck::new(false, ReasonCode::Success)
    });
    connack.encode(V5, &mut pair.server.link).unwrap();
    pair.settle();
    let expected = Some(Violation::AuthenticationMethod);
    assert_eq!(pair.client.violation, expected);
}

#[test]
fn mqtt_4_12_0_4_a_server_may_refuse_at_any_step() {
    let mut pair = challenged();
    let now = pair.now;
    client(&mut pair).authenticate(data("wrong"), now).unwrap();
    pair.settle();
    server(&mut pair).refuse(ReasonCode::NotAuthorized, Properties::new());
    pair.settle();
    assert!(server(&mut pair).is_closed() && client(&mut pair).is_closed());
    let Some(client::Event::ConnAck { connack, .. }) = pair.client_events.last() else {
        panic!("{:?}", pair.client_events);
    };
    assert_eq!(connack.reason, ReasonCode::NotAuthorized);
    // Too late.
    let challenge = server(&mut pair).challenge(Properties::new());
    assert_eq!(challenge, Err(AuthError::OutOfTurn));
}

#[test]
fn mqtt_3_1_2_30_nothing_but_auth_and_disconnect_comes_before_connack() {
    let publish = Packet::Publish(codec::Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: codec::TopicName::new("a").unwrap(),
        packet_id: None,
        properties: Properties::new(),
        payload: bytes::Bytes::new(),
    });
    let connect = Packet::Connect(Box::new(codec::Connect::new(V5, "again")));
    for packet in [Packet::PingReq, publish, connect] {
        let mut pair = challenged();
        let kind = packet.packet_type();
        let violation = inject(&mut pair, &packet);
        assert_eq!(violation, Some(Violation::Unexpected(kind)));
        let refusal = ConnAck::new(false, ReasonCode::ProtocolError);
        let last = pair.server.sent.last();
        assert_eq!(last, Some(&Packet::ConnAck(refusal)));
    }
    let mut pair = challenged();
    let goodbye = Disconnect::new(ReasonCode::Success);
    client(&mut pair).disconnect(goodbye.clone()).unwrap();
    pair.settle();
    assert_eq!(pair.server.violation, None);
    let last = pair.server_events.last();
    assert_eq!(last, Some(&server::Event::Disconnect(goodbye)));
    assert!(server(&mut pair).is_closed());
}

#[test]
fn mqtt_3_1_2_30_a_client_sends_nothing_else_before_connack() {
    let mut pair = challenged();
    let now = pair.now;
    let delivery = pair.delivery(QoS::AtMostOnce, "too early");
    assert!(client(&mut pair).publish(delivery, now).is_err());
    client(&mut pair).ping(now);
    assert!(client(&mut pair).reauthenticate(data("x"), now).is_err());
    pair.settle();
    let sent = pair.client.sent.iter().map(Packet::packet_type);
    assert_eq!(sent.collect::<Vec<_>>(), [PacketType::Connect]);
}

#[test]
fn while_the_server_thinks_nothing_is_read() {
    let mut pair = asked();
    assert!(!server(&mut pair).takes_packets());
    let violation = inject(&mut pair, &Packet::PingReq);
    assert_eq!(violation, None);
    server(&mut pair).challenge(Properties::new()).unwrap();
    pair.deliver(Client, usize::MAX);
    let expected = Some(Violation::Unexpected(PacketType::PingReq));
    // It came before the challenge, and is no more right for that.
    assert_eq!(inject(&mut pair, &Packet::PingReq), expected);
}

#[test]
fn an_auth_that_is_not_the_answer_ends_the_connection() {
    use ReasonCode::{ContinueAuthentication, ReAuthenticate, Success};
    for (reason, method, expected) in [
        (Success, Some(METHOD), ReasonCode::ProtocolError),
        (Success, None, ReasonCode::ProtocolError),
        (ReAuthenticate, Some(METHOD), ReasonCode::ProtocolError),
        (
            ContinueAuthentication,
            Some("other"),
            ReasonCode::BadAuthenticationMethod,
        ),
    ] {
        let mut pair = challenged();
        let violation = inject(&mut pair, &auth(reason, method)).unwrap();
        assert_eq!(violation.reason_code(), expected, "{reason:?} {method:?}");
        let refusal = Packet::ConnAck(ConnAck::new(false, expected));
        assert_eq!(pair.server.sent.last(), Some(&refusal));
    }
}

#[test]
fn the_time_for_connect_is_the_time_for_the_answers_too() {
    let mut pair = asked();
    // While the server thinks, the client is not to blame.
    assert_eq!(server(&mut pair).poll_timeout(), None);
    let nearly = CONNECT_TIMEOUT - Duration::from_millis(1);
    assert!(pair.advance(nearly));
    server(&mut pair).challenge(Properties::new()).unwrap();
    assert!(server(&mut pair).poll_timeout().is_some());
    assert!(!pair.advance(Duration::from_millis(1)));
    assert_eq!(pair.server.violation, Some(Violation::ConnectTimeout));
    assert_eq!(pair.client.violation, Some(Violation::ConnectTimeout));
}

#[test]
fn mqtt_4_12_1_1_a_client_authenticates_again_with_the_same_method() {
    let mut pair = authenticated();
    let now = pair.now;
    client(&mut pair).reauthenticate(data("me"), now).unwrap();
    let twice = client(&mut pair).reauthenticate(data("me"), now);
    assert_eq!(twice, Err(AuthError::OutOfTurn));
    pair.settle();
    let Some(server::Event::Auth(auth)) = pair.server_events.last() else {
        panic!("{:?}", pair.server_events);
    };
    assert_eq!(auth.reason, ReasonCode::ReAuthenticate);
    assert_eq!(auth.properties.authentication_method().unwrap(), METHOD);
    // Section 4.12.1: all else goes on meanwhile, both ways.
    pair.publish(Client, QoS::AtLeastOnce, "up");
    pair.publish(Server, QoS::ExactlyOnce, "down");
    server(&mut pair).challenge(data("who?")).unwrap();
    pair.settle();
    assert_eq!(pair.server.payloads(), ["up"]);
    assert_eq!(pair.client.payloads(), ["down"]);
    client(&mut pair).authenticate(data("me!"), now).unwrap();
    pair.settle();
    server(&mut pair).authenticated(data("fine")).unwrap();
    pair.settle();
    let Some(client::Event::Auth(auth)) = pair.client_events.last() else {
        panic!("{:?}", pair.client_events);
    };
    assert_eq!(auth.reason, ReasonCode::Success);
    assert_eq!(auth.properties.authentication_method().unwrap(), METHOD);
    // And again, whenever it likes.
    assert!(client(&mut pair).reauthenticate(data("me"), now).is_ok());
    pair.settle();
    assert_eq!(pair.server.violation, None);
    assert_eq!(pair.client.violation, None);
}

#[test]
fn mqtt_4_12_1_2_a_client_that_fails_to_authenticate_again_is_disconnected() {
    let mut pair = authenticated();
    let now = pair.now;
    client(&mut pair).reauthenticate(data("me"), now).unwrap();
    pair.settle();
    let refusal = Disconnect::new(ReasonCode::NotAuthorized);
    server(&mut pair).disconnect(refusal.clone());
    pair.settle();
    let last = pair.client_events.last();
    assert_eq!(last, Some(&client::Event::Disconnect(refusal)));
    assert!(client(&mut pair).is_closed() && server(&mut pair).is_closed());
    assert_eq!(
        server(&mut pair).authenticated(Properties::new()),
        Err(AuthError::OutOfTurn)
    );
}

#[test]
fn an_auth_that_does_not_belong_to_a_connected_client_is_told_why() {
    use ReasonCode::{ContinueAuthentication, ReAuthenticate, Success};
    for (reason, method, expected) in [
        (Success, Some(METHOD), ReasonCode::ProtocolError),
        (Success, None, ReasonCode::ProtocolError),
        (
            ContinueAuthentication,
            Some(METHOD),
            ReasonCode::ProtocolError,
        ),
        (
            ReAuthenticate,
            Some("other"),
            ReasonCode::BadAuthenticationMethod,
        ),
    ] {
        let mut pair = authenticated();
        let violation = inject(&mut pair, &auth(reason, method)).unwrap();
        assert_eq!(violation.reason_code(), expected, "{reason:?} {method:?}");
        let refusal = Packet::Disconnect(Disconnect::new(expected));
        assert_eq!(pair.server.sent.last(), Some(&refusal));
    }
    // Twice without an answer between.
    let mut pair = authenticated();
    let again = auth(ReAuthenticate, Some(METHOD));
    assert_eq!(inject(&mut pair, &again), None);
    let expected = Some(Violation::Unexpected(PacketType::Auth));
    assert_eq!(inject(&mut pair, &again), expected);
}

#[test]
fn an_auth_that_does_not_belong_to_a_client_ends_its_connection() {
    use ReasonCode::{ContinueAuthentication, ReAuthenticate, Success};
    for reason in [Success, ContinueAuthentication, ReAuthenticate] {
        let mut pair = authenticated();
        let packet = auth(reason, Some(METHOD));
        packet.encode(V5, &mut pair.server.link).unwrap();
        pair.settle();
        let expected = Some(Violation::Unexpected(PacketType::Auth));
        assert_eq!(pair.client.violation, expected, "{reason:?}");
        let last = pair.client.sent.last();
        let told = Disconnect::new(ReasonCode::ProtocolError);
        assert_eq!(last, Some(&Packet::Disconnect(told)));
    }
    let mut pair = asked();
    let packet = auth(Success, Some(METHOD));
    packet.encode(V5, &mut pair.server.link).unwrap();
    pair.settle();
    let expected = Some(Violation::Unexpected(PacketType::Auth));
    assert_eq!(pair.client.violation, expected);
}

/// A challenge with words, for a client that takes packets of this length.
fn explained(maximum: u32, words: &Property) -> Vec<Packet> {
    let mut pair = Pair::new(V5);
    pair.connect.properties = Properties::new()
        .with(method())
        .with(Property::MaximumPacketSize(maximum));
    pair.answers_connect = false;
    pair.limits = Limits::NONE;
    pair.open();
    pair.settle();
    let properties = data("who?").with(words.clone());
    server(&mut pair).challenge(properties).unwrap();
    pair.settle();
    assert_eq!(server(&mut pair).is_closed(), pair.server.sent.is_empty());
    pair.server.sent.clone()
}

fn only_if_they_fit(words: &Property) {
    let told = explained(100, words);
    let Packet::Auth(whole) = &told[0] else {
        panic!("{told:?}");
    };
    assert!(whole.properties.iter().any(|p| p == words));
    let mut bytes = BytesMut::new();
    told[0].encode(V5, &mut bytes).unwrap();
    let len = u32::try_from(bytes.len()).unwrap();
    assert_eq!(explained(len, words), told);
    let shorter = explained(len - 1, words);
    let Packet::Auth(shorter) = &shorter[0] else {
        panic!("{shorter:?}");
    };
    assert!(!shorter.properties.iter().any(|p| p == words));
    assert_eq!(shorter.properties.authentication_data().unwrap(), "who?");
    // What cannot be left out ends it.
    assert_eq!(explained(12, words), []);
}

#[test]
fn mqtt_3_15_2_2_a_reason_string_that_makes_it_too_long_is_left_out() {
    only_if_they_fit(&Property::ReasonString("because".into()));
}

#[test]
fn mqtt_3_15_2_3_user_properties_that_make_it_too_long_are_left_out() {
    only_if_they_fit(&Property::UserProperty(("why".into(), "because".into())));
}

#[test]
fn mqtt_3_1_2_29_who_wants_no_explanations_gets_none_in_auth() {
    let mut pair = Pair::new(V5);
    pair.connect.properties = Properties::new()
        .with(method())
        .with(Property::RequestProblemInformation(false));
    pair.answers_connect = false;
    pair.open();
    pair.settle();
    let words = Property::ReasonString("because".into());
    server(&mut pair)
        .challenge(data("who?").with(words))
        .unwrap();
    pair.settle();
    let Some(Packet::Auth(auth)) = pair.server.sent.last() else {
        panic!("{:?}", pair.server.sent);
    };
    assert_eq!(auth.properties.reason_string(), None);
}

#[test]
fn an_answer_that_the_server_does_not_take_is_not_sent() {
    let mut pair = Pair::new(V5);
    pair.connect.properties = Properties::new().with(method());
    pair.limits = Limits {
        maximum_packet_size: 100,
        ..Limits::NONE
    };
    pair.connect();
    let now = pair.now;
    let long = client(&mut pair).reauthenticate(data(&"x".repeat(100)), now);
    assert_eq!(long, Err(AuthError::TooLarge));
    assert_eq!(client(&mut pair).reauthenticate(data("x"), now), Ok(()));
}
