//! The way to the broker: the only file that knows `client-wasm`.

use client_wasm::{Client, Error, Event, Message as Publish, Options, Property, QoS};
use futures_util::StreamExt;
use wasm_bindgen_futures::spawn_local;
use yew::Callback;

use crate::browser;
use crate::connection::{LinkEvent, Refusal};
use crate::credentials::Credentials;
use crate::frame::Frame;
use crate::store::Message;
use crate::switch::PATIENCE;

/// Every topic but those that begin with `$` \[MQTT-4.7.2-1\].
const EVERYTHING: &str = "#";

/// An open client. It is ended when this is dropped.
pub(crate) struct Link {
    client: Client,
}

impl Link {
    /// Connects, and goes on connecting until it is dropped. Events and
    /// messages arrive through the callbacks, messages once a frame.
    pub(crate) fn open(
        broker: &str,
        on_event: Callback<LinkEvent>,
        on_messages: Callback<Vec<Message>>,
    ) -> Link {
        // The page's policy allows no worker, and its keep alive needs none.
        let client = Client::new(Options::new(broker).background_timer(false));
        spawn_local(report(client.clone(), on_event.clone()));
        spawn_local(subscribe(client.clone(), on_event, on_messages));
        Link { client }
    }

    /// Connects as somebody else.
    pub(crate) fn log_in(&self, credentials: &Credentials) {
        let user = credentials.user.as_str().into();
        let password = credentials.password.clone().into();
        self.client.set_credentials(Some(user), Some(password));
        self.client.reconnect_now();
    }

    /// Publishes; `failed` is called if it is known not to have been sent.
    ///
    /// At QoS 0, since an acknowledged message would be sent again after a
    /// reconnect, and with an expiry, in case it waits on its way: an "on" that
    /// comes late is dangerous.
    pub(crate) fn publish(
        &self,
        topic: &'static str,
        payload: &'static str,
        failed: impl FnOnce() + 'static,
    ) {
        let Ok(message) = Publish::new(topic, payload) else {
            return failed();
        };
        let expiry = Property::MessageExpiryInterval((PATIENCE / 1000.0) as u32);
        let outcome = self.client.publish(message.property(expiry));
        spawn_local(async move {
            if outcome.await.is_err() {
                failed();
            }
        });
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let client = self.client.clone();
        spawn_local(async move { client.end().await });
    }
}

async fn report(client: Client, on_event: Callback<LinkEvent>) {
    let mut events = client.events();
    while let Some(event) = events.next().await {
        if let Some(event) = translate(event) {
            on_event.emit(event);
        }
    }
}

async fn subscribe(
    client: Client,
    on_event: Callback<LinkEvent>,
    on_messages: Callback<Vec<Message>>,
) {
    match client.subscribe(EVERYTHING, QoS::AtMostOnce).await {
        Ok(mut messages) => {
            let frame = Frame::new(on_messages);
            while let Some(message) = messages.next().await {
                frame.push(received(&message));
            }
        }
        // Nothing else can end the wait but the end of the client.
        Err(Error::Refused { .. }) => {
            on_event.emit(LinkEvent::SubscribeRefused);
        }
        Err(_) => {}
    }
}

fn received(message: &Publish) -> Message {
    Message {
        topic: message.topic.to_string(),
        payload: message.payload.to_vec(),
        retain: message.retain,
        at: browser::now(),
    }
}

/// `None` for what a person need not know.
fn translate(event: Event) -> Option<LinkEvent> {
    Some(match event {
        Event::Connecting => LinkEvent::Connecting,
        Event::Connected { .. } => LinkEvent::Connected,
        Event::Disconnected {
            error, retry_in, ..
        } => LinkEvent::Disconnected {
            refusal: error.and_then(|error| refusal(&error)),
            retry_in: retry_in.map(|pause| pause.as_secs_f64() * 1000.0),
        },
        Event::SubscriptionRefused { .. } => LinkEvent::SubscribeRefused,
        _ => return None,
    })
}

/// What a person should be told. That nobody answers is no news: the page
/// says it anyway.
fn refusal(error: &Error) -> Option<Refusal> {
    match error {
        error if error.is_about_credentials() => Some(Refusal::Login),
        Error::Unreachable { .. }
        | Error::ConnectTimeout { .. }
        | Error::ConnectionLost { .. }
        | Error::KeepAliveTimeout => None,
        error => Some(Refusal::Other(error.to_string())),
    }
}
