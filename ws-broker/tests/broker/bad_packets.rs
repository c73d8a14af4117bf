//! What a connected client may not send: the connection ends as its version
//! has it, and nobody else notices (sections 4.13, 4.14).

use codec::{Packet, ProtocolVersion, QoS, ReasonCode};

use crate::common::{Broker, Client, message, start, v3_1_1, v5};

/// Packets that are wrong in every version, and what 5.0 says of them.
const WRONG: &[(&str, &[u8], ReasonCode)] = &[
    ("type 0", b"\x00\x00", ReasonCode::MalformedPacket),
    ("flags of PINGREQ", b"\xc1\x00", ReasonCode::MalformedPacket),
    (
        "PINGREQ with a body",
        b"\xc0\x01x",
        ReasonCode::MalformedPacket,
    ),
    (
        "SUBSCRIBE, flags 0",
        b"\x80\x06\x00\x01\x00\x01t\x00",
        ReasonCode::MalformedPacket,
    ),
    (
        "length of five bytes",
        b"\x30\x80\x80\x80\x80\x01",
        ReasonCode::MalformedPacket,
    ),
    (
        "length over the limit",
        b"\x30\xff\xff\xff\x7f",
        ReasonCode::PacketTooLarge,
    ),
    (
        "QoS 3",
        b"\x36\x06\x00\x01t\x00\x01\x00",
        ReasonCode::MalformedPacket,
    ),
    (
        "DUP at QoS 0",
        b"\x38\x04\x00\x01t\x00",
        ReasonCode::MalformedPacket,
    ),
    (
        "PUBLISH too short",
        b"\x30\x01\x00",
        ReasonCode::MalformedPacket,
    ),
    (
        "topic too long",
        b"\x30\x04\x00\x09t\x00",
        ReasonCode::MalformedPacket,
    ),
    (
        "topic not UTF-8",
        b"\x30\x05\x00\x02t\xff\x00",
        ReasonCode::MalformedPacket,
    ),
    (
        "topic with a surrogate",
        b"\x30\x07\x00\x04t\xed\xa0\x80\x00",
        ReasonCode::MalformedPacket,
    ),
    (
        "topic with U+0000",
        b"\x30\x05\x00\x02t\x00\x00",
        ReasonCode::MalformedPacket,
    ),
    (
        "topic with #",
        b"\x30\x06\x00\x03t/#\x00",
        ReasonCode::TopicNameInvalid,
    ),
    (
        "topic with +",
        b"\x30\x06\x00\x03+/t\x00",
        ReasonCode::TopicNameInvalid,
    ),
    (
        "topic with # at QoS 1",
        b"\x32\x08\x00\x03t/#\x00\x01\x00",
        ReasonCode::TopicNameInvalid,
    ),
    (
        "packet identifier 0",
        b"\x32\x06\x00\x01t\x00\x00\x00",
        ReasonCode::ProtocolError,
    ),
    (
        "no packet identifier",
        b"\x32\x03\x00\x01t",
        ReasonCode::MalformedPacket,
    ),
    (
        "PUBACK too short",
        b"\x40\x01\x00",
        ReasonCode::MalformedPacket,
    ),
    ("PUBACK 0", b"\x40\x02\x00\x00", ReasonCode::ProtocolError),
    (
        "PUBREL, flags 0",
        b"\x60\x02\x00\x01",
        ReasonCode::MalformedPacket,
    ),
    (
        "CONNACK",
        b"\x20\x03\x00\x00\x00",
        ReasonCode::ProtocolError,
    ),
    ("PINGRESP", b"\xd0\x00", ReasonCode::ProtocolError),
    (
        "DISCONNECT, flags 1",
        b"\xe1\x00",
        ReasonCode::MalformedPacket,
    ),
];

/// Packets of MQTT 3.x.
const WRONG_IN_3: &[(&str, &[u8])] = &[
    ("SUBSCRIBE without filter", b"\x82\x02\x00\x01"),
    (
        "SUBSCRIBE with identifier 0",
        b"\x82\x06\x00\x00\x00\x01t\x00",
    ),
    ("SUBSCRIBE at QoS 3", b"\x82\x06\x00\x01\x00\x01t\x03"),
    (
        "SUBSCRIBE with an option of 5.0",
        b"\x82\x06\x00\x01\x00\x01t\x04",
    ),
    ("SUBSCRIBE without options", b"\x82\x05\x00\x01\x00\x01t"),
    ("filter of no characters", b"\x82\x05\x00\x01\x00\x00\x00"),
    ("# in the middle", b"\x82\x08\x00\x01\x00\x03#/t\x00"),
    ("# beside a name", b"\x82\x07\x00\x01\x00\x02t#\x00"),
    ("+ beside a name", b"\x82\x07\x00\x01\x00\x02t+\x00"),
    ("filter not UTF-8", b"\x82\x06\x00\x01\x00\x01\xff\x00"),
    ("UNSUBSCRIBE without filter", b"\xa2\x02\x00\x01"),
    ("topic of no characters", b"\x30\x02\x00\x00"),
    ("SUBACK", b"\x90\x03\x00\x01\x00"),
    ("UNSUBACK", b"\xb0\x02\x00\x01"),
    ("AUTH", b"\xf0\x00"),
    ("DISCONNECT with a body", b"\xe0\x01\x00"),
    ("PUBACK with a reason", b"\x40\x03\x00\x01\x00"),
];

/// Packets of MQTT 5.0.
const WRONG_IN_5: &[(&str, &[u8], ReasonCode)] = &[
    (
        "SUBSCRIBE without filter",
        b"\x82\x03\x00\x01\x00",
        ReasonCode::ProtocolError,
    ),
    (
        "reserved option",
        b"\x82\x07\x00\x01\x00\x00\x01t\x40",
        ReasonCode::MalformedPacket,
    ),
    (
        "retain handling 3",
        b"\x82\x07\x00\x01\x00\x00\x01t\x30",
        ReasonCode::ProtocolError,
    ),
    (
        "filter #/t",
        b"\x82\x09\x00\x01\x00\x00\x03#/t\x00",
        ReasonCode::TopicFilterInvalid,
    ),
    (
        "subscription identifier 0",
        b"\x82\x09\x00\x01\x02\x0b\x00\x00\x01t\x00",
        ReasonCode::ProtocolError,
    ),
    (
        "UNSUBSCRIBE without filter",
        b"\xa2\x03\x00\x01\x00",
        ReasonCode::ProtocolError,
    ),
    (
        "empty topic without alias",
        b"\x30\x03\x00\x00\x00",
        ReasonCode::ProtocolError,
    ),
    (
        "alias 0",
        b"\x30\x07\x00\x01t\x03\x23\x00\x00",
        ReasonCode::ProtocolError,
    ),
    (
        "property of another packet",
        b"\x30\x07\x00\x01t\x03\x21\x00\x01",
        ReasonCode::MalformedPacket,
    ),
    (
        "unknown property",
        b"\x30\x06\x00\x01t\x02\x7f\x00",
        ReasonCode::MalformedPacket,
    ),
    (
        "properties too long",
        b"\x30\x04\x00\x01t\x09",
        ReasonCode::MalformedPacket,
    ),
    (
        "properties cut off",
        b"\x30\x05\x00\x01t\x01\x23",
        ReasonCode::MalformedPacket,
    ),
    (
        "property twice",
        b"\x30\x08\x00\x01t\x04\x01\x00\x01\x00",
        ReasonCode::ProtocolError,
    ),
    (
        "overlong length of properties",
        b"\x30\x05\x00\x01t\x80\x00",
        ReasonCode::MalformedPacket,
    ),
    (
        "subscription identifier",
        b"\x30\x06\x00\x01t\x02\x0b\x01",
        ReasonCode::ProtocolError,
    ),
    (
        "response topic with #",
        b"\x30\x08\x00\x01t\x04\x08\x00\x01#",
        ReasonCode::ProtocolError,
    ),
    (
        "PUBACK of a reason unknown",
        b"\x40\x03\x00\x01\x77",
        ReasonCode::MalformedPacket,
    ),
    (
        "SUBACK",
        b"\x90\x04\x00\x01\x00\x00",
        ReasonCode::ProtocolError,
    ),
    (
        "UNSUBACK",
        b"\xb0\x04\x00\x01\x00\x00",
        ReasonCode::ProtocolError,
    ),
    ("AUTH", b"\xf0\x00", ReasonCode::ProtocolError),
    (
        "DISCONNECT of a reason unknown",
        b"\xe0\x01\x77",
        ReasonCode::MalformedPacket,
    ),
];

/// Two that exchange messages all the time.
struct Witnesses {
    publisher: Client,
    subscriber: Client,
    count: usize,
}

impl Witnesses {
    async fn new(broker: &Broker) -> Self {
        let mut subscriber = broker.client(v5("witness")).await;
        subscriber.subscribe("#", QoS::ExactlyOnce).await;
        Self {
            publisher: broker.client(v3_1_1("witness publisher")).await,
            subscriber,
            count: 0,
        }
    }

    /// They notice nothing: no message but their own, in time, in order.
    async fn exchange(&mut self) {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let text = self.count.to_string();
            self.count += 1;
            self.publisher
                .publish(message("w", text.clone(), qos))
                .await;
            assert_eq!(self.subscriber.text().await, ("w".into(), text));
        }
    }
}

async fn is_ended(client: Client, version: ProtocolVersion, reason: ReasonCode) {
    if version == ProtocolVersion::V5 {
        client.expect_disconnect(reason).await;
    } else {
        client.expect_close().await;
    }
}

#[tokio::test]
async fn section_4_13_a_wrong_packet_ends_the_connection_as_the_version_has_it() {
    let broker = start().await;
    let mut witnesses = Witnesses::new(&broker).await;
    for version in [
        ProtocolVersion::V3_1,
        ProtocolVersion::V3_1_1,
        ProtocolVersion::V5,
    ] {
        let of_version = if version == ProtocolVersion::V5 {
            WRONG_IN_5.to_vec()
        } else {
            let any = ReasonCode::ProtocolError;
            let wrong = WRONG_IN_3.iter();
            wrong.map(|(name, packet)| (*name, *packet, any)).collect()
        };
        for (name, packet, reason) in WRONG.iter().copied().chain(of_version) {
            // 3.1 has DUP on what is sent again.
            if version == ProtocolVersion::V3_1 && name == "DUP at QoS 0" {
                continue;
            }
            eprintln!("{version}: {name}");
            let mut client = broker.client(codec::Connect::new(version, "c")).await;
            client.send_bytes(packet).await;
            is_ended(client, version, reason).await;
        }
        witnesses.exchange().await;
    }
    witnesses.subscriber.has_nothing().await;
}

#[tokio::test]
async fn what_came_before_a_wrong_packet_counts_and_what_comes_after_it_does_not() {
    let broker = start().await;
    let mut subscriber = broker.client(v5("s")).await;
    subscriber.subscribe("t", QoS::AtMostOnce).await;
    let mut client = broker.client(v5("c")).await;
    let before = b"\x30\x05\x00\x01t\x001\x32\x07\x00\x01t\x00\x05\x002";
    let after = b"\x30\x05\x00\x01t\x003";
    client
        .send_bytes(&[&before[..], b"\xd0\x00", after].concat())
        .await;
    assert_eq!(
        client.puback(codec::PacketId::new(5).unwrap()).await,
        ReasonCode::Success
    );
    client.expect_disconnect(ReasonCode::ProtocolError).await;
    assert_eq!(subscriber.payloads(2).await, ["1", "2"]);
    subscriber.has_nothing().await;
}

#[tokio::test]
async fn section_4_3_acknowledgements_nobody_waits_for_do_no_harm() {
    let broker = start().await;
    for version in [ProtocolVersion::V3_1_1, ProtocolVersion::V5] {
        let mut client = broker.client(codec::Connect::new(version, "c")).await;
        client
            .send_bytes(b"\x40\x02\x00\x09\x70\x02\x00\x09\x62\x02\x00\x09\x50\x02\x00\x0a")
            .await;
        let id = codec::PacketId::new(9).unwrap();
        assert_eq!(client.pubcomp(id).await, ReasonCode::Success);
        let id = codec::PacketId::new(10).unwrap();
        assert_eq!(client.pubrel(id).await, ReasonCode::Success);
        client.has_nothing().await;
    }
}

#[tokio::test]
async fn an_acknowledgement_of_the_wrong_kind_ends_the_connection() {
    let broker = start().await;
    let mut publisher = broker.client(v5("p")).await;
    for (qos, ack) in [
        (QoS::ExactlyOnce, 0x40),
        (QoS::ExactlyOnce, 0x70),
        (QoS::AtLeastOnce, 0x50),
        (QoS::AtLeastOnce, 0x70),
    ] {
        for version in [ProtocolVersion::V3_1_1, ProtocolVersion::V5] {
            let mut client = broker.client(codec::Connect::new(version, "c")).await;
            client.subscribe("t", qos).await;
            publisher.publish(message("t", "x", qos)).await;
            let id = client.unacknowledged().await.packet_id.unwrap().get();
            let [high, low] = id.to_be_bytes();
            client.send_bytes(&[ack, 2, high, low]).await;
            is_ended(client, version, ReasonCode::ProtocolError).await;
        }
    }
}

/// [MQTT-1.5.5-1]: what one client writes longer than it need be must not
/// reach others that way.
#[tokio::test]
async fn an_overlong_length_is_not_passed_on() {
    let broker = start().await;
    for (connect, packet, expected) in [
        (
            v5("c"),
            &b"\x30\x86\x00\x00\x01t\x00hi"[..],
            &b"\x30\x06\x00\x01t\x00hi"[..],
        ),
        (
            v3_1_1("c"),
            b"\x30\x85\x80\x00\x00\x01thi",
            b"\x30\x05\x00\x01thi",
        ),
    ] {
        let mut subscriber = broker.client(connect.clone()).await;
        subscriber.subscribe("t", QoS::AtMostOnce).await;
        let mut publisher = connect;
        publisher.client_id = "p".into();
        let mut publisher = broker.client(publisher).await;
        publisher.send_bytes(packet).await;
        assert_eq!(subscriber.read_bytes().await, expected);
    }
}

/// xorshift64*, so that a failure comes again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 33) as usize % limit
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_bytes_disturb_nobody() {
    let broker = start().await;
    let mut witnesses = Witnesses::new(&broker).await;
    let mut random = Random(0x5eed);
    for round in 0..300 {
        let mut client = if round % 3 == 0 {
            broker.open().await
        } else {
            let connect = [v3_1_1("c"), v5("c")][round % 2].clone();
            broker.client(connect).await
        };
        let mut bytes = Vec::new();
        for _ in 0..random.below(20) {
            let len = random.below(40);
            let mut packet = random.bytes(len);
            // Mostly with a head that makes sense; not one that publishes to
            // where the witness listens.
            if round % 4 != 0 && len >= 2 {
                packet[0] =
                    [0x10, 0x40, 0x50, 0x62, 0x70, 0x82, 0xa2, 0xc0, 0xe0, 0xf0][random.below(10)];
                packet[1] = (len - 2) as u8;
            }
            bytes.extend(packet);
        }
        client.try_send_bytes(&bytes).await;
        drop(client);
        if round % 10 == 0 {
            publish_and_find(&mut witnesses, round).await;
        }
    }
    let client = broker.client(v5("c")).await;
    client.disconnect().await;
}

/// As [`Witnesses::exchange`], but random bytes may be messages too.
async fn publish_and_find(witnesses: &mut Witnesses, round: usize) {
    let text = format!("round {round}");
    let publish = message("w", text.clone(), QoS::AtLeastOnce);
    witnesses.publisher.publish(publish).await;
    loop {
        let got = witnesses.subscriber.message().await;
        if got.payload == text {
            return;
        }
        assert_ne!(got.topic.as_str(), "w");
    }
}

/// Good packets with one byte changed come closest to the code behind the
/// codec.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packets_with_one_byte_changed_disturb_nobody() {
    let broker = start().await;
    let mut witnesses = Witnesses::new(&broker).await;
    let mut random = Random(0xbad);
    for round in 0..300 {
        let version = [ProtocolVersion::V3_1_1, ProtocolVersion::V5][round % 2];
        let mut client = broker.client(codec::Connect::new(version, "c")).await;
        let mut publish = message("other", "x", QoS::ExactlyOnce);
        publish.packet_id = codec::PacketId::new(1);
        let packets = [
            Packet::Publish(publish),
            Packet::PubRel(codec::Ack::new(codec::PacketId::MIN, ReasonCode::Success)),
            Packet::Subscribe(codec::Subscribe {
                packet_id: codec::PacketId::MIN,
                properties: codec::Properties::new(),
                subscriptions: vec![codec::Subscription {
                    filter: crate::common::filter("a/+/b"),
                    options: QoS::ExactlyOnce.into(),
                }],
            }),
            Packet::PingReq,
        ];
        for packet in packets {
            let mut bytes = crate::common::encode(&packet, version);
            let at = random.below(bytes.len());
            bytes[at] = random.next() as u8;
            if !client.try_send_bytes(&bytes).await {
                break;
            }
        }
        drop(client);
        if round % 10 == 0 {
            publish_and_find(&mut witnesses, round).await;
        }
    }
}
