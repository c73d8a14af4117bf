//! The `$SYS` tree.

use codec::QoS;

use crate::common::{Client, message, start_with, v3_1_1, v5};

/// Waits until `topic` says `value`.
async fn says(client: &mut Client, topic: &str, value: &str) {
    loop {
        let (said, payload) = client.text().await;
        if said == format!("$SYS/broker/{topic}") && payload == value {
            return;
        }
    }
}

#[tokio::test]
async fn it_tells_what_has_happened_and_is_not_matched_by_a_wildcard() {
    let broker = start_with(|config| config.sys_interval = 1).await;
    let mut everything = broker.client(v3_1_1("all")).await;
    everything.subscribe("#", QoS::AtMostOnce).await;
    let mut watcher = broker.client(v5("watcher")).await;
    watcher.subscribe("$SYS/#", QoS::AtMostOnce).await;
    watcher
        .subscribe("$share/g/Kitchen/+", QoS::AtMostOnce)
        .await;
    let mut kept = v3_1_1("kept");
    kept.clean_start = false;
    broker.client(kept).await.disconnect().await;
    let mut publisher = broker.client(v3_1_1("p")).await;
    let mut retained = message("Kitchen/Fridge", "14", QoS::AtLeastOnce);
    retained.retain = true;
    publisher.publish(retained).await;
    publisher
        .publish(message("Kitchen/Fridge", "15", QoS::AtMostOnce))
        .await;
    for (topic, value) in [
        ("clients/connected", "3"),
        ("clients/total", "4"),
        ("clients/disconnected", "1"),
        ("clients/maximum", "3"),
        ("subscriptions/count", "3"),
        ("shared_subscriptions/count", "1"),
        ("publish/messages/received", "2"),
        ("publish/bytes/received", "4"),
    ] {
        // A new subscription tells what is retained, whatever came before.
        watcher
            .subscribe(&format!("$SYS/broker/{topic}"), QoS::AtMostOnce)
            .await;
        says(&mut watcher, topic, value).await;
    }
    let (topic, payload) = everything.text().await;
    assert_eq!((&*topic, &*payload), ("Kitchen/Fridge", "14"));
    assert_eq!(everything.text().await.1, "15");
    everything.has_nothing().await;
}

#[tokio::test]
async fn an_interval_of_0_turns_it_off() {
    let broker = start_with(|config| config.sys_interval = 0).await;
    let mut watcher = broker.client(v5("watcher")).await;
    watcher.subscribe("$SYS/#", QoS::AtMostOnce).await;
    watcher.has_nothing().await;
}
