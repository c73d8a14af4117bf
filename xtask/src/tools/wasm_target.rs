//! Rust's standard library for the browser.

use anyhow::Result;

use super::target;

/// The target that the page is built for.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// How a program for the browser is compiled. The linker writes down what refers
/// to what, for `xtask-page` to leave out the rest. Loops stay as they are
/// written: LLVM's other ways to count are for processors, and more code.
pub(crate) const FLAGS: [&str; 2] = ["-Clink-arg=--emit-relocs", "-Cllvm-args=-disable-lsr"];

/// Adds the target through rustup, unless it is there.
pub(crate) fn ensure() -> Result<()> {
    target::ensure(WASM)
}
