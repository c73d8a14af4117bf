//! What matching and fan-out cost: `cargo bench -p ws-broker --features bench-api`.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use codec::{Packet, Properties, ProtocolVersion, Publish, QoS, TopicFilter, TopicName};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Runtime;
use ws_broker::bench_api::Routing;

/// Messages that a publisher's batch holds.
const BATCH: usize = 100;
/// Subscriptions of one client.
const EACH: usize = 100;

fn filter(text: String) -> TopicFilter {
    TopicFilter::new(text).expect("a topic filter")
}

/// The n-th of many filters.
type Filters = fn(usize) -> TopicFilter;

/// The topic of the n-th device of a large house.
fn topic(n: usize) -> String {
    format!("house/{}/{}/device{n}/state", n % 10, n / 10 % 100)
}

fn exact(n: usize) -> TopicFilter {
    filter(topic(n))
}

fn one_level(n: usize) -> TopicFilter {
    filter(format!("house/+/+/device{n}/state"))
}

fn all_levels(n: usize) -> TopicFilter {
    filter(format!("house/{}/{}/device{n}/#", n % 10, n / 10 % 100))
}

/// Finding those who match among many, none of which is remembered.
fn matching(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("threads");
    let mut group = criterion.benchmark_group("match");
    let kinds: [(&str, Filters); 3] = [("exact", exact), ("+", one_level), ("#", all_levels)];
    for count in [10, 1000, 100_000, 1_000_000] {
        for (kind, of) in kinds {
            let mut routing = runtime.block_on(Routing::start());
            for first in (0..count).step_by(EACH) {
                let last = count.min(first + EACH);
                routing.add_client((first..last).map(of), QoS::AtMostOnce);
            }
            let hit = topic(count / 2);
            let miss = topic(count);
            assert_eq!(routing.count_matching(&hit), 1);
            assert_eq!(routing.count_matching(&miss), 0);
            for (name, topic) in [("hit", &hit), ("miss", &miss)] {
                let id = BenchmarkId::new(format!("{kind}, {name}"), count);
                group.bench_function(id, |bencher| {
                    bencher.iter(|| routing.count_matching(black_box(topic)));
                });
            }
        }
    }
    group.finish();
}

/// From a batch of publishes to the outboxes, and out of them. The time is for
/// the batch, the throughput counts deliveries.
fn fan_out(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("threads");
    let name = TopicName::new(topic(0)).expect("a topic name");
    let payload = Bytes::from(vec![b'x'; 64]);
    let mut frame = BytesMut::new();
    let packet = Packet::Publish(Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: name.clone(),
        packet_id: None,
        properties: Properties::new(),
        payload: payload.clone(),
    });
    packet
        .encode(ProtocolVersion::V3_1_1, &mut frame)
        .expect("a valid packet");
    let mut group = criterion.benchmark_group("fan-out");
    for receivers in [1, 50, 1000] {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
            let mut routing = runtime.block_on(Routing::start());
            for _ in 0..receivers {
                routing.add_client([exact(0)], qos);
            }
            let mut batch = || {
                for _ in 0..BATCH {
                    match qos {
                        QoS::AtMostOnce => routing.publish_frame(&frame),
                        _ => routing.publish(&name, &payload, qos),
                    }
                }
                routing.flush();
                routing.drain()
            };
            let deliveries = BATCH * receivers;
            let expected = match qos {
                QoS::AtMostOnce => (deliveries * frame.len(), 0),
                _ => (0, deliveries),
            };
            assert_eq!(batch(), expected);
            group.throughput(Throughput::Elements(deliveries as u64));
            let id = BenchmarkId::new(format!("QoS {}", qos.as_u8()), receivers);
            group.bench_function(id, |bencher| bencher.iter(&mut batch));
        }
    }
    group.finish();
}

criterion_group!(benches, matching, fan_out);
criterion_main!(benches);
