//! The broker as a program: `ws-broker [-c FILE] [-p PORT] [-v]`, and
//! `ws-broker passwd` for password files, `ws-broker cert` for certificates, `ws-broker health` for containers.

mod program;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use program::systemd::{self, Watchdog};
use program::{Asked, PidFile, Signals, daemon, health};
use ws_broker::{Config, Running, cert, config, init_log, passwd};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// After how many turns of clients that keep a thread busy it is looked who else
/// has sent something. A turn may take a millisecond, so that tokio's 61 would
/// keep others waiting for longer than they should.
const EVENT_INTERVAL: u32 = 5;

/// How `--test-config` ends when the file cannot be used, as Mosquitto's does.
const BAD_CONFIGURATION: u8 = 3;

/// An MQTT broker with a dashboard.
#[derive(Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    args_override_self = true
)]
struct Arguments {
    /// Configuration file, as mosquitto.conf. Without one, only this machine
    /// can connect.
    #[arg(short, long, value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// Listen on this port instead of 1883.
    #[arg(short, long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Threads that serve clients; 0, as without this, for one for each core.
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<usize>,
    /// Go on in the background.
    #[arg(short, long)]
    daemon: bool,
    /// Log nothing, whatever the file or -v says.
    #[arg(short, long)]
    quiet: bool,
    /// Log everything: each packet, each subscription.
    #[arg(short, long)]
    verbose: bool,
    /// Write the secrets of connections over TLS to this file, for whoever
    /// wants to read what is on the network.
    #[arg(long, value_name = "FILE")]
    tls_keylog: Option<PathBuf>,
    /// Only look whether the configuration can be used.
    #[arg(long)]
    test_config: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(clap::Subcommand)]
enum Command {
    Cert(cert::Arguments),
    Health(health::Arguments),
    Passwd(passwd::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(command) = &arguments.command {
        let done = match command {
            Command::Cert(arguments) => cert::run(arguments),
            Command::Health(arguments) => health::run(arguments),
            Command::Passwd(arguments) => passwd::run(arguments),
        };
        return match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        };
    }
    let config = configure(&arguments);
    if arguments.test_config {
        return test(arguments.config_file.is_some(), config);
    }
    let config = match config {
        Ok(config) => config,
        Err(error) => return fail(&error),
    };
    // Before there are threads, which do not go along.
    if arguments.daemon
        && let Err(error) = daemon::begin()
    {
        return fail(&error);
    }
    init_log(config.log.clone());
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.event_interval(EVENT_INTERVAL);
    if config.threads > 0 {
        runtime.worker_threads(config.threads);
    }
    let runtime = match runtime.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start threads: {error}")),
    };
    let served = runtime.block_on(serve(config, &arguments));
    ws_broker::flush_log();
    match served {
        Ok(pid_file) => {
            // Last: who waits for that finds all of the log.
            drop(pid_file);
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error),
    }
}

/// Says what is wrong or odd about a configuration, without serving.
fn test(is_file: bool, config: Result<Config, String>) -> ExitCode {
    let checked = match (is_file, config) {
        (false, _) => Err("Please provide a configuration file to test.".into()),
        (true, config) => {
            config.and_then(|config| ws_broker::check(config).map_err(|error| error.to_string()))
        }
    };
    match checked {
        Ok(warnings) => {
            for warning in warnings {
                say(&format!("Warning: {warning}"));
            }
            say("Configuration file is OK.");
            ExitCode::SUCCESS
        }
        Err(error) => {
            fail(&error);
            ExitCode::from(BAD_CONFIGURATION)
        }
    }
}

fn configure(arguments: &Arguments) -> Result<Config, String> {
    let mut config = match &arguments.config_file {
        Some(file) => Config::read(file).map_err(|error| error.to_string())?,
        None => Config::local(arguments.port),
    };
    if let (Some(port), Some(_)) = (arguments.port, &arguments.config_file) {
        config.override_port(port);
    }
    if let Some(threads) = arguments.threads {
        config.threads = threads;
    }
    if let Some(file) = &arguments.tls_keylog {
        config.tls_keylog = Some(file.clone());
    }
    if arguments.quiet {
        config.log.types = config::LogTypes::NONE;
    } else if arguments.verbose {
        config.log.types = config::LogTypes::ALL;
    }
    Ok(config)
}

fn threads(value: &str) -> Result<usize, String> {
    let most = config::MAX_THREADS;
    let threads = value.parse().ok().filter(|threads| *threads <= most);
    threads.ok_or_else(|| format!("a number from 0 to {most} is wanted"))
}

/// Serves until it is told to stop, and gives back the file with its number.
async fn serve(config: Config, arguments: &Arguments) -> Result<Option<PidFile>, String> {
    let mut signals =
        Signals::new().map_err(|error| format!("cannot watch for signals: {error}"))?;
    let pid_file = config.pid_file.clone();
    let pid_file = pid_file.map(PidFile::write).transpose()?;
    let running = Running::start(config)
        .await
        .map_err(|error| error.to_string())?;
    running.watch_reloads(signals.reload_asked());
    if arguments.daemon {
        daemon::close_output()?;
    }
    systemd::ready();
    let mut watchdog = Watchdog::new();
    loop {
        let asked = tokio::select! {
            asked = signals.next() => asked,
            () = watchdog.bark() => continue,
        };
        match asked {
            Asked::Stop => break,
            Asked::Reload => {
                systemd::reloading();
                running.begin_reload();
                running.reload(configure(arguments));
                systemd::ready();
            }
            Asked::Store => running.store(),
            Asked::Report => running.report(),
            Asked::Reopen => running.reopen_log(),
        }
    }
    systemd::stopping();
    running.stop().await;
    Ok(pid_file)
}

#[expect(clippy::print_stderr, reason = "Mosquitto says it there")]
fn say(what: &str) {
    eprintln!("{what}");
}

#[expect(
    clippy::print_stderr,
    reason = "the log may not be open, or go elsewhere"
)]
fn fail(error: &str) -> ExitCode {
    eprintln!("Error: {error}");
    ExitCode::FAILURE
}
