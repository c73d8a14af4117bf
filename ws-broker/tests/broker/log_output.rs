//! Where the log goes, and what its lines look like.

use std::net::SocketAddr;

use codec::{QoS, ReasonCode};
use nix::sys::signal::Signal;

use crate::common::{Client, Program, config_file, message, soon, v3_1_1, v5};

const LOCAL: &str = "listener 0 127.0.0.1\nallow_anonymous true\nlog_dest stderr\n";

/// The lines of a file, when there is one that is `wanted`.
async fn lines_of(file: &std::path::Path, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let lines = async {
        loop {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let lines: Vec<_> = text.lines().map(str::to_owned).collect();
            if text.ends_with('\n') && lines.iter().any(|line| wanted(line)) {
                return lines;
            }
            tokio::task::yield_now().await;
        }
    };
    soon("a line in the file", lines).await
}

#[tokio::test]
async fn a_log_goes_to_several_places_at_once() {
    let log = config_file("");
    let config = format!(
        "{LOCAL}log_dest stdout\nlog_dest file {}\nlog_type all\n",
        log.display()
    );
    let mut program = Program::start(&config, &[]).await;
    let mut client = program.client(v5("everywhere")).await;
    client.ping().await;
    client.disconnect().await;
    program.signal(Signal::SIGTERM);
    program.ended().await;
    let (out, err) = program.outputs().await;
    let file = std::fs::read_to_string(&log).unwrap();
    assert!(file.contains(": Received PINGREQ from everywhere\n"));
    assert!(file.contains(" terminating\n"));
    // Lines of two threads may come in one order here, and in another there.
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&out), sorted(&file));
    let unread = err.lines().all(|line| file.contains(line));
    assert!(unread && err.contains(" terminating\n"), "{err}");
}

/// A broker whose log is not on standard error, or not as tests read it.
async fn start_silent(config: &str) -> (Program, SocketAddr) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let port = address.port();
    let config = format!("listener {port} 127.0.0.1\nallow_anonymous true\n{config}");
    let program = Program::start_unread(&config).await;
    let there = async {
        while tokio::net::TcpStream::connect(address).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon("an open port", there).await;
    (program, address)
}

#[tokio::test]
async fn nothing_is_written_to_none() {
    let (mut program, address) = start_silent("log_dest stdout\nlog_dest none\n").await;
    let mut client = Client::open(address).await;
    client.connect(v5("c")).await;
    client.disconnect().await;
    program.signal(Signal::SIGTERM);
    program.ended().await;
    assert_eq!(program.outputs().await, (String::new(), String::new()));
}

#[tokio::test]
async fn a_line_begins_as_is_wanted() {
    let mut year = std::process::Command::new("date");
    let year = year.arg("+%Y").output().expect("there is date").stdout;
    let year = String::from_utf8(year).unwrap();
    for (config, begin) in [
        ("log_timestamp false\n", String::new()),
        (
            "log_timestamp_format at 100%% of %Y\n",
            format!("at 100% of {}: ", year.trim()),
        ),
        (
            "log_timestamp false\nlog_timestamp_format %Y\n",
            String::new(),
        ),
    ] {
        let log = config_file("");
        let config = format!("log_dest file {}\n{config}", log.display());
        let (_program, address) = start_silent(&config).await;
        let mut client = Client::open(address).await;
        client.connect(v5("c")).await;
        client.disconnect().await;
        let is_last = |line: &str| line.ends_with("Client c disconnected.");
        let lines = lines_of(&log, is_last).await;
        let line = format!("{begin}Client c disconnected.");
        assert!(lines.contains(&line), "{lines:#?}");
    }
}

#[tokio::test]
async fn json_has_an_object_for_each_line() {
    let log = config_file("");
    let config = format!(
        "log_dest file {}\nlog_format json\nlog_type all\n",
        log.display()
    );
    let (_program, address) = start_silent(&config).await;
    let mut client = Client::open(address).await;
    let mut connect = v5("c\"\\");
    connect.username = Some("ada".into());
    client.connect(connect).await;
    client
        .publish(message("home/led", "x", QoS::AtLeastOnce))
        .await;
    client.disconnect().await;
    let mut wrong = Client::open(address).await;
    wrong.send_connect(v5("a\nb\u{85}")).await;
    wrong
        .expect_refusal(ReasonCode::ClientIdentifierNotValid)
        .await;
    let lines = lines_of(&log, |line| line.contains("control characters")).await;
    let objects: Vec<serde_json::Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).expect("an object"))
        .collect();
    for object in &objects {
        let time = object["time"].as_str().expect("a time");
        assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
        assert!(object["type"].is_string() && object["text"].is_string());
    }
    let find = |part: &str| {
        let mut found = objects.iter();
        let found = found.find(|object| object["text"].as_str().unwrap().contains(part));
        found.expect(part).clone()
    };
    let connected = find("New client connected");
    assert_eq!(connected["type"], "notice");
    assert_eq!(connected["client"], "c\"\\");
    assert_eq!(connected["user"], "ada");
    let address = connected["address"].as_str().unwrap();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let received = find("Received PUBLISH");
    assert_eq!(received["type"], "debug");
    assert_eq!(received["topic"], "home/led");
    let refused = find("client identifier not valid");
    assert_eq!(refused["client"], "a\nb\u{85}");
    assert_eq!(refused["reason"], "its identifier has control characters");
    assert_eq!(refused["user"], serde_json::Value::Null);
    let raw = lines.iter().find(|line| line.contains("its identifier"));
    let is_plain = |line: &String| !line.contains(char::is_control);
    assert!(raw.is_some_and(is_plain), "{raw:?}");
}

#[tokio::test]
async fn the_lines_of_mosquitto_2_1() {
    let mut program = Program::start(&format!("{LOCAL}log_format mosquitto21\n"), &[]).await;
    program.client(v3_1_1("c")).await.disconnect().await;
    let line = program.line(|line| line.contains("New client")).await;
    assert!(line.ends_with(" as c (p4, c1, k60)."), "{line}");
    let line = program.line(|line| line.starts_with("Client c [127")).await;
    assert!(line.ends_with("] disconnected."), "{line}");
    let mut client = program.client(v5("c")).await;
    client.send_bytes(b"\x00\x00").await;
    let line = program.line(|line| line.starts_with("Client c [127")).await;
    let end = "] disconnected: malformed packet. User -: invalid packet type or flags: 0x00.";
    assert!(line.ends_with(end), "{line}");
    program.client(v5("c")).await.cut().await;
    let line = program.line(|line| line.starts_with("Client c [127")).await;
    let end = "] disconnected: connection closed by client.";
    assert!(line.ends_with(end), "{line}");
}

#[tokio::test]
async fn lines_are_published_and_bring_forth_no_more() {
    let config = format!("{LOCAL}log_dest topic\nlog_type all\n");
    let mut program = Program::start(&config, &[]).await;
    let mut reader = program.client(v5("reader")).await;
    reader.subscribe("$SYS/broker/log/#", QoS::AtMostOnce).await;
    reader.subscribe("other", QoS::AtMostOnce).await;
    let text = loop {
        let line = reader.message().await;
        if &*line.topic == "$SYS/broker/log/M/subscribe" {
            break String::from_utf8(line.payload.to_vec()).unwrap();
        }
    };
    let (time, text) = text.split_once(": ").unwrap();
    assert!(time.parse::<u64>().is_ok());
    assert_eq!(text, "reader 0 $SYS/broker/log/#");
    let line = reader.message().await;
    assert_eq!(&*line.topic, "$SYS/broker/log/M/subscribe");

    let _other = program.client(v5("other")).await;
    for begin in ["New connection from", "New client connected from"] {
        let line = reader.message().await;
        assert_eq!(&*line.topic, "$SYS/broker/log/N");
        assert!(!line.retain);
        assert_eq!(line.properties.message_expiry_interval(), Some(20));
        let text = String::from_utf8(line.payload.to_vec()).unwrap();
        assert!(text.contains(begin), "{text}");
    }
    // What was sent to the reader has lines, though not for the reader.
    program
        .line(|line| line.starts_with("Sending PUBLISH to reader") && line.contains("log/N"))
        .await;
    for _ in 0..10 {
        reader.has_nothing().await;
    }
}

#[tokio::test]
async fn a_log_that_nobody_reads_holds_nobody_up() {
    let mut program = Program::start(&format!("{LOCAL}log_type all\n"), &[]).await;
    let mut client = program.client(v5("c")).await;
    // Far more lines than a pipe holds, and than may wait.
    let topic = "t".repeat(1000);
    for _ in 0..3000 {
        client
            .send_publish(message(&topic, "x", QoS::AtMostOnce))
            .await;
    }
    client.ping().await;
    let line = async {
        loop {
            client.ping().await;
            let line = program.line(|_| true).await;
            if line.starts_with("Warning: lines of the log are missing here (") {
                return line;
            }
        }
    };
    let line = soon("what is missing", line).await;
    let (_, count) = line.split_once('(').unwrap();
    let (count, _) = count.split_once(')').unwrap();
    let count: usize = count.parse().unwrap();
    assert!((1000..3000).contains(&count), "{line}");
}

/// One that hangs does not keep the program from ending.
#[tokio::test]
async fn a_log_that_nobody_reads_does_not_keep_it_from_stopping() {
    let mut program = Program::start(&format!("{LOCAL}log_type all\n"), &[]).await;
    let mut client = program.client(v5("c")).await;
    let topic = "t".repeat(1000);
    for _ in 0..300 {
        client
            .send_publish(message(&topic, "x", QoS::AtMostOnce))
            .await;
    }
    client.disconnect().await;
    program.signal(Signal::SIGTERM);
    assert_eq!(program.ended().await.code(), Some(0));
}

#[tokio::test]
async fn what_a_full_disk_takes_away_is_counted() {
    if !std::path::Path::new("/dev/full").exists() {
        return;
    }
    let config = format!("{LOCAL}log_dest file /dev/full\nlog_type all\n");
    let mut program = Program::start(&config, &[]).await;
    program.client(v5("c")).await.disconnect().await;
    program.signal(Signal::SIGTERM);
    program.ended().await;
    let lines = program.rest().await;
    let said = lines
        .iter()
        .filter(|line| line.starts_with("Error: cannot write the log to /dev/full: "));
    assert_eq!(said.count(), 1, "{lines:#?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn syslog_gets_what_mosquitto_gives_it() {
    // Where there is a syslog, or no right to be one, there is nothing to see.
    let path = std::path::Path::new("/dev/log");
    if path.exists() {
        return;
    }
    let Ok(syslog) = tokio::net::UnixDatagram::bind(path) else {
        return;
    };
    let config = format!("{LOCAL}log_dest syslog\nlog_facility 5\nlog_timestamp_format T\n")
        .replace("log_dest stderr\n", "");
    let program = Program::start_unread(&config).await;
    let mut buffer = [0; 2048];
    let first = soon("a line", syslog.recv(&mut buffer)).await;
    std::fs::remove_file(path).unwrap();
    let line = String::from_utf8_lossy(&buffer[..first.unwrap()]).into_owned();
    // local5.info
    assert!(line.starts_with("<174>"), "{line}");
    assert!(line.contains(" ws-broker["), "{line}");
    assert!(line.contains("]: T: ws-broker version "), "{line}");
    drop(program);
}

#[tokio::test]
async fn sigrtmin_opens_the_files_again_and_the_others_say_what_they_do() {
    let log = config_file("");
    let config = format!("{LOCAL}log_dest file {}\n", log.display());
    let mut program = Program::start(&config, &[]).await;
    let old = log.with_extension("old");
    std::fs::rename(&log, &old).unwrap();
    program.raw_signal(nix::libc::SIGRTMIN());
    let reopened = async {
        while !log.exists() {
            tokio::task::yield_now().await;
        }
    };
    soon("the new file", reopened).await;
    let mut client = program.client(v5("c")).await;
    client.subscribe("t", QoS::AtMostOnce).await;
    program.signal(Signal::SIGUSR1);
    program
        .line(|line| line == "There is nothing to store: persistence is off.")
        .await;
    program.signal(Signal::SIGUSR2);
    program
        .line(|line| line.starts_with("1 clients are connected, and 0 are away; 1 subscriptions, "))
        .await;
    lines_of(&log, |line| line.contains("1 subscriptions")).await;
    assert!(!std::fs::read_to_string(&old).unwrap().contains(" as c "));
}
