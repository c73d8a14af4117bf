//! What Home knows beside the topics: who listens to them, and what somebody
//! has made of it.

use std::rc::Rc;

use crate::desk::{Failure, Kept};
use crate::store::Topic;
use crate::widget::{Change, Edit, Layout, Widget, listeners};

/// The layout's name on the broker.
pub const NAME: &str = "home";

/// Where the layout is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keeper {
    /// Nobody has said yet.
    #[default]
    Unknown,
    /// The broker: all pages show the same.
    Broker,
    /// This browser alone: the broker is none of ours.
    Browser,
    /// The broker, and this user may not change it.
    ReadOnly,
}

/// Why a layout is not saved yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Somebody else has changed it in the meantime.
    Conflict,
    /// Anything else, in words.
    Other(String),
}

/// What Home knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Home {
    /// As it is kept.
    pub layout: Rc<Layout>,
    /// Which version of it that is.
    pub revision: u64,
    /// Who keeps it.
    pub keeper: Keeper,
    /// As it is being changed.
    pub edit: Option<Rc<Edit>>,
    /// The card that is dragged.
    pub drag: Option<usize>,
    /// The card whose fields are open.
    pub open: Option<usize>,
    /// Why the changes are not saved.
    pub trouble: Option<Trouble>,
    /// Topics that somebody else subscribes to.
    listened: Rc<Vec<String>>,
}

/// What can happen to it.
#[derive(Clone, Debug)]
pub enum Event {
    /// The broker tells who subscribes: of these topics, those.
    Listened(Vec<String>),
    /// Somebody who keeps layouts was found.
    Keeper(Keeper),
    /// A layout was kept, here or elsewhere.
    Kept(Layout, u64),
    /// Somebody begins to change it, or stops without keeping that.
    Edit(bool),
    /// A change.
    Change(Change),
    /// A card is taken by its grip, or let go.
    Grab(Option<usize>),
    /// The fields of a card are opened, or closed.
    Open(Option<usize>),
    /// It was kept, or was not.
    Saved(Result<u64, Failure>),
    /// After a conflict: what the other made is taken, or is to be overwritten.
    Settle(bool),
}

impl Home {
    /// The layout to show.
    #[must_use]
    pub fn shown(&self) -> &Layout {
        self.edit
            .as_ref()
            .map_or(&*self.layout, |edit| &edit.layout)
    }

    /// Whether somebody other than this page subscribes to a topic.
    #[must_use]
    pub fn listens(&self, topic: &str) -> bool {
        self.listened.iter().any(|other| *other == topic)
    }

    /// The topics of which is to be known who subscribes to them.
    pub fn asked(topics: &[Rc<Topic>], most: usize) -> Vec<String> {
        let commands = topics
            .iter()
            .filter(|topic| topic.series.is_empty() || topic.series.len() == 1);
        commands
            .flat_map(|topic| listeners(&topic.name))
            .take(most)
            .collect()
    }

    /// Takes in what has happened.
    pub fn take(&mut self, event: Event) {
        match event {
            Event::Listened(topics) => {
                if *self.listened != topics {
                    self.listened = Rc::new(topics);
                }
            }
            Event::Keeper(keeper) => self.keeper = keeper,
            Event::Kept(layout, revision) => {
                if revision >= self.revision {
                    let is_mine = self.edit.as_ref().is_some_and(|edit| edit.layout == layout);
                    if is_mine {
                        (self.edit, self.open, self.trouble) = (None, None, None);
                    } else if self.edit.is_some() && revision > self.revision {
                        self.trouble = Some(Trouble::Conflict);
                    }
                    (self.layout, self.revision) = (Rc::new(layout), revision);
                }
            }
            Event::Edit(true) => self.edit = Some(Rc::new(Edit::new((*self.layout).clone()))),
            Event::Edit(false) => (self.edit, self.open, self.trouble) = (None, None, None),
            Event::Change(change) => {
                if let Some(edit) = &mut self.edit {
                    let moves = !matches!(change, Change::Set(..) | Change::Turn(..));
                    let adds = matches!(change, Change::Keep(_));
                    if let (Change::Move(_, to), Some(drag)) = (&change, &mut self.drag) {
                        *drag = *to;
                    }
                    Rc::make_mut(edit).change(change);
                    if moves {
                        self.open = None;
                    }
                    let last = edit.layout.widgets.last().filter(|_| adds);
                    if last.is_some_and(|widget: &Rc<Widget>| widget.topic().is_empty()) {
                        self.open = Some(edit.layout.widgets.len() - 1);
                    }
                }
            }
            Event::Grab(drag) => self.drag = drag,
            Event::Open(open) => self.open = open,
            Event::Saved(Ok(revision)) => {
                if let Some(edit) = self.edit.take() {
                    self.layout = Rc::new(edit.layout.clone());
                }
                (self.open, self.trouble) = (None, None);
                self.revision = self.revision.max(revision);
            }
            Event::Saved(Err(failure)) => {
                self.trouble = Some(match failure {
                    Failure::Refused {
                        revision: Some(_), ..
                    } => Trouble::Conflict,
                    Failure::Refused { text, .. } => Trouble::Other(text),
                    _ => Trouble::Other(String::new()),
                });
            }
            Event::Settle(take_theirs) => {
                self.trouble = None;
                if take_theirs {
                    self.edit = Some(Rc::new(Edit::new((*self.layout).clone())));
                    self.open = None;
                }
            }
        }
    }

    /// What a layout that was heard of says; one that is gone is empty.
    #[must_use]
    pub fn heard(kept: &Kept) -> Option<Event> {
        if kept.name != NAME {
            return None;
        }
        let layout = Layout::read(&kept.layout).unwrap_or_default();
        Some(Event::Kept(layout, kept.revision))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::Code;
    use crate::widget::{Kind, led};

    fn keep(home: &mut Home, topic: &str) {
        let widget = Rc::new(Widget::new(Kind::Value, topic));
        home.take(Event::Change(Change::Keep(widget)));
    }

    fn theirs() -> Layout {
        Layout {
            widgets: vec![Rc::new(led())],
            hidden: Vec::new(),
        }
    }

    #[test]
    fn changes_are_kept_only_when_they_are_saved() {
        let mut home = Home::default();
        keep(&mut home, "a");
        assert_eq!(home.shown().widgets.len(), 0, "nobody changes anything");
        home.take(Event::Edit(true));
        keep(&mut home, "a");
        assert_eq!(home.shown().widgets.len(), 1);
        home.take(Event::Edit(false));
        assert_eq!(home.shown().widgets.len(), 0);
        home.take(Event::Edit(true));
        keep(&mut home, "a");
        home.take(Event::Saved(Ok(1)));
        assert_eq!((home.shown().widgets.len(), home.revision), (1, 1));
        assert_eq!(home.edit, None);
    }

    #[test]
    fn two_who_change_at_once_see_each_other() {
        let mut home = Home::default();
        home.take(Event::Edit(true));
        keep(&mut home, "a");
        home.take(Event::Kept(theirs(), 1));
        assert_eq!(home.trouble, Some(Trouble::Conflict));
        assert_eq!(home.shown().widgets[0].topic(), "a", "nothing is lost");
        let mut taken = home.clone();
        taken.take(Event::Settle(true));
        assert_eq!(*taken.shown(), theirs());
        home.take(Event::Settle(false));
        assert_eq!((home.revision, home.trouble.clone()), (1, None));
        let failure = Failure::Refused {
            code: Code::Conflict,
            text: String::new(),
            revision: Some(2),
        };
        home.take(Event::Saved(Err(failure)));
        assert_eq!(home.trouble, Some(Trouble::Conflict));
        home.take(Event::Kept(theirs(), 0));
        assert_eq!(home.revision, 1, "an old one changes nothing");
    }

    #[test]
    fn a_card_that_is_new_opens_its_fields() {
        let mut home = Home::default();
        home.take(Event::Edit(true));
        keep(&mut home, "a");
        assert_eq!(home.open, None);
        keep(&mut home, "");
        assert_eq!(home.open, Some(1));
    }

    #[test]
    fn who_listens_is_known_by_topic() {
        let mut home = Home::default();
        home.take(Event::Listened(vec!["b".into(), "a/set".into()]));
        assert!(home.listens("b") && home.listens("a/set") && !home.listens("a"));
    }
}
