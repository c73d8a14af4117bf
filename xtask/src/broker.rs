//! The broker, started as a child with a config file.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process::{Interrupted, Running, run, stopping};
use crate::workspace::{cargo, release_binary, target};

/// How long the broker may take until it answers: a machine that has just
/// compiled it may be busy with its disk.
const PATIENCE: Duration = Duration::from_secs(30);

/// A `listener` of a config file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) port: u16,
    /// `None` for every address of the machine.
    pub(crate) address: Option<IpAddr>,
    pub(crate) websockets: bool,
}

impl Listener {
    /// Where a client on this machine reaches it.
    pub(crate) fn reached_here(&self) -> SocketAddr {
        let address = match self.address {
            None | Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) => Ipv4Addr::LOCALHOST.into(),
            Some(address) if address.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
            Some(address) => address,
        };
        SocketAddr::new(address, self.port)
    }

    /// Whether other machines reach it.
    pub(crate) fn is_open(&self) -> bool {
        self.address.is_none_or(|address| !address.is_loopback())
    }
}

/// The listeners of a config file. What else it says, and what is wrong with
/// it, is the broker's to judge.
pub(crate) fn listeners(config: &str) -> Vec<Listener> {
    let mut listeners: Vec<Listener> = Vec::new();
    for line in config.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["listener", port, ref rest @ ..] => {
                let Ok(port) = port.parse() else { continue };
                let address = match rest.first() {
                    Some(&"localhost") => Some(Ipv4Addr::LOCALHOST.into()),
                    Some(address) => address.parse().ok(),
                    None => None,
                };
                listeners.push(Listener {
                    port,
                    address,
                    websockets: false,
                });
            }
            ["protocol", "websockets"] => {
                if let Some(listener) = listeners.last_mut() {
                    listener.websockets = true;
                }
            }
            _ => {}
        }
    }
    listeners
}

/// Builds the broker and the simulated kitchen, as users run them. Always both:
/// cargo would build what they share again when only one is asked for.
pub(crate) fn build() -> Result<()> {
    run(cargo("build").args([
        "--release",
        "--package",
        "ws-broker",
        "--package",
        "devices",
    ]))
}

/// Starts the broker.
pub(crate) fn start(config: &Path, flags: &[String]) -> Result<Running> {
    Running::start(
        Command::new(release_binary("ws-broker"))
            .arg("-c")
            .arg(config)
            .args(flags),
    )
}

/// A broker for tests, on loopback and on ports that are free.
pub(crate) struct TestBroker {
    /// Where browsers reach it.
    pub(crate) url: String,
    _running: Running,
}

/// Starts a broker for tests, where `ada` has the password `secret`, and waits
/// until it answers.
pub(crate) fn start_for_tests() -> Result<TestBroker> {
    let ports: [u16; 2] = free_ports()?;
    let passwords = target().join("wasm-test.passwords");
    run(Command::new(release_binary("ws-broker"))
        .args(["passwd", "-c", "-b"])
        .arg(&passwords)
        .args(["ada", "secret"]))?;
    let text = format!(
        "listener {} 127.0.0.1\nlistener {} 127.0.0.1\nprotocol websockets\nallow_anonymous true\n\
         password_file {}\n",
        ports[0],
        ports[1],
        passwords.display()
    );
    let config: PathBuf = target().join("wasm-test.conf");
    fs::write(&config, text).with_context(|| format!("cannot write {}", config.display()))?;
    let mut running = start(&config, &[])?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports[1]));
    if let Some(status) = wait_until_healthy(&mut running, address)? {
        bail!("the broker for the tests ended ({status})");
    }
    Ok(TestBroker {
        url: format!("ws://{address}/"),
        _running: running,
    })
}

/// Ports that nothing on 127.0.0.1 listens on.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut ports = [0; N];
    // All are held until all are known, so that they differ.
    let held: Vec<TcpListener> = (0..N)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<Result<_, _>>()
        .context("no port is free on 127.0.0.1")?;
    for (port, listener) in ports.iter_mut().zip(&held) {
        *port = listener
            .local_addr()
            .context("a port without number")?
            .port();
    }
    Ok(ports)
}

/// Waits until the broker answers on its web port; returns its status when it
/// ends instead.
pub(crate) fn wait_until_healthy(
    broker: &mut Running,
    address: SocketAddr,
) -> Result<Option<std::process::ExitStatus>> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = broker.ended()? {
            return Ok(Some(status));
        }
        if stopping() {
            return Err(Interrupted.into());
        }
        if healthy(address) {
            return Ok(None);
        }
        if Instant::now() > deadline {
            bail!(
                "the broker has not answered on http://{address}/health for {} seconds",
                PATIENCE.as_secs()
            );
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a broker answers there.
pub(crate) fn healthy(address: SocketAddr) -> bool {
    let limit = Duration::from_secs(2);
    let ask = || -> std::io::Result<String> {
        let mut socket = TcpStream::connect_timeout(&address, limit)?;
        socket.set_read_timeout(Some(limit))?;
        socket.set_write_timeout(Some(limit))?;
        let question =
            format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        socket.write_all(question.as_bytes())?;
        let mut answer = String::new();
        BufReader::new(socket.take(1024)).read_line(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.split_whitespace().nth(1) == Some("200"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(port: u16, address: Option<&str>, websockets: bool) -> Listener {
        Listener {
            port,
            address: address.map(|address| address.parse().unwrap()),
            websockets,
        }
    }

    #[test]
    fn reads_the_listeners_of_a_config_file() {
        let config = "# listener 1\nlistener 1883 # devices\n\n listener 9001 127.0.0.1\nprotocol websockets\nlistener 8883 ::1\nprotocol mqtt\nlistener x\nallow_anonymous true";
        assert_eq!(
            listeners(config),
            [
                listener(1883, None, false),
                listener(9001, Some("127.0.0.1"), true),
                listener(8883, Some("::1"), false),
            ]
        );
    }

    #[test]
    fn home_conf_opens_both_ports_to_the_network() {
        let listeners = listeners(include_str!("../../home.conf"));
        assert_eq!(
            listeners,
            [listener(1883, None, false), listener(9001, None, true)]
        );
        assert!(listeners.iter().all(Listener::is_open));
    }

    #[test]
    fn a_listener_on_every_address_is_reached_through_loopback() {
        for address in [None, Some("0.0.0.0")] {
            let there = listener(1, address, false).reached_here();
            assert_eq!(there, "127.0.0.1:1".parse().unwrap());
        }
        let there = listener(1, Some("::"), false).reached_here();
        assert_eq!(there, "[::1]:1".parse().unwrap());
        assert!(!listener(1, Some("::1"), false).is_open());
    }

    #[test]
    fn only_an_answer_of_200_is_healthy() {
        for (answer, wanted) in [
            ("HTTP/1.1 200 OK\r\n\r\nok", true),
            ("HTTP/1.1 404 Not Found\r\n\r\n", false),
            ("", false),
        ] {
            let server = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = server.local_addr().unwrap();
            let serving = thread::spawn(move || {
                let (mut socket, _) = server.accept().unwrap();
                let mut question = [0; 1024];
                let _ = socket.read(&mut question).unwrap();
                socket.write_all(answer.as_bytes()).unwrap();
            });
            assert_eq!(healthy(address), wanted, "{answer}");
            serving.join().unwrap();
        }
    }
}
