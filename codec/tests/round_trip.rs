//! Whatever is encoded decodes to the same, but for what the version leaves
//! out.

mod common;

use bytes::BytesMut;
use codec::{FixedHeader, Packet, ProtocolVersion, PublishView};
use common::strategies::{as_received, packet, publish, version};
use common::{decode, encode};
use proptest::collection::vec;
use proptest::prelude::*;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(400)
    }
}

fn decode_all(buffer: &mut BytesMut, version: ProtocolVersion, packets: &mut Vec<Packet>) {
    while let Some(packet) = Packet::decode(buffer, version, usize::MAX).unwrap() {
        packets.push(packet);
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn packets((version, sent) in version().prop_flat_map(|v| (Just(v), packet(v)))) {
        let bytes = encode(&sent, version).unwrap();
        let header = FixedHeader::peek(&bytes, bytes.len()).unwrap().unwrap();
        prop_assert_eq!(header.packet_type, sent.packet_type());
        prop_assert_eq!(header.packet_len(), bytes.len());
        let received = decode(&bytes, version).unwrap();
        prop_assert_eq!(received, Some(as_received(sent, version)));
    }

    #[test]
    fn streams_cut_anywhere(
        (version, sent) in version().prop_flat_map(|v| (Just(v), vec(packet(v), 1..4))),
    ) {
        let mut stream = BytesMut::new();
        let mut expected = Vec::new();
        for packet in sent {
            packet.encode(version, &mut stream).unwrap();
            expected.push(as_received(packet, version));
        }

        let (mut buffer, mut received) = (BytesMut::new(), Vec::new());
        for byte in &stream {
            buffer.extend_from_slice(&[*byte]);
            decode_all(&mut buffer, version, &mut received);
        }
        prop_assert_eq!(&received, &expected);

        // Long payloads would make it slow and add nothing.
        for cut in 0..stream.len().min(300) {
            let (mut buffer, mut received) = (BytesMut::from(&stream[..cut]), Vec::new());
            decode_all(&mut buffer, version, &mut received);
            buffer.extend_from_slice(&stream[cut..]);
            decode_all(&mut buffer, version, &mut received);
            prop_assert_eq!(&received, &expected);
        }
    }

    #[test]
    fn publish_view((version, sent) in version().prop_flat_map(|v| (Just(v), publish(v)))) {
        let bytes = encode(&Packet::Publish(sent.clone()), version).unwrap();
        prop_assert_eq!(sent.parts().encoded_len(version), Ok(bytes.len()));

        let header = FixedHeader::peek(&bytes, bytes.len()).unwrap().unwrap();
        let body = bytes.slice(header.len..);
        let view = PublishView::parse(header.flags, &body, version).unwrap();
        prop_assert_eq!(
            (view.dup, view.qos, view.retain, view.packet_id),
            (sent.dup, sent.qos, sent.retain, sent.packet_id)
        );
        prop_assert_eq!(view.topic_name(&body).unwrap(), sent.topic.clone());
        prop_assert_eq!(view.payload, &sent.payload);

        let owned = view.to_owned(&body).unwrap();
        let shared = owned.payload.is_empty() || owned.payload.as_ptr() == view.payload.as_ptr();
        prop_assert!(shared, "payloads are slices of what was read");
        prop_assert_eq!(Packet::Publish(owned), as_received(Packet::Publish(sent), version));
    }
}
