//! What a topic's card is, by what was heard on it and by who listens.

use super::{Field, Kind, Widget};
use crate::extract::{Reading, Words};
use crate::store::Topic;

/// The LED of the first steps: it has a card before it was ever heard.
pub const LED_TOPIC: &str = "home/led";
/// Different texts that make a choice.
const MAX_OPTIONS: usize = 6;
/// Longest text that is one of a choice.
const MAX_OPTION: usize = 32;

/// Wordings of on and off, as they are sent.
const PAIRS: [(&str, &str); 8] = [
    ("Turn On", "Turn Off"),
    ("ON", "OFF"),
    ("on", "off"),
    ("On", "Off"),
    ("true", "false"),
    ("open", "closed"),
    ("OPEN", "CLOSED"),
    ("1", "0"),
];

/// The LED's switch.
#[must_use]
pub fn led() -> Widget {
    Widget::new(Kind::Toggle, LED_TOPIC)
        .with(Field::Title, "LED")
        .with(Field::On, "Turn On")
        .with(Field::Off, "Turn Off")
}

/// The topics at which commands for `topic` may be listened to.
#[must_use]
pub fn listeners(topic: &str) -> Vec<String> {
    let mut topics = vec![topic.to_owned()];
    topics.extend(["/set", "/cmd"].map(|end| [topic, end].concat()));
    // Tasmota: `stat/plug/POWER` is set at `cmnd/plug/POWER`.
    if let Some(rest) = topic.strip_prefix("stat/") {
        topics.push(["cmnd/", rest].concat());
    }
    topics
}

/// A card for what was heard; `listens` says whether somebody other than this
/// page subscribes to a topic.
#[must_use]
pub fn suggest(topic: &Topic, listens: impl Fn(&str) -> bool) -> Widget {
    if *topic.name == *LED_TOPIC {
        return led();
    }
    let value = || Widget::new(Kind::Value, &topic.name);
    let payload = std::str::from_utf8(&topic.latest.payload).unwrap_or_default();
    let kind = match &topic.reading {
        Reading::State { state, label: None } if state.words != Words::OnlineOffline => {
            Kind::Toggle
        }
        Reading::Numbers(_) if matches!(payload.trim(), "0" | "1") && is_bit(topic) => Kind::Toggle,
        Reading::Text { cut: false, .. } => Kind::Select,
        _ => return value(),
    };
    let Some(command) = listeners(&topic.name)
        .into_iter()
        .find(|name| listens(name))
    else {
        return value();
    };
    let widget = Widget::new(kind, &topic.name);
    let widget = match command == *topic.name {
        true => widget,
        false => widget.with(Field::Command, &command),
    };
    if kind == Kind::Select {
        let options = texts(topic);
        return match options.len() {
            2..=MAX_OPTIONS => widget.with(Field::Options, &options.join(", ")),
            _ => value(),
        };
    }
    let (on, off) = PAIRS
        .into_iter()
        .find(|(on, off)| [*on, *off].contains(&payload.trim()))
        .unwrap_or(PAIRS[1]);
    widget.with(Field::On, on).with(Field::Off, off)
}

/// Whether it was only ever 0 or 1, and both.
fn is_bit(topic: &Topic) -> bool {
    let texts = texts(topic);
    texts.len() == 2 && texts.iter().all(|text| matches!(*text, "0" | "1"))
}

/// The different texts among the latest messages.
fn texts(topic: &Topic) -> Vec<&str> {
    let mut texts: Vec<&str> = Vec::new();
    for heard in topic.history.iter().rev().chain([&topic.latest]) {
        let text = std::str::from_utf8(&heard.payload)
            .unwrap_or_default()
            .trim();
        let fits = (1..=MAX_OPTION).contains(&text.len()) && !text.contains(',');
        if !fits {
            return Vec::new();
        }
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Message;
    use crate::time::Millis;

    fn topic(name: &str, payloads: &[&str]) -> Topic {
        let message = |payload: &&str| Message {
            topic: name.into(),
            payload: (*payload).into(),
            retain: false,
            at: Millis(0.0),
        };
        let mut topic = Topic::new(&message(&payloads[0]));
        payloads[1..]
            .iter()
            .for_each(|payload| topic.receive(&message(payload)));
        topic
    }

    fn made(name: &str, payloads: &[&str], listened: &str) -> Widget {
        suggest(&topic(name, payloads), |topic| topic == listened)
    }

    #[test]
    fn a_state_is_a_switch_only_where_somebody_listens() {
        let fan = made("home/fan", &["OFF"], "");
        assert_eq!(fan.kind, Kind::Value);
        let fan = made("home/fan", &["OFF"], "home/fan");
        assert!(fan.kind == Kind::Toggle && fan.is_shared());
        assert_eq!((fan.get(Field::On), fan.get(Field::Off)), ("ON", "OFF"));
        for (name, listened) in [
            ("home/fan", "home/fan/set"),
            ("home/fan", "home/fan/cmd"),
            ("stat/plug/POWER", "cmnd/plug/POWER"),
        ] {
            let widget = made(name, &["on"], listened);
            assert_eq!((widget.kind, widget.command()), (Kind::Toggle, listened));
        }
        assert_eq!(made("a/LWT", &["online"], "a/LWT").kind, Kind::Value);
    }

    #[test]
    fn bits_and_choices_are_known_by_what_they_were() {
        assert_eq!(made("a", &["1", "0", "1"], "a").kind, Kind::Toggle);
        assert_eq!(made("a", &["1", "1"], "a").kind, Kind::Value);
        assert_eq!(made("a", &["1", "2", "0"], "a").kind, Kind::Value);
        let mode = made("a", &["eco", "boost", "eco"], "a/set");
        assert_eq!(mode.kind, Kind::Select);
        assert_eq!(mode.get(Field::Options), "eco, boost");
        assert_eq!(made("a", &["eco"], "a/set").kind, Kind::Value);
        assert_eq!(made("a", &["eco", "boost"], "").kind, Kind::Value);
        let many = ["a", "b", "c", "d", "e", "f", "g"];
        assert_eq!(made("a", &many, "a").kind, Kind::Value);
        assert_eq!(made("a", &["Temperature:14"], "a").kind, Kind::Value);
    }

    #[test]
    fn the_led_is_a_switch_from_the_start() {
        assert_eq!(made(LED_TOPIC, &["blink"], ""), led());
    }
}
