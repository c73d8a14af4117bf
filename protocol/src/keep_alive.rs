use std::time::Duration;

use crate::Time;

/// The server's side of keep alive: when silence has lasted too long (section
/// 3.1.2.10).
#[derive(Clone, Copy, Debug)]
pub(crate) struct SilenceLimit {
    /// One and a half times the keep alive; `None` for no limit.
    limit: Option<Duration>,
    last_received: Time,
}

impl SilenceLimit {
    pub(crate) fn new(keep_alive: u16, now: Time) -> Self {
        let limit = Duration::from_millis(u64::from(keep_alive) * 1500);
        Self {
            limit: (keep_alive > 0).then_some(limit),
            last_received: now,
        }
    }

    #[inline]
    pub(crate) fn received(&mut self, now: Time) {
        self.last_received = now;
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        self.limit.map(|limit| self.last_received + limit)
    }
}

/// The client's side: when to send PINGREQ, and when to give up waiting for an
/// answer.
///
/// A ping is due when nothing was sent for the keep alive \[MQTT-3.1.2-20\],
/// and also when nothing was received for it: a client that publishes at
/// QoS 0 only would not learn otherwise that nobody listens any more.
///
/// Without a keep alive no ping is ever due, but one that the driver asks for
/// must be answered all the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pings {
    keep_alive: Option<Duration>,
    last_sent: Time,
    last_received: Time,
    /// When the unanswered PINGREQ was sent.
    waiting_since: Option<Time>,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Ping,
    GiveUp,
}

impl Pings {
    pub(crate) fn new(keep_alive: u16, now: Time) -> Self {
        let keep_alive = (keep_alive > 0).then(|| Duration::from_secs(keep_alive.into()));
        Self {
            keep_alive,
            last_sent: now,
            last_received: now,
            waiting_since: None,
        }
    }

    pub(crate) fn sent(&mut self, now: Time) {
        self.last_sent = now;
    }

    pub(crate) fn received(&mut self, now: Time) {
        self.last_received = now;
        self.waiting_since = None;
    }

    pub(crate) fn pinged(&mut self, now: Time) {
        self.sent(now);
        self.waiting_since.get_or_insert(now);
    }

    /// The answer may take as long as half the keep alive: the server gives
    /// the client that much grace as well.
    fn next(&self) -> Option<(Time, Due)> {
        const GRACE: Duration = Duration::from_secs(30);
        if let Some(since) = self.waiting_since {
            let grace = self.keep_alive.map_or(GRACE, |keep_alive| keep_alive / 2);
            return Some((since + grace, Due::GiveUp));
        }
        let quiet_since = self.last_sent.min(self.last_received);
        Some((quiet_since + self.keep_alive?, Due::Ping))
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        self.next().map(|(at, _)| at)
    }

    pub(crate) fn due(&self, now: Time) -> Option<Due> {
        self.next().filter(|(at, _)| *at <= now).map(|(_, due)| due)
    }
}
