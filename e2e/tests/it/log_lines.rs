//! The same session with Mosquitto and with this broker, both with `-v`: scripts
//! and people read what they have always read.

use e2e::{Login, Message, Raw, Server, Version, Which};

const CONFIG: &str = "allow_anonymous true\nset_tcp_nodelay true\nlistener {1} 127.0.0.1\n\
    password_file {folder}/passwords\n";
/// From Mosquitto's tests: the password is `test`.
const PASSWORDS: &str = "ada:$6$njERlZMi/7DzNB9E$\
    iiavfuXvUm8iyDZArTy7smTxh07GXXOrOsqxfW6gkOYVXHGk+W+i/8d3xDxrMwEPygEBhoA8A/gjQC0N2M4Lkw==\n";

/// How lines begin that this broker says beyond Mosquitto's: what people ask
/// for and do not get there.
const MORE: [&str; 7] = [
    // What was set up, at the start.
    "There is room for ",
    "Devices on the network connect without a password",
    "Only this machine can connect",
    "Warning: File ",
    "Warning: the broker runs as root.",
    "Warning: set_tcp_nodelay has no effect",
    // Mosquitto sends it, and does not say so.
    "Sending DISCONNECT to one (rc142)",
];

/// A line without what differs from run to run.
fn normal(line: &str, port: u16) -> Option<String> {
    let (seconds, line) = line.split_once(": ")?;
    seconds.parse::<u64>().ok()?;
    if MORE.iter().any(|more| line.starts_with(more)) {
        return None;
    }
    // Who was refused, from where, and why: Mosquitto has no name for it.
    if let Some((_, rest)) = line.split_once(" disconnected, not authorised.") {
        assert!(rest.is_empty() || rest.contains("user "), "{line}");
        return Some("Somebody disconnected, not authorised.".into());
    }
    // Which two fight for an identifier, in the same line.
    let fight = " already connected, closing old connection.";
    let line = match line.find(fight) {
        Some(at) => &line[..at + fight.len()],
        None => line,
    };
    let words = line.split(' ').map(|word| {
        let is_address = word.starts_with("127.0.0.1:");
        let is_port = word.trim_end_matches('.') == port.to_string();
        match word {
            _ if is_address => "ADDRESS",
            _ if is_port => "PORT.",
            "mosquitto" | "ws-broker" => "BROKER",
            word if word.ends_with("/mosquitto.conf.") => "FILE.",
            word if word.starts_with(|c: char| c.is_ascii_digit())
                && word.matches('.').count() == 2 =>
            {
                "VERSION"
            }
            word => word,
        }
    });
    Some(words.collect::<Vec<_>>().join(" "))
}

fn login(version: Version, id: &str) -> Login {
    Login::new(version, id)
}

/// Everything a client can do, one step after the other.
async fn session(port: u16) {
    for version in [Version::V311, Version::V5] {
        let mut one = login(version, "one");
        one.clean = false;
        one.will = Some(Message::new("status/one", 1, "gone"));
        let mut client = Raw::connected(port, &one).await;
        client.subscribe(&[("a/#", 0), ("b/+", 1), ("c", 2)]).await;
        let mut publisher = Raw::connected(port, &login(version, "two")).await;
        for (topic, qos) in [("a/x", 0), ("b/x", 1), ("c", 2), ("nobody", 2)] {
            publisher
                .publish(&Message::new(topic, qos, "payload"))
                .await;
            if topic != "nobody" {
                client.message().await;
            }
            client.ping().await;
        }
        publisher
            .publish(&Message::new("b/kept", 1, "x").retained())
            .await;
        client.message().await;
        client.ping().await;
        client.unsubscribe("a/#").await;
        client.unsubscribe("b/+").await;
        publisher
            .publish(&Message::new("b/kept", 1, "").retained())
            .await;
        // Taken over.
        let other = Raw::connected(port, &one).await;
        client.closed().await;
        other.leave(false).await;
        let mut clean = one.clone();
        clean.clean = true;
        let client = Raw::connected(port, &clean).await;
        client.leave(false).await;
        publisher.leave(false).await;
    }
    // Its password is wrong.
    for version in [Version::V311, Version::V5] {
        let mut wrong = login(version, "three").named(Some("ada"));
        wrong.password = Some("wrong".to_owned());
        let (raw, _) = Raw::connect(port, &wrong).await;
        raw.closed().await;
        let mut right = wrong;
        right.password = Some("test".to_owned());
        Raw::connected(port, &right).await.leave(false).await;
    }
    // It says nothing for longer than it said it would.
    let mut quiet = login(Version::V311, "quiet");
    quiet.keep_alive = 1;
    Raw::connected(port, &quiet).await.closed().await;
}

async fn lines(which: Which) -> Vec<String> {
    let prepare = |folder: &std::path::Path| {
        std::fs::write(folder.join("passwords"), PASSWORDS).expect("room for a file");
    };
    let server = Server::running(which, CONFIG, prepare).await;
    let port = server.ports[0];
    session(port).await;
    let said = server.stop().await;
    said.iter().filter_map(|line| normal(line, port)).collect()
}

#[tokio::test]
async fn the_log_of_a_session_has_mosquittos_lines() {
    let (theirs, ours) = tokio::join!(lines(Which::Mosquitto), lines(Which::Ours));
    // Each client's lines come in the same order. Those of different clients
    // need not: here each is served for itself, a message is passed on before it
    // is acknowledged, also at QoS 2, and what is wrong is said before it is
    // answered.
    let of = |lines: &[String], words: &str| {
        let found = lines.iter().filter(|line| line.contains(words));
        found.cloned().collect::<Vec<_>>()
    };
    for client in ["one", "two", "three", "quiet"] {
        let client = &format!(" {client} ");
        let (theirs, ours) = (of(&theirs, client), of(&ours, client));
        assert!(theirs.len() > 2, "{theirs:#?}");
        assert_eq!(ours, theirs);
    }
    let sorted = |mut lines: Vec<String>| {
        lines.sort();
        lines
    };
    assert_eq!(sorted(ours), sorted(theirs));
}
