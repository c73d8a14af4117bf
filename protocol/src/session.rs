use codec::PacketId;

use crate::Delivery;
use crate::by_id::ById;
use crate::inflight::Inflight;

/// What both ends remember between connections (section 4.1), but for
/// subscriptions and messages not yet sent, which are the driver's.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// What was sent and awaits an acknowledgement.
    pub(crate) outbound: Inflight<Outbound>,
    /// QoS 2 publishes received, from PUBLISH to PUBREL. A peer may choose the
    /// identifiers; there are at most 65,535.
    pub(crate) inbound: ById<Inbound>,
    /// Whether a client has asked for a clean start and does not know yet that
    /// it got one: the server may have thrown its half away, so that nothing
    /// is sent again.
    pub(crate) is_discarded: bool,
}

/// A publish that was sent and not yet acknowledged in full, as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// PUBLISH was sent, or was about to be.
    Published(Delivery),
    /// PUBREC has come for the delivery with this token.
    Released(u64),
}

#[derive(Clone, Debug)]
pub(crate) enum Outbound {
    /// PUBLISH sent; PUBACK or PUBREC is next. `counted`: it was sent on this
    /// connection, and so takes one of the quota. `is_sent`: not only that its
    /// identifier is taken.
    Published {
        delivery: Delivery,
        counted: bool,
        is_sent: bool,
    },
    /// PUBREC received and PUBREL sent; PUBCOMP is next. `counted`: as above.
    Released { token: u64, counted: bool },
    /// SUBSCRIBE sent; SUBACK is next. Forgotten when the connection ends.
    Subscribe { token: u64 },
    /// UNSUBSCRIBE sent; UNSUBACK is next. Forgotten when the connection ends.
    Unsubscribe { token: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inbound {
    /// PUBLISH received; the driver has not acknowledged it yet.
    Received,
    /// PUBREC sent; PUBREL is next. `counted`: PUBLISH came on this
    /// connection.
    Acknowledged { counted: bool },
}

impl Session {
    /// A session without anything in flight.
    pub fn new() -> Self {
        Self::default()
    }

    /// A session as it was stored: what was sent, oldest first, under packet
    /// identifiers that are all different, and the identifiers of QoS 2
    /// publishes received.
    pub fn restore(
        sent: impl IntoIterator<Item = (PacketId, Sent)>,
        received: impl IntoIterator<Item = PacketId>,
    ) -> Self {
        let sent = sent.into_iter().map(|(id, sent)| {
            let counted = false;
            let outbound = match sent {
                Sent::Published(delivery) => Outbound::Published {
                    delivery,
                    counted,
                    is_sent: true,
                },
                Sent::Released(token) => Outbound::Released { token, counted },
            };
            (id, outbound)
        });
        let mut inbound = ById::default();
        for id in received {
            inbound.insert(id, Inbound::Acknowledged { counted: false });
        }
        Self {
            outbound: Inflight::restore(sent),
            inbound,
            is_discarded: false,
        }
    }

    /// As [`Session::restore`] gives it, but goes on with the packet identifier
    /// that [`Session::next_packet_id`] was.
    #[must_use]
    pub fn go_on_from(mut self, next: PacketId) -> Self {
        self.outbound.go_on_from(next);
        self
    }

    /// The packet identifier behind the last that was given to a publish: an
    /// answer that comes late finds no other publish.
    pub fn next_packet_id(&self) -> PacketId {
        self.outbound.next()
    }

    /// Publishes sent and not yet acknowledged in full.
    pub fn inflight_len(&self) -> usize {
        self.outbound.len()
    }

    /// The publishes that will be sent again when the session is resumed,
    /// oldest first.
    pub fn unacknowledged(&self) -> impl Iterator<Item = &Delivery> {
        self.outbound.iter().filter_map(|(_, sent)| match sent {
            Outbound::Published { delivery, .. } => Some(delivery),
            _ => None,
        })
    }

    /// As [`Session::unacknowledged`], in no order, for a driver that stores
    /// its publishes in another form than it sends them.
    pub fn unacknowledged_mut(&mut self) -> impl Iterator<Item = &mut Delivery> {
        self.outbound.values_mut().filter_map(|sent| match sent {
            Outbound::Published { delivery, .. } => Some(delivery),
            _ => None,
        })
    }

    /// The tokens of QoS 2 publishes that the other end has taken, and whose
    /// handshakes are not over; oldest first.
    pub fn released(&self) -> impl Iterator<Item = u64> {
        self.outbound.iter().filter_map(|(_, sent)| match sent {
            Outbound::Released { token, .. } => Some(*token),
            _ => None,
        })
    }

    /// Forgets what a driver could not store after all: publishes that were
    /// never sent, and QoS 2 publishes that it has not acknowledged, so that
    /// they are taken for new when they come again.
    pub fn forget(
        &mut self,
        sent: impl Fn(&Delivery) -> bool,
        received: impl Fn(PacketId) -> bool,
    ) {
        self.outbound.retain(&mut |outbound| match outbound {
            Outbound::Published { delivery, .. } => !sent(delivery),
            _ => true,
        });
        self.inbound.retain(&mut |id, _| !received(id));
    }

    /// Whether there is anything to remember.
    pub fn is_empty(&self) -> bool {
        self.outbound.len() == 0 && self.inbound.is_empty()
    }

    /// A clean start is asked for \[MQTT-3.1.2-4\]. What was in flight stays
    /// until CONNACK comes, only to be told as lost.
    pub(crate) fn discard(&mut self) {
        self.inbound.clear();
        self.is_discarded = true;
    }

    /// The other end has lost its half: all is forgotten. Packet identifiers go
    /// on where they were, so that an answer that comes late finds no other
    /// publish.
    pub(crate) fn lose(&mut self) {
        self.outbound.retain(&mut |_| false);
        self.inbound.clear();
        self.is_discarded = false;
    }

    /// What ends with a connection is forgotten.
    pub(crate) fn disconnect(&mut self) {
        self.outbound.retain(&mut |sent| match sent {
            Outbound::Published { counted, .. } | Outbound::Released { counted, .. } => {
                *counted = false;
                true
            }
            Outbound::Subscribe { .. } | Outbound::Unsubscribe { .. } => false,
        });
        for state in self.inbound.values_mut() {
            // The driver has the message: a second copy of it would be one
            // too many, and its acknowledgement can only be asked for again.
            *state = Inbound::Acknowledged { counted: false };
        }
        // It may be parked for weeks.
        self.outbound.shrink_to_fit();
        self.inbound.shrink_to_fit();
    }
}
