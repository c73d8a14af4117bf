//! Bridges over TLS.

use codec::QoS;

use crate::common::{Broker, Certificate, Client, Program, message, start_with, v5};

/// A broker that speaks TLS only, to clients whose certificate it knows.
async fn secured(certificate: &Certificate) -> Broker {
    start_with(|config| {
        for listener in &mut config.listeners {
            listener.tls.certfile = Some(certificate.certfile.clone());
            listener.tls.keyfile = Some(certificate.keyfile.clone());
            listener.tls.cafile = Some(certificate.cafile.clone());
            listener.tls.require_certificate = true;
        }
    })
    .await
}

async fn bridge(far: &Broker, host: &str, lines: &str) -> Program {
    let config = format!(
        "listener 0 127.0.0.1\nallow_anonymous true\nconnection up\naddress {host}:{}\n\
         remote_clientid far\ntopic t/# out 2\nrestart_timeout 1\nbridge_bind_address 127.0.0.1\n\
         {lines}\n",
        far.tcp.port()
    );
    Program::start(&config, &[]).await
}

#[tokio::test]
async fn messages_go_over_tls_with_a_certificate_of_the_bridge() {
    let certificate = Certificate::new();
    let far = secured(&certificate).await;
    let mut there = Client::over(
        certificate
            .connect_as(&certificate.client(&[]), far.tcp)
            .await,
    );
    there.connect(v5("there")).await;
    there.subscribe("t/#", QoS::ExactlyOnce).await;
    let (cafile, certfile) = (certificate.cafile.display(), certificate.certfile.display());
    let keyfile = certificate.keyfile.display();
    let files = format!("bridge_certfile {certfile}\nbridge_keyfile {keyfile}\n");
    for (host, version) in [
        ("localhost", "tlsv1.3"),
        ("127.0.0.1", "tlsv1.2\nbridge_insecure true"),
    ] {
        let lines = format!("bridge_cafile {cafile}\n{files}bridge_tls_version {version}\n");
        let near = bridge(&far, host, &lines).await;
        let mut publisher = near.client(v5("near")).await;
        publisher
            .publish(message("t/x", host, QoS::ExactlyOnce))
            .await;
        assert_eq!(there.text().await.1, host);
    }
}

#[tokio::test]
async fn a_broker_that_is_not_the_right_one_is_not_spoken_to() {
    let (certificate, other) = (Certificate::new(), Certificate::new());
    let far = secured(&certificate).await;
    let known = format!("bridge_cafile {}", certificate.cafile.display());
    let unknown = format!(
        "bridge_cafile {}\nbridge_insecure true",
        other.cafile.display()
    );
    for (host, lines, why) in [
        ("127.0.0.1", &known, "its certificate is for another host"),
        (
            "localhost",
            &unknown,
            "nobody in bridge_cafile or bridge_capath vouches for its certificate",
        ),
    ] {
        let mut near = bridge(&far, host, lines).await;
        let line = near
            .line(|line| line.starts_with("Warning: Bridge up ("))
            .await;
        assert!(line.contains(why), "{line}");
        assert!(
            line.contains(&format!("{host}:{}", far.tcp.port())),
            "{line}"
        );
    }
}

/// `bridge_tls_use_os_certs`: those that the system trusts, which are for
/// everything that runs where the variable says.
#[tokio::test]
async fn the_systems_certificates_vouch_where_they_are_asked() {
    let (certificate, other) = (Certificate::new(), Certificate::new());
    let far = secured(&certificate).await;
    let mut there = Client::over(
        certificate
            .connect_as(&certificate.client(&[]), far.tcp)
            .await,
    );
    there.connect(v5("there")).await;
    there.subscribe("t", QoS::AtLeastOnce).await;
    let config = crate::common::config_file(&format!(
        "listener 0 127.0.0.1\nallow_anonymous true\nconnection up\naddress localhost:{}\n\
         topic t out 1\nbridge_bind_address 127.0.0.1\nbridge_tls_use_os_certs true\n\
         bridge_certfile {}\nbridge_keyfile {}\n",
        far.tcp.port(),
        certificate.certfile.display(),
        certificate.keyfile.display(),
    ));
    let config = config.to_str().expect("text");
    let start = |system: &Certificate| {
        let bundle = system.cafile.to_str().expect("text");
        let environment = [("SSL_CERT_FILE", bundle), ("SSL_CERT_DIR", "/nowhere")];
        Program::spawn_with(&["-c", config], &environment)
    };
    let mut near = start(&other);
    let line = near
        .line(|line| line.starts_with("Warning: Bridge up ("))
        .await;
    assert!(line.contains("vouches for its certificate"), "{line}");
    let mut near = start(&certificate);
    near.line(|line| line.ends_with(" running")).await;
    let mut publisher = near.client(v5("near")).await;
    publisher
        .publish(message("t", "trusted", QoS::AtLeastOnce))
        .await;
    assert_eq!(there.text().await.1, "trusted");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_told_at_the_start() {
    let config = "listener 0 127.0.0.1\nconnection up\naddress far\ntopic a\n\
                  bridge_cafile /nowhere/ca.crt\n";
    let file = crate::common::config_file(config);
    let (code, _, log) = Program::run(&["-c", file.to_str().expect("text")]).await;
    assert_eq!(code, Some(1));
    assert!(
        log.contains("connection up: /nowhere/ca.crt: cannot read the certificate"),
        "{log}"
    );
}
