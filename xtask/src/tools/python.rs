//! Python environments with paho-mqtt, the client that people use: 1.6.1 as
//! most tutorials have it, and 2.x as pip installs it today.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::process::run;
use crate::tools::once;
use crate::workspace::tools;

/// The environment's interpreter, with this version of paho-mqtt.
pub(crate) fn with_paho(python: &Path, version: &str) -> Result<PathBuf> {
    let package = format!("paho-mqtt=={version}");
    let folder = tools().join(format!("paho-{version}"));
    let interpreter = if cfg!(windows) {
        folder.join("Scripts").join("python.exe")
    } else {
        folder.join("bin").join("python")
    };
    once(&folder, &package, || {
        run(Command::new(python).args(["-m", "venv"]).arg(&folder))?;
        run(Command::new(&interpreter).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
            &package,
        ]))
    })?;
    Ok(interpreter)
}
