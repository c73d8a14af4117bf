//! An MQTT broker: TCP and WebSocket listeners, sessions, routing, retained
//! messages, wills, and the dashboard over HTTP.
//!
//! ```text
//! listener -> connection -> router -> outboxes -> connections -> sockets
//! ```
//!
//! - [`Config`] is read from a file as Mosquitto has it.
//! - [`Running`] is a broker that serves: see [`Running::start`].
//! - A `connection` is one task for each client, the same for TCP and
//!   WebSocket; the `router` is called by it, and has no task of its own; an
//!   `outbox` is what waits for one session's client.
//! - The `desk` answers what the dashboard asks, over MQTT.
//!
//! Not here: packets and their bytes (`codec`), QoS handshakes and keep alive
//! (`protocol`).

pub mod access;
mod auth;
mod bridge;
mod broker;
mod certificate;
mod clock;
pub mod config;
mod connection;
mod counters;
mod desk;
mod listener;
mod log;
mod memory;
mod names;
mod open_files;
mod outbox;
mod privileges;
mod recover;
mod reloads;
mod replace;
mod router;
mod running;
mod sessions;
mod settings;
mod store;
mod sys;
mod user_file;

pub use auth::{PasswordFileError, passwd};
pub use certificate::command as cert;
#[cfg(feature = "bench-api")]
#[doc(hidden)]
pub use router::bench_api;

pub use config::{Config, Listener, Protocol};
pub use log::{flush as flush_log, init as init_log};
pub use running::{Bound, Running, StartError, check};
pub use store::OpenError;
