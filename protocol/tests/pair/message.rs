//! Messages and deliveries apart from a connection.

use std::time::Duration;

use bytes::BytesMut;
use codec::{Properties, Property, Publish, QoS, TopicName};
use protocol::{Message, PublishError};

use crate::expiry::expiring;
use crate::harness::{NOW, Pair, VERSIONS};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn a_delivery_encoded_without_a_connection_is_what_the_connection_writes() {
    for version in VERSIONS {
        let mut pair = Pair::connected(version);
        let mut delivery = expiring(&mut pair, QoS::AtMostOnce, 10);
        delivery.retain = true;
        delivery.subscription_identifiers = Some([1, 2].into());
        pair.server.conn().publish(delivery.clone(), NOW).unwrap();
        let expected = pair.server.conn().output().split();
        delivery.qos = QoS::ExactlyOnce;
        let mut output = BytesMut::new();
        let mut encode = |limit, now| delivery.encode_qos0(version, limit, now, &mut output);
        assert_eq!(encode(expected.len(), NOW), Ok(()));
        let short = encode(expected.len() - 1, NOW);
        assert_eq!(short, Err(PublishError::TooLarge));
        let late = encode(expected.len(), NOW + Duration::from_secs(11));
        assert_eq!(late, Err(PublishError::Expired));
        assert_eq!(output, expected);
    }
}

#[test]
fn a_publish_becomes_a_message_and_keeps_what_belongs_to_it() {
    let now = protocol::Time::from_millis(5);
    let kept = [
        Property::ContentType("text/plain".into()),
        Property::UserProperty(("a".into(), "b".into())),
    ];
    let mut properties: Properties = kept.iter().cloned().collect();
    properties.push(Property::MessageExpiryInterval(2));
    properties.push(Property::TopicAlias(2));
    properties.push(Property::SubscriptionIdentifier(2));
    let publish = Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: TopicName::new("a").unwrap(),
        packet_id: None,
        properties,
        payload: "payload".into(),
    };
    let message = Message::from_publish(publish, now);
    assert_eq!(message.properties, kept.into_iter().collect());
    assert_eq!(message.expires_at, Some(now + Duration::from_secs(2)));
    let bare = Message::new(message.topic.clone(), message.payload.clone());
    assert_eq!(bare.size(), 8);
    assert!(message.size() > 8 + "text/plain".len());
    assert_eq!(message.detached(), message);
}
