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
    let config = read("autosave_interval 60\nautosave_interval 60\nset_tcp_nodelay false").unwrap();
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
}

#[test]
fn every_supported_key_is_handled() {
    let acl = std::env::temp_dir().join(format!("ws-broker-acl-{}", std::process::id()));
    std::fs::write(&acl, "topic read #\n").unwrap();
    let folder = acl.with_extension("d");
    std::fs::create_dir_all(&folder).unwrap();
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
        ("clientid_prefixes", "kitchen-"),
        ("include_dir", folder.to_str().unwrap()),
        ("per_listener_settings", "true"),
        ("pid_file", "/run/broker.pid"),
        ("use_username_as_clientid", "true"),
        ("persistence", "true"),
        ("persistence_file", "store.db"),
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
        49,
        "a key is missing from the list above"
    );
}

#[test]
fn what_is_stored_is_beside_the_file_unless_it_says_where() {
    let read = |text: &str| parse(Path::new("/etc/broker/home.conf"), text).unwrap();
    assert_eq!(read("persistence_location /var\n").persistence, None);
    assert_eq!(read("persistence false\n").persistence, None);
    let here = parse(Path::new("home.conf"), "persistence true\n").unwrap();
    assert_eq!(here.persistence.unwrap().location, Path::new("."));
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
        assert_eq!(persistence.file, "ws-broker.db");
        assert_eq!(persistence.durability, Durability::Always);
    }
}

#[test]
fn included_files_are_read_in_order_where_they_are_included() {
    let folder = std::env::temp_dir().join(format!("ws broker include {}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("2.conf", "max_keepalive 2\r\nlistener 1884\r\n");
    write("10.conf", "max_keepalive 1\nlistener 1883 # the first\n");
    write("readme.txt", "this is no configuration\n");
    let text = format!(
        "listener 1882\ninclude_dir {}\nprotocol websockets\n",
        folder.display()
    );
    let config = read(&text).unwrap();
    let ports: Vec<_> = config.listeners.iter().map(|l| l.port).collect();
    assert_eq!((ports, config.max_keepalive), (vec![1882, 1883, 1884], 2));
    assert_eq!(config.listeners[2].protocol, Protocol::WebSockets);

    write("2.conf", "\nlisener 1884\n");
    let error = read(&text).unwrap_err();
    let file = folder.join("2.conf");
    assert!(
        error.starts_with(&format!("{}:2: unknown", file.display())),
        "{error}"
    );
    write("2.conf", &format!("include_dir {}\n", folder.display()));
    let error = read(&text).unwrap_err();
    assert!(
        error.starts_with(&format!("{}:1: ", file.display())),
        "{error}"
    );
    std::fs::remove_dir_all(&folder).unwrap();
    let error = read(&text).unwrap_err();
    assert!(
        error.starts_with("home.conf:2: cannot read include_dir"),
        "{error}"
    );
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
