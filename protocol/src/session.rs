use std::collections::HashMap;

use codec::PacketId;
use foldhash::fast::FixedState;

use crate::Delivery;
use crate::inflight::Inflight;

/// What both ends remember between connections (section 4.1), but for
/// subscriptions and messages not yet sent, which are the driver's.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// What was sent and awaits an acknowledgement.
    pub(crate) outbound: Inflight<Outbound>,
    /// QoS 2 publishes received, from PUBLISH to PUBREL. A peer may choose the
    /// identifiers; there are at most 65,535.
    pub(crate) inbound: HashMap<PacketId, Inbound, FixedState>,
}

#[derive(Clone, Debug)]
pub(crate) enum Outbound {
    /// PUBLISH sent; PUBACK or PUBREC is next.
    Published(Delivery),
    /// PUBREC received and PUBREL sent; PUBCOMP is next.
    Released { token: u64 },
    /// SUBSCRIBE sent; SUBACK is next. Forgotten when the connection ends.
    Subscribe { token: u64 },
    /// UNSUBSCRIBE sent; UNSUBACK is next. Forgotten when the connection ends.
    Unsubscribe { token: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inbound {
    /// PUBLISH received; the driver has not acknowledged it yet.
    Received,
    /// PUBREC sent; PUBREL is next.
    Acknowledged,
}

impl Session {
    /// A session without anything in flight.
    pub fn new() -> Self {
        Self::default()
    }

    /// Publishes sent and not yet acknowledged in full.
    pub fn inflight_len(&self) -> usize {
        self.outbound.len()
    }

    /// The publishes that will be sent again when the session is resumed,
    /// oldest first.
    pub fn unacknowledged(&self) -> impl Iterator<Item = &Delivery> {
        self.outbound.iter().filter_map(|(_, sent)| match sent {
            Outbound::Published(delivery) => Some(delivery),
            _ => None,
        })
    }

    /// Whether there is anything to remember.
    pub fn is_empty(&self) -> bool {
        self.outbound.len() == 0 && self.inbound.is_empty()
    }

    /// What ends with a connection is forgotten.
    pub(crate) fn disconnect(&mut self) {
        self.outbound
            .retain(|sent| matches!(sent, Outbound::Published(_) | Outbound::Released { .. }));
        for state in self.inbound.values_mut() {
            // The driver has the message: a second copy of it would be one
            // too many, and its acknowledgement can only be asked for again.
            *state = Inbound::Acknowledged;
        }
    }
}
