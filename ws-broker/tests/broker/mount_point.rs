//! `mount_point`: a listener whose clients live below a topic of their own.

use std::net::SocketAddr;

use codec::{
    Connect, Properties, Property, ProtocolVersion, Publish, QoS, ReasonCode, TopicName, Will,
};
use ws_broker::access::Acl;
use ws_broker::config::{Bind, Mount};
use ws_broker::{Config, Listener, Protocol};

use crate::common::{Broker, Client, message, start_with, v3_1_1, v5};
use crate::sessions::kept;

const EACH: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

/// The floors of a house, each with a listener of its own.
struct House {
    broker: Broker,
    floors: [SocketAddr; 2],
}

async fn house() -> House {
    house_with(|_| {}).await
}

async fn house_with(set_up: impl FnOnce(&mut Config)) -> House {
    let broker = start_with(|config| {
        for (host, mount) in [("127.0.0.2", "floor/1/"), ("127.0.0.3", "floor/2/")] {
            config.listeners.push(Listener {
                bind: Bind::Host(host.into()),
                mount_point: Some(Mount::new(mount).unwrap()),
                ..Listener::new(0, Protocol::Mqtt)
            });
        }
        set_up(config);
    })
    .await;
    let floor = |number: usize| broker.running.bound()[number + 1].address;
    House {
        floors: [floor(1), floor(2)],
        broker,
    }
}

impl House {
    async fn on_floor(&self, number: usize, connect: Connect) -> Client {
        let mut client = Client::open(self.floors[number - 1]).await;
        client.connect(connect).await;
        client
    }

    /// One who sees all floors.
    async fn outside(&self, connect: Connect) -> Client {
        self.broker.client(connect).await
    }
}

#[tokio::test]
async fn topics_of_clients_are_below_it_and_they_do_not_see_that() {
    let house = house().await;
    let mut outside = house.outside(v5("outside")).await;
    outside.subscribe("#", QoS::ExactlyOnce).await;
    for (version, id) in [
        (ProtocolVersion::V3_1_1, "old"),
        (ProtocolVersion::V5, "new"),
    ] {
        let mut client = house.on_floor(1, Connect::new(version, id)).await;
        client.subscribe("lamp/+", QoS::ExactlyOnce).await;
        for qos in EACH {
            client.publish(message("lamp/1", "on", qos)).await;
            assert_eq!(client.text().await, ("lamp/1".into(), "on".into()));
            let got = outside.message().await;
            assert_eq!((&*got.topic, got.qos), ("floor/1/lamp/1", qos));
            outside.publish(message("floor/1/lamp/2", "off", qos)).await;
            assert_eq!(client.text().await, ("lamp/2".into(), "off".into()));
            assert_eq!(outside.text().await.0, "floor/1/lamp/2");
        }
        client.unsubscribe(&["lamp/+"]).await;
        outside
            .publish(message("floor/1/lamp/2", "off", QoS::AtLeastOnce))
            .await;
        assert_eq!(outside.text().await.0, "floor/1/lamp/2");
        client.has_nothing().await;
    }
}

#[tokio::test]
async fn nobody_sees_or_reaches_what_is_outside() {
    let house = house_with(|config| config.sys_interval = 1).await;
    let mut one = house.on_floor(1, v5("one")).await;
    for filter in ["#", "$SYS/#", "+/+/+", "floor/2/#", "../#", "/#"] {
        one.subscribe(filter, QoS::ExactlyOnce).await;
    }
    let mut outside = house.outside(v5("outside")).await;
    outside.subscribe("#", QoS::AtMostOnce).await;
    outside
        .subscribe("$SYS/broker/uptime", QoS::AtMostOnce)
        .await;
    let (uptime, _) = outside.text().await;
    assert_eq!(uptime, "$SYS/broker/uptime", "it is there");
    let topics = [
        "floor/1",
        "floor/1/",
        "floor/10/x",
        "floor/2/x",
        "x",
        "/",
        "floor",
    ];
    for topic in topics {
        for qos in EACH {
            let mut retained = message(topic, "secret", qos);
            retained.retain = true;
            outside.publish(retained).await;
        }
    }
    // Nor does one who comes later.
    let mut late = house.on_floor(1, v3_1_1("late")).await;
    late.subscribe("#", QoS::ExactlyOnce).await;
    for client in [&mut one, &mut late] {
        client.has_nothing().await;
    }
    one.publish(message("$SYS/broker/uptime", "0", QoS::AtLeastOnce))
        .await;
    one.publish(message("floor/2/x", "1", QoS::AtLeastOnce))
        .await;
    let mut two = house.on_floor(2, v5("two")).await;
    two.subscribe("x", QoS::AtMostOnce).await;
    assert_eq!(two.text().await, ("x".into(), "secret".into()));
    two.has_nothing().await;
}

#[tokio::test]
async fn a_shared_subscription_is_shared_below_it() {
    let house = house().await;
    let mut one = house.on_floor(1, v5("one")).await;
    let mut two = house.on_floor(2, v5("two")).await;
    for client in [&mut one, &mut two] {
        client.subscribe("$share/g/lamp/#", QoS::AtLeastOnce).await;
    }
    let mut outside = house.outside(v5("outside")).await;
    outside
        .subscribe("$share/g/floor/1/lamp/#", QoS::AtLeastOnce)
        .await;
    for _ in 0..4 {
        one.publish(message("lamp/1", "on", QoS::AtLeastOnce)).await;
    }
    for _ in 0..2 {
        assert_eq!(one.text().await.0, "lamp/1");
        assert_eq!(outside.text().await.0, "floor/1/lamp/1");
    }
    two.has_nothing().await;
    // What one does not acknowledge goes to the other, under its name there.
    for _ in 0..2 {
        outside
            .publish(message("floor/1/lamp/2", "on", QoS::AtLeastOnce))
            .await;
    }
    assert_eq!(&*one.unacknowledged().await.topic, "lamp/2");
    one.disconnect().await;
    for _ in 0..2 {
        assert_eq!(outside.text().await.0, "floor/1/lamp/2");
    }
}

#[tokio::test]
async fn wills_and_retained_messages_are_below_it() {
    let house = house().await;
    let mut outside = house.outside(v5("outside")).await;
    outside.subscribe("#", QoS::AtLeastOnce).await;
    let mut connect = v5("c");
    connect.will = Some(Will {
        topic: TopicName::new("state").unwrap(),
        payload: "gone".into(),
        qos: QoS::AtLeastOnce,
        retain: true,
        properties: Properties::new().with(Property::ResponseTopic("answer".into())),
    });
    house.on_floor(1, connect).await.cut().await;
    let will = outside.message().await;
    assert_eq!(&*will.topic, "floor/1/state");
    let response = will.properties.response_topic().unwrap();
    assert_eq!(&**response, "floor/1/answer");
    let mut late = house.on_floor(1, v5("late")).await;
    late.subscribe("#", QoS::ExactlyOnce).await;
    let will = late.message().await;
    assert_eq!((&*will.topic, will.retain), ("state", true));
    let response = will.properties.response_topic().unwrap();
    assert_eq!(&**response, "answer");
}

#[tokio::test]
async fn response_topics_can_be_answered_on_both_sides() {
    let house = house().await;
    let mut outside = house.outside(v5("outside")).await;
    outside.subscribe("floor/1/ask", QoS::AtLeastOnce).await;
    let mut one = house.on_floor(1, v5("one")).await;
    one.subscribe("ask", QoS::AtLeastOnce).await;
    let ask = |topic: &str, response: &'static str| Publish {
        properties: Properties::new().with(Property::ResponseTopic(response.into())),
        ..message(topic, "?", QoS::AtLeastOnce)
    };
    let response = |publish: Publish| {
        let topic = publish.properties.response_topic();
        topic.map(ToString::to_string)
    };
    one.publish(ask("ask", "answer")).await;
    assert_eq!(response(one.message().await).as_deref(), Some("answer"));
    let outer = response(outside.message().await);
    assert_eq!(outer.as_deref(), Some("floor/1/answer"));
    outside.publish(ask("floor/1/ask", "floor/1/answer")).await;
    assert_eq!(response(one.message().await).as_deref(), Some("answer"));
    outside.publish(ask("floor/1/ask", "elsewhere")).await;
    assert_eq!(
        response(one.message().await),
        None,
        "it cannot answer there"
    );
}

#[tokio::test]
async fn aliases_stand_for_the_names_that_the_client_knows() {
    let house = house().await;
    let mut connect = v5("one");
    connect.properties.push(Property::TopicAliasMaximum(5));
    let mut one = house.on_floor(1, connect).await;
    one.subscribe("#", QoS::ExactlyOnce).await;
    let set = Publish {
        properties: Properties::new().with(Property::TopicAlias(1)),
        ..message("lamp", "1", QoS::AtLeastOnce)
    };
    let used = Publish {
        topic: TopicName::alias(),
        payload: "2".into(),
        ..set.clone()
    };
    one.publish(set).await;
    one.publish(used).await;
    let first = one.message().await;
    assert_eq!((&*first.topic, &*first.payload), ("lamp", &b"1"[..]));
    assert_eq!(first.properties.topic_alias(), Some(1));
    let second = one.message().await;
    assert_eq!((&*second.topic, &*second.payload), ("", &b"2"[..]));
    assert_eq!(second.properties.topic_alias(), Some(1));
}

#[tokio::test]
async fn rules_are_about_the_whole_name() {
    let rules = "topic readwrite floor/1/open\ntopic read floor/1/news\n";
    let house = house_with(|config| config.security.acl = Acl::parse(rules).unwrap()).await;
    let mut one = house.on_floor(1, v5("one")).await;
    let granted = one.subscribe("open", QoS::AtLeastOnce).await;
    assert_eq!(granted, ReasonCode::GrantedQoS1);
    one.subscribe("closed", QoS::AtLeastOnce).await;
    let mut all = house.outside(v5("all")).await;
    let published = all
        .publish(message("floor/1/open", "0", QoS::AtLeastOnce))
        .await;
    assert_eq!(published, ReasonCode::Success);
    assert_eq!(one.text().await.0, "open");
    let published = one.publish(message("open", "1", QoS::AtLeastOnce)).await;
    assert_eq!(published, ReasonCode::Success);
    assert_eq!(one.text().await.0, "open");
    let published = one.publish(message("news", "1", QoS::AtLeastOnce)).await;
    assert_eq!(published, ReasonCode::NotAuthorized);
    let mut two = house.on_floor(2, v5("two")).await;
    let published = two.publish(message("open", "1", QoS::AtLeastOnce)).await;
    assert_eq!(published, ReasonCode::NotAuthorized);
}

#[tokio::test]
async fn a_session_keeps_whole_names_and_shows_them_as_its_listener_does() {
    let house = house().await;
    let mut one = house.on_floor(1, kept(ProtocolVersion::V5, "c")).await;
    one.subscribe("#", QoS::ExactlyOnce).await;
    let mut outside = house.outside(v5("outside")).await;
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        outside.publish(message("floor/1/sent", "1", qos)).await;
        assert_eq!(&*one.unacknowledged().await.topic, "sent");
    }
    one.cut().await;
    outside
        .publish(message("floor/1/queued", "2", QoS::AtLeastOnce))
        .await;
    let mut one = house.on_floor(1, kept(ProtocolVersion::V5, "c")).await;
    assert!(one.connack.session_present);
    for expected in ["sent", "sent", "queued"] {
        assert_eq!(one.text().await.0, expected);
    }
    one.disconnect().await;
    outside
        .publish(message("floor/1/queued", "3", QoS::AtLeastOnce))
        .await;
    // On another floor none of it is to be seen.
    let mut two = house.on_floor(2, kept(ProtocolVersion::V5, "c")).await;
    assert!(two.connack.session_present);
    two.has_nothing().await;
    outside
        .publish(message("floor/1/live", "4", QoS::AtLeastOnce))
        .await;
    two.has_nothing().await;
}

#[tokio::test]
async fn one_that_is_no_level_takes_no_wildcard_behind_it() {
    let house = house_with(|config| {
        config.listeners[2].mount_point = Some(Mount::new("floor1-").unwrap());
    })
    .await;
    let mut one = house.on_floor(1, v5("one")).await;
    let refused = one.subscribe("#", QoS::AtLeastOnce).await;
    assert_eq!(refused, ReasonCode::TopicFilterInvalid);
    one.subscribe("lamp/#", QoS::AtLeastOnce).await;
    let mut outside = house.outside(v5("outside")).await;
    outside
        .publish(message("floor1-lamp/1", "on", QoS::AtLeastOnce))
        .await;
    assert_eq!(one.text().await.0, "lamp/1");
    assert_eq!(
        one.unsubscribe(&["#"]).await,
        [ReasonCode::NoSubscriptionExisted]
    );
}

#[tokio::test]
async fn a_name_that_gets_too_long_ends_the_connection_and_no_other() {
    let house = house().await;
    let mut one = house.on_floor(1, v5("one")).await;
    let long = "x".repeat(65_530);
    one.send_publish(message(&long, "", QoS::AtMostOnce)).await;
    one.expect_disconnect(ReasonCode::TopicNameInvalid).await;
    house.on_floor(1, v5("two")).await.ping().await;
}
