//! One client's connection: a task that reads, routes and writes.
//!
//! Each turn works on all there is: read up to 64 KB, handle every whole
//! packet in it, hand what it brings to each touched subscriber once, take
//! what waits for this client, and write it in one go.

mod asking;
mod authenticate;
mod connect;
mod end;
mod events;
mod input;
mod leave;
mod mount;
mod output;
mod stored;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

pub(crate) use stored::{Step, Storing};

use asking::Asking;
use authenticate::Login;
use bytes::{Bytes, BytesMut};
use codec::{ByteString, Disconnect, QoS, ReasonCode, TopicFilter, Will};
use connect::Accepting;
use end::End;
use protocol::{Delivery, Limits, Time, server};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::time::Sleep;

use crate::auth::Exchange;
use crate::broker::Broker;
use crate::config::Listener;
use crate::counters::Tally;
use crate::desk::{About, Subscriptions};
use crate::listener::{Address, Place, Serial, Shown};
use crate::log::clients::{self, Who};
use crate::log::{is_debug, notice};
use crate::memory::Share;
use crate::router::Routes;
use crate::sessions::{Command, Control, SessionState, TakeOver};
use crate::settings::Settings;

/// How long a client may take from the connection to CONNECT, unless something
/// else is said.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// Reads from a connection whose session another one takes over.
const LAST_READS: usize = 16;
/// How long a publisher waits for congested subscribers that read nothing.
const HOLD: Duration = Duration::from_millis(500);
/// How long a publisher waits for congested subscribers that read on.
const LONGEST_HOLD: Duration = Duration::from_secs(5);

/// How long a connection works on what comes without a pause, before it is the
/// turn of others.
const SLICE: Duration = Duration::from_millis(1);

/// Retained messages are looked up for further subscriptions while fewer than
/// this wait to be sent.
const MAX_BACKLOG: usize = 1024;

/// Where a connection comes from.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// The client's address.
    pub address: Address,
    /// Port of the listener, 0 for a Unix socket.
    pub port: u16,
    /// Whose rules hold: see [`Identity::rules`](crate::access::Identity::rules).
    pub rules: u16,
    /// What its certificate says of its user name; `None` if that does not
    /// count.
    pub shown: Option<Box<Shown>>,
    /// What lists of revoked certificates would call the one that it has shown.
    pub serial: Option<Box<Serial>>,
    /// How long it may take to CONNECT.
    pub connect_timeout: Duration,
}

impl Peer {
    pub(crate) const fn new(address: Address, port: u16, rules: u16) -> Self {
        Self {
            address,
            port,
            rules,
            shown: None,
            serial: None,
            connect_timeout: CONNECT_TIMEOUT,
        }
    }
}

/// A connection and its task.
pub(crate) struct Connection<T> {
    broker: Arc<Broker>,
    /// What holds: looked up at CONNECT, and when it changes after that.
    settings: Arc<Settings>,
    listener: Arc<Listener>,
    stream: T,
    /// Port of the listener, 0 for a Unix socket.
    port: u16,
    /// See [`Peer::rules`].
    rules: u16,
    /// See [`Peer::shown`].
    shown: Option<Box<Shown>>,
    /// See [`Peer::serial`].
    serial: Option<Box<Serial>>,
    /// How others reach it, and where its client is.
    control: Arc<Control>,
    phase: Phase,
    server: server::Connection,
    /// The beginning of a packet whose end has not come yet.
    input: BytesMut,
    /// The memory that `input` takes.
    input_share: Share,
    /// What is being written, whole packets but for the first.
    writing: VecDeque<BytesMut>,
    /// Whether the stream may hold back something that was written.
    is_unflushed: bool,
    /// Retained messages for new subscriptions, not yet sent.
    backlog: VecDeque<Delivery>,
    /// New subscriptions, QoS and identifier of each, whose retained messages
    /// have not been looked up yet.
    wants_retained: BTreeMap<TopicFilter, (QoS, Option<u32>)>,
    routes: Routes,
    /// What waits until it is stored; nothing if nothing is.
    storing: Option<Box<Storing>>,
    /// When it was last read from: a look at the clock for each packet would
    /// cost more than routing it.
    now: Time,
    /// What was done since the last report to the broker's counters.
    tally: Tally,
    /// When a publisher that is held looks whether its subscribers read on.
    held_until: Option<Time>,
    /// Since when a publisher is held.
    held_since: Option<Time>,
    sleep: Pin<Box<Sleep>>,
    wakes_at: Option<Time>,
    _place: Place,
}

enum Phase {
    /// Before CONNECT.
    Anonymous,
    /// After CONNECT, before it is known whether the client is who it says.
    Authenticating(Box<Login>),
    /// Another connection has the session, and has been asked for it.
    Joining {
        client: Box<Client>,
        connect: Box<codec::Connect>,
        state: oneshot::Receiver<Option<Box<SessionState>>>,
    },
    /// The session is the client's, and CONNACK waits until that is stored.
    Accepting(Box<Accepting>),
    /// Connected.
    Connected(Box<Client>),
    /// The last bytes are written, then the connection is closed.
    Closing { until: Time, is_shut: bool },
}

/// Who is connected.
struct Client {
    id: ByteString,
    state: Box<SessionState>,
    /// Session expiry interval, seconds.
    expiry: u32,
    will: Option<Box<Will>>,
    /// The connection that has asked for the session.
    take_over: Option<TakeOver>,
    /// What CONNACK has to say of an extended authentication.
    proof: Option<Bytes>,
    /// Authenticating again, half way through.
    exchange: Option<Box<Exchange>>,
    /// What others may see of it.
    about: Option<Arc<About>>,
    /// What it asks the broker.
    asking: Option<Box<Asking>>,
    /// Whether it says that it is a bridge.
    is_bridge: bool,
    /// Whether it was said that it may not do something.
    is_denied: bool,
}

/// Serves the client until it is gone. It is the whole of a task: wrapped in
/// an async function it would take twice the room.
impl<T: AsyncRead + AsyncWrite + Unpin> Future for Connection<T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let mut begin = None;
        loop {
            let turn = this.poll_turn(cx);
            this.report();
            let turn = ready!(turn);
            // Whoever is touched by what was done is told, whatever came of it.
            this.flush();
            match turn {
                Ok(()) => {}
                Err(end) => {
                    if this.end(&end) {
                        return Poll::Ready(());
                    }
                }
            }
            // The last look at the clock was before the last read.
            if this.now - *begin.get_or_insert(this.now) >= SLICE {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Connection<T> {
    /// A connection that was just opened.
    pub(crate) fn new(
        broker: Arc<Broker>,
        listener: Arc<Listener>,
        stream: T,
        peer: Peer,
        place: Place,
    ) -> Self {
        let settings = broker.settings();
        let config = &settings.config;
        let Peer {
            address,
            port,
            rules,
            shown,
            serial,
            connect_timeout,
        } = peer;
        if config.connection_messages {
            notice!("New connection from {address} on port {port}.");
        }
        let now = broker.clock.now();
        let limits = Limits {
            receive_maximum: config.max_inflight_messages,
            maximum_packet_size: config.max_packet_size,
            topic_alias_maximum: config.max_topic_alias,
        };
        let mut server = server::Connection::new(limits, connect_timeout, now);
        server.set_mount(listener.mount_point.clone());
        Self {
            listener,
            stream,
            port,
            rules,
            shown,
            serial,
            control: Arc::new(Control::new(address)),
            phase: Phase::Anonymous,
            server,
            input: BytesMut::new(),
            input_share: Share::new(broker.router.memory().clone()),
            writing: VecDeque::new(),
            is_unflushed: false,
            backlog: VecDeque::new(),
            wants_retained: BTreeMap::new(),
            routes: Routes::new(None),
            storing: None,
            now,
            tally: Tally {
                sockets: 1,
                ..Tally::default()
            },
            held_until: None,
            held_since: None,
            sleep: Box::pin(tokio::time::sleep_until(
                broker.clock.instant(now + connect_timeout),
            )),
            wakes_at: Some(now + connect_timeout),
            broker,
            settings,
            _place: place,
        }
    }

    /// Does what can be done; pending when nothing can.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        if let Phase::Closing { .. } = self.phase {
            return self.poll_close(cx);
        }
        let mut is_busy = false;
        while let Some(command) = self.control.poll(cx) {
            self.command(command, cx)?;
            is_busy = true;
        }
        if let Phase::Joining { state, .. } = &mut self.phase
            && let Poll::Ready(state) = Pin::new(state).poll(cx)
        {
            self.now = self.broker.clock.now();
            self.joined(state.ok().flatten());
            // What came after CONNECT in the meantime.
            self.process_input()?;
            is_busy = true;
        }
        is_busy |= self.poll_accepting(cx)?;
        is_busy |= self.poll_login(cx)?;
        is_busy |= self.poll_held(cx);
        is_busy |= self.poll_read(cx)?;
        if self.server.is_closed() {
            return Poll::Ready(Err(End::Unanswerable));
        }
        if is_busy {
            self.flush();
        }
        is_busy |= self.poll_stored(cx)?;
        is_busy |= self.poll_asking(cx);
        if !self.wants_retained.is_empty() {
            self.collect_retained(self.broker.clock.now());
        }
        is_busy |= self.poll_write(cx)?;
        // What was taken from the outbox may wait too.
        is_busy |= self.poll_stored(cx)?;
        is_busy |= self.poll_timeout(cx)?;
        if is_busy {
            Poll::Ready(Ok(()))
        } else {
            self.rest();
            Poll::Pending
        }
    }

    /// Gives back what an idle connection does not need: most are idle most of
    /// the time.
    fn rest(&mut self) {
        if self.writing.is_empty() && self.writing.capacity() > 0 {
            self.writing = VecDeque::new();
        }
        if self.backlog.is_empty() && self.backlog.capacity() > 0 {
            self.backlog = VecDeque::new();
        }
    }

    /// Whether a publisher that was held may go on.
    fn poll_held(&mut self, cx: &Context<'_>) -> bool {
        if !self.routes.is_held() {
            return false;
        }
        if self.routes.poll_relief(cx).is_pending() {
            let now = self.broker.clock.now();
            let since = *self.held_since.get_or_insert(now);
            if now < *self.held_until.get_or_insert(now + HOLD) {
                return false;
            }
            self.routes.give_up_holding(now - since >= LONGEST_HOLD);
            if self.routes.is_held() {
                self.held_until = Some(now + HOLD);
                return false;
            }
        }
        self.held_until = None;
        self.held_since = None;
        true
    }

    fn poll_timeout(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        loop {
            let closing = match self.phase {
                Phase::Closing { until, .. } => Some(until),
                _ => None,
            };
            let next = [self.server.poll_timeout(), self.held_until, closing];
            let Some(next) = next.into_iter().flatten().min() else {
                return Ok(false);
            };
            // A timer that fires too early is cheap; one that is set anew
            // with every packet is not.
            if self.wakes_at.is_none_or(|at| next < at) {
                self.wakes_at = Some(next);
                self.sleep.as_mut().reset(self.broker.clock.instant(next));
            }
            if self.sleep.as_mut().poll(cx).is_pending() {
                return Ok(false);
            }
            self.wakes_at = None;
            let now = self.broker.clock.now();
            self.server.handle_timeout(now).map_err(End::Violation)?;
            if self.held_until.is_some_and(|until| until <= now)
                || closing.is_some_and(|until| until <= now)
            {
                return Ok(true);
            }
        }
    }

    fn command(&mut self, command: Command, cx: &mut Context<'_>) -> Result<(), End> {
        match command {
            Command::TakeOver(take_over) => {
                let by = take_over.by.clone();
                match &mut self.phase {
                    Phase::Connected(client) | Phase::Joining { client, .. } => {
                        client.take_over = Some(take_over);
                    }
                    Phase::Accepting(accepting) => accepting.client.take_over = Some(take_over),
                    Phase::Anonymous | Phase::Authenticating(_) | Phase::Closing { .. } => {}
                }
                // One that still waits for the session hands it on when it
                // has it.
                if let Phase::Connected(_) = self.phase {
                    // What the client had sent before it came back counts, a
                    // DISCONNECT above all.
                    for _ in 0..LAST_READS {
                        if !self.poll_read(cx)? {
                            break;
                        }
                    }
                    self.disconnect(ReasonCode::SessionTakenOver);
                    return Err(End::TakenOver { by });
                }
                Ok(())
            }
            Command::ShutDown => {
                self.disconnect(ReasonCode::ServerShuttingDown);
                Err(End::ShutDown)
            }
            Command::LookAgain => self.look_again(),
            Command::Subscriptions(reply) => {
                if let Phase::Connected(client) = &self.phase {
                    // Whoever asked may be gone.
                    let _ = reply.send(Subscriptions::of(&client.state));
                }
                Ok(())
            }
            Command::Disconnect { by } => {
                if !matches!(self.phase, Phase::Connected(_)) {
                    return Ok(());
                }
                self.disconnect(ReasonCode::AdministrativeAction);
                Err(End::Disconnected { by })
            }
        }
    }

    /// Says what was done.
    fn report(&mut self) {
        if let Phase::Connected(client) = &self.phase
            && let Some(about) = &client.about
        {
            let subscriptions = client.state.subscriptions.len();
            about.update(&self.tally, subscriptions, self.server.inflight_len());
        }
        self.broker.counters.add(&mut self.tally);
    }

    fn disconnect(&mut self, reason: ReasonCode) {
        self.server.disconnect(Disconnect::new(reason));
    }

    /// Whom lines of the log are about.
    fn who<'a>(&'a self, client: &'a str, user: Option<&'a str>) -> Who<'a> {
        let address = &self.control.address;
        Who {
            client,
            address,
            user,
        }
    }

    /// Says that the client may not do something.
    fn log_denied(&mut self, topic: &str, reason: ReasonCode, what: impl FnOnce(&str) -> String) {
        let Phase::Connected(client) = &mut self.phase else {
            return;
        };
        let is_first = !std::mem::replace(&mut client.is_denied, true);
        if let Phase::Connected(client) = &self.phase
            && (is_first || is_debug())
        {
            let user = client.state.outbox.identity().username.as_deref();
            let who = self.who(&client.id, user);
            clients::denied(who, &what(&client.id), topic, reason.text(), is_first);
        }
    }
}
