//! Publishing.

use std::sync::Arc;

use codec::QoS;
use protocol::client::Delivered;
use protocol::{Delivery, Time};

use super::{Core, Link};
use crate::acknowledgement::{Answer, Outcome};
use crate::{Acknowledgement, Error, Event, Message, Offline, Operation};

/// What became of a publish so far.
#[derive(Debug)]
pub(crate) enum Published {
    /// QoS 0: it is on its way, and nothing more will be heard of it.
    Sent,
    /// It waits for its turn or its acknowledgement.
    Pending(Answer),
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
        let (token, qos) = (delivery.token, delivery.qos);
        let record = match &self.journal {
            Some(journal) if qos != QoS::AtMostOnce => {
                let record = journal.record(&delivery);
                Some(record.map_err(|_| Error::TooLarge)?)
            }
            _ => None,
        };
        let published = if !self.outbox.is_empty() || !self.has_room(qos) {
            let outcome = self.outbox.queue(delivery);
            for token in self.outbox.take_dropped() {
                self.settle(token, Err(Error::Dropped));
            }
            Published::Pending(outcome?)
        } else {
            self.send(delivery, now)?;
            match qos {
                QoS::AtMostOnce => Published::Sent,
                _ => Published::Pending(self.outbox.promise(token)),
            }
        };
        if let (Some(journal), Some(record)) = (&mut self.journal, record) {
            journal.publish(token, record);
        }
        Ok(published)
    }

    /// Sends a publish, or lets it be stored for that.
    fn send(&mut self, delivery: Delivery, now: Time) -> Result<(), Error> {
        let Link::Open(connection) = &mut self.link else {
            return Err(Error::NotConnected);
        };
        match &mut self.journal {
            Some(journal) if delivery.qos != QoS::AtMostOnce => {
                let token = delivery.token;
                journal.prepared(connection.prepare(delivery, now)?, token);
            }
            _ => {
                connection.publish(delivery, now)?;
            }
        }
        Ok(())
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
            && let Some(delivery) = self.outbox.pop_front()
        {
            let (token, qos) = (delivery.token, delivery.qos);
            match self.send(delivery, now) {
                Ok(()) if qos == QoS::AtMostOnce => {
                    self.outbox.settle(token, Ok(Acknowledgement::SUCCESS));
                }
                Ok(()) => {}
                Err(error) => self.settle(token, Err(error)),
            }
        }
    }

    /// A publish is over, and is not to be sent again.
    pub(super) fn settle(&mut self, token: u64, outcome: Outcome) {
        if let Some(journal) = &mut self.journal
            && let Some(delivery) = journal.settled(token)
            && let Err(error) = &outcome
        {
            let message = Message::from_delivery(&delivery);
            let error = error.clone();
            self.tell(&Event::PublishGivenUp { message, error });
        }
        self.outbox.settle(token, outcome);
    }

    pub(super) fn delivered(&mut self, delivered: &Delivered) {
        let ack = &delivered.ack;
        let outcome = Acknowledgement::of(Operation::Publish, ack.reason, &ack.properties);
        self.settle(delivered.token, outcome);
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
