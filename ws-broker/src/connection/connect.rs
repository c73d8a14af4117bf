//! CONNECT and its answer (section 3.1).

use std::sync::Arc;
use std::task::Context;

use bytes::Bytes;
use codec::{
    ByteString, ConnAck, Connect, Properties, Property, ProtocolVersion, QoS, ReasonCode, Will,
};
use tokio::io::{AsyncRead, AsyncWrite};

use super::authenticate::withdraw_forbidden;
use super::{Client, Connection, End, Phase};
use crate::access::{Access, Identity};
use crate::desk::{self, About};
use crate::log::{self, debug, is_debug};
use crate::names;
use crate::outbox::Receiver;
use crate::router::Routes;
use crate::sessions::{Command, Found, NEVER, SessionState};
use crate::store::{Change, Ticket, Waiter};

/// A client whose CONNACK waits until what it says is stored.
pub(super) struct Accepting {
    pub(super) client: Box<Client>,
    connect: Box<Connect>,
    is_resumed: bool,
    ticket: Ticket,
    waiter: Waiter,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Connection<T> {
    pub(super) fn connect(&mut self, mut connect: Box<Connect>) -> Result<(), End> {
        self.settings = self.broker.settings();
        // As in Mosquitto, an empty user name is none: many a sketch sends one.
        connect.username.take_if(|user| user.is_empty());
        self.name_by_certificate(&mut connect)?;
        let id = self.check(&connect)?;
        self.authenticate(connect, id)
    }

    /// The client is who it says, and may connect. `proof` is what extended
    /// authentication has the broker say in CONNACK.
    pub(super) fn admit(
        &mut self,
        mut connect: Box<Connect>,
        id: ByteString,
        proof: Option<Bytes>,
    ) -> Result<(), End> {
        self.mount_will(&mut connect)?;
        let broker = self.broker.clone();
        let client = Box::new(Client {
            state: Box::new(SessionState::new(
                Identity {
                    client_id: id.clone(),
                    username: connect.username.clone(),
                    rules: self.settings.number(self.rules),
                },
                broker.router.memory().clone(),
            )),
            expiry: self.expiry(&connect),
            will: None,
            take_over: None,
            proof,
            exchange: None,
            about: None,
            asking: None,
            is_bridge: connect.bridge,
            is_denied: false,
            id,
        });
        let clean_start = connect.clean_start;
        if let Some(limit) = self.settings.config.global_max_clients
            && !broker.sessions.has_room(&client.id, limit)
        {
            let why = "global_max_clients is reached";
            return Err(self.refuse(&connect, ReasonCode::ServerBusy, why));
        }
        if client.expiry > 0 && self.is_store_failing() {
            let why = "its session cannot be stored";
            return Err(self.refuse(&connect, ReasonCode::ServerUnavailable, why));
        }
        match broker.sessions.join(&client.id, &self.control, clean_start) {
            Found::Nothing => self.start(client, connect, None, false),
            Found::Parked(parked) => {
                if let Some((will, _)) = parked.will
                    && clean_start
                {
                    let who = parked.state.outbox.identity();
                    broker.publish_will(who, will, broker.clock.now());
                }
                let state = if clean_start {
                    broker.end_session(&parked.state);
                    None
                } else {
                    Some(parked.state)
                };
                self.start(client, connect, state, true);
            }
            Found::Bridge => {
                let why = "its identifier is the local_clientid of a bridge";
                let reason = ReasonCode::ClientIdentifierNotValid;
                return Err(self.refuse(&connect, reason, why));
            }
            Found::Live(state) => {
                self.phase = Phase::Joining {
                    client,
                    connect,
                    state,
                };
            }
        }
        Ok(())
    }

    /// The connection that had the session is gone; it has left `state`.
    pub(super) fn joined(&mut self, state: Option<Box<SessionState>>) {
        let phase = std::mem::replace(&mut self.phase, Phase::Anonymous);
        let Phase::Joining {
            client, connect, ..
        } = phase
        else {
            self.phase = phase;
            return;
        };
        self.start(client, connect, state, true);
        self.hand_on();
    }

    /// A third connection may have asked for the session meanwhile.
    fn hand_on(&mut self) {
        if let Phase::Connected(client) = &mut self.phase
            && let Some(take_over) = client.take_over.take()
        {
            self.control.send(Command::TakeOver(take_over));
        }
    }

    /// Looks whether what CONNACK says is stored by now; tells whether
    /// something was done.
    pub(super) fn poll_accepting(&mut self, cx: &Context<'_>) -> Result<bool, End> {
        let (Phase::Accepting(accepting), Some(journal)) =
            (&mut self.phase, self.broker.router.journal())
        else {
            return Ok(false);
        };
        let Accepting { ticket, waiter, .. } = &mut **accepting;
        if journal.poll(*ticket, waiter, cx).is_pending() {
            return Ok(false);
        }
        self.now = self.broker.clock.now();
        let phase = std::mem::replace(&mut self.phase, Phase::Anonymous);
        let Phase::Accepting(accepting) = phase else {
            unreachable!("it was looked at above");
        };
        self.accept(accepting.client, &accepting.connect, accepting.is_resumed);
        self.hand_on();
        // What came after CONNECT in the meantime.
        self.process_input()?;
        Ok(true)
    }

    /// Checks who connects; gives the client identifier.
    fn check(&mut self, connect: &Connect) -> Result<ByteString, End> {
        let (settings, listener) = (self.settings.clone(), self.listener.clone());
        let config = &settings.config;
        let security = &settings.rules(self.rules).security;
        if let Some(versions) = settings.versions(self.rules)
            && !versions.contains(&connect.version)
        {
            let reason = ReasonCode::UnsupportedProtocolVersion;
            return Err(self.refuse(connect, reason, "the listener does not take its version"));
        }
        if let Err(why) = self.check_certificate() {
            return Err(self.refuse(connect, ReasonCode::NotAuthorized, why));
        }
        if let Some(will) = &connect.will
            && let Err((reason, why)) = self.check_will(will, connect.version)
        {
            return Err(self.refuse(connect, reason, why));
        }
        let limit = config.max_keepalive;
        // 5.0 is told a shorter one; before that it can only be refused.
        if limit > 0 && connect.keep_alive > limit && !connect.version.is_v5() {
            let reason = ReasonCode::ClientIdentifierNotValid;
            return Err(self.refuse(connect, reason, "its keep alive is above max_keepalive"));
        }
        if !names::is_plain(&connect.client_id) {
            let reason = ReasonCode::ClientIdentifierNotValid;
            return Err(self.refuse(connect, reason, "its identifier has control characters"));
        }
        let user = connect.username.as_deref().unwrap_or_default();
        if !names::is_plain(user) {
            let reason = ReasonCode::BadUserNameOrPassword;
            return Err(self.refuse(connect, reason, "its user name has control characters"));
        }
        if listener.use_username_as_clientid {
            return match &connect.username {
                Some(user) => Ok(user.clone()),
                None => {
                    let why = "its user name is to be its identifier, and it has none";
                    Err(self.refuse(connect, ReasonCode::NotAuthorized, why))
                }
            };
        }
        if !connect.client_id.is_empty() {
            let prefix = config.clientid_prefixes.as_deref().unwrap_or_default();
            if !connect.client_id.starts_with(prefix) {
                let why = "its identifier does not start as clientid_prefixes says";
                return Err(self.refuse(connect, ReasonCode::NotAuthorized, why));
            }
            return Ok(connect.client_id.clone());
        }
        // Before 5.0 only a clean session may go without a name
        // [MQTT-3.1.3-8] of 3.1.1; in 3.1 none may.
        let may_be_empty = match connect.version {
            ProtocolVersion::V3_1 => false,
            ProtocolVersion::V3_1_1 => connect.clean_start,
            ProtocolVersion::V5 => true,
        };
        if !may_be_empty || !security.allow_zero_length_clientid {
            // As Mosquitto; 0x85 is for what may say it [MQTT-3.1.3-8].
            let reason = match connect.version {
                ProtocolVersion::V5 => ReasonCode::UnspecifiedError,
                _ => ReasonCode::ClientIdentifierNotValid,
            };
            return Err(self.refuse(connect, reason, "it has no client identifier"));
        }
        let own = listener.auto_id_prefix.as_ref();
        match random_id(own.unwrap_or(&security.auto_id_prefix)) {
            Some(id) => Ok(id),
            None => Err(self.refuse(connect, ReasonCode::ServerUnavailable, "no random numbers")),
        }
    }

    /// Whether a will may be published when its time comes.
    fn check_will(
        &self,
        will: &Will,
        version: ProtocolVersion,
    ) -> Result<(), (ReasonCode, &'static str)> {
        // [MQTT-3.2.2-12]
        if will.qos > self.listener.max_qos {
            return Err((
                ReasonCode::QoSNotSupported,
                "its will's QoS is above max_qos",
            ));
        }
        // [MQTT-3.2.2-13]
        if will.retain && !self.settings.config.retain_available {
            return Err((ReasonCode::RetainNotSupported, "its will is to be retained"));
        }
        if desk::owns(&will.topic) {
            return Err((
                ReasonCode::NotAuthorized,
                "nobody but the broker publishes where its will is to go",
            ));
        }
        if names::check_topic(&will.topic).is_err() {
            return Err((
                ReasonCode::TopicNameInvalid,
                "its will's topic has too many levels, or control characters",
            ));
        }
        if !self.is_size_allowed(will.payload.len()) {
            let reason = if version.is_v5() {
                ReasonCode::PacketTooLarge
            } else {
                ReasonCode::NotAuthorized
            };
            return Err((reason, "its will is above message_size_limit"));
        }
        Ok(())
    }

    pub(super) fn refuse(&mut self, connect: &Connect, reason: ReasonCode, why: &str) -> End {
        self.refuse_with(connect, reason, why, Properties::new())
    }

    /// As [`Connection::refuse`], with something to tell the client.
    pub(super) fn refuse_with(
        &mut self,
        connect: &Connect,
        reason: ReasonCode,
        why: &str,
        properties: Properties,
    ) -> End {
        let who = self.who(called(connect), connect.username.as_deref());
        log::clients::refused(who, reason.text(), why);
        self.server.refuse(reason, properties);
        End::Refused
    }

    /// How long the session outlives the connection, seconds.
    fn expiry(&self, connect: &Connect) -> u32 {
        let asked = match connect.version {
            ProtocolVersion::V5 => connect.properties.session_expiry_interval().unwrap_or(0),
            _ if connect.clean_start => 0,
            _ => NEVER,
        };
        match self.settings.config.persistent_client_expiration {
            Some(limit) => asked.min(limit),
            None => asked,
        }
    }

    /// Starts with the session that was there or a new one. The client is
    /// accepted at once, unless that is to be stored, or was there and may
    /// have been stored.
    fn start(
        &mut self,
        mut client: Box<Client>,
        connect: Box<Connect>,
        state: Option<Box<SessionState>>,
        was_there: bool,
    ) {
        let is_resumed = match state {
            None => false,
            Some(state) if state.outbox.identity() == client.state.outbox.identity() => {
                client.state = state;
                withdraw_forbidden(&self.settings, &client.state);
                true
            }
            // A session belongs to the user that made it.
            Some(state) => {
                self.broker.end_session(&state);
                false
            }
        };
        if let Some(journal) = self.broker.router.journal() {
            let state = &mut client.state;
            if client.expiry == 0 {
                // It ends with the connection, or with the broker.
                state.outbox.end_storing();
                state.stored = None;
            } else if !is_resumed {
                state.store(journal, journal.new_session());
            }
            journal.submit(state.change(client.expiry, None, None));
            if client.expiry > 0 || was_there {
                self.phase = Phase::Accepting(Box::new(Accepting {
                    client,
                    connect,
                    is_resumed,
                    ticket: journal.ticket(),
                    waiter: Waiter::default(),
                }));
                return;
            }
        }
        self.accept(client, &connect, is_resumed);
    }

    /// Accepts the client.
    fn accept(&mut self, mut client: Box<Client>, connect: &Connect, is_resumed: bool) {
        let now = self.broker.clock.now();
        let settings = self.settings.clone();
        let config = &settings.config;
        let limits = protocol::Limits::of_client(connect);
        let mut properties = self.offered(&client, connect);
        if let Some(proof) = client.proof.take() {
            properties.push(Property::AuthenticationData(proof));
        }
        let connack = ConnAck {
            properties,
            ..ConnAck::new(is_resumed, ReasonCode::Success)
        };
        if config.connection_messages {
            self.log_connect(&client, connect);
        }
        let receiver = Receiver {
            version: connect.version,
            maximum_packet_size: u32::try_from(limits.maximum_packet_size).unwrap_or(u32::MAX),
            // Nor can its topics be written for it by others.
            has_aliases: self.server.mount().is_some()
                || limits
                    .topic_alias_maximum
                    .min(config.max_topic_alias_broker)
                    > 0,
        };
        self.server
            .limit_topic_aliases(config.max_topic_alias_broker);
        if client.state.stored.is_some() {
            self.server.defer_handshakes();
        }
        let session = client.state.session.take().unwrap_or_default();
        let too_large = self
            .server
            .accept(*session, connack, config.max_inflight_messages, now);
        self.broker.router.count_dropped(too_large.len() as u64);
        if let Some(stored) = &client.state.stored {
            let id = stored.id;
            for number in &too_large {
                client.state.outbox.forget(*number);
            }
            let done = too_large.into_iter().map(|number| Change::Done(id, number));
            self.store(done, None);
        }
        client.will = connect.will.clone().map(Box::new);
        if let Some(will) = &client.will {
            let who = client.state.outbox.identity();
            if !settings.allows(who, &will.topic, Access::Write) {
                let who = self.who(&client.id, who.username.as_deref());
                log::clients::will_is_forbidden(who, &will.topic);
            }
        }
        client.state.outbox.set_online(receiver);
        // Encoders remember who is here, and in which version.
        if !client.state.subscriptions.is_empty() {
            self.broker.router.invalidate();
        }
        self.routes = Routes::new(Some(client.state.outbox.clone()));
        let outbox = client.state.outbox.clone();
        let about = About::new(outbox, now, client.expiry, self.port, connect);
        let about = Arc::new(about);
        self.control.tell(about.clone());
        client.about = Some(about);
        self.phase = Phase::Connected(client);
        self.tally.connections += 1;
        // What has changed between CONNECT and here, it was not told.
        if !Arc::ptr_eq(&settings, &self.broker.settings()) {
            self.control.send(Command::LookAgain);
        }
    }

    /// What CONNACK says of the broker and this client. The order is
    /// Mosquitto's, whose tests look at the bytes.
    fn offered(&self, client: &Client, connect: &Connect) -> Properties {
        let config = &self.settings.config;
        let mut properties = Properties::new();
        if connect.version.is_v5() {
            let limit = config.max_keepalive;
            if limit > 0 && (connect.keep_alive == 0 || connect.keep_alive > limit) {
                properties.push(Property::ServerKeepAlive(limit));
            }
            let limits = self.server.limits();
            if limits.topic_alias_maximum > 0 {
                properties.push(Property::TopicAliasMaximum(limits.topic_alias_maximum));
            }
            if !config.retain_available {
                properties.push(Property::RetainAvailable(false));
            }
            if connect.client_id.is_empty() {
                properties.push(Property::AssignedClientIdentifier(client.id.clone()));
            }
            let asked = connect.properties.session_expiry_interval().unwrap_or(0);
            if asked != client.expiry {
                properties.push(Property::SessionExpiryInterval(client.expiry));
            }
            limits.put_into(&mut properties);
        }
        // These hold for every version, though only 5.0 is told.
        if !config.retain_available && properties.retain_available().is_none() {
            properties.push(Property::RetainAvailable(false));
        }
        let max_qos = self.listener.max_qos;
        if max_qos < QoS::ExactlyOnce {
            properties.push(Property::MaximumQoS(max_qos.as_u8()));
        }
        properties
    }

    fn log_connect(&self, client: &Client, connect: &Connect) {
        let user = client.state.outbox.identity().username.as_deref();
        log::clients::connected(
            self.who(&client.id, user),
            if client.is_bridge { "bridge" } else { "client" },
            connect.version,
            connect.clean_start,
            connect.keep_alive,
        );
        if !is_debug() {
            return;
        }
        match &connect.will {
            None => debug!("No will message specified."),
            Some(will) => {
                debug!(
                    "Will message specified ({} bytes) (r{}, q{}).",
                    will.payload.len(),
                    u8::from(will.retain),
                    will.qos.as_u8()
                );
                debug!("\t{}", will.topic);
            }
        }
    }
}

/// What the log calls a client that has not connected yet.
pub(super) fn called(connect: &Connect) -> &str {
    match &*connect.client_id {
        "" => "<unknown>",
        client => client,
    }
}

/// An identifier that nobody else has, in the form of a UUID, as Mosquitto's;
/// `None` if the system has no random numbers.
fn random_id(prefix: &str) -> Option<ByteString> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).ok()?;
    let hex = format!("{:032X}", u128::from_be_bytes(random));
    let (a, b, c) = (&hex[..8], &hex[8..12], &hex[12..16]);
    let (d, e) = (&hex[16..20], &hex[20..]);
    Some(format!("{prefix}{a}-{b}-{c}-{d}-{e}").into())
}
