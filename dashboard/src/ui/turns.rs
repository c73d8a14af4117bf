//! Who draws when: a frame of a flood is not enough for all cards of Home, and
//! nobody sees most of them.

use std::cell::{Ref, RefCell};
use std::rc::Rc;

use super::home::HomeProps;
use super::shared::Shared;
use crate::store::{Group, LogEntry, Topic};
use crate::time::Millis;

/// More messages than this between two frames are a flood,
const FLOOD: u64 = 8;
/// and it is over when there was none for this many milliseconds.
const AFTERMATH: f64 = 500.0;

/// What a part of Home is told: all there is, as of the last frame. It is the
/// same while the part is not to be drawn anew, and holds nothing that is old:
/// what was heard of thousands of topics since would add up.
#[derive(Clone)]
pub(super) struct Told {
    home: Rc<RefCell<Option<HomeProps>>>,
    /// The frame that it was told of last.
    frame: u64,
}

impl Told {
    /// What there is.
    pub(super) fn home(&self) -> Ref<'_, HomeProps> {
        Ref::map(self.home.borrow(), |home| {
            home.as_ref().expect("a frame began before it was told of")
        })
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
impl Told {
    pub(super) fn once(home: HomeProps) -> Told {
        Told {
            home: Rc::new(RefCell::new(Some(home))),
            frame: 0,
        }
    }
}

impl PartialEq for Told {
    fn eq(&self, other: &Self) -> bool {
        self.frame == other.frame
    }
}

/// In a flood, those parts of Home that can be seen are drawn, in the frames that
/// change something there; the others take turns.
#[derive(Default)]
pub(super) struct Turns {
    home: Rc<RefCell<Option<HomeProps>>>,
    /// Counts the frames.
    frame: u64,
    /// Which one each part was told of last.
    told: Vec<u64>,
    /// What those in sight were told last.
    shown: Option<Sight>,
    log: Rc<Vec<LogEntry>>,
    draw: Draw,
    heard: u64,
    flood: Option<Millis>,
    turn: usize,
}

/// What could be seen, without all that could not.
struct Sight {
    /// What people do, and how the connection is.
    home: HomeProps,
    groups: Rc<Vec<Rc<Group>>>,
    log: Rc<Vec<LogEntry>>,
    topics: Vec<(String, Option<Rc<Topic>>)>,
}

/// Whom a frame is for.
#[derive(Default)]
enum Draw {
    #[default]
    All,
    /// Those in sight, and one more.
    Some(Vec<bool>),
    Nobody,
}

impl Turns {
    /// A frame begins. `seen` is the topics whose cards are in sight, and no
    /// name for the log's; `holds` says whether a part has such a card.
    pub(super) fn begin(
        &mut self,
        home: &HomeProps,
        parts: usize,
        seen: &[String],
        holds: impl Fn(usize, &str) -> bool,
    ) {
        let heard = home.store.log().count();
        if heard - self.heard > FLOOD {
            self.flood = Some(home.now);
        }
        self.heard = heard;
        let is_flood = self
            .flood
            .is_some_and(|flood| home.now.since(flood) < AFTERMATH);
        let news = self
            .shown
            .as_ref()
            .filter(|shown| is_flood && self.told.len() == parts && shown.is_same(home))
            .map(|shown| shown.is_news(home, seen));
        self.draw = match news {
            Some(false) => Draw::Nobody,
            Some(true) if !seen.is_empty() => {
                self.turn = (self.turn + 1) % parts;
                let is_seen = |part| seen.iter().any(|topic| holds(part, topic));
                let wanted = (0..parts).map(|part| part == self.turn || is_seen(part));
                Draw::Some(wanted.collect())
            }
            _ => Draw::All,
        };
        self.frame += 1;
        self.home.replace(Some(home.clone()));
        self.told.resize(parts, self.frame);
        if news != Some(false) {
            self.shown = Some(Sight::new(home, seen));
        }
    }

    /// What a part is told.
    pub(super) fn tell(&mut self, part: usize) -> Told {
        let is_wanted = match &self.draw {
            Draw::All => true,
            Draw::Some(wanted) => wanted[part],
            Draw::Nobody => false,
        };
        if is_wanted {
            self.told[part] = self.frame;
        }
        Told {
            home: self.home.clone(),
            frame: self.told[part],
        }
    }

    /// The latest messages, for the part that shows them.
    pub(super) fn log(&mut self, part: usize) -> Rc<Vec<LogEntry>> {
        let told = self.tell(part);
        if told.frame == self.frame {
            self.log = told.home().store.log().shown().clone();
        }
        self.log.clone()
    }
}

impl Sight {
    fn new(home: &HomeProps, seen: &[String]) -> Sight {
        let topic = |topic: &String| (topic.clone(), home.store.get(topic).cloned());
        Sight {
            groups: home.store.groups(),
            log: home.store.log().shown().clone(),
            topics: seen.iter().map(topic).collect(),
            home: HomeProps {
                store: Shared(Rc::default()),
                tracks: Shared(Rc::default()),
                ..home.clone()
            },
        }
    }

    /// Whether only messages and time make the difference. Whatever somebody does
    /// is seen at once, and so is what is new.
    fn is_same(&self, home: &HomeProps) -> bool {
        let before = &self.home;
        Rc::ptr_eq(&self.groups, &home.store.groups())
            && HomeProps {
                store: before.store.clone(),
                tracks: before.tracks.clone(),
                now: before.now,
                ..home.clone()
            } == *before
    }

    /// Whether anything of it can be seen: somebody has scrolled, a second has
    /// passed, or one of the topics was heard.
    fn is_news(&self, home: &HomeProps, seen: &[String]) -> bool {
        let second = |home: &HomeProps| (home.now.0 / 1000.0).floor();
        let is_new = |(topic, before): &(String, Option<Rc<Topic>>)| match &**topic {
            "" => !Rc::ptr_eq(&self.log, home.store.log().shown()),
            topic => before.as_ref().map(Rc::as_ptr) != home.store.get(topic).map(Rc::as_ptr),
        };
        !seen.iter().eq(self.topics.iter().map(|(topic, _)| topic))
            || second(&self.home) < second(home)
            || self.topics.iter().any(is_new)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use yew::Callback;

    use super::*;
    use crate::connection::Shown;
    use crate::store::{Message, Store};

    const PARTS: usize = 12;

    fn home(store: &Store, now: f64) -> HomeProps {
        HomeProps {
            store: Shared(Rc::new(store.clone())),
            controls: Shared(Rc::default()),
            home: Shared(Rc::default()),
            tracks: Shared(Rc::default()),
            now: Millis(now),
            offset: 0,
            shown: Shown::Connected,
            on_press: Callback::noop(),
            on_home: Callback::noop(),
        }
    }

    /// The next frame, with messages on these topics.
    fn hear(before: &HomeProps, topics: Range<u64>) -> HomeProps {
        let mut store = (*before.store.0).clone();
        let now = Millis(before.now.0 + 16.0);
        let messages: Vec<Message> = topics
            .map(|number| Message {
                topic: format!("a/{number}"),
                payload: b"1".to_vec(),
                retain: false,
                at: now,
            })
            .collect();
        store.receive(&messages, now);
        HomeProps {
            store: Shared(Rc::new(store)),
            now,
            ..before.clone()
        }
    }

    /// Which parts are told of this frame; the topic of each has its number.
    fn told(turns: &mut Turns, home: &HomeProps, seen: &[String]) -> Vec<usize> {
        turns.begin(home, PARTS, seen, |part, topic| {
            topic == format!("a/{part}")
        });
        let parts = (0..PARTS).filter(|part| {
            let told = turns.tell(*part);
            assert!(*told.home() == *home, "it is all as it is now");
            told.frame == turns.frame
        });
        parts.collect()
    }

    const ALL: [usize; PARTS] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

    #[test]
    fn in_a_flood_what_is_in_sight_is_drawn_and_the_rest_takes_turns() {
        let seen = ["a/5", "a/6"].map(str::to_owned);
        let mut turns = Turns::default();
        let first = hear(&home(&Store::default(), 0.0), 0..20);
        assert_eq!(told(&mut turns, &first, &seen), ALL, "the first frame");
        let mut flood = hear(&first, 0..20);
        let mut others = vec![];
        for _ in 0..PARTS {
            let told = told(&mut turns, &flood, &seen);
            assert!(told.contains(&5) && told.contains(&6));
            others.extend(told.into_iter().filter(|part| ![5, 6].contains(part)));
            flood = hear(&flood, 0..20);
        }
        others.sort_unstable();
        assert_eq!(others, [0, 1, 2, 3, 4, 7, 8, 9, 10, 11], "each once");
        told(&mut turns, &flood, &seen);
        let unseen = hear(&flood, 7..20);
        assert_eq!(told(&mut turns, &unseen, &seen), [0; 0]);
        let scrolled = ["a/7".to_owned()];
        assert!(told(&mut turns, &unseen, &scrolled).contains(&7));
        let late = HomeProps {
            now: Millis(1_000.0),
            ..hear(&unseen, 8..20)
        };
        assert!(told(&mut turns, &late, &scrolled).contains(&7), "its age");
        let calm = HomeProps {
            now: Millis(late.now.0 + AFTERMATH),
            ..hear(&late, 0..1)
        };
        assert_eq!(told(&mut turns, &calm, &scrolled), ALL);
        let calm = hear(&calm, 0..1);
        assert_eq!(told(&mut turns, &calm, &scrolled), ALL);
    }

    #[test]
    fn what_is_new_or_was_done_by_somebody_is_told_to_all() {
        let seen = ["a/5".to_owned()];
        let mut turns = Turns::default();
        let first = hear(&home(&Store::default(), 0.0), 0..20);
        told(&mut turns, &first, &seen);
        let topics = hear(&first, 6..30);
        assert_eq!(told(&mut turns, &topics, &seen), ALL, "new topics");
        let pressed = HomeProps {
            controls: Shared(Rc::default()),
            ..hear(&topics, 6..30)
        };
        assert_eq!(told(&mut turns, &pressed, &seen), ALL, "a press");
    }

    #[test]
    fn nobody_holds_what_is_old() {
        let seen = ["a/5".to_owned()];
        let mut turns = Turns::default();
        let mut home = hear(&home(&Store::default(), 0.0), 0..20);
        told(&mut turns, &home, &seen);
        let parts: Vec<Told> = (0..PARTS).map(|part| turns.tell(part)).collect();
        let old = Rc::downgrade(&home.store.0);
        home = hear(&home, 6..20);
        turns.begin(&home, PARTS, &seen, |_, _| false);
        assert!(old.upgrade().is_none());
        let is_drawn = |part: &Told| *part != turns.tell(0);
        assert!(!parts.iter().any(is_drawn), "though nothing is drawn");
    }

    #[test]
    fn while_it_is_not_known_what_is_seen_all_is_drawn() {
        let mut turns = Turns::default();
        let first = hear(&home(&Store::default(), 0.0), 0..20);
        told(&mut turns, &first, &[]);
        let later = HomeProps {
            now: Millis(1_000.0),
            ..hear(&first, 0..20)
        };
        assert_eq!(told(&mut turns, &later, &[]), ALL);
    }
}
