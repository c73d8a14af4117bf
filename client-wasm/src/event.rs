use std::time::Duration;

use codec::{ByteString, Properties, TopicFilter};

use crate::{Error, Message};

/// What happens to a client's connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// An attempt to connect begins.
    Connecting,
    /// The broker has accepted. Subscriptions that it does not remember are
    /// on their way to it again.
    #[non_exhaustive]
    Connected {
        /// Whether the broker kept the session of an earlier connection
        /// (section 3.2.2.1.1).
        session_present: bool,
        /// The client identifier in use.
        client_id: ByteString,
        /// The properties of CONNACK (section 3.2.2.3).
        properties: Properties,
    },
    /// The connection is gone, or did not come about.
    #[non_exhaustive]
    Disconnected {
        /// Why; `None` when this client has ended it.
        error: Option<Error>,
        /// How long until the next attempt; `None` after
        /// [`crate::Client::end`].
        retry_in: Option<Duration>,
    },
    /// After a reconnect the broker refuses a subscription that it gave
    /// before. Its streams stay open; it is asked for again at the next
    /// reconnect.
    #[non_exhaustive]
    SubscriptionRefused {
        /// The subscription.
        filter: TopicFilter,
        /// Why.
        error: Error,
    },
    /// With `Options::store`: what an earlier page has published, so that
    /// nobody waits for its outcome, is given up. The broker refuses it, or it
    /// can or need not be sent any more.
    #[non_exhaustive]
    PublishGivenUp {
        /// What was published.
        message: Message,
        /// Why.
        error: Error,
    },
}
