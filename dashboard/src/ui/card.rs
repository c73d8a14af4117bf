use yew::prelude::*;

use super::shared::Shared;
use super::{badge_card, icons, number_card, text_card};
use crate::extract::Reading;
use crate::store::{Topic, Width};
use crate::strings;
use crate::time::Age;

/// What a card needs to know.
#[derive(PartialEq, Properties)]
pub(super) struct CardProps {
    pub(super) topic: Shared<Topic>,
    /// How long ago it was heard.
    pub(super) age: Age,
    /// It has been silent for longer than usual.
    pub(super) stale: bool,
}

/// One topic.
#[component]
pub(super) fn Card(props: &CardProps) -> Html {
    let CardProps { topic, age, stale } = props;
    let (kind, label, body, note) = parts(topic);
    let wide = (topic.width() == Width::Wide).then_some("wide");
    html! {
        <article
            class={classes!("card", kind, wide, stale.then_some("stale"))}
            data-topic={AttrValue::Rc(topic.name.clone())}
            data-stale={stale.then_some("true")}
        >
            <h3 title={label.clone()}>{ label }</h3>
            <div class="topic" title={AttrValue::Rc(topic.name.clone())}>{ &*topic.name }</div>
            { body }
            <div class="meta">{ when(*age, *stale) }{ note }</div>
        </article>
    }
}

/// Kind, label, body and note, as it suits what the payload says.
pub(super) fn parts(topic: &Topic) -> (Classes, AttrValue, Html, Html) {
    match &topic.reading {
        Reading::Numbers(_) => number_card::parts(topic),
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
