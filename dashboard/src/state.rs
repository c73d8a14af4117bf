//! The page's state and everything that can change it. Pure: no clock, no
//! browser, no client.

use std::rc::Rc;

use yew::Reducible;

use crate::broker::{self, Broker};
use crate::chart::{Name, Tracks};
use crate::connection::{Connection, LinkEvent, Shown};
use crate::home::{self, Home, Keeper};
use crate::publishing::{Draft, Outcome, Publications};
use crate::store::{Message, Store};
use crate::time::Millis;
use crate::watch::{Sighting, Watch};
use crate::widget::{Controls, LED_TOPIC, Value, Widget};

/// Milliseconds in which a broker tells what it keeps of Home.
const SETTLED: f64 = 1_000.0;
/// Milliseconds without a new topic after which the first ones have come.
pub const GATHERED: f64 = 80.0;

/// Everything that the page shows.
#[derive(Clone, Debug)]
pub struct State {
    /// The time of the last action; what is shown is true at this time.
    pub now: Millis,
    /// When the page was opened.
    opened: Millis,
    /// When the latest of its topics was heard for the first time,
    grown: Millis,
    /// and whether Home may be drawn.
    ready: bool,
    /// Minutes that the clock on the wall is ahead of UTC.
    pub offset: i32,
    /// The connection to the broker.
    pub connection: Connection,
    /// What was heard.
    pub store: Rc<Store>,
    /// What the broker says of itself, as far as somebody wanted to know.
    pub system: Rc<Store>,
    /// Who the broker is, and who is connected to it.
    pub broker: Rc<Broker>,
    /// What was asked of devices.
    pub controls: Rc<Controls>,
    /// Who listens, and what somebody has made of Home.
    pub home: Rc<Home>,
    /// What was written here and sent.
    pub publications: Rc<Publications>,
    /// What is known about the topic that is looked at closely.
    pub watch: Option<Watch>,
    /// The numbers that charts show, with more of their past than a card needs.
    pub tracks: Rc<Tracks>,
}

/// Everything that can happen.
#[derive(Clone, Debug)]
pub enum Action {
    /// Time has passed; the second is the state's `offset`, which summer time changes.
    Tick(Millis, i32),
    /// Somebody gave a user and a password.
    LogIn(Millis),
    /// Somebody wants to be nobody again.
    LogOut(Millis),
    /// The client reports on the connection.
    Link(LinkEvent, Millis),
    /// The messages of one frame, in the order in which they came: those of
    /// devices, or those of the broker itself.
    Messages(Rc<Vec<Message>>, Millis),
    /// Somebody asks for a value.
    Press(Rc<Widget>, Value, Millis),
    /// That could not be sent.
    PressFailed(Rc<Widget>, Value, Millis),
    /// What was published before the page was loaded is known, or is to be
    /// forgotten.
    Recall(Rc<Publications>),
    /// Somebody publishes; the number tells this one from others.
    Publish(u32, Rc<Draft>, Millis),
    /// What became of that.
    Published(u32, Outcome, Millis),
    /// Somebody looks at a topic closely, or at none any more.
    Watch(Option<Rc<str>>, Millis),
    /// Messages on the topic that is looked at closely, or below it.
    Sighted(Rc<Vec<Sighting>>, Millis),
    /// What became of clearing what the broker keeps for one of those.
    Cleared(Outcome, Millis),
    /// Charts show these numbers, and no others.
    Follow(Rc<Vec<Name>>, Millis),
    /// The broker remembers of a topic: payloads, and when they came.
    Remembered(Rc<str>, Rc<Vec<(Millis, String)>>, Millis),
    /// Something about Home.
    Home(home::Event, Millis),
    /// Something about the broker.
    Broker(broker::Event, Millis),
}

impl State {
    /// A page that was opened at `now`.
    #[must_use]
    pub fn new(now: Millis, offset: i32) -> State {
        State {
            now,
            opened: now,
            grown: now,
            ready: false,
            offset,
            connection: Connection::new(now),
            store: Rc::default(),
            system: Rc::default(),
            broker: Rc::default(),
            controls: Rc::default(),
            home: Rc::default(),
            publications: Rc::default(),
            watch: None,
            tracks: Rc::default(),
        }
    }

    /// What to show of the connection.
    #[must_use]
    pub fn shown(&self) -> Shown {
        self.connection.shown(self.now)
    }

    /// Whether Home is known and the first topics have come, or were waited for
    /// long enough: what is drawn before would have to move.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    fn is_gathered(&self) -> bool {
        let is_known = self.home.keeper != Keeper::Unknown;
        (is_known && self.now.since(self.grown) >= GATHERED)
            || self.now.since(self.opened) >= SETTLED
    }

    /// Whether nothing was heard yet but this page's own switch.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.store.names().any(|name| name != LED_TOPIC)
    }

    /// Whole seconds that a page with a connection has waited for its first value.
    #[must_use]
    pub fn waited(&self) -> Option<u32> {
        let waits = self.connection.is_up() && self.is_waiting();
        waits.then(|| (self.now.since(self.connection.since()) / 1000.0) as u32)
    }

    /// Where a topic is held.
    #[must_use]
    pub fn holder(&self, topic: &str) -> &Rc<Store> {
        if topic.starts_with('$') {
            &self.system
        } else {
            &self.store
        }
    }

    fn apply(&mut self, action: Action) {
        self.now = match action {
            Action::Tick(now, offset) => {
                self.offset = offset;
                Rc::make_mut(&mut self.store).tick(now);
                now
            }
            Action::LogIn(now) => {
                self.connection.log_in(now);
                now
            }
            Action::LogOut(now) => {
                self.connection.log_out(now);
                now
            }
            Action::Link(event, now) => {
                self.connection.receive(&event, now);
                now
            }
            Action::Messages(messages, now) => {
                let store = match messages.first() {
                    Some(message) if message.is_system() => &mut self.system,
                    _ => &mut self.store,
                };
                let known = store.len();
                Rc::make_mut(store).receive(&*messages, now);
                if store.len() > known {
                    self.grown = now;
                }
                if messages.iter().any(|message| self.tracks.wants(message)) {
                    let tracks = Rc::make_mut(&mut self.tracks);
                    messages.iter().for_each(|message| tracks.receive(message));
                }
                if messages.iter().any(|message| self.controls.wants(message)) {
                    let controls = Rc::make_mut(&mut self.controls);
                    messages
                        .iter()
                        .for_each(|message| controls.receive(message));
                }
                now
            }
            Action::Press(widget, value, now) => {
                Rc::make_mut(&mut self.controls).press(&widget, value, now);
                now
            }
            Action::PressFailed(widget, value, now) => {
                Rc::make_mut(&mut self.controls).fail(&widget, &value);
                now
            }
            Action::Recall(publications) => {
                self.publications = publications;
                self.now
            }
            Action::Publish(number, draft, now) => {
                let offset = self.offset;
                Rc::make_mut(&mut self.publications).begin(number, draft, now, offset);
                now
            }
            Action::Published(number, outcome, now) => {
                Rc::make_mut(&mut self.publications).settle(number, outcome);
                now
            }
            Action::Watch(topic, now) => {
                self.watch = topic.map(Watch::new);
                now
            }
            Action::Sighted(sightings, now) => {
                if let Some(watch) = &mut self.watch {
                    watch.see(&sightings);
                }
                now
            }
            Action::Cleared(outcome, now) => {
                if let Some(watch) = &mut self.watch {
                    watch.cleared(outcome);
                }
                now
            }
            Action::Follow(names, now) => {
                let mut tracks = std::mem::take(&mut self.tracks);
                Rc::make_mut(&mut tracks).follow(&names, |topic| self.holder(topic).get(topic));
                self.tracks = tracks;
                now
            }
            Action::Remembered(topic, past, now) => {
                Rc::make_mut(&mut self.tracks).fill(&topic, &past);
                Rc::make_mut(&mut self.store).fill(&topic, &past);
                now
            }
            Action::Home(event, now) => {
                let keeper = self.home.keeper;
                Rc::make_mut(&mut self.home).take(event);
                // What it keeps of topics comes with the next frame.
                if self.home.keeper != keeper {
                    self.grown = now;
                }
                now
            }
            Action::Broker(event, now) => {
                Rc::make_mut(&mut self.broker).take(event, now);
                now
            }
        };
        if self.controls.is_pending() {
            Rc::make_mut(&mut self.controls).tick(self.now);
        }
        self.ready |= self.is_gathered();
    }
}

impl Reducible for State {
    type Action = Action;

    fn reduce(self: Rc<Self>, action: Action) -> Rc<Self> {
        let mut next = Rc::unwrap_or_clone(self);
        next.apply(action);
        Rc::new(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widget::{Failure, led};

    fn message(topic: &str, payload: &str, at: f64) -> Message {
        Message {
            topic: topic.into(),
            payload: payload.into(),
            retain: false,
            at: Millis(at),
        }
    }

    fn after(state: Rc<State>, messages: Vec<Message>, at: f64) -> Rc<State> {
        state.reduce(Action::Messages(Rc::new(messages), Millis(at)))
    }

    #[test]
    fn the_fridge_arrives() {
        let state = Rc::new(State::new(Millis(0.0), 0));
        assert!(state.is_waiting());
        let state = after(
            state,
            vec![message("Kitchen/Fridge", "Temperature:14", 10.0)],
            16.0,
        );
        let fridge = state
            .store
            .get("Kitchen/Fridge")
            .expect("it was just received");
        assert_eq!(fridge.series[0].leaf.value, 14.0);
        assert_eq!(state.now, Millis(16.0));
        assert!(!state.is_waiting());
    }

    #[test]
    fn home_is_drawn_when_the_first_topics_have_come() {
        let keeper = |at| Action::Home(home::Event::Keeper(Keeper::Broker), Millis(at));
        let tick = |at| Action::Tick(Millis(at), 0);
        let state = Rc::new(State::new(Millis(0.0), 0)).reduce(keeper(90.0));
        assert!(
            !state.is_ready(),
            "what is there may come with the next frame"
        );
        assert!(state.reduce(tick(170.0)).is_ready(), "nothing has come");

        let state = Rc::new(State::new(Millis(0.0), 0)).reduce(keeper(10.0));
        let state = after(state, vec![message("b", "1", 20.0)], 20.0);
        let state = after(state, vec![message("a", "1", 90.0)], 90.0);
        let state = after(state, vec![message("b", "2", 160.0)], 160.0);
        assert!(!state.is_ready(), "a new one may come");
        let state = state.reduce(tick(170.0));
        assert!(state.is_ready());
        let state = after(state, vec![message("c", "1", 171.0)], 171.0);
        assert!(state.is_ready(), "it stays");
    }

    #[test]
    fn home_waits_no_longer_than_a_second() {
        let mut state = Rc::new(State::new(Millis(0.0), 0));
        for number in 0..25 {
            let at = 40.0 * f64::from(number);
            state = after(state, vec![message(&number.to_string(), "1", at)], at);
            assert!(!state.is_ready());
        }
        assert!(state.reduce(Action::Tick(Millis(SETTLED), 0)).is_ready());
    }

    #[test]
    fn the_led_waits_for_its_echo_and_the_guide_stays_while_there_is_nothing_else() {
        let led = Rc::new(led());
        let press = Action::Press(led.clone(), Value::On(true), Millis(5.0));
        let state = Rc::new(State::new(Millis(0.0), 0)).reduce(press);
        assert!(state.controls.is_pending());
        let state = after(state, vec![message(LED_TOPIC, "Turn On", 9.0)], 9.0);
        assert!(!state.controls.is_pending() && state.is_waiting());
    }

    #[test]
    fn a_command_without_an_echo_ends_by_itself() {
        let press = Action::Press(Rc::new(led()), Value::On(true), Millis(0.0));
        let state = Rc::new(State::new(Millis(0.0), 0)).reduce(press);
        let state = state.reduce(Action::Tick(Millis(5_000.0), 0));
        let failed = state.controls.failed().map(|(_, _, failure)| failure);
        assert_eq!(failed, Some(Failure::NoReply));
    }

    #[test]
    fn what_the_broker_remembers_fills_the_line_of_a_card() {
        let state = Rc::new(State::new(Millis(0.0), 0));
        let state = after(state, vec![message("a", "3", 30.0)], 30.0);
        let past = [(10.0, "1"), (20.0, "2")].map(|(at, text)| (Millis(at), text.to_owned()));
        let fill = Action::Remembered("a".into(), Rc::new(past.to_vec()), Millis(31.0));
        let state = state.reduce(fill);
        let points = &state.store.get("a").expect("it was heard").series[0].points;
        let values: Vec<f64> = points.iter().map(|point| point.value).collect();
        assert_eq!(values, [1.0, 2.0, 3.0]);
    }

    #[test]
    fn what_the_broker_says_of_itself_is_no_devices() {
        let state = Rc::new(State::new(Millis(0.0), 0));
        let state = after(state, vec![message("$SYS/broker/uptime", "3 s", 1.0)], 1.0);
        assert!(state.is_waiting() && state.store.is_empty());
        assert!(state.system.get("$SYS/broker/uptime").is_some());
        assert_eq!(state.store.log().count(), 0);
    }

    #[test]
    fn what_did_not_change_is_the_same_by_identity() {
        let state = Rc::new(State::new(Millis(0.0), 0));
        let first = after(
            state,
            vec![message("a/b", "1", 1.0), message("a/c", "2", 1.0)],
            1.0,
        );
        let next = after(first.clone(), vec![message("a/c", "3", 2.0)], 2.0);
        let same = |topic| match (first.store.get(topic), next.store.get(topic)) {
            (Some(a), Some(b)) => Rc::ptr_eq(a, b),
            _ => false,
        };
        assert!(same("a/b"));
        assert!(!same("a/c"));
        assert!(Rc::ptr_eq(&first.store.groups(), &next.store.groups()));
        assert_eq!(
            first.store.get("a/c").map(|c| c.series[0].leaf.value),
            Some(2.0),
            "the past stays as it was"
        );
    }
}
