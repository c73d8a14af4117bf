//! Those who want in, or want others out: passwords guessed by the thousand,
//! and all that can be too long.

use std::net::{Ipv4Addr, SocketAddr};

use codec::{
    Connect, Packet, Properties, Property, ProtocolVersion, QoS, ReasonCode, TopicName, Will,
};
use tokio::net::TcpSocket;

use crate::common::{Client, Program, config_file, encode, message, soon, start, start_with, v5};

/// From Mosquitto's tests: the password is `test`.
const HASH: &str = "$6$njERlZMi/7DzNB9E$\
    iiavfuXvUm8iyDZArTy7smTxh07GXXOrOsqxfW6gkOYVXHGk+W+i/8d3xDxrMwEPygEBhoA8A/gjQC0N2M4Lkw==";

fn login(id: &str, user: &str, password: &str) -> Connect {
    let mut connect = v5(id);
    connect.username = Some(user.into());
    connect.password = Some(password.to_owned().into());
    connect
}

async fn open_from(from: Ipv4Addr, to: SocketAddr) -> Client {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((from, 0).into()).expect("all of 127 is ours");
    let stream = soon("a connection", socket.connect(to)).await;
    Client::over(stream.expect("the broker accepts"))
}

/// Guesses go on while others work and log in: these do not notice, nobody gets
/// in, little is kept, and the log says of it what is worth saying.
async fn guesses_come_to_nothing(guess: impl Fn(u32) -> (Ipv4Addr, String), reports: &str) {
    const GUESSES: u32 = 300;
    let file = config_file(&format!("ada:{HASH}\nbob:{HASH}\n"));
    let config = format!("listener 0 127.0.0.1\npassword_file {}\n", file.display());
    let program = Program::start(&config, &[]).await;
    let at = program.address();
    let mut worker = program.client(login("worker", "bob", "test")).await;
    worker.subscribe("work", QoS::AtLeastOnce).await;
    let before = program.memory();
    let mut guessers = Vec::new();
    for number in 0..GUESSES {
        let (from, user) = guess(number);
        let mut guesser = open_from(from, at).await;
        let wrong = login("guesser", &user, &format!("guess{number}"));
        guesser.send_connect(wrong).await;
        guessers.push(guesser);
        // Each round trip is one that the guesses before it did not hold up.
        if number % 4 == 0 {
            let work = message("work", "done", QoS::AtLeastOnce);
            assert_eq!(worker.publish(work).await, ReasonCode::Success);
            assert_eq!(worker.message().await.payload, "done");
        }
        if number % 50 == 0 {
            let id = format!("bob{number}");
            program.client(login(&id, "bob", "test")).await;
        }
    }
    let grown = program.memory().saturating_sub(before);
    assert!(grown < 24 << 20, "{grown} bytes for {GUESSES} guesses");
    drop(guessers);
    worker.ping().await;
    program.signal(nix::sys::signal::Signal::SIGTERM);
    let lines = program.rest().await;
    let count = |words: &str| lines.iter().filter(|line| line.contains(words)).count();
    assert_eq!(count("as guesser"), 0, "somebody got in");
    assert!(count("New client connected") >= 7);
    let warnings = lines.iter().filter(|line| line.starts_with("Warning: "));
    let warnings: Vec<_> = warnings
        .filter(|line| line.contains(" have failed, "))
        .collect();
    assert!(
        warnings.iter().any(|line| line.contains(reports)),
        "{warnings:#?}"
    );
    assert!(warnings.len() < 20, "{warnings:#?}");
}

#[tokio::test]
async fn one_user_guessed_at_from_one_address() {
    guesses_come_to_nothing(
        |_| (Ipv4Addr::LOCALHOST, "ada".into()),
        "5 logins as ada from 127.0.0.1:",
    )
    .await;
}

#[tokio::test]
async fn one_user_guessed_at_from_many_addresses() {
    let from = |n: u32| Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + 256 + n);
    guesses_come_to_nothing(
        |n| (from(n), "ada".into()),
        " logins as ada have failed, the last from 127.0.",
    )
    .await;
}

#[tokio::test]
async fn many_users_guessed_at_from_one_address() {
    guesses_come_to_nothing(
        |n| (Ipv4Addr::LOCALHOST, format!("user{n}")),
        " logins from 127.0.0.1:",
    )
    .await;
}

/// A check that takes long is nobody else's business: whoever is connected, on
/// the only thread there is, goes on.
#[tokio::test]
async fn a_password_is_checked_beside_the_others_work() {
    let hash = HASH.rsplit('$').next().expect("a hash");
    let slow = format!("ada:$7$300000$njERlZMi/7DzNB9E${hash}\nbob:{HASH}\n");
    let broker = start_with(|config| {
        config.security.password_file = Some(config_file(&slow));
    })
    .await;
    let mut worker = broker.client(login("worker", "bob", "test")).await;
    worker.subscribe("work", QoS::AtLeastOnce).await;
    let mut slow = broker.open().await;
    slow.send_connect(login("slow", "ada", "test")).await;
    let work = async {
        for _ in 0..20 {
            let work = message("work", "done", QoS::AtLeastOnce);
            worker.publish(work).await;
            assert_eq!(worker.message().await.payload, "done");
        }
    };
    tokio::select! {
        answer = slow.next() => panic!("it was no long check: {answer:?}"),
        () = work => {}
    }
}

/// As long as MQTT can say it: 65,535 bytes.
fn longest(letter: &str) -> String {
    letter.repeat(65_535)
}

#[tokio::test]
async fn the_longest_names_are_taken_and_work() {
    let broker = start().await;
    let (id, user, topic) = (longest("i"), longest("u"), longest("t"));
    let mut connect = login(&id, &user, &longest("p"));
    connect.will = Some(Will {
        topic: TopicName::new(&*topic).expect("a name"),
        payload: longest("w").into(),
        qos: QoS::AtLeastOnce,
        retain: false,
        properties: Properties::new().with(Property::ContentType(longest("c").into())),
    });
    let mut observer = broker.client(v5("observer")).await;
    observer.subscribe(&topic, QoS::AtMostOnce).await;
    let mut client = broker.client(connect).await;
    client.subscribe(&topic, QoS::AtLeastOnce).await;
    let mut publish = message(&topic, "x", QoS::AtLeastOnce);
    publish
        .properties
        .push(Property::ResponseTopic(longest("r").into()));
    publish
        .properties
        .push(Property::CorrelationData(vec![7; 65_535].into()));
    client.publish(publish.clone()).await;
    for client in [&mut client, &mut observer] {
        let got = client.message().await;
        assert_eq!(
            got.properties.response_topic().map(|t| t.len()),
            Some(65_535)
        );
        assert_eq!(got.topic.len(), 65_535);
    }
    client.cut().await;
    assert_eq!(observer.message().await.payload.len(), 65_535);
}

/// Makes something of a CONNECT longer.
type Change = fn(&mut Connect, String);

/// At `max_packet_size` a packet is taken, with a byte more the connection ends;
/// of one that is announced and larger nothing is waited for.
#[tokio::test]
async fn a_packet_over_the_limit_ends_the_connection() {
    const LIMIT: usize = 1000;
    let broker = start_with(|config| config.max_packet_size = LIMIT).await;
    let sized = |build: &dyn Fn(String) -> Packet, size: usize| {
        let of = |fill: usize| encode(&build("x".repeat(fill)), ProtocolVersion::V5);
        (0..=size)
            .rev()
            .map(of)
            .find(|bytes| bytes.len() == size)
            .expect("there is such a packet")
    };
    let connect = |change: Change| {
        move |fill: String| {
            let mut connect = login("c", "user", "password");
            connect.will = Some(Will {
                topic: TopicName::new("will").expect("a name"),
                payload: "will".into(),
                qos: QoS::AtMostOnce,
                retain: false,
                properties: Properties::new(),
            });
            change(&mut connect, fill);
            Packet::Connect(Box::new(connect))
        }
    };
    let connects: [(&str, Change); 6] = [
        ("identifier", |c, fill| c.client_id = fill.into()),
        ("user", |c, fill| c.username = Some(fill.into())),
        ("password", |c, fill| c.password = Some(fill.into())),
        ("property", |c, fill| {
            let property = Property::UserProperty(("a".into(), fill.into()));
            c.properties.push(property);
        }),
        ("will", |c, fill| {
            if let Some(will) = &mut c.will {
                will.payload = fill.into();
            }
        }),
        ("will's topic", |c, fill| {
            if let Some(will) = &mut c.will {
                will.topic = TopicName::new(format!("t{fill}")).expect("a name");
            }
        }),
    ];
    for (what, change) in connects {
        let build = connect(change);
        let mut client = broker.open().await;
        client.speak(ProtocolVersion::V5);
        client.send_bytes(&sized(&build, LIMIT)).await;
        client.connected().await;
        let mut client = broker.open().await;
        client.speak(ProtocolVersion::V5);
        client.send_bytes(&sized(&build, LIMIT + 1)).await;
        let answer = client.next().await;
        let is_refusal = match &answer {
            None => true,
            Some(Packet::ConnAck(connack)) => connack.reason != ReasonCode::Success,
            Some(_) => false,
        };
        assert!(is_refusal, "{what}: {answer:?}");
    }
    let publish = |fill: String| {
        let mut publish = message("t", fill, QoS::AtMostOnce);
        publish.properties.push(Property::ContentType("x".into()));
        Packet::Publish(publish)
    };
    let mut client = broker.client(v5("publisher")).await;
    client.send_bytes(&sized(&publish, LIMIT)).await;
    client.ping().await;
    client.send_bytes(&sized(&publish, LIMIT + 1)).await;
    client.expect_disconnect(ReasonCode::PacketTooLarge).await;
    // Announced, and never sent.
    let mut client = broker.client(v5("announcer")).await;
    client.send_bytes(&[0x30, 0xff, 0xff, 0xff, 0x7f]).await;
    client.expect_disconnect(ReasonCode::PacketTooLarge).await;
}
