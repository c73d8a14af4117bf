use std::rc::Rc;

use yew::prelude::*;

use super::field;
use super::icons;
use super::shared::Shared;
use super::window::{space, use_rows};
use crate::browser;
use crate::host;
use crate::route::{Route, View};
use crate::store::{LogEntry, lines};
use crate::strings;

/// Pixels; `--log-row` in the style is the same.
const HEIGHT: u32 = 52;

/// What the view needs to know.
#[derive(PartialEq, Properties)]
pub(super) struct LogProps {
    /// The latest messages, latest first.
    pub(super) entries: Shared<Vec<LogEntry>>,
    /// Minutes that the clock on the wall is ahead of UTC.
    pub(super) offset: i32,
}

/// Messages as they come, as many as are kept.
#[component]
pub(super) fn Log(props: &LogProps) -> Html {
    let list = use_node_ref();
    let filter = use_state(String::new);
    // What is shown while it is paused.
    let paused = use_state(|| None::<Shared<Vec<LogEntry>>>);
    let entries = (*paused).clone().unwrap_or_else(|| props.entries.clone());
    let found = use_memo((entries.clone(), (*filter).clone()), |(entries, filter)| {
        let filter = host::lower(filter.trim());
        let places = 0..entries.len();
        let found = places.filter(|&at| entries[at].has(&filter));
        found.collect::<Vec<usize>>()
    });
    let part = use_rows(&list, found.len(), HEIGHT);
    let count = |entries: &[LogEntry]| entries.first().map_or(0, |entry| entry.number);
    let since = count(&props.entries) - count(&entries);
    let on_filter = {
        let filter = filter.clone();
        Callback::from(move |event: InputEvent| filter.set(field::typed(&event)))
    };
    let on_pause = {
        let (paused, latest) = (paused.clone(), props.entries.clone());
        Callback::from(move |_: MouseEvent| {
            paused.set(paused.is_none().then(|| latest.clone()));
        })
    };
    let is_paused = paused.is_some();
    let export = {
        let (entries, found) = (entries.clone(), found.clone());
        Callback::from(move |_: MouseEvent| {
            let text = lines(found.iter().map(|&at| &entries[at]));
            browser::download(strings::LOG_FILE, &text);
        })
    };
    html! {
        <section class="panel list messages" data-testid="messages">
            <div class="bar">
                { field::filter(strings::FILTER_LOG, &filter, on_filter) }
                <button type="button" class="button" onclick={on_pause} data-testid="pause">
                    { if is_paused { icons::play() } else { icons::pause() } }{ if is_paused { strings::RESUME } else { strings::PAUSE } }
                </button>
                if !found.is_empty() {
                    <button type="button" class="button" onclick={export} title={strings::LOG_EXPORT_TEXT} data-testid="export">{ strings::LOG_EXPORT }</button>
                }
                <span class="count" data-testid="log-count">
                    { if is_paused { strings::paused(since) } else { strings::log_count(found.len(), count(&entries)) } }
                </span>
            </div>
            if entries.is_empty() {
                { field::empty(strings::NO_MESSAGES, strings::NO_MESSAGES_TEXT) }
            } else if found.is_empty() {
                <p class="none quiet">{ strings::NO_LOG_MATCH }</p>
            } else {
                <div class="stream" role="region" aria-label={strings::LOG} tabindex="0" ref={list} onscroll={part.onscroll.clone()}>
                    { space(part.start, HEIGHT) }
                    <ol>{ for found[part.start..part.end].iter().map(|&at| row(&entries[at], props.offset)) }</ol>
                    { space(found.len() - part.end, HEIGHT) }
                </div>
            }
        </section>
    }
}

fn row(entry: &LogEntry, offset: i32) -> Html {
    let payload = match (&entry.payload, entry.len) {
        (_, 0) => strings::EMPTY_PAYLOAD.to_owned(),
        (Some(text), _) => text.to_string(),
        (None, len) => strings::binary(len),
    };
    let topic: Rc<str> = entry.topic.clone();
    html! {
        <li key={entry.number}>
            <time>{ entry.at.clock(offset) }</time>
            <a href={Route::of(View::Topics, &topic).hash()} title={AttrValue::Rc(topic)}>{ &*entry.topic }</a>
            <span>{ payload }</span>
            { for entry.retain.then(|| html! { <small>{ strings::RETAINED_MARK }</small> }) }
        </li>
    }
}
