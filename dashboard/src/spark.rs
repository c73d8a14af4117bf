//! The line behind a value: a few points as SVG paths.

use std::collections::VecDeque;

use crate::store::Point;

/// Width of the drawing in its own units.
pub const WIDTH: i32 = 1000;
/// Height of the drawing in its own units.
pub const HEIGHT: i32 = 100;
/// A spread below this share of the value is noise, and is drawn as calm.
const CALM: f64 = 0.02;

/// The paths of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The line.
    pub line: String,
    /// The area below it.
    pub area: String,
    /// The latest point, as a line without length: a round cap makes it a dot
    /// that keeps its shape when the drawing is stretched.
    pub end: String,
}

/// Draws the points over the time they cover; one alone is no line.
#[must_use]
pub fn paths(points: &VecDeque<Point>) -> Option<Paths> {
    let (first, last) = (points.front()?, points.back()?);
    let low = points
        .iter()
        .fold(f64::INFINITY, |low, point| low.min(point.value));
    let high = points
        .iter()
        .fold(f64::NEG_INFINITY, |high, point| high.max(point.value));
    let middle = low / 2.0 + high / 2.0;
    let spread = (high - low).max(middle.abs() * CALM).max(f64::MIN_POSITIVE);
    let covered = last.at.since(first.at);
    if covered <= 0.0 {
        return None;
    }
    let mut line = String::with_capacity(points.len() * 9);
    let mut before = None;
    for point in points {
        let x = point.at.since(first.at) / covered;
        let x = (x * f64::from(WIDTH)).round() as i32;
        let y = f64::from(HEIGHT) * (0.5 - (point.value - middle) / spread);
        let y = (y.round() as i32).clamp(0, HEIGHT);
        if before != Some((x, y)) {
            line.push(if before.is_none() { 'M' } else { 'L' });
            push(&mut line, x);
            line.push(' ');
            push(&mut line, y);
        }
        before = Some((x, y));
    }
    let (x, y) = before?;
    let mut end = String::from("M");
    push(&mut end, x);
    end.push(' ');
    push(&mut end, y);
    end.push_str("h0");
    let mut area = line.clone();
    area.push('V');
    push(&mut area, HEIGHT);
    area.push_str("H0Z");
    Some(Paths { line, area, end })
}

fn push(path: &mut String, n: i32) {
    path.push_str(&n.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Millis;

    fn points(values: &[(f64, f64)]) -> VecDeque<Point> {
        values
            .iter()
            .map(|&(at, value)| Point {
                at: Millis(at),
                value,
            })
            .collect()
    }

    #[test]
    fn the_line_fills_the_drawing_and_time_runs_evenly() {
        let drawn =
            paths(&points(&[(0.0, 10.0), (1_000.0, 30.0), (4_000.0, 20.0)])).expect("three points");
        assert_eq!(drawn.line, "M0 100L250 0L1000 50");
        assert_eq!(drawn.area, "M0 100L250 0L1000 50V100H0Z");
        assert_eq!(drawn.end, "M1000 50h0");
    }

    #[test]
    fn one_point_alone_is_no_line() {
        assert_eq!(paths(&points(&[])), None);
        assert_eq!(paths(&points(&[(5.0, 14.0)])), None);
    }

    #[test]
    fn noise_stays_calm_and_equal_values_are_flat() {
        let noise = paths(&points(&[(0.0, 1000.0), (1.0, 1001.0)])).expect("two points");
        assert_eq!(noise.line, "M0 52L1000 48");
        let flat = paths(&points(&[(0.0, 0.0), (1.0, 0.0)])).expect("two points");
        assert_eq!(flat.line, "M0 50L1000 50");
    }

    #[test]
    fn the_largest_values_there_are_do_not_break_it() {
        let drawn = paths(&points(&[(0.0, -f64::MAX), (1.0, f64::MAX)])).expect("two points");
        assert!(drawn.line.starts_with("M0 "));
    }
}
