use bytes::Bytes;
use codec::{
    ByteString, InvalidTopic, Properties, Property, PropertyId, Publish, QoS, TopicName, Will,
};

use protocol::Delivery;

use crate::journal::Receipt;

/// A message, to be published or received (section 3.3).
///
/// A received message shares the memory of the WebSocket frame it came in;
/// keep [`Message::detached`] of it if it is kept for long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where it is published to.
    pub topic: TopicName,
    /// The content, any bytes.
    pub payload: Bytes,
    /// How surely it is delivered.
    pub qos: QoS,
    /// When published: the broker keeps it for later subscribers. When
    /// received: it had been kept.
    pub retain: bool,
    /// When received: it may have come before. Ignored when published.
    pub dup: bool,
    /// Content type, expiry, response topic, user properties and others.
    /// Always empty before MQTT 5.0.
    pub properties: Properties,
    /// When received at QoS 1 or 2 with `Options::store`: its number
    /// there, greater than that of any message before, and the same if it comes
    /// again. An application that keeps the number together with what it makes
    /// of the message knows whether it has done so already.
    pub number: Option<u64>,
    pub(crate) receipt: Option<Receipt>,
}

impl Message {
    /// A message to publish, at QoS 0, not retained.
    ///
    /// # Errors
    /// `topic` is empty, over 65,535 bytes, or contains `+`, `#` or U+0000.
    pub fn new(
        topic: impl Into<ByteString>,
        payload: impl Into<Bytes>,
    ) -> Result<Self, InvalidTopic> {
        Ok(Self {
            topic: TopicName::new(topic)?,
            payload: payload.into(),
            qos: QoS::AtMostOnce,
            retain: false,
            dup: false,
            properties: Properties::new(),
            number: None,
            receipt: None,
        })
    }

    /// Sets the QoS.
    #[must_use]
    pub fn qos(mut self, qos: QoS) -> Self {
        self.qos = qos;
        self
    }

    /// Sets whether the broker keeps it for later subscribers.
    #[must_use]
    pub fn retain(mut self, retain: bool) -> Self {
        self.retain = retain;
        self
    }

    /// Adds a property: [`Property::PayloadFormatIndicator`],
    /// [`Property::MessageExpiryInterval`], [`Property::ContentType`],
    /// [`Property::ResponseTopic`], [`Property::CorrelationData`], or any
    /// number of [`Property::UserProperty`], which keep their order (section
    /// 3.3.2.3). Topic aliases are the client's own affair.
    #[must_use]
    pub fn property(mut self, property: Property) -> Self {
        self.properties.push(property);
        self
    }

    /// The payload as text, if it is UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.payload).ok()
    }

    /// The answer to this request: for the topic that it names, with its
    /// correlation data and QoS (section 4.10). `None` if it asks for none.
    pub fn answer(&self, payload: impl Into<Bytes>) -> Option<Self> {
        let topic = self.properties.response_topic()?;
        let mut answer = Self::new(topic.clone(), payload).ok()?.qos(self.qos);
        if let Some(data) = self.properties.correlation_data() {
            answer = answer.property(Property::CorrelationData(data.clone()));
        }
        Some(answer)
    }

    /// The same message in memory of its own.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self {
            topic: TopicName::new(&*self.topic).expect("it is a topic name already"),
            payload: Bytes::copy_from_slice(&self.payload),
            properties: self.properties.detached(),
            receipt: None,
            ..*self
        }
    }

    pub(crate) fn from_publish(publish: Publish) -> Self {
        let mut properties = publish.properties;
        properties.remove(PropertyId::SubscriptionIdentifier);
        Self {
            topic: publish.topic,
            payload: publish.payload,
            qos: publish.qos,
            retain: publish.retain,
            dup: publish.dup,
            properties,
            number: None,
            receipt: None,
        }
    }

    pub(crate) fn from_delivery(delivery: &Delivery) -> Self {
        let message = &delivery.message;
        Self {
            topic: message.topic.clone(),
            payload: message.payload.clone(),
            qos: delivery.qos,
            retain: delivery.retain,
            dup: false,
            properties: message.properties.clone(),
            number: None,
            receipt: None,
        }
    }

    /// Bytes that it counts as in bounded buffers.
    pub(crate) fn size(&self) -> usize {
        self.topic.len() + self.payload.len()
    }
}

impl From<Message> for Will {
    fn from(message: Message) -> Self {
        Self {
            topic: message.topic,
            payload: message.payload,
            qos: message.qos,
            retain: message.retain,
            properties: message.properties,
        }
    }
}
