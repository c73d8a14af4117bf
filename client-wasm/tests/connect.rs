//! Connecting, losing the connection and getting it back (sections 3.1, 3.14).
#![cfg(target_arch = "wasm32")]

mod common;

use std::time::Duration;

use client_wasm::{
    Client, Error, Event, Goodbye, Message, Options, Property, ProtocolVersion, QoS, ReasonCode,
    Reconnect, Will,
};
use common::{broker, connected, next, next_event, options, unique, until, within};
use futures_util::StreamExt;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

fn is_disconnected(event: &Event) -> bool {
    matches!(event, Event::Disconnected { .. })
}

fn is_connected(event: &Event) -> bool {
    matches!(event, Event::Connected { .. })
}

/// Does not try again by itself while a test lasts.
fn patient() -> Reconnect {
    let long = Duration::from_secs(3600);
    Reconnect {
        first: long,
        longest: long,
    }
}

fn quick() -> Reconnect {
    Reconnect {
        first: Duration::from_millis(50),
        longest: Duration::from_millis(100),
    }
}

fn will(topic: &str) -> Will {
    Will {
        topic: client_wasm::TopicName::new(topic).unwrap(),
        payload: "gone".into(),
        qos: QoS::AtLeastOnce,
        retain: false,
        properties: client_wasm::Properties::new(),
    }
}

#[wasm_bindgen_test]
async fn with_user_password_will_and_keep_alive() {
    for version in [ProtocolVersion::V5, ProtocolVersion::V3_1_1] {
        let options = options()
            .version(version)
            .client_id(unique("named"))
            .username("ada")
            .password("secret")
            .will(will("gone"))
            .keep_alive(5);
        let client = Client::new(options);
        let mut events = client.events();
        assert_eq!(within(events.next()).await, Some(Event::Connecting));
        let event = within(events.next()).await.unwrap();
        let Event::Connected {
            session_present,
            client_id,
            ..
        } = event
        else {
            panic!("{event:?}");
        };
        assert!(!session_present && client.is_connected());
        assert_eq!(client_id, client.client_id());
        client.end().await;
        let last = within(events.next()).await;
        assert!(matches!(
            last,
            Some(Event::Disconnected {
                error: None,
                retry_in: None,
                ..
            })
        ));
        assert_eq!(within(events.next()).await, None);
    }
}

#[wasm_bindgen_test]
async fn a_closed_port_is_unreachable_and_tried_again() {
    let url = "ws://127.0.0.1:59999/";
    let client = Client::new(Options::new(url).reconnect(quick()));
    let mut events = client.events();
    for _ in 0..3 {
        let event = next_event(&mut events, is_disconnected).await;
        let Event::Disconnected {
            error: Some(error),
            retry_in: Some(_),
            ..
        } = event
        else {
            panic!("{event:?}");
        };
        assert_eq!(error, Error::Unreachable { url: url.into() });
        assert!(error.to_string().contains(url));
    }
    client.end().await;
}

#[wasm_bindgen_test]
async fn a_server_that_speaks_no_websocket_is_unreachable() {
    let page = js_sys::eval("location.host").unwrap().as_string().unwrap();
    let client = Client::new(Options::new(format!("ws://{page}/")).reconnect(patient()));
    let event = until(&client, is_disconnected).await;
    assert!(matches!(
        event,
        Event::Disconnected {
            error: Some(Error::Unreachable { .. }),
            ..
        }
    ));
    client.end().await;
}

#[wasm_bindgen_test]
async fn an_address_that_is_no_websocket_url_is_blocked() {
    let client = Client::new(Options::new("mqtt://broker").reconnect(patient()));
    let event = until(&client, is_disconnected).await;
    let Event::Disconnected {
        error: Some(Error::Blocked { reason, .. }),
        ..
    } = event
    else {
        panic!("{event:?}");
    };
    assert!(!reason.is_empty());
    client.end().await;
}

#[wasm_bindgen_test]
async fn without_a_connection_a_publish_is_refused_at_once() {
    let client = Client::new(Options::new("ws://127.0.0.1:59999/").reconnect(patient()));
    let message = Message::new("a", "b").unwrap().qos(QoS::AtLeastOnce);
    assert_eq!(client.publish(message).await, Err(Error::NotConnected));
    client.end().await;
}

#[wasm_bindgen_test]
async fn it_connects_at_once_when_the_network_is_back_or_when_told() {
    let client = Client::new(Options::new("ws://127.0.0.1:59999/").reconnect(patient()));
    let mut events = client.events();
    next_event(&mut events, is_disconnected).await;
    let online = web_sys::Event::new("online").unwrap();
    let page: web_sys::EventTarget = js_sys::global().unchecked_into();
    page.dispatch_event(&online).unwrap();
    assert_eq!(within(events.next()).await, Some(Event::Connecting));
    next_event(&mut events, is_disconnected).await;
    client.reconnect_now();
    assert_eq!(within(events.next()).await, Some(Event::Connecting));
    client.end().await;
}

#[wasm_bindgen_test]
async fn the_page_that_is_seen_again_connects_at_once() {
    let client = Client::new(Options::new("ws://127.0.0.1:59999/").reconnect(patient()));
    let mut events = client.events();
    next_event(&mut events, is_disconnected).await;
    js_sys::eval("document.dispatchEvent(new Event('visibilitychange'))").unwrap();
    assert_eq!(within(events.next()).await, Some(Event::Connecting));
    client.end().await;
}

#[wasm_bindgen_test]
async fn after_a_takeover_it_comes_back_with_its_subscriptions() {
    for version in [ProtocolVersion::V5, ProtocolVersion::V3_1_1] {
        let (id, topic) = (unique("twin"), unique("takeover"));
        let same = || options().version(version).client_id(&*id);
        let client = connected(same().reconnect(quick())).await;
        let mut exact = client.subscribe(&*topic, QoS::AtLeastOnce).await.unwrap();
        let filter = format!("{topic}/+");
        let mut below = client.subscribe(filter, QoS::ExactlyOnce).await.unwrap();
        let mut events = client.events();

        let twin = connected(same().reconnect(patient())).await;
        let event = next_event(&mut events, is_disconnected).await;
        let Event::Disconnected {
            error: Some(error), ..
        } = event
        else {
            panic!("{event:?}");
        };
        // Mosquitto closes a WebSocket before its DISCONNECT has left.
        let told = matches!(
            error,
            Error::Disconnected {
                reason: ReasonCode::SessionTakenOver,
                ..
            }
        );
        let cut = matches!(error, Error::ConnectionLost { .. });
        assert!(cut || told && version == ProtocolVersion::V5, "{error}");
        next_event(&mut events, is_connected).await;
        twin.end().await;

        let other = connected(options()).await;
        for topic in [topic.clone(), format!("{topic}/below")] {
            let message = Message::new(topic, "after").unwrap().qos(QoS::AtLeastOnce);
            within(other.publish(message)).await.unwrap();
        }
        assert_eq!(next(&mut exact).await.text(), Some("after"));
        assert_eq!(next(&mut below).await.text(), Some("after"));
        other.end().await;
        client.end().await;
    }
}

#[wasm_bindgen_test]
async fn a_session_with_expiry_is_gone_on_with() {
    let (id, topic) = (unique("kept"), unique("session"));
    let kept = options()
        .client_id(&*id)
        .session_expiry(60)
        .reconnect(patient());
    let client = connected(kept).await;
    let mut messages = client.subscribe(&*topic, QoS::AtLeastOnce).await.unwrap();
    let mut events = client.events();

    // The twin goes on with the session, and leaves it to this one.
    let twin = options()
        .client_id(&*id)
        .clean_start(false)
        .session_expiry(60);
    let twin = connected(twin.reconnect(patient())).await;
    next_event(&mut events, is_disconnected).await;
    twin.end().await;

    let other = connected(options()).await;
    let missed = Message::new(&*topic, "missed")
        .unwrap()
        .qos(QoS::AtLeastOnce);
    within(other.publish(missed)).await.unwrap();
    client.reconnect_now();
    let event = next_event(&mut events, is_connected).await;
    assert!(matches!(
        event,
        Event::Connected {
            session_present: true,
            ..
        }
    ));
    assert_eq!(next(&mut messages).await.text(), Some("missed"));
    other.end().await;
    client.end().await;
}

#[wasm_bindgen_test]
async fn the_will_comes_when_the_client_is_cut_and_not_when_it_ends() {
    let (id, topic) = (unique("mortal"), unique("will"));
    let watcher = connected(options()).await;
    let mut wills = watcher.subscribe(&*topic, QoS::AtLeastOnce).await.unwrap();
    let mortal = || options().client_id(&*id).reconnect(patient());

    let client = connected(mortal().will(will(&topic))).await;
    let mut events = client.events();
    let twin = connected(mortal()).await;
    next_event(&mut events, is_disconnected).await;
    assert_eq!(next(&mut wills).await.text(), Some("gone"));
    twin.end().await;

    client.reconnect_now();
    next_event(&mut events, is_connected).await;
    client.end().await;
    let marker = Message::new(&*topic, "no will").unwrap();
    watcher.publish(marker).await.unwrap();
    assert_eq!(next(&mut wills).await.text(), Some("no will"));
    watcher.end().await;
}

#[wasm_bindgen_test]
async fn a_goodbye_may_leave_the_will_with_all_that_belongs_to_it() {
    let topic = unique("will");
    let watcher = connected(options()).await;
    let mut wills = watcher.subscribe(&*topic, QoS::AtLeastOnce).await.unwrap();
    for version in [ProtocolVersion::V5, ProtocolVersion::V3_1_1] {
        let will = Message::new(&*topic, "gone")
            .unwrap()
            .property(Property::UserProperty(("b".into(), "1".into())))
            .property(Property::UserProperty(("a".into(), "2".into())));
        let client = connected(options().version(version).will(will)).await;
        within(client.end_with(Goodbye::with_will())).await.unwrap();
        let will = next(&mut wills).await;
        assert_eq!(will.text(), Some("gone"));
        let in_order: Vec<_> = will.properties.user_properties().collect();
        let expected = [("b", "1"), ("a", "2")];
        assert_eq!(in_order, &expected[..if version.is_v5() { 2 } else { 0 }]);
    }
    watcher.end().await;
}

#[wasm_bindgen_test]
async fn a_goodbye_may_end_the_session() {
    for (seconds, is_present) in [(60, true), (0, false)] {
        let id = unique("kept");
        let kept = || {
            let options = options().client_id(&*id).session_expiry(60);
            options.clean_start(false)
        };
        let client = connected(kept()).await;
        let goodbye = Goodbye::new().session_expiry(seconds);
        within(client.end_with(goodbye)).await.unwrap();
        let back = Client::new(kept());
        let event = until(&back, is_connected).await;
        assert!(matches!(event, Event::Connected { session_present, .. }
            if session_present == is_present));
        within(back.end_with(Goodbye::new().session_expiry(0)))
            .await
            .unwrap();
    }
}

#[wasm_bindgen_test]
async fn the_broker_gives_a_name_to_who_asks_for_one() {
    let client = Client::new(options().named_by_broker());
    assert_eq!(client.client_id(), "");
    let event = until(&client, is_connected).await;
    let Event::Connected {
        client_id,
        properties,
        ..
    } = event
    else {
        panic!("{event:?}");
    };
    assert!(!client_id.is_empty());
    assert_eq!(properties.assigned_client_identifier(), Some(&client_id));
    assert_eq!(client.client_id(), client_id);
    client.end().await;
}

#[wasm_bindgen_test]
async fn the_last_handle_takes_the_connection_with_it() {
    let (id, topic) = (unique("dropped"), unique("drop"));
    let watcher = connected(options()).await;
    let mut wills = watcher.subscribe(&*topic, QoS::AtLeastOnce).await.unwrap();
    let client = connected(options().client_id(&*id).will(will(&topic))).await;
    let messages = client.subscribe("x", QoS::AtMostOnce).await.unwrap();
    drop(client);
    drop(messages);
    // A connection that was still there would be cut, and its will come.
    let next_one = connected(options().client_id(&*id)).await;
    let marker = Message::new(&*topic, "no will").unwrap();
    watcher.publish(marker).await.unwrap();
    assert_eq!(next(&mut wills).await.text(), Some("no will"));
    next_one.end().await;
    watcher.end().await;
}

#[wasm_bindgen_test]
async fn any_path_will_do() {
    let url = format!("{}mqtt", broker());
    connected(Options::new(url)).await.end().await;
}
