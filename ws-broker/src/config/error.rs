use std::fmt;
use std::path::{Path, PathBuf};

/// Why a configuration file cannot be used; displays as one line that says
/// what, where, and what to do.
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
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.what)
    }
}

impl std::error::Error for ConfigError {}
