use std::path::Path;

use super::*;
use crate::config::Config;

fn read(text: &str) -> Result<Config, String> {
    let config = crate::config::parse::parse(Path::new("home.conf"), text);
    config.map_err(|error| error.to_string())
}

fn bridge(lines: &str) -> Result<Bridge, String> {
    let config = read(&format!("connection up\naddress far\ntopic a\n{lines}\n"))?;
    Ok((*config.bridges[0]).clone())
}

#[test]
fn every_key_is_handled() {
    for key in KEYS {
        let value = match *key {
            "address" | "addresses" => continue,
            "bridge_identity" | "bridge_psk" => continue,
            "bridge_protocol_version" => "mqttv50",
            "bridge_receive_maximum" | "bridge_max_packet_size" | "threshold" => "7",
            "bridge_max_topic_alias" | "bridge_session_expiry_interval" => "7",
            "bridge_tcp_user_timeout" | "idle_timeout" | "keepalive_interval" => "7",
            "bridge_reload_type" => "immediate",
            "bridge_require_ocsp" => "false",
            "bridge_tcp_keepalive" => "1 2 3",
            "bridge_tls_version" => "tlsv1.3\nbridge_cafile ca.crt",
            "bridge_certfile" => "a.crt\nbridge_keyfile a.key\nbridge_cafile ca.crt",
            "bridge_keyfile" => "a.key\nbridge_certfile a.crt\nbridge_cafile ca.crt",
            "bridge_ciphers" => "HIGH\nbridge_cafile ca.crt",
            "bridge_ciphers_tls1.3" => "TLS_AES_128_GCM_SHA256\nbridge_cafile ca.crt",
            "bridge_alpn" => "mqtt\nbridge_cafile ca.crt",
            "bridge_insecure" => "true\nbridge_cafile ca.crt",
            "bridge_attempt_unsubscribe" | "bridge_outgoing_retain" | "try_private" => "false",
            "notifications" => "false",
            "password" | "remote_password" => "secret\nremote_username mia",
            "restart_timeout" => "10 60 30",
            "start_type" => "lazy",
            _ => "true",
        };
        let changed = bridge(&format!("{key} {value}")).unwrap_or_else(|e| panic!("{key}: {e}"));
        let may_be_the_same = ["bridge_require_ocsp", "local_password"].contains(key);
        assert!(may_be_the_same || changed != bridge("").unwrap(), "{key}");
    }
}

#[test]
fn a_bridge_as_mosquitto_has_it() {
    let config = read(
        "listener 1883\nconnection cloud\naddress far.example ::1:1884 [::2]:1885 10.0.0.1:1886\n\
         topic # both 2 local/topic/ remote/topic/\ntopic \"a b/#\" out 1\ntopic c # only out\n\
         topic \"\" in 0 local/single remote/single\ntopic x in 1 \"\" R/\ntopic x in 1 \"\" R/\n\
         cleansession true\nremote_clientid far\nnotifications_local_only true\n\
         restart_timeout 20\nconnection second\naddresses near\ntopic b\n",
    )
    .unwrap();
    let [cloud, second] = &config.bridges[..] else {
        panic!("{:?}", config.bridges);
    };
    let addresses: Vec<_> = cloud.addresses.iter().map(|a| (&*a.host, a.port)).collect();
    let wanted = [
        ("far.example", 1883),
        ("::1", 1884),
        ("::2", 1885),
        ("10.0.0.1", 1886),
    ];
    assert_eq!(addresses, wanted);
    let topics = cloud.topics.iter().map(|t| {
        let (local, remote) = (t.local.as_str(), t.remote.as_str());
        (local, remote, t.direction, t.qos.as_u8())
    });
    let wanted = [
        ("local/topic/#", "remote/topic/#", Direction::Both, 2),
        ("a b/#", "a b/#", Direction::Out, 1),
        ("c", "c", Direction::Out, 0),
        ("local/single", "remote/single", Direction::In, 0),
        ("x", "R/x", Direction::In, 1),
    ];
    assert_eq!(topics.collect::<Vec<_>>(), wanted);
    assert!(cloud.is_local_clean() && !second.is_local_clean());
    assert_eq!(cloud.local_client_id(), "local.far");
    assert!(second.remote_client_id().ends_with(".second"));
    assert_eq!(cloud.notifications, Notifications::Local);
    assert_eq!(cloud.restart, Restart::Constant(Duration::from_secs(20)));
    assert_eq!(second.notifications, Notifications::Both);
}

#[test]
fn too_little_time_is_as_much_as_there_must_be() {
    assert_eq!(bridge("keepalive_interval 0").unwrap().keep_alive, 5);
    let restart = bridge("restart_timeout 0 9999").unwrap().restart;
    let seconds = Duration::from_secs;
    let (base, cap, stable) = (seconds(1), seconds(7200), seconds(0));
    assert_eq!(restart, Restart::BackOff { base, cap, stable });
}

#[test]
fn errors_say_where_and_what() {
    const OF_BRIDGE: &str = "Invalid bridge configuration: ";
    let needs = |what: &str| format!("{OF_BRIDGE}{what}");
    for (text, line, what) in [
        (
            "topic a",
            1,
            "The 'topic' option requires a bridge to be defined".into(),
        ),
        (
            "\nconnection a\ntopic b",
            2,
            needs("no remote addresses defined"),
        ),
        ("connection a\naddress b", 1, needs("no topics defined")),
        (
            "connection a\naddress b:x",
            2,
            "Invalid bridge port value (x)".into(),
        ),
        (
            "connection a\naddress b\naddress c",
            3,
            "a connection has one address".into(),
        ),
        (
            "connection a\nconnection a",
            2,
            "Duplicate bridge name 'a'".into(),
        ),
        (
            "connection a\nadress b",
            2,
            "Unknown configuration variable 'adress'. Did you".into(),
        ),
        (
            "connection a\nstart_type manual",
            2,
            "start_type is automatic or lazy or".into(),
        ),
        (
            "connection a\nrestart_timeout 9 5",
            2,
            "restart_timeout is SECONDS, or BASE".into(),
        ),
        ("connection a\ntopic", 2, "Empty 'topic' value".into()),
        (
            "connection a\ntopic a up",
            2,
            "Invalid bridge topic direction 'up'".into(),
        ),
        (
            "connection a\ntopic a in 3",
            2,
            "Invalid bridge QoS level '3'".into(),
        ),
        (
            "connection a\ntopic a in 0 x/# y/",
            2,
            "topic: invalid topic name".into(),
        ),
        (
            "connection a\ntopic a#b",
            2,
            "topic: invalid topic filter".into(),
        ),
        (
            "connection a\ntopic \"a b",
            2,
            "Missing closing quote in topic value (b)".into(),
        ),
        (
            "connection a\ntopic \"\" in 0 x",
            2,
            "topic: without a pattern it needs both".into(),
        ),
        (
            "connection a\ntopic \"\" in 0 \"\" x",
            2,
            "topic: without a pattern it".into(),
        ),
        (
            "connection a\ntopic $share/g/a out",
            2,
            "topic: a bridge has no shared".into(),
        ),
        (
            "connection a\naddress b\ntopic c\nbridge_insecure true",
            1,
            needs("TLS needs"),
        ),
        (
            "connection a\naddress b\ntopic c\nbridge_certfile x",
            1,
            needs("bridge_certfile"),
        ),
        (
            "connection a\naddress b\ntopic c\nbridge_psk x",
            1,
            needs("missing bridge_id"),
        ),
        (
            "connection a\naddress b\ntopic c\nbridge_identity x",
            1,
            needs("missing bridge_psk"),
        ),
        (
            "connection a\naddress b\ntopic c\nbridge_psk x\nbridge_identity y",
            1,
            needs("TLS-PSK is not available"),
        ),
        (
            "connection a\naddress b\ntopic c\nlocal_clientid x\n\
             connection b\naddress b\ntopic c\nlocal_clientid x",
            5,
            "Bridge local_clientid 'x' is not unique.".into(),
        ),
    ] {
        let said = read(text).unwrap_err();
        let place = format!("Error found at home.conf:{line}.");
        assert!(
            said.starts_with(&what) && said.ends_with(&place),
            "{text}: {said}"
        );
    }
}
