//! What outlives a moment: retained messages, wills, sessions.

use e2e::{Broker, Client, Kind, Message, Options, Version};

const VERSIONS: [Version; 2] = [Version::V311, Version::V5];

#[tokio::test]
async fn a_retained_message_reaches_those_who_come_late_until_it_is_deleted() {
    let broker = Broker::start().await;
    for kind in Kind::ALL {
        let topic = format!("Kitchen/{kind:?}");
        let kept = Message::new(&topic, 1, [b'2', b'1', 0xff]).retained();
        let mut publisher = Client::connect(&broker, kind, Version::V311, "publisher").await;
        publisher.publish(&kept).await;

        let mut late = Vec::new();
        for listener in Kind::ALL {
            let id = format!("late-{listener:?}");
            let mut client = Client::connect(&broker, listener, Version::V311, &id).await;
            client.subscribe(&topic, 1).await;
            assert_eq!(client.message().await, kept, "{listener:?}");
            late.push(client);
        }

        // Who is there already hears of it live, and live is not retained.
        let gone = Message::new(&topic, 1, "").retained();
        publisher.publish(&gone).await;
        for client in &mut late {
            assert_eq!(client.message().await, Message::new(&topic, 1, ""));
        }
        let mut later = Client::connect(&broker, kind, Version::V5, "later").await;
        later.subscribe(&topic, 1).await;
        let live = Message::new(&topic, 1, "live");
        publisher.publish(&live).await;
        assert_eq!(later.message().await, live);
        assert_eq!(later.messages(), []);
    }
}

#[tokio::test]
async fn a_will_is_said_when_a_client_dies_and_not_when_it_leaves() {
    let broker = Broker::start().await;
    let mut witness = Client::connect(&broker, Kind::Paho161, Version::V311, "witness").await;
    witness.subscribe("status/#", 2).await;
    for kind in Kind::ALL {
        for version in VERSIONS {
            let will = Message::new(&format!("status/{kind:?}"), 1, "offline");
            let options = Options {
                will: Some(will.clone()),
                ..Options::default()
            };
            for dies in [false, true] {
                let options = options.clone();
                let mut client = Client::with(&broker, kind, version, "mortal", options).await;
                client.subscribe("home/led", 0).await;
                if dies {
                    client.kill().await;
                    assert_eq!(witness.message().await, will, "{kind:?} {version:?}");
                } else {
                    client.leave().await;
                    // It asks for its will as it leaves, which MQTT 5 allows
                    // (3.14.2.1, reason code 0x04).
                    if kind == Kind::Mosquitto && version == Version::V5 {
                        assert_eq!(witness.message().await, will, "{kind:?} {version:?}");
                    }
                }
            }
            assert_eq!(witness.messages(), [], "{kind:?} {version:?}");
        }
    }
}

#[tokio::test]
async fn a_kept_session_gets_what_it_has_missed() {
    let mut broker = Broker::start().await;
    for kind in Kind::ALL {
        for version in VERSIONS {
            let id = format!("sleeper-{kind:?}-{version:?}");
            let keep = Options {
                keep: true,
                ..Options::default()
            };
            let mut sleeper = Client::with(&broker, kind, version, &id, keep).await;
            sleeper.subscribe("home/#", 2).await;
            sleeper.leave().await;
            broker.log(&format!("Client {id} disconnected")).await;

            let mut publisher = Client::connect(&broker, Kind::Paho2, Version::V5, "other").await;
            let missed = [1, 2].map(|qos| Message::new("home/led", qos, [b'q', qos]));
            publisher
                .publish(&Message::new("home/led", 0, "not kept"))
                .await;
            for message in &missed {
                publisher.publish(message).await;
            }

            assert!(sleeper.come_back("home/#", 2).await, "{id}: no session");
            let live = Message::new("home/led", 2, "live");
            publisher.publish(&live).await;
            for message in missed.iter().chain([&live]) {
                assert_eq!(sleeper.message().await, *message, "{id}");
            }
            assert_eq!(sleeper.messages(), [], "{id}");
            sleeper.leave().await;
            publisher.leave().await;
        }
    }
}
