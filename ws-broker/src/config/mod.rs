//! How the broker is set up: Mosquitto's configuration file.

mod bridge;
mod error;
mod keys;
mod parse;
mod tls;
mod values;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use bridge::{
    Address, Bridge, BridgeTls, BridgeTopic, Direction, Notifications, Restart, Start, TcpKeepAlive,
};
use codec::{ProtocolVersion, QoS};
pub use error::ConfigError;
pub use protocol::Mount;
pub use tls::{CertificateUsername, TlsOptions, TlsVersion};

pub use crate::log::LogTypes;

use crate::access::Acl;
use crate::log;
use crate::outbox::QueueLimits;
use crate::running::ReloadError;

/// MQTT's own port.
pub const MQTT_PORT: u16 = 1883;
/// The port of the dashboard, and of MQTT over WebSocket.
pub const WEBSOCKET_PORT: u16 = 9001;

/// The most threads that may be asked for.
pub const MAX_THREADS: usize = 1024;

/// The whole set-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The file it was read from.
    pub file: Option<PathBuf>,
    /// Where clients connect.
    pub listeners: Vec<Listener>,
    /// Who may come in and what they may do, where a listener does not have
    /// its own.
    pub security: Security,
    /// Whether a retained message is only sent as long as who has published it
    /// may publish it.
    pub check_retain_source: bool,
    /// How often it is looked whether certificates and keys have changed.
    pub certificate_interval: Duration,
    /// Connections to other brokers.
    pub bridges: Vec<Arc<Bridge>>,
    /// What client identifiers must start with; `None` for anything.
    pub clientid_prefixes: Option<String>,
    /// Whether connects and disconnects are logged.
    pub connection_messages: bool,
    /// The log.
    pub log: log::Settings,
    /// Connections at a time, of all listeners; `None` for any number.
    pub global_max_connections: Option<usize>,
    /// The longest head of a request over HTTP, bytes; `None` for what is usual.
    pub http_head_size: Option<usize>,
    /// Who may have the broker's numbers over HTTP.
    pub metrics: Metrics,
    /// Sessions at a time, of connected and absent clients; `None` for any
    /// number.
    pub global_max_clients: Option<usize>,
    /// The authority whose certificate browsers can fetch, as a PEM file.
    pub http_cafile: Option<PathBuf>,
    /// Bytes of QoS 1 and 2 messages on their way to one client at a time; 0
    /// for any number.
    pub max_inflight_bytes: usize,
    /// QoS 1 and 2 messages on their way to one client at a time.
    pub max_inflight_messages: u16,
    /// The longest keep alive a client may ask for, seconds; 0 for any.
    pub max_keepalive: u16,
    /// The longest packet a client may send, bytes.
    pub max_packet_size: usize,
    /// Topic aliases that a client may set.
    pub max_topic_alias: u16,
    /// Topic aliases that the broker sets, if the client lets it.
    pub max_topic_alias_broker: u16,
    /// What may be stored for all clients together, bytes; 0 for half of what
    /// the machine has.
    pub memory_limit: usize,
    /// The longest payload that is passed on, bytes; 0 for any.
    pub message_size_limit: usize,
    /// What is queued for one client.
    pub queue: QueueLimits,
    /// Where sessions and retained messages are stored; `None` if they live as
    /// long as the process.
    pub persistence: Option<Persistence>,
    /// Where the number of the process is written.
    pub pid_file: Option<PathBuf>,
    /// How long the session of a client that is away lives, seconds.
    pub persistent_client_expiration: Option<u32>,
    /// Whether retained messages are kept.
    pub retain_available: bool,
    /// How often the `$SYS` tree is published, seconds; 0 for never.
    pub sys_interval: u32,
    /// Threads that serve clients; 0 for one for each core.
    pub threads: usize,
    /// Where the secrets of connections over TLS are written, for whoever wants
    /// to read what is on the network.
    pub tls_keylog: Option<PathBuf>,
    /// Whether a subscription's QoS holds even where the publisher's is lower.
    pub upgrade_outgoing_qos: bool,
    /// Whom the broker goes on as when what needs more rights is open; `None`
    /// for whoever started it.
    pub user: Option<String>,
    /// What was set that takes a restart to change: the key, the listener it
    /// stands below, and the value.
    pub at_start: Vec<(&'static str, String, String)>,
    /// Settings that have no effect, to be said once.
    pub warnings: Vec<String>,
}

/// Who may come in, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Security {
    /// Who may read and write what.
    pub acl: Acl,
    /// Whether clients without a user name may connect.
    pub allow_anonymous: bool,
    /// Whether a client may leave the choice of its identifier to the broker.
    pub allow_zero_length_clientid: bool,
    /// What identifiers that the broker chooses start with.
    pub auto_id_prefix: String,
    /// The users and their passwords.
    pub password_file: Option<PathBuf>,
}

impl Security {
    /// Nobody may come in and do anything.
    pub(crate) fn closed() -> Self {
        Self {
            acl: Acl::closed(),
            ..Self::default()
        }
    }
}

impl Default for Security {
    /// Mosquitto's defaults.
    fn default() -> Self {
        Self {
            acl: Acl::default(),
            allow_anonymous: false,
            allow_zero_length_clientid: true,
            auto_id_prefix: "auto-".into(),
            password_file: None,
        }
    }
}

/// How sessions and retained messages are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Persistence {
    /// The folder that the store is in.
    pub location: PathBuf,
    /// Its name there.
    pub file: String,
    /// When it is written.
    pub durability: Durability,
}

/// What is safe when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// What is acknowledged is on the disk.
    #[default]
    Always,
    /// What changes is on the disk after so long at the latest.
    Interval(Duration),
    /// As [`Durability::Interval`], with half an hour.
    Off,
}

impl Durability {
    /// How often the store is written; `None` for at once.
    pub const fn interval(self) -> Option<Duration> {
        match self {
            Self::Always => None,
            Self::Interval(interval) => Some(interval),
            Self::Off => Some(Duration::from_secs(1800)),
        }
    }
}

/// Who may have the broker's numbers, at `/metrics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metrics {
    /// Nobody.
    Off,
    /// Programs on the same machine.
    Loopback,
    /// Users of the `password_file` who may read them in MQTT too.
    Login,
    /// Everybody.
    All,
}

/// One place where clients connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// 0 for any free port.
    pub port: u16,
    /// Which of the machine's addresses.
    pub bind: Bind,
    /// The network interface whose addresses it is bound to.
    pub interface: Option<String>,
    /// The family of addresses it is bound to; `None` for both.
    pub family: Option<Family>,
    /// What is spoken there.
    pub protocol: Protocol,
    /// Connections at a time; `None` for any number.
    pub max_connections: Option<usize>,
    /// Whether clients without a user name may connect; `None` for what holds
    /// for all.
    pub allow_anonymous: Option<bool>,
    /// What identifiers that the broker chooses start with; `None` for what
    /// holds for all.
    pub auto_id_prefix: Option<String>,
    /// Who may come in here and what they may do; `None` for what holds for
    /// all.
    pub security: Option<Security>,
    /// The versions that are spoken; `None` for all.
    pub versions: Option<Vec<ProtocolVersion>>,
    /// Whether a client's user name is its identifier too.
    pub use_username_as_clientid: bool,
    /// What a proxy in front of it says of its clients, if there is one.
    pub proxy: Option<Proxy>,
    /// Whether clients must speak TLS with the proxy.
    pub proxy_requires_tls: bool,
    /// The origins whose pages may open a WebSocket; any if there are none.
    pub origins: Vec<String>,
    /// The folder that is served over HTTP in the place of the dashboard.
    pub http_dir: Option<PathBuf>,
    /// Where the topics of its clients are, if not at the root.
    pub mount_point: Option<Mount>,
    /// The highest QoS of publishes.
    pub max_qos: QoS,
    /// What its TLS is made of.
    pub tls: TlsOptions,
    /// Whether the broker starts without it when its port is taken.
    pub is_optional: bool,
}

/// The addresses a listener is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bind {
    /// All, IPv4 and IPv6.
    All,
    /// This machine only, IPv4 and IPv6.
    Loopback,
    /// What an address or host name stands for.
    Host(String),
    /// No address: a Unix socket with this path.
    Unix(PathBuf),
}

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// The version of the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxy {
    /// Version 1.
    V1,
    /// Version 2.
    V2,
}

/// What a listener speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// MQTT over TCP.
    #[default]
    Mqtt,
    /// MQTT over WebSocket, and the dashboard over HTTP.
    WebSockets,
}

impl Listener {
    /// A listener on all addresses.
    pub const fn new(port: u16, protocol: Protocol) -> Self {
        Self {
            port,
            bind: Bind::All,
            interface: None,
            family: None,
            protocol,
            max_connections: None,
            allow_anonymous: None,
            auto_id_prefix: None,
            security: None,
            versions: None,
            use_username_as_clientid: false,
            proxy: None,
            proxy_requires_tls: false,
            origins: Vec::new(),
            http_dir: None,
            mount_point: None,
            max_qos: QoS::ExactlyOnce,
            tls: TlsOptions::NONE,
            is_optional: false,
        }
    }

    fn local(port: u16, protocol: Protocol) -> Self {
        Self {
            bind: Bind::Loopback,
            ..Self::new(port, protocol)
        }
    }
}

impl Default for Config {
    /// Mosquitto's defaults, no listeners.
    fn default() -> Self {
        Self {
            file: None,
            listeners: Vec::new(),
            security: Security::default(),
            check_retain_source: true,
            certificate_interval: Duration::from_secs(10),
            bridges: Vec::new(),
            clientid_prefixes: None,
            connection_messages: true,
            log: log::Settings::default(),
            global_max_connections: None,
            global_max_clients: None,
            http_cafile: None,
            http_head_size: None,
            metrics: Metrics::Loopback,
            max_inflight_bytes: 0,
            max_inflight_messages: 20,
            max_keepalive: 0,
            max_packet_size: 2_000_000,
            max_topic_alias: 10,
            max_topic_alias_broker: 10,
            memory_limit: 0,
            message_size_limit: 0,
            queue: QueueLimits {
                messages: 1000,
                bytes: 0,
                qos0: false,
            },
            persistence: None,
            pid_file: None,
            persistent_client_expiration: None,
            retain_available: true,
            sys_interval: 10,
            threads: 0,
            tls_keylog: None,
            upgrade_outgoing_qos: false,
            user: None,
            at_start: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// It cannot be read, or a line of it is wrong.
    pub fn read(file: &Path) -> Result<Self, ConfigError> {
        parse::parse(file, &parse::read_text(file)?)
    }

    /// What holds without a file: this machine only, everybody may connect.
    /// With a `port`, only MQTT on that port; without, MQTT and the dashboard
    /// on theirs, the latter if its port is free.
    pub fn local(port: Option<u16>) -> Self {
        let mut listeners = vec![Listener::local(port.unwrap_or(MQTT_PORT), Protocol::Mqtt)];
        if port.is_none() {
            listeners.push(Listener {
                is_optional: true,
                ..Listener::local(WEBSOCKET_PORT, Protocol::WebSockets)
            });
        }
        Self {
            listeners,
            security: Security {
                allow_anonymous: true,
                ..Security::default()
            },
            ..Self::default()
        }
    }

    /// Puts the first MQTT listener on another port, as `-p` asks.
    pub fn override_port(&mut self, port: u16) {
        let mut listeners = self.listeners.iter_mut();
        let is_port =
            |l: &&mut Listener| l.protocol == Protocol::Mqtt && !matches!(l.bind, Bind::Unix(_));
        if let Some(listener) = listeners.find(is_port) {
            listener.port = port;
        }
    }

    /// Connections at a time, of all listeners together; `None` for any number.
    pub fn max_connections(&self) -> Option<usize> {
        let listeners = self.listeners.iter();
        let sum: Option<usize> = listeners.map(|listener| listener.max_connections).sum();
        match (sum, self.global_max_connections) {
            (Some(sum), Some(all)) => Some(sum.min(all)),
            (sum, all) => sum.or(all),
        }
    }

    /// Puts these listeners into a configuration that is to follow this one
    /// while they are open, each with its own rules, versions and certificates
    /// from there.
    ///
    /// # Errors
    /// One of the two has rules for each listener, or a listener with TLS, and
    /// the other has not.
    pub(crate) fn keep_listeners(&self, next: &mut Self) -> Result<(), ReloadError> {
        let has_own = |config: &Self| config.listeners.iter().any(|l| l.security.is_some());
        if has_own(self) != has_own(next) {
            return Err(ReloadError::PerListener);
        }
        let mut listeners = self.listeners.clone();
        for listener in &mut listeners {
            let same = |other: &&Listener| {
                other.port == listener.port
                    && other.bind == listener.bind
                    && other.interface == listener.interface
                    && other.family == listener.family
            };
            if let Some(next) = next.listeners.iter().find(same) {
                listener.security.clone_from(&next.security);
                listener.versions.clone_from(&next.versions);
                if listener.tls.is_on() != next.tls.is_on() {
                    return Err(ReloadError::Tls(listener.port));
                }
                listener.tls.clone_from(&next.tls);
            }
        }
        next.listeners = listeners;
        Ok(())
    }

    /// The keys that say something else in `next`, and take a restart for it.
    pub(crate) fn keys_for_restart(&self, next: &Self) -> BTreeSet<&'static str> {
        let said = |config: &Self, key| {
            let lines = config.at_start.iter().filter(|(k, ..)| *k == key).cloned();
            lines.collect::<Vec<_>>()
        };
        let lines = self.at_start.iter().chain(&next.at_start);
        let keys: BTreeSet<_> = lines.map(|(key, ..)| *key).collect();
        let differs = |key: &&'static str| said(self, *key) != said(next, *key);
        keys.into_iter().filter(differs).collect()
    }

    /// Whether clients without a user name may connect somewhere.
    pub fn allows_anonymous(&self) -> bool {
        self.listeners.iter().any(|listener| {
            let security = listener.security.as_ref().unwrap_or(&self.security);
            listener.allow_anonymous.unwrap_or(security.allow_anonymous)
        })
    }

    /// Whether only this machine can connect.
    pub fn is_local_only(&self) -> bool {
        self.listeners.iter().all(|listener| match &listener.bind {
            Bind::All => false,
            Bind::Loopback | Bind::Unix(_) => true,
            Bind::Host(host) => {
                host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
            }
        })
    }
}
