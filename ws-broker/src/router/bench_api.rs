//! The router as `benches/` has it, behind the feature `bench-api`: no part of
//! what this crate offers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Waker};

use bytes::{Bytes, BytesMut};
use codec::{FixedHeader, ProtocolVersion, PublishView, QoS, TopicFilter, TopicName};
use protocol::{Delivery, Message, Time};

use super::{Publication, Router, Routes, Subscriber};
use crate::access::Identity;
use crate::config::Config;
use crate::outbox::{Outbox, QueueLimits, Receiver, Window};
use crate::running::Running;

const VERSION: ProtocolVersion = ProtocolVersion::V3_1_1;

/// A broker without listeners, a publisher, and clients that subscribe.
#[derive(Debug)]
pub struct Routing {
    running: Running,
    routes: Routes,
    outboxes: Vec<Arc<Outbox>>,
    chunks: VecDeque<BytesMut>,
    deliveries: Vec<Delivery>,
}

impl Routing {
    /// Without clients; on the current tokio runtime.
    ///
    /// # Panics
    /// If there is no broker without listeners.
    pub async fn start() -> Self {
        let config = Config {
            listeners: Vec::new(),
            queue: QueueLimits {
                messages: 0,
                bytes: 0,
                qos0: false,
            },
            sys_interval: 0,
            ..Config::default()
        };
        Self {
            running: Running::start(config).await.expect("nothing is opened"),
            routes: Routes::new(None),
            outboxes: Vec::new(),
            chunks: VecDeque::new(),
            deliveries: Vec::new(),
        }
    }

    fn router(&self) -> &Router {
        self.running.router()
    }

    /// Adds a connected client with these subscriptions.
    pub fn add_client(&mut self, filters: impl IntoIterator<Item = TopicFilter>, qos: QoS) {
        let memory = self.router().memory().clone();
        let outbox = Arc::new(Outbox::new(Identity::default(), memory));
        outbox.set_online(Receiver {
            version: VERSION,
            maximum_packet_size: u32::MAX,
            has_aliases: false,
        });
        for filter in filters {
            let subscriber = Subscriber {
                outbox: outbox.clone(),
                options: qos.into(),
                identifier: None,
            };
            self.router().subscribe(&filter, subscriber);
        }
        self.outboxes.push(outbox);
    }

    /// How many subscriptions match a topic, looked up as for one that nobody
    /// remembers.
    pub fn count_matching(&self, topic: &str) -> usize {
        let mut count = 0;
        self.router().read().matching(topic, |_| count += 1);
        count
    }

    /// Collects a PUBLISH at QoS 0, a whole packet of MQTT 3.1.1, for those who
    /// subscribe.
    ///
    /// # Panics
    /// If it is anything else.
    pub fn publish_frame(&mut self, frame: &[u8]) {
        let header = FixedHeader::peek(frame, usize::MAX).expect("a packet");
        let header = header.expect("a whole one");
        let body = &frame[frame.len() - header.remaining..];
        let view = PublishView::parse(header.flags, body, VERSION).expect("a PUBLISH");
        let routed = self.routes.publish_view(
            self.running.router(),
            &view,
            frame,
            VERSION,
            Time::default(),
        );
        assert!(matches!(routed, Ok(Some(_))), "passed on as it is");
    }

    /// Collects a message at QoS 1 or 2 for those who subscribe.
    pub fn publish(&mut self, topic: &TopicName, payload: &Bytes, qos: QoS) {
        let message = Arc::new(Message::new(topic.clone(), payload.clone()));
        let publication = Publication {
            message: &message,
            qos,
            retain: false,
        };
        let now = Time::default();
        self.routes.publish(self.running.router(), publication, now);
    }

    /// Hands what was collected to the outboxes, as at the end of a batch.
    pub fn flush(&mut self) {
        self.routes.flush(self.running.router());
    }

    /// Takes all that waits in the outboxes, as the clients' tasks do. Gives
    /// the bytes at QoS 0 and the number of messages above it.
    pub fn drain(&mut self) -> (usize, usize) {
        let cx = Context::from_waker(Waker::noop());
        let (mut bytes, mut messages) = (0, 0);
        for outbox in &self.outboxes {
            loop {
                let window = Window {
                    messages: usize::MAX,
                    bytes: usize::MAX,
                    is_idle: true,
                };
                outbox.take(window, &mut self.chunks, &mut self.deliveries, &cx);
                if self.chunks.is_empty() && self.deliveries.is_empty() {
                    break;
                }
                bytes += self
                    .chunks
                    .drain(..)
                    .map(|chunk| chunk.len())
                    .sum::<usize>();
                messages += self.deliveries.drain(..).count();
            }
        }
        (bytes, messages)
    }
}
