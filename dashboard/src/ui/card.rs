use std::rc::Rc;

use yew::prelude::*;

use super::chart::{Chart, Curve};
use super::control::{self, ControlBody};
use super::shared::Shared;
use super::{badge_card, icons, number_card, text_card};
use crate::chart::Span;
use crate::extract::Reading;
use crate::store::{Topic, Width};
use crate::strings;
use crate::time::{Age, Millis};
use crate::widget::{Control, Field, Kind, Value, Widget};

/// Messages that a log card shows.
const SOME: usize = 6;

/// What a card needs to know.
#[derive(PartialEq, Properties)]
pub(super) struct CardProps {
    pub(super) widget: Rc<Widget>,
    /// What was heard on its topic, if anything was.
    pub(super) topic: Option<Shared<Topic>>,
    /// What was asked of it, if anything was.
    pub(super) control: Option<Shared<Control>>,
    /// How long ago it was heard.
    pub(super) age: Age,
    /// It has been silent for longer than usual.
    pub(super) stale: bool,
    /// Its device says that it is away.
    pub(super) offline: bool,
    /// Minutes that the clock on the wall is ahead of UTC.
    pub(super) offset: i32,
    /// Why nothing can be sent just now.
    pub(super) unavailable: Option<&'static str>,
    /// A chart's lines, and the time.
    pub(super) curves: Vec<Curve>,
    pub(super) now: Millis,
    /// Somebody asks for a value.
    pub(super) on_press: Callback<(Rc<Widget>, Value)>,
}

/// One widget.
#[component]
pub(super) fn Card(props: &CardProps) -> Html {
    let CardProps {
        widget, age, stale, ..
    } = props;
    let topic = props.topic.as_deref();
    let name = AttrValue::from(widget.topic().to_owned());
    let (kind, label, body, note) = if widget.kind.commands() {
        (
            classes!("led"),
            own_name(widget),
            Html::default(),
            Html::default(),
        )
    } else {
        inside(props)
    };
    let label = match widget.get(Field::Title) {
        "" => label,
        title => title.to_owned().into(),
    };
    let series = topic.and_then(|topic| widget.series(topic));
    let beyond = series.and_then(|series| widget.beyond(series.leaf.value));
    let alarm = beyond.map(|(field, limit)| {
        let is_above = matches!(field, Field::Above | Field::WarnAbove);
        html! { <span class="beyond">{ icons::warning() }{ strings::beyond(is_above, limit) }</span> }
    });
    let tone = beyond.map(|(field, _)| match field {
        Field::Above | Field::Below => "alarm",
        _ => "warn",
    });
    let state = widget
        .kind
        .commands()
        .then(|| control::state(widget, topic, props.control.as_deref()));
    let is_on = state == Some("on") || (state == Some("pending") && is_wanted_on(props));
    let wide =
        topic.is_some_and(|topic| topic.width() == Width::Wide) || widget.kind == Kind::Chart;
    let size = |field: Field, class: &str| match widget.get(field) {
        "" => None,
        n => Some([class, n].concat()),
    };
    let offline = props.offline.then_some(strings::DEVICE_OFFLINE);
    html! {
        <article
            class={classes!("card", kind, wide.then_some("wide"), is_on.then_some("on"), stale.then_some("stale"),
                tone, size(Field::Narrow, "n-"), size(Field::Wide, "w-"))}
            data-topic={name.clone()}
            data-stale={stale.then_some("true")}
            data-state={state}
        >
            <h3 title={label.clone()}><span>{ label.clone() }</span>{ for alarm }</h3>
            { whole(&name) }
            if widget.kind.commands() {
                if *stale {
                    <div class="meta late">{ when(*age, true) }</div>
                }
                <ControlBody widget={widget.clone()} title={label} topic={props.topic.clone()} control={props.control.clone()}
                    offset={props.offset} unavailable={offline.or(props.unavailable)} on_press={props.on_press.clone()} />
            } else {
                { body }
                <div class="meta">
                    { match (offline, topic) {
                        (Some(words), _) => html! { <span class="age gone">{ icons::cloud_off() }{ words }</span> },
                        (_, None) => html! { <span class="age">{ strings::NEVER_SEEN }</span> },
                        _ => when(*age, *stale),
                    } }
                    { note }
                </div>
            }
        </article>
    }
}

/// A topic in one line. Where that is too short, the first level gives way
/// first: cards that stand together have it in common.
fn whole(name: &AttrValue) -> Html {
    let (first, rest) = name.split_at(name.find('/').unwrap_or(0));
    let short = (first.len() < 5).then_some("short");
    html! { <div class="topic" title={name.clone()}><span class={short}>{ first }</span><span>{ rest }</span></div> }
}

fn is_wanted_on(props: &CardProps) -> bool {
    let wanted = props.control.as_deref().and_then(Control::wanted);
    wanted == Some(&Value::On(true))
}

/// Kind, label, body and note of a card that commands nothing.
fn inside(props: &CardProps) -> (Classes, AttrValue, Html, Html) {
    let widget = &*props.widget;
    let label = own_name(widget);
    match (widget.kind, props.topic.as_deref()) {
        (Kind::Chart, _) => {
            let seconds = widget
                .number(Field::Stale)
                .map_or(3_600, |seconds| seconds as u32);
            let body = html! { <Chart curves={props.curves.clone()} now={props.now} offset={props.offset} span={Span::Last(seconds)} on_span={None::<Callback<Span>>} /> };
            (classes!("charted"), label, body, Html::default())
        }
        (_, None) => (
            classes!("text"),
            label,
            html! { <p class="words empty">{ "–" }</p> },
            Html::default(),
        ),
        (Kind::Log, Some(topic)) => {
            let heard = [&topic.latest].into_iter().chain(&topic.history).take(SOME);
            let row = heard.map(|heard| html! {
                <li><time>{ heard.at.clock(props.offset) }</time><span>{ super::topic_detail::brief(heard) }</span></li>
            });
            (
                classes!("text"),
                label,
                html! { <ol class="past">{ for row }</ol> },
                Html::default(),
            )
        }
        (Kind::Gauge, Some(topic)) if widget.series(topic).is_some() => {
            number_card::gauge(topic, widget)
        }
        (_, Some(topic)) => parts(topic, widget),
    }
}

/// The last level of the topic, which names the thing.
fn own_name(widget: &Widget) -> AttrValue {
    let topic = widget.topic();
    topic.rsplit('/').next().unwrap_or(topic).to_owned().into()
}

/// Kind, label, body and note, as it suits what the payload says.
pub(super) fn parts(topic: &Topic, widget: &Widget) -> (Classes, AttrValue, Html, Html) {
    match &topic.reading {
        Reading::Numbers(_) => number_card::parts(topic, widget),
        Reading::State { label, state } => badge_card::parts(topic, label.as_deref(), *state),
        Reading::Text { text, cut } => text_card::text(topic, text, *cut),
        Reading::Bytes { head, len } => text_card::bytes(topic, head, *len),
    }
}

fn when(age: Age, stale: bool) -> Html {
    if stale {
        return html! { <span class="age">{ icons::clock() }{ strings::silent(age) }</span> };
    }
    let title = (age == Age::Unknown).then_some(strings::RETAINED_TITLE);
    html! { <span class="age" title={title}>{ strings::age(age) }</span> }
}
