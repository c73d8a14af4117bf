//! The words of charts.

pub(crate) const CHART: &str = "Chart";
pub(crate) const SPAN: &str = "Time shown";
pub(crate) const ZOOM_IN: &str = "Zoom in";
pub(crate) const ZOOM_OUT: &str = "Zoom out";
pub(crate) const ZOOM_RESET: &str = "Reset";
pub(crate) const TABLE: &str = "Table";
pub(crate) const TABLE_HEAD: [&str; 3] = ["Time", "Name", "Value"];
pub(crate) const ADD_SERIES: &str = "Add a value";
pub(crate) const NO_CHART: &str = "No value chosen";
pub(crate) const NO_CHART_TEXT: &str =
    "Tap a number on Home to see it over time, or choose one here.";
pub(crate) const CHART_HELP: &str = "Move over the lines to read them, drag to zoom; with two fingers, pinch. Keys: arrows, + and −, 0 to go back.";

/// The spans of time to choose from.
pub(crate) const SPANS: [&str; 5] = ["5 min", "1 h", "6 h", "24 h", "All"];

/// What a screen reader calls a chart.
pub(crate) fn chart_label<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    [CHART, &names.join(", ")].join(": ")
}

/// The button that takes a line out of a chart.
pub(crate) fn remove(name: &str) -> String {
    ["Remove ", name].concat()
}

/// The way from a number to its chart; the number itself is read before it.
pub(crate) fn open_chart(name: &str) -> String {
    ["Chart of ", name].concat()
}
