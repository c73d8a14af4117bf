//! Who may read and write what: Mosquitto's `acl_file`.

use std::collections::HashMap;
use std::path::Path;

use codec::{ByteString, InvalidTopic, TopicFilter, TopicName};
use foldhash::fast::RandomState;

use crate::user_file;

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

/// The rules of a bridge, which may do what its configuration says.
const BRIDGE_RULES: u16 = u16::MAX;

impl Identity {
    /// Whom a bridge is taken for.
    pub(crate) const fn of_bridge(client_id: ByteString, username: Option<ByteString>) -> Self {
        Self {
            client_id,
            username,
            rules: BRIDGE_RULES,
        }
    }

    /// Whether it is a bridge of this broker.
    pub(crate) const fn is_bridge(&self) -> bool {
        self.rules == BRIDGE_RULES
    }

    /// Whether it may publish there below `$SYS`, which is the broker's own: what
    /// is there must be true. A client may say of itself that it is a bridge,
    /// and connected; what a bridge of this broker brings was asked for.
    pub(crate) fn may_publish_sys(&self, topic: &str) -> bool {
        let state = topic.strip_prefix("$SYS/broker/connection/");
        let id = state.and_then(|state| state.strip_suffix("/state"));
        self.is_bridge() || id == Some(&*self.client_id)
    }
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
    anonymous: Rules,
    users: HashMap<String, Rules, RandomState>,
    patterns: Rules,
    /// What is odd about the file.
    pub(crate) warnings: Vec<String>,
}

/// Rules that are looked at together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rules(Vec<Rule>);

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
        let (text, odd) = user_file::read(file)
            .map_err(|error| format!("cannot read acl_file {}: {error}", file.display()))?;
        let mut acl = Self::parse(&text)
            .map_err(|(line, what)| format!("{}:{line}: {what}", file.display()))?;
        for warning in &mut acl.warnings {
            *warning = format!("{}:{warning}", file.display());
        }
        acl.warnings.extend(odd);
        Ok(acl)
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
                "user" if value.is_empty() => {
                    return Err((number + 1, "\"user\" needs a name".into()));
                }
                "user" => {
                    user = Some(value.into());
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
            let is_pattern = key == "pattern";
            let rule = Rule::parse(value, is_pattern).map_err(|what| (number + 1, what))?;
            let odd = rule.oddity(is_pattern);
            acl.warnings
                .extend(odd.map(|odd| format!("{}: {odd}", number + 1)));
            rules.0.push(rule);
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

    /// Whether `who` may do it. As in Mosquitto, the user's own rules come
    /// first, then the patterns; in both, what is denied is denied whatever
    /// else allows it. What nothing allows is denied.
    pub(crate) fn allows(&self, who: &Identity, topic: &TopicName, access: Access) -> bool {
        !self.is_active || self.judge(who, topic, access).unwrap_or(false)
    }

    /// What the rules say of it; `None` if none does.
    fn judge(&self, who: &Identity, topic: &TopicName, access: Access) -> Option<bool> {
        let own = match &who.username {
            None => Some(&self.anonymous),
            Some(user) => self.users.get(&**user),
        };
        own.and_then(|own| own.judge(who, topic, access))
            .or_else(|| {
                // A name with a wildcard in it would reach for the topics of
                // others.
                let is_plain = |name: &str| !name.contains(['+', '#']);
                let are_plain =
                    is_plain(&who.client_id) && who.username.as_deref().is_none_or(is_plain);
                self.patterns
                    .judge(who, topic, access)
                    .filter(|_| are_plain)
            })
    }

    /// Whether a rule denies `who` all that the filter matches, as far as that
    /// is easily told: of a filter without wildcards it is.
    pub(crate) fn denies_all(&self, who: &Identity, filter: &TopicFilter) -> bool {
        TopicName::new(filter.matched())
            .is_ok_and(|topic| self.judge(who, &topic, Access::Read) == Some(false))
    }

    /// Whether there is a topic that the filter matches and `who` may read, as
    /// far as that is easily told: of a filter without wildcards it is.
    pub(crate) fn may_get_something(&self, who: &Identity, filter: &TopicFilter) -> bool {
        match TopicName::new(filter.matched()) {
            Ok(topic) => self.allows(who, &topic, Access::Read),
            Err(_) => true,
        }
    }
}

impl Rules {
    /// Whether these allow it; `None` if they have nothing to say of it.
    fn judge(&self, who: &Identity, topic: &TopicName, access: Access) -> Option<bool> {
        let mut is_allowed = None;
        for rule in &self.0 {
            let says = match access {
                _ if rule.denies => Some(false),
                Access::Read if rule.reads => Some(true),
                Access::Write if rule.writes => Some(true),
                Access::Read | Access::Write => None,
            };
            if says.is_some() && says != is_allowed && rule.matches(who, topic) {
                is_allowed = says;
                if rule.denies {
                    break;
                }
            }
        }
        is_allowed
    }
}

impl Rule {
    fn parse(value: &str, is_pattern: bool) -> Result<Self, String> {
        let (access, topic) = match value.split_once(char::is_whitespace) {
            Some((access @ ("read" | "write" | "readwrite" | "deny"), topic)) => {
                (access, topic.trim())
            }
            // Else a slip of the pen would be a part of the topic.
            Some((other, _)) => {
                return Err(format!(
                    "access is read, write, readwrite or deny, not \"{other}\"; before a topic \
                     with a space in it, it cannot be left out"
                ));
            }
            None => ("readwrite", value),
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

    /// What its author may not have meant.
    fn oddity(&self, is_pattern: bool) -> Option<&'static str> {
        match &self.topic {
            Topic::Filter(filter) if filter.share_name().is_some() => Some(
                "a rule is about topics, and there are none below $share: it has no effect. \
                 Whoever may read a topic may share a subscription to it.",
            ),
            Topic::Filter(_) if is_pattern => {
                Some("this pattern has neither %c nor %u: it is a rule for everybody.")
            }
            Topic::Filter(_) | Topic::Pattern(_) => None,
        }
    }

    fn matches(&self, who: &Identity, topic: &TopicName) -> bool {
        // To a filter the words after $share would be a topic.
        let matches = |filter: &TopicFilter| filter.share_name().is_none() && filter.matches(topic);
        match &self.topic {
            Topic::Filter(filter) => matches(filter),
            Topic::Pattern(pattern) => fill_in(pattern, who)
                .and_then(|filter| TopicFilter::new(filter).ok())
                .is_some_and(|filter| matches(&filter)),
        }
    }
}

/// Puts the client's names in place of `%c` and `%u`; `None` if it has no user
/// name and one is wanted.
fn fill_in(pattern: &str, who: &Identity) -> Option<String> {
    let mut filled = String::with_capacity(pattern.len());
    let mut rest = pattern;
    // From left to right, so that a user name with %c in it is no pattern
    // again.
    while let Some((before, after)) = rest.split_once('%') {
        filled.push_str(before);
        rest = if let Some(rest) = after.strip_prefix('c') {
            filled.push_str(&who.client_id);
            rest
        } else if let Some(rest) = after.strip_prefix('u') {
            filled.push_str(who.username.as_deref()?);
            rest
        } else {
            filled.push('%');
            after
        };
    }
    filled.push_str(rest);
    Some(filled)
}

fn filter(topic: &str) -> Result<TopicFilter, String> {
    TopicFilter::new(topic).map_err(|error: InvalidTopic| format!("{error}: \"{topic}\""))
}

#[cfg(test)]
mod tests;
