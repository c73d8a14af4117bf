//! Attributes, names and nonces as they stand in messages (RFC 5802, section
//! 5.1).

use base64ct::{Base64, Encoding};

use super::Error;

/// No message is longer: whoever sends more wants something else.
const MAX_LEN: usize = 4096;

/// The text of a message.
pub(super) fn text(bytes: &[u8]) -> Result<&str, Error> {
    if bytes.len() > MAX_LEN {
        return Err(Error::Malformed);
    }
    std::str::from_utf8(bytes).map_err(|_| Error::Malformed)
}

/// The value of the attribute at the front, which must be this one, and what
/// stands after it.
pub(super) fn attribute(text: &str, name: char) -> Result<(&str, &str), Error> {
    let value = text
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('='))
        .ok_or_else(|| {
            if text.starts_with("m=") {
                Error::Extension
            } else {
                Error::Malformed
            }
        })?;
    Ok(value.split_once(',').unwrap_or((value, "")))
}

/// A nonce: printable ASCII, no comma.
pub(super) fn is_nonce(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && b != b',')
}

pub(super) fn base64(text: &str) -> Result<Vec<u8>, Error> {
    Base64::decode_vec(text).map_err(|_| Error::Malformed)
}

pub(super) fn to_base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

/// A name as it is written in a message.
pub(super) fn escape(name: &str) -> String {
    let mut escaped = String::new();
    for character in name.chars() {
        match character {
            '=' => escaped.push_str("=3D"),
            ',' => escaped.push_str("=2C"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A name as it was before [`escape`].
pub(super) fn unescape(text: &str) -> Result<String, Error> {
    let mut parts = text.split('=');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (sign, rest) = match part.as_bytes() {
            [b'2', b'C', ..] => (',', &part[2..]),
            [b'3', b'D', ..] => ('=', &part[2..]),
            _ => return Err(Error::Malformed),
        };
        name.push(sign);
        name.push_str(rest);
    }
    if name.is_empty() {
        return Err(Error::Malformed);
    }
    Ok(name)
}
