//! The client's end of a connection.

mod deferred;

use std::time::Duration;

use bytes::BytesMut;
use codec::{
    Auth, ConnAck, Connect, Disconnect, EncodeError, FixedHeader, Packet, PacketId, PacketType,
    Properties, PropertyId, ProtocolVersion, Publish, QoS, ReasonCode, SubAck, Subscribe,
    Subscription, TopicFilter, UnsubAck, Unsubscribe,
};

use crate::authentication::{AuthError, Authentication, Turn};
use crate::endpoint::Endpoint;
pub use crate::endpoint::{Delivered, Taken};
use crate::keep_alive::{Due, Pings};
use crate::session::Outbound;
use crate::{Delivery, Limits, PublishError, Session, Time, Violation};

/// What the server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The answer to CONNECT. If its reason is a failure, the connection is
    /// closed.
    ConnAck {
        /// The packet.
        connack: ConnAck,
        /// Publishes of the session that were in flight, when the server has
        /// lost that session \[MQTT-3.2.2-4\] or was asked to: forgotten here
        /// too, oldest first. Publish them anew if they must not be lost. Also
        /// those that a server which has kept the session no longer accepts
        /// because of their size, QoS or retain flag.
        lost: Vec<Delivery>,
        /// Tokens of QoS 2 publishes that the server had taken before it lost
        /// the session: they are complete, and no [`Event::Delivered`] comes.
        completed: Vec<u64>,
    },
    /// A message. At QoS 1 and 2 answer with [`Connection::acknowledge`].
    Publish(Publish),
    /// A publish of this client is complete, or refused.
    Delivered(Delivered),
    /// The server has taken a publish at QoS 2, after
    /// [`Connection::defer_handshakes`]: answer with [`Connection::release`].
    Taken(Taken),
    /// The server releases a publish at QoS 2, after
    /// [`Connection::defer_handshakes`]: answer with [`Connection::complete`].
    Released(PacketId),
    /// The answer to [`Connection::subscribe`].
    SubAck {
        /// What was given to it.
        token: u64,
        /// The packet.
        suback: SubAck,
    },
    /// The answer to [`Connection::unsubscribe`].
    UnsubAck {
        /// What was given to it.
        token: u64,
        /// The packet.
        unsuback: UnsubAck,
    },
    /// The server ends the connection, and says why.
    Disconnect(Disconnect),
    /// A step of extended authentication with CONNECT's method: if the reason
    /// is `ContinueAuthentication`, answer with [`Connection::authenticate`];
    /// `Success` ends what [`Connection::reauthenticate`] has begun.
    Auth(Auth),
}

/// The client's end of a connection.
#[derive(Debug)]
pub struct Connection {
    state: State,
    endpoint: Endpoint,
    pings: Pings,
    /// Extended authentication, if CONNECT asked for it.
    authentication: Option<Box<Authentication>>,
    /// Whether CONNECT lets the session end with the connection.
    expires: bool,
    maximum_qos: QoS,
    retain_available: bool,
}

#[derive(Debug)]
enum State {
    AwaitConnAck {
        deadline: Time,
        clean_start: bool,
        keep_alive: u16,
    },
    Connected,
    Closed,
}

impl Connection {
    /// A connection that was just opened; CONNECT is in the output. `session`
    /// is what an earlier connection left, or a new one. What this client
    /// accepts is in `connect`'s properties. CONNACK must come within
    /// `connect_timeout`.
    ///
    /// # Errors
    /// CONNECT cannot be encoded.
    pub fn new(
        connect: Connect,
        mut session: Session,
        connect_timeout: Duration,
        now: Time,
    ) -> Result<Self, EncodeError> {
        let mut endpoint = Endpoint::new(connect.version, Limits::of_client(&connect));
        let state = State::AwaitConnAck {
            deadline: now + connect_timeout,
            clean_start: connect.clean_start,
            keep_alive: connect.keep_alive,
        };
        if connect.clean_start {
            session.discard();
        }
        endpoint.session = session;
        let version = connect.version;
        let properties = &connect.properties;
        let authentication = Authentication::of(&connect);
        let expires = properties.session_expiry_interval().unwrap_or(0) == 0;
        Packet::Connect(Box::new(connect)).encode(version, &mut endpoint.output)?;
        Ok(Self {
            state,
            endpoint,
            pings: Pings::new(0, now),
            authentication,
            expires,
            maximum_qos: QoS::ExactlyOnce,
            retain_available: true,
        })
    }

    /// The version in use.
    pub const fn version(&self) -> ProtocolVersion {
        self.endpoint.version
    }

    /// Whether the server has accepted and nobody has gone.
    pub const fn is_connected(&self) -> bool {
        matches!(self.state, State::Connected)
    }

    /// Whether nothing more will be read.
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Takes the next packet from the front of `input`; `None` when there is
    /// none for the driver: read more then. Call it until it gives `None`.
    ///
    /// # Errors
    /// The server broke the protocol; the connection is closed.
    pub fn handle_input(
        &mut self,
        input: &mut BytesMut,
        now: Time,
    ) -> Result<Option<Event>, Violation> {
        loop {
            if self.is_closed() {
                return Ok(None);
            }
            let limit = self.endpoint.local.maximum_packet_size;
            if let Ok(Some(header)) = FixedHeader::peek(input, limit) {
                self.handle_header(header)?;
            }
            match self.endpoint.decode(input, Packet::decode_from_server) {
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

    /// A packet that servers do not send is neither waited for nor looked
    /// into.
    fn handle_header(&mut self, header: FixedHeader) -> Result<(), Violation> {
        let kind = header.packet_type;
        if kind.is_sent_by_server() {
            return Ok(());
        }
        Err(self.fail(match self.state {
            State::AwaitConnAck { .. } => Violation::FirstPacket(kind),
            _ => Violation::Unexpected(kind),
        }))
    }

    /// As [`Connection::handle_input`], for a packet that is decoded already.
    ///
    /// # Errors
    /// As there.
    pub fn handle_packet(&mut self, packet: Packet, now: Time) -> Result<Option<Event>, Violation> {
        self.handle(packet, now).map_err(|error| self.fail(error))
    }

    fn handle(&mut self, packet: Packet, now: Time) -> Result<Option<Event>, Violation> {
        self.pings.received(now);
        match self.state {
            State::AwaitConnAck {
                clean_start,
                keep_alive,
                ..
            } => {
                return match packet {
                    Packet::ConnAck(connack) => self
                        .on_connack(connack, clean_start, keep_alive, now)
                        .map(Some),
                    Packet::Auth(auth) if self.authentication.is_some() => {
                        self.on_auth(auth).map(Some)
                    }
                    _ => Err(Violation::FirstPacket(packet.packet_type())),
                };
            }
            State::Connected => {}
            State::Closed => return Ok(None),
        }
        let endpoint = &mut self.endpoint;
        Ok(match packet {
            Packet::Publish(publish) => endpoint.on_publish(publish)?.map(Event::Publish),
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
            Packet::SubAck(suback) => Some(Event::SubAck {
                token: self.answered(suback.packet_id, PacketType::SubAck)?,
                suback,
            }),
            Packet::UnsubAck(unsuback) => Some(Event::UnsubAck {
                token: self.answered(unsuback.packet_id, PacketType::UnsubAck)?,
                unsuback,
            }),
            Packet::PingResp => None,
            Packet::Auth(auth) => Some(self.on_auth(auth)?),
            // Before 5.0 a server has no DISCONNECT \[MQTT-3.14.0-1\].
            Packet::Disconnect(disconnect) if self.version().is_v5() => {
                self.state = State::Closed;
                Some(Event::Disconnect(disconnect))
            }
            Packet::Connect(_)
            | Packet::ConnAck(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(_)
            | Packet::PingReq
            | Packet::Disconnect(_) => return Err(Violation::Unexpected(packet.packet_type())),
        })
    }

    fn on_auth(&mut self, auth: Auth) -> Result<Event, Violation> {
        let is_connected = self.is_connected();
        match &mut self.authentication {
            Some(authentication) => authentication.on_server(&auth, is_connected)?,
            // [MQTT-4.12.0-6]
            None => return Err(Violation::Unexpected(PacketType::Auth)),
        }
        Ok(Event::Auth(auth))
    }

    fn on_connack(
        &mut self,
        connack: ConnAck,
        clean_start: bool,
        keep_alive: u16,
        now: Time,
    ) -> Result<Event, Violation> {
        if connack.reason.is_failure() {
            self.state = State::Closed;
            return Ok(Event::ConnAck {
                connack,
                lost: Vec::new(),
                completed: Vec::new(),
            });
        }
        // [MQTT-3.2.2-2]: nobody can have kept what was thrown away.
        if connack.session_present && clean_start {
            return Err(Violation::Unexpected(PacketType::ConnAck));
        }
        match &mut self.authentication {
            Some(authentication) => {
                authentication.check_connack(&connack)?;
                authentication.finish();
            }
            // [MQTT-4.12.0-6]
            None if connack.properties.authentication_method().is_some() => {
                return Err(Violation::AuthenticationMethod);
            }
            None => {}
        }
        self.state = State::Connected;
        let properties = &connack.properties;
        let keep_alive = properties.server_keep_alive().unwrap_or(keep_alive);
        self.pings = Pings::new(keep_alive, now);
        self.maximum_qos = properties
            .maximum_qos()
            .and_then(QoS::from_u8)
            .unwrap_or(QoS::ExactlyOnce);
        self.retain_available = properties.retain_available().unwrap_or(true);
        let mut lost = Vec::new();
        let mut completed = Vec::new();
        let mut session = std::mem::take(&mut self.endpoint.session);
        // A server of 3.1 does not say what it has kept, and is taken at what
        // it was asked for.
        let is_kept = !session.is_discarded
            && (connack.session_present || self.version() == ProtocolVersion::V3_1);
        if !is_kept {
            lost.extend(session.unacknowledged().cloned());
            completed.extend(session.released());
            session.lose();
        }
        let server = Limits::from_properties(properties);
        let (maximum_qos, retain_available) = (self.maximum_qos, self.retain_available);
        let may_send = |delivery: &Delivery| {
            delivery.qos <= maximum_qos && (retain_available || !delivery.retain)
        };
        lost.extend(self.endpoint.resume(session, server, may_send, now));
        Ok(Event::ConnAck {
            connack,
            lost,
            completed,
        })
    }

    fn answered(&mut self, id: PacketId, kind: PacketType) -> Result<u64, Violation> {
        match (self.endpoint.session.outbound.get_mut(id), kind) {
            (Some(Outbound::Subscribe { token }), PacketType::SubAck)
            | (Some(Outbound::Unsubscribe { token }), PacketType::UnsubAck) => {
                let token = *token;
                self.endpoint.session.outbound.remove(id);
                Ok(token)
            }
            _ => Err(Violation::WrongAck(kind)),
        }
    }

    fn fail(&mut self, violation: Violation) -> Violation {
        if self.is_connected() && self.version().is_v5() {
            let reason = match violation.reason_code() {
                // A client cannot accuse a server of silence.
                ReasonCode::KeepAliveTimeout => ReasonCode::UnspecifiedError,
                reason => reason,
            };
            self.endpoint
                .send(&Packet::Disconnect(Disconnect::new(reason)));
        }
        self.state = State::Closed;
        violation
    }

    /// How many publishes at QoS 1 and 2 may be sent now.
    pub fn window(&self) -> usize {
        if self.is_connected() {
            self.endpoint.window()
        } else {
            0
        }
    }

    /// Publishes; gives the packet identifier at QoS 1 and 2.
    /// [`Event::Delivered`] tells the outcome of those.
    ///
    /// # Errors
    /// See [`PublishError`]; ask [`Connection::window`] first.
    pub fn publish(
        &mut self,
        delivery: Delivery,
        now: Time,
    ) -> Result<Option<PacketId>, PublishError> {
        self.check(&delivery)?;
        self.pings.sent(now);
        self.endpoint.publish(delivery, now)
    }

    /// Whether the server takes such a delivery.
    fn check(&self, delivery: &Delivery) -> Result<(), PublishError> {
        if !self.is_connected() {
            return Err(PublishError::NotConnected);
        }
        if delivery.qos > self.maximum_qos {
            return Err(PublishError::QoSNotSupported);
        }
        if delivery.retain && !self.retain_available {
            return Err(PublishError::RetainNotSupported);
        }
        Ok(())
    }

    /// Answers an [`Event::Publish`] of this connection with PUBACK or PUBREC,
    /// once those before it are answered \[MQTT-4.6.0-2\],
    /// \[MQTT-4.6.0-3\]. Nothing happens if there is none to answer.
    pub fn acknowledge(&mut self, qos: QoS, packet_id: PacketId, reason: ReasonCode, now: Time) {
        if self.is_connected() {
            self.pings.sent(now);
            self.endpoint.acknowledge(qos, packet_id, reason);
        }
    }

    /// How many publishes at QoS 1 and 2 are not answered: those that wait
    /// for [`Connection::acknowledge`], and those after them. Bounded by the
    /// receive maximum; 65,535 before MQTT 5.0.
    pub fn unanswered(&self) -> usize {
        self.endpoint.unanswered()
    }

    /// Subscribes; [`Event::SubAck`] comes with `token`, but not if the
    /// connection ends before it.
    ///
    /// # Errors
    /// Not connected, all packet identifiers in use, too long for the server,
    /// or nothing to subscribe to.
    pub fn subscribe(
        &mut self,
        subscriptions: Vec<Subscription>,
        properties: Properties,
        token: u64,
        now: Time,
    ) -> Result<(), PublishError> {
        self.request(Outbound::Subscribe { token }, now, |packet_id| {
            Packet::Subscribe(Subscribe {
                packet_id,
                properties,
                subscriptions,
            })
        })
    }

    /// Unsubscribes; [`Event::UnsubAck`] comes with `token`.
    ///
    /// # Errors
    /// As [`Connection::subscribe`].
    pub fn unsubscribe(
        &mut self,
        filters: Vec<TopicFilter>,
        properties: Properties,
        token: u64,
        now: Time,
    ) -> Result<(), PublishError> {
        self.request(Outbound::Unsubscribe { token }, now, |packet_id| {
            Packet::Unsubscribe(Unsubscribe {
                packet_id,
                properties,
                filters,
            })
        })
    }

    fn request(
        &mut self,
        outbound: Outbound,
        now: Time,
        packet: impl FnOnce(PacketId) -> Packet,
    ) -> Result<(), PublishError> {
        if !self.is_connected() {
            return Err(PublishError::NotConnected);
        }
        let id = self.endpoint.session.outbound.insert(outbound);
        let id = id.ok_or(PublishError::WindowFull)?;
        if self.endpoint.try_send(&packet(id)) != Ok(true) {
            self.endpoint.session.outbound.remove(id);
            return Err(PublishError::TooLarge);
        }
        self.pings.sent(now);
        Ok(())
    }

    /// Asks the server for a sign of life at once; if none comes in half the
    /// keep alive (30 seconds if there is none), [`Connection::handle_timeout`]
    /// says so.
    pub fn ping(&mut self, now: Time) {
        if self.is_connected() {
            self.endpoint.send(&Packet::PingReq);
            self.pings.pinged(now);
        }
    }

    /// Answers an [`Event::Auth`]: AUTH with 0x18, CONNECT's method, and
    /// `properties`, above all the authentication data \[MQTT-4.12.0-3\].
    ///
    /// # Errors
    /// The server has not asked, or takes no packet of that length.
    pub fn authenticate(&mut self, properties: Properties, now: Time) -> Result<(), AuthError> {
        self.send_auth(ReasonCode::ContinueAuthentication, properties, now)
    }

    /// Authenticates anew with CONNECT's method \[MQTT-4.12.1-1\]: AUTH with
    /// 0x19. Everything else goes on meanwhile; [`Event::Auth`] tells how the
    /// server answers, [`Event::Disconnect`] that it refuses.
    ///
    /// # Errors
    /// Not connected, no method, in the middle of an authentication, or longer
    /// than the server accepts.
    pub fn reauthenticate(&mut self, properties: Properties, now: Time) -> Result<(), AuthError> {
        if !self.is_connected() {
            return Err(AuthError::NoMethod);
        }
        self.send_auth(ReasonCode::ReAuthenticate, properties, now)
    }

    fn send_auth(
        &mut self,
        reason: ReasonCode,
        properties: Properties,
        now: Time,
    ) -> Result<(), AuthError> {
        let expected = match reason {
            ReasonCode::ReAuthenticate => Turn::Idle,
            _ => Turn::Client,
        };
        let authentication = match &mut self.authentication {
            Some(authentication) if !matches!(self.state, State::Closed) => authentication,
            _ => return Err(AuthError::NoMethod),
        };
        if authentication.turn() != expected {
            return Err(AuthError::OutOfTurn);
        }
        let packet = authentication.packet(reason, properties);
        if self.endpoint.try_send(&packet) != Ok(true) {
            return Err(AuthError::TooLarge);
        }
        authentication.pass_to(Turn::Server);
        self.pings.sent(now);
        Ok(())
    }

    /// Says goodbye; the connection is closed once the output is written. One
    /// that authenticates may do so before CONNACK \[MQTT-3.1.2-30\].
    ///
    /// # Errors
    /// A property is too long, or the session expiry is set though CONNECT
    /// had none (section 3.14.2.2.2); the connection goes on.
    pub fn disconnect(&mut self, disconnect: Disconnect) -> Result<(), EncodeError> {
        if self.is_connected() || self.authentication.is_some() && !self.is_closed() {
            let expiry = disconnect.properties.session_expiry_interval();
            if self.expires && expiry.is_some_and(|seconds| seconds > 0) {
                let id = PropertyId::SessionExpiryInterval;
                return Err(EncodeError::PropertyValue(id));
            }
            let reason = disconnect.reason;
            if !self.endpoint.try_send(&Packet::Disconnect(disconnect))? {
                self.endpoint
                    .send(&Packet::Disconnect(Disconnect::new(reason)));
            }
        }
        self.state = State::Closed;
        Ok(())
    }

    /// When [`Connection::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Time> {
        match self.state {
            State::AwaitConnAck { deadline, .. } => Some(deadline),
            State::Connected => self.pings.deadline(),
            State::Closed => None,
        }
    }

    /// Sends PINGREQ when it is due. After a long sleep of the machine, handle
    /// first what has arrived.
    ///
    /// # Errors
    /// The server has not answered CONNECT or PINGREQ in time; the connection
    /// is closed.
    pub fn handle_timeout(&mut self, now: Time) -> Result<(), Violation> {
        match self.state {
            State::AwaitConnAck { deadline, .. } if deadline <= now => {
                Err(self.fail(Violation::ConnectTimeout))
            }
            State::Connected => match self.pings.due(now) {
                None => Ok(()),
                Some(Due::Ping) => {
                    self.ping(now);
                    Ok(())
                }
                Some(Due::GiveUp) => Err(self.fail(Violation::KeepAlive)),
            },
            _ => Ok(()),
        }
    }

    /// Encoded packets to write; the driver removes what it has written, and
    /// does not read while it is long.
    pub fn output(&mut self) -> &mut BytesMut {
        &mut self.endpoint.output
    }

    /// What outlives the connection. QoS 2 publishes that were not
    /// acknowledged count as acknowledged from here on: resume the session
    /// when they are safe.
    pub fn into_session(self) -> Session {
        let mut session = self.endpoint.session;
        session.disconnect();
        session
    }
}
