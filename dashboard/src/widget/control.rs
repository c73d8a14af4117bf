//! What was asked through a widget, what was seen, and no more.
//!
//! ```text
//!            press                    echo
//!  rest ───────────────▶ pending ───────────────▶ rest, "Sent 12:04:31" or
//!   ▲                     │    │                  "Confirmed 12:04:31"
//!   │        5 s, no echo │    │ not connected
//!   └─── "No reply" ◀─────┘    └─────▶ "Not sent", both with a way to retry
//! ```
//!
//! Where state and command share one topic, an echo proves that the broker has
//! the message and nothing about the device: that is never "confirmed".

use std::collections::VecDeque;
use std::rc::Rc;

use super::{Value, Widget};
use crate::store::{Message, Topic};
use crate::time::Millis;

/// Milliseconds to wait for the echo.
pub const PATIENCE: f64 = 5_000.0;
/// Controls that are remembered; one is only there once it was used.
const MAX_CONTROLS: usize = 200;

/// Where the state that was seen last came from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Origin {
    /// This page sent it, and the broker sent it back, at this time.
    Sent(Millis),
    /// This page asked for it, and the device said so, at this time.
    Confirmed(Millis),
    /// Somebody else published it, at this time.
    Received(Millis),
    /// The broker had kept it: nobody says from when.
    Retained,
}

/// Why a command came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No echo within [`PATIENCE`].
    NoReply,
    /// The connection was gone when it was pressed.
    NotConnected,
}

/// A control that was used.
#[derive(Clone, Debug, PartialEq)]
pub struct Control {
    widget: Rc<Widget>,
    /// Commands without an echo, oldest first. One connection's messages come
    /// back in the order in which they were sent [MQTT-4.6.0-5].
    waiting: VecDeque<Value>,
    pressed: Millis,
    failed: Option<(Value, Failure)>,
    /// When the latest echo came.
    echo: Option<Millis>,
}

impl Control {
    fn new(widget: Rc<Widget>) -> Control {
        Control {
            widget,
            waiting: VecDeque::new(),
            pressed: Millis(0.0),
            failed: None,
            echo: None,
        }
    }

    fn press(&mut self, value: Value, now: Millis) {
        self.waiting.push_back(value);
        self.pressed = now;
        self.failed = None;
    }

    fn receive(&mut self, message: &Message) {
        let Some(value) = self.widget.read(&message.payload) else {
            return;
        };
        self.failed = None;
        if message.retain {
            return;
        }
        if self.widget.is_shared() {
            if self.waiting.front() == Some(&value) {
                self.waiting.pop_front();
                self.echo = Some(message.at);
            }
        } else if self.waiting.back() == Some(&value) {
            // A device may answer several commands with one state.
            self.waiting.clear();
            self.echo = Some(message.at);
        }
    }

    fn fail(&mut self, value: &Value) {
        if let Some(at) = self.waiting.iter().rposition(|waiting| waiting == value) {
            self.waiting.remove(at);
            self.failed = Some((value.clone(), Failure::NotConnected));
        }
    }

    fn tick(&mut self, now: Millis) {
        if now.since(self.pressed) >= PATIENCE
            && let Some(value) = self.waiting.pop_back()
        {
            self.waiting.clear();
            self.failed = Some((value, Failure::NoReply));
        }
    }

    /// The value that was asked for and has no echo yet.
    #[must_use]
    pub fn wanted(&self) -> Option<&Value> {
        self.waiting.back()
    }

    /// What was asked last and came to nothing.
    #[must_use]
    pub fn failed(&self) -> Option<&(Value, Failure)> {
        self.failed.as_ref()
    }
}

/// The state of a widget that was seen last, and where it came from. What is no
/// state of it changes nothing.
#[must_use]
pub fn seen(widget: &Widget, topic: &Topic, control: Option<&Control>) -> Option<(Value, Origin)> {
    let mut heard = [&topic.latest].into_iter().chain(&topic.history);
    heard.find_map(|heard| {
        let value = widget.read(&heard.payload)?;
        let is_echo = control.is_some_and(|control| control.echo == Some(heard.at));
        let origin = match (heard.retain, is_echo) {
            (true, _) => Origin::Retained,
            (_, false) => Origin::Received(heard.at),
            _ if widget.is_shared() => Origin::Sent(heard.at),
            _ => Origin::Confirmed(heard.at),
        };
        Some((value, origin))
    })
}

/// All controls that were used.
#[derive(Clone, Debug, Default)]
pub struct Controls {
    controls: VecDeque<Rc<Control>>,
}

impl Controls {
    /// The control of a widget, if it was used.
    #[must_use]
    pub fn get(&self, widget: &Widget) -> Option<&Rc<Control>> {
        self.controls.iter().find(|one| *one.widget == *widget)
    }

    fn at(&mut self, widget: &Rc<Widget>) -> &mut Control {
        let found = self.controls.iter().position(|one| one.widget == *widget);
        let at = found.unwrap_or_else(|| {
            if self.controls.len() == MAX_CONTROLS {
                self.controls.pop_front();
            }
            self.controls
                .push_back(Rc::new(Control::new(widget.clone())));
            self.controls.len() - 1
        });
        Rc::make_mut(&mut self.controls[at])
    }

    /// Somebody asks for a value.
    pub fn press(&mut self, widget: &Rc<Widget>, value: Value, now: Millis) {
        self.at(widget).press(value, now);
    }

    /// The client could not send what was asked.
    pub fn fail(&mut self, widget: &Rc<Widget>, value: &Value) {
        self.at(widget).fail(value);
    }

    /// Whether a message is about one of them.
    #[must_use]
    pub fn wants(&self, message: &Message) -> bool {
        let mut topics = self.controls.iter().map(|one| one.widget.topic());
        topics.any(|topic| topic == message.topic)
    }

    /// A message has come.
    pub fn receive(&mut self, message: &Message) {
        for one in &mut self.controls {
            if one.widget.topic() == message.topic {
                Rc::make_mut(one).receive(message);
            }
        }
    }

    /// Whether a command waits for its echo.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.controls.iter().any(|one| !one.waiting.is_empty())
    }

    /// Gives up on echoes that do not come.
    pub fn tick(&mut self, now: Millis) {
        for one in &mut self.controls {
            if !one.waiting.is_empty() {
                Rc::make_mut(one).tick(now);
            }
        }
    }

    /// What came to nothing last, and how the widget is called.
    #[must_use]
    pub fn failed(&self) -> Option<(&Widget, &Value, Failure)> {
        self.controls.iter().rev().find_map(|one| {
            let (value, failure) = one.failed.as_ref()?;
            Some((&*one.widget, value, *failure))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widget::{Field, Kind, LED_TOPIC, led};

    const ON: Value = Value::On(true);
    const OFF: Value = Value::On(false);

    /// A control with its topic.
    struct Bench {
        widget: Rc<Widget>,
        controls: Controls,
        topic: Option<Topic>,
    }

    impl Bench {
        fn new(widget: Widget) -> Bench {
            Bench {
                widget: Rc::new(widget),
                controls: Controls::default(),
                topic: None,
            }
        }

        fn press(&mut self, value: Value, at: f64) {
            self.controls.press(&self.widget, value, Millis(at));
        }

        fn hear(&mut self, payload: &str, at: f64, retain: bool) {
            let message = Message {
                topic: self.widget.topic().to_owned(),
                payload: payload.into(),
                retain,
                at: Millis(at),
            };
            self.controls.receive(&message);
            match &mut self.topic {
                Some(topic) => topic.receive(&message),
                None => self.topic = Some(Topic::new(&message)),
            }
        }

        fn origin(&self) -> Option<Origin> {
            let control = self.controls.get(&self.widget).map(|one| &**one);
            let seen = self
                .topic
                .as_ref()
                .and_then(|topic| seen(&self.widget, topic, control));
            seen.map(|(_, origin)| origin)
        }

        /// What is shown, and whether it is pending.
        fn shown(&self) -> (Option<Value>, bool) {
            let control = self.controls.get(&self.widget);
            let wanted = control.and_then(|one| one.wanted().cloned());
            let seen = self
                .topic
                .as_ref()
                .and_then(|topic| seen(&self.widget, topic, None));
            let pending = wanted.is_some();
            (wanted.or(seen.map(|(value, _)| value)), pending)
        }

        fn failed(&self) -> Option<(Value, Failure)> {
            self.controls.get(&self.widget)?.failed().cloned()
        }
    }

    #[test]
    fn the_thumb_moves_at_once_and_the_echo_says_sent() {
        let mut led = Bench::new(led());
        assert_eq!(
            led.shown(),
            (None, false),
            "a state never seen is not made up"
        );
        led.press(ON, 0.0);
        assert_eq!((led.shown(), led.origin()), ((Some(ON), true), None));
        led.hear("Turn On", 20.0, false);
        assert_eq!(led.shown(), (Some(ON), false));
        assert_eq!(led.origin(), Some(Origin::Sent(Millis(20.0))));
        led.hear("Turn On", 50.0, true);
        assert_eq!(
            led.origin(),
            Some(Origin::Sent(Millis(20.0))),
            "kept, and sent again"
        );
        led.hear("blink", 60.0, false);
        assert_eq!(led.shown(), (Some(ON), false));
    }

    #[test]
    fn a_device_with_a_state_of_its_own_confirms() {
        let fan = Widget::new(Kind::Toggle, "fan")
            .with(Field::Command, "fan/set")
            .with(Field::On, "ON")
            .with(Field::Off, "OFF");
        let mut fan = Bench::new(fan);
        fan.hear("OFF", 0.0, true);
        assert_eq!(fan.origin(), Some(Origin::Retained));
        fan.press(ON, 10.0);
        fan.hear("OFF", 15.0, false);
        assert_eq!(
            fan.shown(),
            (Some(ON), true),
            "another word does not end the wait"
        );
        fan.hear("ON", 20.0, false);
        assert_eq!(fan.shown(), (Some(ON), false));
        assert_eq!(fan.origin(), Some(Origin::Confirmed(Millis(20.0))));
        fan.hear("OFF", 30.0, false);
        assert_eq!(fan.origin(), Some(Origin::Received(Millis(30.0))));
    }

    #[test]
    fn without_an_echo_it_falls_back_to_what_was_seen() {
        let mut led = Bench::new(led());
        led.hear("Turn Off", 0.0, false);
        led.press(ON, 100.0);
        led.controls.tick(Millis(5_099.0));
        assert_eq!((led.shown(), led.failed()), ((Some(ON), true), None));
        led.controls.tick(Millis(5_100.0));
        assert_eq!(led.shown(), (Some(OFF), false));
        assert_eq!(led.failed(), Some((ON, Failure::NoReply)));
        assert!(!led.controls.is_pending());
        led.hear("Turn On", 6_000.0, false);
        assert_eq!((led.shown(), led.failed()), ((Some(ON), false), None));
    }

    #[test]
    fn quick_presses_do_not_flicker_as_their_echoes_come() {
        let mut led = Bench::new(led());
        for value in [ON, OFF, ON] {
            led.press(value, 0.0);
        }
        for (at, payload) in [(10.0, "Turn On"), (11.0, "Turn Off"), (12.0, "Turn On")] {
            assert_eq!(led.shown(), (Some(ON), true));
            led.hear(payload, at, false);
        }
        assert_eq!(led.shown(), (Some(ON), false));
    }

    #[test]
    fn what_was_not_sent_is_said_at_once() {
        let mut led = Bench::new(led());
        led.press(ON, 0.0);
        led.controls.fail(&led.widget.clone(), &ON);
        assert_eq!(led.shown(), (None, false));
        assert_eq!(led.failed(), Some((ON, Failure::NotConnected)));
        let (widget, value, failure) = led.controls.failed().expect("it is told");
        assert_eq!(
            (widget.topic(), value, failure),
            (LED_TOPIC, &ON, Failure::NotConnected)
        );
    }

    #[test]
    fn numbers_and_texts_wait_for_themselves() {
        let mut dimmer = Bench::new(Widget::new(Kind::Slider, "dim"));
        dimmer.press(Value::Number(20.0), 0.0);
        dimmer.press(Value::Number(30.0), 1.0);
        dimmer.hear("20", 2.0, false);
        assert_eq!(dimmer.shown(), (Some(Value::Number(30.0)), true));
        dimmer.hear("30", 3.0, false);
        assert_eq!(dimmer.shown(), (Some(Value::Number(30.0)), false));
    }
}
