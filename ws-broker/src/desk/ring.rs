use std::iter;

/// The newest points, which are all kept.
const NEWEST: usize = 256;
/// Older points, which are thinned.
const OLDER: usize = 256;

/// The values of one topic, oldest first: the newest ones as they came, and
/// before those ever fewer, so that they reach back as far as there were any.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    newest: Points,
    older: Points,
    /// Of those that are among the newest no more, every so many are kept.
    stride: u32,
    /// How many have come since the last one that was kept.
    passed: u32,
}

impl Ring {
    /// Without points.
    pub(super) fn new() -> Self {
        Self {
            newest: Points::default(),
            older: Points::default(),
            stride: 1,
            passed: 0,
        }
    }

    /// How many points there are.
    pub(super) const fn len(&self) -> usize {
        self.older.count + self.newest.count
    }

    /// When the last one came, milliseconds; 0 without any.
    pub(super) const fn last(&self) -> u64 {
        self.newest.last
    }

    /// The memory that the points take, bytes.
    pub(super) fn size(&self) -> usize {
        self.newest.bytes.capacity() + self.older.bytes.capacity()
    }

    /// Adds a point. `payload` has 1 to 256 bytes.
    pub(super) fn push(&mut self, at: u64, payload: &[u8]) {
        self.newest.push(at, payload);
        if self.newest.count <= NEWEST {
            return;
        }
        self.passed += 1;
        if self.passed >= self.stride
            && let Some((at, payload)) = self.newest.points().next()
        {
            self.passed = 0;
            self.older.push(at, payload);
        }
        self.newest.remove_first();
        if self.older.count > OLDER {
            self.older = self.older.every_second();
            self.stride = self.stride.saturating_mul(2);
        }
    }

    /// All points: milliseconds since 1970, and payload.
    pub(super) fn points(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.older.points().chain(self.newest.points())
    }
}

/// Points in one piece of memory: of each the milliseconds since the one
/// before (base 128, lowest digit first), the length less 1, and the payload.
#[derive(Clone, Debug, Default)]
struct Points {
    bytes: Vec<u8>,
    count: usize,
    /// When the first one came.
    first: u64,
    /// When the last one came.
    last: u64,
}

impl Points {
    fn push(&mut self, at: u64, payload: &[u8]) {
        let Some(len) = payload
            .len()
            .checked_sub(1)
            .and_then(|n| u8::try_from(n).ok())
        else {
            return;
        };
        if self.count == 0 {
            self.first = at;
            self.last = at;
        }
        // Connections look at the clock at different times.
        let at = at.max(self.last);
        let mut since = at - self.last;
        while since >= 0x80 {
            self.bytes.push(since as u8 | 0x80);
            since >>= 7;
        }
        self.bytes.push(since as u8);
        self.bytes.push(len);
        self.bytes.extend_from_slice(payload);
        self.last = at;
        self.count += 1;
    }

    fn remove_first(&mut self) {
        let mut reader = Reader(&self.bytes);
        if reader.next().is_none() {
            return;
        }
        let used = self.bytes.len() - reader.0.len();
        let next = reader.next();
        self.first += next.map_or(0, |(since, _)| since);
        self.bytes.drain(..used);
        self.count -= 1;
    }

    /// The first, third, fifth and so on.
    fn every_second(&self) -> Self {
        let mut kept = Self::default();
        for (at, payload) in self.points().step_by(2) {
            kept.push(at, payload);
        }
        kept
    }

    fn points(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut reader = Reader(&self.bytes);
        let mut at = None;
        iter::from_fn(move || {
            let (since, payload) = reader.next()?;
            let now = at.map_or(self.first, |before| before + since);
            at = Some(now);
            Some((now, payload))
        })
    }
}

/// What is left to be read of [`Points`].
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Milliseconds since the one before, and the payload.
    fn next(&mut self) -> Option<(u64, &'a [u8])> {
        let (mut since, mut shift) = (0, 0);
        loop {
            let byte = *self.0.split_off_first()?;
            since |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
            shift += 7;
        }
        let len = usize::from(*self.0.split_off_first()?) + 1;
        let payload = self.0.split_off(..len)?;
        Some((since, payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(count: u64, step: u64) -> Ring {
        let mut ring = Ring::new();
        for n in 0..count {
            ring.push(1_700_000_000_000 + n * step, n.to_string().as_bytes());
        }
        ring
    }

    fn numbers(ring: &Ring) -> Vec<u64> {
        let text = |payload: &[u8]| String::from_utf8(payload.to_vec()).unwrap();
        ring.points()
            .map(|(_, p)| text(p).parse().unwrap())
            .collect()
    }

    #[test]
    fn what_was_put_in_comes_out() {
        let mut ring = Ring::new();
        let long = [b'x'; 256];
        let points: [(u64, &[u8]); 5] = [
            (0, b"1"),
            (0, &long),
            (127, b"ab"),
            (1_000_000, &long[..255]),
            (u64::from(u32::MAX) * 9, b"z"),
        ];
        for (at, payload) in points {
            ring.push(at, payload);
        }
        assert_eq!(ring.points().collect::<Vec<_>>(), points);
        assert_eq!((ring.len(), ring.last()), (5, points[4].0));
    }

    #[test]
    fn nothing_that_does_not_fit_gets_in() {
        let mut ring = Ring::new();
        ring.push(1, b"");
        ring.push(1, &[b'1'; 257]);
        assert_eq!((ring.len(), ring.points().count()), (0, 0));
    }

    #[test]
    fn a_clock_that_lags_behind_does_no_harm() {
        let mut ring = Ring::new();
        ring.push(1000, b"1");
        ring.push(999, b"2");
        let points: Vec<_> = ring.points().collect();
        assert_eq!(points, [(1000, &b"1"[..]), (1000, &b"2"[..])]);
    }

    #[test]
    fn the_newest_are_all_there_and_the_older_ones_are_thinned_evenly() {
        const STEP: u64 = 30_000;
        for count in [1, 256, 257, 512, 513, 514, 2000, 9999] {
            let ring = filled(count, STEP);
            let numbers = numbers(&ring);
            assert_eq!(numbers.len(), ring.len());
            let newest = numbers.len().min(NEWEST);
            let (older, newest) = numbers.split_at(numbers.len() - newest);
            let expected: Vec<_> = (count - newest.len() as u64..count).collect();
            assert_eq!(newest, expected, "{count}");
            assert!(older.len() <= OLDER, "{count}");
            assert_eq!(older.first().copied().unwrap_or(0), 0, "the first stays");
            let steps: Vec<_> = older.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert!(steps.windows(2).all(|pair| pair[0] == pair[1]), "{count}");
            // At least half of the room is used.
            let reach = older.len() as u64 * steps.first().copied().unwrap_or(1);
            assert!(count < 513 || older.len() >= OLDER / 2, "{count}");
            assert!(count < 257 || count - 256 <= 2 * reach, "{count}");
            for ((at, _), number) in ring.points().zip(&numbers) {
                assert_eq!(at, 1_700_000_000_000 + number * STEP, "{count}");
            }
        }
    }

    #[test]
    fn a_ring_takes_little_more_than_its_payloads() {
        let mut ring = Ring::new();
        for n in 0..10_000 {
            ring.push(n * 1000, b"Temperature:14");
        }
        assert!(ring.size() < 3 * 512 * 18, "{}", ring.size());
    }
}
