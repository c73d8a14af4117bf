//! Bridges: connections to other brokers.

mod between_brokers;
mod lifetime;
mod remote;
mod server;
mod stored;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use codec::ProtocolVersion;
use ws_broker::Config;
use ws_broker::config::{Address, Bridge, BridgeTopic, Restart};

use crate::common::Broker;
use crate::common::Client;

const VERSIONS: [ProtocolVersion; 3] = [
    ProtocolVersion::V3_1,
    ProtocolVersion::V3_1_1,
    ProtocolVersion::V5,
];

/// A bridge to an address that tries again at once.
fn bridge(remote: SocketAddr, topics: &[&str]) -> Bridge {
    let topics = topics.iter().map(|topic| BridgeTopic::parse(topic));
    Bridge {
        addresses: vec![Address {
            host: remote.ip().to_string(),
            port: remote.port(),
        }],
        topics: topics.collect::<Result<_, _>>().expect("topics"),
        remote_client_id: Some("far".into()),
        restart: Restart::Constant(Duration::from_millis(20)),
        ..Bridge::new("up")
    }
}

fn add(config: &mut Config, bridge: Bridge) {
    config.bridges.push(Arc::new(bridge));
}

/// Where it is told whether the bridge is connected.
const STATE: &str = "$SYS/broker/connection/far/state";

/// A client that has subscribed.
async fn subscriber(broker: &Broker, id: &str, topics: &[&str]) -> Client {
    let mut client = broker.client(crate::common::v5(id)).await;
    for topic in topics {
        client.subscribe(topic, codec::QoS::ExactlyOnce).await;
    }
    client
}

/// Waits until the bridge's state is told to somebody who subscribes to it.
async fn state(watcher: &mut Client, wanted: &str) {
    while watcher.text().await.1 != wanted {}
}
