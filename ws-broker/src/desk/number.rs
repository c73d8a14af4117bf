//! Whether a payload has a number in it that can be drawn: JSON with one,
//! `Key:Value` pairs, or a number with an optional unit.
//!
//! What is said yes to is kept as it is; the page reads it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Longer payloads are not looked at.
const MAX_LEN: usize = 256;
/// Longest unit in characters.
const MAX_UNIT: usize = 8;

pub(super) fn has_number(payload: &[u8]) -> bool {
    if payload.len() > MAX_LEN || !payload.iter().any(u8::is_ascii_digit) {
        return false;
    }
    let Ok(text) = std::str::from_utf8(payload) else {
        return false;
    };
    let text = text.trim();
    if text.starts_with(['{', '[']) {
        return serde_json::from_str(text).is_ok_and(|HasNumber(has_number)| has_number);
    }
    let is_binary = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    !text.contains(is_binary) && (is_measure(text) || are_pairs(text))
}

/// `14`, `-18.4 °C`, `55%`.
fn is_measure(text: &str) -> bool {
    if let Ok(number) = text.parse::<f64>() {
        return number.is_finite();
    }
    let end = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '-' | '+'));
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    number.parse::<f64>().is_ok() && is_unit(unit.trim_start())
}

/// Dates, addresses and sentences start with a number too, and go on
/// otherwise.
fn is_unit(text: &str) -> bool {
    let fits = |c: char| {
        !c.is_whitespace()
            && (!c.is_ascii_digit() || matches!(c, '2' | '3'))
            && !matches!(c, ':' | '.' | '-' | '_' | ',' | ';')
    };
    !text.starts_with(['2', '3']) && text.chars().all(fits) && text.chars().count() <= MAX_UNIT
}

/// `Temperature:14`, `temp=21.5;hum=40`.
fn are_pairs(text: &str) -> bool {
    let parts = text.split([',', ';', '\n', '&']).map(str::trim);
    let mut parts = parts.filter(|part| !part.is_empty());
    parts.all(|part| {
        let pair = part.split_once([':', '=']);
        pair.is_some_and(|(key, value)| {
            key.starts_with(char::is_alphabetic) && is_measure(value.trim())
        })
    })
}

/// Whether there is a number in a JSON value.
struct HasNumber(bool);

impl<'de> Deserialize<'de> for HasNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Look).map(Self)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(HasNumber(has_number)) = list.next_element()? {
            found |= has_number;
        }
        Ok(found)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some((_, HasNumber(has_number))) = map.next_entry::<IgnoredAny, _>()? {
            found |= has_number;
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_where_a_card_would_show_them() {
        for payload in [
            "14",
            " -18.4 °C\n",
            "1e5",
            "+3",
            ".5",
            "640ppm",
            "55%",
            "9.81 m/s²",
            "12 m3",
            "Temperature:14",
            "CO2=640 ppm",
            "temp=21.5;hum=40",
            "a: 1, b: 2",
            "{\"t\":14}",
            "[1]",
            "{\"a\":{\"b\":[true,null,\"x\",-2.5]}}",
        ] {
            assert!(has_number(payload.as_bytes()), "{payload:?}");
        }
    }

    #[test]
    fn words_dates_addresses_and_bytes_are_no_numbers() {
        for payload in [
            "",
            "Turn On",
            "2026-11-22",
            "12:30",
            "192.168.1.5",
            "12:30:00 started",
            "3 errors found",
            "Error in line 14",
            "state:on2",
            "inf",
            "NaN",
            "1e999",
            "{\"t\":\"14\"}",
            "{\"14\":true}",
            "{\"t\":14",
            "[1] 2",
            "1\u{1}",
            "a:1,b",
        ] {
            assert!(!has_number(payload.as_bytes()), "{payload:?}");
        }
        assert!(!has_number(b"1\xff"));
        let long = [b'1'; 257];
        assert!(has_number(&long[..256]) && !has_number(&long));
        let deep = format!("{}1{}", "[".repeat(127), "]".repeat(127));
        assert!(has_number(deep.as_bytes()));
        assert!(!has_number(format!("[{deep}]").as_bytes()));
    }
}
