//! MQTT, HTTP and WebSocket over TLS.

use codec::QoS;
use nix::sys::signal::Signal;
use rustls::version::{TLS12, TLS13};
use tokio::net::TcpStream;

use crate::common::{
    Broker, Certificate, Client, Program, WebSocket, config_file, message, request_over,
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

#[tokio::test]
async fn half_a_handshake_holds_nobody_up() {
    let certificate = Certificate::new();
    let broker = secured(&certificate).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(broker.tcp).await.unwrap());
    }
    client(&broker, &certificate, "c").await.ping().await;
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
    tokio::io::AsyncWriteExt::write_all(&mut stream, connect)
        .await
        .unwrap();
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
