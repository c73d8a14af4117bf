//! Bytes of any kind as a stream of packets, in each version.

#![no_main]

#[path = "../../tests/common/check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|input: &[u8]| check::any_bytes(input));
