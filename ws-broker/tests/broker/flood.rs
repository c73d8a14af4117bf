//! One that reads slowly or never, and one that sends without pause.

use std::time::{Duration, Instant};

use codec::{Packet, ProtocolVersion, QoS};

use crate::common::{Client, Program, encode, message, v3_1_1, v5};

const CONFIG: &str = "listener 0 127.0.0.1\nallow_anonymous true\n";
const MEGABYTE: usize = 1 << 20;

/// Sends `count` messages that begin with their number; all acknowledgements
/// are read at the end.
async fn flood(mut publisher: Client, qos: QoS, count: usize, size: usize) -> Duration {
    let start = Instant::now();
    let mut ids = Vec::new();
    let mut bytes = Vec::new();
    for i in 0..count {
        let payload = format!("{i:08}{}", "x".repeat(size - 8));
        let mut publish = message(&format!("flood/{}", qos.as_u8()), payload, qos);
        if qos > QoS::AtMostOnce {
            publish.packet_id = Some(publisher.new_id());
            ids.extend(publish.packet_id);
        }
        bytes.extend(encode(&Packet::Publish(publish), ProtocolVersion::V3_1_1));
        if bytes.len() > 50_000 || i == count - 1 {
            publisher.send_bytes(&bytes).await;
            bytes.clear();
        }
    }
    for id in ids {
        publisher.puback(id).await;
    }
    publisher.ping().await;
    start.elapsed()
}

/// Reads until all numbers of both floods have come, in order.
async fn read_all(mut subscriber: Client, topics: &[&str], count: usize) {
    let mut next = vec![0; topics.len()];
    while next.iter().any(|next| *next < count) {
        let got = subscriber.message().await;
        let at = topics.iter().position(|topic| *topic == got.topic.as_str());
        let next = &mut next[at.expect("one of them")];
        let number = std::str::from_utf8(&got.payload[..8]).expect("text");
        assert_eq!(number, format!("{next:08}"), "of {}", got.topic);
        *next += 1;
    }
    subscriber.has_nothing().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_never_reads_takes_nothing_from_the_others() {
    const MESSAGES: usize = 20_000;
    let mut program = Program::start(CONFIG, &[]).await;
    program.keep_reading();
    let mut stalled = program.client(v3_1_1("stalled")).await;
    stalled.subscribe("flood/#", QoS::AtLeastOnce).await;
    let mut reader = program.client(v3_1_1("reader")).await;
    reader.subscribe("flood/#", QoS::AtLeastOnce).await;
    let before = program.memory();

    let topics = ["flood/0", "flood/1"];
    let reading = tokio::spawn(async move { read_all(reader, &topics, MESSAGES).await });
    let zero = program.client(v3_1_1("p0")).await;
    let one = program.client(v3_1_1("p1")).await;
    let floods = [
        tokio::spawn(flood(zero, QoS::AtMostOnce, MESSAGES, 1000)),
        tokio::spawn(flood(one, QoS::AtLeastOnce, MESSAGES, 1000)),
    ];
    let mut witness = program.client(v5("witness")).await;
    witness.subscribe("w", QoS::AtLeastOnce).await;
    let mut slowest = Duration::ZERO;
    while !reading.is_finished() {
        let start = Instant::now();
        witness.publish(message("w", "x", QoS::AtLeastOnce)).await;
        witness.message().await;
        slowest = slowest.max(start.elapsed());
    }
    reading.await.unwrap();
    for flood in floods {
        flood.await.unwrap();
    }
    let grown = program.memory().saturating_sub(before);
    assert!(grown < 64 * MEGABYTE, "{} MB more", grown / MEGABYTE);
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");

    // It finds what was kept for it when it reads again.
    assert!(!stalled.message().await.payload.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_reads_slowly_but_steadily_loses_nothing_at_qos_1() {
    const MESSAGES: usize = 3000;
    let mut program = Program::start(CONFIG, &[]).await;
    program.keep_reading();
    let mut slow = program.client(v3_1_1("slow")).await;
    slow.subscribe("flood/#", QoS::AtLeastOnce).await;
    let publisher = program.client(v3_1_1("p")).await;
    let flood = tokio::spawn(flood(publisher, QoS::AtLeastOnce, MESSAGES, 100));
    for i in 0..MESSAGES {
        let got = slow.message().await;
        assert_eq!(got.payload[..8], *format!("{i:08}").as_bytes());
        if i % 5 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    flood.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_one_that_never_reads_is_bounded() {
    let config = format!("{CONFIG}max_queued_bytes 8000000\n");
    let mut program = Program::start(&config, &[]).await;
    program.keep_reading();
    let mut stalled = program.client(v3_1_1("stalled")).await;
    stalled.subscribe("flood/#", QoS::AtLeastOnce).await;
    let before = program.memory();
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        let publisher = program.client(v3_1_1("p")).await;
        flood(publisher, qos, 1000, 100_000).await;
        let grown = program.memory().saturating_sub(before);
        assert!(grown < 64 * MEGABYTE, "{} MB at {qos:?}", grown / MEGABYTE);
    }
}
