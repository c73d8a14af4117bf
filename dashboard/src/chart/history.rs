//! The points of one number, as many as a chart can use.

use std::rc::Rc;

use super::spec::Name;
use crate::extract::{self, Reading};
use crate::store::{Message, Point, Topic};
use crate::time::Millis;

/// Points that are held; when there are more, each stretch of time keeps its
/// least and its greatest.
const MAX_POINTS: usize = 2048;

/// The points of one number, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    points: Vec<Point>,
}

impl History {
    /// The next value. One that is older than the last is left out: the clock
    /// was set back.
    pub fn push(&mut self, point: Point) {
        if self.points.last().is_some_and(|last| last.at > point.at) {
            return;
        }
        if self.points.len() == MAX_POINTS {
            self.points = thin(&self.points, MAX_POINTS / 4);
        }
        self.points.push(point);
    }

    /// What was before: these points, and of those here the later ones.
    pub fn fill(&mut self, before: Vec<Point>) {
        let own = std::mem::replace(&mut self.points, before);
        for point in own {
            self.push(point);
        }
    }

    /// When it begins, in milliseconds.
    #[must_use]
    pub fn first(&self) -> Option<f64> {
        self.points.first().map(|point| point.at.0)
    }

    /// The points.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }
}

/// The least and the greatest point of each of `stretches` equal stretches of
/// time, in their order: no peak is lost, however few are left.
#[must_use]
pub fn thin(points: &[Point], stretches: usize) -> Vec<Point> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Vec::new();
    };
    if points.len() <= 2 * stretches {
        return points.to_vec();
    }
    let width = last.at.since(first.at) / stretches as f64;
    let mut thinned: Vec<Point> = Vec::with_capacity(2 * stretches + 2);
    let mut rest = points;
    let mut end = first.at.0;
    while let [start, ..] = rest {
        end = (end + width).max(start.at.0);
        let count = rest
            .iter()
            .take_while(|point| point.at.0 <= end)
            .count()
            .max(1);
        let (stretch, after) = rest.split_at(count);
        let (mut low, mut high) = (0, 0);
        for (at, point) in stretch.iter().enumerate() {
            if point.value < stretch[low].value {
                low = at;
            }
            if point.value > stretch[high].value {
                high = at;
            }
        }
        thinned.push(stretch[low.min(high)]);
        if low != high {
            thinned.push(stretch[low.max(high)]);
        }
        rest = after;
    }
    thinned
}

/// The numbers that charts on the screen show, each with its history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tracks {
    tracks: Vec<(Name, Rc<History>)>,
}

impl Tracks {
    /// Follows these numbers and no others; what is known of one stays.
    pub fn follow<'a>(&mut self, names: &[Name], topic: impl Fn(&str) -> Option<&'a Rc<Topic>>) {
        let before = std::mem::take(&mut self.tracks);
        for name in names {
            let known = before.iter().find(|(other, _)| other == name);
            let history = known.map_or_else(
                || {
                    let series = topic(&name.topic)
                        .and_then(|topic| topic.series.iter().find(|series| name.is(&series.leaf)));
                    let points = series.map(|series| series.points.iter().copied().collect());
                    Rc::new(History {
                        points: points.unwrap_or_default(),
                    })
                },
                |(_, history)| history.clone(),
            );
            self.tracks.push((name.clone(), history));
        }
    }

    /// A message has come.
    pub fn receive(&mut self, message: &Message) {
        if !self.wants(message) {
            return;
        }
        let topic = &message.topic;
        if let Reading::Numbers(leaves) = extract::extract(&message.payload) {
            for (name, history) in &mut self.tracks {
                let leaf = leaves
                    .iter()
                    .find(|leaf| *name.topic == **topic && name.is(leaf));
                if let Some(leaf) = leaf {
                    Rc::make_mut(history).push(Point {
                        at: message.at,
                        value: leaf.value,
                    });
                }
            }
        }
    }

    /// What the broker remembers of a topic: payloads and when they came.
    pub fn fill(&mut self, topic: &str, payloads: &[(Millis, String)]) {
        for (name, history) in &mut self.tracks {
            if *name.topic == *topic {
                Rc::make_mut(history).fill(points(&name.path, payloads));
            }
        }
    }

    /// Whether a message is of a topic that is followed, and new.
    #[must_use]
    pub fn wants(&self, message: &Message) -> bool {
        let mut names = self.tracks.iter().map(|(name, _)| &name.topic);
        !message.retain && names.any(|topic| **topic == *message.topic)
    }

    /// The history of one number.
    #[must_use]
    pub fn get(&self, name: &Name) -> Option<&Rc<History>> {
        let found = self.tracks.iter().find(|(other, _)| other == name);
        found.map(|(_, history)| history)
    }
}

/// The values of one number in payloads that carry it.
pub(crate) fn points(path: &str, payloads: &[(Millis, String)]) -> Vec<Point> {
    let value = |payload: &str| match extract::extract(payload.as_bytes()) {
        Reading::Numbers(leaves) => leaves
            .iter()
            .find(|leaf| leaf.path == path)
            .map(|leaf| leaf.value),
        _ => None,
    };
    payloads
        .iter()
        .filter_map(|(at, payload)| value(payload).map(|value| Point { at: *at, value }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at: f64, value: f64) -> Point {
        Point {
            at: Millis(at),
            value,
        }
    }

    fn message(payload: &str, at: f64) -> Message {
        Message {
            topic: "Kitchen/Fridge".into(),
            payload: payload.into(),
            retain: false,
            at: Millis(at),
        }
    }

    #[test]
    fn however_much_comes_the_span_stays_and_so_do_the_peaks() {
        let mut history = History::default();
        for n in 0..100_000 {
            let value = if n == 1_234 { 99.0 } else { f64::from(n % 7) };
            history.push(point(f64::from(n) * 10.0, value));
        }
        let points = history.points();
        assert!(points.len() <= MAX_POINTS);
        assert!(points[0].at.0 < 1_000.0, "{:?}", points[0]);
        assert_eq!(points[points.len() - 1].at, Millis(999_990.0));
        assert!(points.iter().any(|point| point.value == 99.0));
        assert!(points.windows(2).all(|pair| pair[0].at <= pair[1].at));
        let early = points.iter().filter(|point| point.at.0 < 500_000.0).count();
        assert!(early > points.len() / 8, "{early} of {}", points.len());
    }

    #[test]
    fn thinning_keeps_few_points_and_survives_equal_times() {
        assert_eq!(thin(&[], 4), []);
        let same = vec![point(5.0, 1.0); 100];
        assert_eq!(thin(&same, 4), [point(5.0, 1.0)]);
        let few = [point(0.0, 1.0), point(1.0, 2.0)];
        assert_eq!(thin(&few, 1), few);
    }

    #[test]
    fn what_the_broker_remembers_comes_before_what_was_heard() {
        let name = Name::new("Kitchen/Fridge", "Temperature");
        let mut tracks = Tracks::default();
        tracks.follow(std::slice::from_ref(&name), |_| None);
        tracks.receive(&message("Temperature:9", 50.0));
        tracks.receive(&message("Humidity:1", 51.0));
        tracks.receive(&Message {
            retain: true,
            ..message("Temperature:1", 52.0)
        });
        let past = [
            (10.0, "Temperature:7"),
            (20.0, "none"),
            (50.0, "Temperature:9"),
        ]
        .map(|(at, payload)| (Millis(at), payload.to_owned()));
        tracks.fill("Kitchen/Fridge", &past);
        tracks.receive(&message("Temperature:10", 60.0));
        let history = tracks.get(&name).expect("it is followed");
        let values: Vec<f64> = history.points().iter().map(|point| point.value).collect();
        assert_eq!(values, [7.0, 9.0, 9.0, 10.0]);
        tracks.follow(&[], |_| None);
        assert_eq!(tracks.get(&name), None);
    }
}
