//! Sends the numbers from 0 on, each once as far as it can know.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use codec::{ProtocolVersion, QoS, ReasonCode, TopicName};
use protocol::client::{Connection, Event};
use protocol::{Delivery, Message, Time};

use crate::client::{Role, World, run};

/// Publishes that wait for their acknowledgement at a time.
const IN_FLIGHT: u64 = 10;
/// Every so many numbers, one is retained too.
const RETAINED: u64 = 7;
/// Marks the token of a retained copy.
const IS_RETAINED: u64 = 1 << 63;

pub(crate) struct Publisher {
    id: String,
    topic: String,
    version: ProtocolVersion,
    qos: QoS,
}

/// How far a publisher is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Report {
    /// Numbers sent: all below this.
    pub(crate) sent: u64,
    /// The last number that was acknowledged as retained.
    pub(crate) retained: Option<u64>,
    /// Publishes whose handshakes are over, and of those that were sent.
    complete: u64,
    published: u64,
    is_finishing: bool,
}

impl Report {
    pub(crate) const fn is_done(&self) -> bool {
        self.is_finishing && self.complete == self.published
    }
}

/// A publisher that runs.
pub(crate) struct Handle {
    topic: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    report: Mutex<Report>,
    is_finishing: AtomicBool,
}

impl Handle {
    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    pub(crate) fn report(&self) -> Report {
        *self
            .shared
            .report
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing new is to be sent.
    pub(crate) fn finish(&self) {
        self.shared.is_finishing.store(true, Ordering::SeqCst);
    }
}

impl Publisher {
    pub(crate) fn new(number: usize, version: ProtocolVersion, qos: QoS) -> Self {
        Self {
            id: format!("publisher-{number}"),
            topic: format!("{number}/qos{}", qos.as_u8()),
            version,
            qos,
        }
    }

    pub(crate) fn start(self, world: &Arc<World>) -> Handle {
        let shared = Arc::<Shared>::default();
        let handle = Handle {
            topic: self.topic.clone(),
            shared: shared.clone(),
        };
        let role = Publishing {
            topic: self.topic,
            qos: self.qos,
            shared,
        };
        let world = world.clone();
        thread::spawn(move || run(&world, &self.id, self.version, role));
        handle
    }
}

struct Publishing {
    topic: String,
    qos: QoS,
    shared: Arc<Shared>,
}

impl Publishing {
    fn publish(&self, connection: &mut Connection, number: u64, retain: bool, now: Time) {
        let (folder, mark) = if retain {
            ("retained", IS_RETAINED)
        } else {
            ("live", 0)
        };
        let topic = TopicName::new(format!("{folder}/{}", self.topic)).expect("no wildcards");
        let message = Message::new(topic, format!("{number} of {}", self.topic));
        let delivery = Delivery {
            retain,
            token: number | mark,
            ..Delivery::new(Arc::new(message), self.qos)
        };
        connection.publish(delivery, now).expect("there is room");
    }
}

impl Role for Publishing {
    fn connected(&mut self, _: &mut Connection, _: Time) {}

    fn event(&mut self, event: Event, _: &mut Connection, _: Time) -> Result<(), String> {
        let Event::Delivered(delivered) = event else {
            return Err(format!("it did not ask for {event:?}"));
        };
        let reason = delivered.ack.reason;
        if reason.is_failure() && reason != ReasonCode::PacketIdentifierNotFound {
            return Err(format!(
                "{} was refused: {}",
                delivered.token,
                reason.text()
            ));
        }
        let mut report = self
            .shared
            .report
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        report.complete += 1;
        if delivered.token & IS_RETAINED != 0 {
            report.retained = Some(delivered.token & !IS_RETAINED);
        }
        Ok(())
    }

    fn tick(&mut self, connection: &mut Connection, now: Time) -> bool {
        let is_finishing = self.shared.is_finishing.load(Ordering::SeqCst);
        let mut report = self
            .shared
            .report
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        report.is_finishing = is_finishing;
        while !is_finishing
            && report.published - report.complete < IN_FLIGHT
            && connection.window() > 1
        {
            let number = report.sent;
            self.publish(connection, number, false, now);
            report.published += 1;
            if number.is_multiple_of(RETAINED) {
                self.publish(connection, number, true, now);
                report.published += 1;
            }
            report.sent += 1;
        }
        true
    }
}
