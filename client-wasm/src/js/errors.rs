//! Errors as JavaScript sees them: a kind, whose doing it was, and what there
//! is to know.

use js_sys::Reflect;
use wasm_bindgen::prelude::*;

use super::{properties, with_face};
use crate::{Error, Operation};

/// Sets a field of an object of our own, which takes any.
pub(super) fn set(object: &JsValue, name: &str, value: impl Into<JsValue>) {
    let _ = Reflect::set(object, &name.into(), &value.into());
}

/// An error of the caller's about what was passed in.
pub(super) fn usage(message: &str) -> JsValue {
    let fields: JsValue = js_sys::Object::new().into();
    set(&fields, "kind", "usage");
    set(&fields, "by", "caller");
    with_face(|face| face.error(message, &fields))
}

/// A kind, and whose doing: `caller`, `network`, `browser` or `broker`.
const fn kind(error: &Error) -> (&'static str, &'static str) {
    match error {
        Error::Unreachable { .. } => ("unreachable", "network"),
        Error::Blocked { .. } => ("blocked", "browser"),
        Error::Options(_) => ("options", "caller"),
        Error::ConnectTimeout { .. } => ("connectTimeout", "network"),
        Error::Refused { .. } => ("refused", "broker"),
        Error::Disconnected { .. } => ("disconnected", "broker"),
        Error::ConnectionLost { .. } => ("connectionLost", "network"),
        Error::KeepAliveTimeout => ("keepAliveTimeout", "network"),
        Error::Violation(_) | Error::TextFrame => ("protocolViolation", "broker"),
        Error::NotConnected => ("notConnected", "caller"),
        Error::QueueFull => ("queueFull", "caller"),
        Error::Dropped => ("dropped", "caller"),
        Error::Expired => ("expired", "network"),
        Error::TooLarge => ("tooLarge", "caller"),
        Error::QoSNotSupported => ("qosNotSupported", "caller"),
        Error::RetainNotSupported => ("retainNotSupported", "caller"),
        Error::SessionLost => ("sessionLost", "broker"),
        Error::NobodyThere => ("nobodyThere", "network"),
        Error::NoAnswer { .. } => ("noAnswer", "network"),
        Error::NeedsVersion5 => ("needsVersion5", "caller"),
        Error::Authentication(_) => ("authentication", "broker"),
        Error::Credentials(_) => ("credentials", "caller"),
        Error::Goodbye(_) => ("goodbye", "caller"),
        Error::Topic(_) => ("topic", "caller"),
        Error::Ended => ("ended", "caller"),
    }
}

const fn operation(operation: Operation) -> &'static str {
    match operation {
        Operation::Connect => "connect",
        Operation::Publish => "publish",
        Operation::Subscribe => "subscribe",
        Operation::Unsubscribe => "unsubscribe",
    }
}

/// The error, as an instance of the face's class.
pub(super) fn error(error: &Error) -> JsValue {
    let fields: JsValue = js_sys::Object::new().into();
    let (kind, by) = kind(error);
    set(&fields, "kind", kind);
    set(&fields, "by", by);
    match error {
        Error::Unreachable { url } | Error::Blocked { url, .. } => set(&fields, "url", url),
        Error::ConnectTimeout { url, timeout } => {
            set(&fields, "url", url);
            set(&fields, "timeout", timeout.as_millis() as f64);
        }
        Error::NoAnswer { timeout } => set(&fields, "timeout", timeout.as_millis() as f64),
        Error::ConnectionLost { code } => set(&fields, "closeCode", *code),
        Error::Refused {
            operation: what,
            reason,
            properties: words,
        } => {
            set(&fields, "operation", operation(*what));
            set(&fields, "reasonCode", reason.as_u8());
            set(&fields, "properties", properties::write(words));
        }
        Error::Disconnected {
            reason,
            properties: words,
        } => {
            set(&fields, "reasonCode", reason.as_u8());
            set(&fields, "properties", properties::write(words));
        }
        _ => {}
    }
    let mut message = error.to_string();
    if let Some(advice) = error.advice() {
        message = format!("{message}. Advice: {advice}");
        set(&fields, "advice", advice);
    }
    with_face(|face| face.error(&message, &fields))
}
