//! Who the page says it is.

/// A user and a password. They live as long as the page does.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password, which may be empty.
    pub password: String,
}
