//! Widgets: what a card shows, what it commands, and how. Pure.
//!
//! - [`Widget`] binds topics, payloads and looks; its fields are texts, as
//!   somebody types them and as a layout keeps them.
//! - [`suggest`] makes one of what was heard on a topic.
//! - [`Layout`] is what somebody has made of Home.
//! - [`Control`] is what was asked through one, and what came of it.

mod control;
mod layout;
mod suggest;

pub use control::{Control, Controls, Failure, Origin, PATIENCE, seen};
pub use layout::{Change, Edit, Layout};
pub use suggest::{LED_TOPIC, led, listeners, suggest};

use std::rc::Rc;

use crate::extract::{self, Reading};
use crate::host;
use crate::json::Json;
use crate::store::{Series, Topic};

/// What a widget looks like and does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A value as it is: a number with its past, a state, a text.
    Value,
    /// On or off.
    Toggle,
    /// Sends one payload.
    Button,
    /// A number to set.
    Slider,
    /// One of several payloads.
    Select,
    /// A colour to choose.
    Colour,
    /// Lines over time.
    Chart,
    /// A number between two others.
    Gauge,
    /// The latest messages of a topic.
    Log,
    /// The title of what comes after it.
    Heading,
}

impl Kind {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Kind; 10] = [
        Kind::Value,
        Kind::Toggle,
        Kind::Button,
        Kind::Slider,
        Kind::Select,
        Kind::Colour,
        Kind::Chart,
        Kind::Gauge,
        Kind::Log,
        Kind::Heading,
    ];

    /// As it is called in a layout.
    #[must_use]
    pub fn name(self) -> &'static str {
        [
            "value", "toggle", "button", "slider", "select", "colour", "chart", "gauge", "log",
            "heading",
        ][self as usize]
    }

    /// Whether it sends commands.
    #[must_use]
    pub fn commands(self) -> bool {
        matches!(
            self,
            Kind::Toggle | Kind::Button | Kind::Slider | Kind::Select | Kind::Colour
        )
    }
}

/// Something that a widget is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// How it is called; empty: as the payload or the topic says.
    Title,
    /// The topic that says how things are.
    State,
    /// Where in the payload: `Temperature`, `AM2301.Humidity`.
    Path,
    /// The topic for commands; empty: the same.
    Command,
    /// The payload for on; of a button, the only one.
    On,
    /// The payload for off.
    Off,
    /// Payloads to choose from, with commas between them.
    Options,
    /// A payload with `{value}` in it.
    Template,
    /// How surely commands are sent: 0, 1 or 2; empty: 0.
    Qos,
    /// Whether the broker keeps commands: `yes`.
    Retain,
    /// The unit, where the payload gives none.
    Unit,
    /// Decimals to show.
    Decimals,
    /// The least value of a slider or gauge.
    Min,
    /// The greatest.
    Max,
    /// A slider's step.
    Step,
    /// Above this, it is an alarm.
    Above,
    /// Below this, it is an alarm.
    Below,
    /// Above this, it is worth a look.
    WarnAbove,
    /// Below this, it is worth a look.
    WarnBelow,
    /// Seconds after which a silence is too long.
    Stale,
    /// The topic that says whether the device is there.
    Availability,
    /// More numbers of a chart: `Kitchen/AirQuality:CO2`.
    Series,
    /// Columns on a phone, of two.
    Narrow,
    /// Columns on a laptop, of four.
    Wide,
}

/// All fields, in the order in which they are asked for.
pub const FIELDS: [(Field, &str); 24] = [
    (Field::Title, "title"),
    (Field::State, "topic"),
    (Field::Path, "path"),
    (Field::Command, "command"),
    (Field::On, "on"),
    (Field::Off, "off"),
    (Field::Options, "options"),
    (Field::Template, "template"),
    (Field::Qos, "qos"),
    (Field::Retain, "retain"),
    (Field::Unit, "unit"),
    (Field::Decimals, "decimals"),
    (Field::Min, "min"),
    (Field::Max, "max"),
    (Field::Step, "step"),
    (Field::Above, "above"),
    (Field::Below, "below"),
    (Field::WarnAbove, "warn-above"),
    (Field::WarnBelow, "warn-below"),
    (Field::Stale, "stale"),
    (Field::Availability, "availability"),
    (Field::Series, "series"),
    (Field::Narrow, "narrow"),
    (Field::Wide, "wide"),
];

/// What a control is at, or is asked to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// On or off.
    On(bool),
    /// A number.
    Number(f64),
    /// A payload, or a colour.
    Text(Rc<str>),
}

/// A widget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Widget {
    /// What it looks like and does.
    pub kind: Kind,
    /// What it was told; a field that is missing is empty.
    fields: Vec<(Field, Rc<str>)>,
}

impl Widget {
    /// A widget for a topic.
    #[must_use]
    pub fn new(kind: Kind, topic: &str) -> Widget {
        let fields = Vec::new();
        Widget { kind, fields }.with(Field::State, topic)
    }

    /// The same with a field that says something else.
    #[must_use]
    pub fn with(&self, field: Field, text: &str) -> Widget {
        let others = self.fields.iter().filter(|(other, _)| *other != field);
        let new = (!text.is_empty()).then(|| (field, text.into()));
        Widget {
            kind: self.kind,
            fields: others.cloned().chain(new).collect(),
        }
    }

    /// What a field says.
    #[must_use]
    pub fn get(&self, field: Field) -> &str {
        let mut fields = self.fields.iter();
        let found = fields.find(|(other, _)| *other == field);
        found.map_or("", |(_, text)| text)
    }

    /// What a field says, as a number.
    #[must_use]
    pub fn number(&self, field: Field) -> Option<f64> {
        let text = self.get(field).trim();
        let value = host::number(text);
        (!text.is_empty() && value.is_finite()).then_some(value)
    }

    /// The topic that says how things are.
    #[must_use]
    pub fn topic(&self) -> &str {
        self.get(Field::State)
    }

    /// The topic for commands.
    #[must_use]
    pub fn command(&self) -> &str {
        match self.get(Field::Command) {
            "" => self.topic(),
            topic => topic,
        }
    }

    /// Whether an echo of a command comes from the broker alone, so that it
    /// proves nothing about the device.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.command() == self.topic()
    }

    /// The payload that asks for a value.
    #[must_use]
    pub fn payload(&self, value: &Value) -> String {
        let text = match value {
            Value::On(true) => return self.get(Field::On).to_owned(),
            Value::On(false) => return self.get(Field::Off).to_owned(),
            Value::Number(number) => host::digits(*number),
            Value::Text(text) => text.to_string(),
        };
        match self.get(Field::Template) {
            "" => text,
            template => template.replace("{value}", &text),
        }
    }

    /// What a payload says of the value, if it says anything.
    #[must_use]
    pub fn read(&self, payload: &[u8]) -> Option<Value> {
        let text = std::str::from_utf8(payload).ok()?.trim();
        let part = match self.get(Field::Path) {
            "" => None,
            _ if self.kind == Kind::Slider => None,
            path => Some(inside(text, path)?),
        };
        let text = part.as_deref().unwrap_or(text);
        match self.kind {
            Kind::Toggle if text == self.get(Field::On) => Some(Value::On(true)),
            Kind::Toggle if text == self.get(Field::Off) => Some(Value::On(false)),
            Kind::Toggle => match extract::extract(text.as_bytes()) {
                Reading::State { state, .. } => Some(Value::On(state.on)),
                _ => None,
            },
            Kind::Slider => match extract::extract(payload) {
                Reading::Numbers(leaves) => {
                    let path = self.get(Field::Path);
                    let found = leaves
                        .iter()
                        .find(|leaf| path.is_empty() || leaf.path == path);
                    found.map(|leaf| Value::Number(leaf.value))
                }
                _ => None,
            },
            _ => Some(Value::Text(text.into())),
        }
    }

    /// The number of a topic that it shows.
    #[must_use]
    pub fn series<'a>(&self, topic: &'a Topic) -> Option<&'a Series> {
        match (self.get(Field::Path), topic.series.as_slice()) {
            ("", [only]) => Some(only),
            (path, series) => series.iter().find(|series| series.leaf.path == path),
        }
    }

    /// Which limit a number is beyond, the graver ones first.
    #[must_use]
    pub fn beyond(&self, value: f64) -> Option<(Field, f64)> {
        use Field::{Above, Below, WarnAbove, WarnBelow};
        let limits = [Above, Below, WarnAbove, WarnBelow].into_iter();
        let mut limits = limits.filter_map(|field| Some((field, self.number(field)?)));
        limits.find(|(field, limit)| match field {
            Above | WarnAbove => value > *limit,
            _ => value < *limit,
        })
    }

    /// The values at which it is worth a look.
    #[must_use]
    pub fn limits(&self) -> Rc<[f64]> {
        let limits = [Field::Above, Field::Below];
        limits
            .iter()
            .filter_map(|field| self.number(*field))
            .collect()
    }

    /// Payloads to choose from.
    pub fn options(&self) -> impl Iterator<Item = &str> {
        let options = self.get(Field::Options).split(',').map(str::trim);
        options.filter(|option| !option.is_empty())
    }
}

/// What stands in a JSON payload at a path such as `light.state`.
fn inside(text: &str, path: &str) -> Option<String> {
    let json = Json::parse(text)?;
    let mut levels = path.split('.');
    match levels.try_fold(&json, |json, level| json.get(level))? {
        Json::Text(text) => Some(text.clone()),
        json => Some(json.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_asked_for_in_the_widgets_own_words() {
        let toggle = Widget::new(Kind::Toggle, "a")
            .with(Field::On, "1")
            .with(Field::Off, "0");
        assert_eq!(toggle.payload(&Value::On(true)), "1");
        assert_eq!(toggle.read(b"0"), Some(Value::On(false)));
        assert_eq!(toggle.read(b"Turn On"), Some(Value::On(true)));
        assert_eq!(toggle.read(b"blink"), None);
        let slider = Widget::new(Kind::Slider, "a")
            .with(Field::Template, r#"{"dim":{value}}"#)
            .with(Field::Path, "dim");
        assert_eq!(slider.payload(&Value::Number(20.5)), r#"{"dim":20.5}"#);
        assert_eq!(slider.read(br#"{"dim":7,"x":1}"#), Some(Value::Number(7.0)));
        assert_eq!(slider.read(br#"{"x":1}"#), None);
        let select = Widget::new(Kind::Select, "a").with(Field::Options, "low, high,,");
        assert_eq!(select.options().collect::<Vec<_>>(), ["low", "high"]);
        assert_eq!(select.read(b" low\n"), Some(Value::Text("low".into())));
    }

    #[test]
    fn commands_go_to_the_state_unless_they_have_their_own_topic() {
        let shared = Widget::new(Kind::Toggle, "home/led");
        assert!(shared.is_shared() && shared.command() == "home/led");
        let own = shared.with(Field::Command, "home/led/set");
        assert!(!own.is_shared() && own.command() == "home/led/set");
        assert_eq!(own.with(Field::Command, ""), shared);
    }

    #[test]
    fn limits_are_numbers_and_only_beyond_them_is_an_alarm() {
        let widget = Widget::new(Kind::Value, "a")
            .with(Field::Above, "1000")
            .with(Field::Below, "x");
        assert_eq!(widget.beyond(1000.0), None);
        assert_eq!(widget.beyond(1000.5), Some((Field::Above, 1000.0)));
        assert_eq!(&*widget.limits(), [1000.0]);
    }

    #[test]
    fn a_warning_is_said_only_where_there_is_no_alarm() {
        let widget = Widget::new(Kind::Gauge, "a")
            .with(Field::Above, "1000")
            .with(Field::WarnAbove, "800")
            .with(Field::WarnBelow, "10");
        assert_eq!(widget.beyond(500.0), None);
        assert_eq!(widget.beyond(900.0), Some((Field::WarnAbove, 800.0)));
        assert_eq!(widget.beyond(1200.0), Some((Field::Above, 1000.0)));
        assert_eq!(widget.beyond(9.0), Some((Field::WarnBelow, 10.0)));
        assert_eq!(&*widget.limits(), [1000.0]);
    }

    #[test]
    fn a_state_may_stand_inside_a_payload() {
        let toggle = Widget::new(Kind::Toggle, "a")
            .with(Field::Path, "light.state")
            .with(Field::On, "ON")
            .with(Field::Off, "OFF");
        assert_eq!(
            toggle.read(br#"{"light":{"state":"ON"}}"#),
            Some(Value::On(true))
        );
        assert_eq!(
            toggle.read(br#"{"light":{"state":false}}"#),
            Some(Value::On(false)),
            "in one of the usual words"
        );
        assert_eq!(toggle.read(br#"{"light":1}"#), None);
        assert_eq!(toggle.read(b"ON"), None);
        let select = Widget::new(Kind::Select, "a").with(Field::Path, "mode");
        assert_eq!(
            select.read(br#"{"mode":"eco"}"#),
            Some(Value::Text("eco".into()))
        );
    }

    #[test]
    fn the_fields_and_kinds_have_names_of_their_own() {
        for (at, (_, name)) in FIELDS.iter().enumerate() {
            assert!(FIELDS[at + 1..].iter().all(|(_, other)| other != name));
        }
        for kind in Kind::ALL {
            assert_eq!(Kind::ALL[kind as usize], kind);
        }
    }
}
