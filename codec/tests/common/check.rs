//! What must hold for any bytes whatever. The fuzz target uses this file too.

use bytes::{BufMut, Bytes, BytesMut};
use codec::{Connect, DecodeError, FixedHeader, Packet, ProtocolVersion, Publish, PublishView};

/// How much longer than its input a packet may get when it is encoded again:
/// the property length that DISCONNECT and a 3.x server's CONNACK may lack.
const SLACK: usize = 1;

/// Decodes `input` as a stream of packets of each version. Whatever decodes
/// must encode, to no more than there was, and decode again to the same.
pub(crate) fn any_bytes(input: &[u8]) {
    let _ = Connect::peek_version(input);
    for version in [
        ProtocolVersion::V3_1,
        ProtocolVersion::V3_1_1,
        ProtocolVersion::V5,
    ] {
        stream(input, version);
    }
}

fn stream(input: &[u8], version: ProtocolVersion) {
    let mut buffer = BytesMut::from(input);
    loop {
        let before = buffer.clone();
        let capacity = buffer.capacity();
        match Packet::decode(&mut buffer, version, usize::MAX) {
            Err(error) => {
                let _ = (error.reason_code(), error.to_string());
                return;
            }
            Ok(None) => {
                assert_eq!(buffer, before, "an incomplete packet stays");
                assert_eq!(buffer.capacity(), capacity, "nothing is set aside for it");
                return;
            }
            Ok(Some(packet)) => {
                let taken = &before[..before.len() - buffer.len()];
                sizes(&packet, taken, version);
                again(&packet, taken, version);
                match &packet {
                    Packet::Publish(publish) => view(publish, taken, version),
                    Packet::Connect(connect) => {
                        let header = FixedHeader::peek(taken, usize::MAX).unwrap().unwrap();
                        let named = Connect::peek_version(&taken[header.len..]);
                        assert_eq!(named, Some(connect.version));
                    }
                    _ => {}
                }
            }
        }
    }
}

/// The fixed header says how many bytes a packet has; as many are enough, and
/// one less is too few.
fn sizes(packet: &Packet, taken: &[u8], version: ProtocolVersion) {
    let header = FixedHeader::peek(taken, usize::MAX).unwrap().unwrap();
    assert_eq!(header.packet_len(), taken.len());
    assert_eq!(header.packet_type, packet.packet_type());
    // A limit of just its length, and bytes after it, change nothing.
    let mut longer = BytesMut::from(taken);
    longer.put_u8(0xff);
    let first = Packet::decode(&mut longer, version, taken.len());
    assert_eq!(first.as_ref(), Ok(&Some(packet.clone())));
    assert_eq!(&longer[..], [0xff]);
    let (size, limit) = (taken.len(), taken.len() - 1);
    let refused = Packet::decode(&mut BytesMut::from(taken), version, limit);
    assert_eq!(refused, Err(DecodeError::PacketTooLarge { size, limit }));
}

fn again(packet: &Packet, taken: &[u8], version: ProtocolVersion) {
    let mut out = BytesMut::new();
    packet
        .encode(version, &mut out)
        .expect("what decodes encodes");
    assert!(
        out.len() <= taken.len() + SLACK,
        "{packet:?} grew from {taken:02x?}"
    );
    if let Packet::Publish(publish) = packet {
        assert_eq!(publish.parts().encoded_len(version), Ok(out.len()));
    }
    let second = Packet::decode(&mut out, version, usize::MAX);
    assert_eq!(second.as_ref(), Ok(&Some(packet.clone())));
    assert!(out.is_empty());
}

/// A PUBLISH that is looked at where it lies is the one that is decoded.
fn view(publish: &Publish, taken: &[u8], version: ProtocolVersion) {
    let header = FixedHeader::peek(taken, usize::MAX).unwrap().unwrap();
    let body = Bytes::copy_from_slice(&taken[header.len..]);
    let view = PublishView::parse(header.flags, &body, version).unwrap();
    assert_eq!(view.to_owned(&body).as_ref(), Ok(publish));
}
