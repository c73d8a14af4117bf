//! This broker and Mosquitto, one bridging to the other.

use e2e::{Login, Message, Raw, Server, Version, Which};

const OPEN: &str = "listener {1} 127.0.0.1\nallow_anonymous true\n";

async fn client(server: &Server, id: &str, filters: &[(&str, u8)]) -> Raw {
    let login = Login::new(Version::V311, id);
    let mut client = Raw::connected(server.ports[0], &login).await;
    if !filters.is_empty() {
        client.subscribe(filters).await;
    }
    client
}

/// The broker `near` bridges to the other one.
async fn messages_go_both_ways_once(near: Which, far: Which, version: &str) {
    let what = format!("{near:?} to {far:?}, {version}");
    let far = Server::running(far, OPEN, |_| {}).await;
    let mut there = client(&far, "there", &[]).await;
    // It comes when the bridge has subscribed.
    let ready = Message::new("there/loop/ready", 1, "x").retained();
    there.publish(&ready).await;
    let config = format!(
        "{OPEN}connection up\naddress 127.0.0.1:{}\nremote_clientid far\nrestart_timeout 1\n\
         topic loop/# both 2 here/ there/\nbridge_protocol_version {version}\n",
        far.ports[0]
    );
    let near = Server::running(near, &config, |_| {}).await;
    let mut here = client(&near, "here", &[("here/loop/#", 2)]).await;
    assert_eq!(here.message().await.payload, b"x", "{what}");
    there.subscribe(&[("there/loop/#", 2)]).await;
    assert_eq!(there.message().await.payload, b"x", "{what}");

    let mut from_here = client(&near, "from here", &[]).await;
    let mut from_there = client(&far, "from there", &[]).await;
    for qos in 0..=2 {
        for retain in [false, true] {
            let message = |side: &str| Message {
                retain,
                ..Message::new(&format!("{side}/loop/{qos}{retain}"), qos, "from here")
            };
            from_here.publish(&message("here")).await;
            for (subscriber, side) in [(&mut here, "here"), (&mut there, "there")] {
                let got = subscriber.message().await;
                // A subscriber that was there before sees no flag.
                let wanted = Message {
                    retain: false,
                    ..message(side)
                };
                assert_eq!(got, wanted, "{what}");
            }
            let message = |side: &str| Message {
                payload: b"from there".to_vec(),
                ..message(side)
            };
            from_there.publish(&message("there")).await;
            for (subscriber, side) in [(&mut there, "there"), (&mut here, "here")] {
                let got = subscriber.message().await;
                assert_eq!(
                    (got.topic, got.payload),
                    (message(side).topic, message(side).payload)
                );
            }
        }
    }
    // What was retained is retained on both sides.
    for (server, filter) in [(&near, "here/loop/2true"), (&far, "there/loop/2true")] {
        let mut late = client(server, "late", &[(filter, 2)]).await;
        let got = late.message().await;
        assert!(
            got.retain && got.payload == b"from there",
            "{what}: {got:?}"
        );
    }
    // What comes last has gone the same ways: nothing is behind it.
    let last = Message::new("here/loop/last", 2, "last");
    from_here.publish(&last).await;
    assert_eq!(here.message().await, last, "{what}");
    assert_eq!(there.message().await.payload, b"last", "{what}");
    assert_eq!(
        (here.settle().await, there.settle().await),
        (vec![], vec![]),
        "{what}"
    );

    // Whoever looks at the other broker sees whether the bridge is there.
    let state = "$SYS/broker/connection/far/state";
    let mut watcher = client(&far, "watcher", &[(state, 1)]).await;
    assert_eq!(watcher.message().await.payload, b"1", "{what}");
    near.stop().await;
    assert_eq!(watcher.message().await.payload, b"0", "{what}");
}

#[tokio::test]
async fn this_broker_bridges_to_mosquitto() {
    for version in ["mqttv31", "mqttv311", "mqttv50"] {
        messages_go_both_ways_once(Which::Ours, Which::Mosquitto, version).await;
    }
}

#[tokio::test]
async fn mosquitto_bridges_to_this_broker() {
    for version in ["mqttv31", "mqttv311", "mqttv50"] {
        messages_go_both_ways_once(Which::Mosquitto, Which::Ours, version).await;
    }
}
