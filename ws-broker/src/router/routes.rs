use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use codec::{DecodeError, Properties, ProtocolVersion, PublishParts, PublishView, QoS, TopicName};
use foldhash::fast::RandomState;
use protocol::{Delivery, Message, Time, Violation};

use super::Router;
use super::subscriptions::{Merged, MergedGroup, Subscriber, merge};
use crate::access::{Access, Identity};
use crate::names;
use crate::outbox::{Batch, Outbox, Receiver};
use crate::settings::Settings;
use crate::store::Change;

/// Remembered topics before they are forgotten and looked up again.
const MAX_REMEMBERED_TOPICS: usize = 1024;
/// Longer topics are looked up each time: a publisher may use many.
const MAX_REMEMBERED_LENGTH: usize = 256;

/// One publisher's way to its subscribers: what a batch of publishes brings is
/// collected here for each subscriber, and handed over at the end of the
/// batch.
///
/// Most clients never publish, so it takes little room until one does.
#[derive(Debug)]
pub(crate) struct Routes {
    publisher: Option<Arc<Outbox>>,
    table: Option<Box<Table>>,
}

/// What is remembered of the topics of one publisher.
#[derive(Debug)]
struct Table {
    /// The publisher's own outbox, if it has one.
    publisher: Option<Arc<Outbox>>,
    generation: u64,
    /// What holds in this generation; none before the first.
    settings: Option<Arc<Settings>>,
    /// Where in `routes` a topic is.
    topics: HashMap<Box<[u8]>, usize, RandomState>,
    routes: Vec<Route>,
    /// The place that was looked for last: publishers tend to stay there.
    last: usize,
    /// A place for a topic that is not remembered.
    unremembered: Option<usize>,
    slots: Vec<Slot>,
    slot_of: HashMap<u64, usize, RandomState>,
    touched: Vec<usize>,
    /// Something that is to be stored was collected since it was asked last.
    has_stored: bool,
    /// The same since the last flush: what is handed over is stored together.
    is_together: bool,
    /// What else is to be stored with it.
    received: Vec<Change>,
    /// Subscribers that the publisher should wait for, and their progress when
    /// it last looked.
    held: Vec<(Arc<Outbox>, u64)>,
}

#[derive(Debug)]
struct Slot {
    outbox: Arc<Outbox>,
    receiver: Option<Receiver>,
    /// Whether what waits for the subscriber is stored.
    is_stored: bool,
    batch: Batch,
    is_touched: bool,
}

/// The subscribers of one topic.
#[derive(Debug)]
struct Route {
    name: TopicName,
    /// Whether the publisher may publish there.
    may_publish: bool,
    targets: Vec<Target>,
    groups: Vec<GroupTarget>,
    /// How many subscriptions there are, in the publisher's eyes: 0 for none.
    matches: usize,
    /// When what is published is looked at, for the recent values.
    sampled_at: Time,
}

/// A shared subscription of one topic.
#[derive(Debug)]
struct GroupTarget {
    id: u64,
    turn: Arc<AtomicUsize>,
    members: Vec<Target>,
}

/// A subscriber of one topic.
#[derive(Debug)]
struct Target {
    slot: usize,
    qos: QoS,
    retain_as_published: bool,
    identifiers: Option<Arc<[u32]>>,
}

/// A message as it comes from its publisher.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Publication<'a> {
    /// The message.
    pub message: &'a Arc<Message>,
    /// The publisher's QoS.
    pub qos: QoS,
    /// The publisher's RETAIN flag.
    pub retain: bool,
}

impl Routes {
    /// For a client that publishes, or for the broker itself, which may publish
    /// everywhere.
    pub(crate) const fn new(publisher: Option<Arc<Outbox>>) -> Self {
        Self {
            publisher,
            table: None,
        }
    }

    #[inline]
    fn table(&mut self) -> &mut Table {
        let publisher = &self.publisher;
        self.table
            .get_or_insert_with(|| Box::new(Table::new(publisher.clone())))
    }

    /// Collects a QoS 0 PUBLISH without properties and without RETAIN flag,
    /// of which `frame` is the whole packet. Gives the number of subscribers,
    /// or `None` if there are some that need more than its bytes: then nothing
    /// was done, and it must come as a [`Publication`]; or if the publisher may
    /// not publish there.
    ///
    /// # Errors
    /// The topic name is invalid.
    #[inline]
    pub(crate) fn publish_view(
        &mut self,
        router: &Router,
        view: &PublishView<'_>,
        frame: &[u8],
        version: ProtocolVersion,
        now: Time,
    ) -> Result<Option<usize>, Violation> {
        self.table().publish_view(router, view, frame, version, now)
    }

    /// Collects a message. Gives the number of subscribers.
    pub(crate) fn publish(
        &mut self,
        router: &Router,
        publication: Publication<'_>,
        now: Time,
    ) -> usize {
        self.table().publish(router, publication, now)
    }

    /// Whether something that is to be stored was collected since it was asked
    /// last.
    pub(crate) fn take_has_stored(&mut self) -> bool {
        let table = self.table.as_mut();
        table.is_some_and(|table| std::mem::take(&mut table.has_stored))
    }

    /// Has something stored together with what was collected last.
    pub(crate) fn store_with_it(&mut self, change: Change) {
        let table = self.table();
        table.is_together = true;
        table.received.push(change);
    }

    /// Whether something that is published at QoS 1 or 2 to `topic` is stored
    /// for somebody.
    pub(crate) fn would_be_stored(&mut self, router: &Router, topic: &TopicName) -> bool {
        self.table().would_be_stored(router, topic)
    }

    /// Whether the publisher may publish to `topic`.
    pub(crate) fn may_publish(&mut self, router: &Router, topic: &TopicName) -> bool {
        self.table().may_publish(router, topic)
    }

    /// The name of a topic that is remembered, if the publisher may publish
    /// there.
    pub(crate) fn remembered(&mut self, router: &Router, topic: &[u8]) -> Option<TopicName> {
        self.table.as_mut()?.remembered(router, topic)
    }

    /// Hands over what was collected since the last flush.
    pub(crate) fn flush(&mut self, router: &Router) {
        if let Some(table) = &mut self.table {
            table.flush(router);
        }
    }

    /// Whether the publisher should wait before it reads on.
    pub(crate) fn is_held(&self) -> bool {
        self.table
            .as_ref()
            .is_some_and(|table| !table.held.is_empty())
    }

    /// Ready when nobody is left to wait for.
    pub(crate) fn poll_relief(&mut self, cx: &Context<'_>) -> Poll<()> {
        match &mut self.table {
            Some(table) => table.poll_relief(cx),
            None => Poll::Ready(()),
        }
    }

    /// Waits no longer for those who have read nothing since it was looked
    /// last, or for all.
    pub(crate) fn give_up_holding(&mut self, for_all: bool) {
        if let Some(table) = &mut self.table {
            table.give_up_holding(for_all);
        }
    }
}

impl Table {
    fn new(publisher: Option<Arc<Outbox>>) -> Self {
        Self {
            publisher,
            generation: 0,
            settings: None,
            topics: HashMap::default(),
            routes: Vec::new(),
            last: 0,
            unremembered: None,
            slots: Vec::new(),
            slot_of: HashMap::default(),
            touched: Vec::new(),
            has_stored: false,
            is_together: false,
            received: Vec::new(),
            held: Vec::new(),
        }
    }

    #[inline]
    fn publish_view(
        &mut self,
        router: &Router,
        view: &PublishView<'_>,
        frame: &[u8],
        version: ProtocolVersion,
        now: Time,
    ) -> Result<Option<usize>, Violation> {
        debug_assert!(view.properties.is_empty() && !view.retain && view.qos == QoS::AtMostOnce);
        let place = self.lookup(router, view.topic)?;
        let Self {
            routes,
            slots,
            touched,
            ..
        } = self;
        let route = &mut routes[place];
        let is_plain = |target: &Target| {
            target.identifiers.is_none()
                && !(router.upgrades_qos() && target.qos > QoS::AtMostOnce)
                && match slots[target.slot].receiver {
                    Some(receiver) => !receiver.has_aliases,
                    None => !router.memory.queue().qos0,
                }
        };
        if !route.may_publish || !route.groups.is_empty() || !route.targets.iter().all(is_plain) {
            return Ok(None);
        }
        let mut dropped = 0;
        for target in &route.targets {
            let slot = &mut slots[target.slot];
            let Some(receiver) = slot.receiver else {
                continue;
            };
            if receiver.version.is_v5() == version.is_v5() {
                if !receiver.takes(frame.len()) {
                    dropped += 1;
                    continue;
                }
                slot.batch.qos0.extend_from_slice(frame);
            } else {
                let topic = std::str::from_utf8(view.topic).map_err(|_| DecodeError::Utf8)?;
                let publish = PublishParts {
                    dup: false,
                    qos: QoS::AtMostOnce,
                    retain: false,
                    topic,
                    packet_id: None,
                    properties: &Properties::new(),
                    payload: view.payload,
                };
                let len = publish.encoded_len(receiver.version);
                if !len.is_ok_and(|len| receiver.takes(len))
                    || publish
                        .encode(receiver.version, &mut slot.batch.qos0)
                        .is_err()
                {
                    dropped += 1;
                    continue;
                }
            }
            slot.batch.qos0_count.messages += 1;
            slot.batch.qos0_count.payload += view.payload.len() as u32;
            slot.touch(target.slot, touched);
        }
        router.count_dropped(dropped);
        route.sample(router, view.payload, now);
        Ok(Some(route.matches))
    }

    fn publish(&mut self, router: &Router, publication: Publication<'_>, now: Time) -> usize {
        let Ok(place) = self.lookup(router, publication.message.topic.as_bytes()) else {
            return 0;
        };
        let Self {
            routes,
            slots,
            touched,
            has_stored,
            is_together,
            ..
        } = self;
        let route = &mut routes[place];
        route.sample(router, &publication.message.payload, now);
        let mut is_stored = false;
        for target in &route.targets {
            let slot = &mut slots[target.slot];
            if slot.collect(router, publication, target, 0, now) {
                slot.touch(target.slot, touched);
                is_stored |= slot.stores(target);
            }
        }
        for group in &route.groups {
            let turn = group.turn.fetch_add(1, Ordering::Relaxed);
            let count = group.members.len();
            let members = || (0..count).map(|n| &group.members[turn.wrapping_add(n) % count]);
            let here = members().find(|member| slots[member.slot].receiver.is_some());
            if let Some(member) = here.or_else(|| members().next()) {
                let slot = &mut slots[member.slot];
                if slot.collect(router, publication, member, group.id, now) {
                    slot.touch(member.slot, touched);
                    is_stored |= slot.stores(member);
                }
            }
        }
        *has_stored |= is_stored;
        *is_together |= is_stored;
        route.matches
    }

    fn flush(&mut self, router: &Router) {
        let publisher = self.publisher_id();
        let journal = router.journal().filter(|_| self.is_together);
        self.is_together = false;
        let _together = journal.map(|journal| journal.together());
        if let Some(journal) = journal {
            journal.submit(self.received.drain(..));
        }
        for slot in self.touched.drain(..) {
            let slot = &mut self.slots[slot];
            slot.is_touched = false;
            slot.batch.receiver = slot.receiver;
            let pushed = slot.outbox.push(&mut slot.batch);
            router.count_dropped(pushed.dropped);
            if pushed.hold && slot.outbox.id() != publisher {
                let progress = slot.outbox.progress();
                self.held.push((slot.outbox.clone(), progress));
            }
        }
    }

    fn poll_relief(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.held
            .retain(|(outbox, _)| outbox.poll_relief(cx).is_pending());
        if self.held.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn give_up_holding(&mut self, for_all: bool) {
        self.held.retain_mut(|(outbox, seen)| {
            let progress = outbox.progress();
            let reads_on = !for_all && *seen != progress;
            *seen = progress;
            if !reads_on {
                outbox.give_up_holding();
            }
            reads_on
        });
    }

    fn publisher_id(&self) -> u64 {
        self.publisher
            .as_ref()
            .map_or(0, |publisher| publisher.id())
    }

    fn may_publish(&mut self, router: &Router, topic: &TopicName) -> bool {
        self.lookup(router, topic.as_bytes())
            .is_ok_and(|place| self.routes[place].may_publish)
    }

    fn would_be_stored(&mut self, router: &Router, topic: &TopicName) -> bool {
        let Ok(place) = self.lookup(router, topic.as_bytes()) else {
            return false;
        };
        let route = &self.routes[place];
        let members = route.groups.iter().flat_map(|group| &group.members);
        let mut targets = route.targets.iter().chain(members);
        targets.any(|target| self.slots[target.slot].stores(target))
    }

    fn remembered(&mut self, router: &Router, topic: &[u8]) -> Option<TopicName> {
        self.check_generation(router);
        let place = self.find(topic)?;
        let route = &self.routes[place];
        route.may_publish.then(|| route.name.clone())
    }

    fn check_generation(&mut self, router: &Router) {
        let generation = router.generation.load(Ordering::SeqCst);
        if generation != self.generation {
            self.flush(router);
            self.forget();
            self.slots.clear();
            self.slot_of.clear();
            self.generation = generation;
            self.settings = Some(router.live().get());
        }
    }

    fn forget(&mut self) {
        self.topics.clear();
        self.routes.clear();
        self.last = 0;
        self.unremembered = None;
    }

    #[inline]
    fn find(&mut self, topic: &[u8]) -> Option<usize> {
        if let Some(route) = self.routes.get(self.last)
            && route.name.as_bytes() == topic
        {
            return Some(self.last);
        }
        self.last = *self.topics.get(topic)?;
        Some(self.last)
    }

    /// Where in `routes` the topic is.
    #[inline]
    fn lookup(&mut self, router: &Router, topic: &[u8]) -> Result<usize, Violation> {
        self.check_generation(router);
        match self.find(topic) {
            Some(place) => Ok(place),
            None => self.remember(router, topic),
        }
    }

    fn remember(&mut self, router: &Router, topic: &[u8]) -> Result<usize, Violation> {
        let name = std::str::from_utf8(topic).map_err(|_| DecodeError::Utf8)?;
        // What the codec says of it [MQTT-1.5.4-2].
        if name.contains('\0') {
            return Err(DecodeError::Utf8.into());
        }
        // Checked here, once for each topic that is remembered.
        names::check_topic(name)?;
        let name = TopicName::new(name).map_err(DecodeError::from)?;
        if self.topics.len() >= MAX_REMEMBERED_TOPICS {
            self.forget();
        }
        let settings = self.settings.clone();
        let allows = |who: &Identity, access| {
            let settings = settings.as_ref();
            settings.is_some_and(|settings| settings.allows(who, &name, access))
        };
        let may_read = |subscriber: &Subscriber| allows(subscriber.outbox.identity(), Access::Read);
        let matches = merge(&router.read(), &name, self.publisher_id(), may_read);
        let publisher = self.publisher.as_ref();
        let may_publish =
            publisher.is_none_or(|publisher| allows(publisher.identity(), Access::Write));
        let targets = matches.subscribers.into_iter();
        let targets: Vec<_> = targets.map(|m| self.target(m)).collect();
        let groups = matches.groups.into_iter();
        let groups: Vec<_> = groups.map(|group| self.group(group)).collect();
        let route = Route {
            name,
            may_publish,
            matches: targets.len() + groups.len() + usize::from(matches.is_own_no_local),
            targets,
            groups,
            sampled_at: Time::default(),
        };
        let place = self.routes.len();
        if topic.len() <= MAX_REMEMBERED_LENGTH {
            self.topics.insert(topic.into(), place);
        } else if let Some(place) = self.unremembered {
            self.routes[place] = route;
            return Ok(place);
        } else {
            self.unremembered = Some(place);
        }
        self.routes.push(route);
        Ok(place)
    }

    fn group(&mut self, group: MergedGroup) -> GroupTarget {
        let members = group.members.into_iter().map(|m| self.target(m));
        GroupTarget {
            id: group.id,
            turn: group.turn,
            members: members.collect(),
        }
    }

    fn target(&mut self, merged: Merged) -> Target {
        let slots = &mut self.slots;
        let slot = self.slot_of.entry(merged.outbox.id()).or_insert_with(|| {
            slots.push(Slot {
                receiver: merged.outbox.receiver(),
                is_stored: merged.outbox.is_stored(),
                outbox: merged.outbox,
                batch: Batch::default(),
                is_touched: false,
            });
            slots.len() - 1
        });
        let identifiers = (!merged.identifiers.is_empty()).then(|| merged.identifiers.into());
        Target {
            slot: *slot,
            qos: merged.qos,
            retain_as_published: merged.retain_as_published,
            identifiers,
        }
    }
}

impl Route {
    /// Keeps what is published, should it be time for that.
    #[inline]
    fn sample(&mut self, router: &Router, payload: &[u8], now: Time) {
        if now >= self.sampled_at {
            self.sampled_at = router.recent().sample(&self.name, payload, now);
        }
    }
}

impl Slot {
    /// Takes a message for its subscriber; false if there is nothing to hand
    /// over.
    fn collect(
        &mut self,
        router: &Router,
        publication: Publication<'_>,
        target: &Target,
        token: u64,
        now: Time,
    ) -> bool {
        let qos = router.outgoing_qos(publication.qos, target.qos);
        let delivery = Delivery {
            message: publication.message.clone(),
            qos,
            retain: publication.retain && target.retain_as_published,
            subscription_identifiers: target.identifiers.clone(),
            token,
        };
        match self.receiver {
            Some(receiver) if qos == QoS::AtMostOnce && !receiver.has_aliases => {
                let encoded = delivery.encode_qos0(
                    receiver.version,
                    receiver.maximum_packet_size as usize,
                    now,
                    &mut self.batch.qos0,
                );
                if encoded.is_err() {
                    router.count_dropped(1);
                    return false;
                }
                self.batch.qos0_count.messages += 1;
                self.batch.qos0_count.payload += publication.message.payload.len() as u32;
            }
            None if qos == QoS::AtMostOnce && !router.memory.queue().qos0 => return false,
            _ => self.batch.deliveries.push(delivery),
        }
        true
    }

    /// Whether what is published at QoS 1 or 2 is stored for the subscriber.
    fn stores(&self, target: &Target) -> bool {
        self.is_stored && target.qos > QoS::AtMostOnce
    }

    fn touch(&mut self, index: usize, touched: &mut Vec<usize>) {
        if !self.is_touched {
            self.is_touched = true;
            touched.push(index);
        }
    }
}
