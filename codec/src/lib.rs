//! MQTT control packets and the bytes that carry them, for MQTT 3.1, 3.1.1
//! and 5.0.
//!
//! One set of packet types serves all versions, shaped as 5.0; under 3.x the
//! [`Properties`] stay empty and [`ReasonCode`]s are translated to the older
//! return codes. The [`ProtocolVersion`] is an argument of [`Packet::decode`]
//! and [`Packet::encode`].
//!
//! - [`FixedHeader`] finds where a packet ends in a stream of bytes.
//! - [`Packet`] and the structs inside it are the packets, owned; strings and
//!   payloads are slices of the buffer they were decoded from.
//! - [`PublishView`] reads a PUBLISH in place.
//! - [`TopicName`] and [`TopicFilter`] are validated topics, with matching.
//!
//! Not here: any state between packets (topic aliases, packet identifiers in
//! use, which packet may come when), clocks and I/O. Those are the `protocol`
//! crate's and its drivers'.
//!
//! "\[MQTT-x\]" and section numbers refer to the OASIS standard of MQTT 5.0
//! unless another version is named.

mod error;
mod fixed_header;
mod packet;
mod packet_id;
mod packet_type;
mod property;
mod qos;
mod reader;
mod reason_code;
mod topic;
mod version;
mod writer;

pub use bytestring::ByteString;
pub use error::{DecodeError, EncodeError};
pub use fixed_header::{FixedHeader, MAX_REMAINING_LENGTH};
pub use packet::Packet;
pub use packet::ack::Ack;
pub use packet::auth::Auth;
pub use packet::connack::ConnAck;
pub use packet::connect::{Connect, Will};
pub use packet::disconnect::Disconnect;
pub use packet::publish::{Publish, PublishParts, PublishView};
pub use packet::suback::SubAck;
pub use packet::subscribe::{RetainHandling, Subscribe, Subscription, SubscriptionOptions};
pub use packet::unsuback::UnsubAck;
pub use packet::unsubscribe::Unsubscribe;
pub use packet_id::PacketId;
pub use packet_type::PacketType;
pub use property::{Properties, Property, PropertyId};
pub use qos::QoS;
pub use reason_code::ReasonCode;
pub use topic::{InvalidTopic, MAX_TOPIC_LENGTH, TopicFilter, TopicName};
pub use version::ProtocolVersion;
