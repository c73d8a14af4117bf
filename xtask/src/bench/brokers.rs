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
use crate::tools::{cargo_tools, system};
use crate::workspace::release_binary;

/// How long a broker may take until it listens.
const PATIENCE: Duration = Duration::from_secs(30);

/// What `bench-certificate` makes in the folder.
pub(crate) const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";

/// A broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    #[value(skip)]
    Ours,
    /// Debian's package.
    Mosquitto,
    /// From crates.io.
    Rumqttd,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Ours => "ws-broker",
            Kind::Mosquitto => "mosquitto",
            Kind::Rumqttd => "rumqttd",
        }
    }

    fn program(self) -> Result<PathBuf> {
        match self {
            Kind::Ours => Ok(release_binary("ws-broker")),
            Kind::Mosquitto => system::mosquitto(),
            Kind::Rumqttd => cargo_tools::rumqttd(),
        }
    }

    fn config(self, tcp: u16, websocket: u16, tls: u16, folder: &Path) -> String {
        let (certificate, key) = (folder.join(CERTIFICATE), folder.join(KEY));
        let (certificate, key) = (certificate.display(), key.display());
        if self != Kind::Rumqttd {
            return format!(
                "listener {tcp} 127.0.0.1\nlistener {websocket} 127.0.0.1\nprotocol websockets\n\
                 listener {tls} 127.0.0.1\ncertfile {certificate}\nkeyfile {key}\n\
                 allow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\n"
            );
        }
        let server = |name: &str, port: u16, more: &str| {
            format!(
                "[{name}]\nname = \"{name}\"\nlisten = \"127.0.0.1:{port}\"\n\
                 next_connection_delay_ms = 0\n{more}\
                 [{name}.connections]\nconnection_timeout_ms = 60000\n\
                 max_payload_size = 20480\nmax_inflight_count = 1000\n"
            )
        };
        let secure = format!("[v4.2.tls]\ncertpath = \"{certificate}\"\nkeypath = \"{key}\"\n");
        // Otherwise as its own example has it.
        [
            "id = 0\n[router]\nid = 0\nmax_connections = 30000\n\
             max_outgoing_packet_count = 200\nmax_segment_size = 104857600\n\
             max_segment_count = 10\n"
                .to_owned(),
            server("v4.1", tcp, ""),
            server("v4.2", tls, &secure),
            server("ws.1", websocket, ""),
        ]
        .concat()
    }
}

/// A broker that runs.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) tcp: SocketAddr,
    pub(crate) websocket: SocketAddr,
    pub(crate) tls: SocketAddr,
    running: Running,
}

impl Server {
    /// Starts it and waits until it listens. Its config file and what it writes
    /// stay in the folder. A durable one stores what must outlive it, from
    /// nothing.
    pub(crate) fn start(kind: Kind, folder: &Path, durable: bool) -> Result<Server> {
        let [tcp, websocket, tls] =
            free_ports()?.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let extension = match kind {
            Kind::Rumqttd => "toml",
            _ => "conf",
        };
        let config = folder.join(format!("{}.{extension}", kind.name()));
        let mut text = kind.config(tcp.port(), websocket.port(), tls.port(), folder);
        if durable && kind != Kind::Rumqttd {
            let store = folder.join(format!("{}.store", kind.name()));
            if store.exists() {
                fs::remove_dir_all(&store)?;
            }
            fs::create_dir_all(&store)?;
            let store = store.display();
            // With the slash that Mosquitto wants.
            text += &format!("persistence true\npersistence_location {store}/\n");
        }
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
            tls,
            running: Running::start(&mut command)?,
        };
        server.wait_until_it_listens(&log)?;
        Ok(server)
    }

    fn wait_until_it_listens(&mut self, log: &Path) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let listens = |address| TcpStream::connect(address).is_ok();
        while ![self.tcp, self.websocket, self.tls]
            .into_iter()
            .all(listens)
        {
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
