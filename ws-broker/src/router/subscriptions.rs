use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use codec::{QoS, SubscriptionOptions, TopicFilter};
use foldhash::fast::RandomState;
use sha2::{Digest, Sha256};

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

/// A shared subscription: each message goes to one of its members (section
/// 4.8.2).
#[derive(Debug)]
pub(super) struct Group {
    /// Different for every filter, and the same after a restart.
    pub(super) id: u64,
    name: Box<str>,
    pub(super) members: Vec<Subscriber>,
    /// Whose turn it is; all publishers count it on.
    pub(super) turn: Arc<AtomicUsize>,
}

/// What [`Subscriptions::matching`] finds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found<'s> {
    Subscriber(&'s Subscriber),
    Group(&'s Group),
}

/// All subscriptions, as a tree of topic levels: finding those that match a
/// topic takes as many steps as the topic has levels, times the ways in which
/// wildcards can match it, however many subscriptions there are.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    root: Node,
    len: usize,
    groups: HashMap<u64, TopicFilter, RandomState>,
}

/// Small, and in a box: a table keeps room for more than it has.
#[derive(Debug, Default)]
struct Node {
    /// Filters that go on with a literal level.
    children: HashMap<Box<str>, Box<Node>, RandomState>,
    /// Filters that go on with `+`.
    any: Option<Box<Node>>,
    /// Filters that end here.
    here: Option<Box<Ends>>,
    /// Filters that end with `#` after this level.
    below: Option<Box<Ends>>,
}

/// The subscriptions to one filter.
#[derive(Debug, Default)]
struct Ends {
    subscribers: Vec<Subscriber>,
    groups: Vec<Group>,
}

impl Node {
    fn is_empty(&self) -> bool {
        self.children.is_empty()
            && self.any.is_none()
            && self.here.is_none()
            && self.below.is_none()
    }
}

impl Ends {
    const fn is_empty(&self) -> bool {
        self.subscribers.is_empty() && self.groups.is_empty()
    }

    /// Whether to go on.
    fn found<'s>(&'s self, found: &mut impl FnMut(Found<'s>) -> bool) -> bool {
        let mut subscribers = self.subscribers.iter().map(Found::Subscriber);
        let mut groups = self.groups.iter().map(Found::Group);
        subscribers.all(&mut *found) && groups.all(found)
    }
}

/// The number of a group, never 0. It is stored with what has been given to a
/// member.
fn group_id(filter: &TopicFilter) -> u64 {
    let digest = Sha256::digest(filter.as_bytes());
    let first = digest.iter().take(8);
    first.fold(0, |id, byte| id << 8 | u64::from(*byte)).max(1)
}

/// Puts a subscriber into a list, in place of what the client had there; tells
/// whether it is new.
fn put(list: &mut Vec<Subscriber>, subscriber: Subscriber) -> bool {
    let id = subscriber.outbox.id();
    match list.iter_mut().find(|known| known.outbox.id() == id) {
        Some(known) => {
            *known = subscriber;
            false
        }
        None => {
            // One or very many, mostly.
            if list.is_empty() {
                list.reserve_exact(1);
            }
            list.push(subscriber);
            true
        }
    }
}

/// Takes the outbox `id` out of a list; tells whether it was there.
fn take(list: &mut Vec<Subscriber>, id: u64) -> bool {
    let before = list.len();
    list.retain(|subscriber| subscriber.outbox.id() != id);
    if list.is_empty() {
        *list = Vec::new();
    }
    list.len() < before
}

impl Subscriptions {
    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// How many shared subscriptions there are.
    pub(super) fn groups_len(&self) -> usize {
        self.groups.len()
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
                        node.children.insert(level.into(), Box::default());
                    }
                    node = node.children.get_mut(level).expect("put in above");
                }
            }
        }
        let ends = if is_below {
            &mut node.below
        } else {
            &mut node.here
        };
        let ends = ends.get_or_insert_default();
        let list = match filter.share_name() {
            None => &mut ends.subscribers,
            Some(name) => {
                let known = ends.groups.iter().position(|group| &*group.name == name);
                let at = known.unwrap_or_else(|| {
                    let id = group_id(filter);
                    self.groups.insert(id, filter.clone());
                    ends.groups.push(Group {
                        id,
                        name: name.into(),
                        members: Vec::new(),
                        turn: Arc::default(),
                    });
                    ends.groups.len() - 1
                });
                &mut ends.groups[at].members
            }
        };
        self.len += usize::from(put(list, subscriber));
    }

    /// Removes the subscription of the outbox `id` to `filter`; tells whether
    /// there was one.
    pub(super) fn remove(&mut self, filter: &TopicFilter, id: u64) -> bool {
        let levels: Vec<&str> = filter.matched().split('/').collect();
        let removed = edit(&mut self.root, &levels, &mut |ends| {
            let Some(name) = filter.share_name() else {
                return take(&mut ends.subscribers, id);
            };
            let Some(at) = ends.groups.iter().position(|group| &*group.name == name) else {
                return false;
            };
            let removed = take(&mut ends.groups[at].members, id);
            if ends.groups[at].members.is_empty() {
                self.groups.remove(&ends.groups[at].id);
                ends.groups.swap_remove(at);
            }
            removed
        });
        self.len -= usize::from(removed);
        removed
    }

    /// The shared subscription with this number, if it still has members.
    pub(super) fn group(&self, id: u64) -> Option<&Group> {
        let filter = self.groups.get(&id)?;
        let mut node = &self.root;
        let mut ends = None;
        for level in filter.matched().split('/') {
            match level {
                "#" => ends = Some(node.below.as_deref()?),
                "+" => node = node.any.as_deref()?,
                level => node = node.children.get(level)?,
            }
        }
        let ends = match ends {
            Some(ends) => ends,
            None => node.here.as_deref()?,
        };
        ends.groups.iter().find(|group| group.id == id)
    }

    /// All whose filter matches `topic` (section 4.7), in no order; a client
    /// with several matching filters comes several times.
    pub(super) fn matching<'s>(&'s self, topic: &str, mut found: impl FnMut(Found<'s>)) {
        // Filters that start with a wildcard do not match topics that start
        // with $ [MQTT-4.7.2-1].
        let is_dollar = topic.starts_with('$');
        self.search(topic, !is_dollar, |one| {
            found(one);
            true
        });
    }

    /// The same, with or without filters that start with a wildcard, until
    /// `found` says no.
    pub(super) fn search<'s>(
        &'s self,
        topic: &str,
        wildcards_first: bool,
        mut found: impl FnMut(Found<'s>) -> bool,
    ) {
        // (node, what is left of the topic, whether wildcards count)
        let mut open = vec![(&self.root, Some(topic), wildcards_first)];
        while let Some((node, rest, wildcards)) = open.pop() {
            if let Some(below) = &node.below
                && wildcards
                && !below.found(&mut found)
            {
                return;
            }
            let Some(rest) = rest else {
                if let Some(here) = &node.here
                    && !here.found(&mut found)
                {
                    return;
                }
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

/// Does something to the subscriptions of one filter, and removes the nodes
/// that are empty after it. Depth is bounded by what
/// [`crate::names::MAX_TOPIC_LEVELS`] lets in.
fn edit(node: &mut Node, levels: &[&str], change: &mut dyn FnMut(&mut Ends) -> bool) -> bool {
    match levels {
        [] => edit_ends(&mut node.here, change),
        ["#"] => edit_ends(&mut node.below, change),
        ["+", rest @ ..] => {
            let Some(any) = &mut node.any else {
                return false;
            };
            let changed = edit(any, rest, change);
            if any.is_empty() {
                node.any = None;
            }
            changed
        }
        [level, rest @ ..] => {
            let Some(child) = node.children.get_mut(*level) else {
                return false;
            };
            let changed = edit(child, rest, change);
            if child.is_empty() {
                node.children.remove(*level);
                if node.children.is_empty() {
                    node.children = HashMap::default();
                }
            }
            changed
        }
    }
}

fn edit_ends(ends: &mut Option<Box<Ends>>, change: &mut dyn FnMut(&mut Ends) -> bool) -> bool {
    let Some(there) = ends else {
        return false;
    };
    let changed = change(there);
    if there.is_empty() {
        *ends = None;
    }
    changed
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

/// The members of a shared subscription that may receive a message.
#[derive(Clone, Debug)]
pub(super) struct MergedGroup {
    pub(super) id: u64,
    pub(super) turn: Arc<AtomicUsize>,
    pub(super) members: Vec<Merged>,
}

impl From<&Subscriber> for Merged {
    fn from(subscriber: &Subscriber) -> Self {
        Self {
            outbox: subscriber.outbox.clone(),
            qos: subscriber.options.qos,
            retain_as_published: subscriber.options.retain_as_published,
            identifiers: subscriber.identifier.into_iter().collect(),
        }
    }
}

/// What [`merge`] finds.
#[derive(Clone, Debug)]
pub(super) struct Matches {
    pub(super) subscribers: Vec<Merged>,
    pub(super) groups: Vec<MergedGroup>,
    /// Whether the publisher subscribes itself, and asked not to get its own:
    /// then it is not true that nobody does.
    pub(super) is_own_no_local: bool,
}

/// Merges what [`Subscriptions::matching`] finds for a message that the outbox
/// `publisher` publishes, leaving out those who may not read it. A shared
/// subscription is never merged with another.
pub(super) fn merge(
    subscriptions: &Subscriptions,
    topic: &str,
    publisher: u64,
    may_read: impl Fn(&Subscriber) -> bool,
) -> Matches {
    let mut found: Vec<&Subscriber> = Vec::new();
    let mut groups: Vec<MergedGroup> = Vec::new();
    let mut is_own_no_local = false;
    subscriptions.matching(topic, |matching| match matching {
        Found::Subscriber(subscriber) => {
            let own = subscriber.outbox.id() == publisher;
            if own && subscriber.options.no_local {
                is_own_no_local = true;
            } else if may_read(subscriber) {
                found.push(subscriber);
            }
        }
        Found::Group(group) => {
            let members = group.members.iter().filter(|member| may_read(member));
            groups.push(MergedGroup {
                id: group.id,
                turn: group.turn.clone(),
                members: members.map(Merged::from).collect(),
            });
        }
    });
    found.sort_by_key(|subscriber| subscriber.outbox.id());
    let mut merged: Vec<Merged> = Vec::with_capacity(found.len());
    for subscriber in found {
        match merged.last_mut() {
            Some(last) if last.outbox.id() == subscriber.outbox.id() => {
                let options = subscriber.options;
                last.qos = last.qos.max(options.qos);
                last.retain_as_published |= options.retain_as_published;
                last.identifiers.extend(subscriber.identifier);
            }
            _ => merged.push(subscriber.into()),
        }
    }
    groups.retain(|group| !group.members.is_empty());
    Matches {
        subscribers: merged,
        groups,
        is_own_no_local,
    }
}

#[cfg(test)]
mod tests {
    use codec::TopicName;

    use super::*;

    fn outbox() -> Arc<Outbox> {
        let config = crate::config::Config::local(None);
        let memory = crate::memory::Memory::new(&config);
        Arc::new(Outbox::new(crate::access::Identity::default(), memory))
    }

    fn direct(subscriptions: &Subscriptions, topic: &str, publisher: u64) -> Vec<Merged> {
        merge(subscriptions, topic, publisher, |_| true).subscribers
    }

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
            .map(|f| (TopicFilter::new(*f).unwrap(), outbox()))
            .collect();
        for (filter, outbox) in &filters {
            subscriptions.insert(filter, subscriber(outbox, QoS::AtMostOnce, None));
        }
        for topic in topics {
            let topic = TopicName::new(topic).unwrap();
            let mut found = Vec::new();
            subscriptions.matching(&topic, |found_one| {
                if let Found::Subscriber(s) = found_one {
                    found.push(s.outbox.id());
                }
            });
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
        let outbox = outbox();
        let mut subscriptions = Subscriptions::default();
        for (filter, qos, id) in [
            ("Kitchen/#", QoS::AtMostOnce, Some(1)),
            ("Kitchen/+", QoS::ExactlyOnce, None),
            ("Kitchen/Fridge", QoS::AtLeastOnce, Some(3)),
        ] {
            let filter = TopicFilter::new(filter).unwrap();
            subscriptions.insert(&filter, subscriber(&outbox, qos, id));
        }
        let merged = direct(&subscriptions, "Kitchen/Fridge", 0);
        assert_eq!(merged.len(), 1);
        assert_eq!(merged[0].qos, QoS::ExactlyOnce);
        let mut identifiers = merged[0].identifiers.clone();
        identifiers.sort_unstable();
        assert_eq!(identifiers, [1, 3]);
    }

    #[test]
    fn section_3_8_3_1_no_local_keeps_own_messages_away() {
        let outbox = outbox();
        let mut subscriptions = Subscriptions::default();
        let mut local = subscriber(&outbox, QoS::AtMostOnce, None);
        local.options.no_local = true;
        subscriptions.insert(&TopicFilter::new("t").unwrap(), local);
        assert!(direct(&subscriptions, "t", outbox.id()).is_empty());
        assert_eq!(direct(&subscriptions, "t", 0).len(), 1);
    }

    #[test]
    fn subscribing_again_replaces() {
        let outbox = outbox();
        let mut subscriptions = Subscriptions::default();
        let filter = TopicFilter::new("t").unwrap();
        subscriptions.insert(&filter, subscriber(&outbox, QoS::AtMostOnce, None));
        subscriptions.insert(&filter, subscriber(&outbox, QoS::AtLeastOnce, None));
        assert_eq!(subscriptions.len(), 1);
        assert_eq!(direct(&subscriptions, "t", 0)[0].qos, QoS::AtLeastOnce);
    }

    #[test]
    fn section_4_8_2_a_group_is_found_once_with_all_its_members() {
        let (a, b) = (outbox(), outbox());
        let mut subscriptions = Subscriptions::default();
        let shared = TopicFilter::new("$share/g/Kitchen/#").unwrap();
        let other = TopicFilter::new("$share/h/Kitchen/#").unwrap();
        let direct = TopicFilter::new("Kitchen/#").unwrap();
        for (filter, outbox) in [(&shared, &a), (&shared, &b), (&other, &a), (&direct, &a)] {
            subscriptions.insert(filter, subscriber(outbox, QoS::AtMostOnce, None));
        }
        let Matches {
            subscribers: merged,
            mut groups,
            ..
        } = merge(&subscriptions, "Kitchen/Fridge", 0, |_| true);
        assert_eq!(merged.len(), 1, "the direct subscription of a");
        groups.sort_by_key(|group| std::cmp::Reverse(group.members.len()));
        let sizes: Vec<_> = groups.iter().map(|group| group.members.len()).collect();
        assert_eq!(sizes, [2, 1]);
        assert_eq!(subscriptions.group(groups[0].id).unwrap().members.len(), 2);

        let Matches { groups, .. } = merge(&subscriptions, "Kitchen/Fridge", 0, |s| {
            s.outbox.id() == b.id()
        });
        assert_eq!(groups.len(), 1, "who may not read is no member");

        assert!(subscriptions.remove(&shared, a.id()));
        assert!(subscriptions.remove(&shared, b.id()));
        assert!(!subscriptions.remove(&shared, b.id()));
        assert!(subscriptions.group(groups[0].id).is_none());
        assert!(subscriptions.remove(&other, a.id()) && subscriptions.remove(&direct, a.id()));
        assert!(subscriptions.root.is_empty() && subscriptions.groups.is_empty());
    }
}
