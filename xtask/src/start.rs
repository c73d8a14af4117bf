//! `cargo xtask start`: the broker with its dashboard, and a simulated kitchen
//! beside it, until Ctrl-C.

use std::fs;
use std::io::IsTerminal;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use crate::broker::{self, Listener};
use crate::process::{Running, stopping};
use crate::steps::Steps;
use crate::workspace::{release_binary, root};
use crate::{dashboard, network};

/// How it is started.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Leave the simulated devices out.
    #[arg(long)]
    no_demo: bool,
    /// Log every connection and message.
    #[arg(short, long)]
    verbose: bool,
    /// The broker's config file, instead of home.conf.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What else to tell the broker; see `ws-broker --help`.
    #[arg(
        value_name = "BROKER FLAGS",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    flags: Vec<String>,
}

/// Builds, starts, tells where, and waits for the end.
pub(crate) fn start(options: &Options) -> Result<ExitCode> {
    let config = match &options.config {
        Some(path) => path.clone(),
        None => root().join("home.conf"),
    };
    let text =
        fs::read_to_string(&config).with_context(|| format!("cannot read {}", config.display()))?;
    let listeners = broker::listeners(&text);

    let mut steps = Steps::new(dashboard::STEPS + 2);
    dashboard::build(&mut steps)?;
    steps.next(
        "building the broker and the simulated kitchen",
        (!release_binary("ws-broker").exists()).then_some("about 2 minutes the first time"),
    );
    broker::build()?;

    steps.next("starting", None);
    let mut flags = options.flags.clone();
    if options.verbose {
        flags.push("-v".to_owned());
    }
    let web = listeners.iter().find(|listener| listener.websockets);
    // When something answers there before the broker runs, its answer must not
    // be taken for the broker's.
    let taken = web.is_some_and(|web| broker::healthy(web.reached_here()));
    let mut broker = broker::start(&config, &flags)?;
    if let Some(web) = web.filter(|_| !taken)
        && let Some(status) = broker::wait_until_healthy(&mut broker, web.reached_here())?
    {
        return Ok(code(status));
    }
    let device_port = listeners.iter().find(|listener| !listener.websockets);
    if !taken {
        println!("{}", welcome(web, device_port, &network::addresses()));
    }
    let kitchen = match device_port {
        Some(port) if !options.no_demo && !taken => Some(start_kitchen(port)?),
        _ => None,
    };
    wait(broker, kitchen)
}

fn start_kitchen(broker: &Listener) -> Result<Running> {
    let program = release_binary("kitchen");
    if !program.exists() {
        bail!(
            "the simulated kitchen was not built to {}",
            program.display()
        );
    }
    let address = broker.reached_here();
    Running::start(
        Command::new(program)
            .args(["--host", &address.ip().to_string()])
            .args(["--port", &address.port().to_string()]),
    )
}

/// Waits for the broker's end or a signal; the kitchen's end is said, no more.
fn wait(mut broker: Running, mut kitchen: Option<Running>) -> Result<ExitCode> {
    loop {
        if stopping() {
            drop(kitchen);
            return Ok(broker.stop().map_or(ExitCode::SUCCESS, code));
        }
        if let Some(status) = broker.ended()? {
            return Ok(code(status));
        }
        let ended = match &mut kitchen {
            Some(kitchen) => kitchen.ended()?,
            None => None,
        };
        if let Some(status) = ended
            && !stopping()
        {
            eprintln!("the simulated kitchen ended ({status}); the broker goes on");
            kitchen = None;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// The broker's exit code; when a signal ended it, that is a failure.
fn code(status: ExitStatus) -> ExitCode {
    match status.code() {
        Some(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        None => ExitCode::FAILURE,
    }
}

/// What the user is told: where to open the page, and what to do next.
fn welcome(web: Option<&Listener>, devices: Option<&Listener>, network: &[Ipv4Addr]) -> String {
    let outside = |listener: &Listener| match listener.address {
        Some(IpAddr::V4(own)) if !own.is_unspecified() && !own.is_loopback() => vec![own],
        _ if listener.is_open() => network.to_vec(),
        _ => Vec::new(),
    };
    let mut text = String::new();
    let mut line = |content: &str| {
        text.push_str(content);
        text.push('\n');
    };
    line("");
    if let Some(web) = web {
        let port = web.port;
        let addresses = outside(web);
        line("The dashboard is running. Open it");
        if let Some(first) = addresses.first() {
            let url = format!("http://{first}:{port}/");
            line(&format!("  on a phone in the same Wi-Fi:  {url}"));
            for other in &addresses[1..] {
                line(&format!(
                    "  or, in another network:        http://{other}:{port}/"
                ));
            }
        }
        let here = match web.reached_here() {
            address if address.ip() == Ipv4Addr::LOCALHOST => format!("localhost:{port}"),
            address => address.to_string(),
        };
        line(&format!("  on this computer:              http://{here}/"));
        match addresses.first() {
            Some(first) => {
                line("");
                line(&qr_code(&format!("http://{first}:{port}/")));
            }
            None if web.is_open() => line("No network was found, so phones cannot reach it yet."),
            None => line("Its config file keeps it to this computer."),
        }
    }
    if let Some(devices) = devices {
        let host = outside(devices).first().map_or_else(
            || devices.reached_here().ip().to_string(),
            ToString::to_string,
        );
        line(&format!(
            "Devices connect to {host}, port {}: devices/README.md shows how, for NodeMCU and Python.",
            devices.port
        ));
    }
    line("Ctrl-C stops everything.");
    text
}

/// The code for a phone's camera, dark on light whatever the terminal's colours.
fn qr_code(url: &str) -> String {
    let Ok(code) = QrCode::new(url) else {
        return String::new();
    };
    let picture = code.render::<Dense1x2>().build();
    if !std::io::stdout().is_terminal() {
        return picture;
    }
    picture
        .lines()
        .map(|line| format!("  \x1b[30;107m{line}\x1b[0m\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(config: &str, network: &[Ipv4Addr]) -> String {
        let listeners = broker::listeners(config);
        let web = listeners.iter().find(|listener| listener.websockets);
        let devices = listeners.iter().find(|listener| !listener.websockets);
        welcome(web, devices, network)
    }

    const NETWORK: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 168, 1, 20), Ipv4Addr::new(172, 17, 0, 1)];

    #[test]
    fn an_open_broker_names_every_address_and_shows_a_code_for_the_first() {
        let text = of(
            "listener 1883\nlistener 9001\nprotocol websockets",
            &NETWORK,
        );
        assert!(text.contains("phone in the same Wi-Fi:  http://192.168.1.20:9001/\n"));
        assert!(text.contains("http://172.17.0.1:9001/\n"));
        assert!(text.contains("http://localhost:9001/\n"));
        assert!(text.contains("192.168.1.20, port 1883"));
        assert!(text.contains('\u{2588}'));
    }

    #[test]
    fn a_broker_on_loopback_promises_nothing_to_phones() {
        let text = of(
            "listener 1 127.0.0.1\nlistener 2 127.0.0.1\nprotocol websockets",
            &NETWORK,
        );
        assert!(!text.contains("192.168"), "{text}");
        assert!(text.contains("http://localhost:2/\n"));
        assert!(text.contains("keeps it to this computer"));
        assert!(text.contains("127.0.0.1, port 1:"));
    }

    #[test]
    fn a_listener_on_one_address_names_that_one() {
        let text = of("listener 2 192.168.9.9\nprotocol websockets", &NETWORK);
        assert!(
            text.contains("same Wi-Fi:  http://192.168.9.9:2/"),
            "{text}"
        );
        assert!(!text.contains("192.168.1.20"));
    }

    #[test]
    fn without_a_network_it_says_so() {
        let text = of("listener 2\nprotocol websockets", &[]);
        assert!(text.contains("No network was found"), "{text}");
    }
}
