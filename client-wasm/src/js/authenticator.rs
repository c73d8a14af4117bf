//! Extended authentication that a program in JavaScript brings (section 4.12).

use bytes::Bytes;
use codec::ByteString;
use js_sys::{Function, Uint8Array};
use wasm_bindgen::prelude::*;

use super::options::bytes;
use crate::Authenticator;

/// Functions that the face has prepared: they give bytes or undefined, and
/// throw words.
pub(super) struct JsAuthenticator {
    pub(super) method: ByteString,
    pub(super) begin: Function,
    pub(super) answer: Function,
    pub(super) finish: Function,
}

/// Calls a function with what the broker has said, and gives what it says.
fn ask(function: &Function, said: &[u8]) -> Result<Option<Bytes>, String> {
    let answer = function.call1(&JsValue::UNDEFINED, &Uint8Array::from(said));
    answer
        .map(|answer| bytes(&answer))
        .map_err(|words| words.as_string().unwrap_or_default())
}

impl Authenticator for JsAuthenticator {
    fn method(&self) -> ByteString {
        self.method.clone()
    }

    fn begin(&mut self) -> Result<Option<Bytes>, String> {
        ask(&self.begin, &[])
    }

    fn answer(&mut self, challenge: &[u8]) -> Result<Option<Bytes>, String> {
        ask(&self.answer, challenge)
    }

    fn finish(&mut self, last: &[u8]) -> Result<(), String> {
        ask(&self.finish, last).map(|_| ())
    }
}
