//! Bridges of others that connect here.

use codec::{Connect, QoS, ReasonCode};

use super::{add, bridge};
use crate::common::{message, v3_1, v3_1_1, v5};
use crate::common::{start, start_with};

#[tokio::test]
async fn a_bridge_of_3_x_does_not_get_back_what_it_publishes() {
    let broker = start().await;
    for connect in [v3_1("bridge"), v3_1_1("bridge")] {
        let connect = Connect {
            bridge: true,
            ..connect
        };
        let mut bridge = broker.client(connect).await;
        bridge.subscribe("a", QoS::AtLeastOnce).await;
        let publish = message("a", "mine", QoS::AtLeastOnce);
        bridge.publish(publish).await;
        let mut other = broker.client(v5("other")).await;
        let mut publish = message("a", "theirs", QoS::AtLeastOnce);
        publish.retain = true;
        other.publish(publish).await;
        let first = bridge.message().await;
        assert_eq!(first.payload, "theirs");
        assert!(first.retain, "it is retained there as it is here");
        let mut clear = message("a", "", QoS::AtLeastOnce);
        clear.retain = true;
        other.publish(clear).await;
    }
}

#[tokio::test]
async fn a_client_says_of_itself_only_whether_it_is_connected() {
    let broker = start().await;
    let mut watcher = broker.client(v5("watcher")).await;
    watcher
        .subscribe("$SYS/broker/connection/#", QoS::AtMostOnce)
        .await;
    let mut far = broker.client(v5("far")).await;
    let topic = |id: &str| format!("$SYS/broker/connection/{id}/state");
    let said = far
        .publish(message(&topic("near"), "1", QoS::AtLeastOnce))
        .await;
    assert_eq!(said, ReasonCode::NotAuthorized);
    let said = far
        .publish(message(&topic("far"), "1", QoS::AtLeastOnce))
        .await;
    assert_eq!(said, ReasonCode::Success);
    assert_eq!(watcher.text().await, (topic("far"), "1".into()));
}

#[tokio::test]
async fn no_client_takes_the_place_of_a_bridge() {
    let far = start().await;
    let near = start_with(|config| add(config, bridge(far.tcp, &["a out"]))).await;
    let mut client = near.open().await;
    client.send_connect(v5("local.far")).await;
    client
        .expect_refusal(ReasonCode::ClientIdentifierNotValid)
        .await;
}
