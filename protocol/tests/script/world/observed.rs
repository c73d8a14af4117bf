use std::collections::{HashMap, HashSet};

use bytes::BytesMut;
use codec::{MAX_REMAINING_LENGTH, Packet, PacketId, PacketType, ProtocolVersion, Publish, QoS};
use protocol::client::Delivered;
use protocol::{Limits, Session};

use super::conn::{Client, Server, Side};

/// A publish of one end whose handshake is not over.
struct Sent {
    token: u64,
    id: PacketId,
    qos: QoS,
    is_released: bool,
    /// The connection it was last written on.
    connection: u32,
}

/// What one end has written and said, and what follows from it. It knows
/// nothing of the end's insides, and checks it all the same.
pub(super) struct Observed {
    side: Side,
    /// In the order in which they were published.
    sent: Vec<Sent>,
    /// Requests of a client that are not answered.
    requests: HashMap<u64, PacketId>,
    /// Publishes written on this connection that are not over.
    outstanding: HashSet<PacketId>,
    connection: u32,
    /// What the other end takes, as far as it has said so.
    pub(super) peer: Limits,
    is_first: bool,
    was_closed: bool,
    /// Publishes at QoS 1 that the driver got on this connection, less PUBACKs.
    unanswered: usize,
    /// Tokens of QoS 1 and 2 that are over or given up.
    pub(super) over: HashSet<u64>,
}

impl Observed {
    pub(super) fn new(side: Side) -> Self {
        Self {
            side,
            sent: Vec::new(),
            requests: HashMap::new(),
            outstanding: HashSet::new(),
            connection: 0,
            peer: Limits::NONE,
            is_first: true,
            was_closed: true,
            unanswered: 0,
            over: HashSet::new(),
        }
    }

    /// A connection begins.
    pub(super) fn begin(&mut self) {
        self.requests.clear();
        self.outstanding.clear();
        self.connection += 1;
        self.peer = Limits::NONE;
        self.is_first = true;
        self.was_closed = false;
        self.unanswered = 0;
    }

    /// Looks at what was written since the last time.
    pub(super) fn written(&mut self, mut output: BytesMut, version: ProtocolVersion) {
        assert!(
            output.is_empty() || !self.was_closed,
            "written after the end"
        );
        while !output.is_empty() {
            let before = output.len();
            let packet = Packet::decode(&mut output, version, MAX_REMAINING_LENGTH + 5);
            let packet = packet.expect("it writes what can be read");
            let packet = packet.expect("it writes whole packets");
            self.packet(&packet, before - output.len(), version);
        }
    }

    pub(super) fn closed(&mut self, is_closed: bool) {
        self.was_closed = is_closed;
    }

    fn packet(&mut self, packet: &Packet, len: usize, version: ProtocolVersion) {
        let kind = packet.packet_type();
        let (is_first, first) = match self.side {
            Client => (self.is_first, PacketType::Connect),
            // Before it a server may ask the client who it is.
            Server => (
                self.is_first && kind != PacketType::Auth,
                PacketType::ConnAck,
            ),
        };
        assert_eq!(kind == first, is_first, "{kind:?}");
        self.is_first &= !is_first;
        assert!(len <= self.peer.maximum_packet_size, "{kind:?} of {len}");
        match packet {
            Packet::Publish(publish) => self.publish(publish),
            Packet::PubAck(_) => {
                let left = self.unanswered.checked_sub(1);
                self.unanswered = left.expect("a PUBACK for each publish at most");
            }
            Packet::PubRel(ack) => {
                assert!(!ack.reason.is_failure());
                let mut sent = self.sent.iter_mut();
                if let Some(sent) = sent.find(|sent| sent.id == ack.packet_id) {
                    assert_eq!(sent.qos, QoS::ExactlyOnce);
                    sent.is_released = true;
                }
            }
            Packet::PubRec(_) | Packet::PubComp(_) | Packet::Auth(_) => {}
            Packet::Connect(_) | Packet::PingReq => assert_eq!(self.side, Client),
            Packet::Subscribe(_) | Packet::Unsubscribe(_) => assert_eq!(self.side, Client),
            Packet::Disconnect(_) => assert!(self.side == Client || version.is_v5()),
            Packet::ConnAck(_) | Packet::PingResp | Packet::SubAck(_) | Packet::UnsubAck(_) => {
                assert_eq!(self.side, Server);
            }
        }
    }

    fn publish(&mut self, publish: &Publish) {
        let Some(id) = publish.packet_id else {
            return assert!(!publish.dup, "DUP at QoS 0");
        };
        let token = token(publish).expect("this end's own");
        if publish.dup {
            // Sent again under its identifier, and once a connection.
            let sent = self.sent.iter_mut().find(|sent| sent.id == id);
            let sent = sent.expect("DUP is for what was sent before");
            assert_eq!((sent.token, sent.qos), (token, publish.qos));
            assert!(!sent.is_released, "PUBLISH after PUBREC");
            assert!(sent.connection < self.connection, "sent twice");
            sent.connection = self.connection;
        } else {
            assert!(!self.is_in_use(id), "{id:?} is in use");
            assert!(self.sent.last().is_none_or(|last| last.token < token));
            assert!(!self.over.contains(&token));
            self.sent.push(Sent {
                token,
                id,
                qos: publish.qos,
                is_released: false,
                connection: self.connection,
            });
        }
        assert!(self.outstanding.insert(id));
        assert!(self.outstanding.len() <= usize::from(self.peer.receive_maximum.max(1)));
    }

    fn is_in_use(&self, id: PacketId) -> bool {
        self.sent.iter().any(|sent| sent.id == id) || self.requests.values().any(|r| *r == id)
    }

    /// The end has written a SUBSCRIBE or UNSUBSCRIBE.
    pub(super) fn request(&mut self, token: u64, id: PacketId) {
        assert!(!self.is_in_use(id), "{id:?} is in use");
        self.requests.insert(token, id);
    }

    pub(super) fn answered(&mut self, token: u64, id: PacketId) {
        assert_eq!(self.requests.remove(&token), Some(id));
    }

    /// The driver got a publish.
    pub(super) fn received(&mut self, qos: QoS) {
        self.unanswered += usize::from(qos == QoS::AtLeastOnce);
    }

    pub(super) fn delivered(&mut self, delivered: &Delivered) {
        let sent = self.give_up(delivered.token);
        assert_eq!(sent, delivered.ack.packet_id);
        self.outstanding.remove(&sent);
    }

    /// The end has forgotten a publish.
    pub(super) fn give_up(&mut self, token: u64) -> PacketId {
        let at = self.sent.iter().position(|sent| sent.token == token);
        let sent = self.sent.remove(at.expect("each outcome is told once"));
        self.over.insert(token);
        sent.id
    }

    /// The session was thrown away.
    pub(super) fn forget(&mut self) {
        self.over.extend(self.sent.drain(..).map(|sent| sent.token));
    }

    pub(super) fn is_idle(&self) -> bool {
        self.sent.is_empty()
    }

    /// A session holds exactly what is not over, in order.
    pub(super) fn check(&self, session: &Session) {
        assert_eq!(session.inflight_len(), self.sent.len());
        let released: Vec<_> = session.released().collect();
        let mut unacknowledged = session.unacknowledged().map(|delivery| delivery.token);
        for sent in &self.sent {
            if released.contains(&sent.token) {
                assert_eq!(sent.qos, QoS::ExactlyOnce);
            } else {
                assert!(!sent.is_released);
                assert_eq!(unacknowledged.next(), Some(sent.token));
            }
        }
        assert_eq!(unacknowledged.next(), None);
    }
}

/// What stands at the front of each payload: the publish's token.
pub(super) fn token(publish: &Publish) -> Option<u64> {
    let bytes = publish.payload.get(..8)?;
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}
