use std::fmt;
use std::path::{Path, PathBuf};

/// Why a configuration file cannot be used; displays as one line that says
/// what, where, and what to do.
///
/// What comes first is in Mosquitto's words where it has any, so that whoever
/// looks for them finds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    file: PathBuf,
    line: Option<usize>,
    what: String,
}

impl ConfigError {
    /// Lines are counted from 1.
    pub(super) fn new(file: &Path, line: Option<usize>, what: String) -> Self {
        Self {
            file: file.into(),
            line,
            what,
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.what.ends_with(['.', '?']) {
            f.write_str(".")?;
        }
        let Some(line) = self.line else {
            return Ok(());
        };
        write!(f, " Error found at {}:{line}.", self.file.display())
    }
}

impl std::error::Error for ConfigError {}
