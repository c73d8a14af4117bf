//! From a publish to the outboxes of those who subscribe.

mod retained;
mod routes;
mod subscriptions;

pub(crate) use retained::Retained;
pub(crate) use routes::{Publication, Router, Routes};
pub(crate) use subscriptions::Subscriber;
