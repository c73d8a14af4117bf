use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use codec::QoS;

use super::bridge::{Bridge, Draft};
use super::error::ConfigError;
use super::keys::{self, Key};
use super::values::{
    aliases, auto_id_prefix, boolean, destination, durability, duration, empty, family, head_size,
    invalid, limit, log_format, metrics, number, place, timestamp_format, versions,
};
use super::{
    Bind, Config, Durability, Listener, MAX_THREADS, MQTT_PORT, Mount, Persistence, Protocol,
    Proxy, Security,
};
use crate::access::Acl;
use crate::log::{self, Destination, LogTypes};

/// Reads the text of a configuration file.
pub(super) fn parse(file: &Path, text: &str) -> Result<Config, ConfigError> {
    let mut parser = Parser::new();
    parser.text(file, text)?;
    if let Some(missing) = parser.missing.take() {
        return Err(missing);
    }
    let bridges = parser.bridges()?;
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let mut config = parser.finish(&folder);
    config.bridges = bridges;
    config.file = Some(file.into());
    Ok(config)
}

struct Parser {
    config: Config,
    /// The file and the line that is being read.
    place: (PathBuf, usize),
    /// The bridges, and where they begin.
    bridges: Vec<(Draft, PathBuf, usize)>,
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
    has_no_timestamp: bool,
    log_destinations: Option<Vec<Destination>>,
    is_persistent: bool,
    persistence_location: PathBuf,
    persistence_file: String,
    durability: Durability,
    /// What `include_dir` has just named.
    include: Option<PathBuf>,
    /// Whether it is the file of an `include_dir` that is read.
    is_included: bool,
    /// Keys that have been warned of.
    warned: Vec<String>,
    /// Keys that may stand once, and do.
    once: BTreeSet<&'static str>,
    /// The last `listener`, for what takes a restart.
    scope: String,
    /// The first line that asks for what this broker does not have. It is said
    /// when nothing else is wrong.
    missing: Option<ConfigError>,
}

impl Parser {
    fn new() -> Self {
        Self {
            config: Config::default(),
            place: (PathBuf::new(), 0),
            bridges: Vec::new(),
            default: Listener::new(MQTT_PORT, Protocol::Mqtt),
            has_default: false,
            is_per_listener: false,
            has_security: false,
            allow_anonymous: None,
            log_types: None,
            has_no_timestamp: false,
            log_destinations: None,
            is_persistent: false,
            persistence_location: PathBuf::new(),
            persistence_file: "ws-broker.db".into(),
            durability: Durability::Always,
            include: None,
            is_included: false,
            warned: Vec::new(),
            once: BTreeSet::new(),
            scope: String::new(),
            missing: None,
        }
    }

    /// Reads the lines of one file, and of those that it includes where it
    /// does.
    fn text(&mut self, file: &Path, text: &str) -> Result<(), ConfigError> {
        for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let error = |what| ConfigError::new(file, Some(number + 1), what);
            self.place = (file.into(), number + 1);
            let missing = self.line(line).map_err(error)?;
            self.missing = self.missing.take().or_else(|| missing.map(error));
            let Some(folder) = self.include.take() else {
                continue;
            };
            if std::mem::replace(&mut self.is_included, true) {
                return Err(error("a file of include_dir cannot include others".into()));
            }
            for file in conf_files(&folder).map_err(error)? {
                let text = read_text(&file)?;
                self.text(&file, &text)?;
            }
            self.is_included = false;
        }
        Ok(())
    }

    /// Takes a line; what it asks for that this broker does not have.
    fn line(&mut self, line: &str) -> Result<Option<String>, String> {
        // The `#` of a bridge's topic is none of a comment.
        let is_topic = line.split_whitespace().next() == Some("topic");
        let line = if is_topic {
            line
        } else {
            without_comment(line)
        }
        .trim();
        let Some((key, value)) = line.split_once(char::is_whitespace).or(match line {
            "" => None,
            key => Some((key, "")),
        }) else {
            return Ok(None);
        };
        let value = value.trim();
        if let Some(option) = keys::plugin_option(key) {
            return self.plugin_option(key, option, value);
        }
        let Some((key, meaning)) = keys::find(key) else {
            return Err(match keys::nearest(key) {
                Some(nearest) => {
                    format!("Unknown configuration variable '{key}'. Did you mean '{nearest}'?")
                }
                None => format!("Unknown configuration variable '{key}'."),
            });
        };
        if value.is_empty() && !keys::may_be_empty(key) {
            return Err(empty(key));
        }
        if self.config.listeners.is_empty() && keys::needs_listener(key) {
            return Err(format!(
                "The '{key}' option requires a listener to be defined first."
            ));
        }
        if keys::stands_once(key) && !self.once.insert(key) {
            return Err(format!("Duplicate '{key}' value in configuration."));
        }
        match meaning {
            Key::Supported => self.set(key, value)?,
            Key::OfBridge => self.set_of_bridge(key, value)?,
            Key::AtStart => {
                if key == "listener" {
                    self.scope = value.into();
                }
                let at_start = &mut self.config.at_start;
                at_start.push((key, self.scope.clone(), value.into()));
                self.set(key, value)?;
            }
            Key::NoEffect(why) => {
                keys::check_ignored(key, value)?;
                // `persistence false` is what happens anyway.
                if value != "false" && !self.warned.iter().any(|k| k == key) {
                    self.warned.push(key.into());
                    let warning = format!("{key} has no effect here: {why}.");
                    self.config.warnings.push(warning);
                }
            }
            Key::Instead(what) => {
                return Ok(Some(format!("'{key}' is not available here: {what}.")));
            }
            Key::Missing => {
                return Ok(Some(format!(
                    "'{key}' is not supported by this version; remove the line if you can do \
                     without."
                )));
            }
        }
        Ok(None)
    }

    /// An option of a plugin, which is missing too.
    fn plugin_option(
        &self,
        key: &str,
        option: &str,
        value: &str,
    ) -> Result<Option<String>, String> {
        if self.missing.is_none() {
            return Err(format!(
                "The '{key}' option requires plugin/global_plugin/plugin_load to be defined first."
            ));
        }
        if option.len() < 3 {
            return Err("Invalid 'plugin_opt_' config option.".into());
        }
        if value.is_empty() {
            return Err(empty(option));
        }
        Ok(None)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        if self.current().tls.set(key, value)? {
            return Ok(());
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
            "bind_interface" => self.current().interface = Some(value.into()),
            "check_retain_source" => config.check_retain_source = boolean(key, value)?,
            "connection" => self.connection(value)?,
            "connection_messages" => config.connection_messages = boolean(key, value)?,
            "global_max_clients" => config.global_max_clients = limit(key, value)?,
            "global_max_connections" => config.global_max_connections = limit(key, value)?,
            "clientid_prefixes" => config.clientid_prefixes = Some(value.into()),
            "http_cafile" => config.http_cafile = Some(value.into()),
            "include_dir" => self.include = Some(value.into()),
            "pid_file" => config.pid_file = Some(value.into()),
            "user" => config.user = Some(value.into()),
            "use_username_as_clientid" => {
                self.current().use_username_as_clientid = boolean(key, value)?;
            }
            "listener" => self.listener(value)?,
            "listener_allow_anonymous" => {
                self.current().allow_anonymous = Some(boolean(key, value)?);
            }
            "listener_auto_id_prefix" => {
                self.current().auto_id_prefix = Some(auto_id_prefix(key, value)?);
            }
            "log_dest" => {
                let destinations = self.log_destinations.get_or_insert_default();
                match destination(value)? {
                    Some(destination) => destinations.push(destination),
                    // None but those that follow.
                    None => destinations.clear(),
                }
            }
            "log_facility" => {
                config.log.facility =
                    Some(number(key, value, 0..=7).map_err(|_| invalid(key, value))?);
            }
            "log_format" => config.log.format = log_format(value)?,
            "log_timestamp" => self.has_no_timestamp = !boolean(key, value)?,
            "log_timestamp_format" => config.log.time = timestamp_format(value)?,
            "log_type" => {
                let types = self.log_types.get_or_insert(LogTypes::NONE);
                if !types.add(value) {
                    return Err(invalid(key, value));
                }
            }
            "max_connections" => self.current().max_connections = limit(key, value)?,
            "max_inflight_bytes" => config.max_inflight_bytes = number(key, value, 0..=usize::MAX)?,
            "max_inflight_messages" => {
                let limit = number(key, value, 0..=u64::MAX)?;
                let limit = u16::try_from(limit)
                    .map_err(|_| "'max_inflight_messages' must be <= 65535.".to_owned())?;
                config.max_inflight_messages = match limit {
                    0 => u16::MAX,
                    limit => limit,
                };
            }
            "max_keepalive" => config.max_keepalive = number(key, value, 0..=u16::MAX)?,
            "max_packet_size" => {
                config.max_packet_size = match number(key, value, 0..=268_435_460)? {
                    0 => 268_435_460,
                    1..20 => return Err("'max_packet_size' must be >= 20.".into()),
                    limit => limit,
                };
            }
            "max_qos" | "maximum_qos" => {
                let level = number(key, value, 0..=2)
                    .map_err(|_| "'max_qos' must be between 0 and 2 inclusive.".to_owned())?;
                self.current().max_qos = QoS::from_u8(level).unwrap_or_default();
            }
            "max_queued_bytes" => config.queue.bytes = number(key, value, 0..=usize::MAX)?,
            "max_queued_messages" => config.queue.messages = number(key, value, 0..=usize::MAX)?,
            "max_topic_alias" => config.max_topic_alias = aliases(key, value)?,
            "max_topic_alias_broker" => config.max_topic_alias_broker = aliases(key, value)?,
            "queue_qos0_messages" => config.queue.qos0 = boolean(key, value)?,
            "memory_limit" => config.memory_limit = number(key, value, 0..=usize::MAX)?,
            "message_size_limit" => {
                config.message_size_limit = number(key, value, 0..=268_435_455)?;
            }
            "http_dir" => {
                let folder = Path::new(value);
                if !folder.is_dir() {
                    return Err(format!("{} There is no such folder.", invalid(key, value)));
                }
                self.current().http_dir = Some(folder.into());
            }
            "metrics" => config.metrics = metrics(key, value)?,
            "packet_buffer_size" | "websockets_headers_size" => {
                config.http_head_size = head_size(key, value)?;
            }
            "websockets_origin" => self.current().origins.push(value.into()),
            "mount_point" => {
                let mount = Mount::new(value).map_err(|error| {
                    format!(
                        "{} Does it contain a wildcard character? It is the beginning of a \
                         topic: {error}.",
                        invalid(key, value)
                    )
                })?;
                if !mount.is_level() {
                    config.warnings.push(format!(
                        "mount_point {value} does not end with a /: \"x\" of its clients is \
                         \"{value}x\", and their subscriptions cannot begin with + or #."
                    ));
                }
                self.current().mount_point = Some(mount);
            }
            "password_file" => self.security().password_file = Some(value.into()),
            "durability" => self.durability = durability(value)?,
            "enable_proxy_protocol" => {
                self.current().proxy = Some(match value {
                    "1" => Proxy::V1,
                    "2" => Proxy::V2,
                    _ => return Err("enable_proxy_protocol must be 1 or 2.".into()),
                });
            }
            "proxy_protocol_v2_require_tls" => {
                self.current().proxy_requires_tls = boolean(key, value)?;
            }
            "per_listener_settings" => {
                let is_per_listener = boolean(key, value)?;
                if self.has_security && is_per_listener != self.is_per_listener {
                    return Err(
                        "per_listener_settings must be set before any other security settings: \
                         acl_file, allow_anonymous, allow_zero_length_clientid, auto_id_prefix \
                         and password_file."
                            .into(),
                    );
                }
                self.is_per_listener = is_per_listener;
            }
            "persistence" => self.is_persistent = boolean(key, value)?,
            "persistence_file" => self.persistence_file = value.into(),
            "persistence_location" => self.persistence_location = value.into(),
            "persistent_client_expiration" => {
                config.persistent_client_expiration = Some(duration(key, value)?);
            }
            "port" => {
                self.default.port = number(key, value, 1..=u16::MAX)?;
                self.has_default = true;
            }
            "protocol" => {
                let protocol = match value {
                    "mqtt" => Protocol::Mqtt,
                    "websockets" => Protocol::WebSockets,
                    _ => return Err(format!("{} It is mqtt or websockets.", invalid(key, value))),
                };
                self.current().protocol = protocol;
            }
            "retain_available" => config.retain_available = boolean(key, value)?,
            "socket_domain" => self.current().family = Some(family(key, value)?),
            "sys_interval" => config.sys_interval = number(key, value, 0..=65_535)?,
            "tls_keylog" => config.tls_keylog = Some(value.into()),
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

    fn connection(&mut self, name: &str) -> Result<(), String> {
        if self
            .bridges
            .iter()
            .any(|(bridge, ..)| bridge.name() == name)
        {
            return Err(format!("Duplicate bridge name '{name}'."));
        }
        let (file, line) = self.place.clone();
        self.bridges.push((Draft::new(name), file, line));
        Ok(())
    }

    fn set_of_bridge(&mut self, key: &str, value: &str) -> Result<(), String> {
        match self.bridges.last_mut() {
            Some((bridge, ..)) => bridge.set(key, value),
            None => Err(format!(
                "The '{key}' option requires a bridge to be defined first."
            )),
        }
    }

    /// All bridges that were read.
    fn bridges(&mut self) -> Result<Vec<Arc<Bridge>>, ConfigError> {
        let mut bridges: Vec<Arc<Bridge>> = Vec::new();
        for (draft, file, line) in self.bridges.drain(..) {
            let error = |what| ConfigError::new(&file, Some(line), what);
            let bridge = draft.finish().map_err(error)?;
            let id = bridge.local_client_id();
            if let Some(other) = bridges.iter().find(|b| b.local_client_id() == id) {
                return Err(error(format!(
                    "Bridge local_clientid '{id}' is not unique. Try changing or setting the \
                     local_clientid value for {} or {}.",
                    other.name, bridge.name
                )));
            }
            bridges.push(Arc::new(bridge));
        }
        Ok(bridges)
    }

    fn listener(&mut self, value: &str) -> Result<(), String> {
        let (port, host) = match value.split_once(char::is_whitespace) {
            Some((port, host)) => (port, Some(host.trim())),
            None => (value, None),
        };
        let port = match number("port", port, 0..=u16::MAX) {
            Err(_) if port.starts_with('-') => return Err(invalid("port", port)),
            port => port?,
        };
        if port == 0 && host.is_none() {
            return Err("A listener with port 0 must provide a Unix socket path.".into());
        }
        let mut listener = Listener::new(port, Protocol::Mqtt);
        listener.bind = host.map_or(Bind::All, |host| place(port, host));
        self.config.listeners.push(listener);
        Ok(())
    }

    /// What is said in a file that is in `folder`.
    fn finish(self, folder: &Path) -> Config {
        let mut config = self.config;
        config.persistence = self.is_persistent.then(|| Persistence {
            location: match folder.join(self.persistence_location) {
                here if here.as_os_str().is_empty() => ".".into(),
                location => location,
            },
            file: self.persistence_file,
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
        if let Some(destinations) = self.log_destinations {
            config.log.destinations = destinations;
        }
        if self.has_no_timestamp {
            config.log.time = log::Time::None;
        }
        config
    }
}

/// The text of a configuration file.
pub(super) fn read_text(file: &Path) -> Result<String, ConfigError> {
    let bytes = std::fs::read(file).map_err(|error| {
        let what = format!("Unable to open config file '{}'. {error}", file.display());
        ConfigError::new(file, None, what)
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
        ConfigError::new(file, Some(line), "Malformed UTF-8 in configuration.".into())
    })
}

/// The files of a folder whose names end with `.conf`, in Mosquitto's order.
fn conf_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let cannot = |error| format!("cannot read include_dir {}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(cannot)? {
        let file = entry.map_err(cannot)?.path();
        if file
            .extension()
            .is_some_and(|extension| extension == "conf")
        {
            files.push(file);
        }
    }
    files.sort_by(|a, b| by_letter(&a.to_string_lossy(), &b.to_string_lossy()));
    Ok(files)
}

/// In the order of the alphabet, and of two that differ only in case, the one
/// with the capital first.
fn by_letter(a: &str, b: &str) -> Ordering {
    let letters = a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase());
    letters.then_with(|| a.cmp(b))
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

#[cfg(test)]
mod tests;
