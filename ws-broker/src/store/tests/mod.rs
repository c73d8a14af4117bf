//! The store against a model of it, on a medium that fails and forgets.

mod faults;
mod medium;
mod model;
mod waits;

use std::time::Duration;

use codec::{PacketId, QoS, TopicFilter, TopicName};
use protocol::{Delivery, Message, Time};

use super::*;
use crate::access::Identity;
use crate::router::Retained;

fn message(topic: &str, payload: &str) -> std::sync::Arc<Message> {
    let topic = TopicName::new(topic).expect("a topic name");
    std::sync::Arc::new(Message::new(topic, payload.to_owned()))
}

fn record(client_id: &str) -> Box<SessionRecord> {
    Box::new(SessionRecord {
        identity: Identity {
            client_id: client_id.into(),
            username: None,
            rules: 0,
        },
        expiry: 100,
        away_since: None,
        next_packet_id: None,
        will: None,
    })
}

/// Time does not pass.
const NOW: Time = Time::from_millis(1_000_000);
