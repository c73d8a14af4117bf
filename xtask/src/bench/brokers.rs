//! The brokers that are measured: all on loopback, on ports that are free, with
//! queue limits off.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::broker::free_ports;
use crate::process::{Interrupted, Running, stopping};
use crate::tools::system;
use crate::workspace::release_binary;

/// How long a broker may take until it listens.
const PATIENCE: Duration = Duration::from_secs(30);

/// A broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    #[value(skip)]
    Ours,
    /// Debian's package.
    Mosquitto,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Ours => "ws-broker",
            Kind::Mosquitto => "mosquitto",
        }
    }

    fn program(self) -> Result<PathBuf> {
        match self {
            Kind::Ours => Ok(release_binary("ws-broker")),
            Kind::Mosquitto => system::mosquitto(),
        }
    }
}

/// A broker that runs.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) tcp: SocketAddr,
    pub(crate) websocket: SocketAddr,
    running: Running,
}

impl Server {
    /// Starts it and waits until it listens. Its config file and what it writes
    /// stay in the folder.
    pub(crate) fn start(kind: Kind, folder: &Path) -> Result<Server> {
        let [tcp, websocket] =
            free_ports()?.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let config = folder.join(format!("{}.conf", kind.name()));
        let text = format!(
            "listener {} 127.0.0.1\nlistener {} 127.0.0.1\nprotocol websockets\n\
             allow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\n",
            tcp.port(),
            websocket.port(),
        );
        fs::write(&config, text).with_context(|| format!("cannot write {}", config.display()))?;
        let log = folder.join(format!("{}.log", kind.name()));
        let output = File::create(&log)
            .and_then(|file| Ok((file.try_clone()?, file)))
            .with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = Command::new(kind.program()?);
        command
            .arg("-c")
            .arg(&config)
            .stdout(output.0)
            .stderr(output.1);
        let mut server = Server {
            kind,
            tcp,
            websocket,
            running: Running::start(&mut command)?,
        };
        server.wait_until_it_listens(&log)?;
        Ok(server)
    }

    fn wait_until_it_listens(&mut self, log: &Path) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let listens = |address| TcpStream::connect(address).is_ok();
        while !listens(self.tcp) || !listens(self.websocket) {
            if stopping() {
                return Err(Interrupted.into());
            }
            if self.has_ended()? || Instant::now() > deadline {
                bail!(
                    "{} does not listen: see {}",
                    self.kind.name(),
                    log.display()
                );
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.running.id()
    }

    /// Whether it has stopped by itself.
    pub(crate) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.running.ended()?.is_some())
    }

    /// The memory it holds, in bytes.
    pub(crate) fn memory(&self) -> Result<u64> {
        let path = format!("/proc/{}/status", self.id());
        let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let kilobytes: Option<u64> = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok());
        Ok(1024 * kilobytes.with_context(|| format!("{path} says no VmRSS"))?)
    }
}

/// Lets the programs that are started have as many sockets as the system allows.
#[cfg(unix)]
pub(crate) fn raise_limit() -> Result<()> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context("cannot raise the limit of open files")
}

#[cfg(not(unix))]
pub(crate) fn raise_limit() -> Result<()> {
    bail!("processes are measured through /proc, as on Linux")
}
