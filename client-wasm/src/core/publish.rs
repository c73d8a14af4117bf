//! Publishing.

use std::sync::Arc;

use codec::{QoS, ReasonCode};
use futures_channel::oneshot;
use protocol::client::Delivered;
use protocol::{Delivery, Time};

use super::{Core, Link};
use crate::outbox::Outcome;
use crate::{Error, Message, Offline, Operation};

/// What became of a publish so far.
#[derive(Debug)]
pub(crate) enum Published {
    /// QoS 0: it is on its way, and nothing more will be heard of it.
    Sent,
    /// It waits for its turn or its acknowledgement.
    Pending(oneshot::Receiver<Outcome>),
}

impl Core {
    /// Publishes, now or when its turn comes.
    pub(crate) fn publish(&mut self, message: Message, now: Time) -> Result<Published, Error> {
        self.check_open()?;
        let content =
            protocol::Message::from_parts(message.topic, message.payload, message.properties, now);
        let delivery = Delivery {
            retain: message.retain,
            token: self.next_token(),
            ..Delivery::new(Arc::new(content), message.qos)
        };
        if !self.outbox.is_empty() || !self.has_room(message.qos) {
            return self.outbox.queue(delivery).map(Published::Pending);
        }
        let token = delivery.token;
        let Link::Open(connection) = &mut self.link else {
            return Err(Error::NotConnected);
        };
        connection.publish(delivery, now)?;
        Ok(match message.qos {
            QoS::AtMostOnce => Published::Sent,
            _ => Published::Pending(self.outbox.promise(token)),
        })
    }

    /// Whether messages are taken now.
    pub(super) fn check_open(&self) -> Result<(), Error> {
        if self.is_ended() {
            return Err(Error::Ended);
        }
        if !self.is_connected() && self.options.offline == Offline::Refuse {
            return Err(Error::NotConnected);
        }
        Ok(())
    }

    /// Whether a publish may be sent now.
    fn has_room(&self, qos: QoS) -> bool {
        !self.congested
            && self.connection().is_some_and(|connection| {
                connection.is_connected() && (qos == QoS::AtMostOnce || connection.window() > 0)
            })
    }

    /// Sends what waited and has its turn.
    pub(crate) fn pump(&mut self, now: Time) {
        while let Some(delivery) = self.outbox.front()
            && self.has_room(delivery.qos)
            && let Link::Open(connection) = &mut self.link
            && let Some(delivery) = self.outbox.pop_front()
        {
            let (token, qos) = (delivery.token, delivery.qos);
            match connection.publish(delivery, now) {
                Ok(_) if qos == QoS::AtMostOnce => {
                    self.outbox.settle(token, Ok(ReasonCode::Success));
                }
                Ok(_) => {}
                Err(error) => self.outbox.settle(token, Err(error.into())),
            }
        }
    }

    pub(super) fn delivered(&mut self, delivered: &Delivered) {
        let reason = delivered.ack.reason;
        let outcome = if reason.is_failure() {
            let properties = &delivered.ack.properties;
            Err(Error::refused(Operation::Publish, reason, properties))
        } else {
            Ok(reason)
        };
        self.outbox.settle(delivered.token, outcome);
    }

    /// Without a connection QoS 0 messages are as good as lost, unless they
    /// were meant to wait.
    pub(super) fn refuse_offline(&mut self) {
        if self.options.offline == Offline::Refuse {
            self.outbox.give_up(&Error::NotConnected, |delivery| {
                delivery.qos == QoS::AtMostOnce
            });
        }
    }

    /// Whether the socket has more to send than is good: then publishes wait.
    pub(crate) fn set_congested(&mut self, congested: bool, now: Time) {
        self.congested = congested;
        self.pump(now);
    }

    pub(crate) const fn is_congested(&self) -> bool {
        self.congested
    }
}
