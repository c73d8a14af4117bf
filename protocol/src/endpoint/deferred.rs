use codec::{PacketId, PacketType, ReasonCode};

use super::Endpoint;
use crate::session::Outbound;

/// PUBREC has come for a delivery: the other end has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What [`Delivery::token`](crate::Delivery::token) was.
    pub token: u64,
    /// Its packet identifier, for PUBREL.
    pub packet_id: PacketId,
}

impl Endpoint {
    /// From here on the driver gives PUBREL and PUBCOMP, and sends what it
    /// publishes at QoS 2 in a step of its own.
    pub(crate) fn defer_handshakes(&mut self) {
        self.is_deferred = true;
    }

    /// Whether steps of handshakes wait for the driver.
    pub(crate) const fn is_deferred(&self) -> bool {
        self.is_deferred
    }

    /// What the driver has to know of a PUBREC that was accepted.
    pub(crate) fn taken(&mut self, packet_id: PacketId) -> Option<Taken> {
        match self.session.outbound.get_mut(packet_id) {
            Some(&mut Outbound::Released { token, .. }) if self.is_deferred => {
                Some(Taken { token, packet_id })
            }
            _ => None,
        }
    }

    /// Sends PUBREL, if PUBREC has come and PUBCOMP has not.
    pub(crate) fn send_pubrel(&mut self, id: PacketId) {
        if let Some(Outbound::Released { .. }) = self.session.outbound.get_mut(id) {
            self.send_ack(PacketType::PubRel, id, ReasonCode::Success);
        }
    }

    pub(crate) fn send_pubcomp(&mut self, id: PacketId) {
        self.send_ack(PacketType::PubComp, id, ReasonCode::Success);
    }
}
