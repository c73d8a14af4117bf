//! Puts the functions of a wasm file in the order in which they compress best,
//! as the page's are. To be done last: whatever writes the file anew has an
//! order of its own.

#![expect(
    clippy::print_stderr,
    reason = "a command-line program: printing is how it answers"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use xtask_page::order::order;

/// Puts the functions of a wasm file in order.
#[derive(Parser)]
struct Args {
    /// The file, which is written anew.
    wasm: PathBuf,
}

fn main() -> ExitCode {
    match rewrite(&Args::parse().wasm) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn rewrite(wasm: &Path) -> anyhow::Result<()> {
    let bytes = fs::read(wasm).with_context(|| format!("cannot read {}", wasm.display()))?;
    fs::write(wasm, order(&bytes)?).with_context(|| format!("cannot write {}", wasm.display()))
}
