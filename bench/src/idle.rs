//! Many clients that have subscribed and do nothing: what each has cost to let
//! in, and what it costs to keep.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::json;

use crate::Target;
use crate::connection::Connection;

const CONNECTIONS: usize = 10_000;
/// How many connect at the same time.
const AT_ONCE: usize = 4;
/// How long the broker may take to come to rest.
const REST: Duration = Duration::from_millis(300);

/// Connects them all, looks, and lets them go.
pub(crate) fn run(target: &Target) -> Result<serde_json::Value> {
    raise_limit()?;
    let broker = target.broker(false);
    let memory = target.process.memory()?;
    let cpu = target.process.cpu()?;
    let begin = Instant::now();
    let connections = thread::scope(|scope| -> Result<Vec<Connection>> {
        let threads: Vec<_> = (0..AT_ONCE)
            .map(|first| {
                scope.spawn(move || {
                    (first..CONNECTIONS)
                        .step_by(AT_ONCE)
                        .map(|n| {
                            let filter = format!("idle/{n}");
                            Connection::open(broker, &format!("idle-{n}"), Some((&filter, 0)))
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
    })?;
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

/// Lets this program have as many sockets as the system allows.
#[cfg(unix)]
fn raise_limit() -> Result<()> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    let wanted = CONNECTIONS as u64 + 100;
    anyhow::ensure!(
        hard >= wanted,
        "{wanted} open files are wanted and {hard} allowed: raise the limit (`ulimit -Hn`)"
    );
    Ok(())
}

#[cfg(not(unix))]
fn raise_limit() -> Result<()> {
    Ok(())
}
