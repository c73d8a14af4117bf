//! The LED's switch: what was asked, what was seen, and no more.
//!
//! ```text
//!            press                    echo
//!  rest ───────────────▶ pending ───────────────▶ rest, "Sent 12:04:31"
//!   ▲                     │    │
//!   │        5 s, no echo │    │ not connected
//!   └─── "No reply" ◀─────┘    └─────▶ "Not sent", both with a way to retry
//! ```
//!
//! State and command share one topic, so an echo proves that the broker has
//! the message and nothing about the device: nothing here is ever "confirmed".

use std::collections::VecDeque;

use crate::store::Message;
use crate::time::Millis;

/// The topic that the switch publishes to and listens on.
pub const LED_TOPIC: &str = "home/led";
/// Milliseconds to wait for the echo.
pub const PATIENCE: f64 = 5_000.0;

/// The payload that asks for a state.
#[must_use]
pub fn command(on: bool) -> &'static str {
    if on { "Turn On" } else { "Turn Off" }
}

/// Where the state that was seen last came from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Origin {
    /// This page sent it, and the broker sent it back, at this time.
    Sent(Millis),
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

/// The switch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Switch {
    seen: Option<(bool, Origin)>,
    /// Commands without an echo, oldest first. One connection's messages come
    /// back in the order in which they were sent [MQTT-4.6.0-5].
    waiting: VecDeque<bool>,
    pressed: Millis,
    failed: Option<(bool, Failure)>,
}

impl Switch {
    /// Somebody asks for a state.
    pub fn press(&mut self, on: bool, now: Millis) {
        self.waiting.push_back(on);
        self.pressed = now;
        self.failed = None;
    }

    /// A message on the topic. What is no on/off word changes nothing.
    pub fn receive(&mut self, on: bool, message: &Message) {
        let echo = !message.retain && self.waiting.front() == Some(&on);
        let origin = match (echo, message.retain) {
            (true, _) => Origin::Sent(message.at),
            (_, true) => Origin::Retained,
            _ => Origin::Received(message.at),
        };
        if echo {
            self.waiting.pop_front();
        }
        if message.retain && self.seen.is_some_and(|(seen, _)| seen == on) {
            return;
        }
        self.seen = Some((on, origin));
        self.failed = None;
    }

    /// The client could not send what was pressed last.
    pub fn fail(&mut self, on: bool) {
        if let Some(at) = self.waiting.iter().rposition(|&waiting| waiting == on) {
            self.waiting.remove(at);
            self.failed = Some((on, Failure::NotConnected));
        }
    }

    /// Gives up on an echo that does not come.
    pub fn tick(&mut self, now: Millis) {
        if let Some(&on) = self.waiting.back()
            && now.since(self.pressed) >= PATIENCE
        {
            self.waiting.clear();
            self.failed = Some((on, Failure::NoReply));
        }
    }

    /// The state to draw: the one asked for while it is pending, else the one
    /// seen last, `None` if none ever was.
    #[must_use]
    pub fn shown(&self) -> Option<bool> {
        self.waiting.back().copied().or(self.seen.map(|(on, _)| on))
    }

    /// Whether a command waits for its echo.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Where the state seen last came from.
    #[must_use]
    pub fn origin(&self) -> Option<Origin> {
        self.seen.map(|(_, origin)| origin)
    }

    /// What was asked last and came to nothing.
    #[must_use]
    pub fn failed(&self) -> Option<(bool, Failure)> {
        self.failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(at: f64, retain: bool) -> Message {
        Message {
            topic: LED_TOPIC.into(),
            payload: Vec::new(),
            retain,
            at: Millis(at),
        }
    }

    #[test]
    fn a_state_never_seen_is_not_made_up() {
        assert_eq!(Switch::default().shown(), None);
    }

    #[test]
    fn the_thumb_moves_at_once_and_the_echo_says_sent() {
        let mut led = Switch::default();
        led.press(true, Millis(0.0));
        assert_eq!(
            (led.shown(), led.is_pending(), led.origin()),
            (Some(true), true, None)
        );
        led.receive(true, &message(20.0, false));
        assert_eq!((led.shown(), led.is_pending()), (Some(true), false));
        assert_eq!(led.origin(), Some(Origin::Sent(Millis(20.0))));
    }

    #[test]
    fn others_move_the_switch_and_are_told_apart() {
        let mut led = Switch::default();
        led.receive(true, &message(1.0, true));
        assert_eq!(
            (led.shown(), led.origin()),
            (Some(true), Some(Origin::Retained))
        );
        led.receive(false, &message(2.0, false));
        assert_eq!(
            (led.shown(), led.origin()),
            (Some(false), Some(Origin::Received(Millis(2.0))))
        );
    }

    #[test]
    fn without_an_echo_it_falls_back_to_what_was_seen() {
        let mut led = Switch::default();
        led.receive(false, &message(0.0, false));
        led.press(true, Millis(100.0));
        led.tick(Millis(5_099.0));
        assert_eq!((led.shown(), led.failed()), (Some(true), None));
        led.tick(Millis(5_100.0));
        assert_eq!((led.shown(), led.is_pending()), (Some(false), false));
        assert_eq!(led.failed(), Some((true, Failure::NoReply)));
        led.receive(true, &message(6_000.0, false));
        assert_eq!(
            (led.shown(), led.failed()),
            (Some(true), None),
            "a late echo still counts"
        );
    }

    #[test]
    fn never_seen_and_never_answered_goes_back_to_two_buttons() {
        let mut led = Switch::default();
        led.press(true, Millis(0.0));
        led.tick(Millis(5_000.0));
        assert_eq!(
            (led.shown(), led.failed()),
            (None, Some((true, Failure::NoReply)))
        );
    }

    #[test]
    fn quick_presses_do_not_flicker_as_their_echoes_come() {
        let mut led = Switch::default();
        for on in [true, false, true] {
            led.press(on, Millis(0.0));
        }
        for (at, on) in [(10.0, true), (11.0, false), (12.0, true)] {
            assert_eq!(led.shown(), Some(true));
            led.receive(on, &message(at, false));
        }
        assert_eq!((led.shown(), led.is_pending()), (Some(true), false));
    }

    #[test]
    fn another_ones_word_does_not_end_the_wait() {
        let mut led = Switch::default();
        led.press(true, Millis(0.0));
        led.receive(false, &message(5.0, false));
        assert_eq!((led.shown(), led.is_pending()), (Some(true), true));
    }

    #[test]
    fn what_was_not_sent_is_said_at_once() {
        let mut led = Switch::default();
        led.press(true, Millis(0.0));
        led.fail(true);
        assert_eq!(
            (led.shown(), led.failed()),
            (None, Some((true, Failure::NotConnected)))
        );
    }

    #[test]
    fn the_retained_state_sent_again_after_a_reconnect_changes_no_word() {
        let mut led = Switch::default();
        led.press(true, Millis(0.0));
        led.receive(true, &message(9.0, false));
        led.receive(true, &message(50.0, true));
        assert_eq!(led.origin(), Some(Origin::Sent(Millis(9.0))));
    }
}
