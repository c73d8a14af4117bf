//! Bytes of all sorts: nothing panics, and nothing grows beyond its input.

mod common;

use codec::{DecodeError, FixedHeader, Packet, PacketType};
use common::strategies::{packet, version};
use common::{ALL, V3_1, V5, check, corpus, decode, encode, topics};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(1_000)
    }
}

#[derive(Clone, Debug)]
enum Mutation {
    Set(u8),
    Flip(u8),
    Insert(u8),
    Remove,
    Truncate,
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        any::<u8>().prop_map(Mutation::Set),
        (0u8..8).prop_map(Mutation::Flip),
        any::<u8>().prop_map(Mutation::Insert),
        Just(Mutation::Remove),
        Just(Mutation::Truncate),
    ]
}

fn mutate(bytes: &mut Vec<u8>, at: &Index, mutation: &Mutation) {
    if bytes.is_empty() {
        return;
    }
    let at = at.index(bytes.len());
    match mutation {
        Mutation::Set(byte) => bytes[at] = *byte,
        Mutation::Flip(bit) => bytes[at] ^= 1 << bit,
        Mutation::Insert(byte) => bytes.insert(at, *byte),
        Mutation::Remove => drop(bytes.remove(at)),
        Mutation::Truncate => bytes.truncate(at),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn random_bytes(bytes in vec(any::<u8>(), 0..80)) {
        check::any_bytes(&bytes);
    }

    /// A valid fixed header, so that the bodies are looked at.
    #[test]
    fn random_bodies(first: u8, body in vec(prop_oneof![any::<u8>(), 0u8..8], 0..60)) {
        let mut bytes = vec![first, body.len() as u8];
        bytes.extend(body);
        check::any_bytes(&bytes);
    }

    #[test]
    fn mutated_packets(
        packet in version().prop_flat_map(|v| packet(v).prop_map(move |p| encode(&p, v).unwrap())),
        mutations in vec((any::<Index>(), mutation()), 1..5),
    ) {
        let mut bytes = packet.to_vec();
        bytes.truncate(400);
        for (at, mutation) in &mutations {
            mutate(&mut bytes, at, mutation);
        }
        check::any_bytes(&bytes);
        // A body that is shorter or longer than it was, rather than one that
        // has not all arrived.
        if let [_, length, body @ ..] = &mut bytes[..] && body.len() < 128 {
            *length = body.len() as u8;
            check::any_bytes(&bytes);
        }
    }
}

/// A length that is claimed and not sent costs nothing: the packet is refused
/// by its size before there is a body, or waited for without setting memory
/// aside (`check` looks at the capacity).
#[test]
fn claimed_lengths() {
    let header = [0x30, 0xff, 0xff, 0xff, 0x7f];
    check::any_bytes(&header);
    assert_eq!(
        FixedHeader::peek(&header, 1_000),
        Err(DecodeError::PacketTooLarge {
            size: 268_435_460,
            limit: 1_000
        })
    );
    for first in 0..=u8::MAX {
        for length in [0x7f, 0x02, 0x00] {
            // Strings and properties that claim more than the packet has.
            let mut bytes = vec![first, length];
            bytes.resize(2 + usize::from(length), 0xff);
            check::any_bytes(&bytes);
            bytes[2..].fill(0x7f);
            check::any_bytes(&bytes);
        }
    }
}

const DECODE: &str = include_str!("../fuzz/corpus/decode.txt");
const FILTERS: &str = include_str!("../fuzz/corpus/filters.txt");

/// The fuzzer's seeds and finds, and what is nearly like them.
#[test]
fn fuzz_decode() {
    corpus::replay(DECODE, 60_000, check::any_bytes);
}

#[test]
fn fuzz_filters() {
    corpus::replay(FILTERS, 60_000, topics::any_texts);
}

/// One seed for each packet of each version, by name.
#[test]
fn fuzz_seeds() {
    for &version in ALL {
        for kind in (1..=15).filter_map(PacketType::from_u8) {
            if kind == PacketType::Auth && version != V5 {
                continue;
            }
            let expected = format!("{}-{version}", kind.name().to_lowercase());
            let seed = corpus::inputs(DECODE).find(|(name, _)| *name == expected);
            let seed = seed.expect("a seed for each").1;
            let packet = decode(&seed, version).unwrap().unwrap();
            assert_eq!(packet.packet_type(), kind, "{expected}");
            if let Packet::Connect(connect) = packet {
                assert_eq!(connect.version, version, "{expected}");
            }
        }
    }
    assert!(decode(&[0xf0, 0], V3_1).is_err());
}
