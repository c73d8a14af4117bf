//! A client fenced in: ways around the `acl_file`, and into what is another's.

use codec::{Connect, Packet, Properties, Property, Publish, QoS, ReasonCode, TopicName, Will};
use ws_broker::access::Acl;
use ws_broker::config::{Bind, Security};
use ws_broker::{Listener, Protocol};

use crate::common::{Broker, Client, message, start_with, v3_1_1, v5};

/// Mia may do everything, tom a little.
const RULES: &str = "user mia\ntopic readwrite #\ntopic read $SYS/#\n\
    user tom\ntopic readwrite open/#\ntopic read requests/#\n";

async fn start() -> Broker {
    start_with(|config| config.security.acl = Acl::parse(RULES).expect("rules")).await
}

fn named(mut connect: Connect, user: &str) -> Connect {
    connect.username = Some(user.into());
    connect
}

async fn mia(broker: &Broker) -> Client {
    broker.client(named(v5("mia's"), "mia")).await
}

async fn tom(broker: &Broker) -> Client {
    broker.client(named(v5("tom's"), "tom")).await
}

fn retained(topic: &str, payload: &'static str) -> Publish {
    Publish {
        retain: true,
        ..message(topic, payload, QoS::AtLeastOnce)
    }
}

fn topics(packets: &[Packet]) -> Vec<&str> {
    let publishes = packets.iter().filter_map(|packet| match packet {
        Packet::Publish(publish) => Some(publish.topic.as_str()),
        _ => None,
    });
    publishes.collect()
}

#[tokio::test]
async fn a_wildcard_gets_what_may_be_read_now_and_of_what_is_retained() {
    let broker = start().await;
    let mut mia = mia(&broker).await;
    for topic in ["open/door", "secret", "requests/1"] {
        mia.publish(retained(topic, "x")).await;
    }
    let mut tom = tom(&broker).await;
    for filter in ["#", "+", "secret", "secret/#"] {
        tom.subscribe(filter, QoS::ExactlyOnce).await;
    }
    let got = tom.settle().await;
    let mut got = topics(&got);
    got.sort_unstable();
    assert_eq!(got, ["open/door", "requests/1"]);
    for topic in ["secret", "open/door", "secret/more"] {
        mia.publish(message(topic, "x", QoS::AtMostOnce)).await;
    }
    mia.ping().await;
    assert_eq!(topics(&tom.settle().await), ["open/door"]);
}

/// [MQTT-4.8.2-4] is about who of a group gets a message; who may not read it
/// is none of them, and loses nothing for those who may.
#[tokio::test]
async fn a_shared_subscription_is_no_way_around() {
    let broker = start().await;
    let (mut mia, mut tom) = (mia(&broker).await, tom(&broker).await);
    let mut other = broker.client(named(v5("mia's other"), "mia")).await;
    for filter in ["$share/group/secret", "$share/group/#"] {
        tom.subscribe(filter, QoS::AtLeastOnce).await;
    }
    other.subscribe("$share/group/#", QoS::AtLeastOnce).await;
    for _ in 0..6 {
        let reason = mia.publish(message("secret", "x", QoS::AtLeastOnce)).await;
        assert_eq!(reason, ReasonCode::Success);
    }
    assert_eq!(topics(&tom.settle().await), [""; 0]);
    assert_eq!(other.settle().await.len(), 6);
    // What the member that is gone for good has not taken is not tom's either.
    for _ in 0..3 {
        mia.publish(message("secret", "x", QoS::AtLeastOnce)).await;
    }
    other.unacknowledged().await;
    other.disconnect().await;
    assert_eq!(topics(&tom.settle().await), [""; 0]);
}

#[tokio::test]
async fn a_topic_alias_stands_for_its_topic() {
    let broker = start().await;
    let mut mia = mia(&broker).await;
    mia.subscribe("#", QoS::AtMostOnce).await;
    let mut tom = tom(&broker).await;
    let aliased = |topic: &str| {
        let mut publish = message("x", "x", QoS::AtLeastOnce);
        publish.topic = match topic {
            "" => TopicName::alias(),
            topic => TopicName::new(topic).expect("a name"),
        };
        publish.properties.push(Property::TopicAlias(1));
        publish
    };
    for (topic, reason) in [
        ("open/door", ReasonCode::Success),
        ("", ReasonCode::Success),
        ("secret", ReasonCode::NotAuthorized),
        // The alias is another's now, and what it stands for is forbidden.
        ("", ReasonCode::NotAuthorized),
    ] {
        assert_eq!(tom.publish(aliased(topic)).await, reason, "{topic}");
    }
    assert_eq!(topics(&mia.settle().await), ["open/door", "open/door"]);
}

/// A response topic is a wish: who answers is judged by what they may write
/// themselves, and so is who asks.
#[tokio::test]
async fn a_response_topic_gives_nobody_a_right() {
    let broker = start().await;
    let (mut mia, mut tom) = (mia(&broker).await, tom(&broker).await);
    tom.subscribe("secret/answers", QoS::AtLeastOnce).await;
    mia.subscribe("open/#", QoS::AtLeastOnce).await;
    let mut ask = message("open/requests", "?", QoS::AtLeastOnce);
    ask.properties
        .push(Property::ResponseTopic("secret/answers".into()));
    assert_eq!(tom.publish(ask).await, ReasonCode::Success);
    let asked = mia.message().await;
    let topic = asked.properties.response_topic().expect("it was asked");
    mia.publish(message(topic, "42", QoS::AtLeastOnce)).await;
    tom.has_nothing().await;
}

fn with_will(mut connect: Connect, topic: &str, delay: u32) -> Connect {
    connect.will = Some(Will {
        topic: TopicName::new(topic).expect("a name"),
        payload: "gone".into(),
        qos: QoS::AtMostOnce,
        retain: true,
        properties: Properties::new().with(Property::WillDelayInterval(delay)),
    });
    connect
}

#[tokio::test]
async fn a_will_is_no_way_around_at_once_or_later() {
    let broker = start().await;
    let mut mia = mia(&broker).await;
    mia.subscribe("#", QoS::AtMostOnce).await;
    mia.subscribe("$SYS/forged", QoS::AtMostOnce).await;
    for topic in ["secret", "$SYS/forged", "open/door"] {
        let connect = with_will(named(v5("tom's"), "tom"), topic, 0);
        broker.client(connect).await.cut().await;
        // Delayed until its session ends, which a clean start is.
        let mut connect = with_will(named(v5("tom's late"), "tom"), topic, 1000);
        connect
            .properties
            .push(Property::SessionExpiryInterval(1000));
        broker.client(connect).await.cut().await;
        broker.client(named(v5("tom's late"), "tom")).await;
        let got = mia.settle().await;
        let expected: &[&str] = match topic {
            "open/door" => &["open/door"; 2],
            _ => &[],
        };
        assert_eq!(topics(&got), expected, "{topic}");
    }
    let mut late = broker.client(named(v5("late"), "mia")).await;
    late.subscribe("#", QoS::AtMostOnce).await;
    assert_eq!(topics(&late.settle().await), ["open/door"], "what is kept");
}

/// Who has left a delayed will is judged by the rules of the moment at which it
/// is sent.
#[tokio::test]
async fn a_delayed_will_of_an_absent_client_is_judged_when_it_is_sent() {
    let broker = start().await;
    let mut mia = mia(&broker).await;
    mia.subscribe("#", QoS::AtMostOnce).await;
    let mut connect = with_will(named(v5("tom's"), "tom"), "open/door", 1000);
    connect
        .properties
        .push(Property::SessionExpiryInterval(1000));
    broker.client(connect).await.cut().await;
    let mut config = crate::common::config();
    let rules = RULES.replace("topic readwrite open/#", "topic read open/#");
    config.security.acl = Acl::parse(&rules).expect("rules");
    broker.running.reload(Ok(config));
    tom(&broker).await;
    assert_eq!(topics(&mia.settle().await), [""; 0]);
}

#[tokio::test]
async fn sys_is_read_by_who_may_and_written_by_nobody() {
    let broker = start_with(|config| {
        config.security.acl = Acl::parse(RULES).expect("rules");
        config.sys_interval = 1;
    })
    .await;
    let (mut mia, mut tom) = (mia(&broker).await, tom(&broker).await);
    tom.subscribe("$SYS/#", QoS::AtMostOnce).await;
    tom.subscribe("$SYS/broker/version", QoS::AtMostOnce).await;
    mia.subscribe("$SYS/broker/version", QoS::AtMostOnce).await;
    assert_eq!(mia.message().await.topic.as_str(), "$SYS/broker/version");
    for client in [&mut mia, &mut tom] {
        let publish = message("$SYS/broker/version", "x", QoS::AtLeastOnce);
        assert_eq!(client.publish(publish).await, ReasonCode::NotAuthorized);
    }
    assert_eq!(topics(&tom.settle().await), [""; 0]);
}

/// Neither the messages that wait nor the subscriptions: not for another user,
/// not for nobody, not from a listener with users of its own.
#[tokio::test]
async fn a_session_is_nobody_elses() {
    let open = || Security {
        allow_anonymous: true,
        ..Security::default()
    };
    let broker = start_with(|config| {
        let second = Listener {
            bind: Bind::Host("127.0.0.2".into()),
            ..Listener::new(0, Protocol::Mqtt)
        };
        config.listeners.push(second);
        for listener in &mut config.listeners {
            listener.security = Some(open());
        }
    })
    .await;
    let kept = |user: Option<&str>| {
        let mut connect = v3_1_1("tablet");
        connect.clean_start = false;
        connect.username = user.map(Into::into);
        connect
    };
    let second = broker.running.bound()[2].address;
    let mut writer = broker.client(v5("writer")).await;
    for (thief, at) in [
        (kept(Some("tom")), broker.tcp),
        (kept(None), broker.tcp),
        (kept(Some("")), broker.tcp),
        (kept(Some("Mia")), broker.tcp),
        (kept(Some("mia")), second),
    ] {
        let mut mia = broker.client(kept(Some("mia"))).await;
        assert!(!mia.connack.session_present);
        mia.subscribe("diary", QoS::AtLeastOnce).await;
        mia.disconnect().await;
        writer
            .publish(message("diary", "dear", QoS::AtLeastOnce))
            .await;
        let who = format!("{:?} at {at}", thief.username);
        let mut client = Client::open(at).await;
        client.connect(thief).await;
        assert!(!client.connack.session_present, "{who}");
        let reason = writer
            .publish(message("diary", "dear", QoS::AtLeastOnce))
            .await;
        assert_eq!(reason, ReasonCode::NoMatchingSubscribers, "{who}");
        client.has_nothing().await;
        // And the other way round.
        client.disconnect().await;
    }
}

#[tokio::test]
async fn a_session_goes_with_its_user_from_listener_to_listener() {
    let second = || Listener {
        bind: Bind::Host("127.0.0.2".into()),
        ..Listener::new(0, Protocol::Mqtt)
    };
    let broker = start_with(|config| config.listeners.push(second())).await;
    let kept = || {
        let mut connect = v3_1_1("tablet");
        connect.clean_start = false;
        named(connect, "mia")
    };
    broker.client(kept()).await.disconnect().await;
    let mut client = Client::open(broker.running.bound()[2].address).await;
    client.connect(kept()).await;
    assert!(client.connack.session_present);
}

/// While its owner is connected too.
#[tokio::test]
async fn taking_over_a_client_identifier_gives_no_messages() {
    let broker = start().await;
    let kept = |user: &str| {
        let mut connect = v3_1_1("tablet");
        connect.clean_start = false;
        named(connect, user)
    };
    let mut mia = broker.client(kept("mia")).await;
    mia.subscribe("open/#", QoS::AtLeastOnce).await;
    let mut writer = broker.client(named(v5("writer"), "mia")).await;
    writer
        .publish(message("open/door", "x", QoS::AtLeastOnce))
        .await;
    mia.unacknowledged().await;
    let mut tom = broker.client(kept("tom")).await;
    assert!(!tom.connack.session_present);
    mia.expect_close().await;
    writer
        .publish(message("open/door", "x", QoS::AtLeastOnce))
        .await;
    tom.has_nothing().await;
}

/// `check_retain_source`: what somebody has left is not sent any more when they
/// may not publish it any more.
#[tokio::test]
async fn a_retained_message_goes_with_the_right_to_publish_it() {
    let broker = start().await;
    let mut mia = mia(&broker).await;
    let mut tom = tom(&broker).await;
    tom.publish(retained("open/by-tom", "x")).await;
    mia.publish(retained("open/by-mia", "x")).await;
    let will = with_will(named(v5("tom's other"), "tom"), "open/will", 0);
    broker.client(will).await.cut().await;
    let seen = async |mia: &mut Client| {
        mia.subscribe("open/#", QoS::AtMostOnce).await;
        let got = mia.settle().await;
        let mut got: Vec<_> = topics(&got).into_iter().map(str::to_owned).collect();
        got.sort();
        got
    };
    assert_eq!(
        seen(&mut mia).await,
        ["open/by-mia", "open/by-tom", "open/will"]
    );
    for (checks, expected) in [
        (true, &["open/by-mia"][..]),
        (false, &["open/by-mia", "open/by-tom", "open/will"]),
    ] {
        let mut config = crate::common::config();
        let rules = RULES.replace("topic readwrite open/#", "topic read open/#");
        config.security.acl = Acl::parse(&rules).expect("rules");
        config.check_retain_source = checks;
        broker.running.reload(Ok(config));
        // Those who are connected look again before they do anything else.
        mia.ping().await;
        assert_eq!(seen(&mut mia).await, expected);
    }
}
