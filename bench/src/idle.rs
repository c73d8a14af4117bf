//! Many clients that have subscribed and do nothing: what each has cost to let
//! in, and what it costs to keep.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::json;

use crate::connection::{Broker, Connection};
use crate::{Target, Transport};

/// How many connect at the same time.
const AT_ONCE: usize = 4;
/// Clients that come and go before it is measured.
const WARM_UP: usize = 100;
/// How long the broker may take to come to rest.
const REST: Duration = Duration::from_millis(300);

/// Connects them all, looks, and lets them go.
pub(crate) fn run(target: &Target, count: usize) -> Result<serde_json::Value> {
    let count = raise_limit(count)?;
    let broker = &target.broker(Transport::Tcp)?;
    // As in every row, what happens for the first time is not measured: pages
    // of the program that are read in, pools that are made.
    drop(connect(broker, "warm", WARM_UP)?);
    thread::sleep(REST);
    let memory = target.process.memory()?;
    let cpu = target.process.cpu()?;
    let begin = Instant::now();
    let connections = connect(broker, "idle", count)?;
    let seconds = begin.elapsed().as_secs_f64();
    thread::sleep(REST);
    let cpu = target.process.cpu()? - cpu;
    let grown = target.process.memory()?.saturating_sub(memory);
    let count = connections.len() as f64;
    Ok(json!({
        "connections": connections.len(),
        "connections_per_second": count / seconds,
        "cpu_us_per_connection": cpu.as_secs_f64() * 1e6 / count,
        "bytes_per_connection": grown as f64 / count,
        "memory_at_rest_bytes": memory,
        "lost": 0,
        "disordered": 0,
        "unfinished": 0,
    }))
}

/// That many clients, each with a subscription of its own.
fn connect(broker: &Broker, name: &str, count: usize) -> Result<Vec<Connection>> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE)
            .map(|first| {
                scope.spawn(move || {
                    (first..count)
                        .step_by(AT_ONCE)
                        .map(|n| {
                            let filter = format!("{name}/{n}");
                            Connection::open(broker, &format!("{name}-{n}"), Some((&filter, 0)))
                        })
                        .collect::<Result<Vec<_>>>()
                })
            })
            .collect();
        let mut all = Vec::new();
        for thread in threads {
            match thread.join() {
                Ok(connections) => all.extend(connections?),
                Err(_) => bail!("a connecting thread panicked"),
            }
        }
        Ok(all)
    })
}

/// Files that are open besides the connections, here and in a broker.
const SPARE: usize = 100;

/// Lets this program have as many sockets as the system allows; gives how many
/// of the connections that are wanted it can have.
#[cfg(unix)]
fn raise_limit(count: usize) -> Result<usize> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    let room = usize::try_from(hard).unwrap_or(usize::MAX);
    Ok(count.min(room.saturating_sub(SPARE)))
}

#[cfg(not(unix))]
fn raise_limit(count: usize) -> Result<usize> {
    Ok(count)
}
