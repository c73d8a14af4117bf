//! The load generator: plays many MQTT 3.1.1 clients against one broker, counts
//! every message, and says what the broker's process used for it. One run is
//! one scenario; the answer is one line of JSON, with `failure` in it when a
//! message was lost or came out of order, or when the broker did not keep up
//! its end.
//!
//! It shares no code with the broker. `cargo xtask bench` starts both.

#![expect(
    clippy::print_stdout,
    reason = "a command-line program: printing is how it answers"
)]

mod connection;
mod fairness;
mod flow;
mod histogram;
mod idle;
mod latency;
mod mqtt;
mod process;
mod sequence;
mod stream;
mod websocket;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use serde_json::{Value, json};

use connection::Broker;
use flow::Shape;
use process::Process;

/// Plays many MQTT clients against one broker and measures its process.
#[derive(Parser)]
struct Args {
    scenario: Scenario,
    /// The broker's process.
    #[arg(long)]
    pid: u32,
    /// Where it listens for MQTT over TCP.
    #[arg(long)]
    tcp: SocketAddr,
    /// Where it listens for MQTT over WebSocket.
    #[arg(long)]
    websocket: SocketAddr,
    /// Where it listens for MQTT over TLS.
    #[arg(long)]
    tls: SocketAddr,
    /// The certificate that it has there.
    #[arg(long)]
    certificate: PathBuf,
    /// Milliseconds before the measuring begins.
    #[arg(long, default_value_t = 1000)]
    warmup: u64,
    /// Milliseconds that are measured.
    #[arg(long, default_value_t = 2000)]
    window: u64,
}

/// What the clients do.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Scenario {
    /// QoS 0, 10 publishers to 10 subscribers, one each.
    Qos0Pairs,
    /// QoS 0, one publisher to 50 subscribers.
    Qos0FanOut,
    /// QoS 0, 20 publishers to one subscriber.
    Qos0FanIn,
    /// QoS 1, 10 publishers to 10 subscribers, one each.
    Qos1Pairs,
    /// QoS 1, one publisher to 50 subscribers.
    Qos1FanOut,
    /// QoS 2, 10 publishers to 10 subscribers, one each.
    Qos2Pairs,
    /// QoS 1, 10 to 10, to sessions that are kept.
    Durable,
    /// QoS 0, 10 to 10, payloads of 1,024 bytes.
    Large,
    /// QoS 0, 10 to 10, over WebSocket.
    Websocket,
    /// QoS 0, 10 to 10, over TLS.
    Tls,
    /// Pings and QoS 1 round trips of one client under the flood of another.
    Fairness,
    /// 10,000 messages a second over 10 pairs.
    Latency,
    /// 10,000 connections with a subscription each.
    Idle,
    /// 20,000 connections, or as many as may be open, with a subscription each.
    Crowd,
}

/// How a broker is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Tcp,
    WebSocket,
    Tls,
}

/// The broker that is measured, and how long.
struct Target {
    tcp: SocketAddr,
    websocket: SocketAddr,
    tls: SocketAddr,
    certificate: PathBuf,
    process: Process,
    own: Process,
    warmup: Duration,
    window: Duration,
}

impl Target {
    /// The certificate is read by those who speak TLS.
    fn broker(&self, transport: Transport) -> Result<Broker> {
        let address = match transport {
            Transport::Tcp => self.tcp,
            Transport::WebSocket => self.websocket,
            Transport::Tls => self.tls,
        };
        let is_tls = transport == Transport::Tls;
        let tls = is_tls.then(|| stream::tls(&self.certificate));
        Ok(Broker {
            address,
            websocket: transport == Transport::WebSocket,
            keeps: false,
            tls: tls.transpose()?,
        })
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let target = Target {
        tcp: args.tcp,
        websocket: args.websocket,
        tls: args.tls,
        certificate: args.certificate,
        process: Process(args.pid),
        own: Process(std::process::id()),
        warmup: Duration::from_millis(args.warmup),
        window: Duration::from_millis(args.window),
    };
    let mut report = match run(args.scenario, &target) {
        Ok(report) => report,
        Err(error) => json!({ "failure": format!("{error:#}") }),
    };
    let wrong: Vec<String> = ["lost", "disordered", "unfinished"]
        .into_iter()
        .filter(|what| report[what].as_u64().is_some_and(|count| count > 0))
        .map(|what| format!("{} {what}", report[what]))
        .collect();
    if !wrong.is_empty() {
        report["failure"] = Value::String(wrong.join(", "));
    }
    println!("{report}");
    ExitCode::from(u8::from(report.get("failure").is_some()))
}

fn run(scenario: Scenario, target: &Target) -> Result<Value> {
    let shape = |publishers, subscribers, qos| Shape {
        publishers,
        subscribers,
        qos,
        payload: 64,
        transport: Transport::Tcp,
        durable: false,
    };
    let shape = match scenario {
        Scenario::Qos0Pairs => shape(10, 10, 0),
        Scenario::Qos0FanOut => shape(1, 50, 0),
        Scenario::Qos0FanIn => shape(20, 1, 0),
        Scenario::Qos1Pairs => shape(10, 10, 1),
        Scenario::Qos1FanOut => shape(1, 50, 1),
        Scenario::Qos2Pairs => shape(10, 10, 2),
        Scenario::Durable => Shape {
            durable: true,
            ..shape(10, 10, 1)
        },
        Scenario::Large => Shape {
            payload: 1024,
            ..shape(10, 10, 0)
        },
        Scenario::Websocket => Shape {
            transport: Transport::WebSocket,
            ..shape(10, 10, 0)
        },
        Scenario::Tls => Shape {
            transport: Transport::Tls,
            ..shape(10, 10, 0)
        },
        Scenario::Fairness => return fairness::run(target),
        Scenario::Latency => return latency::run(target),
        Scenario::Idle => return idle::run(target, 10_000),
        Scenario::Crowd => return idle::run(target, 20_000),
    };
    flow::run(&shape, target)
}
