//! Two brokers of this kind, one of which bridges to the other.

use codec::{ProtocolVersion, QoS};
use ws_broker::config::Notifications;

use super::{STATE, VERSIONS, add, bridge, state, subscriber};
use crate::common::{Broker, start, start_with};
use crate::common::{Client, message, v3_1_1, v5};

/// A broker, and one that bridges to it and has subscribed there.
async fn pair(version: ProtocolVersion, topics: &[&str]) -> (Broker, Broker) {
    let far = start().await;
    // What is retained comes once the bridge has subscribed.
    let mut ready = message("ready", "x", QoS::AtMostOnce);
    ready.retain = true;
    far.client(v5("ready")).await.publish(ready).await;
    let topics = [topics, &["ready in"]].concat();
    let near = start_with(|config| {
        let mut bridge = bridge(far.tcp, &topics);
        bridge.version = version;
        add(config, bridge);
    })
    .await;
    let mut watcher = subscriber(&near, "watcher", &["ready"]).await;
    assert_eq!(watcher.text().await.1, "x");
    (near, far)
}

#[tokio::test]
async fn messages_go_both_ways_at_each_qos_in_each_version() {
    let topics = ["out/# out 2", "in/# in 2", "low/# both 0"];
    for version in VERSIONS {
        let (near, far) = pair(version, &topics).await;
        let mut here = subscriber(&near, "here", &["in/#"]).await;
        let mut there = subscriber(&far, "there", &["out/#", "low/#"]).await;
        let mut near = near.client(v5("near")).await;
        let mut far = far.client(v5("far publisher")).await;
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            near.publish(message("out/x", "from here", qos)).await;
            let got = there.message().await;
            assert_eq!((&*got.topic, got.qos), ("out/x", qos), "{version}");
            near.publish(message("low/x", "low", qos)).await;
            assert_eq!(there.message().await.qos, QoS::AtMostOnce);
            far.publish(message("in/x", "from there", qos)).await;
            let got = here.message().await;
            assert_eq!((&*got.topic, got.qos), ("in/x", qos), "{version}");
        }
    }
}

#[tokio::test]
async fn prefixes_are_exchanged() {
    let topics = ["# both 1 local/ remote/", "\"\" out 1 one another"];
    let (near, far) = pair(ProtocolVersion::V3_1_1, &topics).await;
    let mut here = subscriber(&near, "here", &["#"]).await;
    let mut there = subscriber(&far, "there", &["#"]).await;
    assert_eq!(here.text().await.0, "ready");
    assert_eq!(there.text().await.0, "ready");
    let mut near = near.client(v3_1_1("near")).await;
    let mut far = far.client(v3_1_1("far publisher")).await;
    for (topic, there_is) in [("local/a/b", "remote/a/b"), ("one", "another")] {
        near.publish(message(topic, "x", QoS::AtLeastOnce)).await;
        assert_eq!(there.text().await.0, there_is);
        assert_eq!(here.text().await.0, topic);
    }
    far.publish(message("remote/c", "x", QoS::AtLeastOnce))
        .await;
    assert_eq!(here.text().await.0, "local/c");
    assert_eq!(there.text().await.0, "remote/c");
}

async fn texts(client: &mut Client, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.len() < count {
        texts.push(client.text().await.1);
    }
    texts.sort();
    texts
}

#[tokio::test]
async fn nothing_goes_back_where_it_came_from() {
    const EACH: usize = 50;
    for version in VERSIONS {
        let (near, far) = pair(version, &["loop/# both 2"]).await;
        let mut here = subscriber(&near, "here", &["loop/#"]).await;
        let mut there = subscriber(&far, "there", &["loop/#"]).await;
        let mut publishers = [
            near.client(v5("near")).await,
            far.client(v5("far publisher")).await,
        ];
        for (n, qos) in (0..EACH).zip([0, 1, 2].into_iter().cycle()) {
            let qos = QoS::from_u8(qos).unwrap();
            for (who, publisher) in publishers.iter_mut().enumerate() {
                let mut publish = message(&format!("loop/{who}/{n}"), format!("{who} {n}"), qos);
                publish.retain = n % 5 == 0;
                publisher.publish(publish).await;
            }
        }
        let wanted = (0..EACH).flat_map(|n| [format!("0 {n}"), format!("1 {n}")]);
        let mut wanted: Vec<_> = wanted.collect();
        wanted.sort();
        assert_eq!(texts(&mut here, 2 * EACH).await, wanted, "{version}");
        assert_eq!(texts(&mut there, 2 * EACH).await, wanted, "{version}");
        // What comes behind it has gone the same ways: nothing is between.
        for publisher in &mut publishers {
            publisher
                .publish(message("loop/end", "end", QoS::ExactlyOnce))
                .await;
        }
        for subscriber in [&mut here, &mut there] {
            assert_eq!(texts(subscriber, 2).await, ["end", "end"], "{version}");
        }
    }
}

#[tokio::test]
async fn what_is_retained_goes_over_with_its_flag() {
    for version in [ProtocolVersion::V3_1_1, ProtocolVersion::V5] {
        let far = start().await;
        let retained = |topic: &str, text: &str| {
            let mut publish = message(topic, text.to_owned(), QoS::AtLeastOnce);
            publish.retain = true;
            publish
        };
        let near = start_with(|config| {
            let mut bridge = bridge(far.tcp, &["r/# both 1", "w/# out 0"]);
            bridge.version = version;
            add(config, bridge);
        })
        .await;
        // Whether the bridge is there or not by now.
        let mut publisher = near.client(v5("near")).await;
        publisher.publish(retained("r/a", "1")).await;
        publisher.publish(retained("w/a", "2")).await;
        let mut there = subscriber(&far, "there", &["r/#", "w/#"]).await;
        let mut got = [there.text().await, there.text().await];
        got.sort();
        assert_eq!(got.map(|(_, text)| text), ["1", "2"]);
        let mut late = subscriber(&far, "late", &["r/#"]).await;
        let kept = late.message().await;
        assert!(kept.retain && kept.payload == "1", "{version}: {kept:?}");

        far.client(v5("other"))
            .await
            .publish(retained("r/b", "3"))
            .await;
        let mut here = subscriber(&near, "here", &["r/b"]).await;
        assert_eq!(here.text().await.1, "3");
        let mut late = subscriber(&near, "late", &["r/b"]).await;
        assert!(late.message().await.retain, "{version}");
    }
}

#[tokio::test]
async fn brokers_are_told_whether_a_bridge_is_connected() {
    for version in VERSIONS {
        let far = start().await;
        let mut there = subscriber(&far, "there", &[STATE]).await;
        let near = start_with(|config| {
            let mut bridge = bridge(far.tcp, &["a out"]);
            bridge.version = version;
            add(config, bridge);
        })
        .await;
        let mut here = subscriber(&near, "here", &[STATE]).await;
        state(&mut here, "1").await;
        state(&mut there, "1").await;
        let mut late = subscriber(&far, "late", &[STATE]).await;
        let kept = late.message().await;
        assert!(kept.retain && kept.payload == "1");
        // Whoever stops waits for clients to close.
        drop(here);
        near.running.stop().await;
        state(&mut there, "0").await;
        let near = start_with(|config| {
            let mut bridge = bridge(far.tcp, &["a out"]);
            bridge.notifications = Notifications::Local;
            add(config, bridge);
        })
        .await;
        let mut here = subscriber(&near, "here", &[STATE]).await;
        state(&mut here, "1").await;
        drop((there, late));
        far.running.stop().await;
        state(&mut here, "0").await;
    }
}
