//! What a service manager is told, if one has started the program: `Type=notify`
//! of systemd. Without one nothing is sent.

use std::time::Duration;

use tokio::time::{Interval, interval};

/// The broker serves.
pub(crate) fn ready() {
    told::tell(told::READY);
}

/// The configuration is read again; [`ready`] follows.
pub(crate) fn reloading() {
    told::reloading();
}

/// The broker ends.
pub(crate) fn stopping() {
    told::tell(told::STOPPING);
}

/// Signs of life, where they are wanted.
pub(crate) struct Watchdog(Option<Interval>);

impl Watchdog {
    /// As often as `WatchdogSec=` asks for.
    pub(crate) fn new() -> Self {
        Self(told::watchdog().map(interval))
    }

    /// Gives the next sign of life, once it is due and a thread that serves
    /// clients has found the time.
    pub(crate) async fn bark(&mut self) {
        let Some(interval) = &mut self.0 else {
            return std::future::pending().await;
        };
        interval.tick().await;
        let _ = tokio::spawn(async { told::tell(told::ALIVE) }).await;
    }
}

#[cfg(unix)]
mod told {
    use sd_notify::NotifyState;

    use super::Duration;

    pub(super) const READY: &[NotifyState<'_>] = &[NotifyState::Ready];
    pub(super) const STOPPING: &[NotifyState<'_>] = &[NotifyState::Stopping];
    pub(super) const ALIVE: &[NotifyState<'_>] = &[NotifyState::Watchdog];

    pub(super) fn tell(state: &[NotifyState<'_>]) {
        // Whoever does not listen need not know.
        let _ = sd_notify::notify(state);
    }

    pub(super) fn reloading() {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => tell(&[NotifyState::Reloading, now]),
            Err(_) => tell(&[NotifyState::Reloading]),
        }
    }

    /// Twice as often as they are missed.
    pub(super) fn watchdog() -> Option<Duration> {
        sd_notify::watchdog_enabled().map(|timeout| timeout / 2)
    }
}

#[cfg(not(unix))]
mod told {
    use super::Duration;

    pub(super) const READY: [(); 0] = [];
    pub(super) const STOPPING: [(); 0] = [];
    pub(super) const ALIVE: [(); 0] = [];

    pub(super) fn tell(_: [(); 0]) {}

    pub(super) fn reloading() {}

    pub(super) fn watchdog() -> Option<Duration> {
        None
    }
}
