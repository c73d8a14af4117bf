//! Which card stands where: groups by the first topic level, in the order of
//! the alphabet, so that two screens show the same page.

use std::collections::HashMap;
use std::rc::Rc;

use super::Topic;
use crate::switch::LED_TOPIC;
use crate::tree::order;

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
    let led: Rc<str> = order(LED_TOPIC).into();
    let mut slots: Vec<(bool, &str, &str, Slot)> = vec![(false, &led, LED_TOPIC, Slot::Led)];
    for (at, topic) in topics.iter().enumerate() {
        if &*topic.name != LED_TOPIC {
            // Topics with one level only come at the end.
            let single = !topic.name.contains('/');
            let slot = Slot::Topic(at, topic.width());
            slots.push((single, &topic.order, &topic.name, slot));
        }
    }
    slots.sort_unstable_by(|one, other| (one.0, one.1).cmp(&(other.0, other.1)));
    let mut groups: Vec<Group> = Vec::new();
    for (_, _, name, slot) in slots {
        let level = first_level(name);
        match groups.last_mut() {
            Some(group) if &*group.name == level => group.slots.push(slot),
            _ => groups.push(Group {
                name: level.into(),
                slots: vec![slot],
            }),
        }
    }
    let before: HashMap<&str, &Rc<Group>> =
        before.iter().map(|group| (&*group.name, group)).collect();
    let keep = |group: Group| match before.get(&*group.name) {
        Some(&old) if **old == group => old.clone(),
        _ => Rc::new(group),
    };
    groups.into_iter().map(keep).collect()
}
