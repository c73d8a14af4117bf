//! `cargo xtask fuzz`: bytes of any kind, for as long as one likes.
//!
//! What a target does with its input is written once, beside the tests; they
//! replay its corpus, and inputs like it, with the stable compiler. A corpus is
//! one file, a line for each input; here it becomes the folder that libFuzzer
//! works in, and what is left of that folder without what adds nothing becomes
//! the file again. A find that crashes is in `fuzz/artifacts`: it gets a line
//! and a name once it is understood.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::process::{answer, run};
use crate::workspace::root;

#[path = "../../codec/tests/common/corpus.rs"]
#[allow(dead_code, reason = "the tests replay it, this only reads and writes")]
mod corpus;

/// What is run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run only these, one after the other.
    targets: Vec<Target>,
    /// For how long, each.
    #[arg(long, default_value_t = 15)]
    minutes: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Target {
    /// Packets of all versions.
    Decode,
    /// Topic names and filters.
    Filters,
    /// Both ends of a connection, and what drives them.
    Script,
}

/// Characters in a corpus; the shortest inputs are kept.
const MOST: usize = 300_000;

/// Runs the targets, and writes down what they have found.
pub(crate) fn fuzz(options: &Options) -> Result<()> {
    if answer(nightly().args(["fuzz", "--version"])).is_none() {
        bail!(
            "fuzzing needs a nightly compiler and cargo-fuzz: run `rustup toolchain install nightly` and `cargo install cargo-fuzz`, then this again"
        );
    }
    let targets = match &options.targets[..] {
        [] => Target::value_variants(),
        some => some,
    };
    for target in targets {
        target.run(options.minutes)?;
    }
    Ok(())
}

impl Target {
    fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Filters => "filters",
            Self::Script => "script",
        }
    }

    /// The crate it is a target of.
    fn package(self) -> PathBuf {
        root().join(match self {
            Self::Decode | Self::Filters => "codec",
            Self::Script => "protocol",
        })
    }

    fn run(self, minutes: u64) -> Result<()> {
        let (name, package) = (self.name(), self.package());
        let folder = package.join("fuzz/corpus").join(name);
        let file = folder.with_extension("txt");
        let failed = || format!("cannot use {}", file.display());
        let known = fs::read_to_string(&file).with_context(failed)?;
        unpack(&known, &folder).with_context(failed)?;
        run(nightly()
            .args(["fuzz", "run", name])
            .arg(&folder)
            .args(["--", "-max_len=512"])
            .arg(format!("-max_total_time={}", minutes * 60))
            .current_dir(&package))?;
        run(nightly()
            .args(["fuzz", "cmin", name])
            .arg(&folder)
            .current_dir(&package))?;
        fs::write(&file, pack(&known, &folder).with_context(failed)?).with_context(failed)
    }
}

fn nightly() -> Command {
    let mut command = Command::new("rustup");
    // What cargo told this program is about another compiler.
    command
        .args(["run", "nightly", "cargo"])
        .env_remove("CARGO")
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO_TARGET_DIR");
    command
}

fn unpack(known: &str, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    for (at, (_, input)) in corpus::inputs(known).enumerate() {
        fs::write(folder.join(at.to_string()), input)?;
    }
    Ok(())
}

/// What has a name stays, whatever the fuzzer thinks of it.
fn pack(known: &str, folder: &Path) -> Result<String> {
    let mut text = String::new();
    let mut named = BTreeSet::new();
    for (name, input) in corpus::inputs(known).filter(|(name, _)| !name.is_empty()) {
        text += &format!("{} {name}\n", digits(&input));
        named.insert(input);
    }
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let input = fs::read(entry?.path())?;
        if !input.is_empty() && !named.contains(&input) {
            found.insert((input.len(), input));
        }
    }
    for (_, input) in found {
        let line = digits(&input) + "\n";
        if text.len() + line.len() > MOST {
            break;
        }
        text += &line;
    }
    Ok(text)
}

fn digits(input: &[u8]) -> String {
    input.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corpus_is_the_same_after_a_round_through_its_folder() {
        let folder = std::env::temp_dir().join(format!("xtask-corpus-{}", std::process::id()));
        let known = "00ff connect-5.0\n10\n2000\n";
        unpack(known, &folder).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 3);
        assert_eq!(pack(known, &folder).unwrap(), known);
        // The fuzzer has another one for `2000`, and no use for `00ff`.
        fs::remove_file(folder.join("0")).unwrap();
        fs::rename(folder.join("2"), folder.join("da39a3ee")).unwrap();
        fs::write(folder.join("da39a3ee"), [0x30]).unwrap();
        let expected = "00ff connect-5.0\n10\n30\n";
        assert_eq!(pack(known, &folder).unwrap(), expected);
        fs::remove_dir_all(folder).unwrap();
    }
}
