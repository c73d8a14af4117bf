//! Properties of MQTT 5.0 as fields of an object, in camelCase.

use codec::{Properties, Property};
use js_sys::{Array, Object, Uint8Array};
use wasm_bindgen::prelude::*;

use super::errors::set;
use super::fields::{Fields, Read};

/// An object with what there is; undefined if there is nothing.
pub(super) fn write(properties: &Properties) -> JsValue {
    if properties.is_empty() {
        return JsValue::UNDEFINED;
    }
    let object: JsValue = Object::new().into();
    let pairs = Array::new();
    for property in properties {
        let (name, value): (&str, JsValue) = match property {
            Property::PayloadFormatIndicator(is) => ("payloadFormatIndicator", (*is).into()),
            Property::MessageExpiryInterval(s) => ("messageExpiryInterval", (*s).into()),
            Property::ContentType(text) => ("contentType", (&**text).into()),
            Property::ResponseTopic(text) => ("responseTopic", (&**text).into()),
            Property::CorrelationData(data) => {
                ("correlationData", Uint8Array::from(&data[..]).into())
            }
            Property::SubscriptionIdentifier(id) => ("subscriptionIdentifier", (*id).into()),
            Property::SessionExpiryInterval(s) => ("sessionExpiryInterval", (*s).into()),
            Property::AssignedClientIdentifier(id) => ("assignedClientIdentifier", (&**id).into()),
            Property::ServerKeepAlive(s) => ("serverKeepAlive", (*s).into()),
            Property::AuthenticationMethod(name) => ("authenticationMethod", (&**name).into()),
            Property::AuthenticationData(data) => {
                ("authenticationData", Uint8Array::from(&data[..]).into())
            }
            Property::RequestProblemInformation(is) => ("requestProblemInformation", (*is).into()),
            Property::WillDelayInterval(s) => ("willDelayInterval", (*s).into()),
            Property::RequestResponseInformation(is) => {
                ("requestResponseInformation", (*is).into())
            }
            Property::ResponseInformation(text) => ("responseInformation", (&**text).into()),
            Property::ServerReference(text) => ("serverReference", (&**text).into()),
            Property::ReasonString(text) => ("reasonString", (&**text).into()),
            Property::ReceiveMaximum(n) => ("receiveMaximum", (*n).into()),
            Property::TopicAliasMaximum(n) => ("topicAliasMaximum", (*n).into()),
            Property::TopicAlias(n) => ("topicAlias", (*n).into()),
            Property::MaximumQoS(qos) => ("maximumQoS", (*qos).into()),
            Property::RetainAvailable(is) => ("retainAvailable", (*is).into()),
            Property::MaximumPacketSize(n) => ("maximumPacketSize", (*n).into()),
            Property::WildcardSubscriptionAvailable(is) => {
                ("wildcardSubscriptionAvailable", (*is).into())
            }
            Property::SubscriptionIdentifierAvailable(is) => {
                ("subscriptionIdentifierAvailable", (*is).into())
            }
            Property::SharedSubscriptionAvailable(is) => {
                ("sharedSubscriptionAvailable", (*is).into())
            }
            Property::UserProperty((name, value)) => {
                let pair = Array::of2(&(&**name).into(), &(&**value).into());
                pairs.push(&pair);
                continue;
            }
        };
        set(&object, name, value);
    }
    if pairs.length() > 0 {
        set(&object, "userProperties", pairs);
    }
    object
}

/// Those of a message (section 3.3.2.3), and of a will with `is_will`
/// (section 3.1.3.2).
pub(super) fn of_message(mut fields: Fields, is_will: bool) -> Read<Properties> {
    let mut properties = Properties::new();
    let is_text = fields.boolean("payloadFormatIndicator")?;
    properties.extend(is_text.map(Property::PayloadFormatIndicator));
    let expiry = fields.number("messageExpiryInterval", u32::MAX)?;
    properties.extend(expiry.map(Property::MessageExpiryInterval));
    let kind = fields.string("contentType")?;
    properties.extend(kind.map(Property::ContentType));
    let topic = fields.string("responseTopic")?;
    properties.extend(topic.map(Property::ResponseTopic));
    let data = fields.bytes("correlationData")?;
    properties.extend(data.map(Property::CorrelationData));
    if is_will {
        let delay = fields.number("willDelayInterval", u32::MAX)?;
        properties.extend(delay.map(Property::WillDelayInterval));
    }
    let pairs = fields.pairs("userProperties")?;
    properties.extend(pairs.into_iter().map(Property::UserProperty));
    fields.done()?;
    Ok(properties)
}
