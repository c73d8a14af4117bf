//! Whether a client is who it says (sections 3.1.3.5, 3.1.3.6, 4.12).

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use codec::{Auth, ByteString, Connect, Properties, Property, ReasonCode};
use protocol::{Delivery, Message, Time};
use tokio::io::{AsyncRead, AsyncWrite};

use super::connect::called;
use super::{Connection, End, Phase};
use crate::access::{Access, Identity};
use crate::auth::{Attempt, Exchange, Pending, Step};
use crate::log;
use crate::sessions::SessionState;
use crate::settings::Settings;

/// What a client is told that fails to log in with SCRAM where that does not
/// work for all users.
const NOT_FOR_SCRAM: &str = "check user name and password; a user whose password was set by \
    mosquitto_passwd can log in over TLS, or after `ws-broker passwd FILE USER`";

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
    /// Where a certificate says who the client is, what it says itself does not
    /// count.
    pub(super) fn name_by_certificate(&mut self, connect: &mut Connect) -> Result<(), End> {
        let Some(shown) = &self.shown else {
            return Ok(());
        };
        connect.password = None;
        connect.username = None;
        match **shown {
            Ok(ref user) => connect.username = Some(user.clone()),
            Err(why) => {
                let who = self.who(called(connect), None);
                log::clients::nameless(who, self.listener.proxy.is_some(), why);
                let reason = ReasonCode::BadUserNameOrPassword;
                self.server.refuse(reason, Properties::new());
                return Err(End::Refused);
            }
        }
        Ok(())
    }

    /// Admits the client, or finds out whether it may be.
    pub(super) fn authenticate(
        &mut self,
        connect: Box<Connect>,
        id: ByteString,
    ) -> Result<(), End> {
        let broker = self.broker.clone();
        let settings = self.settings.clone();
        let rules = settings.rules(self.rules);
        if let Some(method) = connect.properties.authentication_method() {
            // [MQTT-4.12.0-1]
            if !rules.offers(method) {
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
        // As in Mosquitto, neither a password nor allow_anonymous matters.
        if self.shown.is_some() {
            return self.admit(connect, id, None);
        }
        if let (Some(users), Some(user)) = (&rules.users, &connect.username) {
            let attempt = Attempt::new(&broker, &self.control.address, user.clone());
            let check = attempt.check(users.clone(), connect.password.clone());
            self.phase = Phase::Authenticating(Box::new(Login {
                connect,
                id,
                progress: Progress::Pending(check),
            }));
            return Ok(());
        }
        if !self.allows_anonymous() {
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
            Err(why) => {
                let users = self.settings.rules(self.rules).users.as_ref();
                let has_method = login.connect.properties.authentication_method().is_some();
                // Whoever fails is told the same: nobody learns who is there.
                let advice = (has_method && users.is_some_and(|users| users.has_others()))
                    .then(|| Property::ReasonString(ByteString::from_static(NOT_FOR_SCRAM)));
                let advice = advice.into_iter().collect();
                let reason = ReasonCode::NotAuthorized;
                return Err(self.refuse_with(&login.connect, reason, &why, advice));
            }
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
        let users = &self.settings.rules(self.rules).users;
        let (Progress::Exchange(exchange), Some(users)) = (&mut login.progress, users) else {
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
        let attempt = Attempt::new(&self.broker, &self.control.address, user);
        login.progress = Progress::Pending(attempt.finish(outcome));
    }

    /// Goes on with what a connected client has sent (section 4.12.1).
    fn authenticate_again(&mut self, data: &Bytes) -> Result<(), End> {
        let users = &self.settings.rules(self.rules).users;
        let (Phase::Connected(client), Some(users)) = (&mut self.phase, users) else {
            return Ok(());
        };
        // It stays who it was.
        let user = client.state.outbox.identity().username.clone();
        let user = user.unwrap_or_default();
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
                let attempt = Attempt::new(&self.broker, &self.control.address, user);
                attempt.count_failure(&why);
                self.disconnect(ReasonCode::NotAuthorized);
                return Err(End::Unauthenticated(why));
            }
        }
        Ok(())
    }

    fn allows_anonymous(&self) -> bool {
        let rules = self.settings.rules(self.rules);
        let own = self.listener.allow_anonymous;
        own.unwrap_or(rules.security.allow_anonymous)
    }

    /// Goes by what holds now: a client whose login is gone leaves, and one
    /// that stays gets nothing that it may not read any more.
    pub(super) fn look_again(&mut self) -> Result<(), End> {
        let before = std::mem::replace(&mut self.settings, self.broker.settings());
        let allows_anonymous = self.allows_anonymous();
        let client = match &self.phase {
            Phase::Connected(client) | Phase::Joining { client, .. } => client,
            Phase::Accepting(accepting) => &accepting.client,
            Phase::Anonymous | Phase::Authenticating(_) | Phase::Closing { .. } => return Ok(()),
        };
        let number = self.rules;
        let (before, rules) = (before.rules(number), self.settings.rules(number));
        let user = client.state.outbox.identity().username.as_deref();
        let admitted = match self.shown {
            None => rules.still_admit(before, user, allows_anonymous),
            Some(_) => Ok(()),
        };
        if let Err(why) = self.check_certificate().and(admitted) {
            self.disconnect(ReasonCode::NotAuthorized);
            return Err(End::Unauthenticated(why.into()));
        }
        for delivery in &mut self.backlog {
            withdraw_if_forbidden(&self.settings, client.state.outbox.identity(), delivery);
        }
        withdraw_forbidden(&self.settings, &client.state);
        Ok(())
    }

    /// Whether the client's certificate is not revoked meanwhile.
    pub(super) fn check_certificate(&self) -> Result<(), &'static str> {
        if let Some(serial) = &self.serial
            && let Some(tls) = self.settings.tls(self.rules)
            && tls.is_revoked(serial)
        {
            return Err("its certificate is revoked");
        }
        Ok(())
    }

    fn challenge(&mut self, data: Vec<u8>) {
        // It is the server's turn: the client has just spoken.
        let _ = self.server.challenge(with_data(data));
    }
}

/// Withdraws what waits for a client that may not read it any more. Each
/// takes its turn all the same, and its packet identifier, as in Mosquitto.
pub(super) fn withdraw_forbidden(settings: &Settings, state: &SessionState) {
    let who = state.outbox.identity();
    if settings.rules(who.rules).security.acl.is_active() {
        let mut waiting = state.outbox.take_all();
        for delivery in &mut waiting {
            withdraw_if_forbidden(settings, who, delivery);
        }
        state.outbox.put_back(waiting.into_iter());
    }
}

/// A message that has expired takes the place of one that may not be read.
fn withdraw_if_forbidden(settings: &Settings, who: &Identity, delivery: &mut Delivery) {
    let topic = &delivery.message.topic;
    if !settings.allows(who, topic, Access::Read) {
        let mut expired = Message::new(topic.clone(), "");
        expired.expires_at = Some(Time::from_millis(0));
        delivery.message = Arc::new(expired);
    }
}

fn with_data(data: Vec<u8>) -> Properties {
    Properties::new().with(Property::AuthenticationData(data.into()))
}
