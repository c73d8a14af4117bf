//! Gives short names to what a program and its script call each other by, and
//! takes away what the script does not call.
//!
//! wasm-bindgen's names stand in both files, and many end in sixteen random
//! digits, which cannot be compressed.

use std::collections::{HashMap, HashSet};

use anyhow::Result;

use crate::slim::read;

/// The program and its script, with short names.
///
/// # Errors
/// The program is no WebAssembly.
pub fn shorten(wasm: &[u8], script: &str, keep_names: bool) -> Result<(Vec<u8>, String)> {
    let mut module = read(wasm, keep_names)?;
    let called: HashSet<&str> = script.split(|c| !is_part(c)).collect();
    let uncalled: Vec<_> = module
        .exports
        .iter()
        .filter(|export| !called.contains(&*export.name))
        .map(walrus::Export::id)
        .collect();
    for export in uncalled {
        module.exports.delete(export);
    }
    let mut known = HashMap::new();
    let mut short = |name: &mut String| {
        if is_generated(name) {
            let next = known.len();
            let new = known
                .entry(name.clone())
                .or_insert_with(|| format!("_{next}"));
            name.clone_from(new);
        }
    };
    let mut script = script.to_owned();
    for import in module.imports.iter_mut() {
        short(&mut import.name);
        if import.module.ends_with("_bg.js") {
            script = script.replace(&format!("\"{}\"", import.module), "\"_\"");
            import.module = "_".into();
        }
    }
    for export in module.exports.iter_mut() {
        short(&mut export.name);
    }
    Ok((module.emit_wasm(), replaced(&script, &known)))
}

/// Whether nobody has written a name. A name of one word may be: it may stand
/// for something else in the script as well.
fn is_generated(name: &str) -> bool {
    name.contains('_')
}

fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$'
}

/// The script with its words replaced.
fn replaced(script: &str, words: &HashMap<String, String>) -> String {
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
    fn whole_words_are_replaced() {
        let words = HashMap::from([("a_1".to_owned(), "_0".to_owned())]);
        assert_eq!(
            replaced("wasm.a_1(a_12, xa_1) a_1", &words),
            "wasm._0(a_12, xa_1) _0"
        );
    }

    #[test]
    fn both_files_agree_and_what_is_not_called_is_not_shown() {
        let mut module = walrus::Module::default();
        let none = module.types.add(&[], &[]);
        let name = "__wbg_call_a410eb4b59ed5965";
        let (call, _) = module.add_import_func("./core_bg.js", name, none);
        for export in ["run", "client_new", "__abort_handler"] {
            module.exports.add(export, call);
        }
        let script = format!("\"./core_bg.js\": {{ {name}: () => wasm.client_new() }}; wasm.run()");
        let (wasm, script) = shorten(&module.emit_wasm(), &script, false).unwrap();
        let module = read(&wasm, false).unwrap();
        let import = module.imports.iter().next().unwrap();
        assert_eq!([&*import.module, &*import.name], ["_", "_0"]);
        let exports: Vec<_> = module.exports.iter().map(|export| &*export.name).collect();
        assert_eq!(exports, ["run", "_1"]);
        assert_eq!(script, "\"_\": { _0: () => wasm._1() }; wasm.run()");
    }
}
