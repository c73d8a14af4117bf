//! Where listeners are: interfaces, families of addresses, ports.

use std::net::{SocketAddr, TcpListener};

use codec::ProtocolVersion;
use ws_broker::config::{Bind, Family};
use ws_broker::{Config, Listener, Protocol, Running};

use crate::common::{Client, Program, WebSocket, config, config_file, free_port, start, v5};
use crate::sessions::kept;

/// The name of the loopback interface.
const LOOPBACK: &str = if cfg!(target_os = "linux") {
    "lo"
} else {
    "lo0"
};

fn only(listener: Listener) -> Config {
    Config {
        listeners: vec![listener],
        ..config()
    }
}

/// The program does not start; gives why.
async fn why_not(config: &str) -> String {
    let file = config_file(config);
    let (code, _, err) = Program::run(&["-c", file.to_str().unwrap()]).await;
    assert_eq!(code, Some(1), "{err}");
    err.lines().last().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn an_interface_stands_for_its_addresses() {
    let running = Running::start(only(Listener {
        interface: Some(LOOPBACK.into()),
        ..Listener::new(0, Protocol::Mqtt)
    }));
    let running = running.await.unwrap();
    let bound = running.bound();
    assert!(bound.iter().all(|bound| bound.address.ip().is_loopback()));
    let mut client = Client::open(bound[0].address).await;
    client.connect(v5("c")).await;
    client.ping().await;
}

#[tokio::test]
async fn an_interface_that_is_not_there_is_answered_with_those_that_are() {
    let error = why_not("listener 0 127.0.0.1\nbind_interface wlan9\n").await;
    let expected = "Error: cannot listen on port 0 of interface wlan9: ";
    assert!(error.starts_with(expected), "{error}");
    assert!(
        error.contains("the interfaces with addresses are "),
        "{error}"
    );
    assert!(error.contains(LOOPBACK), "{error}");
    let error = why_not(&format!(
        "listener 0 192.0.2.1\nbind_interface {LOOPBACK}\n"
    ))
    .await;
    assert!(error.contains("does not have the address"), "{error}");
}

#[tokio::test]
async fn a_listener_may_have_one_family_of_addresses() {
    let listener = |family| Listener {
        bind: Bind::Loopback,
        family: Some(family),
        ..Listener::new(0, Protocol::Mqtt)
    };
    let running = Running::start(only(listener(Family::V4))).await.unwrap();
    let addresses: Vec<_> = running.bound().iter().map(|b| b.address.ip()).collect();
    assert_eq!(addresses, [std::net::Ipv4Addr::LOCALHOST]);
    let error = why_not("listener 0 127.0.0.1\nsocket_domain ipv6\n").await;
    assert!(error.contains("there is no ipv6 address"), "{error}");
}

#[tokio::test]
async fn listeners_may_share_a_port_on_other_addresses() {
    let port = free_port();
    let listener = |host: &str| Listener {
        bind: Bind::Host(host.into()),
        ..Listener::new(port, Protocol::Mqtt)
    };
    let config = Config {
        listeners: vec![listener("127.0.0.1"), listener("127.0.0.2")],
        ..config()
    };
    let _running = Running::start(config).await.unwrap();
    for host in [[127, 0, 0, 1], [127, 0, 0, 2]] {
        let mut client = Client::open(SocketAddr::from((host, port))).await;
        client.connect(v5("c")).await;
        client.ping().await;
    }
}

#[tokio::test]
async fn a_port_that_two_listeners_want_is_said_to_be_theirs() {
    let port = free_port();
    let listener = format!("listener {port} 127.0.0.1\n");
    let error = why_not(&format!("{listener}{listener}")).await;
    let expected = format!("an earlier listener has port {port}");
    assert!(error.contains(&expected), "{error}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn who_has_a_port_can_be_found_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = why_not(&format!("listener {port} 127.0.0.1\n")).await;
    let expected = format!("`ss -ltnp sport = :{port}` shows which");
    assert!(error.contains(&expected), "{error}");
}

#[tokio::test]
async fn an_address_of_ipv6_may_stand_in_brackets() {
    let running = Running::start(only(Listener {
        bind: Bind::Host("[::1]".into()),
        ..Listener::new(0, Protocol::Mqtt)
    }));
    match running.await {
        Ok(running) => assert!(running.bound()[0].address.is_ipv6()),
        Err(error) => assert!(error.to_string().contains("::1"), "{error}"),
    }
}

#[tokio::test]
async fn a_session_goes_on_at_another_listener() {
    let broker = start().await;
    let kept = || kept(ProtocolVersion::V5, "c");
    broker.client(kept()).await.disconnect().await;
    let mut client = WebSocket::open(broker.web, "/").await.into_client();
    client.connect(kept()).await;
    assert!(client.connack.session_present);
}
