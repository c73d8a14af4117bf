use std::rc::Rc;

use gloo::events::EventListener;
use gloo::timers::callback::{Interval, Timeout};
use yew::prelude::*;

use super::banner::Banner;
use super::foot::Foot;
use super::guide::Guide;
use super::header::Header;
use super::home::Home;
use super::login::Login;
use super::shared::Shared;
use crate::connection::{LinkEvent, QUIET, Shown};
use crate::credentials::Credentials;
use crate::link::Link;
use crate::place::Place;
use crate::state::{Action, State};
use crate::store::Message;
use crate::switch::{LED_TOPIC, PATIENCE, command};
use crate::time::Age;
use crate::{browser, strings, theme};

/// Seconds without a value after which the page explains itself; a broker with
/// devices on it has said something by then.
const EXPLAIN_AFTER: u32 = 4;

type Dispatch = UseReducerDispatcher<State>;

fn tick() -> Action {
    Action::Tick(browser::now(), browser::offset())
}

/// Looks at the state again in a moment that matters to it.
fn tick_in(dispatch: &Dispatch, ms: f64) {
    let dispatch = dispatch.clone();
    Timeout::new(ms as u32 + 20, move || dispatch.dispatch(tick())).forget();
}

/// The page: state, client and views are tied together here and nowhere else.
#[component]
pub(crate) fn App() -> Html {
    let state = use_reducer(|| State::new(browser::now(), browser::offset()));
    let place = use_memo((), |()| browser::place());
    let link = use_link(&place, &state.dispatcher());
    let guide = use_state(|| false);
    let dark = use_theme();
    use_clock(&state.dispatcher());

    let on_press = {
        let (link, dispatch) = (link.clone(), state.dispatcher());
        use_callback((), move |on: bool, ()| {
            dispatch.dispatch(Action::Press(on, browser::now()));
            tick_in(&dispatch, PATIENCE);
            let dispatch = dispatch.clone();
            let failed = move || dispatch.dispatch(Action::PressFailed(on, browser::now()));
            if let Some(link) = &*link.borrow() {
                link.publish(LED_TOPIC, command(on), failed);
            }
        })
    };
    let on_theme = use_callback(dark.clone(), |(), dark| {
        theme::choose(!**dark);
        dark.set(!**dark);
    });
    let on_guide = use_callback(guide.clone(), |(), guide| guide.set(!**guide));
    let on_login = {
        let (link, dispatch) = (link.clone(), state.dispatcher());
        use_callback((), move |given: Credentials, ()| {
            dispatch.dispatch(Action::LogIn(browser::now()));
            if let Some(link) = &*link.borrow() {
                link.log_in(&given);
            }
        })
    };

    let shown = state.shown();
    let waited = state.waited();
    let explain = waited.filter(|&seconds| seconds >= EXPLAIN_AFTER);
    let address = AttrValue::from(place.address.clone());
    html! { <>
        <Header {shown} address={address.clone()} dark={*dark} guide_open={*guide} {on_theme} on_guide={on_guide.clone()} />
        <main>
            if shown == Shown::Refused {
                <Login address={address.clone()} login={state.connection.login()} {on_login} />
            } else if *guide {
                <Guide place={(*place).clone()} waiting={None} on_close={on_guide} />
            }
            if shown != Shown::Refused || state.connection.was_up() {
                <Home
                    store={Shared(state.store.clone())}
                    led={Shared(state.led.clone())}
                    now={state.now}
                    offset={state.offset}
                    {shown}
                    {on_press}
                />
            }
            if let Some(seconds) = waited.filter(|_| explain.is_none()) {
                <p class="waiting" data-testid="waiting"><span class="pulse" aria-hidden="true"></span>{ strings::waiting(seconds) }</p>
            }
            if explain.is_some() && !*guide {
                <Guide place={(*place).clone()} waiting={explain} on_close={None::<Callback<()>>} />
            }
        </main>
        <Foot {address} count={state.store.log().shown().first().map_or(0, |entry| entry.number)}
            left_out={state.store.left_out()} read_refused={state.connection.read_refused} />
        { banner(&state, shown, &place) }
        <p class="unseen" role="status" data-testid="announcer">{ announcement(&state, shown) }</p>
    </> }
}

fn banner(state: &State, shown: Shown, place: &Place) -> Html {
    if shown != Shown::Offline {
        return Html::default();
    }
    let since = state.connection.since();
    let ago = Age::of(state.now.since(since));
    let mut what = strings::offline(
        &since.clock(state.offset),
        ago,
        state.connection.was_up(),
        &place.address,
    );
    if let Some(reason) = state.connection.reason() {
        what = [what, strings::sentence(reason)].join(" ");
    }
    html! { <Banner {what} next={strings::next_try(state.connection.retry_in(state.now))} /> }
}

fn announcement(state: &State, shown: Shown) -> String {
    match state.led.failed() {
        Some((on, failure)) => strings::announce_failure(on, failure),
        None => strings::announce(shown).to_owned(),
    }
}

/// Keeps a client open for as long as the page is.
#[hook]
fn use_link(place: &Rc<Place>, dispatch: &Dispatch) -> Rc<std::cell::RefCell<Option<Link>>> {
    let link = use_mut_ref(|| None);
    let (slot, place, dispatch) = (link.clone(), place.clone(), dispatch.clone());
    use_effect_with((), move |()| {
        let on_messages = {
            let dispatch = dispatch.clone();
            Callback::from(move |messages: Vec<Message>| {
                dispatch.dispatch(Action::Messages(Rc::new(messages), browser::now()));
            })
        };
        let on_event = Callback::from(move |event: LinkEvent| {
            if matches!(event, LinkEvent::Disconnected { .. }) {
                tick_in(&dispatch, QUIET);
            }
            dispatch.dispatch(Action::Link(event, browser::now()));
        });
        *slot.borrow_mut() = Some(Link::open(&place.broker, on_event, on_messages));
        move || *slot.borrow_mut() = None
    });
    link
}

/// Whether the page is dark; follows the system while nobody chose otherwise.
#[hook]
fn use_theme() -> UseStateHandle<bool> {
    let dark = use_state(theme::is_dark);
    let setter = dark.setter();
    use_effect_with((), move |()| {
        let listener = theme::system_query().map(|query| {
            EventListener::new(&query, "change", move |_| {
                theme::restore();
                setter.set(theme::is_dark());
            })
        });
        move || drop(listener)
    });
    dark
}

/// Looks at the clock once a second.
#[hook]
fn use_clock(dispatch: &Dispatch) {
    let dispatch = dispatch.clone();
    use_effect_with((), move |()| {
        let interval = Interval::new(1_000, move || dispatch.dispatch(tick()));
        move || drop(interval)
    });
}
