//! `/metrics`: the broker's numbers for Prometheus.

use std::collections::HashMap;

use codec::QoS;
use tokio::net::TcpStream;
use ws_broker::access::Acl;
use ws_broker::config::{Bind, Metrics, Proxy};
use ws_broker::{Listener, Protocol};

use crate::common::{Broker, config_file, message, request, request_over, start_with, v5};

const GET: &str = "GET /metrics HTTP/1.1\r\nHost: x\r\n";

async fn get(broker: &Broker, headers: &str) -> (String, String) {
    let (head, body) = request(broker.web, &format!("{GET}{headers}\r\n")).await;
    (head, String::from_utf8(body).unwrap())
}

/// The values by name and labels; every line must be one of the format's.
fn values(text: &str) -> HashMap<String, f64> {
    let mut values = HashMap::new();
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let kind = comment.split(' ').next().unwrap();
            assert!(["HELP", "TYPE", "EOF"].contains(&kind), "{line}");
            continue;
        }
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        assert!(name.starts_with("ws_broker_"), "{line}");
        let before = values.insert(name.to_owned(), value.parse().expect("a number"));
        assert_eq!(before, None, "{line}");
    }
    assert!(text.ends_with("# EOF\n"));
    values
}

#[tokio::test]
async fn numbers_say_what_is_there() {
    // What is in $SYS is retained too.
    let broker = start_with(|config| config.sys_interval = 0).await;
    let mut client = broker.client(v5("c")).await;
    client.subscribe("a/#", QoS::AtMostOnce).await;
    let mut retained = message("a/b", "12345", QoS::AtLeastOnce);
    retained.retain = true;
    client.publish(retained).await;
    client.ping().await;
    let (head, text) = get(&broker, "").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(
        head.contains("content-type: application/openmetrics-text; "),
        "{head}"
    );
    assert!(head.contains("cache-control: no-store\r\n"), "{head}");
    let values = values(&text);
    let value = |name: &str| values[&format!("ws_broker_{name}")];
    assert_eq!(
        value(concat!(
            "build_info{version=\"",
            env!("CARGO_PKG_VERSION"),
            "\"}"
        )),
        1.0
    );
    assert_eq!(value("clients_connected"), 1.0);
    assert_eq!(value("sessions_away"), 0.0);
    assert_eq!(value("subscriptions"), 1.0);
    assert_eq!(value("retained_messages"), 1.0);
    assert_eq!(value("received_publishes_total"), 1.0);
    assert_eq!(value("received_payload_bytes_total"), 5.0);
    assert_eq!(value("dropped_messages_total"), 0.0);
    assert!(value("resident_memory_bytes") > 100_000.0);
    let listener = |port: u16, protocol: &str| {
        value(&format!(
            "connections{{port=\"{port}\",address=\"127.0.0.1\",protocol=\"{protocol}\"}}"
        ))
    };
    assert_eq!(listener(broker.tcp.port(), "mqtt"), 1.0);
    assert_eq!(listener(broker.web.port(), "websockets"), 1.0, "who asks");
}

#[tokio::test]
async fn only_programs_on_this_machine_get_them_unless_it_is_said() {
    let broker = start_with(|config| {
        config.listeners.push(Listener {
            bind: Bind::Host("127.0.0.1".into()),
            proxy: Some(Proxy::V1),
            ..Listener::new(0, Protocol::WebSockets)
        });
    })
    .await;
    for forwarded in [
        "X-Forwarded-For: 192.0.2.5",
        "Forwarded: for=192.0.2.5",
        "Via: 1.1 x",
    ] {
        let (head, text) = get(&broker, &format!("{forwarded}\r\n")).await;
        assert!(head.starts_with("HTTP/1.1 403 "), "{forwarded}: {head}");
        assert!(text.contains("on the broker's own machine"), "{text}");
        assert!(text.contains("`metrics login`"), "{text}");
    }
    for (address, status) in [("192.0.2.5", "403"), ("127.0.0.1", "200")] {
        let behind = TcpStream::connect(broker.running.bound()[2].address).await;
        let ask = format!("PROXY TCP4 {address} 127.0.0.1 6275 80\r\n{GET}\r\n");
        let (head, _) = request_over(behind.unwrap(), &ask).await;
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{address}: {head}"
        );
    }
    let all = start_with(|config| config.metrics = Metrics::All).await;
    let (head, _) = get(&all, "X-Forwarded-For: 192.0.2.5\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let off = start_with(|config| config.metrics = Metrics::Off).await;
    let (head, _) = get(&off, "").await;
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
}

#[tokio::test]
async fn users_who_may_read_them_in_mqtt_get_them_with_a_login() {
    // From Mosquitto's tests: the password is `test`.
    let hash = "$6$njERlZMi/7DzNB9E$iiavfuXvUm8iyDZArTy7smTxh07GXXOrOsqxfW6gkOYVXHGk+W+i/8d3x\
                DxrMwEPygEBhoA8A/gjQC0N2M4Lkw==";
    let users = config_file(&format!("ada:{hash}\neve:{hash}\n"));
    let rules = "user ada\ntopic read $SYS/broker/#\nuser eve\ntopic read a\n";
    let broker = start_with(|config| {
        config.metrics = Metrics::Login;
        config.security.password_file = Some(users);
        config.security.acl = Acl::parse(rules).unwrap();
    })
    .await;
    for (authorization, status) in [
        ("", "401"),
        ("Authorization: Bearer x\r\n", "401"),
        ("Authorization: Basic !\r\n", "401"),
        // ada
        ("Authorization: Basic YWRh\r\n", "401"),
        // ada:wrong
        ("Authorization: Basic YWRhOndyb25n\r\n", "401"),
        // ada:
        ("Authorization: Basic YWRhOg==\r\n", "401"),
        // bob:test
        ("Authorization: Basic Ym9iOnRlc3Q=\r\n", "401"),
        // ada:test
        ("Authorization: Basic YWRhOnRlc3Q=\r\n", "200"),
        ("authorization: basic YWRhOnRlc3Q=\r\n", "200"),
        // eve:test
        ("Authorization: Basic ZXZlOnRlc3Q=\r\n", "403"),
    ] {
        let (head, _) = get(&broker, authorization).await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(head.starts_with(&expected), "{authorization}: {head}");
        let asks = head.contains("www-authenticate: Basic realm=");
        assert_eq!(asks, status == "401", "{head}");
    }
    let nobody = start_with(|config| config.metrics = Metrics::Login).await;
    let (head, text) = get(&nobody, "Authorization: Basic YWRhOnRlc3Q=\r\n").await;
    assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
    assert!(text.contains("no password_file"), "{text}");
}
