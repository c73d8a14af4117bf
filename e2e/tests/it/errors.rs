//! The npm package's errors, each with a real peer that makes it happen: which
//! one it is, whose doing it was, and what there is to know.

use std::fs;

use e2e::{Broker, Browser, Folder, Program, Screen, Theme, tool};
use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio::process::Command;

use crate::package::{fill, page, run, url};
use crate::tls::{certificates, start};

/// What the first error is of a client with these options, after it was
/// connected or before.
const FIRST_ERROR: &str = "\
    const [address, options] = given; \
    const of = ({ kind, by, operation, reasonCode, closeCode, timeout, url, advice }) => \
        ({ kind, by, operation, reasonCode, closeCode, timeout, url, advice }); \
    try { \
        const client = await mqtt.connect(address, options ?? {}); \
        const { error } = await new Promise((closed) => client.on('close', closed)); \
        await client.end(); \
        return of(error); \
    } catch (error) { \
        return of(error); \
    }";

/// The error that comes of connecting to an address.
async fn error(browser: &Browser, address: &Value, options: Value) -> Value {
    run(browser, FIRST_ERROR, &[address.clone(), options]).await
}

fn local(scheme: &str, port: u16, path: &str) -> Value {
    format!("{scheme}://127.0.0.1:{port}{path}").into()
}

#[tokio::test]
async fn who_cannot_be_reached_is_the_networks_doing_with_advice_by_address() {
    let broker = Broker::start().await;
    // Bound, so that nobody else has it, and not listening.
    let nobody = TcpSocket::new_v4().expect("a socket");
    let any = "127.0.0.1:0".parse().expect("an address");
    nobody.bind(any).expect("a port");
    let closed = nobody.local_addr().expect("an address").port();
    let folder = Folder::new();
    certificates(&folder).await;
    let websockets = ["protocol websockets"];
    let (_tls, [secure]) = start(&folder, websockets, "allow_anonymous true").await;
    let mut command = Command::new(tool("E2E_NODE"));
    command.arg(tool("E2E_ROOT").join("e2e/clients/package/peer.mjs"));
    let mut peer = Program::start(command);
    let peer: u16 = peer.after("port ").await.parse().expect("a port");

    let (_folder, _files, browser) = page().await;
    for (address, advice) in [
        // Nobody listens; MQTT over TCP; no TLS; a certificate that nobody
        // trusts; a web server without WebSocket at this path.
        (local("ws", closed, "/"), "many brokers want the path /mqtt"),
        (local("ws", broker.mqtt, "/mqtt"), "browser's console"),
        (
            local("wss", broker.web, "/mqtt"),
            "if it warns of the certificate",
        ),
        (
            format!("wss://localhost:{secure}/mqtt").into(),
            "if it warns of the certificate",
        ),
        (local("ws", peer, "/elsewhere"), "browser's console"),
    ] {
        let error = error(&browser, &address, Value::Null).await;
        assert_eq!(error["kind"], "unreachable", "{error}");
        assert_eq!([&error["by"], &error["url"]], [&json!("network"), &address]);
        let given = error["advice"].as_str().unwrap_or_default();
        assert!(given.contains(advice), "{error}");
    }
}

#[tokio::test]
async fn what_peers_do_wrong_is_told_apart() {
    let mut command = Command::new(tool("E2E_NODE"));
    command.arg(tool("E2E_ROOT").join("e2e/clients/package/peer.mjs"));
    let mut peer = Program::start(command);
    let peer: u16 = peer.after("port ").await.parse().expect("a port");
    let (_folder, _files, browser) = page().await;
    for (path, options, kind, by) in [
        ("/foreign", Value::Null, "wrongSubprotocol", "broker"),
        ("/picky", Value::Null, "wrongSubprotocol", "broker"),
        ("/text", Value::Null, "protocolViolation", "broker"),
        ("/garbage", Value::Null, "protocolViolation", "broker"),
        ("/leaves", Value::Null, "connectionLost", "network"),
        (
            "/silent",
            json!({ "connectTimeout": 50 }),
            "connectTimeout",
            "network",
        ),
    ] {
        let error = error(&browser, &local("ws", peer, path), options).await;
        let told = [&error["kind"], &error["by"]];
        assert_eq!(told, [kind, by], "{path}: {error}");
        let (code, timeout) = (&error["closeCode"], &error["timeout"]);
        assert!(path != "/leaves" || *code == 1011, "{error}");
        assert!(path != "/silent" || *timeout == 50, "{error}");
        let advice = error["advice"].as_str().unwrap_or_default();
        assert!(
            kind != "wrongSubprotocol" || advice.contains("often /mqtt"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn what_the_broker_refuses_is_the_brokers_doing_with_its_code() {
    let users = Broker::with_users(&[("ada", "right")], &[]).await;
    let open = Broker::start().await;
    let (_folder, _files, browser) = page().await;
    let login = json!({ "username": "ada", "password": "wrong" });
    let refused = error(&browser, &url(users.web), login).await;
    let told = ["kind", "by", "operation", "reasonCode"].map(|name| refused[name].clone());
    assert_eq!(json!(told), json!(["refused", "broker", "connect", 0x87]));
    let advice = refused["advice"].as_str().unwrap_or_default();
    assert!(advice.contains("user name and password"), "{refused}");

    // One with the same name comes.
    let body = "\
        const one = await mqtt.connect(given[0], { clientId: 'one' }); \
        const closed = new Promise((closed) => one.on('close', closed)); \
        const other = await mqtt.connect(given[0], { clientId: 'one' }); \
        const { error } = await closed; \
        await Promise.all([one.end(), other.end()]); \
        return [error.kind, error.by, error.reasonCode]";
    let taken_over = run(&browser, body, &[url(open.web)]).await;
    assert_eq!(taken_over, json!(["disconnected", "broker", 0x8e]));
}

#[tokio::test]
async fn a_page_over_https_is_told_of_mixed_content() {
    let folder = Folder::new();
    let ca = certificates(&folder).await.join("ca.crt");
    let site = folder.path().join("site");
    fs::create_dir(&site).expect("room for a folder");
    fill(&site);
    let listener = format!("protocol websockets\nhttp_dir {}", site.display());
    let (_broker, [port]) = start(&folder, [&listener], "allow_anonymous true").await;
    let browser = Browser::trusting(&ca, Screen::Laptop, Theme::Light).await;
    browser.open(&format!("https://localhost:{port}/")).await;

    let plain = json!("ws://broker.invalid/mqtt");
    let blocked = error(&browser, &plain, Value::Null).await;
    assert_eq!(
        [&blocked["kind"], &blocked["by"]],
        ["blocked", "browser"],
        "{blocked}"
    );
    let advice = blocked["advice"].as_str().unwrap_or_default();
    assert!(advice.contains("mixed content"), "{blocked}");
    let body = "const client = await mqtt.connect(given[0]); \
         const { reasonCode } = await client.publish('a', 'b', { qos: 1 }); \
         await client.end(); return reasonCode";
    let secure = format!("wss://localhost:{port}/mqtt").into();
    assert_eq!(run(&browser, body, &[secure]).await, 0x10);
}
