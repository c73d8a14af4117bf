//! As many messages as the broker takes.
//!
//! All clients live on one thread. A publisher has at most `window` messages
//! that not all of its subscribers have got, at any QoS, so that a broker which
//! drops when flooded can be measured; at QoS 1 and 2 also at most
//! [`UNACKNOWLEDGED`] whose handshake is not done. It sends on when a quarter of
//! that is free, so that all brokers are given batches of about the same size.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mio::{Events, Poll, Token};
use serde_json::json;

use crate::connection::{BATCH, Connection, Scratch};
use crate::histogram::Histogram;
use crate::mqtt::{PUBACK, PUBCOMP, PUBREC, PUBREL, Packet, Stamp, Template, acknowledge};
use crate::sequence::{Errors, Sequence};
use crate::{Target, Transport};

/// How many publishes a publisher has under way at QoS 1 and 2.
const UNACKNOWLEDGED: u64 = 1000;
/// What a publisher has under way to its subscribers, in payload bytes.
const WINDOW: usize = 320 * 1024;
/// Packet identifiers go round from 1 to this.
const IDS: u64 = 60_000;
/// How long nothing may come before the rest counts as lost.
const SILENCE: Duration = Duration::from_secs(3);

/// Who publishes to whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) publishers: usize,
    pub(crate) subscribers: usize,
    pub(crate) qos: u8,
    pub(crate) payload: usize,
    pub(crate) transport: Transport,
    /// Whether subscribers have sessions that are kept, and it is measured how
    /// long acknowledgements take.
    pub(crate) durable: bool,
}

impl Shape {
    /// As many of the one as of the other are pairs; else everyone gets all.
    fn is_pairs(&self) -> bool {
        self.publishers == self.subscribers
    }

    fn filter(&self, subscriber: usize) -> String {
        match (self.is_pairs(), self.publishers) {
            (true, _) => format!("bench/{subscriber}"),
            (false, 1) => "bench/0".to_owned(),
            (false, _) => "bench/#".to_owned(),
        }
    }

    fn publishers_of(&self, subscriber: usize) -> std::ops::Range<usize> {
        if self.is_pairs() {
            subscriber..subscriber + 1
        } else {
            0..self.publishers
        }
    }

    fn subscribers_of(&self, publisher: usize) -> std::ops::Range<usize> {
        if self.is_pairs() {
            publisher..publisher + 1
        } else {
            0..self.subscribers
        }
    }
}

/// Opens the subscribers, then the publishers.
pub(crate) fn open(shape: &Shape, target: &Target) -> Result<(Vec<Subscriber>, Vec<Publisher>)> {
    let mut broker = target.broker(shape.transport)?;
    broker.keeps = shape.durable;
    let subscribers = (0..shape.subscribers)
        .map(|n| {
            let filter = shape.filter(n);
            let name = format!("subscriber-{n}");
            Ok(Subscriber {
                connection: Connection::open(&broker, &name, Some((&filter, shape.qos)))?,
                sequence: Sequence::new(shape.publishers),
            })
        })
        .collect::<Result<_>>()
        .context("a subscriber")?;
    let publishers = (0..shape.publishers)
        .map(|n| {
            let id = u32::try_from(n).unwrap_or(u32::MAX);
            Ok(Publisher {
                connection: Connection::open(&broker, &format!("publisher-{n}"), None)?,
                template: Template::new(&format!("bench/{n}"), shape.qos, id, shape.payload),
                sent: 0,
                received: 0,
                done: 0,
                waits: shape.durable.then(Waits::new),
            })
        })
        .collect::<Result<_>>()
        .context("a publisher")?;
    Ok((subscribers, publishers))
}

/// What has been used and done at one moment.
struct Moment {
    time: Instant,
    delivered: u64,
    broker: Duration,
    own: Duration,
}

/// Warms up, measures, and waits for what is under way.
pub(crate) fn run(shape: &Shape, target: &Target) -> Result<serde_json::Value> {
    let mut flow = Flow::open(shape, target)?;
    let mut events = Events::with_capacity(256);

    let begin = flow.moment(target)?;
    while begin.time.elapsed() < target.warmup {
        flow.turn(&mut events, true)?;
    }
    let from = flow.moment(target)?;
    while from.time.elapsed() < target.window {
        flow.turn(&mut events, true)?;
    }
    let to = flow.moment(target)?;

    flow.finish()?;
    let errors = flow.errors();
    let unfinished: u64 = flow.publishers.iter().map(Publisher::unfinished).sum();
    let delivered = to.delivered - from.delivered;
    ensure!(delivered > 0, "nothing was delivered");
    let waits = flow.publishers.iter().filter_map(|p| p.waits.as_ref());
    let mut took = Histogram::new();
    waits.for_each(|waits| took.merge(&waits.took));
    let seconds = (to.time - from.time).as_secs_f64();
    let each = |time: Duration| time.as_secs_f64() * 1e6 / delivered as f64;
    Ok(json!({
        "messages": flow.delivered(),
        "messages_per_second": delivered as f64 / seconds,
        "cpu_us_per_message": each(to.broker - from.broker),
        "generator_us_per_message": each(to.own - from.own),
        "p50_us": shape.durable.then(|| took.quantile(0.5) as f64 / 1e3),
        "p99_us": shape.durable.then(|| took.quantile(0.99) as f64 / 1e3),
        "lost": errors.lost,
        "disordered": errors.disordered,
        "unfinished": unfinished,
        "memory_bytes": target.process.memory()?,
    }))
}

/// All clients of one shape.
pub(crate) struct Flow {
    shape: Shape,
    window: u64,
    poll: Poll,
    subscribers: Vec<Subscriber>,
    publishers: Vec<Publisher>,
    scratch: Scratch,
}

impl Flow {
    /// Opens all connections.
    pub(crate) fn open(shape: &Shape, target: &Target) -> Result<Flow> {
        let (subscribers, publishers) = open(shape, target)?;
        let mut flow = Flow {
            shape: *shape,
            window: (WINDOW / shape.payload.max(1)) as u64,
            poll: Poll::new()?,
            subscribers,
            publishers,
            scratch: Scratch::new(),
        };
        flow.register()?;
        Ok(flow)
    }

    /// Publishes nothing more, and waits for what is under way.
    pub(crate) fn finish(&mut self) -> Result<()> {
        let mut events = Events::with_capacity(256);
        let mut last = (self.progress(), Instant::now());
        while !self.is_done() && last.1.elapsed() < SILENCE {
            self.turn(&mut events, false)?;
            if self.progress() != last.0 {
                last = (self.progress(), Instant::now());
            }
        }
        Ok(())
    }

    fn register(&mut self) -> Result<()> {
        let subscribers = self.subscribers.iter_mut().map(|s| &mut s.connection);
        let publishers = self.publishers.iter_mut().map(|p| &mut p.connection);
        for (token, connection) in subscribers.chain(publishers).enumerate() {
            connection.register(self.poll.registry(), Token(token))?;
        }
        Ok(())
    }

    /// Gives each client one chance to read and write, after waiting for the
    /// first of them that has one.
    pub(crate) fn turn(&mut self, events: &mut Events, publish: bool) -> Result<()> {
        let busy = self.subscribers.iter().any(|s| s.connection.readable)
            || self.publishers.iter().enumerate().any(|(n, publisher)| {
                publisher.connection.readable
                    || publish && self.room(n, publisher) > 0 && publisher.connection.is_writable()
            });
        let wait = Duration::from_millis(if busy { 0 } else { 20 });
        match self.poll.poll(events, Some(wait)) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => {
                return Err(error).context("cannot wait for sockets");
            }
            _ => {}
        }
        for event in events.iter() {
            let Token(token) = event.token();
            match token.checked_sub(self.subscribers.len()) {
                None => self.subscribers[token].connection.note(event),
                Some(publisher) => self.publishers[publisher].connection.note(event),
            }
        }
        for subscriber in &mut self.subscribers {
            if subscriber.connection.readable {
                subscriber.read(&mut self.scratch)?;
            }
            subscriber.connection.flush()?;
        }
        for n in 0..self.publishers.len() {
            if self.publishers[n].connection.readable {
                self.publishers[n].read(&mut self.scratch)?;
            }
            let room = if publish {
                self.room(n, &self.publishers[n])
            } else {
                0
            };
            self.publishers[n].publish(room)?;
        }
        Ok(())
    }

    /// How many messages a publisher may send now.
    fn room(&self, n: usize, publisher: &Publisher) -> u64 {
        let slowest = self.subscribers[self.shape.subscribers_of(n)]
            .iter()
            .map(|subscriber| subscriber.sequence.next(n))
            .min();
        let mut window = self.window;
        let mut room = window.saturating_sub(publisher.sent - slowest.unwrap_or(0));
        if self.shape.qos > 0 {
            window = window.min(UNACKNOWLEDGED);
            room = room.min(UNACKNOWLEDGED - publisher.unfinished());
        }
        if room < window / 4 { 0 } else { room }
    }

    pub(crate) fn delivered(&self) -> u64 {
        self.subscribers
            .iter()
            .map(|subscriber| subscriber.sequence.received())
            .sum()
    }

    /// Changes with whatever the broker sends.
    fn progress(&self) -> u64 {
        let handshakes: u64 = self.publishers.iter().map(|p| p.received + p.done).sum();
        self.delivered() + handshakes
    }

    fn is_done(&self) -> bool {
        let Errors { lost, .. } = self.errors();
        let waiting = self.publishers.iter().any(|p| p.unfinished() > 0)
            || self.publishers.iter().any(|p| p.connection.waiting() > 0);
        !waiting && lost == 0
    }

    pub(crate) fn errors(&self) -> Errors {
        let mut all = Errors::default();
        for (n, subscriber) in self.subscribers.iter().enumerate() {
            let sent = self
                .shape
                .publishers_of(n)
                .map(|publisher| (publisher, self.publishers[publisher].sent));
            let errors = subscriber.sequence.errors(sent);
            all.lost += errors.lost;
            all.disordered += errors.disordered;
        }
        all
    }

    fn moment(&self, target: &Target) -> Result<Moment> {
        Ok(Moment {
            time: Instant::now(),
            delivered: self.delivered(),
            broker: target.process.cpu()?,
            own: target.own.cpu()?,
        })
    }
}

/// A client that gets messages, and acknowledges them.
pub(crate) struct Subscriber {
    pub(crate) connection: Connection,
    pub(crate) sequence: Sequence,
}

impl Subscriber {
    fn read(&mut self, scratch: &mut Scratch) -> Result<()> {
        let sequence = &mut self.sequence;
        self.connection.read(scratch, |packet, answers| {
            match packet {
                Packet::Publish { qos, id, payload } => {
                    let stamp = Stamp::read(payload)?;
                    sequence.receive(stamp.publisher, stamp.number);
                    match qos {
                        0 => {}
                        1 => answers.extend(acknowledge(PUBACK, id)),
                        _ => answers.extend(acknowledge(PUBREC, id)),
                    }
                }
                Packet::Acknowledgement(PUBREL, id) => answers.extend(acknowledge(PUBCOMP, id)),
                other => bail!("a subscriber got {other:?}"),
            }
            Ok(())
        })
    }
}

/// A client that sends messages.
pub(crate) struct Publisher {
    connection: Connection,
    template: Template,
    /// How many it has published.
    pub(crate) sent: u64,
    /// How many the broker has said to have received, at QoS 2.
    received: u64,
    /// How many handshakes are done, at QoS 1 and 2.
    done: u64,
    /// How long they take, if that is asked for.
    waits: Option<Waits>,
}

/// How long acknowledgements take.
struct Waits {
    /// When what is not acknowledged was published, oldest first.
    since: VecDeque<Instant>,
    took: Histogram,
}

impl Waits {
    fn new() -> Waits {
        Waits {
            since: VecDeque::new(),
            took: Histogram::new(),
        }
    }
}

impl Publisher {
    fn unfinished(&self) -> u64 {
        if self.template.qos() == 0 {
            0
        } else {
            self.sent - self.done
        }
    }

    fn read(&mut self, scratch: &mut Scratch) -> Result<()> {
        let Publisher {
            connection,
            received,
            done,
            waits,
            ..
        } = self;
        connection.read(scratch, |packet, answers| {
            // [MQTT-4.6.0-2], [MQTT-4.6.0-3]: in the order of the publishes.
            let (count, id) = match packet {
                Packet::Acknowledgement(PUBACK | PUBCOMP, id) => (&mut *done, id),
                Packet::Acknowledgement(PUBREC, id) => {
                    answers.extend(acknowledge(PUBREL, id));
                    (&mut *received, id)
                }
                other => bail!("a publisher got {other:?}"),
            };
            ensure!(
                id == packet_id(*count),
                "an acknowledgement of {id} that was not next"
            );
            *count += 1;
            if let Some(waits) = waits
                && let Some(since) = waits.since.pop_front()
            {
                let took = since.elapsed().as_nanos();
                waits.took.add(u64::try_from(took).unwrap_or(u64::MAX));
            }
            Ok(())
        })
    }

    /// Sends one message, stamped with this time, and waits for nothing.
    pub(crate) fn send_one(&mut self, time: u64) -> Result<()> {
        let id = packet_id(self.sent);
        self.template
            .append(self.connection.packets(), id, self.sent, time);
        self.sent += 1;
        self.connection.expect_room();
        self.connection.flush()
    }

    /// Sends so many, or a batch if that is less, once the last has gone.
    fn publish(&mut self, mut room: u64) -> Result<()> {
        if self.connection.is_writable() && self.connection.waiting() == 0 {
            let now = self.waits.is_some().then(Instant::now);
            while room > 0 && self.connection.waiting() < BATCH {
                if let (Some(waits), Some(now)) = (&mut self.waits, now) {
                    waits.since.push_back(now);
                }
                self.template.append(
                    self.connection.packets(),
                    packet_id(self.sent),
                    self.sent,
                    0,
                );
                self.connection.end_full_frame();
                self.sent += 1;
                room -= 1;
            }
        }
        self.connection.flush()
    }
}

/// The packet identifier of a publisher's message.
fn packet_id(number: u64) -> u16 {
    u16::try_from(number % IDS + 1).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(publishers: usize, subscribers: usize) -> Shape {
        Shape {
            publishers,
            subscribers,
            qos: 0,
            payload: 64,
            transport: Transport::Tcp,
            durable: false,
        }
    }

    #[test]
    fn equal_numbers_are_pairs_and_others_are_crowds() {
        assert_eq!(shape(10, 10).filter(3), "bench/3");
        assert_eq!(shape(10, 10).subscribers_of(3), 3..4);
        assert_eq!(shape(1, 50).filter(3), "bench/0");
        assert_eq!(shape(1, 50).subscribers_of(0), 0..50);
        assert_eq!(shape(20, 1).filter(0), "bench/#");
        assert_eq!(shape(20, 1).publishers_of(0), 0..20);
    }

    #[test]
    fn packet_identifiers_are_never_zero() {
        assert_eq!(packet_id(0), 1);
        assert_eq!(u64::from(packet_id(IDS - 1)), IDS);
        assert_eq!(packet_id(IDS), 1);
    }
}
