//! Log lines as Mosquitto writes them.
//!
//! The lines go through `tracing`; what Mosquitto calls a log type is the
//! event's target.

mod format;
pub(crate) mod packets;

pub(crate) use format::set;
pub(crate) use format::{Destination, LogFile, Settings};
pub use format::{LogTypes, init};

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
