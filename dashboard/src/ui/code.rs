use web_sys::Element;
use yew::prelude::*;

use crate::clipboard;
use crate::strings;

/// What the block shows.
#[derive(PartialEq, Properties)]
pub(super) struct CodeProps {
    pub(super) title: &'static str,
    pub(super) note: AttrValue,
    pub(super) text: AttrValue,
    /// Names the block for tests.
    pub(super) name: &'static str,
}

/// A program to copy.
#[component]
pub(super) fn Code(props: &CodeProps) -> Html {
    let code = use_node_ref();
    let copied = use_state(|| None::<usize>);
    let copy = {
        let (code, copied) = (code.clone(), copied.clone());
        Callback::from(move |_: MouseEvent| {
            if let Some(element) = code.cast::<Element>() {
                copied.set(Some(usize::from(clipboard::copy(&element))));
            }
        })
    };
    let word = match *copied {
        None => strings::COPY,
        Some(1) => strings::COPIED,
        Some(_) => strings::COPY_BY_HAND,
    };
    html! {
        <div class="code" data-testid={props.name}>
            <div class="code-head">
                <h3>{ props.title }</h3>
                <button type="button" class="button" onclick={copy}><span aria-live="polite">{ word }</span></button>
            </div>
            <p class="quiet">{ props.note.clone() }</p>
            <pre tabindex="0" role="region" aria-label={props.title}><code ref={code}>{ props.text.clone() }</code></pre>
        </div>
    }
}
