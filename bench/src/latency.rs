//! How long a message is under way, when they come at a rate that leaves the
//! broker time. Each is stamped with the moment it was due, so that a broker
//! (or a generator) that falls behind cannot hide it. One thread sends, asleep
//! between messages; another one receives.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mio::{Events, Poll, Token};
use serde_json::json;

use crate::connection::Scratch;
use crate::flow::{self, Publisher, Shape, Subscriber};
use crate::histogram::Histogram;
use crate::mqtt::{Packet, Stamp};
use crate::{Target, Transport};

const PAIRS: usize = 10;
const PER_SECOND: u32 = 10_000;
/// How long nothing may come before the rest counts as lost.
const SILENCE: Duration = Duration::from_secs(3);

/// Sends at a fixed rate, and sums up what came after the warm-up.
pub(crate) fn run(target: &Target) -> Result<serde_json::Value> {
    let shape = Shape {
        publishers: PAIRS,
        subscribers: PAIRS,
        qos: 0,
        payload: 64,
        transport: Transport::Tcp,
        durable: false,
    };
    let (mut subscribers, mut publishers) = flow::open(&shape, target)?;
    let all = target.warmup + target.window;
    let count = (all.as_secs_f64() * f64::from(PER_SECOND)) as u64;
    let warmup = u64::try_from(target.warmup.as_nanos()).unwrap_or(u64::MAX);
    let cpu = target.process.cpu()?;
    let start = Instant::now();
    let failed = AtomicBool::new(false);
    let receiving = Receiving {
        start,
        warmup,
        count,
        failed: &failed,
    };
    let histogram = thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let result = send(&mut publishers, start, count);
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
            result
        });
        let histogram = receiving.run(&mut subscribers);
        match sending.join() {
            Ok(result) => result.and(histogram),
            Err(_) => bail!("the sending thread panicked"),
        }
    })?;
    let cpu = target.process.cpu()? - cpu;
    let (mut received, mut lost, mut disordered) = (0, 0, 0);
    for (n, subscriber) in subscribers.iter().enumerate() {
        let errors = subscriber
            .sequence
            .errors(std::iter::once((n, publishers[n].sent)));
        received += subscriber.sequence.received();
        lost += errors.lost;
        disordered += errors.disordered;
    }
    let microseconds = |share| histogram.quantile(share) as f64 / 1e3;
    Ok(json!({
        "messages": received,
        "messages_per_second": received as f64 / all.as_secs_f64(),
        "cpu_us_per_message": cpu.as_secs_f64() * 1e6 / received.max(1) as f64,
        "p50_us": microseconds(0.5),
        "p99_us": microseconds(0.99),
        "p999_us": microseconds(0.999),
        "lost": lost,
        "disordered": disordered,
        "unfinished": 0,
    }))
}

fn send(publishers: &mut [Publisher], start: Instant, count: u64) -> Result<()> {
    for number in 0..count {
        let due = Duration::from_secs(1) / PER_SECOND * u32::try_from(number)?;
        if let Some(early) = due.checked_sub(start.elapsed()) {
            thread::sleep(early);
        }
        let n = usize::try_from(number % PAIRS as u64)?;
        publishers[n].send_one(u64::try_from(due.as_nanos())?)?;
    }
    Ok(())
}

struct Receiving<'a> {
    start: Instant,
    /// Messages that were due before this are not counted, in nanoseconds.
    warmup: u64,
    count: u64,
    failed: &'a AtomicBool,
}

impl Receiving<'_> {
    fn run(&self, subscribers: &mut [Subscriber]) -> Result<Histogram> {
        let mut histogram = Histogram::new();
        let mut poll = Poll::new()?;
        for (token, subscriber) in subscribers.iter_mut().enumerate() {
            subscriber
                .connection
                .register(poll.registry(), Token(token))?;
        }
        let mut events = Events::with_capacity(64);
        let mut scratch = Scratch::new();
        let mut received = 0;
        let mut last = Instant::now();
        while received < self.count
            && last.elapsed() < SILENCE
            && !self.failed.load(Ordering::Relaxed)
        {
            match poll.poll(&mut events, Some(SILENCE)) {
                Err(error) if error.kind() != std::io::ErrorKind::Interrupted => {
                    return Err(error).context("cannot wait for sockets");
                }
                _ => {}
            }
            for event in &events {
                let Subscriber {
                    connection,
                    sequence,
                } = &mut subscribers[event.token().0];
                connection.note(event);
                while connection.readable {
                    let now = u64::try_from(self.start.elapsed().as_nanos())?;
                    connection.read(&mut scratch, |packet, _| {
                        let Packet::Publish { payload, .. } = packet else {
                            bail!("a subscriber got {packet:?}");
                        };
                        let stamp = Stamp::read(payload)?;
                        sequence.receive(stamp.publisher, stamp.number);
                        received += 1;
                        if stamp.time >= self.warmup {
                            histogram.add(now.saturating_sub(stamp.time));
                        }
                        Ok(())
                    })?;
                    last = Instant::now();
                }
            }
        }
        Ok(histogram)
    }
}
