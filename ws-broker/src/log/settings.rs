//! What the configuration says about the log.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::LogTypes;

/// How the log is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which lines.
    pub types: LogTypes,
    /// Where to: all of these.
    pub destinations: Vec<Destination>,
    /// How a line begins.
    pub time: Time,
    /// What a line looks like.
    pub format: Format,
    /// Whom syslog is to take the lines for: local0 to local7; `None` for a
    /// daemon.
    pub facility: Option<u8>,
}

impl Settings {
    /// The files among the destinations.
    #[cfg(unix)]
    pub(crate) fn files(&self) -> impl Iterator<Item = &File> {
        self.destinations
            .iter()
            .filter_map(|destination| match destination {
                Destination::File(log) => Some(&*log.file),
                _ => None,
            })
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            types: LogTypes::DEFAULT,
            destinations: vec![Destination::Stderr],
            time: Time::default(),
            format: Format::default(),
            facility: None,
        }
    }
}

/// What a line says of the time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Time {
    /// Nothing.
    None,
    /// As the format has it: seconds since 1970, or ISO 8601 in JSON.
    #[default]
    Default,
    /// The local time, as strftime writes it.
    Format(String),
}

/// What a line looks like: `log_format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// As Mosquitto 2.0 writes it.
    #[default]
    Mosquitto20,
    /// As Mosquitto 2.1 writes it.
    Mosquitto21,
    /// One JSON object for each line.
    Json,
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Standard error, Mosquitto's default.
    Stderr,
    /// Standard output.
    Stdout,
    /// The system's log.
    Syslog,
    /// The topics below `$SYS/broker/log`.
    Topic,
    /// The end of a file.
    File(LogFile),
}

/// A file that lines are appended to. One that is opened again has the name,
/// though the file that had it may have been moved away.
#[derive(Clone, Debug)]
pub struct LogFile {
    pub(super) path: PathBuf,
    pub(super) file: Arc<File>,
}

impl LogFile {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// It cannot be opened for appending.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.into(),
            file: Arc::new(File::options().append(true).create(true).open(path)?),
        })
    }
}

impl PartialEq for LogFile {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for LogFile {}
