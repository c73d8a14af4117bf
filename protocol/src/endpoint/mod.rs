//! What client and server share of one connection: the QoS handshakes
//! (section 4.3) and flow control (section 4.9).
//!
//! ```text
//! sender    QoS 1: Published --PUBACK--> done
//!           QoS 2: Published --PUBREC--> Released --PUBCOMP--> done
//! receiver  QoS 1: (driver) --acknowledge--> done
//!           QoS 2: Received --acknowledge--> Acknowledged --PUBREL--> done
//! ```

mod deferred;
mod inbound;
mod outbound;
mod transmit;

use std::collections::VecDeque;

use bytes::{Buf, BytesMut};
use codec::{
    Ack, DecodeError, EncodeError, Packet, PacketId, PacketType, Properties, PropertyId,
    ProtocolVersion, ReasonCode,
};

use crate::topic_alias::{InboundAliases, OutboundAliases};
use crate::{Limits, Mount, Session};
pub use deferred::Taken;
use inbound::Unanswered;
pub use outbound::{Delivered, PublishError};

/// The half of a connection that client and server share.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) version: ProtocolVersion,
    pub(crate) session: Session,
    /// What this end accepts.
    pub(crate) local: Limits,
    /// What the other end accepts.
    pub(crate) peer: Limits,
    /// What stands before the topics that the other end sees.
    pub(crate) mount: Option<Mount>,
    /// QoS 1 and 2 publishes that may be sent now.
    quota: u16,
    /// What to send again before anything new, oldest first.
    resend: VecDeque<PacketId>,
    /// Publishes that the driver has, oldest first, from the first one that
    /// it has not acknowledged.
    unanswered: VecDeque<Unanswered>,
    /// QoS 1 and 2 publishes received on this connection whose handshakes are
    /// not over.
    open: u32,
    /// How many more of them the other end may believe it can send.
    credit: u16,
    inbound_aliases: InboundAliases,
    outbound_aliases: OutboundAliases,
    /// Whether the steps of QoS 2 handshakes wait for the driver.
    is_deferred: bool,
    /// Encoded packets that the driver has not written yet.
    pub(crate) output: BytesMut,
}

impl Endpoint {
    pub(crate) fn new(version: ProtocolVersion, local: Limits) -> Self {
        Self {
            version,
            session: Session::new(),
            local: Limits {
                receive_maximum: local.receive_maximum.max(1),
                ..local
            },
            peer: Limits::NONE,
            mount: None,
            quota: 0,
            resend: VecDeque::new(),
            unanswered: VecDeque::new(),
            open: 0,
            credit: 0,
            inbound_aliases: InboundAliases::default(),
            outbound_aliases: OutboundAliases::new(0),
            is_deferred: false,
            output: BytesMut::new(),
        }
    }

    /// Takes the packet at the front of `input`, with what decodes those of
    /// the other end.
    pub(crate) fn decode(
        &self,
        input: &mut BytesMut,
        decode: impl FnOnce(&mut BytesMut, ProtocolVersion, usize) -> Decoded,
    ) -> Decoded {
        let limit = self.local.maximum_packet_size;
        if limit >= SHORT_ACK
            && let Some(packet) = short_ack(input)
        {
            input.advance(SHORT_ACK);
            return Ok(Some(packet));
        }
        decode(input, self.version, limit)
    }

    /// Sends an acknowledgement of this crate's own making.
    pub(crate) fn send_ack(&mut self, kind: PacketType, id: PacketId, reason: ReasonCode) {
        let is_short = reason == ReasonCode::Success || !self.version.is_v5();
        if is_short && self.peer.maximum_packet_size >= SHORT_ACK {
            let [high, low] = id.get().to_be_bytes();
            let first = (kind as u8) << 4 | if kind == PacketType::PubRel { 2 } else { 0 };
            self.output.extend_from_slice(&[first, 2, high, low]);
            return;
        }
        let ack = Ack::new(id, reason);
        self.send(&match kind {
            PacketType::PubAck => Packet::PubAck(ack),
            PacketType::PubRec => Packet::PubRec(ack),
            PacketType::PubRel => Packet::PubRel(ack),
            _ => Packet::PubComp(ack),
        });
    }

    /// Sends a packet of this crate's own making.
    pub(crate) fn send(&mut self, packet: &Packet) {
        self.try_send(packet)
            .expect("it has no text of a driver's or a peer's");
    }

    /// Sends a packet that a driver made; its reason string and user
    /// properties are left out if the other end does not accept it with them
    /// \[MQTT-3.2.2-19\], \[MQTT-3.2.2-20\], \[MQTT-3.14.2-3\],
    /// \[MQTT-3.15.2-2\], \[MQTT-3.15.2-3\]. Gives whether it could be sent.
    pub(crate) fn send_trimmed(&mut self, mut packet: Packet) -> bool {
        if self.try_send(&packet) == Ok(true) {
            return true;
        }
        let properties = match &mut packet {
            Packet::ConnAck(connack) => &mut connack.properties,
            Packet::SubAck(suback) => &mut suback.properties,
            Packet::UnsubAck(unsuback) => &mut unsuback.properties,
            Packet::Disconnect(disconnect) => &mut disconnect.properties,
            Packet::Auth(auth) => &mut auth.properties,
            _ => return false,
        };
        remove_problem_information(properties);
        self.try_send(&packet) == Ok(true)
    }

    /// Sends a packet unless it is longer than the other end accepts
    /// \[MQTT-3.1.2-24\], \[MQTT-3.2.2-15\]; gives whether it was not.
    pub(crate) fn try_send(&mut self, packet: &Packet) -> Result<bool, EncodeError> {
        let start = self.output.len();
        packet.encode(self.version, &mut self.output)?;
        let fits = self.output.len() - start <= self.peer.maximum_packet_size;
        if !fits {
            self.output.truncate(start);
        }
        Ok(fits)
    }
}

type Decoded = Result<Option<Packet>, DecodeError>;

const SHORT_ACK: usize = 4;

/// An acknowledgement without reason and properties, the same in every
/// version. At QoS 1 and 2 every other packet is one, and to share the buffer
/// with it, as with a packet that has a payload, is most of the work.
fn short_ack(input: &[u8]) -> Option<Packet> {
    let &[first, 2, high, low, ..] = input else {
        return None;
    };
    let id = PacketId::new(u16::from_be_bytes([high, low]))?;
    let ack = Ack::new(id, ReasonCode::Success);
    Some(match first {
        0x40 => Packet::PubAck(ack),
        0x50 => Packet::PubRec(ack),
        0x62 => Packet::PubRel(ack),
        0x70 => Packet::PubComp(ack),
        _ => return None,
    })
}

/// Removes what only explains a reason code.
pub(crate) fn remove_problem_information(properties: &mut Properties) {
    properties.remove(PropertyId::ReasonString);
    properties.remove(PropertyId::UserProperty);
}
