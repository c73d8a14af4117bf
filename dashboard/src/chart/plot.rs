//! From points to paths: where each value lies on a screen of a given size.

use super::axis::{self, Tick};
use super::history::thin;
use crate::store::Point;

/// A silence is a gap in the line if it is this many times the usual pause,
const SILENCE: f64 = 6.0;
/// and no shorter than this, in milliseconds.
const SHORTEST_SILENCE: f64 = 5_000.0;
/// Pixels between two ticks of a value axis, and of the time axis.
const VALUE_TICK: f64 = 48.0;
const TIME_TICK: f64 = 64.0;
/// Axes that have room: one on each side.
const MAX_AXES: usize = 2;
/// Paths are drawn in tenths of a pixel, so that they are whole numbers.
const FINE: f64 = 10.0;

/// Where the plot lies in the drawing, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// Width of the whole drawing.
    pub width: f64,
    /// Height of the whole drawing.
    pub height: f64,
    /// Room for the axis on the left,
    pub left: f64,
    /// on the right,
    pub right: f64,
    /// above the plot
    pub top: f64,
    /// and below it.
    pub bottom: f64,
}

impl Frame {
    /// Pixels from one side of the plot to the other.
    #[must_use]
    pub fn across(&self) -> f64 {
        (self.width - self.left - self.right).max(1.0)
    }

    /// Pixels from the bottom of the plot to its top.
    #[must_use]
    pub fn up(&self) -> f64 {
        (self.height - self.top - self.bottom).max(1.0)
    }

    /// Where a time is, in pixels.
    #[must_use]
    pub fn x(&self, at: f64, (from, to): (f64, f64)) -> f64 {
        self.left + self.across() * (at - from) / (to - from)
    }
}

/// A number to be drawn.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Its points, oldest first.
    pub points: &'a [Point],
    /// Its unit, or its name: lines that have it in common share an axis.
    pub unit: &'a str,
    /// Values at which it is worth a look.
    pub limits: &'a [f64],
}

/// An axis of values, and where its ticks are.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// What is written above it.
    pub unit: String,
    /// Pixels from the top, and the words.
    pub ticks: Vec<(f64, String)>,
}

/// A line as it is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Path {
    /// In tenths of a pixel.
    pub path: String,
    /// Where the cursor meets it, in pixels, and the point there.
    pub cursor: Option<(f64, f64, Point)>,
    /// The least and the greatest of what is to be seen.
    pub range: Option<(f64, f64)>,
    /// Pixels from the top of its limits.
    pub limits: Vec<f64>,
}

/// All that is to be drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawing {
    /// The axes: left, then right. Further units have none.
    pub axes: Vec<Axis>,
    /// Pixels from the left, and the words.
    pub times: Vec<(f64, String)>,
    /// A path for each line.
    pub paths: Vec<Path>,
    /// Where the cursor is, in pixels: at a value, if there is one near.
    pub cursor: Option<f64>,
}

/// Draws lines in the time `range`, with the values read at `cursor`.
#[must_use]
pub fn draw(
    lines: &[Line<'_>],
    frame: &Frame,
    range: (f64, f64),
    cursor: Option<f64>,
    offset: i32,
) -> Drawing {
    let seen: Vec<Vec<Point>> = lines
        .iter()
        .map(|line| thin(part(line.points, range), frame.across() as usize))
        .collect();
    let inside = |point: &&Point| (range.0..=range.1).contains(&point.at.0);
    let mut drawing = Drawing::default();
    let count = (frame.across() / TIME_TICK) as usize;
    let place = |tick: Tick| (frame.x(tick.at, range), tick.label);
    let times = axis::times(range.0, range.1, count, offset);
    drawing.times = times.into_iter().map(place).collect();
    drawing.paths.resize(lines.len(), Path::default());

    let mut units: Vec<&str> = Vec::new();
    for line in lines {
        if !units.contains(&line.unit) {
            units.push(line.unit);
        }
    }
    for unit in units {
        let of_unit = || (0..lines.len()).filter(|&at| lines[at].unit == unit);
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for at in of_unit() {
            let values = seen[at].iter().filter(inside).map(|point| point.value);
            let own = bounds(values);
            drawing.paths[at].range = own.filter(|_| !seen[at].is_empty());
            if let Some((least, greatest)) = own {
                (low, high) = (low.min(least), high.max(greatest));
            }
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        // A limit that is near is shown, one that is far would flatten the line.
        let spread = (high - low).max(low.abs().max(high.abs()) * 0.1);
        let near = low - spread..=high + spread;
        let limits = of_unit().flat_map(|at| lines[at].limits.iter().copied());
        for limit in limits.filter(|limit| near.contains(limit)) {
            (low, high) = (low.min(limit), high.max(limit));
        }
        let values = axis::values(low, high, (frame.up() / VALUE_TICK) as usize);
        let y = |value: f64| {
            let share = (value - values.low) / (values.high - values.low);
            frame.top + frame.up() * (1.0 - share)
        };
        for at in of_unit() {
            let path = &mut drawing.paths[at];
            path.path = connect(&seen[at], |point| {
                (frame.x(point.at.0, range), y(point.value))
            });
            let limits = lines[at].limits.iter().copied();
            let shown = limits.filter(|limit| (values.low..=values.high).contains(limit));
            path.limits = shown.map(y).collect();
            let read = cursor.and_then(|time| nearest(part(lines[at].points, range), time));
            path.cursor = read
                .filter(inside_of(range))
                .map(|point| (frame.x(point.at.0, range), y(point.value), point));
        }
        if drawing.axes.len() < MAX_AXES {
            let ticks = values.ticks.into_iter();
            drawing.axes.push(Axis {
                unit: unit.to_owned(),
                ticks: ticks.map(|tick| (y(tick.at), tick.label)).collect(),
            });
        }
    }
    drawing.cursor = cursor
        .filter(|at| (range.0..=range.1).contains(at))
        .map(|at| {
            // One line's cursor stands on its values, that of several where the hand is.
            let only = drawing.paths.first().filter(|_| drawing.paths.len() == 1);
            let value = only.and_then(|path| path.cursor);
            value.map_or_else(|| frame.x(at, range), |(x, ..)| x)
        });
    drawing
}

fn inside_of((from, to): (f64, f64)) -> impl Fn(&Point) -> bool {
    move |point| (from..=to).contains(&point.at.0)
}

fn bounds(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |bounds, value| {
        let (low, high) = bounds.unwrap_or((value, value));
        Some((value.min(low), value.max(high)))
    })
}

/// The points in the range, and one on each side, to which the line goes on.
fn part(points: &[Point], (from, to): (f64, f64)) -> &[Point] {
    let start = points.partition_point(|point| point.at.0 < from);
    let end = points.partition_point(|point| point.at.0 <= to);
    &points[start.saturating_sub(1)..(end + 1).min(points.len())]
}

/// The point that is nearest in time.
fn nearest(points: &[Point], time: f64) -> Option<Point> {
    let at = points.partition_point(|point| point.at.0 < time);
    let around = &points[at.saturating_sub(1)..(at + 1).min(points.len())];
    let apart = |point: &Point| (point.at.0 - time).abs();
    around.iter().copied().reduce(|one, other| {
        if apart(&other) < apart(&one) {
            other
        } else {
            one
        }
    })
}

/// The pause after which a line is broken: a multiple of the usual one. Long
/// silences are left out of the mean, or they would hide themselves.
fn silence(points: &[Point]) -> f64 {
    let mean = |most: f64| {
        let pauses = points.windows(2).map(|pair| pair[1].at.since(pair[0].at));
        let (sum, count) = pauses
            .filter(|pause| *pause <= most)
            .fold((0.0, 0.0), |(sum, count), pause| (sum + pause, count + 1.0));
        sum / f64::max(count, 1.0)
    };
    let rough = mean(f64::INFINITY);
    (mean(rough * 3.0) * SILENCE).max(SHORTEST_SILENCE)
}

/// A path through the points, broken where nothing came for long. A point that
/// stands alone is a line without length, which a round cap makes a dot.
fn connect(points: &[Point], place: impl Fn(&Point) -> (f64, f64)) -> String {
    let silence = silence(points);
    let mut path = String::with_capacity(points.len() * 11);
    let mut before: Option<(f64, (i32, i32))> = None;
    let mut alone = false;
    for (at, point) in points.iter().enumerate() {
        // What is long before may be known more coarsely: that is no silence.
        let pause = |at: usize| match points.get(at..at + 2) {
            Some([one, other]) => other.at.since(one.at),
            _ => 0.0,
        };
        let beside = pause(at.saturating_sub(2)).min(pause(at));
        let silence = silence.max(beside * SILENCE);
        let (x, y) = place(point);
        let here = ((x * FINE).round() as i32, (y * FINE).round() as i32);
        let goes_on = before.filter(|(at, _)| point.at.0 - at <= silence);
        if goes_on.is_none_or(|(_, there)| there != here) {
            if goes_on.is_none() && alone {
                path.push_str("h0");
            }
            alone = goes_on.is_none();
            path.push(if alone { 'M' } else { 'L' });
            path.push_str(&here.0.to_string());
            path.push(' ');
            path.push_str(&here.1.to_string());
        }
        before = Some((point.at.0, here));
    }
    if alone {
        path.push_str("h0");
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Millis;

    const FRAME: Frame = Frame {
        width: 140.0,
        height: 120.0,
        left: 30.0,
        right: 10.0,
        top: 10.0,
        bottom: 10.0,
    };

    fn points(values: &[(f64, f64)]) -> Vec<Point> {
        let point = |&(at, value): &(f64, f64)| Point {
            at: Millis(at),
            value,
        };
        values.iter().map(point).collect()
    }

    fn line<'a>(points: &'a [Point], unit: &'a str) -> Line<'a> {
        Line {
            points,
            unit,
            limits: &[],
        }
    }

    #[test]
    fn a_line_runs_through_its_values() {
        let points = points(&[(0.0, 0.0), (500.0, 10.0), (1_000.0, 5.0)]);
        let drawing = draw(
            &[line(&points, "°C")],
            &FRAME,
            (0.0, 1_000.0),
            Some(600.0),
            0,
        );
        let path = &drawing.paths[0];
        assert_eq!(path.path, "M300 1100L800 100L1300 600");
        assert_eq!(path.cursor, Some((80.0, 10.0, points[1])));
        assert_eq!(path.range, Some((0.0, 10.0)));
        let ticks = vec![(110.0, "0".into()), (60.0, "5".into()), (10.0, "10".into())];
        let unit = "°C".into();
        assert_eq!(drawing.axes, [Axis { unit, ticks }]);
    }

    #[test]
    fn silence_is_a_gap_and_a_lonely_value_a_dot() {
        let mut values: Vec<(f64, f64)> = (0..20).map(|n| (f64::from(n) * 1000.0, 1.0)).collect();
        values.push((100_000.0, 1.0));
        values.extend((0..20).map(|n| (200_000.0 + f64::from(n) * 1000.0, 2.0)));
        let points = points(&values);
        let drawing = draw(&[line(&points, "")], &FRAME, (0.0, 219_000.0), None, 0);
        let path = &drawing.paths[0].path;
        assert_eq!(path.matches('M').count(), 3, "{path}");
        assert_eq!(path.matches("h0").count(), 1, "{path}");
    }

    #[test]
    fn a_past_that_is_known_more_coarsely_is_no_silence() {
        let coarse = (0..9).map(|n| (f64::from(n) * 16_000.0, 1.0));
        let fine = (0..300).map(|n| (130_000.0 + f64::from(n) * 500.0, 2.0));
        let points = points(&coarse.chain(fine).collect::<Vec<_>>());
        let drawing = draw(&[line(&points, "")], &FRAME, (0.0, 280_000.0), None, 0);
        let path = &drawing.paths[0].path;
        assert!(
            path.matches('M').count() <= 2 && !path.contains("h0"),
            "{path}"
        );
    }

    #[test]
    fn each_unit_has_its_axis_and_only_two_are_drawn() {
        let (one, other) = (points(&[(0.0, 1.0)]), points(&[(0.0, 1000.0)]));
        let lines = [
            line(&one, "°C"),
            line(&other, "ppm"),
            line(&one, "°C"),
            line(&one, "W"),
        ];
        let drawing = draw(&lines, &FRAME, (0.0, 1_000.0), None, 0);
        let units: Vec<&str> = drawing.axes.iter().map(|axis| &*axis.unit).collect();
        assert_eq!(units, ["°C", "ppm"]);
        assert!(drawing.paths.iter().all(|path| path.path.starts_with('M')));
        assert_eq!(draw(&[], &FRAME, (0.0, 1.0), None, 0).paths, []);
    }

    #[test]
    fn a_limit_that_is_near_is_to_be_seen_and_a_far_one_is_not() {
        let points = points(&[(0.0, 10.0), (1_000.0, 20.0)]);
        let with = |limits: &[f64]| {
            let line = Line {
                points: &points,
                unit: "",
                limits,
            };
            draw(&[line], &FRAME, (0.0, 1_000.0), None, 0).paths[0]
                .limits
                .len()
        };
        assert_eq!((with(&[25.0]), with(&[1_000.0])), (1, 0));
    }

    #[test]
    fn the_line_goes_on_to_points_outside_but_the_cursor_does_not() {
        let points = points(&[(0.0, 1.0), (1_000.0, 2.0), (2_000.0, 3.0), (9_000.0, 4.0)]);
        let drawing = draw(
            &[line(&points, "")],
            &FRAME,
            (500.0, 1_500.0),
            Some(1_400.0),
            0,
        );
        assert_eq!(drawing.paths[0].path.matches('L').count(), 2);
        assert_eq!(drawing.paths[0].range, Some((2.0, 2.0)));
        assert_eq!(
            drawing.paths[0].cursor.map(|(_, _, point)| point.value),
            Some(2.0)
        );
        let nothing = draw(
            &[line(&points, "")],
            &FRAME,
            (3_000.0, 4_000.0),
            Some(3_100.0),
            0,
        );
        assert_eq!(nothing.paths[0].cursor, None);
        assert_eq!(nothing.paths[0].range, None);
    }
}
