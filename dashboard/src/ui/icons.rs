//! The drawings, all on a grid of 24.

use yew::prelude::*;

use crate::route::View;

fn icon(paths: Html) -> Html {
    html! {
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">{ paths }</svg>
    }
}

/// The mark: a house with a signal in it.
pub(super) fn mark() -> Html {
    icon(html! { <>
        <path d="M4 11 12 4l8 7v8a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1z" />
        <path d="M8.4 14.9a5.1 5.1 0 0 1 7.2 0M10.6 17.1a2 2 0 0 1 2.8 0" />
    </> })
}

pub(super) fn plus() -> Html {
    icon(html! { <path d="M12 5v14M5 12h14" /> })
}

pub(super) fn close() -> Html {
    icon(html! { <path d="M6 6l12 12M18 6 6 18" /> })
}

pub(super) fn moon() -> Html {
    icon(html! { <path d="M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z" /> })
}

pub(super) fn sun() -> Html {
    icon(html! { <>
        <circle cx="12" cy="12" r="4.2" />
        <path d="M12 2.5v2.2M12 19.3v2.2M2.5 12h2.2M19.3 12h2.2M5.3 5.3l1.5 1.5M17.2 17.2l1.5 1.5M5.3 18.7l1.5-1.5M17.2 6.8l1.5-1.5" />
    </> })
}

pub(super) fn cloud_off() -> Html {
    icon(
        html! { <path d="M4 4l16 16M9.2 6.6A6.5 6.5 0 0 1 18 11.6a3.7 3.7 0 0 1 2 6M16.5 18.5H7a4.2 4.2 0 0 1-1-8.3" /> },
    )
}

pub(super) fn clock() -> Html {
    icon(html! { <><circle cx="12" cy="12" r="8" /><path d="M12 7.5V12l3 2" /></> })
}

pub(super) fn warning() -> Html {
    icon(html! { <path d="M12 4 21 19.5H3zM12 10v4.5M12 17v.01" /> })
}

pub(super) fn view(view: View) -> Html {
    icon(match view {
        View::Home => html! { <>
            <rect x="4" y="4" width="7" height="9" rx="2" /><rect x="13" y="4" width="7" height="5" rx="2" />
            <rect x="13" y="11" width="7" height="9" rx="2" /><rect x="4" y="15" width="7" height="5" rx="2" />
        </> },
        View::Topics => html! { <path d="M4 5h7M6 5v13.5h4M6 12h4M13 12h7M13 18.5h7" /> },
        View::Chart => html! { <path d="M4 4v16h16M7.5 15l4-5 3.5 3 4.5-6.5" /> },
        View::Publish => html! { <path d="m4 11.5 16-7-5.5 15.5-3.6-6.4zM10.9 13.6 20 4.5" /> },
        View::Log => html! { <path d="M4 6h16M4 12h16M4 18h10" /> },
        View::Connection => html! { <>
            <path d="M8 8V3.5M16 8V3.5M5.5 8h13v3.5a6.5 6.5 0 0 1-13 0zM12 18v3" />
        </> },
    })
}

pub(super) fn chevron() -> Html {
    icon(html! { <path d="m9 6 6 6-6 6" /> })
}

pub(super) fn back() -> Html {
    icon(html! { <path d="M19 12H5M11 6l-6 6 6 6" /> })
}

pub(super) fn search() -> Html {
    icon(html! { <><circle cx="11" cy="11" r="6.5" /><path d="m16 16 4.5 4.5" /></> })
}

pub(super) fn pin() -> Html {
    icon(html! { <path d="M7 4h10v16l-5-4-5 4z" /> })
}

pub(super) fn pause() -> Html {
    icon(html! { <path d="M9 6v12M15 6v12" /> })
}

pub(super) fn play() -> Html {
    icon(html! { <path d="M8 5.5v13l10.5-6.5z" /> })
}

pub(super) fn check() -> Html {
    icon(html! { <path d="m5 12.5 4.5 4.5L19 7.5" /> })
}
