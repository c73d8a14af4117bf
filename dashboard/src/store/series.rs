//! The recent points of one number.

use std::collections::VecDeque;

use crate::chart;
use crate::extract::Leaf;
use crate::time::Millis;

/// Points that are held of each number.
pub(super) const MAX_POINTS: usize = 96;
/// Values that come faster than this share a point, so that the line covers
/// most of a minute even of a sensor that sends a hundred times a second.
pub(super) const SPACING: f64 = 500.0;

/// A value and when it came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// When it came.
    pub at: Millis,
    /// The value.
    pub value: f64,
}

/// One number of a topic: what it is now, and what it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The latest value with its name and unit.
    pub leaf: Leaf,
    /// The recent points, oldest first. A retained message is none of them:
    /// nobody says when its value was taken.
    pub points: VecDeque<Point>,
}

impl Series {
    /// A number that was not heard before.
    #[must_use]
    pub fn new(leaf: Leaf, at: Option<Millis>) -> Series {
        let mut series = Series {
            leaf: leaf.clone(),
            points: VecDeque::new(),
        };
        series.push(leaf, at);
        series
    }

    /// The next value; `at` is `None` if nobody knows from when it is.
    pub fn push(&mut self, leaf: Leaf, at: Option<Millis>) {
        if let Some(at) = at {
            let point = Point {
                at,
                value: leaf.value,
            };
            let mut latest = self.points.iter_mut().rev();
            match (latest.next(), latest.next()) {
                (Some(last), Some(before)) if last.at.since(before.at) < SPACING => {
                    // The point's time is when it was begun, or it would never end.
                    last.value = point.value;
                    if at.since(before.at) >= SPACING {
                        last.at = at;
                    }
                }
                _ => self.points.push_back(point),
            }
            if self.points.len() > MAX_POINTS {
                self.points.pop_front();
            }
        }
        self.leaf = leaf;
    }

    /// What was before: as many of these payloads as the line has room for.
    pub fn fill(&mut self, past: &[(Millis, String)]) {
        let mut points = chart::points(&self.leaf.path, past);
        let first = self.points.front().map(|point| point.at);
        points.retain(|point| first.is_none_or(|first| point.at < first));
        let room = MAX_POINTS.saturating_sub(self.points.len());
        let latest = points.split_off(points.len().saturating_sub(room));
        latest
            .into_iter()
            .rev()
            .for_each(|point| self.points.push_front(point));
    }

    /// The least and the greatest of the recent values, once there are two.
    #[must_use]
    pub fn range(&self) -> Option<(f64, f64)> {
        if self.points.len() < 2 {
            return None;
        }
        let values = self.points.iter().map(|point| point.value);
        Some(
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
                (low.min(v), high.max(v))
            }),
        )
    }
}
