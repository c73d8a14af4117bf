//! MQTT, HTTP and WebSocket over TLS.

use std::time::{Duration, SystemTime};

use codec::QoS;
use nix::sys::signal::Signal;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::common::{
    Broker, Certificate, Client, Program, WebSocket, config_file, message, request_over, soon,
    start_with, v5,
};

const LOCAL: &str = "listener 0 127.0.0.1\nallow_anonymous true\n";

/// A broker that speaks TLS only.
async fn secured(certificate: &Certificate) -> Broker {
    start_with(|config| {
        for listener in &mut config.listeners {
            listener.tls.certfile = Some(certificate.certfile.clone());
            listener.tls.keyfile = Some(certificate.keyfile.clone());
        }
    })
    .await
}

/// A client that is connected over TLS.
async fn client(broker: &Broker, certificate: &Certificate, id: &str) -> Client {
    let mut client = Client::over(certificate.connect(broker.tcp).await);
    client.connect(v5(id)).await;
    client
}

#[tokio::test]
async fn mqtt_is_the_same_in_every_version_of_tls() {
    let certificate = Certificate::new();
    let broker = secured(&certificate).await;
    assert!(broker.running.bound().iter().all(|bound| bound.is_tls));
    for version in [&TLS12, &TLS13] {
        let stream = certificate.connect_with(&[version], broker.tcp).await;
        let mut client = Client::over(stream);
        client.connect(v5("c")).await;
        client.subscribe("t/#", QoS::ExactlyOnce).await;
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            for len in [0, 1, 20_000, 1_900_000] {
                let payload: Vec<u8> = (0..len).map(|n: u32| (n % 251) as u8).collect();
                client.publish(message("t/x", payload.clone(), qos)).await;
                let received = client.message().await;
                assert!(received.payload == payload, "{qos:?}, {len} bytes");
                assert_eq!(received.qos, qos);
            }
        }
        client.disconnect().await;
    }
}

#[tokio::test]
async fn pages_and_websockets_are_the_same_over_tls() {
    let certificate = Certificate::new();
    let broker = secured(&certificate).await;
    let stream = certificate.connect(broker.web).await;
    let get = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let (head, body) = request_over(stream, get).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(body, b"ok\n");

    let stream = certificate.connect(broker.web).await;
    let subprotocol = "Sec-WebSocket-Protocol: mqtt\r\n";
    let socket = WebSocket::ask_over(stream, "/mqtt", subprotocol).await;
    assert!(socket.head.starts_with("HTTP/1.1 101 "), "{}", socket.head);
    let mut web = socket.into_client();
    web.connect(v5("web")).await;
    web.subscribe("t", QoS::AtLeastOnce).await;
    let mut device = client(&broker, &certificate, "device").await;
    let payload = vec![b'x'; 300_000];
    device
        .publish(message("t", payload.clone(), QoS::AtLeastOnce))
        .await;
    assert!(web.message().await.payload == payload);
}

/// What does not fit into the sockets waits, and nothing of it is lost.
#[tokio::test]
async fn messages_come_whole_however_late_they_are_read() {
    const COUNT: u8 = 24;
    let certificate = Certificate::new();
    let broker = secured(&certificate).await;
    let mut slow = client(&broker, &certificate, "slow").await;
    slow.subscribe("t", QoS::AtLeastOnce).await;
    let mut publisher = client(&broker, &certificate, "p").await;
    for n in 0..COUNT {
        let part = vec![n; 512 * 1024];
        publisher
            .publish(message("t", part, QoS::AtLeastOnce))
            .await;
    }
    for n in 0..COUNT {
        let part = slow.message().await.payload;
        assert_eq!(part.len(), 512 * 1024);
        assert!(part.iter().all(|byte| *byte == n));
    }
}

/// Neither those who say nothing nor those who say nonsense.
#[tokio::test]
async fn half_a_handshake_holds_nobody_up_and_takes_little() {
    const COUNT: usize = 150;
    let certificate = Certificate::new();
    let lines = certificate.lines();
    let mut program = Program::start(&format!("{LOCAL}{lines}"), &[]).await;
    program.keep_reading();
    let address = program.address();
    let client = || async {
        let mut client = Client::over(certificate.connect(address).await);
        client.connect(v5("c")).await;
        client.ping().await;
    };
    client().await;
    let before = program.memory();
    let mut half = Vec::new();
    for number in 0..COUNT {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // A record of 16 KB begins, and its end never comes.
        let begin = [&[22, 3, 1, 64, 0, 1, 0, 63, 252], &[0; 1000][..]].concat();
        if number % 2 == 0 {
            stream.write_all(&begin).await.unwrap();
        }
        half.push(stream);
    }
    let mut nonsense = Vec::new();
    for _ in 0..COUNT {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&[0xAA; 1000]).await.unwrap();
        nonsense.push(stream);
    }
    // They are sent away at once, with an alert.
    for mut stream in nonsense {
        let mut rest = Vec::new();
        let _ = soon("the end", stream.read_to_end(&mut rest)).await;
    }
    client().await;
    let each = program.memory().saturating_sub(before) / COUNT;
    assert!(each < 40_000, "{each} bytes");
}

/// Who is connected stays, and who comes sees the new one.
#[tokio::test]
async fn sighup_takes_a_new_certificate_and_drops_nobody() {
    const COUNT: usize = 100;
    let certificate = Certificate::new();
    let lines = certificate.lines();
    let mut program = Program::start(&format!("{LOCAL}{lines}"), &[]).await;
    let address = program.address();
    let mut clients = Vec::new();
    for number in 0..COUNT {
        let mut client = Client::over(certificate.connect(address).await);
        client.connect(v5(&format!("c{number}"))).await;
        clients.push(client);
    }
    let renewed = certificate.renew();
    program.signal(Signal::SIGHUP);
    certificate.shown(&renewed, address).await;
    for client in &mut clients {
        client.ping().await;
    }

    // What cannot be used changes nothing.
    let key = std::fs::read(Certificate::new().keyfile).unwrap();
    std::fs::write(&certificate.keyfile, key).unwrap();
    program.signal(Signal::SIGHUP);
    let line = program.line(|line| line.starts_with("Error: ")).await;
    assert!(
        line.contains(": not the key of the certificate in "),
        "{line}"
    );
    assert!(line.ends_with(". All stays as it was."), "{line}");
    certificate.shown(&renewed, address).await;
    clients[0].ping().await;
}

#[tokio::test]
async fn a_new_certificate_is_found_without_being_told() {
    let certificate = Certificate::new();
    let broker = start_with(|config| {
        config.certificate_interval = Duration::from_millis(10);
        config.listeners[0].tls.certfile = Some(certificate.certfile.clone());
        config.listeners[0].tls.keyfile = Some(certificate.keyfile.clone());
    })
    .await;
    let mut client = client(&broker, &certificate, "c").await;
    let renewed = certificate.renew();
    certificate.shown(&renewed, broker.tcp).await;
    client.ping().await;
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_warned_of() {
    let certificate = Certificate::new();
    let (file, lines) = (
        certificate.certfile.display().to_string(),
        certificate.lines(),
    );
    let config = config_file(&format!("{LOCAL}{lines}"));
    let config = config.to_str().unwrap();
    let now = SystemTime::now();
    let days = |days: u64| Duration::from_secs(days * 24 * 3600);
    for (from, until, expected) in [
        (now - days(100), now + days(20), None),
        (
            now - days(100),
            now + days(13),
            Some(": the certificate expires on 20"),
        ),
        (now - days(1), now + days(13), None),
        (
            now - days(100),
            now - days(1),
            Some(": the certificate has expired on 20"),
        ),
        (
            now + days(1),
            now + days(99),
            Some(": the certificate holds only from 20"),
        ),
    ] {
        certificate.renew_with(|params| {
            params.not_before = from.into();
            params.not_after = until.into();
        });
        let (code, _, err) = Program::run(&["-c", config, "--test-config"]).await;
        assert_eq!(code, Some(0), "{err}");
        let warning = expected.map(|expected| format!("Warning: {file}{expected}"));
        let lines = 1 + usize::from(warning.is_some());
        assert_eq!(err.lines().count(), lines, "{err}");
        assert!(err.starts_with(&warning.unwrap_or_default()), "{err}");
    }
    let mut program = Program::start_with(&["-c", config]).await;
    let warned = program
        .lines
        .iter()
        .any(|line| line.contains("holds only from"));
    assert!(warned, "{:#?}", program.lines);
    // It is said anew when it is another.
    certificate.renew_with(|params| params.not_after = (now - days(1)).into());
    program.signal(Signal::SIGHUP);
    program
        .line(|line| line.contains("has expired on 20"))
        .await;
}

#[tokio::test]
async fn the_secrets_of_connections_are_written_where_tls_keylog_says() {
    let certificate = Certificate::new();
    let (log, lines) = (config_file(""), certificate.lines());
    let file = config_file(&format!("{LOCAL}{lines}"));
    let arguments = [
        "-c",
        file.to_str().unwrap(),
        "--tls-keylog",
        log.to_str().unwrap(),
    ];
    let program = Program::start_with(&arguments).await;
    for versions in [[&TLS12], [&TLS13]] {
        certificate.connect_with(&versions, program.address()).await;
    }
    let log = std::fs::read_to_string(log).unwrap();
    for label in [
        "CLIENT_RANDOM",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
    ] {
        assert!(
            log.lines().any(|line| line.starts_with(label)),
            "{label} in {log}"
        );
    }
}

#[tokio::test]
async fn a_handshake_that_fails_is_one_line_with_the_address() {
    let certificate = Certificate::new();
    let config = format!("{LOCAL}{}", certificate.lines());
    let mut program = Program::start(&config, &[]).await;
    let port = program.address().port();

    let mut stream = TcpStream::connect(program.address()).await.unwrap();
    let own = stream.local_addr().unwrap();
    let connect = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01c";
    stream.write_all(connect).await.unwrap();
    let line = program.line(|line| line.starts_with("TLS")).await;
    assert_eq!(
        line,
        format!("TLS handshake with {own} on port {port} failed: the client does not speak TLS.")
    );

    let stranger = Certificate::new();
    let refused = stranger.try_connect(rustls::ALL_VERSIONS, program.address());
    assert!(refused.await.is_err());
    let line = program.line(|line| line.starts_with("TLS")).await;
    assert!(
        line.ends_with(" failed: the client does not trust the certificate."),
        "{line}"
    );

    drop(TcpStream::connect(program.address()).await.unwrap());
    let line = program.line(|line| line.starts_with("TLS")).await;
    assert!(
        line.ends_with(" failed: the client closed its connection."),
        "{line}"
    );

    let mut client = Client::over(certificate.connect(program.address()).await);
    client.connect(v5("c")).await;
    program.signal(Signal::SIGTERM);
    let lines = program.rest().await;
    let failures = lines.iter().filter(|line| line.starts_with("TLS"));
    assert_eq!(failures.count(), 3, "{lines:#?}");
    client
        .expect_disconnect(codec::ReasonCode::ServerShuttingDown)
        .await;
}

#[tokio::test]
async fn files_that_do_not_do_are_named_at_the_start() {
    let certificate = Certificate::new();
    let other = Certificate::new();
    let empty = config_file("");
    let garbled = config_file("-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n");
    let (crt, key) = (
        certificate.certfile.display(),
        certificate.keyfile.display(),
    );
    let (empty, garbled) = (empty.display(), garbled.display());
    let other = other.keyfile.display();
    for (lines, expected) in [
        (
            format!("certfile {crt}\n"),
            "the listener on port 0 has a certfile and no keyfile: TLS needs both".to_owned(),
        ),
        (
            format!("keyfile {key}\n"),
            "the listener on port 0 has a keyfile and no certfile: TLS needs both".to_owned(),
        ),
        (
            format!("certfile /no/such/file\nkeyfile {key}\n"),
            "/no/such/file: cannot read the certificate: No such file or directory (os error 2)"
                .to_owned(),
        ),
        (
            format!("certfile {crt}\nkeyfile /no/such/file\n"),
            "/no/such/file: cannot read the private key: No such file or directory (os error 2)"
                .to_owned(),
        ),
        (
            format!("certfile {empty}\nkeyfile {key}\n"),
            format!("{empty}: there is no certificate in it: a PEM file is wanted"),
        ),
        (
            format!("certfile {key}\nkeyfile {crt}\n"),
            format!("{key}: there is no certificate in it: a PEM file is wanted"),
        ),
        (
            format!("certfile {crt}\nkeyfile {crt}\n"),
            format!("{crt}: there is no private key in it: a PEM file is wanted"),
        ),
        (
            format!("certfile {crt}\nkeyfile {other}\n"),
            format!("{other}: not the key of the certificate in {crt}"),
        ),
        (
            format!("certfile {garbled}\nkeyfile {key}\n"),
            format!("{garbled}: what is in it is not a certificate"),
        ),
    ] {
        let file = config_file(&format!("{LOCAL}{lines}"));
        let (code, _, err) = Program::run(&["-c", file.to_str().unwrap()]).await;
        assert_eq!(code, Some(1), "{err}");
        assert!(err.ends_with(&format!("Error: {expected}\n")), "{err}");
        assert_eq!(err.matches("Error: ").count(), 1, "{err}");
    }
}
