//! Configurations as people have them, in `e2e/configs`: with Mosquitto's
//! clients, this broker does with each what Mosquitto does.
//!
//! In the files `{folder}` stands for a folder and `{1}` for a port, which are
//! others each time.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use e2e::{Program, Server, Which, tool};
use tokio::process::Command;

/// One who publishes a word on each of the topics, listening to everything.
struct Visitor {
    /// Which port of the file.
    port: usize,
    /// What Mosquitto's clients are told besides.
    options: &'static [&'static str],
    /// What is published.
    topics: &'static [&'static str],
    /// What comes of it: the topics heard, up to the last of them; or the
    /// refusal.
    heard: Result<&'static [&'static str], &'static str>,
}

const REFUSED: Result<&[&str], &str> = Err("Connection Refused: not authorised.");

const fn visitor(port: usize, options: &'static [&'static str]) -> Visitor {
    Visitor {
        port,
        options,
        topics: &["home/led"],
        heard: Ok(&["home/led"]),
    }
}

const fn refused(port: usize, options: &'static [&'static str]) -> Visitor {
    Visitor {
        heard: REFUSED,
        ..visitor(port, options)
    }
}

const ADA: &[&str] = &["-u", "ada", "-P", "secret"];
const BOB: &[&str] = &["-u", "bob", "-P", "secret"];
const EVE: &[&str] = &["-u", "ada", "-P", "guess"];

const ACL: &str = "# devices\nuser ada\ntopic readwrite home/#\n\nuser bob\ntopic read home/#\n\
    topic write home/bob\n\npattern readwrite own/%u/#\n";

/// What a configuration names.
fn prepare(folder: &Path) {
    for name in ["data", "conf.d", "log"] {
        let sub = folder.join(name);
        fs::create_dir(&sub).expect("room for a folder");
        fs::set_permissions(&sub, fs::Permissions::from_mode(0o777)).expect("it is ours");
    }
    fs::write(folder.join("acl"), ACL).expect("room for a file");
    let passwords = folder.join("passwd");
    for (user, first) in [("ada", true), ("bob", false)] {
        let mut command = std::process::Command::new("mosquitto_passwd");
        if first {
            command.arg("-c");
        }
        command.arg("-b").arg(&passwords).args([user, "secret"]);
        assert!(command.status().expect("it is there").success());
    }
    fs::set_permissions(&passwords, fs::Permissions::from_mode(0o644)).expect("it is ours");
}

fn client(program: &str, server: &Server, visitor: &Visitor) -> Command {
    let mut command = Command::new("stdbuf");
    command.arg("-oL").arg(tool(program));
    let port = server.ports[visitor.port].to_string();
    command.args(["-h", "127.0.0.1", "-p", &port, "-q", "1"]);
    command.args(visitor.options);
    command
}

async fn visit(server: &Server, visitor: &Visitor) {
    let mut command = client("E2E_MOSQUITTO_SUB", server, visitor);
    command.args(["-d", "-t", "#", "-F", "heard %t: %p"]);
    let mut listener = Program::start(command);
    let heard = match visitor.heard {
        Ok(heard) => {
            listener.containing("Subscribed").await;
            heard
        }
        Err(refusal) => {
            listener.containing(refusal).await;
            assert_eq!(listener.ended().await.code(), Some(5));
            &[]
        }
    };
    for topic in visitor.topics {
        let mut command = client("E2E_MOSQUITTO_PUB", server, visitor);
        command.args(["-t", topic, "-m", "Turn On"]);
        let status = Program::start(command).ended().await;
        let expected = if visitor.heard.is_ok() { 0 } else { 5 };
        assert_eq!(status.code(), Some(expected), "mosquitto_pub to {topic}");
    }
    for topic in heard {
        let next = listener.containing("heard ").await;
        assert_eq!(next, format!("{topic}: Turn On"));
    }
}

/// An upgrade to WebSocket is granted.
async fn speaks_websocket(server: &Server, port: usize) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = ("127.0.0.1", server.ports[port]);
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("open");
    let request = "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("open");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 101");
}

/// Both brokers, each with the file and a folder of its own.
async fn same_with(file: &str, visitors: &[Visitor], websocket: Option<usize>) {
    let path = tool("E2E_ROOT").join("e2e/configs").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    for which in Which::BOTH {
        let mut server = Server::start(which, &text, prepare).await;
        server.open().await;
        for visitor in visitors {
            visit(&server, visitor).await;
        }
        if let Some(port) = websocket {
            speaks_websocket(&server, port).await;
        }
    }
}

#[tokio::test]
async fn two_lines() {
    same_with("two_lines.conf", &[visitor(0, &[]), visitor(0, EVE)], None).await;
}

/// What Debian installs, with a file of one's own in `conf.d`.
#[tokio::test]
async fn debian() {
    same_with(
        "debian.conf",
        &[visitor(0, ADA), refused(0, EVE), refused(0, &[])],
        None,
    )
    .await;
}

#[tokio::test]
async fn home_automation_with_websockets() {
    same_with(
        "home_automation.conf",
        &[visitor(0, ADA), refused(0, &[])],
        Some(1),
    )
    .await;
}

#[tokio::test]
async fn users_with_rules() {
    let topics = &["home/led", "home/bob", "own/bob/x", "own/ada/x", "home/bob"];
    let bob = Visitor {
        topics,
        heard: Ok(&["home/bob", "own/bob/x", "home/bob"]),
        ..visitor(0, BOB)
    };
    let ada = Visitor {
        topics,
        heard: Ok(&["home/led", "home/bob", "own/ada/x", "home/bob"]),
        ..visitor(0, ADA)
    };
    same_with("users_with_rules.conf", &[bob, ada, refused(0, EVE)], None).await;
}

#[tokio::test]
async fn stored_and_logged_to_a_file() {
    same_with("stored.conf", &[visitor(0, &[])], None).await;
}

/// Open to the house, with passwords for others.
#[tokio::test]
async fn each_listener_with_rules_of_its_own() {
    let visitors = [
        visitor(0, &[]),
        visitor(1, ADA),
        refused(1, &[]),
        refused(1, EVE),
    ];
    same_with("per_listener.conf", &visitors, None).await;
}

#[tokio::test]
async fn limits() {
    let topics: &[&str] = &["home/led"];
    let versions = [
        Visitor {
            topics,
            ..visitor(0, &["-V", "mqttv311"])
        },
        Visitor {
            topics,
            ..visitor(0, &["-V", "mqttv5"])
        },
    ];
    same_with("limits.conf", &versions, None).await;
}

/// Written on Windows: line ends, a byte order mark, paths with spaces.
#[tokio::test]
async fn from_windows() {
    same_with(
        "from_windows.conf",
        &[visitor(0, ADA), refused(0, &[])],
        None,
    )
    .await;
}

/// As of Mosquitto 1: `port` and no listener, and what has become deprecated.
#[tokio::test]
async fn of_old() {
    same_with("of_old.conf", &[visitor(0, &[])], None).await;
}
