use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use codec::{
    ConnAck, Connect, Disconnect, MAX_REMAINING_LENGTH, Packet, PacketId, Properties, Property,
    ProtocolVersion, Publish, QoS, ReasonCode, SubAck, TopicName, UnsubAck,
};
use protocol::client::{self, Delivered};
use protocol::{Delivery, Limits, Message, PublishError, Session, Time, Violation, server};

pub(crate) use crate::conn::{Client, Conn, Server, Side};

pub(crate) const V3_1: ProtocolVersion = ProtocolVersion::V3_1;
pub(crate) const V3_1_1: ProtocolVersion = ProtocolVersion::V3_1_1;
pub(crate) const V5: ProtocolVersion = ProtocolVersion::V5;
pub(crate) const VERSIONS: [ProtocolVersion; 3] = [V3_1, V3_1_1, V5];
pub(crate) const NOW: Time = Time::from_millis(0);
pub(crate) const SIDES: [Side; 2] = [Client, Server];
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// One end and its driver.
#[derive(Default)]
pub(crate) struct End {
    pub(crate) conn: Option<Conn>,
    /// Of the last connection, while there is none.
    pub(crate) session: Session,
    /// Arrived and not yet decoded.
    input: BytesMut,
    /// Written and not yet arrived.
    pub(crate) link: BytesMut,
    /// Waits for the window.
    pub(crate) outbox: VecDeque<Delivery>,
    /// To be acknowledged on this connection.
    pub(crate) pending: Vec<Publish>,
    pub(crate) received: Vec<Publish>,
    pub(crate) acknowledged: HashSet<String>,
    pub(crate) delivered: Vec<Delivered>,
    pub(crate) violation: Option<Violation>,
    /// Every packet that this end has written.
    pub(crate) sent: Vec<Packet>,
    /// QoS 1 and 2 publishes sent on this connection and not finished.
    outstanding: HashSet<PacketId>,
    /// What was last sent under each packet identifier, over all connections.
    pub(crate) under: HashMap<PacketId, Bytes>,
    /// Tokens of what expired, or was too large, before it could be sent.
    pub(crate) unsent: HashSet<u64>,
    pub(crate) most_outstanding: usize,
}

impl End {
    pub(crate) fn payloads(&self) -> Vec<String> {
        self.received.iter().map(payload).collect()
    }

    pub(crate) fn conn(&mut self) -> &mut Conn {
        self.conn.as_mut().expect("connected")
    }

    fn on_delivered(&mut self, delivered: Delivered) {
        self.outstanding.remove(&delivered.ack.packet_id);
        self.delivered.push(delivered);
    }

    /// The publishes that this end has written.
    pub(crate) fn publishes(&self) -> Vec<&Publish> {
        let mut publishes = Vec::new();
        for packet in &self.sent {
            if let Packet::Publish(publish) = packet {
                publishes.push(publish);
            }
        }
        publishes
    }
}

pub(crate) fn payload(publish: &Publish) -> String {
    String::from_utf8(publish.payload.to_vec()).unwrap()
}

pub(crate) struct Pair {
    pub(crate) now: Time,
    pub(crate) client: End,
    pub(crate) server: End,
    /// The next CONNECT.
    pub(crate) connect: Connect,
    /// What the server accepts and answers.
    pub(crate) limits: Limits,
    pub(crate) connack: ConnAck,
    pub(crate) max_inflight: u16,
    /// Whether the drivers acknowledge at once.
    pub(crate) auto_acknowledge: bool,
    /// Whether the server's driver takes the steps of handshakes.
    pub(crate) defers: bool,
    /// Whether the server's driver answers CONNECT at once.
    pub(crate) answers_connect: bool,
    /// What the client was told besides publishes.
    pub(crate) client_events: Vec<client::Event>,
    pub(crate) server_events: Vec<server::Event>,
    /// Tokens that the server gave up at resumption.
    pub(crate) given_up: Vec<u64>,
    tokens: u64,
    /// Whether the server's connection has the session.
    accepted: bool,
}

impl Pair {
    /// Not yet connected; the session outlives a cut.
    pub(crate) fn new(version: ProtocolVersion) -> Self {
        let mut connect = Connect::new(version, "pair");
        connect.clean_start = false;
        connect.keep_alive = 0;
        Self {
            now: Time::from_millis(0),
            client: End::default(),
            server: End::default(),
            connect,
            limits: Limits::NONE,
            connack: ConnAck::new(false, ReasonCode::Success),
            max_inflight: u16::MAX,
            auto_acknowledge: true,
            defers: false,
            answers_connect: true,
            client_events: Vec::new(),
            server_events: Vec::new(),
            given_up: Vec::new(),
            tokens: 0,
            accepted: false,
        }
    }

    pub(crate) fn connected(version: ProtocolVersion) -> Self {
        let mut pair = Self::new(version);
        pair.connect();
        pair
    }

    pub(crate) fn end(&mut self, side: Side) -> &mut End {
        match side {
            Client => &mut self.client,
            Server => &mut self.server,
        }
    }

    /// Opens a connection; nothing is delivered yet.
    pub(crate) fn open(&mut self) {
        let session = std::mem::take(&mut self.client.session);
        let connect = self.connect.clone();
        let client = client::Connection::new(connect, session, CONNECT_TIMEOUT, self.now).unwrap();
        self.client.conn = Some(Conn::Client(client));
        let server = server::Connection::new(self.limits, CONNECT_TIMEOUT, self.now);
        self.server.conn = Some(Conn::Server(server));
    }

    /// Opens a connection and delivers until nothing moves.
    pub(crate) fn connect(&mut self) {
        self.open();
        self.settle();
        for side in [Client, Server] {
            assert_eq!(self.end(side).violation, None);
            assert!(self.end(side).conn().is_connected());
        }
    }

    /// The connection breaks: what is under way is lost, both ends keep their
    /// sessions.
    pub(crate) fn cut(&mut self) {
        for end in [&mut self.client, &mut self.server] {
            if let Some(conn) = end.conn.take() {
                let has_session = matches!(conn, Conn::Client(_)) || self.accepted;
                if has_session {
                    end.session = conn.into_session();
                }
            }
            end.input.clear();
            end.link.clear();
            end.pending.clear();
            end.outstanding.clear();
        }
        self.accepted = false;
    }

    /// The client is back on a new connection before the server has seen the
    /// end of the old one: it takes the session from there and says so. Of
    /// its last words so many bytes arrive.
    pub(crate) fn take_over(&mut self, bytes: usize) {
        if let (Some(Conn::Server(old)), true) = (&mut self.server.conn, self.accepted) {
            old.disconnect(Disconnect::new(ReasonCode::SessionTakenOver));
            self.server.session = old.take_session();
            self.server.pending.clear();
            self.accepted = false;
            self.deliver(Server, bytes);
        }
        self.cut();
        self.open();
    }

    pub(crate) fn reconnect(&mut self) {
        self.cut();
        self.connect();
    }

    /// A delivery whose payload is `text`; its token is new.
    pub(crate) fn delivery(&mut self, qos: QoS, text: &str) -> Delivery {
        self.tokens += 1;
        let topic = TopicName::new("Kitchen/Fridge").unwrap();
        let mut delivery = Delivery::new(Arc::new(Message::new(topic, text.to_owned())), qos);
        delivery.token = self.tokens;
        delivery
    }

    /// Publishes when the window allows.
    pub(crate) fn publish(&mut self, from: Side, qos: QoS, text: &str) -> u64 {
        let delivery = self.delivery(qos, text);
        let token = delivery.token;
        self.end(from).outbox.push_back(delivery);
        self.write(from);
        token
    }

    /// Moves what an end has to say onto the link, and checks that it keeps
    /// to the receive maximum, uses no packet identifier twice, and sets DUP
    /// only on what it has sent before.
    fn write(&mut self, side: Side) {
        let now = self.now;
        let (version, maximum) = (self.connect.version, self.receive_maximum(side.other()));
        let end = self.end(side);
        let Some(conn) = &mut end.conn else {
            return;
        };
        while let Some(delivery) = end.outbox.front() {
            if !conn.is_connected() || delivery.qos != QoS::AtMostOnce && conn.window() == 0 {
                break;
            }
            let delivery = end.outbox.pop_front().unwrap();
            let (token, is_expired) = (delivery.token, delivery.message.is_expired(now));
            match conn.publish(delivery, now) {
                Ok(_) => assert!(!is_expired),
                Err(PublishError::Expired) => {
                    assert!(is_expired);
                    end.unsent.insert(token);
                }
                Err(PublishError::TooLarge) => {
                    end.unsent.insert(token);
                }
                Err(error) => panic!("{error}"),
            }
        }
        let mut written = conn.output().split();
        end.link.extend_from_slice(&written);
        while let Some(packet) = Packet::decode(&mut written, version, usize::MAX).unwrap() {
            if let Packet::Publish(publish) = &packet
                && let Some(id) = publish.packet_id
            {
                assert!(end.outstanding.insert(id), "{id} sent twice");
                let before = end.under.insert(id, publish.payload.clone());
                let is_again = before == Some(publish.payload.clone());
                assert!(!publish.dup || is_again, "DUP for the first time");
                end.most_outstanding = end.most_outstanding.max(end.outstanding.len());
                assert!(end.outstanding.len() <= maximum, "over {maximum}");
            }
            end.sent.push(packet);
        }
        assert!(written.is_empty(), "half a packet written");
    }

    fn receive_maximum(&self, side: Side) -> usize {
        let properties = &self.connect.properties;
        usize::from(match side {
            _ if !self.connect.version.is_v5() => match side {
                Client => self.max_inflight,
                Server => u16::MAX,
            },
            Client => properties
                .receive_maximum()
                .unwrap_or(u16::MAX)
                .min(self.max_inflight),
            Server => self.limits.receive_maximum.max(1),
        })
    }

    /// Delivers up to `count` bytes of what `from` has written; gives whether
    /// there were any.
    pub(crate) fn deliver(&mut self, from: Side, count: usize) -> bool {
        self.write(from);
        let link = &mut self.end(from).link;
        let count = count.min(link.len());
        let bytes = link.split_to(count);
        let to = self.end(from.other());
        to.input.extend_from_slice(&bytes);
        self.read(from.other());
        self.write(from.other());
        count > 0
    }

    /// Delivers one whole packet of what `from` has written.
    pub(crate) fn deliver_packet(&mut self, from: Side) -> bool {
        self.write(from);
        let link = &self.end(from).link;
        let limit = MAX_REMAINING_LENGTH + 5;
        match codec::FixedHeader::peek(link, limit).unwrap() {
            None => false,
            Some(header) => self.deliver(from, header.packet_len()),
        }
    }

    /// Puts a second copy of the packet that is next on the link behind it.
    pub(crate) fn duplicate(&mut self, from: Side) {
        self.write(from);
        let link = &mut self.end(from).link;
        let header = codec::FixedHeader::peek(link, usize::MAX).unwrap();
        if let Some(header) = header {
            let rest = link.split_off(header.packet_len());
            let packet = link.clone();
            link.extend_from_slice(&packet);
            link.extend_from_slice(&rest);
        }
    }

    /// Delivers one packet, the client's first; gives whether there was one.
    pub(crate) fn step(&mut self) -> bool {
        self.deliver_packet(Client) || self.deliver_packet(Server)
    }

    /// Delivers so many packets.
    pub(crate) fn steps(&mut self, count: usize) {
        for _ in 0..count {
            self.step();
        }
    }

    /// Delivers until nothing moves.
    pub(crate) fn settle(&mut self) {
        while self.deliver(Client, usize::MAX) | self.deliver(Server, usize::MAX) {}
    }

    /// As time passes, the ends do what they must; gives whether both are
    /// still content.
    pub(crate) fn advance(&mut self, duration: Duration) -> bool {
        self.now = self.now + duration;
        let now = self.now;
        let mut is_content = true;
        for side in [Client, Server] {
            if let Some(conn) = &mut self.end(side).conn
                && let Err(violation) = conn.handle_timeout(now)
            {
                self.end(side).violation = Some(violation);
                is_content = false;
            }
            self.write(side);
        }
        is_content
    }

    /// Acknowledges the pending publish at `at` of `side`.
    pub(crate) fn acknowledge(&mut self, side: Side, at: usize) {
        let now = self.now;
        let end = self.end(side);
        let publish = end.pending.remove(at);
        end.acknowledged.insert(payload(&publish));
        let id = publish.packet_id.unwrap();
        end.conn()
            .acknowledge(publish.qos, id, ReasonCode::Success, now);
        self.write(side);
    }

    fn read(&mut self, side: Side) {
        let now = self.now;
        loop {
            let end = self.end(side);
            let mut input = std::mem::take(&mut end.input);
            let Some(conn) = &mut end.conn else {
                return;
            };
            let result = match conn {
                Conn::Client(conn) => conn.handle_input(&mut input, now).map(|e| (e, None)),
                Conn::Server(conn) => conn.handle_input(&mut input, now).map(|e| (None, e)),
            };
            end.input = input;
            match result {
                Ok((None, None)) => return,
                Ok((Some(event), _)) => self.on_client_event(event),
                Ok((None, Some(event))) => self.on_server_event(event),
                Err(violation) => {
                    end.violation = Some(violation);
                    return;
                }
            }
        }
    }

    fn on_publish(&mut self, side: Side, publish: Publish) {
        let is_answered = self.auto_acknowledge;
        let end = self.end(side);
        end.received.push(publish.clone());
        if publish.qos != QoS::AtMostOnce {
            end.pending.push(publish);
            if is_answered {
                let last = end.pending.len() - 1;
                self.acknowledge(side, last);
            }
        }
    }

    fn on_client_event(&mut self, event: client::Event) {
        match event {
            client::Event::Publish(publish) => self.on_publish(Client, publish),
            client::Event::Delivered(delivered) => self.client.on_delivered(delivered),
            client::Event::ConnAck { ref lost, .. } => {
                for delivery in lost.iter().rev() {
                    self.client.outbox.push_front(delivery.clone());
                }
                self.client_events.push(event);
            }
            event => self.client_events.push(event),
        }
    }

    fn on_server_event(&mut self, event: server::Event) {
        let now = self.now;
        let Some(Conn::Server(conn)) = &mut self.server.conn else {
            unreachable!("it has just spoken");
        };
        match event {
            server::Event::Publish(publish) => return self.on_publish(Server, publish),
            server::Event::Delivered(delivered) => return self.server.on_delivered(delivered),
            server::Event::Connect(ref connect) if self.answers_connect => {
                let mut connack = self.connack.clone();
                if connack.reason.is_failure() {
                    conn.refuse(connack.reason, connack.properties);
                } else {
                    let mut session = std::mem::take(&mut self.server.session);
                    if connect.clean_start {
                        session = Session::new();
                    }
                    connack.session_present = !connect.clean_start && connack.session_present;
                    if self.defers {
                        conn.defer_handshakes();
                    }
                    self.given_up = conn.accept(session, connack, self.max_inflight, now);
                    self.accepted = true;
                    // The next time there is a session.
                    self.connack.session_present = true;
                }
            }
            server::Event::Subscribe(ref subscribe) => conn.suback(SubAck {
                packet_id: subscribe.packet_id,
                reasons: vec![ReasonCode::GrantedQoS1; subscribe.subscriptions.len()],
                properties: codec::Properties::new(),
            }),
            server::Event::Unsubscribe(ref unsubscribe) => conn.unsuback(UnsubAck {
                packet_id: unsubscribe.packet_id,
                reasons: vec![ReasonCode::Success; unsubscribe.filters.len()],
                properties: codec::Properties::new(),
            }),
            _ => {}
        }
        self.server_events.push(event);
    }
}

/// Connected, and both ends say the same of what they accept.
pub(crate) fn with(properties: &[Property]) -> Pair {
    let mut pair = Pair::new(V5);
    let properties: Properties = properties.iter().cloned().collect();
    pair.limits = Limits::from_properties(&properties);
    pair.connect.properties = properties;
    pair.connect();
    pair
}

/// A delivery at QoS 0 of so many bytes.
pub(crate) fn to(topic: &str, len: usize) -> Delivery {
    let topic = TopicName::new(topic).unwrap();
    Delivery::new(
        Arc::new(Message::new(topic, vec![b'x'; len])),
        QoS::AtMostOnce,
    )
}

/// Publishes now, and delivers until nothing moves.
pub(crate) fn send(pair: &mut Pair, from: Side, delivery: Delivery) -> Result<(), PublishError> {
    let now = pair.now;
    let sent = pair.end(from).conn().publish(delivery, now).map(drop);
    pair.settle();
    sent
}

/// Length of the last packet that `from` has written, and its alias.
pub(crate) fn last(pair: &mut Pair, from: Side) -> (usize, Publish) {
    let publish = pair.end(from).publishes().last().copied().unwrap().clone();
    (publish.parts().encoded_len(V5).unwrap(), publish)
}
