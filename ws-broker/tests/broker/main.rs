//! The broker as its clients meet it: real bytes on real sockets.
//!
//! Most tests start a broker of their own inside the test's process, on ports
//! that the system chooses; those about the command line, the log and memory
//! start the program. They wait for events, never for time, save where the
//! specification gives a time of its own.

#![expect(
    clippy::print_stderr,
    reason = "says which case it was when a test fails"
)]

mod common;

mod attacks;
mod auth;
mod bad_connect;
mod bad_packets;
mod bridge;
mod certificates;
mod client_certificates;
mod crossing;
mod desk;
mod desk_clients;
mod desk_layouts;
mod desk_values;
mod fairness;
mod fence;
mod flood;
mod http;
mod http_dir;
mod intruders;
mod ipv6;
mod keep_alive;
mod limits;
mod listeners;
mod log_lines;
mod log_output;
mod memory;
mod memory_limit;
mod metrics;
mod mount_point;
mod passwords;
mod per_listener;
mod persistence;
mod program;
mod proxy;
mod qos;
mod reload;
mod retained;
#[cfg(target_os = "linux")]
mod service;
mod session_end;
mod sessions;
mod shared;
mod subscriptions;
mod sys;
mod takeover;
mod tls;
#[cfg(unix)]
mod unix_socket;
mod websocket;
mod wills;
