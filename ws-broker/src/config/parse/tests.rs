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
        "Unknown configuration variable 'lisener'. Did you mean 'listener'? Error found at \
         home.conf:2."
    );
    assert_eq!(
        read("listener http\n").unwrap_err(),
        "'port' value not a number. Error found at home.conf:1."
    );
    assert_eq!(
        read("allow_anonymous maybe").unwrap_err(),
        "Invalid 'allow_anonymous' value (maybe). It is true or false. Error found at home.conf:1."
    );
    assert_eq!(
        read("protocol").unwrap_err(),
        "Empty 'protocol' value in configuration. Error found at home.conf:1."
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
fn a_listener_with_port_0_is_a_unix_socket_or_has_any_port() {
    let bind = |line: &str| read(line).unwrap().listeners[0].bind.clone();
    assert_eq!(
        bind("listener 0 /run/x.sock"),
        Bind::Unix("/run/x.sock".into())
    );
    assert_eq!(bind("listener 0 x.sock"), Bind::Unix("x.sock".into()));
    assert_eq!(bind("listener 0 ::1"), Bind::Host("::1".into()));
    assert_eq!(bind("listener 0 localhost"), Bind::Host("localhost".into()));
    assert_eq!(
        bind("listener 1883 eth.example"),
        Bind::Host("eth.example".into())
    );
}

#[test]
fn every_supported_key_is_handled() {
    let acl = std::env::temp_dir().join(format!("ws-broker-acl-{}", std::process::id()));
    std::fs::write(&acl, "topic read #\n").unwrap();
    let folder = acl.with_extension("d");
    std::fs::create_dir_all(&folder).unwrap();
    let keys = [
        ("acl_file", acl.to_str().unwrap()),
        ("accept_protocol_versions", "3, 4,5"),
        ("check_retain_source", "false"),
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
        ("cafile", "/etc/mosquitto/certs/ca.crt"),
        ("capath", "/etc/mosquitto/certs"),
        ("crlfile", "/etc/mosquitto/certs/crl.pem"),
        ("http_cafile", "/etc/mosquitto/certs/ca.crt"),
        ("ciphers", "HIGH"),
        ("ciphers_tls1.3", "TLS_AES_128_GCM_SHA256"),
        ("disable_client_cert_date_checks", "false"),
        ("tls_keyform", "pem"),
        ("tls_keylog", "/tmp/keys"),
        ("tls_version", "tlsv1.2"),
        ("use_identity_as_username", "true"),
        ("use_subject_as_username", "true"),
        ("require_certificate", "false"),
        ("connection", "upstairs\naddress a\ntopic a"),
        ("connection_messages", "false"),
        ("listener", "1883"),
        ("log_dest", "stdout"),
        ("log_facility", "7"),
        ("log_format", "json"),
        ("log_timestamp", "false"),
        ("log_timestamp_format", "%Y-%m-%dT%H:%M:%S"),
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
        ("user", "mosquitto"),
        ("persistence", "true"),
        ("persistence_file", "store.db"),
        ("persistence_location", "data"),
        ("persistent_client_expiration", "2w"),
        ("port", "1883"),
        ("protocol", "mqtt"),
        ("retain_available", "true"),
        ("bind_interface", "eth0"),
        ("mount_point", "floor/1/"),
        ("http_dir", folder.to_str().unwrap()),
        ("metrics", "login"),
        ("packet_buffer_size", "4096"),
        ("websockets_headers_size", "4096"),
        ("websockets_origin", "https://example.org"),
        ("enable_proxy_protocol", "1"),
        ("proxy_protocol_v2_require_tls", "true"),
        ("socket_domain", "ipv4"),
    ];
    for (key, value) in keys {
        read(&format!("listener 1884\n{key} {value}")).unwrap();
    }
    for key in keys::supported() {
        let is_above = keys.iter().any(|(name, _)| *name == key);
        assert!(is_above, "{key} is missing from the list above");
    }
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
        error.ends_with(&format!("Error found at {}:2.", file.display())),
        "{error}"
    );
    write("2.conf", &format!("include_dir {}\n", folder.display()));
    let error = read(&text).unwrap_err();
    assert!(
        error.ends_with(&format!("Error found at {}:1.", file.display())),
        "{error}"
    );
    std::fs::remove_dir_all(&folder).unwrap();
    let error = read(&text).unwrap_err();
    assert!(
        error.starts_with("cannot read include_dir") && error.ends_with(" at home.conf:2."),
        "{error}"
    );
}

#[test]
fn included_files_are_in_mosquittos_order() {
    let mut names = ["b.conf", "A.conf", "01.conf", "a.conf", "B.conf", "00.conf"];
    names.sort_by(|a, b| by_letter(a, b));
    let sorted = ["00.conf", "01.conf", "A.conf", "a.conf", "B.conf", "b.conf"];
    assert_eq!(names, sorted);
}

#[test]
fn lines_as_they_are_in_the_wild() {
    let long = "x".repeat(100_000);
    let text = format!(
        "\u{feff}# a comment\n#{long}\n\tlistener\t1883   \t# with tabs\r\n  allow_anonymous \t true\r\n\
         persistence true #why not\n\
         persistence_location C:\\Program Files\\broker #1\\data\\ # a path\n\
         password_file C:\\users\\pass#word.txt\n\n\r\n   \nclientid_prefixes {long}"
    );
    let config = read(&text).unwrap();
    assert_eq!(config.listeners[0].port, 1883);
    assert!(config.security.allow_anonymous);
    let location = config.persistence.unwrap().location;
    assert!(
        location.ends_with("C:\\Program Files\\broker"),
        "{location:?}"
    );
    let file = config.security.password_file.unwrap();
    assert_eq!(file, Path::new("C:\\users\\pass#word.txt"));
    assert_eq!(config.clientid_prefixes, Some(long));
}

#[test]
fn mosquittos_words_are_found_where_it_has_any() {
    let long = "x".repeat(51);
    for (text, words) in [
        (
            "unknown_option unknown",
            "Unknown configuration variable 'unknown_option'",
        ),
        ("pid_file", "Empty 'pid_file' value in configuration."),
        ("pid_file  ", "Empty 'pid_file' value in configuration."),
        (
            "pid_file a\npid_file a",
            "Duplicate 'pid_file' value in configuration.",
        ),
        (
            "memory_limit",
            "Empty 'memory_limit' value in configuration.",
        ),
        ("memory_limit -1", "Invalid 'memory_limit' value (-1)."),
        (
            "accept_protocol_versions 3",
            "The 'accept_protocol_versions' option requires a listener to be defined first.",
        ),
        (
            "listener 1\naccept_protocol_versions",
            "Empty 'accept_protocol_versions' value in configuration.",
        ),
        (
            "allow_anonymous falst",
            "Invalid 'allow_anonymous' value (falst).",
        ),
        (
            "autosave_interval",
            "Empty 'autosave_interval' value in configuration.",
        ),
        (
            "autosave_interval string",
            "'autosave_interval' value not a number.",
        ),
        ("listener", "Empty 'listener port' value in configuration."),
        ("listener 100000", "Invalid 'port' value (100000)."),
        (
            "listener 0",
            "A listener with port 0 must provide a Unix socket path.",
        ),
        (
            "listener 1\nprotocol test",
            "Invalid 'protocol' value (test).",
        ),
        (
            "plugin_opt_inval x",
            "The 'plugin_opt_inval' option requires plugin/global_plugin/plugin_load to be defined first.",
        ),
        (
            "plugin a.so\nplugin_opt_ x",
            "Invalid 'plugin_opt_' config option.",
        ),
        (
            "plugin a.so\nplugin_opt_test",
            "Empty 'test' value in configuration.",
        ),
        (
            "maximum_qos 3",
            "'max_qos' must be between 0 and 2 inclusive.",
        ),
        (
            "maximum_qos -1",
            "'max_qos' must be between 0 and 2 inclusive.",
        ),
        (
            "max_inflight_messages 65536",
            "'max_inflight_messages' must be <= 65535.",
        ),
        ("max_packet_size 19", "'max_packet_size' must be >= 20."),
        (
            "message_size_limit 556000000",
            "Invalid 'message_size_limit' value (556000000).",
        ),
        ("max_keepalive -1", "Invalid 'max_keepalive' value (-1)."),
        (
            "max_topic_alias 65536",
            "Invalid 'max_topic_alias' value in configuration.",
        ),
        (
            "websockets_headers_size -1",
            "Packet buffer size must be between 0 and 65535 inclusive.",
        ),
        (
            "sys_interval 65536",
            "Invalid 'sys_interval' value (65536).",
        ),
        (
            &*format!("auto_id_prefix {long}"),
            "'auto_id_prefix' length must be <= 50.",
        ),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.starts_with(words), "{text}: {error}");
        assert!(error.contains(" Error found at home.conf:"), "{error}");
    }
    let plugin = read("plugin a.so\nplugin_opt_key value\n").unwrap_err();
    assert!(plugin.starts_with("'plugin' is not supported"), "{plugin}");
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
        late.starts_with("per_listener_settings must be set before any other security settings"),
        "{late}"
    );
}
