use yew::prelude::*;

use super::sparkline::sparkline;
use crate::chart::{Name, Spec};
use crate::host;
use crate::number::display;
use crate::route::Route;
use crate::store::{Series, Topic};
use crate::strings;

/// Numbers of one payload that fit on a card.
const MAX_SHOWN: usize = 8;

/// Kind, label, body and note of a card with numbers.
pub(super) fn parts(topic: &Topic) -> (Classes, AttrValue, Html, Html) {
    match topic.series.as_slice() {
        [only] => single(topic, only),
        many => several(topic, many),
    }
}

fn single(topic: &Topic, series: &Series) -> (Classes, AttrValue, Html, Html) {
    let label = series
        .leaf
        .label
        .as_deref()
        .unwrap_or_else(|| topic.last_level())
        .to_owned();
    let body = html! {
        <a class="to-chart" href={link(topic, series)} aria-label={strings::open_chart(&label)}>
            <span class={classes!("reading", size(series))}>{ value(series) }</span>
            { sparkline(series) }
        </a>
    };
    let range = series
        .range()
        .filter(|(low, high)| low < high)
        .map(|(low, high)| {
            let decimals = series.leaf.decimals;
            let text = strings::range(&display(low, decimals), &display(high, decimals));
            html! { <span class="range">{ text }</span> }
        });
    (
        classes!("number"),
        label.into(),
        body,
        html! { <>{ for range }</> },
    )
}

fn several(topic: &Topic, many: &[Series]) -> (Classes, AttrValue, Html, Html) {
    let stats = many.iter().take(MAX_SHOWN).map(|series| {
        let label = series
            .leaf
            .label
            .as_deref()
            .unwrap_or(&series.leaf.path)
            .to_owned();
        html! {
            <div class="stat" data-path={series.leaf.path.clone()}>
                <dt title={label.clone()}>{ label }</dt>
                <dd><a class="to-chart" href={link(topic, series)}>
                    <span class={classes!("reading", size(series))}>{ value(series) }</span>
                    { sparkline(series) }
                </a></dd>
            </div>
        }
    });
    let body = html! { <dl class="stats">{ for stats }</dl> };
    let hidden = many.len().saturating_sub(MAX_SHOWN);
    let note = (hidden > 0)
        .then(|| html! { <span class="range">{ strings::more_numbers(hidden) }</span> });
    (
        classes!("numbers"),
        topic.last_level().to_owned().into(),
        body,
        html! { <>{ for note }</> },
    )
}

/// The way to the number's chart.
fn link(topic: &Topic, series: &Series) -> String {
    let name = Name::new(&topic.name, &series.leaf.path);
    Route::chart(&Spec::of(name)).hash()
}

/// The value as people read it; the number itself stands in the attribute.
fn value(series: &Series) -> Html {
    let leaf = &series.leaf;
    let unit =
        (!leaf.unit.is_empty()).then(|| html! { <small class="unit">{ &leaf.unit }</small> });
    html! { <>
        <data class="value" value={host::digits(leaf.value)}>{ display(leaf.value, leaf.decimals) }</data>
        { for unit }
    </> }
}

/// Long values are set smaller, so that they stay whole on a phone.
fn size(series: &Series) -> Option<&'static str> {
    let leaf = &series.leaf;
    let value = display(leaf.value, leaf.decimals).chars().count();
    match value + leaf.unit.chars().count().div_ceil(2) {
        0..=6 => None,
        7..=9 => Some("long"),
        _ => Some("longer"),
    }
}
