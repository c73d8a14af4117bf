//! What changes while the broker runs: SIGHUP.

use std::path::Path;

use codec::{Connect, PacketId, ProtocolVersion, QoS, ReasonCode};
use nix::sys::signal::Signal;
use tokio::io::AsyncWriteExt;
use ws_broker::Config;
use ws_broker::access::Acl;

use crate::common::{
    Broker, Client, Program, config, config_file, message, soon, start_with, v3_1_1, v5,
};

const LOCAL: &str = "listener 0 127.0.0.1\nallow_anonymous true\n";

/// From Mosquitto's tests: the password is `test`.
const HASH: &str = "$6$njERlZMi/7DzNB9E$\
    iiavfuXvUm8iyDZArTy7smTxh07GXXOrOsqxfW6gkOYVXHGk+W+i/8d3xDxrMwEPygEBhoA8A/gjQC0N2M4Lkw==";
/// Another, without a password that a client can have.
const OTHER_HASH: &str = "$6$o+53eGXtmlfHeYrg$\
    FY7X9DNQ4uU1j0NiPmGOOSU05ZSzhqNmNhXIof/0nLpVb1zDhcRHdaC72E3YryH7dtTiG/r6jH6C8J+30cZBgA==";

impl Broker {
    fn reload(&self, set_up: impl FnOnce(&mut Config)) {
        let mut config = config();
        set_up(&mut config);
        self.running.reload(Ok(config));
    }
}

fn acl(text: &str) -> impl FnOnce(&mut Config) {
    |config| config.security.acl = Acl::parse(text).expect("rules")
}

fn login(mut connect: Connect, user: &str) -> Connect {
    connect.username = Some(user.into());
    connect.password = Some("test".into());
    connect
}

#[tokio::test]
async fn an_acl_holds_from_the_next_message_on() {
    let broker = start_with(acl("topic readwrite #\n")).await;
    let mut reader = broker.client(v5("reader")).await;
    reader.subscribe("#", QoS::AtMostOnce).await;
    let mut writer = broker.client(v5("writer")).await;
    let mut publish = async |topic: &str| {
        let publish = message(topic, topic.to_owned(), QoS::AtLeastOnce);
        writer.publish(publish).await
    };
    for topic in ["a", "b", "c"] {
        assert_eq!(publish(topic).await, ReasonCode::Success);
    }
    assert_eq!(reader.payloads(3).await, ["a", "b", "c"]);

    broker.reload(acl("topic readwrite a\ntopic write b\n"));
    for (topic, reason) in [
        ("a", ReasonCode::Success),
        ("b", ReasonCode::NoMatchingSubscribers),
        ("c", ReasonCode::NotAuthorized),
    ] {
        assert_eq!(publish(topic).await, reason, "{topic}");
    }
    assert_eq!(reader.payloads(1).await, ["a"]);
    reader.has_nothing().await;

    broker.reload(|_| {});
    assert_eq!(publish("c").await, ReasonCode::Success);
    assert_eq!(reader.payloads(1).await, ["c"]);
}

#[tokio::test]
async fn what_waits_is_not_delivered_to_who_may_not_read_it_any_more() {
    let broker = start_with(|_| {}).await;
    let kept = || {
        let mut connect = v3_1_1("kept");
        connect.clean_start = false;
        connect
    };
    let mut client = broker.client(kept()).await;
    client.subscribe("#", QoS::AtLeastOnce).await;
    client.disconnect().await;
    let mut publisher = broker.client(v3_1_1("p")).await;
    for topic in ["one", "two", "one"] {
        let publish = message(topic, topic, QoS::AtLeastOnce);
        publisher.publish(publish).await;
    }
    broker.reload(acl("topic readwrite one\n"));
    let mut back = broker.client(kept()).await;
    assert!(back.connack.session_present);
    // As in Mosquitto, the one between had its turn, and its identifier.
    for id in [1, 3] {
        let publish = back.message().await;
        assert_eq!(&*publish.topic, "one");
        assert_eq!(publish.packet_id, PacketId::new(id));
    }
    back.has_nothing().await;
}

#[tokio::test]
async fn a_will_that_is_forbidden_by_now_is_not_sent() {
    let broker = start_with(|_| {}).await;
    let mut reader = broker.client(v5("reader")).await;
    reader.subscribe("#", QoS::AtMostOnce).await;
    for (rules, sent) in [("topic read #\n", false), ("topic readwrite #\n", true)] {
        let mut connect = v5("c");
        connect.will = Some(codec::Will {
            topic: codec::TopicName::new("status").unwrap(),
            payload: "gone".into(),
            qos: QoS::AtMostOnce,
            retain: false,
            properties: codec::Properties::new(),
        });
        broker.reload(|_| {});
        let client = broker.client(connect).await;
        broker.reload(acl(rules));
        // It has heard of it when another has its answer.
        reader.ping().await;
        drop(client);
        if sent {
            assert_eq!(reader.payloads(1).await, ["gone"]);
        } else {
            reader.has_nothing().await;
        }
    }
}

#[tokio::test]
async fn whose_login_is_gone_or_has_changed_leaves() {
    let before = format!("ada:{HASH}\nbob:{HASH}\ncy:{HASH}\n");
    let with = |passwords: &str, allow_anonymous| {
        let file = config_file(passwords);
        move |config: &mut Config| {
            config.security.password_file = Some(file);
            config.security.allow_anonymous = allow_anonymous;
        }
    };
    let broker = start_with(with(&before, true)).await;
    let mut ada = broker.client(login(v5("ada"), "ada")).await;
    let bob = broker.client(login(v5("bob"), "bob")).await;
    let cy = broker.client(login(v3_1_1("cy"), "cy")).await;
    let guest = broker.client(v5("guest")).await;

    broker.reload(with(&format!("ada:{HASH}\nbob:{OTHER_HASH}\n"), false));
    bob.expect_disconnect(ReasonCode::NotAuthorized).await;
    cy.expect_close().await;
    guest.expect_disconnect(ReasonCode::NotAuthorized).await;
    ada.ping().await;
    for connect in [login(v5("bob"), "bob"), v5("guest")] {
        let mut refused = broker.open().await;
        refused.send_connect(connect).await;
        refused.expect_refusal(ReasonCode::NotAuthorized).await;
    }
    broker.client(login(v5("ada again"), "ada")).await;

    // Without a file nobody has a name to show.
    broker.reload(|config| config.security.allow_anonymous = false);
    ada.expect_disconnect(ReasonCode::NotAuthorized).await;
}

#[tokio::test]
async fn who_has_shown_no_password_is_asked_for_one() {
    let broker = start_with(|_| {}).await;
    let named = broker.client(login(v5("ada"), "ada")).await;
    let mut guest = broker.client(v5("guest")).await;
    broker.reload(|config| {
        config.security.password_file = Some(config_file(&format!("ada:{HASH}\n")));
    });
    named.expect_disconnect(ReasonCode::NotAuthorized).await;
    guest.ping().await;
}

#[tokio::test]
async fn limits_hold_for_those_who_are_here_too() {
    let broker = start_with(|_| {}).await;
    let mut client = broker.client(v5("c")).await;
    client.subscribe("t", QoS::AtMostOnce).await;
    let publish = |len| message("t", "x".repeat(len), QoS::AtLeastOnce);
    assert_eq!(client.publish(publish(11)).await, ReasonCode::Success);
    broker.reload(|config| {
        config.message_size_limit = 10;
        config.global_max_clients = Some(1);
    });
    assert_eq!(
        client.publish(publish(11)).await,
        ReasonCode::ImplementationSpecificError
    );
    assert_eq!(client.publish(publish(10)).await, ReasonCode::Success);
    let mut refused = broker.open().await;
    refused.send_connect(v5("d")).await;
    refused.expect_refusal(ReasonCode::ServerBusy).await;

    // What is queued for somebody who is away.
    broker.reload(|config| config.queue.messages = 2);
    let kept = || {
        let mut connect = v3_1_1("kept");
        connect.clean_start = false;
        connect
    };
    let mut away = broker.client(kept()).await;
    away.subscribe("q", QoS::AtLeastOnce).await;
    away.disconnect().await;
    for n in 0..4 {
        let publish = message("q", n.to_string(), QoS::AtLeastOnce);
        client.publish(publish).await;
    }
    let mut away = broker.client(kept()).await;
    assert_eq!(away.payloads(2).await, ["0", "1"]);
    away.has_nothing().await;
}

#[tokio::test]
async fn sighup_reads_the_files_again_and_a_bad_one_changes_nothing() {
    let rules = config_file("topic readwrite a\n");
    let file = config_file("");
    let write = |more: &str| {
        let text = format!("{LOCAL}acl_file {}\n{more}", rules.display());
        std::fs::write(&file, text).unwrap();
    };
    write("");
    let path = file.to_str().unwrap();
    let mut program = Program::start_with(&["-c", path]).await;
    let mut client = program.client(v5("c")).await;
    let may_publish = async |client: &mut Client| {
        let publish = message("a", "x", QoS::AtLeastOnce);
        client.publish(publish).await != ReasonCode::NotAuthorized
    };
    assert!(may_publish(&mut client).await);

    let end = ". All stays as it was.";
    for (rule, more, error) in [
        (
            "topic read a\n",
            "lisener 1\n",
            "Error: Unknown configuration variable 'lisener'.".into(),
        ),
        (
            "topic read a\ntopc write a\n",
            "",
            format!("Error: {}:2: ", rules.display()),
        ),
        (
            "topic read a\n",
            "password_file /no/such/file\n",
            "Error: cannot read password_file /no/such/file".into(),
        ),
    ] {
        std::fs::write(&rules, rule).unwrap();
        write(more);
        program.signal(Signal::SIGHUP);
        program.line(|line| line == "Reloading config.").await;
        let line = program.line(|_| true).await;
        assert!(line.starts_with(&error) && line.ends_with(end), "{line}");
        assert!(may_publish(&mut client).await);
    }

    write("");
    program.signal(Signal::SIGHUP);
    program.line(|line| line == "Reloading config.").await;
    let forbidden = async { while may_publish(&mut client).await {} };
    soon("the new rules", forbidden).await;
}

#[tokio::test]
async fn who_connects_behind_sighup_finds_what_it_brings() {
    let file = config_file(LOCAL);
    let program = Program::start_with(&["-c", file.to_str().unwrap()]).await;
    let mut before = program.client(v5("before")).await;
    // From a pipe, it reads for as long as the test likes.
    std::fs::remove_file(&file).unwrap();
    nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).unwrap();
    program.signal(Signal::SIGHUP);
    let mut pipe = tokio::fs::OpenOptions::new()
        .write(true)
        .open(&file)
        .await
        .unwrap();
    let mut behind = Client::open(program.address()).await;
    behind.send_connect(v5("behind")).await;
    // Who was there is served, and long enough that `behind` would have been.
    for _ in 0..100 {
        before.ping().await;
    }
    pipe.write_all(b"listener 0 127.0.0.1\n").await.unwrap();
    pipe.shutdown().await.unwrap();
    drop(pipe);
    behind.expect_refusal(ReasonCode::NotAuthorized).await;
}

#[tokio::test]
async fn sighup_changes_what_is_logged_and_says_what_takes_a_restart() {
    let file = config_file(&format!("{LOCAL}log_type all\n"));
    let mut program = Program::start_with(&["-c", file.to_str().unwrap()]).await;
    let mut client = program.client(v5("c")).await;
    client.ping().await;
    program.line(|line| line.contains("PINGREQ")).await;

    let text = format!(
        "{LOCAL}listener 0 127.0.0.1\nprotocol websockets\nlog_type warning\nlog_type error\n"
    );
    std::fs::write(&file, text).unwrap();
    program.signal(Signal::SIGHUP);
    let line = program.line(|line| line.starts_with("Warning: ")).await;
    assert_eq!(
        line,
        "Warning: what has changed of listener, protocol takes a restart."
    );
    std::fs::write(&file, "no_such_key\n").unwrap();
    client.ping().await;
    program.signal(Signal::SIGHUP);
    // Neither the ping nor that it reloads was said.
    let line = program.line(|line| !line.contains("PING")).await;
    assert!(line.contains("no_such_key"), "{line}");
}

/// As logrotate does it.
#[tokio::test]
async fn sighup_opens_the_log_file_anew() {
    let log = config_file("what was there\n");
    let file = config_file(&format!(
        "{LOCAL}log_dest file {}\nlog_dest stderr\nlog_type all\n",
        log.display()
    ));
    let mut program = Program::start_with(&["-c", file.to_str().unwrap()]).await;
    let mut client = program.client(v5("first")).await;
    client.ping().await;
    program.line(|line| line.contains("PINGREQ")).await;
    let old = log.with_extension("old");
    std::fs::rename(&log, &old).unwrap();
    program.signal(Signal::SIGHUP);
    let is_open = || std::fs::read_to_string(&log).is_ok_and(|text| text.contains("PINGREQ"));
    let reopened = async {
        while !is_open() {
            client.ping().await;
        }
    };
    soon("a line in the new file", reopened).await;
    let mut client = program.client(v5("second")).await;
    client.ping().await;
    program
        .line(|line| line == "Received PINGREQ from second")
        .await;

    let contains = async |file: &Path, line: &str| {
        let text = async {
            loop {
                let text = std::fs::read_to_string(file).unwrap();
                if text.contains(line) {
                    return text;
                }
                tokio::task::yield_now().await;
            }
        };
        soon("a line in the file", text).await
    };
    contains(&log, "Received PINGREQ from second\n").await;
    let old = contains(&old, "Received PINGREQ from first\n").await;
    assert!(old.starts_with("what was there\n"), "{old}");
    assert!(!old.contains("second"), "{old}");
}

#[tokio::test]
async fn the_sys_tree_is_published_as_often_as_is_said_now() {
    let broker = start_with(|config| config.sys_interval = 0).await;
    let mut reader = broker.client(v5("reader")).await;
    reader
        .subscribe("$SYS/broker/version", QoS::AtMostOnce)
        .await;
    reader.has_nothing().await;
    broker.reload(|config| config.sys_interval = 60);
    assert_eq!(reader.payloads(1).await.len(), 1);
}

#[tokio::test]
async fn a_listener_takes_the_versions_that_are_listed_now() {
    let broker = start_with(|_| {}).await;
    broker.client(v3_1_1("old")).await;
    broker.reload(|config| config.listeners[0].versions = Some(vec![ProtocolVersion::V5]));
    let mut refused = broker.open().await;
    refused.send_connect(v3_1_1("old")).await;
    refused
        .expect_refusal(ReasonCode::UnsupportedProtocolVersion)
        .await;
    broker.client(v5("new")).await;
}
