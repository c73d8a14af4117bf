use std::time::{Instant, SystemTime, UNIX_EPOCH};

use protocol::Time;

/// The broker's clock: milliseconds since 1970 at start, and going on evenly
/// from there, whatever happens to the system's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    epoch_millis: u64,
}

impl Clock {
    /// A clock that starts now.
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            started: Instant::now(),
            epoch_millis: u64::try_from(since_epoch.as_millis()).unwrap_or(0),
        }
    }

    /// When it was started.
    pub(crate) const fn started(&self) -> Time {
        Time::from_millis(self.epoch_millis)
    }

    /// The time now.
    pub(crate) fn now(&self) -> Time {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Time::from_millis(self.epoch_millis.saturating_add(elapsed))
    }

    /// The same moment on tokio's clock, for timers.
    pub(crate) fn instant(&self, at: Time) -> tokio::time::Instant {
        let millis = at.as_millis().saturating_sub(self.epoch_millis);
        // Far-off moments would overflow; a timer that fires early is set
        // again.
        let millis = millis.min(365 * 24 * 3600 * 1000 * 10);
        (self.started + std::time::Duration::from_millis(millis)).into()
    }
}
