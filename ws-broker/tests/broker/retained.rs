//! Retained messages (sections 3.3.1.3, 3.8.3.1).

use codec::{Publish, QoS, RetainHandling, SubscriptionOptions};

use crate::common::{message, options, start, start_with, v3_1_1, v5};

fn retain(topic: &str, payload: &str, qos: QoS) -> Publish {
    Publish {
        retain: true,
        ..message(topic, payload.to_owned(), qos)
    }
}

#[tokio::test]
async fn section_3_3_1_3_a_new_subscriber_gets_the_last_one_of_each_topic() {
    let broker = start().await;
    let mut publisher = broker.client(v3_1_1("p")).await;
    for (topic, payload, qos) in [
        ("Kitchen/Fridge", "Temperature:13", QoS::AtLeastOnce),
        ("Kitchen/Fridge", "Temperature:14", QoS::ExactlyOnce),
        ("Kitchen/AirQuality", "CO2:640", QoS::AtMostOnce),
        ("Kitchen/Purifier", "Turn On", QoS::AtLeastOnce),
        ("Kitchen/Purifier", "", QoS::AtLeastOnce),
        ("home/led", "Turn Off", QoS::AtLeastOnce),
    ] {
        publisher.publish(retain(topic, payload, qos)).await;
    }
    publisher
        .publish(message(
            "Kitchen/Fridge",
            "Temperature:15",
            QoS::AtLeastOnce,
        ))
        .await;
    for granted in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let mut subscriber = broker.client(v5("s")).await;
        subscriber.subscribe("Kitchen/#", granted).await;
        let mut got = Vec::new();
        for _ in 0..2 {
            let publish = subscriber.message().await;
            assert!(publish.retain && !publish.dup, "[MQTT-3.3.1-8]");
            got.push((publish.payload, publish.qos));
        }
        got.sort();
        let expected = [
            ("CO2:640".into(), QoS::AtMostOnce),
            ("Temperature:14".into(), QoS::ExactlyOnce.min(granted)),
        ];
        assert_eq!(got, expected);
        subscriber.has_nothing().await;
    }
}

#[tokio::test]
async fn section_3_3_1_3_the_last_one_counts_whatever_its_qos() {
    const ALL: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
    let broker = start().await;
    let mut publisher = broker.client(v3_1_1("p")).await;
    for before in ALL {
        for after in ALL {
            publisher.publish(retain("t", "before", before)).await;
            publisher.publish(retain("t", "after", after)).await;
            let mut subscriber = broker.client(v3_1_1("s")).await;
            subscriber.subscribe("t", QoS::ExactlyOnce).await;
            let got = subscriber.message().await;
            assert_eq!((&*got.payload, got.qos), (&b"after"[..], after));
            subscriber.has_nothing().await;
        }
    }
}

#[tokio::test]
async fn section_3_8_3_1_retain_handling_says_when_they_are_sent() {
    let broker = start().await;
    let mut publisher = broker.client(v5("p")).await;
    publisher.publish(retain("t", "x", QoS::AtLeastOnce)).await;
    let mut subscriber = broker.client(v5("s")).await;
    let mut count = async |topics: &str, retain_handling| {
        let options = SubscriptionOptions {
            retain_handling,
            ..options(QoS::AtMostOnce)
        };
        subscriber.subscribe_with(topics, options, Some(5)).await;
        let got = subscriber.settle().await;
        for packet in &got {
            let codec::Packet::Publish(publish) = packet else {
                panic!("{packet:?}");
            };
            let identifiers = publish.properties.subscription_identifiers();
            assert_eq!(identifiers.collect::<Vec<_>>(), [5]);
        }
        got.len()
    };
    assert_eq!(count("t", RetainHandling::SendIfNew).await, 1);
    assert_eq!(count("t", RetainHandling::SendIfNew).await, 0);
    assert_eq!(count("t", RetainHandling::Send).await, 1);
    assert_eq!(count("t", RetainHandling::DoNotSend).await, 0);
    assert_eq!(count("t", RetainHandling::Send).await, 1, "[MQTT-3.3.1-9]");
    assert_eq!(count("+", RetainHandling::DoNotSend).await, 0);
    assert_eq!(count("+", RetainHandling::SendIfNew).await, 0);
    assert_eq!(count("#", RetainHandling::SendIfNew).await, 1);
}

#[tokio::test]
async fn section_3_3_1_3_the_flag_of_a_live_message_is_kept_for_those_who_ask() {
    let broker = start().await;
    let mut plain = broker.client(v5("plain")).await;
    plain.subscribe("t", QoS::AtLeastOnce).await;
    let mut as_published = broker.client(v5("as published")).await;
    let options = SubscriptionOptions {
        retain_as_published: true,
        ..options(QoS::AtLeastOnce)
    };
    as_published.subscribe_with("t", options, None).await;
    let mut old = broker.client(v3_1_1("old")).await;
    old.subscribe("t", QoS::AtLeastOnce).await;
    let mut publisher = broker.client(v3_1_1("p")).await;
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        for flag in [true, false] {
            let mut publish = message("t", "x", qos);
            publish.retain = flag;
            publisher.publish(publish).await;
            assert!(!plain.message().await.retain, "[MQTT-3.3.1-12]");
            assert!(!old.message().await.retain);
            assert_eq!(as_published.message().await.retain, flag);
        }
    }
    // One that deletes is a message too.
    publisher.publish(retain("t", "", QoS::AtLeastOnce)).await;
    assert!(as_published.message().await.retain);
    assert_eq!(plain.text().await.1, "");
}

#[tokio::test]
async fn where_nothing_is_retained_the_client_is_told() {
    let broker = start_with(|config| config.retain_available = false).await;
    let mut publisher = broker.client(v5("p")).await;
    let told = publisher.connack.properties.retain_available();
    assert_eq!(told, Some(false));
    publisher
        .send_publish(retain("t", "x", QoS::AtMostOnce))
        .await;
    publisher
        .expect_disconnect(codec::ReasonCode::RetainNotSupported)
        .await;
    let mut subscriber = broker.client(v5("s")).await;
    subscriber.subscribe("#", QoS::AtMostOnce).await;
    subscriber.has_nothing().await;
}

/// The page shows what comes last.
#[tokio::test]
async fn a_live_message_does_not_come_before_the_retained_one_that_it_replaces() {
    const TOPICS: usize = 200;
    let broker = start().await;
    let mut publisher = broker.client(v3_1_1("p")).await;
    let old = "o".repeat(100_000);
    for i in 0..TOPICS {
        let topic = format!("t/{i}");
        publisher
            .publish(retain(&topic, &old, QoS::AtMostOnce))
            .await;
    }
    // More than sockets hold is on its way to a subscriber that does not read
    // yet.
    let mut subscriber = broker.client(v3_1_1("s")).await;
    subscriber.subscribe("t/#", QoS::AtMostOnce).await;
    for i in 0..TOPICS {
        let topic = format!("t/{i}");
        publisher
            .publish(retain(&topic, "new", QoS::AtMostOnce))
            .await;
    }
    let mut is_new = [false; TOPICS];
    for _ in 0..2 * TOPICS {
        let got = subscriber.message().await;
        let at: usize = got.topic[2..].parse().unwrap();
        if got.payload == "new" {
            is_new[at] = true;
        } else {
            assert!(!is_new[at], "{} goes back in time", got.topic);
        }
    }
}
