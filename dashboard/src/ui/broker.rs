use std::rc::Rc;

use yew::prelude::*;

use super::chart::{Chart, Curve};
use super::clients;
use super::desk::Act;
use super::field::{self, Fact};
use super::qr::qr;
use super::shared::Shared;
use crate::broker::{self, Broker as Known, TRAFFIC};
use crate::chart::{Name, Span, Tracks};
use crate::number::grouped;
use crate::place::Place;
use crate::store::Store;
use crate::strings;
use crate::time::{Age, Millis};

/// Seconds that the traffic's charts show at most.
const TRAFFIC_SPAN: u32 = 3_600;
/// Clients that are shown before somebody asks for more, and more at a time.
const SOME: usize = 50;

/// What the view needs to know.
#[derive(PartialEq, Properties)]
pub(super) struct BrokerProps {
    pub(super) broker: Shared<Known>,
    /// The page speaks MQTT 3.1.1.
    pub(super) is_old: bool,
    /// What the broker says below `$SYS`.
    pub(super) system: Shared<Store>,
    pub(super) tracks: Shared<Tracks>,
    pub(super) place: Place,
    /// This page's client identifier.
    pub(super) me: Option<AttrValue>,
    pub(super) now: Millis,
    /// Minutes that the clock on the wall is ahead of UTC.
    pub(super) offset: i32,
    /// Why nothing can be asked just now.
    pub(super) unavailable: Option<&'static str>,
    /// Somebody does something to a client.
    pub(super) on_act: Callback<Act>,
}

/// The broker itself: how it is, what goes through it, who is connected, and
/// where it is reached.
#[component]
pub(super) fn Broker(props: &BrokerProps) -> Html {
    let filter = use_state(String::new);
    let shown = use_state(|| SOME);
    let on_filter = {
        let filter = filter.clone();
        Callback::from(move |event: InputEvent| filter.set(field::typed(&event)))
    };
    let more = {
        let shown = shown.clone();
        Callback::from(move |_: MouseEvent| shown.set(*shown + SOME))
    };
    html! {
        <div class="broker" data-testid="broker-view">
            { about(props) }
            { traffic(props) }
            { clients::list(props, &filter, on_filter, *shown, more) }
            { reach(props) }
        </div>
    }
}

/// Which broker, since when, and in what state.
fn about(props: &BrokerProps) -> Html {
    let system = &*props.system;
    let info = props.broker.info();
    let version = match (info, broker::said(system, "version")) {
        (Some(info), _) => ["ws-broker ", &info.version].concat(),
        (None, Some(words)) => words.to_owned(),
        (None, None) => props.place.address.clone(),
    };
    let running = props.broker.started(system).map(|started| {
        let age = strings::span(Age::of(props.now.since(started)));
        [strings::RUNNING, &age].join(" ")
    });
    let number = |topic: &str| broker::value(system, topic).map(|n| grouped(n as u64));
    let memory = broker::value(system, "heap/current");
    let stored = info.map(|info| {
        if info.persistence {
            strings::YES
        } else {
            strings::NO
        }
    });
    let has_none = system.is_empty() && info.is_some();
    html! {
        <section class="panel" aria-labelledby="broker-title">
            <h2 id="broker-title" class="wrap" data-testid="broker-version">{ version }</h2>
            <p class="quiet" data-testid="uptime">{ for running }</p>
            { field::facts(&[
                (strings::CONNECTED_NOW, "connected", number("clients/connected")),
                (strings::SUBSCRIPTIONS, "subscriptions", number("subscriptions/count")),
                (strings::RETAINED_COUNT, "retained-count", number("retained messages/count")),
                (strings::DROPPED, "dropped", number("publish/messages/dropped")),
                (strings::MEMORY, "memory", memory.map(strings::megabytes)),
                (strings::STORED, "stored", stored.map(str::to_owned)),
            ]) }
            if props.broker.is_foreign() {
                <p class="note aside" data-testid="foreign">{ strings::foreign(props.is_old) }</p>
            }
            if has_none {
                <p class="note aside">{ strings::NO_SYSTEM }</p>
            }
        </section>
    }
}

/// Messages, bytes and clients over time.
fn traffic(props: &BrokerProps) -> Html {
    if props.system.is_empty() {
        return Html::default();
    }
    let curve = |topic: &str, label: &'static str, unit: &'static str, decimals: u8| {
        let history = props.tracks.get(&Name::new(topic, ""));
        let history = history.map(|history| match unit {
            "" => broker::held(history, props.now),
            _ => broker::by_second(history),
        });
        Curve {
            label: label.into(),
            topic: topic.to_owned().into(),
            unit: unit.into(),
            decimals,
            history: Shared(Rc::new(history.unwrap_or_default())),
            limits: Rc::default(),
            without: None,
        }
    };
    let both = |at: usize, unit: &'static str, decimals: u8| {
        let one = |at: usize, label| curve(TRAFFIC[at], label, unit, decimals);
        vec![one(at, strings::IN), one(at + 1, strings::OUT)]
    };
    let chart = |title: &'static str, curves: Vec<Curve>| {
        let first = curves.iter().filter_map(|curve| curve.history.first());
        let first = first.reduce(f64::min).unwrap_or(props.now.0);
        let is_long = props.now.0 - first > f64::from(TRAFFIC_SPAN) * 1000.0;
        let span = if is_long {
            Span::Last(TRAFFIC_SPAN)
        } else {
            Span::All
        };
        html! {
            <section class="panel traffic"><h2>{ title }</h2>
                <Chart {curves} now={props.now} offset={props.offset} {span} on_span={None::<Callback<Span>>} />
            </section>
        }
    };
    html! { <>
        { chart(strings::MESSAGE_RATE, both(0, strings::EACH_SECOND, 1)) }
        { chart(strings::BYTE_RATE, both(2, strings::BYTES_SECOND, 0)) }
        { chart(strings::CONNECTED_CLIENTS, vec![curve(TRAFFIC[4], strings::CLIENTS, "", 0)]) }
    </> }
}

/// Where browsers and devices reach it.
fn reach(props: &BrokerProps) -> Html {
    let info = props.broker.info();
    let pages = broker::pages(info, &props.place);
    let listeners = info.iter().flat_map(|info| &info.listeners);
    let listener = |listener: &crate::desk::Listener| {
        let kind = if listener.is_web {
            strings::FOR_BROWSERS
        } else {
            strings::FOR_DEVICES
        };
        let words = strings::listens(listener.port, listener.is_tls, listener.address.as_deref());
        (kind, "listener", Some(words))
    };
    let listeners: Vec<Fact> = listeners.map(listener).collect();
    let words = match (pages.is_empty(), info) {
        (false, _) => strings::PHONE_TEXT,
        (true, Some(_)) => strings::UNREACHABLE,
        (true, None) => strings::LOOPBACK_TEXT,
    };
    html! {
        <section class="panel reach" aria-labelledby="reach-title">
            <h2 id="reach-title">{ strings::REACH }</h2>
            { for pages.first().and_then(|page| qr(page)) }
            <div>
                <p class="quiet">{ words }</p>
                <ul data-testid="pages">{ for pages.iter().map(|page| html! { <li class="wrap">{ page.clone() }</li> }) }</ul>
                { field::facts(&listeners) }
            </div>
        </section>
    }
}
