//! What the tests share: a broker, clients, the program.

mod broker;
mod certificate;
mod client;
mod ports;
mod program;
mod websocket;

use std::time::Duration;

pub(crate) use broker::{Broker, config, start, start_with};
pub(crate) use certificate::{Certificate, ClientCertificate, Trusting};
pub(crate) use client::{Client, encode, filter, message, options, v3_1, v3_1_1, v5};
pub(crate) use ports::free_port;
pub(crate) use program::{Program, config_file};
pub(crate) use websocket::{
    BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, WebSocket, request, request_over,
};

/// No event takes this long: a test that waits longer has failed.
pub(crate) const WAIT: Duration = Duration::from_secs(10);

/// Waits for `event`, which must come.
pub(crate) async fn soon<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(WAIT, event).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}
