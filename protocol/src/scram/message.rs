//! Attributes, names and nonces as they stand in messages (RFC 5802, section
//! 5.1).

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

/// The digits of base64 (RFC 4648, section 4). Here and not from a library,
/// which takes a page five times the code: nothing in a message is secret, so
/// the time that it takes may tell what is in it.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes that are written as base64, with padding.
pub(super) fn base64(text: &str) -> Result<Vec<u8>, Error> {
    if !text.len().is_multiple_of(4) {
        return Err(Error::Malformed);
    }
    let digits = text.strip_suffix('=').unwrap_or(text);
    let digits = digits.strip_suffix('=').unwrap_or(digits);
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0, 0);
    for digit in digits.bytes() {
        let value = DIGITS.iter().position(|known| *known == digit);
        bits = bits << 6 | value.ok_or(Error::Malformed)? as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    // What is left over says nothing, and is written as zeros.
    if bits == 0 {
        Ok(bytes)
    } else {
        Err(Error::Malformed)
    }
}

/// Bytes as base64, with padding.
pub(super) fn to_base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            text.push(if place > chunk.len() {
                '='
            } else {
                char::from(DIGITS[(bits >> (18 - 6 * place)) as usize & 63])
            });
        }
    }
    text
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

#[cfg(test)]
mod tests {
    use base64ct::{Base64, Encoding};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn base64_is_written_as_others_write_it(bytes: Vec<u8>) {
            let text = to_base64(&bytes);
            prop_assert_eq!(&text, &Base64::encode_string(&bytes));
            prop_assert_eq!(base64(&text).unwrap(), bytes);
        }

        #[test]
        fn base64_is_read_as_strictly_as_others_read_it(text in "[A-D+/=]{0,9}|.{0,8}") {
            prop_assert_eq!(base64(&text).ok(), Base64::decode_vec(&text).ok());
        }
    }
}
