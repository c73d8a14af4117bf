use std::time::Duration;

use codec::QoS;

/// What a device publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Where to.
    pub topic: &'static str,
    /// What.
    pub payload: String,
    /// How surely.
    pub qos: QoS,
    /// Whether the broker keeps it for those who look later.
    pub retain: bool,
}

/// A thing that measures, or that can be switched.
pub trait Device {
    /// Its client identifier.
    fn client_id(&self) -> &'static str;

    /// What it listens to, at QoS 1.
    fn filter(&self) -> Option<&'static str> {
        None
    }

    /// How often [`Device::tick`] is called; `None` for never.
    fn interval(&self) -> Option<Duration> {
        None
    }

    /// It is connected: says what others should know at once.
    fn connected(&mut self) -> Option<Publication> {
        None
    }

    /// Its interval has passed.
    fn tick(&mut self) -> Option<Publication> {
        None
    }

    /// It hears something.
    fn message(&mut self, topic: &str, payload: &str) -> Option<Publication> {
        let _ = (topic, payload);
        None
    }
}
