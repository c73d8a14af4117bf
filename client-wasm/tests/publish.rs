//! Publishing and receiving (sections 3.3, 4.3).
#![cfg(target_arch = "wasm32")]

mod common;

use client_wasm::{Bounds, Bytes, Error, Message, Property, ProtocolVersion, QoS, ReasonCode};
use common::{connected, next, options, unique, within};
use futures_util::future::{join, join_all};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn a_message_comes_back_at_each_qos() {
    for version in [
        ProtocolVersion::V5,
        ProtocolVersion::V3_1_1,
        ProtocolVersion::V3_1,
    ] {
        let client = connected(options().version(version)).await;
        let topic = unique("qos");
        let mut messages = client.subscribe(&*topic, QoS::ExactlyOnce).await.unwrap();
        assert_eq!(messages.granted(), QoS::ExactlyOnce);
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let sent = Message::new(&*topic, format!("at {qos:?}"))
                .unwrap()
                .qos(qos);
            let told = within(client.publish(sent.clone())).await.unwrap();
            assert_eq!(told.reason, ReasonCode::Success);
            assert_eq!(next(&mut messages).await, sent);
        }
        client.end().await;
    }
}

#[wasm_bindgen_test]
async fn properties_arrive_as_they_were_sent() {
    let client = connected(options()).await;
    let topic = unique("properties");
    let mut messages = client.subscribe(&*topic, QoS::AtLeastOnce).await.unwrap();
    let sent = Message::new(&*topic, "21")
        .unwrap()
        .qos(QoS::AtLeastOnce)
        .property(Property::PayloadFormatIndicator(true))
        .property(Property::ContentType("text/plain".into()))
        .property(Property::ResponseTopic("answers".into()))
        .property(Property::CorrelationData("7".into()))
        .property(Property::UserProperty(("unit".into(), "C".into())))
        .property(Property::UserProperty(("room".into(), "cellar".into())))
        .property(Property::UserProperty(("unit".into(), "K".into())));
    within(client.publish(sent.clone())).await.unwrap();
    let received = next(&mut messages).await;
    assert_eq!(received.properties.iter().count(), 7);
    let in_order: Vec<_> = received.properties.user_properties().collect();
    assert_eq!(in_order, [("unit", "C"), ("room", "cellar"), ("unit", "K")]);
    for property in &sent.properties {
        assert!(
            received.properties.iter().any(|p| p == property),
            "{property:?}"
        );
    }
    client.end().await;
}

/// With aliases in both directions: few of them from the broker, so that some
/// topics have none, and more topics than this client gives aliases to.
#[wasm_bindgen_test]
async fn topics_are_whole_whatever_their_aliases() {
    let client = connected(options().topic_alias_maximum(3)).await;
    let root = unique("alias");
    let filter = format!("{root}/+");
    let mut messages = client.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
    for n in (0..300).chain(0..300) {
        let topic = format!("{root}/{n}");
        let message = Message::new(&*topic, "x").unwrap().qos(QoS::AtLeastOnce);
        within(client.publish(message.clone())).await.unwrap();
        assert_eq!(next(&mut messages).await, message);
    }
    client.end().await;
}

#[wasm_bindgen_test]
async fn many_at_once_arrive_in_order() {
    let client = connected(options()).await;
    let topic = unique("many");
    let mut messages = client.subscribe(&*topic, QoS::ExactlyOnce).await.unwrap();
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let message = |n| Message::new(&*topic, format!("{n}")).unwrap().qos(qos);
        let publishes = join_all((0..500).map(|n| client.publish(message(n))));
        let reading = async {
            for n in 0..500 {
                assert_eq!(next(&mut messages).await.text(), Some(&*format!("{n}")));
            }
        };
        let (outcomes, ()) = within(join(publishes, reading)).await;
        assert!(outcomes.iter().all(|o| {
            o.as_ref()
                .is_ok_and(|told| told.reason == ReasonCode::Success)
        }));
    }
    client.end().await;
}

/// A frame costs a browser far more than the bytes in it.
#[wasm_bindgen_test]
async fn what_one_turn_produces_leaves_in_one_frame() {
    const COUNT_FRAMES: &str = "
        const send = WebSocket.prototype.send;
        globalThis.frames_sent = 0;
        WebSocket.prototype.send = function (data) {
            globalThis.frames_sent += 1;
            return send.call(this, data);
        };";
    js_sys::eval(COUNT_FRAMES).unwrap();
    let frames = || {
        js_sys::eval("globalThis.frames_sent")
            .unwrap()
            .as_f64()
            .unwrap() as u32
    };

    let client = connected(options()).await;
    let topic = unique("frames");
    let before = frames();
    let message = |n| Message::new(&*topic, format!("{n}")).unwrap();
    let (subscribed, outcomes) = within(join(
        client.subscribe(&*topic, QoS::AtMostOnce),
        join_all((0..300).map(|n| client.publish(message(n)))),
    ))
    .await;
    assert_eq!(frames() - before, 1, "SUBSCRIBE and 300 PUBLISH");
    assert!(outcomes.iter().all(Result::is_ok));
    let mut messages = subscribed.unwrap();
    for n in 0..300 {
        assert_eq!(next(&mut messages).await.text(), Some(&*format!("{n}")));
    }
    client.end().await;
}

#[wasm_bindgen_test]
async fn a_flood_that_is_awaited_needs_no_queue() {
    let bounds = Bounds {
        messages: 1,
        bytes: 1,
    };
    let client = connected(options().queue_bounds(bounds)).await;
    let topic = unique("flood");
    let chunk = Bytes::from(vec![7; 10_000]);
    for _ in 0..1000 {
        let message = Message::new(&*topic, chunk.clone()).unwrap();
        within(client.publish(message)).await.unwrap();
    }
    let last = Message::new(&*topic, "").unwrap().qos(QoS::AtLeastOnce);
    within(client.publish(last.clone())).await.unwrap();
    client.end().await;
    assert_eq!(client.publish(last).await, Err(Error::Ended));
}

#[wasm_bindgen_test]
async fn payloads_may_be_empty_and_large() {
    let client = connected(options()).await;
    let topic = unique("size");
    let mut messages = client.subscribe(&*topic, QoS::ExactlyOnce).await.unwrap();
    let large: Bytes = (0..1_000_000u32).map(|n| n as u8).collect();
    for payload in [Bytes::new(), large] {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let sent = Message::new(&*topic, payload.clone()).unwrap().qos(qos);
            within(client.publish(sent.clone())).await.unwrap();
            assert_eq!(next(&mut messages).await, sent);
        }
    }
    client.end().await;
}
