//! Round ticks for values and for time.

use crate::number::display;
use crate::time::Millis;

/// A place on an axis, and what is written there.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// The value, or the time in milliseconds.
    pub at: f64,
    /// The words.
    pub label: String,
}

/// An axis of values: from where to where, and its ticks.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// The lowest.
    pub low: f64,
    /// The highest.
    pub high: f64,
    /// The ticks between them, lowest first.
    pub ticks: Vec<Tick>,
}

/// Steps of time that read well, in seconds.
const STEPS: [u32; 21] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
    86_400, 172_800, 604_800, 2_419_200,
];

/// An axis for values from `low` to `high`, with about `count` ticks.
#[must_use]
pub fn values(low: f64, high: f64, count: usize) -> Values {
    let size = low.abs().max(high.abs());
    // Equal values, and noise far below them, get an axis around them.
    let spread = (high - low).max(size * 1e-6);
    let spread = if spread > 0.0 && spread.is_finite() {
        spread
    } else {
        1.0
    };
    let rough = spread / count.max(1) as f64;
    let power = 10_f64.powi(rough.log10().floor() as i32);
    let factor = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|factor| factor * power >= rough * 0.999)
        .unwrap_or(10.0);
    let step = factor * power;
    let decimals = (-step.log10().floor()).min(9.0) as u8;
    let (mut first, mut last) = ((low / step).floor(), (high / step).ceil());
    if first == last {
        (first, last) = (first - 1.0, last + 1.0);
    }
    let count = (last - first).min(40.0) as i32;
    let ticks = (0..=count).map(|n| {
        let at = (first + f64::from(n)) * step;
        Tick {
            at,
            label: display(at, decimals),
        }
    });
    Values {
        low: first * step,
        high: last * step,
        ticks: ticks.collect(),
    }
}

/// Ticks at round times of the clock on the wall, `offset` minutes ahead of
/// UTC, at most `count` of them.
#[must_use]
pub fn times(from: f64, to: f64, count: usize, offset: i32) -> Vec<Tick> {
    let seconds = (to - from) / 1000.0;
    let fits = |step: &u32| seconds / f64::from(*step) <= count.max(1) as f64;
    let step = STEPS.into_iter().find(fits).unwrap_or(STEPS[20]);
    let ahead = f64::from(offset) * 60_000.0;
    let width = f64::from(step) * 1000.0;
    let first = ((from + ahead) / width).ceil();
    (0..=count)
        .map(|n| (first + n as f64) * width - ahead)
        .take_while(|&at| at <= to)
        .map(|at| Tick {
            at,
            label: label(at, step, offset),
        })
        .collect()
}

fn label(at: f64, step: u32, offset: i32) -> String {
    let at = Millis(at);
    let clock = at.clock(offset);
    if step < 60 {
        clock
    } else if step >= 86_400 || clock == "00:00:00" {
        at.date(offset)
    } else {
        clock[..5].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| &*tick.label).collect()
    }

    #[test]
    fn values_have_round_ticks_that_hold_all_of_them() {
        let axis = values(3.1, 14.9, 5);
        assert_eq!(labels(&axis.ticks), ["0", "5", "10", "15"]);
        assert_eq!((axis.low, axis.high), (0.0, 15.0));
        let axis = values(0.42, 0.58, 4);
        assert_eq!(
            labels(&axis.ticks),
            ["0.40", "0.45", "0.50", "0.55", "0.60"]
        );
        let axis = values(-1_200.0, 900.0, 4);
        assert_eq!(labels(&axis.ticks), ["−2,000", "−1,000", "0", "1,000"]);
    }

    #[test]
    fn equal_values_and_odd_ones_have_an_axis_too() {
        for (low, high) in [
            (14.0, 14.0),
            (0.0, 0.0),
            (-5e-9, -5e-9),
            (-f64::MAX, f64::MAX),
            (1e300, 1e300),
        ] {
            let axis = values(low, high, 5);
            assert!(
                axis.low <= low && axis.high >= high,
                "{low} {high} {axis:?}"
            );
            assert!(axis.low < axis.high && axis.ticks.len() > 1, "{axis:?}");
            assert!(axis.ticks.len() <= 41);
        }
    }

    #[test]
    fn times_are_round_on_the_wall() {
        let noon = 12.0 * 3_600_000.0;
        let hour = times(noon + 60_000.0, noon + 3_660_000.0, 5, 0);
        assert_eq!(labels(&hour), ["12:15", "12:30", "12:45", "13:00"]);
        let seconds = times(noon, noon + 10_000.0, 4, 0);
        assert_eq!(labels(&seconds), ["12:00:00", "12:00:05", "12:00:10"]);
        let india = times(noon, noon + 6.0 * 3_600_000.0, 4, 330);
        assert_eq!(labels(&india), ["18:00", "20:00", "22:00"]);
        let night = times(noon, noon + 86_400_000.0, 4, 0);
        assert_eq!(
            labels(&night),
            ["12:00", "18:00", "2 Jan", "06:00", "12:00"]
        );
    }
}
