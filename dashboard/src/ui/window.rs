//! Long lists, of which only what is to be seen is drawn.

use web_sys::Element;
use yew::prelude::*;

/// Rows that are drawn above and below of those that are to be seen.
const MARGIN: usize = 8;
/// Rows that are thought to be seen before the list has been measured.
const FIRST: usize = 24;

/// Which rows of a list that scrolls are drawn.
pub(super) struct Rows {
    /// The first one,
    pub(super) start: usize,
    /// and the one after the last.
    pub(super) end: usize,
    /// To be called when the list is scrolled.
    pub(super) onscroll: Callback<Event>,
}

/// The part of `count` rows, `height` pixels each, that is to be seen in the
/// element `list`.
#[hook]
pub(super) fn use_rows(list: &NodeRef, count: usize, height: u32) -> Rows {
    let seen = use_state(|| (0, FIRST));
    let look = {
        let (list, seen) = (list.clone(), seen.clone());
        move || {
            if let Some(list) = list.cast::<Element>() {
                let row = |pixels: i32| (pixels.max(0) as u32 / height) as usize;
                let first = row(list.scroll_top());
                // In steps, so that not each pixel draws anew.
                let first = first - first % (MARGIN / 2);
                let now = (first, row(list.client_height()) + 2 + MARGIN / 2);
                if *seen != now {
                    seen.set(now);
                }
            }
        }
    };
    let after = look.clone();
    use_effect_with(count, move |_| after());
    let start = seen.0.saturating_sub(MARGIN).min(count);
    Rows {
        start,
        end: (seen.0 + seen.1 + MARGIN).min(count),
        onscroll: Callback::from(move |_: Event| look()),
    }
}

/// Room for rows that are not drawn. An SVG, for its height is an attribute:
/// the page's policy allows no inline style.
pub(super) fn space(rows: usize, height: u32) -> Html {
    let height = rows as u64 * u64::from(height);
    html! { <svg class="space" height={height.to_string()} width="1" aria-hidden="true"></svg> }
}

/// Scrolls `list` as little as shows the row `at`.
pub(super) fn reveal(list: &NodeRef, at: usize, height: u32) {
    if let Some(list) = list.cast::<Element>() {
        let (top, height) = (at as i32 * height as i32, height as i32);
        let (from, room) = (list.scroll_top(), list.client_height());
        if top < from {
            list.set_scroll_top(top);
        } else if top + height > from + room {
            list.set_scroll_top(top + height - room);
        }
    }
}
