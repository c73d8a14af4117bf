//! Properties of MQTT 5.0 (section 2.2.2).

use bytes::{BufMut, Bytes, BytesMut};
use bytestring::ByteString;

use crate::packet_type::{PacketSet, PacketType};
use crate::reader::Reader;
use crate::{DecodeError, EncodeError, MAX_REMAINING_LENGTH, TopicName, writer};

macro_rules! wire_type {
    (Flag) => {
        bool
    };
    (Byte) => {
        u8
    };
    (TwoBytes) => {
        u16
    };
    (FourBytes) => {
        u32
    };
    (Variable) => {
        u32
    };
    (String) => {
        ByteString
    };
    (Binary) => {
        Bytes
    };
    (StringPair) => {
        (ByteString, ByteString)
    };
}

macro_rules! wire_decode {
    (Flag $r:ident $s:ident $id:expr) => {
        match $r.u8()? {
            0 => false,
            1 => true,
            _ => return Err(DecodeError::PropertyValue($id)),
        }
    };
    (Byte $r:ident $s:ident $id:expr) => {
        $r.u8()?
    };
    (TwoBytes $r:ident $s:ident $id:expr) => {
        $r.u16()?
    };
    (FourBytes $r:ident $s:ident $id:expr) => {
        $r.u32()?
    };
    (Variable $r:ident $s:ident $id:expr) => {
        $r.variable()?
    };
    (String $r:ident $s:ident $id:expr) => {
        $r.string($s)?
    };
    (Binary $r:ident $s:ident $id:expr) => {
        $r.binary($s)?
    };
    (StringPair $r:ident $s:ident $id:expr) => {
        ($r.string($s)?, $r.string($s)?)
    };
}

macro_rules! wire_len {
    (Flag $v:ident) => {
        1
    };
    (Byte $v:ident) => {
        1
    };
    (TwoBytes $v:ident) => {
        2
    };
    (FourBytes $v:ident) => {
        4
    };
    (Variable $v:ident) => {
        writer::variable_len(*$v as usize)
    };
    (String $v:ident) => {
        writer::string_len($v)?
    };
    (Binary $v:ident) => {
        writer::field_len($v)?
    };
    (StringPair $v:ident) => {
        writer::string_len(&$v.0)? + writer::string_len(&$v.1)?
    };
}

macro_rules! wire_encode {
    (Flag $v:ident $out:ident) => {
        $out.put_u8(u8::from(*$v))
    };
    (Byte $v:ident $out:ident) => {
        $out.put_u8(*$v)
    };
    (TwoBytes $v:ident $out:ident) => {
        $out.put_u16(*$v)
    };
    (FourBytes $v:ident $out:ident) => {
        $out.put_u32(*$v)
    };
    (Variable $v:ident $out:ident) => {
        writer::put_variable($out, *$v as usize)
    };
    (String $v:ident $out:ident) => {
        writer::put_field($out, $v.as_bytes())
    };
    (Binary $v:ident $out:ident) => {
        writer::put_field($out, $v)
    };
    (StringPair $v:ident $out:ident) => {{
        writer::put_field($out, $v.0.as_bytes());
        writer::put_field($out, $v.1.as_bytes());
    }};
}

macro_rules! wire_detached {
    (String $v:ident) => {
        ByteString::from(&**$v)
    };
    (Binary $v:ident) => {
        Bytes::copy_from_slice($v)
    };
    (StringPair $v:ident) => {
        (ByteString::from(&*$v.0), ByteString::from(&*$v.1))
    };
    ($wire:ident $v:ident) => {
        *$v
    };
}

macro_rules! packet_set {
    (Will) => {
        PacketSet::WILL
    };
    ($packet:ident) => {
        PacketSet::of(PacketType::$packet)
    };
}

/// Getters for the properties that occur once: numbers and flags by value,
/// text and bytes by reference.
macro_rules! getter {
    ($get:ident $name:ident StringPair $doc:literal) => {};
    ($get:ident $name:ident String $doc:literal) => { getter!(@ref $get $name ByteString $doc); };
    ($get:ident $name:ident Binary $doc:literal) => { getter!(@ref $get $name Bytes $doc); };
    ($get:ident $name:ident $wire:ident $doc:literal) => {
        #[doc = $doc]
        ///
        /// The first one, should there be several; `None` if it is not there.
        pub fn $get(&self) -> Option<wire_type!($wire)> {
            self.0.iter().find_map(|p| match p { Property::$name(v) => Some(*v), _ => None })
        }
    };
    (@ref $get:ident $name:ident $type:ident $doc:literal) => {
        #[doc = $doc]
        ///
        /// `None` if it is not there.
        pub fn $get(&self) -> Option<&$type> {
            self.0.iter().find_map(|p| match p { Property::$name(v) => Some(v), _ => None })
        }
    };
}

macro_rules! properties {
    ($($id:literal $name:ident $get:ident $wire:ident $doc:literal: $($packet:ident),+;)+) => {
        /// The identifier of a property (table 2-4).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum PropertyId {
            $(#[doc = $doc] $name = $id,)+
        }

        impl PropertyId {
            /// The property with this identifier.
            pub const fn from_u32(id: u32) -> Option<Self> {
                match id {
                    $($id => Some(Self::$name),)+
                    _ => None,
                }
            }

            const fn packets(self) -> PacketSet {
                match self {
                    $(Self::$name => PacketSet::EMPTY$(.and(packet_set!($packet)))+,)+
                }
            }
        }

        /// One property and its value.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Property {
            $(#[doc = $doc] $name(wire_type!($wire)) = $id,)+
        }

        impl Property {
            /// Which property it is.
            pub const fn id(&self) -> PropertyId {
                match self {
                    $(Self::$name(_) => PropertyId::$name,)+
                }
            }

            fn decode(id: PropertyId, reader: &mut Reader<'_>, source: &Bytes) -> Result<Self, DecodeError> {
                Ok(match id {
                    $(PropertyId::$name => Self::$name(wire_decode!($wire reader source id)),)+
                })
            }

            fn value_len(&self) -> Result<usize, EncodeError> {
                Ok(match self {
                    $(#[allow(unused_variables, reason = "values of fixed length")] Self::$name(v) => wire_len!($wire v),)+
                })
            }

            fn detached(&self) -> Self {
                match self {
                    $(Self::$name(v) => Self::$name(wire_detached!($wire v)),)+
                }
            }

            fn encode_value(&self, out: &mut BytesMut) {
                match self {
                    $(Self::$name(v) => wire_encode!($wire v out),)+
                }
            }
        }

        impl Properties {
            $(getter!($get $name $wire $doc);)+
        }
    };
}

properties! {
    0x01 PayloadFormatIndicator payload_format_indicator Flag "Whether the payload is UTF-8 text (3.3.2.3.2).": Publish, Will;
    0x02 MessageExpiryInterval message_expiry_interval FourBytes "Lifetime of the message, seconds (3.3.2.3.3).": Publish, Will;
    0x03 ContentType content_type String "What the payload is, such as a MIME type (3.3.2.3.9).": Publish, Will;
    0x08 ResponseTopic response_topic String "Where a response goes (3.3.2.3.5).": Publish, Will;
    0x09 CorrelationData correlation_data Binary "Which request a response is for (3.3.2.3.6).": Publish, Will;
    0x0b SubscriptionIdentifier subscription_identifier Variable "A number for a subscription: 1 to 268,435,455 (3.8.2.1.2).": Publish, Subscribe;
    0x11 SessionExpiryInterval session_expiry_interval FourBytes "How long the session outlives its connection, seconds; 0xFFFFFFFF for ever (3.1.2.11.2).": Connect, ConnAck, Disconnect;
    0x12 AssignedClientIdentifier assigned_client_identifier String "The client identifier that the server chose (3.2.2.3.7).": ConnAck;
    0x13 ServerKeepAlive server_keep_alive TwoBytes "The keep alive that the client must use instead of its own, seconds (3.2.2.3.14).": ConnAck;
    0x15 AuthenticationMethod authentication_method String "Name of the extended authentication method (4.12).": Connect, ConnAck, Auth;
    0x16 AuthenticationData authentication_data Binary "Data of the extended authentication method (4.12).": Connect, ConnAck, Auth;
    0x17 RequestProblemInformation request_problem_information Flag "Whether reason strings and user properties may come with failures (3.1.2.11.7).": Connect;
    0x18 WillDelayInterval will_delay_interval FourBytes "How long the will waits after the connection ends, seconds (3.1.3.2.2).": Will;
    0x19 RequestResponseInformation request_response_information Flag "Whether the client asks for response information (3.1.2.11.6).": Connect;
    0x1a ResponseInformation response_information String "Basis for response topics (3.2.2.3.15).": ConnAck;
    0x1c ServerReference server_reference String "Another server to use (4.11).": ConnAck, Disconnect;
    0x1f ReasonString reason_string String "The reason in words, for diagnostics (3.2.2.3.9).": ConnAck, PubAck, PubRec, PubRel, PubComp, SubAck, UnsubAck, Disconnect, Auth;
    0x21 ReceiveMaximum receive_maximum TwoBytes "How many QoS 1 and 2 publishes may await acknowledgement (3.1.2.11.3).": Connect, ConnAck;
    0x22 TopicAliasMaximum topic_alias_maximum TwoBytes "The highest topic alias accepted (3.1.2.11.5).": Connect, ConnAck;
    0x23 TopicAlias topic_alias TwoBytes "A number that stands for the topic name (3.3.2.3.4).": Publish;
    0x24 MaximumQoS maximum_qos Byte "The highest QoS that the server accepts: 0 or 1 (3.2.2.3.4).": ConnAck;
    0x25 RetainAvailable retain_available Flag "Whether the server keeps retained messages (3.2.2.3.5).": ConnAck;
    0x26 UserProperty user_property StringPair "A name and a value, for the application; repeatable, order kept (3.3.2.3.7).": Connect, ConnAck, Publish, Will, PubAck, PubRec, PubRel, PubComp, Subscribe, SubAck, Unsubscribe, UnsubAck, Disconnect, Auth;
    0x27 MaximumPacketSize maximum_packet_size FourBytes "The largest packet accepted, bytes (3.1.2.11.4).": Connect, ConnAck;
    0x28 WildcardSubscriptionAvailable wildcard_subscription_available Flag "Whether the server takes wildcards (3.2.2.3.11).": ConnAck;
    0x29 SubscriptionIdentifierAvailable subscription_identifier_available Flag "Whether the server takes subscription identifiers (3.2.2.3.12).": ConnAck;
    0x2a SharedSubscriptionAvailable shared_subscription_available Flag "Whether the server takes shared subscriptions (3.2.2.3.13).": ConnAck;
}

impl PropertyId {
    /// Whether a packet may have several. Subscription identifiers may be
    /// several in a PUBLISH only (3.3.2.3.8).
    fn is_repeatable(self, packet: PacketSet) -> bool {
        match self {
            Self::UserProperty => true,
            Self::SubscriptionIdentifier => packet.overlaps(PacketSet::of(PacketType::Publish)),
            _ => false,
        }
    }
}

impl Property {
    /// Values that the specification makes protocol errors.
    fn is_allowed(&self) -> bool {
        match self {
            Self::ReceiveMaximum(0) | Self::TopicAlias(0) | Self::MaximumPacketSize(0) => false,
            Self::SubscriptionIdentifier(id) => (1..=MAX_REMAINING_LENGTH as u32).contains(id),
            // [MQTT-3.3.2-14], and it must do as a topic name.
            Self::ResponseTopic(topic) => TopicName::new(topic.clone()).is_ok(),
            Self::MaximumQoS(qos) => *qos <= 1,
            _ => true,
        }
    }

    fn encoded_len(&self) -> Result<usize, EncodeError> {
        if !self.is_allowed() {
            return Err(EncodeError::PropertyValue(self.id()));
        }
        Ok(1 + self.value_len()?)
    }
}

/// A packet's properties, in the order in which they were sent.
///
/// Always empty before MQTT 5.0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties(Vec<Property>);

impl Properties {
    /// No properties.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Property> {
        self.0.iter()
    }

    /// Appends one.
    pub fn push(&mut self, property: Property) {
        self.0.push(property);
    }

    /// Appends one.
    #[must_use]
    pub fn with(mut self, property: Property) -> Self {
        self.push(property);
        self
    }

    /// Replaces what has the same identifier, or appends.
    pub fn set(&mut self, property: Property) {
        self.remove(property.id());
        self.push(property);
    }

    /// Removes all with this identifier.
    pub fn remove(&mut self, id: PropertyId) {
        self.0.retain(|p| p.id() != id);
    }

    /// Keeps those for which `keep` holds.
    pub fn retain(&mut self, keep: impl FnMut(&Property) -> bool) {
        self.0.retain(keep);
    }

    /// Checks that a property is there.
    pub(crate) fn require(&self, id: PropertyId) -> Result<(), DecodeError> {
        if self.0.iter().any(|p| p.id() == id) {
            Ok(())
        } else {
            Err(DecodeError::MissingProperty(id))
        }
    }

    /// The same properties in memory of their own, not in the buffer that
    /// they were decoded from.
    #[must_use]
    pub fn detached(&self) -> Self {
        self.0.iter().map(Property::detached).collect()
    }

    /// The subscription identifiers, in order.
    pub fn subscription_identifiers(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().filter_map(|p| match p {
            Property::SubscriptionIdentifier(id) => Some(*id),
            _ => None,
        })
    }

    /// The user properties, in order.
    pub fn user_properties(&self) -> impl Iterator<Item = (&str, &str)> + '_ {
        self.0.iter().filter_map(|p| match p {
            Property::UserProperty((name, value)) => Some((&**name, &**value)),
            _ => None,
        })
    }

    /// Decodes properties with their length before them.
    pub(crate) fn decode(
        reader: &mut Reader<'_>,
        source: &Bytes,
        packet: PacketSet,
    ) -> Result<Self, DecodeError> {
        let len = reader.variable()? as usize;
        Self::decode_body(reader.take(len)?, source, packet)
    }

    pub(crate) fn decode_body(
        body: &[u8],
        source: &Bytes,
        packet: PacketSet,
    ) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let mut properties = Vec::new();
        let mut seen = 0u64;
        while !reader.is_empty() {
            let id = reader.variable()?;
            let id = PropertyId::from_u32(id).ok_or(DecodeError::UnknownProperty(id))?;
            if !id.packets().overlaps(packet) {
                return Err(DecodeError::MisplacedProperty(id));
            }
            let bit = 1 << id as u64;
            if seen & bit != 0 && !id.is_repeatable(packet) {
                return Err(DecodeError::RepeatedProperty(id));
            }
            seen |= bit;
            let property = Property::decode(id, &mut reader, source)?;
            if !property.is_allowed() {
                return Err(DecodeError::PropertyValue(id));
            }
            properties.push(property);
        }
        Ok(Self(properties))
    }

    /// Reads properties that stand one after the other, without their length
    /// before them, whatever packet they are for.
    ///
    /// # Errors
    /// They are malformed, or one that may be there once only is there again.
    pub fn from_body(body: &Bytes) -> Result<Self, DecodeError> {
        Self::decode_body(body, body, PacketSet::ALL)
    }

    /// Appends them as [`Properties::from_body`] reads them.
    ///
    /// # Errors
    /// A text is too long or has U+0000 in it, or a value is not allowed;
    /// `out` is as it was.
    pub fn encode_body(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        self.body_len()?;
        self.put_body(out);
        Ok(())
    }

    fn put_body(&self, out: &mut BytesMut) {
        for property in &self.0 {
            out.put_u8(property.id() as u8);
            property.encode_value(out);
        }
    }

    /// Bytes that they take in memory; 0 if there are none.
    pub fn size(&self) -> usize {
        let len = if self.0.is_empty() {
            Ok(0)
        } else {
            self.body_len()
        };
        len.unwrap_or(usize::MAX >> 1) + self.0.len() * size_of::<Property>()
    }

    /// Length of the properties without the length before them, bytes.
    pub(crate) fn body_len(&self) -> Result<usize, EncodeError> {
        self.0
            .iter()
            .try_fold(0, |sum, p| Ok(sum + p.encoded_len()?))
    }

    /// Length of the properties with the length before them, bytes.
    pub(crate) fn encoded_len(&self) -> Result<usize, EncodeError> {
        let len = self.body_len()?;
        Ok(writer::variable_len(len) + len)
    }

    /// Encodes properties whose lengths [`Properties::encoded_len`] checked.
    pub(crate) fn encode(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        writer::put_variable(out, self.body_len()?);
        self.put_body(out);
        Ok(())
    }
}

impl FromIterator<Property> for Properties {
    fn from_iter<I: IntoIterator<Item = Property>>(properties: I) -> Self {
        Self(properties.into_iter().collect())
    }
}

impl Extend<Property> for Properties {
    fn extend<I: IntoIterator<Item = Property>>(&mut self, properties: I) {
        self.0.extend(properties);
    }
}

impl<'a> IntoIterator for &'a Properties {
    type Item = &'a Property;
    type IntoIter = std::slice::Iter<'a, Property>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Properties {
    type Item = Property;
    type IntoIter = std::vec::IntoIter<Property>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
