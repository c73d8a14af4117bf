//! What the broker is to the system it runs on.

pub(crate) mod daemon;
pub(crate) mod health;
mod pid_file;
mod signals;
pub(crate) mod systemd;

pub(crate) use pid_file::PidFile;
pub(crate) use signals::{Asked, Signals};
