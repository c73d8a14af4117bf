//! Requests and their answers (section 4.10).
#![cfg(target_arch = "wasm32")]

mod common;

use std::time::Duration;

use client_wasm::{Error, Message, ProtocolVersion, QoS};
use common::{connected, next, options, unique, within};
use futures_util::future::{join, join_all};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const PATIENCE: Duration = Duration::from_secs(10);

fn question(topic: &str, text: String) -> Message {
    Message::new(topic, text).unwrap().qos(QoS::AtLeastOnce)
}

#[wasm_bindgen_test]
async fn each_request_gets_its_answer() {
    let (page, fridge) = (connected(options()).await, connected(options()).await);
    let topic = unique("get");
    let nobody = page.request(question(&topic, "?".into()), PATIENCE);
    assert_eq!(within(nobody).await, Err(Error::NobodyThere));

    let mut ready = fridge.subscribe(&*topic, QoS::AtLeastOnce).await.unwrap();
    let answering = async {
        let mut questions = Vec::new();
        for _ in 0..20 {
            questions.push(next(&mut ready).await);
        }
        while let Some(question) = questions.pop() {
            let text = format!("{} C", question.text().unwrap());
            let answer = question.answer(text).expect("it asks for one");
            fridge.publish(answer).await.unwrap();
        }
    };
    let requests = (0..20).map(|n| page.request(question(&topic, n.to_string()), PATIENCE));
    let (answers, ()) = within(join(join_all(requests), answering)).await;
    for (n, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.unwrap().text(), Some(&*format!("{n} C")));
    }
    page.end().await;
    fridge.end().await;
}

#[wasm_bindgen_test]
async fn without_an_answer_it_ends_in_time() {
    let client = connected(options()).await;
    let topic = unique("silent");
    let silent = client.subscribe(&*topic, QoS::AtLeastOnce).await.unwrap();
    let timeout = Duration::from_millis(50);
    let request = client.request(question(&topic, String::new()), timeout);
    assert_eq!(within(request).await, Err(Error::NoAnswer { timeout }));
    drop(silent);
    let old = connected(options().version(ProtocolVersion::V3_1_1)).await;
    let request = old.request(question(&topic, String::new()), timeout);
    assert_eq!(within(request).await, Err(Error::NeedsVersion5));
    client.end().await;
    old.end().await;
}
