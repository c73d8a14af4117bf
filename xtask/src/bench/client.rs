//! `cargo xtask bench client`: the browser client beside MQTT.js and Paho JS,
//! in one Chromium, against one broker, in turns.
//!
//! The page (`page.js`) measures; here is what it asks for: its files, messages
//! by the thousand, the processor time of its process, and whose turn it is.

mod flood;
mod server;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::brokers::{Kind, Server};
use super::{FLAGS, median};
use crate::process::{Running, answer, run};
use crate::steps::Steps;
use crate::tools::{node, system};
use crate::workspace::{cargo, release_binary, target};
use crate::{broker, package_js};

/// The clients: ours first.
const CLIENTS: [&str; 3] = ["client-wasm", "MQTT.js", "Paho JS"];

/// A line of the table: its name in the page's report, a unit, what a unit is in
/// the report's terms, and whether more is better.
const ROWS: [(&str, &str, f64, bool); 12] = [
    ("connect", "ms", 1.0, false),
    ("received 64 B QoS 0", "1,000/s", 1e3, true),
    ("received 64 B QoS 0 CPU", "1,000/CPU s", 1e3, true),
    ("received 64 B QoS 1", "1,000/s", 1e3, true),
    ("received 64 B QoS 1 CPU", "1,000/CPU s", 1e3, true),
    ("received 4 KB QoS 0", "1,000/s", 1e3, true),
    ("received 4 KB QoS 0 CPU", "1,000/CPU s", 1e3, true),
    ("received 4 KB QoS 1", "1,000/s", 1e3, true),
    ("received 4 KB QoS 1 CPU", "1,000/CPU s", 1e3, true),
    ("published QoS 0", "1,000/s", 1e3, true),
    ("published QoS 1", "1,000/s", 1e3, true),
    ("heap", "MB", 1e6, false),
];

/// How much is done.
struct Pace {
    rounds: usize,
    messages: u32,
    many: u32,
    connects: u32,
}

/// Measures, and prints the table.
pub(super) fn bench(is_quick: bool) -> Result<ExitCode> {
    let pace = if is_quick {
        Pace {
            rounds: 1,
            messages: 20_000,
            many: 50_000,
            connects: 5,
        }
    } else {
        Pace {
            rounds: 3,
            messages: 200_000,
            many: 1_000_000,
            connects: 20,
        }
    };
    let mut steps = Steps::new(package_js::STEPS + 2);
    let package = package_js::build(&mut steps)?;
    steps.next("building and starting the broker", None);
    broker::build()?;
    run(cargo("build").args(["--release", "--package", "bench"]))?;
    let folder = target().join("bench");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    run(Command::new(release_binary("bench-certificate")).arg(&folder))?;
    let broker = Server::start(Kind::Ours, &folder, false)?;
    let modules = node::clients(&system::npm()?)?;
    steps.next("measuring three clients in Chromium", None);
    let reports = measure(&broker, &package.folder, &modules, &pace, &folder)?;

    let mut rows = sizes(&package.folder, &modules)?;
    for (name, unit, scale, is_gain) in ROWS {
        let of = |client| {
            let reports = reports.iter().filter(|report| report["client"] == client);
            median(reports.filter_map(|report| report[name].as_f64()))
        };
        let numbers = CLIENTS.map(|client| of(client).map(|number| number / scale));
        rows.push((name.to_owned(), unit, numbers, is_gain));
    }
    print(&rows);
    let mut failures = BTreeMap::new();
    for report in &reports {
        if let Some(failure) = report["failure"].as_str() {
            failures.insert(report["client"].to_string(), failure.to_owned());
        }
        if let Some(lost) = report["lost"].as_u64() {
            println!("{}: {lost} lost at QoS 0", report["client"]);
        }
    }
    for (client, failure) in &failures {
        println!("{client}: FAILED: {failure}");
    }
    let path = folder.join("clients.json");
    let text = format!("{:#}\n", Value::from(reports));
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    println!("All numbers of all rounds: {}", path.display());
    Ok(ExitCode::from(u8::from(!failures.is_empty())))
}

/// What all turns report, each client's in each round.
fn measure(
    broker: &Server,
    package: &Path,
    modules: &Path,
    pace: &Pace,
    folder: &Path,
) -> Result<Vec<Value>> {
    let turns = (0..pace.rounds).flat_map(|_| CLIENTS).map(|client| {
        serde_json::json!({
            "client": client,
            "url": format!("ws://{}/mqtt", broker.websocket),
            "messages": pace.messages,
            "many": pace.many,
            "connects": pace.connects,
        })
    });
    let profile = folder.join("chromium");
    if profile.exists() {
        fs::remove_dir_all(&profile)
            .with_context(|| format!("cannot remove {}", profile.display()))?;
    }
    let server = server::Server::new(package, modules, broker.tcp, turns.collect())?;
    let (chromium, _) = system::browser()?;
    let mut command = Command::new(chromium);
    command
        .args(FLAGS)
        .args(["--enable-precise-memory-info", "--js-flags=--expose-gc"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(server.url())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let chromium = Running::start(&mut command)?;
    server.serve(chromium.id())
}

/// A row of the table.
type Row = (String, &'static str, [Option<f64>; CLIENTS.len()], bool);

/// What a page loads of each, as a web server has it, and compressed.
fn sizes(package: &Path, modules: &Path) -> Result<Vec<Row>> {
    const SCRIPT: &str = "const z = require('zlib'), f = require('fs'); \
        const all = process.argv.slice(1).map((name) => f.readFileSync(name)); \
        const sum = (pack) => all.reduce((sum, file) => sum + pack(file).length, 0); \
        console.log(sum((f) => f), sum((f) => z.gzipSync(f, { level: 9 })), sum((f) => z.brotliCompressSync(f)))";
    let ours = ["index.js", "store.js", "core_bg.wasm"].map(|name| package.join(name));
    let files: [Vec<PathBuf>; CLIENTS.len()] = [
        ours.into(),
        vec![modules.join("mqtt/dist/mqtt.min.js")],
        vec![modules.join("paho-mqtt/paho-mqtt-min.js")],
    ];
    let mut rows = ["size", "size, gzip", "size, brotli"]
        .map(|name| (name.to_owned(), "KB", [None; CLIENTS.len()], false));
    for (client, files) in files.iter().enumerate() {
        let mut command = Command::new(system::node()?);
        command.args(["-e", SCRIPT]).args(files);
        let said = answer(&mut command).context("Node measured nothing")?;
        for (row, bytes) in rows.iter_mut().zip(said.split_whitespace()) {
            row.2[client] = Some(bytes.parse::<f64>()? / 1000.0);
        }
    }
    ensure!(
        rows[2].2.iter().all(Option::is_some),
        "Node measured too little"
    );
    Ok(rows.into())
}

fn print(rows: &[Row]) {
    print!("\n{:<26} {:<12}", "", "");
    for client in CLIENTS {
        print!(" {client:>12}");
    }
    println!("  against the best of the others");
    for (name, unit, numbers, is_gain) in rows {
        print!("{name:<26} {unit:<12}");
        for number in numbers {
            let text = number.map_or_else(|| "-".into(), |number| format!("{number:.1}"));
            print!(" {text:>12}");
        }
        let others = numbers[1..].iter().flatten().copied();
        let best = if *is_gain {
            others.reduce(f64::max)
        } else {
            others.reduce(f64::min)
        };
        let ratio = numbers[0].zip(best).map(|(own, best)| own / best);
        let words = ratio.map_or(String::new(), |ratio| {
            let is_ahead = if *is_gain { ratio >= 1.0 } else { ratio <= 1.0 };
            format!("{ratio:.2}x {}", if is_ahead { "ahead" } else { "behind" })
        });
        println!("  {words}");
    }
    println!();
}
