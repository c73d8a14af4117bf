//! One end of an MQTT connection, without I/O, clock or randomness.
//!
//! - [`Session`] is what outlives a connection: publishes in flight, QoS 2
//!   identifiers received, packet identifiers in use.
//! - [`client::Connection`] and [`server::Connection`] are the two ends of a
//!   connection; each holds a session while it lasts. The QoS handshakes are
//!   written once, for both.
//! - [`Message`] is what is published; a [`Delivery`] is one message on its
//!   way to one receiver.
//! - Extended authentication (section 4.12) is whose turn it is and which
//!   method; what is said in it is the driver's. `scram`, behind a feature of
//!   that name, is one method, for whoever wants it.
//!
//! A driver reads bytes from somewhere and gives them to `handle_input`, which
//! takes whole packets and gives [`client::Event`]s or [`server::Event`]s;
//! calls methods such as `publish` and `acknowledge`; writes what is in
//! `output`; and calls `handle_timeout` when `poll_timeout` says so. The time
//! is an argument, [`Time`].
//!
//! Acknowledgements of received publishes are the driver's to give, by
//! `acknowledge`, when it has done what they promise (stored the message,
//! handed it to the application). It may give them in any order; they are
//! sent in the order of the publishes. A packet identifier means something on
//! its own connection only: what a driver has not acknowledged when the
//! connection ends it must never acknowledge on the next one, where the
//! identifier may be another message's. So keep them beside the connection,
//! and drop them with it. At QoS 1 the other end sends such a publish again;
//! at QoS 2 it counts as acknowledged, so a driver that promises durability
//! resumes a session only when all that came before is stored.
//!
//! Memory is bounded whatever the other end does, if the driver stops reading
//! while `output` is long (it holds an answer to each packet that asks for
//! one) or while `unanswered` is more than it cares for.
//!
//! Not here: queues of messages that wait for their turn (a driver asks
//! `window` and keeps them), subscriptions and their matching, retained
//! messages, wills, whom to believe. Those are the driver's.

mod authentication;
mod by_id;
pub mod client;
mod endpoint;
mod inflight;
mod keep_alive;
mod limits;
mod message;
mod mount;
#[cfg(feature = "scram")]
pub mod scram;
pub mod server;
mod session;
mod time;
mod topic_alias;
mod violation;

pub use authentication::AuthError;
pub use endpoint::PublishError;
pub use limits::Limits;
pub use message::{Delivery, Message};
pub use mount::Mount;
pub use session::{Sent, Session};
pub use time::Time;
pub use violation::Violation;
