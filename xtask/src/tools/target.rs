//! Rust's standard library for other systems.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::process::{answer, run};

/// Adds a target through rustup, unless it is there.
pub(crate) fn ensure(target: &str) -> Result<()> {
    if installed(target) {
        return Ok(());
    }
    if answer(Command::new("rustup").arg("--version")).is_none() {
        bail!(
            "this Rust cannot build for {target}, and there is no rustup to add it with: install Rust as https://rustup.rs says, then run this again"
        );
    }
    eprintln!("adding Rust's {target} target");
    run(Command::new("rustup").args(["target", "add", target]))
}

fn installed(target: &str) -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    answer(Command::new(rustc).args(["--print", "sysroot"])).is_some_and(|sysroot| {
        Path::new(sysroot.trim())
            .join("lib/rustlib")
            .join(target)
            .join("lib")
            .is_dir()
    })
}
