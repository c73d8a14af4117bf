use std::net::SocketAddr;

use codec::Connect;
use ws_broker::config::{Bind, Security};
use ws_broker::{Config, Listener, Protocol, Running};

use super::client::Client;

/// A broker in this process.
pub(crate) struct Broker {
    pub(crate) running: Running,
    /// Where it speaks MQTT over TCP.
    pub(crate) tcp: SocketAddr,
    /// Where it speaks HTTP and WebSocket.
    pub(crate) web: SocketAddr,
}

/// A broker with Mosquitto's defaults that everybody on this machine may
/// connect to.
pub(crate) async fn start() -> Broker {
    start_with(|_| {}).await
}

/// What [`start`] is set up with.
pub(crate) fn config() -> Config {
    let listener = |protocol| Listener {
        bind: Bind::Host("127.0.0.1".into()),
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

/// As [`start`], set up further.
pub(crate) async fn start_with(set_up: impl FnOnce(&mut Config)) -> Broker {
    let mut config = config();
    set_up(&mut config);
    let running = Running::start(config).await.expect("ports are free");
    Broker {
        tcp: running.address(Protocol::Mqtt).expect("it has one"),
        web: running.address(Protocol::WebSockets).expect("it has one"),
        running,
    }
}

impl Broker {
    /// A connection without CONNECT.
    pub(crate) async fn open(&self) -> Client {
        Client::open(self.tcp).await
    }

    /// A client that is connected.
    pub(crate) async fn client(&self, connect: Connect) -> Client {
        let mut client = self.open().await;
        client.connect(connect).await;
        client
    }
}
