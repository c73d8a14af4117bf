//! What decoding and encoding a packet costs: `cargo bench -p codec`.

use std::hint::black_box;

use bytes::BytesMut;
use codec::{
    Ack, Connect, FixedHeader, Packet, PacketId, Properties, Property, ProtocolVersion, Publish,
    PublishView, QoS, ReasonCode, TopicName,
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn publish(qos: QoS, payload: usize, properties: Properties) -> Publish {
    Publish {
        dup: false,
        qos,
        retain: false,
        topic: TopicName::new("Kitchen/Fridge/Temperature").expect("a topic name"),
        packet_id: (qos > QoS::AtMostOnce).then_some(PacketId::MIN),
        properties,
        payload: vec![b'x'; payload].into(),
    }
}

/// What is sent most often, and what is dearest.
fn packets() -> Vec<(&'static str, ProtocolVersion, Packet)> {
    let described: Properties = [
        Property::MessageExpiryInterval(60),
        Property::ContentType("text/plain".into()),
        Property::UserProperty(("room".into(), "kitchen".into())),
    ]
    .into_iter()
    .collect();
    let none = Properties::new;
    let ack = Packet::PubAck(Ack::new(PacketId::MIN, ReasonCode::Success));
    vec![
        (
            "QoS 0, 64 bytes, 3.1.1",
            ProtocolVersion::V3_1_1,
            Packet::Publish(publish(QoS::AtMostOnce, 64, none())),
        ),
        (
            "QoS 1, 64 bytes, 5.0",
            ProtocolVersion::V5,
            Packet::Publish(publish(QoS::AtLeastOnce, 64, none())),
        ),
        (
            "QoS 1, 64 bytes, 5.0, 3 properties",
            ProtocolVersion::V5,
            Packet::Publish(publish(QoS::AtLeastOnce, 64, described)),
        ),
        (
            "QoS 0, 64 KB, 3.1.1",
            ProtocolVersion::V3_1_1,
            Packet::Publish(publish(QoS::AtMostOnce, 64 << 10, none())),
        ),
        ("PUBACK, 5.0", ProtocolVersion::V5, ack),
        (
            "CONNECT, 5.0",
            ProtocolVersion::V5,
            Packet::Connect(Connect::new(ProtocolVersion::V5, "fridge").into()),
        ),
    ]
}

fn encoded(packet: &Packet, version: ProtocolVersion) -> BytesMut {
    let mut bytes = BytesMut::new();
    packet.encode(version, &mut bytes).expect("a valid packet");
    bytes
}

/// From bytes to a packet that owns what it holds.
fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for (name, version, packet) in packets() {
        let bytes = encoded(&packet, version);
        group.throughput(Throughput::Elements(1));
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(
                || bytes.clone(),
                |bytes| Packet::decode(black_box(bytes), version, usize::MAX),
                criterion::BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

/// A PUBLISH read where it lies, as the broker does with what it passes on.
fn view(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode in place");
    for size in [64, 64 << 10] {
        let packet = Packet::Publish(publish(QoS::AtMostOnce, size, Properties::new()));
        let version = ProtocolVersion::V3_1_1;
        let bytes = encoded(&packet, version);
        group.throughput(Throughput::Elements(1));
        group.bench_function(BenchmarkId::new("QoS 0", size), |bencher| {
            bencher.iter(|| {
                let bytes = black_box(&bytes[..]);
                let header = FixedHeader::peek(bytes, usize::MAX).expect("valid");
                let header = header.expect("all there");
                let body = bytes.len() - header.remaining;
                let view = PublishView::parse(header.flags, &bytes[body..], version);
                black_box(view.expect("valid").payload.len())
            });
        });
    }
    group.finish();
}

/// From a packet to bytes.
fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    for (name, version, packet) in packets() {
        let mut out = BytesMut::with_capacity(128 << 10);
        group.throughput(Throughput::Elements(1));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                black_box(&packet).encode(version, &mut out)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decode, view, encode);
criterion_main!(benches);
