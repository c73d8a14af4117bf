//! For drivers that store each step of a QoS 2 handshake before the other end
//! learns of it (section 4.1.1).

use codec::{PacketId, QoS};

use super::Connection;
use crate::{Delivery, PublishError, Time};

impl Connection {
    /// From here on, and for this connection only, no step of a QoS 2
    /// handshake is taken before the driver says so:
    ///
    /// - [`Connection::publish`] gives the packet identifier of a delivery at
    ///   QoS 2 and does not send it: [`Connection::transmit`] does;
    /// - PUBREC becomes [`Event::Taken`](super::Event::Taken), and
    ///   [`Connection::release`] sends PUBREL;
    /// - PUBREL becomes [`Event::Released`](super::Event::Released), and
    ///   [`Connection::complete`] sends PUBCOMP.
    ///
    /// Before CONNACK is handled, which takes all that is in the session for
    /// stored.
    pub fn defer_handshakes(&mut self) {
        self.endpoint.defer_handshakes();
    }

    /// Gives a delivery at QoS 1 or 2 its packet identifier, for drivers that
    /// store that before anything is sent: [`Connection::transmit`] sends it.
    ///
    /// # Errors
    /// As [`Connection::publish`].
    pub fn prepare(&mut self, delivery: Delivery, now: Time) -> Result<PacketId, PublishError> {
        debug_assert!(delivery.qos > QoS::AtMostOnce);
        self.check(&delivery)?;
        self.endpoint.prepare(delivery, now)
    }

    /// Sends a delivery that has its packet identifier; nothing happens if it
    /// is not in flight any more.
    pub fn transmit(&mut self, id: PacketId, now: Time) {
        if self.is_connected() {
            self.endpoint.transmit(id, now);
        }
    }

    /// Answers an [`Event::Taken`](super::Event::Taken) with PUBREL.
    pub fn release(&mut self, id: PacketId) {
        if self.is_connected() {
            self.endpoint.send_pubrel(id);
        }
    }

    /// Answers an [`Event::Released`](super::Event::Released) with PUBCOMP.
    pub fn complete(&mut self, id: PacketId) {
        if self.is_connected() {
            self.endpoint.send_pubcomp(id);
        }
    }
}
