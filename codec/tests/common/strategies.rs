//! Packets at random, and what is left of them in each version.

use bytes::Bytes;
use codec::{
    Ack, Auth, ByteString, ConnAck, Connect, Disconnect, Packet, PacketId, PacketType, Properties,
    Property, ProtocolVersion, Publish, QoS, ReasonCode, RetainHandling, SubAck, Subscribe,
    Subscription, SubscriptionOptions, TopicFilter, TopicName, UnsubAck, Unsubscribe, Will,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::{ALL, V3_1, V5};

pub(crate) fn version() -> impl Strategy<Value = ProtocolVersion> {
    select(ALL)
}

/// A packet that `version` has, with everything that only 5.0 carries.
pub(crate) fn packet(version: ProtocolVersion) -> BoxedStrategy<Packet> {
    let mut kinds = vec![
        connect(version)
            .prop_map(|c| Packet::Connect(Box::new(c)))
            .boxed(),
        connack().prop_map(Packet::ConnAck).boxed(),
        publish(version).prop_map(Packet::Publish).boxed(),
        ack(PacketType::PubAck).prop_map(Packet::PubAck).boxed(),
        ack(PacketType::PubRec).prop_map(Packet::PubRec).boxed(),
        ack(PacketType::PubRel).prop_map(Packet::PubRel).boxed(),
        ack(PacketType::PubComp).prop_map(Packet::PubComp).boxed(),
        subscribe().prop_map(Packet::Subscribe).boxed(),
        suback().prop_map(Packet::SubAck).boxed(),
        unsubscribe().prop_map(Packet::Unsubscribe).boxed(),
        unsuback().prop_map(Packet::UnsubAck).boxed(),
        Just(Packet::PingReq).boxed(),
        Just(Packet::PingResp).boxed(),
        disconnect().prop_map(Packet::Disconnect).boxed(),
    ];
    if version == V5 {
        kinds.push(auth().prop_map(Packet::Auth).boxed());
    }
    proptest::strategy::Union::new(kinds).boxed()
}

/// What arrives of `packet` when it is sent in `version`.
pub(crate) fn as_received(mut packet: Packet, version: ProtocolVersion) -> Packet {
    if version == V5 {
        return packet;
    }
    match &mut packet {
        Packet::Connect(connect) => {
            connect.properties = Properties::new();
            if let Some(will) = &mut connect.will {
                will.properties = Properties::new();
            }
        }
        Packet::ConnAck(connack) => {
            connack.properties = Properties::new();
            connack.session_present &= version != V3_1;
            connack.reason = match connack.reason.to_v3_connect() {
                0 => ReasonCode::Success,
                1 => ReasonCode::UnsupportedProtocolVersion,
                2 => ReasonCode::ClientIdentifierNotValid,
                3 => ReasonCode::ServerUnavailable,
                4 => ReasonCode::BadUserNameOrPassword,
                5 => ReasonCode::NotAuthorized,
                code => panic!("return code {code}"),
            };
        }
        Packet::Publish(publish) => publish.properties = Properties::new(),
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            *ack = Ack::new(ack.packet_id, ReasonCode::Success);
        }
        Packet::Subscribe(subscribe) => {
            subscribe.properties = Properties::new();
            for subscription in &mut subscribe.subscriptions {
                subscription.options = subscription.options.qos.into();
            }
        }
        Packet::SubAck(suback) => {
            suback.properties = Properties::new();
            for reason in suback.reasons.iter_mut().filter(|r| r.is_failure()) {
                *reason = ReasonCode::UnspecifiedError;
            }
        }
        Packet::Unsubscribe(unsubscribe) => unsubscribe.properties = Properties::new(),
        Packet::UnsubAck(unsuback) => {
            unsuback.properties = Properties::new();
            unsuback.reasons.clear();
        }
        Packet::Disconnect(disconnect) => *disconnect = Disconnect::new(ReasonCode::Success),
        Packet::PingReq | Packet::PingResp | Packet::Auth(_) => {}
    }
    packet
}

pub(crate) fn publish(version: ProtocolVersion) -> impl Strategy<Value = Publish> {
    (
        any::<bool>(),
        qos(),
        any::<bool>(),
        topic_name(),
        packet_id(),
        properties(publish_property(), true),
        payload(),
        of(1u16..),
    )
        .prop_map(
            move |(dup, qos, retain, topic, id, mut properties, payload, alias)| {
                let acknowledged = qos != QoS::AtMostOnce;
                let mut topic = topic;
                if let Some(alias) = alias {
                    properties.push(Property::TopicAlias(alias));
                    if alias % 2 == 0 && version == V5 {
                        topic = TopicName::alias();
                    }
                }
                Publish {
                    dup: dup && acknowledged,
                    qos,
                    retain,
                    topic,
                    packet_id: acknowledged.then_some(id),
                    properties,
                    payload,
                }
            },
        )
}

fn connect(version: ProtocolVersion) -> impl Strategy<Value = Connect> {
    (
        (any::<bool>(), any::<bool>(), any::<u16>(), text()),
        of(will()),
        of(text()),
        of(binary()),
        properties(connect_property(), false),
        of((text(), of(binary()))),
    )
        .prop_map(
            move |(
                (bridge, clean_start, keep_alive, client_id),
                will,
                username,
                password,
                mut properties,
                auth,
            )| {
                if let Some((method, data)) = auth {
                    properties.push(Property::AuthenticationMethod(method));
                    properties.extend(data.map(Property::AuthenticationData));
                }
                Connect {
                    version,
                    bridge: bridge && version != V5,
                    clean_start,
                    keep_alive,
                    client_id,
                    will,
                    password: password.filter(|_| version == V5 || username.is_some()),
                    username,
                    properties,
                }
            },
        )
}

fn will() -> impl Strategy<Value = Will> {
    (
        topic_name(),
        binary(),
        qos(),
        any::<bool>(),
        properties(will_property(), false),
    )
        .prop_map(|(topic, payload, qos, retain, properties)| Will {
            topic,
            payload,
            qos,
            retain,
            properties,
        })
}

fn connack() -> impl Strategy<Value = ConnAck> {
    (
        any::<bool>(),
        reason(PacketType::ConnAck),
        properties(connack_property(), false),
    )
        .prop_map(|(session_present, reason, properties)| ConnAck {
            session_present,
            reason,
            properties,
        })
}

fn ack(kind: PacketType) -> impl Strategy<Value = Ack> {
    (
        packet_id(),
        reason(kind),
        properties(reason_property(), false),
    )
        .prop_map(|(packet_id, reason, properties)| Ack {
            packet_id,
            reason,
            properties,
        })
}

fn subscribe() -> impl Strategy<Value = Subscribe> {
    let subscription = (topic_filter(), options()).prop_map(|(filter, mut options)| {
        options.no_local &= filter.share_name().is_none();
        Subscription { filter, options }
    });
    (
        packet_id(),
        properties(identifier().boxed(), false),
        vec(subscription, 1..4),
    )
        .prop_map(|(packet_id, properties, subscriptions)| Subscribe {
            packet_id,
            properties,
            subscriptions,
        })
}

fn suback() -> impl Strategy<Value = SubAck> {
    (
        packet_id(),
        vec(reason(PacketType::SubAck), 1..4),
        properties(reason_property(), false),
    )
        .prop_map(|(packet_id, reasons, properties)| SubAck {
            packet_id,
            reasons,
            properties,
        })
}

fn unsubscribe() -> impl Strategy<Value = Unsubscribe> {
    (
        packet_id(),
        properties(user_property().boxed(), false),
        vec(topic_filter(), 1..4),
    )
        .prop_map(|(packet_id, properties, filters)| Unsubscribe {
            packet_id,
            properties,
            filters,
        })
}

fn unsuback() -> impl Strategy<Value = UnsubAck> {
    (
        packet_id(),
        vec(reason(PacketType::UnsubAck), 1..4),
        properties(reason_property(), false),
    )
        .prop_map(|(packet_id, reasons, properties)| UnsubAck {
            packet_id,
            reasons,
            properties,
        })
}

fn disconnect() -> impl Strategy<Value = Disconnect> {
    let property = prop_oneof![
        reason_property(),
        any::<u32>().prop_map(Property::SessionExpiryInterval),
        text().prop_map(Property::ServerReference),
    ];
    (
        reason(PacketType::Disconnect),
        properties(property.boxed(), false),
    )
        .prop_map(|(reason, properties)| Disconnect { reason, properties })
}

fn auth() -> impl Strategy<Value = Auth> {
    let property = prop_oneof![
        reason_property(),
        binary().prop_map(Property::AuthenticationData),
    ];
    (
        reason(PacketType::Auth),
        properties(property.boxed(), false),
        text(),
    )
        .prop_map(|(reason, properties, method)| Auth {
            reason,
            properties: properties.with(Property::AuthenticationMethod(method)),
        })
}

fn reason(packet: PacketType) -> impl Strategy<Value = ReasonCode> {
    select(super::tables::reason_codes(packet)).prop_map(|code| ReasonCode::from_u8(code).unwrap())
}

fn packet_id() -> impl Strategy<Value = PacketId> {
    (1u16..).prop_map(|id| PacketId::new(id).unwrap())
}

fn qos() -> impl Strategy<Value = QoS> {
    select(vec![QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce])
}

fn options() -> impl Strategy<Value = SubscriptionOptions> {
    let handling = select(vec![
        RetainHandling::Send,
        RetainHandling::SendIfNew,
        RetainHandling::DoNotSend,
    ]);
    (qos(), any::<bool>(), any::<bool>(), handling).prop_map(
        |(qos, no_local, retain_as_published, retain_handling)| SubscriptionOptions {
            qos,
            no_local,
            retain_as_published,
            retain_handling,
        },
    )
}

fn text() -> impl Strategy<Value = ByteString> {
    vec(any::<char>().prop_filter("U+0000", |&c| c != '\0'), 0..6)
        .prop_map(|chars| chars.into_iter().collect::<String>().into())
}

fn binary() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..20).prop_map(Bytes::from)
}

/// Some are so long that the remaining length takes two or three bytes.
fn payload() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        8 => binary(),
        1 => (100usize..160).prop_map(|len| Bytes::from(vec![b'x'; len])),
        1 => (16_300usize..16_400).prop_map(|len| Bytes::from(vec![b'x'; len])),
    ]
}

fn topic_name() -> impl Strategy<Value = TopicName> {
    "[a-zé/ $]{1,12}".prop_map(|name| TopicName::new(name).unwrap())
}

fn topic_filter() -> impl Strategy<Value = TopicFilter> {
    (
        of("[a-z]{1,3}"),
        vec(prop_oneof!["[a-zé ]{0,4}", Just("+".into())], 1..4),
        any::<bool>(),
    )
        .prop_filter_map("an empty filter", |(group, mut levels, rest)| {
            if rest {
                levels.push("#".into());
            }
            let filter = levels.join("/");
            TopicFilter::new(match group {
                Some(group) => format!("$share/{group}/{filter}"),
                None => filter,
            })
            .ok()
        })
}

/// Some of `property`, each but the repeatable once.
fn properties(
    property: BoxedStrategy<Property>,
    identifiers_repeat: bool,
) -> impl Strategy<Value = Properties> {
    vec(property, 0..5).prop_map(move |all| {
        let mut properties = Properties::new();
        for property in all {
            let repeatable = match property {
                Property::UserProperty(_) => true,
                Property::SubscriptionIdentifier(_) => identifiers_repeat,
                _ => false,
            };
            if repeatable {
                properties.push(property);
            } else {
                properties.set(property);
            }
        }
        properties
    })
}

fn user_property() -> impl Strategy<Value = Property> {
    (text(), text()).prop_map(Property::UserProperty)
}

fn identifier() -> impl Strategy<Value = Property> {
    prop_oneof![
        user_property(),
        (1u32..=268_435_455).prop_map(Property::SubscriptionIdentifier),
        (1u32..300).prop_map(Property::SubscriptionIdentifier),
    ]
}

fn reason_property() -> BoxedStrategy<Property> {
    prop_oneof![user_property(), text().prop_map(Property::ReasonString)].boxed()
}

fn message_property() -> impl Strategy<Value = Property> {
    prop_oneof![
        user_property(),
        any::<bool>().prop_map(Property::PayloadFormatIndicator),
        any::<u32>().prop_map(Property::MessageExpiryInterval),
        text().prop_map(Property::ContentType),
        topic_name().prop_map(|topic| Property::ResponseTopic(topic.text().clone())),
        binary().prop_map(Property::CorrelationData),
    ]
}

fn publish_property() -> BoxedStrategy<Property> {
    prop_oneof![2 => message_property(), 1 => identifier()].boxed()
}

fn will_property() -> BoxedStrategy<Property> {
    prop_oneof![
        4 => message_property(),
        1 => any::<u32>().prop_map(Property::WillDelayInterval),
    ]
    .boxed()
}

fn limit_property() -> impl Strategy<Value = Property> {
    prop_oneof![
        user_property(),
        any::<u32>().prop_map(Property::SessionExpiryInterval),
        (1u16..).prop_map(Property::ReceiveMaximum),
        any::<u16>().prop_map(Property::TopicAliasMaximum),
        (1u32..).prop_map(Property::MaximumPacketSize),
    ]
}

fn connect_property() -> BoxedStrategy<Property> {
    prop_oneof![
        4 => limit_property(),
        1 => any::<bool>().prop_map(Property::RequestProblemInformation),
        1 => any::<bool>().prop_map(Property::RequestResponseInformation),
    ]
    .boxed()
}

fn connack_property() -> BoxedStrategy<Property> {
    prop_oneof![
        limit_property(),
        reason_property(),
        text().prop_map(Property::AssignedClientIdentifier),
        any::<u16>().prop_map(Property::ServerKeepAlive),
        text().prop_map(Property::AuthenticationMethod),
        binary().prop_map(Property::AuthenticationData),
        text().prop_map(Property::ResponseInformation),
        text().prop_map(Property::ServerReference),
        (0u8..2).prop_map(Property::MaximumQoS),
        any::<bool>().prop_map(Property::RetainAvailable),
        any::<bool>().prop_map(Property::WildcardSubscriptionAvailable),
        any::<bool>().prop_map(Property::SubscriptionIdentifierAvailable),
        any::<bool>().prop_map(Property::SharedSubscriptionAvailable),
    ]
    .boxed()
}
