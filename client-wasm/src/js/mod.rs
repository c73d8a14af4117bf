//! What the npm package is made of: its face in JavaScript, `js/client.js`,
//! calls what is exported here. Not for programs in Rust.
//!
//! The face holds what JavaScript does better, or in less room: emitters,
//! iterators, the class of a message, what options there are, and the words of
//! errors. Properties go between the two as they stand in packets. All the rest
//! is [`crate::Client`].

mod authenticator;
mod client;
mod errors;
mod events;
pub(crate) mod frame;
mod options;
mod subscription;

pub use client::RawClient;
pub use subscription::RawSubscription;

use std::cell::RefCell;

use bytes::{Bytes, BytesMut};
use codec::{DecodeError, EncodeError, Properties, PropertyId};
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

use crate::{Acknowledgement, Error, Message};

/// A value, or an error to throw.
type Read<T> = Result<T, JsValue>;

#[wasm_bindgen]
extern "C" {
    /// What makes JavaScript's objects of ours.
    pub type Face;

    /// A message; `flags` are those of PUBLISH (section 3.3.1), `number` is its
    /// place in the store.
    #[wasm_bindgen(method)]
    fn message(
        this: &Face,
        topic: &str,
        payload: &Uint8Array,
        flags: u8,
        properties: &[u8],
        number: Option<f64>,
    ) -> JsValue;

    /// The broker's consent.
    #[wasm_bindgen(method)]
    fn acknowledgement(this: &Face, reason: u8, properties: &[u8]) -> JsValue;

    /// An error: which one, and what there is to know.
    #[wasm_bindgen(method)]
    fn error(
        this: &Face,
        which: u8,
        url: &str,
        words: &str,
        number: f64,
        reason: u8,
        properties: &[u8],
    ) -> JsValue;
}

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

thread_local! {
    static FACE: RefCell<Option<Face>> = const { RefCell::new(None) };
}

/// To be called once, first.
#[wasm_bindgen]
pub fn install(face: Face) {
    FACE.set(Some(face));
}

fn with_face(make: impl FnOnce(&Face) -> JsValue) -> JsValue {
    FACE.with_borrow(|face| face.as_ref().map_or(JsValue::UNDEFINED, make))
}

fn message(message: &Message) -> JsValue {
    let flags = u8::from(message.dup) << 3 | message.qos.as_u8() << 1 | u8::from(message.retain);
    let packed = packed(&message.properties);
    let number = message.number.map(|number| number as f64);
    // A numbered one may have come out of the store, and from no frame.
    let payload = match number {
        None => frame::view(&message.payload),
        Some(_) => None,
    };
    let payload = payload.unwrap_or_else(|| Uint8Array::from(&message.payload[..]));
    with_face(|face| face.message(&message.topic, &payload, flags, &packed, number))
}

fn acknowledgement(told: &Acknowledgement) -> JsValue {
    let packed = packed(&told.properties);
    with_face(|face| face.acknowledgement(told.reason.as_u8(), &packed))
}

/// Properties as they stand in packets.
fn packed(properties: &Properties) -> Vec<u8> {
    let mut packed = BytesMut::new();
    // What was received can be encoded.
    let _ = properties.encode_body(&mut packed);
    packed.into()
}

/// Properties that the face has packed.
fn properties(packed: &[u8]) -> Read<Properties> {
    if packed.is_empty() {
        return Ok(Properties::new());
    }
    Properties::from_body(&Bytes::copy_from_slice(packed)).map_err(|error| {
        let id = match error {
            DecodeError::PropertyValue(id) => id,
            _ => PropertyId::UserProperty,
        };
        errors::error(&Error::Options(EncodeError::PropertyValue(id)))
    })
}
