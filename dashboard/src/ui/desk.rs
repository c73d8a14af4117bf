//! What the page asks its broker while it is open: who listens, what was, and
//! how Home is laid out.

use std::rc::Rc;

use yew::prelude::*;

use super::hooks::{Dispatch, Wire};
use crate::broker::{self, Roster};
use crate::desk;
use crate::home::{Event, Home, Keeper, NAME};
use crate::json::Json;
use crate::route::{Route, View};
use crate::state::{Action, State};
use crate::time::Millis;
use crate::widget::Layout;
use crate::{browser, keep};

/// Seconds after which it is asked again who listens.
const AGAIN: f64 = 10_000.0;
/// Topics whose past is asked for at once.
const PART: usize = 64;
/// Topics whose past is asked for in all: as many as somebody looks at.
const MAX_PAST: usize = 512;

fn tell(dispatch: &Dispatch, event: Event) {
    dispatch.dispatch(Action::Home(event, browser::now()));
}

/// Keeps Home in line with what the broker knows.
#[hook]
pub(super) fn use_desk(wire: &Rc<Wire>, state: &UseReducerHandle<State>) {
    let is_up = state.connection.identity().is_some();
    {
        let (wire, dispatch) = (wire.clone(), state.dispatcher());
        use_effect_with(is_up, move |is_up| {
            if *is_up {
                open(&wire, &dispatch);
            }
        });
    }
    let asked = use_mut_ref(|| 0_usize);
    let (wire, dispatch, store) = (wire.clone(), state.dispatcher(), state.store.clone());
    let is_ours = is_up && matches!(state.home.keeper, Keeper::Broker | Keeper::ReadOnly);
    let turn = (state.now.0 / AGAIN) as usize;
    use_effect_with((is_ours, store.len(), turn), move |&(is_ours, count, _)| {
        if !is_ours {
            return;
        }
        if *asked.borrow() < count.min(MAX_PAST) {
            let from = asked.replace(count);
            let new = store.topics()[from..].iter();
            let new = new.filter(|topic| !topic.series.is_empty()).take(MAX_PAST);
            let new: Vec<String> = new.map(|topic| topic.name.to_string()).collect();
            new.chunks(PART)
                .for_each(|part| remember(&wire, &dispatch, part.to_vec()));
        }
        let topics = Home::asked(store.topics(), desk::MAX_SUBSCRIBERS);
        if !topics.is_empty() {
            let told = move |counts: Result<desk::Counts, _>| {
                if let Ok(counts) = counts {
                    let some = counts.topics.into_iter().filter(|(_, count)| *count > 0);
                    let some = some.map(|(topic, _)| topic);
                    tell(&dispatch, Event::Listened(some.collect()));
                }
            };
            wire.with(|link| link.ask(desk::subscribers(topics), told));
        }
    });
}

/// Asks who the broker is, and for the layout.
fn open(wire: &Rc<Wire>, dispatch: &Dispatch) {
    let (told, heard, address) = (dispatch.clone(), dispatch.clone(), wire.address());
    wire.with(|link| {
        // First, so that it is there with the answer.
        link.layouts(Callback::from(move |kept| {
            if let Some(event) = Home::heard(&kept) {
                tell(&heard, event);
            }
        }));
        link.ask(desk::info(), move |info| {
            learn(&told, broker::Event::Info(info.clone()));
            let keeper = match &info {
                Ok(info) if info.may_change_layouts => Keeper::Broker,
                Ok(_) => Keeper::ReadOnly,
                Err(desk::Failure::NoAnswer) => return,
                Err(_) => Keeper::Browser,
            };
            if keeper == Keeper::Browser
                && let Some(layout) = keep::layout(&address).and_then(|text| Json::parse(&text))
                && let Some(layout) = Layout::read(&layout)
            {
                tell(&told, Event::Kept(layout, 0));
            }
            tell(&told, Event::Keeper(keeper));
        });
    });
}

fn learn(dispatch: &Dispatch, event: broker::Event) {
    dispatch.dispatch(Action::Broker(event, browser::now()));
}

/// Hears what the broker says of itself, and who is connected, for as long as
/// somebody looks at that.
#[hook]
pub(super) fn use_broker(wire: &Rc<Wire>, state: &UseReducerHandle<State>, route: &Route) {
    let is_up = state.connection.identity().is_some();
    let is_shown = is_up && route.view == View::Broker;
    let charted = |topic: &str| route.view == View::Chart && topic.starts_with("%24");
    let wanted = is_shown || (is_up && route.topic.as_deref().is_some_and(charted));
    {
        let wire = wire.clone();
        use_effect_with(wanted, move |&wanted| {
            let on_messages = wire.on_messages();
            wire.with(|link| link.listen(wanted, on_messages));
        });
    }
    let may_list = state.broker.info().is_some_and(|info| info.may_list);
    let turn = (is_shown && may_list).then(|| state.broker.turn(state.now));
    let (wire, dispatch) = (wire.clone(), state.dispatcher());
    use_effect_with(
        (turn, state.broker.chosen.clone()),
        move |(turn, chosen)| {
            if turn.is_none() || gloo::utils::document().hidden() {
                return;
            }
            list(&wire, &dispatch, Roster::default());
            if let Some(chosen) = chosen.clone() {
                let question = desk::subscriptions(&chosen);
                let told = move |told| learn(&dispatch, broker::Event::Subscriptions(chosen, told));
                wire.with(|link| link.ask(question, told));
            }
        },
    );
}

/// Asks for the clients that come after those that are known.
fn list(wire: &Rc<Wire>, dispatch: &Dispatch, mut roster: Roster) {
    let (again, dispatch) = (wire.clone(), dispatch.clone());
    let question = desk::clients(roster.after());
    let told = move |page: Result<desk::Clients, _>| match page.map(|page| roster.take(page)) {
        Ok(true) => list(&again, &dispatch, roster),
        Ok(false) => learn(&dispatch, broker::Event::Clients(Ok(roster))),
        Err(failure) => learn(&dispatch, broker::Event::Clients(Err(failure))),
    };
    wire.with(|link| link.ask(question, told));
}

/// What somebody does to a client.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Looks at one closely, or at none.
    Choose(Option<Rc<str>>),
    /// Disconnects it.
    End(Rc<str>),
}

/// Does it.
#[hook]
pub(super) fn use_clients(wire: &Rc<Wire>, state: &UseReducerHandle<State>) -> Callback<Act> {
    let (wire, dispatch) = (wire.clone(), state.dispatcher());
    use_callback((), move |act: Act, ()| {
        let client = match act {
            Act::Choose(client) => return learn(&dispatch, broker::Event::Choose(client)),
            Act::End(client) => client,
        };
        let question = desk::disconnect(&client);
        let (again, dispatch) = (wire.clone(), dispatch.clone());
        let told = move |told: Result<(), _>| {
            learn(&dispatch, broker::Event::Ended(client, told));
            list(&again, &dispatch, Roster::default());
        };
        wire.with(|link| link.ask(question, told));
    })
}

/// Asks for the past of topics. Its times are the broker's; a clock that is
/// wrong by less than the network takes makes no difference.
pub(super) fn remember(wire: &Rc<Wire>, dispatch: &Dispatch, topics: Vec<String>) {
    if topics.is_empty() {
        return;
    }
    let dispatch = dispatch.clone();
    let told = move |past: Result<desk::Past, _>| {
        for (topic, points) in past.into_iter().flat_map(|past| past.topics) {
            let points: Vec<(Millis, String)> = points;
            let past = Action::Remembered(topic.into(), Rc::new(points), browser::now());
            dispatch.dispatch(past);
        }
    };
    wire.with(|link| link.ask(desk::recent(topics, None), told));
}

/// Keeps the layout: on the broker, or in the browser where that keeps none.
#[hook]
pub(super) fn use_save(
    wire: &Rc<Wire>,
    state: &UseReducerHandle<State>,
    address: &str,
) -> Callback<()> {
    let (wire, dispatch, home) = (wire.clone(), state.dispatcher(), state.home.clone());
    let address = address.to_owned();
    Callback::from(move |()| {
        let json = home.shown().json();
        if home.keeper == Keeper::Browser {
            keep::remember_layout(&address, &json.to_string());
            return tell(&dispatch, Event::Saved(Ok(0)));
        }
        let dispatch = dispatch.clone();
        let saved = move |revision| tell(&dispatch, Event::Saved(revision));
        wire.with(|link| link.ask(desk::layout(NAME, home.revision, &json), saved));
    })
}
