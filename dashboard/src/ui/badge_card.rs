use yew::prelude::*;

use crate::extract::{State, Words};
use crate::store::Topic;
use crate::strings;

/// Kind, label, body and note of a card with a state. It is no switch: only a
/// topic that somebody listens to should look as if it could be switched.
pub(super) fn parts(
    topic: &Topic,
    label: Option<&str>,
    state: State,
) -> (Classes, AttrValue, Html, Html) {
    let tone = match (state.words, state.on) {
        (Words::OnlineOffline, true) => "online",
        (Words::OnlineOffline, false) => "offline",
        (_, true) => "on",
        (_, false) => "off",
    };
    let body = html! {
        <div class="badge">
            <span class="lamp" aria-hidden="true"></span>
            <b class="value">{ strings::state(state) }</b>
        </div>
    };
    let label = label.unwrap_or_else(|| topic.last_level()).to_owned();
    (classes!("state", tone), label.into(), body, Html::default())
}
