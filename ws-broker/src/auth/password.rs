//! How a password is kept in a password file.
//!
//! ```text
//! $6$SALT$HASH                                    SHA-512, Mosquitto's up to 1.6
//! $7$ITERATIONS$SALT$HASH                         PBKDF2-HMAC-SHA512, Mosquitto's
//! $scram-sha-256$ITERATIONS$SALT$STORED$SERVER    what SCRAM-SHA-256 needs
//! ```
//!
//! The last is this broker's own: with it a user can log in with a plain
//! password and with SCRAM, in which the password never leaves the client.

use std::fmt;

use base64ct::{Base64, Encoding};
use protocol::scram::{Credentials, MAX_ITERATIONS, MIN_ITERATIONS};
use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;

/// How often a hash is applied, unless said otherwise: about 10 ms of a small
/// computer at each login, and what RFC 7677 has in mind for SCRAM.
pub(super) const ITERATIONS: u32 = 15_000;
/// The most for a hash of Mosquitto's; above it is a slip of the pen.
const MOST: u32 = 10_000_000;
/// Mosquitto 2.0 takes no other.
const MOSQUITTO_SALT: usize = 12;
const SCRAM_SALT: usize = 16;

/// How a password is hashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Hash {
    /// Mosquitto's up to 1.6: quick to check, and to guess
    Sha512,
    /// Mosquitto's: choose it for a file that Mosquitto reads too
    Sha512Pbkdf2,
    /// For plain logins and for SCRAM-SHA-256
    #[default]
    #[value(name = "scram-sha-256")]
    ScramSha256,
}

/// A password, hashed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Stored {
    Sha512 {
        salt: Vec<u8>,
        hash: [u8; 64],
    },
    Pbkdf2 {
        iterations: u32,
        salt: Vec<u8>,
        hash: [u8; 64],
    },
    Scram(Credentials),
}

impl Stored {
    /// Hashes a password with new salt; an error says what is wrong.
    pub(super) fn new(
        hash: Hash,
        iterations: Option<u32>,
        password: &[u8],
    ) -> Result<Self, String> {
        let rounds = iterations.unwrap_or(ITERATIONS);
        let mut salt = vec![0; MOSQUITTO_SALT];
        if hash == Hash::ScramSha256 {
            salt.resize(SCRAM_SALT, 0);
        }
        getrandom::fill(&mut salt).map_err(|error| format!("no random numbers: {error}"))?;
        match hash {
            Hash::Sha512 if iterations.is_some() => Err("sha512 knows no iterations".into()),
            Hash::Sha512 => {
                let hash = sha512(password, &salt);
                Ok(Self::Sha512 { salt, hash })
            }
            Hash::Sha512Pbkdf2 => {
                check(rounds, 1, MOST)?;
                Ok(Self::Pbkdf2 {
                    iterations: rounds,
                    hash: pbkdf2(password, &salt, rounds),
                    salt,
                })
            }
            Hash::ScramSha256 => {
                check(rounds, MIN_ITERATIONS, MAX_ITERATIONS)?;
                Ok(Self::Scram(Credentials::derive(password, salt, rounds)))
            }
        }
    }

    /// Reads what stands after the user name; an error says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let Some(text) = text.strip_prefix('$') else {
            return Err("the password is not hashed; ws-broker passwd -U does that".into());
        };
        let mut parts = text.split('$');
        let kind = parts.next().unwrap_or_default();
        let mut next = |what: &str| parts.next().ok_or_else(|| format!("it has no {what}"));
        let stored = match kind {
            "6" => Self::Sha512 {
                salt: salt(next("salt")?)?,
                hash: bytes(next("hash")?, "hash")?,
            },
            "7" => Self::Pbkdf2 {
                iterations: number(next("iterations")?, 1, MOST)?,
                salt: salt(next("salt")?)?,
                hash: bytes(next("hash")?, "hash")?,
            },
            "scram-sha-256" => Self::Scram(Credentials {
                iterations: number(next("iterations")?, MIN_ITERATIONS, MAX_ITERATIONS)?,
                salt: salt(next("salt")?)?,
                stored_key: bytes(next("stored key")?, "stored key")?,
                server_key: bytes(next("server key")?, "server key")?,
            }),
            _ => return Err(format!("unknown kind of hash \"{kind}\"")),
        };
        match parts.next() {
            None => Ok(stored),
            Some(_) => Err("something stands after the hash".into()),
        }
    }

    /// Whether this is the password. It takes as long as the iterations say.
    pub(super) fn verify(&self, password: &[u8]) -> bool {
        match self {
            Self::Sha512 { salt, hash } => sha512(password, salt).ct_eq(hash).into(),
            Self::Pbkdf2 {
                iterations,
                salt,
                hash,
            } => pbkdf2(password, salt, *iterations).ct_eq(hash).into(),
            Self::Scram(credentials) => credentials.verify(password),
        }
    }
}

impl fmt::Display for Stored {
    /// As it stands in the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base64 = Base64::encode_string;
        match self {
            Self::Sha512 { salt, hash } => write!(f, "$6${}${}", base64(salt), base64(hash)),
            Self::Pbkdf2 {
                iterations,
                salt,
                hash,
            } => write!(f, "$7${iterations}${}${}", base64(salt), base64(hash)),
            Self::Scram(Credentials {
                iterations,
                salt,
                stored_key,
                server_key,
            }) => write!(
                f,
                "$scram-sha-256${iterations}${}${}${}",
                base64(salt),
                base64(stored_key),
                base64(server_key)
            ),
        }
    }
}

impl fmt::Debug for Stored {
    /// Without what it is about.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha512 { .. } => "Sha512",
            Self::Pbkdf2 { .. } => "Pbkdf2",
            Self::Scram(_) => "Scram",
        })
    }
}

fn sha512(password: &[u8], salt: &[u8]) -> [u8; 64] {
    let hash = Sha512::new().chain_update(password).chain_update(salt);
    hash.finalize().into()
}

fn pbkdf2(password: &[u8], salt: &[u8], iterations: u32) -> [u8; 64] {
    pbkdf2::pbkdf2_hmac_array::<Sha512, 64>(password, salt, iterations)
}

fn check(iterations: u32, fewest: u32, most: u32) -> Result<(), String> {
    if (fewest..=most).contains(&iterations) {
        return Ok(());
    }
    Err(format!(
        "iterations are a number from {fewest} to {most}, not {iterations}"
    ))
}

fn number(text: &str, fewest: u32, most: u32) -> Result<u32, String> {
    let number = text.parse().ok();
    let number = number.ok_or_else(|| format!("iterations are no number: \"{text}\""))?;
    check(number, fewest, most)?;
    Ok(number)
}

fn salt(text: &str) -> Result<Vec<u8>, String> {
    match Base64::decode_vec(text) {
        Ok(salt) if !salt.is_empty() => Ok(salt),
        _ => Err("its salt is not base64".into()),
    }
}

fn bytes<const N: usize>(text: &str, what: &str) -> Result<[u8; N], String> {
    let bytes = Base64::decode_vec(text).ok();
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| format!("its {what} is not {N} bytes as base64"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by mosquitto_passwd 2.0.11, for "secret".
    const MOSQUITTO_7: &str = "$7$101$ZQJ9shujYXLyU3oy$\
        nG54FiHiirqqnIX8Z7pSEFOY2XX3/hwRqcvgcwtM23s49BAyWc5rOyZfOVBEmijTlBrsRioEnbwcWJ3k7BZ2Vw==";

    #[test]
    fn what_mosquitto_has_written_is_read() {
        let stored = Stored::parse(MOSQUITTO_7).unwrap();
        assert!(stored.verify(b"secret"));
        assert!(!stored.verify(b"Secret"));
        assert_eq!(stored.to_string(), MOSQUITTO_7);
    }

    #[test]
    fn every_hash_knows_its_password_and_is_read_again() {
        for (hash, iterations) in [
            (Hash::Sha512, None),
            (Hash::Sha512Pbkdf2, Some(2)),
            (Hash::ScramSha256, Some(4096)),
        ] {
            let password = "pa$$:wörd".as_bytes();
            let stored = Stored::new(hash, iterations, password).unwrap();
            assert!(stored.verify(password));
            assert!(!stored.verify(b"") && !stored.verify(b"pa$$:w"));
            let text = stored.to_string();
            assert_eq!(Stored::parse(&text).unwrap(), stored, "{text}");
            let again = Stored::new(hash, iterations, password).unwrap();
            assert_ne!(again, stored, "the salt is new");
        }
    }

    #[test]
    fn iterations_have_bounds() {
        for (hash, iterations) in [
            (Hash::Sha512, 1),
            (Hash::Sha512Pbkdf2, 0),
            (Hash::Sha512Pbkdf2, MOST + 1),
            (Hash::ScramSha256, MIN_ITERATIONS - 1),
            (Hash::ScramSha256, MAX_ITERATIONS + 1),
        ] {
            assert!(
                Stored::new(hash, Some(iterations), b"x").is_err(),
                "{hash:?}"
            );
        }
    }

    #[test]
    fn what_is_no_hash_says_why() {
        let hash = MOSQUITTO_7.rsplit('$').next().unwrap();
        for (text, why) in [
            ("", "not hashed"),
            ("plain", "not hashed"),
            ("$", "unknown kind of hash \"\""),
            ("$5$AAAA$AAAA", "unknown kind of hash \"5\""),
            ("$6", "no salt"),
            ("$6$", "salt is not base64"),
            ("$6$AAA{", "salt is not base64"),
            ("$6$AAAA", "no hash"),
            ("$6$AAAA$", "hash is not 64 bytes"),
            ("$6$AAAA$AAAA", "hash is not 64 bytes"),
            (&format!("$6$AAAA${hash}$"), "after the hash"),
            (&format!("$7$x$AAAA${hash}"), "no number: \"x\""),
            (&format!("$7$0$AAAA${hash}"), "from 1 to"),
            ("$scram-sha-256$4095$AAAA", "from 4096 to"),
            (
                "$scram-sha-256$4096$AAAA$AAAA",
                "stored key is not 32 bytes",
            ),
        ] {
            let error = Stored::parse(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
