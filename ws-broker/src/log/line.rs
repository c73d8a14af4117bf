//! From an event to the text of a line.

use std::fmt;
use std::fmt::Write;

use chrono::{Local, SecondsFormat, Utc};
use tracing::Event;
use tracing::field::{Field, Visit};

use super::settings::{Format, Settings, Time};
use super::types::Type;

/// What a line in JSON says about whom, besides its text.
const FIELDS: [&str; 5] = ["client", "address", "user", "topic", "reason"];

/// The text of an event's line.
pub(super) fn write(settings: &Settings, kind: Type, event: &Event<'_>) -> String {
    match settings.format {
        Format::Mosquitto20 | Format::Mosquitto21 => {
            let mut text = Text(begin(settings));
            event.record(&mut text);
            text.0
        }
        Format::Json => {
            let mut object = object(settings, kind);
            event.record(&mut object);
            object.end()
        }
    }
}

/// The text of a line that is no event.
pub(super) fn write_text(settings: &Settings, kind: Type, text: &str) -> String {
    match settings.format {
        Format::Mosquitto20 | Format::Mosquitto21 => begin(settings) + text,
        Format::Json => {
            let mut object = object(settings, kind);
            object.add("text", text);
            object.end()
        }
    }
}

fn begin(settings: &Settings) -> String {
    match &settings.time {
        Time::None => String::new(),
        Time::Default => format!("{}: ", Utc::now().timestamp()),
        Time::Format(format) => format!("{}: ", Local::now().format(format)),
    }
}

fn object(settings: &Settings, kind: Type) -> Object {
    let mut object = Object(String::from("{"));
    match &settings.time {
        Time::None => {}
        Time::Default => {
            let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
            object.add("time", &now);
        }
        Time::Format(format) => {
            object.add("time", &Local::now().format(format).to_string());
        }
    }
    object.add("type", kind.name());
    object
}

/// Names and topics come from strangers: control characters are escaped, so
/// that nobody can forge a line. A leading tab is the lines' own.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() != "message" {
            return;
        }
        for (i, c) in format!("{value:?}").chars().enumerate() {
            if c.is_control() && !(i == 0 && c == '\t') {
                self.0.extend(c.escape_default());
            } else {
                self.0.push(c);
            }
        }
    }
}

/// A JSON object that is being written.
struct Object(String);

impl Object {
    fn add(&mut self, name: &str, value: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.string(name);
        self.0.push(':');
        self.string(value);
    }

    fn string(&mut self, value: &str) {
        self.0.push('"');
        for c in value.chars() {
            match c {
                '"' | '\\' => self.0.extend(['\\', c]),
                // All of them are below U+10000.
                c if c.is_control() => {
                    let _ = write!(self.0, "\\u{:04x}", u32::from(c));
                }
                c => self.0.push(c),
            }
        }
        self.0.push('"');
    }

    fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

impl Visit for Object {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.add("text", value),
            name if FIELDS.contains(&name) => self.add(name, value),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_says_what_the_text_says_and_nothing_more() {
        let settings = Settings {
            time: Time::None,
            ..Settings::default()
        };
        let text = "\tKitchen/\"#\" \\ \n\u{1b}\u{85} é 🍞";
        let line = write_text(&settings, Type::Notice, text);
        assert_eq!(line, text);
        let settings = Settings {
            format: Format::Json,
            ..settings
        };
        let line = write_text(&settings, Type::Notice, text);
        assert_eq!(
            line,
            "{\"type\":\"notice\",\"text\":\"\\u0009Kitchen/\\\"#\\\" \\\\ \\u000a\\u001b\\u0085 é 🍞\"}"
        );
    }
}
