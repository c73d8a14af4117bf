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
    let press = |on: bool| {
        let (on_press, can_send) = (on_press.clone(), unavailable.is_none());
        Callback::from(move |_: MouseEvent| {
            if can_send {
                on_press.emit(on);
            }
        })
    };
    let disabled = unavailable.map(|_| "true");
    let pending = led.is_pending();
    let control = match led.shown() {
        Some(on) => html! {
            <div class="control">
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
            <div class="control two" role="group" aria-label={strings::LED} aria-describedby="led-note">
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
