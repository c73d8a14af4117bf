use std::rc::Rc;

use yew::prelude::*;

use super::field;
use super::icons;
use super::shared::Shared;
use crate::extract::is_json;
use crate::publishing::{
    Draft, EXTRAS, Extra, Outcome, Problem, Publication, Publications, complete,
};
use crate::store::Store;
use crate::strings;

/// Topics that are offered to complete what is written.
const OFFERED: usize = 12;

/// What somebody changes.
enum Change {
    Topic(String),
    Payload(String),
    Qos(usize),
    Retain,
    Extra(Extra, String),
}

/// What the view needs to know.
#[derive(PartialEq, Properties)]
pub(super) struct PublishProps {
    pub(super) store: Shared<Store>,
    /// The page speaks MQTT 3.1.1.
    pub(super) is_old: bool,
    /// The topic with which it begins.
    pub(super) topic: Option<Rc<str>>,
    pub(super) publications: Shared<Publications>,
    /// Why nothing can be sent just now.
    pub(super) unavailable: Option<&'static str>,
    /// Somebody publishes.
    pub(super) on_publish: Callback<Rc<Draft>>,
    /// What stands in the list is to be forgotten.
    pub(super) on_forget: Callback<()>,
}

/// A message to write, and what became of those before it.
#[component]
pub(super) fn Publish(props: &PublishProps) -> Html {
    let draft = use_state(Draft::default);
    let tried = use_state(|| false);
    {
        let draft = draft.clone();
        use_effect_with(props.topic.clone(), move |topic| {
            if let Some(topic) = topic {
                let mut next = (*draft).clone();
                next.topic = topic.to_string();
                draft.set(next);
            }
        });
    }
    let submit = {
        let (draft, tried, on_publish) = (draft.clone(), tried.clone(), props.on_publish.clone());
        let can_send = props.unavailable.is_none();
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let is_whole = draft.problem().is_none();
            tried.set(!is_whole);
            if is_whole && can_send {
                on_publish.emit(Rc::new((*draft).clone()));
            }
        })
    };
    let set: Callback<Change> = {
        let draft = draft.clone();
        Callback::from(move |change: Change| {
            let mut next = (*draft).clone();
            match change {
                Change::Topic(text) => next.topic = text,
                Change::Payload(text) => next.payload = text,
                Change::Qos(qos) => next.qos = qos as u8,
                Change::Retain => next.retain = !next.retain,
                Change::Extra(extra, text) => next.set(extra, text),
            }
            draft.set(next);
        })
    };
    let edit = {
        let draft = draft.clone();
        Callback::from(move |again: Rc<Draft>| draft.set((*again).clone()))
    };
    let problem = draft
        .problem()
        .filter(|problem| *tried || *problem == Problem::Wildcard);
    let is_empty = props.publications.iter().next().is_none();
    let offered = complete(props.store.names(), &draft.topic, OFFERED);
    html! {
        <div class="publish" data-testid="publish">
            <form class="panel form" onsubmit={submit}>
                <label for="publish-topic">{ strings::TOPIC }</label>
                <input id="publish-topic" name="topic" list="publish-topics" value={draft.topic.clone()} placeholder={strings::TOPIC_HINT}
                    autocomplete="off" autocapitalize="none" spellcheck="false"
                    aria-invalid={problem.map(|_| "true")} aria-describedby="publish-problem"
                    oninput={set.reform(|event: InputEvent| Change::Topic(field::typed(&event)))} />
                <datalist id="publish-topics">{ for offered.into_iter().map(|name| html! { <option value={name.to_owned()}></option> }) }</datalist>
                <p id="publish-problem" class="hint" role="status">
                    { for problem.map(|problem| html! { <span class="error">{ icons::warning() }{ strings::problem(problem) }</span> }) }
                </p>
                <label for="publish-payload">{ strings::PAYLOAD }</label>
                <textarea id="publish-payload" name="payload" rows="5" value={draft.payload.clone()} autocapitalize="none" spellcheck="false"
                    aria-describedby="publish-json" oninput={set.reform(|event: InputEvent| Change::Payload(field::written(&event)))} />
                <p id="publish-json" class="hint">{ json_note(&draft.payload) }</p>
                <div class="options">
                    <div>
                        <span class="label">{ strings::QOS }</span>
                        { field::choice(strings::QOS, &["0", "1", "2"], Some(usize::from(draft.qos)), &set.reform(Change::Qos)) }
                        <p class="hint">{ strings::qos(draft.qos) }</p>
                    </div>
                    <div>
                        <label class="tick"><input type="checkbox" name="retain" checked={draft.retain} onchange={set.reform(|_: Event| Change::Retain)} />{ strings::RETAIN }</label>
                        <p class="hint">{ if draft.retain && draft.payload.is_empty() { strings::RETAIN_EMPTY } else { strings::RETAIN_TEXT } }</p>
                    </div>
                </div>
                if props.is_old {
                    <p class="hint">{ strings::PROPERTIES_NONE }</p>
                } else { <details>
                    <summary>{ strings::PROPERTIES }
                        if draft.extras().next().is_some() {
                            <span class="count">{ draft.extras().count() }</span>
                        }
                    </summary>
                    <div class="settings">{ for EXTRAS.iter().map(|(extra, name)| extra_field(&draft, *extra, name, &set)) }</div>
                </details> }
                <button type="submit" class="button primary" aria-disabled={props.unavailable.map(|_| "true")}>
                    { props.unavailable.unwrap_or(strings::SEND) }
                </button>
            </form>
            <section class="panel sent" aria-labelledby="sent-title">
                <div class="bar">
                    <h2 id="sent-title">{ strings::RECENT }</h2>
                    if !is_empty {
                        <button type="button" class="retry" data-testid="forget"
                            onclick={props.on_forget.reform(|_: MouseEvent| ())}>{ strings::FORGET_SENT }</button>
                    }
                </div>
                <ol data-testid="sent" aria-live="polite">
                    { for props.publications.iter().map(|one| publication(one, &edit)) }
                </ol>
                if is_empty {
                    <p class="quiet">{ strings::RECENT_NONE }</p>
                }
            </section>
        </div>
    }
}

/// A field for what is said beside the payload.
fn extra_field(draft: &Draft, extra: Extra, name: &'static str, set: &Callback<Change>) -> Html {
    let words = strings::extra(extra);
    let value = draft.get(extra).to_owned();
    match extra {
        Extra::Format => {
            let is_text = !value.is_empty();
            let flip = set.reform(move |_: Event| {
                Change::Extra(extra, if is_text { "" } else { "yes" }.to_owned())
            });
            html! { <label class="tick"><input type="checkbox" {name} checked={is_text} onchange={flip} />{ words }</label> }
        }
        Extra::User => {
            let oninput = set.reform(move |event| Change::Extra(extra, field::written(&event)));
            html! { <label>{ words }<textarea rows="2" {name} {value} autocapitalize="none" spellcheck="false" {oninput} /></label> }
        }
        _ => {
            let oninput = set.reform(move |event| Change::Extra(extra, field::typed(&event)));
            html! { <label>{ words }<input {name} {value} autocomplete="off" autocapitalize="none" spellcheck="false" {oninput} /></label> }
        }
    }
}

/// Says of what looks like JSON whether it is.
fn json_note(payload: &str) -> Html {
    let text = payload.trim();
    match (text.starts_with(['{', '[']), is_json(text)) {
        (false, _) => Html::default(),
        (true, true) => {
            html! { <span class="done">{ icons::check() }{ strings::VALID_JSON }</span> }
        }
        (true, false) => {
            html! { <span class="error">{ icons::warning() }{ strings::BROKEN_JSON }</span> }
        }
    }
}

fn publication(one: &Publication, edit: &Callback<Rc<Draft>>) -> Html {
    let (tone, icon) = match one.outcome {
        Outcome::Sending | Outcome::Earlier => ("sending", icons::clock()),
        Outcome::Sent | Outcome::Acknowledged | Outcome::NobodyThere => ("done", icons::check()),
        _ => ("error", icons::warning()),
    };
    let payload = match &*one.draft.payload {
        "" => strings::EMPTY_PAYLOAD.to_owned(),
        text => text.chars().take(160).collect(),
    };
    let retain = one.draft.retain.then_some(strings::RETAINED_MARK);
    let flags = format!("{} {}", strings::QOS, one.draft.qos);
    let count = one.draft.extras().count();
    let properties = (count > 0).then(|| strings::properties(count));
    let flags = [flags.as_str()]
        .into_iter()
        .chain(retain)
        .chain(properties.as_deref())
        .collect::<Vec<_>>()
        .join(" · ");
    let onclick = {
        let (edit, draft) = (edit.clone(), one.draft.clone());
        Callback::from(move |_: MouseEvent| edit.emit(draft.clone()))
    };
    html! {
        <li key={one.number} data-outcome={tone}>
            <p class="line"><b>{ &one.draft.topic }</b><time>{ &one.clock }</time></p>
            <p class="said">{ payload }</p>
            <p class="line"><span class="flags">{ flags }</span>
                <button type="button" class="retry" {onclick}>{ strings::AGAIN }</button></p>
            <p class={tone}>{ icon }{ strings::outcome(&one.outcome) }</p>
        </li>
    }
}
