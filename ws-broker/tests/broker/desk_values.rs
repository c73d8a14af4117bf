//! Who subscribes to a topic, and what numbers it has had.

use codec::QoS;
use serde_json::{Value, json};

use crate::common::{Client, message, start, start_with, v3_1_1, v5};
use crate::desk::{Page, ruled, user};
use crate::sessions::kept;

async fn publish(client: &mut Client, topic: &str, payload: &str) {
    client
        .publish(message(topic, payload.to_owned(), QoS::AtMostOnce))
        .await;
}

/// The payloads that a topic has had.
fn payloads(answer: &Value, topic: &str) -> Vec<String> {
    let points = answer["topics"][topic].as_array();
    let payload = |point: &Value| point[1].as_str().unwrap().to_owned();
    points.into_iter().flatten().map(payload).collect()
}

#[tokio::test]
async fn subscribers_are_other_sessions_that_mean_the_topic() {
    let broker = start().await;
    let mut page = Page::connect(&broker, v5("page")).await;
    page.client.subscribe("home/led", QoS::AtMostOnce).await;
    let mut device = broker.client(v3_1_1("device")).await;
    for filter in ["home/led", "home/+", "home/#", "$share/g/home/fan"] {
        device.subscribe(filter, QoS::AtMostOnce).await;
    }
    let mut monitor = broker.client(v5("monitor")).await;
    for filter in ["#", "+/led", "$share/g/#", "$share/g/+/led"] {
        monitor.subscribe(filter, QoS::AtMostOnce).await;
    }
    let mut away = broker
        .client(kept(codec::ProtocolVersion::V5, "away"))
        .await;
    away.subscribe("home/led", QoS::AtLeastOnce).await;
    away.disconnect().await;
    let question = json!({"topics": [
        "home/led", "home/led", "home/fan", "home", "elsewhere", "no/+/topic", "", "$SYS/x",
    ]});
    let expected = json!({"topics": {
        "home/led": 2, "home/fan": 1, "home": 1, "elsewhere": 0, "$SYS/x": 0,
    }});
    assert_eq!(page.ask("subscribers", question).await, expected);
    device.disconnect().await;
    let question = json!({"topics": ["home/led"]});
    let answer = page.ask("subscribers", question).await;
    assert_eq!(
        answer,
        json!({"topics": {"home/led": 1}}),
        "the kept session is left"
    );
}

#[tokio::test]
async fn subscribers_are_told_of_topics_that_the_asker_has_to_do_with() {
    let broker = ruled(
        "user ada\ntopic read seen\ntopic write led\n\
         user device\ntopic read led\ntopic read hidden\n",
    )
    .await;
    let mut device = broker.client(user("device")).await;
    for filter in ["led", "hidden", "s/#"] {
        device.subscribe(filter, QoS::AtMostOnce).await;
    }
    let mut page = Page::connect(&broker, user("ada")).await;
    let answer = page
        .ask("subscribers", json!({"topics": ["led", "seen", "hidden"]}))
        .await;
    assert_eq!(answer, json!({"topics": {"led": 1, "seen": 0}}));
    let mut other = user("device");
    other.client_id = "other".into();
    let mut other = Page::connect(&broker, other).await;
    let answer = other
        .ask("subscribers", json!({"topics": ["led", "seen"]}))
        .await;
    assert_eq!(
        answer,
        json!({"topics": {"led": 1}}),
        "its other session counts"
    );
}

/// What is looked at is bounded: it is named what was not.
#[tokio::test]
async fn subscribers_of_crowded_topics_are_not_all_counted() {
    let broker = start().await;
    let mut crowd = Vec::new();
    for n in 0..257 {
        let mut client = broker.client(v5(&format!("c{n}"))).await;
        client.subscribe("crowd/#", QoS::AtMostOnce).await;
        crowd.push(client);
    }
    let mut page = Page::connect(&broker, v5("page")).await;
    let mut left: Vec<_> = (0..100).map(|n| format!("crowd/{n}")).collect();
    let mut rounds = 0;
    while !left.is_empty() {
        let answer = page.ask("subscribers", json!({ "topics": left })).await;
        let told = answer["topics"].as_object().unwrap();
        assert!(told.values().all(|count| count == 256), "{told:?}");
        let left_out = answer["left_out"].as_array().cloned().unwrap_or_default();
        assert_eq!(told.len() + left_out.len(), left.len());
        left = left_out
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect();
        rounds += 1;
    }
    assert_eq!(rounds, 7);
}

#[tokio::test]
async fn recent_has_what_was_published_to_topics_with_numbers() {
    let broker = start().await;
    let mut page = Page::connect(&broker, v5("page")).await;
    let mut device = broker.client(v3_1_1("device")).await;
    for (topic, payload) in [
        ("Kitchen/Fridge", "Temperature:14"),
        // Within the same second.
        ("Kitchen/Fridge", "Temperature:15"),
        ("Kitchen/AirQuality", "{\"CO2\":640}"),
        ("home/led", "Turn On"),
    ] {
        publish(&mut device, topic, payload).await;
    }
    let mut retained = message("Kitchen/Oven", "180 °C", QoS::ExactlyOnce);
    retained.retain = true;
    device.publish(retained).await;
    let topics = json!([
        "Kitchen/Fridge",
        "Kitchen/AirQuality",
        "Kitchen/Oven",
        "home/led",
        "Kitchen/+",
        "",
    ]);
    let answer = page.ask("recent", json!({ "topics": topics })).await;
    let told: Vec<_> = answer["topics"].as_object().unwrap().keys().collect();
    assert_eq!(
        told,
        ["Kitchen/AirQuality", "Kitchen/Fridge", "Kitchen/Oven"]
    );
    assert_eq!(payloads(&answer, "Kitchen/Fridge"), ["Temperature:14"]);
    assert_eq!(payloads(&answer, "Kitchen/AirQuality"), ["{\"CO2\":640}"]);
    assert_eq!(payloads(&answer, "Kitchen/Oven"), ["180 °C"]);
    assert_eq!(answer.get("left_out"), None);
    let info = page.ask("info", json!({})).await;
    let at = answer["topics"]["Kitchen/Fridge"][0][0].as_u64();
    assert!(at >= info["started"].as_u64() && at <= info["now"].as_u64());
    for (since, expected) in [(at.unwrap(), 1), (at.unwrap() + 1, 0)] {
        let question = json!({"topics": ["Kitchen/Fridge"], "since": since});
        let answer = page.ask("recent", question).await;
        assert_eq!(payloads(&answer, "Kitchen/Fridge").len(), expected);
    }
}

#[tokio::test]
async fn recent_goes_on_at_most_once_a_second_whoever_publishes() {
    let broker = start().await;
    let mut page = Page::connect(&broker, v5("page")).await;
    let mut publishers = [
        broker.client(v3_1_1("a")).await,
        broker.client(v5("b")).await,
    ];
    let mut times = Vec::new();
    // The clock that counts is the broker's.
    while times.len() < 2 {
        for publisher in &mut publishers {
            publish(publisher, "t", "1").await;
        }
        // Forgets what publishers remember of the topic.
        page.client.subscribe("other", QoS::AtMostOnce).await;
        let answer = page.ask("recent", json!({"topics": ["t"]})).await;
        let points = answer["topics"]["t"].as_array().unwrap();
        times = points
            .iter()
            .map(|point| point[0].as_u64().unwrap())
            .collect();
    }
    assert!(
        times.windows(2).all(|pair| pair[1] - pair[0] >= 1000),
        "{times:?}"
    );
}

#[tokio::test]
async fn recent_has_what_the_asker_may_read_and_what_is_retained_is_no_news() {
    let broker = ruled("user ada\ntopic read seen/#\nuser device\ntopic write #\n").await;
    let mut device = broker.client(user("device")).await;
    for topic in ["seen/a", "hidden/a"] {
        let mut retained = message(topic, "1", QoS::AtLeastOnce);
        retained.retain = true;
        device.publish(retained).await;
    }
    let topics = json!({"topics": ["seen/a", "hidden/a"]});
    let mut page = Page::connect(&broker, user("ada")).await;
    page.client.subscribe("seen/#", QoS::AtMostOnce).await;
    assert!(page.client.message().await.retain);
    let answer = page.ask("recent", topics.clone()).await;
    assert_eq!(
        payloads(&answer, "seen/a"),
        ["1"],
        "once: it was published once"
    );
    assert_eq!(answer["topics"].as_object().unwrap().len(), 1);
    let mut nobody = Page::connect(&broker, v5("nobody")).await;
    assert_eq!(nobody.ask("recent", topics).await, json!({"topics": {}}));
    // What may not be published was not.
    let mut denied = user("ada");
    denied.client_id = "denied".into();
    let mut denied = broker.client(denied).await;
    publish(&mut denied, "seen/b", "1").await;
    let answer = page.ask("recent", json!({"topics": ["seen/b"]})).await;
    assert_eq!(answer, json!({"topics": {}}));
}

#[tokio::test]
async fn recent_is_cut_at_what_the_client_takes_and_the_rest_is_named() {
    let broker = start().await;
    let mut device = broker.client(v5("device")).await;
    let payload = format!("{{\"n\":1,\"text\":\"{}\"}}", "é".repeat(110));
    let topics: Vec<_> = (0..50).map(|n| format!("topic/{n:02}")).collect();
    for topic in &topics {
        publish(&mut device, topic, &payload).await;
    }
    let mut connect = v5("page");
    let size = codec::Property::MaximumPacketSize(4000);
    connect.properties.push(size);
    let mut page = Page::connect(&broker, connect).await;
    let mut left = topics.clone();
    let mut seen = Vec::new();
    let mut rounds = 0;
    while !left.is_empty() {
        let answer = page.ask("recent", json!({ "topics": left })).await;
        let told = answer["topics"].as_object().unwrap();
        assert!(!told.is_empty(), "{answer}");
        for topic in told.keys() {
            assert_eq!(payloads(&answer, topic), [payload.as_str()]);
            seen.push(topic.clone());
        }
        let left_out = answer["left_out"].as_array().cloned().unwrap_or_default();
        left = left_out
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect();
        rounds += 1;
    }
    seen.sort();
    assert_eq!(seen, topics);
    assert!((4..10).contains(&rounds), "{rounds}");
}

#[tokio::test]
async fn recent_has_the_sys_tree_and_not_the_desk() {
    let broker = start_with(|config| config.sys_interval = 1).await;
    let mut page = Page::connect(&broker, v5("page")).await;
    page.client
        .subscribe("$SYS/broker/uptime", QoS::AtMostOnce)
        .await;
    page.client.message().await;
    let layout = json!({"name": "home", "revision": 0, "layout": {"n": 1}});
    assert_eq!(page.ask("layout", layout).await["revision"], 1);
    let topics = json!({"topics": ["$SYS/broker/uptime", "$dashboard/layout/home"]});
    let answer = page.ask("recent", topics).await;
    let told: Vec<_> = answer["topics"].as_object().unwrap().keys().collect();
    assert_eq!(told, ["$SYS/broker/uptime"]);
}
