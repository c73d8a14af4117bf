//! What the chores need besides cargo: found, or installed from where this
//! system takes its programs.

pub(crate) mod cargo_tools;
pub(crate) mod node;
pub(crate) mod python;
pub(crate) mod system;
pub(crate) mod target;
pub(crate) mod wasm_target;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Fills a folder once: `install` runs in an empty one, and again only when
/// `what` (names and versions) differs from that of the last full run.
fn once(folder: &Path, what: &str, install: impl FnOnce() -> Result<()>) -> Result<()> {
    let note = folder.join("installed");
    if fs::read_to_string(&note).is_ok_and(|installed| installed == what) {
        return Ok(());
    }
    eprintln!("installing {what} into {}", folder.display());
    let failed = || format!("cannot prepare {}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(failed)?;
    }
    fs::create_dir_all(folder).with_context(failed)?;
    install()?;
    fs::write(note, what).with_context(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_filled_once_for_each_version_and_again_after_a_failure() {
        let folder = std::env::temp_dir().join(format!("xtask-once-{}", std::process::id()));
        let mut runs = 0;
        for (what, works) in [("a 1", false), ("a 1", true), ("a 1", true), ("a 2", true)] {
            let _ = once(&folder, what, || {
                runs += 1;
                assert_eq!(fs::read_dir(&folder)?.count(), 0);
                fs::write(folder.join("half"), "")?;
                anyhow::ensure!(works);
                Ok(())
            });
        }
        assert_eq!(runs, 3);
        fs::remove_dir_all(folder).unwrap();
    }
}
