//! What the broker has done so far, for the `$SYS` tree.

use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! counters {
    ($($(#[$doc:meta])+ $name:ident;)+) => {
        /// What one connection has done since it last reported, or all have
        /// since the start.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub(crate) struct Tally {
            $($(#[$doc])+ pub(crate) $name: u64,)+
        }

        impl AddAssign for Tally {
            fn add_assign(&mut self, other: Self) {
                $(self.$name += other.$name;)+
            }
        }

        /// The broker's counters, shared by all connections.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $($name: AtomicU64,)+
        }

        impl Counters {
            /// Adds what a connection has done, and empties its tally.
            pub(crate) fn add(&self, tally: &mut Tally) {
                let tally = std::mem::take(tally);
                $(if tally.$name > 0 {
                    self.$name.fetch_add(tally.$name, Relaxed);
                })+
            }

            /// All so far.
            pub(crate) fn total(&self) -> Tally {
                Tally {
                    $($name: self.$name.load(Relaxed),)+
                }
            }
        }
    };
}

counters! {
    /// Bytes of MQTT read.
    bytes_received;
    /// Bytes of MQTT written.
    bytes_sent;
    /// Packets of any kind read.
    packets_received;
    /// Packets of any kind written.
    packets_sent;
    /// PUBLISH packets read.
    publishes_received;
    /// PUBLISH packets written.
    publishes_sent;
    /// Bytes of payloads in PUBLISH packets read.
    payload_received;
    /// Bytes of payloads in PUBLISH packets written.
    payload_sent;
    /// Messages dropped because a bound was reached.
    publishes_dropped;
    /// Connections opened.
    sockets;
    /// Clients connected.
    connections;
    /// Sessions that ended because their client stayed away.
    clients_expired;
}
