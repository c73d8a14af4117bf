//! The figures for people and for programs.

use serde_json::{Value, json};

use super::Measured;
use super::brokers::Kind;
use super::rows::{Figure, Goal};

/// Prints a line for each figure.
pub(crate) fn print(measured: &[Measured], kinds: &[Kind]) {
    let (ours, peers) = (Kind::Ours.name(), &kinds[1.min(kinds.len())..]);
    print!("\n{:<34} {:<18} {ours:>12}", "", "");
    for peer in peers {
        print!(" {:>12} {:>8}", peer.name(), "ratio");
    }
    println!("  target");
    for row in measured {
        let mut what = row.row.what;
        for figure in row.row.figures {
            let own = row.median(ours, figure.field);
            print!("{what:<34} {:<18} {:>12}", figure.unit, number(own, figure));
            what = "";
            for peer in peers {
                let other = row.median(peer.name(), figure.field);
                let ratio = own.zip(other).map_or(String::new(), |(a, b)| ratio(a, b));
                print!(" {:>12} {ratio:>8}", number(other, figure));
            }
            println!("  {}", verdict(row, figure, peers));
        }
        for kind in kinds {
            if let Some(failure) = row.failure(kind.name()) {
                let word = match kind {
                    Kind::Ours => "FAILED",
                    _ => "cannot",
                };
                println!("{:<34} {}: {word}: {failure}", "", kind.name());
            }
        }
    }
    println!();
}

/// Medians, targets and all rounds.
pub(crate) fn json(measured: &[Measured]) -> Value {
    let rows = measured.iter().map(|row| {
        let medians = row.reports.keys().map(|broker| {
            let figures = row.row.figures.iter().map(|figure| {
                let median = row.median(broker, figure.field);
                (figure.field.to_owned(), json!(median))
            });
            ((*broker).to_owned(), Value::Object(figures.collect()))
        });
        json!({
            "scenario": row.row.scenario,
            "what": row.row.what,
            "medians": Value::Object(medians.collect()),
            "rounds": row.reports,
        })
    });
    json!({ "rows": rows.collect::<Vec<_>>() })
}

fn verdict(row: &Measured, figure: &Figure, peers: &[Kind]) -> String {
    let of = |kind: Kind| row.median(kind.name(), figure.field);
    let others = peers.iter().filter_map(|peer| of(*peer));
    let best = if figure.goal.is_cost() {
        others.reduce(f64::min)
    } else {
        others.reduce(f64::max)
    };
    let (goal, target) = match figure.goal {
        Goal::Part(part) => (
            format!("1/{part} of mosquitto"),
            of(Kind::Mosquitto).map(|b| b / part),
        ),
        Goal::Times(times) => (
            format!("{times}x mosquitto"),
            of(Kind::Mosquitto).map(|b| b * times),
        ),
        Goal::AtMost(most) => (format!("{most} or less"), Some(most * figure.scale)),
        Goal::BestPeer => ("the best peer's".to_owned(), best),
        Goal::More | Goal::Less => return String::new(),
    };
    let reached = of(Kind::Ours).zip(target).map(|(own, target)| {
        if figure.goal.is_cost() {
            own <= target
        } else {
            own >= target
        }
    });
    let word = match reached {
        Some(true) => ": met",
        Some(false) => ": MISSED",
        None => "",
    };
    format!("{goal}{word}")
}

/// Ours beside another's: a part of it or a multiple.
fn ratio(own: f64, other: f64) -> String {
    if own <= 0.0 || other <= 0.0 {
        return String::new();
    }
    let (sign, ratio) = if own < other {
        ("1/", other / own)
    } else {
        ("x", own / other)
    };
    let digits = usize::from(ratio < 10.0);
    format!("{sign}{ratio:.digits$}")
}

fn number(value: Option<f64>, figure: &Figure) -> String {
    let Some(value) = value else {
        return "-".to_owned();
    };
    match value / figure.scale {
        value if value >= 1000.0 => thousands(value),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.3}"),
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::bench::rows::{ROWS, Row};

    #[test]
    fn numbers_are_made_to_be_read() {
        assert_eq!(thousands(1_234_567.4), "1,234,567");
        assert_eq!(thousands(999.0), "999");
        assert_eq!(ratio(1.0, 40.0), "1/40");
        assert_eq!(ratio(40.0, 12.0), "x3.3");
        assert_eq!(ratio(0.0, 12.0), "");
    }

    fn measured(row: &'static Row, ours: &Value, mosquitto: &Value) -> Measured {
        let reports = BTreeMap::from([
            ("ws-broker", vec![ours.clone()]),
            ("mosquitto", vec![mosquitto.clone()]),
        ]);
        Measured { row, reports }
    }

    #[test]
    fn a_target_is_met_or_missed() {
        let row = &ROWS[0];
        for (own, wanted) in [(1.0, ": met"), (1.1, ": MISSED")] {
            let measured = measured(
                row,
                &json!({ "cpu_us_per_message": own }),
                &json!({ "cpu_us_per_message": 30.0 }),
            );
            let verdict = verdict(&measured, &row.figures[0], &[Kind::Mosquitto]);
            assert!(verdict.ends_with(wanted), "{verdict}");
        }
        for (own, wanted) in [(400.0, ": met"), (399.0, ": MISSED")] {
            let measured = measured(
                row,
                &json!({ "messages_per_second": own }),
                &json!({ "messages_per_second": 10.0 }),
            );
            let verdict = verdict(&measured, &row.figures[1], &[Kind::Mosquitto]);
            assert!(verdict.ends_with(wanted), "{verdict}");
        }
    }

    #[test]
    fn without_mosquitto_nothing_is_judged_by_it() {
        let row = &ROWS[0];
        let report = json!({ "cpu_us_per_message": 1.0 });
        let measured = Measured {
            row,
            reports: BTreeMap::from([("ws-broker", vec![report])]),
        };
        assert_eq!(
            verdict(&measured, &row.figures[0], &[]),
            "1/30 of mosquitto"
        );
    }
}
