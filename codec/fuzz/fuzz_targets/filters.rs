//! Any two texts as topic filter and topic name.

#![no_main]

#[path = "../../tests/common/topics.rs"]
mod topics;

libfuzzer_sys::fuzz_target!(|input: &[u8]| topics::any_texts(input));
