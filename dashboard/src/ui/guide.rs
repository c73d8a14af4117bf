use yew::prelude::*;

use super::code::Code;
use super::icons;
use super::qr::qr;
use crate::place::Place;
use crate::strings;

const SKETCH: &str = include_str!("../snippets/led.ino");
const SCRIPT: &str = include_str!("../snippets/fridge.py");
/// The broker's port for devices.
const DEVICE_PORT: &str = "1883";

/// What the guide needs to know.
#[derive(PartialEq, Properties)]
pub(crate) struct GuideProps {
    pub(crate) place: Place,
    /// Seconds that the page has been waiting; `None` if there are values.
    pub(crate) waiting: Option<u32>,
    /// Closes it; without it there is nothing else to show.
    pub(crate) on_close: Option<Callback<()>>,
}

/// How to get a device, or a phone, onto the broker.
#[component]
pub(crate) fn Guide(props: &GuideProps) -> Html {
    let steps = use_memo(props.place.clone(), steps);
    let title = if props.waiting.is_some() {
        strings::NOTHING_YET
    } else {
        strings::CONNECT_DEVICE
    };
    let close = props.on_close.as_ref().map(|on_close| {
        let click = on_close.reform(|_: MouseEvent| ());
        html! {
            <button type="button" class="tool" aria-label={strings::CLOSE} title={strings::CLOSE} onclick={click}>
                { icons::close() }
            </button>
        }
    });
    html! {
        <section class="guide card" data-testid="guide" aria-labelledby="guide-title">
            <div class="guide-head">
                <h2 id="guide-title">{ title }</h2>
                { for close }
            </div>
            if let Some(seconds) = props.waiting {
                <p class="quiet">{ strings::NOTHING_YET_TEXT }</p>
                <p class="waiting" data-testid="waiting"><span class="pulse" aria-hidden="true"></span>{ strings::waiting(seconds) }</p>
            }
            { (*steps).clone() }
        </section>
    }
}

/// The part that does not count seconds.
fn steps(place: &Place) -> Html {
    let loopback = place.broker_is_local();
    let sketch_host = if loopback {
        strings::BROKER_PLACEHOLDER
    } else {
        &place.host
    };
    let note = match loopback {
        true => [strings::SKETCH_NOTE, strings::SKETCH_NOTE_LOOPBACK].join(" "),
        false => strings::SKETCH_NOTE.to_owned(),
    };
    let phone = if place.page_is_local() {
        html! { <p>{ strings::LOOPBACK_TEXT }</p> }
    } else {
        html! { <>
            { for qr(&place.page) }
            <p>{ strings::PHONE_TEXT }{ " " }<strong class="wrap">{ place.page.clone() }</strong></p>
        </> }
    };
    html! {
        <div class="steps">
            <div class="addresses">
                <div class="tile"><h3>{ strings::ON_YOUR_PHONE }</h3>{ phone }</div>
                <div class="tile">
                    <h3>{ if loopback { strings::PROGRAM_ADDRESS } else { strings::DEVICE_ADDRESS } }</h3>
                    <p><strong class="wrap" data-testid="device-address">{ place.host.clone() }</strong>{ ", " }{ strings::PORT }{ " " }<strong>{ DEVICE_PORT }</strong></p>
                </div>
            </div>
            <Code name="sketch" title={strings::SKETCH} note={note} text={SKETCH.replace("{broker}", sketch_host)} />
            <Code name="script" title={strings::SCRIPT} note={strings::SCRIPT_NOTE} text={SCRIPT.replace("{broker}", &place.host)} />
        </div>
    }
}
