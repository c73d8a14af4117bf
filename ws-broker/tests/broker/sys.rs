//! The `$SYS` tree.

use std::collections::HashMap;

use codec::QoS;

use crate::common::{Client, message, soon, start_with, v3_1_1, v5};

/// Reads on until the tree says all of `expected`.
async fn says(client: &mut Client, expected: &[(&str, &str)]) {
    let mut said = HashMap::new();
    let is_said = |said: &HashMap<String, String>| {
        let mut expected = expected.iter();
        expected.all(|(topic, value)| said.get(*topic).is_some_and(|v| v == value))
    };
    while !is_said(&said) {
        let (topic, payload) = client.text().await;
        if let Some(topic) = topic.strip_prefix("$SYS/broker/") {
            said.insert(topic.to_owned(), payload);
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
    let expected = [
        ("clients/connected", "3"),
        ("clients/total", "4"),
        ("clients/disconnected", "1"),
        ("clients/maximum", "3"),
        ("subscriptions/count", "3"),
        ("shared_subscriptions/count", "1"),
        ("publish/messages/received", "2"),
        ("publish/bytes/received", "4"),
    ];
    soon("the tree to say it", says(&mut watcher, &expected)).await;
    for (topic, least) in [
        ("heap/current", 1 << 20),
        ("heap/maximum", 1 << 20),
        // The tree itself is retained.
        ("store/messages/count", 20),
        ("store/messages/bytes", 1000),
    ] {
        let topic = format!("$SYS/broker/{topic}");
        let mut asking = broker.client(v5("asking")).await;
        let said = async {
            while asking.subscribe(&topic, QoS::AtMostOnce).await.is_failure()
                || asking.text().await.1.parse::<u64>().unwrap() < least
            {}
        };
        soon("the tree to say how much is stored", said).await;
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
