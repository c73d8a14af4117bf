//! Wills (sections 3.1.2.5, 3.1.3.2, 3.14.2.1).

use std::time::{Duration, Instant};

use codec::{
    Connect, Disconnect, Packet, Properties, Property, ProtocolVersion, QoS, ReasonCode, TopicName,
    Will,
};

use crate::common::{Broker, Client, message, start, start_with, v3_1_1, v5};
use crate::sessions::kept;

fn will(topic: &str, payload: &'static str) -> Will {
    Will {
        topic: TopicName::new(topic).unwrap(),
        payload: payload.into(),
        qos: QoS::AtLeastOnce,
        retain: false,
        properties: Properties::new(),
    }
}

fn with_will(mut connect: Connect) -> Connect {
    connect.will = Some(will("will", "gone"));
    connect
}

async fn witness(broker: &Broker) -> Client {
    let mut witness = broker.client(v5("witness")).await;
    witness.subscribe("will/#", QoS::AtLeastOnce).await;
    witness
}

#[tokio::test]
async fn section_3_1_2_5_the_will_is_published_when_the_connection_ends_badly() {
    let broker = start().await;
    let mut witness = witness(&broker).await;
    for version in [
        ProtocolVersion::V3_1,
        ProtocolVersion::V3_1_1,
        ProtocolVersion::V5,
    ] {
        let connect = || with_will(Connect::new(version, "c"));

        broker.client(connect()).await.cut().await;
        assert_eq!(witness.text().await, ("will".into(), "gone".into()));

        let reset = broker.client(connect()).await;
        drop(reset);
        assert_eq!(witness.text().await.1, "gone");

        let mut wrong = broker.client(connect()).await;
        wrong.send_bytes(&[0xf0, 0x80, 0x80, 0x80, 0x80]).await;
        assert_eq!(witness.text().await.1, "gone");

        let replaced = broker.client(connect()).await;
        let mut next = broker.client(Connect::new(version, "c")).await;
        assert_eq!(witness.text().await.1, "gone", "at a takeover");
        drop(replaced);
        next.ping().await;
        witness.has_nothing().await;
    }
}

#[tokio::test]
async fn section_3_1_2_10_silence_ends_the_connection_and_the_will_is_published() {
    let broker = start().await;
    let mut witness = witness(&broker).await;
    let since = Instant::now();
    let mut silent = Vec::new();
    for version in [
        ProtocolVersion::V3_1,
        ProtocolVersion::V3_1_1,
        ProtocolVersion::V5,
    ] {
        let mut connect = with_will(Connect::new(version, version.to_string()));
        connect.keep_alive = 1;
        silent.push((version, broker.client(connect).await));
    }
    for (version, client) in silent {
        assert_eq!(witness.text().await.1, "gone");
        let silence = since.elapsed();
        assert!(silence >= Duration::from_millis(1490), "{silence:?}");
        if version == ProtocolVersion::V5 {
            client.expect_disconnect(ReasonCode::KeepAliveTimeout).await;
        } else {
            client.expect_close().await;
        }
    }
}

#[tokio::test]
async fn section_3_14_a_disconnect_deletes_the_will() {
    let broker = start().await;
    let mut witness = witness(&broker).await;
    for version in [
        ProtocolVersion::V3_1,
        ProtocolVersion::V3_1_1,
        ProtocolVersion::V5,
    ] {
        let client = broker.client(with_will(Connect::new(version, "c"))).await;
        client.disconnect().await;
        let client = broker.client(with_will(kept(version, "c"))).await;
        client.disconnect().await;
    }
    witness.has_nothing().await;
}

#[tokio::test]
async fn section_3_14_2_1_a_disconnect_may_ask_for_the_will() {
    let broker = start().await;
    let mut witness = witness(&broker).await;
    let client = broker.client(with_will(v5("c"))).await;
    client
        .disconnect_with(Disconnect::new(ReasonCode::DisconnectWithWill))
        .await;
    assert_eq!(witness.text().await.1, "gone");
}

#[tokio::test]
async fn a_refused_client_has_no_will() {
    let broker = start().await;
    let mut witness = witness(&broker).await;
    let mut refused = broker.open().await;
    refused
        .send_connect(with_will(kept(ProtocolVersion::V3_1_1, "")))
        .await;
    refused
        .expect_refusal(ReasonCode::ClientIdentifierNotValid)
        .await;
    witness.has_nothing().await;
}

fn delayed(id: &str, seconds: u32) -> Connect {
    let mut connect = with_will(kept(ProtocolVersion::V5, id));
    if let Some(will) = &mut connect.will {
        will.properties.push(Property::WillDelayInterval(seconds));
    }
    connect
}

#[tokio::test]
async fn section_3_1_3_2_2_a_will_waits_for_its_delay_and_a_return_cancels_it() {
    let broker = start().await;
    let mut witness = witness(&broker).await;

    broker.client(delayed("returns", 1)).await.cut().await;
    let cut = Instant::now();
    broker.client(delayed("stays away", 1)).await.cut().await;
    witness.has_nothing().await;
    let returned = broker.client(kept(ProtocolVersion::V5, "returns")).await;
    assert!(returned.connack.session_present);

    assert_eq!(witness.text().await.1, "gone");
    assert!(cut.elapsed() >= Duration::from_millis(990));
    // The one that was cancelled would have come first [MQTT-3.1.3-9].
    witness.has_nothing().await;

    // Its session goes on after the will.
    let back = broker.client(kept(ProtocolVersion::V5, "stays away")).await;
    assert!(back.connack.session_present);
}

#[tokio::test]
async fn section_3_1_3_2_2_a_will_does_not_outlive_its_session() {
    let broker = start().await;
    let mut witness = witness(&broker).await;
    let delayed = |id: &str| delayed(id, 1000);

    broker.client(delayed("cleaned")).await.cut().await;
    witness.has_nothing().await;
    broker.client(v5("cleaned")).await;
    assert_eq!(witness.text().await.1, "gone");

    let old = broker.client(delayed("taken over")).await;
    let _new = broker.client(delayed("taken over")).await;
    old.expect_disconnect(ReasonCode::SessionTakenOver).await;
    witness.has_nothing().await;
    let _clean = broker.client(v5("taken over")).await;
    assert_eq!(witness.text().await.1, "gone");
    witness.has_nothing().await;

    let mut no_session = delayed("no session");
    no_session.properties = Properties::new();
    broker.client(no_session).await.cut().await;
    assert_eq!(witness.text().await.1, "gone");
}

#[tokio::test]
async fn a_will_is_a_message_as_any_other() {
    let broker = start().await;
    let mut subscriber = broker.client(v5("s")).await;
    subscriber.subscribe("will/#", QoS::ExactlyOnce).await;
    let mut connect = v5("c");
    connect.will = Some(Will {
        topic: TopicName::new("will/c").unwrap(),
        payload: "gone".into(),
        qos: QoS::ExactlyOnce,
        retain: true,
        properties: Properties::new()
            .with(Property::UserProperty(("b".into(), "1".into())))
            .with(Property::PayloadFormatIndicator(true))
            .with(Property::ContentType("text/plain".into()))
            .with(Property::MessageExpiryInterval(60))
            .with(Property::ResponseTopic("who".into()))
            .with(Property::CorrelationData("7".into()))
            .with(Property::UserProperty(("a".into(), "2".into())))
            .with(Property::UserProperty(("b".into(), "0".into()))),
    });
    broker.client(connect).await.cut().await;
    let live = subscriber.message().await;
    assert_eq!((live.qos, live.retain), (QoS::ExactlyOnce, false));
    let mut late = broker.client(v5("late")).await;
    late.subscribe("will/#", QoS::ExactlyOnce).await;
    let retained = late.message().await;
    assert!(retained.retain, "[MQTT-3.1.2-15]");
    for got in [live, retained] {
        assert_eq!(got.payload, "gone");
        let properties = got.properties;
        assert_eq!(properties.content_type().unwrap(), "text/plain");
        assert_eq!(properties.payload_format_indicator(), Some(true));
        assert_eq!(properties.response_topic().unwrap(), "who");
        assert_eq!(properties.correlation_data().unwrap(), "7");
        assert!((59..=60).contains(&properties.message_expiry_interval().unwrap()));
        assert_eq!(
            properties.user_properties().collect::<Vec<_>>(),
            [("b", "1"), ("a", "2"), ("b", "0")],
            "[MQTT-3.1.3-10]"
        );
    }
    // The next client of that name sets it right.
    let mut back = broker.client(v5("c")).await;
    let mut publish = message("will/c", "", QoS::AtLeastOnce);
    publish.retain = true;
    back.publish(publish).await;
    let mut later = broker.client(v5("later")).await;
    later.subscribe("will/#", QoS::ExactlyOnce).await;
    later.has_nothing().await;
}

#[tokio::test]
async fn section_3_1_2_7_a_will_that_is_not_to_be_retained_is_for_those_who_are_there() {
    let broker = start().await;
    let mut witness = witness(&broker).await;
    for version in [
        ProtocolVersion::V3_1,
        ProtocolVersion::V3_1_1,
        ProtocolVersion::V5,
    ] {
        let mut before = broker.client(v3_1_1("before")).await;
        let mut retained = message("will", "before", QoS::AtLeastOnce);
        retained.retain = true;
        before.publish(retained).await;
        assert_eq!(witness.text().await.1, "before");

        let connect = with_will(Connect::new(version, "c"));
        broker.client(connect).await.cut().await;
        let will = witness.message().await;
        assert_eq!((&*will.payload, will.retain), (&b"gone"[..], false));
        let mut late = broker.client(v5("late")).await;
        late.subscribe("will", QoS::AtLeastOnce).await;
        assert_eq!(late.text().await.1, "before");
        late.has_nothing().await;
    }
}

#[tokio::test]
async fn a_will_goes_nowhere_where_its_client_may_not_publish() {
    let broker = start().await;
    let mut witness = broker.client(v5("witness")).await;
    for topics in ["will/#", "$SYS/forged"] {
        witness.subscribe(topics, QoS::AtLeastOnce).await;
    }
    let mut connect = v5("c");
    connect.will = Some(will("$SYS/forged", "lies"));
    let mut client = broker.open().await;
    client.send_connect(connect).await;
    // Refused, or accepted and the will dropped.
    client.next().await;
    client.cut().await;
    broker.client(with_will(v5("d"))).await.cut().await;
    assert_eq!(witness.text().await.0, "will");
    witness.has_nothing().await;
}

#[tokio::test]
async fn a_will_with_a_topic_of_very_many_levels_does_no_harm() {
    let broker = start().await;
    let deep = "/".repeat(65_000);
    for payload in ["kept", ""] {
        let mut connect = v5("c");
        connect.will = Some(Will {
            retain: true,
            ..will(&deep, payload)
        });
        let mut client = broker.open().await;
        client.send_connect(connect).await;
        client.next().await;
        client.cut().await;
    }
    let mut client = broker.client(v3_1_1("c")).await;
    client.ping().await;
}

#[tokio::test]
async fn section_3_2_2_3_5_a_retained_will_is_refused_where_nothing_is_retained() {
    let broker = start_with(|config| config.retain_available = false).await;
    let mut connect = v5("c");
    connect.will = Some(Will {
        retain: true,
        ..will("will", "gone")
    });
    let mut client = broker.open().await;
    client.send_connect(connect).await;
    client.expect_refusal(ReasonCode::RetainNotSupported).await;
    let client = broker.client(with_will(v5("c"))).await;
    assert_eq!(client.connack.properties.retain_available(), Some(false));
}

#[tokio::test]
async fn the_stop_of_the_broker_is_no_will() {
    let broker = start().await;
    let mut witness = witness(&broker).await;
    let client = broker.client(with_will(v5("c"))).await;
    let stop = tokio::spawn(broker.running.stop());
    let next = witness.next().await;
    let disconnect = Disconnect::new(ReasonCode::ServerShuttingDown);
    assert_eq!(next, Some(Packet::Disconnect(disconnect)));
    client
        .expect_disconnect(ReasonCode::ServerShuttingDown)
        .await;
    witness.expect_close().await;
    stop.await.unwrap();
}
