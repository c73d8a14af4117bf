//! The log, as Mosquitto writes it with `-v`.

use codec::{Properties, QoS, ReasonCode, TopicName, Will};

use crate::common::{Client, Program, config_file, message, v3_1_1, v5};

const CONFIG: &str = "listener 0 127.0.0.1\nallow_anonymous true\n";

/// Ports of clients differ each time.
fn without_ports(line: &str) -> String {
    const HOST: &str = "127.0.0.1:";
    match line.split_once(HOST) {
        None => line.into(),
        Some((before, after)) => {
            let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{before}{HOST}PORT{after}")
        }
    }
}

/// Lines of different clients may come in any order.
fn about(lines: &[String], names: &[&str]) -> Vec<String> {
    let lines = lines.iter();
    let lines = lines.filter(|line| names.iter().any(|name| line.contains(name)));
    lines.map(|line| without_ports(line)).collect()
}

#[tokio::test]
async fn every_packet_has_its_line() {
    let mut program = Program::start(CONFIG, &["-v"]).await;
    let port = program.ports()[0];
    assert_eq!(
        [&program.lines[0], program.lines.last().unwrap()],
        [
            concat!("ws-broker version ", env!("CARGO_PKG_VERSION"), " starting"),
            concat!("ws-broker version ", env!("CARGO_PKG_VERSION"), " running"),
        ]
    );
    assert!(program.lines[1].starts_with("Config loaded from "));
    let opening = format!("Opening ipv4 listen socket on port {port}.");
    assert!(program.lines.contains(&opening), "{:?}", program.lines);

    let mut subscriber = program.client(v3_1_1("reader")).await;
    subscriber.subscribe("Kitchen/#", QoS::ExactlyOnce).await;
    let mut connect = v5("writer");
    connect.clean_start = false;
    connect.keep_alive = 30;
    connect.username = Some("anna".into());
    connect.will = Some(Will {
        topic: TopicName::new("Kitchen/writer").unwrap(),
        payload: "gone".into(),
        qos: QoS::AtLeastOnce,
        retain: true,
        properties: Properties::new(),
    });
    let mut publisher = program.client(connect).await;
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        publisher
            .publish(message("Kitchen/Fridge", "Temperature:14", qos))
            .await;
        let got = subscriber.unacknowledged().await;
        let Some(id) = got.packet_id else { continue };
        subscriber.acknowledge(qos, id).await;
        subscriber.ping().await;
    }
    publisher.ping().await;
    subscriber.unsubscribe(&["Kitchen/#"]).await;
    publisher.cut().await;
    subscriber.disconnect().await;
    program
        .line(|line| line == "Client reader disconnected.")
        .await;

    let expected = "New client connected from 127.0.0.1:PORT as reader (p2, c1, k60).
No will message specified.
Sending CONNACK to reader (0, 0)
Received SUBSCRIBE from reader
\tKitchen/# (QoS 2)
reader 2 Kitchen/#
Sending SUBACK to reader
Sending PUBLISH to reader (d0, q0, r0, m0, 'Kitchen/Fridge', ... (14 bytes))
Sending PUBLISH to reader (d0, q1, r0, m1, 'Kitchen/Fridge', ... (14 bytes))
Received PUBACK from reader (Mid: 1, RC:0)
Received PINGREQ from reader
Sending PINGRESP to reader
Sending PUBLISH to reader (d0, q2, r0, m2, 'Kitchen/Fridge', ... (14 bytes))
Received PUBREC from reader (Mid: 2)
Sending PUBREL to reader (m2)
Received PUBCOMP from reader (Mid: 2, RC:0)
Received PINGREQ from reader
Sending PINGRESP to reader
Received UNSUBSCRIBE from reader
\tKitchen/#
reader Kitchen/#
Sending UNSUBACK to reader
Received DISCONNECT from reader
Client reader disconnected.";
    let lines = about(&program.lines, &["reader", "Kitchen/#", "No will"]);
    assert_eq!(lines.join("\n"), expected);

    let expected = "New client connected from 127.0.0.1:PORT as writer (p5, c0, k30, u'anna').
Will message specified (4 bytes) (r1, q1).
\tKitchen/writer
Sending CONNACK to writer (0, 0)
Received PUBLISH from writer (d0, q0, r0, m0, 'Kitchen/Fridge', ... (14 bytes))
Received PINGREQ from writer
Sending PINGRESP to writer
Received PUBLISH from writer (d0, q1, r0, m1, 'Kitchen/Fridge', ... (14 bytes))
Sending PUBACK to writer (m1, rc0)
Received PUBLISH from writer (d0, q2, r0, m2, 'Kitchen/Fridge', ... (14 bytes))
Sending PUBREC to writer (m2, rc0)
Received PUBREL from writer (Mid: 2)
Sending PUBCOMP to writer (m2)
Received PINGREQ from writer
Sending PINGRESP to writer
Client writer closed its connection.";
    let lines = about(&program.lines, &["writer", "Will message"]);
    assert_eq!(lines.join("\n"), expected);

    let lines = about(&program.lines, &["New connection"]);
    let expected = format!("New connection from 127.0.0.1:PORT on port {port}.");
    assert_eq!(lines, [expected.clone(), expected]);
}

#[tokio::test]
async fn without_v_packets_have_none() {
    let mut program = Program::start(CONFIG, &[]).await;
    let mut client = program.client(v3_1_1("c")).await;
    client.subscribe("t", QoS::AtLeastOnce).await;
    client.publish(message("t", "x", QoS::AtLeastOnce)).await;
    client.message().await;
    client.disconnect().await;
    program.line(|line| line == "Client c disconnected.").await;
    let start = program
        .lines
        .iter()
        .position(|line| line.ends_with(" running"));
    let lines = &program.lines[start.unwrap() + 1..];
    let port = program.ports()[0];
    assert_eq!(
        lines
            .iter()
            .map(|line| without_ports(line))
            .collect::<Vec<_>>(),
        [
            &format!("New connection from 127.0.0.1:PORT on port {port}."),
            "New client connected from 127.0.0.1:PORT as c (p2, c1, k60).",
            "Client c disconnected.",
        ]
    );
}

#[tokio::test]
async fn every_end_has_its_line() {
    let mut program = Program::start(CONFIG, &[]).await;
    let mut wrong = program.client(v5("wrong")).await;
    wrong.send_bytes(b"\x00\x00").await;
    let why = program
        .line(|line| line.starts_with("Client wrong disconnected due to protocol error."))
        .await;
    assert_eq!(
        without_ports(&why),
        "Client wrong disconnected due to protocol error. From 127.0.0.1:PORT, user -: invalid \
         packet type or flags: 0x00."
    );

    let mut silent = v5("silent");
    silent.keep_alive = 1;
    let _silent = program.client(silent).await;
    program
        .line(|line| line == "Client silent has exceeded timeout, disconnecting.")
        .await;

    let mut program = Program::start("listener 0 127.0.0.1\n", &[]).await;
    let mut refused = crate::common::Client::open(program.address()).await;
    let mut connect = v3_1_1("guest");
    connect.username = Some("anna".into());
    refused.send_connect(connect).await;
    let line = program
        .line(|line| line.starts_with("Client guest disconnected"))
        .await;
    assert_eq!(
        without_ports(&line),
        "Client guest disconnected, not authorised. From 127.0.0.1:PORT, user anna: there is no \
         password_file, and anonymous clients are not allowed."
    );
}

#[tokio::test]
async fn two_that_fight_over_one_identifier_are_named_once() {
    const TAKEN: &str = "Client twin already connected, closing old connection.";
    let mut program = Program::start(CONFIG, &[]).await;
    let _first = program.client(v5("twin")).await;
    let mut before = address_of(&mut program, "twin").await;
    let mut here;
    for round in 0..4 {
        here = program.client(v5("twin")).await;
        let line = program.line(|line| line.starts_with(TAKEN)).await;
        let after = address_of(&mut program, "twin").await;
        if round == 0 {
            let named = format!(
                "{TAKEN} It is at {before}, and {after} takes its place; if both go on, each \
                 needs an identifier of its own."
            );
            assert_eq!(line, named);
        } else {
            assert_eq!(line, TAKEN);
        }
        before = after;
        here.ping().await;
    }
}

/// Where a client has just connected from.
async fn address_of(program: &mut Program, client: &str) -> String {
    let end = format!(" as {client} (p5, c1, k60).");
    let line = program.line(|line| line.ends_with(&end)).await;
    let address = line.strip_prefix("New client connected from ");
    address.expect("it says so")[..].replace(&end, "")
}

#[tokio::test]
async fn what_is_denied_is_said_once_to_everybody_with_address_user_and_reason() {
    let rules = config_file("topic read a\n");
    let config = format!("{CONFIG}acl_file {}\n", rules.display());
    let mut program = Program::start(&config, &[]).await;
    let mut client = program.client(v5("c")).await;
    for _ in 0..2 {
        client.publish(message("a", "x", QoS::AtLeastOnce)).await;
    }
    client.disconnect().await;
    program.line(|line| line == "Client c disconnected.").await;
    let denied = about(&program.lines, &["Denied"]);
    assert_eq!(
        denied,
        [
            "Denied PUBLISH from c (d0, q1, r0, m1, 'a', ... (1 bytes)). From 127.0.0.1:PORT, user -: not authorised."
        ]
    );
}

#[tokio::test]
async fn who_finds_no_room_is_named_as_mosquitto_does() {
    let config = format!("{CONFIG}max_connections 1\n");
    let mut program = Program::start(&config, &[]).await;
    let port = program.ports()[0];
    let _client = program.client(v5("c")).await;
    let _other = Client::open(program.address()).await;
    let line = program
        .line(|line| {
            line.starts_with("Client connection from 127.0.0.1 denied: max_connections exceeded.")
        })
        .await;
    let comes = format!("It comes from 127.0.0.1:PORT, to port {port}.");
    assert!(
        without_ports(&line.replace("127.0.0.1 denied", "")).ends_with(&comes),
        "{line}"
    );
}

#[tokio::test]
async fn nobody_forges_a_line() {
    const FORGED: &str = "1700000000: New client connected from 10.0.0.1:1 as admin";
    let mut program = Program::start(CONFIG, &["-v"]).await;
    let id = format!("evil\n{FORGED}\r\u{1b}[2J\u{7f}\u{85}");
    let mut connect = v5(&id);
    connect.username = Some(format!("u\n{FORGED}").into());
    let mut client = Client::open(program.address()).await;
    client.send_connect(connect).await;
    client
        .expect_refusal(ReasonCode::ClientIdentifierNotValid)
        .await;
    let mut client = program.client(v5("c")).await;
    let topic = format!("t\n{FORGED}");
    client
        .send_publish(message(&topic, "x", QoS::AtLeastOnce))
        .await;
    client.expect_disconnect(ReasonCode::MalformedPacket).await;
    program
        .line(|line| line.starts_with("Client c disconnected due to protocol error."))
        .await;
    let lines = &program.lines;
    for line in lines {
        assert!(
            !line.starts_with("New client connected from 10."),
            "{lines:#?}"
        );
        let text = line.strip_prefix('\t').unwrap_or(line);
        assert!(!text.contains(char::is_control), "{line:?}");
    }
    assert!(
        lines.iter().any(|line| line.contains("evil\\n1700000000")),
        "{lines:#?}"
    );
}
