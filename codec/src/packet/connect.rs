use bytes::{BufMut, Bytes, BytesMut};
use bytestring::ByteString;

use crate::packet_type::PacketSet;
use crate::reader::Reader;
use crate::{
    DecodeError, EncodeError, PacketType, Properties, PropertyId, ProtocolVersion, QoS, TopicName,
    writer,
};

/// CONNECT: the first packet of a connection (section 3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// The version of this and every later packet.
    pub version: ProtocolVersion,
    /// Whether the client is a bridge: the high bit of the level, which
    /// Mosquitto sets and accepts before MQTT 5.0.
    pub bridge: bool,
    /// Whether an older session is thrown away. "Clean session" before
    /// MQTT 5.0, where it also ends the session with the connection.
    pub clean_start: bool,
    /// The longest silence the client promises, seconds; 0 for no limit.
    pub keep_alive: u16,
    /// Who connects; empty to be given a name.
    pub client_id: ByteString,
    /// What the server publishes when the client is gone.
    pub will: Option<Will>,
    /// User name.
    pub username: Option<ByteString>,
    /// Password, any bytes.
    pub password: Option<Bytes>,
    /// Session expiry, receive maximum and others.
    pub properties: Properties,
}

/// A message that the server publishes when the connection ends without a
/// DISCONNECT (section 3.1.2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Will {
    /// Where to.
    pub topic: TopicName,
    /// What.
    pub payload: Bytes,
    /// How surely.
    pub qos: QoS,
    /// Whether it is kept for later subscribers.
    pub retain: bool,
    /// Will delay, message expiry and others.
    pub properties: Properties,
}

const CLEAN_START: u8 = 0x02;
const WILL: u8 = 0x04;
const WILL_RETAIN: u8 = 0x20;
const PASSWORD: u8 = 0x40;
const USERNAME: u8 = 0x80;
const BRIDGE: u8 = 0x80;

impl Connect {
    /// A CONNECT of a client with a clean start, a keep alive of 60 seconds
    /// and nothing else.
    pub fn new(version: ProtocolVersion, client_id: impl Into<ByteString>) -> Self {
        Self {
            version,
            bridge: false,
            clean_start: true,
            keep_alive: 60,
            client_id: client_id.into(),
            will: None,
            username: None,
            password: None,
            properties: Properties::new(),
        }
    }

    /// The version that the body of a CONNECT names, even if the rest of it is
    /// wrong: a refusal is written in it.
    pub fn peek_version(body: &[u8]) -> Option<ProtocolVersion> {
        let mut reader = Reader::new(body);
        let name = reader.field().ok()?;
        let level = reader.u8().ok()?;
        match (name, level & !BRIDGE) {
            (b"MQIsdp", 3) => Some(ProtocolVersion::V3_1),
            (b"MQTT", 4) => Some(ProtocolVersion::V3_1_1),
            (b"MQTT", 5) if level == 5 => Some(ProtocolVersion::V5),
            _ => None,
        }
    }

    pub(crate) fn decode(body: &Bytes) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let name = reader.field()?;
        let level = reader.u8()?;
        let bridge = level & BRIDGE != 0;
        let version = match (name, level & !BRIDGE) {
            (b"MQIsdp", 3) => ProtocolVersion::V3_1,
            (b"MQTT", 4) => ProtocolVersion::V3_1_1,
            (b"MQTT", 5) if !bridge => ProtocolVersion::V5,
            (b"MQIsdp" | b"MQTT", _) => return Err(DecodeError::ProtocolLevel(level)),
            _ => return Err(DecodeError::ProtocolName),
        };
        let flags = reader.u8()?;
        let has = |flag| flags & flag != 0;
        check_flags(flags, version)?;
        let keep_alive = reader.u16()?;
        let mut properties = Properties::new();
        if version.is_v5() {
            let connect = PacketSet::of(PacketType::Connect);
            properties = Properties::decode(&mut reader, body, connect)?;
            if properties.authentication_data().is_some() {
                properties.require(PropertyId::AuthenticationMethod)?;
            }
        }
        let client_id = reader.string(body)?;
        let will = if has(WILL) {
            Some(Will::decode(&mut reader, body, flags, version)?)
        } else {
            None
        };
        // In 3.1 the remaining length takes precedence over these two flags
        // (its section 3.1), for clients older than user names.
        let left_out = |reader: &Reader<'_>| version == ProtocolVersion::V3_1 && reader.is_empty();
        let username = (has(USERNAME) && !left_out(&reader))
            .then(|| reader.string(body))
            .transpose()?;
        let password = (has(PASSWORD) && !left_out(&reader))
            .then(|| reader.binary(body))
            .transpose()?;
        super::end(PacketType::Connect, reader.is_empty())?;
        Ok(Self {
            version,
            bridge,
            clean_start: has(CLEAN_START),
            keep_alive,
            client_id,
            will,
            username,
            password,
            properties,
        })
    }

    pub(crate) fn encode(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        let v5 = self.version.is_v5();
        if self.password.is_some() && self.username.is_none() && !v5 {
            return Err(EncodeError::PasswordWithoutUsername);
        }
        let name = self.version.protocol_name().as_bytes();
        let mut len = writer::field_len(name)? + 4 + writer::string_len(&self.client_id)?;
        let mut flags = 0;
        if v5 {
            len += self.properties.encoded_len()?;
        }
        if self.clean_start {
            flags |= CLEAN_START;
        }
        if let Some(will) = &self.will {
            flags |= WILL | will.qos.as_u8() << 3;
            if will.retain {
                flags |= WILL_RETAIN;
            }
            len += will.encoded_len(v5)?;
        }
        if let Some(username) = &self.username {
            flags |= USERNAME;
            len += writer::string_len(username)?;
        }
        if let Some(password) = &self.password {
            flags |= PASSWORD;
            len += writer::field_len(password)?;
        }
        writer::put_header(out, PacketType::Connect, len)?;
        writer::put_field(out, name);
        let bridge = if self.bridge && !v5 { BRIDGE } else { 0 };
        out.put_u8(self.version.level() | bridge);
        out.put_u8(flags);
        out.put_u16(self.keep_alive);
        if v5 {
            self.properties.encode(out)?;
        }
        writer::put_field(out, self.client_id.as_bytes());
        if let Some(will) = &self.will {
            will.encode(v5, out)?;
        }
        if let Some(username) = &self.username {
            writer::put_field(out, username.as_bytes());
        }
        if let Some(password) = &self.password {
            writer::put_field(out, password);
        }
        Ok(())
    }
}

/// Flags that contradict each other: the reserved bit \[MQTT-3.1.2-3\], will
/// QoS or retain without a will \[MQTT-3.1.2-11\], \[MQTT-3.1.2-13\],
/// and before MQTT 5.0 a password without a user name \[MQTT-3.1.2-22\]. 3.1 has the reserved bit unused, and disregards will QoS
/// and retain without a will (its section 3.1).
fn check_flags(flags: u8, version: ProtocolVersion) -> Result<(), DecodeError> {
    let will = flags & WILL != 0;
    let will_qos = flags >> 3 & 3; // 3 is refused where the will is read.
    let bad = version != ProtocolVersion::V3_1
        && (flags & 1 != 0 || !will && (will_qos != 0 || flags & WILL_RETAIN != 0))
        || !version.is_v5() && flags & PASSWORD != 0 && flags & USERNAME == 0;
    if bad {
        Err(DecodeError::ConnectFlags(flags))
    } else {
        Ok(())
    }
}

impl Will {
    fn decode(
        reader: &mut Reader<'_>,
        body: &Bytes,
        flags: u8,
        version: ProtocolVersion,
    ) -> Result<Self, DecodeError> {
        let properties = if version.is_v5() {
            Properties::decode(reader, body, PacketSet::WILL)?
        } else {
            Properties::new()
        };
        Ok(Self {
            topic: TopicName::new(reader.string(body)?)?,
            payload: reader.binary(body)?,
            // [MQTT-3.1.2-12]
            qos: QoS::from_u8(flags >> 3 & 3).ok_or(DecodeError::ConnectFlags(flags))?,
            retain: flags & WILL_RETAIN != 0,
            properties,
        })
    }

    fn encoded_len(&self, v5: bool) -> Result<usize, EncodeError> {
        let properties = if v5 {
            self.properties.encoded_len()?
        } else {
            0
        };
        Ok(properties
            + writer::field_len(self.topic.as_bytes())?
            + writer::field_len(&self.payload)?)
    }

    fn encode(&self, v5: bool, out: &mut BytesMut) -> Result<(), EncodeError> {
        if v5 {
            self.properties.encode(out)?;
        }
        writer::put_field(out, self.topic.as_bytes());
        writer::put_field(out, &self.payload);
        Ok(())
    }
}
