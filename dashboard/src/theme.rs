//! Light or dark: the system's choice, until somebody makes another here.

const KEY: &str = "theme";

fn storage() -> Option<web_sys::Storage> {
    web_sys::window()?.local_storage().ok()?
}

/// The system's choice, which may change while the page is open.
pub(crate) fn system_query() -> Option<web_sys::MediaQueryList> {
    web_sys::window()?
        .match_media("(prefers-color-scheme: dark)")
        .ok()?
}

fn system() -> bool {
    system_query().is_some_and(|query| query.matches())
}

fn name(dark: bool) -> &'static str {
    if dark { "dark" } else { "light" }
}

/// Whether the page is dark now.
pub(crate) fn is_dark() -> bool {
    match storage()
        .and_then(|storage| storage.get_item(KEY).ok()?)
        .as_deref()
    {
        Some("dark") => true,
        Some("light") => false,
        _ => system(),
    }
}

/// Makes the page dark or light and remembers it. The system's own choice is
/// not remembered, so that the page goes on following it.
pub(crate) fn choose(dark: bool) {
    if let Some(storage) = storage() {
        // A browser that keeps nothing shows the choice until the page is closed.
        let _ = if dark == system() {
            storage.remove_item(KEY)
        } else {
            storage.set_item(KEY, name(dark))
        };
    }
    apply(dark);
}

/// Brings the page in line with what is remembered.
pub(crate) fn restore() {
    apply(is_dark());
}

fn apply(dark: bool) {
    let root = web_sys::window().and_then(|window| window.document()?.document_element());
    if let Some(root) = root {
        // The attribute's name is valid, which is all that can be wrong with it.
        let _ = if dark == system() {
            root.remove_attribute("data-theme")
        } else {
            root.set_attribute("data-theme", name(dark))
        };
    }
}
