//! How a password is kept in a password file.
//!
//! ```text
//! $6$SALT$HASH                                    SHA-512, Mosquitto's up to 1.6
//! $7$ITERATIONS$SALT$HASH                         PBKDF2-HMAC-SHA512, Mosquitto's
//! $argon2id$v=19$m=KIB,t=PASSES,p=LANES$SALT$HASH Argon2id, Mosquitto's from 2.1
//! $scram-sha-256$ITERATIONS$SALT$STORED$SERVER    what SCRAM-SHA-256 needs
//! ```
//!
//! The last is this broker's own: with it a user can log in with a plain
//! password and with SCRAM, in which the password never leaves the client.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use base64ct::{Base64, Base64Unpadded, Encoding};
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
const ARGON2_SALT: usize = 64;
/// What Mosquitto takes for Argon2id: KiB of memory, passes and lanes.
const ARGON2: (u32, u32, u32) = (47_104, 1, 1);
/// The most of each: a login must not take all that the machine has.
const MOST_ARGON2: (u32, u32, u32) = (262_144, 64, 16);

/// How a password is hashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Hash {
    /// Mosquitto's up to 1.6: quick to check, and to guess
    Sha512,
    /// Mosquitto's: choose it for a file that Mosquitto reads too
    Sha512Pbkdf2,
    /// Mosquitto's from 2.1, which takes 46 MB for each login
    Argon2id,
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
    Argon2id {
        /// KiB of memory, passes and lanes.
        cost: (u32, u32, u32),
        salt: Vec<u8>,
        hash: Vec<u8>,
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
        match hash {
            Hash::ScramSha256 => salt.resize(SCRAM_SALT, 0),
            Hash::Argon2id => salt.resize(ARGON2_SALT, 0),
            Hash::Sha512 | Hash::Sha512Pbkdf2 => {}
        }
        getrandom::fill(&mut salt).map_err(|error| format!("no random numbers: {error}"))?;
        match hash {
            Hash::Sha512 if iterations.is_some() => Err("sha512 knows no iterations".into()),
            Hash::Argon2id if iterations.is_some() => Err("argon2id knows no iterations".into()),
            Hash::Argon2id => {
                let hash = argon2id(password, &salt, ARGON2, 64)
                    .ok_or("there is no memory for argon2id")?;
                Ok(Self::Argon2id {
                    cost: ARGON2,
                    salt,
                    hash,
                })
            }
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
            "argon2id" => {
                next("version")
                    .ok()
                    .filter(|version| *version == "v=19")
                    .ok_or("its version of argon2id is not v=19")?;
                Self::Argon2id {
                    cost: cost(next("cost")?)?,
                    salt: unpadded(next("salt")?, 8, "salt")?,
                    hash: unpadded(next("hash")?, 16, "hash")?,
                }
            }
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
            Self::Argon2id { cost, salt, hash } => {
                let own = argon2id(password, salt, *cost, hash.len());
                own.is_some_and(|own| own.ct_eq(hash).into())
            }
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
            Self::Argon2id {
                cost: (memory, passes, lanes),
                salt,
                hash,
            } => write!(
                f,
                "$argon2id$v=19$m={memory},t={passes},p={lanes}${}${}",
                Base64Unpadded::encode_string(salt),
                Base64Unpadded::encode_string(hash)
            ),
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
            Self::Argon2id { .. } => "Argon2id",
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

/// `None` if the memory for it is not there.
fn argon2id(password: &[u8], salt: &[u8], cost: (u32, u32, u32), len: usize) -> Option<Vec<u8>> {
    let (memory, passes, lanes) = cost;
    let params = Params::new(memory, passes, lanes, Some(len)).ok()?;
    let mut hash = vec![0; len];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password, salt, &mut hash)
        .ok()?;
    Some(hash)
}

/// `m=KIB,t=PASSES,p=LANES`.
fn cost(text: &str) -> Result<(u32, u32, u32), String> {
    let mut parts = text.split(',');
    let mut next = |name: &str, most: u32| {
        let number = parts.next()?.strip_prefix(name)?.parse().ok();
        number.filter(|number| (1..=most).contains(number))
    };
    let (memory, passes, lanes) = MOST_ARGON2;
    let cost = (|| Some((next("m=", memory)?, next("t=", passes)?, next("p=", lanes)?)))();
    let cost = cost.filter(|(memory, _, lanes)| *memory >= 8 * *lanes);
    cost.filter(|_| parts.next().is_none()).ok_or_else(|| {
        format!(
            "its cost is m=KIB,t=PASSES,p=LANES up to m={memory},t={passes},p={lanes}, not {text}"
        )
    })
}

fn unpadded(text: &str, fewest: usize, what: &str) -> Result<Vec<u8>, String> {
    let bytes = Base64Unpadded::decode_vec(text).ok();
    let bytes = bytes.filter(|bytes| (fewest..=64).contains(&bytes.len()));
    bytes.ok_or_else(|| format!("its {what} is not {fewest} to 64 bytes as base64 without ="))
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

    /// Written by the reference implementation, for "password".
    #[test]
    fn what_the_reference_of_argon2_has_written_is_read() {
        let text = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$\
            CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let stored = Stored::parse(text).unwrap();
        assert!(stored.verify(b"password"));
        assert!(!stored.verify(b"Password"));
        assert_eq!(stored.to_string(), text);
    }

    #[test]
    fn every_hash_knows_its_password_and_is_read_again() {
        for (hash, iterations) in [
            (Hash::Sha512, None),
            (Hash::Sha512Pbkdf2, Some(2)),
            (Hash::Argon2id, None),
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
            (Hash::Argon2id, 1),
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
            ("$argon2id$v=16$m=8,t=1,p=1$AAAA$AAAA", "not v=19"),
            ("$argon2id$v=19$m=8,t=1$AAAA$AAAA", "not m=8,t=1"),
            ("$argon2id$v=19$m=7,t=1,p=1$AAAA$AAAA", "not m=7"),
            ("$argon2id$v=19$m=262145,t=1,p=1$A$A", "not m=262145"),
            ("$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA", "salt is not 8 to"),
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
