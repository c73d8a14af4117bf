use std::cell::RefCell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use codec::{ByteString, Properties, Property, ProtocolVersion, SubscriptionOptions, TopicFilter};
use futures_core::Stream;

use crate::authenticator::Scram;
use crate::core::{Core, Published};
use crate::driver::Driver;
use crate::host::nonce;
use crate::mailbox::Mailbox;
use crate::waits::{Publishing, Reauthenticating, Requesting, Subscribing, Unsubscribing, Wait};
use crate::{Acknowledgement, Error, Event, Goodbye, Message, Options, Subscription};

/// A client: it connects at once, and again whenever the connection is lost,
/// until [`Client::end`].
///
/// Clones are handles of the same client. When the last handle and the last
/// [`Subscription`] are dropped, the client ends by itself.
#[derive(Clone)]
pub struct Client(Rc<Driver>);

impl Client {
    /// Starts to connect.
    pub fn new(options: Options) -> Self {
        Self(Driver::new(options))
    }

    /// What happens to the connection. The stream begins with what is now,
    /// and ends after [`Client::end`]. One that is not read forgets all but
    /// the last 64 events.
    pub fn events(&self) -> Events {
        Events(self.0.act(Core::listen))
    }

    /// Whether the broker has accepted the connection and it still stands.
    pub fn is_connected(&self) -> bool {
        self.0.ask(Core::is_connected)
    }

    /// The client identifier: the one that was asked for, a random one, or
    /// the one that the broker has assigned.
    pub fn client_id(&self) -> ByteString {
        self.0.ask(|core| core.client_id().clone())
    }

    /// Publishes. It happens at once, in the order of the calls, whether the
    /// future is awaited or not.
    ///
    /// The future is ready when the QoS handshake is over: at QoS 1 with
    /// PUBACK, at QoS 2 with PUBCOMP; at QoS 0 when the message is on its way
    /// to the socket. It gives the broker's answer: `Success`, or
    /// `NoMatchingSubscribers` where the broker says so. A publish that is
    /// open when the connection is lost goes on with the next one.
    ///
    /// While the broker's receive maximum is used up or the socket is behind,
    /// publishes wait in a bounded queue. Awaiting each future before the next
    /// publish keeps the queue empty.
    ///
    /// # Errors
    /// [`Error::NotConnected`] and [`Error::QueueFull`] at once, and then
    /// nothing was or will be sent; [`Error::Refused`] with a failure from
    /// the broker; [`Error::TooLarge`], [`Error::Expired`],
    /// [`Error::QoSNotSupported`], [`Error::RetainNotSupported`];
    /// [`Error::SessionLost`] and [`Error::Ended`], when nobody can know.
    pub fn publish(&self, message: Message) -> Publishing {
        Publishing(self.0.act(|core, now| match core.publish(message, now) {
            Ok(Published::Sent) => Wait::Over(Ok(Acknowledgement::SUCCESS)),
            Ok(Published::Pending(outcome)) => Wait::For(outcome),
            Err(error) => Wait::Over(Err(error)),
        }))
    }

    /// Publishes a request and gives the answer, for which it waits at most for
    /// `timeout` (section 4.10, MQTT 5.0). Whoever receives the request makes
    /// the answer with [`Message::answer`].
    ///
    /// The client adds the response topic, which is of its own, see
    /// [`Options::response_base`], and the correlation data; and it lets the
    /// request expire with the time to wait, unless the message says
    /// otherwise. Any number of requests may be open. One that is open when
    /// the connection is lost waits on.
    ///
    /// # Errors
    /// As [`Client::publish`]; [`Error::NobodyThere`] at QoS 1 where the broker
    /// says so, [`Error::NoAnswer`]; [`Error::Refused`] when the client may not
    /// subscribe to its response topic; [`Error::NeedsVersion5`].
    pub fn request(&self, message: Message, timeout: Duration) -> Requesting {
        Requesting::new(self.0.act(|core, now| core.request(message, timeout, now)))
    }

    /// Subscribes; `options` may be just a [`crate::QoS`]. It happens at once,
    /// or, without a connection, as soon as there is one. Dropping the future
    /// takes it back.
    ///
    /// Each call gives a stream of its own. A second subscription to the same
    /// filter brings the retained messages again, and its options replace
    /// those of the first \[MQTT-3.8.4-3\].
    ///
    /// # Errors
    /// No topic filter; [`Error::Refused`] with a failure from the broker;
    /// [`Error::TooLarge`]; [`Error::Ended`].
    pub fn subscribe(
        &self,
        filter: impl Into<ByteString>,
        options: impl Into<SubscriptionOptions>,
    ) -> Subscribing {
        self.subscribe_with(filter, options, NO_PROPERTIES)
    }

    /// As [`Client::subscribe`], with user properties (section 3.8.2.1.3):
    /// names and values.
    pub fn subscribe_with<N: Into<ByteString>, V: Into<ByteString>>(
        &self,
        filter: impl Into<ByteString>,
        options: impl Into<SubscriptionOptions>,
        user_properties: impl IntoIterator<Item = (N, V)>,
    ) -> Subscribing {
        self.begin_subscribe(filter.into(), options.into(), properties(user_properties))
    }

    pub(crate) fn begin_subscribe(
        &self,
        filter: ByteString,
        options: SubscriptionOptions,
        properties: Properties,
    ) -> Subscribing {
        let begun = TopicFilter::new(filter)
            .map_err(Error::from)
            .and_then(|filter| {
                let begun = self
                    .0
                    .act(|core, now| core.subscribe(&filter, options, properties, now))?;
                let driver = Rc::clone(&self.0);
                let subscription = Subscription::new(driver, filter, begun.key, begun.mailbox);
                Ok((subscription, begun.granted))
            });
        Subscribing(Some(begun))
    }

    /// Ends all streams of a filter, at once; the future waits for the
    /// broker's answer.
    ///
    /// # Errors
    /// No topic filter; [`Error::Refused`] with a failure from the broker;
    /// [`Error::Ended`].
    pub fn unsubscribe(&self, filter: impl Into<ByteString>) -> Unsubscribing {
        self.unsubscribe_with(filter, NO_PROPERTIES)
    }

    /// As [`Client::unsubscribe`], with user properties (section 3.10.2.1.2):
    /// names and values.
    pub fn unsubscribe_with<N: Into<ByteString>, V: Into<ByteString>>(
        &self,
        filter: impl Into<ByteString>,
        user_properties: impl IntoIterator<Item = (N, V)>,
    ) -> Unsubscribing {
        self.begin_unsubscribe(filter.into(), properties(user_properties))
    }

    pub(crate) fn begin_unsubscribe(
        &self,
        filter: ByteString,
        properties: Properties,
    ) -> Unsubscribing {
        let begun = TopicFilter::new(filter)
            .map_err(Error::from)
            .and_then(|filter| {
                self.0
                    .act(|core, now| core.unsubscribe(filter, properties, now))
            });
        Unsubscribing::new(begun)
    }

    /// Authenticates again on the connection that there is (section 4.12.1),
    /// with what [`Options::scram`] or [`Options::authenticator`] has set;
    /// everything else goes on meanwhile. It begins at once; the future waits
    /// for the broker's answer.
    ///
    /// # Errors
    /// [`Error::NotConnected`]; [`Error::Authentication`] without a method, in
    /// the middle of it, or with a broker that cannot prove who it is; what
    /// ended the connection, if it did: [`Error::Disconnected`] when the
    /// broker refuses.
    pub fn reauthenticate(&self) -> Reauthenticating {
        let begun = self.0.act(Core::reauthenticate);
        Reauthenticating(begun.map_or_else(|error| Wait::Over(Err(error)), Wait::For))
    }

    /// Answers a challenge for which [`crate::Authenticator::answer`] gave `None`.
    ///
    /// # Errors
    /// [`Error::NotConnected`]; [`Error::Authentication`] when there is no
    /// open challenge.
    pub fn answer_challenge(&self, data: impl Into<Bytes>) -> Result<(), Error> {
        let data = data.into();
        self.0.act(|core, now| core.answer_challenge(data, now))
    }

    /// Uses this user name and password from the next connection on, in the
    /// place of extended authentication, if there was one.
    pub fn set_credentials(&self, username: Option<ByteString>, password: Option<Bytes>) {
        self.0
            .act(|core, _| core.set_credentials(username, password));
    }

    /// As [`Options::scram`], from the next connection on.
    pub fn set_scram(&self, username: impl Into<String>, password: impl Into<Bytes>) {
        let scram = Scram::new(username.into(), password.into(), nonce);
        let scram = Rc::new(RefCell::new(scram));
        self.0.act(|core, _| core.set_authenticator(scram));
    }

    /// Speaks this version of MQTT from the next connection on: for a broker
    /// that has refused another one with
    /// [`crate::ReasonCode::UnsupportedProtocolVersion`]. To be called while
    /// there is no connection.
    pub fn set_version(&self, version: ProtocolVersion) {
        self.0.act(|core, _| core.set_version(version));
    }

    /// Connects at once, if it would have waited.
    pub fn reconnect_now(&self) {
        self.0.act(Core::reconnect_now);
    }

    /// Ends the client: DISCONNECT is sent, all streams end, all that is open
    /// fails with [`Error::Ended`]; ready when the socket is closed. The will
    /// is not published.
    pub async fn end(&self) {
        // A plain one can always be sent.
        let _ = self.0.end(Goodbye::new()).await;
    }

    /// As [`Client::end`], with more to say (section 3.14): that the will is
    /// to be published, how long the session is kept, why.
    ///
    /// # Errors
    /// [`Error::Goodbye`], and then nothing has ended.
    pub async fn end_with(&self, goodbye: Goodbye) -> Result<(), Error> {
        self.0.end(goodbye).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("client_id", &self.client_id())
            .field("connected", &self.is_connected())
            .finish_non_exhaustive()
    }
}

const NO_PROPERTIES: [(ByteString, ByteString); 0] = [];

fn properties<N: Into<ByteString>, V: Into<ByteString>>(
    pairs: impl IntoIterator<Item = (N, V)>,
) -> Properties {
    let pairs = pairs.into_iter();
    pairs
        .map(|(name, value)| Property::UserProperty((name.into(), value.into())))
        .collect()
}

/// The stream of [`Client::events`].
#[derive(Debug)]
pub struct Events(Mailbox<Event>);

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.0.poll_next(context)
    }
}
