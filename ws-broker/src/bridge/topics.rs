//! What a topic here is called there, and the other way round.

use codec::{TopicFilter, TopicName};

use crate::config::BridgeTopic;

/// What a message that goes out is published as; `None` if that is no topic.
pub(super) fn outgoing(topics: &[BridgeTopic], name: &TopicName) -> Option<TopicName> {
    let out = topics.iter().filter(|topic| topic.direction.is_out());
    let out = out.map(|t| (&t.local, &*t.local_prefix, &*t.remote_prefix));
    rename(out, name).unwrap_or_else(|| Some(name.clone()))
}

/// What a message that comes in is published as; `None` if nobody has asked for
/// it, or that is no topic.
pub(super) fn incoming(topics: &[BridgeTopic], name: &TopicName) -> Option<TopicName> {
    let mut into = topics.iter().filter(|topic| topic.direction.is_in());
    let renamed = into.clone();
    let renamed = renamed.map(|t| (&t.remote, &*t.remote_prefix, &*t.local_prefix));
    match rename(renamed, name) {
        Some(renamed) => renamed,
        None => into.any(|t| t.remote.matches(name)).then(|| name.clone()),
    }
}

/// The first of the topics that has prefixes and matches decides, as in
/// Mosquitto; `None` if there is none.
fn rename<'a>(
    topics: impl Iterator<Item = (&'a TopicFilter, &'a str, &'a str)>,
    name: &TopicName,
) -> Option<Option<TopicName>> {
    let mut topics = topics.filter(|(_, from, to)| !from.is_empty() || !to.is_empty());
    let (_, from, to) = topics.find(|(filter, ..)| filter.matches(name))?;
    let renamed = match name.as_str().strip_prefix(from) {
        Some(rest) => format!("{to}{rest}"),
        // `a/#` matches `a` too, which is without the prefix's last slash.
        None => to.strip_suffix('/').unwrap_or(to).to_owned(),
    };
    Some(TopicName::new(renamed).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(lines: &[&str]) -> Vec<BridgeTopic> {
        let topics = lines.iter().map(|line| BridgeTopic::parse(line).unwrap());
        topics.collect()
    }

    #[test]
    fn prefixes_are_exchanged_in_both_directions() {
        let topics = topics(&[
            "# both 0 local/topic/ remote/topic/",
            "prefix/# both 0 local2/topic/ remote2/topic/",
            "+/value both 0 local3/topic/ remote3/topic/",
            "ic/+ both 0 local4/top remote4/tip",
            "clients/total both 0 test/mosquitto/org $SYS/broker/",
            "rmapped both 0 \"\" remote/mapped/",
            "lmapped both 0 local/mapped/ \"\"",
            "\"\" both 0 local/single remote/single",
            "same/# both",
        ]);
        for (local, remote) in [
            ("local/topic/something", "remote/topic/something"),
            ("local/topic/some/t/h/i/n/g", "remote/topic/some/t/h/i/n/g"),
            ("local/topic", "remote/topic"),
            ("local2/topic/prefix/x", "remote2/topic/prefix/x"),
            ("local3/topic/x/value", "remote3/topic/x/value"),
            ("local4/topic/x", "remote4/tipic/x"),
            (
                "test/mosquitto/orgclients/total",
                "$SYS/broker/clients/total",
            ),
            ("rmapped", "remote/mapped/rmapped"),
            ("local/mapped/lmapped", "lmapped"),
            ("local/single", "remote/single"),
            ("same/x", "same/x"),
        ] {
            let (local, remote) = (TopicName::new(local), TopicName::new(remote));
            let (local, remote) = (local.unwrap(), remote.unwrap());
            assert_eq!(outgoing(&topics, &local), Some(remote.clone()));
            assert_eq!(incoming(&topics, &remote), Some(local));
        }
    }

    #[test]
    fn what_nobody_has_asked_for_does_not_come_in() {
        let topics = topics(&["a/# in 0", "b/# out 0", "c/# in 0 \"\" far/"]);
        let incoming = |name: &str| incoming(&topics, &TopicName::new(name).unwrap());
        assert!(incoming("a/x").is_some() && incoming("far/c/x").is_some());
        assert!(incoming("b/x").is_none() && incoming("c/x").is_none());
    }

    #[test]
    fn what_would_be_no_topic_is_none() {
        let topics = topics(&["# both 0 here/ \"\"", "# both 0 \"\" there/"]);
        let name = |name: &str| TopicName::new(name).unwrap();
        assert_eq!(outgoing(&topics, &name("here/")), None);
        assert_eq!(outgoing(&topics, &name("here")), None);
        assert_eq!(outgoing(&topics, &name(&"x".repeat(65_535))), None);
    }
}
