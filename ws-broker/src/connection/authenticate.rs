//! Whether a client is who it says (sections 3.1.3.5, 3.1.3.6, 4.12).

use std::task::{Context, Poll};

use bytes::Bytes;
use codec::{Auth, ByteString, Connect, Properties, Property, ReasonCode};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Connection, End, Phase};
use crate::auth::{Attempt, Exchange, Pending, Step};

/// A client that has sent CONNECT and is not believed yet.
pub(super) struct Login {
    connect: Box<Connect>,
    /// The client identifier.
    id: ByteString,
    progress: Progress,
}

enum Progress {
    /// The client is to say more.
    Exchange(Exchange),
    /// The outcome will be known.
    Pending(Pending),
}

impl<T: AsyncRead + AsyncWrite + Unpin> Connection<T> {
    /// Admits the client, or finds out whether it may be.
    pub(super) fn authenticate(
        &mut self,
        connect: Box<Connect>,
        id: ByteString,
    ) -> Result<(), End> {
        let broker = self.broker.clone();
        let (auth, config) = (&broker.auth, &broker.config);
        if let Some(method) = connect.properties.authentication_method() {
            // [MQTT-4.12.0-1]
            if !auth.offers(method) {
                let why = format!("its authentication method {method} is not supported");
                let reason = ReasonCode::BadAuthenticationMethod;
                return Err(self.refuse(&connect, reason, &why));
            }
            let data = connect.properties.authentication_data().cloned();
            let progress = Progress::Exchange(Exchange::new(connect.username.clone()));
            self.phase = Phase::Authenticating(Box::new(Login {
                connect,
                id,
                progress,
            }));
            self.go_on(&data.unwrap_or_default());
            return Ok(());
        }
        if let (Some(users), Some(user)) = (auth.users(), &connect.username) {
            let attempt = Attempt::new(&broker, &self.peer.address, user.clone());
            let check = attempt.check(users.clone(), connect.password.clone());
            self.phase = Phase::Authenticating(Box::new(Login {
                connect,
                id,
                progress: Progress::Pending(check),
            }));
            return Ok(());
        }
        let own = self.listener.allow_anonymous;
        if !own.unwrap_or(config.allow_anonymous) {
            let why = match connect.username {
                Some(_) => "there is no password_file, and anonymous clients are not allowed",
                None => "anonymous clients are not allowed",
            };
            return Err(self.refuse(&connect, ReasonCode::NotAuthorized, why));
        }
        self.admit(connect, id, None)
    }

    /// Looks whether it is known by now who the client is; tells whether
    /// something was done.
    pub(super) fn poll_login(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let Phase::Authenticating(login) = &mut self.phase else {
            return Ok(false);
        };
        let Progress::Pending(pending) = &mut login.progress else {
            return Ok(false);
        };
        let Poll::Ready(outcome) = pending.as_mut().poll(cx) else {
            return Ok(false);
        };
        self.now = self.broker.clock.now();
        let phase = std::mem::replace(&mut self.phase, Phase::Anonymous);
        let Phase::Authenticating(login) = phase else {
            unreachable!("it was looked at above");
        };
        match outcome {
            Ok(proof) => self.admit(login.connect, login.id, proof)?,
            Err(why) => return Err(self.refuse(&login.connect, ReasonCode::NotAuthorized, &why)),
        }
        // What came after CONNECT in the meantime.
        self.process_input()?;
        Ok(true)
    }

    /// AUTH (section 3.15).
    pub(super) fn on_auth(&mut self, auth: &Auth) -> Result<(), End> {
        let data = auth.properties.authentication_data().cloned();
        let data = data.unwrap_or_default();
        match self.phase {
            Phase::Connected(_) => self.authenticate_again(&data),
            _ => {
                self.go_on(&data);
                Ok(())
            }
        }
    }

    /// Goes on with what the client has sent before CONNACK.
    fn go_on(&mut self, data: &Bytes) {
        let Phase::Authenticating(login) = &mut self.phase else {
            return;
        };
        let (Progress::Exchange(exchange), Some(users)) =
            (&mut login.progress, self.broker.auth.users())
        else {
            return;
        };
        let outcome = match exchange.step(users, data) {
            Step::Challenge(data) => return self.challenge(data),
            Step::Done(data) => Ok(data),
            Step::Failed(why) => Err(why),
        };
        if let Some(user) = exchange.user() {
            login.connect.username = Some(user.clone());
        }
        let user = login.connect.username.clone().unwrap_or_default();
        let attempt = Attempt::new(&self.broker, &self.peer.address, user);
        login.progress = Progress::Pending(attempt.finish(outcome));
    }

    /// Goes on with what a connected client has sent (section 4.12.1).
    fn authenticate_again(&mut self, data: &Bytes) -> Result<(), End> {
        let (Phase::Connected(client), Some(users)) = (&mut self.phase, self.broker.auth.users())
        else {
            return Ok(());
        };
        // It stays who it was.
        let user = client.username.clone().unwrap_or_default();
        let new = || Box::new(Exchange::new(Some(user.clone())));
        let exchange = client.exchange.get_or_insert_with(new);
        match exchange.step(users, data) {
            Step::Challenge(data) => self.challenge(data),
            Step::Done(data) => {
                client.exchange = None;
                // It is the server's turn: the client has just spoken.
                let _ = self.server.authenticated(with_data(data));
            }
            Step::Failed(why) => {
                let attempt = Attempt::new(&self.broker, &self.peer.address, user);
                attempt.count_failure(&why);
                self.disconnect(ReasonCode::NotAuthorized);
                return Err(End::Unauthenticated(why));
            }
        }
        Ok(())
    }

    fn challenge(&mut self, data: Vec<u8>) {
        // It is the server's turn: the client has just spoken.
        let _ = self.server.challenge(with_data(data));
    }
}

fn with_data(data: Vec<u8>) -> Properties {
    Properties::new().with(Property::AuthenticationData(data.into()))
}
