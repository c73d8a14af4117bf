//! What the web port answers: the page's files, and who becomes a WebSocket.

use std::io::Read;

use e2e::Broker;
use e2e::http::{Answer, ask, get};
use flate2::read::GzDecoder;

/// What the page's HTML refers to.
fn assets(html: &str) -> Vec<&str> {
    let parts = ["src=\"/", "href=\"/"]
        .into_iter()
        .flat_map(|start| html.split(start).skip(1));
    parts.filter_map(|rest| rest.split('"').next()).collect()
}

fn unpacked(answer: &Answer) -> Vec<u8> {
    let mut plain = Vec::new();
    let read = match answer.header("content-encoding") {
        "br" => brotli::Decompressor::new(&answer.body[..], 4096).read_to_end(&mut plain),
        "gzip" => GzDecoder::new(&answer.body[..]).read_to_end(&mut plain),
        _ => (&answer.body[..]).read_to_end(&mut plain),
    };
    read.expect("what is packed as it says");
    plain
}

#[tokio::test]
async fn the_page_and_its_files_come_with_the_right_headers() {
    let broker = Broker::start().await;
    let index = get(&broker, "/").await;
    assert_eq!(index.status, 200);
    assert_eq!(index.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(index.header("cache-control"), "no-cache");
    assert_eq!(index.header("x-content-type-options"), "nosniff");
    let policy = index.header("content-security-policy");
    for part in [
        "default-src 'none'",
        "'wasm-unsafe-eval'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{part} is not in {policy}");
    }
    assert!(!policy.contains("'unsafe-"), "{policy}");

    let plain = ask(&broker, "GET", "/", &[]).await;
    assert_eq!(plain.header("content-encoding"), "");
    let html = String::from_utf8(plain.body).expect("HTML is text");
    assert_eq!(index.header("content-encoding"), "br");
    assert_eq!(unpacked(&index), html.as_bytes());

    let assets = assets(&html);
    for end in [".wasm", ".js", ".css", ".svg", ".webmanifest"] {
        assert!(
            assets.iter().any(|name| name.ends_with(end)),
            "{end} in {html}"
        );
    }
    for name in assets {
        let path = format!("/{name}");
        let packed = get(&broker, &path).await;
        assert_eq!(packed.status, 200, "{path}");
        let (stem, end) = name.rsplit_once('.').expect("a file has a type");
        let kind = match end {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "wasm" => "application/wasm",
            "svg" => "image/svg+xml",
            "png" => "image/png",
            "webmanifest" => "application/manifest+json",
            _ => panic!("what is {path}?"),
        };
        assert_eq!(packed.header("content-type"), kind, "{path}");
        let hash = stem
            .rsplit_once('-')
            .is_some_and(|(_, hash)| hash.len() == 16);
        let cache = if hash {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        assert_eq!(packed.header("cache-control"), cache, "{path}");
        let plain = ask(&broker, "GET", &path, &[]).await;
        assert_eq!(plain.header("content-encoding"), "", "{path}");
        if packed.header("content-encoding") == "br" {
            assert!(packed.body.len() < plain.body.len(), "{path}");
        }
        assert_eq!(unpacked(&packed), plain.body, "{path}");
        // What a browser offers without HTTPS.
        let gzip = [("Accept-Encoding", "gzip, deflate")];
        let gzip = ask(&broker, "GET", &path, &gzip).await;
        let is_packed = packed.header("content-encoding") == "br";
        let coding = if is_packed { "gzip" } else { "" };
        assert_eq!(gzip.header("content-encoding"), coding, "{path}");
        assert_eq!(unpacked(&gzip), plain.body, "{path}");
        if is_packed {
            assert!(gzip.body.len() < plain.body.len(), "{path}");
        }
        if end == "wasm" {
            assert_eq!(packed.header("content-encoding"), "br", "{path}");
        }
    }
}

#[tokio::test]
async fn what_a_browser_has_is_not_sent_again() {
    let broker = Broker::start().await;
    let first = get(&broker, "/").await;
    let etag = first.header("etag").to_owned();
    let known = [("Accept-Encoding", "gzip, br"), ("If-None-Match", &etag)];
    let again = ask(&broker, "GET", "/", &known).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    let head = ask(&broker, "HEAD", "/", &[]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[tokio::test]
async fn it_tells_its_health_and_nothing_that_is_not_there() {
    let broker = Broker::start().await;
    let health = get(&broker, "/health").await;
    assert_eq!((health.status, &health.body[..]), (200, &b"ok\n"[..]));
    assert_eq!(health.header("cache-control"), "no-store");
    for path in [
        "/no-such-file",
        "/index.html.br",
        "/index.html.gz",
        "/../Cargo.toml",
        "/%2e%2e/Cargo.toml",
        "//",
    ] {
        assert_eq!(get(&broker, path).await.status, 404, "{path}");
    }
    let posted = ask(&broker, "POST", "/", &[("Content-Length", "0")]).await;
    assert_eq!((posted.status, posted.header("allow")), (405, "GET, HEAD"));
}

/// The subprotocol is `mqtt` [MQTT-6.0.0-3], on any path.
#[tokio::test]
async fn only_those_who_name_the_subprotocol_become_a_websocket() {
    let broker = Broker::start().await;
    let upgrade = |protocol: &'static str| {
        let mut headers = vec![
            ("Connection", "keep-alive, Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            // From RFC 6455, section 1.3, and so is the answer below.
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        if !protocol.is_empty() {
            headers.push(("Sec-WebSocket-Protocol", protocol));
        }
        headers
    };
    for path in ["/", "/mqtt", "/any/where?x=1"] {
        let refused = ask(&broker, "GET", path, &upgrade("")).await;
        assert_eq!(refused.status, 400, "{path}");
        let other = ask(&broker, "GET", path, &upgrade("chat")).await;
        assert_eq!(other.status, 400, "{path}");
        for (asked, given) in [
            ("mqtt", "mqtt"),
            ("chat, mqtt", "mqtt"),
            ("mqttv3.1", "mqttv3.1"),
        ] {
            let accepted = ask(&broker, "GET", path, &upgrade(asked)).await;
            assert_eq!(accepted.status, 101, "{path}");
            assert_eq!(accepted.header("sec-websocket-protocol"), given);
            assert_eq!(
                accepted.header("sec-websocket-accept"),
                "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
            );
        }
    }
}
