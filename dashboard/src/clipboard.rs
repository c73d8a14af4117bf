//! Copying what an element shows.

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlDocument};

/// Selects the text of `element` and copies it; `false` if the browser leaves
/// the copying to the person, with the text selected.
///
/// The newer `navigator.clipboard` does not exist on a page from plain HTTP,
/// which is what a broker at home serves.
pub(crate) fn copy(element: &Element) -> bool {
    let Some(window) = web_sys::window() else {
        return false;
    };
    let Ok(Some(selection)) = window.get_selection() else {
        return false;
    };
    if selection.select_all_children(element).is_err() {
        return false;
    }
    let document = window
        .document()
        .and_then(|document| document.dyn_into::<HtmlDocument>().ok());
    let copied = document.is_some_and(|document| document.exec_command("copy").unwrap_or(false));
    if copied {
        // A mark that is left over is all that can go wrong here.
        let _ = selection.remove_all_ranges();
    }
    copied
}
