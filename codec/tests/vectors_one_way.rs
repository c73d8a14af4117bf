//! What is read but never written, what is written with something left out,
//! and what is not written at all.

mod common;

use bytes::Bytes;
use codec::{
    Auth, Connect, EncodeError, MAX_REMAINING_LENGTH, Packet, PacketType, Property, PropertyId,
    ProtocolVersion, QoS, ReasonCode, RetainHandling, SubscriptionOptions, Will,
};
use common::packets::*;
use common::{
    ALL, ONLY_V3_1, ONLY_V3_1_1, ONLY_V5, V3, V3_1, V3_1_1, V5, Vector, bytes, decode, encode,
};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Other ways to write a packet, which are accepted but not used.
#[test]
#[rustfmt::skip] // A table is read in rows.
fn decode_only() {
    use ReasonCode as R;
    let vectors = [
        Vector("a longer remaining length than need be", ALL, "c0 80808000", Packet::PingReq),
        Vector("3.4.2.1 success need not be left out", ONLY_V5, "40 03 0001 00", Packet::PubAck(plain(1))),
        Vector("3.4.2.2.1 nor an empty property length", ONLY_V5, "40 04 0001 00 00", Packet::PubAck(plain(1))),
        Vector("3.6.2.2.1", ONLY_V5, "62 04 0001 92 00", Packet::PubRel(ack(1, R::PacketIdentifierNotFound, NONE))),
        Vector("3.14.2.2.1 a property length of nothing", ONLY_V5, "e0 02 8e 00", disconnect(R::SessionTakenOver, NONE)),
        Vector("3.14.2.1", ONLY_V5, "e0 02 00 00", disconnect(R::Success, NONE)),
        Vector("2.1 of 3.1, PUBREL sent again", ONLY_V3_1, "6a 02 0001", Packet::PubRel(plain(1))),
        Vector("2.1 of 3.1, SUBSCRIBE sent again", ONLY_V3_1, "8a 06 0001 <t> 00", subscribe(1, NONE, &[("t", QoS::AtMostOnce.into())])),
        Vector("2.1 of 3.1, UNSUBSCRIBE sent again", ONLY_V3_1, "aa 05 0001 <t>", unsubscribe(1, NONE, &["t"])),
        Vector("2.1 of 3.1, DUP at QoS 0 has no meaning", ONLY_V3_1, "38 03 <t>", publish("t", b"", |_| {})),
        Vector("3.2 of 3.1, the first byte is unused", ONLY_V3_1, "20 02 ff 00", connack(false, R::Success, NONE)),
        Vector("3.1 of 3.1, bit 0 is unused", ONLY_V3_1, "10 0f <MQIsdp> 03 03 003c <c>", connect(V3_1, |_| {})),
        Vector(
            "3.1 of 3.1, will QoS and retain are disregarded without a will",
            ONLY_V3_1,
            "10 0f <MQIsdp> 03 3a 003c <c>",
            connect(V3_1, |_| {}),
        ),
        Vector("3.1 of 3.1, the user name may be missing", ONLY_V3_1, "10 0f <MQIsdp> 03 82 003c <c>", connect(V3_1, |_| {})),
        Vector(
            "3.1 of 3.1, the password may be missing",
            ONLY_V3_1,
            "10 12 <MQIsdp> 03 c2 003c <c> <u>",
            connect(V3_1, |c| c.username = Some("u".into())),
        ),
        Vector(
            "4.1 of 3.1.1, the refusal of a server without 5.0",
            ONLY_V5,
            "20 02 00 01",
            connack(false, R::UnsupportedProtocolVersion, NONE),
        ),
    ];
    for Vector(section, versions, text, packet) in vectors {
        for &version in versions {
            let name = format!("{section} in {version}: {text}");
            assert_eq!(
                decode(&bytes(text), version),
                Ok(Some(packet.clone())),
                "{name}"
            );
        }
    }
    for version in [V3_1, V3_1_1, V5] {
        let sent = bytes("10 0e <MQTT> 05 02 003c 00 <c>");
        assert_eq!(
            decode(&sent, version),
            Ok(Some(connect(V5, |_| {}))),
            "CONNECT tells its own version"
        );
    }
}

/// What a version does not have is left out.
#[test]
#[rustfmt::skip] // A table is read in rows.
fn encode_only() {
    use ReasonCode as R;
    let vectors = [
        Vector("CONNACK's reasons", V3, "20 02 00 03", connack(false, R::QuotaExceeded, why())),
        Vector("CONNACK's reasons", V3, "20 02 00 05", connack(false, R::Banned, NONE)),
        Vector("no session present in 3.1", ONLY_V3_1, "20 02 00 00", connack(true, R::Success, NONE)),
        Vector("PUBACK's reason", V3, "40 02 0001", Packet::PubAck(ack(1, R::QuotaExceeded, why()))),
        Vector("PUBLISH's properties", V3, "30 03 <t>", publish("t", b"", |p| p.properties = why())),
        Vector(
            "SUBSCRIBE's options",
            V3,
            "82 06 0001 <t> 02",
            subscribe(
                1,
                properties([Property::SubscriptionIdentifier(1)]),
                &[(
                    "t",
                    SubscriptionOptions {
                        qos: QoS::ExactlyOnce,
                        no_local: true,
                        retain_as_published: true,
                        retain_handling: RetainHandling::SendIfNew,
                    },
                )],
            ),
        ),
        Vector("SUBACK's failures", V3, "90 04 0001 80 01", suback(1, why(), &[R::QuotaExceeded, R::GrantedQoS1])),
        Vector("UNSUBACK's reasons", V3, "b0 02 0001", unsuback(1, why(), &[R::Success])),
        Vector("UNSUBSCRIBE's properties", V3, "a2 05 0001 <t>", unsubscribe(1, why(), &["t"])),
        Vector("DISCONNECT's reason", V3, "e0 00", disconnect(R::ServerShuttingDown, why())),
        Vector(
            "CONNECT's properties",
            ONLY_V3_1_1,
            "10 16 <MQTT> 04 36 003c <c> <w> <gone>",
            connect(V3_1_1, |c| {
                c.properties = why();
                c.will = Some(will(why()));
            }),
        ),
        Vector("a bridge's mark in 5.0", ONLY_V5, "10 0e <MQTT> 05 02 003c 00 <c>", connect(V5, |c| c.bridge = true)),
        Vector("[MQTT-3.3.1-2] DUP at QoS 0", V3, "30 03 <t>", publish("t", b"", |p| p.dup = true)),
    ];
    for Vector(section, versions, text, packet) in vectors {
        for &version in versions {
            let name = format!("{section} in {version}: {text}");
            assert_eq!(
                encode(&packet, version).as_deref(),
                Ok(&bytes(text)[..]),
                "{name}"
            );
        }
    }
}

#[test]
#[rustfmt::skip] // A table is read in rows.
fn encode_errors() {
    let long = "x".repeat(65_536);
    let connect_with = |version, edit: fn(&mut Connect)| connect(version, edit);
    let vectors: Vec<(ProtocolVersion, Packet, EncodeError)> = vec![
        (V5, connect(V5, |c| c.client_id = long.as_str().into()), EncodeError::FieldTooLong(65_536)),
        (V5, connect(V5, |c| c.username = Some(long.as_str().into())), EncodeError::FieldTooLong(65_536)),
        (V5, connect(V5, |c| c.password = Some(long.clone().into())), EncodeError::FieldTooLong(65_536)),
        (
            V3_1_1,
            connect(V3_1_1, |c| {
                c.will = Some(Will {
                    payload: long.clone().into(),
                    ..will(NONE)
                });
            }),
            EncodeError::FieldTooLong(65_536),
        ),
        (
            V5,
            disconnect(
                ReasonCode::Success,
                properties([Property::ReasonString(long.as_str().into())]),
            ),
            EncodeError::FieldTooLong(65_536),
        ),
        (V5, connect_with(V5, |c| c.client_id = "a\0".into()), EncodeError::Nul),
        (V5, connect_with(V5, |c| c.username = Some("\0".into())), EncodeError::Nul),
        (V5, disconnect(ReasonCode::Success, properties([user("a", "\0")])), EncodeError::Nul),
        (V5, disconnect(ReasonCode::Success, properties([user("\0", "a")])), EncodeError::Nul),
        (V3_1_1, connect_with(V3_1_1, |c| c.password = Some(Bytes::new())), EncodeError::PasswordWithoutUsername),
        (V3_1, connect_with(V3_1, |c| c.password = Some(Bytes::new())), EncodeError::PasswordWithoutUsername),
        (V3_1_1, Packet::Auth(Auth { reason: ReasonCode::Success, properties: NONE, }), EncodeError::NotInVersion(PacketType::Auth)),
        (V3_1_1, publish("t", b"", |p| { p.payload = vec![0; MAX_REMAINING_LENGTH].into() }), EncodeError::PacketTooLong(268_435_463)),
        (V5, subscribe(1, NONE, &[]), EncodeError::EmptyPayload(PacketType::Subscribe)),
        (V3_1, unsubscribe(1, NONE, &[]), EncodeError::EmptyPayload(PacketType::Unsubscribe)),
        (V3_1_1, suback(1, NONE, &[]), EncodeError::EmptyPayload(PacketType::SubAck)),
        (V5, unsuback(1, NONE, &[]), EncodeError::EmptyPayload(PacketType::UnsubAck)),
    ];
    for (version, packet, error) in vectors {
        assert_eq!(encode(&packet, version), Err(error), "{error}");
    }
    for (property, id) in [
        (Property::ReceiveMaximum(0), PropertyId::ReceiveMaximum),
        (Property::MaximumPacketSize(0), PropertyId::MaximumPacketSize),
        (Property::TopicAlias(0), PropertyId::TopicAlias),
        (Property::MaximumQoS(2), PropertyId::MaximumQoS),
        (Property::SubscriptionIdentifier(0), PropertyId::SubscriptionIdentifier),
        (Property::SubscriptionIdentifier(268_435_456), PropertyId::SubscriptionIdentifier),
        (Property::ResponseTopic("a/#".into()), PropertyId::ResponseTopic),
    ] {
        let packet = publish("t", b"", |p| p.properties.push(property));
        assert_eq!(encode(&packet, V5), Err(EncodeError::PropertyValue(id)));
    }
}
