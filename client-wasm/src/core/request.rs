//! Requests and their answers (section 4.10).

use std::time::Duration;

use bytes::Bytes;
use codec::{
    ByteString, Properties, Property, QoS, RetainHandling, SubscriptionOptions, TopicFilter,
};
use protocol::Time;

use super::{Core, Published};
use crate::acknowledgement::Answer;
use crate::mailbox::Mailbox;
use crate::{Error, Event, Message, reply};

/// Where answers go, below what the options or the broker say.
const DEFAULT_BASE: &str = "response";

type Reply = reply::Sender<Result<Message, Error>>;

/// What waits for an answer.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// The stream that answers come in, from the first request on.
    inbox: Option<Inbox>,
    waiting: Vec<Waiting>,
    /// No deadline is earlier.
    deadline: Option<Time>,
}

#[derive(Debug)]
struct Inbox {
    topic: ByteString,
    mailbox: Mailbox<Message>,
    granted: Answer,
}

#[derive(Debug)]
struct Waiting {
    correlation: Bytes,
    timeout: Duration,
    deadline: Time,
    reply: Reply,
}

/// What became of a request so far.
#[derive(Debug)]
pub(crate) struct Requested {
    pub(crate) published: Published,
    pub(crate) answer: reply::Receiver<Result<Message, Error>>,
}

impl Requests {
    /// When one of them may have waited long enough.
    pub(super) fn poll_timeout(&self) -> Option<Time> {
        self.deadline.filter(|_| !self.waiting.is_empty())
    }

    /// Gives up those that have waited long enough.
    pub(super) fn handle_timeout(&mut self, now: Time) {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        for waiting in self.waiting.extract_if(.., |w| w.deadline <= now) {
            let timeout = waiting.timeout;
            waiting.reply.send(Err(Error::NoAnswer { timeout }));
        }
        self.deadline = self.waiting.iter().map(|waiting| waiting.deadline).min();
    }

    /// Takes what has come in.
    pub(super) fn take_answers(&mut self) {
        let Some(inbox) = &self.inbox else {
            return;
        };
        while let Some(mut answer) = inbox.mailbox.take() {
            answer.receipt = None;
            let correlation = answer.properties.correlation_data();
            let mut waiting = self.waiting.iter();
            let at = waiting.position(|w| Some(&w.correlation) == correlation);
            if let Some(at) = at {
                self.waiting.swap_remove(at).reply.send(Ok(answer));
            }
        }
    }

    /// Looks whether answers can come at all.
    pub(super) fn look_at_inbox(&mut self) {
        if let Some(inbox) = &mut self.inbox
            && let Ok(Some(Err(error))) = inbox.granted.try_recv()
        {
            self.inbox = None;
            self.give_up(&error);
        }
    }

    pub(super) fn give_up(&mut self, error: &Error) {
        for waiting in self.waiting.drain(..) {
            waiting.reply.send(Err(error.clone()));
        }
    }
}

impl Core {
    /// Publishes a request, with where its answer goes and which it is, and
    /// waits for that at most for `timeout`.
    pub(crate) fn request(
        &mut self,
        mut message: Message,
        timeout: Duration,
        now: Time,
    ) -> Result<Requested, Error> {
        if !self.options.version.is_v5() {
            return Err(Error::NeedsVersion5);
        }
        self.check_open()?;
        let topic = self.response_topic(now)?;
        let correlation = self.new_correlation();
        let properties = &mut message.properties;
        properties.set(Property::ResponseTopic(topic));
        properties.set(Property::CorrelationData(correlation.clone()));
        // Nobody is to act on it when nobody waits any more.
        if properties.message_expiry_interval().is_none() {
            let seconds = timeout.as_millis().div_ceil(1000);
            let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
            properties.push(Property::MessageExpiryInterval(seconds));
        }
        let published = self.publish(message, now)?;
        let (reply, answer) = reply::channel();
        let deadline = now + timeout;
        let requests = &mut self.requests;
        requests.deadline = requests.deadline.into_iter().chain([deadline]).min();
        // Nobody waits whose future was dropped.
        requests.waiting.retain(|w| !w.reply.is_canceled());
        requests.waiting.push(Waiting {
            correlation,
            timeout,
            deadline,
            reply,
        });
        Ok(Requested { published, answer })
    }

    /// Where answers to this client go; it is subscribed to that. The broker
    /// handles the SUBSCRIBE before the PUBLISH that comes behind it.
    fn response_topic(&mut self, now: Time) -> Result<ByteString, Error> {
        self.requests.look_at_inbox();
        if let Some(inbox) = &self.requests.inbox {
            return Ok(inbox.topic.clone());
        }
        // The broker is to give it a name first.
        if self.options.client_id.is_empty() {
            return Err(Error::NotConnected);
        }
        let offered = match &self.connected {
            Some(Event::Connected { properties, .. }) => properties.response_information(),
            _ => None,
        };
        let asked = self.options.response_base.as_ref();
        let base = asked.or(offered).map_or(DEFAULT_BASE, |base| base);
        let plain = |c| if matches!(c, '+' | '#') { '-' } else { c };
        let name: String = self.options.client_id.chars().map(plain).collect();
        let base = base.trim_end_matches('/');
        let topic: ByteString = [base, "/", &name].concat().into();
        let filter = TopicFilter::new(topic.clone())?;
        let options = SubscriptionOptions {
            retain_handling: RetainHandling::DoNotSend,
            ..QoS::AtLeastOnce.into()
        };
        let begun = self.subscribe(&filter, options, Properties::new(), now)?;
        self.requests.inbox = Some(Inbox {
            topic: topic.clone(),
            mailbox: begun.mailbox,
            granted: begun.granted,
        });
        Ok(topic)
    }

    /// Unlike that of any request of this client, and of one that had its
    /// identifier before.
    fn new_correlation(&mut self) -> Bytes {
        const RANDOM: f64 = 4_294_967_296.0;
        let random = ((self.entropy)() * RANDOM) as u32;
        let count = self.next_token() as u32;
        let data = [random.to_be_bytes(), count.to_be_bytes()].concat();
        data.into()
    }
}
