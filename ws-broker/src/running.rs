//! A broker that serves.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::auth::PasswordFileError;
use crate::bridge::Bridges;
use crate::broker::Broker;
use crate::clock::Clock;
use crate::config::{Config, Protocol};
use crate::listener;
use crate::log::{error, information, notice, warning};
use crate::open_files;
use crate::privileges;
use crate::recover;
use crate::settings::{Settings, SettingsError};
use crate::store::OpenError;
use crate::sys;

/// How long clients get to take their leave when the broker stops.
const GOODBYE: Duration = Duration::from_secs(2);

/// Why a broker cannot start; displays as one line.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener's address cannot be used.
    #[error("cannot listen on {address}: {error}{hint}")]
    Listen {
        /// Address and port.
        address: String,
        /// What the system says.
        error: std::io::Error,
        /// What to do about it.
        hint: String,
    },
    /// A certificate or its key cannot be used.
    #[error("{0}")]
    Tls(String),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The password file cannot be used.
    #[error(transparent)]
    Passwords(#[from] PasswordFileError),
    /// The broker cannot go on as `user`.
    #[error("{0}")]
    User(String),
}

impl From<SettingsError> for StartError {
    fn from(error: SettingsError) -> Self {
        match error {
            SettingsError::Passwords(error) => Self::Passwords(error),
            SettingsError::Tls(error) => Self::Tls(error),
        }
    }
}

/// Why a configuration cannot be taken over; displays as one line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReloadError {
    /// It says in another way whose rules hold for whom.
    #[error("per_listener_settings cannot change while the broker runs: restart it")]
    PerListener,
    /// A listener is to begin with TLS, or to end it.
    #[error(
        "the listener on port {0} cannot change between TLS and none while the broker runs: restart it"
    )]
    Tls(u16),
    /// A file that it names cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// A listener that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Where.
    pub address: SocketAddr,
    /// What is spoken there.
    pub protocol: Protocol,
    /// Whether over TLS.
    pub is_tls: bool,
}

/// Looks whether a broker could start with this, as far as that can be known
/// without starting it; gives what is odd about it.
///
/// # Errors
/// A file of passwords, a certificate or a key cannot be used.
pub fn check(config: Config) -> Result<Vec<String>, StartError> {
    let settings = Settings::read(config)?;
    Ok(settings.warnings().map(Into::into).collect())
}

/// A broker that serves; it stops when this is dropped.
#[derive(Debug)]
pub struct Running {
    broker: Arc<Broker>,
    bound: Vec<Bound>,
    tasks: JoinSet<()>,
    bridges: Bridges,
}

impl Running {
    /// Opens all listeners and serves them, on the current tokio runtime.
    ///
    /// # Errors
    /// A listener cannot be opened; none is then.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let version = env!("CARGO_PKG_VERSION");
        information!("ws-broker version {version} starting");
        match &config.file {
            Some(file) => information!("Config loaded from {}.", file.display()),
            None => information!("Using default config."),
        }
        if config.is_local_only() {
            notice!("Only this machine can connect: there is no listener for others.");
        } else if config.allows_anonymous() {
            notice!("Devices on the network connect without a password, as configured.");
        }
        let settings = Settings::read(config)?;
        for warning in settings.warnings() {
            warning!("Warning: {warning}");
        }
        let config = &settings.config;
        let lesser = privileges::find(config)?;
        open_files::raise_limit(config);
        let clock = Clock::start();
        let stored = config.persistence.as_ref();
        let stored = stored.map(|persistence| recover::open(persistence, clock));
        let (loaded, journal) = stored.transpose()?.unzip();
        let broker = Arc::new(Broker::new(settings, clock, journal));
        crate::log::publish_by(&broker);
        if let Some(loaded) = loaded {
            broker.restore(loaded, clock.now());
        }
        // Before anybody can publish.
        let bridges = Bridges::new(broker.clone());
        let settings = broker.settings();
        let config = &settings.config;
        let mut tasks = JoinSet::new();
        let mut bound = Vec::new();
        let mut sockets = Vec::new();
        let mut addresses = Vec::new();
        for (rules, listener) in (1..).zip(&config.listeners) {
            match listener::open(listener, &addresses).await {
                Ok(opened) => {
                    addresses.extend(opened.iter().filter_map(listener::Socket::address));
                    sockets.push((listener.clone(), rules, opened));
                }
                Err(error) if listener.is_optional => {
                    warning!("Warning: no dashboard: {error}.");
                }
                Err(error) => return Err(error),
            }
        }
        match lesser {
            Some(user) => user.take_over(config)?,
            None => privileges::warn(),
        }
        for (listener, rules, opened) in sockets {
            let port = opened.first().and_then(listener::Socket::address);
            let port = port.map_or(0, |address| address.port());
            let served = listener::Served::new(broker.clone(), listener, rules, port);
            for socket in opened {
                if let Some(address) = socket.address() {
                    bound.push(Bound {
                        address,
                        protocol: served.protocol(),
                        is_tls: served.is_tls(),
                    });
                }
                tasks.spawn(served.clone().serve(socket));
            }
        }
        broker.desk.addresses.set(&bound);
        say_where_the_dashboard_is(&bound);
        tasks.spawn(broker.clone().keep_house());
        if settings.all_tls().next().is_some() {
            tasks.spawn(broker.clone().watch_certificates());
        }
        tasks.spawn(sys::publish(broker.clone()));
        bridges.start();
        information!("ws-broker version {version} running");
        Ok(Self {
            broker,
            bound,
            tasks,
            bridges,
        })
    }

    /// Lets connections wait while `asked` is set: it is set when
    /// [`Running::reload`] is asked for, before [`Running::begin_reload`] comes
    /// of that and takes it back.
    pub fn watch_reloads(&self, asked: Arc<AtomicBool>) {
        self.broker.reloads.watch(asked);
    }

    /// The configuration for [`Running::reload`] is read from here on.
    pub fn begin_reload(&self) {
        self.broker.reloads.begin();
    }

    /// Goes by another configuration from here on, as far as that is possible
    /// without opening and closing listeners: those stay what they are. Clients
    /// whose login is gone or has changed are disconnected.
    ///
    /// Where it cannot be used, or could not be read, that is said, and nothing
    /// has changed.
    pub fn reload(&self, config: Result<Config, String>) {
        information!("Reloading config.");
        let taken = config.and_then(|config| self.take(config).map_err(|e| e.to_string()));
        if let Err(error) = taken {
            let error = error.trim_end_matches('.');
            error!("Error: {error}. All stays as it was.");
        }
        self.broker.reloads.end();
    }

    fn take(&self, mut config: Config) -> Result<(), ReloadError> {
        let before = self.broker.settings();
        before.config.keep_listeners(&mut config)?;
        let restart = before.config.keys_for_restart(&config);
        // What was said at the start goes on to hold.
        config.at_start.clone_from(&before.config.at_start);
        let settings = Settings::read(config)?;
        let known: Vec<_> = before.warnings().collect();
        for warning in settings.warnings().filter(|w| !known.contains(w)) {
            warning!("Warning: {warning}");
        }
        if !restart.is_empty() {
            let keys = Vec::from_iter(restart).join(", ");
            warning!("Warning: what has changed of {keys} takes a restart.");
        }
        crate::log::set(settings.config.log.clone());
        self.bridges.change(&settings.config.bridges);
        self.broker.set(settings);
        Ok(())
    }

    /// Stores what has changed, if that waits for its time.
    pub fn store(&self) {
        match self.broker.router.journal() {
            Some(journal) => {
                information!("Storing what has changed.");
                journal.commit_now();
            }
            None => information!("There is nothing to store: persistence is off."),
        }
    }

    /// Says in the log what there is at the moment.
    pub fn report(&self) {
        let Broker {
            router, sessions, ..
        } = &*self.broker;
        let (connected, away) = sessions.count();
        let stored = router.memory().stored();
        information!(
            "{connected} clients are connected, and {away} are away; {} subscriptions, {} groups \
             that share one, {} retained messages; {} bytes of messages are kept for clients.",
            router.subscriptions_len(),
            router.groups_len(),
            router.retained_len(),
            stored.bytes,
        );
    }

    /// Opens the files of the log again, as after they were moved away.
    pub fn reopen_log(&self) {
        information!("Opening the log files again.");
        for error in crate::log::reopen() {
            error!("Error: {error}.");
        }
    }

    /// The listeners on the network, in the order of the configuration.
    pub fn bound(&self) -> &[Bound] {
        &self.bound
    }

    #[cfg(feature = "bench-api")]
    pub(crate) fn router(&self) -> &crate::router::Router {
        &self.broker.router
    }

    /// The first address where `protocol` is spoken.
    pub fn address(&self, protocol: Protocol) -> Option<SocketAddr> {
        let bound = self.bound.iter().find(|b| b.protocol == protocol);
        bound.map(|bound| bound.address)
    }

    /// Takes no more connections, tells every client, and waits for them to
    /// be gone, for a moment.
    pub async fn stop(mut self) {
        information!(
            "ws-broker version {} terminating",
            env!("CARGO_PKG_VERSION")
        );
        self.tasks.shutdown().await;
        self.broker.sessions.shut_down();
        let all_gone = async {
            self.bridges.ended().await;
            self.broker.no_connections().await;
        };
        let goodbye = tokio::time::timeout(GOODBYE, all_gone);
        let dropped = self.broker.router.dropped();
        if dropped > 0 {
            information!("{dropped} messages were dropped because their receivers were too slow.");
        }
        if goodbye.await.is_err() {
            information!("Some clients have not closed their connections.");
        }
        if let Some(journal) = self.broker.router.journal().cloned() {
            // It waits for the disk.
            let _ = tokio::task::spawn_blocking(move || journal.close()).await;
        }
    }
}

/// Says each address that the dashboard can be opened at, as a person would
/// type it.
fn say_where_the_dashboard_is(bound: &[Bound]) {
    let web = bound.iter().filter(|b| b.protocol == Protocol::WebSockets);
    for Bound {
        address, is_tls, ..
    } in web
    {
        let scheme = if *is_tls { "https" } else { "http" };
        let port = address.port();
        if !address.ip().is_unspecified() {
            information!("The dashboard is at {scheme}://{address}/");
        } else if address.is_ipv4() {
            let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
            for ip in interfaces.iter().map(if_addrs::Interface::ip) {
                if ip.is_ipv4() {
                    information!("The dashboard is at {scheme}://{ip}:{port}/");
                }
            }
        }
    }
}
