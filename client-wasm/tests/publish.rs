//! Publishing and receiving (sections 3.3, 4.3).
#![cfg(target_arch = "wasm32")]

mod common;

use client_wasm::{Bytes, Message, QoS, ReasonCode};
use common::{connected, next, options, unique, within};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn a_message_comes_back_at_each_qos() {
    let client = connected(options()).await;
    let topic = unique("qos");
    let mut messages = client.subscribe(&*topic, QoS::ExactlyOnce).await.unwrap();
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let sent = Message::new(&*topic, format!("at {qos:?}"))
            .unwrap()
            .qos(qos);
        let reason = within(client.publish(sent.clone())).await.unwrap();
        assert_eq!(reason, ReasonCode::Success);
        assert_eq!(next(&mut messages).await, sent);
    }
    client.end().await;
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
