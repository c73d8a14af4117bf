use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::{Layer, Registry, reload};

/// Which lines are written: Mosquitto's `log_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogTypes(u8);

const TYPES: [&str; 7] = [
    "error",
    "warning",
    "notice",
    "information",
    "subscribe",
    "unsubscribe",
    "debug",
];

impl LogTypes {
    /// No lines.
    pub const NONE: Self = Self(0);
    /// `log_type all`, and `-v`.
    pub const ALL: Self = Self(0b111_1111);
    /// What Mosquitto writes when nothing is said.
    pub const DEFAULT: Self = Self(0b000_1111);

    /// Adds the types that a `log_type` line names; false if there is no such
    /// type. Types that this broker has no lines of add nothing.
    pub fn add(&mut self, name: &str) -> bool {
        match name {
            "all" => self.0 = Self::ALL.0,
            "none" => self.0 = 0,
            "websockets" | "internal" => {}
            name => match TYPES.iter().position(|known| *known == name) {
                Some(bit) => self.0 |= 1 << bit,
                None => return false,
            },
        }
        true
    }

    fn has(self, name: &str) -> bool {
        let bit = TYPES.iter().position(|known| *known == name);
        bit.is_some_and(|bit| self.0 & 1 << bit != 0)
    }
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Standard error, Mosquitto's default.
    Stderr,
    /// Standard output.
    Stdout,
    /// The end of a file.
    File(LogFile),
}

impl Destination {
    fn write(&self, line: &[u8]) -> io::Result<()> {
        match self {
            Self::Stderr => io::stderr().lock().write_all(line),
            Self::Stdout => io::stdout().lock().write_all(line),
            Self::File(log) => (&*log.file).write_all(line),
        }
    }
}

/// A file that lines are appended to. One that is opened again has the name,
/// though the file that had it may have been moved away.
#[derive(Clone, Debug)]
pub struct LogFile {
    path: PathBuf,
    file: Arc<File>,
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

/// How the log is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which lines.
    pub types: LogTypes,
    /// Where to: all of these.
    pub destinations: Vec<Destination>,
    /// Whether each line starts with the seconds since 1970.
    pub timestamp: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            types: LogTypes::DEFAULT,
            destinations: vec![Destination::Stderr],
            timestamp: true,
        }
    }
}

/// To the log that was started.
static LOG: OnceLock<reload::Handle<Lines, Registry>> = OnceLock::new();

/// Starts the log, once for the process.
pub fn init(settings: Settings) {
    let (lines, handle) = reload::Layer::new(Lines(settings));
    let subscriber = tracing_subscriber::registry().with(lines);
    // A second call in one process (a test) keeps the first log.
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        let _ = LOG.set(handle);
    }
}

/// Writes the log in another way from here on, if it was started.
pub(crate) fn set(settings: Settings) {
    if let Some(log) = LOG.get() {
        // It fails only where there is no log any more.
        let _ = log.reload(Lines(settings));
    }
}

struct Lines(Settings);

impl<S: Subscriber> Layer<S> for Lines {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        !self.0.destinations.is_empty() && self.0.types.has(metadata.target())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let types = self.0.types;
        Some(if self.0.destinations.is_empty() {
            LevelFilter::OFF
        } else if types.has("debug") || types.has("subscribe") || types.has("unsubscribe") {
            LevelFilter::DEBUG
        } else {
            LevelFilter::INFO
        })
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line(String::new());
        if self.0.timestamp {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            line.0 = format!("{}: ", now.unwrap_or_default().as_secs());
        }
        event.record(&mut line);
        line.0.push('\n');
        for destination in &self.0.destinations {
            // A log that cannot be written is no reason to stop.
            let _ = destination.write(line.0.as_bytes());
        }
    }
}

/// Names and topics come from strangers: control characters are escaped, so
/// that nobody can forge a line. A leading tab is the lines' own.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() != "message" {
            return;
        }
        for (i, c) in format!("{value:?}").chars().enumerate() {
            if c.is_control() && !(i == 0 && c == '\t') {
                self.0.extend(c.escape_default());
            } else {
                self.0.push(c);
            }
        }
    }
}
