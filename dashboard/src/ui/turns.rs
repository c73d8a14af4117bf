//! Who draws when: a frame of a flood is not enough for all cards of Home, and
//! nobody sees most of them.

use std::rc::Rc;

use super::home::HomeProps;
use crate::time::Millis;

/// More messages than this between two frames are a flood,
const FLOOD: u64 = 8;
/// and it is over when there was none for this many milliseconds.
const AFTERMATH: f64 = 500.0;

/// In a flood, those parts of Home that can be seen are drawn, in the frames that
/// change something there; the others take turns.
#[derive(Default)]
pub(super) struct Turns {
    /// What each part was told last.
    told: Vec<HomeProps>,
    /// What those in sight were told last, and the topics of theirs that are.
    shown: Option<HomeProps>,
    seen: Vec<String>,
    /// What is new.
    new: Option<HomeProps>,
    draw: Draw,
    heard: u64,
    flood: Option<Millis>,
    turn: usize,
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
            .filter(|shown| is_flood && self.told.len() == parts && is_same(shown, home))
            .map(|shown| seen != self.seen || is_news(shown, home, seen));
        self.new = Some(home.clone());
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
        self.told.resize(parts, home.clone());
        if news != Some(false) {
            self.shown = Some(home.clone());
            self.seen = seen.to_vec();
        }
    }

    /// What a part is told.
    pub(super) fn home(&mut self, part: usize) -> HomeProps {
        let is_wanted = match &self.draw {
            Draw::All => true,
            Draw::Some(wanted) => wanted[part],
            Draw::Nobody => false,
        };
        if let Some(new) = self.new.as_ref().filter(|_| is_wanted) {
            self.told[part] = new.clone();
        }
        self.told[part].clone()
    }
}

/// Whether only messages and time make the difference. Whatever somebody does is
/// seen at once, and so is what is new: a part must not draw new groups of an
/// old store.
fn is_same(before: &HomeProps, home: &HomeProps) -> bool {
    let (store, tracks) = (home.store.clone(), home.tracks.clone());
    let are_same = Rc::ptr_eq(&before.store.groups(), &home.store.groups());
    are_same
        && HomeProps {
            store,
            tracks,
            now: home.now,
            ..before.clone()
        } == *home
}

/// Whether anything of it can be seen: a second has passed, or one of the topics
/// was heard.
fn is_news(before: &HomeProps, home: &HomeProps, seen: &[String]) -> bool {
    let second = |home: &HomeProps| (home.now.0 / 1000.0).floor();
    let is_new = |topic: &String| match &**topic {
        "" => !Rc::ptr_eq(before.store.log().shown(), home.store.log().shown()),
        topic => {
            let (old, new) = (before.store.get(topic), home.store.get(topic));
            old.map(Rc::as_ptr) != new.map(Rc::as_ptr)
        }
    };
    second(before) < second(home) || seen.iter().any(is_new)
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use yew::Callback;

    use super::*;
    use crate::connection::Shown;
    use crate::store::{Message, Store};
    use crate::ui::shared::Shared;

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
        let parts = (0..PARTS).filter(|part| turns.home(*part) == *home);
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
