//! Runs wasm-bindgen, as a library.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use wasm_bindgen_cli_support::Bindgen;
use xtask_page::order::order;
use xtask_page::shorten::shorten;
use xtask_page::slim::{self, slim};
use xtask_page::start;

/// What wasm-bindgen makes of the program that cargo built.
pub(crate) struct Bound {
    pub(crate) wasm: Vec<u8>,
    pub(crate) script: String,
    /// JavaScript that crates bring along: path below the script, and content.
    pub(crate) snippets: Vec<(PathBuf, Vec<u8>)>,
}

/// Binds the wasm file, with `work` as a folder to write in.
pub(crate) fn bind(wasm: &Path, work: &Path, keep_names: bool) -> Result<Bound> {
    if work.exists() {
        fs::remove_dir_all(work).with_context(|| format!("cannot empty {}", work.display()))?;
    }
    let read =
        |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let wasm = slim(&read(wasm)?, slim::Options::default())?;
    Bindgen::new()
        .input_bytes("page", wasm)
        .web(true)
        .map(|bindgen| {
            bindgen
                .typescript(false)
                .omit_default_module_path(true)
                .remove_producers_section(true)
                .generate(work)
        })
        .and_then(|done| done)
        .map_err(|error| explain(&error))?;

    let script = String::from_utf8(read(&work.join("page.js"))?)
        .context("wasm-bindgen wrote a script that is not UTF-8")?;
    let mut snippets = Vec::new();
    for path in crate::output::files_below(&work.join("snippets"))? {
        let content = read(&path)?;
        let below = path.strip_prefix(work).unwrap_or(&path).to_owned();
        snippets.push((below, content));
    }
    let wasm = read(&work.join("page_bg.wasm"))?;
    let (wasm, script) = shorten(&wasm, &start::plainly(&script)?, keep_names)?;
    Ok(Bound {
        wasm: order(&wasm)?,
        script,
        snippets,
    })
}

/// wasm-bindgen explains a difference of versions over a screenful, and advises
/// installing its command-line tool, which is not used here.
fn explain(error: &anyhow::Error) -> anyhow::Error {
    let text = format!("{error:#}");
    if text.contains("schema version") {
        return anyhow!(
            "wasm-bindgen and wasm-bindgen-cli-support differ in version: run `cargo update -p wasm-bindgen -p wasm-bindgen-cli-support`, then again"
        );
    }
    anyhow!("wasm-bindgen could not read the dashboard: {text}")
}
