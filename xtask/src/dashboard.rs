//! `cargo xtask dashboard`: the page that the broker serves, in `dist`.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::process::{Running, run};
use crate::steps::Steps;
use crate::tools::wasm_target;
use crate::workspace::{cargo, root, target};

/// What makes the page's program smaller still: values of more than 16 bytes are
/// moved by one instruction instead of many, and no code is written twice, or
/// done ahead, to save a jump.
const SMALLER: [&str; 3] = [
    "-Cllvm-args=-max-store-memcpy=2",
    "-Cllvm-args=-phi-node-folding-threshold=1",
    "-Cllvm-args=-jump-threading-threshold=1",
];

/// The steps that [`build`] announces.
pub(crate) const STEPS: usize = 2;

/// Builds the page; a second time, with nothing changed, takes a second.
pub(crate) fn build(steps: &mut Steps) -> Result<()> {
    wasm_target::ensure()?;
    let wasm = target()
        .join(wasm_target::WASM)
        .join("wasm-release/dashboard.wasm");

    steps.next(
        "building the dashboard",
        (!wasm.exists()).then_some("about 2 minutes the first time"),
    );
    run(cargo("rustc")
        .args([
            "--package",
            "dashboard",
            "--bin",
            "dashboard",
            "--target",
            wasm_target::WASM,
            "--profile",
            "wasm-release",
            "--",
        ])
        .args(wasm_target::FLAGS)
        .args(SMALLER))?;

    let tool = target()
        .join("debug")
        .join(format!("xtask-page{}", std::env::consts::EXE_SUFFIX));
    steps.next(
        "packing it for the browser",
        (!tool.exists()).then_some("about 1 minute the first time"),
    );
    run(cargo("build").args(["--package", "xtask-page"]))?;
    let status = Running::start(
        Command::new(tool)
            .arg("--index")
            .arg(root().join("index.html"))
            .arg("--wasm")
            .arg(&wasm)
            .arg("--out")
            .arg(root().join("dist"))
            .arg("--cache")
            .arg(target().join("page")),
    )?
    .wait()?;
    // It has said why.
    ensure!(status.success(), "the page could not be made");
    Ok(())
}
