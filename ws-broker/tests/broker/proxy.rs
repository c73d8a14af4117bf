//! `enable_proxy_protocol`: what a proxy says of its clients.

use codec::{Packet, ReasonCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::common::{Client, Program, WebSocket, config_file, request_over, soon, v5};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const V4: &[u8] = &[192, 0, 2, 5, 127, 0, 0, 1, 0x18, 0x83, 0, 80];

async fn start(version: u8, more: &str) -> Program {
    let config = format!(
        "listener 0 127.0.0.1\nallow_anonymous true\nenable_proxy_protocol {version}\n{more}"
    );
    Program::start(&config, &[]).await
}

async fn open(program: &Program, header: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(program.address()).await.unwrap();
    stream.write_all(header).await.unwrap();
    stream
}

async fn is_closed(mut stream: TcpStream) {
    let mut rest = Vec::new();
    // A reset is an end too.
    let _ = soon("the end", stream.read_to_end(&mut rest)).await;
    assert_eq!(rest, b"", "closed without a word");
}

/// A header of version 2.
fn v2(version: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let len = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[version, family], &len, rest].concat()
}

/// One of a client with an address of IPv4 and what the proxy knows of TLS.
fn with_tls(client: u8, parts: &[(u8, &str)]) -> Vec<u8> {
    let mut ssl = vec![client, 0, 0, 0, 0];
    for (kind, value) in parts {
        ssl.extend_from_slice(&[*kind, 0, u8::try_from(value.len()).unwrap()]);
        ssl.extend_from_slice(value.as_bytes());
    }
    let tlv = [0x20, 0, u8::try_from(ssl.len()).unwrap()];
    v2(0x21, 0x11, &[V4, &tlv, &ssl].concat())
}

#[tokio::test]
async fn the_client_is_where_the_proxy_says() {
    let mut programs = [start(1, "").await, start(2, "").await];
    let v6 = [
        [0x20, 0x01, 0x0d, 0xb8].as_slice(),
        &[0; 28],
        &[0x18, 0x83, 0, 80],
    ]
    .concat();
    for (version, header, address) in [
        (
            1,
            b"PROXY TCP4 192.0.2.5 127.0.0.1 6275 80\r\n".to_vec(),
            "192.0.2.5:6275",
        ),
        (
            1,
            b"PROXY TCP6 2001:db8::1 ::1 6275 80\r\n".to_vec(),
            "2001:db8::1:6275",
        ),
        (1, b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1:"),
        (2, v2(0x21, 0x11, V4), "192.0.2.5:6275"),
        (2, v2(0x21, 0x21, &v6), "2001:db8:::6275"),
        (2, v2(0x21, 0x31, b"/run/app"), "/run/app:0"),
        (2, v2(0x20, 0, &[]), "127.0.0.1:"),
        // What Mosquitto takes ends at 500 bytes.
        (
            2,
            v2(0x21, 0x11, &[V4, &[4, 2, 0], &[0; 512]].concat()),
            "192.0.2.5:6275",
        ),
    ] {
        let program = &mut programs[version - 1];
        let mut client = Client::over(open(program, &header).await);
        client.connect(v5("c")).await;
        client.ping().await;
        let line = format!("New client connected from {address}");
        program.line(|l| l.starts_with(&line)).await;
    }
}

#[tokio::test]
async fn what_is_no_header_is_closed_and_said() {
    let mut program = start(1, "").await;
    let long = [b"PROXY TCP4 ".as_slice(), &[b' '; 200]].concat();
    for bad in [
        b"PROXY TCP3 192.0.2.5 127.0.0.1 6275 80\r\n".as_slice(),
        b"PROXY TCP4 192.0.2.5 127.0.0.1 6275\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x10\x0d\0\x04MQTT\x05\x02\0\0\0\0\0",
        SIGNATURE,
        &long,
    ] {
        is_closed(open(&program, bad).await).await;
        program
            .line(|l| l == "Connection rejected, corrupt PROXY header.")
            .await;
        program
            .line(|l| l.starts_with("No PROXY header from 127.0.0.1:"))
            .await;
    }
    let mut program = start(2, "").await;
    for bad in [
        v2(0x21, 0x00, V4),
        v2(0x31, 0x11, V4),
        v2(0x21, 0x11, &V4[..11]),
        v2(0x21, 0x11, &[b'a'; 501]),
        v2(0x21, 0x31, &[b'a'; 501]),
        v2(0x21, 0x11, &[b'a'; 2049]),
        b"PROXY TCP4 192.0.2.5 127.0.0.1 6275 80\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
    ] {
        is_closed(open(&program, &bad).await).await;
        let line = "Client (null) [(null):0] disconnected: bad socket read/write: Invalid input.";
        program.line(|l| l == line).await;
        program
            .line(|l| l.starts_with("No PROXY header from 127.0.0.1:"))
            .await;
    }
    let short = [V4, &[0x20, 0, 9, 1]].concat();
    is_closed(open(&program, &v2(0x21, 0x11, &short)).await).await;
    let line = "Connection from 192.0.2.5:6275 rejected, corrupt PROXY header.";
    program.line(|l| l == line).await;
    let mut half = open(&program, &SIGNATURE[..5]).await;
    half.shutdown().await.unwrap();
    program
        .line(|l| l.ends_with("the connection was closed before its end."))
        .await;
    // Others are served meanwhile.
    let _silent = open(&program, &SIGNATURE[..5]).await;
    let mut client = Client::over(open(&program, &v2(0x21, 0x11, V4)).await);
    client.connect(v5("c")).await;
}

#[tokio::test]
async fn a_header_and_what_follows_it_may_come_in_any_pieces() {
    let program = start(2, "").await;
    let mut stream = TcpStream::connect(program.address()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for byte in v2(0x21, 0x11, V4) {
        stream.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    Client::over(stream).connect(v5("c")).await;
    let connect = b"\x10\x0e\0\x04MQTT\x05\x02\0\0\0\0\x01d";
    let both = [v2(0x21, 0x11, V4).as_slice(), connect].concat();
    let mut client = Client::over(open(&program, &both).await);
    client.speak(codec::ProtocolVersion::V5);
    client.connected().await;
}

#[tokio::test]
async fn websocket_and_http_behind_a_proxy() {
    let mut program = start(2, "protocol websockets\n").await;
    let get = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    let (head, _) = request_over(open(&program, &v2(0x21, 0x11, V4)).await, get).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let stream = open(&program, &v2(0x21, 0x11, V4)).await;
    let protocol = "Sec-WebSocket-Protocol: mqtt\r\n";
    let socket = WebSocket::ask_over(stream, "/", protocol).await;
    socket.into_client().connect(v5("c")).await;
    let line = "New client connected from 192.0.2.5:6275 as c ";
    program.line(|l| l.starts_with(line)).await;
}

#[tokio::test]
async fn a_proxy_vouches_for_certificates() {
    let options = "require_certificate true\nuse_identity_as_username true\n";
    let mut program = start(2, options).await;
    for header in [v2(0x21, 0x11, V4), with_tls(1, &[(0x22, "ada")])] {
        is_closed(open(&program, &header).await).await;
        let line = "Connection from 192.0.2.5:6275 rejected, client did not provide a certificate.";
        program.line(|l| l == line).await;
    }
    let parts = [
        (0x21, "TLSv1.3"),
        (0x22, "ada"),
        (0x23, "TLS_AES_256_GCM_SHA384"),
    ];
    let mut client = Client::over(open(&program, &with_tls(5, &parts)).await);
    let mut connect = v5("c");
    connect.username = Some("eve".into());
    client.connect(connect).await;
    let line = "Connection from 192.0.2.5:6275 negotiated TLSv1.3 cipher TLS_AES_256_GCM_SHA384";
    program.line(|l| l == line).await;
    program.line(|l| l.ends_with("u'ada').")).await;
    let mut nameless = Client::over(open(&program, &with_tls(5, &[])).await);
    nameless.send_connect(v5("d")).await;
    let Some(Packet::ConnAck(connack)) = nameless.next().await else {
        panic!("CONNACK expected");
    };
    assert_eq!(connack.reason, ReasonCode::BadUserNameOrPassword);
    let line = "Client d [192.0.2.5:6275] disconnected: not authorised. User -: ";
    let line = program.line(|l| l.starts_with(line)).await;
    assert!(line.ends_with("its certificate has no common name (CN)."));
}

#[tokio::test]
async fn a_proxy_may_have_to_have_tls_with_its_clients() {
    let mut program = start(2, "proxy_protocol_v2_require_tls true\n").await;
    for header in [v2(0x21, 0x11, V4), with_tls(0, &[])] {
        is_closed(open(&program, &header).await).await;
        let line = "Connection from 192.0.2.5:6275 rejected, client did not connect using TLS.";
        program.line(|l| l == line).await;
    }
    is_closed(open(&program, &v2(0x20, 0, &[])).await).await;
    let mut client = Client::over(open(&program, &with_tls(1, &[])).await);
    client.connect(v5("c")).await;
}

#[tokio::test]
async fn failed_logins_are_counted_for_the_client_not_for_the_proxy() {
    // From Mosquitto's tests: the password is `test`.
    let hash = "$6$njERlZMi/7DzNB9E$iiavfuXvUm8iyDZArTy7smTxh07GXXOrOsqxfW6gkOYVXHGk+W+i/8d3x\
                DxrMwEPygEBhoA8A/gjQC0N2M4Lkw==";
    let users = config_file(&format!("ada:{hash}\n"));
    let mut program = start(1, &format!("password_file {}\n", users.display())).await;
    let mut connect = v5("c");
    connect.username = Some("ada".into());
    connect.password = Some("wrong".into());
    for port in 1..=5 {
        let header = format!("PROXY TCP4 192.0.2.5 127.0.0.1 {port} 80\r\n");
        let mut client = Client::over(open(&program, header.as_bytes()).await);
        client.send_connect(connect.clone()).await;
        assert!(matches!(client.next().await, Some(Packet::ConnAck(_))));
    }
    program
        .line(|l| l.contains("5 logins as ada from 192.0.2.5:5 have failed"))
        .await;
    // From elsewhere a right one need not wait.
    connect.password = Some("test".into());
    let header = b"PROXY TCP4 192.0.2.6 127.0.0.1 1 80\r\n";
    Client::over(open(&program, header).await)
        .connect(connect)
        .await;
}

#[tokio::test]
async fn options_that_do_not_go_together_are_said() {
    let with = |options: &str| format!("listener 0 127.0.0.1\n{options}");
    for (options, expected) in [
        (
            "enable_proxy_protocol 3\n",
            "enable_proxy_protocol must be 1 or 2.",
        ),
        (
            "enable_proxy_protocol 2\nuse_subject_as_username true\n",
            "use_subject_as_username cannot be used with `enable_proxy_protocol 2`.",
        ),
        (
            "enable_proxy_protocol 2\ncertfile a\nkeyfile b\n",
            "certfile and keyfile cannot be used with `enable_proxy_protocol 2`.",
        ),
        (
            "enable_proxy_protocol 1\nrequire_certificate true\n",
            "cannot be used with `enable_proxy_protocol 1`.",
        ),
        (
            "proxy_protocol_v2_require_tls true\n",
            "proxy_protocol_v2_require_tls needs `enable_proxy_protocol 2`.",
        ),
    ] {
        let file = config_file(&with(options));
        let (code, _, err) = Program::run(&["-c", file.to_str().unwrap()]).await;
        assert_eq!(code, Some(1), "{err}");
        assert!(err.contains(expected), "{err}");
    }
}
