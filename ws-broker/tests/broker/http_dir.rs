//! `http_dir`: files of a folder over HTTP.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{Broker, WebSocket, request, start_with, v5};

/// A folder with a page, beside a file that is nobody's business.
fn folder() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("broker-site-{}-{number}", std::process::id());
    let around = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let site = around.join("site");
    fs::create_dir_all(site.join("a/.hidden")).unwrap();
    for (file, text) in [
        ("secret.txt", "secret"),
        ("site/index.html", "<h1>home</h1>"),
        ("site/a/index.html", "a"),
        ("site/a/b c.js", "b()"),
        ("site/a/.hidden/x", "secret"),
        ("site/.htpasswd", "secret"),
    ] {
        fs::write(around.join(file), text).unwrap();
    }
    site
}

async fn start(site: &Path) -> Broker {
    start_with(|config| config.listeners[1].http_dir = Some(site.into())).await
}

async fn get(broker: &Broker, path: &str) -> (String, Vec<u8>) {
    let get = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    request(broker.web, &get).await
}

#[tokio::test]
async fn files_are_served_with_their_kind_and_a_tag() {
    let site = folder();
    let broker = start(&site).await;
    for (path, kind, body) in [
        ("/", "text/html; charset=utf-8", "<h1>home</h1>"),
        (
            "/index.html?v=1",
            "text/html; charset=utf-8",
            "<h1>home</h1>",
        ),
        ("/a/", "text/html; charset=utf-8", "a"),
        ("/a/b%20c.js", "text/javascript; charset=utf-8", "b()"),
    ] {
        let (head, got) = get(&broker, path).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {head}");
        assert!(
            head.contains(&format!("content-type: {kind}\r\n")),
            "{head}"
        );
        assert!(
            head.contains("x-content-type-options: nosniff\r\n"),
            "{head}"
        );
        assert_eq!(got, body.as_bytes());
    }
    let (head, body) = request(broker.web, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(head.contains("content-length: 13\r\n"), "{head}");
    assert_eq!(body, b"");
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: "));
    let tag = tag.expect("a tag");
    let again = format!("GET / HTTP/1.1\r\nHost: x\r\nIf-None-Match: {tag}\r\n\r\n");
    let (head, _) = request(broker.web, &again).await;
    assert!(head.starts_with("HTTP/1.1 304 "), "{head}");
    fs::write(site.join("index.html"), "changed").unwrap();
    let (head, body) = request(broker.web, &again).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(body, b"changed");
}

#[tokio::test]
async fn a_large_file_comes_whole_and_a_folder_with_its_slash() {
    let site = folder();
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    fs::write(site.join("large.bin"), &large).unwrap();
    let broker = start(&site).await;
    let (head, body) = get(&broker, "/large.bin").await;
    assert!(
        head.contains("content-type: application/octet-stream\r\n"),
        "{head}"
    );
    assert!(body == large, "{} bytes", body.len());
    let (head, _) = get(&broker, "/a").await;
    assert!(head.starts_with("HTTP/1.1 308 "), "{head}");
    assert!(head.contains("location: /a/\r\n"), "{head}");
}

#[tokio::test]
async fn nothing_outside_and_nothing_hidden_is_served() {
    let site = folder();
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        symlink("../secret.txt", site.join("link.txt")).unwrap();
        symlink("..", site.join("up")).unwrap();
        symlink("a/index.html", site.join("inside.html")).unwrap();
        nix::unistd::mkfifo(&site.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    }
    let broker = start(&site).await;
    for path in [
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%5csecret.txt",
        "/a/../../secret.txt",
        "/a/..%2f..%2fsecret.txt",
        "/..%252fsecret.txt",
        "/.%2e/secret.txt",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/a//index.html",
        "/.htpasswd",
        "/a/.hidden/x",
        "/a/%2ehidden/x",
        "/index.html%00.txt",
        "/index.html/",
        "/%ff",
        "/link.txt",
        "/up/secret.txt",
        "/pipe",
        "/nothing",
    ] {
        let (head, body) = get(&broker, path).await;
        assert!(head.starts_with("HTTP/1.1 404 "), "{path}: {head}");
        assert_eq!(body, b"not found\n", "{path}");
    }
    if cfg!(unix) {
        let (head, body) = get(&broker, "/inside.html").await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert_eq!(body, b"a");
    }
    let whole = format!(
        "GET http://x{}/secret.txt HTTP/1.1\r\nHost: x\r\n\r\n",
        "/.."
    );
    let (head, _) = request(broker.web, &whole).await;
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
}

#[tokio::test]
async fn all_else_is_as_without_it() {
    let site = folder();
    let broker = start(&site).await;
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"] {
        let request_head = format!("{method} / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        let (head, _) = request(broker.web, &request_head).await;
        assert!(head.starts_with("HTTP/1.1 405 "), "{method}: {head}");
    }
    let (_, body) = get(&broker, "/health").await;
    assert_eq!(body, b"ok\n");
    let mut client = WebSocket::open(broker.web, "/a/").await.into_client();
    client.connect(v5("c")).await;
    client.ping().await;
}
