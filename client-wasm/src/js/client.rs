//! The client that JavaScript's face calls.

use std::pin::Pin;
use std::time::Duration;

use codec::{ProtocolVersion, QoS, ReasonCode, SubscriptionOptions};
use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{future_to_promise, spawn_local};

use super::events::{Listener, tell};
use super::subscription::RawSubscription;
use super::{Read, acknowledgement, errors, message, options, properties};
use crate::store::Handle;
use crate::{Acknowledgement, Client, Error, Goodbye, Message};

/// A [`Client`]. Its functions act at once, and promise the outcome. Properties
/// are as they stand in packets.
#[wasm_bindgen]
pub struct RawClient(Client);

#[wasm_bindgen]
impl RawClient {
    /// Starts to connect, with the values of the face's table of options, and
    /// with what js/store.js has opened.
    #[wasm_bindgen(constructor)]
    pub fn new(
        url: &str,
        values: Array,
        listener: Listener,
        store: Option<Handle>,
    ) -> Read<RawClient> {
        let client = Client::new(options::read(url, values, store)?);
        spawn_local(tell(client.events(), listener));
        Ok(Self(client))
    }

    /// Whether there is a connection.
    #[wasm_bindgen(getter)]
    pub fn connected(&self) -> bool {
        self.0.is_connected()
    }

    /// The client identifier.
    #[wasm_bindgen(getter)]
    pub fn client_id(&self) -> String {
        self.0.client_id()[..].into()
    }

    /// Publishes, with PUBLISH's flags; promises the broker's answer, or gives
    /// undefined when there will be none.
    pub fn publish(
        &self,
        topic: &str,
        payload: Vec<u8>,
        flags: u8,
        packed: &[u8],
    ) -> Read<JsValue> {
        let message = read_message(topic, payload, flags, packed)?;
        let publishing = self.0.publish(message);
        if let Some(outcome) = publishing.known() {
            return outcome
                .map(|_| JsValue::UNDEFINED)
                .map_err(|error| errors::error(&error));
        }
        Ok(acknowledged(publishing).into())
    }

    /// Publishes a request; promises the answer.
    pub fn request(
        &self,
        topic: &str,
        payload: Vec<u8>,
        flags: u8,
        packed: &[u8],
        timeout: u32,
    ) -> Read<Promise> {
        let request = read_message(topic, payload, flags, packed)?;
        let timeout = Duration::from_millis(timeout.into());
        let answer = self.0.request(request, timeout);
        Ok(promise(async move {
            let answer = answer.await;
            answer.map(|answer| message(&answer))
        }))
    }

    /// Subscribes, with the options as SUBSCRIBE has them; promises a
    /// [`RawSubscription`].
    pub fn subscribe(&self, filter: &str, options: u8, packed: &[u8]) -> Read<Promise> {
        // The face has checked it.
        let options = SubscriptionOptions::from_u8(options, ProtocolVersion::V5);
        let properties = properties(packed)?;
        let options = options.unwrap_or_default();
        let subscribing = self.0.begin_subscribe(filter.into(), options, properties);
        Ok(promise(async move {
            let subscription = subscribing.await?;
            Ok(RawSubscription::new(subscription).into())
        }))
    }

    /// Ends all subscriptions to a filter.
    pub fn unsubscribe(&self, filter: &str, packed: &[u8]) -> Read<Promise> {
        let ending = self.0.begin_unsubscribe(filter.into(), properties(packed)?);
        Ok(acknowledged(ending))
    }

    /// Authenticates again.
    pub fn reauthenticate(&self) -> Promise {
        acknowledged(self.0.reauthenticate())
    }

    /// Answers a challenge that the authenticator has left open.
    pub fn answer_challenge(&self, data: Vec<u8>) -> Read<()> {
        let answered = self.0.answer_challenge(data);
        answered.map_err(|error| errors::error(&error))
    }

    /// Uses this user name and password from the next connection on.
    pub fn set_credentials(&self, username: Option<String>, password: Option<Vec<u8>>) {
        let username = username.map(Into::into);
        self.0.set_credentials(username, password.map(Into::into));
    }

    /// Connects now, if it would have waited.
    pub fn reconnect(&self) {
        self.0.reconnect_now();
    }

    /// Says goodbye.
    pub fn end(&self, reason: u8, packed: &[u8]) -> Read<Promise> {
        let reason = ReasonCode::from_u8(reason).unwrap_or(ReasonCode::UnspecifiedError);
        let goodbye = Goodbye::saying(reason, properties(packed)?);
        let client = self.0.clone();
        Ok(promise(async move {
            let ended = client.end_with(goodbye).await;
            ended.map(|()| JsValue::UNDEFINED)
        }))
    }
}

/// One size of promise for all: each kind of its own costs a page a kilobyte.
pub(super) fn promise(outcome: impl Future<Output = Result<JsValue, Error>> + 'static) -> Promise {
    promise_boxed(Box::pin(outcome))
}

fn promise_boxed(outcome: Pin<Box<dyn Future<Output = Result<JsValue, Error>>>>) -> Promise {
    future_to_promise(async move { outcome.await.map_err(|error| errors::error(&error)) })
}

/// A promise of the broker's answer.
pub(super) fn acknowledged(
    outcome: impl Future<Output = Result<Acknowledgement, Error>> + 'static,
) -> Promise {
    promise(async move { outcome.await.map(|told| acknowledgement(&told)) })
}

fn read_message(topic: &str, payload: Vec<u8>, flags: u8, packed: &[u8]) -> Read<Message> {
    let mut message =
        Message::new(topic, payload).map_err(|error| errors::error(&Error::Topic(error)))?;
    message.qos = QoS::from_u8(flags >> 1).unwrap_or_default();
    message.retain = flags & 1 == 1;
    message.properties = properties(packed)?;
    Ok(message)
}
