//! QoS 0, 1 and 2 in every version, and from each version to each (sections
//! 3.3, 4.3).

use std::time::Duration;

use codec::{Connect, Properties, Property, ProtocolVersion, QoS};

use crate::common::{message, start, v3_1_1, v5};
use crate::sessions::kept;

const VERSIONS: [ProtocolVersion; 3] = [
    ProtocolVersion::V3_1,
    ProtocolVersion::V3_1_1,
    ProtocolVersion::V5,
];
const LEVELS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

#[tokio::test]
async fn section_4_3_every_version_reaches_every_other_at_every_qos() {
    let broker = start().await;
    for from in VERSIONS {
        let mut publisher = broker.client(Connect::new(from, "p")).await;
        for to in VERSIONS {
            for granted in LEVELS {
                let mut subscriber = broker.client(Connect::new(to, "s")).await;
                subscriber.subscribe("Kitchen/+", granted).await;
                for qos in LEVELS {
                    let sent = message("Kitchen/Fridge", "Temperature:14", qos);
                    publisher.publish(sent.clone()).await;
                    let mut got = subscriber.message().await;
                    assert_eq!(got.packet_id.take().is_some(), got.qos > QoS::AtMostOnce);
                    let expected = codec::Publish {
                        qos: qos.min(granted),
                        ..sent
                    };
                    assert_eq!(got, expected, "{from} to {to}");
                }
                subscriber.has_nothing().await;
            }
        }
    }
}

fn all_properties() -> Properties {
    Properties::new()
        .with(Property::PayloadFormatIndicator(true))
        .with(Property::ContentType("text/plain".into()))
        .with(Property::ResponseTopic("answer/here".into()))
        .with(Property::CorrelationData("1".into()))
        .with(Property::UserProperty(("b".into(), "1".into())))
        .with(Property::UserProperty(("a".into(), "2".into())))
        .with(Property::UserProperty(("b".into(), "3".into())))
}

#[tokio::test]
async fn section_3_3_2_3_properties_travel_unchanged_and_stay_away_from_3_x() {
    let broker = start().await;
    let mut publisher = broker.client(v5("p")).await;
    let mut new = broker.client(v5("new")).await;
    new.subscribe("#", QoS::ExactlyOnce).await;
    let mut old = broker.client(v3_1_1("old")).await;
    old.subscribe("#", QoS::ExactlyOnce).await;
    for qos in LEVELS {
        let mut sent = message("t", "x", qos);
        sent.properties = all_properties();
        publisher.publish(sent).await;
        let got = new.message().await;
        assert_eq!(got.properties, all_properties(), "[MQTT-3.3.2-17]");
        assert_eq!(old.text().await, ("t".into(), "x".into()));
    }
}

#[tokio::test]
async fn section_3_3_2_3_3_the_expiry_interval_counts_down_and_ends_the_message() {
    let broker = start().await;
    let session = |id| kept(ProtocolVersion::V5, id);
    let mut away = broker.client(session("away")).await;
    away.subscribe("queued/#", QoS::AtLeastOnce).await;
    away.disconnect().await;
    let mut publisher = broker.client(v5("p")).await;
    for topic in ["queued", "retained"] {
        for (name, seconds) in [("none", None), ("short", Some(1)), ("long", Some(100))] {
            let mut sent = message(&format!("{topic}/{name}"), "x", QoS::AtLeastOnce);
            sent.retain = topic == "retained";
            sent.properties
                .extend(seconds.map(Property::MessageExpiryInterval));
            publisher.publish(sent).await;
        }
    }
    // Its own time: a message lives for whole seconds.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let mut away = broker.client(session("away")).await;
    let mut late = broker.client(v5("late")).await;
    late.subscribe("retained/#", QoS::AtLeastOnce).await;
    for (client, topic) in [(&mut away, "queued"), (&mut late, "retained")] {
        let mut got = Vec::new();
        for _ in 0..2 {
            let message = client.message().await;
            let left = message.properties.message_expiry_interval();
            got.push((message.topic.to_string(), left));
        }
        got.sort();
        let expected = [
            (format!("{topic}/long"), Some(99)),
            (format!("{topic}/none"), None),
        ];
        assert_eq!(got, expected, "[MQTT-3.3.2-5], [MQTT-3.3.2-6]");
        client.has_nothing().await;
    }
}
