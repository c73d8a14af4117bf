//! Ports for servers that are told theirs.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below those that Linux gives to whoever asks for any port (from 32768), so
/// that no connection of another test takes one in the time between.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A port of 127.0.0.1 that nobody has, and that no other call returns.
///
/// # Panics
/// If all are taken.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Two programs that test at once begin at different ones.
    let begin = (std::process::id() % u32::from(COUNT)) as u16;
    (0..COUNT)
        .map(|_| NEXT.fetch_add(1, Ordering::Relaxed) % COUNT)
        .map(|offset| FIRST + (begin + offset) % COUNT)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("a free port")
}
