//! When the page is seen again or hidden, and when the network is back.

use wasm_bindgen::prelude::*;
use web_sys::{Document, EventTarget, VisibilityState, Window};

/// Calls a function at each of these moments, for as long as it lives. A
/// worker has no document: there it is the network only.
/// It also tells when the page is hidden or not any more.
pub(crate) struct Page {
    global: EventTarget,
    document: Option<Document>,
    online: Closure<dyn FnMut()>,
    visible: Closure<dyn FnMut()>,
}

/// Whether this is a page that nobody sees.
pub(crate) fn is_hidden() -> bool {
    let document = js_sys::global()
        .dyn_ref::<Window>()
        .and_then(Window::document);
    document.is_some_and(|document| !is_visible(&document))
}

const ONLINE: &str = "online";
const VISIBILITY: &str = "visibilitychange";

impl Page {
    pub(crate) fn new(wake: impl Fn() + Clone + 'static, hidden: impl Fn(bool) + 'static) -> Self {
        let global = js_sys::global();
        let document = global.dyn_ref::<Window>().and_then(Window::document);
        let seen = document.clone();
        let online = Closure::new(wake.clone());
        let visible = Closure::new(move || {
            let is_visible = seen.as_ref().is_some_and(is_visible);
            hidden(!is_visible);
            if is_visible {
                wake();
            }
        });
        let page = Self {
            global: global.unchecked_into(),
            document,
            online,
            visible,
        };
        // It fails for no event name.
        let _ = page
            .global
            .add_event_listener_with_callback(ONLINE, page.online.as_ref().unchecked_ref());
        if let Some(document) = &page.document {
            let _ = document.add_event_listener_with_callback(
                VISIBILITY,
                page.visible.as_ref().unchecked_ref(),
            );
        }
        page
    }
}

fn is_visible(document: &Document) -> bool {
    document.visibility_state() == VisibilityState::Visible
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self
            .global
            .remove_event_listener_with_callback(ONLINE, self.online.as_ref().unchecked_ref());
        if let Some(document) = &self.document {
            let _ = document.remove_event_listener_with_callback(
                VISIBILITY,
                self.visible.as_ref().unchecked_ref(),
            );
        }
    }
}
