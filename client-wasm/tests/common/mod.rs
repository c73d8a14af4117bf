//! What the tests against a broker share.
#![allow(dead_code, reason = "each test program uses some of it")]

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use client_wasm::{Client, Event, Message, Options, Subscription};
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(handler: &js_sys::Function, milliseconds: u32);
}

/// The broker, by its WebSocket URL.
pub(crate) fn broker() -> &'static str {
    match option_env!("CLIENT_WASM_TEST_BROKER") {
        Some(url) => url,
        None => panic!("build with CLIENT_WASM_TEST_BROKER: the WebSocket URL of a broker"),
    }
}

/// A name that no other test and no earlier run has used.
pub(crate) fn unique(name: &str) -> String {
    thread_local!(static COUNT: Cell<u32> = const { Cell::new(0) });
    let count = COUNT.replace(COUNT.get() + 1);
    let run = (js_sys::Math::random() * 1e9) as u64;
    format!("{name}-{run}-{count}")
}

pub(crate) fn options() -> Options {
    Options::new(broker())
}

/// A client that is connected.
pub(crate) async fn connected(options: Options) -> Client {
    let client = Client::new(options);
    until(&client, |event| matches!(event, Event::Connected { .. })).await;
    client
}

/// Waits for an event, and gives it.
pub(crate) async fn until(client: &Client, wanted: impl Fn(&Event) -> bool) -> Event {
    next_event(&mut client.events(), wanted).await
}

pub(crate) async fn next_event(
    events: &mut client_wasm::Events,
    wanted: impl Fn(&Event) -> bool,
) -> Event {
    within(async {
        loop {
            let event = events.next().await.expect("the client goes on");
            if wanted(&event) {
                return event;
            }
        }
    })
    .await
}

/// The next message of a stream.
pub(crate) async fn next(subscription: &mut Subscription) -> Message {
    within(subscription.next())
        .await
        .expect("the stream goes on")
}

/// What a future gives; fails when it takes more than 10 s.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    match select(pin!(future), pin!(sleep(Duration::from_secs(10)))).await {
        Either::Left((value, _)) => value,
        Either::Right(_) => panic!("nothing happened in 10 s"),
    }
}

pub(crate) async fn sleep(time: Duration) {
    let milliseconds = u32::try_from(time.as_millis()).expect("it is short");
    let timer = js_sys::Promise::new(&mut |resolve, _| set_timeout(&resolve, milliseconds));
    let _ = wasm_bindgen_futures::JsFuture::from(timer).await;
}
