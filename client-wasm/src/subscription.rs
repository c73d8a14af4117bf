use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use codec::{Properties, QoS, TopicFilter};
use futures_core::Stream;

use crate::core::Core;
use crate::driver::Driver;
use crate::journal::Receipt;
use crate::mailbox::Mailbox;
use crate::subscriptions::Key;
use crate::waits::Unsubscribing;
use crate::{Acknowledgement, Message};

/// The messages of one subscription, as a stream that goes on over lost
/// connections. Dropping it ends the subscription.
///
/// What nobody reads is held within [`crate::Options::stream_bounds`]. Beyond
/// them, of the messages of QoS 0 the oldest give way, and
/// [`Subscription::missed`] counts them. Those of QoS 1 and 2 are not lost:
/// all acknowledgements of this client wait until there is room again, and
/// the broker stops sending at the receive maximum.
///
/// A message that matches the filters of several subscriptions comes to each
/// of them once. Before MQTT 5.0, with a broker that sends a copy for each
/// filter that matches (as Mosquitto does), each copy comes to each of them.
pub struct Subscription {
    driver: Rc<Driver>,
    filter: TopicFilter,
    pub(crate) granted: Acknowledgement,
    key: Key,
    mailbox: Mailbox<Message>,
    /// Of the message that the application has, if it is stored.
    receipt: Cell<Option<Receipt>>,
}

impl Subscription {
    pub(crate) fn new(
        driver: Rc<Driver>,
        filter: TopicFilter,
        key: Key,
        mailbox: Mailbox<Message>,
    ) -> Self {
        Self {
            driver,
            filter,
            granted: Acknowledgement::SUCCESS,
            key,
            mailbox,
            receipt: Cell::new(None),
        }
    }

    /// The filter.
    pub fn filter(&self) -> &TopicFilter {
        &self.filter
    }

    /// The highest QoS that the broker has granted for it.
    pub fn granted(&self) -> QoS {
        QoS::from_u8(self.granted.reason.as_u8()).unwrap_or_default()
    }

    /// What SUBACK said besides: a reason string and user properties, if any.
    pub fn properties(&self) -> &Properties {
        &self.granted.properties
    }

    /// How many QoS 0 messages gave way because they were not read in time.
    pub fn missed(&self) -> u64 {
        self.mailbox.missed()
    }

    /// The queue that it reads from.
    #[cfg(feature = "js")]
    pub(crate) fn mailbox(&self) -> Mailbox<Message> {
        self.mailbox.clone()
    }

    /// The oldest message, if one has come.
    #[cfg(feature = "js")]
    pub(crate) fn take(&self) -> Option<Message> {
        let was_full = self.mailbox.is_full();
        let taken = self.mailbox.take();
        self.passed_on(taken, was_full)
    }

    /// What the application has had before, it has taken by now.
    fn passed_on(&self, mut next: Option<Message>, was_full: bool) -> Option<Message> {
        let receipt = next.as_mut().and_then(|message| message.receipt.take());
        let was_stored = self.receipt.replace(receipt).is_some();
        if was_stored || was_full && !self.mailbox.is_full() {
            self.driver.act(Core::acknowledge);
        }
        next
    }

    /// Ends it; the future waits for the broker's answer if it was the last
    /// one with this filter.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] with a failure from the broker;
    /// [`crate::Error::Ended`].
    #[allow(
        clippy::needless_pass_by_value,
        reason = "nothing comes out of it any more"
    )]
    pub fn unsubscribe(self) -> Unsubscribing {
        let begun = self
            .driver
            .act(|core, now| core.unsubscribe_stream(self.key, now));
        Unsubscribing::new(begun)
    }
}

impl Stream for Subscription {
    type Item = Message;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Message>> {
        let was_full = self.mailbox.is_full();
        let next = self.mailbox.poll_next(context);
        next.map(|next| self.passed_on(next, was_full))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.receipt.take();
        self.driver.act(|core, now| core.drop_stream(self.key, now));
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("filter", &self.filter)
            .field("granted", &self.granted())
            .finish_non_exhaustive()
    }
}
