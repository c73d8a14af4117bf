//! The options of `connect`, as the face has read them.

use std::time::Duration;

use bytes::Bytes;
use codec::{ByteString, ProtocolVersion, QoS, TopicName, Will};
use js_sys::{Array, Function, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::authenticator::JsAuthenticator;
use super::{Read, errors, properties};
use crate::store::Handle;
use crate::{Bounds, Credentials, Offline, Options, Overflow, Store};

/// Values whose kinds the face has checked, in the order of its tables; what
/// the program left out is undefined.
struct Values {
    all: Array,
    next: u32,
}

impl Values {
    const fn new(all: Array) -> Self {
        Self { all, next: 0 }
    }

    fn value(&mut self) -> JsValue {
        self.next += 1;
        self.all.get(self.next - 1)
    }

    fn number(&mut self) -> Option<u32> {
        self.value().as_f64().map(|number| number as u32)
    }

    fn flag(&mut self) -> Option<bool> {
        self.value().as_bool()
    }

    fn text(&mut self) -> Option<ByteString> {
        self.value().as_string().map(Into::into)
    }

    fn bytes(&mut self) -> Option<Bytes> {
        bytes(&self.value())
    }

    fn function(&mut self) -> Option<Function> {
        let value = self.value();
        (!value.is_undefined()).then(|| value.unchecked_into())
    }

    fn time(&mut self) -> Option<Duration> {
        self.number().map(|ms| Duration::from_millis(ms.into()))
    }

    fn bounds(&mut self, bounds: &mut Bounds) {
        if let Some(messages) = self.number() {
            bounds.messages = messages as usize;
        }
        if let Some(bytes) = self.number() {
            bounds.bytes = bytes as usize;
        }
    }
}

/// The content of a Uint8Array; `None` of undefined.
pub(super) fn bytes(value: &JsValue) -> Option<Bytes> {
    let array = (!value.is_undefined()).then(|| value.unchecked_ref::<Uint8Array>());
    array.map(|array| array.to_vec().into())
}

/// Puts a value where one was given.
fn put<T>(place: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *place = given;
    }
}

/// Reads the values of the face's table CONNECT.
pub(super) fn read(url: &str, values: Array, store: Option<Handle>) -> Read<Options> {
    let mut values = Values::new(values);
    let mut options = Options::new(url);
    if let Some(store) = store {
        options = options.store(Store::new(store));
    }
    options.version = match values.number() {
        Some(4) => ProtocolVersion::V3_1_1,
        Some(3) => ProtocolVersion::V3_1,
        _ => ProtocolVersion::V5,
    };
    put(&mut options.client_id, values.text());
    put(&mut options.is_named_by_broker, values.flag());
    options.username = values.text();
    options.password = values.bytes();
    if let Some(refresh) = values.function() {
        options = options.credentials(move || credentials(refresh.clone()));
    }
    let method = values.text();
    let (begin, answer, finish) = (values.function(), values.function(), values.function());
    if let (Some(method), Some(begin), Some(answer), Some(finish)) = (method, begin, answer, finish)
    {
        options = options.authenticator(JsAuthenticator {
            method,
            begin,
            answer,
            finish,
        });
    }
    options.will = will(&mut values)?;
    put(&mut options.keep_alive, values.number().map(|n| n as u16));
    put(&mut options.clean_start, values.flag());
    put(&mut options.session_expiry, values.number());
    if let Some(messages) = values.number() {
        options = options.receive_maximum(messages as u16);
    }
    if let Some(bytes) = values.number() {
        options = options.maximum_packet_size(bytes);
    }
    let aliases = values.number().map(|n| n as u16);
    put(&mut options.topic_alias_maximum, aliases);
    put(&mut options.wants_response_information, values.flag());
    put(&mut options.wants_problem_information, values.flag());
    options.user_properties = properties(&values.bytes().unwrap_or_default())?;
    options.response_base = values.text();
    put(&mut options.connect_timeout, values.time());
    put(&mut options.reconnect.first, values.time());
    put(&mut options.reconnect.longest, values.time());
    if values.number() == Some(1) {
        options.offline = Offline::Queue;
    }
    values.bounds(&mut options.queue_bounds);
    options.overflow = match values.number() {
        Some(1) => Overflow::DropOldest,
        Some(2) => Overflow::DropNewest,
        _ => Overflow::Refuse,
    };
    values.bounds(&mut options.stream_bounds);
    put(&mut options.has_background_timer, values.flag());
    Ok(options)
}

fn will(values: &mut Values) -> Read<Option<Will>> {
    let (topic, payload) = (values.text(), values.bytes());
    let (qos, retain) = (values.number(), values.flag());
    let packed = values.bytes();
    let Some(topic) = topic else {
        return Ok(None);
    };
    Ok(Some(Will {
        topic: TopicName::new(topic).map_err(|error| errors::error(&error.into()))?,
        payload: payload.unwrap_or_default(),
        qos: qos
            .and_then(|level| QoS::from_u8(level as u8))
            .unwrap_or_default(),
        retain: retain.unwrap_or(false),
        properties: properties(&packed.unwrap_or_default())?,
    }))
}

/// Asks the face for credentials: it promises the values of its table
/// CREDENTIALS, or throws words.
async fn credentials(refresh: Function) -> Result<Credentials, String> {
    let asked = async {
        let promise: Promise = refresh.call0(&JsValue::UNDEFINED)?.unchecked_into();
        let mut values = Values::new(JsFuture::from(promise).await?.unchecked_into());
        Ok(Credentials {
            username: values.text(),
            password: values.bytes(),
        })
    };
    let asked: Result<_, JsValue> = asked.await;
    asked.map_err(|words| words.as_string().unwrap_or_default())
}
