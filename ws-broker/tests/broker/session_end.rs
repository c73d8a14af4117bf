//! When a session ends (sections 3.1.2.11.2, 3.14.2.2.2). The specification
//! counts in seconds, so these tests take one or two.

use std::time::{Duration, Instant};

use codec::{Connect, Disconnect, Properties, Property, QoS, ReasonCode, TopicName, Will};

use crate::common::{Client, message, start, start_with, v5};

fn expires(id: &str, seconds: u32) -> Connect {
    let mut connect = v5(id);
    connect.clean_start = false;
    connect
        .properties
        .push(Property::SessionExpiryInterval(seconds));
    connect
}

/// A will that is published when the session ends, since its delay is longer.
fn with_signal(mut connect: Connect) -> Connect {
    connect.will = Some(Will {
        topic: TopicName::new("ended").unwrap(),
        payload: connect.client_id.as_bytes().to_vec().into(),
        qos: QoS::AtLeastOnce,
        retain: false,
        properties: Properties::new().with(Property::WillDelayInterval(1000)),
    });
    connect
}

async fn disconnect_with_will(client: Client, expiry: Option<u32>) {
    let mut disconnect = Disconnect::new(ReasonCode::DisconnectWithWill);
    disconnect
        .properties
        .extend(expiry.map(Property::SessionExpiryInterval));
    client.disconnect_with(disconnect).await;
}

#[tokio::test]
async fn section_3_1_2_11_2_a_session_ends_when_its_interval_has_passed() {
    let broker = start().await;
    let mut witness = broker.client(v5("w")).await;
    witness.subscribe("ended", QoS::AtLeastOnce).await;

    let mut short = broker.client(with_signal(expires("short", 1))).await;
    short.subscribe("t", QoS::AtLeastOnce).await;
    let mut long = broker.client(expires("long", 600)).await;
    long.subscribe("t", QoS::AtLeastOnce).await;
    let mut for_ever = broker.client(expires("for ever", u32::MAX)).await;
    for_ever.subscribe("t", QoS::AtLeastOnce).await;
    long.cut().await;
    for_ever.cut().await;
    let away = Instant::now();
    short.cut().await;
    // While it lives it is there.
    witness
        .publish(message("t", "kept", QoS::AtLeastOnce))
        .await;

    assert_eq!(witness.text().await, ("ended".into(), "short".into()));
    assert!(away.elapsed() >= Duration::from_millis(990));
    let mut short = broker.client(expires("short", 1)).await;
    assert!(!short.connack.session_present);
    short.has_nothing().await;
    for id in ["long", "for ever"] {
        let mut other = broker.client(expires(id, 600)).await;
        assert!(other.connack.session_present, "{id}");
        assert_eq!(other.text().await.1, "kept");
    }
}

#[tokio::test]
async fn a_return_in_time_stops_the_clock() {
    let broker = start().await;
    let mut witness = broker.client(v5("w")).await;
    witness.subscribe("ended", QoS::AtLeastOnce).await;
    broker
        .client(with_signal(expires("returns", 1)))
        .await
        .cut()
        .await;
    let returned = broker.client(expires("returns", 600)).await;
    assert!(returned.connack.session_present);
    // The next one is away from a later moment on, so its end is behind the
    // moment at which the other's would have been.
    broker
        .client(with_signal(expires("goes", 1)))
        .await
        .cut()
        .await;
    assert_eq!(witness.text().await.1, "goes");
    witness.has_nothing().await;
    returned.cut().await;
    let returned = broker.client(expires("returns", 600)).await;
    assert!(returned.connack.session_present);
}

#[tokio::test]
async fn section_3_14_2_2_2_disconnect_may_change_the_interval() {
    let broker = start().await;
    let mut witness = broker.client(v5("w")).await;
    witness.subscribe("ended", QoS::AtLeastOnce).await;

    let shortened = broker.client(with_signal(expires("shortened", 600))).await;
    disconnect_with_will(shortened, Some(0)).await;
    assert_eq!(witness.text().await.1, "shortened", "it ends at once");
    let again = broker.client(expires("shortened", 600)).await;
    assert!(!again.connack.session_present);

    let longer = broker.client(with_signal(expires("longer", 1))).await;
    disconnect_with_will(longer, Some(600)).await;
    let same = broker.client(with_signal(expires("same", 1))).await;
    disconnect_with_will(same, None).await;
    assert_eq!(witness.text().await.1, "same");
    let longer = broker.client(expires("longer", 600)).await;
    assert!(longer.connack.session_present);

    let mut none = broker.client(v5("none")).await;
    let mut disconnect = Disconnect::new(ReasonCode::Success);
    disconnect
        .properties
        .push(Property::SessionExpiryInterval(1));
    none.send(codec::Packet::Disconnect(disconnect)).await;
    none.expect_disconnect(ReasonCode::ProtocolError).await;
}

#[tokio::test]
async fn the_operator_may_bound_the_interval_and_the_client_is_told() {
    let broker = start_with(|config| config.persistent_client_expiration = Some(1)).await;
    let mut witness = broker.client(v5("w")).await;
    witness.subscribe("ended", QoS::AtLeastOnce).await;
    let client = broker.client(with_signal(expires("c", u32::MAX))).await;
    let told = client.connack.properties.session_expiry_interval();
    assert_eq!(told, Some(1), "[MQTT-3.2.2-21]");
    client.cut().await;
    assert_eq!(witness.text().await.1, "c");
}
