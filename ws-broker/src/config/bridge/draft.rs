//! A bridge that is being read, key by key.

use std::time::Duration;

use codec::{ProtocolVersion, TopicName};

use super::{Address, Bridge, BridgeTopic, Notifications, Restart, Start, TcpKeepAlive};
use crate::config::TlsVersion;
use crate::config::values::{boolean, number};

/// A shorter `keepalive_interval` is taken for this, seconds.
const MIN_KEEP_ALIVE: u16 = 5;
/// A longer `restart_timeout` is taken for this, seconds.
const MAX_BASE: u64 = 3600;
/// A longer limit of `restart_timeout` is taken for this, seconds.
const MAX_CAP: u64 = 7200;

/// All keys that belong to a `connection`, in the order of the alphabet.
pub(in crate::config) const KEYS: &[&str] = &[
    "address",
    "addresses",
    "bridge_alpn",
    "bridge_attempt_unsubscribe",
    "bridge_bind_address",
    "bridge_cafile",
    "bridge_capath",
    "bridge_certfile",
    "bridge_ciphers",
    "bridge_ciphers_tls1.3",
    "bridge_identity",
    "bridge_insecure",
    "bridge_keyfile",
    "bridge_max_packet_size",
    "bridge_max_topic_alias",
    "bridge_outgoing_retain",
    "bridge_protocol_version",
    "bridge_psk",
    "bridge_receive_maximum",
    "bridge_reload_type",
    "bridge_require_ocsp",
    "bridge_session_expiry_interval",
    "bridge_tcp_keepalive",
    "bridge_tcp_user_timeout",
    "bridge_tls_use_os_certs",
    "bridge_tls_version",
    "cleansession",
    "clientid",
    "idle_timeout",
    "keepalive_interval",
    "local_cleansession",
    "local_clientid",
    "local_password",
    "local_username",
    "notification_topic",
    "notifications",
    "notifications_local_only",
    "password",
    "remote_clientid",
    "remote_password",
    "remote_username",
    "restart_timeout",
    "round_robin",
    "start_type",
    "threshold",
    "topic",
    "try_private",
    "username",
];

/// A bridge that is being read.
#[derive(Debug)]
pub(in crate::config) struct Draft {
    bridge: Bridge,
    /// Whether `notifications` is not false.
    notifies: bool,
    /// `notifications_local_only`.
    only_here: bool,
    /// Whether there are `bridge_identity` and `bridge_psk`.
    psk: (bool, bool),
}

impl Draft {
    /// A bridge without addresses and topics, with Mosquitto's defaults.
    pub(in crate::config) fn new(name: &str) -> Self {
        Self {
            bridge: Bridge::new(name),
            notifies: true,
            only_here: false,
            psk: (false, false),
        }
    }

    /// What it is called.
    pub(in crate::config) fn name(&self) -> &str {
        &self.bridge.name
    }

    /// Takes one of [`KEYS`], not empty.
    pub(in crate::config) fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let bridge = &mut self.bridge;
        let text = || Some(value.to_owned());
        match key {
            "address" | "addresses" => {
                if !bridge.addresses.is_empty() {
                    return Err("a connection has one address line; list them in it".into());
                }
                let addresses = value.split_whitespace().map(Address::parse);
                bridge.addresses = addresses.collect::<Result<_, _>>()?;
            }
            "bridge_alpn" => bridge.tls().alpn = text(),
            "bridge_attempt_unsubscribe" => bridge.attempts_unsubscribe = boolean(key, value)?,
            "bridge_bind_address" => bridge.bind_address = text(),
            "bridge_insecure" => bridge.tls().is_insecure = boolean(key, value)?,
            "bridge_max_packet_size" => {
                bridge.max_packet_size = number(key, value, 0..=268_435_460)?;
            }
            "bridge_max_topic_alias" => bridge.max_topic_alias = number(key, value, 0..=u16::MAX)?,
            "bridge_outgoing_retain" => bridge.outgoing_retain = boolean(key, value)?,
            "bridge_protocol_version" => bridge.version = version(value)?,
            "bridge_cafile"
            | "bridge_capath"
            | "bridge_certfile"
            | "bridge_ciphers"
            | "bridge_ciphers_tls1.3"
            | "bridge_keyfile" => {
                let key = key.strip_prefix("bridge_").unwrap_or(key);
                bridge.tls().options.set(key, value)?;
            }
            "bridge_tls_version" => {
                bridge.tls().options.version = TlsVersion::parse(key, value)?;
            }
            "bridge_identity" => self.psk.0 = true,
            "bridge_psk" => self.psk.1 = true,
            "bridge_receive_maximum" => {
                bridge.receive_maximum = Some(number(key, value, 1..=u16::MAX)?);
            }
            "bridge_reload_type" => {
                bridge.reloads_at_once =
                    one_of(key, value, &[("lazy", false), ("immediate", true)])?;
            }
            "bridge_require_ocsp" => {
                if boolean(key, value)? {
                    return Err(
                        "bridge_require_ocsp is not supported by this version; remove the \
                         line if you can do without"
                            .into(),
                    );
                }
            }
            "bridge_session_expiry_interval" => {
                bridge.session_expiry = number(key, value, 0..=u32::MAX)?;
            }
            "bridge_tcp_keepalive" => bridge.tcp_keep_alive = tcp_keep_alive(value)?,
            "bridge_tcp_user_timeout" => {
                let millis = number(key, value, 0..=i32::MAX.unsigned_abs())?;
                bridge.tcp_user_timeout = Some(Duration::from_millis(millis.into()));
            }
            "bridge_tls_use_os_certs" => {
                let uses = boolean(key, value)?;
                if uses || bridge.tls.is_some() {
                    bridge.tls().uses_os_certs = uses;
                }
            }
            "cleansession" => bridge.clean_session = boolean(key, value)?,
            "clientid" | "remote_clientid" => bridge.remote_client_id = text(),
            "idle_timeout" => bridge.idle_timeout = seconds(key, value)?,
            "keepalive_interval" => {
                bridge.keep_alive = number(key, value, 0..=u16::MAX)?.max(MIN_KEEP_ALIVE);
            }
            "local_cleansession" => bridge.local_clean_session = Some(boolean(key, value)?),
            "local_clientid" => bridge.local_client_id = text(),
            // The bridge is the broker's own: nobody asks for it.
            "local_password" => {}
            "local_username" => bridge.local_username = text(),
            "notification_topic" => {
                let topic = TopicName::new(value);
                bridge.notification_topic = Some(topic.map_err(|e| format!("{key}: {e}"))?);
            }
            "notifications" => self.notifies = boolean(key, value)?,
            "notifications_local_only" => self.only_here = boolean(key, value)?,
            "password" | "remote_password" => bridge.remote_password = text(),
            "restart_timeout" => bridge.restart = restart(value)?,
            "round_robin" => bridge.round_robin = boolean(key, value)?,
            "start_type" => {
                let types = [
                    ("automatic", Start::Automatic),
                    ("lazy", Start::Lazy),
                    ("once", Start::Once),
                ];
                bridge.start = one_of(key, value, &types)?;
            }
            "threshold" => bridge.threshold = number(key, value, 1..=usize::MAX)?,
            "topic" => {
                let topic = BridgeTopic::parse(value)?;
                if !bridge.topics.contains(&topic) {
                    bridge.topics.push(topic);
                }
            }
            "try_private" => bridge.try_private = boolean(key, value)?,
            "username" | "remote_username" => bridge.remote_username = text(),
            _ => unreachable!("every key is handled: see the test"),
        }
        Ok(())
    }

    /// The bridge, if nothing is missing.
    pub(in crate::config) fn finish(self) -> Result<Bridge, String> {
        let mut bridge = self.bridge;
        let name = &bridge.name;
        let wrong = |what: &str| Err(format!("Invalid bridge configuration: {what}."));
        if bridge.addresses.is_empty() {
            return wrong("no remote addresses defined");
        }
        if bridge.topics.is_empty() {
            return wrong("no topics defined");
        }
        match self.psk {
            (false, false) => {}
            (false, true) => return wrong("missing bridge_identity"),
            (true, false) => return wrong("missing bridge_psk"),
            (true, true) => {
                return wrong("TLS-PSK is not available; use certificates (bridge_cafile)");
            }
        }
        if bridge.remote_password.is_some() && bridge.remote_username.is_none() {
            return wrong("missing remote_username for the remote_password");
        }
        if let Some(tls) = &bridge.tls {
            let files = &tls.options;
            if files.certfile.is_some() != files.keyfile.is_some() {
                return wrong("bridge_certfile and bridge_keyfile need each other");
            }
            if files.cafile.is_none() && files.capath.is_none() && !tls.uses_os_certs {
                return wrong(
                    "TLS needs bridge_cafile, bridge_capath or bridge_tls_use_os_certs true: who \
                     vouches for the other broker?",
                );
            }
        }
        if let (None, Err(error)) = (&bridge.notification_topic, bridge.state_topic()) {
            return wrong(&format!(
                "{name} needs another remote_clientid, or a notification_topic: {error}"
            ));
        }
        bridge.notifications = match (self.notifies, self.only_here) {
            (false, _) => Notifications::None,
            (true, true) => Notifications::Local,
            (true, false) => Notifications::Both,
        };
        Ok(bridge)
    }
}

fn one_of<T: Copy>(key: &str, value: &str, values: &[(&str, T)]) -> Result<T, String> {
    let found = values.iter().find(|(name, _)| *name == value);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = values.iter().map(|(name, _)| *name).collect();
        format!("{key} is {}, not \"{value}\"", names.join(" or "))
    })
}

fn version(value: &str) -> Result<ProtocolVersion, String> {
    let versions = [
        ("mqttv31", ProtocolVersion::V3_1),
        ("mqttv311", ProtocolVersion::V3_1_1),
        ("mqttv50", ProtocolVersion::V5),
    ];
    one_of("bridge_protocol_version", value, &versions)
}

fn seconds(key: &str, value: &str) -> Result<Duration, String> {
    let seconds = number(key, value, 0..=u32::MAX)?.max(1);
    Ok(Duration::from_secs(seconds.into()))
}

/// `CONSTANT`, or `BASE CAP [STABLE]`, seconds.
fn restart(value: &str) -> Result<Restart, String> {
    let key = "restart_timeout";
    let wanted = "restart_timeout is SECONDS, or BASE CAP [STABLE]";
    let words: Vec<_> = value.split_whitespace().collect();
    let seconds = |word, most: u64| {
        let seconds = number(key, word, 0..=u64::MAX)?.clamp(1, most);
        Ok::<_, String>(Duration::from_secs(seconds))
    };
    match words[..] {
        [constant] => Ok(Restart::Constant(seconds(constant, MAX_BASE)?)),
        [base, cap] | [base, cap, _] => {
            let (base, cap) = (seconds(base, MAX_BASE)?, seconds(cap, MAX_CAP)?);
            if cap < base {
                return Err(format!("{wanted}, and CAP is not below BASE"));
            }
            let stable = match words.get(2) {
                Some(stable) => Duration::from_secs(number(key, stable, 0..=u64::MAX / 4)?),
                None => Duration::ZERO,
            };
            Ok(Restart::BackOff { base, cap, stable })
        }
        _ => Err(wanted.into()),
    }
}

/// `IDLE INTERVAL COUNT`; with a 0 the system's own rule holds.
fn tcp_keep_alive(value: &str) -> Result<Option<TcpKeepAlive>, String> {
    let key = "bridge_tcp_keepalive";
    let words: Vec<_> = value.split_whitespace().collect();
    let [idle, interval, count] = words[..] else {
        return Err("bridge_tcp_keepalive is IDLE INTERVAL COUNT".into());
    };
    let number = |word| number::<u32>(key, word, 0..=32_767);
    let (idle, interval, count) = (number(idle)?, number(interval)?, number(count)?);
    let seconds = |n: u32| Duration::from_secs(n.into());
    Ok(
        (idle > 0 && interval > 0 && count > 0).then(|| TcpKeepAlive {
            idle: seconds(idle),
            interval: seconds(interval),
            count,
        }),
    )
}
