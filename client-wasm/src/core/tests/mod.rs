//! The core against packets that a broker would send, on a clock of the
//! tests' own.

mod authenticating;
mod connecting;
mod crashes;
mod credentials;
mod offered;
mod publishing;
mod requesting;
mod stored;
mod subscribing;

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use codec::{
    ConnAck, Packet, PacketId, Properties, Property, ProtocolVersion, Publish, QoS, ReasonCode,
    SubAck, Subscribe, TopicName,
};
use protocol::Time;

use super::Core;
use crate::acknowledgement::Answer;
use crate::mailbox::Mailbox;
use crate::{Error, Event, Options};

const URL: &str = "ws://broker/";

/// A client, and a broker that says what the test tells it to.
struct Pair {
    core: Core,
    now: Time,
    version: ProtocolVersion,
}

impl Pair {
    fn new(options: Options) -> Self {
        let now = Time::from_millis(1000);
        Self {
            version: options.version,
            core: Core::new(options, None, || 0.0, now),
            now,
        }
    }

    /// A client that the broker has accepted.
    fn connected(options: Options) -> Self {
        let mut pair = Self::new(options);
        pair.open();
        pair.accept(false);
        pair
    }

    fn open(&mut self) {
        assert!(self.core.socket().is_some(), "it wants a socket");
        self.core.handle_open(self.now);
    }

    fn accept(&mut self, session_present: bool) {
        self.accept_with(session_present, Properties::new());
    }

    fn accept_with(&mut self, session_present: bool, properties: Properties) {
        self.say(&Packet::ConnAck(ConnAck {
            properties,
            ..ConnAck::new(session_present, ReasonCode::Success)
        }));
    }

    /// The socket breaks, and a new one is opened.
    fn reopen(&mut self) {
        self.heard();
        self.core.handle_close(1006, self.now);
        assert_eq!(self.core.socket(), None);
        self.core.reconnect_now(self.now);
        self.open();
    }

    fn say(&mut self, packet: &Packet) {
        packet.encode(self.version, self.core.input()).unwrap();
        self.core.handle_input(self.now);
    }

    /// What the client has sent.
    fn heard(&mut self) -> Vec<Packet> {
        let mut bytes = self.core.output().split();
        std::iter::from_fn(|| Packet::decode(&mut bytes, self.version, usize::MAX).unwrap())
            .collect()
    }

    fn heard_subscribe(&mut self) -> Subscribe {
        let mut subscribes = self.heard().into_iter().filter_map(|packet| match packet {
            Packet::Subscribe(subscribe) => Some(subscribe),
            _ => None,
        });
        let first = subscribes.next().expect("a SUBSCRIBE was sent");
        assert_eq!(subscribes.next(), None);
        first
    }

    fn heard_publishes(&mut self) -> Vec<Publish> {
        let publish = |packet| match packet {
            Packet::Publish(publish) => Some(publish),
            _ => None,
        };
        self.heard().into_iter().filter_map(publish).collect()
    }

    fn grant(&mut self, subscribe: &Subscribe, reasons: &[ReasonCode]) {
        self.say(&Packet::SubAck(SubAck {
            packet_id: subscribe.packet_id,
            reasons: reasons.to_vec(),
            properties: Properties::new(),
        }));
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.core.handle_timeout(self.now);
    }
}

fn publish(topic: &str, qos: QoS, id: u16) -> Packet {
    Packet::Publish(Publish {
        dup: false,
        qos,
        retain: false,
        topic: TopicName::new(topic).unwrap(),
        packet_id: PacketId::new(id),
        properties: Properties::new(),
        payload: "1".into(),
    })
}

/// All that is in a mailbox.
fn read<T>(mailbox: &Mailbox<T>) -> Vec<T> {
    let mut context = Context::from_waker(Waker::noop());
    let mut all = Vec::new();
    while let Poll::Ready(Some(value)) = mailbox.poll_next(&mut context) {
        all.push(value);
    }
    all
}

/// What a wait has come to, if it is over: the reason code.
fn outcome(answer: &mut Answer) -> Option<Result<ReasonCode, Error>> {
    let outcome = answer.try_recv().expect("somebody will tell");
    outcome.map(|outcome| outcome.map(|told| told.reason))
}

fn names(events: &[Event]) -> Vec<&'static str> {
    events
        .iter()
        .map(|event| match event {
            Event::Connecting => "connecting",
            Event::Connected { .. } => "connected",
            Event::Disconnected { .. } => "disconnected",
            Event::SubscriptionRefused { .. } => "refused",
            Event::PublishGivenUp { .. } => "given up",
        })
        .collect()
}
