//! What another broker meets: bytes, refusals, connections that are cut.

use std::net::SocketAddr;

use codec::{
    Ack, ConnAck, Connect, Packet, PacketId, Properties, Property, ProtocolVersion, QoS,
    ReasonCode, SubAck,
};
use tokio::net::TcpListener;
use ws_broker::config::Notifications;

use super::{STATE, add, bridge, state, subscriber};
use crate::common::soon;
use crate::common::{Broker, start_with};
use crate::common::{Client, message, v5};

/// Another broker, which does what it is told.
pub(super) struct Remote {
    listener: TcpListener,
}

impl Remote {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        Self {
            listener: listener.expect("a free port"),
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("it is bound")
    }

    /// A broker that bridges here and says nothing of it.
    async fn bridged(&self, topics: &[&str], version: ProtocolVersion) -> Broker {
        let address = self.address();
        start_with(|config| {
            let mut bridge = bridge(address, topics);
            bridge.version = version;
            bridge.notifications = Notifications::None;
            add(config, bridge);
        })
        .await
    }

    /// The next connection, and its CONNECT.
    async fn accept(&self) -> (Client, Connect) {
        let (stream, _) = soon("a bridge", self.listener.accept()).await.expect("one");
        let mut link = Client::over(stream);
        match link.next().await {
            Some(Packet::Connect(connect)) => {
                link.speak(connect.version);
                (link, *connect)
            }
            other => panic!("CONNECT expected, not {other:?}"),
        }
    }

    /// The next connection, which is accepted.
    pub(super) async fn connected(&self, session_present: bool) -> Client {
        let (mut link, _) = self.accept().await;
        let connack = ConnAck::new(session_present, ReasonCode::Success);
        link.send(Packet::ConnAck(connack)).await;
        link
    }
}

async fn subscribed(link: &mut Client) -> codec::Subscribe {
    let subscribe = link.find(|packet| match packet {
        Packet::Subscribe(subscribe) => Some(subscribe.clone()),
        _ => None,
    });
    let subscribe = subscribe.await;
    let reasons = subscribe
        .subscriptions
        .iter()
        .map(|_| ReasonCode::GrantedQoS2);
    link.send(Packet::SubAck(SubAck {
        packet_id: subscribe.packet_id,
        reasons: reasons.collect(),
        properties: Properties::new(),
    }))
    .await;
    subscribe
}

#[tokio::test]
async fn connect_says_that_it_is_a_bridge_unless_that_is_refused() {
    let remote = Remote::start().await;
    let _near = remote.bridged(&["a both 1"], ProtocolVersion::V3_1_1).await;
    let (mut link, connect) = remote.accept().await;
    assert!(connect.bridge && !connect.clean_start && connect.will.is_none());
    assert_eq!((&*connect.client_id, connect.keep_alive), ("far", 60));
    let reason = ReasonCode::UnsupportedProtocolVersion;
    link.send(Packet::ConnAck(ConnAck::new(false, reason)))
        .await;
    let (mut link, connect) = remote.accept().await;
    assert!(!connect.bridge);
    let connack = ConnAck::new(false, ReasonCode::Success);
    link.send(Packet::ConnAck(connack)).await;
    let options = subscribed(&mut link).await.subscriptions[0].options;
    assert!(!options.no_local, "3.1.1 has none");
}

#[tokio::test]
async fn a_broker_without_5_0_is_spoken_to_in_3_1_1() {
    let remote = Remote::start().await;
    let _near = remote.bridged(&["a both 1"], ProtocolVersion::V5).await;
    let (mut link, connect) = remote.accept().await;
    assert_eq!(connect.version, ProtocolVersion::V5);
    let limits = [
        Property::TopicAliasMaximum(10),
        Property::ReceiveMaximum(20),
    ];
    assert_eq!(connect.properties, limits.into_iter().collect());
    link.send_bytes(&[0x20, 2, 0, 1]).await;
    let (_, connect) = remote.accept().await;
    assert_eq!(connect.version, ProtocolVersion::V3_1_1);
}

#[tokio::test]
async fn in_5_0_a_bridge_asks_for_no_local_and_retain_as_published() {
    let remote = Remote::start().await;
    let _near = remote.bridged(&["a both 1"], ProtocolVersion::V5).await;
    let mut link = remote.connected(false).await;
    let options = subscribed(&mut link).await.subscriptions[0].options;
    assert!(options.no_local && options.retain_as_published);
}

#[tokio::test]
async fn what_the_other_broker_limits_is_kept_to() {
    let remote = Remote::start().await;
    let near = remote.bridged(&["a/# out 2"], ProtocolVersion::V5).await;
    let (mut link, _) = remote.accept().await;
    let mut connack = ConnAck::new(false, ReasonCode::Success);
    connack.properties = [
        Property::ReceiveMaximum(2),
        Property::MaximumQoS(1),
        Property::RetainAvailable(false),
        Property::MaximumPacketSize(60),
    ]
    .into_iter()
    .collect();
    link.send(Packet::ConnAck(connack)).await;
    let mut publisher = near.client(v5("near")).await;
    publisher
        .publish(message("a/long", "x".repeat(60), QoS::AtLeastOnce))
        .await;
    for n in 0..4 {
        let mut publish = message("a/x", n.to_string(), QoS::ExactlyOnce);
        publish.retain = true;
        publisher.publish(publish).await;
    }
    let first = link.unacknowledged().await;
    assert_eq!((first.qos, first.retain), (QoS::AtLeastOnce, false));
    let second = link.unacknowledged().await;
    assert_eq!(
        [first.payload, second.payload],
        ["0", "1"],
        "the long one is left out"
    );
    // Two are under way, so the ping comes before the third.
    link.send(Packet::PingReq).await;
    let next = link.find(|packet| match packet {
        Packet::PingResp => Some(true),
        Packet::Publish(_) => Some(false),
        _ => None,
    });
    assert!(next.await, "the receive maximum is kept to");
    link.acknowledge(QoS::AtLeastOnce, first.packet_id.unwrap())
        .await;
    assert_eq!(link.unacknowledged().await.payload, "2");
}

#[tokio::test]
async fn what_is_not_acknowledged_is_sent_again_and_what_waited_comes_behind() {
    for version in [ProtocolVersion::V3_1_1, ProtocolVersion::V5] {
        let remote = Remote::start().await;
        let near = remote.bridged(&["# out 2 here/ there/"], version).await;
        let mut link = remote.connected(false).await;
        let mut publisher = near.client(v5("near")).await;
        let publish = |text: &str, qos| message("here/x", text.to_owned(), qos);
        publisher.publish(publish("1", QoS::AtLeastOnce)).await;
        publisher.publish(publish("2", QoS::ExactlyOnce)).await;
        let (one, two) = (link.unacknowledged().await, link.unacknowledged().await);
        link.send(Packet::PubRec(Ack::new(
            two.packet_id.unwrap(),
            ReasonCode::Success,
        )))
        .await;
        link.pubrel(two.packet_id.unwrap()).await;
        drop(link);
        publisher.publish(publish("3", QoS::ExactlyOnce)).await;

        // The session is there: nothing comes twice.
        let mut link = remote.connected(true).await;
        let again = link.unacknowledged().await;
        assert!(again.dup && again.packet_id == one.packet_id, "{version}");
        assert_eq!(&*again.topic, "there/x");
        link.pubrel(two.packet_id.unwrap()).await;
        assert_eq!(link.unacknowledged().await.payload, "3");
        drop(link);

        // It is lost: what was not acknowledged is published anew.
        let mut link = remote.connected(false).await;
        for text in ["1", "3"] {
            let anew = link.message().await;
            assert!(!anew.dup && anew.payload == text, "{version}: {anew:?}");
            assert_eq!(&*anew.topic, "there/x");
        }
    }
}

/// `local_cleansession`: what is published while the other broker is away.
#[tokio::test]
async fn a_clean_session_here_keeps_nothing_for_the_other_broker() {
    for (is_clean, expected) in [(true, &["later"][..]), (false, &["away", "later"])] {
        let remote = Remote::start().await;
        let address = remote.address();
        let near = start_with(|config| {
            let mut bridge = bridge(address, &["t out 1"]);
            bridge.local_clean_session = Some(is_clean);
            bridge.notifications = Notifications::Local;
            add(config, bridge);
        })
        .await;
        let mut watcher = subscriber(&near, "w", &[STATE]).await;
        let link = remote.connected(true).await;
        state(&mut watcher, "1").await;
        drop(link);
        state(&mut watcher, "0").await;
        let mut publisher = near.client(v5("near")).await;
        let publish = |text: &str| message("t", text.to_owned(), QoS::AtLeastOnce);
        publisher.publish(publish("away")).await;
        let mut link = remote.connected(true).await;
        state(&mut watcher, "1").await;
        publisher.publish(publish("later")).await;
        for text in expected {
            assert_eq!(link.message().await.payload, *text, "{is_clean}");
        }
    }
}

#[tokio::test]
async fn a_qos_2_message_that_comes_twice_is_passed_on_once() {
    let remote = Remote::start().await;
    let near = remote.bridged(&["a in 2"], ProtocolVersion::V3_1_1).await;
    let mut subscriber = near.client(v5("here")).await;
    subscriber.subscribe("a", QoS::ExactlyOnce).await;
    let mut publish = message("a", "once", QoS::ExactlyOnce);
    publish.packet_id = PacketId::new(9);
    let mut link = remote.connected(false).await;
    link.send(Packet::Publish(publish.clone())).await;
    link.pubrec(publish.packet_id.unwrap()).await;
    drop(link);
    let mut link = remote.connected(true).await;
    publish.dup = true;
    link.publish(publish).await;
    link.publish(message("a", "end", QoS::ExactlyOnce)).await;
    assert_eq!(subscriber.text().await.1, "once");
    assert_eq!(subscriber.text().await.1, "end");
}

#[tokio::test]
async fn only_what_was_asked_for_comes_in_and_bad_topics_end_the_connection() {
    let remote = Remote::start().await;
    let near = remote
        .bridged(&["in/# in 1 \"\" far/"], ProtocolVersion::V5)
        .await;
    let mut subscriber = near.client(v5("here")).await;
    subscriber.subscribe("#", QoS::AtMostOnce).await;
    let mut link = remote.connected(false).await;
    let deep = format!("far/in{}", "/".repeat(300));
    for topic in ["other", "in/x", "$SYS/broker/uptime", &deep] {
        let said = link.publish(message(topic, "x", QoS::AtLeastOnce)).await;
        assert_eq!(said, ReasonCode::Success);
    }
    link.publish(message("far/in/x", "y", QoS::AtLeastOnce))
        .await;
    assert_eq!(subscriber.text().await, ("in/x".into(), "y".into()));
    // A wildcard in a topic name.
    link.send_bytes(&[0x30, 5, 0, 2, b'a', b'#', 0]).await;
    while link.next().await.is_some() {}
    remote.connected(false).await;
}

#[tokio::test]
async fn no_other_broker_says_what_the_desk_keeps_or_asks_it_anything() {
    let remote = Remote::start().await;
    let topics = ["$dashboard/# in 1", "in/# in 1"];
    let near = remote.bridged(&topics, ProtocolVersion::V5).await;
    let mut subscriber = near.client(v5("here")).await;
    for filter in ["#", "$dashboard/#"] {
        subscriber.subscribe(filter, QoS::AtMostOnce).await;
    }
    let mut link = remote.connected(false).await;
    for topic in ["$dashboard/layout/home", "$dashboard/request/disconnect"] {
        let mut publish = message(topic, "{\"client\":\"here\"}", QoS::AtLeastOnce);
        publish.retain = true;
        let response = Property::ResponseTopic("in/answer".into());
        publish.properties.push(response);
        link.publish(publish).await;
    }
    link.publish(message("in/x", "y", QoS::AtLeastOnce)).await;
    assert_eq!(subscriber.text().await, ("in/x".into(), "y".into()));
    let mut late = near.client(v5("late")).await;
    late.subscribe("$dashboard/#", QoS::AtMostOnce).await;
    late.has_nothing().await;
}

#[tokio::test]
async fn what_is_retained_does_not_go_back_where_it_came_from() {
    let remote = Remote::start().await;
    let near = remote.bridged(&["a/# both 1"], ProtocolVersion::V5).await;
    let mut link = remote.connected(false).await;
    subscribed(&mut link).await;
    let retained = |topic: &str| {
        let mut publish = message(topic, "x", QoS::AtLeastOnce);
        publish.retain = true;
        publish
    };
    link.publish(retained("a/theirs")).await;
    let mut publisher = near.client(v5("near")).await;
    publisher.publish(retained("a/ours")).await;
    assert_eq!(&*link.message().await.topic, "a/ours");
    link.ping().await;
    drop(link);
    // The other broker has lost all it had.
    let mut link = remote.connected(false).await;
    assert_eq!(&*link.message().await.topic, "a/ours");
    link.ping().await;
    publisher
        .publish(message("a/last", "x", QoS::AtLeastOnce))
        .await;
    assert_eq!(&*link.message().await.topic, "a/last");
}
