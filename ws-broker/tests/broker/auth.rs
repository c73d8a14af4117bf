//! Extended authentication with SCRAM-SHA-256 (section 4.12, RFC 7677).

use codec::{Auth, Connect, Disconnect, Packet, PacketType, Properties, Property, QoS, ReasonCode};
use protocol::scram::{self, METHOD};

use crate::common::{Broker, Client, Program, config_file, message, start_with, v3_1_1, v5};

/// `ada` with `secret` and `bob` with `pa,ss=word`, for SCRAM; `cy` with
/// `secret`, for plain logins only.
async fn password_file() -> String {
    let file = config_file("# users\n");
    let file = file.to_str().unwrap();
    for (hash, user, password) in [
        ("scram-sha-256", "ada", "secret"),
        ("scram-sha-256", "b,o=b", "pa,ss=word"),
        ("sha512", "cy", "secret"),
    ] {
        let arguments = ["passwd", "-b", "-H", hash, file, user, password];
        let (code, _, err) = Program::run(&arguments).await;
        assert_eq!(code, Some(0), "{err}");
    }
    file.into()
}

async fn broker() -> Broker {
    let file = password_file().await;
    start_with(|config| {
        config.security.password_file = Some(file.into());
        config.security.allow_anonymous = false;
    })
    .await
}

fn with(mut connect: Connect, data: Option<Vec<u8>>) -> Connect {
    connect
        .properties
        .push(Property::AuthenticationMethod(METHOD.into()));
    if let Some(data) = data {
        connect
            .properties
            .push(Property::AuthenticationData(data.into()));
    }
    connect
}

fn auth(reason: ReasonCode, data: Vec<u8>) -> Packet {
    let properties = [
        Property::AuthenticationMethod(METHOD.into()),
        Property::AuthenticationData(data.into()),
    ];
    Packet::Auth(Auth {
        reason,
        properties: properties.into_iter().collect(),
    })
}

/// Waits for AUTH; checks its reason and method and gives the data.
async fn data(client: &mut Client, expected: ReasonCode) -> Vec<u8> {
    match client.next().await {
        Some(Packet::Auth(Auth { reason, properties })) => {
            assert_eq!(reason, expected);
            assert_eq!(properties.authentication_method().unwrap(), METHOD);
            properties.authentication_data().unwrap().to_vec()
        }
        other => panic!("AUTH expected, not {other:?}"),
    }
}

fn proof_of(properties: &Properties) -> &[u8] {
    assert_eq!(properties.authentication_method().unwrap(), METHOD);
    properties.authentication_data().unwrap()
}

/// Sends CONNECT and answers the challenge; the answer is still to come.
async fn try_login(
    broker: &Broker,
    connect: Connect,
    user: &str,
    password: &str,
) -> (Client, scram::Client) {
    let (mut scram, first) = scram::Client::start(user, "nonce");
    let mut client = broker.open().await;
    client.send_connect(with(connect, Some(first))).await;
    let challenge = data(&mut client, ReasonCode::ContinueAuthentication).await;
    let proof = scram.prove(password.as_bytes(), &challenge).unwrap();
    client
        .send(auth(ReasonCode::ContinueAuthentication, proof))
        .await;
    (client, scram)
}

async fn login(broker: &Broker, user: &str, password: &str) -> Client {
    let (mut client, mut scram) = try_login(broker, v5("c"), user, password).await;
    client.connected().await;
    scram.finish(proof_of(&client.connack.properties)).unwrap();
    client
}

/// Begins to authenticate again, up to the broker's last word.
async fn again(client: &mut Client, user: &str, password: &str) -> scram::Client {
    let (mut scram, first) = scram::Client::start(user, "again");
    client.send(auth(ReasonCode::ReAuthenticate, first)).await;
    let challenge = data(client, ReasonCode::ContinueAuthentication).await;
    let proof = scram.prove(password.as_bytes(), &challenge).unwrap();
    client
        .send(auth(ReasonCode::ContinueAuthentication, proof))
        .await;
    scram
}

#[tokio::test]
async fn section_4_12_both_ends_prove_that_they_know_the_password() {
    let broker = broker().await;
    for (user, password) in [("ada", "secret"), ("b,o=b", "pa,ss=word")] {
        let mut client = login(&broker, user, password).await;
        client.ping().await;
        client.disconnect().await;
        // The same line of the file serves a plain login.
        let mut connect = v3_1_1("plain");
        connect.username = Some(user.into());
        connect.password = Some(password.to_owned().into());
        broker.client(connect).await.ping().await;
    }
}

#[tokio::test]
async fn section_4_12_a_client_may_wait_until_it_is_asked() {
    let broker = broker().await;
    let mut client = broker.open().await;
    client.send_connect(with(v5("c"), None)).await;
    let empty = data(&mut client, ReasonCode::ContinueAuthentication).await;
    assert_eq!(empty, b"");
    let (mut scram, first) = scram::Client::start("ada", "nonce");
    client
        .send(auth(ReasonCode::ContinueAuthentication, first))
        .await;
    let challenge = data(&mut client, ReasonCode::ContinueAuthentication).await;
    let proof = scram.prove(b"secret", &challenge).unwrap();
    client
        .send(auth(ReasonCode::ContinueAuthentication, proof))
        .await;
    client.connected().await;
    scram.finish(proof_of(&client.connack.properties)).unwrap();
}

#[tokio::test]
async fn mqtt_4_12_0_4_who_does_not_know_the_password_is_refused() {
    let broker = broker().await;
    for (user, password) in [("ada", "wrong"), ("cy", "secret"), ("nobody", "secret")] {
        let (client, _) = try_login(&broker, v5("c"), user, password).await;
        client.expect_refusal(ReasonCode::NotAuthorized).await;
    }
    for first in ["", "n,,n=ada", "p=tls-unique,,n=ada,r=x", "n,a=x,n=ada,r=x"] {
        let mut client = broker.open().await;
        let connect = with(v5("c"), Some(format!("{first} ").into_bytes()));
        client.send_connect(connect).await;
        client.expect_refusal(ReasonCode::NotAuthorized).await;
    }
}

#[tokio::test]
async fn who_asks_for_names_does_not_learn_which_exist() {
    let broker = broker().await;
    let ask = async |user: &str| {
        let mut client = broker.open().await;
        let (_, first) = scram::Client::start(user, "nonce");
        client.send_connect(with(v5("c"), Some(first))).await;
        let challenge = data(&mut client, ReasonCode::ContinueAuthentication).await;
        let challenge = String::from_utf8(challenge).unwrap();
        let (_, rest) = challenge.split_once(",s=").unwrap();
        rest.to_owned()
    };
    let ada = ask("ada").await;
    for user in ["nobody", "cy"] {
        let fake = ask(user).await;
        assert_eq!(fake, ask(user).await, "the same each time");
        assert_ne!(fake, ada);
        assert_eq!(fake.len(), ada.len());
        let iterations = |text: &str| text.split_once(",i=").unwrap().1.to_owned();
        assert_eq!(iterations(&fake), iterations(&ada));
    }
}

#[tokio::test]
async fn a_user_name_in_connect_must_be_the_one_that_is_proved() {
    let broker = broker().await;
    let mut connect = v5("c");
    connect.username = Some("ada".into());
    let (mut client, _) = try_login(&broker, connect, "ada", "secret").await;
    client.connected().await;
    let mut connect = v5("c");
    connect.username = Some("admin".into());
    let (_, first) = scram::Client::start("ada", "nonce");
    let mut client = broker.open().await;
    client.send_connect(with(connect, Some(first))).await;
    client.expect_refusal(ReasonCode::NotAuthorized).await;
}

/// One whose line Mosquitto could read too has no SCRAM: the log says what to
/// do, and whoever fails is told what may be the matter.
#[tokio::test]
async fn who_has_a_line_of_mosquittos_learns_how_to_log_in() {
    let file = password_file().await;
    let config = format!("listener 0 127.0.0.1\npassword_file {file}\n");
    let mut program = Program::start(&config, &[]).await;
    for (user, password, why) in [
        ("cy", "secret", "ws-broker passwd FILE cy makes it so"),
        ("ada", "wrong", "wrong password"),
        ("eve", "secret", "there is no such user"),
    ] {
        let mut client = Client::open(program.address()).await;
        let (mut scram, first) = scram::Client::start(user, "nonce");
        client.send_connect(with(v5("c"), Some(first))).await;
        let challenge = data(&mut client, ReasonCode::ContinueAuthentication).await;
        let proof = scram.prove(password.as_bytes(), &challenge).unwrap();
        client
            .send(auth(ReasonCode::ContinueAuthentication, proof))
            .await;
        let Some(Packet::ConnAck(connack)) = client.next().await else {
            panic!("CONNACK expected");
        };
        assert_eq!(connack.reason, ReasonCode::NotAuthorized);
        let advice = connack.properties.reason_string().expect("a reason");
        assert!(advice.contains("mosquitto_passwd"), "{advice}");
        let line = program
            .line(|line| line.starts_with("Client c disconnected, "))
            .await;
        assert!(line.contains(why), "{line}");
    }
}

#[tokio::test]
async fn the_user_who_is_proved_is_the_one_of_the_acl() {
    let file = password_file().await;
    let acl = config_file("user ada\ntopic readwrite home/led\n");
    let config = format!(
        "listener 0 127.0.0.1\npassword_file {file}\nacl_file {}\n",
        acl.display()
    );
    let program = Program::start(&config, &[]).await;
    let mut client = Client::open(program.address()).await;
    let (mut scram, first) = scram::Client::start("ada", "nonce");
    client.send_connect(with(v5("c"), Some(first))).await;
    let challenge = data(&mut client, ReasonCode::ContinueAuthentication).await;
    let proof = scram.prove(b"secret", &challenge).unwrap();
    client
        .send(auth(ReasonCode::ContinueAuthentication, proof))
        .await;
    client.connected().await;
    for (topic, reason) in [
        ("home/led", ReasonCode::NoMatchingSubscribers),
        ("home/oven", ReasonCode::NotAuthorized),
    ] {
        let publish = message(topic, "Turn On", QoS::AtLeastOnce);
        assert_eq!(client.publish(publish).await, reason, "{topic}");
    }
}

#[tokio::test]
async fn mqtt_3_1_2_30_before_connack_only_auth_and_disconnect_are_read() {
    let broker = broker().await;
    let (_, first) = scram::Client::start("ada", "nonce");
    for packet in [
        Packet::PingReq,
        Packet::Publish(message("t", "x", QoS::AtMostOnce)),
        auth(ReasonCode::ReAuthenticate, first.clone()),
    ] {
        let mut client = broker.open().await;
        client
            .send_connect(with(v5("c"), Some(first.clone())))
            .await;
        data(&mut client, ReasonCode::ContinueAuthentication).await;
        client.send(packet).await;
        client.expect_refusal(ReasonCode::ProtocolError).await;
    }
    let mut client = broker.open().await;
    client.send_connect(with(v5("c"), Some(first))).await;
    data(&mut client, ReasonCode::ContinueAuthentication).await;
    let goodbye = Disconnect::new(ReasonCode::Success);
    client.send(Packet::Disconnect(goodbye)).await;
    client.expect_close().await;
}

#[tokio::test]
async fn section_4_12_1_authenticating_again_while_messages_flow() {
    let broker = broker().await;
    let mut client = login(&broker, "ada", "secret").await;
    client.subscribe("t", QoS::AtMostOnce).await;
    for _ in 0..3 {
        let (mut scram, first) = scram::Client::start("ada", "again");
        client.send(auth(ReasonCode::ReAuthenticate, first)).await;
        let challenge = data(&mut client, ReasonCode::ContinueAuthentication).await;
        let publish = message("t", "meanwhile", QoS::AtMostOnce);
        client.send(Packet::Publish(publish)).await;
        assert_eq!(client.text().await.1, "meanwhile");
        let proof = scram.prove(b"secret", &challenge).unwrap();
        client
            .send(auth(ReasonCode::ContinueAuthentication, proof))
            .await;
        let last = data(&mut client, ReasonCode::Success).await;
        scram.finish(&last).unwrap();
    }
    client.ping().await;
}

#[tokio::test]
async fn mqtt_4_12_1_2_who_fails_to_authenticate_again_is_disconnected_and_has_a_will() {
    let broker = broker().await;
    let mut observer = login(&broker, "b,o=b", "pa,ss=word").await;
    observer.subscribe("gone", QoS::AtMostOnce).await;
    let mut connect = v5("again");
    connect.will = Some(codec::Will {
        topic: codec::TopicName::new("gone").unwrap(),
        payload: "gone".into(),
        qos: QoS::AtMostOnce,
        retain: false,
        properties: Properties::new(),
    });
    let (mut client, _) = try_login(&broker, connect, "ada", "secret").await;
    client.connected().await;
    again(&mut client, "ada", "wrong").await;
    client.expect_disconnect(ReasonCode::NotAuthorized).await;
    assert_eq!(observer.text().await.1, "gone");

    // Nobody becomes somebody else.
    let (mut client, _) = try_login(&broker, v5("again"), "ada", "secret").await;
    client.connected().await;
    let (_, first) = scram::Client::start("b,o=b", "again");
    client.send(auth(ReasonCode::ReAuthenticate, first)).await;
    client.expect_disconnect(ReasonCode::NotAuthorized).await;
}

#[tokio::test]
async fn mqtt_4_12_0_1_without_anybody_who_could_use_it_the_method_is_refused() {
    let broker = start_with(|config| {
        config.security.password_file = Some(config_file("# nobody\n"));
    })
    .await;
    let (_, first) = scram::Client::start("ada", "nonce");
    let mut client = broker.open().await;
    client.send_connect(with(v5("c"), Some(first))).await;
    client
        .expect_refusal(ReasonCode::BadAuthenticationMethod)
        .await;
}

#[tokio::test]
async fn a_connected_client_without_a_method_sends_no_auth() {
    let broker = start_with(|_| {}).await;
    let mut client = broker.client(v5("c")).await;
    client
        .send(auth(ReasonCode::ReAuthenticate, Vec::new()))
        .await;
    client.expect_disconnect(ReasonCode::ProtocolError).await;
    let mut other = broker.client(v5("d")).await;
    other.send(Packet::PingReq).await;
    let answer = other.next().await.map(|packet| packet.packet_type());
    assert_eq!(answer, Some(PacketType::PingResp));
}
