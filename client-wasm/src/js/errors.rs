//! Errors as the face hears of them: which one, and what there is to know. The
//! words are in js/errors.js, where they take less room than here.

use codec::{EncodeError, InvalidTopic, Properties};
use wasm_bindgen::prelude::*;

use super::{packed, with_face};
use crate::{Error, Operation};

/// What there is to know of an error, besides which one it is.
#[derive(Default)]
struct Known<'a> {
    url: &'a str,
    words: &'a str,
    number: f64,
    reason: u8,
    properties: Vec<u8>,
}

/// The error, as an instance of the face's class.
pub(super) fn error(error: &Error) -> JsValue {
    let (which, known) = describe(error);
    with_face(|face| {
        face.error(
            which,
            known.url,
            known.words,
            known.number,
            known.reason,
            &known.properties,
        )
    })
}

/// Which one it is, as a place in ERRORS of js/errors.js.
fn describe(error: &Error) -> (u8, Known<'_>) {
    let words = |words| Known {
        words,
        ..Known::default()
    };
    match error {
        Error::Unreachable { url } => (0, about(url, "", 0.0)),
        Error::Blocked { url, reason } => (1, about(url, reason, 0.0)),
        Error::Options(error) => (2, words(encoding(*error))),
        Error::ConnectTimeout { url, timeout } => (3, about(url, "", timeout.as_millis() as f64)),
        Error::Refused {
            operation,
            reason,
            properties,
        } => {
            let number = match operation {
                Operation::Connect => 0.0,
                Operation::Publish => 1.0,
                Operation::Subscribe => 2.0,
                Operation::Unsubscribe => 3.0,
            };
            (4, said(*reason, properties, number))
        }
        Error::Disconnected { reason, properties } => (5, said(*reason, properties, 0.0)),
        Error::ConnectionLost { code } => (6, about("", "", f64::from(*code))),
        Error::KeepAliveTimeout => (7, Known::default()),
        Error::Violation(violation) => {
            let code = violation.reason_code().as_u8();
            (8, about("", "", f64::from(code)))
        }
        Error::TextFrame => (9, Known::default()),
        Error::NotConnected => (10, Known::default()),
        Error::QueueFull => (11, Known::default()),
        Error::Dropped => (12, Known::default()),
        Error::Expired => (13, Known::default()),
        Error::TooLarge => (14, Known::default()),
        Error::QoSNotSupported => (15, Known::default()),
        Error::RetainNotSupported => (16, Known::default()),
        Error::SessionLost => (17, Known::default()),
        Error::NobodyThere => (18, Known::default()),
        Error::NoAnswer { timeout } => (19, about("", "", timeout.as_millis() as f64)),
        Error::NeedsVersion5 => (20, Known::default()),
        Error::Authentication(why) => (21, words(why)),
        Error::Credentials(why) => (22, words(why)),
        Error::Goodbye(why) => (23, words(why)),
        Error::Topic(InvalidTopic::Name(why) | InvalidTopic::Filter(why)) => (24, words(why)),
        Error::Ended => (25, Known::default()),
        Error::Store(why) => (26, words(why)),
        Error::StoreInUse => (27, Known::default()),
        Error::StoreFull => (28, Known::default()),
        Error::WrongSubprotocol { url } => (29, about(url, "", 0.0)),
    }
}

fn about<'a>(url: &'a str, words: &'a str, number: f64) -> Known<'a> {
    Known {
        url,
        words,
        number,
        ..Known::default()
    }
}

/// What the broker has said.
fn said(reason: codec::ReasonCode, properties: &Properties, number: f64) -> Known<'static> {
    Known {
        number,
        reason: reason.as_u8(),
        properties: packed(properties),
        ..Known::default()
    }
}

const fn encoding(error: EncodeError) -> &'static str {
    match error {
        EncodeError::FieldTooLong(_) => "string or binary field over 65,535 bytes",
        EncodeError::Nul => "string with U+0000 in it",
        EncodeError::PasswordWithoutUsername => "a password without a user name needs MQTT 5.0",
        EncodeError::PropertyValue(_) => "property with a forbidden value",
        _ => "it is longer than MQTT allows",
    }
}
