//! A payload as a person may want to look at it.

use crate::extract::is_json;

/// As text, if it is UTF-8 without control characters but line ends and tabs.
/// One that was cut may end in the middle of a character.
#[must_use]
pub fn text(payload: &[u8], cut: bool) -> Option<&str> {
    let text = match std::str::from_utf8(payload) {
        Ok(text) => text,
        Err(error) if cut && error.error_len().is_none() => {
            std::str::from_utf8(&payload[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    text.chars().all(is_plain).then_some(text)
}

/// As JSON with a line for each value, if it is a JSON object or array.
#[must_use]
pub fn json(text: &str) -> Option<String> {
    let text = text.trim();
    if !is_json(text) {
        return None;
    }
    let mut pretty = String::with_capacity(text.len() * 2);
    let mut depth = 0;
    let mut chars = text.chars().peekable();
    let line = |pretty: &mut String, depth: usize| {
        pretty.push('\n');
        pretty.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                pretty.push(c);
                while let Some(c) = chars.next() {
                    pretty.push(c);
                    match c {
                        '\\' => pretty.extend(chars.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '{' | '[' => {
                pretty.push(c);
                while chars.next_if(char::is_ascii_whitespace).is_some() {}
                match chars.next_if(|c| matches!(c, '}' | ']')) {
                    Some(end) => pretty.push(end),
                    None => {
                        depth += 1;
                        line(&mut pretty, depth);
                    }
                }
            }
            '}' | ']' => {
                depth -= 1;
                line(&mut pretty, depth);
                pretty.push(c);
            }
            ',' => {
                pretty.push(c);
                line(&mut pretty, depth);
            }
            ':' => pretty.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => pretty.push(c),
        }
    }
    Some(pretty)
}

/// What kind of picture it is, by how it begins. Only kinds that are nothing but
/// pictures: an SVG is a text like any other.
#[must_use]
pub fn picture(payload: &[u8]) -> Option<&'static str> {
    let begins = |with: &[u8]| payload.starts_with(with);
    if begins(b"\x89PNG\r\n\x1a\n") {
        Some("png")
    } else if begins(b"\xff\xd8\xff") {
        Some("jpeg")
    } else if begins(b"GIF87a") || begins(b"GIF89a") {
        Some("gif")
    } else if begins(b"RIFF") && payload.get(8..12) == Some(b"WEBP") {
        Some("webp")
    } else {
        None
    }
}

/// Where a picture is to be found, if it is one.
#[must_use]
pub fn picture_link(payload: &[u8]) -> Option<String> {
    let kind = picture(payload)?;
    Some(["data:image/", kind, ";base64,", &base64(payload)].concat())
}

/// As base64 (RFC 4648, section 4).
#[must_use]
pub fn base64(payload: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(payload.len() * 4 / 3 + 3);
    for three in payload.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place > three.len() {
                '='
            } else {
                char::from(digit)
            });
        }
    }
    text
}

/// As hexadecimal numbers, 16 bytes a line, with what of it is ASCII.
#[must_use]
pub fn hex(payload: &[u8]) -> String {
    let mut text = String::with_capacity(payload.len() * 4 + payload.len() / 4);
    for (number, line) in payload.chunks(16).enumerate() {
        if number > 0 {
            text.push('\n');
        }
        for place in 0..16 {
            match line.get(place) {
                Some(byte) => {
                    for half in [byte >> 4, byte & 15] {
                        text.push(char::from(b"0123456789abcdef"[usize::from(half)]));
                    }
                    text.push(' ');
                }
                None => text.push_str("   "),
            }
        }
        text.push(' ');
        text.extend(line.iter().map(|&byte| match byte {
            0x20..0x7f => char::from(byte),
            _ => '·',
        }));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_text_even_if_it_was_cut_in_a_character() {
        assert_eq!(text("14 °C\n".as_bytes(), false), Some("14 °C\n"));
        assert_eq!(text(&"°".as_bytes()[..1], true), Some(""));
        assert_eq!(text(&"°".as_bytes()[..1], false), None);
        assert_eq!(text(&[0xff], true), None);
        assert_eq!(text(&[0], false), None);
    }

    #[test]
    fn json_has_a_line_for_each_value_and_its_strings_stay_as_they_are() {
        let given = r#" {"a":[1, 2.50],"b":{ },"c":"x, {\"y\": [1]}","d":null} "#;
        let pretty = "{\n  \"a\": [\n    1,\n    2.50\n  ],\n  \"b\": {},\n  \"c\": \"x, {\\\"y\\\": [1]}\",\n  \"d\": null\n}";
        assert_eq!(json(given).as_deref(), Some(pretty));
        for no in ["", "14", "{", "{\"a\":}", "[1,]", "{} x"] {
            assert_eq!(json(no), None, "{no}");
        }
    }

    #[test]
    fn pictures_are_known_by_how_they_begin_and_nothing_that_could_run_is_one() {
        assert_eq!(
            picture_link(b"GIF89a").as_deref(),
            Some("data:image/gif;base64,R0lGODlh")
        );
        assert_eq!(picture(b"RIFF1234WEBPVP8 "), Some("webp"));
        assert_eq!(picture(b"\xff\xd8\xff\xe0"), Some("jpeg"));
        assert_eq!(picture(b"\x89PNG\r\n\x1a\n"), Some("png"));
        for no in [
            &b"<svg onload='x'/>"[..],
            b"<?xml version='1.0'?><svg/>",
            b"RIFF1234WAVE",
            b"RIFF",
            b"",
        ] {
            assert_eq!(picture(no), None);
        }
    }

    #[test]
    fn bytes_as_base64_are_padded() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn bytes_are_shown_in_lines_of_sixteen() {
        assert_eq!(hex(b""), "");
        let bytes: Vec<u8> = (b'0'..b'0' + 17).collect();
        let expected = "30 31 32 33 34 35 36 37 38 39 3a 3b 3c 3d 3e 3f  0123456789:;<=>?\n\
             40                                               @";
        assert_eq!(hex(&bytes), expected);
        assert!(hex(&[0xff, b'A']).ends_with(" ·A"));
    }
}
