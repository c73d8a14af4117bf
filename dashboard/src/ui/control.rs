use std::cell::Cell;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use super::field::use_given;
use super::shared::Shared;
use crate::host;
use crate::number::display;
use crate::route::encode;
use crate::store::Topic;
use crate::strings;
use crate::time::Age;
use crate::widget::{Control, Field, Kind, Origin, Value, Widget, seen};

/// What a control needs to know.
#[derive(PartialEq, Properties)]
pub(super) struct ControlBodyProps {
    pub(super) widget: Rc<Widget>,
    pub(super) title: AttrValue,
    /// What was heard on its topic, if anything was.
    pub(super) topic: Option<Shared<Topic>>,
    /// What was asked of it, if anything was.
    pub(super) control: Option<Shared<Control>>,
    /// Minutes that the clock on the wall is ahead of UTC.
    pub(super) offset: i32,
    /// Why nothing can be sent just now.
    pub(super) unavailable: Option<&'static str>,
    /// Somebody asks for a value.
    pub(super) on_press: Callback<(Rc<Widget>, Value)>,
}

/// What is known of a control's value.
struct Known {
    shown: Option<Value>,
    pending: bool,
    failed: Option<(Value, String)>,
    note: String,
}

/// A card's control, and below it what is known of its value. A toggle is a
/// switch once its state was seen, and two buttons before.
#[component]
pub(super) fn ControlBody(props: &ControlBodyProps) -> Html {
    let ControlBodyProps {
        widget,
        title,
        unavailable,
        ..
    } = props;
    let known = known(props);
    let node = use_node_ref();
    let pressed = use_focus_kept(&node, (known.shown.is_some(), known.failed.is_some()));
    let press: Callback<Value> = {
        let (on_press, widget, can_send) = (
            props.on_press.clone(),
            widget.clone(),
            unavailable.is_none(),
        );
        Callback::from(move |value: Value| {
            if can_send {
                pressed.set(true);
                on_press.emit((widget.clone(), value));
            }
        })
    };
    let disabled = unavailable.map(|_| "true");
    let mut note_id = String::from("note-");
    encode(widget.topic(), &mut note_id);
    let button = |value: Value, words: String| {
        let onclick = press.reform(move |_: MouseEvent| value.clone());
        html! { <button type="button" class="button" aria-disabled={disabled} {onclick}>{ words }</button> }
    };
    let changed = |what: fn(String) -> Option<Value>| {
        let press = press.clone();
        Callback::from(move |event: Event| {
            let input = event
                .target_dyn_into::<HtmlInputElement>()
                .map(|input| input.value());
            let chosen = event
                .target_dyn_into::<HtmlSelectElement>()
                .map(|select| select.value());
            if let Some(value) = input.or(chosen).and_then(what) {
                press.emit(value);
            }
        })
    };
    let words = known.shown.as_ref().map(|value| say(widget, value));
    let field = |default: &str, field: Field| match widget.get(field) {
        "" => default.to_owned(),
        text => text.to_owned(),
    };
    let text = |value: String| Some(Value::Text(value.into()));
    let given = match (widget.kind, &known.shown) {
        (Kind::Slider, Some(Value::Number(number))) => host::digits(*number),
        (Kind::Slider, Some(_)) => String::new(),
        (Kind::Slider, None) => field("0", Field::Min),
        _ => words.clone().unwrap_or("#808080".to_owned()),
    };
    let input = use_given(widget.kind.name(), given);
    let control = match (widget.kind, &known.shown) {
        (Kind::Toggle, Some(value)) => {
            let on = *value == Value::On(true);
            let onclick = press.reform(move |_: MouseEvent| Value::On(!on));
            html! { <>
                <b class="value">{ words }</b>
                <button type="button" class={classes!("toggle", known.pending.then_some("pending"))} role="switch"
                    aria-checked={if on { "true" } else { "false" }} aria-label={title.clone()}
                    aria-describedby={note_id.clone()} aria-disabled={disabled} {onclick}><i></i></button>
            </> }
        }
        (Kind::Toggle, None) => html! { <>
            { for [true, false].map(|on| button(Value::On(on), strings::on_off(on).to_owned())) }
        </> },
        (Kind::Slider, _) => {
            let onchange = changed(|value| Some(Value::Number(host::number(&value))));
            html! { <>
                <b class="value">{ words.unwrap_or("–".to_owned()) }</b>
                <input ref={input} type="range" aria-label={title.clone()} aria-describedby={note_id.clone()} min={field("0", Field::Min)}
                    max={field("100", Field::Max)} step={field("1", Field::Step)} disabled={disabled.is_some()} {onchange} />
            </> }
        }
        (Kind::Select, _) => {
            let onchange = changed(text);
            let is_one = words
                .iter()
                .any(|words| widget.options().any(|option| option == words));
            html! {
                <select aria-label={title.clone()} aria-describedby={note_id.clone()} disabled={disabled.is_some()} {onchange}>
                    if !is_one {
                        <option selected=true>{ words.clone().unwrap_or("–".to_owned()) }</option>
                    }
                    { for widget.options().map(|option| html! {
                        <option selected={words.as_deref() == Some(option)}>{ option.to_owned() }</option>
                    }) }
                </select>
            }
        }
        (Kind::Colour, _) => html! { <>
            <b class="value">{ words }</b>
            <input ref={input} type="color" aria-label={title.clone()} aria-describedby={note_id.clone()}
                disabled={disabled.is_some()} onchange={changed(text)} />
        </> },
        _ => button(Value::On(true), strings::SEND_IT.to_owned()),
    };
    let two = matches!(
        (widget.kind, &known.shown),
        (Kind::Toggle, None) | (Kind::Button, _)
    );
    let failed = known.failed.filter(|_| unavailable.is_none());
    let retry = failed.map(|(value, _)| {
        let onclick = press.reform(move |_: MouseEvent| value.clone());
        html! { <button type="button" class="retry" {onclick}>{ strings::RETRY }</button> }
    });
    html! { <>
        <div class={classes!("control", ["is-", widget.kind.name()].concat(), two.then_some("two"))} ref={node}
            role={two.then_some("group")} aria-label={two.then(|| title.clone())} aria-describedby={two.then(|| note_id.clone())}>
            { control }
        </div>
        <div class={classes!("meta", retry.is_some().then_some("failed"))}>
            <span id={note_id} class="age">{ unavailable.map_or(known.note, str::to_owned) }</span>
            { for retry }
        </div>
    </> }
}

/// A value in words.
fn say(widget: &Widget, value: &Value) -> String {
    match value {
        Value::On(on) => strings::on_off(*on).to_owned(),
        Value::Text(text) => text.to_string(),
        Value::Number(number) => {
            let unit = widget.get(Field::Unit);
            let digits = match widget.number(Field::Decimals) {
                Some(decimals) => display(*number, decimals as u8),
                None => host::digits(*number),
            };
            [&digits, unit].join(" ").trim_end().to_owned()
        }
    }
}

/// What is known about the value, and nothing beyond it.
fn known(props: &ControlBodyProps) -> Known {
    let control = props.control.as_deref();
    let topic = props.topic.as_deref();
    // A button's topic says nothing about it.
    let topic = topic.filter(|_| props.widget.kind != Kind::Button);
    let seen = topic.and_then(|topic| seen(&props.widget, topic, control));
    let wanted = control.and_then(Control::wanted);
    let failed = control.and_then(Control::failed);
    let clock = |at: crate::time::Millis| at.clock(props.offset);
    let note = match (wanted, failed, &seen) {
        (Some(_), ..) => strings::SENDING.to_owned(),
        (_, Some((_, failure)), _) => strings::failure(*failure).to_owned(),
        (.., None) if props.widget.kind == Kind::Button => String::new(),
        (.., None) => strings::NEVER_SEEN.to_owned(),
        (.., Some((_, Origin::Retained))) => strings::age(Age::Unknown),
        (.., Some((_, Origin::Sent(at)))) => strings::sent(&clock(*at)),
        (.., Some((_, Origin::Confirmed(at)))) => strings::confirmed(&clock(*at)),
        (.., Some((_, Origin::Received(at)))) => strings::received(&clock(*at)),
    };
    Known {
        pending: wanted.is_some(),
        failed: failed
            .map(|(value, failure)| (value.clone(), strings::failure(*failure).to_owned())),
        shown: wanted.cloned().or(seen.map(|(value, _)| value)),
        note,
    }
}

/// The state of a control as it stands in `data-state`.
pub(super) fn state(
    widget: &Widget,
    topic: Option<&Topic>,
    control: Option<&Control>,
) -> &'static str {
    if control.is_some_and(|control| control.wanted().is_some()) {
        return "pending";
    }
    match topic.and_then(|topic| seen(widget, topic, None)) {
        Some((Value::On(true), _)) => "on",
        Some((Value::On(false), _)) => "off",
        Some(_) => "known",
        None => "unknown",
    }
}

/// The control that was pressed may give way to another one; the keyboard's
/// focus then goes to that, and not to the top of the page. `shape` is what
/// decides which controls there are; the cell is to be set by a press.
#[hook]
fn use_focus_kept(control: &NodeRef, shape: (bool, bool)) -> Rc<Cell<bool>> {
    let pressed = use_memo((), |()| Cell::new(false));
    let (control, was_pressed) = (control.clone(), pressed.clone());
    use_effect_with(shape, move |_| {
        let document = gloo::utils::document();
        let lost = document
            .active_element()
            .is_none_or(|element| element.tag_name() == "BODY");
        if was_pressed.get() && lost {
            let button = control
                .cast::<Element>()
                .and_then(|control| control.query_selector("button").ok()?);
            if let Some(button) = button.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
                // What cannot be focused is no worse off than before.
                let _ = button.focus();
            }
        }
    });
    pressed
}
