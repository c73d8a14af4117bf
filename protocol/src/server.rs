//! The server's end of a connection.

mod deferred;

use std::time::Duration;

use bytes::BytesMut;
use codec::{
    Auth, ConnAck, Connect, DecodeError, Disconnect, FixedHeader, Packet, PacketId, PacketType,
    Properties, PropertyId, ProtocolVersion, Publish, QoS, ReasonCode, SubAck, Subscribe, UnsubAck,
    Unsubscribe,
};

use crate::authentication::{AuthError, Authentication, Turn};
pub use crate::endpoint::{Delivered, Taken};
use crate::endpoint::{Endpoint, remove_problem_information};
use crate::keep_alive::SilenceLimit;
use crate::{Delivery, Limits, Mount, PublishError, Session, Time, Violation};

/// What a client asks for, or has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Wants to connect: answer with [`Connection::accept`] or
    /// [`Connection::refuse`], or, if it names an authentication method, with
    /// [`Connection::challenge`]. Nothing else is read before that.
    Connect(Box<Connect>),
    /// Publishes. At QoS 1 and 2 answer with [`Connection::acknowledge`].
    Publish(Publish),
    /// A delivery to the client is complete, or refused by it.
    Delivered(Delivered),
    /// Has taken a delivery at QoS 2, after
    /// [`Connection::defer_handshakes`]: answer with [`Connection::release`].
    Taken(Taken),
    /// Releases a publish at QoS 2, after [`Connection::defer_handshakes`]:
    /// answer with [`Connection::complete`].
    Released(PacketId),
    /// Subscribes: answer with [`Connection::suback`].
    Subscribe(Subscribe),
    /// Unsubscribes: answer with [`Connection::unsuback`].
    Unsubscribe(Unsubscribe),
    /// Goes, in good order. The will is published if the reason says so.
    Disconnect(Disconnect),
    /// A step of extended authentication with CONNECT's method: before
    /// CONNACK answer as to CONNECT; after it the client wants to
    /// authenticate again, or goes on with that: answer with
    /// [`Connection::challenge`], [`Connection::authenticated`] or
    /// [`Connection::disconnect`]. Other packets are read meanwhile.
    Auth(Auth),
}

/// The server's end of a connection.
///
/// ```text
/// AwaitConnect --CONNECT--> Connecting --accept--> Connected --> Closed
///      |                       ^ | |--refuse----------------------^
///      |              AUTH 0x18| |challenge                       |
///      |                       | v                                |
///      |                    (client's turn)--anything else--------|
///      |--anything else-------------------------------------------^
/// ```
#[derive(Debug)]
pub struct Connection {
    state: State,
    endpoint: Endpoint,
    silence: SilenceLimit,
    /// Extended authentication, if CONNECT asked for it.
    authentication: Option<Box<Authentication>>,
    /// Whether CONNECT lets the session end with the connection.
    expires: bool,
    /// Whether the client wants failures explained \[MQTT-3.1.2-29\].
    problem_information: bool,
    maximum_qos: QoS,
    retain_available: bool,
}

#[derive(Debug)]
enum State {
    AwaitConnect { deadline: Time },
    Connecting { keep_alive: u16, deadline: Time },
    Connected,
    Closed,
}

impl Connection {
    /// A connection that was just opened. `local` is what this server
    /// accepts; CONNECT must come within `connect_timeout`.
    pub fn new(local: Limits, connect_timeout: Duration, now: Time) -> Self {
        Self {
            state: State::AwaitConnect {
                deadline: now + connect_timeout,
            },
            // Until CONNECT names another, 3.1.1 is what a refusal is
            // written in.
            endpoint: Endpoint::new(ProtocolVersion::V3_1_1, local),
            silence: SilenceLimit::new(0, now),
            authentication: None,
            expires: true,
            problem_information: true,
            maximum_qos: QoS::ExactlyOnce,
            retain_available: true,
        }
    }

    /// The version that CONNECT named; 3.1.1 before it.
    pub const fn version(&self) -> ProtocolVersion {
        self.endpoint.version
    }

    /// Whether the client is connected: accepted, and not gone.
    pub const fn is_connected(&self) -> bool {
        matches!(self.state, State::Connected)
    }

    /// Whether nothing more will be read.
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Whether packets are to be read: not while CONNECT, or an AUTH before
    /// CONNACK, waits for its answer.
    pub fn takes_packets(&self) -> bool {
        match self.state {
            State::Connecting { .. } => self.turn() == Turn::Client,
            State::AwaitConnect { .. } | State::Connected => true,
            State::Closed => false,
        }
    }

    /// Whose turn it is in the authentication.
    fn turn(&self) -> Turn {
        let authentication = self.authentication.as_ref();
        authentication.map_or(Turn::Idle, |authentication| authentication.turn())
    }

    /// What this server accepts.
    pub const fn limits(&self) -> Limits {
        self.endpoint.local
    }

    /// Takes the next packet from the front of `input`; `None` when there is
    /// none for the driver: read more then. Call it until it gives `None`.
    ///
    /// # Errors
    /// The client broke the protocol. The answer that its version has for
    /// that is in the output; the connection is closed.
    pub fn handle_input(
        &mut self,
        input: &mut BytesMut,
        now: Time,
    ) -> Result<Option<Event>, Violation> {
        loop {
            if !self.takes_packets() {
                return Ok(None);
            }
            let limit = self.endpoint.local.maximum_packet_size;
            if let Ok(Some(header)) = FixedHeader::peek(input, limit) {
                self.handle_header(header)?;
            }
            match self.endpoint.decode(input, Packet::decode) {
                Ok(None) => return Ok(None),
                Ok(Some(packet)) => {
                    if let Some(event) = self.handle_packet(packet, now)? {
                        return Ok(Some(event));
                    }
                }
                Err(error) => return Err(self.fail(error.into())),
            }
        }
    }

    /// Checks what the header alone tells, before the rest of the packet is
    /// there: a packet that clients do not send, or not at this moment, is
    /// neither waited for nor looked into.
    ///
    /// # Errors
    /// As [`Connection::handle_input`].
    #[inline]
    pub fn handle_header(&mut self, header: FixedHeader) -> Result<(), Violation> {
        let kind = header.packet_type;
        let violation = match self.state {
            State::AwaitConnect { .. } if kind != PacketType::Connect => {
                Violation::FirstPacket(kind)
            }
            // [MQTT-3.1.2-30]
            State::Connecting { .. } if !may_come_before_connack(kind) => {
                Violation::Unexpected(kind)
            }
            State::Connected if !is_from_connected_client(kind) => Violation::Unexpected(kind),
            _ => return Ok(()),
        };
        Err(self.fail(violation))
    }

    /// As [`Connection::handle_input`], for a packet that is decoded already.
    ///
    /// # Errors
    /// As there.
    pub fn handle_packet(&mut self, packet: Packet, now: Time) -> Result<Option<Event>, Violation> {
        self.handle(packet, now).map_err(|error| self.fail(error))
    }

    /// Notes that a packet came which the driver has handled itself: a
    /// PUBLISH at QoS 0 without topic alias and RETAIN. Or that much of a long
    /// packet came, which may take longer than the keep alive.
    #[inline]
    pub fn handle_activity(&mut self, now: Time) {
        self.silence.received(now);
    }

    /// Takes a PUBACK with reason code 0 that the driver has read itself, as
    /// [`Connection::handle_packet`] does; gives the delivery's token. The
    /// client is connected.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn handle_puback(&mut self, id: PacketId, now: Time) -> Result<Option<u64>, Violation> {
        self.silence.received(now);
        let token = self.endpoint.on_puback_of(id, now);
        token.map_err(|violation| self.fail(violation))
    }

    /// Takes a PUBLISH at QoS 1 or 2, without RETAIN and properties, that the
    /// driver has read itself; false if it was seen before, else it is as if
    /// [`Connection::handle_packet`] had given it as an event. The client is
    /// connected.
    ///
    /// # Errors
    /// As there.
    pub fn handle_publish(
        &mut self,
        qos: QoS,
        id: PacketId,
        dup: bool,
        now: Time,
    ) -> Result<bool, Violation> {
        self.silence.received(now);
        let is_new = if qos > self.maximum_qos {
            Err(Violation::QoSNotSupported)
        } else {
            self.endpoint.on_packet_id(qos, id, dup)
        };
        is_new.map_err(|violation| self.fail(violation))
    }

    /// Ends the connection because the bytes that came are no packet; the
    /// answer is in the output.
    pub fn handle_decode_error(&mut self, error: DecodeError) -> Violation {
        self.fail(error.into())
    }

    /// Ends the connection because of a CONNECT that cannot be decoded, though
    /// it names its `version`: 5.0 is told why \[MQTT-3.1.4-2\].
    pub fn handle_connect_error(
        &mut self,
        error: DecodeError,
        version: Option<ProtocolVersion>,
    ) -> Violation {
        if let (State::AwaitConnect { .. }, Some(ProtocolVersion::V5)) = (&self.state, version) {
            self.endpoint.version = ProtocolVersion::V5;
            let connack = ConnAck::new(false, error.reason_code());
            self.endpoint.send(&Packet::ConnAck(connack));
            self.state = State::Closed;
            return error.into();
        }
        self.fail(error.into())
    }

    /// Ends the connection because of something that only the driver can
    /// judge; the answer is in the output.
    pub fn handle_violation(&mut self, violation: Violation) -> Violation {
        self.fail(violation)
    }

    fn handle(&mut self, packet: Packet, now: Time) -> Result<Option<Event>, Violation> {
        self.silence.received(now);
        match self.state {
            State::AwaitConnect { deadline } => {
                let Packet::Connect(connect) = packet else {
                    return Err(Violation::FirstPacket(packet.packet_type()));
                };
                self.endpoint.version = connect.version;
                self.endpoint.peer = Limits::of_client(&connect);
                let properties = &connect.properties;
                self.authentication = Authentication::of(&connect);
                self.expires = properties.session_expiry_interval().unwrap_or(0) == 0;
                self.problem_information = properties.request_problem_information().unwrap_or(true);
                self.state = State::Connecting {
                    keep_alive: connect.keep_alive,
                    deadline,
                };
                return Ok(Some(Event::Connect(connect)));
            }
            State::Connecting { .. } => {
                let kind = packet.packet_type();
                if self.turn() != Turn::Client || !may_come_before_connack(kind) {
                    return Err(Violation::Unexpected(kind));
                }
            }
            State::Connected => {}
            State::Closed => return Ok(None),
        }
        let endpoint = &mut self.endpoint;
        Ok(match packet {
            Packet::Publish(publish) => {
                if !publish.properties.is_empty()
                    && publish.properties.subscription_identifier().is_some()
                {
                    return Err(Violation::SubscriptionIdentifier);
                }
                if publish.qos > self.maximum_qos {
                    return Err(Violation::QoSNotSupported);
                }
                if publish.retain && !self.retain_available {
                    return Err(Violation::RetainNotSupported);
                }
                endpoint.on_publish(publish)?.map(Event::Publish)
            }
            Packet::PubAck(ack) => endpoint.on_puback(ack, now)?.map(Event::Delivered),
            Packet::PubRec(ack) => {
                let id = ack.packet_id;
                let delivered = endpoint.on_pubrec(ack, now)?.map(Event::Delivered);
                delivered.or_else(|| endpoint.taken(id).map(Event::Taken))
            }
            Packet::PubComp(ack) => endpoint.on_pubcomp(ack, now)?.map(Event::Delivered),
            Packet::PubRel(ack) => {
                endpoint.on_pubrel(&ack)?;
                let is_deferred = endpoint.is_deferred();
                is_deferred.then_some(Event::Released(ack.packet_id))
            }
            Packet::PingReq => {
                endpoint.send(&Packet::PingResp);
                None
            }
            Packet::Subscribe(subscribe) => Some(Event::Subscribe(subscribe)),
            Packet::Unsubscribe(unsubscribe) => Some(Event::Unsubscribe(unsubscribe)),
            Packet::Auth(auth) => match &mut self.authentication {
                Some(authentication) => {
                    authentication.on_client(&auth)?;
                    Some(Event::Auth(auth))
                }
                None => return Err(Violation::Unexpected(PacketType::Auth)),
            },
            Packet::Disconnect(disconnect) => {
                let expiry = disconnect.properties.session_expiry_interval();
                if self.expires && expiry.is_some_and(|seconds| seconds > 0) {
                    return Err(Violation::SessionExpiry);
                }
                self.state = State::Closed;
                Some(Event::Disconnect(disconnect))
            }
            Packet::Connect(_)
            | Packet::ConnAck(_)
            | Packet::SubAck(_)
            | Packet::UnsubAck(_)
            | Packet::PingResp => return Err(Violation::Unexpected(packet.packet_type())),
        })
    }

    /// Puts the answer to a violation into the output and closes: DISCONNECT
    /// in 5.0, CONNACK if that has not been sent; before it a connection just
    /// ends, but for a CONNECT of an unknown version \[MQTT-3.1.2-2\].
    fn fail(&mut self, violation: Violation) -> Violation {
        match self.state {
            State::Connected if self.version().is_v5() => {
                let reason = violation.reason_code();
                self.endpoint
                    .send(&Packet::Disconnect(Disconnect::new(reason)));
            }
            // Only one that authenticates is read from before CONNACK.
            State::Connecting { .. } if violation != Violation::ConnectTimeout => {
                let connack = ConnAck::new(false, violation.reason_code());
                self.endpoint.try_send(&Packet::ConnAck(connack)).ok();
            }
            State::AwaitConnect { .. } => {
                if let Violation::Decode(DecodeError::ProtocolLevel(_)) = violation {
                    let reason = ReasonCode::UnsupportedProtocolVersion;
                    self.endpoint
                        .send(&Packet::ConnAck(ConnAck::new(false, reason)));
                }
            }
            _ => {}
        }
        self.state = State::Closed;
        violation
    }

    /// Accepts the client and goes on with `session`. `connack` is sent with
    /// this server's limits put in; in MQTT 5.0 a server keep alive in it takes
    /// the place of the client's. Its maximum QoS and whether retain is
    /// available hold for every version. At most `max_inflight` QoS 1 and 2
    /// publishes are in flight at a time, fewer if the client says so.
    ///
    /// Gives the tokens of deliveries in the session that the client does not
    /// accept because of their size: they are given up.
    ///
    /// If the connection was closed in the meantime, or CONNACK is longer than
    /// what the client accepts, the connection is closed and keeps the
    /// session.
    ///
    /// # Panics
    /// There is no CONNECT to answer.
    pub fn accept(
        &mut self,
        session: Session,
        mut connack: ConnAck,
        max_inflight: u16,
        now: Time,
    ) -> Vec<u64> {
        let mut keep_alive = match self.state {
            State::Connecting { keep_alive, .. } => keep_alive,
            State::Closed => {
                self.endpoint.session = session;
                return Vec::new();
            }
            _ => panic!("accept answers a CONNECT"),
        };
        let properties = &mut connack.properties;
        self.maximum_qos = properties
            .maximum_qos()
            .and_then(QoS::from_u8)
            .unwrap_or(QoS::ExactlyOnce);
        self.retain_available = properties.retain_available().unwrap_or(true);
        if self.version().is_v5() {
            self.endpoint.local.put_into(properties);
            keep_alive = properties.server_keep_alive().unwrap_or(keep_alive);
        }
        if let Some(authentication) = &mut self.authentication {
            // [MQTT-4.12.0-5]
            connack.properties = authentication.named(connack.properties);
            authentication.finish();
        }
        if !self.endpoint.send_trimmed(Packet::ConnAck(connack)) {
            self.endpoint.session = session;
            self.state = State::Closed;
            return Vec::new();
        }
        self.silence = SilenceLimit::new(keep_alive, now);
        self.state = State::Connected;
        let client = self.endpoint.peer;
        let client = Limits {
            receive_maximum: client.receive_maximum.min(max_inflight).max(1),
            ..client
        };
        let given_up = self.endpoint.resume(session, client, |_| true, now);
        given_up.iter().map(|delivery| delivery.token).collect()
    }

    /// Where the client's topics are: it sees those below `mount`, without it.
    /// What the client sends comes with its own names, for the driver to
    /// [enter](Mount::enter). Before [`Connection::accept`].
    pub fn set_mount(&mut self, mount: Option<Mount>) {
        self.endpoint.mount = mount;
    }

    /// Where the client's topics are, if not at the root.
    #[inline]
    pub const fn mount(&self) -> Option<&Mount> {
        self.endpoint.mount.as_ref()
    }

    /// Sets at most `maximum` topic aliases, even if the client takes more;
    /// before [`Connection::accept`].
    pub fn limit_topic_aliases(&mut self, maximum: u16) {
        let client = &mut self.endpoint.peer;
        client.topic_alias_maximum = client.topic_alias_maximum.min(maximum);
    }

    /// Asks the client for more: AUTH with 0x18, CONNECT's method, and
    /// `properties`, above all the authentication data \[MQTT-4.12.0-2\].
    /// Reason string and user properties are left out where the client does
    /// not take them. A client that does not accept a packet of that length
    /// is disconnected. The time that CONNECT had to come is the time for
    /// the answers too.
    ///
    /// # Errors
    /// It is not this server's turn; nothing happens.
    pub fn challenge(&mut self, properties: Properties) -> Result<(), AuthError> {
        self.authenticate(ReasonCode::ContinueAuthentication, properties)
    }

    /// Tells a connected client that it has authenticated again: AUTH with
    /// success. To refuse it is to [`Connection::disconnect`]
    /// \[MQTT-4.12.1-2\].
    ///
    /// # Errors
    /// The client did not ask for it; nothing happens.
    pub fn authenticated(&mut self, properties: Properties) -> Result<(), AuthError> {
        if !self.is_connected() {
            return Err(AuthError::OutOfTurn);
        }
        self.authenticate(ReasonCode::Success, properties)
    }

    fn authenticate(
        &mut self,
        reason: ReasonCode,
        mut properties: Properties,
    ) -> Result<(), AuthError> {
        if self.is_closed() {
            return Err(AuthError::OutOfTurn);
        }
        let authentication = self.authentication.as_mut().ok_or(AuthError::NoMethod)?;
        if authentication.turn() != Turn::Server {
            return Err(AuthError::OutOfTurn);
        }
        if !self.problem_information {
            remove_problem_information(&mut properties);
        }
        let packet = authentication.packet(reason, properties);
        authentication.pass_to(match reason {
            ReasonCode::Success => Turn::Idle,
            _ => Turn::Client,
        });
        if self.is_connected() {
            self.send_answer(packet);
        } else if !self.endpoint.send_trimmed(packet) {
            self.state = State::Closed;
        }
        Ok(())
    }

    /// Refuses the client, at any step of its authentication
    /// \[MQTT-4.12.0-4\]; the connection is closed.
    pub fn refuse(&mut self, reason: ReasonCode, properties: Properties) {
        if let State::Connecting { .. } = self.state {
            let mut connack = ConnAck::new(false, reason);
            connack.properties = properties;
            self.endpoint.send_trimmed(Packet::ConnAck(connack));
        }
        self.state = State::Closed;
    }

    /// How many deliveries at QoS 1 and 2 may be published now.
    pub fn window(&self) -> usize {
        if self.is_connected() {
            self.endpoint.window()
        } else {
            0
        }
    }

    /// Publishes sent and not yet acknowledged in full.
    pub fn inflight_len(&self) -> usize {
        self.endpoint.session.inflight_len()
    }

    /// Bytes of the payloads that are in flight, and may have to be sent
    /// again. It counts them: it takes as long as there are publishes.
    pub fn inflight_bytes(&self) -> usize {
        let inflight = self.endpoint.session.unacknowledged();
        inflight
            .map(|delivery| delivery.message.payload.len())
            .sum()
    }

    /// Sends a message to the client; gives its packet identifier at QoS 1
    /// and 2.
    ///
    /// # Errors
    /// See [`PublishError`]; ask [`Connection::window`] first.
    pub fn publish(
        &mut self,
        delivery: Delivery,
        now: Time,
    ) -> Result<Option<PacketId>, PublishError> {
        if !self.is_connected() {
            return Err(PublishError::NotConnected);
        }
        self.endpoint.publish(delivery, now)
    }

    /// Answers an [`Event::Publish`] of this connection with PUBACK or PUBREC,
    /// once those before it are answered \[MQTT-4.6.0-2\],
    /// \[MQTT-4.6.0-3\]. Nothing happens if there is none to answer.
    pub fn acknowledge(&mut self, qos: QoS, packet_id: PacketId, reason: ReasonCode) {
        if self.is_connected() {
            self.endpoint.acknowledge(qos, packet_id, reason);
        }
    }

    /// How many publishes at QoS 1 and 2 are not answered: those that wait
    /// for [`Connection::acknowledge`], and those after them. Bounded by the
    /// receive maximum; 65,535 before MQTT 5.0.
    pub fn unanswered(&self) -> usize {
        self.endpoint.unanswered()
    }

    /// Answers an [`Event::Subscribe`]. A client that does not accept an
    /// answer of that length is disconnected.
    pub fn suback(&mut self, mut suback: SubAck) {
        if !self.problem_information {
            remove_problem_information(&mut suback.properties);
        }
        self.send_answer(Packet::SubAck(suback));
    }

    /// Answers an [`Event::Unsubscribe`]. A client that does not accept an
    /// answer of that length is disconnected.
    pub fn unsuback(&mut self, mut unsuback: UnsubAck) {
        if !self.problem_information {
            remove_problem_information(&mut unsuback.properties);
        }
        self.send_answer(Packet::UnsubAck(unsuback));
    }

    fn send_answer(&mut self, packet: Packet) {
        if self.is_connected() && !self.endpoint.send_trimmed(packet) {
            self.disconnect(Disconnect::new(ReasonCode::ImplementationSpecificError));
        }
    }

    /// Ends the connection: with a DISCONNECT in 5.0, without a word before
    /// it \[MQTT-3.14.0-1\].
    pub fn disconnect(&mut self, mut disconnect: Disconnect) {
        if self.is_connected() && self.version().is_v5() {
            // [MQTT-3.14.2-2]: it is for clients to say.
            disconnect
                .properties
                .remove(PropertyId::SessionExpiryInterval);
            self.endpoint.send_trimmed(Packet::Disconnect(disconnect));
        }
        self.state = State::Closed;
    }

    /// When [`Connection::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Time> {
        match self.state {
            State::AwaitConnect { deadline } => Some(deadline),
            State::Connecting { deadline, .. } if self.turn() == Turn::Client => Some(deadline),
            State::Connected => self.silence.deadline(),
            State::Connecting { .. } | State::Closed => None,
        }
    }

    /// Checks whether the client has been silent for too long.
    ///
    /// # Errors
    /// It has; the connection is closed.
    pub fn handle_timeout(&mut self, now: Time) -> Result<(), Violation> {
        if self.poll_timeout().is_none_or(|at| now < at) {
            return Ok(());
        }
        Err(match self.state {
            State::AwaitConnect { .. } | State::Connecting { .. } => {
                self.fail(Violation::ConnectTimeout)
            }
            _ => self.fail(Violation::KeepAlive),
        })
    }

    /// Encoded packets to write; the driver removes what it has written, and
    /// does not read while it is long.
    pub fn output(&mut self) -> &mut BytesMut {
        &mut self.endpoint.output
    }

    /// Takes what outlives the connection, which is closed with it; its last
    /// packets stay in the output. QoS 2 publishes that were not acknowledged
    /// count as acknowledged from here on: resume the session when they are
    /// safe.
    pub fn take_session(&mut self) -> Session {
        self.state = State::Closed;
        let mut session = std::mem::take(&mut self.endpoint.session);
        session.disconnect();
        session
    }

    /// As [`Connection::take_session`], when nothing is left to write.
    pub fn into_session(mut self) -> Session {
        self.take_session()
    }
}

/// Whether a client that authenticates sends such a packet between CONNECT
/// and CONNACK.
const fn may_come_before_connack(kind: PacketType) -> bool {
    matches!(kind, PacketType::Auth | PacketType::Disconnect)
}

/// Whether a client sends such a packet after CONNECT.
const fn is_from_connected_client(kind: PacketType) -> bool {
    !matches!(
        kind,
        PacketType::Connect
            | PacketType::ConnAck
            | PacketType::SubAck
            | PacketType::UnsubAck
            | PacketType::PingResp
    )
}
