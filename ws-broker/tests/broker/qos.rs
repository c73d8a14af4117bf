//! What one end may ask of the other: flow control, packet sizes, topic
//! aliases (sections 3.1.2.11, 3.2.2.3, 3.3.2.3.4, 4.9).

use codec::{Ack, Connect, Packet, Property, Publish, QoS, ReasonCode, TopicName};

use crate::common::{message, start, start_with, v3_1_1, v5};

fn with(mut connect: Connect, property: Property) -> Connect {
    connect.properties.push(property);
    connect
}

#[tokio::test]
async fn section_4_9_no_more_is_on_its_way_than_the_subscriber_takes() {
    let broker = start().await;
    let connect = with(v5("s"), Property::ReceiveMaximum(3));
    let mut subscriber = broker.client(connect).await;
    subscriber.subscribe("t", QoS::ExactlyOnce).await;
    let mut publisher = broker.client(v5("p")).await;
    for i in 0..10 {
        let qos = [QoS::AtLeastOnce, QoS::ExactlyOnce][i % 2];
        publisher.publish(message("t", i.to_string(), qos)).await;
    }
    let mut open = Vec::new();
    for i in 0..3 {
        let got = subscriber.unacknowledged().await;
        assert_eq!(got.payload, i.to_string());
        open.push(got);
    }
    subscriber.has_nothing().await;
    // QoS 0 takes no part in it.
    publisher
        .publish(message("t", "now", QoS::AtMostOnce))
        .await;
    assert_eq!(subscriber.text().await.1, "now");
    // A PUBREC is no leave to send more.
    let id = open[1].packet_id.unwrap();
    let ack = Ack::new(id, ReasonCode::Success);
    subscriber.send(Packet::PubRec(ack.clone())).await;
    subscriber.pubrel(id).await;
    subscriber.has_nothing().await;
    subscriber.send(Packet::PubComp(ack)).await;
    assert_eq!(subscriber.unacknowledged().await.payload, "3");
    subscriber.has_nothing().await;
    for i in [0, 2] {
        let id = open[i].packet_id.unwrap();
        subscriber.acknowledge(open[i].qos, id).await;
    }
    let got = subscriber.unacknowledged().await;
    assert_eq!(got.payload, "4");
    subscriber
        .acknowledge(got.qos, got.packet_id.unwrap())
        .await;
    let more: Vec<_> = subscriber.payloads(4).await;
    assert_eq!(more, ["5", "6", "7", "8"]);
    assert_eq!(subscriber.text().await.1, "9");
    subscriber.has_nothing().await;
}

#[tokio::test]
async fn max_inflight_messages_bounds_what_is_on_its_way_in_every_version() {
    let broker = start_with(|config| config.max_inflight_messages = 5).await;
    let mut publisher = broker.client(v5("p")).await;
    let told = publisher.connack.properties.receive_maximum();
    assert_eq!(told, Some(5));
    for connect in [v3_1_1("s"), v5("s")] {
        let mut subscriber = broker.client(connect).await;
        subscriber.subscribe("t", QoS::AtLeastOnce).await;
        for i in 0..8 {
            publisher
                .publish(message("t", i.to_string(), QoS::AtLeastOnce))
                .await;
        }
        assert_eq!(subscriber.settle().await.len(), 5);
    }
}

#[tokio::test]
async fn section_3_3_4_who_sends_more_than_the_broker_takes_is_disconnected() {
    let broker = start_with(|config| config.max_inflight_messages = 5).await;
    let mut publisher = broker.client(v5("p")).await;
    for _ in 0..5 {
        let publish = message("t", "x", QoS::ExactlyOnce);
        let id = publisher.send_publish(publish).await.unwrap();
        publisher.pubrec(id).await;
    }
    let sixth = message("t", "x", QoS::ExactlyOnce);
    publisher.send_publish(sixth).await;
    publisher
        .expect_disconnect(ReasonCode::ReceiveMaximumExceeded)
        .await;
    // Before 5.0 nobody can know of a limit.
    let mut publisher = broker.client(v3_1_1("p")).await;
    for _ in 0..50 {
        let publish = message("t", "x", QoS::ExactlyOnce);
        let id = publisher.send_publish(publish).await.unwrap();
        publisher.pubrec(id).await;
    }
}

#[tokio::test]
async fn section_3_1_2_11_4_what_is_too_large_for_a_subscriber_stays_away_from_it_alone() {
    let broker = start().await;
    let connect = with(v5("small"), Property::MaximumPacketSize(100));
    let mut small = broker.client(connect).await;
    small.subscribe("t", QoS::AtLeastOnce).await;
    let mut large = broker.client(v5("large")).await;
    large.subscribe("t", QoS::AtLeastOnce).await;
    for mut publisher in [
        broker.client(v5("p5")).await,
        broker.client(v3_1_1("p3")).await,
    ] {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
            // Fixed header, topic, packet identifier, properties' length.
            let overhead = 2 + 3 + if qos > QoS::AtMostOnce { 2 } else { 0 } + 1;
            for len in [100 - overhead, 101 - overhead, 1] {
                publisher.publish(message("t", vec![b'x'; len], qos)).await;
                assert_eq!(large.message().await.payload.len(), len);
                if len != 101 - overhead {
                    assert_eq!(small.message().await.payload.len(), len);
                }
            }
            small.has_nothing().await;
        }
    }
}

#[tokio::test]
async fn section_3_1_2_11_4_who_takes_no_answer_is_closed() {
    let broker = start().await;
    for size in [1, 4] {
        let mut client = broker.open().await;
        client
            .send_connect(with(v5("c"), Property::MaximumPacketSize(size)))
            .await;
        client.expect_close().await;
    }
    let broker = start_with(|config| config.security.allow_anonymous = false).await;
    let mut client = broker.open().await;
    client
        .send_connect(with(v5("c"), Property::MaximumPacketSize(1)))
        .await;
    client.expect_close().await;
}

#[tokio::test]
async fn section_3_1_2_11_4_who_takes_no_suback_is_closed() {
    let broker = start().await;
    let mut client = broker
        .client(with(v5("c"), Property::MaximumPacketSize(30)))
        .await;
    let packet_id = client.new_id();
    let subscription = codec::Subscription {
        filter: crate::common::filter("t"),
        options: QoS::AtMostOnce.into(),
    };
    client
        .send(Packet::Subscribe(codec::Subscribe {
            packet_id,
            properties: codec::Properties::new(),
            subscriptions: vec![subscription; 40],
        }))
        .await;
    client
        .expect_disconnect(ReasonCode::ImplementationSpecificError)
        .await;
}

fn alias(topic: TopicName, alias: u16, payload: &'static str, qos: QoS) -> Publish {
    let mut publish = message("t", payload, qos);
    publish.topic = topic;
    publish.properties.push(Property::TopicAlias(alias));
    publish
}

#[tokio::test]
async fn section_3_3_2_3_4_a_client_may_use_aliases_and_nobody_else_sees_them() {
    let broker = start().await;
    let mut subscriber = broker.client(v5("s")).await;
    subscriber.subscribe("#", QoS::AtLeastOnce).await;
    let mut old = broker.client(v3_1_1("old")).await;
    old.subscribe("#", QoS::AtLeastOnce).await;
    let mut publisher = broker.client(v5("p")).await;
    let maximum = publisher.connack.properties.topic_alias_maximum();
    let maximum = maximum.expect("the broker takes some");
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        let name = |name: &str| TopicName::new(name.to_owned()).unwrap();
        for (topic, number, expected) in [
            (name("a"), 1, "a"),
            (TopicName::alias(), 1, "a"),
            (name("b"), maximum, "b"),
            (TopicName::alias(), 1, "a"),
            (name("c"), 1, "c"),
            (TopicName::alias(), 1, "c"),
            (TopicName::alias(), maximum, "b"),
        ] {
            publisher.publish(alias(topic, number, "x", qos)).await;
            for client in [&mut subscriber, &mut old] {
                let got = client.message().await;
                assert_eq!(got.topic.as_str(), expected);
                assert!(got.properties.is_empty());
            }
        }
    }
    publisher.cut().await;

    for (number, topic) in [
        (maximum + 1, TopicName::new("a").unwrap()),
        (1, TopicName::alias()),
    ] {
        let mut publisher = broker.client(v5("p")).await;
        publisher
            .send_publish(alias(topic, number, "x", QoS::AtMostOnce))
            .await;
        publisher
            .expect_disconnect(ReasonCode::TopicAliasInvalid)
            .await;
    }
    subscriber.has_nothing().await;
}

#[tokio::test]
async fn the_operator_may_bound_payloads_and_packets() {
    let broker = start_with(|config| {
        config.message_size_limit = 10;
        config.max_packet_size = 100;
    })
    .await;
    let mut subscriber = broker.client(v5("s")).await;
    subscriber.subscribe("t", QoS::AtLeastOnce).await;
    let told = subscriber.connack.properties.maximum_packet_size();
    assert_eq!(told, Some(100));
    let mut publisher = broker.client(v5("p")).await;
    let mut send = async |len, qos| publisher.publish(message("t", vec![b'x'; len], qos)).await;
    send(11, QoS::AtMostOnce).await;
    assert!(send(11, QoS::AtLeastOnce).await.is_failure());
    assert_eq!(send(10, QoS::AtMostOnce).await, ReasonCode::Success);
    assert_eq!(send(10, QoS::AtLeastOnce).await, ReasonCode::Success);
    for _ in 0..2 {
        assert_eq!(subscriber.message().await.payload.len(), 10);
    }
    subscriber.has_nothing().await;
    publisher
        .send_publish(message("t", vec![b'x'; 100], QoS::AtMostOnce))
        .await;
    publisher
        .expect_disconnect(ReasonCode::PacketTooLarge)
        .await;
}
