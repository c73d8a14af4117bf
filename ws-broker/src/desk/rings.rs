use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use codec::TopicName;
use foldhash::fast::RandomState;
use hashlink::LinkedHashMap;
use protocol::Time;

use super::number::has_number;
use super::owns;
use super::ring::Ring;

/// A topic is looked at so often, whatever is published to it.
const INTERVAL: Duration = Duration::from_secs(1);
/// All values together, bytes.
const MAX_BYTES: usize = 16 << 20;
/// All values together have no more than this part of `memory_limit`.
const SHARE: usize = 4;
/// What a topic takes beside its name and its points.
const OVERHEAD: usize = 200;

/// The recent values of all topics that have numbers, from the moment the
/// broker started.
#[derive(Debug)]
pub(crate) struct Rings {
    inner: Mutex<Inner>,
    limit: usize,
}

#[derive(Debug, Default)]
struct Inner {
    /// Those that have changed least recently first.
    rings: LinkedHashMap<TopicName, Ring, RandomState>,
    bytes: usize,
}

impl Rings {
    /// Without values, where so much memory may be used for everything.
    pub(crate) fn new(memory_limit: usize) -> Self {
        Self {
            inner: Mutex::default(),
            limit: MAX_BYTES.min(memory_limit / SHARE),
        }
    }

    /// No code that can panic runs under the lock.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at what is published to a topic; gives when it is to be looked at
    /// again.
    pub(crate) fn sample(&self, topic: &TopicName, payload: &[u8], now: Time) -> Time {
        let next = now + INTERVAL;
        if owns(topic) || !has_number(payload) {
            return next;
        }
        let mut inner = self.lock();
        let Inner { rings, bytes } = &mut *inner;
        if let Some(ring) = rings.get_mut(topic) {
            // Another publisher may have been here.
            let due = Time::from_millis(ring.last()) + INTERVAL;
            if now < due {
                return due;
            }
            *bytes -= ring.size();
            ring.push(now.as_millis(), payload);
            *bytes += ring.size();
            rings.to_back(topic);
        } else {
            let mut ring = Ring::new();
            ring.push(now.as_millis(), payload);
            *bytes += ring.size() + fixed(topic);
            rings.insert(topic.clone(), ring);
        }
        while *bytes > self.limit
            && let Some((topic, ring)) = rings.pop_front()
        {
            *bytes -= ring.size() + fixed(&topic);
        }
        next
    }

    /// The values of one topic.
    pub(super) fn get(&self, topic: &TopicName) -> Option<Ring> {
        self.lock().rings.get(topic).cloned()
    }
}

/// What a topic takes without any points.
fn fixed(topic: &TopicName) -> usize {
    OVERHEAD + topic.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str) -> TopicName {
        TopicName::new(name).unwrap()
    }

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    fn values(rings: &Rings, name: &str) -> Vec<(u64, String)> {
        let ring = rings.get(&topic(name));
        let points = ring.iter().flat_map(Ring::points);
        let text = |payload: &[u8]| String::from_utf8(payload.to_vec()).unwrap();
        points.map(|(at, payload)| (at, text(payload))).collect()
    }

    #[test]
    fn the_first_value_counts_at_once_and_then_one_a_second() {
        let rings = Rings::new(usize::MAX);
        let fridge = topic("Kitchen/Fridge");
        assert_eq!(rings.sample(&fridge, b"14", at(5000)), at(6000));
        // Another publisher does not know of the first.
        assert_eq!(rings.sample(&fridge, b"15", at(5900)), at(6000));
        assert_eq!(rings.sample(&fridge, b"16", at(6000)), at(7000));
        let expected = [(5000, "14".to_owned()), (6000, "16".to_owned())];
        assert_eq!(values(&rings, "Kitchen/Fridge"), expected);
    }

    #[test]
    fn what_has_no_number_and_what_is_the_desks_own_is_not_kept() {
        let rings = Rings::new(usize::MAX);
        for (name, payload) in [("home/led", "Turn On"), ("$dashboard/layout/home", "1")] {
            let next = rings.sample(&topic(name), payload.as_bytes(), at(1000));
            assert_eq!(next, at(2000), "it is looked at no sooner all the same");
            assert!(rings.get(&topic(name)).is_none());
        }
        rings.sample(&topic("$SYS/broker/uptime"), b"10 seconds", at(0));
        assert_eq!(values(&rings, "$SYS/broker/uptime").len(), 1);
    }

    #[test]
    fn memory_is_bounded_and_who_has_not_changed_for_longest_goes_first() {
        let rings = Rings::new(SHARE * 20_000);
        let mut now = 0;
        rings.sample(&topic("old"), b"1", at(now));
        rings.sample(&topic("kept"), b"1", at(now));
        for n in 0..1000 {
            now += 1000;
            rings.sample(&topic(&format!("new/{n}")), b"1", at(now));
            rings.sample(&topic("kept"), b"1", at(now));
            assert!(rings.lock().bytes <= 20_000);
        }
        assert!(rings.get(&topic("old")).is_none());
        assert!(
            rings
                .get(&topic("kept"))
                .is_some_and(|ring| ring.len() > 100)
        );
        assert!(rings.get(&topic("new/999")).is_some());
        let inner = rings.lock();
        let sizes = inner
            .rings
            .iter()
            .map(|(topic, ring)| ring.size() + fixed(topic));
        assert_eq!(inner.bytes, sizes.sum::<usize>());
    }
}
