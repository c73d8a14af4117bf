//! Pages that vanish at any moment, over a network that breaks at any byte,
//! against the broker's end of `protocol`: with a store nothing is lost, and
//! nothing at QoS 2 comes twice.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use codec::{SubscriptionOptions, TopicFilter};
use protocol::{Delivery, Limits, Session, server};

use super::*;
use crate::journal::{Change, Journal, Receipt};
use crate::store::Possible;
use crate::{Error, Message, Offline};

/// The same numbers for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        // Knuth's MMIX.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

#[derive(Default)]
struct Broker {
    session: Session,
    has_session: bool,
    is_subscribed: bool,
    queue: VecDeque<Delivery>,
    connection: Option<server::Connection>,
    input: BytesMut,
    /// What came, as text, in order.
    received: Vec<String>,
}

struct World {
    dice: Dice,
    now: Time,
    disk: BTreeMap<u64, Bytes>,
    /// The text of every publish that was ever stored.
    stored: BTreeSet<String>,
    core: Core,
    /// The number of the one that there is.
    socket: Option<u64>,
    committing: Option<Vec<Change>>,
    to_broker: BytesMut,
    to_page: BytesMut,
    broker: Broker,
    mailbox: Mailbox<Message>,
    receipt: Option<Receipt>,
    /// What the application has written down, by number.
    noted: BTreeMap<u64, String>,
    published: u32,
    sent_to_page: u32,
    crashes: u32,
}

const COUNT: u32 = 40;

fn options() -> Options {
    let mut options = Options::new(URL).clean_start(false).session_expiry(600);
    options.client_id = "page".into();
    options.receive_maximum(5).offline(Offline::Queue)
}

fn page(disk: &BTreeMap<u64, Bytes>, now: Time) -> (Core, Mailbox<Message>) {
    let records = disk.iter().map(|(key, record)| (*key, record.clone()));
    let stored = Journal::open(Possible, records, 1_000_000, now);
    let mut core = Core::new(options(), Some(stored), || 0.0, now);
    let filter = TopicFilter::new("in").unwrap();
    let options = SubscriptionOptions::from(QoS::ExactlyOnce);
    let begun = core.subscribe(&filter, options, Properties::new(), now);
    let Ok(begun) = begun else {
        unreachable!("it has not ended");
    };
    (core, begun.mailbox)
}

/// QoS 2 and 1 in turn.
fn qos(number: u32) -> QoS {
    [QoS::ExactlyOnce, QoS::AtLeastOnce][number as usize % 2]
}

impl World {
    fn new(seed: u64) -> Self {
        let now = Time::from_millis(1000);
        let disk = BTreeMap::new();
        let (core, mailbox) = page(&disk, now);
        Self {
            dice: Dice(seed),
            now,
            disk,
            stored: BTreeSet::new(),
            core,
            socket: None,
            committing: None,
            to_broker: BytesMut::new(),
            to_page: BytesMut::new(),
            broker: Broker::default(),
            mailbox,
            receipt: None,
            noted: BTreeMap::new(),
            published: 0,
            sent_to_page: 0,
            crashes: 0,
        }
    }

    fn publish(&mut self) {
        let text = format!("p{:04}", self.published);
        let message = Message::new("out", text).unwrap().qos(qos(self.published));
        self.published += 1;
        // Whoever waits is gone with the page.
        drop(self.core.publish(message, self.now));
    }

    fn apply(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Put(key, record) => {
                    let text = record.get(record.len().saturating_sub(5)..);
                    if let Some(text) = text.filter(|text| text.starts_with(b"p")) {
                        let text = String::from_utf8(text.to_vec()).unwrap();
                        self.stored.insert(text);
                    }
                    self.disk.insert(key, record);
                }
                Change::Delete(key) => drop(self.disk.remove(&key)),
                Change::DeleteHandshakes => self.disk.retain(|key, _| !(1..1 << 51).contains(key)),
            }
        }
    }

    fn begin_commit(&mut self) {
        if let Some(changes) = self.core.begin_commit() {
            assert!(self.committing.is_none(), "one after the other");
            self.committing = Some(changes.to_vec());
        }
    }

    fn end_commit(&mut self, works: bool) {
        let Some(changes) = self.committing.take() else {
            return;
        };
        if works {
            self.apply(changes);
            self.core.handle_stored(Ok(()), self.now);
        } else {
            self.core.handle_stored(Err(Error::StoreFull), self.now);
        }
    }

    fn connect(&mut self) {
        self.core.reconnect_now(self.now);
        self.follow();
        if self.socket.is_some() && self.broker.connection.is_none() {
            self.to_broker.clear();
            self.to_page.clear();
            self.broker.input.clear();
            let limits = Limits {
                receive_maximum: 5,
                ..Limits::NONE
            };
            let patience = Duration::from_secs(10);
            let connection = server::Connection::new(limits, patience, self.now);
            self.broker.connection = Some(connection);
            self.core.handle_open(self.now);
        }
    }

    /// As the driver does: a socket that is not wanted any more is closed.
    fn follow(&mut self) {
        if self.core.socket() != self.socket {
            self.socket = self.core.socket();
            self.core.output().clear();
            self.hang_up();
        }
    }

    fn hang_up(&mut self) {
        if let Some(connection) = self.broker.connection.take()
            && connection.is_connected()
        {
            self.broker.session = connection.into_session();
        }
    }

    fn cut(&mut self) {
        self.hang_up();
        self.core.handle_close(1006, self.now);
        self.follow();
    }

    /// The page is gone. What it was committing is stored or not.
    fn crash(&mut self) {
        self.crashes += 1;
        if let Some(changes) = self.committing.take()
            && self.dice.below(2) == 0
        {
            self.apply(changes);
        }
        self.hang_up();
        (self.core, self.mailbox) = page(&self.disk, self.now);
        self.socket = None;
        self.receipt = None;
    }

    fn carry_to_broker(&mut self, whole: bool) {
        let output = self.core.output().split();
        self.to_broker.unsplit(output);
        let len = self.to_broker.len();
        let some = if whole { len } else { self.dice.below(len + 1) };
        let bytes = self.to_broker.split_to(some);
        self.broker.input.unsplit(bytes);
        self.serve();
    }

    fn carry_to_page(&mut self, whole: bool) {
        if let Some(connection) = &mut self.broker.connection {
            self.to_page.unsplit(connection.output().split());
        }
        let len = self.to_page.len();
        let some = if whole { len } else { self.dice.below(len + 1) };
        let bytes = self.to_page.split_to(some);
        if self.core.socket().is_some() {
            self.core.input().extend_from_slice(&bytes);
            self.core.handle_input(self.now);
        }
    }

    fn serve(&mut self) {
        let now = self.now;
        let broker = &mut self.broker;
        let Some(connection) = &mut broker.connection else {
            return;
        };
        while let Some(event) = connection.handle_input(&mut broker.input, now).unwrap() {
            match event {
                server::Event::Connect(connect) => {
                    let is_present = broker.has_session && !connect.clean_start;
                    if !is_present {
                        broker.session = Session::new();
                        broker.is_subscribed = false;
                    }
                    broker.has_session = true;
                    let session = std::mem::take(&mut broker.session);
                    let connack = ConnAck::new(is_present, ReasonCode::Success);
                    connection.accept(session, connack, 5, now);
                }
                server::Event::Publish(publish) => {
                    let text = String::from_utf8(publish.payload.to_vec()).unwrap();
                    broker.received.push(text);
                    let id = publish.packet_id.unwrap();
                    connection.acknowledge(publish.qos, id, ReasonCode::Success);
                }
                server::Event::Subscribe(subscribe) => {
                    broker.is_subscribed = true;
                    connection.suback(SubAck {
                        packet_id: subscribe.packet_id,
                        reasons: vec![ReasonCode::GrantedQoS2],
                        properties: Properties::new(),
                    });
                }
                _ => {}
            }
        }
        while connection.window() > 0
            && let Some(delivery) = broker.queue.pop_front()
        {
            connection.publish(delivery, now).unwrap();
        }
    }

    fn send_to_page(&mut self) {
        if self.broker.is_subscribed {
            let text = format!("b{:04}", self.sent_to_page);
            let topic = TopicName::new("in").unwrap();
            let message = Arc::new(protocol::Message::new(topic, text));
            let delivery = Delivery::new(message, qos(self.sent_to_page));
            self.broker.queue.push_back(delivery);
            self.sent_to_page += 1;
            self.serve();
        }
    }

    /// The application takes what it has, and asks for the next.
    fn read(&mut self) -> bool {
        self.receipt = None;
        let Some(mut message) = self.mailbox.take() else {
            return false;
        };
        self.receipt = message.receipt.take();
        let text = message.text().unwrap().to_owned();
        let known = self.noted.insert(message.number.unwrap(), text.clone());
        assert!(known.is_none_or(|known| known == text && message.dup));
        self.core.acknowledge(self.now);
        true
    }

    fn turn(&mut self) {
        match self.dice.below(100) {
            0..12 if self.published < COUNT => self.publish(),
            12..24 if self.sent_to_page < COUNT => self.send_to_page(),
            24..40 => self.begin_commit(),
            40..55 => self.end_commit(true),
            55..65 => self.carry_to_broker(false),
            65..75 => self.carry_to_page(false),
            75..83 => drop(self.read()),
            83..95 => self.connect(),
            95 => self.cut(),
            96 => self.end_commit(false),
            97 => self.crash(),
            _ => {}
        }
        self.follow();
    }

    /// Until nothing moves any more.
    fn settle(&mut self) {
        for _ in 0..100 {
            self.connect();
            self.begin_commit();
            self.end_commit(true);
            self.carry_to_broker(true);
            self.carry_to_page(true);
            while self.read() {}
        }
        assert!(self.broker.queue.is_empty());
        let left: Vec<_> = self.disk.keys().collect();
        assert_eq!(left, [&0], "only the head is left");
    }

    fn check(&self) {
        let arrived: BTreeSet<_> = self.broker.received.iter().cloned().collect();
        assert_eq!(
            arrived, self.stored,
            "what is stored arrives, and nothing else"
        );
        once_and_in_order(&self.broker.received);
        let noted: Vec<_> = self.noted.values().cloned().collect();
        let all: BTreeSet<_> = (0..self.sent_to_page).map(|n| format!("b{n:04}")).collect();
        assert_eq!(noted.iter().cloned().collect::<BTreeSet<_>>(), all);
        once_and_in_order(&noted);
    }
}

/// At QoS 2 no text comes twice, and each first one is in order.
fn once_and_in_order(texts: &[String]) {
    let mut seen = BTreeSet::new();
    for level in [QoS::ExactlyOnce, QoS::AtLeastOnce] {
        let mut last = None;
        for text in texts {
            let number: u32 = text[1..].parse().unwrap();
            if qos(number) != level {
                continue;
            }
            let is_new = seen.insert(text);
            assert!(
                is_new || level == QoS::AtLeastOnce,
                "{text} twice: {texts:?}"
            );
            if is_new {
                assert!(last < Some(number), "{text} is late: {texts:?}");
                last = Some(number);
            }
        }
    }
}

#[test]
fn nothing_is_lost_or_doubled_wherever_a_page_crashes() {
    let mut crashes = 0;
    for seed in 0..300 {
        let mut world = World::new(seed);
        for _ in 0..3000 {
            world.turn();
        }
        world.settle();
        world.check();
        crashes += world.crashes;
    }
    assert!(crashes > 5000, "{crashes} crashes");
}
