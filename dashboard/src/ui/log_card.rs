use std::rc::Rc;

use yew::prelude::*;

use crate::store::LogEntry;
use crate::strings;

/// Messages that it shows; the rest is in the log's own view.
const SOME: usize = 8;

/// What the list needs to know.
pub(super) struct LogCardProps {
    pub(super) entries: Rc<Vec<LogEntry>>,
    /// Minutes that the clock on the wall is ahead of UTC.
    pub(super) offset: i32,
}

/// The latest messages, latest first.
pub(super) fn log_card(props: &LogCardProps) -> Html {
    // Each row stays where it is, and says something else.
    let rows = props.entries.iter().take(SOME).map(|entry| {
        let payload = match (&entry.payload, entry.len) {
            (_, 0) => strings::EMPTY_PAYLOAD.to_owned(),
            (Some(text), _) => text.to_string(),
            (None, len) => strings::binary(len),
        };
        html! {
            <li>
                <time>{ entry.at.clock(props.offset) }</time>
                <b title={AttrValue::Rc(entry.topic.clone())}>{ &*entry.topic }</b>
                <span>{ payload }</span>
            </li>
        }
    });
    html! {
        <section class="log card" data-testid="log" aria-labelledby="log-title">
            <h2 id="log-title">{ strings::LATEST }</h2>
            <ol>{ for rows }</ol>
        </section>
    }
}
