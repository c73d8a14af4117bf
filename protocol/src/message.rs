use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use codec::{Properties, PropertyId, Publish, QoS, TopicName};

use crate::Time;

/// What somebody published: the same for every receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where to; never empty.
    pub topic: TopicName,
    /// What.
    pub payload: Bytes,
    /// What travels with it unchanged: payload format, content type, response
    /// topic, correlation data, user properties. Expiry, topic alias and
    /// subscription identifiers are not among them.
    pub properties: Properties,
    /// When it is too old to be delivered (section 3.3.2.3.3).
    pub expires_at: Option<Time>,
}

impl Message {
    /// A message without properties.
    pub fn new(topic: TopicName, payload: impl Into<Bytes>) -> Self {
        Self {
            topic,
            payload: payload.into(),
            properties: Properties::new(),
            expires_at: None,
        }
    }

    /// The message in a PUBLISH that arrived `now`, its topic alias resolved.
    pub fn from_publish(publish: Publish, now: Time) -> Self {
        Self::from_parts(publish.topic, publish.payload, publish.properties, now)
    }

    /// The message of a will that is published `now`, or of a PUBLISH.
    pub fn from_parts(
        topic: TopicName,
        payload: Bytes,
        mut properties: Properties,
        now: Time,
    ) -> Self {
        let mut expires_at = None;
        if !properties.is_empty() {
            expires_at = properties
                .message_expiry_interval()
                .map(|seconds| now + Duration::from_secs(seconds.into()));
            properties.retain(|p| {
                !matches!(
                    p.id(),
                    PropertyId::MessageExpiryInterval
                        | PropertyId::TopicAlias
                        | PropertyId::SubscriptionIdentifier
                        | PropertyId::WillDelayInterval
                )
            });
        }
        Self {
            topic,
            payload,
            properties,
            expires_at,
        }
    }

    /// Whether it is too old to be delivered. Not yet at the very moment: a
    /// message that lives for 0 seconds is for those who are there.
    pub fn is_expired(&self, now: Time) -> bool {
        self.expires_at.is_some_and(|at| at < now)
    }

    /// Bytes of topic, payload and properties: what limits on queued bytes
    /// count.
    pub fn size(&self) -> usize {
        self.topic.len() + self.payload.len() + self.properties.size()
    }

    /// The same message in memory of its own. A decoded message shares the
    /// buffer it was received in, which may be far larger than the message;
    /// what is kept for long should not.
    #[must_use]
    pub fn detached(&self) -> Self {
        let topic = TopicName::new(&*self.topic).expect("it is a topic name already");
        Self {
            topic,
            payload: Bytes::copy_from_slice(&self.payload),
            properties: self.properties.detached(),
            expires_at: self.expires_at,
        }
    }
}

/// One message on its way to one receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// What is delivered.
    pub message: Arc<Message>,
    /// At which QoS.
    pub qos: QoS,
    /// The RETAIN flag that the receiver sees.
    pub retain: bool,
    /// The identifiers of the subscriptions that matched (section 3.3.2.3.8).
    pub subscription_identifiers: Option<Arc<[u32]>>,
    /// The sender's own mark; comes back when the handshake is over.
    pub token: u64,
}

impl Delivery {
    /// A delivery without retain flag, identifiers and token.
    pub const fn new(message: Arc<Message>, qos: QoS) -> Self {
        Self {
            message,
            qos,
            retain: false,
            subscription_identifiers: None,
            token: 0,
        }
    }
}
