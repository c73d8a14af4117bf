//! What the client is subscribed to, or wants to be. Pure: it says what to
//! send, and puts messages into streams.

use codec::{
    Properties, Property, Publish, QoS, ReasonCode, RetainHandling, SubAck, Subscription,
    SubscriptionOptions, TopicFilter, UnsubAck,
};

use crate::acknowledgement::{Outcome, Reply};
use crate::departures::Departures;
use crate::journal::Receipt;
use crate::mailbox::{Bounds, Mailbox};
use crate::offer::Offer;
use crate::overlap::overlap;
use crate::store::Possible;
use crate::{Acknowledgement, Error, Message, Operation};

/// A stream's name among all of a client's.
pub(crate) type Key = u64;

/// What the client is subscribed to, or wants to be.
///
/// Some brokers send a message once for each filter that matches it, others
/// once for all of them. Filters that overlap therefore get subscription
/// identifiers, where the broker has them, so that each copy finds its own
/// streams; filters that do not need none, which spares broker and client the
/// properties.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    /// In the order in which they were asked for.
    entries: Vec<Entry>,
    /// What the broker has.
    offer: Offer,
    last_identifier: u32,
    /// What the broker is still to be told.
    departures: Departures,
    /// The filters of SUBSCRIBEs and UNSUBSCRIBEs on their way, by token, in
    /// the order of the packet.
    requests: Vec<(u64, Vec<TopicFilter>)>,
    /// Stored messages that no stream has asked for yet, where there is a
    /// store.
    unclaimed: Option<(Mailbox<Message>, Possible)>,
}

/// A filter that at least one stream wants.
#[derive(Debug)]
struct Entry {
    filter: TopicFilter,
    options: SubscriptionOptions,
    /// User properties of its SUBSCRIBE.
    properties: Properties,
    identifier: Option<u32>,
    /// Whether it is asked for again because of its identifier alone: then
    /// retained messages are not wanted again.
    is_repeated: bool,
    state: State,
    streams: Vec<Stream>,
}

/// What one SUBSCRIBE asks for: one filter with an identifier or user
/// properties, or any number without.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) properties: Properties,
    pub(crate) subscriptions: Vec<Subscription>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// To be asked for.
    Wanted,
    /// Asked for, with this token.
    Requested(u64),
    /// Given.
    Active,
    /// Refused after it had been given; asked for again when the connection is
    /// a new one.
    Refused,
}

#[derive(Debug)]
struct Stream {
    key: Key,
    mailbox: Mailbox<Message>,
    /// Whoever waits for the first SUBACK.
    granted: Option<Reply>,
}

impl Subscriptions {
    /// Keeps stored messages for streams to come, beginning with those that
    /// were received by another page.
    pub(crate) fn keep_unclaimed(
        &mut self,
        received: Vec<Message>,
        bounds: Bounds,
        possible: Possible,
    ) {
        let unclaimed = Mailbox::new(bounds);
        give(received, &unclaimed);
        self.unclaimed = Some((unclaimed, possible));
    }

    /// A new stream for `filter`, to be asked for.
    pub(crate) fn add(
        &mut self,
        key: Key,
        filter: &TopicFilter,
        options: SubscriptionOptions,
        properties: Properties,
        bounds: Bounds,
        granted: Reply,
    ) -> Mailbox<Message> {
        let mailbox = Mailbox::new(bounds);
        if let Some((unclaimed, _)) = &self.unclaimed {
            let matches = |message: &Message| filter.matches(&message.topic);
            give(unclaimed.take_if(&matches), &mailbox);
        }
        let stream = Stream {
            key,
            mailbox: mailbox.clone(),
            granted: Some(granted),
        };
        match self.entries.iter_mut().find(|e| e.filter == *filter) {
            Some(entry) => {
                entry.options = options;
                entry.properties = properties;
                entry.is_repeated = false;
                entry.state = State::Wanted;
                entry.streams.push(stream);
            }
            None => {
                let identifier = self.tell_apart(filter);
                self.entries.push(Entry {
                    filter: filter.clone(),
                    options,
                    properties,
                    identifier,
                    is_repeated: false,
                    state: State::Wanted,
                    streams: vec![stream],
                });
            }
        }
        // One that is on its way already arrives before the SUBSCRIBE.
        self.departures.settle(
            &|d| d.is(filter) && d.is_unsent(),
            &Ok(Acknowledgement::SUCCESS),
        );
        mailbox
    }

    /// Gives identifiers to the filters that overlap a new one, and gives the
    /// new one's.
    fn tell_apart(&mut self, filter: &TopicFilter) -> Option<u32> {
        let mut overlaps = false;
        for entry in &mut self.entries {
            if !overlap(&entry.filter, filter) {
                continue;
            }
            overlaps = true;
            if entry.identifier.is_none() {
                self.last_identifier += 1;
                entry.identifier = Some(self.last_identifier);
                if self.offer.has_identifiers
                    && matches!(entry.state, State::Requested(_) | State::Active)
                {
                    entry.is_repeated = true;
                    entry.state = State::Wanted;
                }
            }
        }
        overlaps.then(|| {
            self.last_identifier += 1;
            self.last_identifier
        })
    }

    /// Ends one stream. Its filter goes with the last one; whoever waits for
    /// that waits for nothing when there are others.
    pub(crate) fn remove(&mut self, key: Key, gone: Option<Reply>) {
        let Some(at) = self
            .entries
            .iter()
            .position(|entry| entry.streams.iter().any(|stream| stream.key == key))
        else {
            return;
        };
        let entry = &mut self.entries[at];
        entry.streams.retain(|stream| stream.key != key);
        if entry.streams.is_empty() {
            let filter = self.entries.remove(at).filter;
            self.departures.add(filter, Properties::new(), gone);
        } else if let Some(gone) = gone {
            gone.send(Ok(Acknowledgement::SUCCESS));
        }
    }

    /// Ends all streams of a filter.
    pub(crate) fn remove_filter(
        &mut self,
        filter: TopicFilter,
        properties: Properties,
        gone: Reply,
    ) {
        self.end(|entry| entry.filter == filter);
        if let Some((unclaimed, _)) = &self.unclaimed {
            unclaimed.take_if(&|message| filter.matches(&message.topic));
        }
        self.departures.add(filter, properties, Some(gone));
    }

    /// Ends all streams.
    pub(crate) fn end_all(&mut self) {
        self.end(|_| true);
        self.departures
            .settle(&|_| true, &Ok(Acknowledgement::SUCCESS));
        self.requests.clear();
    }

    fn end(&mut self, which: impl Fn(&Entry) -> bool) {
        self.entries.retain_mut(|entry| {
            if !which(entry) {
                return true;
            }
            for stream in entry.streams.drain(..) {
                stream.mailbox.close();
                if let Some(granted) = stream.granted {
                    granted.send(Err(Error::Ended));
                }
            }
            false
        });
    }

    /// The connection is gone, and with it all that awaited an answer.
    pub(crate) fn disconnected(&mut self) {
        self.requests.clear();
        for entry in &mut self.entries {
            if entry.state != State::Active {
                entry.state = State::Wanted;
            }
        }
        let entries = &self.entries;
        self.departures.disconnected();
        self.departures.settle(
            &|d| entries.iter().any(|e| d.is(&e.filter)),
            &Ok(Acknowledgement::SUCCESS),
        );
    }

    /// The broker has accepted a connection.
    pub(crate) fn connected(&mut self, offer: Offer) {
        self.offer = offer;
    }

    /// The broker remembers nothing.
    pub(crate) fn session_lost(&mut self) {
        for entry in &mut self.entries {
            entry.is_repeated = false;
            entry.state = State::Wanted;
        }
        self.departures
            .settle(&|_| true, &Ok(Acknowledgement::SUCCESS));
    }

    /// What was not asked for yet and need not be: why the broker would not
    /// take it.
    pub(crate) fn hopeless(&self) -> Vec<(TopicFilter, ReasonCode)> {
        let wanted = self.entries.iter().filter(|e| e.state == State::Wanted);
        wanted
            .filter_map(|e| Some((e.filter.clone(), self.offer.objection(&e.filter)?)))
            .collect()
    }

    /// What to subscribe to that was not asked for yet.
    pub(crate) fn wanted(&self) -> Vec<Request> {
        let mut requests: Vec<Request> = Vec::new();
        for entry in &self.entries {
            if entry.state != State::Wanted {
                continue;
            }
            let mut options = entry.options;
            if entry.is_repeated {
                options.retain_handling = RetainHandling::DoNotSend;
            }
            let subscription = Subscription {
                filter: entry.filter.clone(),
                options,
            };
            let mut properties = entry.properties.clone();
            if let Some(identifier) = entry.identifier.filter(|_| self.offer.has_identifiers) {
                properties.push(Property::SubscriptionIdentifier(identifier));
            }
            match requests.iter_mut().find(|r| r.properties.is_empty()) {
                Some(request) if properties.is_empty() => request.subscriptions.push(subscription),
                _ => requests.push(Request {
                    properties,
                    subscriptions: vec![subscription],
                }),
            }
        }
        requests
    }

    /// What to unsubscribe from that was not asked for yet.
    pub(crate) fn unwanted(&self) -> Vec<(Properties, Vec<TopicFilter>)> {
        self.departures.unsent()
    }

    /// A SUBSCRIBE with these filters was sent.
    pub(crate) fn subscribing(&mut self, token: u64, filters: Vec<TopicFilter>) {
        for entry in &mut self.entries {
            if filters.contains(&entry.filter) {
                entry.state = State::Requested(token);
            }
        }
        self.requests.push((token, filters));
    }

    /// An UNSUBSCRIBE with these filters was sent.
    pub(crate) fn unsubscribing(&mut self, token: u64, filters: Vec<TopicFilter>) {
        self.departures.sent(token, &filters);
        self.requests.push((token, filters));
    }

    /// The filters of the request with this token, which is over.
    fn answered(&mut self, token: u64) -> Vec<TopicFilter> {
        let at = self.requests.iter().position(|(t, _)| *t == token);
        at.map_or_else(Vec::new, |at| self.requests.remove(at).1)
    }

    /// The answer to a SUBSCRIBE. Gives what is refused though it had been
    /// given before.
    pub(crate) fn suback(&mut self, token: u64, suback: &SubAck) -> Vec<(TopicFilter, Error)> {
        let filters = self.answered(token);
        // A filter without a code was not granted.
        let reasons = suback.reasons.iter().copied();
        let reasons = reasons.chain(std::iter::repeat(ReasonCode::UnspecifiedError));
        let mut refused = Vec::new();
        for (filter, reason) in filters.into_iter().zip(reasons) {
            let granted = Acknowledgement::of(Operation::Subscribe, reason, &suback.properties);
            if let Some(error) = self.answer(token, &filter, &granted) {
                refused.push((filter, error));
            }
        }
        refused
    }

    /// A SUBSCRIBE with this filter could not be sent. Gives the error back if
    /// there are streams that go on.
    pub(crate) fn refuse(
        &mut self,
        token: u64,
        filter: &TopicFilter,
        error: Error,
    ) -> Option<Error> {
        self.subscribing(token, vec![filter.clone()]);
        self.answered(token);
        self.answer(token, filter, &Err(error))
    }

    fn answer(&mut self, token: u64, filter: &TopicFilter, granted: &Outcome) -> Option<Error> {
        let at = self.entries.iter().position(|e| e.filter == *filter)?;
        let entry = &mut self.entries[at];
        // A later SUBSCRIBE for the same filter has the last word.
        if entry.state != State::Requested(token) {
            return None;
        }
        entry.state = match granted {
            Ok(_) => State::Active,
            Err(_) => State::Refused,
        };
        let unclaimed = &self.unclaimed;
        entry
            .streams
            .retain_mut(|stream| match stream.granted.take() {
                Some(reply) => {
                    if let (Err(_), Some((unclaimed, _))) = (granted, unclaimed) {
                        give(stream.mailbox.take_if(&|_| true), unclaimed);
                    }
                    reply.send(granted.clone());
                    granted.is_ok()
                }
                None => true,
            });
        if entry.streams.is_empty() {
            self.entries.remove(at);
            return None;
        }
        granted.clone().err()
    }

    /// The answer to an UNSUBSCRIBE.
    pub(crate) fn unsuback(&mut self, token: u64, unsuback: &UnsubAck) {
        let filters = self.answered(token);
        // Before 5.0 there are no codes, and no refusals.
        let reasons = unsuback.reasons.iter().copied();
        let reasons = reasons.chain(std::iter::repeat(ReasonCode::Success));
        for (filter, reason) in filters.iter().zip(reasons) {
            let outcome = Acknowledgement::of(Operation::Unsubscribe, reason, &unsuback.properties);
            self.departures
                .settle(&|d| d.is(filter) && d.was_sent(token), &outcome);
        }
    }

    /// What cannot be asked for at all.
    pub(crate) fn cannot_unsubscribe(&mut self, filters: &[TopicFilter], error: &Error) {
        let outcome = Err(error.clone());
        self.departures.settle(
            &|d| d.is_unsent() && filters.iter().any(|filter| d.is(filter)),
            &outcome,
        );
    }

    /// Puts a message into every stream whose filter matches; if it says for
    /// which subscriptions it is, into the streams of these only. One that is
    /// stored has a number.
    pub(crate) fn deliver(&self, publish: Publish, stored: Option<(u64, Receipt)>) {
        let identifiers: Vec<u32> = publish.properties.subscription_identifiers().collect();
        let mut message = Message::from_publish(publish);
        if let Some((number, receipt)) = stored {
            message.number = Some(number);
            message.receipt = Some(receipt);
        }
        let matches = |entry: &&Entry| entry.filter.matches(&message.topic);
        // What an older session's identifiers mean, nobody knows.
        let named = |entry: &&Entry| entry.identifier.is_some_and(|id| identifiers.contains(&id));
        let is_named = !identifiers.is_empty()
            && self
                .entries
                .iter()
                .any(|entry| named(&entry) && matches(&entry));
        let droppable = message.qos == QoS::AtMostOnce;
        let size = message.size();
        let mut streams = self
            .entries
            .iter()
            .filter(matches)
            .filter(|entry| !is_named || named(entry))
            .flat_map(|entry| &entry.streams);
        let Some(mut stream) = streams.next() else {
            if let Some((unclaimed, _)) = &self.unclaimed {
                give(vec![message], unclaimed);
            }
            return;
        };
        for next in streams {
            stream.mailbox.push(message.clone(), size, droppable);
            stream = next;
        }
        stream.mailbox.push(message.clone(), size, droppable);
    }

    /// Whether some stream is full: what must not be lost is to be held back.
    pub(crate) fn is_full(&self) -> bool {
        let mut streams = self.entries.iter().flat_map(|entry| &entry.streams);
        let is_unclaimed = self
            .unclaimed
            .as_ref()
            .is_some_and(|(unclaimed, _)| unclaimed.is_full());
        is_unclaimed || streams.any(|stream| stream.mailbox.is_full())
    }
}

/// Puts those messages that are stored into a queue.
fn give(messages: Vec<Message>, mailbox: &Mailbox<Message>) {
    for message in messages {
        if message.receipt.is_some() {
            let size = message.size();
            mailbox.push(message, size, false);
        }
    }
}
