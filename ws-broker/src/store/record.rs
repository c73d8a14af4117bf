//! Values of the store as bytes. A message is a PUBLISH packet, with the time
//! at which it expires before it.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use codec::{
    ByteString, Packet, PacketId, PropertyId, ProtocolVersion, PublishParts, QoS,
    SubscriptionOptions, Will,
};
use protocol::{Message, Time};

use super::{Sent, SessionRecord, Subscribed};
use crate::access::Identity;
use crate::router::Retained;

/// Stands for no time.
const NEVER: u64 = u64::MAX;

/// A queued delivery, but for its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Queued {
    /// Number of the message.
    pub message: u64,
    pub qos: QoS,
    pub retain: bool,
    pub token: u64,
    pub subscription_identifiers: Option<Arc<[u32]>>,
}

/// What can be a value. Decoding gives `None` for anything that encoding
/// would not have made.
pub(super) trait Record: Sized {
    fn encode(&self, out: &mut BytesMut);
    fn decode(bytes: &mut Bytes) -> Option<Self>;
}

/// The bytes of a value.
pub(super) fn encoded(record: &impl Record) -> BytesMut {
    let mut out = BytesMut::new();
    record.encode(&mut out);
    out
}

/// The value that takes all of `bytes`.
pub(super) fn decoded<R: Record>(bytes: &[u8]) -> Option<R> {
    let mut bytes = Bytes::copy_from_slice(bytes);
    R::decode(&mut bytes).filter(|_| bytes.is_empty())
}

fn qos(bytes: &mut Bytes) -> Option<QoS> {
    QoS::from_u8(bytes.try_get_u8().ok()?)
}

fn boolean(bytes: &mut Bytes) -> Option<bool> {
    match bytes.try_get_u8().ok()? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

fn put_option<R: Record>(option: Option<&R>, out: &mut BytesMut) {
    out.put_u8(option.is_some().into());
    if let Some(record) = option {
        record.encode(out);
    }
}

fn option<R: Record>(bytes: &mut Bytes) -> Option<Option<R>> {
    Some(if boolean(bytes)? {
        Some(R::decode(bytes)?)
    } else {
        None
    })
}

impl Record for ByteString {
    fn encode(&self, out: &mut BytesMut) {
        let len = u16::try_from(self.len()).expect("strings of MQTT have at most 65,535 bytes");
        out.put_u16(len);
        out.put_slice(self.as_bytes());
    }

    fn decode(bytes: &mut Bytes) -> Option<Self> {
        let len = usize::from(bytes.try_get_u16().ok()?);
        (len <= bytes.len()).then(|| Self::try_from(bytes.split_to(len)).ok())?
    }
}

impl Record for Time {
    fn encode(&self, out: &mut BytesMut) {
        out.put_u64(self.as_millis());
    }

    fn decode(bytes: &mut Bytes) -> Option<Self> {
        bytes.try_get_u64().ok().map(Self::from_millis)
    }
}

/// A PUBLISH packet that is a message and what else is said of it; of MQTT
/// 3.1.1 if it has no properties, so that it is no longer than it came.
fn put_publish(parts: &PublishParts<'_>, out: &mut BytesMut) {
    let is_v5 = !parts.properties.is_empty();
    out.put_u8(is_v5.into());
    parts
        .encode(version(is_v5), out)
        .expect("it came in a packet that was longer");
}

fn publish(bytes: &mut Bytes) -> Option<codec::Publish> {
    let is_v5 = boolean(bytes)?;
    let mut packet = BytesMut::from(std::mem::take(bytes));
    let decoded = Packet::decode(&mut packet, version(is_v5), usize::MAX);
    *bytes = packet.freeze();
    match decoded {
        Ok(Some(Packet::Publish(publish))) if !publish.topic.is_alias() => Some(publish),
        _ => None,
    }
}

const fn version(is_v5: bool) -> ProtocolVersion {
    if is_v5 {
        ProtocolVersion::V5
    } else {
        ProtocolVersion::V3_1_1
    }
}

impl Record for Arc<Message> {
    fn encode(&self, out: &mut BytesMut) {
        out.put_u64(self.expires_at.map_or(NEVER, Time::as_millis));
        let parts = PublishParts {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic: &self.topic,
            packet_id: None,
            properties: &self.properties,
            payload: &self.payload,
        };
        put_publish(&parts, out);
    }

    fn decode(bytes: &mut Bytes) -> Option<Self> {
        let expires_at = match bytes.try_get_u64().ok()? {
            NEVER => None,
            at => Some(Time::from_millis(at)),
        };
        let publish = publish(bytes)?;
        Some(Self::new(Message {
            topic: publish.topic,
            payload: publish.payload,
            properties: publish.properties,
            expires_at,
        }))
    }
}

impl Record for Identity {
    fn encode(&self, out: &mut BytesMut) {
        self.client_id.encode(out);
        put_option(self.username.as_ref(), out);
        out.put_u16(self.rules);
    }

    fn decode(bytes: &mut Bytes) -> Option<Self> {
        Some(Self {
            client_id: ByteString::decode(bytes)?,
            username: option(bytes)?,
            rules: bytes.try_get_u16().ok()?,
        })
    }
}

/// Its source stands at the end, if it has one: format 1 had none.
impl Record for Retained {
    fn encode(&self, out: &mut BytesMut) {
        out.put_u8(self.qos.as_u8());
        self.message.encode(out);
        if let Some(source) = &self.source {
            source.encode(out);
        }
    }

    fn decode(bytes: &mut Bytes) -> Option<Self> {
        Some(Self {
            qos: qos(bytes)?,
            message: Record::decode(bytes)?,
            source: match bytes.is_empty() {
                true => None,
                false => Some(Box::new(Identity::decode(bytes)?)),
            },
        })
    }
}

impl Record for Queued {
    fn encode(&self, out: &mut BytesMut) {
        out.put_u64(self.message);
        out.put_u8(self.qos.as_u8());
        out.put_u8(self.retain.into());
        out.put_u64(self.token);
        for identifier in self.subscription_identifiers.iter().flat_map(|ids| &**ids) {
            out.put_u32(*identifier);
        }
    }

    fn decode(bytes: &mut Bytes) -> Option<Self> {
        let message = bytes.try_get_u64().ok()?;
        let (qos, retain) = (qos(bytes)?, boolean(bytes)?);
        let token = bytes.try_get_u64().ok()?;
        let mut identifiers = Vec::new();
        while !bytes.is_empty() {
            identifiers.push(bytes.try_get_u32().ok()?);
        }
        Some(Self {
            message,
            qos,
            retain,
            token,
            subscription_identifiers: (!identifiers.is_empty()).then(|| identifiers.into()),
        })
    }
}

impl Record for Sent {
    fn encode(&self, out: &mut BytesMut) {
        let (state, packet_id) = match self {
            Self::Published(packet_id) => (1, packet_id),
            Self::Released(packet_id) => (2, packet_id),
        };
        out.put_u8(state);
        out.put_u16(packet_id.get());
    }

    fn decode(bytes: &mut Bytes) -> Option<Self> {
        let state = bytes.try_get_u8().ok()?;
        let packet_id = PacketId::new(bytes.try_get_u16().ok()?)?;
        match state {
            1 => Some(Self::Published(packet_id)),
            2 => Some(Self::Released(packet_id)),
            _ => None,
        }
    }
}

impl Record for Subscribed {
    fn encode(&self, out: &mut BytesMut) {
        out.put_u8(self.options.to_u8(ProtocolVersion::V5));
        out.put_u32(self.identifier.unwrap_or(0));
    }

    fn decode(bytes: &mut Bytes) -> Option<Self> {
        let options = bytes.try_get_u8().ok()?;
        let identifier = bytes.try_get_u32().ok()?;
        Some(Self {
            options: SubscriptionOptions::from_u8(options, ProtocolVersion::V5).ok()?,
            identifier: (identifier != 0).then_some(identifier),
        })
    }
}

/// Without its delay, which has become a time.
impl Record for Will {
    fn encode(&self, out: &mut BytesMut) {
        let mut properties = self.properties.clone();
        properties.remove(PropertyId::WillDelayInterval);
        out.put_u8(self.qos.as_u8());
        let parts = PublishParts {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: self.retain,
            topic: &self.topic,
            packet_id: None,
            properties: &properties,
            payload: &self.payload,
        };
        put_publish(&parts, out);
    }

    fn decode(bytes: &mut Bytes) -> Option<Self> {
        let qos = qos(bytes)?;
        let publish = publish(bytes)?;
        Some(Self {
            topic: publish.topic,
            payload: publish.payload,
            qos,
            retain: publish.retain,
            properties: publish.properties,
        })
    }
}

impl Record for (Will, Time) {
    fn encode(&self, out: &mut BytesMut) {
        self.1.encode(out);
        self.0.encode(out);
    }

    fn decode(bytes: &mut Bytes) -> Option<Self> {
        let at = Time::decode(bytes)?;
        Some((Will::decode(bytes)?, at))
    }
}

/// The packet identifier stands at the end: formats 1 and 2 had none.
impl Record for SessionRecord {
    fn encode(&self, out: &mut BytesMut) {
        self.identity.encode(out);
        out.put_u32(self.expiry);
        put_option(self.away_since.as_ref(), out);
        put_option(self.will.as_ref(), out);
        if let Some(packet_id) = self.next_packet_id {
            out.put_u16(packet_id.get());
        }
    }

    fn decode(bytes: &mut Bytes) -> Option<Self> {
        Some(Self {
            identity: Identity::decode(bytes)?,
            expiry: bytes.try_get_u32().ok()?,
            away_since: option(bytes)?,
            will: option(bytes)?,
            next_packet_id: match bytes.is_empty() {
                true => None,
                false => Some(PacketId::new(bytes.try_get_u16().ok()?)?),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use codec::{Properties, Property, RetainHandling, TopicName};

    use super::*;

    fn message() -> Arc<Message> {
        let properties = Properties::new()
            .with(Property::ContentType("text".into()))
            .with(Property::UserProperty(("a".into(), "b".into())));
        Arc::new(Message {
            topic: TopicName::new("Kitchen/Fridge").unwrap(),
            payload: Bytes::from_static(b"Temperature:14"),
            properties,
            expires_at: Some(Time::from_millis(1_700_000_000_123)),
        })
    }

    fn will() -> Will {
        Will {
            topic: TopicName::new("status").unwrap(),
            payload: "gone".into(),
            qos: QoS::ExactlyOnce,
            retain: true,
            properties: Properties::new().with(Property::MessageExpiryInterval(7)),
        }
    }

    /// What comes out is what went in, nothing that is cut short or longer
    /// decodes, and nothing makes it panic.
    fn check<R: Record + PartialEq + std::fmt::Debug>(record: &R) {
        let bytes = encoded(record);
        assert_eq!(decoded::<R>(&bytes).as_ref(), Some(record));
        for len in 0..bytes.len() {
            assert_ne!(decoded::<R>(&bytes[..len]).as_ref(), Some(record), "{len}");
        }
        let longer = [&bytes[..], &[0x55]].concat();
        assert_ne!(decoded::<R>(&longer).as_ref(), Some(record));
        for at in 0..bytes.len() {
            for wrong in [0, 1, 0x7f, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] = wrong;
                let _ = decoded::<R>(&bytes);
            }
        }
    }

    #[test]
    fn every_value_comes_back() {
        check(&message());
        check(&Arc::new(Message::new(TopicName::new("t").unwrap(), "")));
        check(&Queued {
            message: 7,
            qos: QoS::AtLeastOnce,
            retain: true,
            token: u64::MAX - 1,
            subscription_identifiers: Some([1, 268_435_455].into()),
        });
        for sent in [Sent::Published, Sent::Released] {
            check(&sent(PacketId::MIN));
        }
        check(&Subscribed {
            options: SubscriptionOptions {
                qos: QoS::ExactlyOnce,
                no_local: true,
                retain_as_published: true,
                retain_handling: RetainHandling::DoNotSend,
            },
            identifier: Some(9),
        });
        let record = SessionRecord {
            identity: Identity {
                client_id: "fridge".into(),
                username: Some("kitchen".into()),
                rules: 2,
            },
            expiry: u32::MAX,
            away_since: Some(Time::from_millis(5)),
            will: Some((will(), Time::from_millis(9))),
            next_packet_id: PacketId::new(7),
        };
        check(&record);
        check(&record.identity);
        check(&SessionRecord {
            away_since: None,
            will: None,
            ..record.clone()
        });
        check(&SessionRecord {
            next_packet_id: None,
            ..record.clone()
        });
        for source in [None, Some(Box::new(record.identity.clone()))] {
            let retained = Retained {
                message: message(),
                qos: QoS::AtLeastOnce,
                source,
            };
            let bytes = encoded(&retained);
            let back: Retained = decoded(&bytes).unwrap();
            assert_eq!((back.message, back.qos), (retained.message, retained.qos));
            assert_eq!(back.source, retained.source);
            assert!(decoded::<Retained>(&bytes[..bytes.len() - 1]).is_none());
        }
    }

    #[test]
    fn a_wills_delay_is_left_out() {
        let mut with_delay = will();
        with_delay.properties.push(Property::WillDelayInterval(9));
        assert_eq!(decoded::<Will>(&encoded(&with_delay)), Some(will()));
    }
}
