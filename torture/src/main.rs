//! Kills the broker again and again while clients publish and subscribe, and
//! checks that everything it has acknowledged is still there.
//!
//! Publishers and subscribers with sessions that are kept, at QoS 1 and 2, in
//! MQTT 3.1.1 and 5.0, run against a broker that is killed at random moments
//! and started again. Each publisher sends the numbers from 0 on to a topic of
//! its own. In the end every subscriber must have received all of them, at QoS
//! 1 each at least once and in order, at QoS 2 exactly once; no session may
//! have been lost; and what is retained must be what was acknowledged last, or
//! something later, after each start.
//!
//! The moments are random, so a seed does not make a run happen again; it says
//! which one failed, and makes it likely to.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program: printing is how it answers"
)]

mod broker;
mod client;
mod publisher;
mod subscriber;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Parser;
use codec::{ProtocolVersion, QoS};
use fastrand::Rng;

use broker::Broker;
use client::World;
use publisher::Publisher;
use subscriber::Subscriber;

/// How long clients may take to bring everything over when the broker is not
/// killed any more.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Parser)]
struct Arguments {
    /// The broker's program.
    broker: PathBuf,
    /// A folder for its configuration and its store, emptied first.
    folder: PathBuf,
    /// How often it is killed.
    #[arg(long)]
    cycles: u32,
    /// What chooses the moments.
    #[arg(long)]
    seed: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match torture(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#} (seed {})", arguments.seed);
            ExitCode::FAILURE
        }
    }
}

fn torture(arguments: &Arguments) -> Result<()> {
    let mut rng = Rng::with_seed(arguments.seed);
    let started = Instant::now();
    let mut broker = Broker::new(&arguments.broker, &arguments.folder)?;
    let world = Arc::new(World::new(broker.address()));
    broker.start()?;

    let qos = [QoS::AtLeastOnce, QoS::ExactlyOnce];
    let versions = [ProtocolVersion::V3_1_1, ProtocolVersion::V5];
    let kinds = || qos.into_iter().flat_map(|q| versions.map(|v| (q, v)));
    let subscribers: Vec<_> = kinds()
        .enumerate()
        .map(|(n, (qos, version))| Subscriber::new(&format!("subscriber-{n}"), version, qos))
        .map(|subscriber| subscriber.start(&world, rng.u64(..)))
        .collect();
    // Who has its SUBACK gets everything from here on.
    wait(&world, "SUBACK", || {
        subscribers.iter().all(|s| s.report().is_subscribed)
    })?;
    let publishers: Vec<_> = kinds()
        .enumerate()
        .map(|(n, (qos, version))| Publisher::new(n, version, qos))
        .map(|publisher| publisher.start(&world))
        .collect();

    for cycle in 1..=arguments.cycles {
        thread::sleep(Duration::from_millis(rng.u64(1..250)));
        // What was acknowledged by now must be there, what was sent may be.
        let acknowledged: Vec<_> = publishers.iter().map(|p| p.report().retained).collect();
        if rng.u8(..10) == 0 {
            broker.stop()?;
        } else {
            broker.kill()?;
        }
        world.check()?;
        world.pause();
        broker.start()?;
        for (publisher, acknowledged) in publishers.iter().zip(acknowledged) {
            let sent = publisher.report().sent;
            client::check_retained(&world, publisher.topic(), acknowledged, sent)?;
        }
        world.go_on();
        if cycle % 50 == 0 {
            println!("{cycle} cycles, {} messages", total(&publishers));
        }
    }

    for publisher in &publishers {
        publisher.finish();
    }
    wait(&world, "every publish to be acknowledged", || {
        publishers.iter().all(|p| p.report().is_done())
    })?;
    let sent: Vec<_> = publishers.iter().map(|p| p.report().sent).collect();
    let has_all = |s: &subscriber::Handle| {
        let report = s.report();
        publishers
            .iter()
            .zip(&sent)
            .all(|(p, sent)| report.next(p.topic()) == *sent)
    };
    let arrived = wait(&world, "everything to arrive", || {
        subscribers.iter().all(has_all)
    });
    if let Err(error) = arrived {
        for subscriber in &subscribers {
            for (publisher, sent) in publishers.iter().zip(&sent) {
                let next = subscriber.report().next(publisher.topic());
                if next != *sent {
                    eprintln!(
                        "{}: {} {next} of {sent}",
                        subscriber.id(),
                        publisher.topic()
                    );
                }
            }
        }
        return Err(error);
    }
    // Copies would come late.
    thread::sleep(Duration::from_millis(200));
    world.check()?;
    broker.stop()?;
    println!(
        "{} cycles in {:.0} s: {} messages to {} subscribers, none lost, seed {}",
        arguments.cycles,
        started.elapsed().as_secs_f64(),
        total(&publishers),
        subscribers.len(),
        arguments.seed
    );
    Ok(())
}

fn total(publishers: &[publisher::Handle]) -> u64 {
    publishers.iter().map(|p| p.report().sent).sum()
}

/// Waits until it is so, unless something goes wrong before.
fn wait(world: &World, what: &str, mut is_so: impl FnMut() -> bool) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        world.check()?;
        if Instant::now() > deadline {
            bail!("waited {} s in vain for {what}", PATIENCE.as_secs());
        }
        thread::sleep(Duration::from_millis(5));
    }
    world.check()
}
