//! The simulated kitchen: a fridge, an air quality monitor, a purifier and an
//! LED, each a client of its own.

use std::time::Duration;

use clap::Parser;
use devices::{AirQuality, Fridge, Led, Purifier, connection};

/// A simulated kitchen for an MQTT broker.
#[derive(Parser)]
#[command(name = "kitchen", version)]
struct Arguments {
    /// The broker's host name or address.
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// The broker's MQTT port.
    #[arg(long, default_value_t = 1883)]
    port: u16,
    /// Seconds between two temperatures of the fridge.
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    fridge_every: f64,
    /// Seconds between two measurements of the air.
    #[arg(long, default_value_t = 30.0, value_parser = seconds)]
    air_every: f64,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.01..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("a number from 0.01 to 86400".into()),
    }
}

/// SIGTERM, where there is such a thing.
#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            terminate.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let address = format!("{}:{}", arguments.host, arguments.port);
    let fridge = Fridge::new(Duration::from_secs_f64(arguments.fridge_every));
    let air = AirQuality::new(Duration::from_secs_f64(arguments.air_every));
    tokio::select! {
        () = connection::run(fridge, &address) => {}
        () = connection::run(air, &address) => {}
        () = connection::run(Purifier::default(), &address) => {}
        () = connection::run(Led::default(), &address) => {}
        stopped = tokio::signal::ctrl_c() => stopped?,
        () = terminated() => {}
    }
    Ok(())
}
