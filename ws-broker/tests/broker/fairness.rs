//! Nobody pays for what others do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use codec::{Packet, ProtocolVersion, QoS};

use crate::common::{Client, Program, WebSocket, encode, message, v3_1_1, v5};

/// Sends until it is told to stop, and counts.
async fn flood(mut publisher: Client, topic: &str, stop: Arc<AtomicBool>, sent: Arc<AtomicU64>) {
    let publish = message(topic, vec![b'x'; 64], QoS::AtMostOnce);
    let one = encode(&Packet::Publish(publish), ProtocolVersion::V3_1_1);
    let batch = one.repeat(1000);
    while !stop.load(Ordering::Relaxed) {
        publisher.send_bytes(&batch).await;
        sent.fetch_add(1000, Ordering::Relaxed);
    }
    publisher.ping().await;
}

/// Reads until there is nothing more, and counts.
async fn drain(mut subscriber: Client, received: Arc<AtomicU64>) {
    loop {
        let bytes = subscriber.read_bytes().await;
        if bytes.is_empty() {
            return;
        }
        received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    }
}

/// What all do that are no part of the flood.
async fn go_about(client: &mut Client, topic: &str) {
    client.ping().await;
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        client.publish(message(topic, "x", qos)).await;
        assert_eq!(client.message().await.payload, "x");
    }
}

/// The broker has one thread, and two publishers send without pause for as long
/// as the others need: one to nobody, so that nothing slows it down, and one to
/// a subscriber that keeps up and one that never reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_a_flood_others_go_on() {
    const ROUNDS: usize = 2;
    let config = "listener 0 127.0.0.1\nlistener 0 127.0.0.1\nprotocol websockets\n\
                  allow_anonymous true\nsys_interval 0\n";
    let mut program = Program::start(config, &["--threads", "1"]).await;
    program.keep_reading();
    let web = ([127, 0, 0, 1], program.ports()[1]).into();

    let mut stalled = program.client(v3_1_1("stalled")).await;
    stalled.subscribe("flood", QoS::AtMostOnce).await;
    let mut reader = program.client(v3_1_1("reader")).await;
    reader.subscribe("flood", QoS::AtMostOnce).await;
    let mut device = program.client(v5("device")).await;
    device.subscribe("device", QoS::ExactlyOnce).await;
    let mut page = WebSocket::open(web, "/").await.into_client();
    page.connect(v5("page")).await;
    page.subscribe("page", QoS::ExactlyOnce).await;

    let stop = Arc::new(AtomicBool::new(false));
    let (sent, received) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let draining = tokio::spawn(drain(reader, received.clone()));
    let publisher = program.client(v3_1_1("publisher")).await;
    let flooding = tokio::spawn(flood(publisher, "flood", stop.clone(), sent.clone()));
    let publisher = program.client(v3_1_1("to nobody")).await;
    let unheard = tokio::spawn(flood(publisher, "nobody", stop.clone(), Arc::default()));
    for round in 0..ROUNDS {
        let (sent_before, received_before) = (
            sent.load(Ordering::Relaxed),
            received.load(Ordering::Relaxed),
        );
        go_about(&mut device, "device").await;
        go_about(&mut page, "page").await;
        let mut new = program.client(v5(&format!("new-{round}"))).await;
        new.subscribe("new", QoS::ExactlyOnce).await;
        go_about(&mut new, "new").await;
        new.disconnect().await;
        // And the flood goes on meanwhile, past the one that never reads.
        while sent.load(Ordering::Relaxed) == sent_before
            || received.load(Ordering::Relaxed) == received_before
        {
            assert!(!flooding.is_finished() && !draining.is_finished());
            tokio::task::yield_now().await;
        }
    }
    stop.store(true, Ordering::Relaxed);
    flooding.await.unwrap();
    unheard.await.unwrap();
    assert!(!draining.is_finished(), "the reader was cut off");
    draining.abort();
}
