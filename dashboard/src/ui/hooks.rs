//! What the page keeps going while it is open.

use std::cell::RefCell;
use std::rc::Rc;

use gloo::events::EventListener;
use gloo::timers::callback::{Interval, Timeout};
use web_sys::Element;
use yew::prelude::*;

use crate::connection::{LinkEvent, QUIET};
use crate::credentials::Credentials;
use crate::link::Link;
use crate::place::Place;
use crate::route::Route;
use crate::state::{Action, State};
use crate::store::Message;
use crate::{browser, keep, strings, theme};

pub(super) type Dispatch = UseReducerDispatcher<State>;

pub(super) fn tick() -> Action {
    Action::Tick(browser::now(), browser::offset())
}

/// Looks at the state again in a moment that matters to it.
pub(super) fn tick_in(dispatch: &Dispatch, ms: f64) {
    let dispatch = dispatch.clone();
    Timeout::new(ms as u32 + 20, move || dispatch.dispatch(tick())).forget();
}

/// The client, which may give way to another one.
#[derive(Clone)]
pub(super) struct Wire {
    link: Rc<RefCell<Option<Link>>>,
    broker: String,
    dispatch: Dispatch,
}

impl Wire {
    /// Connects as somebody, or as nobody; a client that was there before is
    /// ended.
    pub(super) fn open(&self, credentials: Option<Credentials>) {
        let on_messages = self.on_messages();
        let dispatch = self.dispatch.clone();
        let on_event = Callback::from(move |event: LinkEvent| {
            if matches!(event, LinkEvent::Disconnected { .. }) {
                tick_in(&dispatch, QUIET);
            }
            dispatch.dispatch(Action::Link(event, browser::now()));
        });
        let link = Link::open(&self.broker, credentials, on_event, on_messages);
        self.link.replace(Some(link));
    }

    /// Takes messages in.
    pub(super) fn on_messages(&self) -> Callback<Vec<Message>> {
        let dispatch = self.dispatch.clone();
        Callback::from(move |messages: Vec<Message>| {
            dispatch.dispatch(Action::Messages(Rc::new(messages), browser::now()));
        })
    }

    /// Where the broker is.
    pub(super) fn address(&self) -> String {
        self.broker.clone()
    }

    /// Does something with the client, if there is one.
    pub(super) fn with(&self, what: impl FnOnce(&Link)) {
        if let Some(link) = &*self.link.borrow() {
            what(link);
        }
    }
}

/// Keeps a client open for as long as the page is.
#[hook]
pub(super) fn use_wire(place: &Rc<Place>, dispatch: &Dispatch) -> Rc<Wire> {
    let wire = use_memo((), |()| Wire {
        link: Rc::default(),
        broker: place.broker.clone(),
        dispatch: dispatch.clone(),
    });
    let (opened, address) = (wire.clone(), place.address.clone());
    use_effect_with((), move |()| {
        let kept = keep::login(&address);
        if kept.is_some() {
            opened.dispatch.dispatch(Action::LogIn(browser::now()));
        }
        opened.open(kept);
        move || drop(opened.link.take())
    });
    wire
}

/// Where one is. The title tells the browser's history, and the keyboard goes
/// on from the top of a view that was gone to.
#[hook]
pub(super) fn use_route() -> UseStateHandle<Route> {
    let route = use_state(browser::route);
    let setter = route.setter();
    use_effect_with((), move |()| {
        let window = gloo::utils::window();
        let listener = EventListener::new(&window, "hashchange", move |_| {
            setter.set(browser::route());
        });
        move || drop(listener)
    });
    let is_first = use_mut_ref(|| true);
    use_effect_with(route.view, move |&view| {
        gloo::utils::document().set_title(strings::view(view));
        if is_first.replace(false) {
            return;
        }
        gloo::utils::window().scroll_to_with_x_and_y(0.0, 0.0);
        browser::focus_title();
    });
    route
}

/// Whether the page is dark; follows the system while nobody chose otherwise.
#[hook]
pub(super) fn use_theme() -> UseStateHandle<bool> {
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
pub(super) fn use_clock(dispatch: &Dispatch) {
    let dispatch = dispatch.clone();
    use_effect_with((), move |()| {
        let interval = Interval::new(1_000, move || dispatch.dispatch(tick()));
        move || drop(interval)
    });
}

/// How wide an element is, in pixels; a guess before it is there.
#[hook]
pub(super) fn use_width(place: &NodeRef) -> f64 {
    let width = use_state(|| Some(340));
    let (place, setter) = (place.clone(), width.setter());
    use_effect_with((), move |()| {
        let measure = move || {
            if let Some(place) = place.cast::<Element>() {
                setter.set(usize::try_from(place.client_width()).ok());
            }
        };
        measure();
        let listener = EventListener::new(&gloo::utils::window(), "resize", move |_| measure());
        move || drop(listener)
    });
    width.unwrap_or(0) as f64
}
