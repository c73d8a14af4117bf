//! Random scripts, checked against what MQTT promises.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use codec::{Property, ProtocolVersion, QoS, TopicName};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use protocol::{Delivery, Limits, Message, Session};

use crate::harness::{Client, Pair, Server, Side, VERSIONS, payload};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[derive(Clone, Copy, Debug)]
enum Step {
    Publish(Side, QoS, Kind),
    Deliver(Side, usize),
    /// Acknowledge one of those that wait, not always the oldest.
    Acknowledge(Side, usize),
    Cut,
    /// Cut, and be cut again before the session is resumed in full.
    CutTwice(usize),
    /// Back on another connection before the server has seen the end of this
    /// one, whose last words arrive as far as that.
    TakeOver(usize),
    Lose(Side),
    CleanStart,
    Advance(u64),
}

/// What a message is like.
#[derive(Clone, Copy, Debug)]
struct Kind {
    topic: usize,
    /// Digits of its number, with zeros before it.
    len: usize,
    /// Seconds that it lives.
    expiry: Option<u64>,
}

const TOPICS: [&str; 3] = ["Kitchen/Fridge", "Kitchen/AirQuality", "home/led"];

#[derive(Clone, Copy, Debug)]
struct Setting {
    version: ProtocolVersion,
    receive_maximum: u16,
    max_inflight: u16,
    aliases: u16,
    maximum_packet_size: u32,
    auto_acknowledge: bool,
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Client), Just(Server)]
}

fn qos() -> impl Strategy<Value = QoS> {
    prop_oneof![
        1 => Just(QoS::AtMostOnce),
        3 => Just(QoS::AtLeastOnce),
        3 => Just(QoS::ExactlyOnce),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    let expiry = prop_oneof![3 => Just(None), 1 => (0u64..8).prop_map(Some)];
    let len = prop_oneof![4 => 4usize..12, 1 => 50usize..90];
    (0..TOPICS.len(), len, expiry).prop_map(|(topic, len, expiry)| Kind { topic, len, expiry })
}

fn honest() -> impl Strategy<Value = Step> {
    let publish = (side(), qos(), kind());
    prop_oneof![
        6 => publish.prop_map(|(side, qos, kind)| Step::Publish(side, qos, kind)),
        8 => (side(), 1usize..60).prop_map(|(side, count)| Step::Deliver(side, count)),
        4 => (side(), 0usize..4).prop_map(|(side, at)| Step::Acknowledge(side, at)),
        1 => Just(Step::Cut),
        1 => (1usize..200).prop_map(Step::CutTwice),
        1 => prop_oneof![Just(usize::MAX), 0usize..200].prop_map(Step::TakeOver),
        1 => (1u64..6_000).prop_map(Step::Advance),
    ]
}

fn forgetful() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => honest(),
        1 => side().prop_map(Step::Lose),
        1 => Just(Step::CleanStart),
    ]
}

fn setting() -> impl Strategy<Value = Setting> {
    (
        proptest::sample::select(&VERSIONS[..]),
        proptest::sample::select(&[1, 2, 20, u16::MAX][..]),
        proptest::sample::select(&[1, 2, 20, u16::MAX][..]),
        0u16..3,
        prop_oneof![Just(u32::MAX), 80u32..110],
        any::<bool>(),
    )
        .prop_map(
            |(version, receive, max_inflight, aliases, size, auto_acknowledge)| Setting {
                version,
                receive_maximum: receive,
                max_inflight,
                aliases,
                maximum_packet_size: size,
                auto_acknowledge,
            },
        )
}

fn start(setting: Setting) -> Pair {
    let mut pair = Pair::new(setting.version);
    pair.limits.receive_maximum = setting.receive_maximum;
    if setting.version.is_v5() {
        let properties = &mut pair.connect.properties;
        properties.set(Property::ReceiveMaximum(setting.receive_maximum));
        properties.set(Property::TopicAliasMaximum(setting.aliases));
        properties.set(Property::MaximumPacketSize(setting.maximum_packet_size));
        pair.limits = Limits::from_properties(properties);
    }
    pair.max_inflight = setting.max_inflight;
    pair.auto_acknowledge = setting.auto_acknowledge;
    pair.connect.keep_alive = 10;
    pair.connect();
    pair
}

/// What each end has published, in order.
#[derive(Default)]
struct Model {
    client: Vec<Delivery>,
    server: Vec<Delivery>,
}

impl Model {
    fn published(&self, by: Side) -> &[Delivery] {
        match by {
            Client => &self.client,
            Server => &self.server,
        }
    }

    fn publish(&mut self, pair: &mut Pair, from: Side, qos: QoS, kind: Kind) {
        let published = match from {
            Client => &mut self.client,
            Server => &mut self.server,
        };
        let text = format!("{:0len$}", published.len(), len = kind.len);
        let mut delivery = pair.delivery(qos, &text);
        let topic = TopicName::new(TOPICS[kind.topic]).unwrap();
        let mut message = Message::new(topic, text);
        message.expires_at = kind.expiry.map(|secs| pair.now + Duration::from_secs(secs));
        delivery.message = Arc::new(message);
        published.push(delivery.clone());
        pair.end(from).outbox.push_back(delivery);
        pair.deliver(from, 0);
    }

    /// What arrives is what was published: its topic, whatever its alias was,
    /// and what is left of its time.
    fn check_contents(&self, pair: &mut Pair) {
        let is_v5 = pair.connect.version.is_v5();
        for side in [Client, Server] {
            let published = self.published(side);
            for publish in &pair.end(side.other()).received {
                let delivery = &published[payload(publish).parse::<usize>().unwrap()];
                assert_eq!(publish.topic, delivery.message.topic);
                let lives = delivery.message.expires_at.is_some();
                let left = publish.properties.message_expiry_interval();
                assert_eq!(left.is_some(), lives && is_v5);
                assert!(left.is_none_or(|left| (1..8).contains(&left)));
                assert_eq!(
                    publish.properties.iter().count(),
                    usize::from(left.is_some())
                );
            }
        }
    }

    /// What must hold at any moment, whatever was forgotten.
    fn check_always(&self, pair: &mut Pair, is_kept: bool) {
        self.check_contents(pair);
        for side in [Client, Server] {
            let end = pair.end(side);
            assert_eq!(end.violation, None, "{side:?}");
            let delivered: Vec<_> = end.delivered.iter().map(|d| d.token).collect();
            let unique: HashSet<_> = delivered.iter().collect();
            assert_eq!(unique.len(), delivered.len(), "told twice");
            let other = pair.end(side.other());
            for delivery in self.published(side) {
                let text = std::str::from_utf8(&delivery.message.payload).unwrap();
                if !delivered.contains(&delivery.token) {
                    continue;
                }
                match delivery.qos {
                    QoS::AtLeastOnce => assert!(other.acknowledged.contains(text)),
                    // One end may take it for what the other has forgotten.
                    _ if !is_kept => {}
                    _ => assert!(other.payloads().iter().any(|p| p == text)),
                }
            }
        }
    }

    /// What must hold when both ends remember.
    fn check_kept(&self, pair: &mut Pair) {
        for side in [Client, Server] {
            let received = &pair.end(side.other()).received;
            for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
                let mut seen = HashSet::new();
                let mut last = None;
                for publish in received.iter().filter(|p| p.qos == qos) {
                    let n: u32 = payload(publish).parse().unwrap();
                    if !seen.insert(n) {
                        assert_eq!(qos, QoS::AtLeastOnce, "{n} doubled");
                        assert!(publish.dup, "a copy without DUP");
                        continue;
                    }
                    assert!(last < Some(n), "{n} after {last:?}");
                    last = Some(n);
                }
            }
        }
    }

    /// What must hold when all was delivered.
    fn check_end(&self, pair: &mut Pair, is_kept: bool) {
        for side in [Client, Server] {
            let received: HashSet<_> = pair.end(side.other()).payloads().into_iter().collect();
            let end = pair.end(side);
            let delivered: HashSet<_> = end.delivered.iter().map(|d| d.token).collect();
            for delivery in self.published(side).iter().filter(|_| is_kept) {
                if end.unsent.contains(&delivery.token) {
                    let text = std::str::from_utf8(&delivery.message.payload).unwrap();
                    assert!(!received.contains(text), "{text} though it was not sent");
                } else if delivery.qos != QoS::AtMostOnce {
                    let text = std::str::from_utf8(&delivery.message.payload).unwrap();
                    assert!(received.contains(text), "{side:?} lost {text}");
                    assert!(delivered.contains(&delivery.token));
                }
            }
        }
        pair.cut();
        for end in [&pair.client, &pair.server] {
            assert_eq!(end.session.inflight_len(), 0);
            assert!(end.session.is_empty() || !is_kept);
        }
    }
}

fn run(setting: Setting, steps: &[Step]) {
    let mut pair = start(setting);
    let mut model = Model::default();
    let mut is_kept = true;
    for step in steps {
        match *step {
            Step::Publish(from, qos, kind) => model.publish(&mut pair, from, qos, kind),
            Step::Deliver(from, count) => {
                pair.deliver(from, count);
            }
            Step::Acknowledge(side, at) => {
                let pending = pair.end(side).pending.len();
                if pending > 0 {
                    pair.acknowledge(side, at % pending);
                }
            }
            Step::Cut => {
                pair.cut();
                pair.open();
            }
            Step::CutTwice(bytes) => {
                pair.cut();
                pair.open();
                pair.deliver(Client, bytes);
                pair.deliver(Server, bytes);
                pair.cut();
                pair.open();
            }
            Step::TakeOver(bytes) => pair.take_over(bytes),
            Step::Lose(side) => {
                is_kept = false;
                pair.cut();
                pair.end(side).session = Session::new();
                if side == Server {
                    pair.connack.session_present = false;
                }
                pair.open();
            }
            Step::CleanStart => {
                is_kept = false;
                pair.cut();
                pair.connect.clean_start = true;
                pair.connect();
                pair.connect.clean_start = false;
            }
            Step::Advance(millis) => {
                if !pair.advance(Duration::from_millis(millis)) {
                    pair.client.violation = None;
                    pair.server.violation = None;
                    pair.cut();
                    pair.open();
                }
            }
        }
        model.check_always(&mut pair, is_kept);
        if is_kept {
            model.check_kept(&mut pair);
        }
    }
    pair.reconnect();
    loop {
        pair.settle();
        let Some(side) = [Client, Server]
            .into_iter()
            .find(|side| !pair.end(*side).pending.is_empty())
        else {
            break;
        };
        pair.acknowledge(side, 0);
    }
    model.check_always(&mut pair, is_kept);
    if is_kept {
        model.check_kept(&mut pair);
    }
    model.check_end(&mut pair, is_kept);
}

fn check(seed: u8, cases: u32, step: impl Strategy<Value = Step>) {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let script = (setting(), proptest::collection::vec(step, 1..120));
    let result = runner.run(&script, |(setting, steps)| {
        run(setting, &steps);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn ends_that_remember_lose_nothing_double_nothing_and_keep_the_order() {
    check(1, 400, honest());
}

#[test]
fn ends_that_forget_keep_to_the_protocol() {
    check(2, 200, forgetful());
}
