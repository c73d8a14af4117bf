//! A client and a server of this crate, joined by a link that the test moves
//! byte by byte on a clock of its own.

#[path = "../common/conn.rs"]
mod conn;

mod aliases;
mod answers;
mod auth;
mod connecting;
mod cut;
mod deferred;
mod expiry;
mod flow;
mod handshake;
mod harness;
mod hostile;
mod keep_alive;
mod limits;
mod message;
mod model;
mod repeated;
mod takeover;
