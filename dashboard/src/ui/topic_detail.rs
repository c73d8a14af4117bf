use std::rc::Rc;

use yew::prelude::*;

use super::card::parts;
use super::confirm::Confirm;
use super::field;
use super::icons;
use super::shared::Shared;
use crate::diff::{Change, MAX_CHANGES, diff};
use crate::payload;
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
    /// The page speaks MQTT 3.1.1.
    pub(super) is_old: bool,
    /// How many topics there are below it.
    pub(super) below: usize,
    pub(super) now: Millis,
    /// Minutes that the clock on the wall is ahead of UTC.
    pub(super) offset: i32,
    /// Why nothing can be sent just now.
    pub(super) unavailable: Option<&'static str>,
    /// Somebody makes the broker forget what it keeps for topics.
    pub(super) on_clear: Callback<Rc<Vec<Rc<str>>>>,
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
                { clear_retained(props, false) }
                { clear_retained(props, true) }
            </div>
    };
    let body = match &props.topic {
        None if props.below > 0 => html! { <>{ facts_below(props) }{ actions }</> },
        None => html! { <><p class="quiet unheard">{ strings::UNHEARD }</p>{ actions }</> },
        Some(topic) => {
            let (kind, _, value, _) = parts(topic, &Widget::new(Kind::Value, name));
            let past = topic.history.iter().enumerate().map(|(number, heard)| {
                html! { <li key={topic.count - number as u64}><time>{ heard.at.clock(*offset) }</time><span>{ brief(heard) }</span></li> }
            });
            // One node always: a list that grows would draw what is before it anew.
            let before = topic.history.front();
            let difference = before.map_or_else(Html::default, |before| {
                changed(before, &topic.latest, *offset)
            });
            html! { <>
                <div class={classes!("now", kind)}>{ value }</div>
                { facts(props, topic) }
                { actions }
                { shown_payload(&topic.latest, *look, &choose) }
                { difference }
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
            <p class="topic wrap levels">{ for levels(name) }</p>
            { body }
        </section>
    }
}

fn facts(props: &TopicDetailProps, topic: &Topic) -> Html {
    let watch = props.watch.as_ref();
    let qos = watch.and_then(|watch| watch.qos);
    let retained = match watch {
        Some(watch) if watch.is_retained() => strings::YES,
        // Before MQTT 5.0 a message that comes does not say so.
        Some(_) if !props.is_old => strings::NO,
        _ => strings::UNKNOWN,
    };
    let when = match topic.heard {
        Some(at) => format!(
            "{} · {}",
            at.clock(props.offset),
            strings::age(topic.age(props.now))
        ),
        None => strings::LED_RETAINED.to_owned(),
    };
    let qos = qos.map_or(strings::UNKNOWN.to_owned(), |qos| qos.to_string());
    field::facts(&[
        (strings::RECEIVED, "when", Some(when)),
        (strings::RETAINED, "retained", Some(retained.to_owned())),
        (strings::QOS, "qos", Some(qos)),
        (strings::RATE, "rate", Some(strings::rate(topic.rate()))),
        (strings::MESSAGES, "messages", Some(topic.count.to_string())),
        (
            strings::SIZE,
            "size",
            Some(strings::bytes(topic.latest.len)),
        ),
    ])
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

/// The levels of a name, each above the last a way to what is below it.
fn levels(name: &str) -> impl Iterator<Item = Html> + '_ {
    let mut end = 0;
    name.split('/').map(move |level| {
        end += level.len();
        let path = &name[..end];
        end += 1;
        match (path.len() == name.len(), level) {
            (true, _) => html! { level.to_owned() },
            (_, "") => html! { "/" },
            _ => html! { <><a href={Route::of(View::Topics, path).hash()}>{ level.to_owned() }</a>{ "/" }</> },
        }
    })
}

/// What is known of a branch that is no topic itself.
fn facts_below(props: &TopicDetailProps) -> Html {
    let kept = props
        .watch
        .as_ref()
        .map(|watch| watch.kept.len().to_string());
    field::facts(&[
        (strings::BELOW, "below", Some(strings::topics(props.below))),
        (strings::RETAINED, "kept", kept),
    ])
}

/// What is different in the latest payload, where both are text.
fn changed(before: &Heard, now: &Heard, offset: i32) -> Html {
    let text = |heard: &Heard| payload::text(&heard.payload, heard.is_cut()).map(str::to_owned);
    let (Some(old), Some(new)) = (text(before), text(now)) else {
        return Html::default();
    };
    let changes = diff(&old, &new);
    let is_text = changes.iter().all(|change| change.path.is_empty());
    let one = |change: &Change| {
        let (before, after) = (change.before.clone(), change.after.clone());
        if before == after {
            return html! { after.unwrap_or_default() };
        }
        html! { <>
            { for before.map(|words| html! { <del>{ words }</del> }) }
            if !is_text {
                { " " }
            }
            { for after.map(|words| html! { <ins>{ words }</ins> }) }
        </> }
    };
    let body = if changes.is_empty() {
        html! { <p class="quiet">{ strings::UNCHANGED }</p> }
    } else if is_text {
        html! { <pre class="payload" tabindex="0" role="region" aria-labelledby="diff-title">{ for changes.iter().map(one) }</pre> }
    } else {
        html! { <ul class="changes">{ for changes.iter().map(|change| html! {
            <li><span class="wrap">{ change.path.clone() }</span><span class="wrap">{ one(change) }</span></li>
        }) }</ul> }
    };
    html! { <div data-testid="diff">
        <h3 id="diff-title">{ strings::changed_since(&before.at.clock(offset)) }</h3>
        { body }
        if changes.len() == MAX_CHANGES {
            <p class="note">{ strings::MORE_CHANGES }</p>
        }
    </div> }
}

/// Makes the broker forget what it keeps for the topic, or for all below it
/// too, after a question.
fn clear_retained(props: &TopicDetailProps, all: bool) -> Html {
    let Some(watch) = &props.watch else {
        return Html::default();
    };
    let kept = watch.kept.len();
    let is_retained = watch.is_retained();
    let (name, label, is_there) = if all {
        (
            "clear-all",
            strings::CLEAR_ALL,
            kept > usize::from(is_retained),
        )
    } else {
        ("clear", strings::CLEAR, is_retained)
    };
    let outcome = match &watch.trouble {
        _ if !is_there => Some(Ok(strings::CLEARED.into())),
        None => None,
        Some(failed) => Some(Err(strings::outcome(failed).into())),
    };
    let topics = if all {
        watch.kept.clone()
    } else {
        Rc::new(vec![watch.topic.clone()])
    };
    let question = strings::clear_question(topics.len());
    let doing = strings::clearing(topics.len());
    let on_yes = props.on_clear.reform(move |()| topics.clone());
    html! {
        <Confirm {name} label={is_there.then_some(label)} {question} text={strings::CLEAR_TEXT}
            yes={strings::CLEAR_YES} unavailable={props.unavailable} {doing} {outcome} {on_yes} />
    }
}
