//! SCRAM-SHA-256 (RFC 5802, RFC 7677): both ends know at the end that the
//! other knows the password, or what is derived from it, and nobody who
//! listened learns it.
//!
//! ```text
//! client                                          server
//!    --- user, nonce ----------------------------->
//!    <-- both nonces, salt, iterations ------------
//!    --- proof that it knows the password -------->
//!    <-- proof that it knows the stored key -------
//! ```
//!
//! [`Client`] and [`Server`] are the two ends, without I/O and randomness: a
//! nonce is an argument, printable ASCII without commas, new and unguessable
//! for each exchange. [`Credentials`] are what a server keeps of a password.
//!
//! Not here: channel binding. A client that insists on it is refused; what
//! binds an exchange to its TLS connection is up to whoever needs it. Nor is
//! SASLprep: user names and passwords are compared as the UTF-8 they come in.
//! It makes no difference to ASCII; with other letters both ends have to type
//! them in the same Unicode form, as nearly all keyboards and systems do.

mod client;
mod message;
mod server;

pub use client::Client;
pub use server::{ClientFirst, Server};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The name of the authentication method.
pub const METHOD: &str = "SCRAM-SHA-256";

/// The fewest iterations that a client takes (RFC 7677, section 4).
pub const MIN_ITERATIONS: u32 = 4096;
/// The most that a client takes: a hostile server must not stop a page for
/// long. It is what is recommended for the most precious of passwords.
pub const MAX_ITERATIONS: u32 = 600_000;

type Key = [u8; 32];

/// Why an exchange fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub enum Error {
    /// Not a message of SCRAM, or not the one that comes now.
    Malformed,
    /// The client insists on channel binding.
    ChannelBinding,
    /// A mandatory extension that nobody here knows.
    Extension,
    /// The client wants to act for somebody else.
    AuthorizationIdentity,
    /// Not the nonce of this exchange.
    Nonce,
    /// Fewer iterations than are safe, or more than anybody needs.
    Iterations(u32),
    /// The client does not know the password.
    Proof,
    /// The server does not know what is derived from the password.
    Signature,
    /// What the server says of a failure.
    Refused(String),
    /// Something is to be handled that does not come now.
    OutOfTurn,
}

impl Error {
    /// What is wrong, in words, without what takes formatting to say: the
    /// browser client has no other need of that.
    pub fn text(&self) -> &str {
        match self {
            Self::Malformed => "malformed SCRAM message",
            Self::ChannelBinding => "channel binding is not supported",
            Self::Extension => "mandatory SCRAM extension",
            Self::AuthorizationIdentity => "an authorization identity is not supported",
            Self::Nonce => "wrong nonce",
            Self::Iterations(_) => "fewer iterations than are safe, or more than anybody needs",
            Self::Proof => "wrong password",
            Self::Signature => "the server cannot prove that it knows the password",
            Self::Refused(why) => why,
            Self::OutOfTurn => "SCRAM message out of turn",
        }
    }
}

/// What a server keeps of a password: enough to check it, not enough to log
/// in with.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// How often the hash is applied.
    pub iterations: u32,
    /// Random bytes, another for each password.
    pub salt: Vec<u8>,
    /// What a client's proof is checked with.
    pub stored_key: [u8; 32],
    /// What the server proves itself with.
    pub server_key: [u8; 32],
}

impl Credentials {
    /// Derives them from a password. It takes as long as `iterations` says.
    pub fn derive(password: &[u8], salt: impl Into<Vec<u8>>, iterations: u32) -> Self {
        let salt = salt.into();
        let salted = salted_password(password, &salt, iterations);
        Self {
            stored_key: hash(&client_key(&salted)),
            server_key: server_key(&salted),
            iterations,
            salt,
        }
    }

    /// What stands in for a user who does not exist: nobody can log in with
    /// it, and from outside it looks like any other's. The same `secret` gives
    /// the same for the same name, so that asking twice tells nothing either.
    pub fn fake(username: &str, secret: &[u8; 32], iterations: u32, salt_len: usize) -> Self {
        let part = |what: &[u8]| hmac(secret, &[what, username.as_bytes()]);
        Self {
            iterations,
            salt: part(b"salt")[..salt_len.min(32)].into(),
            stored_key: part(b"stored"),
            server_key: part(b"server"),
        }
    }

    /// Whether they were derived from this password. It takes as long as the
    /// iterations say.
    pub fn verify(&self, password: &[u8]) -> bool {
        let salted = salted_password(password, &self.salt, self.iterations);
        hash(&client_key(&salted)).ct_eq(&self.stored_key).into()
    }
}

impl std::fmt::Debug for Credentials {
    /// Without the keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}

fn salted_password(password: &[u8], salt: &[u8], iterations: u32) -> Key {
    pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password, salt, iterations)
}

fn client_key(salted_password: &Key) -> Key {
    hmac(salted_password, &[b"Client Key"])
}

fn server_key(salted_password: &Key) -> Key {
    hmac(salted_password, &[b"Server Key"])
}

fn hash(bytes: &[u8]) -> Key {
    Sha256::digest(bytes).into()
}

fn hmac(key: &Key, parts: &[&[u8]]) -> Key {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key may have any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn xor(a: &Key, b: &Key) -> Key {
    std::array::from_fn(|at| a[at] ^ b[at])
}

#[cfg(test)]
mod tests;
