use bytes::{BufMut, Bytes, BytesMut};

use super::suback::encode_head;
use crate::packet_type::PacketSet;
use crate::reader::Reader;
use crate::{
    DecodeError, EncodeError, PacketId, PacketType, Properties, ProtocolVersion, QoS, TopicFilter,
    writer,
};

/// SUBSCRIBE: a client asks for messages (section 3.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// Comes back in SUBACK.
    pub packet_id: PacketId,
    /// Subscription identifier and user properties.
    pub properties: Properties,
    /// At least one.
    pub subscriptions: Vec<Subscription>,
}

/// One filter of a SUBSCRIBE and its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Which topics.
    pub filter: TopicFilter,
    /// How they are delivered.
    pub options: SubscriptionOptions,
}

/// How messages of a subscription are delivered (section 3.8.3.1). Before
/// MQTT 5.0 only the QoS can be chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionOptions {
    /// The highest QoS at which messages come.
    pub qos: QoS,
    /// Whether the client's own messages stay away.
    pub no_local: bool,
    /// Whether messages keep the retain flag that their publisher set.
    pub retain_as_published: bool,
    /// When retained messages come.
    pub retain_handling: RetainHandling,
}

/// When retained messages are sent for a subscription (section 3.8.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RetainHandling {
    /// At every subscribe.
    #[default]
    Send = 0,
    /// Only if the subscription is new.
    SendIfNew = 1,
    /// Never.
    DoNotSend = 2,
}

impl From<QoS> for SubscriptionOptions {
    fn from(qos: QoS) -> Self {
        Self {
            qos,
            ..Self::default()
        }
    }
}

impl SubscriptionOptions {
    /// The bits that MQTT 5.0 gives no meaning.
    pub(crate) const RESERVED: u8 = 0xc0;

    /// Reads the options byte. Before MQTT 5.0 only the QoS bits may be set
    /// \[MQTT-3.8.3-4\] of 3.1.1.
    ///
    /// # Errors
    /// QoS 3, retain handling 3 or reserved bits.
    pub fn from_u8(byte: u8, version: ProtocolVersion) -> Result<Self, DecodeError> {
        let error = DecodeError::SubscriptionOptions(byte);
        let reserved = if version.is_v5() {
            Self::RESERVED
        } else {
            0xfc
        };
        if byte & reserved != 0 {
            return Err(error);
        }
        Ok(Self {
            qos: QoS::from_u8(byte & 3).ok_or(error)?,
            no_local: byte & 4 != 0,
            retain_as_published: byte & 8 != 0,
            retain_handling: match byte >> 4 & 3 {
                0 => RetainHandling::Send,
                1 => RetainHandling::SendIfNew,
                2 => RetainHandling::DoNotSend,
                _ => return Err(error),
            },
        })
    }

    /// The options byte; before MQTT 5.0 the QoS alone.
    pub const fn to_u8(self, version: ProtocolVersion) -> u8 {
        if !version.is_v5() {
            return self.qos.as_u8();
        }
        self.qos.as_u8()
            | (self.no_local as u8) << 2
            | (self.retain_as_published as u8) << 3
            | (self.retain_handling as u8) << 4
    }
}

impl Subscribe {
    pub(crate) fn decode(body: &Bytes, version: ProtocolVersion) -> Result<Self, DecodeError> {
        let kind = PacketType::Subscribe;
        let mut reader = Reader::new(body);
        let packet_id = reader.packet_id()?;
        let properties = if version.is_v5() {
            Properties::decode(&mut reader, body, PacketSet::of(kind))?
        } else {
            Properties::new()
        };
        let mut subscriptions = Vec::new();
        while !reader.is_empty() {
            let filter = TopicFilter::new(reader.string(body)?)?;
            let options = SubscriptionOptions::from_u8(reader.u8()?, version)?;
            if options.no_local && filter.share_name().is_some() {
                return Err(DecodeError::NoLocalOnShared);
            }
            subscriptions.push(Subscription { filter, options });
        }
        if subscriptions.is_empty() {
            return Err(DecodeError::EmptyPayload(kind));
        }
        Ok(Self {
            packet_id,
            properties,
            subscriptions,
        })
    }

    pub(crate) fn encode(
        &self,
        version: ProtocolVersion,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        let payload = self.subscriptions.iter().try_fold(0, |sum, s| {
            Ok(sum + writer::field_len(s.filter.as_bytes())? + 1)
        })?;
        encode_head(
            PacketType::Subscribe,
            self.packet_id,
            &self.properties,
            payload,
            version,
            out,
        )?;
        for subscription in &self.subscriptions {
            writer::put_field(out, subscription.filter.as_bytes());
            out.put_u8(subscription.options.to_u8(version));
        }
        Ok(())
    }
}
