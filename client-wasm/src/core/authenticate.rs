//! Extended authentication (section 4.12).

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use codec::{Auth, Connect, Disconnect, Properties, Property, ReasonCode};
use protocol::Time;
use protocol::client::Connection;

use super::{Core, Link};
use crate::acknowledgement::{Answer, Outcome, Reply};
use crate::{Acknowledgement, Authenticator, Error, reply};

/// Who is told that the client has authenticated again.
pub(super) type Waiting = Option<Reply>;

impl Core {
    /// Authenticates like this from the next connection on.
    pub(crate) fn set_authenticator(&mut self, authenticator: Rc<RefCell<dyn Authenticator>>) {
        self.options.username = None;
        self.options.password = None;
        self.options.authenticator = Some(authenticator);
        self.options.credentials = None;
        self.stop_preparing();
    }

    /// What CONNECT says of it.
    pub(super) fn begin_authentication(&self, connect: &mut Connect) -> Result<(), Error> {
        let Some(authenticator) = &self.options.authenticator else {
            return Ok(());
        };
        if !connect.version.is_v5() {
            return Err(Error::Authentication("it needs MQTT 5.0".into()));
        }
        let mut authenticator = authenticator.borrow_mut();
        let data = authenticator.begin().map_err(Error::Authentication)?;
        let method = Property::AuthenticationMethod(authenticator.method());
        let properties = &mut connect.properties;
        properties.push(method);
        properties.extend(data.map(Property::AuthenticationData));
        Ok(())
    }

    /// Authenticates again on a connection that goes on meanwhile.
    pub(crate) fn reauthenticate(&mut self, now: Time) -> Result<Answer, Error> {
        let Some(connection) = accepted(&mut self.link) else {
            return Err(Error::NotConnected);
        };
        let authenticator = self.options.authenticator.as_ref();
        let authenticator =
            authenticator.ok_or_else(|| Error::Authentication("no method is set".into()))?;
        let data = authenticator.borrow_mut().begin();
        let properties = with_data(data.map_err(Error::Authentication)?);
        connection
            .reauthenticate(properties, now)
            .map_err(|error| Error::Authentication(error.text().into()))?;
        let (sender, receiver) = reply::channel();
        self.reauthentication = Some(sender);
        Ok(receiver)
    }

    /// Answers a challenge that was left open.
    pub(crate) fn answer_challenge(&mut self, data: Bytes, now: Time) -> Result<(), Error> {
        let Link::Open(connection) = &mut self.link else {
            return Err(Error::NotConnected);
        };
        connection
            .authenticate(with_data(Some(data)), now)
            .map_err(|error| Error::Authentication(error.text().into()))
    }

    /// The broker sent AUTH.
    pub(super) fn on_auth(&mut self, auth: &Auth, now: Time) {
        let data = auth.properties.authentication_data();
        let data = data.map(|data| &data[..]).unwrap_or_default();
        // It is a connection that named a method, so there is one; but it may
        // be another one by now.
        let Some(authenticator) = self.options.authenticator.clone() else {
            return self.distrust("no method is set".into(), now);
        };
        if auth.reason == ReasonCode::Success {
            match authenticator.borrow_mut().finish(data) {
                Ok(()) => self.authenticated_again(Ok(Acknowledgement {
                    reason: auth.reason,
                    properties: auth.properties.detached(),
                })),
                Err(why) => self.distrust(why, now),
            }
            return;
        }
        let answer = authenticator.borrow_mut().answer(data);
        let sent = match answer {
            Ok(None) => Ok(()),
            Ok(Some(data)) => self.answer_challenge(data, now),
            Err(why) => Err(Error::Authentication(why)),
        };
        if let Err(Error::Authentication(why)) = sent {
            self.distrust(why, now);
        }
    }

    /// Whether the broker that has accepted is the one it says it is.
    pub(super) fn finish_authentication(&self, properties: &Properties) -> Result<(), String> {
        let Some(authenticator) = &self.options.authenticator else {
            return Ok(());
        };
        let data = properties.authentication_data();
        let data = data.map(|data| &data[..]).unwrap_or_default();
        authenticator.borrow_mut().finish(data)
    }

    /// Tells whoever waits for it.
    pub(super) fn authenticated_again(&mut self, outcome: Outcome) {
        if let Some(waiting) = self.reauthentication.take() {
            waiting.send(outcome);
        }
    }

    /// Gives up a broker that cannot prove who it is; it gets nothing that
    /// was not sent yet.
    pub(super) fn distrust(&mut self, why: String, now: Time) {
        if let Link::Open(connection) = &mut self.link {
            connection.output().clear();
            // Without properties it can always be encoded.
            let _ = connection.disconnect(Disconnect::new(ReasonCode::UnspecifiedError));
        }
        self.lost(Error::Authentication(why), now);
    }
}

fn accepted(link: &mut Link) -> Option<&mut Connection> {
    match link {
        Link::Open(connection) if connection.is_connected() => Some(connection),
        _ => None,
    }
}

fn with_data(data: Option<Bytes>) -> Properties {
    data.map(Property::AuthenticationData).into_iter().collect()
}
