//! What all connections share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use codec::{QoS, ReasonCode, Will};
use protocol::{Message, Session, Time};
use tokio::sync::Notify;

use crate::access::{Access, Identity};
use crate::auth::Auth;
use crate::clock::Clock;
use crate::counters::{Counters, Tally};
use crate::desk::Desk;
use crate::listener::Census;
use crate::log::clients::Rivals;
use crate::log::debug;
use crate::reloads::Reloads;
use crate::router::{Publication, Retained, Router, Routes};
use crate::sessions::{Due, SessionState, Sessions};
use crate::settings::Settings;
use crate::store::Journal;

/// The broker, without its listeners.
#[derive(Debug)]
pub(crate) struct Broker {
    /// Who clients are.
    pub auth: Auth,
    /// The time.
    pub clock: Clock,
    /// Subscriptions and retained messages.
    pub router: Router,
    /// What was done so far.
    pub counters: Counters,
    /// Sessions by client identifier.
    pub sessions: Sessions,
    /// Who was named for fighting over a client identifier.
    pub rivals: Rivals,
    /// Other settings hold.
    pub changed: Notify,
    /// Whether others were asked for.
    pub reloads: Reloads,
    /// How many connections each listener has.
    pub census: Census,
    /// What the dashboard asks.
    pub desk: Desk,
    connections: AtomicUsize,
    connection_ended: Notify,
}

impl Broker {
    /// A broker without sessions.
    pub(crate) fn new(settings: Settings, clock: Clock, journal: Option<Arc<Journal>>) -> Self {
        Self {
            auth: Auth::default(),
            clock,
            router: Router::new(settings, journal),
            counters: Counters::default(),
            sessions: Sessions::default(),
            rivals: Rivals::default(),
            changed: Notify::new(),
            reloads: Reloads::default(),
            census: Census::default(),
            desk: Desk::default(),
            connections: AtomicUsize::new(0),
            connection_ended: Notify::new(),
        }
    }

    /// What holds now.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.router.live().get()
    }

    /// From here on other settings hold, for those who are connected too.
    pub(crate) fn set(&self, settings: Settings) {
        self.router.set(settings);
        self.sessions.look_again();
        self.changed.notify_waiters();
    }

    /// Publishes something that no connection publishes.
    pub(crate) fn publish(&self, publication: Publication<'_>, now: Time) {
        let mut routes = Routes::new(None);
        self.route(&mut routes, publication, None, now);
        routes.flush(&self.router);
    }

    /// Publishes something that is retained already, if it is to be.
    pub(crate) fn pass_on(&self, publication: Publication<'_>, now: Time) {
        let mut routes = Routes::new(None);
        routes.publish(&self.router, publication, now);
        routes.flush(&self.router);
    }

    /// Retains the message if it says so, with who has published it if that is
    /// to be known, and collects it for its subscribers; gives their number.
    pub(crate) fn route(
        &self,
        routes: &mut Routes,
        publication: Publication<'_>,
        source: Option<&Identity>,
        now: Time,
    ) -> usize {
        if publication.retain
            && !self.router.retain(&Retained {
                message: publication.message.clone(),
                qos: publication.qos,
                source: source.cloned().map(Box::new),
            })
        {
            self.router.count_dropped(1);
        }
        routes.publish(&self.router, publication, now)
    }

    /// Publishes a client's will (section 3.1.2.5), if the client may publish
    /// it by now.
    pub(crate) fn publish_will(&self, who: &Identity, will: Will, now: Time) {
        let settings = self.settings();
        if !settings.allows(who, &will.topic, Access::Write) {
            debug!(
                "Denied PUBLISH from {}: its will to '{}' is {}",
                who.client_id,
                will.topic,
                ReasonCode::NotAuthorized.text()
            );
            return;
        }
        let message = Message::from_parts(will.topic, will.payload, will.properties, now);
        let publication = Publication {
            message: &Arc::new(message.detached()),
            qos: will.qos,
            retain: will.retain,
        };
        let mut routes = Routes::new(None);
        self.route(&mut routes, publication, settings.source(who), now);
        routes.flush(&self.router);
    }

    /// Ends a session: its subscriptions and what waits in it are gone.
    pub(crate) fn end_session(&self, state: &SessionState) {
        // What goes to others is stored with the end of it.
        let journal = self.router.journal().filter(|_| state.stored.is_some());
        let _together = journal.map(|journal| journal.together());
        state.outbox.set_offline();
        if !state.subscriptions.is_empty() {
            self.router
                .unsubscribe(state.subscriptions.keys(), state.outbox.id());
        }
        // What a shared subscription has given to this client alone goes to
        // another, unless the client may have it already at QoS 2.
        let session = state.session.as_deref();
        let unacknowledged = session.into_iter().flat_map(Session::unacknowledged);
        let unacknowledged = unacknowledged
            .filter(|d| d.qos == QoS::AtLeastOnce)
            .cloned();
        let unsent = state.outbox.take_all();
        state.outbox.end_storing();
        let deliveries = unacknowledged.chain(unsent);
        let deliveries = deliveries.map(|d| state.outbox.with_own_token(d));
        self.router
            .redistribute(deliveries.filter(|d| d.token != 0));
    }

    /// Publishes delayed wills and ends expired sessions, for ever.
    pub(crate) async fn keep_house(self: Arc<Self>) {
        loop {
            for due in self.sessions.due(self.clock).await {
                match due {
                    Due::Will(due, change) => {
                        let (who, will) = *due;
                        self.publish_will(&who, will, self.clock.now());
                        if let Some(journal) = self.router.journal() {
                            journal.submit(change);
                        }
                    }
                    Due::Session(parked) => {
                        self.counters.add(&mut Tally {
                            clients_expired: 1,
                            ..Tally::default()
                        });
                        if let Some((will, _)) = parked.will {
                            let who = parked.state.outbox.identity();
                            self.publish_will(who, will, self.clock.now());
                        }
                        self.end_session(&parked.state);
                    }
                }
            }
        }
    }

    /// Looks from time to time whether the files of TLS have changed, for ever.
    pub(crate) async fn watch_certificates(self: Arc<Self>) {
        loop {
            tokio::time::sleep(self.settings().config.certificate_interval).await;
            let settings = self.settings();
            // It waits for the disk. If it fails, the next one is soon.
            let look = tokio::task::spawn_blocking(move || {
                let changed = settings.all_tls().filter(|tls| tls.look_again());
                changed.count() > 0
            });
            if look.await.unwrap_or(false) {
                // A certificate may be revoked now.
                self.sessions.look_again();
            }
        }
    }

    /// Counts a connection for as long as the guard lives.
    pub(crate) fn count_connection(self: &Arc<Self>) -> ConnectionGuard {
        self.connections.fetch_add(1, Ordering::Relaxed);
        ConnectionGuard(self.clone())
    }

    /// Waits until there is no connection left.
    pub(crate) async fn no_connections(&self) {
        loop {
            let ended = self.connection_ended.notified();
            if self.connections.load(Ordering::SeqCst) == 0 {
                return;
            }
            ended.await;
        }
    }
}

/// See [`Broker::count_connection`].
#[derive(Debug)]
pub(crate) struct ConnectionGuard(Arc<Broker>);

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::SeqCst);
        self.0.connection_ended.notify_waiters();
    }
}
