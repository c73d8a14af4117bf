use std::rc::Rc;

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};
use yew::prelude::*;

use super::card::parts;
use super::field;
use super::icons;
use super::shared::Shared;
use crate::payload;
use crate::publishing::{Draft, Outcome};
use crate::route::{Route, View};
use crate::store::{Heard, Topic};
use crate::strings;
use crate::time::Millis;
use crate::watch::Watch;
use crate::widget::{Kind, Widget};

/// Characters of an earlier payload that are shown.
const MAX_PAST: usize = 120;

/// How a payload can be looked at.
const LOOKS: [&str; 4] = [
    strings::AS_TEXT,
    strings::AS_JSON,
    strings::AS_HEX,
    strings::AS_BASE64,
];

/// What the detail needs to know.
#[derive(PartialEq, Properties)]
pub(super) struct TopicDetailProps {
    pub(super) name: AttrValue,
    /// What was heard of it, if anything was.
    pub(super) topic: Option<Shared<Topic>>,
    pub(super) watch: Option<Watch>,
    /// What became of clearing what the broker keeps, if that was tried.
    pub(super) cleared: Option<Outcome>,
    pub(super) now: Millis,
    /// Minutes that the clock on the wall is ahead of UTC.
    pub(super) offset: i32,
    /// Why nothing can be sent just now.
    pub(super) unavailable: Option<&'static str>,
    /// Somebody publishes.
    pub(super) on_publish: Callback<Rc<Draft>>,
}

/// One topic: its value, its payload as it came, and what came before.
#[component]
pub(super) fn TopicDetail(props: &TopicDetailProps) -> Html {
    let TopicDetailProps { name, offset, .. } = props;
    let look = use_state(|| None::<usize>);
    let choose = {
        let look = look.clone();
        Callback::from(move |chosen| look.set(Some(chosen)))
    };
    let last_level = name.rsplit('/').next().filter(|level| !level.is_empty());
    let actions = html! {
            <div class="actions">
                <a class="button" href={Route::of(View::Publish, name).hash()}>{ strings::PUBLISH_HERE }</a>
                <ClearRetained name={name.clone()} watch={props.watch.clone()} outcome={props.cleared.clone()}
                    unavailable={props.unavailable} on_publish={props.on_publish.clone()} />
            </div>
    };
    let body = match &props.topic {
        None => html! { <><p class="quiet unheard">{ strings::UNHEARD }</p>{ actions }</> },
        Some(topic) => {
            let (kind, _, value, _) = parts(topic, &Widget::new(Kind::Value, name));
            let past = topic.history.iter().enumerate().map(|(number, heard)| {
                html! { <li key={topic.count - number as u64}><time>{ heard.at.clock(*offset) }</time><span>{ brief(heard) }</span></li> }
            });
            html! { <>
                <div class={classes!("now", kind)}>{ value }</div>
                { facts(props, topic) }
                { actions }
                { shown_payload(&topic.latest, *look, &choose) }
                <h3>{ strings::HISTORY }</h3>
                if topic.history.is_empty() {
                    <p class="quiet">{ strings::NO_HISTORY }</p>
                } else {
                    <ol class="past" data-testid="history">{ for past }</ol>
                }
            </> }
        }
    };
    html! {
        <section class="panel detail" data-testid="detail" aria-labelledby="detail-title">
            <a class="way-back" href={Route::to(View::Topics).hash()}>{ icons::back() }{ strings::ALL_TOPICS }</a>
            <h2 id="detail-title">{ last_level.unwrap_or(name).to_owned() }</h2>
            <p class="topic wrap">{ name.clone() }</p>
            { body }
        </section>
    }
}

fn facts(props: &TopicDetailProps, topic: &Topic) -> Html {
    let watch = props.watch.as_ref();
    let qos = watch.and_then(|watch| watch.qos);
    let retained = match watch {
        Some(watch) if watch.is_retained => strings::YES,
        Some(_) => strings::NO,
        None => strings::UNKNOWN,
    };
    let when = match topic.heard {
        Some(at) => format!(
            "{} · {}",
            at.clock(props.offset),
            strings::age(topic.age(props.now))
        ),
        None => strings::LED_RETAINED.to_owned(),
    };
    let fact = |name: &'static str, test: &'static str, value: String| {
        html! { <div><dt>{ name }</dt><dd data-testid={test}>{ value }</dd></div> }
    };
    html! {
        <dl class="facts">
            { fact(strings::RECEIVED, "when", when) }
            { fact(strings::RETAINED, "retained", retained.to_owned()) }
            { fact(strings::QOS, "qos", qos.map_or(strings::UNKNOWN.to_owned(), |qos| qos.to_string())) }
            { fact(strings::RATE, "rate", strings::rate(topic.rate())) }
            { fact(strings::MESSAGES, "messages", topic.count.to_string()) }
            { fact(strings::SIZE, "size", strings::bytes(topic.latest.len)) }
        </dl>
    }
}

/// The payload as text, as JSON or as bytes: as what fits, until somebody chooses.
fn shown_payload(heard: &Heard, chosen: Option<usize>, choose: &Callback<usize>) -> Html {
    let text = payload::text(&heard.payload, heard.is_cut());
    let json = text.and_then(payload::json);
    let fits = [text.is_some(), json.is_some(), true, true];
    let looks: Vec<usize> = (0..LOOKS.len()).filter(|&look| fits[look]).collect();
    let best = if json.is_some() { 1 } else { looks[0] };
    let look = chosen.filter(|&look| fits[look]).unwrap_or(best);
    let names: Vec<&'static str> = looks.iter().map(|&look| LOOKS[look]).collect();
    let place = looks.iter().position(|&other| other == look);
    let choose = choose.reform(move |place: usize| looks[place]);
    let shown = match look {
        0 => text.unwrap_or_default().to_owned(),
        1 => json.unwrap_or_default(),
        2 => payload::hex(&heard.payload),
        _ => payload::base64(&heard.payload),
    };
    html! { <>
        <div class="payload-head">
            <h3 id="payload-title">{ strings::PAYLOAD }</h3>
            { field::choice(strings::PAYLOAD, &names, place, &choose) }
        </div>
        if heard.len == 0 {
            <p class="quiet">{ strings::EMPTY_PAYLOAD }</p>
        } else {
            <pre class="payload" tabindex="0" role="region" aria-labelledby="payload-title" data-testid="payload">{ shown }</pre>
        }
        if heard.is_cut() {
            <p class="note">{ strings::cut(heard.payload.len(), heard.len) }</p>
        }
    </> }
}

pub(super) fn brief(heard: &Heard) -> String {
    match payload::text(&heard.payload, heard.is_cut()) {
        Some("") => strings::EMPTY_PAYLOAD.to_owned(),
        Some(text) => text.chars().take(MAX_PAST).collect(),
        None => strings::binary(heard.len),
    }
}

/// How far the clearing of a retained message has come: not begun (`None`),
/// asked about, or done.
const ASKED: Option<usize> = Some(0);
const DONE: Option<usize> = Some(1);

#[derive(PartialEq, Properties)]
struct ClearRetainedProps {
    name: AttrValue,
    watch: Option<Watch>,
    outcome: Option<Outcome>,
    unavailable: Option<&'static str>,
    on_publish: Callback<Rc<Draft>>,
}

/// Makes the broker forget what it keeps for a topic, after a question.
#[component]
fn ClearRetained(props: &ClearRetainedProps) -> Html {
    let clearing = use_state(|| None::<usize>);
    let is_retained = props.watch.as_ref().is_some_and(|watch| watch.is_retained);
    let to = |next: Option<usize>| {
        let clearing = clearing.clone();
        Callback::from(move |_: MouseEvent| clearing.set(next))
    };
    let clear = {
        let (clearing, name, on_publish) = (
            clearing.clone(),
            props.name.clone(),
            props.on_publish.clone(),
        );
        let can_send = props.unavailable.is_none();
        Callback::from(move |_: MouseEvent| {
            if can_send {
                clearing.set(DONE);
                // An empty retained message removes what is there [MQTT-3.3.1-6].
                on_publish.emit(Rc::new(Draft {
                    topic: name.to_string(),
                    payload: String::new(),
                    qos: 1,
                    retain: true,
                }));
            }
        })
    };
    let place = use_node_ref();
    let is_first = use_mut_ref(|| true);
    {
        let place = place.clone();
        // The button that was pressed has gone: the keyboard goes on here.
        use_effect_with(*clearing, move |_| {
            if !is_first.replace(false)
                && let Some(place) = place.cast::<Element>()
                && let Ok(Some(button)) = place.query_selector("button:last-of-type")
                && let Ok(button) = button.dyn_into::<HtmlElement>()
            {
                // What cannot be focused is no worse off than before.
                let _ = button.focus();
            }
        });
    }
    let failed = props.outcome.as_ref().filter(|outcome| {
        !matches!(
            outcome,
            Outcome::Sending | Outcome::Acknowledged | Outcome::NobodyThere
        )
    });
    let body = match (*clearing, is_retained) {
        (DONE, true) => match failed {
            Some(outcome) => {
                html! { <p class="error" role="alert">{ icons::warning() }{ strings::outcome(outcome) }</p> }
            }
            None => html! { <p class="note" role="status">{ strings::CLEARING }</p> },
        },
        (DONE, false) => html! {
            <p class="note done" role="status" data-testid="cleared">{ icons::check() }{ strings::CLEARED }</p>
        },
        (_, false) => Html::default(),
        (None, true) => html! {
            <button type="button" class="button" data-testid="clear" onclick={to(ASKED)}>{ strings::CLEAR }</button>
        },
        (_, true) => html! {
            <div class="question" role="group" aria-labelledby="clear-title" data-testid="clear-question">
                <p><b id="clear-title">{ strings::CLEAR_QUESTION }</b>{ " " }{ props.unavailable.unwrap_or(strings::CLEAR_TEXT) }</p>
                <button type="button" class="button danger" aria-disabled={props.unavailable.map(|_| "true")} onclick={clear}>{ strings::CLEAR_YES }</button>
                <button type="button" class="button" onclick={to(None)}>{ strings::CLEAR_NO }</button>
            </div>
        },
    };
    html! { <div class="clear" ref={place}>{ body }</div> }
}
