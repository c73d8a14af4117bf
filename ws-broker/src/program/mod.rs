//! What the broker is to the system it runs on.

mod pid_file;
mod signals;

pub(crate) use pid_file::PidFile;
pub(crate) use signals::{Asked, Signals};
