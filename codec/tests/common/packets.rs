//! Packets put together in few words.

use bytes::Bytes;
use codec::{
    Ack, ConnAck, Connect, Disconnect, Packet, PacketId, Properties, Property, ProtocolVersion,
    Publish, QoS, ReasonCode, SubAck, Subscribe, Subscription, SubscriptionOptions, TopicFilter,
    TopicName, UnsubAck, Unsubscribe, Will,
};

pub(crate) fn id(id: u16) -> PacketId {
    PacketId::new(id).unwrap()
}

pub(crate) fn properties(all: impl IntoIterator<Item = Property>) -> Properties {
    all.into_iter().collect()
}

pub(crate) fn user(name: &'static str, value: &'static str) -> Property {
    Property::UserProperty((name.into(), value.into()))
}

pub(crate) fn why() -> Properties {
    properties([
        Property::ReasonString("why".into()),
        user("a", "b"),
        user("a", "b"),
    ])
}

pub(crate) fn connect(version: ProtocolVersion, edit: impl FnOnce(&mut Connect)) -> Packet {
    let mut connect = Connect::new(version, "c");
    edit(&mut connect);
    Packet::Connect(Box::new(connect))
}

pub(crate) fn will(properties: Properties) -> Will {
    Will {
        topic: TopicName::new("w").unwrap(),
        payload: Bytes::from_static(b"gone"),
        qos: QoS::ExactlyOnce,
        retain: true,
        properties,
    }
}

pub(crate) fn connack(session_present: bool, reason: ReasonCode, properties: Properties) -> Packet {
    Packet::ConnAck(ConnAck {
        session_present,
        reason,
        properties,
    })
}

pub(crate) fn publish(
    topic: &'static str,
    payload: &'static [u8],
    edit: impl FnOnce(&mut Publish),
) -> Packet {
    let mut publish = Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: TopicName::new(topic).unwrap_or(TopicName::alias()),
        packet_id: None,
        properties: Properties::new(),
        payload: Bytes::from_static(payload),
    };
    edit(&mut publish);
    Packet::Publish(publish)
}

pub(crate) fn acknowledge(publish: &mut Publish, qos: QoS, packet_id: u16) {
    publish.qos = qos;
    publish.packet_id = Some(id(packet_id));
}

pub(crate) fn ack(packet_id: u16, reason: ReasonCode, properties: Properties) -> Ack {
    Ack {
        packet_id: id(packet_id),
        reason,
        properties,
    }
}

pub(crate) fn plain(packet_id: u16) -> Ack {
    Ack::new(id(packet_id), ReasonCode::Success)
}

pub(crate) fn filter(filter: &'static str) -> TopicFilter {
    TopicFilter::new(filter).unwrap()
}

pub(crate) fn subscribe(
    packet_id: u16,
    properties: Properties,
    subscriptions: &[(&'static str, SubscriptionOptions)],
) -> Packet {
    Packet::Subscribe(Subscribe {
        packet_id: id(packet_id),
        properties,
        subscriptions: subscriptions
            .iter()
            .map(|&(text, options)| Subscription {
                filter: filter(text),
                options,
            })
            .collect(),
    })
}

pub(crate) fn suback(packet_id: u16, properties: Properties, reasons: &[ReasonCode]) -> Packet {
    Packet::SubAck(SubAck {
        packet_id: id(packet_id),
        reasons: reasons.to_vec(),
        properties,
    })
}

pub(crate) fn unsubscribe(
    packet_id: u16,
    properties: Properties,
    filters: &[&'static str],
) -> Packet {
    Packet::Unsubscribe(Unsubscribe {
        packet_id: id(packet_id),
        properties,
        filters: filters.iter().map(|&text| filter(text)).collect(),
    })
}

pub(crate) fn unsuback(packet_id: u16, properties: Properties, reasons: &[ReasonCode]) -> Packet {
    Packet::UnsubAck(UnsubAck {
        packet_id: id(packet_id),
        reasons: reasons.to_vec(),
        properties,
    })
}

pub(crate) fn disconnect(reason: ReasonCode, properties: Properties) -> Packet {
    Packet::Disconnect(Disconnect { reason, properties })
}

pub(crate) const NONE: Properties = Properties::new();
