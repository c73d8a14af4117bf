//! What the npm package is made of: its face in JavaScript, `js/client.js`,
//! calls what is exported here. Not for programs in Rust.
//!
//! The face holds what JavaScript does better: emitters, iterators, the class
//! of a message. Here is what needs care: options are read field by field, and
//! what is no option is said; all the rest is [`crate::Client`].

mod authenticator;
mod client;
mod errors;
mod events;
mod fields;
mod options;
mod properties;
mod subscription;

pub use client::RawClient;
pub use subscription::RawSubscription;

use std::cell::RefCell;

use wasm_bindgen::prelude::*;

use crate::Message;

#[wasm_bindgen]
extern "C" {
    /// What makes JavaScript's objects of ours.
    pub type Face;

    /// A message; `flags` are those of PUBLISH (section 3.3.1).
    #[wasm_bindgen(method)]
    fn message(
        this: &Face,
        topic: &str,
        payload: &[u8],
        flags: u8,
        properties: &JsValue,
    ) -> JsValue;

    /// An error, with these fields.
    #[wasm_bindgen(method)]
    fn error(this: &Face, message: &str, fields: &JsValue) -> JsValue;
}

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
    let properties = properties::write(&message.properties);
    with_face(|face| face.message(&message.topic, &message.payload, flags, &properties))
}
