//! What outlives the process, however it ends (sections 4.1, 4.4).

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use codec::{Ack, Packet, PacketId, Property, ProtocolVersion, Publish, QoS, ReasonCode};
use nix::sys::signal::Signal;

use crate::common::{Client, Program, message, v3_1_1, v5};
use crate::sessions::kept;

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::V3_1_1, ProtocolVersion::V5];

/// A broker with a store of its own, which is killed and started again.
pub(crate) struct Kept {
    folder: PathBuf,
    program: Program,
}

impl Kept {
    pub(crate) async fn start() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("store-{}-{number}", std::process::id());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::remove_dir_all(&folder).ok();
        let program = Self::program(&folder, "").await;
        Self { folder, program }
    }

    async fn program(folder: &std::path::Path, more: &str) -> Program {
        let config = format!(
            "listener 0 127.0.0.1\nallow_anonymous true\npersistence true\n\
             persistence_location {}\n{more}",
            folder.display()
        );
        Program::start(&config, &[]).await
    }

    /// Nothing is said before the end, and nothing is tidied up.
    async fn kill(&mut self) {
        self.end(Signal::SIGKILL).await;
    }

    pub(crate) async fn end(&mut self, signal: Signal) {
        self.program.signal(signal);
        self.program.ended().await;
        self.program = Self::program(&self.folder, "").await;
    }

    pub(crate) async fn client(&self, connect: codec::Connect) -> Client {
        self.program.client(connect).await
    }

    /// The line that says what was read.
    fn read(&self) -> &str {
        let mut lines = self.program.lines.iter();
        let line = lines
            .find(|line| line.starts_with("Read "))
            .expect("it says so");
        line.split(" from ").next().unwrap_or_default()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

fn payload(publish: &Publish) -> &str {
    std::str::from_utf8(&publish.payload).expect("text")
}

#[tokio::test]
async fn what_waits_for_an_absent_client_is_there_after_a_kill() {
    for signal in [Signal::SIGKILL, Signal::SIGTERM] {
        let mut broker = Kept::start().await;
        for version in VERSIONS {
            let mut subscriber = broker.client(kept(version, "s")).await;
            subscriber.subscribe("t", QoS::ExactlyOnce).await;
            subscriber.disconnect().await;
            let mut publisher = broker.client(v5("p")).await;
            for n in 0..10 {
                let qos = [QoS::AtLeastOnce, QoS::ExactlyOnce][n % 2];
                let reason = publisher.publish(message("t", n.to_string(), qos)).await;
                assert_eq!(reason, ReasonCode::Success);
            }
            broker.end(signal).await;
            assert_eq!(
                broker.read(),
                "Read 1 sessions, 10 queued messages and 0 retained messages"
            );
            let mut subscriber = broker.client(kept(version, "s")).await;
            assert!(subscriber.connack.session_present);
            // In order for each QoS [MQTT-4.6.0-6].
            let mut found = [Vec::new(), Vec::new()];
            for _ in 0..10 {
                let publish = subscriber.message().await;
                assert!(!publish.dup);
                let is_exactly_once = publish.qos == QoS::ExactlyOnce;
                found[usize::from(is_exactly_once)].push(payload(&publish).to_owned());
            }
            assert_eq!(found[0], ["0", "2", "4", "6", "8"]);
            assert_eq!(found[1], ["1", "3", "5", "7", "9"]);
            // The subscription is there too.
            let mut publisher = broker.client(v5("p")).await;
            publisher
                .publish(message("t", "later", QoS::AtLeastOnce))
                .await;
            assert_eq!(payload(&subscriber.message().await), "later");
            subscriber.disconnect().await;
            broker.client(v5("s")).await.disconnect().await;
        }
        // A clean start has thrown it away.
        broker.end(signal).await;
        assert_eq!(
            broker.read(),
            "Read 0 sessions, 0 queued messages and 0 retained messages"
        );
    }
}

#[tokio::test]
async fn section_4_4_what_was_sent_is_sent_again_with_its_identifier() {
    for version in VERSIONS {
        let mut broker = Kept::start().await;
        let mut subscriber = broker.client(kept(version, "s")).await;
        subscriber.subscribe("#", QoS::ExactlyOnce).await;
        let mut publisher = broker.client(v5("p")).await;
        for (n, qos) in [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::ExactlyOnce]
            .into_iter()
            .enumerate()
        {
            publisher.publish(message("t", n.to_string(), qos)).await;
        }
        let mut sent = Vec::new();
        for _ in 0..3 {
            sent.push(subscriber.unacknowledged().await);
        }
        sent.sort_by_key(|publish| publish.payload.clone());
        // The third one is taken: PUBREC is answered when that is stored.
        let taken = sent[2].packet_id.unwrap();
        let ack = |id| Ack::new(id, ReasonCode::Success);
        subscriber.send(Packet::PubRec(ack(taken))).await;
        subscriber.pubrel(taken).await;
        broker.kill().await;

        let mut subscriber = broker.client(kept(version, "s")).await;
        assert!(subscriber.connack.session_present);
        subscriber.pubrel(taken).await;
        for publish in &sent[..2] {
            let again = subscriber.unacknowledged().await;
            assert_eq!(again.packet_id, publish.packet_id, "{version}");
            assert_eq!(again.payload, publish.payload);
            assert!(again.dup);
        }
        subscriber.send(Packet::PubComp(ack(taken))).await;
        let (first, second) = (sent[0].packet_id.unwrap(), sent[1].packet_id.unwrap());
        subscriber.send(Packet::PubAck(ack(first))).await;
        subscriber.send(Packet::PubRec(ack(second))).await;
        subscriber.pubrel(second).await;
        subscriber.send(Packet::PubComp(ack(second))).await;
        subscriber.ping().await;
        subscriber.disconnect().await;
        broker.end(Signal::SIGTERM).await;
        assert_eq!(
            broker.read(),
            "Read 1 sessions, 0 queued messages and 0 retained messages"
        );
    }
}

/// As in Mosquitto, so that an answer that comes late finds no other publish.
#[tokio::test]
async fn packet_identifiers_go_on_after_a_restart() {
    for version in VERSIONS {
        let mut broker = Kept::start().await;
        for first in [1, 3, 5] {
            let mut client = broker.client(kept(version, "c")).await;
            client.subscribe("t", QoS::ExactlyOnce).await;
            for (id, qos) in (first..).zip([QoS::AtLeastOnce, QoS::ExactlyOnce]) {
                client.publish(message("t", "x", qos)).await;
                assert_eq!(client.message().await.packet_id, PacketId::new(id));
            }
            client.disconnect().await;
            broker.end(Signal::SIGTERM).await;
        }
    }
}

#[tokio::test]
async fn section_4_3_3_a_publish_at_qos_2_is_not_taken_twice_because_of_a_kill() {
    for version in VERSIONS {
        let mut broker = Kept::start().await;
        let mut subscriber = broker.client(kept(version, "s")).await;
        subscriber.subscribe("t", QoS::ExactlyOnce).await;
        subscriber.disconnect().await;
        let mut publisher = broker.client(kept(version, "p")).await;
        let publish = message("t", "once", QoS::ExactlyOnce);
        let id = publisher.send_publish(publish.clone()).await.unwrap();
        publisher.pubrec(id).await;
        broker.kill().await;

        // It does not know that PUBREC was sent.
        let mut publisher = broker.client(kept(version, "p")).await;
        assert!(publisher.connack.session_present);
        let again = Publish {
            dup: true,
            packet_id: Some(id),
            ..publish.clone()
        };
        publisher.send(Packet::Publish(again.clone())).await;
        publisher.pubrec(id).await;
        let released = Packet::PubRel(Ack::new(id, ReasonCode::Success));
        publisher.send(released).await;
        publisher.pubcomp(id).await;
        broker.kill().await;

        // The identifier is free, and is another message's now.
        let mut publisher = broker.client(kept(version, "p")).await;
        publisher.send(Packet::Publish(again)).await;
        publisher.pubrec(id).await;
        let mut subscriber = broker.client(kept(version, "s")).await;
        for _ in 0..2 {
            assert_eq!(payload(&subscriber.message().await), "once");
        }
        subscriber.has_nothing().await;
    }
}

#[tokio::test]
async fn section_3_3_1_3_what_is_retained_is_there_after_a_kill() {
    let mut broker = Kept::start().await;
    let mut publisher = broker.client(v5("p")).await;
    let retained = |topic: &str, payload: &str| Publish {
        retain: true,
        ..message(topic, payload.to_owned(), QoS::AtLeastOnce)
    };
    let mut expires = retained("a/short", "x");
    expires.properties.push(Property::MessageExpiryInterval(1));
    let mut stays = retained("a/long", "x");
    stays.properties.push(Property::MessageExpiryInterval(1000));
    stays
        .properties
        .push(Property::UserProperty(("k".into(), "v".into())));
    for publish in [
        retained("a/1", "old"),
        retained("a/1", "new"),
        retained("a/2", "x"),
        retained("a/2", ""),
        expires,
        stays,
    ] {
        publisher.publish(publish).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    broker.kill().await;
    assert_eq!(
        broker.read(),
        "Read 0 sessions, 0 queued messages and 2 retained messages"
    );
    let mut subscriber = broker.client(v5("s")).await;
    subscriber.subscribe("a/#", QoS::AtLeastOnce).await;
    let mut found = [subscriber.message().await, subscriber.message().await];
    found.sort_by_key(|publish| publish.topic.to_string());
    assert_eq!((&*found[0].topic, payload(&found[0])), ("a/1", "new"));
    assert!(found.iter().all(|publish| publish.retain));
    let properties = &found[1].properties;
    assert_eq!(
        properties.user_properties().collect::<Vec<_>>(),
        [("k", "v")]
    );
    let left = properties.message_expiry_interval().expect("it has one");
    assert!((900..1000).contains(&left), "{left}");
    subscriber.has_nothing().await;
}

#[tokio::test]
async fn section_3_1_2_5_a_will_that_waits_is_published_by_the_next_broker() {
    let mut broker = Kept::start().await;
    let mut watcher = broker.client(kept(ProtocolVersion::V5, "w")).await;
    watcher.subscribe("will", QoS::AtLeastOnce).await;
    watcher.disconnect().await;
    let mut connect = kept(ProtocolVersion::V5, "c");
    connect.will = Some(codec::Will {
        topic: codec::TopicName::new("will").unwrap(),
        payload: "gone".into(),
        qos: QoS::AtLeastOnce,
        retain: false,
        properties: codec::Properties::new().with(Property::WillDelayInterval(2)),
    });
    broker.client(connect).await.cut().await;
    broker.end(Signal::SIGTERM).await;
    let mut watcher = broker.client(kept(ProtocolVersion::V5, "w")).await;
    assert_eq!(payload(&watcher.message().await), "gone");
    watcher.ping().await;
    broker.end(Signal::SIGTERM).await;
    let mut watcher = broker.client(kept(ProtocolVersion::V5, "w")).await;
    watcher.has_nothing().await;
}

#[tokio::test]
async fn a_session_without_expiry_ends_with_its_connection_in_the_store_too() {
    let mut broker = Kept::start().await;
    let mut client = broker.client(kept(ProtocolVersion::V5, "c")).await;
    client.subscribe("t", QoS::AtLeastOnce).await;
    client.disconnect().await;
    // It goes on with the session, which is not to be kept from now on.
    let mut connect = v5("c");
    connect.clean_start = false;
    let client = broker.client(connect).await;
    assert!(client.connack.session_present);
    broker.kill().await;
    assert_eq!(
        broker.read(),
        "Read 0 sessions, 0 queued messages and 0 retained messages"
    );
    let client = broker.client(kept(ProtocolVersion::V5, "c")).await;
    assert!(!client.connack.session_present);
}

#[tokio::test]
async fn unsubscribed_is_unsubscribed_after_a_kill() {
    let mut broker = Kept::start().await;
    let mut client = broker.client(kept(ProtocolVersion::V3_1_1, "c")).await;
    client.subscribe("a", QoS::AtLeastOnce).await;
    client.subscribe("b", QoS::AtLeastOnce).await;
    client.unsubscribe(&["a"]).await;
    broker.kill().await;
    let mut client = broker.client(kept(ProtocolVersion::V3_1_1, "c")).await;
    let mut publisher = broker.client(v3_1_1("p")).await;
    for topic in ["a", "b"] {
        publisher
            .publish(message(topic, topic.to_owned(), QoS::AtLeastOnce))
            .await;
    }
    assert_eq!(payload(&client.message().await), "b");
    client.has_nothing().await;
}

#[tokio::test]
async fn section_4_8_2_what_a_shared_subscription_gave_to_an_ended_session_goes_to_another() {
    let mut broker = Kept::start().await;
    let mut one = broker.client(kept(ProtocolVersion::V5, "one")).await;
    one.subscribe("$share/g/t", QoS::AtLeastOnce).await;
    one.disconnect().await;
    let mut publisher = broker.client(v5("p")).await;
    publisher.publish(message("t", "x", QoS::AtLeastOnce)).await;
    broker.kill().await;
    let mut two = broker.client(kept(ProtocolVersion::V5, "two")).await;
    two.subscribe("$share/g/t", QoS::AtLeastOnce).await;
    broker.client(v5("one")).await.disconnect().await;
    assert_eq!(payload(&two.unacknowledged().await), "x");
    // It was not acknowledged: it is there after a kill as well.
    broker.kill().await;
    let mut two = broker.client(kept(ProtocolVersion::V5, "two")).await;
    let again = two.message().await;
    assert_eq!(
        (payload(&again), again.packet_id),
        ("x", Some(PacketId::MIN))
    );
}

#[tokio::test]
async fn a_damaged_store_is_set_aside_and_said() {
    let mut broker = Kept::start().await;
    broker.program.signal(Signal::SIGTERM);
    broker.program.ended().await;
    let file = broker.folder.join("ws-broker.db");
    std::fs::write(&file, b"not a store").unwrap();
    broker.program = Kept::program(&broker.folder, "").await;
    let aside = broker.folder.join("ws-broker.damaged-1.db");
    let mut lines = broker.program.lines.iter();
    let warning = lines
        .find(|line| line.contains("is damaged"))
        .expect("it is said");
    assert!(warning.contains(aside.to_str().unwrap()), "{warning}");
    assert_eq!(std::fs::read(aside).unwrap(), b"not a store");
    assert!(
        !broker
            .client(kept(ProtocolVersion::V5, "c"))
            .await
            .connack
            .session_present
    );
}

#[tokio::test]
async fn a_store_that_is_in_use_is_left_to_its_owner() {
    let broker = Kept::start().await;
    let config = format!(
        "listener 0 127.0.0.1\npersistence true\npersistence_location {}\n",
        broker.folder.display()
    );
    let config = crate::common::config_file(&config);
    let (code, _, err) = Program::run(&["-c", config.to_str().unwrap()]).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("is in use by another broker"), "{err}");
}

#[tokio::test]
async fn less_durability_is_said_and_a_clean_end_loses_nothing() {
    for (line, said) in [
        ("durability interval 3600\n", "in the last 3600 s"),
        ("durability off\n", "in the last 30 minutes"),
    ] {
        let mut broker = Kept::start().await;
        broker.program.signal(Signal::SIGTERM);
        broker.program.ended().await;
        broker.program = Kept::program(&broker.folder, line).await;
        assert!(broker.program.lines.iter().any(|line| line.contains(said)));
        let mut publisher = broker.client(v3_1_1("p")).await;
        let mut publish = message("t", "x", QoS::AtLeastOnce);
        publish.retain = true;
        publisher.publish(publish).await;
        broker.end(Signal::SIGTERM).await;
        assert_eq!(
            broker.read(),
            "Read 0 sessions, 0 queued messages and 1 retained messages"
        );
    }
}
