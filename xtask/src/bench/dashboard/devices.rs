//! Devices that publish at a steady rate, from a thread of their own.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use crate::bench::wire;

/// How often what is due is sent.
const TICK: Duration = Duration::from_millis(5);

/// Publishes until it is dropped.
pub(super) struct Devices {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<u64>>>,
}

impl Devices {
    /// Each topic in turn, so many messages a second in all.
    pub(super) fn start(broker: SocketAddr, topics: Vec<String>, rate: u32) -> Result<Devices> {
        let name = format!("devices-{}-{rate}", topics.len());
        let mut stream = wire::connect(broker, wire::V311, &name)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            let (begin, mut sent) = (Instant::now(), 0);
            let mut batch = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                let due = (begin.elapsed().as_secs_f64() * f64::from(rate)) as u64;
                for number in sent..due {
                    let topic = &topics[number as usize % topics.len()];
                    wire::publish(
                        &mut batch,
                        topic,
                        None,
                        payload(number, topics.len()).as_bytes(),
                    );
                }
                sent = due;
                stream.write_all(&batch)?;
                batch.clear();
                thread::sleep(TICK);
            }
            Ok(sent)
        });
        Ok(Devices {
            stop,
            thread: Some(thread),
        })
    }

    /// Ends it, and says how many messages it has sent.
    pub(super) fn stop(mut self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        ended
            .and_then(Result::ok)
            .unwrap_or_else(|| Err(anyhow!("the devices have ended badly")))
    }
}

impl Drop for Devices {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// What the devices of a house say: numbers with their units, some JSON, some
/// states. The number is that of the message; a topic has one kind.
fn payload(number: u64, topics: usize) -> String {
    let value = 18.0 + (number / topics as u64 * 7 % 60) as f64 / 10.0;
    match number % topics as u64 % 8 {
        6 => format!(
            "{{\"temperature\":{value:.1},\"humidity\":{}}}",
            40 + number % 20
        ),
        7 if value < 21.0 => "OFF".to_owned(),
        7 => "ON".to_owned(),
        _ => format!("Temperature:{value:.1} °C"),
    }
}
