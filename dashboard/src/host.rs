//! What each browser has in it already and a program would carry along in
//! tables: numbers read and written, small letters. Natively, for the tests,
//! the standard library does the same.

#[cfg(target_arch = "wasm32")]
mod browser {
    use wasm_bindgen::prelude::wasm_bindgen;

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_name = Number)]
        pub(crate) fn number(text: &str) -> f64;
        #[wasm_bindgen(js_name = String)]
        pub(crate) fn digits(value: f64) -> String;
    }
}

/// The number that these decimal digits, with a sign and an exponent at most,
/// stand for: no number if they are none, and infinite if it is too large.
pub(crate) fn number(text: &str) -> f64 {
    #[cfg(target_arch = "wasm32")]
    return browser::number(text);
    #[cfg(not(target_arch = "wasm32"))]
    text.parse().unwrap_or(f64::NAN)
}

/// A number in the digits that lead back to it.
pub(crate) fn digits(value: f64) -> String {
    #[cfg(target_arch = "wasm32")]
    return browser::digits(value);
    #[cfg(not(target_arch = "wasm32"))]
    value.to_string()
}

/// A text in small letters.
pub(crate) fn lower(text: &str) -> String {
    #[cfg(target_arch = "wasm32")]
    if !text.is_ascii() {
        return js_sys::JsString::from(text).to_lower_case().into();
    }
    #[cfg(not(target_arch = "wasm32"))]
    if !text.is_ascii() {
        return text.to_lowercase();
    }
    text.to_ascii_lowercase()
}

/// A text that begins with a capital, where it is one of the plain alphabet.
pub(crate) fn capital(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// Whether a character can be part of a word: roughly those that Unicode calls
/// alphabetic.
pub(crate) fn is_letter(c: char) -> bool {
    match c {
        '\0'..='\u{7f}' => c.is_ascii_alphabetic(),
        'ª' | 'µ' | 'º' => true,
        '×' | '÷' => false,
        c => matches!(c, 'À'..='\u{1fff}' | '\u{2c00}'..='\u{2dff}' | '\u{3040}'..) || c == 'Ω',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_letters_are_small_in_every_alphabet() {
        assert_eq!(lower("KITCHEN/Küche/ÉTÉ/ΑΒ"), "kitchen/küche/été/αβ");
        assert_eq!(capital("temp"), "Temp");
        assert_eq!(capital("été"), "été");
        assert_eq!(capital(""), "");
    }

    #[test]
    fn letters_are_letters() {
        for c in "aZäßµΩжは水".chars() {
            assert!(is_letter(c), "{c}");
        }
        for c in "1 -_°%€×→—☀²".chars() {
            assert!(!is_letter(c), "{c}");
        }
    }
}
