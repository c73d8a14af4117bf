use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};
use yew::prelude::*;

use super::icons;
use crate::strings;

/// How far it has come: not begun (`None`), asked about, or done.
const ASKED: Option<usize> = Some(0);
const DONE: Option<usize> = Some(1);

/// What is asked, and what came of it.
#[derive(PartialEq, Properties)]
pub(super) struct ConfirmProps {
    /// Names it for tests.
    pub(super) name: &'static str,
    /// The button; without it there is nothing to do.
    pub(super) label: Option<&'static str>,
    /// What is asked before it is done.
    pub(super) question: AttrValue,
    /// What that means.
    pub(super) text: &'static str,
    /// The answer with which it is done.
    pub(super) yes: &'static str,
    /// Why it cannot be done just now.
    pub(super) unavailable: Option<&'static str>,
    /// What is said while it is being done.
    pub(super) doing: AttrValue,
    /// What came of it: that it is done, or why not.
    pub(super) outcome: Option<Result<AttrValue, AttrValue>>,
    pub(super) on_yes: Callback<()>,
}

/// Something that cannot be undone: a button, and then a question.
#[component]
pub(super) fn Confirm(props: &ConfirmProps) -> Html {
    let stage = use_state(|| None::<usize>);
    let to = |next: Option<usize>| {
        let stage = stage.clone();
        Callback::from(move |_: MouseEvent| stage.set(next))
    };
    let go = {
        let (stage, on_yes) = (stage.clone(), props.on_yes.clone());
        let can_do = props.unavailable.is_none();
        Callback::from(move |_: MouseEvent| {
            if can_do {
                stage.set(DONE);
                on_yes.emit(());
            }
        })
    };
    let place = use_node_ref();
    let is_first = use_mut_ref(|| true);
    {
        let place = place.clone();
        // The button that was pressed has gone: the keyboard goes on here.
        use_effect_with(*stage, move |_| {
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
    let name = |end: &str| [props.name, end].concat();
    let body = match (*stage, props.label, &props.outcome) {
        (DONE, _, Some(Ok(words))) => html! {
            <p class="note done" role="status" data-testid={name("-done")}>{ icons::check() }{ words.clone() }</p>
        },
        (DONE, _, Some(Err(words))) => html! {
            <p class="error" role="alert">{ icons::warning() }{ words.clone() }</p>
        },
        (DONE, ..) => html! { <p class="note" role="status">{ props.doing.clone() }</p> },
        (_, None, _) => Html::default(),
        (None, Some(label), _) => html! {
            <button type="button" class="button" data-testid={props.name} onclick={to(ASKED)}>{ label }</button>
        },
        (_, Some(_), _) => html! {
            <div class="question" role="group" aria-labelledby={name("-title")} data-testid={name("-question")}>
                <p><b id={name("-title")}>{ props.question.clone() }</b>{ " " }{ props.unavailable.unwrap_or(props.text) }</p>
                <button type="button" class="button danger" aria-disabled={props.unavailable.map(|_| "true")} onclick={go}>{ props.yes }</button>
                <button type="button" class="button" onclick={to(None)}>{ strings::LEAVE_IT }</button>
            </div>
        },
    };
    html! { <div class="clear" ref={place}>{ body }</div> }
}
