//! Those who mean no good, before they are clients: others are served
//! meanwhile.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::common::{Client, Program, WebSocket, config, request, soon, start, start_with, v5};

const HEALTH: &str = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";

/// All that the broker answers until it closes.
async fn all_answers(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // It may have closed before it has read all.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = soon("the end", stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn serves(web: SocketAddr) {
    let (head, _) = request(web, HEALTH).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let mut client = WebSocket::open(web, "/").await.into_client();
    client.connect(v5("")).await;
    client.ping().await;
}

#[tokio::test]
async fn garbage_is_answered_by_400_or_nothing() {
    let broker = start().await;
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..100 {
        let len = random.usize(1..3000);
        let mut bytes: Vec<u8> = (0..len).map(|_| random.u8(..)).collect();
        if random.bool() {
            bytes.splice(0..0, *b"GET / HTTP/1.1\r\n");
        }
        let answer = all_answers(broker.web, &bytes).await;
        let is_refusal = ["", "HTTP/1.1 400 ", "HTTP/1.1 431 "]
            .iter()
            .any(|begin| answer.starts_with(begin) && (!begin.is_empty() || answer.is_empty()));
        assert!(is_refusal, "{answer}");
    }
    serves(broker.web).await;
}

/// What a proxy in front might take for one request is not two here, nor the
/// other way round.
#[tokio::test]
async fn requests_whose_length_is_in_doubt_are_refused() {
    let broker = start().await;
    for doubtful in [
        "Content-Length: 0\r\nContent-Length: 38",
        "Content-Length: 38, 0",
        "Content-Length: +0",
        "Content-Length: -1",
        "Content-Length: 0x26",
        "Content-Length: 99999999999999999999999",
        "Content-Length : 0",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked",
        "X: y\r\n Content-Length: 38",
        "X: a\nb: c\rd: e",
    ] {
        let both = format!("POST / HTTP/1.1\r\nHost: x\r\n{doubtful}\r\n\r\n{HEALTH}");
        let answer = all_answers(broker.web, both.as_bytes()).await;
        let count = answer.matches("HTTP/1.1 ").count();
        assert!(count <= 1, "{doubtful}: {answer}");
        assert!(!answer.contains("ok\n"), "{doubtful}: {answer}");
    }
    // With both, the chunks count, and what is behind them is refused.
    let both = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n\
         0\r\n\r\n{HEALTH}"
    );
    let answer = all_answers(broker.web, both.as_bytes()).await;
    assert!(answer.matches("HTTP/1.1 ").count() <= 2, "{answer}");
    serves(broker.web).await;
}

#[tokio::test]
async fn heads_that_are_too_long_are_refused_as_configured() {
    let broker = start_with(|config| config.http_head_size = Some(1000)).await;
    let ask = |len: usize| {
        format!(
            "GET /health HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
            "x".repeat(len)
        )
    };
    for (len, status) in [
        (100, "200"),
        (900, "200"),
        (1000, "431"),
        (5000, "431"),
        (50_000, "431"),
    ] {
        let answer = all_answers(broker.web, ask(len).as_bytes()).await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&expected), "{len}: {answer}");
    }
    let protocol = "Sec-WebSocket-Protocol: mqtt\r\n";
    let headers = format!("{protocol}Cookie: {}\r\n", "x".repeat(1000));
    let socket = WebSocket::ask(broker.web, "/", &headers).await;
    assert!(socket.head.starts_with("HTTP/1.1 431 "), "{}", socket.head);
    let path = format!("/{}", "x".repeat(1000));
    let socket = WebSocket::ask(broker.web, &path, protocol).await;
    assert!(socket.head.starts_with("HTTP/1.1 431 "), "{}", socket.head);
    serves(broker.web).await;
    let wide = start_with(|config| config.http_head_size = Some(60_000)).await;
    let answer = all_answers(wide.web, ask(50_000).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    // Nor are there many fields.
    let fields: String = (0..500).map(|n| format!("X{n}: y\r\n")).collect();
    let many = format!("GET /health HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
    let answer = all_answers(wide.web, many.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    serves(wide.web).await;
}

#[tokio::test]
async fn pages_of_other_origins_connect_unless_origins_are_named() {
    let protocol = "Sec-WebSocket-Protocol: mqtt\r\n";
    let asks = |origin: &str| match origin {
        "" => protocol.to_owned(),
        origin => format!("{protocol}Origin: {origin}\r\n"),
    };
    let any = start().await;
    let socket = WebSocket::ask(any.web, "/", &asks("https://evil.example")).await;
    assert!(socket.head.starts_with("HTTP/1.1 101 "), "{}", socket.head);
    let config = "listener 0 127.0.0.1\nprotocol websockets\nallow_anonymous true\n\
                  websockets_origin https://example.org\nwebsockets_origin http://10.0.0.1:9001\n";
    let mut program = Program::start(config, &[]).await;
    let web = program.address();
    for (origin, status) in [
        ("https://example.org", "101"),
        ("http://10.0.0.1:9001", "101"),
        // What is no browser.
        ("", "101"),
        ("http://example.org", "403"),
        ("https://example.org:8443", "403"),
        ("https://example.org.evil.example", "403"),
        ("https://example.or", "403"),
        ("null", "403"),
        ("https://example.org\r\nOrigin: https://evil.example", "403"),
    ] {
        let socket = WebSocket::ask(web, "/", &asks(origin)).await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(
            socket.head.starts_with(&expected),
            "{origin}: {}",
            socket.head
        );
        if status == "403" {
            let last = origin.rsplit(": ").next().unwrap_or_default();
            let end = format!("origin {last} is not in websockets_origin.");
            let line = program.line(|line| line.ends_with(&end)).await;
            assert!(
                line.starts_with("Refused a WebSocket from 127.0.0.1:"),
                "{line}"
            );
        }
    }
}

#[tokio::test]
async fn a_thousand_half_open_connections_of_each_kind_hold_nobody_up() {
    const EACH: usize = 1000;
    // Two ends of each, and those of the other tests.
    if rlimit::increase_nofile_limit(8192).is_ok_and(|limit| limit < 4096) {
        eprintln!("skipped: too few files may be open");
        return;
    }
    let config = "listener 0 127.0.0.1\nlistener 0 127.0.0.1\nprotocol websockets\n\
                  allow_anonymous true\n";
    let mut program = Program::start(config, &[]).await;
    program.keep_reading();
    let mqtt = program.address();
    let web = SocketAddr::from(([127, 0, 0, 1], program.ports()[1]));
    serves(web).await;
    let before = program.memory();
    let mut half = Vec::new();
    for (address, bytes) in [
        (mqtt, &b""[..]),
        (mqtt, b"\x10\xff\xff\x79\0\x04MQTT"),
        (web, b"GET / HTTP/1.1\r\nHost: x\r\nX: "),
    ] {
        for _ in 0..EACH {
            let mut stream = soon("a place", TcpStream::connect(address)).await.unwrap();
            stream.write_all(bytes).await.unwrap();
            half.push(stream);
        }
        let mut client = Client::open(mqtt).await;
        client.connect(v5("c")).await;
        client.ping().await;
        serves(web).await;
    }
    let grown = program.memory().saturating_sub(before);
    assert!(grown < EACH * 60_000, "{} KB more", grown >> 10);
    drop(half);
    serves(web).await;
}

#[tokio::test]
async fn those_who_wait_before_connect_do_not_take_more_than_max_connections() {
    let mut config = config();
    config.listeners[1].max_connections = Some(3);
    let broker = start_with(|it| *it = config).await;
    let mut half = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(broker.web).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        half.push(stream);
    }
    let mut one_more = TcpStream::connect(broker.web).await.unwrap();
    let mut rest = Vec::new();
    let _ = soon("the end", one_more.read_to_end(&mut rest)).await;
    assert_eq!(rest, b"");
    // Other listeners are open, and the place of one who goes is free.
    broker.client(v5("c")).await.ping().await;
    half.pop();
    serves(broker.web).await;
}

#[tokio::test]
async fn half_a_request_counts_among_all_connections_too() {
    let broker = start_with(|config| config.global_max_connections = Some(3)).await;
    let mut half = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(broker.web).await.unwrap();
        stream.write_all(HEALTH.as_bytes()).await.unwrap();
        let mut answer = [0; 9];
        soon("an answer", stream.read_exact(&mut answer))
            .await
            .unwrap();
        half.push(stream);
    }
    for address in [broker.tcp, broker.web] {
        let mut one_more = TcpStream::connect(address).await.unwrap();
        let mut rest = Vec::new();
        let _ = soon("the end", one_more.read_to_end(&mut rest)).await;
        assert_eq!(rest, b"");
    }
    half.pop();
    broker.client(v5("c")).await.ping().await;
}
