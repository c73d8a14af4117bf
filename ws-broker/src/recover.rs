//! What was stored, back in memory when the broker starts.

use std::sync::Arc;
use std::time::Instant;

use protocol::{Session, Time};

use crate::broker::Broker;
use crate::clock::Clock;
use crate::config::{Bridge, Durability, Persistence};
use crate::log::{information, notice, warning};
use crate::router::Subscriber;
use crate::sessions::{Parked, SessionState};
use crate::store::{self, Change, Journal, Loaded, LoadedSession, OpenError, Sent, SessionId};

/// Opens the store; gives what is in it, to be restored, and where changes are
/// submitted.
pub(crate) fn open(
    persistence: &Persistence,
    clock: Clock,
) -> Result<(Loaded, Arc<Journal>), OpenError> {
    let started = Instant::now();
    let opened = store::open(&persistence.location, &persistence.file, clock.now())?;
    let file = opened.file.display();
    if let Some((aside, why)) = &opened.set_aside {
        warning!(
            "Warning: the store {file} is damaged ({why}). It is kept as {}; what could be read \
             goes on in a new one.",
            aside.display()
        );
    }
    let loaded = opened.loaded;
    information!(
        "Read {} sessions, {} queued messages and {} retained messages from {file} in {} ms.",
        loaded.sessions.len(),
        loaded.deliveries(),
        loaded.retained.len(),
        started.elapsed().as_millis()
    );
    let seconds = |durability: Durability| durability.interval().map_or(0, |i| i.as_secs());
    match persistence.durability {
        Durability::Always => {}
        Durability::Interval(_) => notice!(
            "A crash may lose what was acknowledged in the last {} s (durability interval).",
            seconds(persistence.durability)
        ),
        Durability::Off => notice!(
            "A crash may lose what was acknowledged in the last {} minutes (durability off).",
            seconds(persistence.durability) / 60
        ),
    }
    let ids = loaded.sessions.iter().map(|session| session.id.0);
    let next = SessionId(ids.max().map_or(1, |id| id + 1));
    let journal = Journal::start(opened.store, persistence.durability, next).map_err(|error| {
        OpenError::Folder {
            folder: persistence.location.display().to_string(),
            why: format!("cannot start a thread: {error}"),
        }
    })?;
    journal.submit(loaded.expired.iter().cloned());
    Ok((loaded, journal))
}

impl Broker {
    /// Takes over what was stored. Nobody is connected yet.
    pub(crate) fn restore(&self, loaded: Loaded, now: Time) {
        self.router.restore_retained(&loaded.retained);
        let Some(journal) = self.router.journal() else {
            return;
        };
        let settings = self.settings();
        for session in loaded.sessions {
            let who = &session.record.identity;
            let is_of = |bridge: &Arc<Bridge>| bridge.local_client_id() == who.client_id;
            if who.is_bridge() && !settings.config.bridges.iter().any(is_of) {
                // Nobody will ever ask for it.
                journal.submit([Change::Ended(session.id)]);
                continue;
            }
            let parked = self.restore_session(journal, session, now);
            // Who was connected is away since now.
            journal.submit(parked.change());
            self.sessions.restore(Box::new(parked));
        }
    }

    fn restore_session(&self, journal: &Arc<Journal>, session: LoadedSession, now: Time) -> Parked {
        let mut record = session.record;
        if !record.identity.is_bridge() {
            record.identity.rules = self.settings().number(record.identity.rules);
        }
        let mut state = SessionState::new(record.identity, self.router.memory().clone());
        state.store(journal, session.id);
        let outbox = state.outbox.clone();
        for (filter, subscribed) in session.subscriptions {
            let subscriber = Subscriber {
                outbox: outbox.clone(),
                options: subscribed.options,
                identifier: subscribed.identifier,
            };
            self.router.subscribe(&filter, subscriber);
            state.subscriptions.insert(filter, subscribed.options);
        }
        let sent =
            session
                .sent
                .into_iter()
                .map(|(number, sent, delivery)| match (sent, delivery) {
                    (Sent::Published(id), Some(mut delivery)) => {
                        outbox.restore_number(number, Some(&mut delivery));
                        (id, protocol::Sent::Published(delivery))
                    }
                    (Sent::Published(id) | Sent::Released(id), _) => {
                        outbox.restore_number(number, None);
                        (id, protocol::Sent::Released(number))
                    }
                });
        let received = session.received.iter().copied();
        let mut restored = Session::restore(sent, received);
        if let Some(next) = record.next_packet_id {
            restored = restored.go_on_from(next);
        }
        state.session = Some(Box::new(restored));
        if let Some(stored) = &mut state.stored {
            stored.received.extend(session.received);
        }
        let queue = session.queue.into_iter().map(|(number, mut delivery)| {
            outbox.restore_number(number, Some(&mut delivery));
            delivery
        });
        let queue: Vec<_> = queue.collect();
        outbox.restore(queue);
        let away_since = record.away_since.unwrap_or(now);
        Parked::new(Box::new(state), record.expiry, record.will, away_since)
    }
}
