//! The `$SYS` tree: what the broker says of itself, as Mosquitto does.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use codec::{QoS, TopicName};
use foldhash::fast::FixedState;
use protocol::Message;

use crate::broker::Broker;
use crate::counters::Tally;
use crate::memory;
use crate::router::Publication;

/// The name and version that the broker gives itself.
pub(crate) const VERSION: &str = concat!("ws-broker version ", env!("CARGO_PKG_VERSION"));

/// The windows of the averages below `load`.
const WINDOWS: [(&str, f64); 3] = [("1min", 60.0), ("5min", 300.0), ("15min", 900.0)];

/// Publishes the tree every `sys_interval`, for ever: what has changed,
/// retained.
pub(crate) async fn publish(broker: Arc<Broker>) {
    let started = tokio::time::Instant::now();
    let mut sys = Sys {
        published: HashMap::default(),
        loads: HashMap::default(),
        last: Tally::default(),
        most_connected: 0,
        most_resident: 0,
    };
    let mut last = None;
    loop {
        // From here on no change goes unnoticed.
        let change = broker.changed.notified();
        let interval = broker.settings().config.sys_interval;
        if interval == 0 {
            change.await;
            continue;
        }
        let interval = Duration::from_secs(interval.into());
        if let Some(last) = last {
            tokio::select! {
                () = tokio::time::sleep_until(last + interval) => {}
                () = change => continue,
            }
        }
        let now = tokio::time::Instant::now();
        let elapsed = now - last.replace(now).unwrap_or(started);
        let uptime = (now - started).as_secs();
        for (topic, value) in sys.values(&broker, uptime, elapsed.as_secs_f64()) {
            sys.say(&broker, topic, value);
        }
    }
}

struct Sys {
    /// What each topic says now.
    published: HashMap<String, String, FixedState>,
    /// Moving averages per minute.
    loads: HashMap<&'static str, [f64; 3], FixedState>,
    last: Tally,
    most_connected: usize,
    most_resident: u64,
}

impl Sys {
    fn values(&mut self, broker: &Broker, uptime: u64, elapsed: f64) -> Vec<(String, String)> {
        let mut total = broker.counters.total();
        total.publishes_dropped += broker.router.dropped();
        let (connected, parked) = broker.sessions.count();
        self.most_connected = self.most_connected.max(connected);
        let stored = broker.router.memory().stored();
        let resident = memory::resident();
        self.most_resident = self.most_resident.max(resident);
        let mut values = vec![
            ("version".into(), VERSION.into()),
            ("uptime".into(), format!("{uptime} seconds")),
        ];
        let numbers = [
            ("clients/total", connected as u64 + parked as u64),
            ("clients/connected", connected as u64),
            ("clients/active", connected as u64),
            ("clients/disconnected", parked as u64),
            ("clients/inactive", parked as u64),
            ("clients/maximum", self.most_connected as u64),
            ("clients/expired", total.clients_expired),
            (
                "subscriptions/count",
                broker.router.subscriptions_len() as u64,
            ),
            (
                "shared_subscriptions/count",
                broker.router.groups_len() as u64,
            ),
            (
                "retained messages/count",
                broker.router.retained_len() as u64,
            ),
            ("store/messages/count", stored.messages as u64),
            ("store/messages/bytes", stored.bytes as u64),
            ("messages/stored", stored.messages as u64),
            ("heap/current", resident),
            ("heap/maximum", self.most_resident),
            ("bytes/received", total.bytes_received),
            ("bytes/sent", total.bytes_sent),
            ("messages/received", total.packets_received),
            ("messages/sent", total.packets_sent),
            ("publish/messages/received", total.publishes_received),
            ("publish/messages/sent", total.publishes_sent),
            ("publish/messages/dropped", total.publishes_dropped),
            ("publish/bytes/received", total.payload_received),
            ("publish/bytes/sent", total.payload_sent),
        ];
        values.extend(numbers.map(|(topic, value)| (topic.to_owned(), value.to_string())));
        if elapsed > 0.0 {
            self.average(total, elapsed);
        }
        self.last = total;
        for (name, averages) in &self.loads {
            for ((window, _), average) in WINDOWS.iter().zip(averages) {
                values.push((format!("load/{name}/{window}"), format!("{average:.2}")));
            }
        }
        values
    }

    /// Moves the averages on: what has come since the last time, as a rate per
    /// minute, weighs as much as the time it took does in the window.
    fn average(&mut self, total: Tally, elapsed: f64) {
        let last = self.last;
        for (name, now, before) in [
            (
                "messages/received",
                total.packets_received,
                last.packets_received,
            ),
            ("messages/sent", total.packets_sent, last.packets_sent),
            (
                "publish/received",
                total.publishes_received,
                last.publishes_received,
            ),
            ("publish/sent", total.publishes_sent, last.publishes_sent),
            (
                "publish/dropped",
                total.publishes_dropped,
                last.publishes_dropped,
            ),
            ("bytes/received", total.bytes_received, last.bytes_received),
            ("bytes/sent", total.bytes_sent, last.bytes_sent),
            ("sockets", total.sockets, last.sockets),
            ("connections", total.connections, last.connections),
        ] {
            let rate = (now - before) as f64 * 60.0 / elapsed;
            let averages = self.loads.entry(name).or_default();
            for ((_, window), average) in WINDOWS.iter().zip(averages) {
                let weight = (-elapsed / window).exp();
                *average = rate + weight * (*average - rate);
            }
        }
    }

    fn say(&mut self, broker: &Broker, topic: String, value: String) {
        if self.published.get(&topic) == Some(&value) {
            return;
        }
        let name = format!("$SYS/broker/{topic}");
        let Ok(name) = TopicName::new(name) else {
            return;
        };
        let message = Arc::new(Message::new(name, value.clone()));
        let publication = Publication {
            message: &message,
            qos: QoS::ExactlyOnce,
            retain: true,
        };
        broker.publish(publication, broker.clock.now());
        self.published.insert(topic, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_average_approaches_the_rate_faster_in_a_short_window() {
        let mut sys = Sys {
            published: HashMap::default(),
            loads: HashMap::default(),
            last: Tally::default(),
            most_connected: 0,
            most_resident: 0,
        };
        let mut total = Tally::default();
        for _ in 0..12 {
            total.publishes_received += 50;
            sys.average(total, 10.0);
            sys.last = total;
        }
        let [one, five, fifteen] = sys.loads["publish/received"];
        assert!((250.0..300.0).contains(&one), "{one}");
        assert!((90.0..110.0).contains(&five), "{five}");
        assert!((35.0..45.0).contains(&fifteen), "{fifteen}");
        assert_eq!(sys.loads["publish/sent"], [0.0; 3]);
    }
}
