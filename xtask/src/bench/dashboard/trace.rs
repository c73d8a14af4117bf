//! What a trace says of the page: its frames, its answers to taps, and how
//! long messages take until they are seen.

use std::collections::BTreeMap;

use serde_json::Value;

/// The middle and the tail of some milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Times {
    pub(super) p50: f64,
    pub(super) p95: f64,
}

impl Times {
    /// None when there are none.
    pub(super) fn of(mut all: Vec<f64>) -> Option<Times> {
        all.sort_by(f64::total_cmp);
        // So many are no greater: of twenty, p95 is the 19th, not the greatest.
        let place = |share: f64| ((all.len() as f64 * share).ceil() as usize).saturating_sub(1);
        let at = |share: f64| all.get(place(share)).copied();
        Some(Times {
            p50: at(0.5)?,
            p95: at(0.95)?,
        })
    }
}

/// What became of the frames that had something new to show.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Frames {
    /// With all that was new.
    pub(super) whole: usize,
    /// Without what the page's own thread should have brought.
    pub(super) late: usize,
    /// Not shown at all.
    pub(super) dropped: usize,
    /// Milliseconds from one whole frame to the next.
    pub(super) p95: f64,
}

impl Frames {
    /// Hundredths of the frames that were whole.
    pub(super) fn in_time(&self) -> f64 {
        100.0 * self.whole as f64 / (self.whole + self.late + self.dropped).max(1) as f64
    }
}

/// Frames of a WebSocket with a device's message are shorter, bytes; those with
/// what the broker says to the page need not change anything that can be seen.
const DEVICES: u64 = 64;

/// What is of use in a trace; times in milliseconds.
#[derive(Default)]
pub(super) struct Trace {
    received: Vec<f64>,
    sent: Vec<f64>,
    /// When a click was, and how long until it was seen.
    clicks: Vec<(f64, f64)>,
    reports: Vec<Report>,
}

/// What the compositor says of a frame.
#[derive(Default)]
struct Report {
    sequence: u64,
    state: String,
    /// When the page's own thread was asked for its part.
    asked: Option<f64>,
    /// When it was seen.
    end: f64,
}

impl Trace {
    /// Reads the events of the page that talks to a broker.
    pub(super) fn read(events: &[Value]) -> Trace {
        let page = events.iter().find(|event| is(event, "WebSocketReceive"));
        let page = page.map(|event| &event["pid"]);
        let mut trace = Trace::default();
        // Those of the same identifier begin and end in turn.
        let mut open: BTreeMap<String, Report> = BTreeMap::new();
        for event in events.iter().filter(|event| Some(&event["pid"]) == page) {
            let at = event["ts"].as_f64().unwrap_or_default() / 1e3;
            let begins = event["ph"] == "b";
            let id = event["id2"]["local"].as_str().unwrap_or_default();
            match event["name"].as_str().unwrap_or_default() {
                "WebSocketReceive" => {
                    let len = event["args"]["data"]["dataLength"].as_u64();
                    if len.is_none_or(|len| len < DEVICES) {
                        trace.received.push(at);
                    }
                }
                "WebSocketSend" => trace.sent.push(at),
                "EventTiming" if begins && event["args"]["data"]["type"] == "click" => {
                    let took = event["args"]["data"]["duration"].as_f64();
                    trace.clicks.extend(took.map(|took| (at, took)));
                }
                "PipelineReporter" if begins => {
                    let frame = &event["args"]["frame_reporter"];
                    let report = Report {
                        sequence: frame["frame_sequence"].as_u64().unwrap_or_default(),
                        state: frame["state"].as_str().unwrap_or_default().to_owned(),
                        ..Report::default()
                    };
                    open.insert(id.to_owned(), report);
                }
                "SendBeginMainFrameToCommit" if begins => {
                    if let Some(report) = open.get_mut(id) {
                        report.asked = Some(at);
                    }
                }
                "PipelineReporter" => {
                    if let Some(report) = open.remove(id) {
                        trace.reports.push(Report { end: at, ..report });
                    }
                }
                _ => {}
            }
        }
        trace.sent.sort_by(f64::total_cmp);
        trace.reports.sort_by(|a, b| a.end.total_cmp(&b.end));
        trace
    }

    /// From each tap until the page had changed.
    pub(super) fn tap_to_pixels(&self) -> Option<Times> {
        Times::of(self.clicks.iter().map(|(_, took)| *took).collect())
    }

    /// From each tap until something went to the broker.
    pub(super) fn tap_to_wire(&self) -> Option<Times> {
        let wire = |tap: &f64| self.sent.iter().find(|sent| *sent >= tap);
        let took = self
            .clicks
            .iter()
            .filter_map(|(tap, _)| Some(wire(tap)? - tap));
        Times::of(took.collect())
    }

    /// From each message's arrival in the page until the frame was seen that
    /// was made after it.
    pub(super) fn message_to_pixels(&self) -> Option<Times> {
        let seen = |came: f64| {
            let with = self.reports.iter().filter(|report| {
                report.state == "STATE_PRESENTED_ALL"
                    && report.asked.is_some_and(|asked| asked >= came)
            });
            with.map(|report| report.end).reduce(f64::min)
        };
        let took = self
            .received
            .iter()
            .filter_map(|came| Some(seen(*came)? - came));
        Times::of(took.collect())
    }

    /// All frames.
    pub(super) fn frames(&self) -> Frames {
        // A frame may be in two parts: the compositor's own, and the page's later.
        let mut states: BTreeMap<u64, [bool; 3]> = BTreeMap::new();
        for report in &self.reports {
            let of = states.entry(report.sequence).or_default();
            match &*report.state {
                "STATE_PRESENTED_ALL" => of[0] = true,
                "STATE_PRESENTED_PARTIAL" => of[1] = true,
                "STATE_DROPPED" => of[2] = true,
                _ => {}
            }
        }
        let mut frames = Frames::default();
        for state in states.into_values() {
            match state {
                [true, ..] => frames.whole += 1,
                [_, true, _] => frames.late += 1,
                [.., true] => frames.dropped += 1,
                _ => {}
            }
        }
        let whole = self
            .reports
            .iter()
            .filter(|report| report.state == "STATE_PRESENTED_ALL");
        let whole: Vec<f64> = whole.map(|report| report.end).collect();
        let gaps = whole.windows(2).map(|pair| pair[1] - pair[0]);
        frames.p95 = Times::of(gaps.collect()).map_or(0.0, |times| times.p95);
        frames
    }
}

fn is(event: &Value, name: &str) -> bool {
    event["name"] == name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_twenty_is_not_the_greatest() {
        let times = Times::of((1..=20).map(f64::from).collect());
        assert_eq!(
            times,
            Some(Times {
                p50: 10.0,
                p95: 19.0
            })
        );
        assert_eq!(Times::of(Vec::new()), None);
        let one = Times { p50: 7.0, p95: 7.0 };
        assert_eq!(Times::of(vec![7.0]), Some(one));
    }
}
