use std::collections::HashMap;
use std::sync::Arc;

use codec::{QoS, SubscriptionOptions, TopicFilter};
use foldhash::fast::FixedState;

use crate::outbox::Outbox;

/// One client's subscription to one filter.
#[derive(Clone, Debug)]
pub(crate) struct Subscriber {
    /// Where its messages go.
    pub outbox: Arc<Outbox>,
    /// How they are delivered.
    pub options: SubscriptionOptions,
    /// The subscription identifier, if it has one.
    pub identifier: Option<u32>,
}

/// All subscriptions, as a tree of topic levels: finding those that match a
/// topic takes as many steps as the topic has levels, times the ways in which
/// wildcards can match it, however many subscriptions there are.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    root: Node,
    len: usize,
}

#[derive(Debug, Default)]
struct Node {
    /// Filters that go on with a literal level.
    children: HashMap<Box<str>, Node, FixedState>,
    /// Filters that go on with `+`.
    any: Option<Box<Node>>,
    /// Filters that end here.
    here: Vec<Subscriber>,
    /// Filters that end with `#` after this level.
    below: Vec<Subscriber>,
}

impl Node {
    fn is_empty(&self) -> bool {
        self.children.is_empty()
            && self.any.is_none()
            && self.here.is_empty()
            && self.below.is_empty()
    }
}

impl Subscriptions {
    /// How many there are.
    #[cfg(test)]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Adds a subscription, in place of the client's earlier one to the same
    /// filter \[MQTT-3.8.4-3\].
    pub(super) fn insert(&mut self, filter: &TopicFilter, subscriber: Subscriber) {
        let mut node = &mut self.root;
        let mut is_below = false;
        for level in filter.matched().split('/') {
            match level {
                "#" => is_below = true,
                "+" => node = node.any.get_or_insert_default(),
                level => {
                    // Looked up twice, so that a level that is known already
                    // is not copied.
                    if !node.children.contains_key(level) {
                        node.children.insert(level.into(), Node::default());
                    }
                    node = node.children.get_mut(level).expect("put in above");
                }
            }
        }
        let list = if is_below {
            &mut node.below
        } else {
            &mut node.here
        };
        let id = subscriber.outbox.id();
        match list.iter_mut().find(|known| known.outbox.id() == id) {
            Some(known) => *known = subscriber,
            None => {
                list.push(subscriber);
                self.len += 1;
            }
        }
    }

    /// Removes the subscription of the outbox `id` to `filter`; tells whether
    /// there was one.
    pub(super) fn remove(&mut self, filter: &TopicFilter, id: u64) -> bool {
        let levels: Vec<&str> = filter.matched().split('/').collect();
        let removed = remove(&mut self.root, &levels, id);
        self.len -= usize::from(removed);
        removed
    }

    /// All whose filter matches `topic` (section 4.7), in no order; a client
    /// with several matching filters comes several times.
    pub(super) fn matching<'s>(&'s self, topic: &str, mut found: impl FnMut(&'s Subscriber)) {
        // Filters that start with a wildcard do not match topics that start
        // with $ [MQTT-4.7.2-1].
        let is_dollar = topic.starts_with('$');
        // (node, what is left of the topic, whether wildcards count)
        let mut open = vec![(&self.root, Some(topic), !is_dollar)];
        while let Some((node, rest, wildcards)) = open.pop() {
            if wildcards {
                node.below.iter().for_each(&mut found);
            }
            let Some(rest) = rest else {
                node.here.iter().for_each(&mut found);
                continue;
            };
            let (level, rest) = match rest.split_once('/') {
                Some((level, rest)) => (level, Some(rest)),
                None => (rest, None),
            };
            if let Some(child) = node.children.get(level) {
                open.push((child, rest, true));
            }
            if let Some(any) = &node.any
                && wildcards
            {
                open.push((any, rest, true));
            }
        }
    }
}

/// Depth is bounded by what [`crate::broker::MAX_TOPIC_LEVELS`] lets in.
fn remove(node: &mut Node, levels: &[&str], id: u64) -> bool {
    let list = match levels {
        [] => &mut node.here,
        ["#"] => &mut node.below,
        ["+", rest @ ..] => {
            let Some(any) = &mut node.any else {
                return false;
            };
            let removed = remove(any, rest, id);
            if any.is_empty() {
                node.any = None;
            }
            return removed;
        }
        [level, rest @ ..] => {
            let Some(child) = node.children.get_mut(*level) else {
                return false;
            };
            let removed = remove(child, rest, id);
            if child.is_empty() {
                node.children.remove(*level);
                if node.children.is_empty() {
                    node.children = HashMap::default();
                }
            }
            return removed;
        }
    };
    let before = list.len();
    list.retain(|subscriber| subscriber.outbox.id() != id);
    if list.is_empty() {
        *list = Vec::new();
    }
    list.len() < before
}

/// The subscriptions of one client that match one topic, as one: a message is
/// delivered once, at the highest QoS \[MQTT-3.3.4-2\], with the identifiers of
/// all \[MQTT-3.3.4-4\].
#[derive(Clone, Debug)]
pub(super) struct Merged {
    pub(super) outbox: Arc<Outbox>,
    pub(super) qos: QoS,
    pub(super) retain_as_published: bool,
    pub(super) identifiers: Vec<u32>,
}

/// Merges what [`Subscriptions::matching`] finds for a message that the outbox
/// `publisher` publishes.
pub(super) fn merge(subscriptions: &Subscriptions, topic: &str, publisher: u64) -> Vec<Merged> {
    let mut found: Vec<&Subscriber> = Vec::new();
    subscriptions.matching(topic, |subscriber| {
        let own = subscriber.outbox.id() == publisher;
        if !(own && subscriber.options.no_local) {
            found.push(subscriber);
        }
    });
    found.sort_by_key(|subscriber| subscriber.outbox.id());
    let mut merged: Vec<Merged> = Vec::with_capacity(found.len());
    for subscriber in found {
        let options = subscriber.options;
        match merged.last_mut() {
            Some(last) if last.outbox.id() == subscriber.outbox.id() => {
                last.qos = last.qos.max(options.qos);
                last.retain_as_published |= options.retain_as_published;
                last.identifiers.extend(subscriber.identifier);
            }
            _ => merged.push(Merged {
                outbox: subscriber.outbox.clone(),
                qos: options.qos,
                retain_as_published: options.retain_as_published,
                identifiers: subscriber.identifier.into_iter().collect(),
            }),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use codec::TopicName;

    use super::*;

    fn subscriber(outbox: &Arc<Outbox>, qos: QoS, identifier: Option<u32>) -> Subscriber {
        Subscriber {
            outbox: outbox.clone(),
            options: qos.into(),
            identifier,
        }
    }

    #[test]
    fn agrees_with_matching_filter_by_filter() {
        let filters = [
            "#", "+", "+/+", "/#", "/+", "a", "a/#", "a/+", "a/b", "a/+/c", "a//c", "+/b/#",
            "$SYS/#", "$SYS/+", "+/+/+", "a/b/c/#", "/",
        ];
        let topics = [
            "a", "a/b", "a/b/c", "a//c", "/", "/a", "b", "$SYS/x", "$SYS", "a/", "a/b/c/d", "x/b",
        ];
        let mut subscriptions = Subscriptions::default();
        let filters: Vec<_> = filters
            .iter()
            .map(|f| {
                (
                    TopicFilter::new(*f).unwrap(),
                    Arc::new(Outbox::new((*f).into())),
                )
            })
            .collect();
        for (filter, outbox) in &filters {
            subscriptions.insert(filter, subscriber(outbox, QoS::AtMostOnce, None));
        }
        for topic in topics {
            let topic = TopicName::new(topic).unwrap();
            let mut found = Vec::new();
            subscriptions.matching(&topic, |s| found.push(s.outbox.id()));
            found.sort_unstable();
            let mut expected: Vec<_> = filters
                .iter()
                .filter(|(filter, _)| filter.matches(&topic))
                .map(|(_, outbox)| outbox.id())
                .collect();
            expected.sort_unstable();
            assert_eq!(found, expected, "{topic}");
        }
        assert_eq!(subscriptions.len(), filters.len());
        for (filter, outbox) in &filters {
            assert!(subscriptions.remove(filter, outbox.id()));
            assert!(!subscriptions.remove(filter, outbox.id()));
        }
        assert_eq!(subscriptions.len(), 0);
        assert!(subscriptions.root.is_empty(), "no node is left behind");
    }

    #[test]
    fn section_3_3_4_overlapping_filters_are_one_delivery_at_the_highest_qos() {
        let outbox = Arc::new(Outbox::new("c".into()));
        let mut subscriptions = Subscriptions::default();
        for (filter, qos, id) in [
            ("Kitchen/#", QoS::AtMostOnce, Some(1)),
            ("Kitchen/+", QoS::ExactlyOnce, None),
            ("Kitchen/Fridge", QoS::AtLeastOnce, Some(3)),
        ] {
            let filter = TopicFilter::new(filter).unwrap();
            subscriptions.insert(&filter, subscriber(&outbox, qos, id));
        }
        let merged = merge(&subscriptions, "Kitchen/Fridge", 0);
        assert_eq!(merged.len(), 1);
        assert_eq!(merged[0].qos, QoS::ExactlyOnce);
        let mut identifiers = merged[0].identifiers.clone();
        identifiers.sort_unstable();
        assert_eq!(identifiers, [1, 3]);
    }

    #[test]
    fn section_3_8_3_1_no_local_keeps_own_messages_away() {
        let outbox = Arc::new(Outbox::new("c".into()));
        let mut subscriptions = Subscriptions::default();
        let mut local = subscriber(&outbox, QoS::AtMostOnce, None);
        local.options.no_local = true;
        subscriptions.insert(&TopicFilter::new("t").unwrap(), local);
        assert!(merge(&subscriptions, "t", outbox.id()).is_empty());
        assert_eq!(merge(&subscriptions, "t", 0).len(), 1);
    }

    #[test]
    fn subscribing_again_replaces() {
        let outbox = Arc::new(Outbox::new("c".into()));
        let mut subscriptions = Subscriptions::default();
        let filter = TopicFilter::new("t").unwrap();
        subscriptions.insert(&filter, subscriber(&outbox, QoS::AtMostOnce, None));
        subscriptions.insert(&filter, subscriber(&outbox, QoS::AtLeastOnce, None));
        assert_eq!(subscriptions.len(), 1);
        assert_eq!(merge(&subscriptions, "t", 0)[0].qos, QoS::AtLeastOnce);
    }
}
