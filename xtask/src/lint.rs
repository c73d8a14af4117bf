//! `cargo xtask lint`: format, lints and documentation, warnings denied, and
//! that the tests named in `conformance.toml` exist.

use anyhow::Result;

use crate::conformance;
use crate::process::run;
use crate::steps::Steps;
use crate::tools::wasm_target;
use crate::workspace::cargo;

/// The crates that are made for the browser, or for it too.
const BROWSER: [&str; 4] = ["codec", "protocol", "client-wasm", "dashboard"];

/// Checks it all; the first that fails ends it.
pub(crate) fn lint() -> Result<()> {
    let mut steps = Steps::new(5);
    steps.next("checking the format", None);
    run(cargo("fmt").args(["--all", "--check"]))?;

    steps.next("checking that named tests exist", None);
    println!("{}", conformance::check()?);

    steps.next("linting for this machine", None);
    run(cargo("clippy").args([
        "--workspace",
        "--all-targets",
        "--features",
        "ws-broker/bench-api",
        "--",
        "--deny",
        "warnings",
    ]))?;

    steps.next("linting for the browser", None);
    wasm_target::ensure()?;
    // Each without what the other asks of client-wasm: only one of them may
    // bring an allocator.
    for (packages, features) in [
        (&BROWSER[..], &[][..]),
        (&["client-wasm"], &["--features", "js,store"]),
    ] {
        run(cargo("clippy")
            .args(packages.iter().flat_map(|name| ["--package", name]))
            .args(["--target", wasm_target::WASM])
            // All but benchmarks, which need a clock and threads.
            .args(["--lib", "--bins", "--tests", "--examples"])
            .args(features)
            .args(["--", "--deny", "warnings"]))?;
    }

    steps.next("checking the documentation", None);
    run(cargo("doc")
        .args(["--workspace", "--no-deps"])
        .args(["--features", "client-wasm/store"])
        .env("RUSTDOCFLAGS", "--deny warnings"))
}
