//! `cargo xtask torture`: the broker is killed again and again, and must keep
//! its word; see the crate `torture`.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;

use crate::broker;
use crate::process::run;
use crate::results::Results;
use crate::workspace::{cargo, release_binary, target};

/// Cycles among the tests.
const TEST_CYCLES: u32 = 20;

/// How long, and which run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How often the broker is killed.
    #[arg(long, default_value_t = 500)]
    cycles: u32,
    /// What chooses the moments; a run that fails says its own.
    #[arg(long)]
    seed: Option<u64>,
}

/// Builds the broker and tortures it.
pub(crate) fn torture(options: &Options) -> Result<()> {
    broker::build()?;
    run_it(options)
}

/// A short run, with the broker as it was built.
pub(crate) fn as_test() -> Results {
    let options = Options {
        cycles: TEST_CYCLES,
        seed: None,
    };
    match run_it(&options) {
        Ok(()) => Results {
            passed: 1,
            failed: 0,
        },
        Err(error) => {
            eprintln!("error: {error:#}");
            Results::default().of_step(false)
        }
    }
}

fn run_it(options: &Options) -> Result<()> {
    run(cargo("build").args(["--release", "--package", "torture"]))?;
    let seed = options.seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(0, |now| now.as_secs())
    });
    run(Command::new(release_binary("torture"))
        .arg(release_binary("ws-broker"))
        .arg(target().join("torture"))
        .args(["--cycles", &options.cycles.to_string()])
        .args(["--seed", &seed.to_string()]))
}
