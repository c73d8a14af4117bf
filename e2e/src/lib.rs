//! Tests of the whole: the broker as it is shipped, with the clients and the
//! browser that people use. `cargo xtask test` runs them, and says in
//! environment variables where everything is; the tests are in `tests/it`.
//!
//! - [`Broker`] is the real program on free ports of the loopback interface.
//!   It can be killed, started again on the same ports, and made to hang.
//! - [`Client`] is paho-mqtt, Mosquitto's clients or MQTT.js, all driven alike.
//! - [`Browser`] is a headless Chromium, and [`Dashboard`] the page in it.
//! - [`http`] asks for a page as written.
//!
//! Whatever is started here ends when it is dropped. Nothing waits for a fixed
//! time: each wait is for an event, and fails after [`PATIENCE`].

mod broker;

mod client;

mod folder;
pub mod http;
mod lines;
mod program;
mod tools;

use std::time::Duration;

pub use broker::Broker;

pub use client::{Client, Kind, Message, Options, Version};

pub use folder::Folder;
pub use program::Program;
pub use tools::tool;

/// How long something may take that takes milliseconds on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(30);
