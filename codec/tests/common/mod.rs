//! What the codec's tests share: bytes written for people, and short ways to
//! decode and encode.
#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod check;
pub(crate) mod corpus;
pub(crate) mod packets;
pub(crate) mod strategies;
pub(crate) mod tables;
pub(crate) mod topics;

use bytes::{Bytes, BytesMut};
use codec::{DecodeError, EncodeError, Packet, ProtocolVersion};

pub(crate) use ProtocolVersion::{V3_1, V3_1_1, V5};

pub(crate) const ALL: &[ProtocolVersion] = &[V3_1, V3_1_1, V5];
pub(crate) const V3: &[ProtocolVersion] = &[V3_1, V3_1_1];

pub(crate) const ONLY_V3_1: &[ProtocolVersion] = &[V3_1];
pub(crate) const ONLY_V3_1_1: &[ProtocolVersion] = &[V3_1_1];
pub(crate) const ONLY_V5: &[ProtocolVersion] = &[V5];

/// The section it is from, the versions it holds in, its bytes, the packet.
pub(crate) struct Vector(
    pub(crate) &'static str,
    pub(crate) &'static [ProtocolVersion],
    pub(crate) &'static str,
    pub(crate) Packet,
);

/// Bytes from text: hexadecimal digits, `'raw text'`, and `<text>`, which is
/// text with its two length bytes before it. Spaces between them are free.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '\'' => rest[1..].find('\'').unwrap() + 2,
            '<' => rest.find('>').unwrap() + 1,
            _ => 2,
        };
        let (token, tail) = rest.split_at(end);
        match first {
            '\'' => out.extend(token[1..end - 1].bytes()),
            '<' => {
                out.extend((end as u16 - 2).to_be_bytes());
                out.extend(token[1..end - 1].bytes());
            }
            _ => out.push(u8::from_str_radix(token, 16).unwrap_or_else(|_| panic!("{text}"))),
        }
        rest = tail.trim_start();
    }
    out
}

/// The one packet in `bytes`, which must be all of them; `None` if they are
/// not all of it.
pub(crate) fn decode(
    bytes: &[u8],
    version: ProtocolVersion,
) -> Result<Option<Packet>, DecodeError> {
    let mut buffer = BytesMut::from(bytes);
    let packet = Packet::decode(&mut buffer, version, usize::MAX)?;
    let left = if packet.is_some() { 0 } else { bytes.len() };
    assert_eq!(buffer.len(), left, "{packet:?} takes its bytes and no more");
    Ok(packet)
}

pub(crate) fn encode(packet: &Packet, version: ProtocolVersion) -> Result<Bytes, EncodeError> {
    let mut out = BytesMut::from(&b"before"[..]);
    let result = packet.encode(version, &mut out);
    assert_eq!(&out.split_to(6)[..], b"before", "encoding appends");
    if result.is_err() {
        assert!(out.is_empty(), "a failed encoding leaves nothing behind");
    }
    result.map(|()| out.freeze())
}
