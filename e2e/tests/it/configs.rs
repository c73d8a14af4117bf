//! Configurations as people have them, in `e2e/configs`: with Mosquitto's
//! clients, this broker does with each what Mosquitto does.
//!
//! In the files `{folder}` stands for a folder and `{1}` for a port, which are
//! others each time. So they do in what Mosquitto's clients are told.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use e2e::{Program, Server, Which, tool};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
};
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
    certificates(&folder.join("certs"));
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

/// An authority, and what it has signed: the broker's certificate, and ada's.
fn certificates(folder: &Path) {
    fs::create_dir(folder).expect("room for a folder");
    let write = |name: &str, key: &KeyPair, certificate: &rcgen::Certificate| {
        for (end, text) in [("crt", certificate.pem()), ("key", key.serialize_pem())] {
            let file = folder.join(format!("{name}.{end}"));
            fs::write(&file, text).expect("room for a file");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("it is ours");
        }
    };
    let new = |name: &str, addresses: &[&str]| {
        let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(addresses).expect("they are addresses");
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        (params, KeyPair::generate().expect("a key"))
    };
    let (mut params, key) = new("authority", &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    write("ca", &key, &params.self_signed(&key).expect("an authority"));
    let issuer = Issuer::new(params, key);
    for (name, addresses) in [("server", &["127.0.0.1"][..]), ("ada", &[])] {
        let (params, key) = new(name, addresses);
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        write(name, &key, &certificate);
    }
}

/// One of Mosquitto's clients.
fn client(program: &str, server: &Server, port: usize, options: &[&str]) -> Command {
    let mut command = Command::new("stdbuf");
    command.arg("-oL").arg(tool(program));
    let port = server.ports[port].to_string();
    command.args(["-h", "127.0.0.1", "-p", &port, "-q", "1"]);
    let folder = server.folder().display().to_string();
    command.args(options.iter().map(|text| text.replace("{folder}", &folder)));
    command
}

/// Listens to everything, and says `heard TOPIC: PAYLOAD`.
fn listener(server: &Server, port: usize, options: &[&str]) -> Program {
    let mut command = client("E2E_MOSQUITTO_SUB", server, port, options);
    command.args(["-d", "-t", "#", "-F", "heard %t: %p"]);
    Program::start(command)
}

/// Publishes a word; with what the client ends.
async fn publish(server: &Server, port: usize, options: &[&str], topic: &str) -> Option<i32> {
    let mut command = client("E2E_MOSQUITTO_PUB", server, port, options);
    command.args(["-t", topic, "-m", "Turn On"]);
    Program::start(command).ended().await.code()
}

async fn visit(server: &Server, visitor: &Visitor) {
    let Visitor { port, options, .. } = *visitor;
    let mut listener = listener(server, port, options);
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
        let code = publish(server, port, options, topic).await;
        let expected = if visitor.heard.is_ok() { 0 } else { 5 };
        assert_eq!(code, Some(expected), "mosquitto_pub to {topic}");
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

fn read(file: &str) -> String {
    let path = tool("E2E_ROOT").join("e2e/configs").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Both brokers, each with the file and a folder of its own.
async fn same_with(file: &str, visitors: &[Visitor], websocket: Option<usize>) {
    let text = read(file);
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

const CA: &str = "{folder}/certs/ca.crt";
const ADA_TLS: &[&str] = &["--cafile", CA, "-u", "ada", "-P", "secret"];
const EVE_TLS: &[&str] = &["--cafile", CA, "-u", "ada", "-P", "guess"];
const DISTRUST: &[&str] = &[
    "--cafile",
    "{folder}/certs/ada.crt",
    "-u",
    "ada",
    "-P",
    "secret",
];
/// Says that she is bob, which the certificate knows better.
const ADA_CERTIFICATE: &[&str] = &[
    "--cafile",
    CA,
    "--cert",
    "{folder}/certs/ada.crt",
    "--key",
    "{folder}/certs/ada.key",
    "-u",
    "bob",
];

/// Passwords over TLS, and certificates in place of passwords.
#[tokio::test]
async fn tls() {
    let topics = &["own/bob/x", "own/ada/x", "home/led"];
    let known = |port, options| Visitor {
        topics,
        heard: Ok(&["own/ada/x", "home/led"]),
        ..visitor(port, options)
    };
    let visitors = [
        known(0, ADA_TLS),
        refused(0, EVE_TLS),
        known(1, ADA_CERTIFICATE),
    ];
    same_with("tls.conf", &visitors, None).await;
    // No TLS, a server that is not trusted, no certificate.
    let text = read("tls.conf");
    for which in Which::BOTH {
        let mut server = Server::start(which, &text, prepare).await;
        server.open().await;
        for (port, options) in [(0, ADA), (0, DISTRUST), (1, ADA_TLS)] {
            let code = publish(&server, port, options, "home/led").await;
            assert_ne!(code, Some(0), "{which:?}, {options:?}");
        }
    }
}

/// The garden's broker is a bridge to the house's, over TLS with a password.
#[tokio::test]
async fn bridge() {
    let (house_text, text) = (read("tls.conf"), read("bridge.conf"));
    for which in Which::BOTH {
        let mut house = Server::start(Which::Mosquitto, &house_text, prepare).await;
        house.open().await;
        let retained = [ADA_TLS, &["-r"]].concat();
        let code = publish(&house, 0, &retained, "home/lamp/before").await;
        assert_eq!(code, Some(0));
        let folder = house.folder().display().to_string();
        let text = text
            .replace("{port of the house}", &house.ports[0].to_string())
            .replace("{folder of the house}", &folder);
        let mut garden = Server::start(which, &text, prepare).await;
        garden.open().await;
        let mut in_garden = listener(&garden, 0, &[]);
        let mut in_house = listener(&house, 0, ADA_TLS);
        // It comes when the bridge has subscribed.
        let next = in_garden.containing("heard ").await;
        assert_eq!(next, "house/lamp/before: Turn On", "{which:?}");
        let next = in_house.containing("heard ").await;
        assert_eq!(next, "home/lamp/before: Turn On", "{which:?}");

        for topic in ["pump", "pump/2"] {
            let here = format!("garden/{topic}");
            assert_eq!(publish(&garden, 0, &[], &here).await, Some(0));
            let next = in_garden.containing("heard ").await;
            assert_eq!(next, format!("{here}: Turn On"), "{which:?}");
            let next = in_house.containing("heard ").await;
            assert_eq!(next, format!("home/{here}: Turn On"), "{which:?}");
        }
        // What is not the bridge's stays where it is.
        assert_eq!(publish(&house, 0, ADA_TLS, "home/led").await, Some(0));
        let next = in_house.containing("heard ").await;
        assert_eq!(next, "home/led: Turn On", "{which:?}");
        for topic in ["lamp", "lamp/2"] {
            let there = format!("home/{topic}");
            assert_eq!(publish(&house, 0, ADA_TLS, &there).await, Some(0));
            let next = in_house.containing("heard ").await;
            assert_eq!(next, format!("{there}: Turn On"), "{which:?}");
            let next = in_garden.containing("heard ").await;
            assert_eq!(next, format!("house/{topic}: Turn On"), "{which:?}");
        }
        for topic in ["shed", "garden/last"] {
            assert_eq!(publish(&garden, 0, &[], topic).await, Some(0));
            let next = in_garden.containing("heard ").await;
            assert_eq!(next, format!("{topic}: Turn On"), "{which:?}");
        }
        let next = in_house.containing("heard ").await;
        assert_eq!(next, "home/garden/last: Turn On", "{which:?}");
    }
}
