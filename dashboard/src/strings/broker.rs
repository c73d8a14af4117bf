//! The words about the broker itself.

use super::span;
use crate::desk::Failure;
use crate::number::{display, grouped};
use crate::time::Age;

pub(crate) const RUNNING: &str = "Running for";
pub(crate) const CLIENTS: &str = "Clients";
pub(crate) const CONNECTED_CLIENTS: &str = "Connected clients";
pub(crate) const CONNECTED_NOW: &str = "Connected";
pub(crate) const SUBSCRIPTIONS: &str = "Subscriptions";
pub(crate) const RETAINED_COUNT: &str = "Retained messages";
pub(crate) const DROPPED: &str = "Dropped";
pub(crate) const MEMORY: &str = "Memory";
pub(crate) const STORED: &str = "Kept on disk";
pub(crate) const MESSAGE_RATE: &str = "Messages";
pub(crate) const BYTE_RATE: &str = "Bytes";
pub(crate) const IN: &str = "In";
pub(crate) const OUT: &str = "Out";
pub(crate) const EACH_SECOND: &str = "/s";
pub(crate) const BYTES_SECOND: &str = "B/s";
pub(crate) const NO_SYSTEM: &str = "Traffic is not shown: nothing comes below $SYS/broker/. The broker does not publish it, or this user may not read it.";
pub(crate) const NO_LIST: &str = "This user may not see who is connected. In the acl_file it takes: topic write $dashboard/request/clients";
pub(crate) const NO_END: &str = "This user may not disconnect clients. In the acl_file it takes: topic write $dashboard/request/disconnect";
pub(crate) const LISTING: &str = "Asking who is connected…";
pub(crate) const FILTER_CLIENTS: &str = "Name, user or address";
pub(crate) const NO_CLIENT: &str = "No client has this in its name, user or address.";
pub(crate) const THIS_PAGE: &str = "This page";
pub(crate) const IN_FLIGHT: &str = "In flight";
pub(crate) const QUEUED: &str = "Queued";
pub(crate) const AWAY: &str = "Away";
pub(crate) const REACHED_AT: &str = "Listener";
pub(crate) const KEEP_ALIVE: &str = "Keep alive";
pub(crate) const SESSION: &str = "Session";
pub(crate) const TO_CLIENT: &str = "Sent to it";
pub(crate) const FROM_CLIENT: &str = "Received from it";
pub(crate) const NO_SUBSCRIPTIONS: &str = "It subscribes to nothing.";
pub(crate) const ASKING: &str = "Asking…";
pub(crate) const END: &str = "Disconnect";
pub(crate) const END_TEXT: &str =
    "Its will is published. It may connect again at once, as most devices do.";
pub(crate) const REACH: &str = "Addresses";
pub(crate) const UNREACHABLE: &str = "Only this computer can reach the broker. For others, give it a listener without \"127.0.0.1\".";
pub(crate) const FOR_DEVICES: &str = "Devices";
pub(crate) const FOR_BROWSERS: &str = "Browsers";

/// Who a client is besides its identifier, and where.
pub(crate) fn who(user: Option<&str>, address: Option<&str>) -> String {
    let address = address.unwrap_or(AWAY);
    user.map_or(address.to_owned(), |user| [user, address].join(" · "))
}

/// A version of MQTT, by its number in CONNECT.
pub(crate) fn mqtt(version: Option<u8>) -> &'static str {
    match version {
        Some(3) => "3.1",
        Some(4) => "3.1.1",
        Some(5) => "5.0",
        _ => "–",
    }
}

/// How long a session is kept.
pub(crate) fn expiry(seconds: Option<u64>) -> String {
    match seconds {
        None => "Kept for ever".to_owned(),
        Some(0) => "Ends with the connection".to_owned(),
        Some(seconds) => "Kept for ".to_owned() + &span(Age::of(seconds as f64 * 1000.0)),
    }
}

pub(crate) fn seconds(seconds: u64) -> String {
    match seconds {
        0 => "Off".to_owned(),
        seconds => grouped(seconds) + " s",
    }
}

/// Bytes of memory.
pub(crate) fn megabytes(bytes: f64) -> String {
    match bytes {
        ..1e6 => display(bytes / 1024.0, 0) + " KB",
        _ => display(bytes / 1_048_576.0, 1) + " MB",
    }
}

/// A port that is open.
pub(crate) fn listens(port: u16, tls: bool, address: Option<&str>) -> String {
    let tls = if tls { " with TLS" } else { "" };
    let only = address.map_or(String::new(), |address| [" on ", address].concat());
    ["Port ", &port.to_string(), tls, &only].concat()
}

/// How many clients there are, of those that are known.
pub(crate) fn clients(found: usize, total: u64) -> String {
    [&*grouped(found as u64), &grouped(total)].join(" of ")
}

pub(crate) fn end_question(client: &str) -> String {
    ["Disconnect ", client, "?"].concat()
}

pub(crate) fn ended(client: &str) -> String {
    [client, " is disconnected."].concat()
}

pub(crate) fn more_filters(count: u64) -> String {
    ["and ", &*grouped(count), " more"].concat()
}

/// Why a question has no answer.
pub(crate) fn no_answer(failure: &Failure) -> String {
    match failure {
        Failure::Refused { text, .. } => text.clone(),
        Failure::NotOurs => "This broker does not answer that.".to_owned(),
        Failure::NoAnswer => "The broker did not answer.".to_owned(),
    }
}

/// What is missing, and why: the broker is none of ours, or speaks MQTT 3.1.1.
pub(crate) fn foreign(is_old: bool) -> String {
    let (why, rest) = if is_old {
        (
            "This broker does not take MQTT 5.0, so the page speaks 3.1.1 with it",
            "Messages have no properties and do not expire: a command that waits on its way may come late. Refusals come without a reason, and whether a new message is retained is not told.",
        )
    } else {
        (
            "This broker is not a ws-broker",
            "Everything that MQTT itself has works.",
        )
    };
    [why, ", and some things are missing: it does not say who is connected, nor who subscribes to what (so states are not offered as switches by themselves); it remembers no past values for charts; and the layout of Home is kept in this browser. ", rest].concat()
}
