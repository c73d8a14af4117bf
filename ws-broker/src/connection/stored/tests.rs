//! Connections whose store fails, and works again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use codec::{
    Ack, Connect, Packet, Property, ProtocolVersion, Publish, Subscribe, Subscription, TopicFilter,
    TopicName,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::*;
use crate::broker::Broker;
use crate::clock::Clock;
use crate::config::{Config, Durability, Listener, Protocol};
use crate::connection::Peer;
use crate::listener::{Address, Place};
use crate::settings::Settings;
use crate::store::{Group, SessionId, Store, StoreError};

/// A store that fails when it is told to.
#[derive(Clone, Default)]
struct Fragile(Arc<AtomicBool>);

impl Store for Fragile {
    fn commit(&mut self, _: &Group) -> Result<(), StoreError> {
        if self.0.load(Ordering::SeqCst) {
            return Err(StoreError("no space left".into()));
        }
        Ok(())
    }

    fn tidy(&mut self) {}
}

struct World {
    broker: Arc<Broker>,
    store: Fragile,
}

impl World {
    fn new() -> Self {
        let store = Fragile::default();
        let journal = Journal::start(Box::new(store.clone()), Durability::Always, SessionId(1));
        let settings = Settings::read(Config::local(None)).unwrap();
        let broker = Broker::new(settings, Clock::start(), Some(journal.unwrap()));
        Self {
            broker: Arc::new(broker),
            store,
        }
    }

    fn set_failing(&self, is_failing: bool) {
        self.store.0.store(is_failing, Ordering::SeqCst);
    }

    fn open(&self, version: ProtocolVersion) -> Client {
        let (stream, other) = tokio::io::duplex(1 << 16);
        let peer = Peer::new(Address::Unix("client".into()), 0, 0);
        let listener = Arc::new(Listener::new(0, Protocol::Mqtt));
        let place = Place::new(&self.broker, None);
        tokio::spawn(Connection::new(
            self.broker.clone(),
            listener,
            other,
            peer,
            place,
        ));
        Client {
            stream,
            input: BytesMut::new(),
            version,
        }
    }

    /// A client whose session is kept, or not.
    async fn connect(&self, version: ProtocolVersion, id: &'static str, keep: bool) -> Client {
        let mut client = self.open(version);
        client.send(connect(version, id, keep)).await;
        let Some(Packet::ConnAck(connack)) = client.next().await else {
            panic!("no CONNACK");
        };
        assert_eq!(connack.reason, ReasonCode::Success);
        client
    }
}

fn connect(version: ProtocolVersion, id: &'static str, keep: bool) -> Packet {
    let mut connect = Connect::new(version, id);
    connect.clean_start = !keep;
    if keep && version.is_v5() {
        connect
            .properties
            .push(Property::SessionExpiryInterval(600));
    }
    Packet::Connect(connect.into())
}

fn publish(topic: &str, qos: QoS, id: u16, retain: bool) -> Packet {
    Packet::Publish(Publish {
        dup: false,
        qos,
        retain,
        topic: TopicName::new(topic).unwrap(),
        packet_id: PacketId::new(id),
        properties: codec::Properties::new(),
        payload: "x".into(),
    })
}

fn subscribe(topics: &str, id: u16) -> Packet {
    Packet::Subscribe(Subscribe {
        packet_id: PacketId::new(id).unwrap(),
        properties: codec::Properties::new(),
        subscriptions: vec![Subscription {
            filter: TopicFilter::new(topics).unwrap(),
            options: QoS::ExactlyOnce.into(),
        }],
    })
}

struct Client {
    stream: DuplexStream,
    input: BytesMut,
    version: ProtocolVersion,
}

impl Client {
    async fn send(&mut self, packet: Packet) {
        let mut bytes = BytesMut::new();
        packet.encode(self.version, &mut bytes).unwrap();
        self.stream.write_all(&bytes).await.unwrap();
    }

    /// The next packet; `None` when the broker has closed.
    async fn next(&mut self) -> Option<Packet> {
        loop {
            let packet = Packet::decode(&mut self.input, self.version, usize::MAX).unwrap();
            if packet.is_some() {
                return packet;
            }
            let read = self.stream.read_buf(&mut self.input);
            let read = tokio::time::timeout(Duration::from_secs(20), read).await;
            if read.expect("the broker says something").unwrap() == 0 {
                return None;
            }
        }
    }

    async fn acknowledged(&mut self) -> Ack {
        match self.next().await {
            Some(Packet::PubAck(ack) | Packet::PubRec(ack)) => ack,
            other => panic!("{other:?}"),
        }
    }
}

const V5: ProtocolVersion = ProtocolVersion::V5;
const ONCE: QoS = QoS::AtLeastOnce;

#[tokio::test]
async fn while_the_store_fails_what_must_be_kept_is_refused_and_all_else_goes_on() {
    let world = World::new();
    let mut absent = world.connect(V5, "absent", true).await;
    absent.send(subscribe("kept", 1)).await;
    assert!(matches!(absent.next().await, Some(Packet::SubAck(_))));
    let mut client = world.connect(V5, "c", false).await;
    world.set_failing(true);
    // The first one finds out, the others are told at once.
    for (id, topic, retain) in [(1, "t", true), (2, "t", true), (3, "kept", false)] {
        client.send(publish(topic, ONCE, id, retain)).await;
        assert_eq!(
            client.acknowledged().await.reason,
            ReasonCode::QuotaExceeded
        );
    }
    client
        .send(publish("kept", QoS::ExactlyOnce, 4, false))
        .await;
    assert_eq!(
        client.acknowledged().await.reason,
        ReasonCode::QuotaExceeded
    );
    client.send(publish("else", ONCE, 5, false)).await;
    let reason = client.acknowledged().await.reason;
    assert_eq!(reason, ReasonCode::NoMatchingSubscribers);

    absent.send(subscribe("more", 2)).await;
    let Some(Packet::SubAck(suback)) = absent.next().await else {
        panic!("no SUBACK");
    };
    assert_eq!(suback.reasons, [ReasonCode::QuotaExceeded]);
    let mut other = world.open(V5);
    other.send(connect(V5, "other", true)).await;
    let Some(Packet::ConnAck(connack)) = other.next().await else {
        panic!("no CONNACK");
    };
    assert_eq!(connack.reason, ReasonCode::ServerUnavailable);
    world.connect(V5, "another", false).await;

    world.set_failing(false);
    loop {
        client.send(publish("kept", ONCE, 6, false)).await;
        match client.acknowledged().await.reason {
            ReasonCode::Success => break,
            reason => assert_eq!(reason, ReasonCode::QuotaExceeded),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.connect(V5, "other", true).await;
}

#[tokio::test]
async fn before_5_0_who_cannot_be_refused_is_disconnected_without_acknowledgement() {
    for version in [ProtocolVersion::V3_1, ProtocolVersion::V3_1_1] {
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let world = World::new();
            let mut clients = [
                world.connect(version, "one", false).await,
                world.connect(version, "two", false).await,
            ];
            world.set_failing(true);
            for client in &mut clients {
                client.send(publish("t", qos, 1, true)).await;
                assert_eq!(client.next().await, None, "{version} {qos:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_publish_at_qos_2_that_was_passed_on_waits_for_the_store_to_work_again() {
    let world = World::new();
    let mut client = world.connect(V5, "c", true).await;
    world.set_failing(true);
    client.send(publish("t", QoS::ExactlyOnce, 1, true)).await;
    while !world.broker.router.journal().unwrap().is_failing() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    client.send(Packet::PingReq).await;
    assert_eq!(client.next().await, Some(Packet::PingResp), "not PUBREC");
    world.set_failing(false);
    let ack = client.acknowledged().await;
    assert_ne!(ack.reason, ReasonCode::QuotaExceeded);
    let released = Ack::new(ack.packet_id, ReasonCode::Success);
    client.send(Packet::PubRel(released)).await;
    assert!(matches!(client.next().await, Some(Packet::PubComp(_))));
}
