//! `memory_limit`: what happens when no more may be stored.

use codec::{Packet, QoS, ReasonCode};
use futures_util::future::select_all;

use crate::common::{Broker, message, soon, start_with, v3_1_1, v5};

const LIMIT: usize = 280_000;
/// Four of these fit, and a packet of this size always comes in.
const PAYLOAD: usize = 60_000;

async fn start() -> Broker {
    start_with(|config| {
        config.memory_limit = LIMIT;
        // It is stored too.
        config.sys_interval = 0;
    })
    .await
}

/// Retains messages until there is no more room for one.
async fn fill(broker: &Broker) {
    let mut filler = broker.client(v5("filler")).await;
    for i in 0..5 {
        let mut publish = message(&format!("full/{i}"), vec![b'x'; PAYLOAD], QoS::AtLeastOnce);
        publish.retain = true;
        let reason = filler.publish(publish).await;
        let is_over = reason == ReasonCode::QuotaExceeded;
        assert_eq!(is_over, i == 4, "{i}: {reason:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused_and_never_acknowledged() {
    let broker = start().await;
    fill(&broker).await;
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let mut client = broker.client(v5("5.0")).await;
        let large = || message("t", vec![b'x'; PAYLOAD], qos);
        assert_eq!(client.publish(large()).await, ReasonCode::QuotaExceeded);
        client.ping().await;

        let mut client = broker.client(v3_1_1("3.1.1")).await;
        client.send_publish(large()).await;
        client.expect_close().await;
    }
    let mut subscriber = broker.client(v5("s")).await;
    subscriber.subscribe("full/#", QoS::AtMostOnce).await;
    assert_eq!(subscriber.settle().await.len(), 4);
}

#[tokio::test]
async fn small_messages_go_on_and_room_comes_back() {
    let broker = start().await;
    fill(&broker).await;
    let mut client = broker.client(v5("c")).await;
    client.subscribe("t", QoS::AtLeastOnce).await;
    let mut small = message("t", "x", QoS::AtLeastOnce);
    client.publish(small.clone()).await;
    assert_eq!(client.message().await.payload, "x");

    small.topic = codec::TopicName::new("full/0").unwrap();
    small.retain = true;
    small.payload = "".into();
    client.publish(small).await;
    let large = message("t", vec![b'x'; PAYLOAD], QoS::AtLeastOnce);
    assert_eq!(client.publish(large).await, ReasonCode::Success);
    assert_eq!(client.message().await.payload.len(), PAYLOAD);
}

#[tokio::test]
async fn what_has_half_come_counts_too() {
    let broker = start().await;
    let mut halves = Vec::new();
    for i in 0..5 {
        let mut client = broker.client(v5(&format!("half{i}"))).await;
        client.send_bytes(&[0x30, 0xff, 0xff, 0x79]).await;
        client.try_send_bytes(&[b'x'; PAYLOAD + 10_000]).await;
        halves.push(client);
    }
    // Whichever comes too late is told, and there is room again.
    let answers = halves.iter_mut().map(|client| Box::pin(client.next()));
    let (answer, told, _) = soon("one to be told", select_all(answers)).await;
    let Some(Packet::Disconnect(disconnect)) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(disconnect.reason, ReasonCode::QuotaExceeded);
    halves.remove(told);
    let mut others = broker.client(v5("others")).await;
    let small = message("t", "x", QoS::AtLeastOnce);
    assert_eq!(
        others.publish(small).await,
        ReasonCode::NoMatchingSubscribers
    );
}
