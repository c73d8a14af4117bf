//! Clients with certificates: `require_certificate`, `crlfile`, and user names
//! from certificates.

use std::net::SocketAddr;

use codec::{QoS, ReasonCode};
use nix::sys::signal::Signal;
use rcgen::{CertificateParams, DnType, date_time_ymd};
use rustls::version::{TLS12, TLS13};
use tokio::io::AsyncReadExt;
use ws_broker::access::Acl;
use ws_broker::config::CertificateUsername;
use ws_broker::{Config, Listener};

use crate::common::{
    Broker, Certificate, Client, ClientCertificate, Program, WebSocket, config_file, message, soon,
    start_with, v3_1_1, v5,
};

const NAME: &[(DnType, &str)] = &[(DnType::CommonName, "ada")];

fn asks(certificate: &Certificate, listener: &mut Listener) {
    listener.tls.certfile = Some(certificate.certfile.clone());
    listener.tls.keyfile = Some(certificate.keyfile.clone());
    listener.tls.cafile = Some(certificate.cafile.clone());
    listener.tls.require_certificate = true;
}

/// A broker whose clients have certificates.
async fn asking(certificate: &Certificate, set_up: impl FnOnce(&mut Config)) -> Broker {
    start_with(|config| {
        for listener in &mut config.listeners {
            asks(certificate, listener);
        }
        set_up(config);
    })
    .await
}

fn named_by(username: CertificateUsername) -> impl FnOnce(&mut Config) {
    move |config| {
        for listener in &mut config.listeners {
            listener.tls.username = username;
        }
    }
}

const IDENTITY: CertificateUsername = CertificateUsername {
    is_identity: true,
    is_subject: false,
};
const SUBJECT: CertificateUsername = CertificateUsername {
    is_identity: false,
    is_subject: true,
};

/// What a client is told whose certificate, or lack of one, is refused.
async fn refusal(
    certificate: &Certificate,
    client: Option<&ClientCertificate>,
    address: SocketAddr,
) -> String {
    let connected = certificate.try_connect_as(rustls::ALL_VERSIONS, client, address);
    match connected.await {
        Err(error) => error.to_string(),
        Ok(mut stream) => {
            let read = soon("the end", stream.read(&mut [0])).await;
            read.expect_err("it is refused").to_string()
        }
    }
}

#[tokio::test]
async fn a_client_comes_in_with_a_certificate_that_somebody_vouches_for() {
    let certificate = Certificate::new();
    let broker = asking(&certificate, |_| {}).await;
    let ada = certificate.client(NAME);
    for versions in [[&TLS12], [&TLS13]] {
        let connected = certificate.try_connect_as(&versions, Some(&ada), broker.tcp);
        let mut client = Client::over(connected.await.unwrap());
        client.connect(v5("c")).await;
        client.ping().await;
    }
    let none = refusal(&certificate, None, broker.tcp).await;
    assert!(none.contains("CertificateRequired"), "{none}");
    let stranger = Certificate::new().client(NAME);
    let refused = refusal(&certificate, Some(&stranger), broker.tcp).await;
    assert!(refused.contains("UnknownCA"), "{refused}");
}

/// Mosquitto's manual makes such ones.
#[tokio::test]
async fn a_certificate_of_version_1_is_judged_as_others_are() {
    let certificate = Certificate::new();
    let crlfile = config_file("");
    let (ada, bob) = (
        certificate.client_of_version_1(NAME),
        certificate.client_of_version_1(NAME),
    );
    certificate.revoke(&crlfile, &[&bob]);
    let broker = asking(&certificate, |config| {
        named_by(IDENTITY)(config);
        config.listeners[0].tls.crlfile = Some(crlfile);
    })
    .await;
    for versions in [[&TLS12], [&TLS13]] {
        let connected = certificate.try_connect_as(&versions, Some(&ada), broker.tcp);
        let mut client = Client::over(connected.await.unwrap());
        client.connect(v5("c")).await;
        client.ping().await;
    }
    let refused = refusal(&certificate, Some(&bob), broker.tcp).await;
    assert!(refused.contains("CertificateRevoked"), "{refused}");
    let stranger = Certificate::new().client_of_version_1(NAME);
    let refused = refusal(&certificate, Some(&stranger), broker.tcp).await;
    assert!(refused.contains("UnknownCA"), "{refused}");
    // Somebody else's certificate without its key.
    let thief = certificate.client(NAME).with_chain_of(&ada);
    for versions in [[&TLS12], [&TLS13]] {
        let stream = certificate.try_connect_as(&versions, Some(&thief), broker.tcp);
        let read = async { stream.await?.read(&mut [0]).await };
        let error = soon("the end", read).await.unwrap_err().to_string();
        assert!(error.contains("DecryptError"), "{error}");
    }
    // One that was changed, or is signed by nobody.
    let forged = certificate.client_of_version_1(NAME).with_a_bit_flipped();
    let error = refusal(&certificate, Some(&forged), broker.tcp).await;
    assert!(
        error.contains("DecryptError") || error.contains("UnknownCA"),
        "{error}"
    );
}

#[tokio::test]
async fn browsers_come_in_with_certificates_too() {
    let certificate = Certificate::new();
    let broker = asking(&certificate, named_by(IDENTITY)).await;
    let ada = certificate.client(NAME);
    let stream = certificate.connect_as(&ada, broker.web).await;
    let subprotocol = "Sec-WebSocket-Protocol: mqtt\r\n";
    let socket = WebSocket::ask_over(stream, "/mqtt", subprotocol).await;
    let mut web = socket.into_client();
    web.connect(v5("web")).await;
    web.ping().await;
    let none = refusal(&certificate, None, broker.web).await;
    assert!(none.contains("CertificateRequired"), "{none}");
}

/// As in Mosquitto: a cafile alone asks for nothing.
#[tokio::test]
async fn without_require_certificate_nobody_is_asked() {
    let certificate = Certificate::new();
    let broker = asking(&certificate, |config| {
        config.listeners[0].tls.require_certificate = false;
    })
    .await;
    let stranger = Certificate::new().client(NAME);
    for client in [None, Some(&stranger)] {
        let stream = certificate.try_connect_as(rustls::ALL_VERSIONS, client, broker.tcp);
        let mut client = Client::over(stream.await.unwrap());
        client.connect(v5("c")).await;
    }
}

#[tokio::test]
async fn a_certificate_says_the_user_name_and_no_password_is_needed() {
    let certificate = Certificate::new();
    let broker = asking(&certificate, |config| {
        named_by(IDENTITY)(config);
        // Neither of them matters.
        config.security.allow_anonymous = false;
        config.security.password_file = Some(config_file(""));
        config.security.acl = Acl::parse("user ada\ntopic readwrite ada/#\n").unwrap();
    })
    .await;
    let ada = certificate.client(NAME);
    let mut client = Client::over(certificate.connect_as(&ada, broker.tcp).await);
    let mut connect = v5("c");
    connect.username = Some("bob".into());
    connect.password = Some("wrong".into());
    client.connect(connect).await;
    for (topic, reason) in [
        ("ada/x", ReasonCode::NoMatchingSubscribers),
        ("bob/x", ReasonCode::NotAuthorized),
    ] {
        let publish = message(topic, "x", QoS::AtLeastOnce);
        assert_eq!(client.publish(publish).await, reason, "{topic}");
    }
    // It stays when all is read again, though it has shown no password.
    let mut config = crate::common::config();
    for listener in &mut config.listeners {
        asks(&certificate, listener);
    }
    named_by(IDENTITY)(&mut config);
    config.security.acl = Acl::parse("user ada\ntopic readwrite bob/#\n").unwrap();
    broker.running.reload(Ok(config));
    client.ping().await;
    let publish = message("ada/x", "x", QoS::AtLeastOnce);
    assert_eq!(client.publish(publish).await, ReasonCode::NotAuthorized);
}

#[tokio::test]
async fn without_a_name_in_its_certificate_a_client_is_refused() {
    let certificate = Certificate::new();
    let broker = asking(&certificate, named_by(IDENTITY)).await;
    let unnamed = certificate.client(&[(DnType::OrganizationName, "Home")]);
    let mut client = Client::over(certificate.connect_as(&unnamed, broker.tcp).await);
    client.send_connect(v5("c")).await;
    client
        .expect_refusal(ReasonCode::BadUserNameOrPassword)
        .await;
    // One that is not asked for a certificate has none.
    let broker = asking(&certificate, |config| {
        named_by(IDENTITY)(config);
        config.listeners[0].tls.require_certificate = false;
    })
    .await;
    let ada = certificate.client(NAME);
    let mut client = Client::over(certificate.connect_as(&ada, broker.tcp).await);
    client.send_connect(v3_1_1("c")).await;
    client
        .expect_refusal(ReasonCode::BadUserNameOrPassword)
        .await;
}

/// A session belongs to the user that made it.
#[tokio::test]
async fn a_session_belongs_to_the_certificate_s_user() {
    let certificate = Certificate::new();
    let broker = asking(&certificate, named_by(IDENTITY)).await;
    for (name, is_present) in [("ada", false), ("ada", true), ("bob", false)] {
        let client = certificate.client(&[(DnType::CommonName, name)]);
        let mut client = Client::over(certificate.connect_as(&client, broker.tcp).await);
        let mut connect = v3_1_1("kept");
        connect.clean_start = false;
        client.connect(connect).await;
        assert_eq!(client.connack.session_present, is_present, "{name}");
        client.disconnect().await;
    }
}

#[tokio::test]
async fn the_user_name_of_a_certificate_may_be_the_client_identifier() {
    let certificate = Certificate::new();
    let broker = asking(&certificate, |config| {
        named_by(SUBJECT)(config);
        config.listeners[0].use_username_as_clientid = true;
        config.security.acl =
            Acl::parse("pattern readwrite %u\npattern readwrite is/%c\n").unwrap();
    })
    .await;
    let ada = certificate.client(&[
        (DnType::CountryName, "DE"),
        (DnType::OrganizationName, "Home, sweet"),
        (DnType::CommonName, "ada"),
    ]);
    let mut client = Client::over(certificate.connect_as(&ada, broker.tcp).await);
    client.connect(v5("c")).await;
    for topic in [
        "CN=ada,O=Home\\, sweet,C=DE",
        "is/CN=ada,O=Home\\, sweet,C=DE",
    ] {
        let publish = message(topic, "x", QoS::AtLeastOnce);
        let reason = client.publish(publish).await;
        assert_eq!(reason, ReasonCode::NoMatchingSubscribers, "{topic}");
    }
}

fn late(params: &mut CertificateParams) {
    params.distinguished_name.push(DnType::CommonName, "late");
    params.not_before = date_time_ymd(2012, 8, 20);
    params.not_after = date_time_ymd(2012, 8, 21);
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_taken_where_dates_do_not_matter() {
    let certificate = Certificate::new();
    let late = certificate.client_with(late);
    let broker = asking(&certificate, |config| {
        config.listeners[1].tls.disable_client_cert_date_checks = true;
    })
    .await;
    let refused = refusal(&certificate, Some(&late), broker.tcp).await;
    assert!(refused.contains("CertificateExpired"), "{refused}");
    certificate.connect_as(&late, broker.web).await;
    let stranger = Certificate::new();
    let stranger = stranger.client_with(self::late);
    refusal(&certificate, Some(&stranger), broker.web).await;
}

#[tokio::test]
async fn each_refusal_says_why_and_sighup_takes_a_new_list_of_revoked_ones() {
    let certificate = Certificate::new();
    let (ada, bob) = (certificate.client(NAME), certificate.client(NAME));
    let crlfile = config_file("");
    certificate.revoke(&crlfile, &[&bob]);
    let lines = certificate.lines_for_clients();
    let config = format!(
        "listener 0 127.0.0.1\nallow_anonymous true\n{lines}crlfile {}\n",
        crlfile.display()
    );
    let mut program = Program::start(&config, &[]).await;
    let address = program.address();
    let mut client = Client::over(certificate.connect_as(&ada, address).await);
    client.connect(v5("ada")).await;
    let late = certificate.client_with(late);
    let stranger = Certificate::new().client(NAME);
    for (client, why) in [
        (
            None,
            "the client has shown no certificate, and require_certificate asks for one",
        ),
        (
            Some(&bob),
            "the client's certificate is revoked, says crlfile",
        ),
        (Some(&late), "the client's certificate has expired"),
        (
            Some(&stranger),
            "nobody in cafile or capath vouches for the client's certificate",
        ),
    ] {
        refusal(&certificate, client, address).await;
        let line = program.line(|line| line.starts_with("TLS")).await;
        assert!(line.ends_with(&format!(" failed: {why}.")), "{line}");
    }

    certificate.revoke(&crlfile, &[&ada]);
    program.signal(Signal::SIGHUP);
    program.line(|line| line == "Reloading config.").await;
    let accepted = async {
        while certificate
            .try_connect_as(&[&TLS12], Some(&bob), address)
            .await
            .is_err()
        {}
    };
    soon("the new list", accepted).await;
    let refused = refusal(&certificate, Some(&ada), address).await;
    assert!(refused.contains("CertificateRevoked"), "{refused}");
    // Who is there leaves; Mosquitto keeps it.
    client.expect_disconnect(ReasonCode::NotAuthorized).await;
    program
        .line(|line| line.ends_with("user -: its certificate is revoked."))
        .await;
}

/// Without SIGHUP, since files are looked at again; others stay.
#[tokio::test]
async fn who_is_revoked_while_connected_leaves() {
    let certificate = Certificate::new();
    let (ada, bob) = (certificate.client(NAME), certificate.client(NAME));
    let crlfile = config_file("");
    certificate.revoke(&crlfile, &[]);
    let broker = asking(&certificate, |config| {
        config.listeners[0].tls.crlfile = Some(crlfile.clone());
        config.certificate_interval = std::time::Duration::from_millis(10);
    })
    .await;
    let mut clients = Vec::new();
    for (shown, id) in [(&bob, "bob"), (&ada, "ada")] {
        let stream = certificate.connect_as(shown, broker.tcp).await;
        let mut client = Client::over(stream);
        client.connect(v5(id)).await;
        clients.push(client);
    }
    certificate.revoke(&crlfile, &[&ada]);
    let revoked = clients.pop().unwrap();
    revoked.expect_disconnect(ReasonCode::NotAuthorized).await;
    clients[0].ping().await;
}

#[tokio::test]
async fn what_does_not_make_sense_is_said_at_the_start() {
    let certificate = Certificate::new();
    let (lines, cafile) = (certificate.lines(), certificate.cafile.display());
    let empty = config_file("");
    let empty = empty.display();
    for (lines, expected) in [
        (
            format!("{lines}require_certificate true\n"),
            "the listener on port 0 has require_certificate and no cafile or capath that says who vouches for clients".to_owned(),
        ),
        (
            format!("cafile {cafile}\nrequire_certificate true\n"),
            "the listener on port 0 has require_certificate and no certfile and keyfile: TLS needs them".into(),
        ),
        (
            "use_identity_as_username true\n".into(),
            "the listener on port 0 has a user name from certificates and no certfile and keyfile: TLS needs them".into(),
        ),
        (
            format!("{lines}require_certificate true\ncafile {empty}\n"),
            format!("{empty}: there is no certificate in it: a PEM file is wanted"),
        ),
        (
            format!("{lines}require_certificate true\ncafile {cafile}\ncrlfile {empty}\n"),
            format!("{empty}: there is no list of revoked certificates in it: a PEM file is wanted"),
        ),
        (
            format!("{lines}crlfile {cafile}\n"),
            "there is no list of revoked certificates in it: a PEM file is wanted".into(),
        ),
        (
            format!("{lines}ciphers RC4-SHA\n"),
            "ciphers has nothing that there is here: ECDHE-ECDSA-AES256-GCM-SHA384:".into(),
        ),
        (
            format!("{lines}tls_version tlsv1.1\n"),
            ": tls_version is tlsv1.2 or tlsv1.3, not \"tlsv1.1\": older ones are not safe any more".into(),
        ),
        (
            "psk_hint home\n".into(),
            ": 'psk_hint' is not available here: the library for TLS has no pre-shared keys".into(),
        ),
    ] {
        let file = config_file(&format!("listener 0 127.0.0.1\n{lines}"));
        let (code, _, err) = Program::run(&["-c", file.to_str().unwrap(), "--test-config"]).await;
        assert_eq!(code, Some(3), "{err}");
        assert!(err.contains(&expected), "{err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
    let crlfile = config_file("");
    certificate.revoke(&crlfile, &[]);
    let crlfile = crlfile.display();
    let config = format!(
        "listener 0 127.0.0.1\n{lines}crlfile {crlfile}\nuse_identity_as_username true\nciphers AES128-SHA:HIGH\n"
    );
    let file = config_file(&config);
    let (code, _, err) = Program::run(&["-c", file.to_str().unwrap(), "--test-config"]).await;
    assert_eq!(code, Some(0), "{err}");
    let warnings: Vec<_> = err
        .lines()
        .filter(|line| line.starts_with("Warning: "))
        .collect();
    assert_eq!(warnings.len(), 3, "{err}");
    assert!(warnings[0].contains("so that nobody can connect"), "{err}");
    assert!(
        warnings[1].contains("has a crlfile, which has no effect"),
        "{err}"
    );
    assert!(
        warnings[2].contains("ciphers: AES128-SHA is left out"),
        "{err}"
    );
}
