//! The numeric leaves of a JSON object or array (RFC 8259). Only what a card
//! needs is built; the rest is checked and skipped.

use super::measure::{decimals, is_unit};
use super::{Leaf, MAX_LEAVES};
use crate::host;

/// A document that is nested deeper is left as text.
const MAX_DEPTH: usize = 24;

/// The numeric leaves of `text`; `None` if it is no JSON object or array, or
/// has none.
pub(super) fn leaves(text: &str) -> Option<Vec<Leaf>> {
    if !text.starts_with(['{', '[']) {
        return None;
    }
    let mut parser = Parser {
        text,
        at: 0,
        path: Vec::new(),
        leaves: Vec::new(),
    };
    parser.value(0)?;
    parser.space();
    (parser.at == text.len() && !parser.leaves.is_empty()).then_some(parser.leaves)
}

/// Whether `text` is a JSON object or array, and nothing else.
pub(super) fn is_json(text: &str) -> bool {
    let mut parser = Parser {
        text,
        at: 0,
        path: Vec::new(),
        leaves: Vec::new(),
    };
    text.starts_with(['{', '[']) && parser.value(0).is_some() && parser.at == text.len()
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    path: Vec<String>,
    leaves: Vec<Leaf>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        self.space();
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Whether a list goes on: past a comma, or past the end of the list.
    fn more(&mut self, end: u8) -> Option<bool> {
        self.space();
        let byte = self.peek()?;
        self.at += 1;
        match byte {
            b',' => Some(true),
            _ if byte == end => Some(false),
            _ => None,
        }
    }

    /// Reads a value; a string is given back, for it may be a unit.
    fn value(&mut self, depth: usize) -> Option<Option<String>> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.space();
        match self.peek()? {
            b'{' => self.object(depth).map(|()| None),
            b'[' => self.array(depth).map(|()| None),
            b'"' => self.string().map(Some),
            b'-' | b'0'..=b'9' => self.number().map(|()| None),
            _ => {
                let rest = &self.text[self.at..];
                let word = ["true", "false", "null"]
                    .into_iter()
                    .find(|word| rest.starts_with(word))?;
                self.at += word.len();
                Some(None)
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.take(b'{')?;
        self.space();
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        let first = self.leaves.len();
        let mut unit = None;
        loop {
            self.space();
            let key = self.string()?;
            self.take(b':')?;
            let names_unit = matches!(key.as_str(), "unit" | "units" | "unit_of_measurement");
            self.path.push(key);
            let text = self.value(depth + 1)?;
            self.path.pop();
            if names_unit {
                unit = text;
            }
            if !self.more(b'}')? {
                break;
            }
        }
        // With two numbers beside it nobody could say whose unit it is.
        if let (Some(unit), [leaf]) = (unit, &mut self.leaves[first..])
            && is_unit(&unit, false)
        {
            leaf.unit = unit;
        }
        Some(())
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.take(b'[')?;
        self.space();
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        for index in 1_u32.. {
            self.path.push(index.to_string());
            self.value(depth + 1)?;
            self.path.pop();
            if !self.more(b']')? {
                break;
            }
        }
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'));
        let number = &rest[..end.unwrap_or(rest.len())];
        let value = host::number(number);
        if value.is_nan() {
            return None;
        }
        self.at += number.len();
        if value.is_finite() && self.leaves.len() < MAX_LEAVES {
            self.leaves.push(Leaf {
                path: self.path.join("."),
                label: label(&self.path),
                value,
                decimals: decimals(number),
                unit: String::new(),
            });
        }
        Some(())
    }

    fn string(&mut self) -> Option<String> {
        self.take(b'"')?;
        let mut text = String::new();
        loop {
            let c = self.text[self.at..].chars().next()?;
            self.at += c.len_utf8();
            match c {
                '"' => return Some(text),
                '\\' => text.push(self.escape()?),
                c if c < ' ' => return None,
                c => text.push(c),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let byte = self.peek()?;
        self.at += 1;
        Some(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = u32::from_str_radix(self.text.get(self.at..self.at + 4)?, 16).ok()?;
                self.at += 4;
                // Half of a surrogate pair; the pair's place in a name is all that matters here.
                char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return None,
        })
    }
}

/// `["AM2301", "temp_out"]` reads "AM2301 temp out". A lone `value` says
/// nothing that the topic does not.
fn label(path: &[String]) -> Option<String> {
    if let [key] = path
        && matches!(
            key.to_ascii_lowercase().as_str(),
            "value" | "val" | "v" | "state"
        )
    {
        return None;
    }
    let words = path
        .iter()
        .map(|key| key.replace('_', " "))
        .collect::<Vec<_>>()
        .join(" ");
    Some(host::capital(&words))
}
