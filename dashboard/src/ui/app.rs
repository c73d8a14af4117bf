use std::rc::Rc;

use yew::prelude::*;

use super::banner::{BannerProps, banner as banner_of};
use super::broker::Broker;
use super::chart_view::chart_view;
use super::connection::{ConnectionViewProps, connection_view};
use super::desk::{remember, use_broker, use_clients, use_desk, use_save};
use super::edit::EditBar;
use super::foot::{FootProps, foot};
use super::guide::Guide;
use super::header::{HeaderProps, header};
use super::home::{Home, names};
use super::hooks::{Wire, tick_in, use_clock, use_route, use_theme, use_wire};
use super::log::Log;
use super::login::Login;
use super::nav::nav;
use super::publish::Publish;
use super::shared::Shared;
use super::topics::Topics;
use crate::broker::TRAFFIC;
use crate::chart::{Name, Spec};
use crate::connection::Shown;
use crate::credentials::Credentials;
use crate::home::{Event, Keeper};
use crate::link::Link;
use crate::place::Place;
use crate::publishing::{Draft, Outcome, Publications};
use crate::route::{Route, View};
use crate::state::{Action, GATHERED, State};
use crate::time::{Age, Millis};
use crate::widget::{Field, Kind, PATIENCE, Value, Widget};
use crate::{browser, keep, strings, theme};

/// Seconds without a value after which the page explains itself; a broker with
/// devices on it has said something by then.
const EXPLAIN_AFTER: u32 = 4;

/// The page: state, client and views are tied together here and nowhere else.
#[component]
pub(crate) fn App() -> Html {
    let state = use_reducer(|| State::new(browser::now(), browser::offset()));
    let place = use_memo((), |()| browser::place());
    let wire = use_wire(&place, &state.dispatcher());
    let route = use_route();
    let guide = use_state(|| false);
    let dark = use_theme();
    use_clock(&state.dispatcher());
    use_watch(
        &wire,
        &state,
        &route.topic.clone().filter(|_| route.view == View::Topics),
    );

    use_charts(&wire, &state, &route);

    use_gathered(&state);
    use_desk(&wire, &state);
    use_broker(&wire, &state, &route);
    let on_act = use_clients(&wire, &state);

    let on_press = use_press(&wire, &state);
    let on_publish = use_publish(&wire, &state);
    let on_forget = use_publications(&state, &place.address);
    let on_clear = use_clear(&wire, &state);
    let on_theme = {
        let dark = dark.clone();
        Callback::from(move |()| {
            theme::choose(!*dark);
            dark.set(!*dark);
        })
    };
    let on_guide = {
        let guide = guide.clone();
        Callback::from(move |()| guide.set(!*guide))
    };
    let on_login = {
        let (wire, place, dispatch) = (wire.clone(), place.clone(), state.dispatcher());
        Callback::from(move |(given, all): (Credentials, bool)| {
            dispatch.dispatch(Action::LogIn(browser::now()));
            keep::remember(&place.address, &given, all);
            wire.open(Some(given));
        })
    };
    let on_logout = {
        let (wire, place, dispatch) = (wire.clone(), place.clone(), state.dispatcher());
        Callback::from(move |()| {
            dispatch.dispatch(Action::LogOut(browser::now()));
            keep::forget(&place.address);
            wire.open(None);
        })
    };
    let on_try = {
        let wire = wire.clone();
        Callback::from(move |()| wire.with(Link::try_now))
    };

    let on_home = {
        let dispatch = state.dispatcher();
        use_callback((), move |event: Event, ()| {
            dispatch.dispatch(Action::Home(event, browser::now()));
        })
    };
    let on_save = use_save(&wire, &state, &place.broker);

    let shown = state.shown();
    let is_home = route.view == View::Home;
    let waited = state.waited().filter(|_| is_home && state.is_ready());
    let explain = waited.filter(|&seconds| seconds >= EXPLAIN_AFTER);
    let address = AttrValue::from(place.address.clone());
    let is_kept_out = shown == Shown::Refused && route.view != View::Connection;
    let can_edit = is_home && state.home.edit.is_none() && state.home.keeper != Keeper::Unknown;
    let on_edit = can_edit.then(|| on_home.reform(|()| Event::Edit(true)));
    let store = Shared(state.store.clone());
    let unavailable = strings::unavailable(shown);
    let is_old = state.connection.is_old();
    let body = match route.view {
        View::Connection => html! {
            { connection_view(&ConnectionViewProps { connection: state.connection.clone(), is_foreign: state.broker.is_foreign(), place: (*place).clone(), now: state.now, offset: state.offset, on_login: on_login.clone(), on_logout, on_try }) }
        },
        _ if is_kept_out && !state.connection.was_up() => Html::default(),
        View::Home if !state.is_ready() => Html::default(),
        View::Home => html! {
            <>
                <EditBar home={Shared(state.home.clone())} on_home={on_home.clone()} {on_save} />
                <Home {store} controls={Shared(state.controls.clone())} home={Shared(state.home.clone())} tracks={Shared(state.tracks.clone())}
                    now={state.now} offset={state.offset} {shown} {on_press} {on_home} />
            </>
        },
        View::Topics => html! {
            <Topics {store} {is_old} selected={route.topic.clone()} watch={state.watch.clone()}
                now={state.now} offset={state.offset}
                {unavailable} {on_clear} />
        },
        View::Chart => chart_view(&state, route.topic.as_deref()),
        View::Publish => html! {
            <Publish {store} {is_old} topic={route.topic.clone()} publications={Shared(state.publications.clone())} {unavailable} {on_publish} {on_forget} />
        },
        View::Broker => html! {
            <Broker {is_old} broker={Shared(state.broker.clone())} system={Shared(state.system.clone())} tracks={Shared(state.tracks.clone())}
                place={(*place).clone()} me={state.connection.identity().map(|identity| AttrValue::from(identity.client_id.clone()))}
                now={Millis((state.now.0 / 1000.0).floor() * 1000.0)} offset={state.offset} {unavailable} {on_act} />
        },
        View::Log => {
            html! { <Log entries={Shared(state.store.log().shown().clone())} offset={state.offset} /> }
        }
    };
    html! { <>
        <a class="skip" href="#title" onclick={skip()}>{ strings::SKIP }</a>
        { nav(route.view) }
        <div class="page">
            { header(&HeaderProps { view: route.view, shown, address: address.clone(), dark: *dark, guide_open: *guide, on_theme, on_guide: on_guide.clone(), on_edit }) }
            <main>
                if is_kept_out {
                    <Login address={address.clone()} login={state.connection.login()} why={state.connection.login_reason().map(str::to_owned)} {on_login} />
                } else if *guide {
                    <Guide place={(*place).clone()} waiting={None} on_close={on_guide} />
                }
                { body }
                if let Some(seconds) = waited.filter(|_| explain.is_none()) {
                    <p class="waiting" data-testid="waiting"><span class="pulse" aria-hidden="true"></span>{ strings::waiting(seconds) }</p>
                }
                if explain.is_some() && !*guide {
                    <Guide place={(*place).clone()} waiting={explain} on_close={None::<Callback<()>>} />
                }
            </main>
            if !is_home || state.is_ready() {
                { foot(&FootProps { address, is_old, count: state.store.log().shown().first().map_or(0, |entry| entry.number), left_out: state.store.left_out(), read_refused: state.connection.read_refused }) }
            }
        </div>
        if route.view != View::Connection {
            { banner(&state, shown, &place) }
        }
        <p class="unseen" role="status" data-testid="announcer">{ announcement(&state, shown) }</p>
    </> }
}

/// Past the navigation. The page's address names a view, and stays.
fn skip() -> Callback<MouseEvent> {
    Callback::from(|event: MouseEvent| {
        event.prevent_default();
        browser::focus_title();
    })
}

/// Looks again when the first topics may have come.
#[hook]
fn use_gathered(state: &UseReducerHandle<State>) {
    let dispatch = state.dispatcher();
    let known = (state.store.len(), state.home.keeper, state.is_ready());
    use_effect_with(known, move |(.., is_ready)| {
        if !is_ready {
            tick_in(&dispatch, GATHERED);
        }
    });
}

/// Sends a command.
#[hook]
fn use_press(wire: &Rc<Wire>, state: &UseReducerHandle<State>) -> Callback<(Rc<Widget>, Value)> {
    let (wire, dispatch) = (wire.clone(), state.dispatcher());
    use_callback((), move |(widget, value): (Rc<Widget>, Value), ()| {
        let press = Action::Press(widget.clone(), value.clone(), browser::now());
        let (topic, payload) = (widget.command().to_owned(), widget.payload(&value));
        let retain = widget.get(Field::Retain) == "yes";
        let qos = widget.number(Field::Qos).unwrap_or(0.0) as u8;
        let told = dispatch.clone();
        let failed = move || {
            told.dispatch(Action::PressFailed(widget, value, browser::now()));
        };
        // It is on its way before anything is drawn.
        wire.with(|link| link.command(&topic, payload, (qos, retain), failed));
        dispatch.dispatch(press);
        tick_in(&dispatch, PATIENCE);
    })
}

/// Publishes what somebody wrote.
#[hook]
fn use_publish(wire: &Rc<Wire>, state: &UseReducerHandle<State>) -> Callback<Rc<Draft>> {
    let (wire, dispatch) = (wire.clone(), state.dispatcher());
    let numbers = use_mut_ref(|| 0_u32);
    use_callback((), move |draft: Rc<Draft>, ()| {
        let number = *numbers.borrow();
        numbers.replace(number + 1);
        dispatch.dispatch(Action::Publish(number, draft.clone(), browser::now()));
        let dispatch = dispatch.clone();
        let settled = move |outcome: Outcome| {
            dispatch.dispatch(Action::Published(number, outcome, browser::now()));
        };
        wire.with(|link| link.publish(&draft, settled));
    })
}

/// Keeps what was published from here, until somebody wants it forgotten.
#[hook]
fn use_publications(state: &UseReducerHandle<State>, address: &str) -> Callback<()> {
    let (dispatch, offset) = (state.dispatcher(), state.offset);
    let address: Rc<str> = address.into();
    let forget = {
        let dispatch = dispatch.clone();
        Callback::from(move |()| dispatch.dispatch(Action::Recall(Rc::default())))
    };
    let is_known = use_mut_ref(|| false);
    use_effect_with(state.publications.clone(), move |sent| {
        if is_known.replace(true) {
            keep::remember_publications(&address, &sent.to_text());
        } else if let Some(text) = keep::publications(&address) {
            let sent = Publications::from_text(&text, offset);
            dispatch.dispatch(Action::Recall(Rc::new(sent)));
        }
    });
    forget
}

/// Makes the broker forget what it keeps.
#[hook]
fn use_clear(wire: &Rc<Wire>, state: &UseReducerHandle<State>) -> Callback<Rc<Vec<Rc<str>>>> {
    let (wire, dispatch) = (wire.clone(), state.dispatcher());
    use_callback((), move |topics: Rc<Vec<Rc<str>>>, ()| {
        wire.with(|link| {
            for topic in &*topics {
                let dispatch = dispatch.clone();
                let settled = move |outcome: Outcome| {
                    dispatch.dispatch(Action::Cleared(outcome, browser::now()));
                };
                link.publish(&Draft::clearing(topic), settled);
            }
        });
    })
}

/// Looks closely at a topic for as long as it is on the screen.
#[hook]
fn use_watch(wire: &Rc<Wire>, state: &UseReducerHandle<State>, topic: &Option<Rc<str>>) {
    let (wire, dispatch) = (wire.clone(), state.dispatcher());
    let client = state
        .connection
        .identity()
        .map(|identity| identity.client_id.clone());
    let topic = topic.clone().filter(|_| client.is_some());
    use_effect_with((topic, client), move |(topic, _)| {
        dispatch.dispatch(Action::Watch(topic.clone(), browser::now()));
        let on_sighting = Callback::from(move |sightings| {
            dispatch.dispatch(Action::Sighted(Rc::new(sightings), browser::now()));
        });
        wire.with(|link| link.watch(topic.as_deref(), on_sighting));
    });
}

/// Follows the numbers that charts on the screen show, and asks for their past.
#[hook]
fn use_charts(wire: &Rc<Wire>, state: &UseReducerHandle<State>, route: &Route) {
    let dispatch = state.dispatcher();
    let names = match (route.view, &route.topic) {
        (View::Chart, Some(link)) => Spec::parse(link).names,
        (View::Home, _) => {
            let widgets = state.home.shown().widgets.iter();
            let charts = widgets.filter(|widget| widget.kind == Kind::Chart);
            charts
                .flat_map(|widget| names(widget, &state.store))
                .collect()
        }
        (View::Broker, _) => TRAFFIC.map(|topic| Name::new(topic, "")).to_vec(),
        _ => Vec::new(),
    };
    let wire = wire.clone();
    let is_up = state.connection.identity().is_some();
    use_effect_with((names, is_up), move |(names, is_up)| {
        dispatch.dispatch(Action::Follow(Rc::new(names.clone()), browser::now()));
        if *is_up {
            remember(
                &wire,
                &dispatch,
                names.iter().map(|name| name.topic.to_string()).collect(),
            );
        }
    });
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
    if let Some(news) = state.connection.news() {
        what = [what, strings::sentence(&strings::refusal(news, false).0)].join(" ");
    }
    let next = strings::next_try(state.connection.retry_in(state.now));
    banner_of(&BannerProps { what, next })
}

fn announcement(state: &State, shown: Shown) -> String {
    match state.controls.failed() {
        Some((widget, value, failure)) => {
            let title = widget.get(Field::Title);
            let name = if title.is_empty() {
                widget.topic()
            } else {
                title
            };
            strings::announce_failure(name, value, failure)
        }
        None => strings::announce(shown).to_owned(),
    }
}
