//! Every word on the page, in one place. The sketch and the script that are
//! there to be copied stand beside it, in `snippets/`.

mod broker;
mod chart;
mod home;
mod views;

use crate::connection::Shown;
use crate::extract::{State, Words};
use crate::host;
use crate::number::grouped;
use crate::time::Age;
use crate::widget::{Failure, Value};

pub(crate) use broker::*;
pub(crate) use chart::*;
pub(crate) use home::*;
pub(crate) use views::*;

pub(crate) const NO_GROUP: &str = "Single topics";
pub(crate) const SHARED_ADDRESS: &str = "Broker";

pub(crate) const THEME_DARK: &str = "Dark colours";
pub(crate) const CONNECT_DEVICE: &str = "Connect a device";
pub(crate) const CLOSE: &str = "Close";

pub(crate) const ON: &str = "On";
pub(crate) const OFF: &str = "Off";
pub(crate) const RETRY: &str = "Retry";
pub(crate) const NEVER_SEEN: &str = "State not seen yet";
pub(crate) const SENDING: &str = "Sending…";
pub(crate) const LED_RETAINED: &str = "Retained, age unknown";

pub(crate) const LATEST: &str = "Latest messages";
pub(crate) const EMPTY_PAYLOAD: &str = "Empty payload";
pub(crate) const CUT: &str = "Shortened";
pub(crate) const READ_REFUSED: &str = "The broker does not let this user read all topics (#), so some or all of them are missing here.";

pub(crate) const NOTHING_YET: &str = "Nothing on the broker yet";
pub(crate) const NOTHING_YET_TEXT: &str = "As soon as a device publishes, its value appears here by itself. There is nothing to set up on this page.";
pub(crate) const ON_YOUR_PHONE: &str = "Open this page on another device";
pub(crate) const QR_LABEL: &str = "QR code with the address of this page";
pub(crate) const PHONE_TEXT: &str = "On the same network, scan the code or open";
pub(crate) const LOOPBACK_TEXT: &str = "You opened the page with an address that only this computer can reach. \
    For a phone or a NodeMCU use this computer's address on the network; the terminal in which the broker was started lists it.";
pub(crate) const DEVICE_ADDRESS: &str = "Address for devices";
pub(crate) const PROGRAM_ADDRESS: &str = "Address for programs on this computer";
pub(crate) const PORT: &str = "port";
pub(crate) const SKETCH: &str = "NodeMCU: the LED obeys this page";
pub(crate) const SKETCH_NOTE: &str =
    "Arduino IDE with the ESP8266 boards and the PubSubClient library.";
pub(crate) const SKETCH_NOTE_LOOPBACK: &str =
    "Put this computer's address on the network where it says BROKER-ADDRESS.";
pub(crate) const SCRIPT: &str = "Python: a fridge that reports its temperature";
pub(crate) const SCRIPT_NOTE: &str = "pip install paho-mqtt, then run it.";
pub(crate) const BROKER_PLACEHOLDER: &str = "BROKER-ADDRESS";
pub(crate) const COPY: &str = "Copy";
pub(crate) const COPIED: &str = "Copied";
pub(crate) const COPY_BY_HAND: &str = "Selected: press Ctrl+C";

pub(crate) const LOGIN: &str = "Log in to the broker";
pub(crate) const LOGIN_AGAIN: &str = "The broker refused this user or password.";
pub(crate) const LOGIN_AGAIN_TEXT: &str = "Look for capital letters and spaces in both. Whoever runs the broker can set a new password with \u{201c}ws-broker passwd\u{201d} and tell it to read the file again.";
pub(crate) const LOGIN_BARE: &str = "Your password was not sent: this connection is not encrypted.";
pub(crate) const LOGIN_BARE_TEXT: &str = "The broker takes it only as it is, so that anybody on the network could read it. Safe is a page from https://, or a broker whose users were made with \u{201c}ws-broker passwd\u{201d}.";
pub(crate) const BARE: &str = "Send it all the same";
pub(crate) const LOGIN_TEXT: &str = "The broker wants a user and a password.";
pub(crate) const LOGIN_OTHER: &str = "Log in as somebody else";
pub(crate) const KEEP: &str = "Keep the password in this browser";
pub(crate) const KEEP_NOTE: &str = "Otherwise it is forgotten as soon as this page is closed or loaded again. Keep it only where nobody else uses this browser.";
pub(crate) const USER: &str = "User";
pub(crate) const PASSWORD: &str = "Password";
pub(crate) const CONNECT: &str = "Connect";
pub(crate) const CONNECTING: &str = "Connecting…";

/// How the connection is called in the header.
pub(crate) fn link(shown: Shown) -> &'static str {
    match shown {
        Shown::Connecting => "Connecting…",
        Shown::Connected => "Connected",
        Shown::Reconnecting => "Reconnecting…",
        Shown::Offline => "Offline",
        Shown::Refused => "Log in",
    }
}

/// Why nothing can be sent.
pub(crate) fn unavailable(shown: Shown) -> Option<&'static str> {
    match shown {
        Shown::Connected => None,
        Shown::Connecting => Some("Connecting…"),
        Shown::Reconnecting => Some("Reconnecting: cannot send"),
        Shown::Offline | Shown::Refused => Some("Offline: cannot send"),
    }
}

/// The same, as it stands in `data-state`.
pub(crate) fn link_state(shown: Shown) -> &'static str {
    match shown {
        Shown::Connecting => "connecting",
        Shown::Connected => "connected",
        Shown::Reconnecting => "reconnecting",
        Shown::Offline => "offline",
        Shown::Refused => "refused",
    }
}

/// What a screen reader is told when the connection changes.
pub(crate) fn announce(shown: Shown) -> &'static str {
    match shown {
        Shown::Connecting => "",
        Shown::Connected => "Connected to the broker.",
        Shown::Reconnecting => "Connection lost. Reconnecting.",
        Shown::Offline => "Offline. Values are the last ones received; commands are not sent.",
        Shown::Refused => "The broker wants a login.",
    }
}

/// How long ago.
pub(crate) fn age(age: Age) -> String {
    match age {
        Age::Now => "Just now".to_owned(),
        Age::Unknown => "Retained".to_owned(),
        age => span(age) + " ago",
    }
}

/// What the age of a retained value means.
pub(crate) const RETAINED_TITLE: &str =
    "The broker had kept this value. It does not say from when it is.";

/// A topic that is late.
pub(crate) fn silent(age: Age) -> String {
    "No value for ".to_owned() + &span(age)
}

/// A length of time.
pub(crate) fn span(age: Age) -> String {
    match age {
        Age::Now | Age::Unknown => "a moment".to_owned(),
        Age::Seconds(n) => format!("{n} s"),
        Age::Minutes(n) => format!("{n} min"),
        Age::Hours(n) => format!("{n} h"),
        Age::Days(n) => format!("{n} d"),
    }
}

/// A state in a word.
pub(crate) fn state(state: State) -> &'static str {
    match (state.words, state.on) {
        (Words::OnOff, true) => ON,
        (Words::OnOff, false) => OFF,
        (Words::OpenClosed, true) => "Open",
        (Words::OpenClosed, false) => "Closed",
        (Words::OnlineOffline, true) => "Online",
        (Words::OnlineOffline, false) => "Offline",
    }
}

pub(crate) fn on_off(on: bool) -> &'static str {
    if on { ON } else { OFF }
}

/// Why a command came to nothing.
pub(crate) fn failure(failure: Failure) -> &'static str {
    match failure {
        Failure::NoReply => "No reply.",
        Failure::NotConnected => "Not sent.",
    }
}

/// The same, for a screen reader.
pub(crate) fn announce_failure(name: &str, value: &Value, failure: Failure) -> String {
    let why = match failure {
        Failure::NoReply => "The broker did not reply.",
        Failure::NotConnected => "It was not sent: there is no connection.",
    };
    let what = match value {
        Value::On(on) => on_off(*on),
        _ => "",
    };
    format!("{name} {what}: {why}")
}

/// The state that this page sent last.
pub(crate) fn sent(clock: &str) -> String {
    format!("Sent {clock}")
}

/// The state that this page asked for, as the device says it.
pub(crate) fn confirmed(clock: &str) -> String {
    format!("Confirmed {clock}")
}

/// A state that somebody else published.
pub(crate) fn received(clock: &str) -> String {
    format!("Received {clock}")
}

pub(crate) fn topics(count: usize) -> String {
    match count {
        1 => "1 topic".to_owned(),
        n => grouped(n as u64) + " topics",
    }
}

pub(crate) fn show_more(count: usize) -> String {
    format!("Show {} more", grouped(count as u64))
}

pub(crate) fn more_groups(count: usize) -> String {
    match count {
        1 => "Show 1 more group".to_owned(),
        n => format!("Show {} more groups", grouped(n as u64)),
    }
}

/// What a payload has more; nobody counts on if there are many.
pub(crate) fn more_numbers(count: usize, at_least: bool) -> String {
    [
        if at_least { "at least " } else { "" },
        &count.to_string(),
        " more",
    ]
    .concat()
}

pub(crate) fn binary(len: usize) -> String {
    match len {
        1 => "1 byte, not text".to_owned(),
        n => grouped(n as u64) + " bytes, not text",
    }
}

/// What a picture is called for those who do not see it.
pub(crate) fn picture(name: &str) -> String {
    ["Picture: ", name].concat()
}

pub(crate) fn waiting(seconds: u32) -> String {
    format!("Waiting for a first message: {seconds} s")
}

/// The least and the greatest of the recent values, as they are shown.
pub(crate) fn range(low: &str, high: &str) -> String {
    // A dash beside a minus sign reads as two of them.
    let between = if low.starts_with('−') {
        " to "
    } else {
        " – "
    };
    [low, high].join(between)
}

/// The banner: since when there is no connection, and what happens next.
pub(crate) fn offline(clock: &str, ago: Age, was_up: bool, address: &str) -> String {
    if was_up {
        format!(
            "Offline since {clock} ({}). Values are the last ones received; commands are not sent.",
            span(ago)
        )
    } else {
        format!("No answer from {address} for {}.", span(ago))
    }
}

/// An error's words as a sentence.
pub(crate) fn sentence(words: &str) -> String {
    let end = if words.ends_with('.') { "" } else { "." };
    host::capital(words) + end
}

pub(crate) fn next_try(seconds: Option<u32>) -> String {
    match seconds {
        Some(n) if n > 0 => format!("Next try in {n} s."),
        _ => "Trying now…".to_owned(),
    }
}

pub(crate) fn left_out(messages: u64) -> String {
    format!(
        "There is no room for more topics on this page: {} messages on others are not shown.",
        grouped(messages)
    )
}

pub(crate) fn messages(count: u64) -> String {
    match count {
        1 => "1 message".to_owned(),
        n => grouped(n) + " messages",
    }
}
