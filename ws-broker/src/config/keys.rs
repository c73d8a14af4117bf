//! Which keys a configuration file may have.

use super::bridge;
use super::values::{boolean, number};

/// What this broker makes of a key that Mosquitto knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// It does what it does in Mosquitto, and is read again at SIGHUP.
    Supported,
    /// It does what it does in Mosquitto; another value takes a restart.
    AtStart,
    /// The same, below a `connection` line.
    OfBridge,
    /// It may stand there, and nothing has to be done.
    NoEffect(&'static str),
    /// It would be wrong to go on without what it asks for.
    Missing,
    /// As [`Key::Missing`], and there will not be such a thing; what to do
    /// instead.
    Instead(&'static str),
}

use Key::{AtStart, Instead, Missing, NoEffect, Supported};

const ALWAYS: &str = "it is always so";
const STORED_AT_ONCE: &str = "what changes is stored at once; durability says otherwise";
const NO_PSK: &str = "the library for TLS has no pre-shared keys; use a certificate, which \
     \"ws-broker cert\" makes, with password_file, or require_certificate for certificates of \
     clients too";
const NO_ENGINE: &str = "the library for TLS has no engines; put the private key into keyfile";
const NOT_HERE: &str = "this broker does not have it";

/// All keys of Mosquitto and those of this broker, in the order of the
/// alphabet, but for those of a bridge, [`bridge::KEYS`].
const KEYS: &[(&str, Key)] = &[
    ("accept_protocol_versions", Supported),
    ("acl_file", Supported),
    ("allow_anonymous", Supported),
    (
        "allow_duplicate_messages",
        NoEffect("overlapping subscriptions are one delivery"),
    ),
    ("allow_zero_length_clientid", Supported),
    ("auth_plugin", Missing),
    ("auth_plugin_deny_special_chars", Missing),
    ("auto_id_prefix", Supported),
    ("autosave_interval", NoEffect(STORED_AT_ONCE)),
    ("autosave_on_changes", NoEffect(STORED_AT_ONCE)),
    ("bind_address", AtStart),
    ("bind_interface", AtStart),
    ("cafile", Supported),
    ("capath", Supported),
    ("certfile", Supported),
    ("check_retain_source", Supported),
    ("ciphers", Supported),
    ("ciphers_tls1.3", Supported),
    ("clientid_prefixes", Supported),
    ("connection", Supported),
    ("connection_messages", Supported),
    ("crlfile", Supported),
    (
        "dhparamfile",
        NoEffect("its key exchange has no parameters"),
    ),
    ("disable_client_cert_date_checks", Supported),
    ("durability", AtStart),
    ("enable_control_api", NoEffect(NOT_HERE)),
    ("enable_proxy_protocol", AtStart),
    ("global_max_clients", Supported),
    ("global_max_connections", Supported),
    ("global_plugin", Missing),
    ("http_cafile", Supported),
    ("http_dir", AtStart),
    ("include_dir", Supported),
    ("keyfile", Supported),
    ("listener", AtStart),
    ("listener_allow_anonymous", AtStart),
    ("listener_auto_id_prefix", AtStart),
    ("log_dest", Supported),
    ("log_facility", Supported),
    ("log_format", Supported),
    ("log_timestamp", Supported),
    ("log_timestamp_format", Supported),
    ("log_type", Supported),
    ("max_connections", AtStart),
    ("max_inflight_bytes", Supported),
    ("max_inflight_messages", Supported),
    ("max_keepalive", Supported),
    ("max_packet_size", Supported),
    ("max_qos", AtStart),
    ("max_queued_bytes", Supported),
    ("max_queued_messages", Supported),
    ("max_topic_alias", Supported),
    ("max_topic_alias_broker", Supported),
    ("maximum_qos", AtStart),
    ("memory_limit", Supported),
    ("message_size_limit", Supported),
    ("metrics", Supported),
    ("mount_point", AtStart),
    ("packet_buffer_size", Supported),
    ("password_file", Supported),
    ("per_listener_settings", Supported),
    ("persistence", AtStart),
    ("persistence_file", AtStart),
    ("persistence_location", AtStart),
    ("persistent_client_expiration", Supported),
    ("pid_file", AtStart),
    ("plugin", Missing),
    ("plugin_load", Missing),
    ("plugin_use", Missing),
    ("port", AtStart),
    ("protocol", AtStart),
    ("proxy_protocol_v2_require_tls", AtStart),
    ("psk_file", Instead(NO_PSK)),
    ("psk_hint", Instead(NO_PSK)),
    ("queue_qos0_messages", Supported),
    ("require_certificate", Supported),
    ("retain_available", Supported),
    (
        "retain_expiry_interval",
        NoEffect("a retained message expires when its publisher says so"),
    ),
    ("retained_persistence", NoEffect("persistence is for all")),
    (
        "retry_interval",
        NoEffect("a message is sent again when its client is back"),
    ),
    ("set_tcp_nodelay", NoEffect(ALWAYS)),
    ("socket_domain", AtStart),
    ("sys_interval", Supported),
    ("threads", AtStart),
    ("tls_engine", Instead(NO_ENGINE)),
    ("tls_engine_kpass_sha1", Instead(NO_ENGINE)),
    ("tls_keyform", Supported),
    ("tls_keylog", Supported),
    ("tls_version", Supported),
    ("upgrade_outgoing_qos", Supported),
    ("use_identity_as_username", Supported),
    ("use_subject_as_username", Supported),
    ("use_username_as_clientid", AtStart),
    ("user", AtStart),
    ("websockets_headers_size", Supported),
    ("websockets_log_level", NoEffect(NOT_HERE)),
    ("websockets_origin", AtStart),
];

/// What is known of a key.
pub(super) fn find(key: &str) -> Option<(&'static str, Key)> {
    let of_bridge = bridge::KEYS.iter().find(|name| **name == key);
    let of_bridge = of_bridge.map(|name| (*name, Key::OfBridge));
    of_bridge.or_else(|| KEYS.iter().find(|(name, _)| *name == key).copied())
}

/// What an option of a plugin is called, if `key` is one.
pub(super) fn plugin_option(key: &str) -> Option<&str> {
    key.strip_prefix("plugin_opt_")
        .or_else(|| key.strip_prefix("auth_opt_"))
}

/// Whether a key may stand without a value.
pub(super) fn may_be_empty(key: &str) -> bool {
    key == "auto_id_prefix"
}

/// Whether a key is about the `listener` before it, and there must be one.
pub(super) fn needs_listener(key: &str) -> bool {
    const KEYS: [&str; 4] = [
        "accept_protocol_versions",
        "listener_allow_anonymous",
        "listener_auto_id_prefix",
        "mount_point",
    ];
    KEYS.contains(&key)
}

/// Whether a second line would be in doubt.
pub(super) fn stands_once(key: &str) -> bool {
    const KEYS: [&str; 5] = [
        "log_timestamp_format",
        "persistence_file",
        "persistence_location",
        "pid_file",
        "user",
    ];
    KEYS.contains(&key)
}

/// What stands behind a key without effect can be wrong all the same.
pub(super) fn check_ignored(key: &str, value: &str) -> Result<(), String> {
    match key {
        "autosave_interval" => number(key, value, i32::MIN..=i32::MAX).map(drop),
        "allow_duplicate_messages"
        | "autosave_on_changes"
        | "retained_persistence"
        | "set_tcp_nodelay"
        | "enable_control_api" => boolean(key, value).map(drop),
        _ => Ok(()),
    }
}

/// The known key that is spelt most like `key`, if one comes near.
pub(super) fn nearest(key: &str) -> Option<&'static str> {
    let names = KEYS.iter().map(|(name, _)| *name);
    let names = names.chain(bridge::KEYS.iter().copied());
    let distance = |name: &&str| strsim::damerau_levenshtein(name, key);
    names
        .min_by_key(distance)
        .filter(|name| distance(name) <= 1 + name.len() / 3)
}

#[cfg(test)]
pub(super) fn supported() -> impl Iterator<Item = &'static str> {
    let keys = KEYS.iter();
    let supported = keys.filter(|(_, key)| matches!(key, Supported | AtStart));
    supported.map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_has_a_nearest_one() {
        assert_eq!(nearest("lisener"), Some("listener"));
        assert_eq!(nearest("allow_anonymus"), Some("allow_anonymous"));
        assert_eq!(nearest("entirely_different"), None);
    }

    /// What is said of them to people; `UPDATE_KEYS=1` writes it anew.
    #[test]
    fn the_list_of_keys_says_what_becomes_of_each() {
        let mut text = String::from(
            "# Keys of the configuration\n\n\
             Each key that Mosquitto 2.0 and 2.1 know, and those of this broker (`durability`,\n\
             `log_format`, `threads` and others), with what becomes of another value at SIGHUP.\n\
             `plugin_opt_*` and `auth_opt_*` belong to plugins, which this broker does not have.\n\
             A client that is connected when a new `crlfile` revokes its certificate is disconnected\n\
             (Mosquitto keeps it until it connects again).\n\n\
             | key | SIGHUP |\n|---|---|\n",
        );
        let of_bridge = bridge::KEYS.iter().map(|name| (*name, Key::OfBridge));
        for (name, key) in KEYS.iter().copied().chain(of_bridge) {
            let meaning = match key {
                Supported | Key::OfBridge => "holds from then on".to_owned(),
                AtStart => "takes a restart, which a line in the log says".to_owned(),
                NoEffect(why) => format!("no effect here: {why}"),
                Missing => "not supported: an error that names the line".to_owned(),
                Instead(why) => format!("not supported: {why}"),
            };
            text += &format!("| `{name}` | {meaning} |\n");
        }
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/KEYS.md");
        if std::env::var_os("UPDATE_KEYS").is_some() {
            std::fs::write(file, &text).expect("it can be written");
        }
        let written = std::fs::read_to_string(file).expect("it is there");
        assert_eq!(written, text, "run this test with UPDATE_KEYS=1");
    }

    #[test]
    fn keys_stand_in_order_once() {
        assert!(KEYS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(bridge::KEYS.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(KEYS.iter().all(|(name, _)| !bridge::KEYS.contains(name)));
    }
}
