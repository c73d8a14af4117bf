use std::cell::Cell;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};
use yew::prelude::*;

use super::shared::Shared;
use crate::strings;
use crate::switch::{LED_TOPIC, Origin, Switch};

/// What the switch needs to know.
#[derive(PartialEq, Properties)]
pub(super) struct LedCardProps {
    pub(super) led: Shared<Switch>,
    /// Minutes that the clock on the wall is ahead of UTC.
    pub(super) offset: i32,
    /// Why nothing can be sent just now.
    pub(super) unavailable: Option<&'static str>,
    /// Somebody asks for on or off.
    pub(super) on_press: Callback<bool>,
}

/// The LED: a switch once its state was seen, two buttons before.
#[component]
pub(super) fn LedCard(props: &LedCardProps) -> Html {
    let LedCardProps {
        led,
        offset,
        unavailable,
        on_press,
    } = props;
    let control_node = use_node_ref();
    let pressed = use_focus_kept(
        &control_node,
        (led.shown().is_some(), led.failed().is_some()),
    );
    let press = |on: bool| {
        let (on_press, can_send) = (on_press.clone(), unavailable.is_none());
        let pressed = pressed.clone();
        Callback::from(move |_: MouseEvent| {
            if can_send {
                pressed.set(true);
                on_press.emit(on);
            }
        })
    };
    let disabled = unavailable.map(|_| "true");
    let pending = led.is_pending();
    let control = match led.shown() {
        Some(on) => html! {
            <div class="control" ref={control_node}>
                <b class="value">{ word(on) }</b>
                <button
                    type="button"
                    class={classes!("toggle", pending.then_some("pending"))}
                    role="switch"
                    aria-checked={if on { "true" } else { "false" }}
                    aria-label={strings::LED}
                    aria-describedby="led-note"
                    aria-disabled={disabled}
                    onclick={press(!on)}
                ><i></i></button>
            </div>
        },
        None => html! {
            <div class="control two" ref={control_node} role="group" aria-label={strings::LED} aria-describedby="led-note">
                { for [true, false].map(|on| html! {
                    <button type="button" class="button" aria-disabled={disabled} onclick={press(on)}>
                        { word(on) }
                    </button>
                }) }
            </div>
        },
    };
    let retry = led.failed().filter(|_| unavailable.is_none()).map(|(on, _)| {
        html! { <button type="button" class="retry" onclick={press(on)}>{ strings::RETRY }</button> }
    });
    let tone = if led.shown() == Some(true) {
        "on"
    } else {
        "off"
    };
    let state = match led.shown() {
        _ if pending => "pending",
        Some(true) => "on",
        Some(false) => "off",
        None => "unknown",
    };
    html! {
        <article class={classes!("card", "led", tone)} data-topic={LED_TOPIC} data-state={state}>
            <h3>{ strings::LED }</h3>
            <div class="topic">{ LED_TOPIC }</div>
            { control }
            <div class={classes!("meta", led.failed().map(|_| "failed"))}>
                <span id="led-note" class="age">{ note(led, *offset, *unavailable) }</span>
                { for retry }
            </div>
        </article>
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

fn word(on: bool) -> &'static str {
    if on { strings::ON } else { strings::OFF }
}

/// What is known about the state, and nothing beyond it.
fn note(led: &Switch, offset: i32, unavailable: Option<&str>) -> String {
    if let Some(reason) = unavailable {
        return reason.to_owned();
    }
    if led.is_pending() {
        return strings::SENDING.to_owned();
    }
    if let Some((_, failure)) = led.failed() {
        return strings::failure(failure).to_owned();
    }
    match led.origin() {
        None => strings::NEVER_SEEN.to_owned(),
        Some(Origin::Retained) => strings::LED_RETAINED.to_owned(),
        Some(Origin::Sent(at)) => strings::sent(&at.clock(offset)),
        Some(Origin::Received(at)) => strings::received(&at.clock(offset)),
    }
}
