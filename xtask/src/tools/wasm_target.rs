//! Rust's standard library for the browser.

use anyhow::Result;

use super::target;

/// The target that the page is built for.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// Lets the linker write down what refers to what, for `xtask-page` to leave
/// out the rest.
pub(crate) const LINK: &str = "-Clink-arg=--emit-relocs";

/// Adds the target through rustup, unless it is there.
pub(crate) fn ensure() -> Result<()> {
    target::ensure(WASM)
}
