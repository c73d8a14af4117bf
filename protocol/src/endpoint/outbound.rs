use codec::{Ack, PacketId, PacketType, QoS, ReasonCode};

use super::Endpoint;
use super::transmit::{Transmit, View};
use crate::session::Outbound;
use crate::topic_alias::OutboundAliases;
use crate::{Delivery, Limits, Session, Time, Violation};

/// Why a message was not sent. It is not kept either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// There is no accepted connection.
    #[error("not connected")]
    NotConnected,
    /// As many QoS 1 and 2 publishes are in flight as the other end allows.
    #[error("too many publishes await acknowledgement")]
    WindowFull,
    /// It expired before it could be sent.
    #[error("the message has expired")]
    Expired,
    /// The other end does not accept packets of this size, or MQTT has none.
    #[error("the message is larger than the receiver accepts")]
    TooLarge,
    /// It is not below the receiver's mount point.
    #[error("the receiver does not see this topic")]
    Hidden,
    /// The server does not take messages at this QoS.
    #[error("the server does not support this QoS")]
    QoSNotSupported,
    /// The server does not keep retained messages.
    #[error("the server does not support retained messages")]
    RetainNotSupported,
}

/// The end of a handshake for a publish that this end sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// What [`Delivery::token`] was.
    pub token: u64,
    /// PUBACK, PUBCOMP, or a PUBREC that refuses; its reason tells.
    pub ack: Ack,
}

impl Endpoint {
    /// Goes on with `session` on a connection that both ends have accepted.
    /// Gives the deliveries that are given up: those that no longer fit the
    /// other end's maximum packet size \[MQTT-3.1.2-25\], or that `may_send`
    /// rules out.
    pub(crate) fn resume(
        &mut self,
        session: Session,
        peer: Limits,
        may_send: impl Fn(&Delivery) -> bool,
        now: Time,
    ) -> Vec<Delivery> {
        self.session = session;
        self.peer = peer;
        self.quota = peer.receive_maximum;
        self.outbound_aliases = OutboundAliases::new(peer.topic_alias_maximum);
        let sent: Vec<_> = self.session.outbound.iter().map(|(id, _)| id).collect();
        let mut given_up = Vec::new();
        let view = View {
            version: self.version,
            peer: &peer,
            mount: self.mount.as_ref(),
        };
        for id in sent {
            if let Some(outbound) = self.session.outbound.get_mut(id)
                && let Outbound::Published { delivery, .. } = outbound
                && !(view.fits(delivery, now).is_ok() && may_send(delivery))
            {
                if delivery.qos == QoS::ExactlyOnce {
                    // The other end may have it, and would take the next
                    // publish with this identifier for another copy.
                    *outbound = Outbound::Released {
                        token: delivery.token,
                        counted: false,
                    };
                } else {
                    given_up.push(delivery.clone());
                    self.session.outbound.remove(id);
                    continue;
                }
            }
            self.resend.push_back(id);
        }
        self.pump(now);
        given_up
    }

    fn view(&self) -> View<'_> {
        View {
            version: self.version,
            peer: &self.peer,
            mount: self.mount.as_ref(),
        }
    }

    /// QoS 1 and 2 publishes that may be sent now; none while anything waits
    /// to be sent again, for that takes all the quota there is.
    pub(crate) fn window(&self) -> usize {
        self.quota.into()
    }

    pub(crate) fn publish(
        &mut self,
        delivery: Delivery,
        now: Time,
    ) -> Result<Option<PacketId>, PublishError> {
        let delivery = self.check(delivery, now)?;
        let qos = delivery.qos;
        if qos == QoS::AtMostOnce {
            let transmit = Transmit {
                view: View {
                    version: self.version,
                    peer: &self.peer,
                    mount: self.mount.as_ref(),
                },
                aliases: &mut self.outbound_aliases,
                output: &mut self.output,
                now,
            };
            transmit.publish(&delivery, None, false);
            return Ok(None);
        }
        let id = self.admit(delivery)?;
        if !(self.is_deferred && qos == QoS::ExactlyOnce) {
            self.transmit(id, now);
        }
        Ok(Some(id))
    }

    /// Gives it back if it can be sent.
    fn check(&mut self, delivery: Delivery, now: Time) -> Result<Delivery, PublishError> {
        let checked = if delivery.message.is_expired(now) {
            Err(PublishError::Expired)
        } else {
            self.view().fits(&delivery, now)
        };
        match checked {
            Ok(()) => Ok(delivery),
            Err(error) => {
                self.spend_packet_id(delivery);
                Err(error)
            }
        }
    }

    /// Gives a delivery at QoS 1 or 2 its packet identifier, and takes the
    /// price of it.
    fn admit(&mut self, delivery: Delivery) -> Result<PacketId, PublishError> {
        if self.window() == 0 {
            return Err(PublishError::WindowFull);
        }
        let outbound = Outbound::Published {
            delivery,
            counted: false,
            is_sent: false,
        };
        let id = self.session.outbound.insert(outbound);
        let id = id.ok_or(PublishError::WindowFull)?;
        self.reserve(id);
        Ok(id)
    }

    /// As [`Endpoint::publish`] at QoS 1 or 2, but for the sending.
    pub(crate) fn prepare(
        &mut self,
        delivery: Delivery,
        now: Time,
    ) -> Result<PacketId, PublishError> {
        let delivery = self.check(delivery, now)?;
        self.admit(delivery)
    }

    /// A message that cannot be sent counts as sent \[MQTT-3.1.2-25\]: its
    /// identifier is used up, as in Mosquitto.
    fn spend_packet_id(&mut self, delivery: Delivery) {
        if delivery.qos == QoS::AtMostOnce {
            return;
        }
        let spent = Outbound::Published {
            delivery,
            counted: false,
            is_sent: false,
        };
        if let Some(id) = self.session.outbound.insert(spent) {
            self.session.outbound.remove(id);
        }
    }

    /// Sends again what the last connection left open, in order
    /// \[MQTT-4.4.0-1\], \[MQTT-4.6.0-1\].
    fn pump(&mut self, now: Time) {
        while let Some(&id) = self.resend.front() {
            match self.session.outbound.get_mut(id) {
                Some(Outbound::Published { .. }) if self.quota == 0 => return,
                Some(Outbound::Published { .. }) => self.transmit_inflight(id, now),
                Some(Outbound::Released { .. }) => {
                    self.send_ack(PacketType::PubRel, id, ReasonCode::Success);
                }
                _ => {}
            }
            self.resend.pop_front();
        }
    }

    /// Sends what is in flight, at the price of one of the quota.
    fn transmit_inflight(&mut self, id: PacketId, now: Time) {
        self.reserve(id);
        self.transmit(id, now);
    }

    /// Takes the price of one that is about to be sent.
    fn reserve(&mut self, id: PacketId) {
        if let Some(Outbound::Published { counted, .. }) = self.session.outbound.get_mut(id) {
            *counted = true;
            self.quota -= 1;
        }
    }

    /// Sends a publish that is in flight; nothing happens if it is not any
    /// more.
    pub(crate) fn transmit(&mut self, id: PacketId, now: Time) {
        if let Some(Outbound::Published {
            delivery, is_sent, ..
        }) = self.session.outbound.get_mut(id)
        {
            let dup = std::mem::replace(is_sent, true);
            let transmit = Transmit {
                view: View {
                    version: self.version,
                    peer: &self.peer,
                    mount: self.mount.as_ref(),
                },
                aliases: &mut self.outbound_aliases,
                output: &mut self.output,
                now,
            };
            transmit.publish(delivery, Some(id), dup);
        }
    }

    /// PUBACK.
    pub(crate) fn on_puback(
        &mut self,
        ack: Ack,
        now: Time,
    ) -> Result<Option<Delivered>, Violation> {
        let token = self.on_puback_of(ack.packet_id, now)?;
        Ok(token.map(|token| Delivered { token, ack }))
    }

    /// PUBACK, whatever its reason; gives the delivery's token. An identifier
    /// that is not in use is left over from a session that one end has lost:
    /// there is nothing to do.
    #[inline]
    pub(crate) fn on_puback_of(
        &mut self,
        id: PacketId,
        now: Time,
    ) -> Result<Option<u64>, Violation> {
        match self.session.outbound.get_mut(id) {
            None => Ok(None),
            Some(&mut Outbound::Published {
                delivery:
                    Delivery {
                        qos: QoS::AtLeastOnce,
                        token,
                        ..
                    },
                counted,
                ..
            }) => {
                self.complete(id, counted, now);
                Ok(Some(token))
            }
            Some(_) => Err(Violation::WrongAck(PacketType::PubAck)),
        }
    }

    /// PUBREC. The message itself is no longer needed \[MQTT-4.3.3-4\].
    pub(crate) fn on_pubrec(
        &mut self,
        ack: Ack,
        now: Time,
    ) -> Result<Option<Delivered>, Violation> {
        let id = ack.packet_id;
        let is_known = match self.session.outbound.get_mut(id) {
            // The other end has forgotten the identifier as well.
            None if ack.reason.is_failure() => return Ok(None),
            // All it wants is to be done.
            None => false,
            Some(outbound) => match *outbound {
                Outbound::Published {
                    delivery:
                        Delivery {
                            qos: QoS::ExactlyOnce,
                            token,
                            ..
                        },
                    counted,
                    ..
                } => {
                    if ack.reason.is_failure() {
                        return Ok(Some(self.delivered(token, counted, ack, now)));
                    }
                    *outbound = Outbound::Released { token, counted };
                    true
                }
                Outbound::Released { .. } => true,
                _ => return Err(Violation::WrongAck(PacketType::PubRec)),
            },
        };
        if !(is_known && self.is_deferred) {
            self.send_ack(PacketType::PubRel, id, ReasonCode::Success);
        }
        Ok(None)
    }

    /// PUBCOMP.
    pub(crate) fn on_pubcomp(
        &mut self,
        ack: Ack,
        now: Time,
    ) -> Result<Option<Delivered>, Violation> {
        match self.session.outbound.get_mut(ack.packet_id) {
            None => Ok(None),
            Some(&mut Outbound::Released { token, counted }) => {
                Ok(Some(self.delivered(token, counted, ack, now)))
            }
            Some(_) => Err(Violation::WrongAck(PacketType::PubComp)),
        }
    }

    fn delivered(&mut self, token: u64, counted: bool, ack: Ack, now: Time) -> Delivered {
        self.complete(ack.packet_id, counted, now);
        Delivered { token, ack }
    }

    fn complete(&mut self, id: PacketId, counted: bool, now: Time) {
        self.session.outbound.remove(id);
        // What took no quota on this connection, such as a PUBREL sent again,
        // gives none back (section 4.9).
        if counted {
            self.quota += 1;
        }
        if !self.resend.is_empty() {
            self.pump(now);
        }
    }
}
