//! How a script starts its program. wasm-bindgen's way takes whatever it is
//! given, and warns of what it should not be given; ours takes the program.

use anyhow::{Context, Result};

/// Where wasm-bindgen's way begins; it ends with the script.
const THEIRS: &str = "async function __wbg_load(";

const OURS: &str = "\
export default async function start(program) {
    const made = await WebAssembly.instantiate(program, __wbg_get_imports());
    return __wbg_finalize_init(made.instance ?? made, program);
}
";

/// The script, whose default export starts the program that it is given: as a
/// `WebAssembly.Module`, or its bytes.
///
/// # Errors
/// wasm-bindgen writes it in another way than it did.
pub fn plainly(script: &str) -> Result<String> {
    let (before, _) = script
        .split_once(THEIRS)
        .filter(|(before, _)| {
            [
                "function __wbg_get_imports(",
                "function __wbg_finalize_init(",
            ]
            .iter()
            .all(|used| before.contains(used))
        })
        .context(
            "wasm-bindgen's script starts its program in a new way: see xtask/page/src/start.rs",
        )?;
    Ok([before, OURS].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_ours_and_the_rest_is_theirs() {
        let theirs = "function __wbg_get_imports() {}\nfunction __wbg_finalize_init(instance, module) {}\nasync function __wbg_load() {}\nexport { initSync, __wbg_init as default };\n";
        let script = plainly(theirs).unwrap();
        assert!(script.starts_with("function __wbg_get_imports() {}\nfunction __wbg_fin"));
        assert!(script.contains("export default async function start(program)"));
        assert!(!script.contains("initSync"));
        assert!(plainly("async function __wbg_load() {}").is_err());
    }
}
