//! Who draws when: a frame of a flood is not enough for all cards of Home.

use std::rc::Rc;

use super::home::HomeProps;

/// More messages than this between two frames are a flood: then the cards take
/// turns, so many frames long.
const FLOOD: u64 = 8;
const TURNS: usize = 6;

/// In a flood the parts of Home take turns, so that no frame draws all of them.
#[derive(Default)]
pub(super) struct Turns {
    /// What each part was told last.
    told: Vec<HomeProps>,
    /// What is new, and whose turn it is; none if all are to be told.
    new: Option<(HomeProps, Option<usize>)>,
    heard: u64,
    turn: usize,
}

impl Turns {
    /// A frame begins.
    pub(super) fn begin(&mut self, home: &HomeProps, parts: usize) {
        let heard = home.store.log().count();
        let is_flood = heard - self.heard > FLOOD;
        let before = self.told.first();
        // Whatever somebody does is seen at once, and so is what is new: a part
        // must not draw new groups of an old store.
        let is_same = before.is_some_and(|told| {
            let store = home.store.clone();
            let (now, tracks) = (home.now, home.tracks.clone());
            let are_same = Rc::ptr_eq(&told.store.groups(), &home.store.groups());
            are_same
                && HomeProps {
                    store,
                    now,
                    tracks,
                    ..told.clone()
                } == *home
        });
        self.heard = heard;
        self.turn = (self.turn + 1) % TURNS;
        let is_turn = is_flood && is_same && self.told.len() == parts;
        self.new = Some((home.clone(), is_turn.then_some(self.turn)));
        self.told.resize(parts, home.clone());
    }

    /// What a part is told.
    pub(super) fn home(&mut self, part: usize) -> HomeProps {
        if let Some((new, turn)) = &self.new
            && turn.is_none_or(|turn| part % TURNS == turn)
        {
            self.told[part] = new.clone();
        }
        self.told[part].clone()
    }
}

#[cfg(test)]
mod tests {
    use yew::Callback;

    use super::*;
    use crate::connection::Shown;
    use crate::store::{Message, Store};
    use crate::time::Millis;
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

    /// The next frame, with messages on so many topics.
    fn hear(before: &HomeProps, topics: u64) -> HomeProps {
        let mut store = (*before.store.0).clone();
        let now = Millis(before.now.0 + 16.0);
        let messages: Vec<Message> = (0..topics)
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

    /// How many parts are told of this frame.
    fn told(turns: &mut Turns, home: &HomeProps) -> usize {
        turns.begin(home, PARTS);
        (0..PARTS).filter(|part| turns.home(*part) == *home).count()
    }

    #[test]
    fn parts_take_turns_in_a_flood_and_only_then() {
        let mut turns = Turns::default();
        let quiet = hear(&home(&Store::default(), 0.0), 2 * FLOOD);
        assert_eq!(told(&mut turns, &quiet), PARTS, "the first frame");
        let mut flood = quiet;
        for _ in 0..TURNS {
            flood = hear(&flood, 2 * FLOOD);
            assert_eq!(told(&mut turns, &flood), PARTS / TURNS);
        }
        let quiet = hear(&flood, FLOOD);
        assert_eq!(told(&mut turns, &quiet), PARTS);
    }

    #[test]
    fn what_is_new_or_was_done_by_somebody_is_told_to_all() {
        let mut turns = Turns::default();
        let first = hear(&home(&Store::default(), 0.0), 2 * FLOOD);
        told(&mut turns, &first);
        let topics = hear(&first, 3 * FLOOD);
        assert_eq!(told(&mut turns, &topics), PARTS, "new topics");
        let pressed = HomeProps {
            controls: Shared(Rc::default()),
            ..hear(&topics, 3 * FLOOD)
        };
        assert_eq!(told(&mut turns, &pressed), PARTS, "a press");
    }
}
