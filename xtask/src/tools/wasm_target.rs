//! Rust's standard library for the browser.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::process::{answer, run};

/// The target that the page is built for.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// Adds the target through rustup, unless it is there.
pub(crate) fn ensure() -> Result<()> {
    if installed() {
        return Ok(());
    }
    if answer(Command::new("rustup").arg("--version")).is_none() {
        bail!(
            "this Rust cannot build for {WASM}, and there is no rustup to add it with: install Rust as https://rustup.rs says, then run this again"
        );
    }
    eprintln!("adding Rust's {WASM} target");
    run(Command::new("rustup").args(["target", "add", WASM]))
}

fn installed() -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    answer(Command::new(rustc).args(["--print", "sysroot"])).is_some_and(|sysroot| {
        Path::new(sysroot.trim())
            .join("lib/rustlib")
            .join(WASM)
            .join("lib")
            .is_dir()
    })
}
