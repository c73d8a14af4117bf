//! What happens to the connection, as the face hears of it.

use std::pin::Pin;

use futures_core::Stream;
use js_sys::{Function, Object};
use wasm_bindgen::prelude::*;

use super::{errors, properties};
use crate::{Event, Events};

/// Passes the events on until the client has ended.
pub(super) async fn tell(mut events: Events, listener: Function) {
    while let Some(event) =
        std::future::poll_fn(|context| Pin::new(&mut events).poll_next(context)).await
    {
        let (name, detail) = describe(&event);
        // What a listener throws the face reports.
        let _ = listener.call2(&JsValue::UNDEFINED, &name.into(), &detail);
    }
}

fn describe(event: &Event) -> (&'static str, JsValue) {
    let detail: JsValue = Object::new().into();
    let name = match event {
        Event::Connecting => "connecting",
        Event::Connected {
            session_present,
            client_id,
            properties,
        } => {
            errors::set(&detail, "sessionPresent", *session_present);
            errors::set(&detail, "clientId", &**client_id);
            errors::set(&detail, "properties", properties::write(properties));
            "connected"
        }
        Event::Disconnected { error, retry_in } => {
            if let Some(error) = error {
                errors::set(&detail, "error", errors::error(error));
            }
            if let Some(time) = retry_in {
                errors::set(&detail, "retryIn", time.as_millis() as f64);
            }
            "disconnected"
        }
        Event::SubscriptionRefused { filter, error } => {
            errors::set(&detail, "filter", &**filter);
            errors::set(&detail, "error", errors::error(error));
            "refused"
        }
    };
    (name, detail)
}
