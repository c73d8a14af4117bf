//! One topic: its latest reading and what is known about its rhythm.

use std::collections::VecDeque;
use std::rc::Rc;

use super::{Message, Series, Width};
use crate::extract::{self, Reading};
use crate::payload;
use crate::time::{Age, Millis};
use crate::tree::order;

/// A topic is late after this many of its usual intervals.
const LATE: f64 = 3.0;
/// No topic is late sooner than this, however fast it usually comes.
const SHORTEST_LATE: f64 = 5_000.0;
/// Intervals that are seen before one is called usual.
const RHYTHM: u32 = 2;

/// Bytes that are kept of the latest payload and of the one before,
const MAX_PAYLOAD: usize = 4096;
/// and of those before it.
const MAX_PAST: usize = 256;
/// Bytes up to which a latest payload is kept whole if it is a picture.
const MAX_PICTURE: usize = 256 * 1024;
/// Messages before the latest one that are kept.
pub(super) const MAX_HISTORY: usize = 12;

/// A message as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// When the page received it.
    pub at: Millis,
    /// The broker had kept it.
    pub retain: bool,
    /// Its payload, as much as is kept of it.
    pub payload: Rc<[u8]>,
    /// Bytes of the whole payload.
    pub len: usize,
}

impl Heard {
    fn new(message: &Message) -> Heard {
        let most = match payload::picture(&message.payload) {
            Some(_) if message.payload.len() <= MAX_PICTURE => MAX_PICTURE,
            _ => MAX_PAYLOAD,
        };
        let kept = message.payload.len().min(most);
        Heard {
            at: message.at,
            retain: message.retain,
            payload: message.payload[..kept].into(),
            len: message.payload.len(),
        }
    }

    /// Whether some of the payload is missing.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.payload.len() < self.len
    }

    fn shorten(&mut self, most: usize) {
        if self.payload.len() > most {
            self.payload = self.payload[..most].into();
        }
    }
}

/// One topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Topic {
    /// Its name.
    pub name: Rc<str>,
    /// What it is sorted by.
    pub order: Rc<str>,
    /// What the latest payload says; for numbers, `series` says it.
    pub reading: Reading,
    /// The numbers of the latest payload, with their past.
    pub series: Vec<Series>,
    /// When it was last heard live; `None` while only a retained message came.
    pub heard: Option<Millis>,
    /// The latest message.
    pub latest: Heard,
    /// Those before it, latest first.
    pub history: VecDeque<Heard>,
    /// Messages since the page was opened.
    pub count: u64,
    /// The usual time between two messages in milliseconds.
    interval: f64,
    intervals: u32,
}

impl Topic {
    /// A topic whose first message this is.
    #[must_use]
    pub fn new(message: &Message) -> Topic {
        let mut topic = Topic {
            name: message.topic.as_str().into(),
            order: order(&message.topic).into(),
            reading: Reading::Text {
                text: String::new(),
                cut: false,
            },
            series: Vec::new(),
            heard: None,
            latest: Heard::new(message),
            history: VecDeque::new(),
            count: 1,
            interval: 0.0,
            intervals: 0,
        };
        topic.read(extract::extract(&message.payload), message);
        topic
    }

    /// The next message on this topic.
    pub fn receive(&mut self, message: &Message) {
        let reading = extract::extract(&message.payload);
        if message.retain && self.says(&reading) {
            // Sent again because the page subscribed again: nothing happened.
            return;
        }
        let mut before = std::mem::replace(&mut self.latest, Heard::new(message));
        before.shorten(MAX_PAYLOAD);
        self.history.truncate(MAX_HISTORY - 1);
        if let Some(earlier) = self.history.front_mut() {
            earlier.shorten(MAX_PAST);
        }
        self.history.push_front(before);
        self.count += 1;
        self.read(reading, message);
    }

    /// Keeps no picture whole: there is no room for it.
    pub(super) fn shorten(&mut self) {
        self.latest.shorten(MAX_PAYLOAD);
    }

    fn read(&mut self, mut reading: Reading, message: &Message) {
        let live = (!message.retain).then_some(message.at);
        if let Some(at) = live {
            self.learn(at);
        }
        self.heard = live;
        if let Reading::Numbers(leaves) = &mut reading {
            self.push(std::mem::take(leaves), live);
        }
        self.reading = reading;
    }

    fn push(&mut self, leaves: Vec<extract::Leaf>, live: Option<Millis>) {
        let mut before = std::mem::take(&mut self.series);
        for leaf in leaves {
            let known = before
                .iter()
                .position(|series| series.leaf.path == leaf.path);
            self.series.push(match known {
                Some(at) => {
                    let mut series = before.swap_remove(at);
                    series.push(leaf, live);
                    series
                }
                None => Series::new(leaf, live),
            });
        }
    }

    fn learn(&mut self, at: Millis) {
        let Some(heard) = self.heard else { return };
        let gap = at.since(heard);
        // A silence is an exception once; twice in a row, it is the new rhythm.
        if self.intervals >= RHYTHM && gap > self.late_after() {
            self.intervals = RHYTHM - 1;
            return;
        }
        self.intervals = self.intervals.saturating_add(1);
        let weight = 1.0 / f64::from(self.intervals.min(8));
        self.interval += (gap - self.interval) * weight;
    }

    fn late_after(&self) -> f64 {
        (self.interval * LATE).max(SHORTEST_LATE)
    }

    /// Whether the latest reading says just this.
    fn says(&self, reading: &Reading) -> bool {
        match reading {
            Reading::Numbers(leaves) => {
                matches!(self.reading, Reading::Numbers(_))
                    && leaves
                        .iter()
                        .eq(self.series.iter().map(|series| &series.leaf))
            }
            other => *other == self.reading,
        }
    }

    /// How long ago it was heard.
    #[must_use]
    pub fn age(&self, now: Millis) -> Age {
        self.heard
            .map_or(Age::Unknown, |heard| Age::of(now.since(heard)))
    }

    /// Whether it has been silent for longer than it usually is. What repeats
    /// itself is expected again; a state stays until it changes.
    #[must_use]
    pub fn is_stale(&self, now: Millis) -> bool {
        self.intervals >= RHYTHM
            && matches!(self.reading, Reading::Numbers(_))
            && self
                .heard
                .is_some_and(|heard| now.since(heard) > self.late_after())
    }

    /// Messages in a minute, as it usually is, once that is known.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        (self.intervals >= RHYTHM && self.interval > 0.0).then(|| 60_000.0 / self.interval)
    }

    /// How much room its card takes.
    #[must_use]
    pub fn width(&self) -> Width {
        match self.reading {
            Reading::Numbers(_) if self.series.len() > 1 => Width::Wide,
            _ => Width::Narrow,
        }
    }

    /// The last level of its name, which names the thing.
    #[must_use]
    pub fn last_level(&self) -> &str {
        let name = self.name.trim_end_matches('/');
        match name.rsplit('/').next() {
            Some(level) if !level.is_empty() => level,
            _ => &self.name,
        }
    }

    /// Roughly what it holds in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let reading = match &self.reading {
            Reading::Text { text, .. } => text.len(),
            _ => 0,
        };
        let series = self.series.iter().map(|series| {
            let leaf = &series.leaf;
            size_of::<Series>()
                + leaf.path.len()
                + leaf.label.as_ref().map_or(0, String::len)
                + leaf.unit.len()
                + series.points.capacity() * size_of::<super::Point>()
        });
        let history = self.history.capacity() * size_of::<Heard>();
        let payloads = self.history.iter().chain([&self.latest]);
        // The name is held twice: here and in the index.
        size_of::<Topic>()
            + 64
            + 2 * self.name.len()
            + self.order.len()
            + reading
            + series.sum::<usize>()
            + history
            + payloads
                .map(|heard| heard.payload.len() + 16)
                .sum::<usize>()
    }
}
