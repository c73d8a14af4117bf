//! What somebody has made of Home: the cards that are kept, in their order,
//! and the topics that are hidden; and how it is changed.

use std::rc::Rc;

use super::{FIELDS, Field, Kind, Widget};
use crate::json::Json;

/// Cards that a layout can hold.
const MAX_WIDGETS: usize = 200;
/// Steps that can be undone.
const MAX_UNDO: usize = 50;

/// A layout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// The cards, in their order.
    pub widgets: Vec<Rc<Widget>>,
    /// Topics that are not to be seen.
    pub hidden: Vec<Rc<str>>,
}

impl Layout {
    /// Whether a topic needs no suggestion any more.
    #[must_use]
    pub fn has(&self, topic: &str) -> bool {
        let is_it = |widget: &Rc<Widget>| widget.topic() == topic;
        self.hidden.iter().any(|hidden| **hidden == *topic) || self.widgets.iter().any(is_it)
    }

    /// As it is kept.
    #[must_use]
    pub fn json(&self) -> Json {
        let widget = |widget: &Rc<Widget>| {
            let fields = FIELDS
                .iter()
                .map(|(field, name)| (*name, widget.get(*field)));
            let fields = fields.filter(|(_, text)| !text.is_empty());
            let kind = ("type", widget.kind.name());
            Json::map(
                [kind]
                    .into_iter()
                    .chain(fields)
                    .map(|(name, text)| (name, text.into())),
            )
        };
        Json::map([
            (
                "widgets",
                Json::List(self.widgets.iter().map(widget).collect()),
            ),
            (
                "hidden",
                Json::texts(self.hidden.iter().map(|topic| &**topic)),
            ),
        ])
    }

    /// From what is kept. What is not understood is left out; `None` if it is
    /// no layout at all.
    #[must_use]
    pub fn read(json: &Json) -> Option<Layout> {
        let widget = |one: &Json| {
            let name = one.get("type")?.text()?;
            let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name)?;
            let mut widget = Widget::new(kind, "");
            for (field, name) in FIELDS {
                if let Some(text) = one.get(name).and_then(Json::text) {
                    widget = widget.with(field, text);
                }
            }
            Some(Rc::new(widget))
        };
        let widgets = json.get("widgets")?.items().iter();
        let hidden = json.get("hidden").map_or(&[][..], Json::items);
        Some(Layout {
            widgets: widgets.filter_map(widget).take(MAX_WIDGETS).collect(),
            hidden: hidden
                .iter()
                .filter_map(|topic| Some(topic.text()?.into()))
                .collect(),
        })
    }
}

/// A change.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Keeps a card, at the end.
    Keep(Rc<Widget>),
    /// Takes a card away; its topic has a suggestion again.
    Drop(usize),
    /// Hides a topic.
    Hide(Rc<str>),
    /// Shows all topics again.
    ShowAll,
    /// Puts a card in the place of another one.
    Move(usize, usize),
    /// Writes a field of a card.
    Set(usize, Field, String),
    /// Makes another kind of a card.
    Turn(usize, Kind),
    /// Puts another layout in the place of this one.
    Replace(Layout),
    /// Takes the latest change back.
    Undo,
}

/// A layout that is being changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edit {
    /// As it is now.
    pub layout: Layout,
    /// As it was, latest last.
    before: Vec<Layout>,
}

impl Edit {
    /// Begins to change a layout.
    #[must_use]
    pub fn new(layout: Layout) -> Edit {
        Edit {
            layout,
            before: Vec::new(),
        }
    }

    /// Whether there is something to take back.
    #[must_use]
    pub fn can_undo(&self) -> bool {
        !self.before.is_empty()
    }

    /// Changes it.
    pub fn change(&mut self, change: Change) {
        let before = self.layout.clone();
        let Layout { widgets, hidden } = &mut self.layout;
        match change {
            Change::Keep(widget) if widgets.len() < MAX_WIDGETS => widgets.push(widget),
            Change::Drop(at) if at < widgets.len() => _ = widgets.remove(at),
            Change::Hide(topic) => hidden.push(topic),
            Change::ShowAll => hidden.clear(),
            Change::Move(from, to) if from < widgets.len() && to < widgets.len() => {
                let widget = widgets.remove(from);
                widgets.insert(to, widget);
            }
            Change::Set(at, field, text) => {
                if let Some(widget) = widgets.get_mut(at) {
                    *widget = Rc::new(widget.with(field, &text));
                }
            }
            Change::Turn(at, kind) => {
                if let Some(widget) = widgets.get_mut(at) {
                    Rc::make_mut(widget).kind = kind;
                }
            }
            Change::Replace(layout) => self.layout = layout,
            Change::Undo => {
                if let Some(before) = self.before.pop() {
                    self.layout = before;
                }
                return;
            }
            _ => {}
        }
        if self.layout != before {
            if self.before.len() == MAX_UNDO {
                self.before.remove(0);
            }
            self.before.push(before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widget::led;

    fn titles(edit: &Edit) -> Vec<&str> {
        let widgets = edit.layout.widgets.iter();
        widgets.map(|widget| widget.get(Field::Title)).collect()
    }

    fn card(title: &str) -> Rc<Widget> {
        Rc::new(Widget::new(Kind::Value, title).with(Field::Title, title))
    }

    #[test]
    fn a_layout_survives_its_keeping() {
        let layout = Layout {
            widgets: vec![
                Rc::new(led().with(Field::Wide, "2")),
                Rc::new(Widget::new(Kind::Heading, "").with(Field::Title, "Küche \"1\"")),
            ],
            hidden: vec!["a/b".into()],
        };
        let text = layout.json().to_string();
        let back = Json::parse(&text).and_then(|json| Layout::read(&json));
        let back = back.expect("it is a layout");
        assert_eq!(back.json(), layout.json());
        assert_eq!(back.widgets[0].get(Field::On), "Turn On");
        assert!(layout.has("a/b") && layout.has("home/led") && !layout.has("a"));
    }

    #[test]
    fn what_is_not_understood_is_left_out() {
        let read = |text| Json::parse(text).and_then(|json| Layout::read(&json));
        assert_eq!(read("[]"), None);
        assert_eq!(read("{}"), None);
        let layout = read(r#"{"widgets":[{"type":"x"},7,{"type":"log","topic":"a","y":1}]}"#);
        assert_eq!(layout.map(|layout| layout.widgets.len()), Some(1));
    }

    #[test]
    fn each_change_can_be_taken_back() {
        let mut edit = Edit::default();
        for title in ["a", "b", "c"] {
            edit.change(Change::Keep(card(title)));
        }
        edit.change(Change::Move(2, 0));
        assert_eq!(titles(&edit), ["c", "a", "b"]);
        edit.change(Change::Set(0, Field::Title, "C".into()));
        edit.change(Change::Drop(1));
        edit.change(Change::Hide("x".into()));
        assert_eq!(titles(&edit), ["C", "b"]);
        edit.change(Change::Move(0, 9));
        edit.change(Change::Turn(0, Kind::Gauge));
        edit.change(Change::Undo);
        edit.change(Change::Undo);
        assert_eq!(edit.layout.hidden, []);
        edit.change(Change::Undo);
        assert_eq!(titles(&edit), ["C", "a", "b"]);
        for _ in 0..5 {
            edit.change(Change::Undo);
        }
        assert!(edit.layout == Layout::default() && !edit.can_undo());
    }
}
