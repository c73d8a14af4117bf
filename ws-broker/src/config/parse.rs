use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::keys::{self, Key};
use codec::{ProtocolVersion, QoS};

use super::{
    Bind, Config, Durability, Listener, MAX_THREADS, MQTT_PORT, Persistence, Protocol, Security,
};
use crate::access::Acl;
use crate::log::{Destination, LogTypes};

/// Why a configuration file cannot be used; displays as one line that says
/// what, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    file: PathBuf,
    line: Option<usize>,
    what: String,
}

impl ConfigError {
    pub(super) fn unreadable(file: &Path, error: &std::io::Error) -> Self {
        Self {
            file: file.into(),
            line: None,
            what: format!("cannot read the configuration file: {error}"),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.what)
    }
}

impl std::error::Error for ConfigError {}

/// Reads the text of a configuration file.
pub(super) fn parse(file: &Path, text: &str) -> Result<Config, ConfigError> {
    let mut parser = Parser::new();
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        parser.line(line).map_err(|what| ConfigError {
            file: file.into(),
            line: Some(number + 1),
            what,
        })?;
    }
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let mut config = parser.finish(&folder);
    config.file = Some(file.into());
    Ok(config)
}

struct Parser {
    config: Config,
    /// What stands before the first `listener`, and belongs to the listener
    /// that `port` or `bind_address` opens, or that is there when no other is.
    default: Listener,
    has_default: bool,
    /// Whether each listener has rules of its own.
    is_per_listener: bool,
    /// Whether something was said of who may come in and what they may do.
    has_security: bool,
    /// Of all listeners, or of the one before the first `listener`.
    allow_anonymous: Option<bool>,
    log_types: Option<LogTypes>,
    is_persistent: bool,
    persistence_location: PathBuf,
    durability: Durability,
    /// Keys that have been warned of.
    warned: Vec<String>,
}

impl Parser {
    fn new() -> Self {
        Self {
            config: Config::default(),
            default: Listener::new(MQTT_PORT, Protocol::Mqtt),
            has_default: false,
            is_per_listener: false,
            has_security: false,
            allow_anonymous: None,
            log_types: None,
            is_persistent: false,
            persistence_location: PathBuf::new(),
            durability: Durability::Always,
            warned: Vec::new(),
        }
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let line = without_comment(line).trim();
        let Some((key, value)) = line.split_once(char::is_whitespace).or(match line {
            "" => None,
            key => Some((key, "")),
        }) else {
            return Ok(());
        };
        match keys::find(key) {
            Some(Key::Supported) => self.set(key, value.trim()),
            Some(Key::NoEffect(why)) => {
                // `persistence false` is what happens anyway.
                if value.trim() != "false" && !self.warned.iter().any(|k| k == key) {
                    self.warned.push(key.into());
                    let warning = format!("{key} has no effect here: {why}.");
                    self.config.warnings.push(warning);
                }
                Ok(())
            }
            Some(Key::Missing) => Err(format!(
                "\"{key}\" is not supported by this version; remove the line if you can do without"
            )),
            None => Err(match keys::nearest(key) {
                Some(nearest) => {
                    format!("unknown configuration key \"{key}\"; did you mean \"{nearest}\"?")
                }
                None => format!("unknown configuration key \"{key}\""),
            }),
        }
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        if value.is_empty() && key != "auto_id_prefix" {
            return Err(format!("\"{key}\" needs a value"));
        }
        let config = &mut self.config;
        match key {
            "accept_protocol_versions" => self.current().versions = Some(versions(value)?),
            "acl_file" => self.security().acl = Acl::read(Path::new(value))?,
            "allow_anonymous" => {
                let allows = boolean(key, value)?;
                self.security().allow_anonymous = allows;
                if !self.is_per_listener || self.config.listeners.is_empty() {
                    self.allow_anonymous = Some(allows);
                }
            }
            "allow_zero_length_clientid" => {
                self.security().allow_zero_length_clientid = boolean(key, value)?;
            }
            "auto_id_prefix" => self.security().auto_id_prefix = auto_id_prefix(key, value)?,
            "bind_address" => {
                self.default.bind = Bind::Host(value.into());
                self.has_default = true;
            }
            "certfile" => self.current().certfile = Some(value.into()),
            "connection_messages" => config.connection_messages = boolean(key, value)?,
            "global_max_clients" => config.global_max_clients = limit(key, value)?,
            "global_max_connections" => config.global_max_connections = limit(key, value)?,
            "keyfile" => self.current().keyfile = Some(value.into()),
            "listener" => self.listener(value)?,
            "listener_allow_anonymous" => {
                self.current().allow_anonymous = Some(boolean(key, value)?);
            }
            "listener_auto_id_prefix" => {
                self.current().auto_id_prefix = Some(auto_id_prefix(key, value)?);
            }
            "log_dest" => config.log.destination = destination(value)?,
            "log_timestamp" => config.log.timestamp = boolean(key, value)?,
            "log_type" => {
                let types = self.log_types.get_or_insert(LogTypes::NONE);
                if !types.add(value) {
                    return Err(format!("unknown log_type \"{value}\""));
                }
            }
            "max_connections" => self.current().max_connections = limit(key, value)?,
            "max_inflight_bytes" => config.max_inflight_bytes = number(key, value, 0..=usize::MAX)?,
            "max_inflight_messages" => {
                config.max_inflight_messages = match number(key, value, 0..=u16::MAX)? {
                    0 => u16::MAX,
                    limit => limit,
                };
            }
            "max_keepalive" => config.max_keepalive = number(key, value, 0..=u16::MAX)?,
            "max_packet_size" => {
                config.max_packet_size = match number(key, value, 0..=268_435_460)? {
                    0 => 268_435_460,
                    1..20 => return Err("max_packet_size is at least 20 bytes".into()),
                    limit => limit,
                };
            }
            "max_qos" | "maximum_qos" => {
                let level = number(key, value, 0..=2)?;
                self.current().max_qos = QoS::from_u8(level).unwrap_or_default();
            }
            "max_queued_bytes" => config.queue.bytes = number(key, value, 0..=usize::MAX)?,
            "max_queued_messages" => config.queue.messages = number(key, value, 0..=usize::MAX)?,
            "max_topic_alias" => config.max_topic_alias = number(key, value, 0..=u16::MAX)?,
            "max_topic_alias_broker" => {
                config.max_topic_alias_broker = number(key, value, 0..=u16::MAX)?;
            }
            "queue_qos0_messages" => config.queue.qos0 = boolean(key, value)?,
            "memory_limit" => config.memory_limit = number(key, value, 0..=usize::MAX)?,
            "message_size_limit" => {
                config.message_size_limit = number(key, value, 0..=268_435_455)?;
            }
            "password_file" => self.security().password_file = Some(value.into()),
            "durability" => self.durability = durability(value)?,
            "per_listener_settings" => {
                let is_per_listener = boolean(key, value)?;
                if self.has_security && is_per_listener != self.is_per_listener {
                    return Err("per_listener_settings must stand before what it is about: \
                         acl_file, allow_anonymous, allow_zero_length_clientid, auto_id_prefix \
                         and password_file"
                        .into());
                }
                self.is_per_listener = is_per_listener;
            }
            "persistence" => self.is_persistent = boolean(key, value)?,
            "persistence_location" => self.persistence_location = value.into(),
            "persistent_client_expiration" => {
                config.persistent_client_expiration = Some(duration(value)?);
            }
            "port" => {
                self.default.port = number(key, value, 1..=u16::MAX)?;
                self.has_default = true;
            }
            "protocol" => {
                let protocol = match value {
                    "mqtt" => Protocol::Mqtt,
                    "websockets" => Protocol::WebSockets,
                    _ => return Err(format!("protocol is mqtt or websockets, not \"{value}\"")),
                };
                self.current().protocol = protocol;
            }
            "require_certificate" => {
                if boolean(key, value)? {
                    return Err(
                        "certificates of clients are not supported by this version; use \
                         password_file, or remove the line if you can do without"
                            .into(),
                    );
                }
            }
            "retain_available" => config.retain_available = boolean(key, value)?,
            "sys_interval" => config.sys_interval = number(key, value, 0..=65_535)?,
            "threads" => config.threads = number(key, value, 0..=MAX_THREADS)?,
            "upgrade_outgoing_qos" => config.upgrade_outgoing_qos = boolean(key, value)?,
            _ => unreachable!("every supported key is handled: see the test"),
        }
        Ok(())
    }

    /// The rules that are being written: of all, or of one listener.
    fn security(&mut self) -> &mut Security {
        self.has_security = true;
        if self.is_per_listener {
            self.current().security.get_or_insert_default()
        } else {
            &mut self.config.security
        }
    }

    /// The listener that listener options belong to.
    fn current(&mut self) -> &mut Listener {
        self.config
            .listeners
            .last_mut()
            .unwrap_or(&mut self.default)
    }

    fn listener(&mut self, value: &str) -> Result<(), String> {
        let (port, host) = match value.split_once(char::is_whitespace) {
            Some((port, host)) => (port, Some(host.trim())),
            None => (value, None),
        };
        let port = number("listener", port, 0..=u16::MAX)?;
        if port == 0 && host.is_some_and(|host| host.starts_with('/')) {
            return Err("unix sockets are not supported by this version".into());
        }
        let mut listener = Listener::new(port, Protocol::Mqtt);
        listener.bind = host.map_or(Bind::All, |host| Bind::Host(host.into()));
        self.config.listeners.push(listener);
        Ok(())
    }

    /// What is said in a file that is in `folder`.
    fn finish(self, folder: &Path) -> Config {
        let mut config = self.config;
        config.persistence = self.is_persistent.then(|| Persistence {
            location: folder.join(self.persistence_location),
            durability: self.durability,
        });
        if self.has_default {
            config.listeners.insert(0, self.default.clone());
        }
        let is_local = config.listeners.is_empty();
        if is_local {
            config.listeners = Config::local(None).listeners;
            for listener in &mut config.listeners {
                *listener = Listener {
                    port: listener.port,
                    bind: listener.bind.clone(),
                    protocol: listener.protocol,
                    is_optional: listener.is_optional,
                    ..self.default.clone()
                };
            }
        }
        let allow_anonymous = self.allow_anonymous.unwrap_or(is_local);
        if self.is_per_listener {
            for listener in &mut config.listeners {
                let security = listener.security.get_or_insert_default();
                security.allow_anonymous |= is_local && allow_anonymous;
            }
            // Nobody comes in by these.
            config.security = Security::closed();
        } else {
            config.security.allow_anonymous = allow_anonymous;
        }
        config.log.types = self.log_types.unwrap_or(LogTypes::DEFAULT);
        config
    }
}

/// A comment is a line that starts with `#`, or what follows a `#` after a
/// space. Mosquitto knows only the former; files in the wild have both.
fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with('#') {
        return "";
    }
    let comment = line
        .match_indices('#')
        .find(|(at, _)| line[..*at].ends_with(char::is_whitespace));
    comment.map_or(line, |(at, _)| &line[..at])
}

fn auto_id_prefix(key: &str, value: &str) -> Result<String, String> {
    if value.len() > 50 {
        return Err(format!("{key} has at most 50 characters"));
    }
    Ok(value.into())
}

/// A number, or -1 for no limit.
fn limit(key: &str, value: &str) -> Result<Option<usize>, String> {
    match value {
        "-1" => Ok(None),
        value => number(key, value, 0..=100_000_000).map(Some),
    }
}

/// Versions as their levels, separated by commas.
fn versions(value: &str) -> Result<Vec<ProtocolVersion>, String> {
    let levels = value
        .split(',')
        .map(str::trim)
        .filter(|level| !level.is_empty());
    let versions = levels.map(|level| match level {
        "3" => Ok(ProtocolVersion::V3_1),
        "4" => Ok(ProtocolVersion::V3_1_1),
        "5" => Ok(ProtocolVersion::V5),
        _ => Err(format!(
            "accept_protocol_versions lists 3, 4 and 5, not \"{level}\""
        )),
    });
    versions.collect()
}

fn boolean(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(format!("{key} is true or false, not \"{value}\"")),
    }
}

fn number<N>(key: &str, value: &str, range: std::ops::RangeInclusive<N>) -> Result<N, String>
where
    N: FromStr + PartialOrd + fmt::Display,
{
    let number = value.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        let (from, to) = (range.start(), range.end());
        format!("{key} is a number from {from} to {to}, not \"{value}\"")
    })
}

/// A number and its unit: hours, days, weeks, months or years, as seconds.
fn duration(value: &str) -> Result<u32, String> {
    let (count, unit) =
        value.split_at(value.len() - value.chars().next_back().map_or(0, char::len_utf8));
    let hours: u32 = match unit {
        "h" => 1,
        "d" => 24,
        "w" => 24 * 7,
        "m" => 24 * 30,
        "y" => 24 * 365,
        _ => 0,
    };
    let seconds = count
        .parse::<u32>()
        .ok()
        .and_then(|n| n.checked_mul(hours)?.checked_mul(3600));
    seconds.filter(|seconds| *seconds > 0).ok_or_else(|| {
        format!("a duration is a number with h, d, w, m or y after it, not \"{value}\"")
    })
}

fn durability(value: &str) -> Result<Durability, String> {
    let interval = value.strip_prefix("interval").map(str::trim);
    match (value, interval) {
        ("always", _) => Ok(Durability::Always),
        ("off", _) => Ok(Durability::Off),
        (_, Some(seconds)) => {
            let seconds = number("durability interval", seconds, 1..=86_400)?;
            Ok(Durability::Interval(Duration::from_secs(seconds)))
        }
        _ => Err(format!(
            "durability is always, interval SECONDS or off, not \"{value}\""
        )),
    }
}

fn destination(value: &str) -> Result<Destination, String> {
    match value {
        "stdout" => Ok(Destination::Stdout),
        "stderr" => Ok(Destination::Stderr),
        "none" => Ok(Destination::None),
        _ => Err(format!(
            "log_dest \"{value}\" is not supported by this version; stdout, stderr and none are"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        parse(Path::new("home.conf"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn the_three_line_config_and_its_websocket_listener() {
        let config = read(
            "# for the kitchen\r\nlistener 1883\r\nallow_anonymous true # everybody\r\n\r\n\
             listener 9001 127.0.0.1\r\nprotocol websockets\r\nmax_connections 10\r\n",
        )
        .unwrap();
        assert!(config.security.allow_anonymous);
        assert_eq!(config.listeners[0], Listener::new(1883, Protocol::Mqtt));
        let websockets = &config.listeners[1];
        assert_eq!(websockets.port, 9001);
        assert_eq!(websockets.bind, Bind::Host("127.0.0.1".into()));
        assert_eq!(websockets.protocol, Protocol::WebSockets);
        assert_eq!(websockets.max_connections, Some(10));
    }

    #[test]
    fn without_listener_only_this_machine_and_everybody_on_it() {
        let config = read("max_inflight_messages 0\n").unwrap();
        assert!(config.is_local_only() && config.security.allow_anonymous);
        assert_eq!(config.max_inflight_messages, u16::MAX);
    }

    #[test]
    fn with_a_listener_nobody_without_a_password() {
        assert!(!read("listener 1883\n").unwrap().security.allow_anonymous);
        assert!(!read("port 1884\n").unwrap().security.allow_anonymous);
    }

    #[test]
    fn errors_name_file_line_and_remedy() {
        assert_eq!(
            read("\nlisener 1883\n").unwrap_err(),
            "home.conf:2: unknown configuration key \"lisener\"; did you mean \"listener\"?"
        );
        assert_eq!(
            read("listener http\n").unwrap_err(),
            "home.conf:1: listener is a number from 0 to 65535, not \"http\""
        );
        assert_eq!(
            read("allow_anonymous maybe").unwrap_err(),
            "home.conf:1: allow_anonymous is true or false, not \"maybe\""
        );
        assert_eq!(
            read("protocol").unwrap_err(),
            "home.conf:1: \"protocol\" needs a value"
        );
    }

    #[test]
    fn what_would_be_dangerous_to_ignore_is_an_error_what_is_harmless_a_warning() {
        assert!(
            read("psk_file /etc/psk\n")
                .unwrap_err()
                .contains("psk_file")
        );
        let config =
            read("autosave_interval 60\nautosave_interval 60\nset_tcp_nodelay false").unwrap();
        assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    }

    #[test]
    fn every_supported_key_is_handled() {
        let acl = std::env::temp_dir().join(format!("ws-broker-acl-{}", std::process::id()));
        std::fs::write(&acl, "topic read #\n").unwrap();
        for key in [
            ("acl_file", acl.to_str().unwrap()),
            ("accept_protocol_versions", "3, 4,5"),
            ("global_max_clients", "10"),
            ("global_max_connections", "-1"),
            ("listener_allow_anonymous", "true"),
            ("listener_auto_id_prefix", "kitchen-"),
            ("max_inflight_bytes", "0"),
            ("max_qos", "1"),
            ("maximum_qos", "2"),
            ("sys_interval", "10"),
            ("threads", "2"),
            ("upgrade_outgoing_qos", "true"),
            ("allow_anonymous", "true"),
            ("max_topic_alias", "10"),
            ("max_topic_alias_broker", "10"),
            ("queue_qos0_messages", "true"),
            ("allow_zero_length_clientid", "true"),
            ("auto_id_prefix", "auto-"),
            ("bind_address", "localhost"),
            ("certfile", "/etc/mosquitto/certs/server.crt"),
            ("keyfile", "/etc/mosquitto/certs/server.key"),
            ("require_certificate", "false"),
            ("connection_messages", "false"),
            ("listener", "1883"),
            ("log_dest", "stdout"),
            ("log_timestamp", "false"),
            ("log_type", "all"),
            ("max_connections", "-1"),
            ("max_inflight_messages", "20"),
            ("max_keepalive", "60"),
            ("max_packet_size", "1000"),
            ("memory_limit", "0"),
            ("password_file", "/etc/mosquitto/passwd"),
            ("max_queued_bytes", "0"),
            ("max_queued_messages", "0"),
            ("message_size_limit", "0"),
            ("durability", "interval 5"),
            ("per_listener_settings", "true"),
            ("persistence", "true"),
            ("persistence_location", "data"),
            ("persistent_client_expiration", "2w"),
            ("port", "1883"),
            ("protocol", "mqtt"),
            ("retain_available", "true"),
        ] {
            assert_eq!(keys::find(key.0), Some(Key::Supported), "{}", key.0);
            read(&format!("{} {}", key.0, key.1)).unwrap();
        }
        assert_eq!(
            keys::supported(),
            44,
            "a key is missing from the list above"
        );
    }

    #[test]
    fn what_is_stored_is_beside_the_file_unless_it_says_where() {
        let read = |text: &str| parse(Path::new("/etc/broker/home.conf"), text).unwrap();
        assert_eq!(read("persistence_location /var\n").persistence, None);
        assert_eq!(read("persistence false\n").persistence, None);
        for (line, folder) in [
            ("", "/etc/broker/"),
            ("persistence_location data/\n", "/etc/broker/data"),
            (
                "persistence_location /var/lib/mosquitto/\n",
                "/var/lib/mosquitto",
            ),
        ] {
            let persistence = read(&format!("{line}persistence true\n"))
                .persistence
                .unwrap();
            assert_eq!(persistence.location, Path::new(folder));
            assert_eq!(persistence.durability, Durability::Always);
        }
    }

    #[test]
    fn durability_is_a_word_and_for_an_interval_a_number() {
        let seconds = |n| Ok(Durability::Interval(Duration::from_secs(n)));
        assert_eq!(durability("always"), Ok(Durability::Always));
        assert_eq!(durability("off"), Ok(Durability::Off));
        assert_eq!(durability("interval 5"), seconds(5));
        for bad in ["", "interval", "interval 0", "interval 1h", "never", "5"] {
            assert!(durability(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn with_per_listener_settings_each_listener_has_its_own_rules() {
        let config = read(
            "per_listener_settings true\nport 1884\nauto_id_prefix a-\n\
             listener 1883\nallow_anonymous true\nlistener 9001\npassword_file users\n",
        )
        .unwrap();
        let own = |n: usize| config.listeners[n].security.clone().unwrap();
        assert_eq!(own(0).auto_id_prefix, "a-");
        assert!(!own(0).allow_anonymous && own(1).allow_anonymous && !own(2).allow_anonymous);
        assert_eq!(own(1).auto_id_prefix, "auto-");
        assert_eq!(own(2).password_file, Some("users".into()));
        assert_eq!(config.security, Security::closed());

        let shared = read("per_listener_settings false\nlistener 1883\nallow_anonymous true\n");
        let shared = shared.unwrap();
        assert!(shared.security.allow_anonymous && shared.listeners[0].security.is_none());

        let local = read("per_listener_settings true\n").unwrap();
        let allows = |config: &Config| {
            let mut listeners = config.listeners.iter();
            listeners.all(|l| l.security.as_ref().unwrap().allow_anonymous)
        };
        assert!(local.is_local_only() && allows(&local));
        let closed = read("per_listener_settings true\nallow_anonymous false\n").unwrap();
        assert!(!allows(&closed));

        let late = read("allow_anonymous true\nper_listener_settings true\n").unwrap_err();
        assert!(
            late.contains("home.conf:2: per_listener_settings must stand before"),
            "{late}"
        );
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("2h"), Ok(7200));
        assert_eq!(duration("1y"), Ok(31_536_000));
        for bad in ["", "h", "12", "1s", "-1d", "9999999y", "1é"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
