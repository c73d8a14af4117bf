use yew::prelude::*;

use crate::payload;
use crate::store::Topic;
use crate::strings;

/// Kind, label, body and note of a card with text.
pub(super) fn text(topic: &Topic, text: &str, cut: bool) -> (Classes, AttrValue, Html, Html) {
    let body = match text {
        "" => html! { <p class="words empty">{ strings::EMPTY_PAYLOAD }</p> },
        text => {
            let end = if cut { "…" } else { "" };
            html! { <p class="words value">{ [text, end].concat() }</p> }
        }
    };
    let note = cut.then(|| html! { <span class="range">{ strings::CUT }</span> });
    (
        classes!("text"),
        topic.last_level().to_owned().into(),
        body,
        html! { <>{ for note }</> },
    )
}

/// Kind, label, body and note of a card with bytes that are no text.
pub(super) fn bytes(topic: &Topic, head: &[u8], len: usize) -> (Classes, AttrValue, Html, Html) {
    let mut hex = String::with_capacity(head.len() * 3);
    for byte in head {
        for half in [byte >> 4, byte & 15] {
            hex.push(char::from(b"0123456789abcdef"[usize::from(half)]));
        }
        hex.push(' ');
    }
    if len > head.len() {
        hex.push('…');
    }
    let heard = &topic.latest;
    let picture = payload::picture_link(&heard.payload).filter(|_| !heard.is_cut());
    let (body, words) = match picture {
        Some(link) => (
            html! { <img class="thumb" src={link} alt={strings::picture(topic.last_level())} /> },
            strings::bytes(len),
        ),
        None => (
            html! { <p class="words hex value">{ hex.trim_end().to_owned() }</p> },
            strings::binary(len),
        ),
    };
    let note = html! { <span class="range">{ words }</span> };
    (
        classes!("text"),
        topic.last_level().to_owned().into(),
        body,
        note,
    )
}
