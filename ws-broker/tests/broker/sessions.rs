//! Sessions that outlive their connections (sections 3.1.2.4, 4.1, 4.4).

use codec::{Ack, Connect, Packet, Property, ProtocolVersion, QoS, ReasonCode};

use crate::common::{Broker, message, start, start_with, v3_1, v3_1_1, v5};

/// A CONNECT that goes on with a session and keeps it.
pub(crate) fn kept(version: ProtocolVersion, id: &str) -> Connect {
    let mut connect = Connect::new(version, id);
    connect.clean_start = false;
    if version == ProtocolVersion::V5 {
        connect
            .properties
            .push(Property::SessionExpiryInterval(600));
    }
    connect
}

const VERSIONS: [ProtocolVersion; 3] = [
    ProtocolVersion::V3_1,
    ProtocolVersion::V3_1_1,
    ProtocolVersion::V5,
];

#[tokio::test]
async fn section_3_1_2_4_a_kept_session_is_there_again_and_a_clean_one_is_not() {
    let broker = start().await;
    for version in [ProtocolVersion::V3_1_1, ProtocolVersion::V5] {
        let mut clean = Connect::new(version, "c");
        if version == ProtocolVersion::V5 {
            clean.properties.push(Property::SessionExpiryInterval(600));
        }
        let present = async |connect| {
            let client = broker.client(connect).await;
            let present = client.connack.session_present;
            client.disconnect().await;
            present
        };
        assert!(!present(kept(version, "c")).await, "nobody was here");
        assert!(present(kept(version, "c")).await);
        assert!(present(kept(version, "c")).await, "still");
        assert!(!present(clean.clone()).await, "[MQTT-3.2.2-2]");
        // Before 5.0 a clean session ends with its connection.
        let is_v5 = version == ProtocolVersion::V5;
        assert_eq!(present(kept(version, "c")).await, is_v5);
        broker.client(clean).await.cut().await;
        assert_eq!(present(kept(version, "c")).await, is_v5, "cut as well");
        present(Connect::new(version, "c")).await;
    }
}

#[tokio::test]
async fn without_an_expiry_interval_a_session_ends_with_its_connection() {
    let broker = start().await;
    let mut connect = v5("c");
    connect.clean_start = false;
    let mut first = broker.client(connect.clone()).await;
    first.subscribe("t", QoS::AtLeastOnce).await;
    first.disconnect().await;
    let mut publisher = broker.client(v5("p")).await;
    let reason = publisher.publish(message("t", "x", QoS::AtLeastOnce)).await;
    assert_eq!(reason, ReasonCode::NoMatchingSubscribers);
    let mut second = broker.client(connect).await;
    assert!(!second.connack.session_present);
    second.has_nothing().await;
}

#[tokio::test]
async fn what_is_published_while_away_is_delivered_in_order_once_and_not_as_a_duplicate() {
    for version in VERSIONS {
        let broker = start().await;
        let mut subscriber = broker.client(kept(version, "s")).await;
        subscriber.subscribe("#", QoS::ExactlyOnce).await;
        subscriber.disconnect().await;

        let mut publisher = broker.client(v3_1_1("p")).await;
        let mut expected = Vec::new();
        for i in 0..60 {
            let qos = [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::AtMostOnce][i % 3];
            publisher.publish(message("a/b", i.to_string(), qos)).await;
            if qos != QoS::AtMostOnce {
                expected.push((i.to_string(), qos));
            }
        }

        let mut subscriber = broker.client(kept(version, "s")).await;
        for (payload, qos) in expected {
            let got = subscriber.message().await;
            assert_eq!((&*got.payload, got.qos), (payload.as_bytes(), qos));
            assert!(!got.dup, "[MQTT-3.3.1-1]: it is the first time");
        }
        subscriber.has_nothing().await;
        subscriber.disconnect().await;
        let mut subscriber = broker.client(kept(version, "s")).await;
        subscriber.has_nothing().await;
    }
}

#[tokio::test]
async fn section_4_4_what_is_not_acknowledged_comes_again_first_and_as_a_duplicate() {
    for version in [ProtocolVersion::V3_1_1, ProtocolVersion::V5] {
        let broker = start().await;
        let mut subscriber = broker.client(kept(version, "s")).await;
        subscriber.subscribe("t", QoS::ExactlyOnce).await;
        let mut publisher = broker.client(v5("p")).await;
        for (payload, qos) in [
            ("1", QoS::AtLeastOnce),
            ("2", QoS::ExactlyOnce),
            ("3", QoS::AtLeastOnce),
        ] {
            publisher.publish(message("t", payload, qos)).await;
        }
        let mut seen = Vec::new();
        for _ in 0..3 {
            let got = subscriber.unacknowledged().await;
            assert!(!got.dup);
            seen.push((got.packet_id, got.payload));
        }
        subscriber.cut().await;
        publisher.publish(message("t", "4", QoS::AtLeastOnce)).await;

        let mut subscriber = broker.client(kept(version, "s")).await;
        for known in seen {
            let got = subscriber.message().await;
            assert!(got.dup, "[MQTT-3.3.1-1]");
            assert_eq!((got.packet_id, got.payload), known, "[MQTT-4.4.0-1]");
        }
        let new = subscriber.message().await;
        assert_eq!((&*new.payload, new.dup), (&b"4"[..], false));
        subscriber.has_nothing().await;
    }
}

#[tokio::test]
async fn section_4_3_3_a_delivery_that_was_received_goes_on_with_pubrel() {
    let broker = start().await;
    let session = || kept(ProtocolVersion::V5, "s");
    let mut subscriber = broker.client(session()).await;
    subscriber.subscribe("t", QoS::ExactlyOnce).await;
    let mut publisher = broker.client(v5("p")).await;
    publisher.publish(message("t", "x", QoS::ExactlyOnce)).await;
    let id = subscriber.unacknowledged().await.packet_id.unwrap();
    let ack = Ack::new(id, ReasonCode::Success);
    subscriber.send(Packet::PubRec(ack.clone())).await;
    subscriber.pubrel(id).await;
    subscriber.cut().await;

    let mut subscriber = broker.client(session()).await;
    assert_eq!(subscriber.next().await, Some(Packet::PubRel(ack.clone())));
    subscriber.send(Packet::PubComp(ack)).await;
    subscriber.has_nothing().await;
    subscriber.disconnect().await;
    let mut subscriber = broker.client(session()).await;
    subscriber.has_nothing().await;
}

#[tokio::test]
async fn section_4_3_3_a_publish_sent_again_on_the_next_connection_is_delivered_once() {
    for version in [ProtocolVersion::V3_1_1, ProtocolVersion::V5] {
        let broker = start().await;
        let mut subscriber = broker.client(v3_1_1("s")).await;
        subscriber.subscribe("t", QoS::ExactlyOnce).await;
        let mut publisher = broker.client(kept(version, "p")).await;
        let mut publish = message("t", "x", QoS::ExactlyOnce);
        let id = publisher.send_publish(publish.clone()).await.unwrap();
        publisher.pubrec(id).await;
        publisher.cut().await;

        let mut publisher = broker.client(kept(version, "p")).await;
        assert!(publisher.connack.session_present);
        publish.dup = true;
        publish.packet_id = Some(id);
        publisher.send_publish(publish).await;
        publisher.pubrec(id).await;
        publisher
            .send(Packet::PubRel(Ack::new(id, ReasonCode::Success)))
            .await;
        publisher.pubcomp(id).await;
        assert_eq!(subscriber.text().await.1, "x");
        subscriber.has_nothing().await;
    }
}

#[tokio::test]
async fn section_3_1_3_1_who_comes_without_a_name_gets_one_or_is_refused() {
    let broker = start().await;
    let first = broker.client(v5("")).await;
    let second = broker.client(v5("")).await;
    let name = |properties: &codec::Properties| {
        let name = properties.assigned_client_identifier();
        name.expect("[MQTT-3.1.3-7]").to_string()
    };
    let names = [&first, &second].map(|client| name(&client.connack.properties));
    assert_ne!(names[0], names[1]);
    assert!(names[0].starts_with("auto-"));
    // It is a name as any other.
    let _again = broker.client(v5(&names[0])).await;
    first.expect_disconnect(ReasonCode::SessionTakenOver).await;

    broker.client(v3_1_1("")).await;
    for connect in [kept(ProtocolVersion::V3_1_1, ""), v3_1("")] {
        let mut client = broker.open().await;
        client.send_connect(connect).await;
        // [MQTT-3.1.3-8] of 3.1.1
        client
            .expect_refusal(ReasonCode::ClientIdentifierNotValid)
            .await;
    }
    assert_no_session(&broker).await;
}

#[tokio::test]
async fn section_3_1_3_1_digits_and_letters_up_to_23_bytes_are_a_name() {
    const ALL: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let broker = start().await;
    let mut names: Vec<&str> = (0..ALL.len()).map(|at| &ALL[at..=at]).collect();
    names.extend([&ALL[..23], &ALL[23..46], &ALL[39..]]);
    for version in VERSIONS {
        let mut clients = Vec::new();
        for name in &names {
            let mut client = broker.client(Connect::new(version, *name)).await;
            client.subscribe(name, QoS::AtMostOnce).await;
            clients.push(client);
        }
        // Each is a client of its own, capitals and small letters as well.
        let mut publisher = broker.client(v3_1_1("p-")).await;
        for (name, client) in names.iter().zip(&mut clients) {
            publisher
                .publish(message(name, *name, QoS::AtLeastOnce))
                .await;
            assert_eq!(client.text().await.1, **name);
            client.has_nothing().await;
        }
    }
}

#[tokio::test]
async fn section_3_1_3_1_without_a_name_nobody_connects_where_the_operator_says_so() {
    let broker = start_with(|config| config.security.allow_zero_length_clientid = false).await;
    // As Mosquitto, which does not say why in 5.0.
    for (connect, reason) in [
        (v3_1_1(""), ReasonCode::ClientIdentifierNotValid),
        (v5(""), ReasonCode::UnspecifiedError),
        (
            kept(ProtocolVersion::V3_1_1, ""),
            ReasonCode::ClientIdentifierNotValid,
        ),
        (kept(ProtocolVersion::V5, ""), ReasonCode::UnspecifiedError),
    ] {
        let mut client = broker.open().await;
        client.send_connect(connect).await;
        client.expect_refusal(reason).await;
    }
    broker.client(v5("named")).await;
}

#[tokio::test]
async fn section_3_1_3_1_two_without_a_name_are_kept_apart() {
    let broker = start().await;
    for version in [ProtocolVersion::V3_1_1, ProtocolVersion::V5] {
        let mut first = broker.client(Connect::new(version, "")).await;
        first.subscribe("first", QoS::AtLeastOnce).await;
        let mut second = broker.client(Connect::new(version, "")).await;
        second.subscribe("second", QoS::AtLeastOnce).await;
        for topic in ["first", "second"] {
            first.publish(message(topic, "x", QoS::AtLeastOnce)).await;
        }
        for (client, topic) in [(&mut first, "first"), (&mut second, "second")] {
            assert_eq!(client.text().await.0, topic);
            client.has_nothing().await;
        }
    }
}

/// A refused client has left nothing behind.
async fn assert_no_session(broker: &Broker) {
    let client = broker.client(kept(ProtocolVersion::V5, "unused")).await;
    assert!(!client.connack.session_present);
}

#[tokio::test]
async fn who_may_not_connect_is_told_so_and_leaves_no_session() {
    let broker = start_with(|config| config.security.allow_anonymous = false).await;
    for version in VERSIONS {
        let mut client = broker.open().await;
        client.send_connect(Connect::new(version, "c")).await;
        client.expect_refusal(ReasonCode::NotAuthorized).await;
    }
}
