//! Subscribing and unsubscribing.

use codec::{Properties, SubAck, Subscription, SubscriptionOptions, TopicFilter};
use protocol::{PublishError, Time};

use super::{Core, Link};
use crate::acknowledgement::Answer;
use crate::journal::Journal;
use crate::mailbox::Mailbox;
use crate::subscriptions::Key;
use crate::{Error, Event, Message, Operation, reply};

/// A stream that was asked for.
pub(crate) struct Subscribed {
    pub(crate) key: Key,
    pub(crate) mailbox: Mailbox<Message>,
    pub(crate) granted: Answer,
}

impl Core {
    /// Subscribes, now or when there is a connection.
    pub(crate) fn subscribe(
        &mut self,
        filter: &TopicFilter,
        options: SubscriptionOptions,
        properties: Properties,
        now: Time,
    ) -> Result<Subscribed, Error> {
        if self.is_ended() {
            return Err(Error::Ended);
        }
        let key = self.next_token();
        let (reply, granted) = reply::channel();
        let bounds = self.options.stream_bounds;
        let mailbox = self
            .subscriptions
            .add(key, filter, options, properties, bounds, reply);
        self.send_requests(now);
        Ok(Subscribed {
            key,
            mailbox,
            granted,
        })
    }

    /// Ends one stream, and the subscription with the last one.
    pub(crate) fn drop_stream(&mut self, key: Key, now: Time) {
        self.subscriptions.remove(key, None);
        self.send_requests(now);
        self.acknowledge(now);
    }

    /// As [`Core::drop_stream`], for somebody who waits for the answer.
    pub(crate) fn unsubscribe_stream(&mut self, key: Key, now: Time) -> Result<Answer, Error> {
        if self.is_ended() {
            return Err(Error::Ended);
        }
        let (reply, gone) = reply::channel();
        self.subscriptions.remove(key, Some(reply));
        self.send_requests(now);
        self.acknowledge(now);
        Ok(gone)
    }

    /// Ends all streams of a filter.
    pub(crate) fn unsubscribe(
        &mut self,
        filter: TopicFilter,
        properties: Properties,
        now: Time,
    ) -> Result<Answer, Error> {
        if self.is_ended() {
            return Err(Error::Ended);
        }
        let (reply, gone) = reply::channel();
        self.subscriptions.remove_filter(filter, properties, reply);
        self.send_requests(now);
        self.acknowledge(now);
        Ok(gone)
    }

    /// Sends the SUBSCRIBEs and UNSUBSCRIBEs that are due, as few as the
    /// broker's packet size allows.
    pub(super) fn send_requests(&mut self, now: Time) {
        // Before the session is known to be the store's, a page that comes
        // after this one would have the broker throw it away.
        let is_known = self.journal.as_ref().is_none_or(Journal::is_known);
        if !self.is_connected() || !is_known {
            return;
        }
        for (properties, unwanted) in self.subscriptions.unwanted() {
            self.send_unsubscribe(properties, unwanted, now);
        }
        for (filter, reason) in self.subscriptions.hopeless() {
            let error = Error::refused(Operation::Subscribe, reason, &Properties::new());
            self.refuse(filter, error);
        }
        for request in self.subscriptions.wanted() {
            self.send_subscribe(request.properties, request.subscriptions, now);
        }
    }

    fn send_subscribe(&mut self, properties: Properties, mut wanted: Vec<Subscription>, now: Time) {
        let token = self.next_token();
        let Link::Open(connection) = &mut self.link else {
            return;
        };
        match connection.subscribe(wanted.clone(), properties.clone(), token, now) {
            Ok(()) => {
                let filters = wanted.into_iter().map(|s| s.filter).collect();
                self.subscriptions.subscribing(token, filters);
            }
            Err(PublishError::TooLarge) if wanted.len() > 1 => {
                let rest = wanted.split_off(wanted.len() / 2);
                self.send_subscribe(properties.clone(), wanted, now);
                self.send_subscribe(properties, rest, now);
            }
            Err(error) => {
                for Subscription { filter, .. } in wanted {
                    self.refuse(filter, error.into());
                }
            }
        }
    }

    /// There will be no SUBSCRIBE for this filter.
    fn refuse(&mut self, filter: TopicFilter, error: Error) {
        let token = self.next_token();
        if let Some(error) = self.subscriptions.refuse(token, &filter, error) {
            self.tell(&Event::SubscriptionRefused { filter, error });
        }
        self.requests.look_at_inbox();
    }

    fn send_unsubscribe(
        &mut self,
        properties: Properties,
        mut unwanted: Vec<TopicFilter>,
        now: Time,
    ) {
        let token = self.next_token();
        let Link::Open(connection) = &mut self.link else {
            return;
        };
        match connection.unsubscribe(unwanted.clone(), properties.clone(), token, now) {
            Ok(()) => self.subscriptions.unsubscribing(token, unwanted),
            Err(PublishError::TooLarge) if unwanted.len() > 1 => {
                let rest = unwanted.split_off(unwanted.len() / 2);
                self.send_unsubscribe(properties.clone(), unwanted, now);
                self.send_unsubscribe(properties, rest, now);
            }
            Err(error) => self
                .subscriptions
                .cannot_unsubscribe(&unwanted, &error.into()),
        }
    }

    pub(super) fn suback(&mut self, token: u64, suback: &SubAck) {
        for (filter, error) in self.subscriptions.suback(token, suback) {
            self.tell(&Event::SubscriptionRefused { filter, error });
        }
        self.requests.look_at_inbox();
    }
}
