//! Both families of addresses.

use std::net::{Ipv6Addr, SocketAddr, TcpListener};

use ws_broker::config::{Bind, Security};
use ws_broker::{Config, Listener, Protocol, Running};

use crate::common::{Client, request, v5};

fn config(bind: &Bind) -> Config {
    let listener = |protocol| Listener {
        bind: bind.clone(),
        ..Listener::new(0, protocol)
    };
    Config {
        listeners: vec![listener(Protocol::Mqtt), listener(Protocol::WebSockets)],
        security: Security {
            allow_anonymous: true,
            ..Security::default()
        },
        ..Config::default()
    }
}

fn has_ipv6() -> bool {
    let found = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    if !found {
        eprintln!("skipped in part: this machine has no IPv6");
    }
    found
}

#[tokio::test]
async fn a_listener_without_an_address_has_both_families_on_one_port() {
    for bind in [Bind::All, Bind::Loopback] {
        let running = Running::start(config(&bind)).await.unwrap();
        let mut families = vec!["127.0.0.1"];
        if has_ipv6() {
            families.push("::1");
        }
        assert_eq!(running.bound().len(), 2 * families.len());
        for address in families {
            let at = |protocol| {
                let port = running.address(protocol).unwrap().port();
                SocketAddr::new(address.parse().unwrap(), port)
            };
            let mut client = Client::open(at(Protocol::Mqtt)).await;
            client.connect(v5("c")).await;
            client.ping().await;
            let get = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
            let (head, _) = request(at(Protocol::WebSockets), get).await;
            assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        }
    }
}

#[tokio::test]
async fn a_listener_may_be_bound_to_an_ipv6_address() {
    if !has_ipv6() {
        return;
    }
    let running = Running::start(config(&Bind::Host("::1".into()))).await;
    let running = running.unwrap();
    assert!(running.bound().iter().all(|bound| bound.address.is_ipv6()));
    let mut client = Client::open(running.address(Protocol::Mqtt).unwrap()).await;
    client.connect(v5("c")).await;
    client.ping().await;
}
