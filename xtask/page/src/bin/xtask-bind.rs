//! Makes JavaScript modules of a wasm library that cargo has built: NAME.js and
//! NAME_bg.wasm. Beside `xtask-page`, since both wait for wasm-bindgen to be
//! compiled, and nothing else does.

#![expect(
    clippy::print_stderr,
    reason = "a command-line program: printing is how it answers"
)]

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use wasm_bindgen_cli_support::Bindgen;
use xtask_page::modern::modern;
use xtask_page::shorten::shorten;
use xtask_page::slim::{self, slim};
use xtask_page::start;

/// Makes a JavaScript module of a wasm library.
#[derive(Parser)]
struct Args {
    /// The library as cargo built it.
    #[arg(long)]
    wasm: PathBuf,
    /// The folder to write to.
    #[arg(long)]
    out: PathBuf,
    /// The name of the files.
    #[arg(long)]
    name: String,
    /// Keep the functions' names, to see what is large.
    #[arg(long)]
    names: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match bind(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: wasm-bindgen: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn bind(args: &Args) -> anyhow::Result<()> {
    let bytes =
        fs::read(&args.wasm).with_context(|| format!("cannot read {}", args.wasm.display()))?;
    // What the browser client says, its face in JavaScript has the words for.
    let bytes = slim(&bytes, slim::Options { is_quiet: true })?;
    Bindgen::new()
        .input_bytes(&args.name, bytes)
        .typescript(false)
        .omit_default_module_path(true)
        .remove_producers_section(true)
        .web(true)?
        .generate(&args.out)?;
    let wasm = args.out.join(format!("{}_bg.wasm", args.name));
    let script = args.out.join(format!("{}.js", args.name));
    let bytes = fs::read(&wasm).with_context(|| format!("cannot read {}", wasm.display()))?;
    let text =
        fs::read_to_string(&script).with_context(|| format!("cannot read {}", script.display()))?;
    let (bytes, text) = shorten(&bytes, &modern(&start::plainly(&text)?), args.names)?;
    fs::write(&wasm, bytes).with_context(|| format!("cannot write {}", wasm.display()))?;
    fs::write(&script, text).with_context(|| format!("cannot write {}", script.display()))
}
