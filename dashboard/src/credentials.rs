//! Who the page says it is, and how it proves that.

/// A user and a password. They live as long as the page does, unless somebody
/// asks the browser to keep them.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password, which may be empty.
    pub password: String,
    /// Whether it may be sent so that anybody on the network can read it.
    pub may_be_bare: bool,
}

/// How the page proves who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proof {
    /// Not at all.
    #[default]
    None,
    /// By SCRAM-SHA-256, which does not give the password away.
    Scram,
    /// By the password itself, which TLS hides from the network.
    Password,
    /// By the password itself, which anybody on the network can read.
    BarePassword,
}

impl Proof {
    /// What is tried first; `is_encrypted` is the connection.
    #[must_use]
    pub fn first(is_encrypted: bool) -> Proof {
        if is_encrypted {
            Proof::Password
        } else {
            Proof::Scram
        }
    }

    /// What is tried when the broker does not know the method; `None` if there
    /// is nothing left that `may_be_bare` allows.
    #[must_use]
    pub fn next(self, may_be_bare: bool) -> Option<Proof> {
        (self == Proof::Scram && may_be_bare).then_some(Proof::BarePassword)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_crosses_the_network_only_where_nothing_better_is_known_and_somebody_agrees() {
        assert_eq!(Proof::first(false), Proof::Scram);
        assert_eq!(Proof::first(true), Proof::Password);
        assert_eq!(Proof::Scram.next(true), Some(Proof::BarePassword));
        for proof in [Proof::None, Proof::BarePassword, Proof::Password] {
            assert_eq!(proof.next(true), None);
        }
        assert_eq!(Proof::Scram.next(false), None);
    }
}
