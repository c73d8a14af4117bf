//! Gives short names to what a program and its script call each other by.
//!
//! wasm-bindgen's end in sixteen random digits, which stand in both files and
//! cannot be compressed.

use std::collections::HashMap;

use anyhow::Result;

use crate::slim::read;

/// Digits at the end of a name.
const HASH: usize = 16;

/// The program and its script, with short names.
///
/// # Errors
/// The program is no WebAssembly.
pub fn shorten(wasm: &[u8], script: &str, keep_names: bool) -> Result<(Vec<u8>, String)> {
    let mut module = read(wasm, keep_names)?;
    let mut known = HashMap::new();
    let mut short = |name: &mut String| {
        if is_hashed(name) {
            let next = known.len();
            let new = known
                .entry(name.clone())
                .or_insert_with(|| format!("_{next}"));
            name.clone_from(new);
        }
    };
    for import in module.imports.iter_mut() {
        short(&mut import.name);
    }
    for export in module.exports.iter_mut() {
        short(&mut export.name);
    }
    Ok((module.emit_wasm(), replaced(script, &known)))
}

/// Whether a name ends in a hash, or in a hash and a number that tells it from
/// another.
fn is_hashed(name: &str) -> bool {
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let plain = plain.strip_suffix('_').filter(|plain| ends_in_hash(plain));
    plain.is_some() || ends_in_hash(name)
}

fn ends_in_hash(name: &str) -> bool {
    let digits = name.len().checked_sub(HASH).and_then(|at| name.get(at..));
    digits.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The script with its words replaced.
fn replaced(script: &str, words: &HashMap<String, String>) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    let mut text = String::with_capacity(script.len());
    let mut rest = script;
    while let Some(begin) = rest.find(is_part) {
        text.push_str(&rest[..begin]);
        rest = &rest[begin..];
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let word = &rest[..end];
        text.push_str(words.get(word).map_or(word, String::as_str));
        rest = &rest[end..];
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_hash_are_told_from_others() {
        assert!(is_hashed("__wbg_call_a410eb4b59ed5965"));
        assert!(is_hashed("closures__invoke__h19be359d38271586_21"));
        assert!(!is_hashed("rawclient_new"));
        assert!(!is_hashed("__wbindgen_malloc"));
    }

    #[test]
    fn whole_words_are_replaced() {
        let words = HashMap::from([("a_1".to_owned(), "_0".to_owned())]);
        assert_eq!(
            replaced("wasm.a_1(a_12, xa_1) a_1", &words),
            "wasm._0(a_12, xa_1) _0"
        );
    }

    #[test]
    fn both_files_agree() {
        let mut module = walrus::Module::default();
        let none = module.types.add(&[], &[]);
        let name = "__wbg_call_a410eb4b59ed5965";
        let (call, _) = module.add_import_func("./core.js", name, none);
        module.exports.add("run", call);
        let script = format!("{name}: function() {{}}");
        let (wasm, script) = shorten(&module.emit_wasm(), &script, false).unwrap();
        let module = read(&wasm, false).unwrap();
        assert_eq!(module.imports.iter().next().unwrap().name, "_0");
        assert_eq!(script, "_0: function() {}");
    }
}
