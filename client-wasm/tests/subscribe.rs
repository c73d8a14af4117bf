//! Subscribing, unsubscribing and retained messages (sections 3.8, 3.10, 4.7).
#![cfg(target_arch = "wasm32")]

mod common;

use client_wasm::{Bounds, Error, Message, QoS, RetainHandling, Subscription, SubscriptionOptions};
use common::{connected, next, options, unique, within};
use futures_util::future::join_all;
use futures_util::{FutureExt, StreamExt};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

fn message(topic: &str, payload: &str) -> Message {
    Message::new(topic, payload.to_owned())
        .unwrap()
        .qos(QoS::AtLeastOnce)
}

/// What is in a stream now.
fn waiting(subscription: &mut Subscription) -> Vec<String> {
    let text = |message: Message| message.text().unwrap().to_owned();
    std::iter::from_fn(|| subscription.next().now_or_never().flatten())
        .map(text)
        .collect()
}

#[wasm_bindgen_test]
async fn overlapping_filters_with_wildcards_bring_each_message_once_to_each_stream() {
    let client = connected(options()).await;
    let root = unique("wild");
    let mut all = client
        .subscribe(format!("{root}/#"), QoS::AtLeastOnce)
        .await
        .unwrap();
    let plus = format!("{root}/+/fridge");
    let mut fridges = client.subscribe(&*plus, QoS::AtLeastOnce).await.unwrap();
    let mut again = client.subscribe(&*plus, QoS::AtLeastOnce).await.unwrap();
    for below in ["", "/cellar", "/cellar/fridge", "/kitchen/fridge"] {
        let topic = format!("{root}{below}");
        within(client.publish(message(&topic, below)))
            .await
            .unwrap();
    }
    within(client.publish(message(&root, "last")))
        .await
        .unwrap();
    let mut every = Vec::new();
    while every.last().is_none_or(|last| last != "last") {
        every.push(next(&mut all).await.text().unwrap().to_owned());
    }
    let sent = ["", "/cellar", "/cellar/fridge", "/kitchen/fridge", "last"];
    assert_eq!(every, sent);
    for stream in [&mut fridges, &mut again] {
        assert_eq!(waiting(stream), ["/cellar/fridge", "/kitchen/fridge"]);
    }
    client.end().await;
}

#[wasm_bindgen_test]
async fn unsubscribing_ends_the_stream_and_the_messages() {
    let client = connected(options()).await;
    let topics = ["gone", "dropped", "kept"].map(unique);
    let [gone, dropped, kept] = &topics;
    let mut ended = client.subscribe(&**gone, QoS::AtLeastOnce).await.unwrap();
    let unread = client
        .subscribe(&**dropped, QoS::AtLeastOnce)
        .await
        .unwrap();
    let mut open = client.subscribe(&**kept, QoS::AtLeastOnce).await.unwrap();
    within(client.unsubscribe(&**gone)).await.unwrap();
    assert_eq!(ended.next().now_or_never(), Some(None));
    within(unread.unsubscribe()).await.unwrap();
    for topic in &topics {
        within(client.publish(message(topic, "1"))).await.unwrap();
    }
    assert_eq!(next(&mut open).await.text(), Some("1"));
    client.end().await;
    assert_eq!(within(open.next()).await, None, "the end ends the streams");
    let late = client.subscribe("a", QoS::AtMostOnce).await;
    assert!(matches!(late, Err(Error::Ended)));
}

#[wasm_bindgen_test]
async fn a_retained_message_waits_for_those_who_ask() {
    let client = connected(options()).await;
    let topic = unique("retained");
    within(client.publish(message(&topic, "kept").retain(true)))
        .await
        .unwrap();
    let mut late = client.subscribe(&*topic, QoS::AtLeastOnce).await.unwrap();
    let kept = next(&mut late).await;
    assert_eq!((kept.text(), kept.retain), (Some("kept"), true));

    let none = SubscriptionOptions {
        retain_handling: RetainHandling::DoNotSend,
        ..QoS::AtLeastOnce.into()
    };
    let other = connected(options()).await;
    let mut uninterested = other.subscribe(&*topic, none).await.unwrap();
    within(client.publish(message(&topic, "").retain(true)))
        .await
        .unwrap();
    let first = next(&mut uninterested).await;
    assert_eq!((first.text(), first.retain), (Some(""), false));
    client.end().await;
    other.end().await;
}

#[wasm_bindgen_test]
async fn a_shared_subscription_brings_each_message_to_one_member() {
    let (one, other) = (connected(options()).await, connected(options()).await);
    let topic = unique("shared");
    let share = format!("$share/cooks/{topic}");
    let mut first = one.subscribe(&*share, QoS::AtLeastOnce).await.unwrap();
    let mut second = other.subscribe(&*share, QoS::AtLeastOnce).await.unwrap();
    // A stream of its own beside the share gets them all.
    let mut all = other.subscribe(&*topic, QoS::AtLeastOnce).await.unwrap();
    let publishes = (0..10).map(|n| one.publish(message(&topic, &n.to_string())));
    for outcome in within(join_all(publishes)).await {
        outcome.unwrap();
    }
    let (mut shared, mut each) = (Vec::new(), Vec::new());
    for stream in [&mut first, &mut second] {
        for _ in 0..5 {
            shared.push(next(stream).await.text().unwrap().to_owned());
        }
    }
    for _ in 0..10 {
        each.push(next(&mut all).await.text().unwrap().to_owned());
    }
    shared.sort();
    let expected: Vec<_> = (0..10).map(|n| n.to_string()).collect();
    assert_eq!((shared, each), (expected.clone(), expected));
    for stream in [&mut first, &mut second, &mut all] {
        assert_eq!(waiting(stream), [""; 0]);
    }
    one.end().await;
    other.end().await;
}

#[wasm_bindgen_test]
async fn own_messages_stay_away_and_the_retain_flag_stays_where_it_is_asked_for() {
    let (client, other) = (connected(options()).await, connected(options()).await);
    let topic = unique("options");
    let asked = SubscriptionOptions {
        no_local: true,
        retain_as_published: true,
        ..QoS::AtLeastOnce.into()
    };
    let mut messages = client.subscribe(&*topic, asked).await.unwrap();
    for (publisher, text) in [(&client, "own"), (&other, "other's")] {
        let retained = message(&topic, text).retain(true);
        within(publisher.publish(retained)).await.unwrap();
    }
    let got = next(&mut messages).await;
    assert_eq!((got.text(), got.retain), (Some("other's"), true));
    within(other.publish(message(&topic, "").retain(true)))
        .await
        .unwrap();
    assert_eq!(next(&mut messages).await.text(), Some(""));
    client.end().await;
    other.end().await;
}

#[wasm_bindgen_test]
async fn what_is_no_filter_is_refused_here() {
    let client = connected(options()).await;
    for filter in ["", "a#", "a/#/b", "$share/a"] {
        let refused = client.subscribe(filter, QoS::AtMostOnce).await;
        assert!(matches!(refused, Err(Error::Topic(_))), "{filter}");
    }
    assert!(Message::new("a/+", "").is_err());
    client.end().await;
}

#[wasm_bindgen_test]
async fn a_slow_reader_loses_the_oldest_at_qos_0_and_nothing_at_qos_1() {
    let bounds = Bounds {
        messages: 10,
        bytes: usize::MAX,
    };
    let client = connected(options().stream_bounds(bounds)).await;
    let publisher = connected(options()).await;
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        let (topic, done) = (unique("slow"), unique("done"));
        let mut slow = client.subscribe(&*topic, qos).await.unwrap();
        let mut end = client.subscribe(&*done, QoS::AtMostOnce).await.unwrap();
        let publishes = (0..100).map(|n| publisher.publish(message(&topic, &n.to_string())));
        for outcome in within(join_all(publishes)).await {
            outcome.unwrap();
        }
        if qos == QoS::AtMostOnce {
            within(publisher.publish(message(&done, ""))).await.unwrap();
            next(&mut end).await;
            let newest: Vec<_> = (90..100).map(|n| n.to_string()).collect();
            assert_eq!(waiting(&mut slow), newest);
            assert_eq!(slow.missed(), 90);
        } else {
            for n in 0..100 {
                assert_eq!(next(&mut slow).await.text(), Some(&*n.to_string()));
            }
            assert_eq!(slow.missed(), 0);
        }
    }
    client.end().await;
    publisher.end().await;
}
