//! Extended authentication (section 4.12): the method, and whose turn it is.
//!
//! ```text
//! (CONNECT) --> Server's turn --AUTH 0x18 (server)--> Client's turn
//!                 |  ^  ^  <-----AUTH 0x18 (client)--------'
//!                 |  '-----AUTH 0x19 (client)-- Idle
//!                 '--CONNACK, AUTH 0x00 (server)--^
//! ```

use codec::{
    Auth, ByteString, ConnAck, Connect, Packet, PacketType, Properties, Property, PropertyId,
    ReasonCode,
};

use crate::Violation;

/// Why a step of an authentication cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub enum AuthError {
    /// There is no connection, or CONNECT named no authentication method.
    NoMethod,
    /// It is the other end's turn, or nothing has begun.
    OutOfTurn,
    /// The packet is longer than the other end accepts, or than MQTT allows.
    TooLarge,
}

impl AuthError {
    /// What is wrong, in words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NoMethod => "no authentication method on this connection",
            Self::OutOfTurn => "it is not this end's turn to authenticate",
            Self::TooLarge => "authentication data longer than the other end accepts",
        }
    }
}

/// One connection's authentication; there is none if CONNECT named no method.
#[derive(Debug)]
pub(crate) struct Authentication {
    method: ByteString,
    turn: Turn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nobody's: it is over.
    Idle,
    Server,
    Client,
}

impl Authentication {
    /// What CONNECT begins.
    pub(crate) fn of(connect: &Connect) -> Option<Box<Self>> {
        let method = connect.properties.authentication_method()?;
        Some(Box::new(Self {
            method: method[..].into(),
            turn: Turn::Server,
        }))
    }

    pub(crate) fn turn(&self) -> Turn {
        self.turn
    }

    /// Nothing is to be said any more.
    pub(crate) fn finish(&mut self) {
        self.turn = Turn::Idle;
    }

    /// AUTH from the client: an answer to a challenge, or the beginning of an
    /// authentication anew.
    pub(crate) fn on_client(&mut self, auth: &Auth) -> Result<(), Violation> {
        let expected = match self.turn {
            Turn::Client => ReasonCode::ContinueAuthentication,
            Turn::Idle => ReasonCode::ReAuthenticate,
            Turn::Server => return Err(Violation::Unexpected(PacketType::Auth)),
        };
        self.check(auth, expected)?;
        self.turn = Turn::Server;
        Ok(())
    }

    /// AUTH from the server: a challenge, or, once connected, the end.
    pub(crate) fn on_server(&mut self, auth: &Auth, is_connected: bool) -> Result<(), Violation> {
        if self.turn != Turn::Server {
            return Err(Violation::Unexpected(PacketType::Auth));
        }
        if is_connected && auth.reason == ReasonCode::Success {
            self.check(auth, ReasonCode::Success)?;
            self.turn = Turn::Idle;
        } else {
            self.check(auth, ReasonCode::ContinueAuthentication)?;
            self.turn = Turn::Client;
        }
        Ok(())
    }

    fn check(&self, auth: &Auth, expected: ReasonCode) -> Result<(), Violation> {
        match auth.properties.authentication_method() {
            // To leave it out is a protocol error (section 3.15.2.2.2).
            None => Err(Violation::Unexpected(PacketType::Auth)),
            Some(method) if *method != *self.method => Err(Violation::AuthenticationMethod),
            Some(_) if auth.reason != expected => Err(Violation::Unexpected(PacketType::Auth)),
            Some(_) => Ok(()),
        }
    }

    /// Whether a CONNACK that accepts names the method, as it must.
    pub(crate) fn check_connack(&self, connack: &ConnAck) -> Result<(), Violation> {
        match connack.properties.authentication_method() {
            Some(method) if *method == *self.method => Ok(()),
            _ => Err(Violation::AuthenticationMethod),
        }
    }

    /// AUTH with the method and these properties.
    pub(crate) fn packet(&self, reason: ReasonCode, properties: Properties) -> Packet {
        let properties = self.named(properties);
        Packet::Auth(Auth { reason, properties })
    }

    /// The properties, with the method before them.
    pub(crate) fn named(&self, mut properties: Properties) -> Properties {
        properties.remove(PropertyId::AuthenticationMethod);
        let method = Property::AuthenticationMethod(self.method.clone());
        std::iter::once(method)
            .chain(properties.iter().cloned())
            .collect()
    }

    /// This end has sent what makes it the other's turn.
    pub(crate) fn pass_to(&mut self, turn: Turn) {
        self.turn = turn;
    }
}
