//! Mosquitto's clients over TLS, with a certificate of an authority of one's
//! own, as many homes have it.

use std::fs;

use e2e::{Folder, Program, tool};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::process::Command;

/// Writes the authority's certificate, and the broker's with its key.
fn certificates(folder: &Folder) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new([]).expect("no names");
    // OpenSSL takes a certificate by one of the same name for its own.
    params
        .distinguished_name
        .push(DnType::CommonName, "authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).expect("an authority");
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["localhost".into()]).expect("a name");
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    for (name, text) in [
        ("ca.crt", authority.pem()),
        ("server.crt", certificate.pem()),
        ("server.key", key.serialize_pem()),
    ] {
        fs::write(folder.path().join(name), text).expect("room for a file");
    }
}

#[tokio::test]
async fn mosquittos_clients_publish_and_subscribe_over_tls() {
    let folder = Folder::new();
    certificates(&folder);
    let path = folder.path().display();
    let config = folder.path().join("broker.conf");
    let text = format!(
        "listener 0 localhost\ncafile {path}/ca.crt\ncertfile {path}/server.crt\n\
         keyfile {path}/server.key\nallow_anonymous true\n"
    );
    fs::write(&config, text).expect("room for a file");
    let mut command = Command::new(tool("E2E_BROKER"));
    command.arg("-v").arg("-c").arg(config);
    let mut broker = Program::start(command);
    let port = broker.containing(" listen socket on port ").await;
    let port = port.trim_end_matches('.');
    broker.containing(" running").await;

    let client = |program: &str| {
        let mut command = Command::new(tool(program));
        command.args([
            "-h",
            "localhost",
            "-p",
            port,
            "-q",
            "1",
            "-t",
            "Kitchen/Fridge",
        ]);
        command
    };
    let mut command = client("E2E_MOSQUITTO_SUB");
    command.args(["-C", "1", "-v", "--cafile"]);
    command.arg(folder.path().join("ca.crt"));
    let mut subscriber = Program::start(command);
    broker.containing("Sending SUBACK").await;

    let mut command = client("E2E_MOSQUITTO_PUB");
    command.args(["-m", "Temperature:14", "--cafile"]);
    command.arg(folder.path().join("ca.crt"));
    assert!(Program::start(command).ended().await.success());
    let payload = subscriber.after("Kitchen/Fridge ").await;
    assert_eq!(payload, "Temperature:14");
    assert!(subscriber.ended().await.success());

    // Who does not trust the authority does not publish.
    let stranger = Folder::new();
    certificates(&stranger);
    let mut command = client("E2E_MOSQUITTO_PUB");
    command.args(["-m", "Temperature:99", "--cafile"]);
    command.arg(stranger.path().join("ca.crt"));
    assert!(!Program::start(command).ended().await.success());
    broker.containing("does not trust the certificate").await;
}
