use codec::{Ack, PacketId, PacketType, Publish, QoS, ReasonCode};

use super::Endpoint;
use crate::Violation;
use crate::session::Inbound;

/// A publish that was given to the driver and not yet answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unanswered {
    id: PacketId,
    qos: QoS,
    /// What the driver says; waits for the answers before it.
    answer: Option<ReasonCode>,
}

impl Endpoint {
    /// Publishes given to the driver whose acknowledgements were not sent.
    pub(crate) fn unanswered(&self) -> usize {
        self.unanswered.len()
    }

    /// PUBLISH: resolves the alias, and filters out a QoS 2 publish seen
    /// before.
    pub(crate) fn on_publish(
        &mut self,
        mut publish: Publish,
    ) -> Result<Option<Publish>, Violation> {
        if self.version.is_v5() {
            self.inbound_aliases
                .resolve(&mut publish, self.local.topic_alias_maximum)?;
        }
        let Some(id) = publish.packet_id else {
            return Ok(Some(publish));
        };
        let is_new = self.on_packet_id(publish.qos, id, publish.dup)?;
        Ok(is_new.then_some(publish))
    }

    /// A PUBLISH at QoS 1 or 2; false if it was seen before.
    pub(crate) fn on_packet_id(
        &mut self,
        qos: QoS,
        id: PacketId,
        dup: bool,
    ) -> Result<bool, Violation> {
        if qos == QoS::ExactlyOnce {
            match self.session.inbound.get_mut(id) {
                None => {
                    self.session.inbound.insert(id, Inbound::Received);
                }
                Some(Inbound::Received) => return Ok(false),
                // A copy would have DUP set [MQTT-3.3.1-1]: the sender has
                // lost its session without saying so, as a program does that
                // starts anew, and has given the identifier again.
                Some(state @ Inbound::Acknowledged { counted: false }) if !dup => {
                    *state = Inbound::Received;
                }
                Some(Inbound::Acknowledged { counted }) => {
                    if !std::mem::replace(counted, true) {
                        self.count()?;
                    }
                    self.send_ack(PacketType::PubRec, id, ReasonCode::Success);
                    return Ok(false);
                }
            }
        }
        if let Err(violation) = self.count() {
            if qos == QoS::ExactlyOnce {
                // Nobody has it: it is no copy when it comes again.
                self.session.inbound.remove(id);
            }
            return Err(violation);
        }
        self.unanswered.push_back(Unanswered {
            id,
            qos,
            answer: None,
        });
        Ok(true)
    }

    /// How many publishes may be open. Before 5.0 nobody can say a receive
    /// maximum, but there are only so many packet identifiers.
    fn receive_maximum(&self) -> u16 {
        if self.version.is_v5() {
            self.local.receive_maximum
        } else {
            u16::MAX
        }
    }

    fn count(&mut self) -> Result<(), Violation> {
        self.open += 1;
        let maximum = self.receive_maximum();
        if self.open > u32::from(maximum) + u32::from(self.credit) {
            return Err(Violation::ReceiveMaximum(maximum));
        }
        Ok(())
    }

    /// The driver's answer to a publish: PUBACK or PUBREC go out in the order
    /// of the publishes \[MQTT-4.6.0-2\], \[MQTT-4.6.0-3\].
    pub(crate) fn acknowledge(&mut self, qos: QoS, id: PacketId, reason: ReasonCode) {
        let is_it = |u: &Unanswered| u.id == id && u.qos == qos && u.answer.is_none();
        // The oldest in a driver that keeps the order; in one that does not,
        // more likely one of the newest.
        let at = match self.unanswered.front() {
            Some(front) if is_it(front) => Some(0),
            _ => self.unanswered.iter().rposition(is_it),
        };
        let Some(at) = at else {
            return;
        };
        self.unanswered[at].answer = Some(reason);
        while let Some(&Unanswered {
            id,
            qos,
            answer: Some(reason),
        }) = self.unanswered.front()
        {
            self.unanswered.pop_front();
            self.answer(qos, id, reason);
        }
    }

    fn answer(&mut self, qos: QoS, id: PacketId, reason: ReasonCode) {
        if qos == QoS::AtLeastOnce {
            self.open -= 1;
            self.send_ack(PacketType::PubAck, id, reason);
            return;
        }
        if reason.is_failure() {
            self.session.inbound.remove(id);
            self.open -= 1;
        } else {
            let acknowledged = Inbound::Acknowledged { counted: true };
            self.session.inbound.insert(id, acknowledged);
        }
        self.send_ack(PacketType::PubRec, id, reason);
    }

    /// PUBREL.
    pub(crate) fn on_pubrel(&mut self, ack: &Ack) -> Result<(), Violation> {
        let id = ack.packet_id;
        match self.session.inbound.remove(id) {
            Some(Inbound::Received) => {
                self.session.inbound.insert(id, Inbound::Received);
                return Err(Violation::WrongAck(PacketType::PubRel));
            }
            Some(Inbound::Acknowledged { counted: true }) => self.open -= 1,
            // The publish was counted on an earlier connection, but a sender
            // that follows section 4.9 to the letter takes this PUBCOMP for
            // leave to send one more.
            _ => {
                let credit = self.credit.saturating_add(1);
                self.credit = credit.min(self.receive_maximum());
            }
        }
        // Also for an identifier that is not known: the PUBCOMP before was
        // lost on its way, and all that the sender wants is to be done.
        if !self.is_deferred {
            self.send_pubcomp(id);
        }
        Ok(())
    }
}
