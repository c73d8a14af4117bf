//! The few things that only the browser knows.

use crate::place::Place;
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
