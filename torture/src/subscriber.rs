//! Receives what all publishers send, and sees that it is what it should be.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use codec::{Properties, ProtocolVersion, Publish, QoS, ReasonCode, Subscription, TopicFilter};
use fastrand::Rng;
use protocol::Time;
use protocol::client::{Connection, Event};

use crate::client::{Role, World, number, run};

pub(crate) struct Subscriber {
    id: String,
    version: ProtocolVersion,
    qos: QoS,
}

/// What a subscriber has received.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    /// Whether SUBACK has come.
    pub(crate) is_subscribed: bool,
    /// By topic: all numbers below this.
    next: HashMap<String, u64>,
}

impl Report {
    /// The number that should come next on the topic of a publisher.
    pub(crate) fn next(&self, topic: &str) -> u64 {
        let topic = format!("live/{topic}");
        self.next.get(&topic).copied().unwrap_or(0)
    }
}

/// A subscriber that runs.
pub(crate) struct Handle {
    id: String,
    report: Arc<Mutex<Report>>,
}

impl Handle {
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn report(&self) -> Report {
        self.report
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Subscriber {
    pub(crate) fn new(id: &str, version: ProtocolVersion, qos: QoS) -> Self {
        Self {
            id: id.to_owned(),
            version,
            qos,
        }
    }

    pub(crate) fn start(self, world: &Arc<World>, seed: u64) -> Handle {
        let report = Arc::<Mutex<Report>>::default();
        let handle = Handle {
            id: self.id.clone(),
            report: report.clone(),
        };
        let role = Subscribing {
            qos: self.qos,
            report,
            rng: Rng::with_seed(seed),
        };
        let world = world.clone();
        thread::spawn(move || run(&world, &self.id, self.version, role));
        handle
    }
}

struct Subscribing {
    qos: QoS,
    report: Arc<Mutex<Report>>,
    rng: Rng,
}

impl Subscribing {
    /// The numbers of a topic come in order; one that is not new only where
    /// that is allowed.
    fn receive(&self, publish: &Publish) -> Result<(), String> {
        let found = number(&publish.payload).map_err(|error| error.to_string())?;
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        let next = report.next.entry(publish.topic.to_string()).or_default();
        let is_once = self.qos == QoS::ExactlyOnce && publish.topic.ends_with("qos2");
        if found > *next {
            return Err(format!(
                "{}: {found} comes, {next} is missing",
                publish.topic
            ));
        }
        if found < *next && is_once {
            return Err(format!("{}: {found} comes twice", publish.topic));
        }
        *next = (*next).max(found + 1);
        Ok(())
    }
}

impl Role for Subscribing {
    fn connected(&mut self, connection: &mut Connection, now: Time) {
        let report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        if !report.is_subscribed {
            let subscription = Subscription {
                filter: TopicFilter::new("live/#").expect("a filter"),
                options: self.qos.into(),
            };
            connection
                .subscribe(vec![subscription], Properties::new(), 0, now)
                .expect("it is connected");
        }
    }

    fn event(
        &mut self,
        event: Event,
        connection: &mut Connection,
        now: Time,
    ) -> Result<(), String> {
        match event {
            Event::SubAck { suback, .. } => {
                if suback.reasons.iter().any(|reason| reason.is_failure()) {
                    return Err("its subscription is refused".into());
                }
                let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
                report.is_subscribed = true;
                Ok(())
            }
            Event::Publish(publish) => {
                self.receive(&publish)?;
                if let Some(id) = publish.packet_id {
                    connection.acknowledge(publish.qos, id, ReasonCode::Success, now);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn tick(&mut self, _: &mut Connection, _: Time) -> bool {
        // Now and then it is away for a moment, and things queue up.
        if self.rng.u16(..400) != 0 {
            return true;
        }
        thread::sleep(Duration::from_millis(self.rng.u64(..100)));
        false
    }
}
