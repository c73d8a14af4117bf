//! Slows down those who guess passwords.
//!
//! Failures are counted for each address, each user, and each user from each
//! address. Who fails again and again as one user from one address has to wait
//! before the next attempt is looked at, right or wrong; nobody else does: a
//! device with an old password may live behind the same address as all the
//! others. Many failures of an address or a user delay only the answers to
//! further failures. What is counted is forgotten after ten quiet minutes.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use foldhash::quality::RandomState;
use protocol::Time;

/// The failure of a user from an address that is the first to cost something;
/// those before it are slips.
const SLIPS: u32 = 5;
/// As many failures of a user, or from an address, cost something.
const STRAYS: u32 = 20;
const FIRST_DELAY: Duration = Duration::from_millis(250);
const LONGEST_DELAY: Duration = Duration::from_secs(8);
/// Who would have to wait for longer, because many attempts wait already, is
/// refused after it.
const LONGEST_WAIT: Duration = Duration::from_secs(16);
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);
/// What is counted at most; the oldest is forgotten first.
const MAX_ENTRIES: usize = 4096;

/// Who tries to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Address(IpAddr),
    User(u64),
    Both(IpAddr, u64),
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    failures: u32,
    last: Time,
    /// When the next attempt may be looked at.
    free_at: Time,
}

type Entries = HashMap<Key, Entry, RandomState>;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    /// An attacker must not choose names that collide.
    hasher: RandomState,
    entries: Mutex<Entries>,
}

/// What comes of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// How long the answer waits.
    pub delay: Duration,
    /// What is to be reported now: rarely, however many fail.
    pub report: Option<Report>,
}

/// Whose failures have reached a number that is worth a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// Those of one user from one address.
    Both(u32),
    /// Those from one address, of several users.
    Address(u32),
    /// Those of one user, from several addresses.
    User(u32),
}

impl Guard {
    /// How long to wait before a password is looked at; an error when it shall
    /// not be looked at at all, and for how long to wait before saying so.
    pub(crate) fn wait(
        &self,
        address: IpAddr,
        user: &str,
        now: Time,
    ) -> Result<Duration, Duration> {
        let key = Key::Both(network(address), self.hash(user));
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = entries.get_mut(&key).filter(|entry| !entry.is_old(now)) else {
            return Ok(Duration::ZERO);
        };
        let at = entry.free_at.max(now);
        if at - now > LONGEST_WAIT {
            return Err(LONGEST_WAIT);
        }
        // Attempts at the same time wait one after the other.
        entry.free_at = at + delay(entry.failures, SLIPS);
        Ok(at - now)
    }

    /// A login failed.
    pub(crate) fn failed(&self, address: IpAddr, user: &str, now: Time) -> Failure {
        let (address, user) = (network(address), self.hash(user));
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let by_address = count(&mut entries, Key::Address(address), now).failures;
        let by_user = count(&mut entries, Key::User(user), now).failures;
        let entry = count(&mut entries, Key::Both(address, user), now);
        let failures = entry.failures;
        entry.free_at = entry.free_at.max(now + delay(failures, SLIPS));
        Failure {
            delay: delay(by_address.max(by_user), STRAYS),
            report: if failures == SLIPS || is_worth_a_line(failures, SLIPS) {
                Some(Report::Both(failures))
            } else if is_worth_a_line(by_address, STRAYS) {
                Some(Report::Address(by_address))
            } else if is_worth_a_line(by_user, STRAYS) {
                Some(Report::User(by_user))
            } else {
                None
            },
        }
    }

    /// A login succeeded: the slips before it are forgiven.
    pub(crate) fn succeeded(&self, address: IpAddr, user: &str) {
        let key = Key::Both(network(address), self.hash(user));
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if !entries.is_empty() {
            entries.remove(&key);
        }
    }

    fn hash(&self, user: &str) -> u64 {
        self.hasher.hash_one(user)
    }
}

impl Entry {
    fn is_old(&self, now: Time) -> bool {
        now - self.last > FORGOTTEN_AFTER
    }
}

/// Counts one failure more.
fn count(entries: &mut Entries, key: Key, now: Time) -> &mut Entry {
    if !entries.contains_key(&key) && entries.len() >= MAX_ENTRIES {
        make_room(entries, now);
    }
    let new = Entry {
        failures: 0,
        last: now,
        free_at: now,
    };
    let entry = entries.entry(key).or_insert(new);
    if entry.is_old(now) {
        *entry = new;
    }
    entry.failures = entry.failures.saturating_add(1);
    entry.last = now;
    entry
}

/// Forgets what is old, or else what is oldest.
fn make_room(entries: &mut Entries, now: Time) {
    entries.retain(|_, entry| !entry.is_old(now));
    if entries.len() >= MAX_ENTRIES {
        let oldest = entries.iter().min_by_key(|(_, entry)| entry.last);
        if let Some(key) = oldest.map(|(key, _)| *key) {
            entries.remove(&key);
        }
    }
}

/// Each time twice as many.
const fn is_worth_a_line(failures: u32, free: u32) -> bool {
    failures > free && failures.is_power_of_two()
}

/// A quarter of a second for the first failure that is too many, then twice as
/// much for each.
fn delay(failures: u32, free: u32) -> Duration {
    match failures.checked_sub(free) {
        None => Duration::ZERO,
        Some(more) => (FIRST_DELAY * (1 << more.min(5))).min(LONGEST_DELAY),
    }
}

/// Whoever has one address of IPv6 has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let bits = address.to_bits() >> 64 << 64;
            IpAddr::V6(bits.into())
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));
    const START: Time = Time::from_millis(1_000_000);

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn slips_cost_nothing_then_each_failure_costs_more() {
        let guard = Guard::default();
        for _ in 1..SLIPS {
            assert_eq!(guard.failed(HERE, "ada", START).report, None);
            assert_eq!(guard.wait(HERE, "ada", START), Ok(Duration::ZERO));
        }
        let mut now = START;
        for (n, wait) in [250, 500, 1000, 2000, 4000, 8000, 8000]
            .into_iter()
            .enumerate()
        {
            let failure = guard.failed(HERE, "ada", now);
            let failures = SLIPS + u32::try_from(n).unwrap();
            let is_reported = failures == SLIPS || failures == 8;
            let expected = is_reported.then_some(Report::Both(failures));
            assert_eq!(failure.report, expected);
            assert_eq!(guard.wait(HERE, "ada", now), Ok(millis(wait)));
            now = now + Duration::from_secs(20);
            assert_eq!(guard.wait(HERE, "ada", now), Ok(Duration::ZERO));
        }
        let later = now + FORGOTTEN_AFTER + millis(1);
        assert_eq!(guard.wait(HERE, "ada", later), Ok(Duration::ZERO));
        assert_eq!(guard.failed(HERE, "ada", later).report, None);
    }

    #[test]
    fn attempts_at_the_same_time_wait_one_after_the_other() {
        let guard = Guard::default();
        for _ in 0..=SLIPS + 3 {
            guard.failed(HERE, "ada", START);
        }
        let waits = (0..6).map(|_| guard.wait(HERE, "ada", START));
        let expected = [Ok(4), Ok(8), Ok(12), Ok(16), Err(16), Err(16)];
        let seconds = Duration::from_secs;
        assert!(waits.eq(expected.map(|wait| wait.map(seconds).map_err(seconds))));
    }

    #[test]
    fn nobody_else_waits() {
        let guard = Guard::default();
        for _ in 0..100 {
            guard.failed(HERE, "ada", START);
        }
        assert_eq!(guard.wait(HERE, "ada", START), Ok(LONGEST_DELAY));
        assert_eq!(guard.wait(THERE, "ada", START), Ok(Duration::ZERO));
        assert_eq!(guard.wait(HERE, "bob", START), Ok(Duration::ZERO));
        // But wrong answers come late: from there, and for others.
        assert_eq!(guard.failed(THERE, "ada", START).delay, LONGEST_DELAY);
        assert_eq!(guard.failed(HERE, "bob", START).delay, LONGEST_DELAY);
        assert_eq!(guard.failed(THERE, "bob", START).delay, Duration::ZERO);
    }

    #[test]
    fn many_failures_are_reported_now_and_then() {
        let guard = Guard::default();
        let reports: Vec<_> = (0..1000)
            .filter_map(|n| guard.failed(HERE, &n.to_string(), START).report)
            .collect();
        assert_eq!(reports, [32, 64, 128, 256, 512].map(Report::Address));
        let address = |n: u8| std::net::Ipv4Addr::new(10, 0, 1, n).into();
        let reports: Vec<_> = (0..100)
            .filter_map(|n| guard.failed(address(n), "ada", START).report)
            .collect();
        assert_eq!(reports, [32, 64].map(Report::User));
    }

    #[test]
    fn a_success_forgives_the_slips_of_that_user_from_there() {
        let guard = Guard::default();
        for _ in 0..SLIPS + 1 {
            guard.failed(HERE, "ada", START);
            guard.failed(HERE, "bob", START);
        }
        guard.succeeded(HERE, "ada");
        assert_eq!(guard.wait(HERE, "ada", START), Ok(Duration::ZERO));
        assert_ne!(guard.wait(HERE, "bob", START), Ok(Duration::ZERO));
    }

    #[test]
    fn the_addresses_of_one_network_of_ipv6_are_one() {
        let guard = Guard::default();
        let address = |last: u128| IpAddr::V6((0x2001_0db8_u128 << 96 | last).into());
        for last in 0..10 {
            guard.failed(address(last), "ada", START);
        }
        assert_ne!(guard.wait(address(99), "ada", START), Ok(Duration::ZERO));
        let other = address(1 << 64);
        assert_eq!(guard.wait(other, "ada", START), Ok(Duration::ZERO));
    }

    #[test]
    fn what_is_counted_is_bounded_and_the_oldest_goes_first() {
        let guard = Guard::default();
        for n in 0..MAX_ENTRIES {
            let now = START + millis(n.try_into().unwrap());
            let name = n.to_string();
            guard.failed(HERE, &name, now);
        }
        let entries = guard.entries.lock().unwrap();
        assert_eq!(entries.len(), MAX_ENTRIES);
        let key = |n: usize| Key::Both(HERE, guard.hash(&n.to_string()));
        assert!(entries.contains_key(&key(MAX_ENTRIES - 1)));
        assert!(!entries.contains_key(&key(0)));
        assert_eq!(entries[&Key::Address(HERE)].failures, 4096);
    }
}
