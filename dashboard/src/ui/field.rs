//! Parts of forms.

use web_sys::{HtmlInputElement, HtmlTextAreaElement};
use yew::prelude::*;

use super::icons;

/// What was typed into an input.
pub(super) fn typed(event: &InputEvent) -> String {
    event
        .target_dyn_into::<HtmlInputElement>()
        .map(|input| input.value())
        .unwrap_or_default()
}

/// What was typed into a text area.
pub(super) fn written(event: &InputEvent) -> String {
    event
        .target_dyn_into::<HtmlTextAreaElement>()
        .map(|area| area.value())
        .unwrap_or_default()
}

/// Gives an input its value whenever that is another one, or the input is, by
/// its `name`; and not whenever it is drawn: what somebody is about to write
/// there, or to set, stays.
#[hook]
pub(super) fn use_given(name: &'static str, value: String) -> NodeRef {
    let node = use_node_ref();
    let input = node.clone();
    use_effect_with((name, value), move |(_, value)| {
        if let Some(input) = input.cast::<HtmlInputElement>() {
            input.set_value(value);
        }
    });
    node
}

/// A field to filter a list with.
pub(super) fn filter(label: &'static str, value: &str, oninput: Callback<InputEvent>) -> Html {
    html! {
        <label class="search">
            { icons::search() }
            <input type="search" name="filter" aria-label={label} placeholder={label} value={value.to_owned()}
                autocomplete="off" autocapitalize="none" spellcheck="false" {oninput} />
        </label>
    }
}

/// Buttons of which one is chosen, or none.
pub(super) fn choice(
    name: &'static str,
    options: &[&'static str],
    chosen: Option<usize>,
    choose: &Callback<usize>,
) -> Html {
    html! {
        <div class="choice" role="group" aria-label={name}>
            { for options.iter().enumerate().map(|(place, &label)| {
                let onclick = choose.reform(move |_: MouseEvent| place);
                let pressed = if Some(place) == chosen { "true" } else { "false" };
                html! { <button type="button" aria-pressed={pressed} {onclick}>{ label }</button> }
            }) }
        </div>
    }
}

/// What is said of something: its name, its name for tests, and what it is. One
/// that nobody knows is left out.
pub(super) type Fact = (&'static str, &'static str, Option<String>);

/// What is known of something.
pub(super) fn facts(facts: &[Fact]) -> Html {
    let one = |(name, test, value): &Fact| {
        let value = value.clone()?;
        Some(
            html! { <div><dt>{ *name }</dt><dd class="wrap" data-testid={*test}>{ value }</dd></div> },
        )
    };
    html! { <dl class="facts">{ for facts.iter().filter_map(one) }</dl> }
}

/// Nothing to show yet, and why.
pub(super) fn empty(title: &'static str, text: &'static str) -> Html {
    html! { <div class="empty-view"><h2>{ title }</h2><p>{ text }</p></div> }
}
