//! `cargo xtask trunk [--serve]`: the page as trunk makes it from the same
//! `index.html`: built once, which proves that it still works, or served and
//! reloaded at every change.

use std::env;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::run;
use crate::tools::{cargo_tools, wasm_target};
use crate::workspace::{cargo, root};

/// What trunk does.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Serve the page on port 8080 and reload it at every change, until Ctrl-C.
    #[arg(long)]
    serve: bool,
}

/// Builds the page, or serves it.
pub(crate) fn trunk(options: &Options) -> Result<()> {
    trunk_with(if options.serve { "serve" } else { "build" })
}

/// Builds the page with trunk, into the folder that `Trunk.toml` names.
pub(crate) fn build() -> Result<()> {
    trunk_with("build")
}

fn trunk_with(command: &str) -> Result<()> {
    wasm_target::ensure()?;
    let trunk = cargo_tools::trunk()?;
    // trunk looks for it on the PATH, and downloads one when there is none.
    let wasm_bindgen = cargo_tools::wasm_bindgen("wasm-bindgen")?;
    let folder = wasm_bindgen.parent().context("a program in no folder")?;
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(std::iter::once(folder.to_owned()).chain(env::split_paths(&path)))
        .context("the PATH cannot be extended")?;

    run(&mut cargo("fetch"))?;
    run(Command::new(trunk)
        .args([command, "--offline"])
        .current_dir(root())
        // trunk takes the word of NO_COLOR for a boolean of its own.
        .env_remove("NO_COLOR")
        .env("PATH", path))
}
