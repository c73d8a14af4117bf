//! What comes in the place of a good CONNECT (section 3.1).

use codec::{Packet, Property, ProtocolVersion, QoS, ReasonCode};

use crate::common::{encode, message, start, v3_1_1, v5};

#[tokio::test]
async fn section_3_1_0_the_first_packet_is_connect() {
    let broker = start().await;
    for packet in [
        &b"\xc0\x00"[..],
        b"\x30\x04\x00\x01tx",
        b"\x32\x05\x00\x01t\x00\x01",
        b"\x82\x06\x00\x01\x00\x01t\x00",
        b"\xa2\x05\x00\x01\x00\x01t",
        b"\xe0\x00",
        b"\x40\x02\x00\x01",
        b"\x20\x02\x00\x00",
        b"\xf0\x00",
        b"\x00\x00",
        b"GET / HTTP/1.1\r\nHost: here\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\xff\xff\xff\xff\xff",
        b"\x10\xff\xff\xff\xff",
    ] {
        let mut client = broker.open().await;
        client.send_bytes(packet).await;
        client.expect_close().await;
    }
}

#[tokio::test]
async fn section_3_1_0_a_second_connect_ends_the_connection() {
    let broker = start().await;
    for version in [
        ProtocolVersion::V3_1,
        ProtocolVersion::V3_1_1,
        ProtocolVersion::V5,
    ] {
        let connect = codec::Connect::new(version, "c");
        let mut client = broker.client(connect.clone()).await;
        client.send_connect(connect).await;
        if version == ProtocolVersion::V5 {
            client.expect_disconnect(ReasonCode::ProtocolError).await;
        } else {
            client.expect_close().await;
        }
    }
}

#[tokio::test]
async fn section_3_1_2_2_an_unknown_version_is_told_so() {
    let broker = start().await;
    for level in [0, 1, 2, 3, 6, 7, 0x7f, 0x85] {
        let mut client = broker.open().await;
        let connect = [
            &b"\x10\x0e\x00\x04MQTT"[..],
            &[level],
            b"\x02\x00\x3c\x00\x02id",
        ];
        client.send_bytes(&connect.concat()).await;
        client
            .expect_refusal(ReasonCode::UnsupportedProtocolVersion)
            .await;
    }
}

#[tokio::test]
async fn section_3_1_4_malformed_connects_of_5_0_are_told_why() {
    let broker = start().await;
    for (body, reason) in [
        // Properties longer than the packet; unknown; of another packet.
        (&b"\x09\x00\x01c"[..], ReasonCode::MalformedPacket),
        (b"\x02\x7f\x00\x00\x01c", ReasonCode::MalformedPacket),
        (b"\x03\x23\x00\x01\x00\x01c", ReasonCode::MalformedPacket),
        // Twice; forbidden values.
        (
            b"\x06\x21\x00\x01\x21\x00\x01\x00\x01c",
            ReasonCode::ProtocolError,
        ),
        (b"\x03\x21\x00\x00\x00\x01c", ReasonCode::ProtocolError),
        (b"\x02\x17\x02\x00\x01c", ReasonCode::ProtocolError),
    ] {
        let mut client = broker.open().await;
        client.speak(ProtocolVersion::V5);
        let body = [&b"\x00\x04MQTT\x05\x02\x00\x3c"[..], body].concat();
        let header = [0x10, u8::try_from(body.len()).unwrap()];
        client.send_bytes(&[&header[..], &body].concat()).await;
        client.expect_refusal(reason).await;
    }
}

#[tokio::test]
async fn section_3_1_malformed_connects_are_closed() {
    let broker = start().await;
    // Fixed header, then the body in parts: name, level, flags, keep alive,
    // (properties,) payload.
    for body in [
        &b""[..],
        b"\x00",
        b"\x00\x04MQT",
        b"\x00\x04MQTX\x04\x02\x00\x3c\x00\x01c",
        b"\x00\x04mqtt\x04\x02\x00\x3c\x00\x01c",
        b"\x00\x04MQTT\x04",
        b"\x00\x04MQTT\x04\x02\x00\x3c",
        b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x05c",
        // [MQTT-3.1.2-3]
        b"\x00\x04MQTT\x04\x03\x00\x3c\x00\x01c",
        // Will QoS, will retain, but no will.
        b"\x00\x04MQTT\x04\x0a\x00\x3c\x00\x01c",
        b"\x00\x04MQTT\x04\x22\x00\x3c\x00\x01c",
        // Will QoS 3.
        b"\x00\x04MQTT\x04\x1e\x00\x3c\x00\x01c\x00\x01t\x00\x01x",
        // Will without payload; will topic with a wildcard.
        b"\x00\x04MQTT\x04\x06\x00\x3c\x00\x01c\x00\x01t",
        b"\x00\x04MQTT\x04\x06\x00\x3c\x00\x01c\x00\x01#\x00\x01x",
        // A password without a user name, before 5.0.
        b"\x00\x04MQTT\x04\x42\x00\x3c\x00\x01c\x00\x01p",
        // A user name that is announced and not there.
        b"\x00\x04MQTT\x04\x82\x00\x3c\x00\x01c",
        // Something left over.
        b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x01cx",
        // A client identifier that is no UTF-8, one with U+0000.
        b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x02c\xff",
        b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x02c\x00",
    ] {
        let mut client = broker.open().await;
        let header = [0x10, u8::try_from(body.len()).unwrap()];
        client.send_bytes(&[&header, body].concat()).await;
        client.expect_close().await;
    }
    for flags in [0x11, 0x12, 0x1f] {
        let mut client = broker.open().await;
        let mut connect = encode(&Packet::Connect(v3_1_1("c").into()), ProtocolVersion::V5);
        connect[0] = flags;
        client.send_bytes(&connect).await;
        client.expect_close().await;
    }
}

#[tokio::test]
async fn a_length_over_the_limit_is_refused_before_the_packet_has_come() {
    let broker = start().await;
    let mut client = broker.open().await;
    client.send_bytes(b"\x10\xff\xff\xff\x7f").await;
    client.expect_close().await;
}

#[tokio::test]
async fn section_4_12_an_authentication_method_that_is_not_known_is_refused() {
    let broker = start().await;
    let mut connect = v5("c");
    connect
        .properties
        .push(Property::AuthenticationMethod("SCRAM-SHA-1".into()));
    let mut client = broker.open().await;
    client.send_connect(connect).await;
    client
        .expect_refusal(ReasonCode::BadAuthenticationMethod)
        .await;
}

#[tokio::test]
async fn a_connect_may_come_byte_by_byte_and_what_follows_it_at_once() {
    let broker = start().await;
    let mut client = broker.open().await;
    let connect = encode(&Packet::Connect(v3_1_1("c").into()), ProtocolVersion::V5);
    for byte in &connect {
        client.send_bytes(&[*byte]).await;
    }
    client.connected().await;

    let mut client = broker.open().await;
    let together = [&connect[..], b"\xc0\x00", b"\x82\x06\x00\x07\x00\x01t\x00"].concat();
    client.send_bytes(&together).await;
    client.connected().await;
    assert_eq!(client.next().await, Some(Packet::PingResp));
    let Some(Packet::SubAck(suback)) = client.next().await else {
        panic!("SUBACK expected");
    };
    assert_eq!(suback.packet_id.get(), 7);
}

#[tokio::test]
async fn half_a_connect_holds_nobody_up() {
    let broker = start().await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        let mut client = broker.open().await;
        client.send_bytes(b"\x10\x0e\x00\x04MQ").await;
        silent.push(client);
    }
    let mut client = broker.client(v3_1_1("c")).await;
    client.ping().await;
}

/// A server may, and Mosquitto does.
#[tokio::test]
async fn section_1_5_4_control_characters_in_names_are_refused() {
    let broker = start().await;
    for id in ["a\nb", "\u{7f}", "\u{9f}", "\u{ffff}"] {
        for connect in [v3_1_1(id), v5(id)] {
            let mut client = broker.open().await;
            client.send_connect(connect).await;
            client
                .expect_refusal(ReasonCode::ClientIdentifierNotValid)
                .await;
        }
    }
    let mut connect = v5("c");
    connect.username = Some("ada\u{1}".into());
    let mut client = broker.open().await;
    client.send_connect(connect).await;
    client
        .expect_refusal(ReasonCode::BadUserNameOrPassword)
        .await;
}

#[tokio::test]
async fn section_1_5_4_control_characters_in_topics_end_the_connection() {
    let broker = start().await;
    let malformed = ReasonCode::MalformedPacket;
    for (topic, qos) in [("a\nb", QoS::AtMostOnce), ("a\u{9f}", QoS::AtLeastOnce)] {
        let mut client = broker.client(v5("c")).await;
        client.send_publish(message(topic, "x", qos)).await;
        client.expect_disconnect(malformed).await;
        let mut client = broker.client(v3_1_1("c")).await;
        client.send_publish(message(topic, "x", qos)).await;
        client.expect_close().await;
    }
    let mut client = broker.client(v5("c")).await;
    client
        .send_bytes(b"\x82\x09\x00\x01\x00\x00\x03a\x1fb\x00")
        .await;
    client.expect_disconnect(malformed).await;
}
