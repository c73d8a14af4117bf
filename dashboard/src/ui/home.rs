use std::rc::Rc;

use yew::prelude::*;

use super::card::Card;
use super::chart_view::curve;
use super::edit;
use super::group::GroupSection;
use super::log_card::{LogCardProps, log_card};
use super::shared::Shared;
use super::sight::use_sight;
use super::turns::{Told, Turns};
use crate::chart::{MAX_SERIES, Name, Spec, Tracks};
use crate::connection::Shown;
use crate::extract::{Reading, Words};
use crate::home::{Event, Home as Known};
use crate::store::Store;
use crate::strings;
use crate::time::{Age, Millis};
use crate::widget::{Change, Controls, Field, Kind, Value, Widget};

/// Groups that are shown before somebody asks for all of them,
const SOME: usize = 24;
/// and suggested cards in all: a house with thousands of topics is no endless
/// list, and each group has a row on a laptop at least.
const CARDS: usize = 96;
const ROW: usize = 4;
/// Cards of a group at most.
const MOST: usize = 24;
/// Kept cards that are drawn together.
const CHUNK: usize = 8;

/// What the first view needs to know.
#[derive(Clone, PartialEq, Properties)]
pub(crate) struct HomeProps {
    pub(crate) store: Shared<Store>,
    pub(crate) controls: Shared<Controls>,
    pub(crate) home: Shared<Known>,
    pub(crate) tracks: Shared<Tracks>,
    pub(crate) now: Millis,
    /// Minutes that the clock on the wall is ahead of UTC.
    pub(crate) offset: i32,
    /// How the connection is.
    pub(crate) shown: Shown,
    /// Somebody asks for a value.
    pub(crate) on_press: Callback<(Rc<Widget>, Value)>,
    /// Somebody changes what is shown.
    pub(crate) on_home: Callback<Event>,
}

/// The first view: what is kept, everything else in groups, and what came last.
#[component]
pub(crate) fn Home(props: &HomeProps) -> Html {
    let all = use_state(|| false);
    let groups = props.store.groups();
    let shown = if *all {
        groups.len()
    } else {
        groups.len().min(SOME)
    };
    let hidden = groups.len() - shown;
    let some = (CARDS / shown.max(1) / ROW * ROW).clamp(ROW, MOST);
    let away = !matches!(props.shown, Shown::Connected | Shown::Connecting);
    let show_all = Callback::from(move |_: MouseEvent| all.set(true));
    let widgets = &props.home.shown().widgets;
    let is_editing = props.home.edit.is_some();
    let kept = widgets.len().div_ceil(CHUNK);
    let log = kept + shown;
    let turns = use_mut_ref(Turns::default);
    let mut turns = turns.borrow_mut();
    let seen = use_sight(props);
    let seen: Vec<String> = seen
        .borrow()
        .iter()
        .map(|seen| seen.topic.clone())
        .collect();
    turns.begin(props, log + 1, &seen, |part, topic| match part {
        _ if part < kept => {
            let some = widgets[part * CHUNK..].iter().take(CHUNK);
            some.into_iter().any(|widget| widget.topic() == topic)
        }
        _ if part < log => groups[part - kept].holds(topic),
        _ => topic.is_empty(),
    });
    let entries = turns.log(log);
    html! {
        <div class={classes!("home", away.then_some("away"), is_editing.then_some("editing"))} data-testid="home"
            onpointermove={is_editing.then(|| edit::on_drag(&props.home, &props.on_home))}>
            if !widgets.is_empty() {
                <section class="group kept" aria-label={strings::PINNED}><h2 class="unseen">{ strings::PINNED }</h2>
                    { for (0..kept).map(|part| html! { <Kept key={part} from={part * CHUNK} home={turns.tell(part)} /> }) }
                </section>
            }
            { for groups[..shown].iter().zip(kept..).map(|(group, part)| {
                html! { <GroupSection key={group.name.clone()} group={Shared(group.clone())} {some} home={turns.tell(part)} /> }
            }) }
            if hidden > 0 {
                <button type="button" class="button more" onclick={show_all}>{ strings::more_groups(hidden) }</button>
            }
            if !entries.is_empty() {
                { log_card(&LogCardProps { entries, offset: props.offset }) }
            }
        </div>
    }
}

/// What some of the kept cards need to know.
#[derive(PartialEq, Properties)]
struct KeptProps {
    from: usize,
    home: Told,
}

/// Some of the cards that are kept.
#[component]
fn Kept(props: &KeptProps) -> Html {
    let home = &*props.home.home();
    let is_editing = home.home.edit.is_some();
    let widgets = home.home.shown().widgets.iter().enumerate();
    let some = widgets.skip(props.from).take(CHUNK);
    let cards = some.map(|(at, widget)| {
        let bar = is_editing.then(|| edit_bar(home, widget, Some(at)));
        let open = home.home.open == Some(at);
        html! { <>
            { card(home, widget, Some(at), bar) }
            if open {
                { edit::fields(widget, at, &home.on_home) }
            }
        </> }
    });
    html! { <>{ for cards }</> }
}

/// A widget as a card, and what changes it below.
pub(super) fn card(
    home: &HomeProps,
    widget: &Rc<Widget>,
    at: Option<usize>,
    bar: Option<Html>,
) -> Html {
    let place = at.map(|at| at.to_string());
    if widget.kind == Kind::Heading {
        return html! {
            <div class="heading" data-at={place}><h2>{ widget.get(Field::Title).to_owned() }</h2>{ for bar }</div>
        };
    }
    let topic = home.store.get(widget.topic());
    let is_chart = widget.kind == Kind::Chart;
    let names = if is_chart {
        names(widget, &home.store)
    } else {
        Vec::new()
    };
    let curves = names.iter().map(|name| super::chart::Curve {
        limits: widget.limits(),
        ..curve(&home.store, &home.tracks, name)
    });
    let own = widget.number(Field::Stale).filter(|_| !is_chart);
    let is_late = |heard: Millis| own.map(|seconds| home.now.since(heard) > seconds * 1000.0);
    let stale = topic.is_some_and(|topic| {
        let late = topic.heard.and_then(is_late);
        late.unwrap_or_else(|| topic.is_stale(home.now))
    });
    let key = [
        widget.topic(),
        widget.kind.name(),
        place.as_deref().unwrap_or(""),
    ]
    .concat();
    let inside = html! {
        <Card
            key={key}
            widget={widget.clone()}
            topic={topic.map(|topic| Shared(topic.clone()))}
            control={home.controls.get(widget).map(|control| Shared(control.clone()))}
            age={topic.map_or(Age::Unknown, |topic| topic.age(home.now))}
            {stale}
            offline={is_offline(&home.store, widget)}
            offset={home.offset}
            unavailable={strings::unavailable(home.shown)}
            curves={curves.collect::<Vec<_>>()}
            now={if is_chart { home.now } else { Millis::default() }}
            on_press={home.on_press.clone()}
        />
    };
    match bar {
        None => inside,
        Some(bar) => html! { <div class="edited" data-at={place}>{ inside }{ bar }</div> },
    }
}

/// What changes a card: one that is kept has a place.
pub(super) fn edit_bar(home: &HomeProps, widget: &Rc<Widget>, at: Option<usize>) -> Html {
    let on_home = &home.on_home;
    let Some(at) = at else {
        let topic = widget.topic().into();
        return html! {
            <div class="edit-bar">
                { edit::word(on_home, strings::KEEP_CARD, Event::Change(Change::Keep(widget.clone()))) }
                { edit::word(on_home, strings::HIDE_CARD, Event::Change(Change::Hide(topic))) }
            </div>
        };
    };
    edit::kept_bar(
        on_home,
        at,
        home.home.shown().widgets.len(),
        home.home.open == Some(at),
    )
}

/// The numbers of a chart.
pub(super) fn names(widget: &Widget, store: &Store) -> Vec<Name> {
    let path = match (widget.get(Field::Path), store.get(widget.topic())) {
        ("", Some(topic)) => topic.series.first().map_or("", |series| &series.leaf.path),
        (path, _) => path,
    };
    let more = widget.get(Field::Series).replace([',', ' '], "&");
    let more = Spec::parse(&more).names;
    let first = Name::new(widget.topic(), path);
    [first].into_iter().chain(more).take(MAX_SERIES).collect()
}

/// Whether the device of a widget says that it is away: at the topic that the
/// widget names, or at one of the usual ones beside or above its own.
fn is_offline(store: &Store, widget: &Widget) -> bool {
    let says = |topic: &str| match store.get(topic).map(|topic| &topic.reading) {
        Some(Reading::State { state, .. }) if state.words == Words::OnlineOffline => {
            Some(!state.on)
        }
        Some(Reading::Text { text, .. }) => {
            matches!(&**text, "lost" | "disconnected" | "sleeping").then_some(true)
        }
        _ => None,
    };
    match widget.get(Field::Availability) {
        "" => {}
        topic => return says(topic) == Some(true),
    }
    let mut level = widget.topic();
    while let Some((above, _)) = level.rsplit_once('/') {
        for end in ["/LWT", "/status", "/availability", "/$state"] {
            let topic = [above, end].concat();
            if topic != widget.topic()
                && let Some(away) = says(&topic)
            {
                return away;
            }
        }
        level = above;
    }
    false
}
