//! The control packets, one file each, decode beside encode (section 3).

pub(crate) mod ack;
pub(crate) mod auth;
pub(crate) mod connack;
pub(crate) mod connect;
pub(crate) mod disconnect;
pub(crate) mod publish;
pub(crate) mod suback;
pub(crate) mod subscribe;
pub(crate) mod unsuback;
pub(crate) mod unsubscribe;

use bytes::{Buf, Bytes, BytesMut};

use crate::{
    Ack, Auth, ConnAck, Connect, DecodeError, Disconnect, EncodeError, FixedHeader, PacketType,
    ProtocolVersion, Publish, SubAck, Subscribe, UnsubAck, Unsubscribe, writer,
};

/// Any control packet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub enum Packet {
    Connect(Box<Connect>),
    ConnAck(ConnAck),
    Publish(Publish),
    PubAck(Ack),
    PubRec(Ack),
    PubRel(Ack),
    PubComp(Ack),
    Subscribe(Subscribe),
    SubAck(SubAck),
    Unsubscribe(Unsubscribe),
    UnsubAck(UnsubAck),
    PingReq,
    PingResp,
    Disconnect(Disconnect),
    Auth(Auth),
}

impl Packet {
    /// Takes the packet at the front of `bytes`, or `None` when it is not all
    /// there yet.
    ///
    /// `version` is the connection's; CONNECT tells its own and ignores it.
    /// `limit` is the largest packet accepted, bytes in all.
    ///
    /// # Errors
    /// See [`DecodeError`]; the stream cannot be read further after one.
    pub fn decode(
        bytes: &mut BytesMut,
        version: ProtocolVersion,
        limit: usize,
    ) -> Result<Option<Self>, DecodeError> {
        let Some((header, body)) = take(bytes, limit)? else {
            return Ok(None);
        };
        Self::decode_body(header, &body, version).map(Some)
    }

    /// As [`Packet::decode`], for a client: of what no server sends it needs
    /// no code.
    ///
    /// # Errors
    /// See [`DecodeError`]; what no server sends is a wrong first byte.
    pub fn decode_from_server(
        bytes: &mut BytesMut,
        version: ProtocolVersion,
        limit: usize,
    ) -> Result<Option<Self>, DecodeError> {
        let Some((header, body)) = take(bytes, limit)? else {
            return Ok(None);
        };
        Self::decode_body_from_server(header, &body, version).map(Some)
    }

    /// Decodes the body that follows `header`; it has `header.remaining`
    /// bytes.
    ///
    /// # Errors
    /// See [`DecodeError`].
    pub fn decode_body(
        header: FixedHeader,
        body: &Bytes,
        version: ProtocolVersion,
    ) -> Result<Self, DecodeError> {
        let kind = header.packet_type;
        if kind.is_sent_by_server() {
            return Self::decode_body_from_server(header, body, version);
        }
        debug_assert_eq!(body.len(), header.remaining);
        header.check_flags(version)?;
        Ok(match kind {
            PacketType::Connect => Self::Connect(Box::new(Connect::decode(body)?)),
            PacketType::Subscribe => Self::Subscribe(Subscribe::decode(body, version)?),
            PacketType::Unsubscribe => Self::Unsubscribe(Unsubscribe::decode(body, version)?),
            _ => empty(kind, body, Self::PingReq)?,
        })
    }

    #[inline(always)]
    fn decode_body_from_server(
        header: FixedHeader,
        body: &Bytes,
        version: ProtocolVersion,
    ) -> Result<Self, DecodeError> {
        debug_assert_eq!(body.len(), header.remaining);
        header.check_flags(version)?;
        let kind = header.packet_type;
        Ok(match kind {
            PacketType::ConnAck => Self::ConnAck(ConnAck::decode(body, version)?),
            PacketType::Publish => Self::Publish(Publish::decode(header.flags, body, version)?),
            PacketType::PubAck => Self::PubAck(Ack::decode(kind, body, version)?),
            PacketType::PubRec => Self::PubRec(Ack::decode(kind, body, version)?),
            PacketType::PubRel => Self::PubRel(Ack::decode(kind, body, version)?),
            PacketType::PubComp => Self::PubComp(Ack::decode(kind, body, version)?),
            PacketType::SubAck => Self::SubAck(SubAck::decode(body, version)?),
            PacketType::UnsubAck => Self::UnsubAck(UnsubAck::decode(body, version)?),
            PacketType::PingResp => empty(kind, body, Self::PingResp)?,
            PacketType::Disconnect => Self::Disconnect(Disconnect::decode(body, version)?),
            PacketType::Auth => Self::Auth(Auth::decode(body, version)?),
            PacketType::Connect
            | PacketType::Subscribe
            | PacketType::Unsubscribe
            | PacketType::PingReq => {
                return Err(DecodeError::FirstByte((kind as u8) << 4 | header.flags));
            }
        })
    }

    /// Appends the packet to `out`.
    ///
    /// CONNECT is written in the version that it names itself. What a version
    /// does not have (properties, reason codes) is left out.
    ///
    /// # Errors
    /// See [`EncodeError`]; `out` is then as it was.
    pub fn encode(&self, version: ProtocolVersion, out: &mut BytesMut) -> Result<(), EncodeError> {
        match self {
            Self::Connect(connect) => connect.encode(out),
            Self::ConnAck(connack) => connack.encode(version, out),
            Self::Publish(publish) => publish.parts().encode(version, out),
            Self::PubAck(ack) | Self::PubRec(ack) | Self::PubRel(ack) | Self::PubComp(ack) => {
                ack.encode(self.packet_type(), version, out)
            }
            Self::Subscribe(subscribe) => subscribe.encode(version, out),
            Self::SubAck(suback) => suback.encode(version, out),
            Self::Unsubscribe(unsubscribe) => unsubscribe.encode(version, out),
            Self::UnsubAck(unsuback) => unsuback.encode(version, out),
            Self::PingReq | Self::PingResp => writer::put_header(out, self.packet_type(), 0),
            Self::Disconnect(disconnect) => disconnect.encode(version, out),
            Self::Auth(auth) => auth.encode(version, out),
        }
    }

    /// Its kind.
    pub const fn packet_type(&self) -> PacketType {
        match self {
            Self::Connect(_) => PacketType::Connect,
            Self::ConnAck(_) => PacketType::ConnAck,
            Self::Publish(_) => PacketType::Publish,
            Self::PubAck(_) => PacketType::PubAck,
            Self::PubRec(_) => PacketType::PubRec,
            Self::PubRel(_) => PacketType::PubRel,
            Self::PubComp(_) => PacketType::PubComp,
            Self::Subscribe(_) => PacketType::Subscribe,
            Self::SubAck(_) => PacketType::SubAck,
            Self::Unsubscribe(_) => PacketType::Unsubscribe,
            Self::UnsubAck(_) => PacketType::UnsubAck,
            Self::PingReq => PacketType::PingReq,
            Self::PingResp => PacketType::PingResp,
            Self::Disconnect(_) => PacketType::Disconnect,
            Self::Auth(_) => PacketType::Auth,
        }
    }
}

/// Takes the header and the body of the packet at the front of `bytes`, or
/// `None` when it is not all there yet.
#[inline(always)]
fn take(bytes: &mut BytesMut, limit: usize) -> Result<Option<(FixedHeader, Bytes)>, DecodeError> {
    let Some(header) = FixedHeader::peek(bytes, limit)? else {
        return Ok(None);
    };
    if bytes.len() < header.packet_len() {
        return Ok(None);
    }
    let mut packet = bytes.split_to(header.packet_len()).freeze();
    packet.advance(header.len);
    Ok(Some((header, packet)))
}

fn empty(kind: PacketType, body: &[u8], packet: Packet) -> Result<Packet, DecodeError> {
    end(kind, body.is_empty())?;
    Ok(packet)
}

/// Checks that nothing follows the last field.
fn end(kind: PacketType, is_end: bool) -> Result<(), DecodeError> {
    if is_end {
        Ok(())
    } else {
        Err(DecodeError::TrailingBytes(kind))
    }
}
