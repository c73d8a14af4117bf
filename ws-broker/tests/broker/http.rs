//! Plain HTTP on the WebSocket port: the dashboard, `/health`, and what is
//! neither.

use std::io::Read as _;

use flate2::read::GzDecoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::common::{WebSocket, request, soon, start, v5};

#[tokio::test]
async fn health_is_plain_text_that_nobody_caches() {
    let broker = start().await;
    let (head, body) = request(broker.web, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(head.contains("cache-control: no-store\r\n"), "{head}");
    assert!(head.contains("content-type: text/plain"), "{head}");
    assert_eq!(body, b"ok\n");
    let (head, body) = request(broker.web, "HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(head.contains("content-length: 3\r\n"), "{head}");
    assert_eq!(body, b"");
    let (head, _) = request(broker.web, "GET /health HTTP/1.0\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.0 200 "), "{head}");
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let broker = start().await;
    for path in [
        "/nothing",
        "/nothing/else?x=1",
        "/../Cargo.toml",
        "/..%2fCargo.toml",
        "//etc/passwd",
        "/health/",
        "/index.html.br",
        "/index.html.gz",
    ] {
        let get = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        let (head, _) = request(broker.web, &get).await;
        assert!(head.starts_with("HTTP/1.1 404 "), "{path}: {head}");
    }
}

#[tokio::test]
async fn only_get_and_head_are_allowed() {
    let broker = start().await;
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"] {
        let post = format!("{method} / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
        let (head, _) = request(broker.web, &post).await;
        assert!(head.starts_with("HTTP/1.1 405 "), "{method}: {head}");
        assert!(head.contains("allow: GET, HEAD\r\n"), "{head}");
    }
}

#[tokio::test]
async fn an_upgrade_that_is_none_is_refused() {
    let broker = start().await;
    let ask = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    let mqtt = "Sec-WebSocket-Protocol: mqtt\r\n";
    let (head, _) = request(
        broker.web,
        &format!("{ask}{mqtt}Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: x\r\n\r\n"),
    )
    .await;
    assert!(head.starts_with("HTTP/1.1 426 "), "{head}");
    assert!(head.contains("sec-websocket-version: 13\r\n"), "{head}");
    let (head, _) = request(
        broker.web,
        &format!("{ask}{mqtt}Sec-WebSocket-Version: 13\r\n\r\n"),
    )
    .await;
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
}

/// RFC 9110, section 7.8: what cannot be an upgrade is a request like others.
#[tokio::test]
async fn an_upgrade_that_cannot_be_one_is_ignored() {
    let broker = start().await;
    let ask = "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
               Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Version: 13\r\n\
               Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (line, more, answer) in [
        ("GET /health HTTP/1.0", "", "HTTP/1.0 200 "),
        ("POST /health HTTP/1.1", "", "HTTP/1.1 405 "),
        (
            "GET /health HTTP/1.1",
            "Content-Length: 2\r\n",
            "HTTP/1.1 200 ",
        ),
    ] {
        let get = format!("{line}\r\n{ask}{more}\r\n");
        let (head, _) = request(broker.web, &get).await;
        assert!(head.starts_with(answer), "{line}: {head}");
    }
}

/// As a browser that has loaded the page over the same connection, and a
/// client that does not wait for the answer.
#[tokio::test]
async fn a_websocket_may_come_after_requests_and_with_its_first_frames() {
    let broker = start().await;
    let mut stream = TcpStream::connect(broker.web).await.unwrap();
    let get = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    let ask = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
               Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Version: 13\r\n\
               Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    // CONNECT in a masked frame.
    let frame = b"\x82\x90\0\0\0\0\x10\x0e\0\x04MQTT\x04\x02\0\0\0\x02me";
    let all = [get.as_bytes(), get.as_bytes(), ask.as_bytes(), frame].concat();
    stream.write_all(&all).await.unwrap();
    let connack = b"\x82\x04\x20\x02\0\0";
    let mut answers = Vec::new();
    while !answers.ends_with(connack) {
        let read = soon("the answers", stream.read_buf(&mut answers)).await;
        assert!(read.unwrap() > 0, "{}", answers.escape_ascii());
    }
    let answers = String::from_utf8_lossy(&answers);
    let order: Vec<_> = answers
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|a| &a[..3])
        .collect();
    assert_eq!(order, ["200", "200", "101"]);
}

#[tokio::test]
async fn headers_are_bounded() {
    let broker = start().await;
    let mut stream = TcpStream::connect(broker.web).await.unwrap();
    let mut long = String::from("GET /health HTTP/1.1\r\nHost: x\r\nX: ");
    long.push_str(&"x".repeat(1 << 20));
    // The broker answers or closes before it has read a megabyte of headers.
    let _ = stream.write_all(long.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = soon("the end", stream.read_to_end(&mut answer)).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431 "),
        "{answer}"
    );
    let (head, _) = request(broker.web, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
}

#[tokio::test]
async fn what_is_no_http_is_closed() {
    let broker = start().await;
    for bytes in [
        &b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01c"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"hello\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(broker.web).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let _ = soon("the end", stream.read_to_end(&mut answer)).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 400 "),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn half_a_request_holds_nobody_up() {
    let broker = start().await;
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(broker.web).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost").await.unwrap();
        slow.push(stream);
    }
    let (head, _) = request(broker.web, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let mut client = WebSocket::open(broker.web, "/").await.into_client();
    client.connect(v5("c")).await;
    client.ping().await;
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let broker = start().await;
    let mut stream = TcpStream::connect(broker.web).await.unwrap();
    for _ in 0..3 {
        let get = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
        stream.write_all(get).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"ok\n") {
            let read = soon("an answer", stream.read_buf(&mut answer)).await;
            assert!(read.unwrap() > 0);
        }
    }
}

/// With the dashboard inside its headers are right; without, the root says
/// what to do.
#[tokio::test]
async fn the_page_comes_with_the_headers_that_protect_it() {
    let broker = start().await;
    let (head, body) = request(broker.web, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(
        head.contains("x-content-type-options: nosniff\r\n"),
        "{head}"
    );
    let page = String::from_utf8(body).unwrap();
    if head.contains("content-type: text/plain") {
        assert!(page.contains("cargo xtask start"), "{page}");
        return;
    }
    assert!(
        head.contains("content-type: text/html; charset=utf-8\r\n"),
        "{head}"
    );
    assert!(head.contains("cache-control: no-cache\r\n"), "{head}");
    let policy = head
        .lines()
        .find_map(|line| line.strip_prefix("content-security-policy: "))
        .expect("a policy");
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    assert!(policy.contains("'wasm-unsafe-eval'"), "{policy}");
    assert!(!policy.contains("'unsafe-inline'"), "{policy}");
    let etag = head
        .lines()
        .find_map(|line| line.strip_prefix("etag: "))
        .expect("a tag");
    let again = format!("GET / HTTP/1.1\r\nHost: x\r\nIf-None-Match: {etag}\r\n\r\n");
    let (head, body) = request(broker.web, &again).await;
    assert!(head.starts_with("HTTP/1.1 304 "), "{head}");
    assert_eq!(body, b"");

    let names = page.split('"').filter_map(|part| {
        let name = part.strip_prefix("./").or_else(|| part.strip_prefix('/'))?;
        ["js", "css", "wasm"]
            .contains(&name.rsplit('.').next()?)
            .then_some(name)
    });
    let mut count = 0;
    for name in names {
        count += 1;
        let get = format!("GET /{name} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: br\r\n\r\n");
        let (head, body) = request(broker.web, &get).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{name}: {head}");
        assert!(head.contains("immutable"), "{name}: {head}");
        assert!(head.contains("vary: accept-encoding\r\n"), "{name}: {head}");
        let kind = match name.rsplit('.').next().unwrap() {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            _ => "application/wasm",
        };
        assert!(
            head.contains(&format!("content-type: {kind}\r\n")),
            "{head}"
        );
        let get = format!("GET /{name} HTTP/1.1\r\nHost: x\r\n\r\n");
        let (plain, whole) = request(broker.web, &get).await;
        assert!(!plain.contains("content-encoding"), "{name}: {plain}");
        if head.contains("content-encoding: br\r\n") {
            assert!(body.len() < whole.len(), "{name}");
        }
    }
    assert!(count > 0, "the page has files");
}

/// A phone over plain HTTP offers gzip alone; few take neither.
#[tokio::test]
async fn a_file_comes_in_the_form_that_is_asked_for() {
    let broker = start().await;
    let get = async |method: &str, more: &str| {
        let head = format!("{method} / HTTP/1.1\r\nHost: x\r\n{more}\r\n");
        request(broker.web, &head).await
    };
    let (head, whole) = get("GET", "").await;
    if head.contains("content-type: text/plain") {
        return;
    }
    let mut tags = Vec::new();
    for (accepted, coding) in [
        ("gzip, deflate", "gzip"),
        ("gzip, br", "br"),
        ("gzip, br;q=0", "gzip"),
        ("identity;q=0, *", "br"),
        ("deflate", ""),
        ("", ""),
    ] {
        let accepted = format!("Accept-Encoding: {accepted}\r\n");
        let (head, body) = get("GET", &accepted).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{accepted}: {head}");
        assert!(head.contains("vary: accept-encoding\r\n"), "{head}");
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let told = field("content-encoding: ").unwrap_or_default();
        assert_eq!(told, coding, "{accepted}");
        let length = field("content-length: ").and_then(|length| length.parse().ok());
        assert_eq!(length, Some(body.len()), "{accepted}");
        match coding {
            "gzip" => {
                let mut unpacked = Vec::new();
                let read = GzDecoder::new(&body[..]).read_to_end(&mut unpacked);
                assert_eq!((read.unwrap(), unpacked), (whole.len(), whole.clone()));
            }
            "br" => assert!(body.len() < whole.len()),
            _ => assert_eq!(body, whole),
        }
        // Each form has a tag of its own, which stands for that form alone.
        let tag = field("etag: ").expect("a tag");
        tags.push((coding, tag.to_owned()));
        let known = format!("{accepted}If-None-Match: \"x\", W/{tag}\r\n");
        let (head, body) = get("GET", &known).await;
        assert!(head.starts_with("HTTP/1.1 304 "), "{known}: {head}");
        assert!(head.contains(tag) && head.contains("vary: "), "{head}");
        assert_eq!(body, b"");
        let (head, body) = get("HEAD", &accepted).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{accepted}: {head}");
        assert!(head.contains(&format!("content-length: {}\r\n", length.unwrap())));
        assert_eq!(body, b"");
    }
    for (coding, tag) in &tags {
        for (other, same) in &tags {
            assert_eq!(coding == other, tag == same, "{tags:?}");
        }
    }
    let (head, _) = get("GET", "Accept-Encoding: identity;q=0\r\n").await;
    assert!(head.starts_with("HTTP/1.1 406 "), "{head}");
    assert!(head.contains("vary: accept-encoding\r\n"), "{head}");
}
