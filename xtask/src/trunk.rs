//! `cargo xtask trunk`: the page as `trunk build` makes it, to prove that what
//! developers use still works on the same `index.html`.

use std::env;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::run;
use crate::tools::{cargo_tools, wasm_target};
use crate::workspace::{cargo, root};

/// Builds the page with trunk, into the folder that `Trunk.toml` names.
pub(crate) fn build() -> Result<()> {
    wasm_target::ensure()?;
    let trunk = cargo_tools::trunk()?;
    // trunk looks for it on the PATH, and downloads one when there is none.
    let wasm_bindgen = cargo_tools::wasm_bindgen("wasm-bindgen")?;
    let folder = wasm_bindgen.parent().context("a program in no folder")?;
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(std::iter::once(folder.to_owned()).chain(env::split_paths(&path)))
        .context("the PATH cannot be extended")?;

    eprintln!("building the page with trunk");
    run(&mut cargo("fetch"))?;
    run(Command::new(trunk)
        .args(["build", "--offline"])
        .current_dir(root())
        // trunk takes the word of NO_COLOR for a boolean of its own.
        .env_remove("NO_COLOR")
        .env("PATH", path))
}
