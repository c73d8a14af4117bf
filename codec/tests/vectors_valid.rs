//! Packets and their bytes, both ways, by section of the specification: of
//! 5.0, unless the name says 3.1 or 3.1.1.

mod common;

use bytes::{Bytes, BytesMut};
use codec::{
    Auth, FixedHeader, MAX_REMAINING_LENGTH, Packet, PacketType, Property, QoS, ReasonCode,
    RetainHandling, SubscriptionOptions,
};
use common::packets::*;
use common::{
    ALL, ONLY_V3_1, ONLY_V3_1_1, ONLY_V5, V3, V3_1, V3_1_1, V5, Vector, bytes, decode, encode,
};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[rustfmt::skip] // A table is read in rows.
fn connects() -> Vec<Vector> {
    vec![
        Vector("3.1 of 3.1", ONLY_V3_1, "10 0f <MQIsdp> 03 02 003c <c>", connect(V3_1, |_| {})),
        Vector("3.1 of 3.1.1", ONLY_V3_1_1, "10 0d <MQTT> 04 02 003c <c>", connect(V3_1_1, |_| {})),
        Vector("3.1", ONLY_V5, "10 0e <MQTT> 05 02 003c 00 <c>", connect(V5, |_| {})),
        Vector("3.1.2.4 clean start off", ONLY_V5, "10 0e <MQTT> 05 00 003c 00 <c>", connect(V5, |c| c.clean_start = false)),
        Vector("3.1.2.10 keep alive", ONLY_V5, "10 0e <MQTT> 05 02 1234 00 <c>", connect(V5, |c| c.keep_alive = 0x1234)),
        Vector(
            "3.1.3.1 of 3.1.1, empty client identifier",
            ONLY_V3_1_1,
            "10 0c <MQTT> 04 02 0000 0000",
            connect(V3_1_1, |c| {
                c.client_id = "".into();
                c.keep_alive = 0;
            }),
        ),
        Vector(
            "3.1.2.5 of 3.1.1, a will",
            ONLY_V3_1_1,
            "10 16 <MQTT> 04 36 003c <c> <w> <gone>",
            connect(V3_1_1, |c| c.will = Some(will(NONE))),
        ),
        Vector(
            "3.1.2.5 of 3.1, a will",
            ONLY_V3_1,
            "10 18 <MQIsdp> 03 36 003c <c> <w> <gone>",
            connect(V3_1, |c| c.will = Some(will(NONE))),
        ),
        Vector(
            "3.1.3.2 a will with properties",
            ONLY_V5,
            "10 30 <MQTT> 05 36 003c 00 <c> 18 18 00000005 01 01 02 0000003c 03 <t> 08 <r> 09 <d> <w> <gone>",
            connect(V5, |c| {
                c.will = Some(will(properties([
                    Property::WillDelayInterval(5),
                    Property::PayloadFormatIndicator(true),
                    Property::MessageExpiryInterval(60),
                    Property::ContentType("t".into()),
                    Property::ResponseTopic("r".into()),
                    Property::CorrelationData(Bytes::from_static(b"d")),
                ])));
            }),
        ),
        Vector(
            "3.1.2.8 user name and password",
            ONLY_V3_1_1,
            "10 14 <MQTT> 04 c2 003c <c> <u> 0002 00ff",
            connect(V3_1_1, |c| {
                c.username = Some("u".into());
                c.password = Some(Bytes::from_static(&[0, 0xff]));
            }),
        ),
        Vector("3.1.2.8 user name alone", ONLY_V3_1, "10 12 <MQIsdp> 03 82 003c <c> <u>", connect(V3_1, |c| c.username = Some("u".into()))),
        Vector(
            "3.1.2.9 a password without a user name",
            ONLY_V5,
            "10 11 <MQTT> 05 42 003c 00 <c> <p>",
            connect(V5, |c| c.password = Some(Bytes::from_static(b"p"))),
        ),
        Vector(
            "3.1.3 payload fields, in order",
            ONLY_V3_1_1,
            "10 1c <MQTT> 04 f6 003c <c> <w> <gone> <u> <p>",
            connect(V3_1_1, |c| {
                c.will = Some(will(NONE));
                c.username = Some("u".into());
                c.password = Some(Bytes::from_static(b"p"));
            }),
        ),
        Vector(
            "3.1.2.11 properties",
            ONLY_V5,
            "10 37 <MQTT> 05 02 003c 29 11 ffffffff 21 0001 27 00000001 22 0000 19 01 17 00 26 <a> <b> 15 <m> 16 0001 00 26 <a> 0000 <c>",
            connect(V5, |c| {
                c.properties = properties([
                    Property::SessionExpiryInterval(u32::MAX),
                    Property::ReceiveMaximum(1),
                    Property::MaximumPacketSize(1),
                    Property::TopicAliasMaximum(0),
                    Property::RequestResponseInformation(true),
                    Property::RequestProblemInformation(false),
                    user("a", "b"),
                    Property::AuthenticationMethod("m".into()),
                    Property::AuthenticationData(Bytes::from_static(&[0])),
                    user("a", ""),
                ]);
            }),
        ),
        Vector("a bridge of Mosquitto, 3.1", ONLY_V3_1, "10 0f <MQIsdp> 83 02 003c <c>", connect(V3_1, |c| c.bridge = true)),
        Vector("a bridge of Mosquitto, 3.1.1", ONLY_V3_1_1, "10 0d <MQTT> 84 02 003c <c>", connect(V3_1_1, |c| c.bridge = true)),
        Vector(
            "1.5.4 text of one to four bytes a character",
            ONLY_V3_1_1,
            "10 16 <MQTT> 04 02 003c 000a 41 c3a9 e282ac f09f8ca1",
            connect(V3_1_1, |c| c.client_id = "Aé€🌡".into()),
        ),
        Vector(
            "[MQTT-1.5.4-3] U+FEFF stays where it is",
            ONLY_V3_1_1,
            "10 10 <MQTT> 04 02 003c 0004 efbbbf 63",
            connect(V3_1_1, |c| c.client_id = "\u{feff}c".into()),
        ),
    ]
}

#[rustfmt::skip] // A table is read in rows.
fn connacks() -> Vec<Vector> {
    use ReasonCode as R;
    vec![
        Vector("3.2 of 3.1.1", V3, "20 02 00 00", connack(false, R::Success, NONE)),
        Vector("3.2.2.2 of 3.1.1", ONLY_V3_1_1, "20 02 01 00", connack(true, R::Success, NONE)),
        Vector("3.2.2.3 of 3.1.1", V3, "20 02 00 01", connack(false, R::UnsupportedProtocolVersion, NONE)),
        Vector("3.2.2.3 of 3.1.1", V3, "20 02 00 02", connack(false, R::ClientIdentifierNotValid, NONE)),
        Vector("3.2.2.3 of 3.1.1", V3, "20 02 00 03", connack(false, R::ServerUnavailable, NONE)),
        Vector("3.2.2.3 of 3.1.1", V3, "20 02 00 04", connack(false, R::BadUserNameOrPassword, NONE)),
        Vector("3.2.2.3 of 3.1.1", V3, "20 02 00 05", connack(false, R::NotAuthorized, NONE)),
        Vector("3.2", ONLY_V5, "20 03 00 00 00", connack(false, R::Success, NONE)),
        Vector("3.2.2.1.1 session present", ONLY_V5, "20 03 01 00 00", connack(true, R::Success, NONE)),
        Vector("3.2.2.2 reason code", ONLY_V5, "20 03 00 8c 00", connack(false, R::BadAuthenticationMethod, NONE)),
        Vector(
            "3.2.2.3 properties",
            ONLY_V5,
            "20 40 00 00 3d 11 00000000 21 ffff 24 01 25 00 27 00000400 12 <x> 22 000a 1f <why> 26 <a> <b> 28 00 29 00 2a 00 13 0000 1a <i> 1c <s> 15 <m> 16 0000",
            connack(
                false,
                R::Success,
                properties([
                    Property::SessionExpiryInterval(0),
                    Property::ReceiveMaximum(u16::MAX),
                    Property::MaximumQoS(1),
                    Property::RetainAvailable(false),
                    Property::MaximumPacketSize(1_024),
                    Property::AssignedClientIdentifier("x".into()),
                    Property::TopicAliasMaximum(10),
                    Property::ReasonString("why".into()),
                    user("a", "b"),
                    Property::WildcardSubscriptionAvailable(false),
                    Property::SubscriptionIdentifierAvailable(false),
                    Property::SharedSubscriptionAvailable(false),
                    Property::ServerKeepAlive(0),
                    Property::ResponseInformation("i".into()),
                    Property::ServerReference("s".into()),
                    Property::AuthenticationMethod("m".into()),
                    Property::AuthenticationData(Bytes::new()),
                ]),
            ),
        ),
    ]
}

#[rustfmt::skip] // A table is read in rows.
fn publishes() -> Vec<Vector> {
    vec![
        Vector("3.3 of 3.1.1", V3, "30 1e <Kitchen/Fridge> 'Temperature:14'", publish("Kitchen/Fridge", b"Temperature:14", |_| {})),
        Vector("3.3", ONLY_V5, "30 1f <Kitchen/Fridge> 00 'Temperature:14'", publish("Kitchen/Fridge", b"Temperature:14", |_| {})),
        Vector("3.3.1.3 retain", V3, "31 04 <t> 'x'", publish("t", b"x", |p| p.retain = true)),
        Vector("3.3.1.2 QoS 1", V3, "32 06 <t> 000a 'x'", publish("t", b"x", |p| acknowledge(p, QoS::AtLeastOnce, 10))),
        Vector("3.3.1.2 QoS 2", V3, "34 06 <t> ffff 'x'", publish("t", b"x", |p| acknowledge(p, QoS::ExactlyOnce, u16::MAX))),
        Vector(
            "3.3.1.1 DUP",
            ONLY_V5,
            "3d 07 <t> 0001 00 'x'",
            publish("t", b"x", |p| {
                acknowledge(p, QoS::ExactlyOnce, 1);
                (p.dup, p.retain) = (true, true);
            }),
        ),
        Vector("3.3.3 a payload of no bytes", V3, "30 03 <t>", publish("t", b"", |_| {})),
        Vector("3.3.3 a payload of any bytes", ONLY_V5, "30 08 <t> 00 00ff80fe", publish("t", &[0, 0xff, 0x80, 0xfe], |_| {})),
        Vector(
            "3.3.2.3 properties, several subscription identifiers",
            ONLY_V5,
            "32 38 <t> 0001 31 01 00 02 ffffffff 23 0001 08 <r/s> 09 0002 00ff 26 <a> <b> 0b 01 0b 8001 0b ffffff7f 03 <c> 26 <a> <a> 'x'",
            publish("t", b"x", |p| {
                acknowledge(p, QoS::AtLeastOnce, 1);
                p.properties = properties([
                    Property::PayloadFormatIndicator(false),
                    Property::MessageExpiryInterval(u32::MAX),
                    Property::TopicAlias(1),
                    Property::ResponseTopic("r/s".into()),
                    Property::CorrelationData(Bytes::from_static(&[0, 0xff])),
                    user("a", "b"),
                    Property::SubscriptionIdentifier(1),
                    Property::SubscriptionIdentifier(128),
                    Property::SubscriptionIdentifier(268_435_455),
                    Property::ContentType("c".into()),
                    user("a", "a"),
                ]);
            }),
        ),
        Vector(
            "3.3.2.1 an empty topic name with a topic alias",
            ONLY_V5,
            "30 07 0000 03 23 ffff 'x'",
            publish("", b"x", |p| {
                p.properties = properties([Property::TopicAlias(u16::MAX)]);
            }),
        ),
        Vector("4.7.3 spaces, slashes and $", V3, "30 0b <$a/ /b/ > 'x'", publish("$a/ /b/ ", b"x", |_| {})),
        Vector("4.7.3 a slash alone", V3, "30 04 </> 'x'", publish("/", b"x", |_| {})),
    ]
}

#[rustfmt::skip] // A table is read in rows.
fn acks() -> Vec<Vector> {
    use ReasonCode as R;
    vec![
        Vector("3.4", ALL, "40 02 0001", Packet::PubAck(plain(1))),
        Vector("3.5", ALL, "50 02 1234", Packet::PubRec(plain(0x1234))),
        Vector("3.6, flags 0010", ALL, "62 02 ffff", Packet::PubRel(plain(u16::MAX))),
        Vector("3.7", ALL, "70 02 0001", Packet::PubComp(plain(1))),
        Vector("3.4.2.1 reason code", ONLY_V5, "40 03 0001 10", Packet::PubAck(ack(1, R::NoMatchingSubscribers, NONE))),
        Vector("3.5.2.1 reason code", ONLY_V5, "50 03 0001 97", Packet::PubRec(ack(1, R::QuotaExceeded, NONE))),
        Vector("3.6.2.1 reason code", ONLY_V5, "62 03 0001 92", Packet::PubRel(ack(1, R::PacketIdentifierNotFound, NONE))),
        Vector("3.7.2.1 reason code", ONLY_V5, "70 03 0001 92", Packet::PubComp(ack(1, R::PacketIdentifierNotFound, NONE))),
        Vector("3.4.2.2 properties", ONLY_V5, "40 18 0001 00 14 1f <why> 26 <a> <b> 26 <a> <b>", Packet::PubAck(ack(1, R::Success, why()))),
        Vector(
            "3.5.2.2 properties",
            ONLY_V5,
            "50 18 0001 87 14 1f <why> 26 <a> <b> 26 <a> <b>",
            Packet::PubRec(ack(1, R::NotAuthorized, why())),
        ),
        Vector(
            "3.6.2.2 properties",
            ONLY_V5,
            "62 18 0001 92 14 1f <why> 26 <a> <b> 26 <a> <b>",
            Packet::PubRel(ack(1, R::PacketIdentifierNotFound, why())),
        ),
        Vector(
            "3.7.2.2 properties",
            ONLY_V5,
            "70 18 0001 00 14 1f <why> 26 <a> <b> 26 <a> <b>",
            Packet::PubComp(ack(1, R::Success, why())),
        ),
    ]
}

#[rustfmt::skip] // A table is read in rows.
fn subscribes() -> Vec<Vector> {
    use ReasonCode as R;
    let options = |qos: QoS| SubscriptionOptions::from(qos);
    let all = SubscriptionOptions {
        qos: QoS::ExactlyOnce,
        no_local: true,
        retain_as_published: true,
        retain_handling: RetainHandling::DoNotSend,
    };
    let if_new = SubscriptionOptions {
        retain_handling: RetainHandling::SendIfNew,
        ..SubscriptionOptions::default()
    };
    vec![
        Vector(
            "3.8 of 3.1.1",
            V3,
            "82 0e 000a <a/b> 01 <c/d> 02",
            subscribe(
                10,
                NONE,
                &[
                    ("a/b", options(QoS::AtLeastOnce)),
                    ("c/d", options(QoS::ExactlyOnce)),
                ],
            ),
        ),
        Vector(
            "3.8",
            ONLY_V5,
            "82 0f 000a 00 <a/b> 01 <c/d> 02",
            subscribe(
                10,
                NONE,
                &[
                    ("a/b", options(QoS::AtLeastOnce)),
                    ("c/d", options(QoS::ExactlyOnce)),
                ],
            ),
        ),
        Vector(
            "3.8.3.1 options",
            ONLY_V5,
            "82 18 000a 00 <a> 2e <b> 10 <$share/g/c> 00",
            subscribe(
                10,
                NONE,
                &[
                    ("a", all),
                    ("b", if_new),
                    ("$share/g/c", options(QoS::AtMostOnce)),
                ],
            ),
        ),
        Vector(
            "3.8.2.1 properties",
            ONLY_V5,
            "82 10 0001 09 0b 07 26 <a> <b> <#> 00",
            subscribe(
                1,
                properties([Property::SubscriptionIdentifier(7), user("a", "b")]),
                &[("#", options(QoS::AtMostOnce))],
            ),
        ),
        Vector(
            "4.7.1 wildcards",
            V3,
            "82 0e 0001 <+/b/#> 00 </> 01",
            subscribe(
                1,
                NONE,
                &[
                    ("+/b/#", options(QoS::AtMostOnce)),
                    ("/", options(QoS::AtLeastOnce)),
                ],
            ),
        ),
        Vector(
            "3.9 of 3.1.1",
            V3,
            "90 06 000a 00 01 02 80",
            suback(
                10,
                NONE,
                &[
                    R::Success,
                    R::GrantedQoS1,
                    R::GrantedQoS2,
                    R::UnspecifiedError,
                ],
            ),
        ),
        Vector(
            "3.9",
            ONLY_V5,
            "90 06 000a 00 02 9e a2",
            suback(
                10,
                NONE,
                &[
                    R::GrantedQoS2,
                    R::SharedSubscriptionsNotSupported,
                    R::WildcardSubscriptionsNotSupported,
                ],
            ),
        ),
        Vector("3.9.2.1 properties", ONLY_V5, "90 18 0001 14 1f <why> 26 <a> <b> 26 <a> <b> 00", suback(1, why(), &[R::Success])),
        Vector("3.10 of 3.1.1", V3, "a2 0c 000a <a/b> <c/d>", unsubscribe(10, NONE, &["a/b", "c/d"])),
        Vector("3.10", ONLY_V5, "a2 0d 000a 00 <a/b> <c/d>", unsubscribe(10, NONE, &["a/b", "c/d"])),
        Vector("3.10.2.1 properties", ONLY_V5, "a2 0d 0001 07 26 <a> <b> <#>", unsubscribe(1, properties([user("a", "b")]), &["#"])),
        Vector("3.11 of 3.1.1", V3, "b0 02 000a", unsuback(10, NONE, &[])),
        Vector("3.11", ONLY_V5, "b0 05 000a 00 00 11", unsuback(10, NONE, &[R::Success, R::NoSubscriptionExisted])),
        Vector("3.11.2.1 properties", ONLY_V5, "b0 18 0001 14 1f <why> 26 <a> <b> 26 <a> <b> 00", unsuback(1, why(), &[R::Success])),
    ]
}

#[rustfmt::skip] // A table is read in rows.
fn others() -> Vec<Vector> {
    use ReasonCode as R;
    vec![
        Vector("3.12", ALL, "c0 00", Packet::PingReq),
        Vector("3.13", ALL, "d0 00", Packet::PingResp),
        Vector("3.14", ALL, "e0 00", disconnect(R::Success, NONE)),
        Vector("3.14.2.1 reason code", ONLY_V5, "e0 01 04", disconnect(R::DisconnectWithWill, NONE)),
        Vector(
            "3.14.2.2 properties",
            ONLY_V5,
            "e0 1f 9d 1d 11 00000000 1f <why> 26 <a> <b> 26 <a> <b> 1c <s>",
            disconnect(R::ServerMoved, {
                let mut properties = properties([Property::SessionExpiryInterval(0)]);
                properties.extend(why());
                properties.push(Property::ServerReference("s".into()));
                properties
            }),
        ),
        Vector("3.15.2.1 nothing is success", ONLY_V5, "f0 00", Packet::Auth(Auth { reason: R::Success, properties: NONE, })),
        Vector(
            "3.15",
            ONLY_V5,
            "f0 0a 18 08 15 <m> 16 0001 00",
            Packet::Auth(Auth {
                reason: R::ContinueAuthentication,
                properties: properties([
                    Property::AuthenticationMethod("m".into()),
                    Property::AuthenticationData(Bytes::from_static(&[0])),
                ]),
            }),
        ),
    ]
}

#[test]
fn decode_and_encode() {
    let groups = [
        connects(),
        connacks(),
        publishes(),
        acks(),
        subscribes(),
        others(),
    ];
    for Vector(section, versions, text, packet) in groups.into_iter().flatten() {
        for &version in versions {
            let bytes = bytes(text);
            let name = format!("{section} in {version}: {text}");
            assert_eq!(decode(&bytes, version), Ok(Some(packet.clone())), "{name}");
            assert_eq!(
                encode(&packet, version).as_deref(),
                Ok(&bytes[..]),
                "{name}"
            );
            for end in 0..bytes.len() {
                assert_eq!(
                    decode(&bytes[..end], version),
                    Ok(None),
                    "{end} bytes, {name}"
                );
            }
        }
    }
}

/// The remaining length at the edges of its one to four bytes (table 1-1).
#[test]
fn section_1_5_5_remaining_lengths() {
    for (remaining, header) in [
        (3, "30 03"),
        (127, "30 7f"),
        (128, "30 8001"),
        (16_383, "30 ff7f"),
        (16_384, "30 808001"),
        (2_097_151, "30 ffff7f"),
        (2_097_152, "30 80808001"),
    ] {
        let mut sent = bytes(header);
        let len = sent.len();
        sent.extend(bytes("<t>"));
        sent.resize(len + remaining, b'x');
        let packet = decode(&sent, V3_1_1).unwrap().unwrap();
        assert_eq!(encode(&packet, V3_1_1).unwrap(), sent, "{remaining}");
        if let Packet::Publish(publish) = &packet {
            assert_eq!(publish.parts().encoded_len(V3_1_1), Ok(sent.len()));
        }
        let header = FixedHeader {
            packet_type: PacketType::Publish,
            flags: 0,
            len,
            remaining,
        };
        assert_eq!(FixedHeader::peek(&sent, sent.len()), Ok(Some(header)));
    }
    let largest = FixedHeader::peek(&bytes("30 ffffff7f"), usize::MAX)
        .unwrap()
        .unwrap();
    assert_eq!(largest.remaining, MAX_REMAINING_LENGTH);
    assert_eq!(largest.packet_len(), 268_435_460);
}

/// The property length at the edges of its bytes, and the remaining length
/// that counts them.
#[test]
fn section_2_2_2_1_property_lengths() {
    for (len, variable) in [
        (127, "7f"),
        (128, "8001"),
        (16_383, "ff7f"),
        (16_384, "808001"),
    ] {
        let name = "a".repeat(len - 6);
        let packet = publish("t", b"x", |p| {
            p.properties = properties([Property::UserProperty((name.into(), "b".into()))]);
        });
        let sent = encode(&packet, V5).unwrap();
        let header = FixedHeader::peek(&sent, sent.len()).unwrap().unwrap();
        let variable = bytes(variable);
        assert_eq!(header.packet_len(), sent.len(), "{len}");
        assert_eq!(header.remaining, 3 + variable.len() + len + 1, "{len}");
        assert_eq!(sent[header.len + 3..][..variable.len()], variable, "{len}");
        assert_eq!(decode(&sent, V5), Ok(Some(packet)), "{len}");
    }
}

/// The largest packet there is can be sent.
#[test]
fn largest_packet() {
    let packet = publish("t", b"", |p| {
        p.payload = vec![0; MAX_REMAINING_LENGTH - 3].into();
    });
    let mut out = BytesMut::new();
    packet.encode(V3_1_1, &mut out).unwrap();
    assert_eq!(out.len(), 268_435_460);
    assert_eq!(out[..8], bytes("30 ffffff7f <t>"));
}
