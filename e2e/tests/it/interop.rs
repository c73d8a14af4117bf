//! Each client publishes to, and receives from, each of the others and itself.

use std::collections::BTreeSet;

use e2e::{Broker, Client, Kind, Message, Version};

/// What is published: text beyond ASCII, every byte there is, and nothing.
fn payloads() -> [(&'static str, Vec<u8>); 3] {
    [
        ("text", "Temperature:−14 °C".into()),
        ("bytes", (0..=255).collect()),
        ("empty", Vec::new()),
    ]
}

fn name(kind: Kind, version: Version) -> String {
    format!("{kind:?}-{version:?}").to_lowercase()
}

/// What a client publishes in all.
fn messages(publisher: &str) -> Vec<Message> {
    let mut all = Vec::new();
    for qos in 0..=2 {
        for (what, payload) in payloads() {
            let topic = format!("kitchen/{publisher}/{qos}/{what}");
            all.push(Message::new(&topic, qos, payload));
        }
    }
    all
}

/// Subscribers of all kinds at one QoS hear publishers of all kinds at every
/// QoS, at the lower one of the two [MQTT-3.8.4-8].
async fn everybody_hears_everybody(subscribed_at: u8, versions: &[Version]) {
    let broker = Broker::start().await;
    let mut clients = Vec::new();
    for kind in Kind::ALL {
        for &version in versions {
            let name = name(kind, version);
            let mut client = Client::connect(&broker, kind, version, &name).await;
            client.subscribe("kitchen/#", subscribed_at).await;
            clients.push((name, client));
        }
    }

    let mut expected = BTreeSet::new();
    for (name, client) in &mut clients {
        for message in messages(name) {
            client.publish(&message).await;
            let qos = message.qos.min(subscribed_at);
            expected.insert(Message { qos, ..message });
        }
    }
    assert_eq!(expected.len(), Kind::ALL.len() * versions.len() * 9);

    for (name, client) in &mut clients {
        let mut lacking = expected.clone();
        for message in client.up_to(expected.len()).await {
            assert!(lacking.remove(&message), "{name} got too much: {message:?}");
        }
        assert_eq!(lacking, BTreeSet::new(), "what {name} did not get");
    }
    // Once more round, after which nothing can be on its way any more.
    let last = Message::new("kitchen/last", subscribed_at, "last");
    clients[0].1.publish(&last).await;
    for (name, client) in &mut clients {
        assert_eq!(client.message().await, last, "what {name} heard last");
        assert_eq!(client.messages(), [], "{name} got too much");
    }
}

#[tokio::test]
async fn everybody_hears_everybody_at_qos_2_in_every_version() {
    everybody_hears_everybody(2, &Version::ALL).await;
}

#[tokio::test]
async fn everybody_hears_everybody_at_qos_1() {
    everybody_hears_everybody(1, &[Version::V311, Version::V5]).await;
}

#[tokio::test]
async fn everybody_hears_everybody_at_qos_0() {
    everybody_hears_everybody(0, &[Version::V311, Version::V5]).await;
}

/// The messages of one publisher on one topic come in their order
/// [MQTT-4.6.0-5].
#[tokio::test]
async fn a_topic_keeps_its_order_at_every_qos() {
    let broker = Broker::start().await;
    let mut clients = Vec::new();
    for kind in Kind::ALL {
        let mut client = Client::connect(&broker, kind, Version::V311, &format!("{kind:?}")).await;
        client.subscribe("order/#", 2).await;
        clients.push(client);
    }
    for publisher in [Kind::Paho161, Kind::Paho2, Kind::MqttJs] {
        let mut client = Client::connect(&broker, publisher, Version::V5, "publisher").await;
        for qos in 0..=2 {
            let topic = format!("order/{publisher:?}/{qos}");
            let sent: Vec<Message> = (0..20)
                .map(|number| Message::new(&topic, qos, number.to_string()))
                .collect();
            for message in &sent {
                client.publish(message).await;
            }
            for client in &mut clients {
                for message in &sent {
                    assert_eq!(client.message().await, *message);
                }
            }
        }
        client.leave().await;
    }
}
