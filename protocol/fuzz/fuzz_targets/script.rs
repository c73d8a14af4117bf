//! A client, a server and their drivers, led by bytes of any kind.

#![no_main]

#[path = "../../tests/script/world/mod.rs"]
mod world;

libfuzzer_sys::fuzz_target!(|input: &[u8]| world::run(input));
