//! What the browser keeps: of a login the user, and the password only if
//! somebody asked for that; the layout of Home; what was published from here.
//! Each broker has its own.

use crate::credentials::Credentials;

fn storage() -> Option<web_sys::Storage> {
    web_sys::window()?.local_storage().ok()?
}

fn key(what: &str, address: &str) -> String {
    [what, address].join(" ")
}

fn get(what: &str, address: &str) -> Option<String> {
    storage()?.get_item(&key(what, address)).ok()?
}

/// The user that logged in last.
pub(crate) fn user(address: &str) -> Option<String> {
    get("user", address)
}

/// The login, if all of it was kept.
pub(crate) fn login(address: &str) -> Option<Credentials> {
    Some(Credentials {
        user: get("user", address)?,
        password: get("password", address)?,
        may_be_bare: get("bare", address).is_some(),
    })
}

/// Keeps the user, and the password with `all`. A browser that keeps nothing
/// asks again next time.
pub(crate) fn remember(address: &str, login: &Credentials, all: bool) {
    forget(address);
    if let Some(storage) = storage() {
        let _ = storage.set_item(&key("user", address), &login.user);
        if all {
            let _ = storage.set_item(&key("password", address), &login.password);
            if login.may_be_bare {
                let _ = storage.set_item(&key("bare", address), "");
            }
        }
    }
}

/// The layout of Home for a broker that keeps none.
pub(crate) fn layout(address: &str) -> Option<String> {
    get("layout", address)
}

/// Keeps it.
pub(crate) fn remember_layout(address: &str, layout: &str) {
    if let Some(storage) = storage() {
        // A browser that keeps nothing shows it until the page is closed.
        let _ = storage.set_item(&key("layout", address), layout);
    }
}

/// What was published from here.
pub(crate) fn publications(address: &str) -> Option<String> {
    get("sent", address)
}

/// Keeps it.
pub(crate) fn remember_publications(address: &str, publications: &str) {
    if let Some(storage) = storage() {
        // A browser that keeps nothing forgets it with the page.
        let _ = storage.set_item(&key("sent", address), publications);
    }
}

/// Forgets the password.
pub(crate) fn forget(address: &str) {
    if let Some(storage) = storage() {
        for what in ["password", "bare"] {
            let _ = storage.remove_item(&key(what, address));
        }
    }
}
