//! The drawings, all on a grid of 24, each one path.

use yew::prelude::*;

use crate::route::View;

fn icon(path: &'static str) -> Html {
    html! {
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d={path} /></svg>
    }
}

/// The mark: a house with a signal in it.
pub(super) fn mark() -> Html {
    icon(
        "M4 11 12 4l8 7v8a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1zM8.4 14.9a5.1 5.1 0 0 1 7.2 0M10.6 17.1a2 2 0 0 1 2.8 0",
    )
}

pub(super) fn plus() -> Html {
    icon("M12 5v14M5 12h14")
}

pub(super) fn close() -> Html {
    icon("M6 6l12 12M18 6 6 18")
}

pub(super) fn moon() -> Html {
    icon("M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z")
}

pub(super) fn sun() -> Html {
    icon(
        "M7.8 12a4.2 4.2 0 1 0 8.4 0 4.2 4.2 0 0 0-8.4 0M12 2.5v2.2M12 19.3v2.2M2.5 12h2.2M19.3 12h2.2M5.3 5.3l1.5 1.5M17.2 17.2l1.5 1.5M5.3 18.7l1.5-1.5M17.2 6.8l1.5-1.5",
    )
}

pub(super) fn cloud_off() -> Html {
    icon(
        "M4 4l16 16M9.2 6.6A6.5 6.5 0 0 1 18 11.6a3.7 3.7 0 0 1 2 6M16.5 18.5H7a4.2 4.2 0 0 1-1-8.3",
    )
}

pub(super) fn clock() -> Html {
    icon("M4 12a8 8 0 1 0 16 0 8 8 0 0 0-16 0M12 7.5V12l3 2")
}

pub(super) fn warning() -> Html {
    icon("M12 4 21 19.5H3zM12 10v4.5M12 17v.01")
}

pub(super) fn view(view: View) -> Html {
    icon(match view {
        View::Home => {
            "M6 4h3a2 2 0 0 1 2 2v5a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2zM15 4h3a2 2 0 0 1 2 2v1a2 2 0 0 1-2 2h-3a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2zM15 11h3a2 2 0 0 1 2 2v5a2 2 0 0 1-2 2h-3a2 2 0 0 1-2-2v-5a2 2 0 0 1 2-2zM6 15h3a2 2 0 0 1 2 2v1a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2v-1a2 2 0 0 1 2-2z"
        }
        View::Topics => "M4 5h7M6 5v13.5h4M6 12h4M13 12h7M13 18.5h7",
        View::Chart => "M4 4v16h16M7.5 15l4-5 3.5 3 4.5-6.5",
        View::Publish => "m4 11.5 16-7-5.5 15.5-3.6-6.4zM10.9 13.6 20 4.5",
        View::Log => "M4 6h16M4 12h16M4 18h10",
        View::Broker => "M9 12a3 3 0 1 0 6 0 3 3 0 0 0-6 0M12 3.5V9M12 15v5.5M3.5 12H9M15 12h5.5",
        View::Connection => "M8 8V3.5M16 8V3.5M5.5 8h13v3.5a6.5 6.5 0 0 1-13 0zM12 18v3",
    })
}

pub(super) fn chevron() -> Html {
    icon("m9 6 6 6-6 6")
}

pub(super) fn back() -> Html {
    icon("M19 12H5M11 6l-6 6 6 6")
}

pub(super) fn search() -> Html {
    icon("M4.5 11a6.5 6.5 0 1 0 13 0 6.5 6.5 0 0 0-13 0M16 16l4.5 4.5")
}

pub(super) fn pin() -> Html {
    icon("M7 4h10v16l-5-4-5 4z")
}

pub(super) fn pause() -> Html {
    icon("M9 6v12M15 6v12")
}

pub(super) fn play() -> Html {
    icon("M8 5.5v13l10.5-6.5z")
}

pub(super) fn check() -> Html {
    icon("m5 12.5 4.5 4.5L19 7.5")
}

pub(super) fn sliders() -> Html {
    icon(
        "M4 8h9M18 8h2M4 16h2M11 16h9M13 8a2.5 2.5 0 1 0 5 0 2.5 2.5 0 0 0-5 0M6 16a2.5 2.5 0 1 0 5 0 2.5 2.5 0 0 0-5 0",
    )
}

pub(super) fn pencil() -> Html {
    icon("m5 19 1-4L16.5 4.5l3 3L9 18zM14 7l3 3")
}
