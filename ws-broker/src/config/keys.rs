//! Which keys a configuration file may have.

/// What this broker makes of a key that Mosquitto knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// It does what it does in Mosquitto.
    Supported,
    /// It may stand there, and nothing has to be done.
    NoEffect(&'static str),
    /// It would be wrong to go on without what it asks for.
    Missing,
}

use Key::{Missing, NoEffect, Supported};

const ALWAYS: &str = "it is always so";
const STORED_AT_ONCE: &str = "what changes is stored at once; durability says otherwise";
const NO_CLIENT_CERTIFICATES: &str = "clients are not asked for certificates";
const NOT_HERE: &str = "this broker does not have it";

/// All keys of Mosquitto and those of this broker, in the order of the alphabet.
const KEYS: &[(&str, Key)] = &[
    ("accept_protocol_versions", Supported),
    ("acl_file", Supported),
    ("address", Missing),
    ("addresses", Missing),
    ("allow_anonymous", Supported),
    (
        "allow_duplicate_messages",
        NoEffect("overlapping subscriptions are one delivery"),
    ),
    ("allow_zero_length_clientid", Supported),
    ("auto_id_prefix", Supported),
    ("autosave_interval", NoEffect(STORED_AT_ONCE)),
    ("autosave_on_changes", NoEffect(STORED_AT_ONCE)),
    ("bind_address", Supported),
    ("bind_interface", Missing),
    ("cafile", NoEffect(NO_CLIENT_CERTIFICATES)),
    ("capath", NoEffect(NO_CLIENT_CERTIFICATES)),
    ("certfile", Supported),
    (
        "check_retain_source",
        NoEffect("who may publish is judged when it is published"),
    ),
    ("ciphers", Missing),
    ("ciphers_tls1.3", Missing),
    ("clientid_prefixes", Supported),
    ("connection", Missing),
    ("connection_messages", Supported),
    ("crlfile", Missing),
    ("durability", Supported),
    ("enable_proxy_protocol", Missing),
    ("global_max_clients", Supported),
    ("global_max_connections", Supported),
    ("http_dir", NoEffect("the dashboard is served instead")),
    ("include_dir", Supported),
    ("keyfile", Supported),
    ("listener", Supported),
    ("listener_allow_anonymous", Supported),
    ("listener_auto_id_prefix", Supported),
    ("log_dest", Supported),
    ("log_facility", NoEffect(NOT_HERE)),
    ("log_timestamp", Supported),
    ("log_timestamp_format", Missing),
    ("log_type", Supported),
    ("max_connections", Supported),
    ("max_inflight_bytes", Supported),
    ("max_inflight_messages", Supported),
    ("max_keepalive", Supported),
    ("max_packet_size", Supported),
    ("max_qos", Supported),
    ("max_queued_bytes", Supported),
    ("max_queued_messages", Supported),
    ("max_topic_alias", Supported),
    ("max_topic_alias_broker", Supported),
    ("maximum_qos", Supported),
    ("memory_limit", Supported),
    ("message_size_limit", Supported),
    ("mount_point", Missing),
    ("password_file", Supported),
    ("per_listener_settings", Supported),
    ("persistence", Supported),
    ("persistence_file", Supported),
    ("persistence_location", Supported),
    ("persistent_client_expiration", Supported),
    ("pid_file", Supported),
    ("plugin", Missing),
    ("port", Supported),
    ("protocol", Supported),
    ("psk_file", Missing),
    ("psk_hint", Missing),
    ("queue_qos0_messages", Supported),
    ("require_certificate", Supported),
    ("retain_available", Supported),
    ("retained_persistence", NoEffect("persistence is for all")),
    ("set_tcp_nodelay", NoEffect(ALWAYS)),
    ("socket_domain", Missing),
    ("sys_interval", Supported),
    ("threads", Supported),
    ("tls_keylog", Missing),
    ("tls_version", Missing),
    ("upgrade_outgoing_qos", Supported),
    ("use_identity_as_username", Missing),
    ("use_subject_as_username", Missing),
    ("use_username_as_clientid", Supported),
    ("user", NoEffect("the broker runs as whoever starts it")),
    ("websockets_headers_size", NoEffect("the limit is fixed")),
    ("websockets_log_level", NoEffect(NOT_HERE)),
];

/// What is known of a key.
pub(super) fn find(key: &str) -> Option<Key> {
    let (_, found) = KEYS.iter().find(|(name, _)| *name == key)?;
    Some(*found)
}

/// The known key that is spelt most like `key`, if one comes near.
pub(super) fn nearest(key: &str) -> Option<&'static str> {
    let names = KEYS.iter().map(|(name, _)| *name);
    let distance = |name: &&str| strsim::damerau_levenshtein(name, key);
    names
        .min_by_key(distance)
        .filter(|name| distance(name) <= 1 + name.len() / 3)
}

#[cfg(test)]
pub(super) fn supported() -> usize {
    KEYS.iter().filter(|(_, key)| *key == Supported).count()
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

    #[test]
    fn keys_stand_in_order_once() {
        assert!(KEYS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
