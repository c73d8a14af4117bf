//! Two connections with one client identifier (section 3.1.4).

use codec::{ProtocolVersion, QoS, ReasonCode};

use crate::common::{message, start, v3_1_1, v5};
use crate::sessions::kept;

#[tokio::test]
async fn section_3_1_4_the_old_connection_is_told_and_closed_the_session_goes_on() {
    let broker = start().await;
    let mut old = broker.client(kept(ProtocolVersion::V5, "c")).await;
    old.subscribe("t", QoS::AtLeastOnce).await;
    let mut publisher = broker.client(v5("p")).await;
    publisher.publish(message("t", "1", QoS::AtLeastOnce)).await;
    assert_eq!(old.unacknowledged().await.payload, "1");

    let mut new = broker.client(kept(ProtocolVersion::V5, "c")).await;
    assert!(new.connack.session_present);
    old.expect_disconnect(ReasonCode::SessionTakenOver).await;
    publisher.publish(message("t", "2", QoS::AtLeastOnce)).await;
    let again = new.message().await;
    assert_eq!((&*again.payload, again.dup), (&b"1"[..], true));
    let next = new.message().await;
    assert_eq!((&*next.payload, next.dup), (&b"2"[..], false));
}

#[tokio::test]
async fn before_5_0_the_old_connection_is_closed_without_a_word() {
    let broker = start().await;
    for version in [ProtocolVersion::V3_1, ProtocolVersion::V3_1_1] {
        let old = broker.client(kept(version, "c")).await;
        let new = broker.client(kept(version, "c")).await;
        old.expect_close().await;
        new.disconnect().await;
    }
}

#[tokio::test]
async fn the_versions_may_differ() {
    let broker = start().await;
    let mut old = broker.client(kept(ProtocolVersion::V3_1_1, "c")).await;
    old.subscribe("t", QoS::AtLeastOnce).await;
    let mut new = broker.client(kept(ProtocolVersion::V5, "c")).await;
    old.expect_close().await;
    let mut publisher = broker.client(v5("p")).await;
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        publisher.publish(message("t", "x", qos)).await;
        assert_eq!(new.message().await.qos, qos);
    }
}

#[tokio::test]
async fn a_clean_start_throws_the_session_of_the_old_connection_away() {
    let broker = start().await;
    let mut old = broker.client(kept(ProtocolVersion::V5, "c")).await;
    old.subscribe("t", QoS::AtLeastOnce).await;
    let mut new = broker.client(v5("c")).await;
    assert!(!new.connack.session_present);
    old.expect_disconnect(ReasonCode::SessionTakenOver).await;
    let mut publisher = broker.client(v5("p")).await;
    let reason = publisher.publish(message("t", "x", QoS::AtLeastOnce)).await;
    assert_eq!(reason, ReasonCode::NoMatchingSubscribers);
    new.has_nothing().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_three_that_race_for_a_name_one_stays_and_has_the_session() {
    let broker = start().await;
    let mut first = broker.client(kept(ProtocolVersion::V5, "c")).await;
    first.subscribe("t", QoS::AtLeastOnce).await;
    let mut publisher = broker.client(v5("p")).await;
    for round in 0..20 {
        let mut racers = Vec::new();
        for _ in 0..3 {
            racers.push(broker.open().await);
        }
        // All are sent before any answer is read.
        for racer in &mut racers {
            racer.send_connect(kept(ProtocolVersion::V5, "c")).await;
        }
        for racer in &mut racers {
            racer.connected().await;
            assert!(racer.connack.session_present, "round {round}");
        }
        publisher
            .publish(message("t", round.to_string(), QoS::AtLeastOnce))
            .await;
        let mut stayed = Vec::new();
        for mut racer in racers {
            match racer.next().await {
                Some(codec::Packet::Disconnect(disconnect)) => {
                    assert_eq!(disconnect.reason, ReasonCode::SessionTakenOver);
                }
                Some(codec::Packet::Publish(publish)) => {
                    assert_eq!(publish.payload, round.to_string());
                    let id = publish.packet_id.unwrap();
                    racer.acknowledge(publish.qos, id).await;
                    racer.has_nothing().await;
                    stayed.push(racer);
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(stayed.len(), 1, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_quick_takeovers_lose_no_message_and_keep_the_order() {
    const MESSAGES: usize = 400;
    let broker = start().await;
    let mut subscriber = broker.client(kept(ProtocolVersion::V3_1_1, "c")).await;
    subscriber.subscribe("t", QoS::AtLeastOnce).await;
    let mut publisher = broker.client(v3_1_1("p")).await;
    let publishing = tokio::spawn(async move {
        for i in 0..MESSAGES {
            publisher
                .publish(message("t", i.to_string(), QoS::AtLeastOnce))
                .await;
        }
    });
    let mut next = 0;
    let mut takeovers = 0;
    while next < MESSAGES {
        for _ in 0..7.min(MESSAGES - next) {
            let got = subscriber.message().await;
            let number: usize = std::str::from_utf8(&got.payload).unwrap().parse().unwrap();
            assert!(number == next || got.dup && number < next, "lost {next}");
            next = next.max(number + 1);
        }
        // Two more come at once and are replaced.
        let mut passing = Vec::new();
        for _ in 0..2 {
            let mut client = broker.open().await;
            client
                .send_connect(kept(ProtocolVersion::V3_1_1, "c"))
                .await;
            passing.push(client);
        }
        for client in &mut passing {
            client.connected().await;
        }
        subscriber = broker.client(kept(ProtocolVersion::V3_1_1, "c")).await;
        takeovers += 3;
        for mut client in passing {
            while client.next().await.is_some() {}
        }
    }
    publishing.await.unwrap();
    assert!(takeovers > 100);
}

#[tokio::test]
async fn one_that_gives_up_while_it_waits_for_the_session_does_not_take_it_away() {
    let broker = start().await;
    let mut first = broker.client(kept(ProtocolVersion::V5, "c")).await;
    first.subscribe("t", QoS::AtLeastOnce).await;
    for _ in 0..20 {
        let mut hasty = broker.open().await;
        hasty.send_connect(kept(ProtocolVersion::V5, "c")).await;
        drop(hasty);
    }
    let mut last = broker.client(kept(ProtocolVersion::V5, "c")).await;
    assert!(last.connack.session_present);
    let mut publisher = broker.client(v5("p")).await;
    publisher.publish(message("t", "x", QoS::AtLeastOnce)).await;
    assert_eq!(last.text().await.1, "x");
}
