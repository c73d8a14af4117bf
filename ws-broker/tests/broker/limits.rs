//! Limits that a configuration sets, and who may do what.

use codec::{Properties, Property, ProtocolVersion, QoS, ReasonCode, TopicName, Will};
use ws_broker::access::Acl;

use crate::common::{WebSocket, message, start_with, v3_1, v3_1_1, v5};

#[tokio::test]
async fn global_max_clients_counts_sessions_and_lets_their_owners_back_in() {
    let broker = start_with(|config| config.global_max_clients = Some(1)).await;
    let kept = || {
        let mut connect = v5("kept");
        connect.clean_start = false;
        let expiry = Property::SessionExpiryInterval(60);
        connect.properties.push(expiry);
        connect
    };
    let first = broker.client(kept()).await;
    first.disconnect().await;
    let mut other = broker.open().await;
    other.send_connect(v5("other")).await;
    other.expect_refusal(ReasonCode::ServerBusy).await;
    let back = broker.client(kept()).await;
    assert!(back.connack.session_present);
}

#[tokio::test]
async fn accept_protocol_versions_refuses_the_others() {
    let broker = start_with(|config| {
        for listener in &mut config.listeners {
            listener.versions = Some(vec![ProtocolVersion::V3_1_1]);
        }
    })
    .await;
    broker.client(v3_1_1("a")).await;
    for connect in [v3_1("b"), v5("c")] {
        let mut refused = broker.open().await;
        refused.send_connect(connect).await;
        refused
            .expect_refusal(ReasonCode::UnsupportedProtocolVersion)
            .await;
    }
}

#[tokio::test]
async fn listener_allow_anonymous_beats_what_holds_for_all() {
    let broker = start_with(|config| {
        config.security.allow_anonymous = true;
        config.listeners[0].allow_anonymous = Some(false);
    })
    .await;
    for connect in [v3_1_1("a"), v5("b")] {
        let mut refused = broker.open().await;
        refused.send_connect(connect).await;
        refused.expect_refusal(ReasonCode::NotAuthorized).await;
    }
}

#[tokio::test]
async fn max_qos_is_told_and_kept() {
    let broker = start_with(|config| config.listeners[0].max_qos = QoS::AtLeastOnce).await;
    let mut client = broker.client(v5("c")).await;
    assert_eq!(client.connack.properties.maximum_qos(), Some(1));
    client
        .send_publish(message("t", "x", QoS::ExactlyOnce))
        .await;
    client.expect_disconnect(ReasonCode::QoSNotSupported).await;
}

#[tokio::test]
async fn section_3_2_2_3_4_max_qos_is_granted_where_more_is_asked_for() {
    for max_qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        // Who comes through the other listener may publish at QoS 2.
        let broker = start_with(|config| config.listeners[0].max_qos = max_qos).await;
        let mut publisher = WebSocket::open(broker.web, "/").await.into_client();
        publisher.connect(v5("p")).await;
        for connect in [v3_1_1("c"), v5("c")] {
            let mut client = broker.client(connect).await;
            for asked in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
                let granted = client.subscribe("t", asked).await;
                assert_eq!(granted.as_u8(), asked.min(max_qos).as_u8());
                for qos in [QoS::ExactlyOnce, QoS::AtMostOnce] {
                    publisher.publish(message("t", "x", qos)).await;
                    let expected = qos.min(asked).min(max_qos);
                    assert_eq!(client.message().await.qos, expected);
                }
            }
        }
    }
}

#[tokio::test]
async fn section_3_2_2_3_4_a_will_above_max_qos_is_refused() {
    let broker = start_with(|config| config.listeners[0].max_qos = QoS::AtLeastOnce).await;
    let connect = |qos| {
        let mut connect = v5("c");
        connect.will = Some(Will {
            topic: TopicName::new("t").unwrap(),
            payload: "gone".into(),
            qos,
            retain: false,
            properties: Properties::new(),
        });
        connect
    };
    let mut refused = broker.open().await;
    refused.send_connect(connect(QoS::ExactlyOnce)).await;
    refused.expect_refusal(ReasonCode::QoSNotSupported).await;
    broker.client(connect(QoS::AtLeastOnce)).await;
}

#[tokio::test]
async fn section_3_1_2_11_6_nobody_gets_response_information() {
    let broker = start_with(|_| {}).await;
    for asked in [None, Some(false), Some(true)] {
        let mut connect = v5("c");
        let asked = asked.map(Property::RequestResponseInformation);
        connect.properties.extend(asked);
        let client = broker.client(connect).await;
        assert_eq!(client.connack.properties.response_information(), None);
    }
}

#[tokio::test]
async fn max_inflight_bytes_holds_back_what_comes_after() {
    let broker = start_with(|config| config.max_inflight_bytes = 10).await;
    let mut subscriber = broker.client(v5("s")).await;
    subscriber.subscribe("t", QoS::AtLeastOnce).await;
    let mut publisher = broker.client(v5("p")).await;
    for payload in ["larger than ten bytes", "12345", "12345", "6"] {
        publisher
            .publish(message("t", payload, QoS::AtLeastOnce))
            .await;
    }
    let first = subscriber.unacknowledged().await;
    subscriber.has_nothing().await;
    subscriber
        .acknowledge(QoS::AtLeastOnce, first.packet_id.unwrap())
        .await;
    let second = subscriber.unacknowledged().await;
    subscriber.unacknowledged().await;
    subscriber.has_nothing().await;
    subscriber
        .acknowledge(QoS::AtLeastOnce, second.packet_id.unwrap())
        .await;
    assert_eq!(&subscriber.unacknowledged().await.payload[..], b"6");
}

#[tokio::test]
async fn upgrade_outgoing_qos_delivers_at_the_subscriptions_qos() {
    let broker = start_with(|config| config.upgrade_outgoing_qos = true).await;
    let mut subscriber = broker.client(v3_1_1("s")).await;
    subscriber.subscribe("t", QoS::ExactlyOnce).await;
    let mut publisher = broker.client(v3_1_1("p")).await;
    publisher.publish(message("t", "x", QoS::AtMostOnce)).await;
    assert_eq!(subscriber.message().await.qos, QoS::ExactlyOnce);
}

#[tokio::test]
async fn queue_qos0_messages_keeps_them_for_absent_clients() {
    let broker = start_with(|config| config.queue.qos0 = true).await;
    let kept = || {
        let mut connect = v3_1_1("kept");
        connect.clean_start = false;
        connect
    };
    let mut away = broker.client(kept()).await;
    away.subscribe("t", QoS::AtMostOnce).await;
    away.disconnect().await;
    let mut publisher = broker.client(v3_1_1("p")).await;
    for n in 0..3 {
        publisher
            .publish(message("t", n.to_string(), QoS::AtMostOnce))
            .await;
    }
    let mut back = broker.client(kept()).await;
    assert_eq!(back.payloads(3).await, ["0", "1", "2"]);
}

#[tokio::test]
async fn an_acl_rules_publishing_subscribing_and_delivery() {
    let acl = "topic read Kitchen/#\ntopic write home/led\ntopic deny Kitchen/Secret\n";
    let broker = start_with(|config| config.security.acl = Acl::parse(acl).unwrap()).await;
    let mut client = broker.client(v5("c")).await;
    let mut publish = async |topic: &str| {
        let publish = message(topic, "x", QoS::AtLeastOnce);
        client.publish(publish).await
    };
    assert_eq!(publish("Kitchen/Fridge").await, ReasonCode::NotAuthorized);
    assert_eq!(publish("home/led").await, ReasonCode::NoMatchingSubscribers);
    let mut subscribe = async |filter: &str| client.subscribe(filter, QoS::AtMostOnce).await;
    assert_eq!(subscribe("Kitchen/Secret").await, ReasonCode::NotAuthorized);
    // Granted, as in Mosquitto: each message is judged.
    for filter in ["home/led", "#"] {
        assert_eq!(subscribe(filter).await, ReasonCode::Success, "{filter}");
    }
    client
        .publish(message("home/led", "Turn On", QoS::AtLeastOnce))
        .await;
    client.has_nothing().await;

    // Before 5.0 nobody is told: the message is acknowledged and goes nowhere.
    let mut old = broker.client(v3_1_1("old")).await;
    let denied = message("Kitchen/Fridge", "x", QoS::AtLeastOnce);
    assert_eq!(old.publish(denied).await, ReasonCode::Success);
    client.has_nothing().await;
}

#[tokio::test]
async fn an_acl_rules_wills() {
    let acl = Acl::parse("topic write home/led\ntopic read #\n").unwrap();
    let broker = start_with(|config| config.security.acl = acl).await;
    let connect = |topic: &str| {
        let mut connect = v5("c");
        connect.will = Some(Will {
            topic: TopicName::new(topic).unwrap(),
            payload: "gone".into(),
            qos: QoS::AtMostOnce,
            retain: false,
            properties: Properties::new(),
        });
        connect
    };
    let mut reader = broker.client(v5("reader")).await;
    reader.subscribe("#", QoS::AtMostOnce).await;
    for (topic, sent) in [("Kitchen/Fridge", 0), ("$SYS/forged", 0), ("home/led", 1)] {
        broker.client(connect(topic)).await.cut().await;
        let got = reader.settle().await;
        assert_eq!(got.len(), sent, "{topic}: {got:?}");
    }
}

#[tokio::test]
async fn identifiers_start_as_the_configuration_says() {
    let prefix =
        |config: &mut ws_broker::Config| config.clientid_prefixes = Some("kitchen-".into());
    let broker = start_with(prefix).await;
    for id in ["oven", "kitchen", "Kitchen-oven"] {
        let mut refused = broker.open().await;
        refused.send_connect(v5(id)).await;
        refused.expect_refusal(ReasonCode::NotAuthorized).await;
    }
    broker.client(v5("kitchen-oven")).await;
    // The broker's own choice is its own.
    broker.client(v5("")).await;
}

#[tokio::test]
async fn a_user_name_is_the_identifier_where_the_listener_says_so() {
    let broker = start_with(|config| config.listeners[0].use_username_as_clientid = true).await;
    let named = |id: &str| {
        let mut connect = v5(id);
        connect.username = Some("ada".into());
        connect
    };
    let first = broker.client(named("a")).await;
    // Another with the same name is the same client.
    let mut second = broker.client(named("b")).await;
    first.expect_disconnect(ReasonCode::SessionTakenOver).await;
    second.ping().await;
    let mut refused = broker.open().await;
    refused.send_connect(v5("c")).await;
    refused.expect_refusal(ReasonCode::NotAuthorized).await;
}

#[tokio::test]
async fn a_session_belongs_to_the_user_that_made_it() {
    let acl = "user mia\ntopic read Diary/#\nuser tom\ntopic write Diary/#\n";
    let broker = start_with(|config| config.security.acl = Acl::parse(acl).unwrap()).await;
    let kept = |user: &str| {
        let mut connect = v3_1_1("tablet");
        connect.clean_start = false;
        connect.username = Some(user.into());
        connect
    };
    let mut mia = broker.client(kept("mia")).await;
    mia.subscribe("#", QoS::AtLeastOnce).await;
    mia.disconnect().await;
    assert!(broker.client(kept("mia")).await.connack.session_present);

    let mut tom = broker.client(kept("tom")).await;
    assert!(!tom.connack.session_present);
    tom.publish(message("Diary/today", "dear", QoS::AtLeastOnce))
        .await;
    tom.has_nothing().await;
}

#[tokio::test]
async fn aliases_are_set_for_clients_that_take_them() {
    let broker = start_with(|config| config.max_topic_alias_broker = 1).await;
    let mut connect = v5("s");
    connect.properties.push(Property::TopicAliasMaximum(5));
    let mut subscriber = broker.client(connect).await;
    subscriber.subscribe("#", QoS::AtLeastOnce).await;
    let mut publisher = broker.client(v5("p")).await;
    for (topic, qos) in [
        ("a", QoS::AtMostOnce),
        ("a", QoS::AtLeastOnce),
        ("b", QoS::AtMostOnce),
    ] {
        publisher.publish(message(topic, "x", qos)).await;
    }
    let mut got = Vec::new();
    for _ in 0..3 {
        let publish = subscriber.message().await;
        got.push((publish.topic.to_string(), publish.properties.topic_alias()));
    }
    let expected = [("a", Some(1)), ("", Some(1)), ("b", None)];
    assert_eq!(
        got,
        expected.map(|(topic, alias)| (topic.to_owned(), alias))
    );
}
