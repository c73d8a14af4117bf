//! An MQTT client for the browser: 5.0, 3.1.1 and 3.1 over WebSocket, on a
//! page or in a worker.
//!
//! ```no_run
//! # async fn example() -> Result<(), client_wasm::Error> {
//! use client_wasm::{Client, Message, Options, QoS};
//!
//! let client = Client::new(Options::new("ws://localhost:9001/"));
//! let fridge = client.subscribe("Kitchen/#", QoS::AtMostOnce).await?;
//! let on = Message::new("home/led", "Turn On")?.qos(QoS::AtLeastOnce);
//! client.publish(on).await?;
//! # drop(fridge);
//! # Ok(())
//! # }
//! ```
//!
//! - [`Client`] connects, and connects again when the connection is lost: with
//!   growing pauses, and at once when the page is seen again or the network is
//!   back. It restores its subscriptions, and publishes again what was not
//!   acknowledged.
//! - [`Subscription`] is a stream of [`Message`]s; [`Client::events`] is a
//!   stream of [`Event`]s; an [`Error`] says whose doing it was.
//!
//! It needs no runtime but the browser's event loop, runs on one thread, and
//! compiles for other targets only so that its parts can be tested there.
//!
//! With the feature `store`, what is on its way in either direction can outlive
//! the page: see `Store`.
//!
//! Not here: the rules of the protocol, which are the `protocol` crate's.
//!
//! Section numbers refer to the OASIS standard of MQTT 5.0.

/// The README's code, as it is written.
#[cfg(all(doctest, feature = "store"))]
#[doc = include_str!("../README.md")]
mod readme {}

mod acknowledgement;
mod advice;
mod alarm;
mod authenticator;
mod client;
mod core;
mod credentials;
mod departures;
mod driver;
mod error;
mod event;
#[cfg(test)]
mod face;
mod goodbye;
mod host;
#[cfg_attr(
    not(any(feature = "js", feature = "store", test)),
    allow(dead_code, reason = "nobody can open a store")
)]
mod journal;
#[cfg(feature = "js")]
pub mod js;
mod mailbox;
mod message;
mod offer;
mod options;
mod outbox;
mod overlap;
mod page;
mod reconnect;
mod reply;
mod socket;
mod store;
mod subscription;
mod subscriptions;
mod waits;

pub use acknowledgement::Acknowledgement;
pub use authenticator::Authenticator;
pub use bytes::Bytes;
pub use client::{Client, Events};
pub use codec::{
    ByteString, InvalidTopic, Properties, Property, PropertyId, ProtocolVersion, QoS, ReasonCode,
    RetainHandling, SubscriptionOptions, TopicFilter, TopicName, Will,
};
pub use credentials::Credentials;
pub use error::{Error, Operation};
pub use event::Event;
pub use goodbye::Goodbye;
pub use mailbox::Bounds;
pub use message::Message;
pub use options::{Offline, Options, Overflow};
pub use protocol::Violation;
pub use reconnect::Reconnect;
#[cfg(any(feature = "js", feature = "store"))]
pub use store::Store;
pub use subscription::Subscription;
pub use waits::{Publishing, Reauthenticating, Requesting, Subscribing, Unsubscribing};
