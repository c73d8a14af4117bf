//! JavaScript packages that tests use.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::process::run;
use crate::tools::once;
use crate::workspace::tools;

/// The client that web pages use today, and the judge of a page's accessibility.
const PACKAGES: [&str; 2] = ["mqtt@5.16.0", "axe-core@4.14.1"];

/// The `node_modules` that holds them.
pub(crate) fn modules(npm: &Path) -> Result<PathBuf> {
    let folder = tools().join("node");
    once(&folder, &PACKAGES.join(" "), || {
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
            .args(PACKAGES)
            .current_dir(&folder))
    })?;
    Ok(folder.join("node_modules"))
}
