use yew::prelude::*;

use super::sparkline::sparkline;
use crate::chart::{Name, Spec};
use crate::extract::MAX_LEAVES;
use crate::host;
use crate::number::display;
use crate::route::Route;
use crate::store::{Series, Topic};
use crate::strings;
use crate::widget::{Field, Widget};

/// Numbers of one payload that fit on a card.
const MAX_SHOWN: usize = 8;
/// Units of a gauge's arc.
const ARC: f64 = 100.0;

/// Kind, label, body and note of a card with numbers.
pub(super) fn parts(topic: &Topic, widget: &Widget) -> (Classes, AttrValue, Html, Html) {
    match (widget.series(topic), topic.series.as_slice()) {
        (Some(one), _) => single(topic, one, widget),
        (None, many) => several(topic, many, widget),
    }
}

fn label(topic: &Topic, series: &Series) -> String {
    let label = series.leaf.label.as_deref();
    label.unwrap_or_else(|| topic.last_level()).to_owned()
}

fn single(topic: &Topic, series: &Series, widget: &Widget) -> (Classes, AttrValue, Html, Html) {
    let label = label(topic, series);
    let body = linked(topic, series, &label, widget);
    let range = series
        .range()
        .filter(|(low, high)| low < high)
        .map(|(low, high)| {
            let decimals = decimals(series, widget);
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

fn several(topic: &Topic, many: &[Series], widget: &Widget) -> (Classes, AttrValue, Html, Html) {
    let stats = many.iter().take(MAX_SHOWN).map(|series| {
        let label = series
            .leaf
            .label
            .as_deref()
            .unwrap_or(&series.leaf.path)
            .to_owned();
        html! {
            <div class="stat" data-path={series.leaf.path.clone()}>
                <dt title={label.clone()}>{ label.clone() }</dt>
                <dd>{ linked(topic, series, &label, widget) }</dd>
            </div>
        }
    });
    let body = html! { <dl class="stats">{ for stats }</dl> };
    let hidden = many.len().saturating_sub(MAX_SHOWN);
    let note = (hidden > 0)
        .then(|| html! { <span class="range">{ strings::more_numbers(hidden, many.len() >= MAX_LEAVES) }</span> });
    let label = topic.last_level().to_owned().into();
    (
        classes!("numbers"),
        label,
        body,
        html! { <>{ for note }</> },
    )
}

/// A value with its past, which lead to its chart.
fn linked(topic: &Topic, series: &Series, label: &str, widget: &Widget) -> Html {
    let name = Name::new(&topic.name, &series.leaf.path);
    let link = Route::chart(&Spec::of(name)).hash();
    html! {
        <a class="to-chart" href={link} title={strings::open_chart(label)}>
            { value(series, widget) }{ sparkline(series) }
        </a>
    }
}

/// A number between two others, as an arc.
pub(super) fn gauge(topic: &Topic, widget: &Widget) -> (Classes, AttrValue, Html, Html) {
    let Some(series) = widget.series(topic) else {
        return parts(topic, widget);
    };
    let min = widget.number(Field::Min).unwrap_or(0.0);
    let max = widget.number(Field::Max).unwrap_or(100.0);
    let share = ((series.leaf.value - min) / (max - min)).clamp(0.0, 1.0) * ARC;
    let full = share.round() as u32;
    let dash = [&full.to_string(), " 200"].concat();
    let ends = strings::range(&display(min, 0), &display(max, 0));
    let body = html! {
        <div class="gauge">
            <svg viewBox="0 0 120 66" aria-hidden="true" focusable="false">
                <path class="track" pathLength="100" d="M10 60A50 50 0 0 1 110 60" />
                <path class="fill" pathLength="100" stroke-dasharray={dash} d="M10 60A50 50 0 0 1 110 60" />
            </svg>
            { value(series, widget) }
        </div>
    };
    (
        classes!("number"),
        label(topic, series).into(),
        body,
        html! { <span class="range">{ ends }</span> },
    )
}

fn decimals(series: &Series, widget: &Widget) -> u8 {
    let own = widget.number(Field::Decimals);
    own.map_or(series.leaf.decimals, |decimals| decimals as u8)
}

/// The value as people read it; the number itself stands in the attribute.
fn value(series: &Series, widget: &Widget) -> Html {
    let leaf = &series.leaf;
    let unit = match widget.get(Field::Unit) {
        "" => &leaf.unit,
        unit => unit,
    };
    let text = display(leaf.value, decimals(series, widget));
    // Long values are set smaller, so that they stay whole on a phone.
    let size = match text.chars().count() + unit.chars().count().div_ceil(2) {
        0..=6 => None,
        7..=9 => Some("long"),
        _ => Some("longer"),
    };
    html! {
        <span class={classes!("reading", size)}>
            <data class="value" value={host::digits(leaf.value)}>{ text }</data>
            if !unit.is_empty() {
                <small class="unit">{ unit.to_owned() }</small>
            }
        </span>
    }
}
