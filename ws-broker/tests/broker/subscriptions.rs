//! Who gets what (sections 3.8, 3.10, 4.6, 4.7).

use codec::{
    Ack, Packet, Properties, ProtocolVersion, QoS, ReasonCode, Subscribe, Subscription,
    SubscriptionOptions,
};

use crate::common::{filter, message, options, start, v3_1_1, v5};
use crate::sessions::kept;

#[tokio::test]
async fn section_3_9_3_the_granted_qos_is_the_one_asked_for() {
    let broker = start().await;
    for version in [
        ProtocolVersion::V3_1,
        ProtocolVersion::V3_1_1,
        ProtocolVersion::V5,
    ] {
        let mut client = broker.client(codec::Connect::new(version, "c")).await;
        let packet_id = client.new_id();
        let subscriptions = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
        client
            .send(Packet::Subscribe(Subscribe {
                packet_id,
                properties: Properties::new(),
                subscriptions: subscriptions
                    .map(|qos| Subscription {
                        filter: filter("t/+/#"),
                        options: options(qos),
                    })
                    .into(),
            }))
            .await;
        let Some(Packet::SubAck(suback)) = client.next().await else {
            panic!("SUBACK expected");
        };
        assert_eq!(suback.packet_id, packet_id, "[MQTT-3.8.4-2]");
        assert_eq!(
            suback.reasons,
            [
                ReasonCode::Success,
                ReasonCode::GrantedQoS1,
                ReasonCode::GrantedQoS2
            ]
        );
    }
}

#[tokio::test]
async fn section_3_3_4_overlapping_subscriptions_are_one_message_at_the_highest_qos() {
    let broker = start().await;
    for version in [ProtocolVersion::V3_1_1, ProtocolVersion::V5] {
        let mut subscriber = broker.client(codec::Connect::new(version, "s")).await;
        for (topics, qos) in [
            ("Kitchen/#", QoS::AtMostOnce),
            ("Kitchen/Fridge", QoS::ExactlyOnce),
            ("+/Fridge", QoS::AtLeastOnce),
        ] {
            subscriber.subscribe(topics, qos).await;
        }
        let mut publisher = broker.client(v5("p")).await;
        publisher
            .publish(message(
                "Kitchen/Fridge",
                "Temperature:14",
                QoS::ExactlyOnce,
            ))
            .await;
        let got = subscriber.message().await;
        assert_eq!(got.qos, QoS::ExactlyOnce, "[MQTT-3.3.5-1]");
        subscriber.has_nothing().await;
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn section_3_8_3_1_no_local_keeps_own_messages_away_and_only_those() {
    let broker = start().await;
    let mut client = broker.client(v5("c")).await;
    let no_local = SubscriptionOptions {
        no_local: true,
        ..options(QoS::AtLeastOnce)
    };
    client.subscribe_with("own", no_local, None).await;
    client.subscribe("both", QoS::AtLeastOnce).await;
    let mut other = broker.client(v5("other")).await;
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        // Somebody subscribes, though nobody gets it.
        let reason = client.publish(message("own", "mine", qos)).await;
        assert_eq!(reason, ReasonCode::Success);
        client.publish(message("both", "mine", qos)).await;
        assert_eq!(client.text().await.0, "both");
        other.publish(message("own", "other's", qos)).await;
        assert_eq!(client.text().await, ("own".into(), "other's".into()));
    }
    client.has_nothing().await;
}

#[tokio::test]
async fn section_3_3_2_3_8_a_message_names_all_subscriptions_that_brought_it() {
    let broker = start().await;
    let mut subscriber = broker.client(v5("s")).await;
    for (topics, identifier) in [
        ("Kitchen/#", Some(1)),
        ("Kitchen/Fridge", Some(268_435_455)),
        ("+/Fridge", None),
        ("other", Some(4)),
    ] {
        subscriber
            .subscribe_with(topics, options(QoS::AtLeastOnce), identifier)
            .await;
    }
    let mut publisher = broker.client(v3_1_1("p")).await;
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        publisher.publish(message("Kitchen/Fridge", "x", qos)).await;
        let got = subscriber.message().await;
        let mut identifiers: Vec<_> = got.properties.subscription_identifiers().collect();
        identifiers.sort_unstable();
        assert_eq!(identifiers, [1, 268_435_455], "[MQTT-3.3.4-4]");
        publisher.publish(message("Kitchen", "x", qos)).await;
        let got = subscriber.message().await;
        let identifiers: Vec<_> = got.properties.subscription_identifiers().collect();
        assert_eq!(identifiers, [1]);
    }
    // Subscribing again replaces [MQTT-3.8.4-3].
    subscriber
        .subscribe_with("Kitchen/#", options(QoS::AtLeastOnce), Some(7))
        .await;
    publisher
        .publish(message("Kitchen", "x", QoS::AtMostOnce))
        .await;
    let got = subscriber.message().await;
    let identifiers: Vec<_> = got.properties.subscription_identifiers().collect();
    assert_eq!(identifiers, [7]);
    subscriber.has_nothing().await;
}

#[tokio::test]
async fn section_3_10_4_unsubscribe_ends_what_it_names_and_says_what_it_found() {
    let broker = start().await;
    let mut subscriber = broker.client(v5("s")).await;
    subscriber.subscribe("a", QoS::AtLeastOnce).await;
    subscriber.subscribe("b/+", QoS::AtLeastOnce).await;
    subscriber.subscribe("c", QoS::AtLeastOnce).await;
    let reasons = subscriber.unsubscribe(&["a", "b/1", "b/+"]).await;
    assert_eq!(
        reasons,
        [
            ReasonCode::Success,
            ReasonCode::NoSubscriptionExisted,
            ReasonCode::Success
        ],
        "[MQTT-3.11.3-2]"
    );
    let mut publisher = broker.client(v5("p")).await;
    for (topic, expected) in [
        ("a", ReasonCode::NoMatchingSubscribers),
        ("b/1", ReasonCode::NoMatchingSubscribers),
        ("c", ReasonCode::Success),
    ] {
        let reason = publisher
            .publish(message(topic, "x", QoS::AtLeastOnce))
            .await;
        assert_eq!(reason, expected, "{topic}");
        // As Mosquitto, a PUBREC does not tell.
        let reason = publisher
            .publish(message(topic, "x", QoS::ExactlyOnce))
            .await;
        assert_eq!(reason, ReasonCode::Success, "{topic}");
    }
    assert_eq!(subscriber.text().await.0, "c");
    assert_eq!(subscriber.text().await.0, "c");
    subscriber.has_nothing().await;

    let mut old = broker.client(v3_1_1("old")).await;
    old.subscribe("a", QoS::AtMostOnce).await;
    old.unsubscribe(&["a"]).await;
    let reason = publisher.publish(message("a", "x", QoS::AtLeastOnce)).await;
    assert_eq!(reason, ReasonCode::NoMatchingSubscribers);
    // One publisher had looked the topic up before all that.
    assert_eq!(
        old.subscribe("a", QoS::AtMostOnce).await,
        ReasonCode::Success
    );
    publisher.publish(message("a", "x", QoS::AtMostOnce)).await;
    assert_eq!(old.text().await.0, "a");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn section_3_8_4_nothing_is_lost_while_a_subscription_is_replaced() {
    const MESSAGES: usize = 300;
    let broker = start().await;
    for version in [ProtocolVersion::V3_1_1, ProtocolVersion::V5] {
        let mut subscriber = broker.client(codec::Connect::new(version, "s")).await;
        subscriber.subscribe("t/#", QoS::AtLeastOnce).await;
        let mut publisher = broker.client(v3_1_1("p")).await;
        let publishing = tokio::spawn(async move {
            for i in 0..MESSAGES {
                let publish = message("t/1", i.to_string(), QoS::AtLeastOnce);
                publisher.publish(publish).await;
            }
        });
        let mut replaced = 0;
        for i in 0..MESSAGES {
            while !publishing.is_finished() && replaced <= i {
                subscriber
                    .subscribe("t/#", [QoS::AtLeastOnce, QoS::ExactlyOnce][replaced % 2])
                    .await;
                replaced += 1;
            }
            assert_eq!(subscriber.text().await.1, i.to_string());
        }
        publishing.await.unwrap();
        assert!(replaced > 0);
        subscriber.has_nothing().await;
    }
}

#[tokio::test]
async fn section_3_10_4_what_is_on_its_way_is_finished_after_unsubscribe() {
    for version in [ProtocolVersion::V3_1_1, ProtocolVersion::V5] {
        let broker = start().await;
        let mut subscriber = broker.client(kept(version, "s")).await;
        subscriber.subscribe("t", QoS::ExactlyOnce).await;
        let mut publisher = broker.client(v5("p")).await;
        for (payload, qos) in [
            ("acknowledged late", QoS::AtLeastOnce),
            ("received late", QoS::ExactlyOnce),
            ("received before", QoS::ExactlyOnce),
            ("cut", QoS::AtLeastOnce),
        ] {
            publisher.publish(message("t", payload, qos)).await;
        }
        let mut ids = Vec::new();
        for _ in 0..4 {
            ids.push(subscriber.unacknowledged().await.packet_id.unwrap());
        }
        let received = Ack::new(ids[2], ReasonCode::Success);
        subscriber.send(Packet::PubRec(received.clone())).await;
        subscriber.pubrel(ids[2]).await;

        subscriber.unsubscribe(&["t"]).await;
        subscriber.acknowledge(QoS::AtLeastOnce, ids[0]).await;
        subscriber.acknowledge(QoS::ExactlyOnce, ids[1]).await;
        subscriber.send(Packet::PubComp(received)).await;
        subscriber.has_nothing().await;
        subscriber.cut().await;

        let mut back = broker.client(kept(version, "s")).await;
        let again = back.message().await;
        assert_eq!((again.packet_id, again.dup), (Some(ids[3]), true));
        assert_eq!(again.payload, "cut");
        back.has_nothing().await;
    }
}

/// Section 4.7, with retained messages and live ones, which are found in
/// different ways.
#[tokio::test]
async fn section_4_7_filters_match_what_the_specification_says() {
    const TOPICS: [&str; 10] = [
        "sport",
        "sport/",
        "sport/tennis",
        "sport/tennis/player1",
        "/finance",
        "/",
        "a//b",
        "$share",
        "$x/monitor",
        "Sport",
    ];
    let cases: &[(&str, &[usize])] = &[
        ("#", &[0, 1, 2, 3, 4, 5, 6, 9]),
        ("+", &[0, 9]),
        ("sport/#", &[0, 1, 2, 3]),
        ("sport/+", &[1, 2]),
        ("+/+", &[1, 2, 4, 5]),
        ("/+", &[4, 5]),
        ("/#", &[4, 5]),
        ("a/+/b", &[6]),
        ("+/tennis/#", &[2, 3]),
        ("$x/#", &[8]),
        ("$x/+", &[8]),
        ("+/monitor", &[]),
        ("$share", &[7]),
        ("sport", &[0]),
    ];
    let broker = start().await;
    let mut publisher = broker.client(v5("p")).await;
    for (topics, expected) in cases {
        let mut subscriber = broker.client(v5("s")).await;
        subscriber.subscribe(topics, QoS::AtMostOnce).await;
        for topic in TOPICS {
            publisher
                .publish(message(topic, "x", QoS::AtMostOnce))
                .await;
        }
        let got = subscriber.settle().await;
        let got: Vec<_> = got.iter().map(topic).collect();
        let expected: Vec<_> = expected.iter().map(|at| TOPICS[*at]).collect();
        assert_eq!(got, expected, "{topics}");
    }
    for topic in TOPICS {
        let mut publish = message(topic, "x", QoS::AtMostOnce);
        publish.retain = true;
        publisher.publish(publish).await;
    }
    for (topics, expected) in cases {
        let mut subscriber = broker.client(v5("s")).await;
        subscriber.subscribe(topics, QoS::AtMostOnce).await;
        let got = subscriber.settle().await;
        let mut got: Vec<_> = got.iter().map(topic).collect();
        got.sort_unstable();
        let mut expected: Vec<_> = expected.iter().map(|at| TOPICS[*at]).collect();
        expected.sort_unstable();
        assert_eq!(got, expected, "{topics}, retained");
    }
}

fn topic(packet: &Packet) -> &str {
    match packet {
        Packet::Publish(publish) => publish.topic.as_str(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn topics_and_filters_of_very_many_levels_are_refused() {
    let broker = start().await;
    let deep = "/".repeat(30_000);
    let subscribe = || {
        codec::Packet::Subscribe(codec::Subscribe {
            packet_id: codec::PacketId::MIN,
            properties: codec::Properties::new(),
            subscriptions: vec![codec::Subscription {
                filter: filter(&deep),
                options: options(QoS::AtMostOnce),
            }],
        })
    };
    let mut client = broker.client(v5("c")).await;
    client.send(subscribe()).await;
    client.expect_disconnect(ReasonCode::MalformedPacket).await;
    let mut client = broker.client(v5("c")).await;
    let mut publish = message(&deep, "x", QoS::AtLeastOnce);
    publish.retain = true;
    client.send_publish(publish).await;
    client.expect_disconnect(ReasonCode::MalformedPacket).await;
    let mut client = broker.client(v5("c")).await;
    assert_eq!(
        client.unsubscribe(&[&deep]).await,
        [ReasonCode::NoSubscriptionExisted]
    );
    let mut old = broker.client(v3_1_1("old")).await;
    old.send(subscribe()).await;
    old.expect_close().await;
}

#[tokio::test]
async fn nobody_else_publishes_below_sys() {
    let broker = start().await;
    let mut client = broker.client(v5("c")).await;
    client.subscribe("$SYS/#", QoS::AtLeastOnce).await;
    let topic = "$SYS/forged";
    let reason = client.publish(message(topic, "x", QoS::AtLeastOnce)).await;
    assert_eq!(reason, ReasonCode::NotAuthorized);
    client.publish(message(topic, "x", QoS::AtMostOnce)).await;
    let got = client.settle().await;
    assert!(!got.iter().any(|packet| self::topic(packet) == topic));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn section_4_6_each_publishers_messages_keep_their_order() {
    // All fit into what is queued for one client.
    const MESSAGES: usize = 300;
    let broker = start().await;
    let mut subscriber = broker.client(v3_1_1("s")).await;
    subscriber.subscribe("t/#", QoS::ExactlyOnce).await;
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let mut tasks = Vec::new();
        for p in 0..3 {
            let mut publisher = broker.client(v3_1_1(&format!("p{p}"))).await;
            tasks.push(tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for i in 0..MESSAGES {
                    let topic = format!("t/{p}/{}", i % 3);
                    let publish = message(&topic, i.to_string(), qos);
                    acknowledged.extend(publisher.send_publish(publish).await);
                }
                for id in acknowledged {
                    if qos == QoS::AtLeastOnce {
                        publisher.puback(id).await;
                    } else {
                        publisher.pubrec(id).await;
                        let ack = codec::Ack::new(id, ReasonCode::Success);
                        publisher.send(Packet::PubRel(ack)).await;
                        publisher.pubcomp(id).await;
                    }
                }
                publisher.ping().await;
            }));
        }
        let mut next = [0; 3];
        for _ in 0..3 * MESSAGES {
            let (topic, payload) = subscriber.text().await;
            let publisher = usize::from(topic.as_bytes()[2] - b'0');
            assert_eq!(payload, next[publisher].to_string(), "{qos:?}");
            next[publisher] += 1;
        }
        for task in tasks {
            task.await.unwrap();
        }
        subscriber.has_nothing().await;
    }
}
