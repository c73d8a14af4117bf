//! A kitchen without a kitchen: the devices that the dashboard is shown with,
//! each a real MQTT client over TCP.
//!
//! | device | publishes | listens to |
//! |---|---|---|
//! | [`Fridge`] | `Kitchen/Fridge` | |
//! | [`AirQuality`] | `Kitchen/AirQuality` | `Kitchen/Purifier` |
//! | [`Purifier`] | `Kitchen/Purifier` | `Kitchen/AirQuality` |
//! | [`Led`] | | `home/led` |
//!
//! A [`Device`] says what it publishes and does with what it hears, and knows
//! no network; [`connection::run`] connects one to a broker.

pub mod connection;
mod device;
mod kitchen;

pub use device::{Device, Publication};
pub use kitchen::{AirQuality, Fridge, Led, Purifier};
