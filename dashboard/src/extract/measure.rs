//! A number with an optional unit: `14`, `-18.4 °C`, `640ppm`, `55%`.

use super::Leaf;
use crate::host::{self, is_letter};

/// Longest unit in characters; what follows a number and is longer is a text.
const MAX_UNIT: usize = 8;

/// A number and the unit behind it.
#[derive(Debug, PartialEq)]
pub(super) struct Measure<'a> {
    pub(super) value: f64,
    pub(super) decimals: u8,
    pub(super) unit: &'a str,
}

impl Measure<'_> {
    pub(super) fn leaf(&self, path: &str, label: Option<String>) -> Leaf {
        Leaf {
            path: path.to_owned(),
            label,
            value: self.value,
            decimals: self.decimals,
            unit: self.unit.to_owned(),
        }
    }
}

/// Reads all of `text` as one measure.
pub(super) fn parse(text: &str) -> Option<Measure<'_>> {
    let (number, rest) = text.split_at(number_end(text)?);
    let unit = rest.trim();
    if !unit.is_empty() && !is_unit(unit, rest.len() == unit.len() && number == "0") {
        return None;
    }
    let value = host::number(number);
    value.is_finite().then_some(Measure {
        value,
        decimals: decimals(number),
        unit,
    })
}

/// Where a decimal number at the start of `text` ends.
pub(super) fn number_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        bytes[from..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count()
    };
    let mut at = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
    let whole = digits(at);
    at += whole;
    let mut fraction = 0;
    if bytes.get(at) == Some(&b'.') {
        fraction = digits(at + 1);
        if fraction > 0 {
            at += 1 + fraction;
        }
    }
    if whole + fraction == 0 {
        return None;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'-' | b'+')));
        let exponent = digits((at + 1 + sign).min(bytes.len()));
        if exponent > 0 {
            at += 1 + sign + exponent;
        }
    }
    Some(at)
}

/// Decimals that a number was written with: two in `4.25`, none in `1e5`.
pub(crate) fn decimals(number: &str) -> u8 {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let written = mantissa
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.len() as i64);
    let shift: i64 = exponent.parse().unwrap_or(0);
    written.saturating_sub(shift).clamp(0, 9) as u8
}

/// Whether `text` can be a unit. Dates, addresses, hexadecimal and plain
/// sentences start with a number too, and are none.
pub(super) fn is_unit(text: &str, right_behind_zero: bool) -> bool {
    if right_behind_zero && text.starts_with(['x', 'X', 'b', 'B']) {
        return false;
    }
    let Some(first) = text.chars().next() else {
        return false;
    };
    if !(is_letter(first) || matches!(first, '%' | '‰' | '°' | 'µ' | '"' | '$' | '€' | '£'))
    {
        return false;
    }
    let mut before = ' ';
    let mut length = 0;
    for c in text.chars() {
        length += 1;
        let fits = is_letter(c)
            || matches!(
                c,
                '%' | '‰' | '°' | '/' | '²' | '³' | '·' | '"' | '$' | '€' | '£' | '⁻' | '¹'
            )
            || (matches!(c, '2' | '3') && matches!(before, 'm' | 't'));
        if !fits {
            return false;
        }
        before = c;
    }
    length <= MAX_UNIT
}
