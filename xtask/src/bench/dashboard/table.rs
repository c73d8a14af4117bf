//! The figures beside what they are to be.

use serde_json::{Value, json};

use super::chromium::Screen;

/// What a figure is to be, and whether it is enough.
enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

/// What is aimed at, by the name of a figure. Others have no target.
const GOALS: [(&str, Goal); 20] = [
    ("wasm + JS + CSS, brotli", Goal::AtMost(250.0)),
    ("first paint", Goal::AtMost(800.0)),
    ("first live value", Goal::AtMost(1000.0)),
    ("largest contentful paint", Goal::AtMost(2500.0)),
    ("layout shift while opening", Goal::AtMost(0.1)),
    ("tap to visual change", Goal::AtMost(50.0)),
    ("tap to PUBLISH on the wire", Goal::AtMost(20.0)),
    ("message in to pixels", Goal::AtMost(50.0)),
    ("axe violations", Goal::AtMost(0.0)),
    ("Home: frames in time", Goal::AtLeast(99.0)),
    ("Topics: frames in time", Goal::AtLeast(99.0)),
    ("Log: frames in time", Goal::AtLeast(99.0)),
    ("Home: between frames", Goal::AtMost(17.5)),
    ("Topics: between frames", Goal::AtMost(17.5)),
    ("Home: long tasks", Goal::AtMost(0.0)),
    ("Topics: long tasks", Goal::AtMost(0.0)),
    ("Log: long tasks", Goal::AtMost(0.0)),
    ("Home: layout shift", Goal::AtMost(0.1)),
    ("heap gained since", Goal::AtMost(1.0)),
    (ERRORS, Goal::AtMost(0.0)),
];

const ERRORS: &str = "console errors";

/// The names and units of what is measured of a view.
type View = [(&'static str, &'static str); 6];

pub(super) const HOME: View = [
    ("Home: frames in time", "%"),
    ("Home: frames", "/s"),
    ("Home: between frames", "ms p95"),
    ("Home: thread busy", "%"),
    ("Home: long tasks", "/s"),
    ("Home: layout shift", ""),
];
pub(super) const TOPICS: View = [
    ("Topics: frames in time", "%"),
    ("Topics: frames", "/s"),
    ("Topics: between frames", "ms p95"),
    ("Topics: thread busy", "%"),
    ("Topics: long tasks", "/s"),
    ("Topics: layout shift", ""),
];
pub(super) const LOG: View = [
    ("Log: frames in time", "%"),
    ("Log: frames", "/s"),
    ("Log: between frames", "ms p95"),
    ("Log: thread busy", "%"),
    ("Log: long tasks", "/s"),
    ("Log: layout shift", ""),
];

/// A figure, on each screen.
struct Row {
    name: &'static str,
    unit: &'static str,
    values: [Option<f64>; Screen::ALL.len()],
}

/// All figures, in the order in which they came.
#[derive(Default)]
pub(super) struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// Adds a figure; none is one that could not be measured.
    pub(super) fn add(
        &mut self,
        name: &'static str,
        unit: &'static str,
        screen: Screen,
        value: Option<f64>,
    ) {
        let row = self.rows.iter_mut().find(|row| row.name == name);
        if let Some(row) = row {
            row.values[screen as usize] = value;
            return;
        }
        let mut values = [None; Screen::ALL.len()];
        values[screen as usize] = value;
        self.rows.push(Row { name, unit, values });
    }

    /// Whether the page has complained, or axe-core about it.
    pub(super) fn has_errors(&self) -> bool {
        let counts = self.rows.iter().filter(|row| row.unit.is_empty());
        let mut counts = counts.filter(|row| matches!(row.name, ERRORS | "axe violations"));
        counts.any(|row| row.values.iter().any(|value| *value != Some(0.0)))
    }

    pub(super) fn print(&self) {
        print!("\n{:<30} {:<8}", "", "");
        for screen in Screen::ALL {
            print!(" {:>10}", screen.name());
        }
        println!("  target");
        for row in &self.rows {
            print!("{:<30} {:<8}", row.name, row.unit);
            for value in row.values {
                print!(" {:>10}", value.map_or("-".to_owned(), number));
            }
            println!("  {}", verdict(row));
        }
        println!();
    }

    pub(super) fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let values = Screen::ALL.iter().zip(row.values);
            let values = values.map(|(screen, value)| (screen.name().to_owned(), json!(value)));
            json!({
                "name": row.name,
                "unit": row.unit,
                "values": Value::Object(values.collect()),
                "target": verdict(row),
            })
        });
        json!({ "rows": rows.collect::<Vec<_>>() })
    }
}

fn verdict(row: &Row) -> String {
    let Some((_, goal)) = GOALS.iter().find(|(name, _)| *name == row.name) else {
        return String::new();
    };
    let (words, is_met): (_, Box<dyn Fn(f64) -> bool>) = match *goal {
        Goal::AtMost(most) => (
            format!("{most} or less"),
            Box::new(move |value| value <= most),
        ),
        Goal::AtLeast(least) => (
            format!("{least} or more"),
            Box::new(move |value| value >= least),
        ),
    };
    let missed = Screen::ALL.iter().zip(row.values);
    let missed = missed.filter(|(_, value)| !value.is_some_and(&is_met));
    let missed: Vec<&str> = missed.map(|(screen, _)| screen.name()).collect();
    match missed[..] {
        [] => format!("{words}: met"),
        _ => format!("{words}: MISSED on the {}", missed.join(" and the ")),
    }
}

fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || value == 0.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missed_is_said_and_where() {
        let mut table = Table::default();
        for (screen, value) in Screen::ALL.into_iter().zip([0.0, 1.0]) {
            table.add(ERRORS, "", screen, Some(value));
            table.add("first paint", "ms", screen, Some(value));
            table.add("heap when busy", "MB", screen, None);
        }
        let verdicts: Vec<String> = table.rows.iter().map(verdict).collect();
        let wanted = ["0 or less: MISSED on the phone", "800 or less: met", ""];
        assert_eq!(verdicts, wanted);
        assert!(table.has_errors());
    }

    #[test]
    fn what_could_not_be_measured_is_not_met() {
        let mut table = Table::default();
        table.add("first paint", "ms", Screen::Laptop, None);
        table.add("first paint", "ms", Screen::Phone, Some(1.0));
        assert_eq!(verdict(&table.rows[0]), "800 or less: MISSED on the laptop");
    }
}
