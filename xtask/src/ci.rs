//! `cargo xtask ci`: what must hold before a change lands.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

use crate::{cross, dashboard, lint, steps, test, trunk};

/// Runs it all; the tests come last, so that their sum closes the output.
pub(crate) fn ci() -> Result<ExitCode> {
    let begin = Instant::now();
    let mut last = begin;
    let mut took = |what: &str| {
        eprintln!("{what} took {} s", last.elapsed().as_secs());
        last = Instant::now();
    };
    // The broker embeds the page: it comes before whatever compiles the broker.
    dashboard::build(&mut steps::Steps::new(dashboard::STEPS))?;
    took("building the page");
    lint::lint()?;
    took("lint");
    trunk::build()?;
    took("trunk");
    cross::cross(&cross::Options::default())?;
    took("compiling for other systems");
    let code = test::test(&test::Options::default())?;
    eprintln!("all of it took {} s", begin.elapsed().as_secs());
    Ok(code)
}
