//! Why and how a connection ends.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use codec::{ByteString, ReasonCode};
use protocol::Violation;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Connection, Phase, input, output};
use crate::listener::Address;
use crate::log::clients;

/// How long the last bytes to a client may take.
const LINGER: Duration = Duration::from_secs(2);

/// Why a connection ends.
#[derive(Debug)]
pub(super) enum End {
    /// DISCONNECT; whether the will is published all the same.
    Disconnect { with_will: bool },
    /// The client, or the network, closed the connection.
    Closed,
    /// The client broke the protocol, or was silent for too long.
    Violation(Violation),
    /// Another connection has the same client identifier.
    TakenOver { by: Address },
    /// Another client has asked for it.
    Disconnected { by: ByteString },
    /// The client takes no packet as long as the answer to it.
    Unanswerable,
    /// `memory_limit` is reached.
    Full,
    /// The store takes nothing, and the client's version has no other answer.
    NotStored,
    /// The client was refused, and has been told.
    Refused,
    /// A connected client failed to authenticate again, and has been told.
    Unauthenticated(String),
    /// The broker stops.
    ShutDown,
    /// Reading or writing failed.
    Io(std::io::Error),
}

impl<T: AsyncRead + AsyncWrite + Unpin> Connection<T> {
    /// Ends the connection: the session is parked, handed over or thrown away,
    /// the will published or kept for later. Tells whether all is done; if
    /// not, there are last bytes to write.
    pub(super) fn end(&mut self, end: &End) -> bool {
        let closing = Phase::Closing {
            until: self.broker.clock.now() + LINGER,
            is_shut: false,
        };
        let phase = std::mem::replace(&mut self.phase, closing);
        self.held_until = None;
        self.log_end(end, &phase);
        match phase {
            Phase::Anonymous | Phase::Authenticating(_) => self.collect_output(""),
            Phase::Joining { client, .. } | Phase::Connected(client) => {
                self.collect_output(&client.id);
                self.leave(*client, end);
            }
            Phase::Accepting(accepting) => self.leave(*accepting.client, end),
            Phase::Closing { .. } => return true,
        }
        matches!(end, End::Closed | End::Io(_))
    }

    fn log_end(&self, end: &End, phase: &Phase) {
        let client = match phase {
            Phase::Connected(client) | Phase::Joining { client, .. } => Some(client),
            Phase::Accepting(accepting) => Some(&accepting.client),
            Phase::Anonymous | Phase::Authenticating(_) => None,
            Phase::Closing { .. } => return,
        };
        let user = client.and_then(|client| client.state.outbox.identity().username.as_deref());
        let who = self.who(client.map_or("<unknown>", |client| &client.id), user);
        match end {
            End::Violation(violation)
                if !matches!(violation, Violation::KeepAlive | Violation::ConnectTimeout) =>
            {
                let what = violation.reason_code().text();
                return clients::broke_protocol(who, what, &violation.to_string());
            }
            End::Unauthenticated(why) if matches!(phase, Phase::Connected(_)) => {
                return clients::refused(who, ReasonCode::NotAuthorized.text(), why);
            }
            _ => {}
        }
        if !self.settings.config.connection_messages {
            return;
        }
        let (in_2_0, reason) = match end {
            End::Disconnect { .. } => ("disconnected.", None),
            End::Closed => (
                "closed its connection.",
                Some("connection closed by client"),
            ),
            End::Violation(_) => (
                "has exceeded timeout, disconnecting.",
                Some("exceeded timeout"),
            ),
            End::TakenOver { by } => return self.broker.rivals.replaced(who, by),
            End::Disconnected { by } => return clients::disconnected_by(who, by),
            End::Unanswerable => (
                "disconnected, its maximum packet size is too small.",
                Some("oversize packet"),
            ),
            End::Full => (
                "disconnected, memory_limit is reached.",
                Some("out of memory"),
            ),
            End::NotStored => (
                "disconnected, what it publishes cannot be stored.",
                Some("what it publishes cannot be stored"),
            ),
            End::Refused | End::Unauthenticated(_) | End::ShutDown => return,
            End::Io(error) => return clients::socket_error(who, error),
        };
        clients::ended(who, in_2_0, reason);
    }

    /// Writes the last bytes, then reads on until the client closes too, for a
    /// moment: a connection that is closed with unread bytes is reset, and
    /// what the client has not read by then is lost.
    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        let done = Poll::Ready(Err(End::Closed));
        // The timer wakes this task when the time is up.
        if self.poll_timeout(cx).is_err() {
            return done;
        }
        let Phase::Closing { until, is_shut } = &mut self.phase else {
            return done;
        };
        if *until <= self.broker.clock.now() {
            return done;
        }
        if !*is_shut {
            while !self.writing.is_empty() {
                if ready!(output::poll_write_some(
                    &mut self.stream,
                    &mut self.writing,
                    cx
                ))
                .is_err()
                {
                    return done;
                }
            }
            if ready!(Pin::new(&mut self.stream).poll_shutdown(cx)).is_err() {
                return done;
            }
            *is_shut = true;
        }
        loop {
            match ready!(input::poll_read_away(&mut self.stream, cx)) {
                Ok(0) | Err(_) => return done,
                Ok(_) => {}
            }
        }
    }
}
