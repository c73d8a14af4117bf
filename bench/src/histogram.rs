//! Times, counted in buckets that are at most 1.6 % wide.

const SUB_BITS: u32 = 6;
const SUB: u64 = 1 << SUB_BITS;

/// A histogram of nanoseconds.
#[derive(Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    all: u64,
}

impl Histogram {
    pub(crate) fn new() -> Histogram {
        Histogram {
            counts: vec![0; bucket(u64::MAX) + 1],
            all: 0,
        }
    }

    /// Counts one.
    pub(crate) fn add(&mut self, nanoseconds: u64) {
        self.counts[bucket(nanoseconds)] += 1;
        self.all += 1;
    }

    /// Counts all that another one has counted.
    pub(crate) fn merge(&mut self, other: &Histogram) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.all += other.all;
    }

    /// The time that this share of all, from 0 to 1, does not exceed, to within
    /// a bucket; 0 when there is none.
    pub(crate) fn quantile(&self, share: f64) -> u64 {
        let rank = (self.all as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return top(index);
            }
        }
        0
    }
}

/// Below `SUB` each value has its own bucket; from there each power of two has `SUB`.
fn bucket(value: u64) -> usize {
    let shift = (u64::BITS - value.leading_zeros()).saturating_sub(SUB_BITS + 1);
    let index = u64::from(shift) * SUB + (value >> shift);
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// The greatest value in a bucket.
fn top(index: usize) -> u64 {
    let index = index as u64;
    if index < 2 * SUB {
        return index;
    }
    let shift = index / SUB - 1;
    let low = (index - shift * SUB) << shift;
    low + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_a_bucket_that_is_little_wider() {
        let mut last = 0;
        for power in 0..64 {
            for offset in [0, 1, 3] {
                let value = (1_u64 << power).saturating_add(offset << power >> 3);
                let top = top(bucket(value));
                assert!(top >= value, "{value}: {top}");
                assert!(top - value <= value / SUB, "{value}: {top}");
                assert!(bucket(value) >= last);
                last = bucket(value);
            }
        }
        assert_eq!(top(bucket(u64::MAX)), u64::MAX);
    }

    #[test]
    fn quantiles_are_those_of_the_values() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.quantile(0.5), 0);
        for value in 1..=100 {
            histogram.add(value);
        }
        for (share, wanted) in [(0.0, 1), (0.5, 50), (0.99, 99), (1.0, 100)] {
            assert_eq!(histogram.quantile(share), wanted);
        }
    }
}
