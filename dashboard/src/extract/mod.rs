//! What a payload says: the numbers, the state or the text in it.
//!
//! Tried in this order, the first that fits wins: JSON with numeric leaves;
//! `Key:Value` or `Key=Value` with an optional unit; a raw number with an
//! optional unit; an on/off word; text; bytes. A unit is only ever one that the
//! payload itself gives.

mod leaves;
mod measure;
mod pairs;
mod state;

pub(crate) use measure::decimals;
pub use state::{State, Words};

use crate::json::Json;

/// Numeric leaves that are kept of one payload.
pub const MAX_LEAVES: usize = 12;
/// Characters that are kept of a text.
pub const MAX_TEXT: usize = 280;
/// Bytes of a payload that are looked at.
pub const MAX_LOOK: usize = 64 * 1024;
/// Bytes that are kept of a payload that is no text.
pub const MAX_BYTES: usize = 16;

/// One number out of a payload.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    /// Where it stands in the payload: a key, a path of keys, or empty for a
    /// payload that is nothing but the number.
    pub path: String,
    /// A name to show, where the payload gives one.
    pub label: Option<String>,
    /// The number. Always finite.
    pub value: f64,
    /// Decimals that were written.
    pub decimals: u8,
    /// The unit that was written, or empty.
    pub unit: String,
}

/// What one payload says.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// One number or more.
    Numbers(Vec<Leaf>),
    /// On or off, in one of the usual wordings.
    State {
        /// The key in front of it, if there was one.
        label: Option<String>,
        /// Which state.
        state: State,
    },
    /// Any other text.
    Text {
        /// The text, [`MAX_TEXT`] characters at most.
        text: String,
        /// More was sent than is kept.
        cut: bool,
    },
    /// Not UTF-8, or with control characters.
    Bytes {
        /// The first [`MAX_BYTES`] of them.
        head: Vec<u8>,
        /// How many there are in all.
        len: usize,
    },
}

/// Whether `text` is a JSON object or array (RFC 8259).
#[must_use]
pub fn is_json(text: &str) -> bool {
    matches!(Json::parse(text), Some(Json::Map(_) | Json::List(_)))
}

/// Reads a payload. Nothing in it can make this fail.
#[must_use]
pub fn extract(payload: &[u8]) -> Reading {
    let look = &payload[..payload.len().min(MAX_LOOK)];
    let text = match std::str::from_utf8(look) {
        Ok(text) => text,
        // The look may end in the middle of a character.
        Err(error) if error.error_len().is_none() && look.len() < payload.len() => {
            std::str::from_utf8(&look[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return bytes(payload),
    };
    if text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        return bytes(payload);
    }
    let whole = look.len() == payload.len();
    let trimmed = text.trim();
    if whole {
        let leaves = leaves::of_json(trimmed)
            .or_else(|| pairs::leaves(trimmed))
            .or_else(|| measure::parse(trimmed).map(|measure| vec![measure.leaf("", None)]));
        if let Some(leaves) = leaves {
            return Reading::Numbers(leaves);
        }
        if let Some((label, state)) = state::parse(trimmed) {
            return Reading::State { label, state };
        }
    }
    let end = trimmed
        .char_indices()
        .nth(MAX_TEXT)
        .map_or(trimmed.len(), |(at, _)| at);
    Reading::Text {
        text: trimmed[..end].to_owned(),
        cut: !whole || end < trimmed.len(),
    }
}

fn bytes(payload: &[u8]) -> Reading {
    Reading::Bytes {
        head: payload[..payload.len().min(MAX_BYTES)].to_vec(),
        len: payload.len(),
    }
}

#[cfg(test)]
mod tests;
