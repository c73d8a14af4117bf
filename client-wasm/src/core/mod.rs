//! The client without its browser: one connection after the other, what
//! survives between them, and who is told. It has no I/O, clock or randomness
//! of its own; `driver` brings them.

mod authenticate;
mod connection;
mod credentials;
mod publish;
mod request;
mod stored;
mod subscribe;
#[cfg(test)]
mod tests;

pub(crate) use publish::Published;
pub(crate) use request::Requested;
use request::Requests;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use codec::{ByteString, EncodeError, PacketId, ProtocolVersion, QoS};
use protocol::client::Connection;
use protocol::{Session, Time};

use crate::journal::{Journal, Restored};
use crate::mailbox::{Bounds, Mailbox};
use crate::outbox::Outbox;
use crate::reconnect::Backoff;
use crate::subscriptions::Subscriptions;
use crate::{Error, Event, Goodbye, Options};

const EVENT_BOUNDS: Bounds = Bounds {
    messages: 64,
    bytes: usize::MAX,
};

/// See the module.
pub(crate) struct Core {
    options: Options,
    entropy: fn() -> f64,
    link: Link,
    /// Counts the sockets that were asked for.
    sockets: u64,
    /// Bytes received and not yet decoded.
    input: BytesMut,
    /// What a connection that is over has still to say.
    last_words: BytesMut,
    session: Session,
    /// What outlives the page, if anything does.
    journal: Option<Journal>,
    /// Whether any connection was accepted.
    was_connected: bool,
    /// Whether a socket that cannot be opened may be a server's that does not
    /// know the subprotocol.
    is_doubtful: bool,
    backoff: Backoff,
    outbox: Outbox,
    /// Whether the socket has more to send than is good.
    congested: bool,
    subscriptions: Subscriptions,
    requests: Requests,
    reauthentication: authenticate::Waiting,
    /// Acknowledgements held back while a stream is full, in order.
    held: VecDeque<(QoS, PacketId)>,
    listeners: Vec<Mailbox<Event>>,
    connected: Option<Event>,
    tokens: u64,
}

enum Link {
    /// Between two connections.
    Waiting {
        retry_at: Time,
        error: Option<Error>,
    },
    /// Credentials are asked for.
    Preparing { deadline: Time },
    /// The socket is being opened.
    Opening { deadline: Time },
    /// That failed; another one, without a subprotocol, shows whether a server
    /// is there.
    Probing { deadline: Time },
    /// The socket is open; CONNECT was sent.
    Open(Box<Connection>),
    /// For ever.
    Ended,
}

impl Core {
    /// A client that wants a socket at once. `entropy` gives numbers in 0..1.
    pub(crate) fn new(
        options: Options,
        stored: Option<(Journal, Restored)>,
        entropy: fn() -> f64,
        now: Time,
    ) -> Self {
        let mut core = Self {
            link: Link::Ended,
            entropy,
            sockets: 0,
            input: BytesMut::new(),
            last_words: BytesMut::new(),
            session: Session::new(),
            journal: None,
            was_connected: false,
            is_doubtful: true,
            backoff: Backoff::new(options.reconnect),
            outbox: Outbox::new(options.queue_bounds, options.overflow),
            congested: false,
            subscriptions: Subscriptions::default(),
            requests: Requests::default(),
            reauthentication: None,
            held: VecDeque::new(),
            listeners: Vec::new(),
            connected: None,
            tokens: 0,
            options,
        };
        let is_named_by_broker = core.options.is_named_by_broker && core.options.version.is_v5();
        let is_chosen_here = core.options.client_id.is_empty();
        if is_chosen_here && !is_named_by_broker {
            core.options.client_id = core.random_client_id();
        }
        if let Some((journal, restored)) = stored {
            core.restore(journal, restored, is_chosen_here);
        }
        core.open(now);
        core
    }

    /// 20 characters that every broker must accept \[MQTT-3.1.3-5\].
    fn random_client_id(&self) -> ByteString {
        const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        let digit = |_| {
            let at = ((self.entropy)() * DIGITS.len() as f64) as usize;
            char::from(DIGITS[at.min(DIGITS.len() - 1)])
        };
        let mut id = String::from("web-");
        id.extend((0..16).map(digit));
        id.into()
    }

    /// The address to open sockets to.
    pub(crate) fn url(&self) -> &str {
        &self.options.url
    }

    /// What to ask for with the socket (section 6); nothing if empty.
    pub(crate) const fn subprotocol(&self) -> &'static str {
        match self.link {
            Link::Probing { .. } => "",
            _ => "mqtt",
        }
    }

    pub(crate) fn client_id(&self) -> &ByteString {
        &self.options.client_id
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connection().is_some_and(Connection::is_connected)
    }

    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.link, Link::Ended)
    }

    fn connection(&self) -> Option<&Connection> {
        match &self.link {
            Link::Open(connection) => Some(connection),
            _ => None,
        }
    }

    fn next_token(&mut self) -> u64 {
        self.tokens += 1;
        self.tokens
    }

    /// Which socket there should be, by a number of its own; any other is to
    /// be closed once [`Core::output`] is written to it.
    pub(crate) fn socket(&self) -> Option<u64> {
        match self.link {
            Link::Opening { .. } | Link::Probing { .. } | Link::Open(_) => Some(self.sockets),
            Link::Waiting { .. } | Link::Preparing { .. } | Link::Ended => None,
        }
    }

    /// What to write; the driver removes what it has written.
    pub(crate) fn output(&mut self) -> &mut BytesMut {
        match &mut self.link {
            Link::Open(connection) => connection.output(),
            _ => &mut self.last_words,
        }
    }

    /// Uses these from the next connection on.
    pub(crate) fn set_credentials(
        &mut self,
        username: Option<ByteString>,
        password: Option<Bytes>,
    ) {
        self.options.username = username;
        self.options.password = password;
        self.options.authenticator = None;
        self.options.credentials = None;
        self.stop_preparing();
    }

    /// Speaks this version from the next connection on.
    pub(crate) fn set_version(&mut self, version: ProtocolVersion) {
        self.options.version = version;
        // Only a broker of MQTT 5.0 names its clients.
        if !version.is_v5() && self.options.client_id.is_empty() {
            self.options.client_id = self.random_client_id();
        }
    }

    /// A stream of events, which begins with what is now.
    pub(crate) fn listen(&mut self, now: Time) -> Mailbox<Event> {
        let listener = Mailbox::new(EVENT_BOUNDS);
        let state = match &self.link {
            Link::Waiting { retry_at, error } => Event::Disconnected {
                error: error.clone(),
                retry_in: Some(*retry_at - now),
            },
            Link::Preparing { .. } | Link::Opening { .. } | Link::Probing { .. } => {
                Event::Connecting
            }
            Link::Open(_) => self.connected.clone().unwrap_or(Event::Connecting),
            Link::Ended => Event::Disconnected {
                error: None,
                retry_in: None,
            },
        };
        listener.push(state, 0, true);
        if self.is_ended() {
            listener.close();
        }
        self.listeners.push(listener.clone());
        listener
    }

    fn tell(&mut self, event: &Event) {
        self.listeners.retain(|listener| !listener.is_orphan());
        for listener in &self.listeners {
            listener.push(event.clone(), 0, true);
        }
    }

    /// Says goodbye, and ends every stream and every wait.
    pub(crate) fn end(&mut self, goodbye: Goodbye) -> Result<(), Error> {
        if self.is_ended() {
            return Ok(());
        }
        // Before 5.0 the will is published unless DISCONNECT comes.
        let says_nothing = goodbye.leaves_will() && !self.options.version.is_v5();
        let disconnect = goodbye
            .into_disconnect()
            .ok_or(Error::Goodbye("its reason code is none of a client's"))?;
        if let Link::Open(connection) = &mut self.link
            && !says_nothing
        {
            let sent = connection.disconnect(disconnect);
            sent.map_err(|error| {
                Error::Goodbye(match error {
                    EncodeError::PropertyValue(_) => {
                        "it keeps a session that CONNECT did not ask to keep"
                    }
                    _ => "a text in it is too long, or has U+0000 in it",
                })
            })?;
        }
        if let Some(journal) = &mut self.journal {
            journal.end();
        }
        self.hang_up();
        self.link = Link::Ended;
        self.outbox.end();
        self.subscriptions.end_all();
        self.requests.give_up(&Error::Ended);
        self.authenticated_again(Err(Error::Ended));
        self.tell(&Event::Disconnected {
            error: None,
            retry_in: None,
        });
        for listener in self.listeners.drain(..) {
            listener.close();
        }
        Ok(())
    }

    /// When [`Core::handle_timeout`] wants to be called.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        let link = match &self.link {
            Link::Waiting { retry_at, .. } => Some(*retry_at),
            Link::Preparing { deadline }
            | Link::Opening { deadline }
            | Link::Probing { deadline } => Some(*deadline),
            Link::Open(connection) => connection.poll_timeout(),
            Link::Ended => None,
        };
        let requests = self.requests.poll_timeout();
        link.into_iter().chain(requests).min()
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(&mut self, now: Time) {
        self.requests.handle_timeout(now);
        match &mut self.link {
            Link::Waiting { retry_at, .. } if *retry_at <= now => self.open(now),
            Link::Preparing { deadline } if *deadline <= now => {
                self.lost(Error::Credentials("they did not come in time".into()), now);
            }
            Link::Opening { deadline } if *deadline <= now => {
                let error = self.connect_timeout();
                self.lost(error, now);
            }
            Link::Probing { deadline } if *deadline <= now => self.handle_close(1006, now),
            Link::Open(connection) => {
                if let Err(violation) = connection.handle_timeout(now) {
                    let error = self.violation(violation);
                    self.lost(error, now);
                }
            }
            _ => {}
        }
    }

    /// Connects now, if it would have waited.
    pub(crate) fn reconnect_now(&mut self, now: Time) {
        if matches!(self.link, Link::Waiting { .. }) {
            self.open(now);
        }
    }

    /// The page is seen again, or the network is back: whatever was believed
    /// about the connection is to be tried.
    pub(crate) fn wake(&mut self, now: Time) {
        match &mut self.link {
            Link::Waiting { .. } => self.open(now),
            Link::Open(connection) => connection.ping(now),
            _ => {}
        }
    }

    fn pause(&mut self, error: &Error, now: Time) -> Duration {
        let random = (self.entropy)();
        self.backoff.pause(error.is_lasting(), random, now)
    }
}
