//! Everything that has been heard, bounded: the latest reading of each topic,
//! recent points of each number, the latest messages.
//!
//! A clone costs a pointer for each topic, so that each frame's state can be a
//! new value and a card can tell by identity whether it has changed.

mod groups;
mod log;
mod series;
mod topic;

use std::collections::HashMap;
use std::rc::Rc;

use crate::time::Millis;

pub use groups::{Group, Slot, Width};
pub use log::{Log, LogEntry, lines};
pub use series::{Point, Series};
pub use topic::{Heard, Topic};

/// Topics that are held; later ones are counted in [`Store::left_out`].
pub const MAX_TOPICS: usize = 5_000;
/// Bytes that are held, as [`Topic::bytes`] counts them.
pub const MAX_BYTES: usize = 24 * 1024 * 1024;
/// When so many are held, no picture is kept whole any more: other topics need
/// the rest.
const ROOM_FOR_PICTURES: usize = MAX_BYTES / 2;
/// Longest topic name that gets a card. MQTT allows 65,535 bytes.
pub const MAX_NAME: usize = 1024;

/// A message as it came from the broker.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The topic it was published to.
    pub topic: String,
    /// Its bytes.
    pub payload: Vec<u8>,
    /// The broker had kept it: it says how things stood, not that something
    /// happened just now.
    pub retain: bool,
    /// When the page received it.
    pub at: Millis,
}

impl Message {
    /// Whether the broker says it of itself \[MQTT-4.7.2-1\].
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.topic.starts_with('$')
    }
}

/// The topics, by name and in groups.
#[derive(Clone, Debug, Default)]
pub struct Store {
    topics: Vec<Rc<Topic>>,
    index: Rc<HashMap<Rc<str>, usize>>,
    groups: Rc<Vec<Rc<Group>>>,
    bytes: usize,
    left_out: u64,
    log: Log,
}

impl Store {
    /// Takes in a frame's worth of messages.
    pub fn receive<'a>(&mut self, messages: impl IntoIterator<Item = &'a Message>, now: Millis) {
        let mut regroup = self.groups.is_empty();
        let mut logged = 0;
        for message in messages {
            self.log.push(message);
            logged += 1;
            match self.index.get(message.topic.as_str()) {
                Some(&at) => {
                    let topic = Rc::make_mut(&mut self.topics[at]);
                    let (before, width) = (topic.bytes(), topic.width());
                    topic.receive(message);
                    regroup |= topic.width() != width;
                    if self.bytes + topic.bytes() - before > ROOM_FOR_PICTURES {
                        topic.shorten();
                    }
                    self.bytes = self.bytes + topic.bytes() - before;
                }
                None => regroup |= self.add(message),
            }
        }
        self.log.show(logged, now);
        if regroup {
            self.groups = Rc::new(groups::group(&self.topics, &self.groups));
        }
    }

    fn add(&mut self, message: &Message) -> bool {
        if self.topics.len() >= MAX_TOPICS
            || self.bytes >= MAX_BYTES
            || message.topic.len() > MAX_NAME
        {
            self.left_out += 1;
            return false;
        }
        let mut topic = Topic::new(message);
        if self.bytes + topic.bytes() > ROOM_FOR_PICTURES {
            topic.shorten();
        }
        self.bytes += topic.bytes();
        Rc::make_mut(&mut self.index).insert(topic.name.clone(), self.topics.len());
        self.topics.push(Rc::new(topic));
        true
    }

    /// What the broker remembers of a topic comes before what was heard of it.
    pub fn fill(&mut self, topic: &str, past: &[(Millis, String)]) {
        if let Some(&at) = self.index.get(topic) {
            let topic = Rc::make_mut(&mut self.topics[at]);
            let before = topic.bytes();
            topic.series.iter_mut().for_each(|series| series.fill(past));
            self.bytes = self.bytes + topic.bytes() - before;
        }
    }

    /// Brings the shown log up to date.
    pub fn tick(&mut self, now: Millis) {
        self.log.show(0, now);
    }

    /// The topic called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Rc<Topic>> {
        self.index.get(name).map(|&at| &self.topics[at])
    }

    /// The topic at a place that [`Slot::Topic`] names.
    #[must_use]
    pub fn at(&self, at: usize) -> &Rc<Topic> {
        &self.topics[at]
    }

    /// How many topics are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.topics.len()
    }

    /// Whether nothing was received yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// All topics, in the order in which they were first heard.
    #[must_use]
    pub fn topics(&self) -> &[Rc<Topic>] {
        &self.topics
    }

    /// The same, one by one.
    pub fn iter(&self) -> impl Iterator<Item = &Rc<Topic>> {
        self.topics.iter()
    }

    /// The names of all topics, in the order in which they were first heard.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.topics.iter().map(|topic| &*topic.name)
    }

    /// The groups, by name. The LED has its place among them from the start.
    #[must_use]
    pub fn groups(&self) -> Rc<Vec<Rc<Group>>> {
        if self.groups.is_empty() {
            return Rc::new(groups::group(&[], &[]));
        }
        self.groups.clone()
    }

    /// Messages on topics that found no room.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The latest messages.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }
}

#[cfg(test)]
mod tests;
