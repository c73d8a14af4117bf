//! JSON (RFC 8259) as a value, for what the page and its broker tell each
//! other. The browser's own could not be tested natively.

use std::fmt::{self, Write};

use crate::extract::decimals;
use crate::host;

/// What is nested deeper is refused.
const MAX_DEPTH: usize = 64;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object, in the order in which it was written.
    Map(Vec<(String, Json)>),
}

/// A number.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    /// Which one, finite.
    pub value: f64,
    /// With how many decimals it was written.
    pub decimals: u8,
}

/// However they were written.
impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.value == other.value
    }
}

impl Json {
    /// Reads all of `text`; `None` if it is not JSON.
    #[must_use]
    pub fn parse(text: &str) -> Option<Json> {
        let mut parser = Parser { rest: text };
        let value = parser.value(MAX_DEPTH)?;
        parser.space();
        parser.rest.is_empty().then_some(value)
    }

    /// An object with these members.
    pub fn map<'a>(members: impl IntoIterator<Item = (&'a str, Json)>) -> Json {
        let members = members.into_iter();
        Json::Map(
            members
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        )
    }

    /// A list of strings.
    pub fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Json {
        Json::List(
            texts
                .into_iter()
                .map(|text| Json::Text(text.into()))
                .collect(),
        )
    }

    /// The member of an object with this key, unless it is null.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Json> {
        let found = self.members().iter().find(|(name, _)| name == key);
        found
            .map(|(_, value)| value)
            .filter(|value| **value != Json::Null)
    }

    /// The members of an object; none of anything else.
    #[must_use]
    pub fn members(&self) -> &[(String, Json)] {
        match self {
            Json::Map(members) => members,
            _ => &[],
        }
    }

    /// The members of an array; none of anything else.
    #[must_use]
    pub fn items(&self) -> &[Json] {
        match self {
            Json::List(items) => items,
            _ => &[],
        }
    }

    /// The string.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Json::Number(number) => Some(number.value),
            _ => None,
        }
    }

    /// Whether it is `true`.
    #[must_use]
    pub fn is_true(&self) -> bool {
        *self == Json::Bool(true)
    }
}

impl From<f64> for Json {
    fn from(value: f64) -> Json {
        Json::Number(Number { value, decimals: 0 })
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Json {
        Json::Text(text.to_owned())
    }
}

/// As short as it can be written.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Bool(value) => write!(f, "{value}"),
            Json::Number(number) if number.value.is_finite() => {
                f.write_str(&host::digits(number.value))
            }
            Json::Null | Json::Number(_) => f.write_str("null"),
            Json::Text(text) => quote(f, text),
            Json::List(items) => {
                f.write_char('[')?;
                for (at, item) in items.iter().enumerate() {
                    f.write_str(if at > 0 { "," } else { "" })?;
                    write!(f, "{item}")?;
                }
                f.write_char(']')
            }
            Json::Map(members) => {
                f.write_char('{')?;
                for (at, (key, value)) in members.iter().enumerate() {
                    f.write_str(if at > 0 { "," } else { "" })?;
                    quote(f, key)?;
                    write!(f, ":{value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

fn quote(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                f.write_char('\\')?;
                f.write_char(c)?;
            }
            c if c < ' ' => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    /// Past `token`, if it comes next.
    fn take(&mut self, token: &str) -> bool {
        self.space();
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        let depth = depth.checked_sub(1)?;
        for (word, value) in [
            ("null", Json::Null),
            ("true", Json::Bool(true)),
            ("false", Json::Bool(false)),
        ] {
            if self.take(word) {
                return Some(value);
            }
        }
        if self.take("\"") {
            return self.text().map(Json::Text);
        }
        if self.take("[") {
            let mut items = Vec::new();
            if self.take("]") {
                return Some(Json::List(items));
            }
            loop {
                items.push(self.value(depth)?);
                if self.take("]") {
                    return Some(Json::List(items));
                }
                self.take(",").then_some(())?;
            }
        }
        if self.take("{") {
            let mut members = Vec::new();
            if self.take("}") {
                return Some(Json::Map(members));
            }
            loop {
                self.take("\"").then_some(())?;
                let key = self.text()?;
                self.take(":").then_some(())?;
                members.push((key, self.value(depth)?));
                if self.take("}") {
                    return Some(Json::Map(members));
                }
                self.take(",").then_some(())?;
            }
        }
        self.number()
    }

    fn number(&mut self) -> Option<Json> {
        let end = self
            .rest
            .find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'));
        let (number, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        number
            .starts_with(|c: char| c == '-' || c.is_ascii_digit())
            .then_some(())?;
        let value = host::number(number);
        let decimals = decimals(number);
        self.rest = rest;
        value
            .is_finite()
            .then_some(Json::Number(Number { value, decimals }))
    }

    /// What is left of a string, its first quote being read.
    fn text(&mut self) -> Option<String> {
        let mut text = String::new();
        loop {
            let mut chars = self.rest.chars();
            let c = chars.next()?;
            self.rest = chars.as_str();
            match c {
                '"' => return Some(text),
                '\\' => text.push(self.escape()?),
                c if c < ' ' => return None,
                c => text.push(c),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        Some(match c {
            '"' | '\\' | '/' => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = self.unit()?;
                if (0xd800..0xdc00).contains(&first)
                    && let Some(rest) = self.rest.strip_prefix("\\u")
                {
                    self.rest = rest;
                    let second = self.unit()?;
                    let pair = [first, second].map(|unit| unit as u16);
                    let both = char::decode_utf16(pair).next()?;
                    both.unwrap_or(char::REPLACEMENT_CHARACTER)
                } else {
                    char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)
                }
            }
            _ => return None,
        })
    }

    fn unit(&mut self) -> Option<u32> {
        let (digits, rest) = self.rest.split_at_checked(4)?;
        self.rest = rest;
        digits
            .bytes()
            .all(|b| b.is_ascii_hexdigit())
            .then_some(())?;
        u32::from_str_radix(digits, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for text in [
            "null",
            "true",
            "[]",
            "{}",
            "-1.5",
            "1700000000000",
            r#"{"a":[1,2,{"b":null}],"é":"x\"y\\z\u000a😀","":false}"#,
        ] {
            let value = Json::parse(text).expect(text);
            assert_eq!(value.to_string(), text);
        }
        let spaced = " { \"a\" : [ 1 , 2 ] ,\n\"b\":\t1e3 } ";
        let value = Json::parse(spaced).expect("space does not matter");
        assert_eq!(value.to_string(), r#"{"a":[1,2],"b":1000}"#);
        let escaped = Json::parse(r#""\ud83d\ude00\u00e9\/\b""#).expect("pairs of halves");
        assert_eq!(escaped.text(), Some("😀é/\u{8}"));
    }

    #[test]
    fn what_is_no_json_is_none() {
        for text in [
            "",
            "nul",
            "[1,]",
            "[1 2]",
            "{a:1}",
            "{\"a\" 1}",
            "{\"a\":1,}",
            "\"x",
            "\"\n\"",
            "1 2",
            "+1",
            ".5",
            "1e999",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u+123\"",
            "NaN",
            "'a'",
            "[",
            "{",
        ] {
            assert_eq!(Json::parse(text), None, "{text:?}");
        }
        let deep = |depth| Json::parse(&("[".repeat(depth) + &"]".repeat(depth)));
        assert!(deep(MAX_DEPTH).is_some() && deep(MAX_DEPTH + 1).is_none());
        assert!(deep(1_000_000).is_none());
    }

    #[test]
    fn members_are_found() {
        let value = Json::parse(r#"{"a":"x","n":2,"none":null,"l":[true]}"#).expect("JSON");
        assert_eq!(value.get("a").and_then(Json::text), Some("x"));
        assert_eq!(value.get("n").and_then(Json::number), Some(2.0));
        assert_eq!((value.get("none"), value.get("b")), (None, None));
        assert!(value.get("l").is_some_and(|list| list.items()[0].is_true()));
        let made = Json::map([
            ("t", Json::texts(["a"])),
            ("n", 1.0.into()),
            ("s", "x".into()),
        ]);
        assert_eq!(made.to_string(), r#"{"t":["a"],"n":1,"s":"x"}"#);
    }
}
