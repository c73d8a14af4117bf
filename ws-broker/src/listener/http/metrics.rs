//! `/metrics`: the broker's numbers for Prometheus, as OpenMetrics has them.

use std::fmt;
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use codec::{ByteString, TopicName};
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::{Response, StatusCode};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::Site;
use super::answer::{Answer, full, set, text};
use crate::access::{Access, Identity};
use crate::auth::Attempt;
use crate::broker::Broker;
use crate::config::{Metrics, Protocol};
use crate::log::notice;
use crate::memory;

/// What proxies add for a client behind them.
const FORWARDED: [&str; 5] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-real-ip",
];

/// What whoever gets the numbers may read in MQTT too.
const TOPIC: &str = "$SYS/broker/version";

impl Site {
    /// Gives the numbers to those whom `metrics` lets have them.
    pub(super) async fn metrics(&self, headers: &HeaderMap) -> Answer {
        let refusal = match self.broker.settings().config.metrics {
            Metrics::All => None,
            Metrics::Off => Some(text(StatusCode::NOT_FOUND, "not found\n")),
            Metrics::Loopback if self.is_local(headers) => None,
            Metrics::Loopback => Some(text(
                StatusCode::FORBIDDEN,
                "metrics are for programs on the broker's own machine; `metrics login` or \
                 `metrics all` in its configuration gives them to others\n",
            )),
            Metrics::Login => self.log_in(headers).await.err(),
        };
        if let Some(refusal) = refusal {
            return refusal;
        }
        let mut registry = Registry::with_prefix("ws_broker");
        registry.register_collector(Box::new(Numbers::of(&self.broker)));
        let mut written = String::new();
        if encode(&mut written, &registry).is_err() {
            return text(StatusCode::INTERNAL_SERVER_ERROR, "no numbers\n");
        }
        let mut answer = Response::new(full(written));
        set(
            &mut answer,
            header::CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        );
        set(&mut answer, header::CACHE_CONTROL, "no-store");
        answer
    }

    /// Whether it is a program on this machine that asks, and for itself.
    fn is_local(&self, headers: &HeaderMap) -> bool {
        let is_forwarded = FORWARDED
            .iter()
            .any(|name| headers.contains_key(HeaderName::from_static(name)));
        self.peer.address.is_local() && !is_forwarded
    }

    /// Checks a user's password, with the same patience as a client's, and
    /// that the user may read the same numbers in MQTT.
    async fn log_in(&self, headers: &HeaderMap) -> Result<(), Answer> {
        let settings = self.broker.settings();
        let Some(users) = settings.rules(self.peer.rules).users.clone() else {
            let why = "metrics are for users, and the broker has no password_file\n";
            return Err(text(StatusCode::FORBIDDEN, why));
        };
        let Some((user, password)) = basic(headers) else {
            return Err(unauthorized());
        };
        let attempt = Attempt::new(&self.broker, &self.peer.address, user.clone());
        if let Err(why) = attempt.check(users, Some(password.into())).await {
            let address = &self.peer.address;
            notice!("Refused metrics to {user} [{address}]: {why}.");
            return Err(unauthorized());
        }
        let who = Identity {
            username: Some(user),
            rules: settings.number(self.peer.rules),
            ..Identity::default()
        };
        let topic = TopicName::new(TOPIC);
        if !topic.is_ok_and(|topic| settings.allows(&who, &topic, Access::Read)) {
            let why = "the user may not read $SYS/broker\n";
            return Err(text(StatusCode::FORBIDDEN, why));
        }
        Ok(())
    }
}

/// User name and password of HTTP's basic authentication (RFC 7617).
fn basic(headers: &HeaderMap) -> Option<(ByteString, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = Base64::decode_vec(encoded.trim()).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.into(), password.into()))
}

fn unauthorized() -> Answer {
    let mut answer = text(
        StatusCode::UNAUTHORIZED,
        "a user and a password are wanted\n",
    );
    set(
        &mut answer,
        header::WWW_AUTHENTICATE,
        "Basic realm=\"ws-broker\", charset=\"UTF-8\"",
    );
    answer
}

/// All numbers at one time.
#[derive(Debug)]
struct Numbers {
    counters: Vec<(&'static str, &'static str, u64)>,
    gauges: Vec<(&'static str, &'static str, u64)>,
    listeners: Vec<([(&'static str, String); 3], u64)>,
}

impl Numbers {
    fn of(broker: &Arc<Broker>) -> Self {
        let total = broker.counters.total();
        let (connected, away) = broker.sessions.count();
        let stored = broker.router.memory().stored();
        let dropped = total.publishes_dropped + broker.router.dropped();
        let counts = broker.census.counts().into_iter();
        let listeners = counts.map(|count| {
            let protocol = match count.protocol {
                Protocol::Mqtt => "mqtt",
                Protocol::WebSockets => "websockets",
            };
            let labels = [
                ("port", count.port.to_string()),
                ("address", count.address),
                ("protocol", protocol.into()),
            ];
            (labels, count.connections as u64)
        });
        Self {
            listeners: listeners.collect(),
            gauges: vec![
                (
                    "clients_connected",
                    "Clients that are connected",
                    connected as u64,
                ),
                (
                    "sessions_away",
                    "Sessions whose clients are away",
                    away as u64,
                ),
                (
                    "subscriptions",
                    "Subscriptions, shared ones and others",
                    broker.router.subscriptions_len() as u64,
                ),
                (
                    "shared_subscriptions",
                    "Shared subscriptions, each with its members",
                    broker.router.groups_len() as u64,
                ),
                (
                    "retained_messages",
                    "Retained messages",
                    broker.router.retained_len() as u64,
                ),
                (
                    "stored_messages",
                    "Messages that wait or are retained",
                    stored.messages as u64,
                ),
                (
                    "stored_bytes",
                    "Bytes of messages that wait or are retained",
                    stored.bytes as u64,
                ),
                (
                    "resident_memory_bytes",
                    "Memory of the process",
                    memory::resident(),
                ),
                (
                    "uptime_seconds",
                    "How long the broker has run",
                    (broker.clock.now() - broker.clock.started()).as_secs(),
                ),
            ],
            counters: vec![
                ("sockets", "Connections opened", total.sockets),
                ("connects", "Clients accepted", total.connections),
                (
                    "sessions_expired",
                    "Sessions whose clients stayed away too long",
                    total.clients_expired,
                ),
                ("received_bytes", "Bytes of MQTT read", total.bytes_received),
                ("sent_bytes", "Bytes of MQTT written", total.bytes_sent),
                ("received_packets", "Packets read", total.packets_received),
                ("sent_packets", "Packets written", total.packets_sent),
                (
                    "received_publishes",
                    "PUBLISH packets read",
                    total.publishes_received,
                ),
                (
                    "sent_publishes",
                    "PUBLISH packets written",
                    total.publishes_sent,
                ),
                (
                    "received_payload_bytes",
                    "Bytes of payloads read",
                    total.payload_received,
                ),
                (
                    "sent_payload_bytes",
                    "Bytes of payloads written",
                    total.payload_sent,
                ),
                (
                    "dropped_messages",
                    "Messages dropped because a bound was reached",
                    dropped,
                ),
            ],
        }
    }
}

impl Collector for Numbers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut build =
            encoder.encode_descriptor("build", "This broker", None, MetricType::Info)?;
        build.encode_info(&[("version", env!("CARGO_PKG_VERSION"))])?;
        for (name, help, value) in &self.gauges {
            let gauge = ConstGauge::new(*value);
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            gauge.encode(metric)?;
        }
        for (name, help, value) in &self.counters {
            let counter = ConstCounter::new(*value);
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            counter.encode(metric)?;
        }
        let help = "Connections of each listener";
        let mut family = encoder.encode_descriptor("connections", help, None, MetricType::Gauge)?;
        for (labels, value) in &self.listeners {
            ConstGauge::new(*value).encode(family.encode_family(labels)?)?;
        }
        Ok(())
    }
}
