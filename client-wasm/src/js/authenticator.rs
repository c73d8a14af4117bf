//! Extended authentication that a program in JavaScript brings (section 4.12).

use bytes::Bytes;
use codec::ByteString;
use js_sys::{Function, Uint8Array};
use wasm_bindgen::prelude::*;

use super::errors::usage;
use super::fields::{Fields, Read, as_bytes};
use super::options::words;
use crate::Authenticator;

/// Functions of an object of the program's.
pub(super) struct JsAuthenticator {
    method: ByteString,
    begin: Option<Function>,
    answer: Function,
    finish: Option<Function>,
}

impl JsAuthenticator {
    pub(super) fn read(mut fields: Fields) -> Read<Self> {
        let method = fields.string("method")?;
        let begin = fields.function("begin")?;
        let answer = fields.function("answer")?;
        let finish = fields.function("finish")?;
        fields.done()?;
        let (Some(method), Some(answer)) = (method, answer) else {
            return Err(usage("options.authenticator needs method and answer"));
        };
        Ok(Self {
            method,
            begin,
            answer,
            finish,
        })
    }
}

/// What a function says; nothing is an answer too.
fn data(answer: Result<JsValue, JsValue>) -> Result<Option<Bytes>, String> {
    let answer = answer.map_err(|error| words(&error))?;
    if answer.is_undefined() || answer.is_null() {
        return Ok(None);
    }
    let bytes = as_bytes(&answer);
    bytes
        .map(Some)
        .ok_or_else(|| "the authenticator gave neither a string nor a Uint8Array".into())
}

impl Authenticator for JsAuthenticator {
    fn method(&self) -> ByteString {
        self.method.clone()
    }

    fn begin(&mut self) -> Result<Option<Bytes>, String> {
        let begin = self.begin.as_ref();
        begin.map_or(Ok(None), |begin| data(begin.call0(&JsValue::UNDEFINED)))
    }

    fn answer(&mut self, challenge: &[u8]) -> Result<Option<Bytes>, String> {
        let challenge = Uint8Array::from(challenge);
        data(self.answer.call1(&JsValue::UNDEFINED, &challenge))
    }

    fn finish(&mut self, last: &[u8]) -> Result<(), String> {
        let Some(finish) = &self.finish else {
            return Ok(());
        };
        let last = Uint8Array::from(last);
        let done = finish.call1(&JsValue::UNDEFINED, &last);
        done.map(|_| ()).map_err(|error| words(&error))
    }
}
