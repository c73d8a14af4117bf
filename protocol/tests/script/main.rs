//! Both ends of a connection led by bytes: the fuzzer's seeds and finds, and
//! what is nearly like them.

#[path = "../../../codec/tests/common/corpus.rs"]
mod corpus;
mod world;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const SCRIPTS: &str = include_str!("../../fuzz/corpus/script.txt");

#[test]
fn fuzz_script() {
    corpus::replay(SCRIPTS, 10_000, world::run);
}
