//! What happens to the connection, as the face hears of it.

use std::pin::Pin;

use futures_core::Stream;
use wasm_bindgen::prelude::*;

use super::{errors, packed};
use crate::{Event, Events};

#[wasm_bindgen]
extern "C" {
    /// Whoever hears of a client's connection.
    pub type Listener;

    #[wasm_bindgen(method)]
    fn connecting(this: &Listener);

    #[wasm_bindgen(method)]
    fn connected(this: &Listener, session_present: bool, client_id: &str, properties: &[u8]);

    #[wasm_bindgen(method)]
    fn disconnected(this: &Listener, error: &JsValue, retry_in: Option<f64>);

    #[wasm_bindgen(method)]
    fn refused(this: &Listener, what: &JsValue, error: &JsValue);
}

/// Passes the events on until the client has ended.
pub(super) async fn tell(mut events: Events, listener: Listener) {
    while let Some(event) =
        std::future::poll_fn(|context| Pin::new(&mut events).poll_next(context)).await
    {
        match &event {
            Event::Connecting => listener.connecting(),
            Event::Connected {
                session_present,
                client_id,
                properties,
            } => listener.connected(*session_present, client_id, &packed(properties)),
            Event::Disconnected { error, retry_in } => {
                let error = error.as_ref().map(errors::error);
                let retry_in = retry_in.map(|time| time.as_millis() as f64);
                listener.disconnected(&error.unwrap_or(JsValue::UNDEFINED), retry_in);
            }
            Event::SubscriptionRefused { filter, error } => {
                listener.refused(&JsValue::from_str(filter), &errors::error(error));
            }
            Event::PublishGivenUp { message, error } => {
                listener.refused(&super::message(message), &errors::error(error));
            }
        }
    }
}
