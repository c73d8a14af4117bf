//! `ws-broker cert`, what it makes, and how the broker looks after it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::common::{
    Certificate, Client, Program, Trusting, config_file, request, request_over, soon, start_with,
    v5,
};

/// A folder that is not there yet.
fn folder() -> PathBuf {
    config_file("").with_extension("certificates")
}

async fn make(folder: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let arguments = ["cert", "--dir", folder.to_str().unwrap()];
    Program::run(&[&arguments, more].concat()).await
}

/// The lines of a configuration that it prints.
fn printed(out: &str) -> String {
    let lines = out.lines().skip_while(|line| !line.starts_with("For the"));
    let lines = lines.filter_map(|line| line.strip_prefix("    "));
    let lines = lines.take_while(|line| !line.starts_with("https"));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn one_command_makes_all_that_the_printed_lines_need() {
    let folder = folder();
    let (code, out, err) = make(&folder, &["--name", "lab.example.org"]).await;
    assert_eq!(code, Some(0), "{err}");
    let config = printed(&out);
    let config = config
        .replace("8883", "0 127.0.0.1")
        .replace("9001", "0 127.0.0.1");
    let mut program = Program::start(&format!("{config}\nallow_anonymous true\n"), &[]).await;
    let ports = program.ports();
    let trusting = Trusting::new(&folder.join("ca.crt"));
    for name in ["localhost", "127.0.0.1", "lab.example.org"] {
        let stream = trusting.connect(name, program.address()).await;
        let mut client = Client::over(stream.unwrap());
        client.connect(v5("c")).await;
    }
    let far = trusting.connect("example.org", program.address()).await;
    assert!(far.is_err());

    let web = ([127, 0, 0, 1], ports[1]).into();
    let stream = trusting.connect("localhost", web).await.unwrap();
    let get = "GET /ca.crt HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let (head, body) = request_over(stream, get).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(
        head.contains("content-type: application/x-x509-ca-cert\r\n"),
        "{head}"
    );
    assert_eq!(body, text(&folder.join("ca.crt")).as_bytes());
    program.signal(nix::sys::signal::Signal::SIGTERM);
    program.ended().await;
}

/// A file of rcgen's, whose lines may end as those of Windows do.
fn text(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap().replace('\r', "")
}

#[tokio::test]
async fn without_http_cafile_there_is_no_authority_to_fetch_and_never_a_key() {
    let get = "GET /ca.crt HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let broker = start_with(|_| {}).await;
    let (head, _) = request(broker.web, get).await;
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");

    let certificate = Certificate::new();
    let (crt, key) = (text(&certificate.cafile), text(&certificate.keyfile));
    let both = config_file(&format!("{key}{crt}"));
    let broker = start_with(|config| config.http_cafile = Some(both)).await;
    let (head, body) = request(broker.web, get).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(body, crt.as_bytes());
}

#[cfg(unix)]
#[tokio::test]
async fn keys_are_for_their_owner_and_no_authority_is_overwritten() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    make(&folder, &[]).await;
    for (name, mode) in [("ca.key", 0o600), ("server.key", 0o600), ("ca.crt", 0o644)] {
        let metadata = std::fs::metadata(folder.join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{name}");
    }
    let before = ["ca.crt", "ca.key", "server.crt"].map(read);
    let (code, out, _) = make(&folder, &["--name", "attic.local"]).await;
    assert_eq!(code, Some(0));
    assert!(out.starts_with("The authority that was there: "), "{out}");
    let after = ["ca.crt", "ca.key", "server.crt"].map(read);
    assert_eq!(before[..2], after[..2]);
    assert_ne!(before[2], after[2]);
    // It keeps what was asked for before.
    let (_, out, _) = make(&folder, &[]).await;
    assert!(out.contains("for attic.local, "), "{out}");

    for (remove, more, expected) in [
        (
            "",
            &["--name", "a b"][..],
            "\"a b\" is not a name or an address",
        ),
        (
            "",
            &["--name", "example.org"],
            "cannot vouch for example.org",
        ),
        (
            "server.names",
            &[],
            "server.crt: it is there, and not by this command",
        ),
        (
            "ca.key",
            &[],
            "server.crt: it is there, and not by this command",
        ),
        (
            "server.crt",
            &[],
            "server.key: it is there, and not by this command",
        ),
        ("server.key", &[], "ca.key: cannot read the private key: "),
        ("ca.crt", &[], "a new one"),
    ] {
        if !remove.is_empty() {
            std::fs::remove_file(folder.join(remove)).unwrap();
        }
        let (code, _, err) = make(&folder, more).await;
        if remove == "ca.crt" {
            assert_eq!(code, Some(0), "{err}");
            continue;
        }
        assert_eq!(code, Some(1), "{err}");
        assert!(err.contains(expected), "{err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
}

#[tokio::test]
async fn the_broker_renews_what_the_command_has_made() {
    let folder = folder();
    let (code, ..) = make(&folder, &[]).await;
    assert_eq!(code, Some(0));
    let broker = start_with(|config| {
        config.certificate_interval = Duration::from_millis(10);
        let tls = &mut config.listeners[0].tls;
        tls.certfile = Some(folder.join("server.crt"));
        tls.keyfile = Some(folder.join("server.key"));
    })
    .await;
    let trusting = Trusting::new(&folder.join("ca.crt"));
    let stream = trusting.connect("localhost", broker.tcp).await.unwrap();
    let mut client = Client::over(stream);
    client.connect(v5("c")).await;
    assert!(trusting.connect("attic.local", broker.tcp).await.is_err());
    // As if the machine had got another name.
    std::fs::write(folder.join("server.names"), "attic.local\n").unwrap();
    let renewed = async { while trusting.connect("attic.local", broker.tcp).await.is_err() {} };
    soon("another certificate", renewed).await;
    client.ping().await;
}
