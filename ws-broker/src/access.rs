//! Who may read and write what: Mosquitto's `acl_file`.

use std::collections::HashMap;
use std::path::Path;

use codec::{ByteString, InvalidTopic, TopicFilter, TopicName};
use foldhash::fast::RandomState;

/// Whom a client says it is, and has been believed to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Client identifier.
    pub client_id: ByteString,
    /// User name.
    pub username: Option<ByteString>,
    /// Whose rules hold for it: those of this listener, counted from 1, or
    /// with 0 those for all. A name that two files of passwords have is two
    /// users.
    pub rules: u16,
}

/// What a client wants to do with a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Receive messages.
    Read,
    /// Publish messages.
    Write,
}

/// The rules of an `acl_file`; without one everybody may do everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acl {
    /// Whether there is a file at all.
    is_active: bool,
    anonymous: Vec<Rule>,
    users: HashMap<String, Vec<Rule>, RandomState>,
    patterns: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    reads: bool,
    writes: bool,
    denies: bool,
    topic: Topic,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Topic {
    Filter(TopicFilter),
    /// With `%c` or `%u` in it.
    Pattern(String),
}

impl Acl {
    /// Reads a file; an error says the line and what is wrong with it.
    pub(crate) fn read(file: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| format!("cannot read acl_file {}: {error}", file.display()))?;
        Self::parse(&text).map_err(|(line, what)| format!("{}:{line}: {what}", file.display()))
    }

    /// Reads the rules in a file's text; an error says the line, counted from
    /// 1, and what is wrong with it.
    ///
    /// # Errors
    /// A line that is no rule.
    pub fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut acl = Self {
            is_active: true,
            ..Self::default()
        };
        let mut user: Option<String> = None;
        for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            let value = value.trim();
            let rules = match key {
                "user" if !value.is_empty() => {
                    user = Some(value.into());
                    acl.users.entry(value.into()).or_default();
                    continue;
                }
                "topic" => match &user {
                    None => &mut acl.anonymous,
                    Some(user) => acl.users.entry(user.clone()).or_default(),
                },
                "pattern" => &mut acl.patterns,
                _ => {
                    let what =
                        format!("a line starts with user NAME, topic or pattern, not \"{line}\"");
                    return Err((number + 1, what));
                }
            };
            let rule = Rule::parse(value, key == "pattern").map_err(|what| (number + 1, what))?;
            rules.push(rule);
        }
        Ok(acl)
    }

    /// Nobody may do anything.
    pub(crate) fn closed() -> Self {
        Self {
            is_active: true,
            ..Self::default()
        }
    }

    /// Whether there is anything that somebody may not do.
    pub(crate) const fn is_active(&self) -> bool {
        self.is_active
    }

    /// Whether `who` may do it. What is denied stays denied, whatever else
    /// allows it; what nothing allows is denied.
    pub(crate) fn allows(&self, who: &Identity, topic: &TopicName, access: Access) -> bool {
        if !self.is_active {
            return true;
        }
        let own = match &who.username {
            None => Some(&self.anonymous),
            Some(user) => self.users.get(&**user),
        };
        let rules = || own.into_iter().flatten().chain(&self.patterns);
        let matching = |rule: &&Rule| rule.matches(who, topic);
        !rules().filter(matching).any(|rule| rule.denies)
            && rules().filter(matching).any(|rule| match access {
                Access::Read => rule.reads,
                Access::Write => rule.writes,
            })
    }

    /// Whether a subscription makes sense: not to a single topic that `who`
    /// may not read. What a wildcard lets through is judged message by
    /// message.
    pub(crate) fn allows_subscription(&self, who: &Identity, filter: &TopicFilter) -> bool {
        match TopicName::new(filter.matched()) {
            Ok(topic) => self.allows(who, &topic, Access::Read),
            Err(_) => true,
        }
    }
}

impl Rule {
    fn parse(value: &str, is_pattern: bool) -> Result<Self, String> {
        let (access, topic) = match value.split_once(char::is_whitespace) {
            Some((access @ ("read" | "write" | "readwrite" | "deny"), topic)) => {
                (access, topic.trim())
            }
            _ => ("readwrite", value),
        };
        let topic = if is_pattern && (topic.contains("%c") || topic.contains("%u")) {
            // Checked with something in place of what is not known yet.
            filter(&topic.replace("%c", "c").replace("%u", "u"))?;
            Topic::Pattern(topic.into())
        } else {
            Topic::Filter(filter(topic)?)
        };
        Ok(Self {
            reads: matches!(access, "read" | "readwrite"),
            writes: matches!(access, "write" | "readwrite"),
            denies: access == "deny",
            topic,
        })
    }

    fn matches(&self, who: &Identity, topic: &TopicName) -> bool {
        match &self.topic {
            Topic::Filter(filter) => filter.matches(topic),
            Topic::Pattern(pattern) => {
                // A name with a wildcard or a level in it would reach for
                // topics of others.
                let is_plain = |name: &str| !name.is_empty() && !name.contains(['+', '#', '/']);
                let user = who.username.as_deref().unwrap_or_default();
                if pattern.contains("%c") && !is_plain(&who.client_id)
                    || pattern.contains("%u") && !is_plain(user)
                {
                    return false;
                }
                // Level by level, so that a user name with %c in it is no
                // pattern again.
                let parts =
                    pattern
                        .split('%')
                        .enumerate()
                        .map(|(i, part)| match part.chars().next() {
                            Some('c') if i > 0 => format!("{}{}", who.client_id, &part[1..]),
                            Some('u') if i > 0 => format!("{user}{}", &part[1..]),
                            _ if i > 0 => format!("%{part}"),
                            _ => part.to_owned(),
                        });
                TopicFilter::new(parts.collect::<String>()).is_ok_and(|f| f.matches(topic))
            }
        }
    }
}

fn filter(topic: &str) -> Result<TopicFilter, String> {
    TopicFilter::new(topic).map_err(|error: InvalidTopic| format!("{error}: \"{topic}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "
# everybody
topic read Kitchen/#
topic deny Kitchen/Secret

user mia
topic readwrite home/led
topic Garden/+

pattern write devices/%c/state
pattern read users/%u/#
";

    fn may(client: &str, user: Option<&str>, topic: &str, access: Access) -> bool {
        let who = Identity {
            client_id: client.into(),
            username: user.map(Into::into),
            rules: 0,
        };
        let topic = TopicName::new(topic).unwrap();
        Acl::parse(FILE).unwrap().allows(&who, &topic, access)
    }

    #[test]
    fn without_a_file_everything_is_allowed() {
        let topic = TopicName::new("a").unwrap();
        assert!(Acl::default().allows(&Identity::default(), &topic, Access::Write));
    }

    #[test]
    fn rules_before_the_first_user_are_for_anonymous_clients() {
        assert!(may("c", None, "Kitchen/Fridge", Access::Read));
        assert!(!may("c", None, "Kitchen/Fridge", Access::Write));
        assert!(!may("c", Some("mia"), "Kitchen/Fridge", Access::Read));
        assert!(!may("c", None, "home/led", Access::Read));
    }

    #[test]
    fn a_user_has_rules_of_their_own() {
        assert!(may("c", Some("mia"), "home/led", Access::Write));
        assert!(may("c", Some("mia"), "Garden/Pump", Access::Write));
        assert!(!may("c", Some("mia"), "Garden/Pump/State", Access::Read));
        assert!(!may("c", Some("tom"), "home/led", Access::Write));
    }

    #[test]
    fn deny_beats_allow() {
        assert!(!may("c", None, "Kitchen/Secret", Access::Read));
    }

    #[test]
    fn patterns_hold_for_all_and_cannot_be_widened_by_a_name() {
        assert!(may("fridge", None, "devices/fridge/state", Access::Write));
        assert!(!may("fridge", None, "devices/oven/state", Access::Write));
        assert!(!may("+", None, "devices/oven/state", Access::Write));
        assert!(may("c", Some("mia"), "users/mia/x", Access::Read));
        assert!(!may("c", None, "users//x", Access::Read));
        assert!(!may("mia", Some("%c"), "users/mia/x", Access::Read));
    }

    #[test]
    fn a_subscription_to_one_forbidden_topic_is_refused() {
        let acl = Acl::parse(FILE).unwrap();
        let who = Identity::default();
        let allows = |filter| acl.allows_subscription(&who, &TopicFilter::new(filter).unwrap());
        assert!(!allows("Kitchen/Secret"));
        assert!(!allows("home/led"));
        assert!(allows("Kitchen/Fridge"));
        assert!(allows("#"));
    }

    #[test]
    fn errors_say_the_line() {
        assert_eq!(Acl::parse("topic a\nfoo bar").unwrap_err().0, 2);
        assert!(Acl::parse("topic read a/#/b").is_err());
        assert!(Acl::parse("topic").is_err());
        assert!(Acl::parse("user").is_err());
    }
}
