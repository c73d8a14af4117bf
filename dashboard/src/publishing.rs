//! Messages that somebody writes on the page, and what became of them.

mod kept;

use std::collections::VecDeque;
use std::rc::Rc;

use crate::connection::Why;
use crate::host;
use crate::time::Millis;

/// Publications that are remembered.
pub const MAX_RECENT: usize = 20;
/// Longest topic name, bytes \[MQTT-4.7.3-3\].
const MAX_TOPIC: usize = 65_535;

/// What MQTT 5.0 lets a message say beside its payload (section 3.3.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    /// What kind of content the payload is: `application/json`.
    ContentType,
    /// Where an answer should go.
    ResponseTopic,
    /// What tells whoever asked which answer it is.
    Correlation,
    /// Seconds after which it is not to be delivered any more.
    Expiry,
    /// `yes`: the payload is text.
    Format,
    /// Names and values, a line each: `name: value`.
    User,
}

/// All of them, in the order in which they are asked for, as they are called in
/// a form.
pub const EXTRAS: [(Extra, &str); 6] = [
    (Extra::ContentType, "content-type"),
    (Extra::ResponseTopic, "response-topic"),
    (Extra::Correlation, "correlation-data"),
    (Extra::Expiry, "message-expiry"),
    (Extra::Format, "payload-format"),
    (Extra::User, "user-properties"),
];

/// A message as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// Where it is to go.
    pub topic: String,
    /// What it says.
    pub payload: String,
    /// How surely: 0, 1 or 2.
    pub qos: u8,
    /// Whether the broker is to keep it for later subscribers.
    pub retain: bool,
    /// What else it says; what is missing is empty.
    extras: Vec<(Extra, String)>,
}

/// Why a draft cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is no topic \[MQTT-4.7.3-1\].
    NoTopic,
    /// `+` or `#`, which only subscriptions have \[MQTT-3.3.2-2\].
    Wildcard,
    /// U+0000 \[MQTT-4.7.3-2\].
    Null,
    /// More than 65,535 bytes \[MQTT-4.7.3-3\].
    TooLong,
    /// The expiry is no number of seconds.
    Expiry,
    /// Answers go to one topic, too \[MQTT-3.3.2-14\].
    Response,
    /// A line of the user properties has no colon.
    User,
}

impl Draft {
    /// What makes the broker forget what it keeps for a topic
    /// \[MQTT-3.3.1-6\].
    #[must_use]
    pub fn clearing(topic: &str) -> Draft {
        Draft {
            topic: topic.to_owned(),
            qos: 1,
            retain: true,
            ..Draft::default()
        }
    }

    /// What else it says.
    #[must_use]
    pub fn get(&self, extra: Extra) -> &str {
        let found = self.extras.iter().find(|(other, _)| *other == extra);
        found.map_or("", |(_, text)| text)
    }

    /// Says something else, or says it differently.
    pub fn set(&mut self, extra: Extra, text: String) {
        self.extras.retain(|(other, _)| *other != extra);
        if !text.is_empty() {
            self.extras.push((extra, text));
        }
    }

    /// All that it says beside its payload.
    pub fn extras(&self) -> impl Iterator<Item = (Extra, &str)> {
        self.extras.iter().map(|(extra, text)| (*extra, &**text))
    }

    /// Seconds after which it expires, if it does, and if that is a number.
    #[must_use]
    pub fn expiry(&self) -> Option<u32> {
        self.get(Extra::Expiry).trim().parse().ok()
    }

    /// The user properties; `None` for a line that is none.
    pub fn user(&self) -> impl Iterator<Item = Option<(&str, &str)>> {
        let lines = self.get(Extra::User).lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty());
        lines.map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.trim(), value.trim()))
        })
    }

    /// What is wrong with it, if anything is.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        match &*self.topic {
            "" => return Some(Problem::NoTopic),
            topic if topic.contains(['+', '#']) => return Some(Problem::Wildcard),
            topic if topic.contains('\0') => return Some(Problem::Null),
            topic if topic.len() > MAX_TOPIC => return Some(Problem::TooLong),
            _ => {}
        }
        let has_expiry = !self.get(Extra::Expiry).is_empty();
        if has_expiry && self.expiry().is_none() {
            Some(Problem::Expiry)
        } else if self.get(Extra::ResponseTopic).contains(['+', '#']) {
            Some(Problem::Response)
        } else if self.user().any(|property| property.is_none()) {
            Some(Problem::User)
        } else {
            None
        }
    }
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is on its way.
    Sending,
    /// It was sent at QoS 0: nobody answers to that.
    Sent,
    /// The broker has it.
    Acknowledged,
    /// The broker has it, and nobody subscribes to it (reason code 0x10).
    NobodyThere,
    /// There is no connection, and it was not sent.
    NotConnected,
    /// The broker may not let this user publish there (reason code 0x87).
    NotAllowed,
    /// Anything else.
    Failed(Why),
    /// It is from before the page was loaded, and what became of it is not kept.
    Earlier,
}

/// A message that was sent, or was to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Publication {
    /// Tells it from the others.
    pub number: u32,
    /// When.
    at: Millis,
    /// When, as the clock on the wall says.
    pub clock: String,
    /// The message.
    pub draft: Rc<Draft>,
    /// What became of it.
    pub outcome: Outcome,
}

/// The latest ones, latest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Publications {
    recent: VecDeque<Publication>,
}

impl Publications {
    /// One begins.
    pub fn begin(&mut self, number: u32, draft: Rc<Draft>, at: Millis, offset: i32) {
        self.recent.truncate(MAX_RECENT - 1);
        self.recent.push_front(Publication {
            number,
            at,
            clock: at.clock(offset),
            draft,
            outcome: Outcome::Sending,
        });
    }

    /// It is known what became of one.
    pub fn settle(&mut self, number: u32, outcome: Outcome) {
        let one = self.recent.iter_mut().find(|one| one.number == number);
        if let Some(one) = one {
            one.outcome = outcome;
        }
    }

    /// The latest ones, latest first.
    pub fn iter(&self) -> impl Iterator<Item = &Publication> {
        self.recent.iter()
    }
}

/// Topics that begin or go on as `written` does, at most `most` of them: those
/// that begin so come first.
pub fn complete<'a>(
    names: impl Iterator<Item = &'a str>,
    written: &str,
    most: usize,
) -> Vec<&'a str> {
    let written = host::lower(written);
    let (mut begin, mut have) = (Vec::new(), Vec::new());
    for name in names {
        match host::lower(name).find(&written) {
            Some(0) if name.len() == written.len() => {}
            Some(0) if begin.len() < most => begin.push(name),
            Some(1..) if have.len() < most => have.push(name),
            _ => {}
        }
    }
    begin.extend(have);
    begin.truncate(most);
    begin
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(topic: &str) -> Draft {
        Draft {
            topic: topic.to_owned(),
            ..Draft::default()
        }
    }

    #[test]
    fn a_topic_to_publish_to_has_a_name_and_no_wildcards() {
        assert_eq!(draft("Kitchen/Fridge").problem(), None);
        assert_eq!(draft("").problem(), Some(Problem::NoTopic));
        assert_eq!(draft("Kitchen/+").problem(), Some(Problem::Wildcard));
        assert_eq!(draft("#").problem(), Some(Problem::Wildcard));
        assert_eq!(draft("a\0").problem(), Some(Problem::Null));
        assert_eq!(draft(&"a".repeat(65_536)).problem(), Some(Problem::TooLong));
    }

    #[test]
    fn what_else_a_message_says_is_checked_before_it_is_sent() {
        let with = |extra, text: &str| {
            let mut draft = draft("a");
            draft.set(extra, text.to_owned());
            draft
        };
        assert_eq!(with(Extra::Expiry, " 60 ").expiry(), Some(60));
        for expiry in ["-1", "soon", "1.5", "4294967296"] {
            let problem = with(Extra::Expiry, expiry).problem();
            assert_eq!(problem, Some(Problem::Expiry), "{expiry}");
        }
        let answers = with(Extra::ResponseTopic, "a/#");
        assert_eq!(answers.problem(), Some(Problem::Response));
        let user = with(Extra::User, "room: kitchen\n\n url:http://h:80 ");
        let properties: Vec<_> = user.user().flatten().collect();
        assert_eq!(properties, [("room", "kitchen"), ("url", "http://h:80")]);
        assert_eq!(user.problem(), None);
        let user = with(Extra::User, "room kitchen");
        assert_eq!(user.problem(), Some(Problem::User));
        let mut same = with(Extra::ContentType, "text/plain");
        same.set(Extra::ContentType, String::new());
        assert_eq!(same, draft("a"), "what is empty is not said");
        assert_eq!(same.get(Extra::ContentType), "");
    }

    #[test]
    fn each_publication_has_its_own_outcome_and_only_the_latest_are_kept() {
        let mut publications = Publications::default();
        for number in 0..30 {
            publications.begin(number, Rc::new(draft("a")), Millis(1_000.0), 0);
        }
        publications.settle(28, Outcome::Acknowledged);
        publications.settle(2, Outcome::Acknowledged);
        let numbers: Vec<u32> = publications.iter().map(|one| one.number).collect();
        assert_eq!(numbers, (10..30).rev().collect::<Vec<_>>());
        let outcome = |number| {
            let mut all = publications.iter();
            all.find(|one| one.number == number)
                .map(|one| one.outcome.clone())
        };
        assert_eq!(outcome(28), Some(Outcome::Acknowledged));
        assert_eq!(outcome(29), Some(Outcome::Sending));
        assert_eq!(outcome(2), None);
    }

    #[test]
    fn completion_prefers_what_begins_as_it_was_written() {
        let names = ["home/kitchen", "Kitchen/Fridge", "kitchen/door", "garden"];
        let complete = |written, most| complete(names.into_iter(), written, most);
        assert_eq!(
            complete("kitchen", 9),
            ["Kitchen/Fridge", "kitchen/door", "home/kitchen"]
        );
        assert_eq!(complete("KITCHEN", 1), ["Kitchen/Fridge"]);
        assert_eq!(complete("garden", 9), [""; 0]);
    }
}
