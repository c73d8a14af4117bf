use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use codec::{ByteString, ProtocolVersion, QoS, TopicFilter};
use protocol::Time;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::request::{Outcome, encode};
use super::{Asker, Code, Failure};
use crate::counters::Tally;
use crate::outbox::Outbox;
use crate::sessions::{Command, NEVER, Parked, Present, SessionState};

/// Clients in one answer.
const MAX_CLIENTS: usize = 200;
const DEFAULT_CLIENTS: usize = 100;
/// Subscriptions in one answer.
const MAX_SUBSCRIPTIONS: usize = 500;

/// What others may see of a client that is connected. Its connection keeps it
/// up to date, once for each turn.
#[derive(Debug)]
pub(crate) struct About {
    /// What waits for it, and who it is.
    pub outbox: Arc<Outbox>,
    /// Since when it is connected.
    pub since: Time,
    /// Session expiry interval, seconds.
    pub expiry: u32,
    /// Port of the listener.
    pub port: u16,
    /// As the client asked for, seconds.
    pub keep_alive: u16,
    /// The version it speaks.
    pub version: ProtocolVersion,
    /// Whether it threw away the session that was there.
    pub clean_start: bool,
    figures: Figures,
}

#[derive(Debug, Default)]
struct Figures {
    sent: AtomicU64,
    received: AtomicU64,
    subscriptions: AtomicU32,
    inflight: AtomicU32,
}

impl About {
    /// Of a client that was just accepted.
    pub(crate) fn new(
        outbox: Arc<Outbox>,
        since: Time,
        expiry: u32,
        port: u16,
        connect: &codec::Connect,
    ) -> Self {
        Self {
            outbox,
            since,
            expiry,
            port,
            keep_alive: connect.keep_alive,
            version: connect.version,
            clean_start: connect.clean_start,
            figures: Figures::default(),
        }
    }

    /// What the connection has done in a turn, and how it stands. Nobody else
    /// counts.
    pub(crate) fn update(&self, tally: &Tally, subscriptions: usize, inflight: usize) {
        let Figures {
            sent,
            received,
            subscriptions: of_subscriptions,
            inflight: of_inflight,
        } = &self.figures;
        let add = |counter: &AtomicU64, more| counter.store(counter.load(Relaxed) + more, Relaxed);
        add(sent, tally.publishes_sent);
        add(received, tally.publishes_received);
        of_subscriptions.store(u32::try_from(subscriptions).unwrap_or(u32::MAX), Relaxed);
        of_inflight.store(u32::try_from(inflight).unwrap_or(u32::MAX), Relaxed);
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Question {
    after: Option<String>,
    limit: Option<usize>,
}

#[derive(Debug, Serialize)]
pub(super) struct Page {
    clients: Vec<Row>,
    more: bool,
    total: usize,
}

/// A client, or the session of one that is away. What is not known is left
/// out.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    id: String,
    user: Option<String>,
    connected: bool,
    since: u64,
    expiry: Option<u32>,
    subscriptions: usize,
    inflight: usize,
    queued: usize,
    dropped: u64,
    #[serde(flatten)]
    connection: Option<OfConnection>,
}

#[derive(Debug, Serialize)]
struct OfConnection {
    address: String,
    listener: u16,
    version: u8,
    keep_alive: u16,
    clean_start: bool,
    sent: u64,
    received: u64,
}

impl Row {
    /// Of a client that is connected.
    pub(crate) fn connected(present: &Present) -> Self {
        let Present { control, about } = present;
        let figures = &about.figures;
        let connection = OfConnection {
            address: control.address.to_string(),
            listener: about.port,
            version: match about.version {
                ProtocolVersion::V3_1 => 3,
                ProtocolVersion::V3_1_1 => 4,
                ProtocolVersion::V5 => 5,
            },
            keep_alive: about.keep_alive,
            clean_start: about.clean_start,
            sent: figures.sent.load(Relaxed),
            received: figures.received.load(Relaxed),
        };
        Self {
            connected: true,
            since: about.since.as_millis(),
            expiry: expiry(about.expiry),
            subscriptions: figures.subscriptions.load(Relaxed) as usize,
            inflight: figures.inflight.load(Relaxed) as usize,
            connection: Some(connection),
            ..Self::of(&about.outbox)
        }
    }

    /// Of a session whose client is away.
    pub(crate) fn away(parked: &Parked) -> Self {
        let SessionState {
            session,
            subscriptions,
            outbox,
            ..
        } = &*parked.state;
        Self {
            since: parked.away_since().as_millis(),
            expiry: expiry(parked.expiry()),
            subscriptions: subscriptions.len(),
            inflight: session.as_ref().map_or(0, |session| session.inflight_len()),
            ..Self::of(outbox)
        }
    }

    fn of(outbox: &Outbox) -> Self {
        let identity = outbox.identity();
        let (queued, dropped) = outbox.waiting();
        Self {
            id: identity.client_id.to_string(),
            user: identity.username.as_ref().map(ToString::to_string),
            connected: false,
            since: 0,
            expiry: None,
            subscriptions: 0,
            inflight: 0,
            queued,
            dropped,
            connection: None,
        }
    }
}

fn expiry(seconds: u32) -> Option<u32> {
    (seconds != NEVER).then_some(seconds)
}

/// One page of all clients, ordered by identifier.
pub(super) fn clients(asker: Asker<'_>, question: &Question) -> Result<Page, Failure> {
    asker.check("clients")?;
    let limit = question.limit.unwrap_or(DEFAULT_CLIENTS);
    if !(1..=MAX_CLIENTS).contains(&limit) {
        let text = format!("limit is from 1 to {MAX_CLIENTS}.");
        return Err(Failure::new(Code::Malformed, text));
    }
    let sessions = &asker.broker.sessions;
    let (clients, more) = sessions.page(question.after.as_deref(), limit);
    let (connected, away) = sessions.count();
    Ok(Page {
        clients,
        more,
        total: connected + away,
    })
}

#[derive(Debug, Deserialize)]
pub(super) struct OfClient {
    client: String,
}

/// What a client subscribes to.
#[derive(Debug, Serialize)]
pub(crate) struct Subscriptions {
    subscriptions: Vec<Subscribed>,
    total: usize,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Subscribed {
    filter: String,
    qos: u8,
}

impl Subscriptions {
    /// As many as an answer has.
    pub(crate) fn of(state: &SessionState) -> Self {
        let all = state.subscriptions.iter();
        let one = |(filter, options): (&TopicFilter, &codec::SubscriptionOptions)| Subscribed {
            filter: filter.as_str().to_owned(),
            qos: QoS::as_u8(options.qos),
        };
        let mut subscriptions: Vec<_> = all.take(MAX_SUBSCRIPTIONS).map(one).collect();
        subscriptions.sort_unstable();
        Self {
            subscriptions,
            total: state.subscriptions.len(),
        }
    }

    /// As it is sent.
    pub(crate) fn encode(&self) -> super::Answer {
        encode(self)
    }
}

/// What one client subscribes to: only its connection knows, while it has one.
pub(super) fn subscriptions(asker: Asker<'_>, question: &OfClient) -> Result<Outcome, Failure> {
    asker.check("subscriptions")?;
    let sessions = &asker.broker.sessions;
    let id = ByteString::from(question.client.as_str());
    if let Some(control) = sessions.control(&id) {
        let (reply, subscriptions) = oneshot::channel();
        control.send(Command::Subscriptions(reply));
        return Ok(Outcome::Awaited(subscriptions));
    }
    match sessions.away(&id, |parked| Subscriptions::of(&parked.state)) {
        Some(subscriptions) => Ok(Outcome::Answer(subscriptions.encode())),
        None => Err(gone()),
    }
}

/// There is no such client, or not any more.
pub(crate) fn gone() -> Failure {
    Failure::new(Code::NotFound, "There is no client with this identifier.")
}
