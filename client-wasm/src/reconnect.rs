//! When to connect again. Pure: time and randomness are arguments.

use std::time::Duration;

use protocol::Time;

/// Bounds of the pause before the next attempt to connect.
///
/// The pause is at most `first`, then 2, 5, 10, 20, 50 ... times as long, up to
/// `longest`; each is cut by a random share of up to half, so that the clients
/// of a broker that comes back do not all arrive at once. A connection that
/// lasted for `longest` starts the series anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reconnect {
    /// The first pause.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

impl Default for Reconnect {
    /// 1, 2, 5, 10 seconds.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(10),
        }
    }
}

impl Reconnect {
    /// The longest pause after `failures` failures in a row, counted from 0.
    fn bound(&self, failures: u32) -> Duration {
        let step = [1, 2, 5][failures as usize % 3];
        10u32
            .checked_pow(failures / 3)
            .and_then(|tens| tens.checked_mul(step))
            .and_then(|factor| self.first.checked_mul(factor))
            .map_or(self.longest, |pause| pause.min(self.longest))
    }
}

/// How many attempts have failed in a row.
#[derive(Debug)]
pub(crate) struct Backoff {
    bounds: Reconnect,
    failures: u32,
    connected_at: Option<Time>,
}

impl Backoff {
    pub(crate) const fn new(bounds: Reconnect) -> Self {
        Self {
            bounds,
            failures: 0,
            connected_at: None,
        }
    }

    pub(crate) fn connected(&mut self, now: Time) {
        self.connected_at = Some(now);
    }

    /// The pause after a failed attempt or a connection that has ended;
    /// `random` is in 0..=1. With `hopeless`, trying again soon cannot help,
    /// and the pause is the longest.
    pub(crate) fn pause(&mut self, hopeless: bool, random: f64, now: Time) -> Duration {
        if let Some(at) = self.connected_at.take()
            && now - at >= self.bounds.longest
        {
            self.failures = 0;
        }
        let bound = if hopeless {
            self.bounds.longest
        } else {
            self.bounds.bound(self.failures)
        };
        self.failures = self.failures.saturating_add(1);
        let milliseconds = bound.as_millis() as f64;
        Duration::from_millis((milliseconds * (1.0 - random / 2.0)) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time::from_millis(0);

    fn seconds(backoff: &mut Backoff, random: f64) -> f64 {
        backoff.pause(false, random, START).as_secs_f64()
    }

    #[test]
    fn pauses_grow_by_one_two_five_ten_and_stay_there() {
        let mut backoff = Backoff::new(Reconnect::default());
        let pauses: Vec<_> = (0..6).map(|_| seconds(&mut backoff, 0.0)).collect();
        assert_eq!(pauses, [1.0, 2.0, 5.0, 10.0, 10.0, 10.0]);
        for _ in 0..100 {
            assert_eq!(seconds(&mut backoff, 0.0), 10.0);
        }
    }

    #[test]
    fn the_series_goes_on_in_decades_when_the_bound_is_far() {
        let mut backoff = Backoff::new(Reconnect {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(3600),
        });
        let pauses: Vec<_> = (0..8).map(|_| seconds(&mut backoff, 0.0)).collect();
        assert_eq!(pauses, [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0]);
    }

    #[test]
    fn jitter_takes_up_to_half() {
        let pause = |random| seconds(&mut Backoff::new(Reconnect::default()), random);
        assert_eq!((pause(0.5), pause(1.0)), (0.75, 0.5));
    }

    #[test]
    fn only_a_connection_that_lasted_starts_the_series_anew() {
        let mut backoff = Backoff::new(Reconnect::default());
        let at = |s: u64| Time::from_millis(s * 1000);
        backoff.pause(false, 0.0, at(0));
        backoff.pause(false, 0.0, at(1));
        backoff.connected(at(3));
        let taken_over = backoff.pause(false, 0.0, at(4));
        assert_eq!(taken_over, Duration::from_secs(5));
        backoff.connected(at(10));
        assert_eq!(backoff.pause(false, 0.0, at(20)), Duration::from_secs(1));
    }

    #[test]
    fn what_is_hopeless_waits_longest_at_once() {
        let mut backoff = Backoff::new(Reconnect::default());
        assert_eq!(backoff.pause(true, 0.0, START), Duration::from_secs(10));
    }
}
