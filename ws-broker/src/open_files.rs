//! How many connections the system lets the broker have.

use crate::config::Config;
#[cfg(unix)]
use crate::log::{information, warning};

/// What is open besides connections.
#[cfg(unix)]
const SPARE: u64 = 64;

/// With room for so many connections nobody has to be told.
#[cfg(unix)]
const PLENTY: u64 = 60_000;

/// Raises the limit of open files as far as it goes without more rights, and
/// says so when it bounds the connections.
#[cfg(unix)]
pub(crate) fn raise_limit(config: &Config) {
    let Ok(limit) = rlimit::increase_nofile_limit(u64::MAX) else {
        return;
    };
    let room = limit.saturating_sub(SPARE);
    match config.max_connections() {
        Some(most) if most as u64 > room => warning!(
            "Warning: {most} connections are allowed, and there is room for {room} only: the \
             system lets this program have {limit} open files. Raise that limit with ulimit -Hn, \
             or LimitNOFILE= of a systemd unit."
        ),
        None if room < PLENTY => information!(
            "There is room for {room} connections: the system lets this program have {limit} \
             open files (ulimit -Hn)."
        ),
        _ => {}
    }
}

/// There is no such limit elsewhere.
#[cfg(not(unix))]
pub(crate) fn raise_limit(_: &Config) {}
