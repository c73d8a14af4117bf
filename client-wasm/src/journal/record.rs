//! How records look, and under which numbers they lie:
//!
//! | key | record |
//! |---|---|
//! | 0 | the head: whether the broker's session is known, the next free number, the client identifier |
//! | 1 and on, a packet identifier | of a QoS 2 publish that was received and not released: nothing |
//! | 2^50 and on, a token | of a publish that was sent: its packet identifier, and a byte more if PUBREC has come |
//! | 2^51 and on, a token | a publish to be sent: when it expires (milliseconds since 1970, or 0), PUBLISH |
//! | 2^52 and on, a number | a message that the application has not taken: PUBLISH |
//!
//! Numbers are big-endian, packets as MQTT 5.0 has them. A change of this is
//! another version in js/store.js.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use codec::{ByteString, EncodeError, Packet, PacketId, ProtocolVersion, Publish, PublishParts};
use protocol::{Delivery, Sent, Session, Time};

use super::{Inherited, Receipt, Restored};
use crate::Message;
use crate::store::Possible;

/// Where records lie.
pub(super) struct Key;

impl Key {
    pub(super) const HEAD: u64 = 0;
    const SENT: u64 = 1 << 50;
    const SENDING: u64 = 1 << 51;
    const RECEIVED: u64 = 1 << 52;

    pub(super) fn seen(id: PacketId) -> u64 {
        id.get().into()
    }

    pub(super) const fn sent(token: u64) -> u64 {
        Self::SENT + token
    }

    pub(super) const fn sending(token: u64) -> u64 {
        Self::SENDING + token
    }

    pub(super) const fn received(number: u64) -> u64 {
        Self::RECEIVED + number
    }

    /// Whether it is of a message that was received.
    pub(super) const fn is_incoming(key: u64) -> bool {
        key >= Self::RECEIVED || key > Self::HEAD && key < Self::SENT
    }

    /// The token of a publish, and whether the record is the publish itself.
    pub(super) const fn token(key: u64) -> Option<(u64, bool)> {
        match key {
            Self::RECEIVED.. | ..Self::SENT => None,
            Self::SENDING.. => Some((key - Self::SENDING, true)),
            _ => Some((key - Self::SENT, false)),
        }
    }
}

/// The head.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) is_known: bool,
    next_number: u64,
    pub(super) client_id: ByteString,
}

impl Head {
    /// So many numbers are each page's own. There is room for a million pages.
    const NUMBERS: u64 = 1 << 30;

    /// The first number of this page.
    pub(super) fn take_numbers(&mut self) -> u64 {
        let first = self.next_number;
        self.next_number += Self::NUMBERS;
        first
    }

    pub(super) fn write(&self) -> Bytes {
        let mut record = BytesMut::new();
        record.put_u8(self.is_known.into());
        record.put_u64(self.next_number);
        record.put_slice(self.client_id.as_bytes());
        record.freeze()
    }

    fn read(mut record: Bytes) -> Option<Self> {
        Some(Self {
            is_known: record.try_get_u8().ok()? == 1,
            next_number: record.try_get_u64().ok()?,
            client_id: ByteString::try_from(record).ok()?,
        })
    }
}

/// What a page's time is in the world.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    epoch: u64,
    now: Time,
}

impl Clock {
    pub(super) const fn new(epoch: u64, now: Time) -> Self {
        Self { epoch, now }
    }

    fn world_time(self, at: Time) -> u64 {
        let (ahead, behind) = (at - self.now, self.now - at);
        self.epoch + ahead.as_millis() as u64 - behind.as_millis() as u64
    }

    /// What is over lies at the page's beginning.
    fn page_time(self, at: u64) -> Time {
        if at >= self.epoch {
            self.now + Duration::from_millis(at - self.epoch)
        } else {
            Time::from_millis(0)
        }
    }
}

/// # Errors
/// It is longer than MQTT allows.
pub(super) fn of_delivery(delivery: &Delivery, clock: Clock) -> Result<Bytes, EncodeError> {
    let message = &*delivery.message;
    let mut record = BytesMut::new();
    record.put_u64(message.expires_at.map_or(0, |at| clock.world_time(at)));
    let publish = PublishParts {
        dup: false,
        qos: delivery.qos,
        retain: delivery.retain,
        topic: &message.topic,
        packet_id: Some(PacketId::MIN),
        properties: &message.properties,
        payload: &message.payload,
    };
    publish.encode(ProtocolVersion::V5, &mut record)?;
    Ok(record.freeze())
}

pub(super) fn of_publish(publish: &Publish) -> Bytes {
    let mut record = BytesMut::new();
    let publish = PublishParts {
        dup: publish.dup,
        qos: publish.qos,
        retain: publish.retain,
        topic: &publish.topic,
        packet_id: publish.packet_id,
        properties: &publish.properties,
        payload: &publish.payload,
    };
    // It could be decoded.
    let _ = publish.encode(ProtocolVersion::V5, &mut record);
    record.freeze()
}

pub(super) fn of_sent(id: PacketId, is_released: bool) -> Bytes {
    let mut record = BytesMut::new();
    record.put_u16(id.get());
    if is_released {
        record.put_u8(1);
    }
    record.freeze()
}

/// Reads all records, in the order of their keys: the head, what there is to go
/// on with, and of that what the broker has not taken, ascending by token.
/// `None` if there is a record that cannot be read.
pub(super) fn read(
    records: impl IntoIterator<Item = (u64, Bytes)>,
    clock: Clock,
    taken: &Rc<RefCell<Vec<u64>>>,
    possible: Possible,
) -> Option<(Head, Restored, Inherited)> {
    let mut head = Head::default();
    let mut restored = Restored::default();
    let mut inherited = Vec::new();
    let (mut sent, mut in_flight, mut seen) = (VecDeque::new(), Vec::new(), Vec::new());
    for (key, mut record) in records {
        if key == Key::HEAD {
            head = Head::read(record)?;
        } else if key < Key::SENT {
            seen.push(PacketId::new(key as u16)?);
        } else if key < Key::SENDING {
            let id = PacketId::new(record.try_get_u16().ok()?)?;
            let token = key - Key::SENT;
            if record.has_remaining() {
                in_flight.push((id, Sent::Released(token)));
            } else {
                sent.push_back((token, id));
            }
        } else if key < Key::RECEIVED {
            let token = key - Key::SENDING;
            let expiry = record.try_get_u64().ok()?;
            let publish = read_publish(record)?;
            let (qos, retain) = (publish.qos, publish.retain);
            let mut message = protocol::Message::from_publish(publish, clock.now);
            message.expires_at = (expiry > 0).then(|| clock.page_time(expiry));
            let delivery = Delivery {
                retain,
                token,
                ..Delivery::new(Arc::new(message), qos)
            };
            inherited.push((token, Some(delivery.clone())));
            match sent.pop_front_if(|(sent, _)| *sent <= token) {
                Some((sent, id)) if sent == token => {
                    in_flight.push((id, Sent::Published(delivery)));
                }
                None => restored.queue.push(delivery),
                Some(_) => return None,
            }
        } else {
            let number = key - Key::RECEIVED;
            let mut message = Message::from_publish(read_publish(record)?);
            message.dup = true;
            message.number = Some(number);
            message.receipt = Some(Receipt::new(number, taken, possible));
            restored.received.push(message);
        }
    }
    restored.session = Session::restore(in_flight, seen);
    Some((head, restored, inherited))
}

fn read_publish(record: Bytes) -> Option<Publish> {
    let mut packet = BytesMut::from(record);
    match Packet::decode_from_server(&mut packet, ProtocolVersion::V5, usize::MAX) {
        Ok(Some(Packet::Publish(publish))) => Some(publish),
        _ => None,
    }
}
