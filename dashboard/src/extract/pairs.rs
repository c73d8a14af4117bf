//! `Temperature:14`, `CO2=640 ppm`, and several of them in one payload:
//! `temp=21.5;hum=40`.

use super::measure::{self, is_unit};
use super::{Leaf, MAX_LEAVES};
use crate::host::is_letter;

const MAX_KEY: usize = 40;

/// The leaves of a payload that is made of pairs and nothing else.
pub(super) fn leaves(text: &str) -> Option<Vec<Leaf>> {
    let mut leaves = Vec::new();
    for part in text.split([',', ';', '\n', '&']).map(str::trim) {
        if part.is_empty() {
            continue;
        }
        let (key, value) = split(part)?;
        let measure = measure::parse(value)?;
        if leaves.len() < MAX_LEAVES {
            let (label, unit) = key_unit(key);
            let mut leaf = measure.leaf(key, Some(label.to_owned()));
            if leaf.unit.is_empty() {
                unit.clone_into(&mut leaf.unit);
            }
            leaves.push(leaf);
        }
    }
    (!leaves.is_empty()).then_some(leaves)
}

/// Splits `Key:Value` or `Key=Value`. A key starts with a letter, so a time of
/// day is no pair.
pub(super) fn split(text: &str) -> Option<(&str, &str)> {
    let (key, value) = text.split_once([':', '='])?;
    let (key, value) = (key.trim(), value.trim());
    let fits = key.len() <= MAX_KEY
        && key.starts_with(is_letter)
        && key.chars().all(|c| {
            c.is_ascii_digit()
                || is_letter(c)
                || matches!(
                    c,
                    ' ' | '_' | '-' | '.' | '(' | ')' | '%' | '°' | '/' | '[' | ']'
                )
        });
    (fits && !value.is_empty()).then_some((key, value))
}

/// `Temperature (°C)` names the unit in the key.
fn key_unit(key: &str) -> (&str, &str) {
    let unit = key
        .strip_suffix(')')
        .and_then(|rest| rest.rsplit_once('('))
        .or_else(|| key.strip_suffix(']').and_then(|rest| rest.rsplit_once('[')));
    match unit {
        Some((label, unit)) if !label.trim().is_empty() && is_unit(unit.trim(), false) => {
            (label.trim(), unit.trim())
        }
        _ => (key, ""),
    }
}
