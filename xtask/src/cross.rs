//! `cargo xtask cross`: that the broker compiles for other systems.

use anyhow::Result;

use crate::process::{answer, run};
use crate::steps::Steps;
use crate::tools;
use crate::workspace::cargo;

/// A system, and the C compiler for it that a part of the broker (ring,
/// mimalloc) needs, with Debian's package that has it.
struct System {
    target: &'static str,
    name: &'static str,
    compiler: &'static str,
    package: &'static str,
}

const SYSTEMS: [System; 4] = [
    System {
        target: "aarch64-unknown-linux-gnu",
        name: "a Raspberry Pi 3 or newer with a 64-bit system",
        compiler: "aarch64-linux-gnu-gcc",
        package: "gcc-aarch64-linux-gnu",
    },
    System {
        target: "armv7-unknown-linux-gnueabihf",
        name: "a Raspberry Pi 2 or newer with a 32-bit system",
        compiler: "arm-linux-gnueabihf-gcc",
        package: "gcc-arm-linux-gnueabihf",
    },
    System {
        target: "x86_64-unknown-linux-musl",
        name: "any Linux, without its C library",
        compiler: "musl-gcc",
        package: "musl-tools",
    },
    System {
        target: "x86_64-pc-windows-gnu",
        name: "Windows",
        compiler: "x86_64-w64-mingw32-gcc",
        package: "gcc-mingw-w64-x86-64",
    },
];

/// What is compiled, and how far.
#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Build what can be installed there, not only check it.
    #[arg(long)]
    release: bool,
    /// Only for this target.
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
}

/// Checks the broker for each system whose compiler is here, and says for
/// which it is not.
pub(crate) fn cross(options: &Options) -> Result<()> {
    let wanted = |system: &&System| {
        let target = options.target.as_deref();
        target.is_none_or(|target| target == system.target)
    };
    let systems: Vec<_> = SYSTEMS.iter().filter(wanted).collect();
    let mut steps = Steps::new(systems.len());
    for system in systems {
        let System {
            target,
            name,
            compiler,
            package,
        } = system;
        steps.next(&format!("compiling for {name} ({target})"), None);
        if answer(std::process::Command::new(compiler).arg("--version")).is_none() {
            println!("{target} is left out: there is no {compiler} (Debian's {package})");
            continue;
        }
        tools::target::ensure(target)?;
        let variable = target.replace('-', "_");
        let mut command = cargo(if options.release { "build" } else { "check" });
        command
            .args(["--package", "ws-broker", "--bins", "--target", target])
            .env(format!("CC_{variable}"), compiler)
            .env(
                format!("CARGO_TARGET_{}_LINKER", variable.to_uppercase()),
                compiler,
            );
        if options.release {
            command.arg("--release");
        }
        run(&mut command)?;
    }
    Ok(())
}
