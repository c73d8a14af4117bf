//! Connections that this broker makes to others: a `connection` line and what
//! stands below it.

mod draft;
#[cfg(test)]
mod tests;

use std::time::Duration;

use codec::{ByteString, InvalidTopic, ProtocolVersion, QoS, TopicFilter, TopicName};

use super::TlsOptions;
pub(super) use draft::{Draft, KEYS};

/// One connection to another broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// What the log calls it.
    pub name: String,
    /// Where the other broker is: tried in turn.
    pub addresses: Vec<Address>,
    /// Whether all addresses are as good as the first.
    pub round_robin: bool,
    /// Which of this machine's addresses it connects from.
    pub bind_address: Option<String>,
    /// What goes over it.
    pub topics: Vec<BridgeTopic>,
    /// The version that is spoken.
    pub version: ProtocolVersion,
    /// Whether the other broker is told that this is a bridge, before 5.0.
    pub try_private: bool,
    /// Whether the other broker forgets the session with the connection.
    pub clean_session: bool,
    /// The same for the session here; `None` for the same.
    pub local_clean_session: Option<bool>,
    /// Client identifier at the other broker; `None` for one made of the
    /// machine's name and this one's.
    pub remote_client_id: Option<String>,
    /// User name at the other broker.
    pub remote_username: Option<String>,
    /// Password at the other broker.
    pub remote_password: Option<String>,
    /// Client identifier here; `None` for one made of the remote one.
    pub local_client_id: Option<String>,
    /// User name here.
    pub local_username: Option<String>,
    /// Seconds without traffic before the other broker is asked for a sign of
    /// life.
    pub keep_alive: u16,
    /// When it connects.
    pub start: Start,
    /// How long a lazy bridge stays connected without messages.
    pub idle_timeout: Duration,
    /// How many messages have to wait before a lazy bridge connects.
    pub threshold: usize,
    /// How long it waits before it connects again.
    pub restart: Restart,
    /// Who is told whether it is connected.
    pub notifications: Notifications,
    /// Where that is told; `None` for
    /// `$SYS/broker/connection/REMOTE_CLIENT_ID/state`.
    pub notification_topic: Option<TopicName>,
    /// Whether it unsubscribes from what goes out only: it may have come in
    /// before.
    pub attempts_unsubscribe: bool,
    /// Whether messages keep the RETAIN flag at the other broker.
    pub outgoing_retain: bool,
    /// The longest packet it sends, bytes; 0 for any.
    pub max_packet_size: usize,
    /// Topic aliases on either side.
    pub max_topic_alias: u16,
    /// QoS 1 and 2 messages that the other broker may have on their way;
    /// `None` for `max_inflight_messages`.
    pub receive_maximum: Option<u16>,
    /// How long the other broker keeps the session, seconds; 5.0.
    pub session_expiry: u32,
    /// When the system asks the other one whether it is still there.
    pub tcp_keep_alive: Option<TcpKeepAlive>,
    /// How long what was sent may go without an answer from the other
    /// system; `None` for as long as the system's own rule.
    pub tcp_user_timeout: Option<Duration>,
    /// TLS; `None` without.
    pub tls: Option<BridgeTls>,
    /// Whether a new configuration ends a connection that works.
    pub reloads_at_once: bool,
}

/// Where a broker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// An address or a host name.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// A `topic` line of a bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeTopic {
    /// Which way.
    pub direction: Direction,
    /// The highest QoS.
    pub qos: QoS,
    /// What topics start with here and not there.
    pub local_prefix: String,
    /// What topics start with there and not here.
    pub remote_prefix: String,
    /// What is subscribed to here.
    pub local: TopicFilter,
    /// What is subscribed to there.
    pub remote: TopicFilter,
}

/// Which way messages go over a bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From here to the other broker.
    Out,
    /// From the other broker.
    In,
    /// Both.
    Both,
}

impl Direction {
    /// Whether messages go to the other broker.
    pub const fn is_out(self) -> bool {
        matches!(self, Self::Out | Self::Both)
    }

    /// Whether messages come from the other broker.
    pub const fn is_in(self) -> bool {
        matches!(self, Self::In | Self::Both)
    }
}

/// When a bridge connects: `start_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the broker, and again whenever the connection is lost.
    Automatic,
    /// When enough messages wait.
    Lazy,
    /// With the broker, and never again.
    Once,
}

/// How long a bridge waits before it connects again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Always as long.
    Constant(Duration),
    /// By chance, and longer from time to time.
    BackOff {
        /// At least so long.
        base: Duration,
        /// At most so long.
        cap: Duration,
        /// A connection that lasted so long has it start at the base again.
        stable: Duration,
    },
}

/// Who is told whether a bridge is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notifications {
    /// Nobody.
    None,
    /// Subscribers here.
    Local,
    /// Subscribers here and at the other broker.
    Both,
}

/// TCP's own keep alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpKeepAlive {
    /// Silence before the first question.
    pub idle: Duration,
    /// Time between questions.
    pub interval: Duration,
    /// How many go without an answer.
    pub count: u32,
}

/// How a bridge does TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BridgeTls {
    /// The bridge's own certificate and key, if it has any, and who vouches for
    /// the other broker.
    pub options: TlsOptions,
    /// Whether those whom the system trusts are trusted too.
    pub uses_os_certs: bool,
    /// Whether the certificate may be for another host.
    pub is_insecure: bool,
    /// The application protocol that is asked for.
    pub alpn: Option<String>,
}

impl Bridge {
    /// A bridge without addresses and topics, with Mosquitto's defaults.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            addresses: Vec::new(),
            round_robin: false,
            bind_address: None,
            topics: Vec::new(),
            version: ProtocolVersion::V3_1_1,
            try_private: true,
            clean_session: false,
            local_clean_session: None,
            remote_client_id: None,
            remote_username: None,
            remote_password: None,
            local_client_id: None,
            local_username: None,
            keep_alive: 60,
            start: Start::Automatic,
            idle_timeout: Duration::from_secs(60),
            threshold: 10,
            restart: Restart::BackOff {
                base: Duration::from_secs(5),
                cap: Duration::from_secs(30),
                stable: Duration::ZERO,
            },
            notifications: Notifications::Both,
            notification_topic: None,
            attempts_unsubscribe: true,
            outgoing_retain: true,
            max_packet_size: 0,
            max_topic_alias: 10,
            receive_maximum: None,
            session_expiry: 0,
            tcp_keep_alive: None,
            tcp_user_timeout: None,
            tls: None,
            reloads_at_once: false,
        }
    }

    /// Client identifier at the other broker.
    pub fn remote_client_id(&self) -> ByteString {
        match &self.remote_client_id {
            Some(id) => id.as_str().into(),
            None => {
                let host = sysinfo::System::host_name();
                let host = host.as_deref().unwrap_or("localhost");
                format!("{host}.{}", self.name).into()
            }
        }
    }

    /// Client identifier here.
    pub fn local_client_id(&self) -> ByteString {
        match &self.local_client_id {
            Some(id) => id.as_str().into(),
            None => format!("local.{}", self.remote_client_id()).into(),
        }
    }

    /// Where brokers look whether it is connected.
    ///
    /// # Errors
    /// The client identifier cannot be part of a topic.
    pub fn state_topic(&self) -> Result<TopicName, InvalidTopic> {
        let id = self.remote_client_id();
        TopicName::new(format!("$SYS/broker/connection/{id}/state"))
    }

    /// Whether the session here ends with the connection.
    pub fn is_local_clean(&self) -> bool {
        // What waits is what has a lazy bridge connect.
        self.start != Start::Lazy && self.local_clean_session.unwrap_or(self.clean_session)
    }

    fn tls(&mut self) -> &mut BridgeTls {
        self.tls.get_or_insert_default()
    }
}

impl Address {
    /// `HOST`, `HOST:PORT` or `[IPV6]:PORT`; what has several colons is an IPv6
    /// address with a port behind it.
    fn parse(value: &str) -> Result<Self, String> {
        let (host, port) = match value.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                let parsed = port.parse().ok().filter(|port| *port > 0);
                let invalid = || format!("Invalid bridge port value ({port}) in \"{value}\".");
                (host, parsed.ok_or_else(invalid)?)
            }
            _ => (value, super::MQTT_PORT),
        };
        let inner = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let host = inner.unwrap_or(host);
        if host.is_empty() {
            return Err(format!("address is HOST:PORT, not \"{value}\""));
        }
        Ok(Self {
            host: host.into(),
            port,
        })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl BridgeTopic {
    /// Reads what stands behind `topic`: `PATTERN [[[out | in | both] QOS]
    /// LOCAL-PREFIX REMOTE-PREFIX]`. The pattern may be in quotes, since it may
    /// have spaces; `""` is an empty one. A comment may follow.
    pub fn parse(value: &str) -> Result<Self, String> {
        let (pattern, rest) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or_else(|| {
                let (_, rest) = quoted.split_once(' ').unwrap_or(("", quoted));
                format!("Missing closing quote in topic value ({rest}).")
            })?,
            None => value.split_once(char::is_whitespace).unwrap_or((value, "")),
        };
        let mut words = rest
            .split_whitespace()
            .take_while(|word| !word.starts_with('#'));
        let direction = match words.next().map(str::to_ascii_lowercase).as_deref() {
            None | Some("out") => Direction::Out,
            Some("in") => Direction::In,
            Some("both") => Direction::Both,
            Some(word) => {
                return Err(format!(
                    "Invalid bridge topic direction '{word}': it is out, in or both."
                ));
            }
        };
        let qos = words.next().unwrap_or("0");
        let parsed = qos.parse().ok().and_then(QoS::from_u8);
        let qos = parsed.ok_or_else(|| format!("Invalid bridge QoS level '{qos}'."))?;
        // Only `""` is empty: a prefix that is left out is none.
        let prefix = |word: &str| match word {
            "\"\"" => String::new(),
            word => word.into(),
        };
        let local = words.next().map(prefix);
        let remote = words.next().map(prefix);
        if words.next().is_some() {
            return Err("topic: too much behind the remote prefix".into());
        }
        let is_whole = |prefix: &Option<String>| prefix.as_ref().is_some_and(|p| !p.is_empty());
        if pattern.is_empty() && !(is_whole(&local) && is_whole(&remote)) {
            return Err("topic: without a pattern it needs both prefixes".into());
        }
        for prefix in [&local, &remote].into_iter().flatten() {
            if !prefix.is_empty() {
                TopicName::new(prefix.as_str()).map_err(|e| format!("topic: {e}: \"{prefix}\""))?;
            }
        }
        let filter = |prefix: &Option<String>| {
            let whole = format!("{}{pattern}", prefix.as_deref().unwrap_or_default());
            let filter = TopicFilter::new(whole.as_str());
            let filter = filter.map_err(|e| format!("topic: {e}: \"{whole}\""))?;
            if filter.share_name().is_some() {
                return Err("topic: a bridge has no shared subscriptions".to_owned());
            }
            crate::names::check_topic(&whole).map_err(|e| format!("topic: {e}: \"{whole}\""))?;
            Ok(filter)
        };
        Ok(Self {
            direction,
            qos,
            local: filter(&local)?,
            remote: filter(&remote)?,
            local_prefix: local.unwrap_or_default(),
            remote_prefix: remote.unwrap_or_default(),
        })
    }
}
