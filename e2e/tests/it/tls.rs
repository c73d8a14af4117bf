//! Mosquitto's clients, paho-mqtt and a browser over TLS, with an authority of
//! one's own, as many homes have it.

use std::fs;
use std::path::{Path, PathBuf};

use e2e::{Browser, Dashboard, Folder, Program, Screen, Theme, tool};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
};
use tokio::process::Command;

const FRIDGE: &str = "Kitchen/Fridge";

/// An authority with its certificate in a file.
struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(folder: &Folder) -> Authority {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([]).expect("no names");
        // OpenSSL takes a certificate by one of the same name for its own.
        params
            .distinguished_name
            .push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).expect("an authority");
        let folder = folder.path().to_owned();
        fs::write(folder.join("clients.crt"), authority.pem()).expect("room for a file");
        Authority {
            folder,
            issuer: Issuer::new(params, key),
        }
    }

    /// Writes a client's certificate and its key.
    fn client(&self, name: &str) -> [PathBuf; 2] {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([]).expect("no names");
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let files = [".crt", ".key"].map(|end| self.folder.join(format!("{name}{end}")));
        fs::write(&files[0], certificate.pem()).expect("room for a file");
        fs::write(&files[1], key.serialize_pem()).expect("room for a file");
        files
    }
}

/// Makes what `ws-broker cert` makes, in a folder of its own in this one.
pub(crate) async fn certificates(folder: &Folder) -> PathBuf {
    let made = folder.path().join("certificates");
    let mut command = Command::new(tool("E2E_BROKER"));
    command.arg("cert").arg("--dir").arg(&made);
    let output = command.output().await.expect("it was built");
    assert!(output.status.success(), "{output:?}");
    made
}

/// Starts the broker with listeners that all have the certificate; `lines` are
/// for each of them. Gives their ports.
pub(crate) async fn start<const N: usize>(
    folder: &Folder,
    listeners: [&str; N],
    lines: &str,
) -> (Program, [String; N]) {
    let made = folder.path().join("certificates");
    let made = made.display();
    let mut text = String::new();
    for listener in listeners {
        text.push_str(&format!(
            "listener 0 localhost\n{listener}\ncertfile {made}/server.crt\n\
             keyfile {made}/server.key\n{lines}\n"
        ));
    }
    let config = folder.path().join("broker.conf");
    fs::write(&config, text).expect("room for a file");
    let mut command = Command::new(tool("E2E_BROKER"));
    command.arg("-v").arg("-c").arg(config);
    let mut broker = Program::start(command);
    broker.containing(" running").await;
    let mut ports: Vec<String> = Vec::new();
    for line in broker.said() {
        if let Some((_, port)) = line.split_once(" listen socket on port ") {
            let port = port.trim_end_matches('.').to_owned();
            // IPv4 and IPv6 have the same.
            if !ports.contains(&port) {
                ports.push(port);
            }
        }
    }
    (broker, ports.try_into().expect("a port for each"))
}

/// One of Mosquitto's clients who trusts an authority.
fn client(program: &str, port: &str, cafile: &Path) -> Command {
    let mut command = Command::new(tool(program));
    command.args(["-h", "localhost", "-p", port, "-q", "1", "-t", FRIDGE]);
    command.arg("--cafile").arg(cafile);
    command
}

#[tokio::test]
async fn mosquittos_clients_publish_and_subscribe_over_tls() {
    let folder = Folder::new();
    let ca = certificates(&folder).await.join("ca.crt");
    let (mut broker, [port]) = start(&folder, [""], "allow_anonymous true").await;
    let mut command = client("E2E_MOSQUITTO_SUB", &port, &ca);
    command.args(["-C", "1", "-v"]);
    let mut subscriber = Program::start(command);
    broker.containing("Sending SUBACK").await;

    let mut command = client("E2E_MOSQUITTO_PUB", &port, &ca);
    command.args(["-m", "Temperature:14"]);
    assert!(Program::start(command).ended().await.success());
    let payload = subscriber.after(&format!("{FRIDGE} ")).await;
    assert_eq!(payload, "Temperature:14");
    assert!(subscriber.ended().await.success());

    // Who does not trust the authority does not publish.
    let stranger = Folder::new();
    let ca = certificates(&stranger).await.join("ca.crt");
    let mut command = client("E2E_MOSQUITTO_PUB", &port, &ca);
    command.args(["-m", "Temperature:99"]);
    assert!(!Program::start(command).ended().await.success());
    broker.containing("does not trust the certificate").await;
}

/// paho-mqtt as its documentation has it: publishes, and gets it back.
const PAHO: &str = "
import sys
import paho.mqtt.client as mqtt
port, ca, crt, key = int(sys.argv[1]), *sys.argv[2:5]
options = {}
if hasattr(mqtt, 'CallbackAPIVersion'):
    options['callback_api_version'] = mqtt.CallbackAPIVersion.VERSION2
client = mqtt.Client(client_id='python', **options)
client.tls_set(ca, crt, key)
def on_connect(client, userdata, flags, reason, *_):
    print('connected', reason, flush=True)
    client.subscribe('ada/fridge', 1)
def on_subscribe(client, userdata, mid, codes, *_):
    client.publish('ada/fridge', 'Temperature:14', 1)
def on_message(client, userdata, message):
    print('message', message.payload.decode(), flush=True)
    client.disconnect()
client.on_connect = on_connect
client.on_subscribe = on_subscribe
client.on_message = on_message
client.connect('localhost', port)
client.loop_forever()
";

#[tokio::test]
async fn clients_with_certificates_are_known_by_them() {
    let folder = Folder::new();
    let ca = certificates(&folder).await.join("ca.crt");
    let authority = Authority::new(&folder);
    let [crt, key] = authority.client("ada");
    let rules = folder.path().join("rules");
    fs::write(
        &rules,
        format!("user ada\ntopic readwrite ada/#\ntopic write {FRIDGE}\n"),
    )
    .expect("room for a file");
    let lines = format!(
        "cafile {}\nrequire_certificate true\nuse_identity_as_username true\nacl_file {}",
        folder.path().join("clients.crt").display(),
        rules.display()
    );
    let (mut broker, [port]) = start(&folder, [""], &lines).await;

    let mut command = client("E2E_MOSQUITTO_PUB", &port, &ca);
    command.args(["-m", "Temperature:14"]);
    command.arg("--cert").arg(&crt).arg("--key").arg(&key);
    assert!(Program::start(command).ended().await.success());
    broker.containing(", u'ada').").await;

    for python in ["E2E_PYTHON161", "E2E_PYTHON2"] {
        let mut command = Command::new(tool(python));
        command
            .args(["-c", PAHO, &port])
            .arg(&ca)
            .arg(&crt)
            .arg(&key);
        let mut program = Program::start(command);
        program.after("connected ").await;
        assert_eq!(program.after("message ").await, "Temperature:14");
        assert!(program.ended().await.success());
        broker.containing(", u'ada').").await;
    }

    // Neither without one nor with one by somebody else.
    let mut command = client("E2E_MOSQUITTO_PUB", &port, &ca);
    command.args(["-m", "Temperature:99"]);
    assert!(!Program::start(command).ended().await.success());
    broker.containing("has shown no certificate").await;
    let elsewhere = Folder::new();
    let [crt, key] = Authority::new(&elsewhere).client("ada");
    let mut command = client("E2E_MOSQUITTO_PUB", &port, &ca);
    command.args(["-m", "Temperature:99"]);
    command.arg("--cert").arg(&crt).arg("--key").arg(&key);
    assert!(!Program::start(command).ended().await.success());
    broker.containing("not signed with its key").await;
}

#[tokio::test]
async fn a_browser_that_trusts_the_authority_shows_the_page_over_https() {
    let folder = Folder::new();
    let ca = certificates(&folder).await.join("ca.crt");
    let (_broker, [mqtt, web]) =
        start(&folder, ["", "protocol websockets"], "allow_anonymous true").await;
    let browser = Browser::trusting(&ca, Screen::Phone, Theme::Light).await;
    browser.open(&format!("https://localhost:{web}/")).await;
    let page = Dashboard { browser: &browser };
    page.link_is("connected").await;
    let mut command = client("E2E_MOSQUITTO_PUB", &mqtt, &ca);
    command.args(["-m", "Temperature:14"]);
    assert!(Program::start(command).ended().await.success());
    page.shows(FRIDGE, "14").await;
    assert_eq!(browser.errors().await, [""; 0]);
}
