//! `cargo xtask ...`: set-up and chores of this repository, in Rust, so that
//! they run wherever Rust does. One file is one chore; `tools` finds or installs
//! what they need, and `process` sees that nothing they start outlives them.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program: printing is how it answers"
)]

mod bench;
mod broker;
mod ci;
mod conformance;
mod cross;
mod dashboard;
mod fuzz;
mod lint;
mod network;
mod package_js;
mod process;
mod results;
mod start;
mod steps;
mod test;
mod tools;
mod torture;
mod trunk;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Set-up and chores of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Start the broker with its dashboard and a simulated kitchen; Ctrl-C stops it.
    Start(start::Options),
    /// Build the page that the broker serves, into `dist`.
    Dashboard,
    /// Build the browser client's npm package, into `target/npm`.
    PackageJs,
    /// Run every test there is, from units to a real browser.
    Test(test::Options),
    /// Check format, lints, documentation and `conformance.toml`.
    Lint,
    /// Build the page as trunk does, or serve it while it is worked on; installs
    /// trunk when it is missing.
    Trunk(trunk::Options),
    /// Measure this broker and others side by side.
    Bench(bench::Options),
    /// Fuzz packets, topic filters and connections, longer than the tests do.
    Fuzz(fuzz::Options),
    /// Kill the broker again and again while clients publish and subscribe, and
    /// check that nothing acknowledged is lost.
    Torture(torture::Options),
    /// Compile the broker for the Raspberry Pi, Linux without its C library, and
    /// Windows, as far as the compilers for them are here.
    Cross(cross::Options),
    /// Everything that must hold before a change lands: lint, trunk, test.
    Ci,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match process::stop_on_signals().and_then(|()| run(&args.chore)) {
        Ok(code) => code,
        Err(error) if error.is::<process::Interrupted>() => {
            eprintln!("stopped");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(chore: &Chore) -> Result<ExitCode> {
    match chore {
        Chore::Start(options) => return start::start(options),
        Chore::Dashboard => dashboard::build(&mut steps::Steps::new(dashboard::STEPS))?,
        Chore::PackageJs => package_js::package()?,
        Chore::Test(options) => return test::test(options),
        Chore::Lint => lint::lint()?,
        Chore::Trunk(options) => trunk::trunk(options)?,
        Chore::Bench(options) => return bench::bench(options),
        Chore::Fuzz(options) => fuzz::fuzz(options)?,
        Chore::Torture(options) => torture::torture(options)?,
        Chore::Cross(options) => cross::cross(options)?,
        Chore::Ci => return ci::ci(),
    }
    Ok(ExitCode::SUCCESS)
}
