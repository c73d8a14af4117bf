//! Topic names and topic filters (section 4.7), shared subscriptions
//! (section 4.8.2).

use std::fmt;
use std::ops::Deref;

use bytestring::ByteString;

/// The longest topic name or filter, in bytes \[MQTT-4.7.3-3\].
pub const MAX_TOPIC_LENGTH: usize = 65_535;

/// Why a string is no topic name or no topic filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTopic {
    /// It cannot be published to.
    #[error("invalid topic name: {0}")]
    Name(&'static str),
    /// It cannot be subscribed to.
    #[error("invalid topic filter: {0}")]
    Filter(&'static str),
}

const NUL: &str = "it contains U+0000";
const TOO_LONG: &str = "it is longer than 65,535 bytes";

/// What a message is published to: at least one character, no wildcard.
///
/// Inside a [`crate::Publish`] of MQTT 5.0 it may also be empty, which stands
/// for a topic alias; [`TopicName::is_alias`] tells.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicName(ByteString);

impl TopicName {
    /// Checks a topic name.
    ///
    /// # Errors
    /// It is empty, over 65,535 bytes, or contains `+`, `#` or U+0000.
    pub fn new(name: impl Into<ByteString>) -> Result<Self, InvalidTopic> {
        let name = name.into();
        if name.is_empty() {
            return Err(InvalidTopic::Name("it is empty"));
        }
        Self::new_or_alias(name)
    }

    /// As [`TopicName::new`], but an empty name is allowed.
    pub(crate) fn new_or_alias(name: ByteString) -> Result<Self, InvalidTopic> {
        if name.len() > MAX_TOPIC_LENGTH {
            return Err(InvalidTopic::Name(TOO_LONG));
        }
        match name.bytes().find(|b| matches!(b, b'+' | b'#' | 0)) {
            None => Ok(Self(name)),
            Some(0) => Err(InvalidTopic::Name(NUL)),
            Some(_) => Err(InvalidTopic::Name("it contains a wildcard, + or #")),
        }
    }

    /// The empty name: a PUBLISH that has a topic alias instead.
    pub const fn alias() -> Self {
        Self(ByteString::from_static(""))
    }

    /// Whether the name is empty and a topic alias must stand for it.
    pub fn is_alias(&self) -> bool {
        self.0.is_empty()
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name's text, sharing its memory.
    pub const fn text(&self) -> &ByteString {
        &self.0
    }
}

/// What a client subscribes to: a topic name in which `+` stands for one
/// level and a last `#` for any number of levels, possibly shared
/// (`$share/GROUP/FILTER`).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicFilter(ByteString);

const SHARE: &str = "$share/";

impl TopicFilter {
    /// Checks a topic filter.
    ///
    /// # Errors
    /// It is empty, over 65,535 bytes, contains U+0000, has a wildcard that
    /// is not a level of its own or a `#` that is not the last level
    /// \[MQTT-4.7.1-1\], \[MQTT-4.7.1-2\]; or it starts with `$share/` and
    /// has no group, a group with a wildcard, or no filter after it
    /// \[MQTT-4.8.2-1\], \[MQTT-4.8.2-2\].
    pub fn new(filter: impl Into<ByteString>) -> Result<Self, InvalidTopic> {
        let filter = filter.into();
        if filter.len() > MAX_TOPIC_LENGTH {
            return Err(InvalidTopic::Filter(TOO_LONG));
        }
        if filter.contains('\0') {
            return Err(InvalidTopic::Filter(NUL));
        }
        let matched = match filter.strip_prefix(SHARE) {
            None => &*filter,
            Some(shared) => {
                let (group, matched) = shared.split_once('/').ok_or(InvalidTopic::Filter(
                    "a shared subscription is $share/GROUP/FILTER",
                ))?;
                if group.is_empty() || group.contains(['+', '#']) {
                    return Err(InvalidTopic::Filter(
                        "the group of a shared subscription is empty or has a wildcard",
                    ));
                }
                matched
            }
        };
        check_filter(matched)?;
        Ok(Self(filter))
    }

    /// The filter as it was subscribed, with `$share/GROUP/` if it has one.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The filter's text, sharing its memory.
    pub const fn text(&self) -> &ByteString {
        &self.0
    }

    /// The group of a shared subscription.
    pub fn share_name(&self) -> Option<&str> {
        Some(self.0.strip_prefix(SHARE)?.split_once('/')?.0)
    }

    /// The filter that topic names are matched with: without `$share/GROUP/`.
    pub fn matched(&self) -> &str {
        match self.0.strip_prefix(SHARE) {
            Some(shared) => shared.split_once('/').map_or("", |(_, filter)| filter),
            None => &self.0,
        }
    }

    /// Whether it has a `+` or a `#`.
    pub fn has_wildcard(&self) -> bool {
        self.matched().contains(['+', '#'])
    }

    /// Whether a message published to `topic` is for this filter
    /// (section 4.7).
    ///
    /// `a/#` matches `a` as well \[MQTT-4.7.1-2\]; a first level with a
    /// wildcard matches no topic that starts with `$` \[MQTT-4.7.2-1\].
    pub fn matches(&self, topic: &TopicName) -> bool {
        let filter = self.matched();
        if topic.0.starts_with('$') && filter.starts_with(['+', '#']) {
            return false;
        }
        let mut levels = topic.0.split('/');
        for part in filter.split('/') {
            match (part, levels.next()) {
                ("#", _) => return true,
                ("+", Some(_)) => {}
                (part, Some(level)) if part == level => {}
                _ => return false,
            }
        }
        levels.next().is_none()
    }
}

fn check_filter(filter: &str) -> Result<(), InvalidTopic> {
    if filter.is_empty() {
        return Err(InvalidTopic::Filter("it is empty"));
    }
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        if level == "#" {
            if levels.peek().is_some() {
                return Err(InvalidTopic::Filter("# is not the last level"));
            }
        } else if level != "+" && level.contains(['+', '#']) {
            return Err(InvalidTopic::Filter(
                "a wildcard is not alone between slashes",
            ));
        }
    }
    Ok(())
}

macro_rules! text {
    ($name:ident) => {
        impl Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl TryFrom<&str> for $name {
            type Error = InvalidTopic;
            fn try_from(text: &str) -> Result<Self, InvalidTopic> {
                Self::new(text)
            }
        }
    };
}
text!(TopicName);
text!(TopicFilter);

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(filter: &str, topic: &str) -> bool {
        TopicFilter::new(filter)
            .unwrap()
            .matches(&TopicName::new(topic).unwrap())
    }

    #[test]
    fn section_4_7_1_2_multi_level_wildcard() {
        assert!(matches("Kitchen/#", "Kitchen"));
        assert!(matches("Kitchen/#", "Kitchen/Fridge"));
        assert!(matches("Kitchen/#", "Kitchen/Fridge/Door"));
        assert!(!matches("Kitchen/#", "Kitchens"));
        assert!(matches("#", "Kitchen/Fridge"));
        assert!(matches("#", "/"));
    }

    #[test]
    fn section_4_7_1_3_single_level_wildcard() {
        assert!(matches("sport/tennis/+", "sport/tennis/player1"));
        assert!(!matches("sport/tennis/+", "sport/tennis/player1/ranking"));
        assert!(!matches("sport/+", "sport"));
        assert!(matches("sport/+", "sport/"));
        assert!(matches("+/+", "/finance"));
        assert!(matches("/+", "/finance"));
        assert!(!matches("+", "/finance"));
        assert!(matches("+/tennis/#", "sport/tennis"));
    }

    #[test]
    fn section_4_7_2_dollar_topics_need_a_literal_first_level() {
        assert!(!matches("#", "$SYS/uptime"));
        assert!(!matches("+/uptime", "$SYS/uptime"));
        assert!(matches("$SYS/#", "$SYS/uptime"));
        assert!(matches("$SYS/+", "$SYS/uptime"));
    }

    #[test]
    fn section_4_7_3_case_and_slashes_count() {
        assert!(!matches("ACCOUNTS", "Accounts"));
        assert!(!matches("finance", "/finance"));
        assert!(matches("a//b", "a//b"));
        assert!(matches("a/+/b", "a//b"));
    }

    #[test]
    fn section_4_8_2_shared_filters() {
        let filter = TopicFilter::new("$share/consumer1/sport/+").unwrap();
        assert_eq!(filter.share_name(), Some("consumer1"));
        assert_eq!(filter.matched(), "sport/+");
        assert!(filter.matches(&TopicName::new("sport/tennis").unwrap()));
        for bad in [
            "$share/",
            "$share/g",
            "$share/g/",
            "$share//t",
            "$share/+/t",
            "$share/g#/t",
        ] {
            assert!(TopicFilter::new(bad).is_err(), "{bad}");
        }
        assert_eq!(TopicFilter::new("$shared/x").unwrap().share_name(), None);
    }

    #[test]
    fn invalid_filters_and_names() {
        for bad in [
            "",
            "sport/tennis#",
            "sport/#/ranking",
            "sport+",
            "a\0b",
            "##",
        ] {
            assert!(TopicFilter::new(bad).is_err(), "{bad}");
        }
        for bad in ["", "a/+", "#", "a\0"] {
            assert!(TopicName::new(bad).is_err(), "{bad}");
        }
        assert!(TopicName::new("x".repeat(65_536)).is_err());
        assert!(TopicName::new("x".repeat(65_535)).is_ok());
    }
}
