use std::rc::Rc;

use web_sys::HtmlSelectElement;
use yew::prelude::*;

use super::chart::{Chart, Curve};
use super::field;
use super::shared::Shared;
use crate::browser;
use crate::chart::{MAX_SERIES, Name, Span, Spec, Tracks};
use crate::route::Route;
use crate::state::State;
use crate::store::{Series, Store};
use crate::strings;

/// Numbers that are offered to be added.
const OFFERED: usize = 300;

/// One chart on its own: what it shows stands in its link.
pub(super) fn chart_view(state: &State, link: Option<&str>) -> Html {
    let spec = Spec::parse(link.unwrap_or_default());
    let without = |name: &Name| {
        let mut rest = spec.clone();
        rest.names.retain(|other| other != name);
        (spec.names.len() > 1).then(|| Route::chart(&rest).hash().into())
    };
    let curves = spec.names.iter().map(|name| Curve {
        without: without(name),
        ..curve(state.holder(&name.topic), &state.tracks, name)
    });
    let curves: Vec<Curve> = curves.collect();
    let on_span = {
        let spec = spec.clone();
        Callback::from(move |span: Span| {
            let seconds = match span {
                Span::Last(seconds) => Some(seconds),
                _ => None,
            };
            browser::replace(&Route::chart(&Spec {
                seconds,
                ..spec.clone()
            }));
        })
    };
    let offered = offered(&state.store, &spec);
    let onchange = {
        let (spec, offered) = (spec.clone(), offered.clone());
        Callback::from(move |event: Event| {
            let chosen = event.target_dyn_into::<HtmlSelectElement>();
            // The first option is the words of the field.
            let at = chosen.map_or(0, |select| select.selected_index() as usize);
            if let Some((name, _)) = at.checked_sub(1).and_then(|at| offered.get(at)) {
                let mut more = spec.clone();
                if more.names.is_empty() {
                    more = Spec::of(name.clone());
                } else {
                    more.names.push(name.clone());
                }
                browser::replace(&Route::chart(&more));
            }
        })
    };
    let span = spec.seconds.map_or(Span::All, Span::Last);
    html! {
        <section class="panel" data-testid="chart-view">
            if curves.is_empty() {
                { field::empty(strings::NO_CHART, strings::NO_CHART_TEXT) }
            } else {
                <Chart {curves} now={state.now} offset={state.offset} {span} {on_span} />
            }
            <div class="below-chart">
                if spec.names.len() < MAX_SERIES && !offered.is_empty() {
                    <select aria-label={strings::ADD_SERIES} {onchange} key={spec.names.len()} data-testid="add-series">
                        <option selected=true>{ strings::ADD_SERIES }</option>
                        { for offered.iter().map(|(_, words)| html! { <option>{ words.clone() }</option> }) }
                    </select>
                }
                <p class="hint">{ strings::CHART_HELP }</p>
            </div>
        </section>
    }
}

/// A number with its name, its unit, and its past.
pub(super) fn curve(store: &Store, tracks: &Tracks, name: &Name) -> Curve {
    let topic = store.get(&name.topic);
    let series = topic.and_then(|topic| topic.series.iter().find(|series| name.is(&series.leaf)));
    let label = match (topic, series) {
        (Some(topic), Some(series)) => label(topic.last_level(), series),
        _ => (*name.topic).to_owned(),
    };
    Curve {
        label: label.into(),
        topic: AttrValue::Rc(name.topic.clone()),
        unit: series.map_or(AttrValue::Static(""), |series| {
            series.leaf.unit.clone().into()
        }),
        decimals: series.map_or(2, |series| series.leaf.decimals),
        history: Shared(tracks.get(name).cloned().unwrap_or_default()),
        limits: Rc::default(),
        without: None,
    }
}

fn label(level: &str, series: &Series) -> String {
    match (&series.leaf.label, &*series.leaf.path) {
        (Some(label), _) => label.clone(),
        (None, "") => level.to_owned(),
        (None, path) => path.to_owned(),
    }
}

/// The numbers that can be added, with the words that stand for them.
fn offered(store: &Store, spec: &Spec) -> Vec<(Name, String)> {
    let mut offered = Vec::new();
    for topic in store.iter() {
        for series in &topic.series {
            let name = Name::new(&topic.name, &series.leaf.path);
            if offered.len() < OFFERED && !spec.names.contains(&name) {
                let words = match &*series.leaf.path {
                    "" => topic.name.to_string(),
                    path => [&*topic.name, path].join(" · "),
                };
                offered.push((name, words));
            }
        }
    }
    offered
}
