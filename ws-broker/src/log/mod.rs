//! Log lines as Mosquitto writes them.
//!
//! The lines go through `tracing`; what Mosquitto calls a log type is the
//! event's target.

//!
//! ```text
//! event -> layer -> line -> writers -> destinations
//! ```
//!
//! A line is put where it waits, and a thread for each destination writes it:
//! whoever logs never waits for a pipe, a disk or syslog.

pub(crate) mod clients;
mod layer;
mod line;
mod outputs;
pub(crate) mod packets;
mod settings;
mod types;
mod writer;

pub use layer::{flush, init};
pub(crate) use layer::{reopen, set};
pub(crate) use outputs::publish_by;
pub(crate) use settings::{Destination, Format, LogFile, Settings, Time};
pub use types::LogTypes;

/// Whether lines of type `debug` are wanted, which every packet makes.
#[inline]
pub(crate) fn is_debug() -> bool {
    tracing::level_filters::LevelFilter::current() >= tracing::Level::DEBUG
}

macro_rules! line {
    ($($name:ident $type:literal $level:ident;)+) => {
        line!(@ ($) $($name $type $level;)+);
    };
    (@ ($d:tt) $($name:ident $type:literal $level:ident;)+) => {
        $(
            macro_rules! $name {
                ($d($d arg:tt)+) => {
                    tracing::event!(target: $type, tracing::Level::$level, $d($d arg)+)
                };
            }
            pub(crate) use $name;
        )+
    };
}

line! {
    error "error" ERROR;
    warning "warning" WARN;
    notice "notice" INFO;
    information "information" INFO;
    subscribe "subscribe" DEBUG;
    unsubscribe "unsubscribe" DEBUG;
    debug "debug" DEBUG;
}
