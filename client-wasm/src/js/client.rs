//! The client that JavaScript's face calls.

use std::pin::Pin;
use std::time::Duration;

use codec::{ReasonCode, RetainHandling, SubscriptionOptions};
use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{future_to_promise, spawn_local};

use super::fields::{Fields, Read, as_bytes, wrong};
use super::subscription::RawSubscription;
use super::{errors, events, message, options, properties};
use crate::{Client, Error, Goodbye, Message};

/// A [`Client`]. Its functions act at once, and promise the outcome.
#[wasm_bindgen]
pub struct RawClient(Client);

#[wasm_bindgen]
impl RawClient {
    /// Starts to connect; `listener` hears the name of each event and what
    /// belongs to it.
    #[wasm_bindgen(constructor)]
    pub fn new(url: &str, options: &JsValue, listener: Function) -> Read<RawClient> {
        let client = Client::new(options::read(url, options)?);
        spawn_local(events::tell(client.events(), listener));
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
        self.0.client_id().to_string()
    }

    /// Publishes; gives the reason code, as a number when it is known at once,
    /// else as a promise.
    pub fn publish(&self, topic: &str, payload: &JsValue, options: &JsValue) -> Read<JsValue> {
        let message = read_message(topic, payload, options)?;
        let mut publishing = self.0.publish(message);
        if let Some(outcome) = publishing.known() {
            return outcome.map(code).map_err(|error| errors::error(&error));
        }
        let outcome = async move { publishing.await.map(code) };
        Ok(promise(outcome).into())
    }

    /// Publishes a request; promises the answer.
    pub fn request(
        &self,
        topic: &str,
        payload: &JsValue,
        options: &JsValue,
        timeout: u32,
    ) -> Read<Promise> {
        let request = read_message(topic, payload, options)?;
        let timeout = Duration::from_millis(timeout.into());
        let answer = self.0.request(request, timeout);
        Ok(promise(async move {
            let answer = answer.await;
            answer.map(|answer| message(&answer))
        }))
    }

    /// Subscribes; promises a [`RawSubscription`].
    pub fn subscribe(&self, filter: &str, options: &JsValue) -> Read<Promise> {
        let mut fields = Fields::of(options, "options")?;
        let handling = match fields.number("retainHandling", 2)? {
            Some(1) => RetainHandling::SendIfNew,
            Some(2) => RetainHandling::DoNotSend,
            _ => RetainHandling::Send,
        };
        let options = SubscriptionOptions {
            qos: options::qos(&mut fields)?,
            no_local: fields.boolean("noLocal")?.unwrap_or(false),
            retain_as_published: fields.boolean("retainAsPublished")?.unwrap_or(false),
            retain_handling: handling,
        };
        let user_properties = fields.object("properties")?;
        let pairs = only_pairs(user_properties)?;
        fields.done()?;
        let subscribing = self.0.subscribe_with(filter, options, pairs);
        Ok(promise(async move {
            let subscription = subscribing.await?;
            Ok(RawSubscription::new(subscription).into())
        }))
    }

    /// Ends all subscriptions to a filter.
    pub fn unsubscribe(&self, filter: &str, options: &JsValue) -> Read<Promise> {
        let mut fields = Fields::of(options, "options")?;
        let pairs = only_pairs(fields.object("properties")?)?;
        fields.done()?;
        let ending = self.0.unsubscribe_with(filter, pairs);
        Ok(promise(
            async move { ending.await.map(|()| JsValue::UNDEFINED) },
        ))
    }

    /// Authenticates again.
    pub fn reauthenticate(&self) -> Promise {
        let outcome = self.0.reauthenticate();
        promise(async move { outcome.await.map(|()| JsValue::UNDEFINED) })
    }

    /// Answers a challenge that the authenticator has left open.
    pub fn answer_challenge(&self, data: &JsValue) -> Read<()> {
        let data =
            as_bytes(data).ok_or_else(|| wrong("the answer", "a string or a Uint8Array", data))?;
        let answered = self.0.answer_challenge(data);
        answered.map_err(|error| errors::error(&error))
    }

    /// Uses this user name and password from the next connection on.
    pub fn set_credentials(&self, credentials: &JsValue) -> Read<()> {
        let mut fields = Fields::of(credentials, "credentials")?;
        let username = fields.string("username")?;
        let password = fields.bytes("password")?;
        fields.done()?;
        self.0.set_credentials(username, password);
        Ok(())
    }

    /// Connects now, if it would have waited.
    pub fn reconnect(&self) {
        self.0.reconnect_now();
    }

    /// Says goodbye.
    pub fn end(&self, options: &JsValue) -> Read<Promise> {
        let mut fields = Fields::of(options, "options")?;
        let code = fields.number("reasonCode", 255)?.unwrap_or(0);
        let reason = ReasonCode::from_u8(code as u8)
            .ok_or_else(|| errors::usage("options.reasonCode is none of MQTT's"))?;
        let mut goodbye = Goodbye::because(reason);
        let mut words = fields.object("properties")?;
        if let Some(seconds) = words.number("sessionExpiryInterval", u32::MAX)? {
            goodbye = goodbye.session_expiry(seconds);
        }
        if let Some(text) = words.string("reasonString")? {
            goodbye = goodbye.reason_string(text);
        }
        for (name, value) in words.pairs("userProperties")? {
            goodbye = goodbye.user_property(name, value);
        }
        words.done()?;
        fields.done()?;
        let client = self.0.clone();
        Ok(promise(async move {
            client.end_with(goodbye).await?;
            Ok(JsValue::UNDEFINED)
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

fn code(reason: ReasonCode) -> JsValue {
    reason.as_u8().into()
}

fn only_pairs(mut fields: Fields) -> Read<Vec<(codec::ByteString, codec::ByteString)>> {
    let pairs = fields.pairs("userProperties")?;
    fields.done()?;
    Ok(pairs)
}

fn read_message(topic: &str, payload: &JsValue, options: &JsValue) -> Read<Message> {
    let Some(bytes) = as_bytes(payload) else {
        let what = "a string or a Uint8Array (JSON.stringify makes a string of anything)";
        return Err(wrong("the payload", what, payload));
    };
    let mut message =
        Message::new(topic, bytes).map_err(|error| errors::error(&Error::Topic(error)))?;
    if !options.is_undefined() {
        let mut fields = Fields::of(options, "options")?;
        message.qos = options::qos(&mut fields)?;
        message.retain = fields.boolean("retain")?.unwrap_or(false);
        message.properties = properties::of_message(fields.object("properties")?, false)?;
        fields.done()?;
    }
    Ok(message)
}
