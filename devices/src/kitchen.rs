use std::time::Duration;

use codec::QoS;

use crate::device::{Device, Publication};

const FRIDGE: &str = "Kitchen/Fridge";
const AIR_QUALITY: &str = "Kitchen/AirQuality";
const PURIFIER: &str = "Kitchen/Purifier";
const LED: &str = "home/led";
const ON: &str = "Turn On";
const OFF: &str = "Turn Off";

/// On or off, as a payload says it.
fn switch(payload: &str) -> Option<bool> {
    match payload {
        ON => Some(true),
        OFF => Some(false),
        _ => None,
    }
}

fn payload(on: bool) -> String {
    if on { ON } else { OFF }.into()
}

/// A sensor in a fridge: the temperature falls while the compressor runs and
/// rises while it rests.
#[derive(Debug)]
pub struct Fridge {
    /// Tenths of a degree Celsius.
    temperature: i32,
    is_cooling: bool,
    interval: Duration,
}

impl Fridge {
    const START: i32 = 140;
    const WARM: i32 = 70;
    const COLD: i32 = 35;

    /// A fridge that was just switched on, with a value each `interval`.
    pub const fn new(interval: Duration) -> Self {
        Self {
            temperature: Self::START,
            is_cooling: true,
            interval,
        }
    }
}

impl Device for Fridge {
    fn client_id(&self) -> &'static str {
        "fridge"
    }

    fn interval(&self) -> Option<Duration> {
        Some(self.interval)
    }

    fn tick(&mut self) -> Option<Publication> {
        let step = fastrand::i32(0..=2);
        self.temperature += if self.is_cooling { -step } else { step };
        if self.temperature >= Self::WARM {
            self.is_cooling = true;
        } else if self.temperature <= Self::COLD {
            self.is_cooling = false;
        }
        Some(Publication {
            topic: FRIDGE,
            payload: format!("Temperature:{:.1}", f64::from(self.temperature) / 10.0),
            qos: QoS::AtMostOnce,
            retain: false,
        })
    }
}

/// A monitor of the air: somebody cooks, the CO2 rises; the purifier runs, it
/// falls.
#[derive(Debug)]
pub struct AirQuality {
    co2_ppm: i32,
    is_purified: bool,
    interval: Duration,
}

impl AirQuality {
    const LEAST: i32 = 420;
    const MOST: i32 = 2000;

    /// A monitor in fresh air, with a value each `interval`.
    pub const fn new(interval: Duration) -> Self {
        Self {
            co2_ppm: 640,
            is_purified: false,
            interval,
        }
    }

    fn measured(&self) -> Publication {
        Publication {
            topic: AIR_QUALITY,
            payload: format!("CO2:{}", self.co2_ppm),
            qos: QoS::AtLeastOnce,
            retain: true,
        }
    }
}

impl Device for AirQuality {
    fn client_id(&self) -> &'static str {
        "air-quality"
    }

    fn filter(&self) -> Option<&'static str> {
        Some(PURIFIER)
    }

    fn interval(&self) -> Option<Duration> {
        Some(self.interval)
    }

    fn connected(&mut self) -> Option<Publication> {
        Some(self.measured())
    }

    fn tick(&mut self) -> Option<Publication> {
        let step = if self.is_purified {
            -fastrand::i32(40..=120)
        } else {
            fastrand::i32(30..=90)
        };
        self.co2_ppm = (self.co2_ppm + step).clamp(Self::LEAST, Self::MOST);
        Some(self.measured())
    }

    fn message(&mut self, _: &str, payload: &str) -> Option<Publication> {
        self.is_purified = switch(payload).unwrap_or(self.is_purified);
        None
    }
}

/// An air purifier that follows the CO2, and says what it does.
#[derive(Debug, Default)]
pub struct Purifier {
    is_on: bool,
}

impl Purifier {
    /// It switches on above this.
    pub const ON_ABOVE_PPM: f64 = 1000.0;
    /// It switches off below this; the gap keeps it from switching to and fro.
    pub const OFF_BELOW_PPM: f64 = 800.0;

    fn state(&self) -> Publication {
        Publication {
            topic: PURIFIER,
            payload: payload(self.is_on),
            qos: QoS::AtLeastOnce,
            retain: true,
        }
    }
}

impl Device for Purifier {
    fn client_id(&self) -> &'static str {
        "purifier"
    }

    fn filter(&self) -> Option<&'static str> {
        Some(AIR_QUALITY)
    }

    fn connected(&mut self) -> Option<Publication> {
        Some(self.state())
    }

    fn message(&mut self, _: &str, payload: &str) -> Option<Publication> {
        let ppm: f64 = payload.strip_prefix("CO2:")?.trim().parse().ok()?;
        let is_on = if self.is_on {
            ppm >= Self::OFF_BELOW_PPM
        } else {
            ppm > Self::ON_ABOVE_PPM
        };
        (is_on != std::mem::replace(&mut self.is_on, is_on)).then(|| self.state())
    }
}

/// A lamp that obeys, and says on the terminal what it does.
#[derive(Debug, Default)]
pub struct Led {
    /// What was said last; `None` before that.
    is_on: Option<bool>,
}

impl Led {
    /// Whether it shines.
    pub fn is_on(&self) -> bool {
        self.is_on.unwrap_or(false)
    }
}

impl Device for Led {
    fn client_id(&self) -> &'static str {
        "led"
    }

    fn filter(&self) -> Option<&'static str> {
        Some(LED)
    }

    #[expect(clippy::print_stdout, reason = "it is how this lamp shines")]
    fn message(&mut self, topic: &str, payload: &str) -> Option<Publication> {
        match switch(payload) {
            Some(on) => {
                self.is_on = Some(on);
                println!("The LED is {}.", if on { "on" } else { "off" });
            }
            None => println!("The LED does not know \"{payload}\" on {topic}."),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(publication: &Publication) -> f64 {
        let (_, number) = publication.payload.split_once(':').unwrap();
        number.parse().unwrap()
    }

    #[test]
    fn the_fridge_cools_down_and_stays_cool() {
        let mut fridge = Fridge::new(Duration::from_secs(2));
        let values: Vec<f64> = (0..2000).map(|_| number(&fridge.tick().unwrap())).collect();
        assert!(values[0] > 13.0);
        assert!(values[1000..].iter().all(|t| (3.0..=7.5).contains(t)));
        let last = &values[1000..];
        assert!(last.iter().any(|t| *t > 6.5) && last.iter().any(|t| *t < 4.0));
    }

    #[test]
    fn the_purifier_follows_the_co2_with_a_gap() {
        let mut purifier = Purifier::default();
        let mut hear = |payload: &str| purifier.message(AIR_QUALITY, payload).map(|p| p.payload);
        assert_eq!(hear("CO2:640"), None);
        assert_eq!(hear("CO2:1000"), None);
        assert_eq!(hear("CO2:1001").as_deref(), Some(ON));
        assert_eq!(hear("CO2:900"), None);
        assert_eq!(hear("smoke"), None);
        assert_eq!(hear("CO2:799").as_deref(), Some(OFF));
        assert_eq!(hear("CO2:900"), None);
    }

    #[test]
    fn monitor_and_purifier_together_swing_around_the_threshold() {
        let mut air = AirQuality::new(Duration::from_secs(30));
        let mut purifier = Purifier::default();
        let mut switched = 0;
        for _ in 0..500 {
            let measured = air.tick().unwrap();
            assert!(
                (420.0..=1200.0).contains(&number(&measured)),
                "{measured:?}"
            );
            if let Some(state) = purifier.message(AIR_QUALITY, &measured.payload) {
                switched += 1;
                air.message(PURIFIER, &state.payload);
            }
        }
        assert!(switched > 10);
    }

    #[test]
    fn the_led_obeys() {
        let mut led = Led::default();
        led.message(LED, ON);
        assert!(led.is_on());
        led.message(LED, "Turn on");
        assert!(led.is_on(), "what it does not know changes nothing");
        led.message(LED, OFF);
        assert!(!led.is_on());
    }
}
