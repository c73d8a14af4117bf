//! The log as a layer of `tracing`: one for the process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tracing::level_filters::LevelFilter;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::{Layer, Registry, reload};

use super::settings::{Destination, Format, Settings};
use super::types::Type;
use super::writer::Writer;
use super::{line, outputs};

/// How long the end of the program waits for the log to be taken.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// To the log that was started.
static LOG: OnceLock<reload::Handle<Lines, Registry>> = OnceLock::new();

/// Whether lines are as Mosquitto 2.1 has them.
static IS_2_1: AtomicBool = AtomicBool::new(false);

/// Starts the log, once for the process.
pub fn init(settings: Settings) {
    let (lines, handle) = reload::Layer::new(Lines::new(settings, &[]));
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
        let _ = log.modify(|lines| *lines = Lines::new(settings, &lines.sinks));
    }
}

/// Opens the files of the log again, as when somebody has moved them away; a
/// file that cannot be opened is gone on with. Gives what is wrong.
pub(crate) fn reopen() -> Vec<String> {
    let mut wrong = Vec::new();
    let Some(log) = LOG.get() else {
        return wrong;
    };
    let Some(mut settings) = log.with_current(|lines| lines.settings.clone()).ok() else {
        return wrong;
    };
    for destination in &mut settings.destinations {
        if let Destination::File(file) = destination {
            match super::LogFile::open(&file.path) {
                Ok(opened) => *file = opened,
                Err(error) => wrong.push(format!(
                    "cannot open the log file {} again: {error}",
                    file.path.display()
                )),
            }
        }
    }
    set(settings);
    wrong
}

/// Waits for what was logged so far to be written, for a moment.
pub fn flush() {
    let deadline = Instant::now() + LAST_WORDS;
    let sinks = LOG
        .get()
        .and_then(|log| log.with_current(|lines| lines.sinks.clone()).ok());
    for sink in sinks.into_iter().flatten() {
        sink.writer.flush(deadline);
    }
}

/// Whether lines are as Mosquitto 2.1 has them.
pub(super) fn is_2_1() -> bool {
    IS_2_1.load(Ordering::Relaxed)
}

struct Lines {
    settings: Settings,
    sinks: Vec<Arc<Sink>>,
}

struct Sink {
    destination: Destination,
    facility: Option<u8>,
    writer: Writer,
}

impl Lines {
    /// Goes on with those sinks that are the same as before, so that lines
    /// stay in order.
    fn new(settings: Settings, before: &[Arc<Sink>]) -> Self {
        IS_2_1.store(settings.format == Format::Mosquitto21, Ordering::Relaxed);
        let facility = settings.facility;
        let mut sinks: Vec<Arc<Sink>> = Vec::new();
        for destination in &settings.destinations {
            let is_it = |sink: &&Arc<Sink>| is_same(sink, destination, facility);
            if sinks.iter().any(|sink| is_it(&sink)) {
                continue;
            }
            let sink = before.iter().find(is_it).cloned().or_else(|| {
                Some(Arc::new(Sink {
                    destination: destination.clone(),
                    facility,
                    writer: outputs::start(destination, facility)?,
                }))
            });
            sinks.extend(sink);
        }
        Self { settings, sinks }
    }
}

fn is_same(sink: &Sink, destination: &Destination, facility: Option<u8>) -> bool {
    match (&sink.destination, destination) {
        (Destination::File(one), Destination::File(other)) => Arc::ptr_eq(&one.file, &other.file),
        (Destination::Syslog, Destination::Syslog) => sink.facility == facility,
        (one, other) => one == other,
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let kind = Type::find(metadata.target());
        !self.sinks.is_empty() && kind.is_some_and(|kind| self.settings.types.has(kind))
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let types = self.settings.types;
        let has_details = [Type::Debug, Type::Subscribe, Type::Unsubscribe]
            .into_iter()
            .any(|kind| types.has(kind));
        Some(if self.sinks.is_empty() {
            LevelFilter::OFF
        } else if has_details {
            LevelFilter::DEBUG
        } else {
            LevelFilter::INFO
        })
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Some(kind) = Type::find(event.metadata().target()) else {
            return;
        };
        let mut text = None;
        for sink in &self.sinks {
            if !outputs::takes(&sink.destination, kind) {
                continue;
            }
            let text = text.get_or_insert_with(|| line::write(&self.settings, kind, event));
            sink.writer.push((kind, text.clone()), |lost| {
                let text = format!(
                    "Warning: lines of the log are missing here ({lost}): they could not be \
                     written in time."
                );
                let kind = Type::Warning;
                (kind, line::write_text(&self.settings, kind, &text))
            });
        }
    }
}
