//! MQTT over WebSocket (section 6).

use codec::{Packet, ProtocolVersion, QoS, ReasonCode};

use crate::common::{
    BINARY, Broker, CLOSE, CONTINUATION, PING, PONG, Program, TEXT, WebSocket, encode, message,
    start, v3_1, v3_1_1, v5,
};

/// The bytes of the next `len` bytes of MQTT, in however many frames.
async fn read(socket: &mut WebSocket, len: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < len {
        let (opcode, payload) = socket.receive().await.expect("it is open");
        assert_eq!(opcode, BINARY, "[MQTT-6.0.0-4]");
        bytes.extend(payload);
    }
    assert_eq!(bytes.len(), len);
    bytes
}

/// A socket whose client is connected, in 3.1.1.
async fn connected(broker: &Broker) -> WebSocket {
    let mut socket = WebSocket::open(broker.web, "/").await;
    let connect = encode(&Packet::Connect(v3_1_1("").into()), ProtocolVersion::V3_1_1);
    socket.send(BINARY, &connect).await;
    assert_eq!(read(&mut socket, 4).await, b"\x20\x02\x00\x00");
    socket
}

#[tokio::test]
async fn section_6_0_any_path_does_and_the_subprotocol_is_mqtt() {
    let broker = start().await;
    for path in ["/", "/mqtt", "/ws?token=1", "/a/b/c", "/index.html"] {
        let socket = WebSocket::open(broker.web, path).await;
        // RFC 6455, section 1.3, for the key that the test sends; the order and
        // the letters are Mosquitto's.
        assert_eq!(
            socket.head,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
             Sec-WebSocket-Protocol: mqtt\r\n\r\n"
        );
        let mut client = socket.into_client();
        client.connect(v5("c")).await;
        client.disconnect().await;
    }
    for (offer, chosen) in [
        ("Sec-WebSocket-Protocol: chat, mqtt", "mqtt"),
        (
            "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: mqtt",
            "mqtt",
        ),
        ("Sec-WebSocket-Protocol: mqttv3.1, mqtt", "mqtt"),
        ("Sec-WebSocket-Protocol: mqttv3.1", "mqttv3.1"),
    ] {
        let socket = WebSocket::ask(broker.web, "/", &format!("{offer}\r\n")).await;
        let protocol = format!("Sec-WebSocket-Protocol: {chosen}\r\n");
        assert!(socket.head.contains(&protocol), "{offer}: {}", socket.head);
        let mut client = socket.into_client();
        client.connect(v3_1("c")).await;
        client.disconnect().await;
    }
}

#[tokio::test]
async fn section_6_0_without_the_subprotocol_there_is_no_websocket() {
    let broker = start().await;
    for headers in [
        "",
        "Sec-WebSocket-Protocol: chat\r\n",
        "Sec-WebSocket-Protocol: mqttx\r\n",
    ] {
        let socket = WebSocket::ask(broker.web, "/", headers).await;
        assert!(socket.head.starts_with("HTTP/1.1 400 "), "{}", socket.head);
    }
    let config = "listener 0 127.0.0.1\nprotocol websockets\nallow_anonymous true\n";
    let mut program = Program::start(config, &[]).await;
    let socket = WebSocket::ask(program.address(), "/", "").await;
    assert!(socket.head.starts_with("HTTP/1.1 400 "), "{}", socket.head);
    let end = "it is not for subprotocol mqtt.";
    let line = program.line(|line| line.ends_with(end)).await;
    let start = "Refused a WebSocket from 127.0.0.1:";
    assert!(line.starts_with(start), "{line}");
}

#[tokio::test]
async fn section_6_0_packets_and_frames_need_not_align() {
    let broker = start().await;
    let mut witness = broker.client(v5("w")).await;
    witness.subscribe("t", QoS::AtLeastOnce).await;

    let mut socket = WebSocket::open(broker.web, "/").await;
    let mut bytes = encode(&Packet::Connect(v3_1_1("").into()), ProtocolVersion::V3_1_1);
    for text in ["1", "2"] {
        let publish = Packet::Publish(message("t", text, QoS::AtMostOnce));
        bytes.extend(encode(&publish, ProtocolVersion::V3_1_1));
    }
    // One byte a frame; empty frames between them.
    for byte in &bytes {
        socket.send(BINARY, &[*byte]).await;
        socket.send(BINARY, &[]).await;
    }
    assert_eq!(witness.payloads(2).await, ["1", "2"]);
    read(&mut socket, 4).await;

    // All in one frame.
    let mut socket = WebSocket::open(broker.web, "/").await;
    socket.send(BINARY, &bytes).await;
    assert_eq!(witness.payloads(2).await, ["1", "2"]);
    read(&mut socket, 4).await;

    // One message in several frames, with a ping between them.
    let mut socket = WebSocket::open(broker.web, "/").await;
    let (first, rest) = bytes.split_at(7);
    let (second, third) = rest.split_at(10);
    socket.send_part(BINARY, first, false).await;
    socket.send(PING, b"between").await;
    socket.send_part(CONTINUATION, second, false).await;
    socket.send_part(CONTINUATION, third, true).await;
    assert_eq!(witness.payloads(2).await, ["1", "2"]);
    let pong = socket.receive().await.expect("it is open");
    assert_eq!((pong.0, &pong.1[..]), (PONG, &b"between"[..]));
}

#[tokio::test]
async fn what_waits_for_a_client_comes_in_few_frames() {
    const MESSAGES: usize = 200;
    let broker = start().await;
    let mut socket = connected(&broker).await;
    socket.send(BINARY, b"\x82\x06\x00\x01\x00\x01t\x00").await;
    read(&mut socket, 5).await;
    let mut publisher = broker.client(v3_1_1("p")).await;
    let mut bytes = Vec::new();
    for i in 0..MESSAGES {
        let publish = Packet::Publish(message("t", format!("{i:04}"), QoS::AtMostOnce));
        bytes.extend(encode(&publish, ProtocolVersion::V3_1_1));
    }
    publisher.send_bytes(&bytes).await;
    let (mut got, mut frames) = (Vec::new(), 0);
    while got.len() < bytes.len() {
        let (_, payload) = socket.receive().await.expect("it is open");
        got.extend(payload);
        frames += 1;
    }
    assert_eq!(got, bytes);
    assert!(frames <= 20, "{frames} frames for one batch");
}

#[tokio::test]
async fn a_ping_is_answered_and_a_pong_is_not() {
    let broker = start().await;
    let mut socket = connected(&broker).await;
    socket.send(PONG, b"unasked").await;
    socket.send(PING, b"are you there").await;
    let (opcode, payload) = socket.receive().await.expect("it is open");
    assert_eq!((opcode, &payload[..]), (PONG, &b"are you there"[..]));
    socket.send(BINARY, b"\xc0\x00").await;
    assert_eq!(read(&mut socket, 2).await, b"\xd0\x00");
}

#[tokio::test]
async fn section_6_0_a_text_frame_ends_the_connection() {
    let broker = start().await;
    let mut witness = broker.client(v5("w")).await;
    witness.subscribe("#", QoS::AtLeastOnce).await;
    let publish = encode(
        &Packet::Publish(message("t", "before", QoS::AtMostOnce)),
        ProtocolVersion::V3_1_1,
    );
    for text in [&b"\xc0\x00"[..], b"hello", b""] {
        let mut socket = connected(&broker).await;
        socket.send(BINARY, &publish).await;
        assert_eq!(witness.text().await.1, "before");
        socket.send(TEXT, text).await;
        assert_ends(&mut socket).await;
    }
    let mut socket = WebSocket::open(broker.web, "/").await;
    socket.send(TEXT, b"\x10").await;
    assert_ends(&mut socket).await;
    witness.has_nothing().await;
}

/// The broker closes; it may say so before.
async fn assert_ends(socket: &mut WebSocket) {
    while let Some((opcode, payload)) = socket.receive().await {
        assert_eq!(opcode, CLOSE, "{payload:?}");
    }
}

#[tokio::test]
async fn broken_frames_end_the_connection() {
    let broker = start().await;
    let mut witness = broker.client(v5("w")).await;
    let long_ping = [&b"\x89\xfe\x00\x80\x00\x00\x00\x00"[..], &[0; 128]].concat();
    for bytes in [
        // A ping of more than 125 bytes, one in parts.
        &long_ping[..],
        b"\x09\x80\x00\x00\x00\x00",
        // Not masked; reserved bits; reserved opcodes.
        b"\x82\x02\xc0\x00",
        b"\xc2\x82\x00\x00\x00\x00\xc0\x00",
        b"\x83\x82\x00\x00\x00\x00\xc0\x00",
        b"\x8b\x82\x00\x00\x00\x00\xc0\x00",
        // A continuation of nothing.
        b"\x80\x82\x00\x00\x00\x00\xc0\x00",
        // Longer than any packet may be.
        b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00",
        b"\x82\xff\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00",
    ] {
        eprintln!("{bytes:?}");
        let mut socket = connected(&broker).await;
        socket.send_raw(bytes).await;
        assert_ends(&mut socket).await;
        witness.ping().await;
    }
}

#[tokio::test]
async fn a_close_is_answered_and_is_no_disconnect() {
    let broker = start().await;
    let mut witness = broker.client(v5("w")).await;
    witness.subscribe("will", QoS::AtLeastOnce).await;
    let mut socket = WebSocket::open(broker.web, "/").await;
    let mut connect = v3_1_1("c");
    connect.will = Some(codec::Will {
        topic: codec::TopicName::new("will").unwrap(),
        payload: "gone".into(),
        qos: QoS::AtLeastOnce,
        retain: false,
        properties: codec::Properties::new(),
    });
    let connect = encode(&Packet::Connect(connect.into()), ProtocolVersion::V3_1_1);
    socket.send(BINARY, &connect).await;
    read(&mut socket, 4).await;
    socket.send(CLOSE, b"\x03\xe8").await;
    let (opcode, payload) = socket.receive().await.expect("an answer");
    assert_eq!((opcode, &payload[..]), (CLOSE, &b"\x03\xe8"[..]));
    assert_eq!(socket.receive().await, None);
    assert_eq!(witness.text().await.1, "gone");

    // After DISCONNECT the broker closes the WebSocket in good order.
    let mut socket = connected(&broker).await;
    socket.send(BINARY, b"\xe0\x00").await;
    let (opcode, _) = socket.receive().await.expect("a close");
    assert_eq!(opcode, CLOSE);
    socket.send(CLOSE, b"\x03\xe8").await;
    assert_eq!(socket.receive().await, None);
}

#[tokio::test]
async fn a_violation_is_told_before_the_close() {
    let broker = start().await;
    let mut client = WebSocket::open(broker.web, "/").await.into_client();
    client.connect(v5("c")).await;
    client.send_bytes(b"\x30\x06\x00\x03t/#\x00").await;
    client.expect_disconnect(ReasonCode::TopicNameInvalid).await;
}

#[tokio::test]
async fn large_messages_go_both_ways_between_websocket_and_tcp() {
    let broker = start().await;
    let mut web = WebSocket::open(broker.web, "/").await.into_client();
    web.connect(v5("web")).await;
    let mut tcp = broker.client(v3_1_1("tcp")).await;
    web.subscribe("to/web", QoS::ExactlyOnce).await;
    tcp.subscribe("to/tcp", QoS::ExactlyOnce).await;
    let large: Vec<u8> = (0..1_000_000_u32).map(|i| ((i * 7) >> 3) as u8).collect();
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let (sent, got) = tokio::join!(
            tcp.publish(message("to/web", large.clone(), qos)),
            web.message()
        );
        assert!(!sent.is_failure());
        assert!(got.payload == large, "to web at {qos:?}");
        let (sent, got) = tokio::join!(
            web.publish(message("to/tcp", large.clone(), qos)),
            tcp.message()
        );
        assert!(!sent.is_failure());
        assert!(got.payload == large, "to tcp at {qos:?}");
    }
}
