//! `cargo xtask bench`: this broker and others side by side, in alternation, on
//! this machine, with every message counted. The rows and their targets are in
//! `rows`, the brokers and their config files in `brokers`; what the clients do
//! is the load generator's matter (`bench/`). What runs in a browser is
//! measured by `client` and `dashboard`.

mod brokers;
mod client;
mod dashboard;
mod rows;
mod table;
mod wire;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::builder::PossibleValuesParser;
use serde_json::{Value, json};

use crate::broker;
use crate::process::{run, run_by_line};
use crate::steps::Steps;
use crate::workspace::{cargo, release_binary, target};
use brokers::{Kind, Server};
use rows::{ROWS, Row};

/// The benchmarks in a browser.
const CLIENT: &str = "client";
const DASHBOARD: &str = "dashboard";

/// What Chromium is told: no window, and no network but ours.
const FLAGS: [&str; 11] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-extensions",
];

/// How long a broker is left alone before its memory is looked at for the last time.
const REST: Duration = Duration::from_secs(2);

/// What is measured, and against what.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run only these. `client` and `dashboard` are benchmarks of their own: the
    /// browser client beside others, and the page.
    #[arg(value_parser = PossibleValuesParser::new(
        ROWS.iter().map(|row| row.scenario).chain([CLIENT, DASHBOARD]),
    ))]
    scenarios: Vec<String>,
    /// The brokers to compare with.
    #[arg(long, value_delimiter = ',', default_value = "mosquitto")]
    against: Vec<Kind>,
    /// One short round instead of three long ones.
    #[arg(long)]
    quick: bool,
}

/// How often and how long.
struct Pace {
    rounds: usize,
    /// Both in milliseconds.
    warmup: u32,
    window: u32,
}

/// All reports of one row, of each broker in turn; and the medians of their numbers.
pub(crate) struct Measured {
    row: &'static Row,
    /// By the broker's name.
    reports: BTreeMap<&'static str, Vec<Value>>,
}

impl Measured {
    /// The median of a number over the rounds; none when one of them failed.
    fn median(&self, broker: &str, field: &str) -> Option<f64> {
        if self.failure(broker).is_some() {
            return None;
        }
        let reports = self.reports.get(broker)?;
        median(reports.iter().filter_map(|report| report[field].as_f64()))
    }

    /// What went wrong first.
    fn failure(&self, broker: &str) -> Option<&str> {
        let reports = self.reports.get(broker)?;
        reports.iter().find_map(|report| report["failure"].as_str())
    }
}

/// Measures, prints the table, and fails when this broker lost or misplaced a message.
pub(crate) fn bench(options: &Options) -> Result<ExitCode> {
    for (name, bench) in [
        (CLIENT, client::bench as fn(bool) -> Result<ExitCode>),
        (DASHBOARD, dashboard::bench),
    ] {
        if options.scenarios.iter().any(|scenario| scenario == name) {
            ensure!(
                options.scenarios.len() == 1,
                "`{name}` is run by itself: cargo xtask bench {name}"
            );
            return bench(options.quick);
        }
    }
    let pace = if options.quick {
        Pace {
            rounds: 1,
            warmup: 500,
            window: 1000,
        }
    } else {
        Pace {
            rounds: 3,
            warmup: 1000,
            window: 2000,
        }
    };
    let rows: Vec<&'static Row> = ROWS
        .iter()
        .filter(|row| {
            options.scenarios.is_empty() || options.scenarios.iter().any(|s| s == row.scenario)
        })
        .collect();
    let mut kinds = vec![Kind::Ours];
    for kind in &options.against {
        if !kinds.contains(kind) {
            kinds.push(*kind);
        }
    }

    let mut steps = Steps::new(2 + rows.len());
    steps.next("building the broker and the load generator", None);
    broker::build()?;
    run(cargo("build").args(["--release", "--package", "bench"]))?;
    steps.next("starting the brokers", None);
    let folder = target().join("bench");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    brokers::raise_limit()?;
    run(Command::new(release_binary("bench-certificate")).arg(&folder))?;
    let mut servers = kinds
        .iter()
        .map(|kind| Server::start(*kind, &folder, false))
        .collect::<Result<Vec<_>>>()?;

    let mut measured = Vec::new();
    for row in &rows {
        steps.next(row.what, None);
        let mut reports: BTreeMap<&'static str, Vec<Value>> = BTreeMap::new();
        for _ in 0..if row.once { 1 } else { pace.rounds } {
            for server in &mut servers {
                let report = if row.fresh {
                    let mut fresh = Server::start(server.kind, &folder, row.durable)?;
                    generate(row, &mut fresh, &pace, &folder)?
                } else {
                    generate(row, server, &pace, &folder)?
                };
                reports.entry(server.kind.name()).or_default().push(report);
                if server.has_ended()? {
                    *server = Server::start(server.kind, &folder, false)?;
                }
            }
        }
        measured.push(Measured { row, reports });
    }
    thread::sleep(REST);
    let mut after = BTreeMap::new();
    for server in &servers {
        let report = json!({ rows::MEMORY_AFTER: server.memory()? });
        after.insert(server.kind.name(), vec![report]);
    }
    measured.push(Measured {
        row: &rows::AFTER,
        reports: after,
    });

    table::print(&measured, &kinds);
    let path = folder.join("results.json");
    let text = format!("{:#}\n", table::json(&measured));
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    println!("All numbers of all rounds: {}", path.display());
    let failed = measured
        .iter()
        .any(|row| row.failure(Kind::Ours.name()).is_some());
    Ok(ExitCode::from(u8::from(failed)))
}

/// Has the clients of one row at one broker, and returns what they report.
fn generate(row: &Row, server: &mut Server, pace: &Pace, folder: &Path) -> Result<Value> {
    let mut command = Command::new(release_binary("loadgen"));
    command
        .arg(row.scenario)
        .args(["--pid", &server.id().to_string()])
        .args(["--tcp", &server.tcp.to_string()])
        .args(["--websocket", &server.websocket.to_string()])
        .args(["--tls", &server.tls.to_string()])
        .arg("--certificate")
        .arg(folder.join(brokers::CERTIFICATE))
        .args(["--warmup", &pace.warmup.to_string()])
        .args(["--window", &pace.window.to_string()]);
    let mut report = None;
    let status = run_by_line(&mut command, |line| {
        report = serde_json::from_str(line).ok();
    })?;
    Ok(report.unwrap_or_else(|| json!({ "failure": format!("no report ({status})") })))
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(values[middle - 1], upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([].into_iter()), None);
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(median([4.0, 1.0].into_iter()), Some(2.5));
    }

    #[test]
    fn one_failed_round_fails_the_row() {
        let reports = vec![json!({ "a": 1 }), json!({ "failure": "1 lost" })];
        let measured = Measured {
            row: &ROWS[0],
            reports: BTreeMap::from([("x", reports)]),
        };
        assert_eq!(measured.failure("x"), Some("1 lost"));
        assert_eq!(measured.failure("y"), None);
        assert_eq!(measured.median("x", "a"), None);
    }
}
