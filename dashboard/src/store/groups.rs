//! Which card stands where: groups by the first topic level, in the order of
//! the alphabet, so that two screens show the same page.

use std::rc::Rc;

use super::Topic;
use crate::tree::{order, places};
use crate::widget::LED_TOPIC;

/// How many columns a card takes on a laptop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// One.
    Narrow,
    /// Two: a topic with several numbers.
    Wide,
}

/// What fills a place on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The topic at this place of the store.
    Topic(usize, Width),
    /// The LED's switch, whether its topic was heard or not.
    Led,
}

impl Slot {
    /// Columns on a laptop.
    #[must_use]
    pub fn columns(self) -> usize {
        match self {
            Slot::Topic(_, Width::Wide) => 2,
            _ => 1,
        }
    }
}

/// The topics that share their first level.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The first level; empty for topics that have only one.
    pub name: Rc<str>,
    /// Its cards, by topic.
    pub slots: Vec<Slot>,
}

impl Group {
    /// Whether a topic has its place here.
    #[must_use]
    pub fn holds(&self, topic: &str) -> bool {
        first_level(topic) == &*self.name
    }
}

/// The first level of a topic that has more than one.
fn first_level(topic: &str) -> &str {
    match topic.split_once('/') {
        Some(("", _)) => "/",
        Some((level, _)) => level,
        None => "",
    }
}

/// Sorts the topics into groups; a group that did not change is the one of
/// `before`, so that it need not be drawn again.
pub(super) fn group(topics: &[Rc<Topic>], before: &[Rc<Group>]) -> Vec<Rc<Group>> {
    let led = order(LED_TOPIC);
    let others = topics.iter().enumerate();
    let others = others.filter(|(_, topic)| *topic.name != *LED_TOPIC);
    let mut slots: Vec<(&str, usize)> = others.map(|(at, topic)| (&*topic.order, at)).collect();
    slots.push((&led, topics.len()));
    let slots: Vec<(&str, Slot)> = places(slots)
        .map(|at| match topics.get(at) {
            Some(topic) => (&*topic.name, Slot::Topic(at, topic.width())),
            None => (LED_TOPIC, Slot::Led),
        })
        .collect();
    // Topics with one level only come at the end.
    let single = |(name, _): &&(&str, Slot)| first_level(name).is_empty();
    let slots = slots
        .iter()
        .filter(|slot| !single(slot))
        .chain(slots.iter().filter(single));
    let mut groups: Vec<Group> = Vec::new();
    for &(name, slot) in slots {
        let level = first_level(name);
        match groups.last_mut() {
            Some(group) if &*group.name == level => group.slots.push(slot),
            _ => groups.push(Group {
                name: level.into(),
                slots: vec![slot],
            }),
        }
    }
    // Both are in the order of the alphabet.
    let mut before = before.iter();
    let keep = |group: Group| {
        let is_it = |old: &&Rc<Group>| old.name == group.name;
        match before
            .clone()
            .position(|old| is_it(&old))
            .and_then(|at| before.nth(at))
        {
            Some(old) if **old == group => old.clone(),
            _ => Rc::new(group),
        }
    };
    groups.into_iter().map(keep).collect()
}
