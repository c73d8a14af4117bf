//! Keep alive (section 3.1.2.10), which counts in seconds. That silence ends
//! a connection is among the wills' tests.

use std::time::Duration;

use codec::{Packet, ProtocolVersion, QoS};

use crate::common::{encode, message, start, start_with, v3_1_1, v5};

/// Within one and a half times a keep alive of one second, but not twice.
const PAUSE: Duration = Duration::from_millis(900);

#[tokio::test]
async fn section_3_1_2_10_any_packet_keeps_the_connection() {
    let broker = start().await;
    let mut connect = v3_1_1("c");
    connect.keep_alive = 1;
    let mut client = broker.client(connect).await;
    tokio::time::sleep(PAUSE).await;
    client.ping().await;
    tokio::time::sleep(PAUSE).await;
    client
        .send_publish(message("t", "x", QoS::AtMostOnce))
        .await;
    tokio::time::sleep(PAUSE).await;
    client.ping().await;
}

#[tokio::test]
async fn a_long_packet_may_take_longer_than_the_keep_alive() {
    let broker = start().await;
    let mut connect = v3_1_1("c");
    connect.keep_alive = 1;
    let mut client = broker.client(connect).await;
    let publish = Packet::Publish(message("t", vec![b'x'; 40_000], QoS::AtMostOnce));
    let bytes = encode(&publish, ProtocolVersion::V3_1_1);
    for part in bytes.chunks(bytes.len() / 3 + 1) {
        tokio::time::sleep(PAUSE).await;
        client.send_bytes(part).await;
    }
    client.ping().await;
}

#[tokio::test]
async fn section_3_2_2_3_14_the_operator_may_bound_it_and_the_client_is_told() {
    let broker = start_with(|config| config.max_keepalive = 1).await;
    let mut clients = Vec::new();
    for asked in [0, 60] {
        let mut connect = v5(&format!("c{asked}"));
        connect.keep_alive = asked;
        let client = broker.client(connect).await;
        let told = client.connack.properties.server_keep_alive();
        assert_eq!(told, Some(1));
        clients.push(client);
    }
    for client in clients {
        client
            .expect_disconnect(codec::ReasonCode::KeepAliveTimeout)
            .await;
    }
}
