//! How long a bridge waits before it connects again.

use std::time::Duration;

use crate::config::Restart;

/// Waits of which each is by chance, up to three times the one before, so that
/// bridges which lost their broker together do not come back together.
#[derive(Debug)]
pub(super) struct BackOff {
    restart: Restart,
    last: Duration,
}

impl BackOff {
    /// As `restart_timeout` says.
    pub(super) const fn new(restart: Restart) -> Self {
        Self {
            restart,
            last: Duration::ZERO,
        }
    }

    /// The next wait, after a connection that has lasted that long, if there
    /// was one. `random` is any number.
    pub(super) fn next(&mut self, lasted: Option<Duration>, random: u64) -> Duration {
        match self.restart {
            Restart::Constant(wait) => wait,
            Restart::BackOff { base, cap, stable } => {
                let was_stable = lasted.is_some_and(|lasted| lasted >= stable);
                self.last = if was_stable || self.last.is_zero() {
                    base
                } else {
                    let most = self.last.saturating_mul(3).max(base);
                    let span = u64::try_from((most - base).as_millis()).unwrap_or(u64::MAX - 1);
                    (base + Duration::from_millis(random % (span + 1))).min(cap)
                };
                self.last
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_stay_between_base_and_cap_and_begin_anew_after_a_stable_connection() {
        let seconds = Duration::from_secs;
        let (base, cap, stable) = (seconds(2), seconds(20), seconds(10));
        let mut back_off = BackOff::new(Restart::BackOff { base, cap, stable });
        assert_eq!(back_off.next(None, u64::MAX), base);
        assert_eq!(back_off.next(None, 4000), seconds(6));
        assert_eq!(back_off.next(Some(seconds(9)), 16_000), seconds(18));
        assert_eq!(back_off.next(None, 52_000), cap);
        assert_eq!(back_off.next(None, 0), base);
        back_off.next(None, 3000);
        assert_eq!(back_off.next(Some(stable), 3000), base);
        let mut constant = BackOff::new(Restart::Constant(cap));
        assert_eq!(constant.next(None, 1), cap);
        assert_eq!(constant.next(Some(base), 7), cap);
    }
}
