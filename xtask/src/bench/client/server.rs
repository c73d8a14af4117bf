//! What the page of the benchmark asks for, over HTTP.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::flood::Flood;
use crate::process::{Interrupted, stopping};

const PAGE: &str =
    "<!doctype html><title>bench</title><script type=\"module\" src=\"/page.js\"></script>";

/// How long one turn may take.
const PATIENCE: Duration = Duration::from_secs(600);
const TICK: Duration = Duration::from_millis(5);
/// The kernel's unit of processor time (`USER_HZ`), which is the same everywhere.
const TICKS_PER_SECOND: f64 = 100.0;

pub(super) struct Server {
    listener: TcpListener,
    package: PathBuf,
    modules: PathBuf,
    broker: SocketAddr,
    turns: VecDeque<Value>,
    reports: Vec<Value>,
}

impl Server {
    pub(super) fn new(
        package: &Path,
        modules: &Path,
        broker: SocketAddr,
        turns: VecDeque<Value>,
    ) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen")?;
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener,
            package: package.to_owned(),
            modules: modules.to_owned(),
            broker,
            turns,
            reports: Vec::new(),
        })
    }

    pub(super) fn url(&self) -> String {
        let port = self
            .listener
            .local_addr()
            .map_or(0, |address| address.port());
        format!("http://127.0.0.1:{port}/")
    }

    /// Serves until all turns are over, and gives their reports.
    pub(super) fn serve(mut self, browser: u32) -> Result<Vec<Value>> {
        let mut deadline = Instant::now() + PATIENCE;
        while !self.turns.is_empty() {
            if stopping() {
                return Err(Interrupted.into());
            }
            if Instant::now() > deadline {
                bail!("the page has not answered for {} s", PATIENCE.as_secs());
            }
            let Ok((stream, _)) = self.listener.accept() else {
                thread::sleep(TICK);
                continue;
            };
            let before = self.reports.len();
            stream.set_nonblocking(false)?;
            // A browser may open a connection and say nothing.
            stream.set_read_timeout(Some(Duration::from_secs(1)))?;
            if let Err(error) = self.handle(stream, browser) {
                eprintln!("the page's request: {error:#}");
            }
            if self.reports.len() > before {
                deadline = Instant::now() + PATIENCE;
            }
        }
        Ok(self.reports)
    }

    fn handle(&mut self, mut stream: TcpStream, browser: u32) -> Result<()> {
        let mut input = BufReader::new(stream.try_clone()?);
        let mut line = String::new();
        if input.read_line(&mut line).unwrap_or(0) == 0 {
            return Ok(());
        }
        let target = line.split(' ').nth(1).unwrap_or("/").to_owned();
        let mut length = 0;
        loop {
            let mut header = String::new();
            input.read_line(&mut header)?;
            if header.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        input.read_exact(&mut body)?;
        let (kind, content) = self.answer(&target, &body, browser)?;
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
             Cache-Control: no-store\r\nConnection: close\r\n\r\n",
            content.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(&content)?;
        Ok(())
    }

    fn answer(
        &mut self,
        target: &str,
        body: &[u8],
        browser: u32,
    ) -> Result<(&'static str, Vec<u8>)> {
        const SCRIPT: &str = "text/javascript";
        let data = |value: Value| Ok(("application/json", value.to_string().into_bytes()));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        match path {
            "/" => Ok(("text/html", PAGE.into())),
            "/page.js" => Ok((SCRIPT, include_str!("../page.js").into())),
            "/turn" => data(self.turns.front().cloned().unwrap_or_default()),
            "/cpu" => data(json!({ "seconds": cpu_seconds(browser)? })),
            "/flood" => {
                let flood = flood(query)?;
                let broker = self.broker;
                thread::spawn(move || {
                    if let Err(error) = flood.run(broker) {
                        eprintln!("the publisher: {error:#}");
                    }
                });
                data(Value::Null)
            }
            "/report" => {
                self.reports.push(serde_json::from_slice(body)?);
                self.turns.pop_front();
                data(json!(!self.turns.is_empty()))
            }
            "/mqttjs.js" => read(SCRIPT, &self.modules.join("mqtt/dist/mqtt.esm.js")),
            "/paho.js" => read(SCRIPT, &self.modules.join("paho-mqtt/paho-mqtt-min.js")),
            _ => match path.strip_prefix("/package/") {
                Some(name) => {
                    ensure!(!name.contains(".."), "{name} is no file of the package");
                    let kind = if name.ends_with(".wasm") {
                        "application/wasm"
                    } else {
                        SCRIPT
                    };
                    read(kind, &self.package.join(name))
                }
                None => Ok(("text/plain", Vec::new())),
            },
        }
    }
}

fn read(kind: &'static str, path: &Path) -> Result<(&'static str, Vec<u8>)> {
    let content = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok((kind, content))
}

fn flood(query: &str) -> Result<Flood> {
    let value = |name: &str| {
        let mut fields = query.split('&').filter_map(|field| field.split_once('='));
        let found = fields.find(|(key, _)| *key == name);
        let (_, value) = found.with_context(|| format!("no {name}"))?;
        anyhow::Ok(value.replace("%2F", "/"))
    };
    Ok(Flood {
        topic: value("topic")?,
        qos: value("qos")?.parse()?,
        size: value("size")?.parse()?,
        count: value("count")?.parse()?,
    })
}

/// Processor time of the browser's pages so far, in seconds.
fn cpu_seconds(browser: u32) -> Result<f64> {
    let mut ticks = 0;
    for entry in fs::read_dir("/proc").context("processor times need Linux")? {
        let path = entry?.path();
        let Ok(command) = fs::read_to_string(path.join("cmdline")) else {
            continue;
        };
        // The browser's process group is its own.
        if command.contains("--type=renderer")
            && let Ok(stat) = fs::read_to_string(path.join("stat"))
            && let Some((_, rest)) = stat.rsplit_once(") ")
        {
            let fields: Vec<&str> = rest.split(' ').collect();
            if fields.get(2) == Some(&browser.to_string().as_str()) {
                let of = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok());
                ticks += of(11).unwrap_or(0) + of(12).unwrap_or(0);
            }
        }
    }
    Ok(ticks as f64 / TICKS_PER_SECOND)
}
