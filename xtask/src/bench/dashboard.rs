//! `cargo xtask bench dashboard`: the page in Chromium, as it is served by the
//! broker, on a laptop and on a phone.
//!
//! Chromium measures (`trace`, and `page.js` for what a page is told of itself);
//! `devices` publish from here over TCP.

mod chromium;
mod devices;
mod table;
mod trace;

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::brokers::{Kind, Server};
use super::{median, wire};
use crate::process::{Interrupted, run, stopping};
use crate::steps::Steps;
use crate::tools::{node, system};
use crate::workspace::{cargo, release_binary, target};
use crate::{broker, dashboard};
use chromium::{Chromium, Screen};
use devices::Devices;
use table::Table;
use trace::{Times, Trace};

/// Topics that speak, and messages a second, while it is busy.
const TOPICS: usize = 2_000;
const RATE: u32 = 2_000;
/// Rooms that the topics are in.
const ROOMS: usize = 20;
/// Cards that somebody has kept on Home.
const WIDGETS: usize = 50;
/// What answers to taps: the page's own switch, and what its topic is called.
const SWITCH: &str = "article.led button[role=switch]";
const LED: &str = "home/led";
/// Taps that are measured.
const TAPS: usize = 40;
/// A page that does nothing but note how late it hears of a tap: no page can be
/// faster than that.
const EMPTY: &str = "data:text/html,<meta name=viewport content='width=device-width'>\
    <button style='width:99px;height:99px'></button><script>const took = []; \
    document.querySelector('button').onclick = ({ timeStamp }) => took.push(performance.now() - timeStamp)</script>";
/// Messages a second while the page is opened, and while single ones are measured.
const LIVELY: u32 = 50;
const CALM: u32 = 10;
/// Until all that is bounded is full: a line has 96 points, at one a second, and
/// WebAssembly's memory grows ahead of what is in it.
const FILLED: Duration = Duration::from_secs(200);

/// How much is done.
struct Pace {
    openings: usize,
    /// How long messages and frames are watched.
    watch: Duration,
    /// How long it is busy before its memory is compared.
    busy: Duration,
}

/// Measures, prints the table, and fails when the page has complained.
pub(super) fn bench(is_quick: bool) -> Result<ExitCode> {
    let pace = if is_quick {
        Pace {
            openings: 3,
            watch: Duration::from_secs(5),
            busy: Duration::from_secs(60),
        }
    } else {
        Pace {
            openings: 9,
            watch: Duration::from_secs(15),
            busy: Duration::from_secs(600),
        }
    };
    let mut steps = Steps::new(dashboard::STEPS + 2 + Screen::ALL.len());
    dashboard::build(&mut steps)?;
    steps.next("building the broker", None);
    broker::build()?;
    run(cargo("build").args(["--release", "--package", "bench"]))?;
    let folder = target().join("bench");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    run(Command::new(release_binary("bench-certificate")).arg(&folder))?;
    let axe = node::modules(&system::npm()?)?.join("axe-core/axe.min.js");
    let axe = fs::read_to_string(&axe).with_context(|| format!("cannot read {}", axe.display()))?;

    let mut table = Table::default();
    for screen in Screen::ALL {
        steps.next("measuring the page", Some(screen.name()));
        let broker = Server::start(Kind::Ours, &folder, false)?;
        let mut chromium = Chromium::start(&folder.join("chromium"))?;
        chromium.look_at(screen)?;
        chromium.prepare(include_str!("dashboard/page.js"))?;
        let mut page = Page {
            chromium,
            screen,
            broker,
            table: &mut table,
        };
        page.nothing()?;
        page.openings(pace.openings)?;
        page.answers(pace.watch)?;
        page.judge(&axe)?;
        page.busy(&pace)?;
        let errors = page.chromium.errors();
        for error in &errors {
            eprintln!("the page says: {error}");
        }
        page.note("console errors", "", Some(errors.len() as f64));
    }
    table.print();
    let path = folder.join("dashboard.json");
    let text = format!("{:#}\n", table.json());
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    println!("All numbers: {}", path.display());
    Ok(ExitCode::from(u8::from(table.has_errors())))
}

/// The page on a screen, with a broker of its own.
struct Page<'a> {
    chromium: Chromium,
    screen: Screen,
    broker: Server,
    table: &'a mut Table,
}

impl Page<'_> {
    fn url(&self) -> String {
        format!("http://{}/", self.broker.websocket)
    }

    fn note(&mut self, name: &'static str, unit: &'static str, value: Option<f64>) {
        self.table.add(name, unit, self.screen, value);
    }

    fn tail(&mut self, name: &'static str, times: Option<Times>) {
        self.note(name, "ms p95", times.map(|times| times.p95));
    }

    /// How long a tap takes until any page hears of it.
    fn nothing(&mut self) -> Result<()> {
        self.chromium.open(EMPTY)?;
        taps(&mut self.chromium, "button", self.screen)?;
        let took = self.chromium.evaluate("took")?;
        let took = took
            .as_array()
            .map(|took| took.iter().filter_map(Value::as_f64).collect());
        self.tail("tap to an empty page", took.and_then(Times::of));
        Ok(())
    }

    /// How long it takes until there is something to see, and what is loaded.
    fn openings(&mut self, count: usize) -> Result<()> {
        let _devices = Devices::start(self.broker.tcp, rooms(1, 12), LIVELY)?;
        let mut all = Vec::new();
        for _ in 0..count {
            self.chromium.open(&self.url())?;
            all.push(self.chromium.evaluate("bench.opened()")?);
        }
        // Later, the service worker gives what it has kept, uncompressed.
        let bytes = all
            .first()
            .and_then(|first: &Value| first["bytes"].as_f64());
        let name = "wasm + JS + CSS, brotli";
        self.note(name, "KB", bytes.map(|bytes| bytes / 1e3));
        for (field, name, unit) in [
            ("paint", "first paint", "ms"),
            ("value", "first live value", "ms"),
            ("largest", "largest contentful paint", "ms"),
            ("shift", "layout shift while opening", ""),
        ] {
            let numbers = all.iter().filter_map(|one| one[field].as_f64());
            self.note(name, unit, median(numbers));
        }
        Ok(())
    }

    /// How soon taps and messages are answered on a quiet day.
    fn answers(&mut self, watch: Duration) -> Result<()> {
        let mut stream = wire::connect(self.broker.tcp, wire::V311, "led")?;
        let mut off = Vec::new();
        wire::publish(&mut off, LED, None, b"Turn Off");
        std::io::Write::write_all(&mut stream, &off)?;
        self.chromium
            .until(&format!("document.querySelector('{SWITCH}')"))?;
        let screen = self.screen;
        let events = self
            .chromium
            .trace(|chromium| taps(chromium, SWITCH, screen))?;
        let trace = Trace::read(&events);
        self.tail("tap to visual change", trace.tap_to_pixels());
        self.tail("tap to PUBLISH on the wire", trace.tap_to_wire());

        // One that is to be seen without scrolling.
        let _devices = Devices::start(self.broker.tcp, rooms(1, 1), CALM)?;
        let events = self.chromium.trace(|_| pause(watch))?;
        self.tail(
            "message in to pixels",
            Trace::read(&events).message_to_pixels(),
        );
        Ok(())
    }

    /// What axe-core has against it, light and dark.
    fn judge(&mut self, axe: &str) -> Result<()> {
        self.chromium.evaluate(axe)?;
        let mut violations = 0.0;
        for theme in ["light", "dark"] {
            self.chromium.prefer(theme)?;
            self.chromium.until(&format!(
                "document.querySelector('[data-testid=theme]').ariaPressed === '{}'",
                theme == "dark"
            ))?;
            let script =
                "axe.run(document).then(({ violations }) => violations.map(({ id }) => id))";
            let found = self.chromium.evaluate(script)?;
            for id in found.as_array().into_iter().flatten() {
                eprintln!("axe-core, {theme}: {id}");
                violations += 1.0;
            }
        }
        self.chromium.prefer_nothing()?;
        self.note("axe violations", "", Some(violations));
        Ok(())
    }

    /// Frames and memory while many topics speak.
    fn busy(&mut self, pace: &Pace) -> Result<()> {
        let topics = rooms(ROOMS, TOPICS / ROOMS);
        keep_widgets(self.broker.tcp, &topics)?;
        let (devices, begin) = (
            Devices::start(self.broker.tcp, topics, RATE)?,
            Instant::now(),
        );
        let url = self.url();
        self.chromium.open(&url)?;
        self.chromium.until(&format!(
            "document.querySelectorAll('.kept article').length === {WIDGETS}"
        ))?;
        let room = "[data-path=room00] .fold";
        for (view, ready, rows) in [
            ("", "article[data-topic]", table::HOME),
            ("topics/room00/sensor000", room, table::TOPICS),
            ("log", ".stream li", table::LOG),
        ] {
            self.chromium
                .evaluate(&format!("location.hash = '#/{view}'"))?;
            let there = format!("document.querySelector('{ready}')");
            self.chromium.until(&there)?;
            if ready == room {
                self.chromium.evaluate(&format!(
                    "{there}.dispatchEvent(new MouseEvent('click', {{ bubbles: true }}))"
                ))?;
            }
            pause(Duration::from_secs(2))?;
            self.chromium.evaluate("bench.beat()")?;
            self.chromium.evaluate("bench.jank()")?;
            let before = self.chromium.busy()?;
            let events = self.chromium.trace(|_| pause(pace.watch))?;
            let busy = self.chromium.busy()? - before;
            let jank = self.chromium.evaluate("bench.jank()")?;
            self.chromium.evaluate("bench.rest()")?;
            let frames = Trace::read(&events).frames();
            let seconds = pace.watch.as_secs_f64();
            let values = [
                Some(frames.in_time()),
                Some(frames.whole as f64 / seconds),
                Some(frames.p95),
                Some(100.0 * busy / seconds),
                jank["long"].as_f64().map(|long| long / seconds),
                jank["shift"].as_f64(),
            ];
            for ((name, unit), value) in rows.into_iter().zip(values) {
                self.note(name, unit, value);
            }
        }
        self.chromium.evaluate("location.hash = '#/'")?;
        pause(FILLED.saturating_sub(begin.elapsed()))?;
        let before = self.chromium.heap()?;
        pause(pace.busy)?;
        let after = self.chromium.heap()?;
        self.note("heap when busy", "MB", Some(before / 1e6));
        self.note("heap gained since", "MB", Some((after - before) / 1e6));
        let sent = devices.stop()?;
        let took = begin.elapsed().as_secs_f64();
        ensure!(
            sent as f64 > took * f64::from(RATE) * 0.9,
            "this machine is too busy: {sent} messages in {took:.0} s"
        );
        Ok(())
    }
}

/// Taps again and again.
fn taps(chromium: &mut Chromium, selector: &str, screen: Screen) -> Result<()> {
    for _ in 0..TAPS {
        chromium.tap(selector, screen)?;
        // So that each has the page to itself, and meets no frame on purpose.
        pause(Duration::from_millis(237))?;
    }
    Ok(())
}

/// The topics of so many rooms, with so many sensors in each.
fn rooms(rooms: usize, sensors: usize) -> Vec<String> {
    let room = |room| (0..sensors).map(move |sensor| format!("room{room:02}/sensor{sensor:03}"));
    (0..rooms).flat_map(room).collect()
}

/// Keeps cards of all sorts on Home, as somebody would.
fn keep_widgets(broker: SocketAddr, topics: &[String]) -> Result<()> {
    const KINDS: [&str; 10] = [
        "value", "value", "value", "gauge", "value", "chart", "value", "toggle", "value", "value",
    ];
    let widgets = topics.iter().step_by(TOPICS / WIDGETS).zip(0..);
    let widgets = widgets.map(|(topic, number): (_, usize)| {
        json!({ "type": KINDS[number % KINDS.len()], "topic": topic })
    });
    let layout = json!({ "widgets": widgets.collect::<Vec<_>>(), "hidden": [] });
    let request = json!({ "name": "home", "revision": 0, "layout": layout });
    let answer = wire::ask(broker, "layout", request.to_string().as_bytes())?;
    ensure!(answer.contains("revision"), "no layout: {answer}");
    Ok(())
}

fn pause(time: Duration) -> Result<()> {
    let end = Instant::now() + time;
    while Instant::now() < end {
        if stopping() {
            return Err(Interrupted.into());
        }
        thread::sleep(Duration::from_millis(50).min(end.saturating_duration_since(Instant::now())));
    }
    Ok(())
}
