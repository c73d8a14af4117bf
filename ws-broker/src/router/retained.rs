use std::collections::HashMap;
use std::sync::Arc;

use codec::{QoS, TopicFilter};
use foldhash::fast::RandomState;
use protocol::{Message, Time};

use crate::access::Identity;
use crate::memory::{Memory, Stored};
use crate::store::Change;

/// The last message with the RETAIN flag on one topic (section 3.3.1.3).
#[derive(Clone, Debug)]
pub(crate) struct Retained {
    /// What was published.
    pub message: Arc<Message>,
    /// The QoS it was published at.
    pub qos: QoS,
    /// Who has published it, if that matters: see `check_retain_source`.
    pub source: Option<Box<Identity>>,
}

impl Retained {
    /// What it changes in the store.
    pub(super) fn change(&self) -> Change {
        if self.message.payload.is_empty() {
            Change::Removed(self.message.topic.clone())
        } else {
            Change::Retained(self.clone())
        }
    }
}

/// All retained messages, as a tree of topic levels.
#[derive(Debug, Default)]
pub(super) struct RetainedStore {
    root: Node,
    len: usize,
}

#[derive(Debug, Default)]
struct Node {
    retained: Option<Retained>,
    children: HashMap<Box<str>, Node, RandomState>,
}

impl RetainedStore {
    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Keeps a message in place of the last one on its topic; one with an
    /// empty payload only removes that \[MQTT-3.3.1-6\]. Gives whether there
    /// was room for it.
    pub(super) fn set(&mut self, retained: &Retained, memory: &Memory) -> bool {
        let message = &retained.message;
        let levels: Vec<&str> = message.topic.split('/').collect();
        if message.payload.is_empty() {
            if let Some(removed) = remove(&mut self.root, &levels) {
                self.len -= 1;
                memory.update(stored(Some(&removed)), Stored::default());
            }
            return true;
        }
        if !memory.has_room(size(retained)) {
            return false;
        }
        let mut node = &mut self.root;
        for level in levels {
            if !node.children.contains_key(level) {
                node.children.insert(level.into(), Node::default());
            }
            node = node.children.get_mut(level).expect("put in above");
        }
        let before = stored(node.retained.as_ref());
        node.retained = Some(retained.clone());
        memory.update(before, stored(node.retained.as_ref()));
        self.len += 1 - before.messages;
        true
    }

    /// All that match `filter` and are not expired.
    pub(super) fn matching(&self, filter: &TopicFilter, now: Time) -> Vec<Retained> {
        let filter: Vec<&str> = filter.matched().split('/').collect();
        let mut found = Vec::new();
        // (node, what is left of the filter, whether it is the root)
        let mut open = vec![(&self.root, &filter[..], true)];
        while let Some((node, filter, is_root)) = open.pop() {
            let keep = |found: &mut Vec<Retained>| {
                if let Some(retained) = &node.retained
                    && !retained.message.is_expired(now)
                {
                    found.push(retained.clone());
                }
            };
            // A wildcard as the first level leaves out what starts with $
            // [MQTT-4.7.2-1].
            let visible = |name: &str| !(is_root && name.starts_with('$'));
            match filter {
                [] => keep(&mut found),
                ["#"] => {
                    keep(&mut found);
                    let children = node.children.iter().filter(|(name, _)| visible(name));
                    open.extend(children.map(|(_, child)| (child, filter, false)));
                }
                ["+", rest @ ..] => {
                    let children = node.children.iter().filter(|(name, _)| visible(name));
                    open.extend(children.map(|(_, child)| (child, rest, false)));
                }
                [level, rest @ ..] => {
                    open.extend(node.children.get(*level).map(|child| (child, rest, false)));
                }
            }
        }
        found
    }
}

/// What a retained message takes, with its place in the tree.
fn size(retained: &Retained) -> usize {
    const NODE: usize = 128;
    let Retained {
        message, source, ..
    } = retained;
    let source = source.as_ref().map_or(0, |source| {
        let names = source.client_id.len() + source.username.as_ref().map_or(0, |name| name.len());
        size_of::<Identity>() + names
    });
    message.size() + NODE + message.topic.len() + source
}

fn stored(retained: Option<&Retained>) -> Stored {
    match retained {
        None => Stored::default(),
        Some(retained) => Stored {
            messages: 1,
            bytes: size(retained),
        },
    }
}

/// Depth is bounded by what [`crate::names::MAX_TOPIC_LEVELS`] lets in.
fn remove(node: &mut Node, levels: &[&str]) -> Option<Retained> {
    let [level, rest @ ..] = levels else {
        return node.retained.take();
    };
    let child = node.children.get_mut(*level)?;
    let removed = remove(child, rest);
    if child.retained.is_none() && child.children.is_empty() {
        node.children.remove(*level);
    }
    removed
}

#[cfg(test)]
mod tests {
    use codec::TopicName;

    use super::*;

    fn retained(topic: &str, payload: &'static str) -> Retained {
        Retained {
            message: Arc::new(Message::new(TopicName::new(topic).unwrap(), payload)),
            qos: QoS::AtLeastOnce,
            source: None,
        }
    }

    fn memory(limit: usize) -> Arc<Memory> {
        let config = crate::config::Config::local(None);
        Memory::with(config.queue, limit)
    }

    fn set(store: &mut RetainedStore, retained: &Retained) {
        assert!(store.set(retained, &memory(usize::MAX)));
    }

    fn matching(store: &RetainedStore, filter: &str) -> Vec<String> {
        let filter = TopicFilter::new(filter).unwrap();
        let found = store.matching(&filter, Time::default());
        let mut topics: Vec<_> = found.iter().map(|r| r.message.topic.to_string()).collect();
        topics.sort();
        topics
    }

    #[test]
    fn agrees_with_matching_topic_by_topic() {
        let topics = [
            "a", "a/b", "a/b/c", "a//c", "/", "/a", "$SYS/x", "a/", "b/b",
        ];
        let mut store = RetainedStore::default();
        for topic in topics {
            set(&mut store, &retained(topic, "x"));
        }
        for filter in [
            "#", "+", "+/+", "/#", "a/#", "a/+", "a/b", "+/b", "$SYS/#", "a/+/c", "no",
        ] {
            let parsed = TopicFilter::new(filter).unwrap();
            let mut expected: Vec<_> = topics
                .iter()
                .filter(|t| parsed.matches(&TopicName::new(**t).unwrap()))
                .map(ToString::to_string)
                .collect();
            expected.sort();
            assert_eq!(matching(&store, filter), expected, "{filter}");
        }
    }

    #[test]
    fn section_3_3_1_3_the_last_one_stays_and_an_empty_payload_deletes() {
        let mut store = RetainedStore::default();
        set(&mut store, &retained("Kitchen/Fridge", "Temperature:14"));
        set(&mut store, &retained("Kitchen/Fridge", "Temperature:15"));
        assert_eq!(store.len, 1);
        let filter = TopicFilter::new("Kitchen/+").unwrap();
        let found = store.matching(&filter, Time::default());
        assert_eq!(found[0].message.payload, "Temperature:15");
        set(&mut store, &retained("Kitchen/Fridge", ""));
        assert_eq!(store.len, 0);
        set(&mut store, &retained("Kitchen/Fridge", ""));
        assert_eq!(store.len, 0);
        assert!(store.root.children.is_empty(), "no node is left behind");
    }

    #[test]
    fn section_3_3_2_3_3_what_is_expired_is_not_sent() {
        let mut store = RetainedStore::default();
        let mut message = Message::new(TopicName::new("t").unwrap(), "x");
        message.expires_at = Some(Time::from_millis(1000));
        let expires = Retained {
            message: Arc::new(message),
            qos: QoS::AtMostOnce,
            source: None,
        };
        set(&mut store, &expires);
        let filter = TopicFilter::new("#").unwrap();
        assert_eq!(store.matching(&filter, Time::from_millis(1000)).len(), 1);
        assert!(store.matching(&filter, Time::from_millis(1001)).is_empty());
    }

    #[test]
    fn what_is_stored_is_counted_and_limited() {
        let (mut store, memory) = (RetainedStore::default(), memory(1000));
        let long: &'static str = "0123456789".repeat(50).leak();
        assert!(store.set(&retained("a", long), &memory));
        assert!(!store.set(&retained("b", long), &memory));
        assert_eq!((store.len(), memory.stored().messages), (1, 1));
        assert!(store.set(&retained("a", "short"), &memory));
        assert!(store.set(&retained("b", long), &memory));
        for topic in ["a", "b", "c"] {
            assert!(store.set(&retained(topic, ""), &memory));
        }
        assert_eq!(memory.stored(), Stored::default());
        assert_eq!(store.len(), 0);
    }
}
