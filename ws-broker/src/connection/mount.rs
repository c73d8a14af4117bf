//! A listener's `mount_point`: from the names that a client uses to those of
//! the router. On the way to the client the protocol takes the prefix away.

use codec::{Connect, DecodeError, InvalidTopic, Publish, ReasonCode, Subscribe, TopicFilter};
use protocol::Violation;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Connection, End};

impl<T: AsyncRead + AsyncWrite + Unpin> Connection<T> {
    /// Puts a PUBLISH where the client's topics are.
    pub(super) fn mount_publish(&mut self, publish: &mut Publish) -> Result<(), End> {
        let entered = self.server.mount().map(|mount| mount.enter(publish));
        entered.transpose().map(drop).map_err(|error| {
            let violation = Violation::from(DecodeError::from(error));
            End::Violation(self.server.handle_violation(violation))
        })
    }

    /// The same for a will.
    pub(super) fn mount_will(&mut self, connect: &mut Connect) -> Result<(), End> {
        let (Some(mount), Some(will)) = (self.server.mount(), &mut connect.will) else {
            return Ok(());
        };
        let mut enter = || -> Result<(), InvalidTopic> {
            will.topic = mount.outer(&will.topic)?;
            mount.enter_properties(&mut will.properties)
        };
        if enter().is_err() {
            let why = "its will's topic is too long for the mount point";
            return Err(self.refuse(connect, ReasonCode::TopicNameInvalid, why));
        }
        Ok(())
    }

    /// The filter of a subscription, as the router has it; `None` if there is
    /// none below the mount point.
    pub(super) fn mount_filter(&self, filter: &TopicFilter) -> Option<TopicFilter> {
        match self.server.mount() {
            // It is kept, the packet it came in need not be.
            None => Some(TopicFilter::new(filter.as_str()).unwrap_or_else(|_| filter.clone())),
            Some(mount) => mount.outer_filter(filter).ok(),
        }
    }

    /// Those of a SUBSCRIBE, in order.
    pub(super) fn mount_filters(&self, subscribe: &Subscribe) -> Vec<Option<TopicFilter>> {
        let subscriptions = subscribe.subscriptions.iter();
        subscriptions
            .map(|subscription| self.mount_filter(&subscription.filter))
            .collect()
    }
}
