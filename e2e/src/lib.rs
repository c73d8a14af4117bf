//! Tests of the whole: the broker as it is shipped, with the clients and the
//! browser that people use. `cargo xtask test` runs them, and says in
//! environment variables where everything is; the tests are in `tests/it`.
//!
//! - [`Broker`] is the real program on free ports of the loopback interface.
//!   It can be killed, started again on the same ports, and made to hang.
//! - [`Server`] is this broker or Mosquitto with any configuration, to see that
//!   both do the same; [`Raw`] is a client that is nothing but bytes.
//! - [`Client`] is paho-mqtt, Mosquitto's clients or MQTT.js, all driven alike.
//! - [`Browser`] is a headless Chromium, and [`Dashboard`] the page in it.
//! - [`http`] asks for a page as written, [`Files`] serves a folder.
//!
//! With `E2E_SCREENSHOTS` set, what the page looked like while it was judged is
//! kept in `target/e2e`.
//!
//! Whatever is started here ends when it is dropped. Nothing waits for a fixed
//! time: each wait is for an event, and fails after [`PATIENCE`].

mod broker;
mod browser;
mod client;
mod dashboard;
mod files;
mod folder;
pub mod http;
mod lines;
mod ports;
mod program;
mod proxy;
mod raw;
mod server;
mod tools;

use std::io::Write;
use std::time::Duration;

pub use broker::{Broker, Mosquitto};
pub use browser::{Browser, Screen, Theme};
pub use client::{Client, Kind, Message, Options, Version};
pub use dashboard::{Dashboard, Seen};
pub use files::Files;
pub use folder::Folder;
pub use program::Program;
pub use proxy::Proxy;
pub use raw::{Login, Raw};
pub use server::{Server, Which};
pub use tools::tool;

/// How long something may take that takes milliseconds on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Says something in the output of a test that passes, such as a time.
pub fn report(what: &str) {
    // Not the macro: the output of a test that passes is thrown away.
    let _ = writeln!(std::io::stderr(), "note: {what}");
}
