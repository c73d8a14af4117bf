//! The options of `connect`.

use std::time::Duration;

use codec::{ProtocolVersion, QoS, TopicName, Will};
use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::authenticator::JsAuthenticator;
use super::errors::usage;
use super::fields::{Fields, Read};
use super::properties;
use crate::{Bounds, Credentials, Offline, Options, Overflow, Reconnect};

/// Longest that JavaScript's timers can wait, milliseconds.
const LONGEST: u32 = i32::MAX as u32;

const VERSIONS: [(u32, ProtocolVersion); 3] = [
    (5, ProtocolVersion::V5),
    (4, ProtocolVersion::V3_1_1),
    (3, ProtocolVersion::V3_1),
];

pub(super) fn read(url: &str, value: &JsValue) -> Read<Options> {
    let mut fields = Fields::of(value, "options")?;
    let mut options = Options::new(url);
    if let Some(version) = fields.number("protocolVersion", 5)? {
        let known = VERSIONS.iter().find(|(number, _)| *number == version);
        let (_, version) = known
            .ok_or_else(|| usage("options.protocolVersion must be 5, 4 (3.1.1) or 3 (3.1)"))?;
        options = options.version(*version);
    }
    if let Some(id) = fields.string("clientId")? {
        options = options.client_id(id);
    }
    if fields.boolean("namedByBroker")? == Some(true) {
        options = options.named_by_broker();
    }
    options = who(&mut fields, options)?;
    let mut will = fields.object("will")?;
    if will.is_there() {
        options = options.will(read_will(&mut will)?);
        will.done()?;
    }
    if let Some(seconds) = fields.number("keepAlive", u16::MAX.into())? {
        options = options.keep_alive(seconds as u16);
    }
    if let Some(clean) = fields.boolean("cleanStart")? {
        options = options.clean_start(clean);
    }
    options = with_properties(fields.object("properties")?, options)?;
    if let Some(base) = fields.string("responseBase")? {
        options = options.response_base(base);
    }
    if let Some(timeout) = time(&mut fields, "connectTimeout")? {
        options = options.connect_timeout(timeout);
    }
    let mut pauses = fields.object("reconnect")?;
    let default = Reconnect::default();
    options = options.reconnect(Reconnect {
        first: time(&mut pauses, "first")?.unwrap_or(default.first),
        longest: time(&mut pauses, "longest")?.unwrap_or(default.longest),
    });
    pauses.done()?;
    if let Some(place) = fields.choice("offline", &["refuse", "queue"])? {
        options = options.offline([Offline::Refuse, Offline::Queue][place]);
    }
    let mut queue = fields.object("queue")?;
    let overflow = queue.choice("overflow", &["refuse", "dropOldest", "dropNewest"])?;
    let overflows = [Overflow::Refuse, Overflow::DropOldest, Overflow::DropNewest];
    options = options.overflow(overflow.map_or(Overflow::Refuse, |place| overflows[place]));
    let queue_bounds = bounds(queue, options.queue_bounds)?;
    let buffer = fields.object("buffer")?;
    let stream_bounds = bounds(buffer, options.stream_bounds)?;
    options = options
        .queue_bounds(queue_bounds)
        .stream_bounds(stream_bounds);
    if let Some(wanted) = fields.boolean("backgroundTimer")? {
        options = options.background_timer(wanted);
    }
    fields.done()?;
    Ok(options)
}

/// One of the ways to log in.
fn who(fields: &mut Fields, mut options: Options) -> Read<Options> {
    if let Some(name) = fields.string("username")? {
        options = options.username(name);
    }
    if let Some(password) = fields.bytes("password")? {
        options = options.password(password);
    }
    if let Some(refresh) = fields.function("credentials")? {
        options = options.credentials(move || credentials(refresh.clone()));
    }
    let mut scram = fields.object("scram")?;
    if scram.is_there() {
        let name = scram.string("username")?;
        let password = scram.bytes("password")?;
        scram.done()?;
        let (Some(name), Some(password)) = (name, password) else {
            return Err(usage("options.scram needs username and password"));
        };
        options = options.scram(name.to_string(), password);
    }
    let authenticator = fields.object("authenticator")?;
    if authenticator.is_there() {
        options = options.authenticator(JsAuthenticator::read(authenticator)?);
    }
    Ok(options)
}

/// Asks a function for credentials; it may give them, or promise them.
async fn credentials(refresh: Function) -> Result<Credentials, String> {
    let asked = async {
        let answer = refresh.call0(&JsValue::UNDEFINED)?;
        let answer = JsFuture::from(Promise::resolve(&answer)).await?;
        let mut fields = Fields::of(&answer, "the answer of options.credentials")?;
        let credentials = Credentials {
            username: fields.string("username")?,
            password: fields.bytes("password")?,
        };
        fields.done()?;
        Ok(credentials)
    };
    asked.await.map_err(|error| words(&error))
}

/// What an exception says.
pub(super) fn words(error: &JsValue) -> String {
    let message = js_sys::Reflect::get(error, &"message".into());
    let message = message.ok().and_then(|message| message.as_string());
    message
        .or_else(|| error.as_string())
        .unwrap_or_else(|| "it threw something without a message".into())
}

fn read_will(fields: &mut Fields) -> Read<Will> {
    let topic = fields.string("topic")?;
    let topic = topic.ok_or_else(|| usage("options.will needs a topic"))?;
    let topic = TopicName::new(topic).map_err(|error| super::errors::error(&error.into()))?;
    Ok(Will {
        topic,
        payload: fields.bytes("payload")?.unwrap_or_default(),
        qos: qos(fields)?,
        retain: fields.boolean("retain")?.unwrap_or(false),
        properties: properties::of_message(fields.object("properties")?, true)?,
    })
}

/// The field `qos`; 0 if it is not there.
pub(super) fn qos(fields: &mut Fields) -> Read<QoS> {
    let level = fields.number("qos", 2)?.unwrap_or(0);
    Ok(QoS::from_u8(level as u8).unwrap_or_default())
}

/// Those of CONNECT (section 3.1.2.11).
fn with_properties(mut fields: Fields, mut options: Options) -> Read<Options> {
    if let Some(seconds) = fields.number("sessionExpiryInterval", u32::MAX)? {
        options = options.session_expiry(seconds);
    }
    if let Some(messages) = fields.number("receiveMaximum", u16::MAX.into())? {
        options = options.receive_maximum(messages as u16);
    }
    if let Some(bytes) = fields.number("maximumPacketSize", u32::MAX)? {
        options = options.maximum_packet_size(bytes);
    }
    if let Some(aliases) = fields.number("topicAliasMaximum", u16::MAX.into())? {
        options = options.topic_alias_maximum(aliases as u16);
    }
    if let Some(request) = fields.boolean("requestResponseInformation")? {
        options = options.request_response_information(request);
    }
    if let Some(request) = fields.boolean("requestProblemInformation")? {
        options = options.request_problem_information(request);
    }
    for (name, value) in fields.pairs("userProperties")? {
        options = options.user_property(name, value);
    }
    fields.done()?;
    Ok(options)
}

/// A field in milliseconds.
pub(super) fn time(fields: &mut Fields, field: &'static str) -> Read<Option<Duration>> {
    let milliseconds = fields.number(field, LONGEST)?;
    Ok(milliseconds.map(|ms| Duration::from_millis(ms.into())))
}

fn bounds(mut fields: Fields, default: Bounds) -> Read<Bounds> {
    let messages = fields.number("messages", u32::MAX)?;
    let bytes = fields.number("bytes", u32::MAX)?;
    fields.done()?;
    Ok(Bounds {
        messages: messages.map_or(default.messages, |n| n as usize),
        bytes: bytes.map_or(default.bytes, |n| n as usize),
    })
}
