//! The few things that only the browser knows.

use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::payload;
use crate::place::Place;
use crate::route::Route;
use crate::time::Millis;

/// The time.
pub(crate) fn now() -> Millis {
    Millis(js_sys::Date::now())
}

/// Minutes that the clock on the wall is ahead of UTC.
pub(crate) fn offset() -> i32 {
    -(js_sys::Date::new_0().get_timezone_offset() as i32)
}

/// Where the page is.
pub(crate) fn place() -> Place {
    let location = gloo::utils::window().location();
    let part = |part: Result<String, _>| part.unwrap_or_default();
    Place::find(
        &part(location.protocol()),
        &part(location.hostname()),
        &part(location.port()),
        &part(location.search()),
    )
}

/// Where one is on the page.
pub(crate) fn route() -> Route {
    Route::parse(&gloo::utils::window().location().hash().unwrap_or_default())
}

/// Goes there; the back button leads back.
pub(crate) fn go(route: &Route) {
    // Only what is no text could be refused.
    let _ = gloo::utils::window().location().set_hash(&route.hash());
}

/// Goes there instead of here; the back button leads to where one was before.
pub(crate) fn replace(route: &Route) {
    // As above.
    let _ = gloo::utils::window().location().replace(&route.hash());
}

/// Loads the page again, for another broker.
pub(crate) fn open_broker(address: &str) {
    let encoded = js_sys::encode_uri_component(address);
    let search = format!("?broker={}", String::from(encoded));
    // As above.
    let _ = gloo::utils::window().location().set_search(&search);
}

/// Gives a text to the person as a file.
pub(crate) fn download(name: &str, text: &str) {
    let link = gloo::utils::document().create_element("a");
    let Some(link) = link
        .ok()
        .and_then(|link| link.dyn_into::<HtmlElement>().ok())
    else {
        return;
    };
    let file = payload::base64(text.as_bytes());
    let file = ["data:text/plain;charset=utf-8;base64,", &file].concat();
    // Names without spaces are never refused.
    let _ = link.set_attribute("download", name);
    let _ = link.set_attribute("href", &file);
    link.click();
}

/// Puts the keyboard's focus at the top of the view.
pub(crate) fn focus_title() {
    let title = gloo::utils::document().get_element_by_id("title");
    if let Some(title) = title.and_then(|title| title.dyn_into::<HtmlElement>().ok()) {
        // Without the focus there the view can be used all the same.
        let _ = title.focus();
    }
}
