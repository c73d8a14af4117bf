//! The latest messages, and those of them that are on the screen.

use std::collections::VecDeque;
use std::rc::Rc;

use super::Message;
use crate::host;
use crate::json::Json;
use crate::time::Millis;

/// Messages that are held.
pub(super) const MAX_ENTRIES: usize = 500;
/// Characters that are kept of a payload.
const MAX_PAYLOAD: usize = 1_000;
/// A flood is shown in steps of this many milliseconds: faster, nobody reads it.
const STEP: f64 = 250.0;
/// What comes in a frame of a quiet broker is shown at once.
const QUIET: usize = 3;

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct LogEntry {
    /// Counts up; tells two equal messages apart.
    pub number: u64,
    /// When it came.
    pub at: Millis,
    /// Its topic.
    pub topic: Rc<str>,
    /// Its payload, cut, as text; `None` if it is none.
    pub payload: Option<Rc<str>>,
    /// Bytes of the whole payload.
    pub len: usize,
    /// The broker had kept it.
    pub retain: bool,
}

impl LogEntry {
    /// Whether `filter`, in small letters, is in its topic or payload.
    #[must_use]
    pub fn has(&self, filter: &str) -> bool {
        let has = |text: &str| host::lower(text).contains(filter);
        filter.is_empty() || has(&self.topic) || self.payload.as_deref().is_some_and(has)
    }
}

/// Messages as JSON lines, the oldest first: when each came, its topic and its
/// payload as far as it is kept, which `bytes` and `cut` tell. A payload that is
/// no text is null. The QoS is not known: the page listens at QoS 0.
pub fn lines<'a>(entries: impl DoubleEndedIterator<Item = &'a LogEntry>) -> String {
    let mut lines = String::new();
    for entry in entries.rev() {
        let payload = entry.payload.as_deref();
        let is_cut = payload.map_or(0, str::len) < entry.len;
        let line = Json::map([
            ("time", Json::Text(entry.at.iso())),
            ("topic", (&*entry.topic).into()),
            ("retained", Json::Bool(entry.retain)),
            ("payload", payload.map_or(Json::Null, Json::from)),
            ("bytes", (entry.len as f64).into()),
            ("cut", Json::Bool(is_cut)),
        ]);
        lines.push_str(&line.to_string());
        lines.push('\n');
    }
    lines
}

/// The latest messages.
#[derive(Clone, Debug, Default)]
pub struct Log {
    entries: Rc<VecDeque<LogEntry>>,
    shown: Rc<Vec<LogEntry>>,
    shown_at: Millis,
    count: u64,
}

impl Log {
    pub(super) fn push(&mut self, message: &Message) {
        self.count += 1;
        let look = &message.payload[..message.payload.len().min(MAX_PAYLOAD * 4)];
        let text = match std::str::from_utf8(look) {
            Ok(text) => Some(text),
            Err(error) if error.error_len().is_none() => {
                std::str::from_utf8(&look[..error.valid_up_to()]).ok()
            }
            Err(_) => None,
        };
        let text = text.filter(|text| !text.contains('\0'));
        let entries = Rc::make_mut(&mut self.entries);
        if entries.len() == MAX_ENTRIES {
            entries.pop_front();
        }
        entries.push_back(LogEntry {
            number: self.count,
            at: message.at,
            topic: message.topic.as_str().into(),
            payload: text.map(|text| text.chars().take(MAX_PAYLOAD).collect::<String>().into()),
            len: message.payload.len(),
            retain: message.retain,
        });
    }

    /// Puts the latest on the screen, if it is time: `new` came just now.
    pub(super) fn show(&mut self, new: usize, now: Millis) {
        let behind = self.shown.first().map_or(0, |entry| entry.number) != self.count;
        if behind && ((1..=QUIET).contains(&new) || now.since(self.shown_at) >= STEP) {
            self.shown = Rc::new(self.entries.iter().rev().cloned().collect());
            self.shown_at = now;
        }
    }

    /// What is on the screen, latest first.
    #[must_use]
    pub fn shown(&self) -> &Rc<Vec<LogEntry>> {
        &self.shown
    }

    /// Messages since the page was opened.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }
}
