//! What the specification rules out: bytes, the error they give, and the
//! reason code that 5.0 has for it (sections 2.4 and 4.13).

mod common;

use std::collections::BTreeSet;

use bytes::BytesMut;
use codec::{
    DecodeError::{self, *},
    FixedHeader, InvalidTopic, Packet, PacketType, PropertyId, ProtocolVersion, ReasonCode,
};
use common::tables::{HOLDERS, Holder, PROPERTIES, properties, reason_codes};
use common::{ALL, ONLY_V5, V3, V3_1_1, V5, bytes, decode};

const STRICT: &[ProtocolVersion] = &[V3_1_1, V5];

const MALFORMED: ReasonCode = ReasonCode::MalformedPacket;
const PROTOCOL: ReasonCode = ReasonCode::ProtocolError;
const VERSION: ReasonCode = ReasonCode::UnsupportedProtocolVersion;
const TOPIC: ReasonCode = ReasonCode::TopicNameInvalid;
const FILTER: ReasonCode = ReasonCode::TopicFilterInvalid;

type Vector = (
    &'static str,
    &'static [ProtocolVersion],
    &'static str,
    Expected,
    ReasonCode,
);

enum Expected {
    Is(DecodeError),
    /// The topic name or filter is wrong, whatever the words for it.
    Name,
    Filter,
}
use Expected::{Filter, Is, Name};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[rustfmt::skip] // A table is read in rows.
fn vectors() -> Vec<Vector> {
    use PacketType as T;
    use PropertyId as P;
    let reason = |packet, code| Is(DecodeError::ReasonCode { packet, code });
    vec![
        // Fixed header
        ("2.1.2 type 0", ALL, "00 00", Is(FirstByte(0x00)), MALFORMED),
        ("[MQTT-2.1.3-1] CONNECT", ALL, "11 00", Is(FirstByte(0x11)), MALFORMED),
        ("[MQTT-2.1.3-1] CONNACK", ALL, "28 02 00 00", Is(FirstByte(0x28)), MALFORMED),
        ("[MQTT-2.1.3-1] PUBACK", ALL, "42 02 0001", Is(FirstByte(0x42)), MALFORMED),
        ("[MQTT-3.6.1-1] PUBREL", ALL, "60 02 0001", Is(FirstByte(0x60)), MALFORMED),
        ("[MQTT-3.6.1-1] PUBREL", STRICT, "6a 02 0001", Is(FirstByte(0x6a)), MALFORMED),
        ("[MQTT-3.8.1-1] SUBSCRIBE", ALL, "80 06 0001 <t> 00", Is(FirstByte(0x80)), MALFORMED),
        ("[MQTT-3.8.1-1] SUBSCRIBE", STRICT, "8a 06 0001 <t> 00", Is(FirstByte(0x8a)), MALFORMED),
        ("[MQTT-3.10.1-1] UNSUBSCRIBE", ALL, "a3 05 0001 <t>", Is(FirstByte(0xa3)), MALFORMED),
        ("[MQTT-3.10.1-1] UNSUBSCRIBE", STRICT, "aa 05 0001 <t>", Is(FirstByte(0xaa)), MALFORMED),
        ("[MQTT-3.14.1-1] DISCONNECT", ALL, "e8 00", Is(FirstByte(0xe8)), MALFORMED),
        ("[MQTT-3.15.1-1] AUTH", ALL, "f1 00", Is(FirstByte(0xf1)), MALFORMED),
        ("an HTTP request", ALL, "'GET / HTTP/1.1'", Is(FirstByte(b'G')), MALFORMED),
        ("1.5.5 remaining length of five bytes", ALL, "30 ffffffff01", Is(RemainingLength), MALFORMED),
        ("1.5.5, before the fifth has come", ALL, "c0 80808080", Is(RemainingLength), MALFORMED),
        ("2.2.1 of 3.1.1, type 15", V3, "f0 00", Is(NotInVersion(T::Auth)), PROTOCOL),

        // Lengths
        ("3.1 nothing", ALL, "10 00", Is(TooShort), MALFORMED),
        ("3.1 no keep alive", ALL, "10 09 <MQTT> 04 02 00", Is(TooShort), MALFORMED),
        ("3.1.3 no client identifier", ALL, "10 0a <MQTT> 04 02 003c", Is(TooShort), MALFORMED),
        ("3.1.3 a client identifier beyond the end", ALL, "10 0d <MQTT> 04 02 003c 0002 'c'", Is(TooShort), MALFORMED),
        ("3.1.2.5 no will", ALL, "10 0d <MQTT> 04 06 003c <c>", Is(TooShort), MALFORMED),
        ("[MQTT-3.1.2-17] of 5.0, no user name", ALL, "10 0d <MQTT> 04 82 003c <c>", Is(TooShort), MALFORMED),
        ("[MQTT-3.1.2-19] of 5.0, no password", ALL, "10 10 <MQTT> 04 c2 003c <c> <u>", Is(TooShort), MALFORMED),
        ("3.2", ALL, "20 01 00", Is(TooShort), MALFORMED),
        ("3.2.2.3.1 no property length", ONLY_V5, "20 02 00 00", Is(TooShort), MALFORMED),
        ("3.3.2.1 no topic name", ALL, "30 00", Is(TooShort), MALFORMED),
        ("3.3.2.1 a topic name beyond the end", ALL, "30 04 0003 't' 00", Is(TooShort), MALFORMED),
        ("[MQTT-2.2.1-2] of 5.0, no identifier", ALL, "32 03 <t>", Is(TooShort), MALFORMED),
        ("3.3.2.3.1 no property length", ONLY_V5, "30 03 <t>", Is(TooShort), MALFORMED),
        ("2.2.2.1 properties beyond the end", ONLY_V5, "30 06 <t> 03 01 00", Is(TooShort), MALFORMED),
        ("2.2.2.2 a value beyond the properties", ONLY_V5, "30 07 <t> 02 02 00 00", Is(TooShort), MALFORMED),
        ("2.2.2.2 text beyond the properties", ONLY_V5, "30 09 <t> 03 03 0002 61 62", Is(TooShort), MALFORMED),
        ("3.4", ALL, "40 01 00", Is(TooShort), MALFORMED),
        ("3.8.3 no options", ALL, "82 05 0001 <t>", Is(TooShort), MALFORMED),
        ("3.12", ALL, "c0 01 00", Is(TrailingBytes(T::PingReq)), MALFORMED),
        ("3.13", ALL, "d0 01 00", Is(TrailingBytes(T::PingResp)), MALFORMED),
        ("3.1.3", ALL, "10 0e <MQTT> 04 02 003c <c> 00", Is(TrailingBytes(T::Connect)), MALFORMED),
        ("3.2 of 3.1.1", V3, "20 03 00 00 00", Is(TrailingBytes(T::ConnAck)), MALFORMED),
        ("3.2", ONLY_V5, "20 04 00 00 00 00", Is(TrailingBytes(T::ConnAck)), MALFORMED),
        ("3.4 of 3.1.1", V3, "40 03 0001 00", Is(TrailingBytes(T::PubAck)), MALFORMED),
        ("3.4", ONLY_V5, "40 05 0001 00 00 00", Is(TrailingBytes(T::PubAck)), MALFORMED),
        ("3.11 of 3.1.1", V3, "b0 03 0001 00", Is(TrailingBytes(T::UnsubAck)), MALFORMED),
        ("3.14 of 3.1.1", V3, "e0 01 00", Is(TrailingBytes(T::Disconnect)), MALFORMED),
        ("3.14", ONLY_V5, "e0 03 00 00 00", Is(TrailingBytes(T::Disconnect)), MALFORMED),
        ("3.15", ONLY_V5, "f0 03 00 00 00", Is(TrailingBytes(T::Auth)), MALFORMED),

        // Strings
        ("[MQTT-1.5.4-1] a surrogate", ALL, "10 0f <MQTT> 04 02 003c 0003 eda080", Is(Utf8), MALFORMED),
        ("[MQTT-1.5.4-1] an overlong form", ALL, "10 0e <MQTT> 04 02 003c 0002 c0af", Is(Utf8), MALFORMED),
        ("[MQTT-1.5.4-2] U+0000", ALL, "10 0d <MQTT> 04 02 003c 0001 00", Is(Utf8), MALFORMED),
        ("[MQTT-1.5.4-1] user name", ALL, "10 10 <MQTT> 04 82 003c <c> 0001 80", Is(Utf8), MALFORMED),
        ("[MQTT-1.5.4-1] will topic", ALL, "10 15 <MQTT> 04 06 003c <c> 0001 80 <gon>", Is(Utf8), MALFORMED),
        ("[MQTT-3.3.2-1] topic name", V3, "30 03 0001 ff", Is(Utf8), MALFORMED),
        ("[MQTT-1.5.4-2] topic name", ONLY_V5, "30 04 0001 00 00", Is(Utf8), MALFORMED),
        ("[MQTT-3.8.3-1] filter", V3, "82 06 0001 0001 ff 00", Is(Utf8), MALFORMED),
        ("[MQTT-3.10.3-1] filter", V3, "a2 05 0001 0001 ff", Is(Utf8), MALFORMED),
        ("[MQTT-3.3.2-1] topic name", ONLY_V5, "30 04 0001 ff 00", Is(Utf8), MALFORMED),
        ("[MQTT-3.3.2-13] response topic", ONLY_V5, "30 08 <t> 04 08 0001 ff", Is(Utf8), MALFORMED),
        ("[MQTT-3.3.2-19] content type", ONLY_V5, "30 08 <t> 04 03 0001 ff", Is(Utf8), MALFORMED),
        ("[MQTT-3.8.3-1] filter", ONLY_V5, "82 07 0001 00 0001 ff 00", Is(Utf8), MALFORMED),
        ("[MQTT-3.10.3-1] filter", ONLY_V5, "a2 06 0001 00 0001 ff", Is(Utf8), MALFORMED),
        ("[MQTT-1.5.7-1] the value of a pair", ONLY_V5, "e0 09 00 07 26 <a> 0001 ff", Is(Utf8), MALFORMED),
        ("[MQTT-1.5.7-1] the name of a pair", ONLY_V5, "e0 09 00 07 26 0001 00 <a>", Is(Utf8), MALFORMED),
        ("3.14.2.2.3 reason string", ONLY_V5, "e0 06 00 04 1f 0001 80", Is(Utf8), MALFORMED),

        // CONNECT
        ("[MQTT-3.1.2-1]", ALL, "10 0d <MQTX> 04 02 003c <c>", Is(ProtocolName), VERSION),
        ("[MQTT-3.1.2-1] case counts", ALL, "10 0d <mqtt> 04 02 003c <c>", Is(ProtocolName), VERSION),
        ("[MQTT-3.1.2-1] no name", ALL, "10 09 0000 04 02 003c <c>", Is(ProtocolName), VERSION),
        ("[MQTT-3.1.2-2] level 6", ALL, "10 0d <MQTT> 06 02 003c <c>", Is(ProtocolLevel(6)), VERSION),
        ("[MQTT-3.1.2-2] level 3 has another name", ALL, "10 0d <MQTT> 03 02 003c <c>", Is(ProtocolLevel(3)), VERSION),
        ("[MQTT-3.1.2-2] MQIsdp is level 3", ALL, "10 0f <MQIsdp> 04 02 003c <c>", Is(ProtocolLevel(4)), VERSION),
        ("no bridge's mark in 5.0", ALL, "10 0e <MQTT> 85 02 003c 00 <c>", Is(ProtocolLevel(0x85)), VERSION),
        ("[MQTT-3.1.2-3] reserved flag", ALL, "10 0d <MQTT> 04 03 003c <c>", Is(ConnectFlags(0x03)), MALFORMED),
        ("[MQTT-3.1.2-3] reserved flag", ALL, "10 0e <MQTT> 05 03 003c 00 <c>", Is(ConnectFlags(0x03)), MALFORMED),
        ("[MQTT-3.1.2-11] will QoS without will", ALL, "10 0e <MQTT> 05 0a 003c 00 <c>", Is(ConnectFlags(0x0a)), MALFORMED),
        ("[MQTT-3.1.2-12] will QoS 3", ALL, "10 14 <MQTT> 05 1e 003c 00 <c> 00 <w> 0000", Is(ConnectFlags(0x1e)), MALFORMED),
        ("3.1 of 3.1, will QoS 3", ALL, "10 14 <MQIsdp> 03 1e 003c <c> <w> 0000", Is(ConnectFlags(0x1e)), MALFORMED),
        ("[MQTT-3.1.2-13] will retain without will", ALL, "10 0d <MQTT> 04 22 003c <c>", Is(ConnectFlags(0x22)), MALFORMED),
        ("[MQTT-3.1.2-22] of 3.1.1", ALL, "10 10 <MQTT> 04 42 003c <c> <p>", Is(ConnectFlags(0x42)), MALFORMED),
        ("3.1 of 3.1, password without user name", ALL, "10 12 <MQIsdp> 03 42 003c <c> <p>", Is(ConnectFlags(0x42)), MALFORMED),
        ("[MQTT-3.1.3-11] will topic", ALL, "10 14 <MQTT> 04 06 003c <c> 0000 <gon>", Name, TOPIC),
        (
            "3.1.2.11.10 authentication data alone",
            ALL,
            "10 12 <MQTT> 05 02 003c 04 16 0001 00 <c>",
            Is(MissingProperty(P::AuthenticationMethod)),
            PROTOCOL,
        ),

        // CONNACK
        ("[MQTT-3.2.2-1]", STRICT, "20 03 02 00 00", Is(ConnAckFlags(2)), MALFORMED),
        ("3.2.2.3 of 3.1.1, code 6", V3, "20 02 00 06", reason(T::ConnAck, 6), MALFORMED),
        ("3.2.2.2 no code of 5.0", ONLY_V5, "20 03 00 01 00", reason(T::ConnAck, 1), MALFORMED),

        // PUBLISH
        ("[MQTT-3.3.1-4]", ALL, "36 06 <t> 0001 00", Is(QoS), MALFORMED),
        ("[MQTT-3.3.1-2]", STRICT, "38 04 <t> 00", Is(DupAtQoS0), MALFORMED),
        ("[MQTT-2.2.1-3] of 5.0", ALL, "32 06 <t> 0000 00", Is(PacketIdZero), PROTOCOL),
        ("[MQTT-3.3.2-2] #", V3, "30 03 <#>", Name, TOPIC),
        ("[MQTT-3.3.2-2] +", ONLY_V5, "30 08 <a/+/b> 00", Name, TOPIC),
        ("[MQTT-4.7.3-1]", V3, "30 02 0000", Name, TOPIC),
        ("3.3.2.1 neither topic name nor alias", ONLY_V5, "30 03 0000 00", Is(MissingProperty(P::TopicAlias)), PROTOCOL),
        ("[MQTT-3.3.2-8] alias 0", ONLY_V5, "30 06 0000 03 23 0000", Is(PropertyValue(P::TopicAlias)), PROTOCOL),
        ("[MQTT-3.3.2-14] response topic", ONLY_V5, "30 08 <t> 04 08 <#>", Is(PropertyValue(P::ResponseTopic)), PROTOCOL),
        ("[MQTT-4.7.3-1] response topic", ONLY_V5, "30 07 <t> 03 08 0000", Is(PropertyValue(P::ResponseTopic)), PROTOCOL),

        // Acknowledgements
        ("[MQTT-2.2.1-3] PUBACK", ALL, "40 02 0000", Is(PacketIdZero), PROTOCOL),
        ("[MQTT-2.2.1-3] PUBREL", ALL, "62 02 0000", Is(PacketIdZero), PROTOCOL),
        ("3.6.2.1", ONLY_V5, "62 03 0001 10", reason(T::PubRel, 0x10), MALFORMED),

        // SUBSCRIBE and UNSUBSCRIBE
        ("[MQTT-2.2.1-3] SUBSCRIBE", ALL, "82 06 0000 <t> 00", Is(PacketIdZero), PROTOCOL),
        ("[MQTT-2.2.1-3] SUBACK", ALL, "90 04 0000 00 00", Is(PacketIdZero), PROTOCOL),
        ("[MQTT-2.2.1-3] UNSUBSCRIBE", ALL, "a2 05 0000 <t>", Is(PacketIdZero), PROTOCOL),
        ("[MQTT-2.2.1-3] UNSUBACK", ALL, "b0 02 0000", Is(PacketIdZero), PROTOCOL),
        ("[MQTT-3.8.3-3] of 3.1.1", V3, "82 02 0001", Is(EmptyPayload(T::Subscribe)), PROTOCOL),
        ("[MQTT-3.8.3-2]", ONLY_V5, "82 03 0001 00", Is(EmptyPayload(T::Subscribe)), PROTOCOL),
        ("[MQTT-3.10.3-2] of 3.1.1", V3, "a2 02 0001", Is(EmptyPayload(T::Unsubscribe)), PROTOCOL),
        ("[MQTT-3.10.3-2]", ONLY_V5, "a2 03 0001 00", Is(EmptyPayload(T::Unsubscribe)), PROTOCOL),
        ("3.9.3 of 3.1.1", V3, "90 02 0001", Is(EmptyPayload(T::SubAck)), PROTOCOL),
        ("3.9.3", ONLY_V5, "90 03 0001 00", Is(EmptyPayload(T::SubAck)), PROTOCOL),
        ("3.11.3", ONLY_V5, "b0 03 0001 00", Is(EmptyPayload(T::UnsubAck)), PROTOCOL),
        ("3.8.3.1 QoS 3 in 3.x", V3, "82 06 0001 <t> 03", Is(SubscriptionOptions(0x03)), PROTOCOL),
        ("3.8.3.1 QoS 3", ONLY_V5, "82 07 0001 00 <t> 03", Is(SubscriptionOptions(0x03)), PROTOCOL),
        ("3.8.3.1 retain handling 3", ONLY_V5, "82 07 0001 00 <t> 30", Is(SubscriptionOptions(0x30)), PROTOCOL),
        ("[MQTT-3.8.3-5]", ONLY_V5, "82 07 0001 00 <t> 40", Is(SubscriptionOptions(0x40)), MALFORMED),
        ("[MQTT-3.8.3-5] before the others", ONLY_V5, "82 07 0001 00 <t> b3", Is(SubscriptionOptions(0xb3)), MALFORMED),
        ("[MQTT-3-8.3-4] of 3.1.1, the second filter", V3, "82 0a 0001 <t> 02 <u> 04", Is(SubscriptionOptions(0x04)), PROTOCOL),
        ("[MQTT-3.8.3-4]", ONLY_V5, "82 10 0001 00 <$share/g/t> 04", Is(NoLocalOnShared), PROTOCOL),
        ("[MQTT-4.7.1-1] # in the middle", V3, "82 0a 0001 <a/#/b> 00", Filter, FILTER),
        ("[MQTT-4.7.1-1] # not alone", V3, "82 07 0001 <a#> 00", Filter, FILTER),
        ("[MQTT-4.7.1-2] + not alone", ONLY_V5, "82 08 0001 00 <a+> 00", Filter, FILTER),
        ("[MQTT-4.7.3-1]", V3, "a2 04 0001 0000", Filter, FILTER),
        ("[MQTT-4.8.2-1] no share name", ONLY_V5, "82 0f 0001 00 <$share//t> 00", Filter, FILTER),
        ("[MQTT-4.8.2-2] no filter", ONLY_V5, "82 0e 0001 00 <$share/g> 00", Filter, FILTER),
        ("[MQTT-4.8.2-2] a wildcard in the share name", ONLY_V5, "82 10 0001 00 <$share/+/t> 00", Filter, FILTER),
        ("[MQTT-3.9.3-2] of 3.1.1", V3, "90 03 0001 03", reason(T::SubAck, 0x03), MALFORMED),
        ("[MQTT-3.9.3-2] of 3.1.1, a code of 5.0", V3, "90 03 0001 87", reason(T::SubAck, 0x87), MALFORMED),

        // Properties
        ("2.2.2.2 an unknown one", ONLY_V5, "e0 03 00 01 7f", Is(UnknownProperty(0x7f)), MALFORMED),
        ("2.2.2.2 an unknown one of two bytes", ONLY_V5, "e0 04 00 02 ff01", Is(UnknownProperty(0xff)), MALFORMED),
        ("2.2.2.2 one of another packet", ONLY_V5, "e0 05 00 03 23 0001", Is(MisplacedProperty(P::TopicAlias)), MALFORMED),
        ("3.14.2.2.2 twice", ONLY_V5, "e0 0c 00 0a 11 00000001 11 00000001", Is(RepeatedProperty(P::SessionExpiryInterval)), PROTOCOL),
        ("[MQTT-1.5.5-1] an overlong length", ONLY_V5, "e0 03 00 80 00", Is(VariableByteInteger), MALFORMED),
        ("1.5.5 a length of five bytes", ONLY_V5, "e0 06 00 80808080 01", Is(VariableByteInteger), MALFORMED),
        ("[MQTT-1.5.5-1] an overlong identifier", ONLY_V5, "e0 06 00 04 9f00 0000", Is(VariableByteInteger), MALFORMED),
        ("[MQTT-1.5.5-1] an overlong value", ONLY_V5, "82 0a 0001 03 0b 8100 <t> 00", Is(VariableByteInteger), MALFORMED),
        ("3.3.2.3.2", ONLY_V5, "30 06 <t> 02 01 02", Is(PropertyValue(P::PayloadFormatIndicator)), PROTOCOL),
        ("3.8.2.1.2 identifier 0", ONLY_V5, "82 09 0001 02 0b 00 <t> 00", Is(PropertyValue(P::SubscriptionIdentifier)), PROTOCOL),
        ("3.3.2.3.8 identifier 0", ONLY_V5, "30 06 <t> 02 0b 00", Is(PropertyValue(P::SubscriptionIdentifier)), PROTOCOL),
        ("3.1.2.11.3", ONLY_V5, "10 11 <MQTT> 05 02 003c 03 21 0000 <c>", Is(PropertyValue(P::ReceiveMaximum)), PROTOCOL),
        ("3.1.2.11.4", ONLY_V5, "10 13 <MQTT> 05 02 003c 05 27 00000000 <c>", Is(PropertyValue(P::MaximumPacketSize)), PROTOCOL),
        ("3.1.2.11.6", ONLY_V5, "10 10 <MQTT> 05 02 003c 02 19 02 <c>", Is(PropertyValue(P::RequestResponseInformation)), PROTOCOL),
        ("3.1.2.11.7", ONLY_V5, "10 10 <MQTT> 05 02 003c 02 17 02 <c>", Is(PropertyValue(P::RequestProblemInformation)), PROTOCOL),
        ("3.2.2.3.3", ONLY_V5, "20 06 00 00 03 21 0000", Is(PropertyValue(P::ReceiveMaximum)), PROTOCOL),
        ("3.2.2.3.4", ONLY_V5, "20 05 00 00 02 24 02", Is(PropertyValue(P::MaximumQoS)), PROTOCOL),
        ("3.2.2.3.5", ONLY_V5, "20 05 00 00 02 25 02", Is(PropertyValue(P::RetainAvailable)), PROTOCOL),
        ("3.2.2.3.6", ONLY_V5, "20 08 00 00 05 27 00000000", Is(PropertyValue(P::MaximumPacketSize)), PROTOCOL),
        ("3.2.2.3.11", ONLY_V5, "20 05 00 00 02 28 02", Is(PropertyValue(P::WildcardSubscriptionAvailable)), PROTOCOL),
        ("3.2.2.3.12", ONLY_V5, "20 05 00 00 02 29 ff", Is(PropertyValue(P::SubscriptionIdentifierAvailable)), PROTOCOL),
        ("3.2.2.3.13", ONLY_V5, "20 05 00 00 02 2a 02", Is(PropertyValue(P::SharedSubscriptionAvailable)), PROTOCOL),

        // AUTH
        ("3.15.2.2.2 no method", ONLY_V5, "f0 02 18 00", Is(MissingProperty(P::AuthenticationMethod)), PROTOCOL),
        ("3.15.2.2.2 no method", ONLY_V5, "f0 06 00 04 16 0001 00", Is(MissingProperty(P::AuthenticationMethod)), PROTOCOL),
        ("3.15.2.1", ONLY_V5, "f0 06 80 04 15 <m>", reason(T::Auth, 0x80), MALFORMED),
    ]
}

#[test]
fn each_has_its_error_and_reason_code() {
    let mut reached = BTreeSet::from([index(PacketTooLarge { size: 0, limit: 0 })]);
    for (section, versions, text, expected, reason) in vectors() {
        for &version in versions {
            let name = format!("{section} in {version}: {text}");
            let bytes = bytes(text);
            if let Ok(header) = FixedHeader::peek(&bytes, usize::MAX) {
                assert_eq!(header.unwrap().packet_len(), bytes.len(), "{name}");
            }
            let error = decode(&bytes, version).expect_err(&name);
            match expected {
                Is(expected) => assert_eq!(error, expected, "{name}"),
                Name => assert!(
                    matches!(error, Topic(InvalidTopic::Name(_))),
                    "{name}: {error:?}"
                ),
                Filter => assert!(
                    matches!(error, Topic(InvalidTopic::Filter(_))),
                    "{name}: {error:?}"
                ),
            }
            assert_eq!(error.reason_code(), reason, "{name}");
            reached.insert(index(error));
        }
    }
    assert_eq!(
        reached,
        (0..VARIANTS).collect(),
        "a vector for each variant"
    );
}

const VARIANTS: u8 = 25;

/// Numbers the variants; a new one does not compile until it is here.
fn index(error: DecodeError) -> u8 {
    match error {
        PacketTooLarge { .. } => 0,
        RemainingLength => 1,
        VariableByteInteger => 2,
        FirstByte(_) => 3,
        TooShort => 4,
        TrailingBytes(_) => 5,
        Utf8 => 6,
        QoS => 7,
        DupAtQoS0 => 8,
        PacketIdZero => 9,
        Topic(_) => 10,
        ProtocolName => 11,
        ProtocolLevel(_) => 12,
        ConnectFlags(_) => 13,
        ConnAckFlags(_) => 14,
        SubscriptionOptions(_) => 15,
        NoLocalOnShared => 16,
        EmptyPayload(_) => 17,
        DecodeError::ReasonCode { .. } => 18,
        UnknownProperty(_) => 19,
        MisplacedProperty(_) => 20,
        RepeatedProperty(_) => 21,
        PropertyValue(_) => 22,
        MissingProperty(_) => 23,
        NotInVersion(_) => 24,
    }
}

/// The limit is on the whole packet, and known from its first bytes.
#[test]
fn section_3_1_2_11_4_packet_too_large() {
    let whole = bytes("30 1e <Kitchen/Fridge> 'Temperature:14'");
    for end in 2..=whole.len() {
        let mut buffer = BytesMut::from(&whole[..end]);
        let error = Packet::decode(&mut buffer, V3_1_1, 31).unwrap_err();
        assert_eq!(
            error,
            PacketTooLarge {
                size: 32,
                limit: 31
            }
        );
        assert_eq!(error.reason_code(), ReasonCode::PacketTooLarge);
    }
    let packet = Packet::decode(&mut BytesMut::from(&whole[..]), V3_1_1, 32);
    assert!(matches!(packet, Ok(Some(Packet::Publish(_)))));
}

/// Every code in every packet: table 2-6.
#[test]
fn section_2_4_reason_codes_have_their_packets() {
    for code in 0..=u8::MAX {
        for (kind, head, tail) in [
            (PacketType::ConnAck, "20 03 00", "00"),
            (PacketType::PubAck, "40 03 0001", ""),
            (PacketType::PubRec, "50 03 0001", ""),
            (PacketType::PubRel, "62 03 0001", ""),
            (PacketType::PubComp, "70 03 0001", ""),
            (PacketType::SubAck, "90 04 0001 00", ""),
            (PacketType::UnsubAck, "b0 04 0001 00", ""),
            (PacketType::Disconnect, "e0 01", ""),
            (PacketType::Auth, "f0 06", "04 15 <m>"),
        ] {
            let packet = decode(&bytes(&format!("{head} {code:02x} {tail}")), V5);
            let refused = Err(DecodeError::ReasonCode { packet: kind, code });
            if reason_codes(kind).contains(&code) {
                assert!(packet.is_ok(), "0x{code:02x} in {}", kind.name());
            } else {
                assert_eq!(packet, refused, "0x{code:02x} in {}", kind.name());
            }
        }
    }
}

/// Every property in every packet, once and twice: table 2-4.
#[test]
fn section_2_2_2_2_properties_have_their_packets() {
    for &property in PROPERTIES {
        let wire = bytes(property);
        let id = PropertyId::from_u32(wire[0].into()).unwrap();
        for &holder in HOLDERS {
            let once = decode(&packet_with(holder, &wire), V5);
            if !properties(holder).contains(&wire[0]) {
                assert_eq!(once, Err(MisplacedProperty(id)), "{holder:?}");
                continue;
            }
            assert!(once.is_ok(), "{id:?} in {holder:?}: {once:?}");
            let twice = decode(&packet_with(holder, &wire.repeat(2)), V5);
            // 2.2.2.2, 3.3.2.3.8
            if id == PropertyId::UserProperty
                || id == PropertyId::SubscriptionIdentifier
                    && holder == Holder::Packet(PacketType::Publish)
            {
                assert!(twice.is_ok(), "{id:?} in {holder:?}: {twice:?}");
            } else {
                assert_eq!(twice, Err(RepeatedProperty(id)), "{holder:?}");
            }
        }
    }
}

/// A packet with these properties, and the authentication method that some
/// of them call for.
fn packet_with(holder: Holder, wire: &[u8]) -> Vec<u8> {
    let mut wire = wire.to_vec();
    let calls_for_method = match holder {
        Holder::Packet(PacketType::Connect) => wire[0] == 0x16,
        Holder::Packet(PacketType::Auth) => wire[0] != 0x15,
        _ => false,
    };
    if calls_for_method {
        wire.extend(bytes("15 <m>"));
    }
    let (first, head, tail) = match holder {
        Holder::Packet(kind) => match kind {
            PacketType::Connect => (0x10, "<MQTT> 05 02 003c", "<c>"),
            PacketType::ConnAck => (0x20, "00 00", ""),
            PacketType::Publish => (0x30, "<t>", ""),
            PacketType::PubAck => (0x40, "0001 00", ""),
            PacketType::PubRec => (0x50, "0001 00", ""),
            PacketType::PubRel => (0x62, "0001 00", ""),
            PacketType::PubComp => (0x70, "0001 00", ""),
            PacketType::Subscribe => (0x82, "0001", "<t> 00"),
            PacketType::SubAck => (0x90, "0001", "00"),
            PacketType::Unsubscribe => (0xa2, "0001", "<t>"),
            PacketType::UnsubAck => (0xb0, "0001", "00"),
            PacketType::Disconnect => (0xe0, "00", ""),
            PacketType::Auth => (0xf0, "00", ""),
            PacketType::PingReq | PacketType::PingResp => unreachable!("they hold none"),
        },
        Holder::Will => (0x10, "<MQTT> 05 06 003c 00 <c>", "<w> 0000"),
    };
    let (head, tail) = (bytes(head), bytes(tail));
    let remaining = head.len() + 1 + wire.len() + tail.len();
    let mut packet = vec![first, u8::try_from(remaining).unwrap()];
    packet.extend(head);
    packet.push(u8::try_from(wire.len()).unwrap());
    packet.extend(wire);
    packet.extend(tail);
    packet
}
