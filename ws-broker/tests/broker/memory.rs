//! The broker's memory is bounded whatever clients do.

use codec::{Packet, Property, ProtocolVersion, QoS};

use crate::common::{Client, Program, WebSocket, encode, message, v3_1_1, v5};

const CONFIG: &str = "listener 0 127.0.0.1\nlistener 0 127.0.0.1\nprotocol websockets\n\
     allow_anonymous true\n";
const MEGABYTE: usize = 1 << 20;

async fn start() -> Program {
    let mut program = Program::start(CONFIG, &[]).await;
    program.keep_reading();
    program
}

/// Memory may grow by no more than `bound` while `work` goes on.
fn assert_grown(program: &Program, before: usize, bound: usize) {
    let grown = program.memory().saturating_sub(before);
    assert!(grown < bound, "{} MB more", grown / MEGABYTE);
}

#[tokio::test]
async fn broken_connections_leave_nothing_behind() {
    let program = start().await;
    let web = ([127, 0, 0, 1], program.ports()[1]).into();
    let round = async |count: usize| {
        for i in 0..count {
            let mut client = Client::open(program.address()).await;
            match i % 6 {
                // The largest packet there may be, announced only.
                0 => client.send_bytes(b"\x10\xff\xff\x79").await,
                1 => {
                    client.connect(v5("c")).await;
                    client.send_bytes(&[0x30, 0xff, 0xff, 0x79]).await;
                    client.send_bytes(&[b'x'; 100_000]).await;
                }
                2 => {
                    client.connect(v3_1_1("c")).await;
                    client
                        .subscribe(&format!("t/{i}/#"), QoS::ExactlyOnce)
                        .await;
                    client.send_bytes(b"\x00").await;
                }
                3 => {
                    client.connect(v5(&format!("c{i}"))).await;
                    client.send_bytes(b"\x82\x03\x00\x01\x00").await;
                }
                4 => {
                    let mut socket = WebSocket::open(web, "/").await;
                    socket
                        .send_raw(b"\x82\xff\x00\x00\x00\x00\x00\x10\x00\x00")
                        .await;
                }
                _ => drop(client.try_send_bytes(&[0xff; 3000]).await),
            }
        }
    };
    round(120).await;
    let before = program.memory();
    round(600).await;
    assert_grown(&program, before, 24 * MEGABYTE);
}

#[tokio::test]
async fn many_long_topics_are_not_remembered() {
    let program = start().await;
    let mut publisher = program.client(v3_1_1("p")).await;
    let before = program.memory();
    for i in 0..700 {
        let topic = format!("{i}/{}", "x".repeat(60_000));
        let publish = message(&topic, "x", QoS::AtMostOnce);
        publisher.send_publish(publish).await;
    }
    publisher.ping().await;
    assert_grown(&program, before, 16 * MEGABYTE);
}

/// Each SUBSCRIBE asks for all retained messages again.
#[tokio::test]
async fn asking_for_retained_messages_again_and_again_and_not_reading_them() {
    let program = start().await;
    let mut publisher = program.client(v3_1_1("p")).await;
    for i in 0..300 {
        let mut publish = message(&format!("t/{i}"), "x", QoS::AtMostOnce);
        publish.retain = true;
        publisher.send_publish(publish).await;
    }
    publisher.ping().await;
    for qos in [0, 1] {
        let mut greedy = program.client(v3_1_1("greedy")).await;
        let before = program.memory();
        let subscribe = [&b"\x82\x06\x00\x01\x00\x01#"[..], &[qos]]
            .concat()
            .repeat(8000);
        greedy.try_send_bytes(&subscribe).await;
        publisher.ping().await;
        assert_grown(&program, before, 24 * MEGABYTE);
        // All the same it is served when it reads.
        let got = greedy.unacknowledged().await;
        assert!(got.retain);
    }
}

#[tokio::test]
async fn who_takes_no_answer_is_not_read_from_without_end() {
    let program = start().await;
    let mut connect = v5("c");
    connect.properties.push(Property::MaximumPacketSize(1));
    let mut client = Client::open(program.address()).await;
    client.send_connect(connect).await;
    let before = program.memory();
    for _ in 0..400 {
        if !client.try_send_bytes(&[0xc0; 100_000]).await {
            break;
        }
    }
    let mut witness = program.client(v5("w")).await;
    witness.ping().await;
    assert_grown(&program, before, 16 * MEGABYTE);
}

/// A client that asks on and on and never reads an answer.
#[tokio::test]
async fn who_does_not_read_is_not_served_without_end() {
    let program = start().await;
    let mut publish = message("t", "x", QoS::AtLeastOnce);
    publish.packet_id = codec::PacketId::new(1);
    let publish = encode(&Packet::Publish(publish), ProtocolVersion::V3_1_1);
    for packet in [&b"\xc0\x00"[..], &publish, b"\xa2\x05\x00\x01\x00\x01t"] {
        let mut deaf = program.client(v3_1_1("deaf")).await;
        let before = program.memory();
        let packets = packet.repeat(30_000);
        let mut sent = 0;
        // What sockets hold on the way is about 20 MB.
        while deaf.sends_soon(&packets).await {
            sent += packets.len();
            assert!(sent < 100 * MEGABYTE, "it is served for ever");
        }
        assert_grown(&program, before, 16 * MEGABYTE);
        let mut witness = program.client(v5("w")).await;
        witness.ping().await;
        // When it reads, it is served again.
        let answer = deaf.next().await;
        assert!(answer.is_some());
    }
}
