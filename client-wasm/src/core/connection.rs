//! From one connection to the next.

use bytes::BytesMut;
use codec::{ConnAck, Disconnect, Publish, ReasonCode};
use protocol::client::{self, Connection};
use protocol::{Time, Violation};

use super::{Core, Link};
use crate::offer::Offer;
use crate::{Error, Event, Operation};

impl Core {
    /// Asks for a socket.
    pub(super) fn open(&mut self, now: Time) {
        self.sockets += 1;
        if let Some(journal) = &mut self.journal {
            journal.opening();
        }
        let deadline = now + self.options.connect_timeout;
        self.link = if self.options.credentials.is_some() {
            Link::Preparing { deadline }
        } else {
            Link::Opening { deadline }
        };
        self.tell(&Event::Connecting);
    }

    /// The socket is open.
    pub(crate) fn handle_open(&mut self, now: Time) {
        let deadline = match self.link {
            Link::Opening { deadline } => deadline,
            Link::Probing { .. } => {
                let url = self.options.url.clone();
                return self.lost(Error::WrongSubprotocol { url }, now);
            }
            _ => return,
        };
        match self.may_connect() {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return self.lost(error, now),
        }
        self.input.clear();
        self.last_words.clear();
        self.congested = false;
        let mut connect = self.options.connect(self.starts_clean());
        if let Err(error) = self.begin_authentication(&mut connect) {
            return self.lost(error, now);
        }
        let session = std::mem::take(&mut self.session);
        match Connection::new(connect, session, deadline - now, now) {
            Ok(mut connection) => {
                if self.journal.is_some() {
                    connection.defer_handshakes();
                }
                self.link = Link::Open(Box::new(connection));
            }
            Err(error) => self.lost(error.into(), now),
        }
    }

    /// The socket is closed, or could not be opened.
    pub(crate) fn handle_close(&mut self, code: u16, now: Time) {
        let error = match self.link {
            Link::Opening { deadline } if self.is_doubtful => {
                self.sockets += 1;
                self.link = Link::Probing { deadline };
                return;
            }
            Link::Opening { .. } | Link::Probing { .. } => {
                self.is_doubtful = false;
                let url = self.options.url.clone();
                Error::Unreachable { url }
            }
            Link::Open(_) => Error::ConnectionLost { code },
            Link::Waiting { .. } | Link::Preparing { .. } | Link::Ended => return,
        };
        self.lost(error, now);
    }

    /// Where received bytes are appended, before [`Core::handle_input`].
    pub(crate) fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// Bytes have come.
    pub(crate) fn handle_input(&mut self, now: Time) {
        while let Link::Open(connection) = &mut self.link {
            match connection.handle_input(&mut self.input, now) {
                Ok(None) => break,
                Ok(Some(event)) => self.handle_event(event, now),
                Err(violation) => {
                    let error = self.violation(violation);
                    self.lost(error, now);
                }
            }
        }
        self.pump(now);
    }

    /// The peer did what ends the connection.
    pub(crate) fn fail(&mut self, error: Error, now: Time) {
        if let Link::Open(connection) = &mut self.link
            && connection.is_connected()
        {
            // Without properties it can always be encoded.
            let _ = connection.disconnect(Disconnect::new(ReasonCode::ProtocolError));
        }
        self.lost(error, now);
    }

    fn handle_event(&mut self, event: client::Event, now: Time) {
        match event {
            client::Event::ConnAck {
                connack,
                lost,
                completed,
            } => {
                if connack.reason.is_failure() {
                    let (reason, properties) = (connack.reason, &connack.properties);
                    let error = Error::refused(Operation::Connect, reason, properties);
                    return self.lost(error, now);
                }
                let proof = self.finish_authentication(&connack.properties);
                if !connack.session_present {
                    self.subscriptions.session_lost();
                    if let Some(journal) = &mut self.journal {
                        journal.session_lost();
                    }
                }
                self.outbox.requeue(lost);
                // A broker that hands a message on at PUBREL has lost it too.
                for token in completed {
                    self.settle(token, Err(Error::SessionLost));
                }
                match proof {
                    Ok(()) => self.accepted(&connack, now),
                    Err(why) => self.distrust(why, now),
                }
            }
            client::Event::Publish(publish) => self.received(publish, now),
            client::Event::Delivered(delivered) => self.delivered(&delivered),
            client::Event::Taken(taken) => {
                if let Some(journal) = &mut self.journal {
                    journal.taken_by_broker(taken.packet_id, taken.token);
                }
            }
            client::Event::Released(id) => {
                if let Some(journal) = &mut self.journal {
                    journal.released(id);
                }
            }
            client::Event::SubAck { token, suback } => self.suback(token, &suback),
            client::Event::UnsubAck { token, unsuback } => {
                self.subscriptions.unsuback(token, &unsuback);
            }
            client::Event::Disconnect(disconnect) => {
                let error = Error::Disconnected {
                    reason: disconnect.reason,
                    properties: disconnect.properties.detached(),
                };
                self.lost(error, now);
            }
            client::Event::Auth(auth) => self.on_auth(&auth, now),
        }
    }

    fn accepted(&mut self, connack: &ConnAck, now: Time) {
        self.was_connected = true;
        self.is_doubtful = false;
        self.backoff.connected(now);
        let properties = &connack.properties;
        if let Some(id) = properties.assigned_client_identifier() {
            self.options.client_id = id[..].into();
        }
        if let Some(journal) = &mut self.journal {
            journal.accepted(&self.options.client_id);
        }
        self.subscriptions
            .connected(Offer::new(self.options.version, properties));
        self.send_requests(now);
        let event = Event::Connected {
            session_present: connack.session_present,
            client_id: self.options.client_id.clone(),
            properties: properties.detached(),
        };
        self.connected = Some(event.clone());
        self.tell(&event);
        self.pump(now);
    }

    fn received(&mut self, publish: Publish, now: Time) {
        let (qos, id) = (publish.qos, publish.packet_id);
        if let (Some(journal), Some(id)) = (&mut self.journal, id) {
            self.tokens += 1;
            return journal.received(publish, id, self.tokens);
        }
        self.subscriptions.deliver(publish, None);
        self.requests.take_answers();
        if let Some(id) = id {
            self.held.push_back((qos, id));
            self.acknowledge(now);
        }
    }

    /// Acknowledges what was received, unless a stream is full: then the
    /// broker stops sending at the receive maximum, and nothing is lost.
    pub(crate) fn acknowledge(&mut self, now: Time) {
        if self.held.is_empty() || self.subscriptions.is_full() {
            return;
        }
        if let Link::Open(connection) = &mut self.link {
            for (qos, id) in self.held.drain(..) {
                connection.acknowledge(qos, id, ReasonCode::Success, now);
            }
        }
    }

    pub(super) fn violation(&self, violation: Violation) -> Error {
        match violation {
            Violation::KeepAlive => Error::KeepAliveTimeout,
            Violation::ConnectTimeout => self.connect_timeout(),
            other => Error::Violation(other),
        }
    }

    pub(super) fn connect_timeout(&self) -> Error {
        Error::ConnectTimeout {
            url: self.options.url.clone(),
            timeout: self.options.connect_timeout,
        }
    }

    /// There is no connection any more, or none came about: waits for the
    /// next attempt.
    pub(crate) fn lost(&mut self, error: Error, now: Time) {
        self.hang_up();
        self.authenticated_again(Err(error.clone()));
        let pause = self.pause(&error, now);
        self.link = Link::Waiting {
            retry_at: now + pause,
            error: Some(error.clone()),
        };
        self.tell(&Event::Disconnected {
            error: Some(error),
            retry_in: Some(pause),
        });
    }

    /// Takes from the connection what outlives it.
    pub(super) fn hang_up(&mut self) {
        self.connected = None;
        self.held.clear();
        self.subscriptions.disconnected();
        if let Link::Open(mut connection) = std::mem::replace(&mut self.link, Link::Ended) {
            self.last_words = connection.output().split();
            self.session = connection.into_session();
        }
        self.refuse_offline();
    }
}
