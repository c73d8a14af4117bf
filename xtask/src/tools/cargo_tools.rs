//! Programs from crates.io, built once for each version and kept for all clones
//! of this repository.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{answer, run};
use crate::tools::system::find;
use crate::workspace::{cargo, locked_version, tools};

/// A package of crates.io, and one of its programs.
struct Tool<'a> {
    package: &'a str,
    program: &'a str,
    version: &'a str,
    /// What else `cargo install` is told.
    options: &'a [&'a str],
    /// What the user is told of the time it takes.
    patience: &'a str,
}

/// One of the programs of wasm-bindgen-cli, in the version that is locked here:
/// no other understands what this workspace builds.
pub(crate) fn wasm_bindgen(program: &str) -> Result<PathBuf> {
    ensure(&Tool {
        package: "wasm-bindgen-cli",
        program,
        version: &locked_version("wasm-bindgen")?,
        // Its own lock file names versions that no longer build everywhere.
        options: &[],
        patience: "about 3 minutes, once",
    })
}

/// trunk. Later versions want a newer Rust, and the default features a system
/// library for TLS.
pub(crate) fn trunk() -> Result<PathBuf> {
    ensure(&Tool {
        package: "trunk",
        program: "trunk",
        version: "0.21.14",
        options: &["--locked", "--no-default-features"],
        patience: "about 8 minutes, once",
    })
}

/// The broker rumqttd, to be measured: built as its authors release it.
pub(crate) fn rumqttd() -> Result<PathBuf> {
    const VERSION: &str = "0.20.0";
    let folder = tools().join(format!("rumqttd-{VERSION}"));
    let program = folder
        .join("bin")
        .join(format!("rumqttd{}", env::consts::EXE_SUFFIX));
    if program.is_file() {
        return Ok(program);
    }
    eprintln!("installing rumqttd {VERSION} (about 5 minutes, once)");
    // Its own lock file names versions that no longer build.
    run(cargo("install")
        .args(["rumqttd", "--version", VERSION, "--root"])
        .arg(&folder)
        .env("CARGO_TARGET_DIR", folder.join("build")))?;
    // Harmless if it fails.
    let _ = std::fs::remove_dir_all(folder.join("build"));
    Ok(program)
}

/// The program's full path: the one on the PATH when it has that very version,
/// else one of our own, which is built when it is not there yet.
fn ensure(tool: &Tool<'_>) -> Result<PathBuf> {
    if let Some(path) = find(tool.program)
        && answer(Command::new(&path).arg("--version"))
            .is_some_and(|said| said.split_whitespace().any(|word| word == tool.version))
    {
        return Ok(path);
    }
    let folder = home()?
        .join("xtask")
        .join(format!("{}-{}", tool.package, tool.version));
    let program = folder
        .join("bin")
        .join(format!("{}{}", tool.program, env::consts::EXE_SUFFIX));
    if program.is_file() {
        return Ok(program);
    }
    eprintln!(
        "installing {} {} ({})",
        tool.package, tool.version, tool.patience
    );
    // Built to be used soon rather than to run fast: it halves the wait.
    run(cargo("install")
        .args([tool.package, "--version", tool.version, "--root"])
        .arg(&folder)
        .args(tool.options)
        .env("CARGO_TARGET_DIR", folder.join("build"))
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0"))?;
    // Hundreds of megabytes that nothing needs any more; harmless if it fails.
    let _ = std::fs::remove_dir_all(folder.join("build"));
    Ok(program)
}

/// Where cargo keeps what is the user's.
fn home() -> Result<PathBuf> {
    env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")))
        .context("no home folder is known: set CARGO_HOME")
}
