//! The words of widgets, and of changing Home.

use crate::host;
use crate::widget::{Field, Kind};

pub(crate) const SEND_IT: &str = "Send";
pub(crate) const DEVICE_OFFLINE: &str = "Device offline";
pub(crate) const EDIT: &str = "Edit Home";
pub(crate) const DONE: &str = "Save";
pub(crate) const CANCEL: &str = "Cancel";
pub(crate) const UNDO: &str = "Undo";
pub(crate) const ADD: &str = "Add a card";
pub(crate) const EXPORT: &str = "Export";
pub(crate) const IMPORT: &str = "Import";
pub(crate) const KEEP_CARD: &str = "Keep";
pub(crate) const HIDE_CARD: &str = "Hide";
pub(crate) const EARLIER: &str = "Move up";
pub(crate) const LATER: &str = "Move down";
pub(crate) const DRAG: &str = "Drag";
pub(crate) const SETTINGS: &str = "Settings";
pub(crate) const TAKE_AWAY: &str = "Take away";
pub(crate) const KIND: &str = "Type";
pub(crate) const PINNED: &str = "Kept";
pub(crate) const EDITING: &str =
    "Keep the cards you want, in the order you want. The rest stays below as a suggestion.";
pub(crate) const SAVED_HERE: &str =
    "This broker keeps no layouts, so this browser does: other devices show their own.";
pub(crate) const READ_ONLY: &str =
    "You may not change the layout on this broker: its acl_file says who may.";
pub(crate) const CONFLICT: &str = "Somebody else has changed Home in the meantime.";
pub(crate) const TAKE_THEIRS: &str = "Take theirs";
pub(crate) const KEEP_MINE: &str = "Keep mine";
pub(crate) const NOT_SAVED: &str = "Not saved: the broker did not answer.";
pub(crate) const BAD_LAYOUT: &str = "This is no layout of a dashboard.";
pub(crate) const JSON: &str = "The layout as JSON";
pub(crate) const USE_IT: &str = "Use it";

/// A kind of widget.
pub(crate) fn kind(kind: Kind) -> &'static str {
    [
        "Value", "Switch", "Button", "Slider", "Choice", "Colour", "Chart", "Gauge", "Messages",
        "Heading",
    ][kind as usize]
}

/// What a field of a widget asks for.
pub(crate) fn field(field: Field) -> &'static str {
    match field {
        Field::Title => "Title",
        Field::State => "Topic",
        Field::Path => "Value in the payload",
        Field::Command => "Topic for commands, if another",
        Field::On => "Payload for on",
        Field::Off => "Payload for off",
        Field::Options => "Payloads, with commas",
        Field::Template => "Payload with {value} in it",
        Field::Qos => "QoS of commands: 0; 1 and 2 may come late",
        Field::Retain => "Broker keeps it: yes",
        Field::Unit => "Unit",
        Field::Decimals => "Decimals",
        Field::Min => "Least",
        Field::Max => "Greatest",
        Field::Step => "Step",
        Field::Above => "Alarm above",
        Field::Below => "Alarm below",
        Field::WarnAbove => "Warning above",
        Field::WarnBelow => "Warning below",
        Field::Stale => "Seconds until late, or shown",
        Field::Availability => "Topic that says online",
        Field::Series => "More values: topic:value, ...",
        Field::Narrow => "Columns on a phone: 1 or 2",
        Field::Wide => "Columns on a laptop: 1 to 4",
    }
}

/// A limit that a value is beyond.
pub(crate) fn beyond(above: bool, limit: f64) -> String {
    let word = if above { "above " } else { "below " };
    [word, &host::digits(limit)].concat()
}

/// Topics that are hidden.
pub(crate) fn show_hidden(count: usize) -> String {
    format!("Show {count} hidden")
}

/// What a conflict is about.
pub(crate) fn theirs(added: &[String], gone: &[String]) -> String {
    let part = |word: &str, names: &[String]| match names {
        [] => String::new(),
        names => [" ", word, ": ", &names.join(", "), "."].concat(),
    };
    [CONFLICT, &part("There", added), &part("Not there", gone)].concat()
}
