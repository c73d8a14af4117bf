//! How long others wait while one publisher sends all that it can: one client
//! after another asks for a PINGRESP, and publishes at QoS 1 to itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mio::{Events, Poll, Token};
use serde_json::json;

use crate::connection::{Connection, Scratch};
use crate::flow::{Flow, Shape};
use crate::histogram::Histogram;
use crate::mqtt::{PINGREQ, PUBACK, Packet, Stamp, Template, acknowledge};
use crate::{Target, Transport};

/// How often the others ask.
const PAUSE: Duration = Duration::from_millis(2);
/// How long they wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
const TOPIC: &str = "fair";

/// Floods in one thread, and asks in another.
pub(crate) fn run(target: &Target) -> Result<serde_json::Value> {
    let shape = Shape {
        publishers: 1,
        subscribers: 1,
        qos: 0,
        payload: 64,
        transport: Transport::Tcp,
        durable: false,
    };
    let mut flow = Flow::open(&shape, target)?;
    let mut other = Other::open(target)?;
    let done = AtomicBool::new(false);
    let (flood, asked) = thread::scope(|scope| -> Result<_> {
        let flooding = scope.spawn(|| {
            let mut events = Events::with_capacity(256);
            let begin = Instant::now();
            while !done.load(Ordering::Relaxed) {
                flow.turn(&mut events, true)?;
            }
            let rate = flow.delivered() as f64 / begin.elapsed().as_secs_f64();
            flow.finish()?;
            anyhow::Ok((rate, flow.errors()))
        });
        let asked = other.ask_for(target);
        done.store(true, Ordering::Relaxed);
        match flooding.join() {
            Ok(flood) => Ok((flood?, asked?)),
            Err(_) => bail!("the flooding thread panicked"),
        }
    })?;
    let (rate, errors) = flood;
    let (pings, round_trips) = asked;
    let microseconds = |histogram: &Histogram, share| histogram.quantile(share) as f64 / 1e3;
    Ok(json!({
        "messages_per_second": rate,
        "ping_p50_us": microseconds(&pings, 0.5),
        "ping_p99_us": microseconds(&pings, 0.99),
        "qos1_p50_us": microseconds(&round_trips, 0.5),
        "qos1_p99_us": microseconds(&round_trips, 0.99),
        "lost": errors.lost,
        "disordered": errors.disordered,
        "unfinished": 0,
    }))
}

/// A client that is no part of the flood.
struct Other {
    connection: Connection,
    poll: Poll,
    events: Events,
    scratch: Scratch,
    template: Template,
    sent: u64,
}

impl Other {
    fn open(target: &Target) -> Result<Other> {
        let broker = target.broker(Transport::Tcp)?;
        let mut connection = Connection::open(&broker, "other", Some((TOPIC, 1)))?;
        let poll = Poll::new()?;
        connection.register(poll.registry(), Token(0))?;
        Ok(Other {
            connection,
            poll,
            events: Events::with_capacity(8),
            scratch: Scratch::new(),
            template: Template::new(TOPIC, 1, 0, 64),
            sent: 0,
        })
    }

    /// Asks until the time is over; what is asked in the warm-up is not counted.
    fn ask_for(&mut self, target: &Target) -> Result<(Histogram, Histogram)> {
        let (mut pings, mut round_trips) = (Histogram::new(), Histogram::new());
        let begin = Instant::now();
        while begin.elapsed() < target.warmup + target.window {
            thread::sleep(PAUSE);
            let ping = self.ping().context("a ping under the flood")?;
            thread::sleep(PAUSE);
            let round_trip = self.round_trip().context("QoS 1 under the flood")?;
            if begin.elapsed() > target.warmup {
                pings.add(u64::try_from(ping.as_nanos())?);
                round_trips.add(u64::try_from(round_trip.as_nanos())?);
            }
        }
        Ok((pings, round_trips))
    }

    fn ping(&mut self) -> Result<Duration> {
        self.connection.packets().extend(PINGREQ);
        let mut answered = false;
        self.wait(|packet, _| {
            match packet {
                Packet::Pong => answered = true,
                other => bail!("{other:?} for a PINGREQ"),
            }
            Ok(answered)
        })
    }

    /// Until the message is here, and the publish is acknowledged.
    fn round_trip(&mut self) -> Result<Duration> {
        self.sent += 1;
        let (number, id) = (self.sent, 7);
        self.template
            .append(self.connection.packets(), id, number, 0);
        let (mut acknowledged, mut received) = (false, false);
        self.wait(|packet, answers| {
            match packet {
                Packet::Acknowledgement(PUBACK, 7) => acknowledged = true,
                Packet::Publish { id, payload, .. } => {
                    answers.extend(acknowledge(PUBACK, id));
                    received |= Stamp::read(payload)?.number == number;
                }
                other => bail!("{other:?} for a PUBLISH"),
            }
            Ok(acknowledged && received)
        })
    }

    /// Sends, and reads until it is done.
    fn wait(
        &mut self,
        mut each: impl FnMut(Packet<'_>, &mut Vec<u8>) -> Result<bool>,
    ) -> Result<Duration> {
        let begin = Instant::now();
        let mut done = false;
        self.connection.expect_room();
        self.connection.flush()?;
        while !done {
            if begin.elapsed() > PATIENCE {
                bail!("no answer in {} seconds", PATIENCE.as_secs());
            }
            if !self.connection.readable {
                match self.poll.poll(&mut self.events, Some(PATIENCE)) {
                    Err(error) if error.kind() != std::io::ErrorKind::Interrupted => {
                        return Err(error).context("cannot wait for a socket");
                    }
                    _ => {}
                }
                for event in &self.events {
                    self.connection.note(event);
                }
            }
            self.connection.read(&mut self.scratch, |packet, answers| {
                done |= each(packet, answers)?;
                Ok(())
            })?;
            self.connection.flush()?;
        }
        Ok(begin.elapsed())
    }
}
