//! Who is connected, what they subscribe to, and how they are disconnected.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use codec::{Property, QoS, ReasonCode, TopicName, Will};
use serde_json::{Value, json};

use crate::common::{Program, message, start, v3_1, v3_1_1, v5};
use crate::desk::{Page, code, user};
use crate::sessions::kept;

fn of<'a>(answer: &'a Value, id: &str) -> &'a Value {
    let clients = answer["clients"].as_array().unwrap();
    let found = clients.iter().find(|client| client["id"] == id);
    found.unwrap_or_else(|| panic!("{id} is in {answer}"))
}

#[tokio::test]
async fn clients_are_listed_with_what_the_broker_knows_of_them() {
    let broker = start().await;
    let mut connect = user("device");
    connect.keep_alive = 77;
    connect.clean_start = false;
    connect.properties.push(Property::SessionExpiryInterval(60));
    let mut device = broker.client(connect).await;
    for filter in ["a", "b/#"] {
        device.subscribe(filter, QoS::AtLeastOnce).await;
    }
    let mut old = broker.client(v3_1("old")).await;
    for _ in 0..3 {
        old.publish(message("a", "x", QoS::AtMostOnce)).await;
    }
    old.publish(message("a", "x", QoS::AtLeastOnce)).await;
    device.unacknowledged().await;
    let mut away = broker
        .client(kept(codec::ProtocolVersion::V3_1_1, "away"))
        .await;
    away.subscribe("a", QoS::AtLeastOnce).await;
    away.disconnect().await;
    old.publish(message("a", "x", QoS::AtLeastOnce)).await;

    let mut page = Page::connect(&broker, v5("page")).await;
    let answer = page.ask("clients", json!({})).await;
    assert_eq!(
        (&answer["total"], &answer["more"]),
        (&json!(4), &json!(false))
    );
    let ids = answer["clients"].as_array().unwrap().iter();
    let ids: Vec<_> = ids.map(|client| client["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["away", "device", "old", "page"]);
    let info = page.ask("info", json!({})).await;
    for client in answer["clients"].as_array().unwrap() {
        let since = client["since"].as_u64();
        assert!(since >= info["started"].as_u64() && since <= info["now"].as_u64());
    }

    let mut expected = of(&answer, "device").clone();
    let address = expected["address"].as_str().unwrap();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    for varying in ["address", "since"] {
        expected.as_object_mut().unwrap().remove(varying);
    }
    let device = json!({
        "id": "device", "user": "device", "listener": broker.tcp.port(), "version": 5,
        "connected": true, "keep_alive": 77, "clean_start": false, "expiry": 60,
        "subscriptions": 2, "inflight": 2, "queued": 0, "dropped": 0, "sent": 5, "received": 0,
    });
    assert_eq!(expected, device);
    let old = of(&answer, "old");
    assert_eq!((&old["version"], &old["received"]), (&json!(3), &json!(5)));
    assert_eq!((&old["user"], &old["expiry"]), (&Value::Null, &json!(0)));

    let mut away = of(&answer, "away").clone();
    away.as_object_mut().unwrap().remove("since");
    let expected = json!({
        "id": "away", "user": null, "connected": false, "expiry": null,
        "subscriptions": 1, "inflight": 0, "queued": 1, "dropped": 0,
    });
    assert_eq!(away, expected, "what is not known of it is left out");
}

#[tokio::test]
async fn clients_are_listed_page_by_page() {
    let broker = start().await;
    let mut page = Page::connect(&broker, v5("page")).await;
    let mut clients = Vec::new();
    for n in 0..7 {
        clients.push(broker.client(v5(&format!("c{n}"))).await);
    }
    let mut after: Option<String> = None;
    let mut seen = Vec::new();
    let mut rounds = 0;
    loop {
        let question = json!({"after": after, "limit": 3});
        let answer = page.ask("clients", question).await;
        assert_eq!(answer["total"], 8);
        for client in answer["clients"].as_array().unwrap() {
            seen.push(client["id"].as_str().unwrap().to_owned());
        }
        rounds += 1;
        if answer["more"] == false {
            break;
        }
        after = seen.last().cloned();
    }
    assert_eq!(seen, ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "page"]);
    assert_eq!(rounds, 3);
}

#[tokio::test]
async fn subscriptions_of_those_who_are_here_and_of_those_who_are_away() {
    let broker = start().await;
    let mut page = Page::connect(&broker, v5("page")).await;
    let mut device = broker
        .client(kept(codec::ProtocolVersion::V5, "device"))
        .await;
    device.subscribe("b/#", QoS::ExactlyOnce).await;
    device.subscribe("$share/g/a", QoS::AtMostOnce).await;
    let question = json!({"client": "device"});
    let expected = json!({
        "subscriptions": [{"filter": "$share/g/a", "qos": 0}, {"filter": "b/#", "qos": 2}],
        "total": 2,
    });
    assert_eq!(page.ask("subscriptions", question.clone()).await, expected);
    device.disconnect().await;
    assert_eq!(page.ask("subscriptions", question).await, expected);
    let own = page.ask("subscriptions", json!({"client": "page"})).await;
    assert_eq!(own["total"], 1);
    let nobody = page.ask("subscriptions", json!({"client": "nobody"})).await;
    assert_eq!(code(&nobody), "not_found");
    for n in 0..600 {
        let filter = format!("many/{n}");
        page.client.subscribe(&filter, QoS::AtMostOnce).await;
    }
    let many = page.ask("subscriptions", json!({"client": "page"})).await;
    assert_eq!(many["subscriptions"].as_array().unwrap().len(), 500);
    assert_eq!(many["total"], 601);
}

#[tokio::test]
async fn who_is_disconnected_is_told_and_has_its_will_and_keeps_its_session() {
    let broker = start().await;
    let mut page = Page::connect(&broker, v5("page")).await;
    page.client.subscribe("wills", QoS::AtMostOnce).await;
    let mut connect = kept(codec::ProtocolVersion::V5, "device");
    connect.will = Some(Will {
        topic: TopicName::new("wills").unwrap(),
        payload: "gone".into(),
        qos: QoS::AtMostOnce,
        retain: false,
        properties: codec::Properties::new(),
    });
    let device = broker.client(connect).await;
    let question = json!({"client": "device"});
    assert_eq!(page.ask("disconnect", question.clone()).await, json!({}));
    device
        .expect_disconnect(ReasonCode::AdministrativeAction)
        .await;
    let (topic, payload) = page.client.text().await;
    assert_eq!((&*topic, &*payload), ("wills", "gone"));
    let away = page.ask("disconnect", question).await;
    assert_eq!(code(&away), "not_found", "it is not connected");
    let back = broker
        .client(kept(codec::ProtocolVersion::V5, "device"))
        .await;
    assert!(back.connack.session_present);
    let nobody = page.ask("disconnect", json!({"client": "nobody"})).await;
    assert_eq!(code(&nobody), "not_found");
    // Before 5.0 there is nothing to be told.
    let old = broker.client(v3_1_1("old")).await;
    assert_eq!(
        page.ask("disconnect", json!({"client": "old"})).await,
        json!({})
    );
    old.expect_close().await;
}

#[tokio::test]
async fn who_disconnects_itself_has_the_answer_first() {
    let broker = start().await;
    let mut page = Page::connect(&broker, v5("page")).await;
    assert_eq!(
        page.ask("disconnect", json!({"client": "page"})).await,
        json!({})
    );
    page.client
        .expect_disconnect(ReasonCode::AdministrativeAction)
        .await;
}

#[tokio::test]
async fn the_log_says_who_has_asked_for_the_end_of_a_connection() {
    let config = "listener 0 127.0.0.1\nallow_anonymous true\n";
    let mut program = Program::start(config, &[]).await;
    let device = program.client(v5("device")).await;
    let mut page = Page::new(program.client(v5("page")).await, "page").await;
    page.ask("disconnect", json!({"client": "device"})).await;
    device
        .expect_disconnect(ReasonCode::AdministrativeAction)
        .await;
    let wanted = "Client device disconnected: page has asked for it.";
    program.line(|line| line.contains(wanted)).await;
}

/// Asks about all clients, many times at once, until it is told to stop.
async fn keep_asking(mut page: Page, stop: Arc<AtomicBool>, answered: Arc<AtomicUsize>) {
    const AT_ONCE: usize = 32;
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..AT_ONCE {
            page.send("clients", r#"{"limit":200}"#).await;
        }
        for _ in 0..AT_ONCE {
            let answer = page.client.message().await;
            let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
            assert_eq!(answer["clients"].as_array().unwrap().len(), 200);
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The broker has one thread.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_some_ask_without_pause_others_go_on() {
    let config = "listener 0 127.0.0.1\nallow_anonymous true\n";
    let mut program = Program::start(config, &["--threads", "1"]).await;
    program.keep_reading();
    let mut others = Vec::new();
    for n in 0..200 {
        others.push(program.client(v5(&format!("c{n:03}"))).await);
    }
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::default());
    let mut asking = Vec::new();
    for id in ["page", "phone"] {
        let page = Page::new(program.client(v5(id)).await, id).await;
        let asks = keep_asking(page, stop.clone(), Arc::clone(&answered));
        asking.push(tokio::spawn(asks));
    }
    let mut device = program.client(v5("device")).await;
    device.subscribe("device", QoS::ExactlyOnce).await;
    for _ in 0..3 {
        let before = answered.load(Ordering::Relaxed);
        device.ping().await;
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            device.publish(message("device", "x", qos)).await;
            assert_eq!(device.message().await.payload, "x");
        }
        // And answers go on meanwhile.
        while answered.load(Ordering::Relaxed) == before {
            assert!(asking.iter().all(|asking| !asking.is_finished()));
            tokio::task::yield_now().await;
        }
    }
    stop.store(true, Ordering::Relaxed);
    for asking in asking {
        asking.await.unwrap();
    }
}
