//! What outlives the page (section 4.1). A client that is ended or forgotten
//! stands for one whose page is gone; pages that are killed are in `e2e`.
#![cfg(all(target_arch = "wasm32", feature = "store"))]

mod common;

use client_wasm::{Client, Error, Event, Message, Offline, Options, QoS, Store};
use common::{connected, next, options, unique, until, within};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

async fn stored(name: &str) -> Options {
    let store = within(Store::open(name)).await.unwrap();
    options().store(store)
}

#[wasm_bindgen_test]
async fn what_was_published_without_a_connection_is_sent_by_a_later_client() {
    let (name, topic) = (unique("store"), unique("published"));
    let observer = connected(options()).await;
    let mut seen = observer.subscribe(&*topic, QoS::ExactlyOnce).await.unwrap();

    let nowhere = Options::new("ws://127.0.0.1:1/").offline(Offline::Queue);
    let store = within(Store::open(&name)).await.unwrap();
    let client = Client::new(nowhere.store(store));
    let id = client.client_id();
    for (text, qos) in [("a", QoS::AtLeastOnce), ("b", QoS::ExactlyOnce)] {
        let message = Message::new(&*topic, text).unwrap().qos(qos);
        drop(client.publish(message));
    }
    client.end().await;

    let client = connected(stored(&name).await).await;
    assert_eq!(client.client_id(), id);
    for text in ["a", "b"] {
        assert_eq!(next(&mut seen).await.text(), Some(text));
    }
    client.end().await;
    observer.end().await;
}

#[wasm_bindgen_test]
async fn what_the_application_has_not_taken_comes_again_and_the_rest_does_not() {
    let (name, topic) = (unique("store"), unique("received"));
    let client = connected(stored(&name).await).await;
    let mut messages = client.subscribe(&*topic, QoS::ExactlyOnce).await.unwrap();
    for text in ["taken", "had", "unread"] {
        let message = Message::new(&*topic, text).unwrap().qos(QoS::ExactlyOnce);
        within(client.publish(message)).await.unwrap();
    }
    assert_eq!(next(&mut messages).await.text(), Some("taken"));
    let had = next(&mut messages).await;
    assert_eq!((had.text(), had.dup), (Some("had"), false));
    client.end().await;

    let client = connected(stored(&name).await).await;
    let mut messages = client.subscribe(&*topic, QoS::ExactlyOnce).await.unwrap();
    let again = next(&mut messages).await;
    assert_eq!((again.text(), again.dup), (Some("had"), true));
    assert_eq!(again.number, had.number);
    let unread = next(&mut messages).await;
    assert_eq!(unread.text(), Some("unread"));
    assert!(unread.number > again.number);
    // Whoever drops the stream wants no more of it.
    drop(messages);
    client.end().await;

    let client = connected(stored(&name).await).await;
    let mut messages = client.subscribe(&*topic, QoS::ExactlyOnce).await.unwrap();
    let message = Message::new(&*topic, "new").unwrap().qos(QoS::AtLeastOnce);
    within(client.publish(message)).await.unwrap();
    assert_eq!(next(&mut messages).await.text(), Some("new"));
    client.end().await;
}

#[wasm_bindgen_test]
async fn a_store_is_one_clients_at_a_time() {
    let name = unique("store");
    let client = connected(stored(&name).await).await;
    let refused = within(Store::open(&name)).await;
    assert_eq!(refused.unwrap_err(), Error::StoreInUse);
    let waiting = Store::wait(&name);
    client.end().await;
    let client = connected(options().store(within(waiting).await.unwrap())).await;
    drop(client);
    within(Store::wait(&name)).await.unwrap();
}

#[wasm_bindgen_test]
async fn what_a_store_cannot_do_is_said() {
    let name = unique("store");
    let client = connected(stored(&name).await.client_id(&*unique("one"))).await;
    client.end().await;
    for (attempt, words) in [
        (stored(&name).await.clean_start(true), "clean start"),
        (stored(&unique("store")).await.session_expiry(0), "expiry"),
        (
            stored(&unique("store"))
                .await
                .version(client_wasm::ProtocolVersion::V3_1),
            "3.1.1",
        ),
    ] {
        let client = Client::new(attempt);
        refused_with(&client, words).await;
    }
    let other = stored(&name).await.client_id(&*unique("other"));
    refused_with(&Client::new(other), "another client identifier").await;
}

async fn refused_with(client: &Client, words: &str) {
    let failed = |event: &Event| matches!(event, Event::Disconnected { error: Some(_), .. });
    let Event::Disconnected { error, .. } = until(client, failed).await else {
        unreachable!("it was looked for");
    };
    let error = error.unwrap();
    assert!(matches!(error, Error::Store(_)), "{error:?}");
    assert!(error.to_string().contains(words), "{error}");
    client.end().await;
}
