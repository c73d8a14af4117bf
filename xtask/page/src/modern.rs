//! Leaves out of wasm-bindgen's script what is for browsers that could not run
//! the program anyway: it has references to objects of JavaScript, which came
//! after all of this; and what nobody calls, as `free` of objects that the
//! garbage collector frees.

/// What is written for others, and what is left of it.
const OLD: [(&str, &str); 7] = [
    (
        "(typeof FinalizationRegistry === 'undefined')\n    ? { register: () => {}, unregister: () => {} }\n    : new FinalizationRegistry(",
        "new FinalizationRegistry(",
    ),
    (
        "if (!('encodeInto' in cachedTextEncoder)) {\n    cachedTextEncoder.encodeInto = function (arg, view) {\n        const buf = cachedTextEncoder.encode(arg);\n        view.set(buf);\n        return {\n            read: arg.length,\n            written: buf.length\n        };\n    };\n}\n",
        "",
    ),
    (
        "    if (realloc === undefined) {\n        const buf = cachedTextEncoder.encode(arg);\n        const ptr = malloc(buf.length, 1) >>> 0;\n        getUint8ArrayMemory0().subarray(ptr, ptr + buf.length).set(buf);\n        WASM_VECTOR_LEN = buf.length;\n        return ptr;\n    }\n",
        "",
    ),
    (
        "typeof globalThis === 'undefined' ? undefined : globalThis",
        "globalThis",
    ),
    (
        "typeof global === 'undefined' ? undefined : global",
        "undefined",
    ),
    (
        "typeof self === 'undefined' ? undefined : self",
        "undefined",
    ),
    (
        "typeof window === 'undefined' ? undefined : window",
        "undefined",
    ),
];

/// Functions of every exported class, which nobody calls.
const UNCALLED: [&str; 2] = ["    free() {\n", "    __destroy_into_raw() {\n"];

/// The script for browsers that can run the program.
pub fn modern(script: &str) -> String {
    let script = OLD.iter().fold(script.to_owned(), |script, (old, new)| {
        script.replace(old, new)
    });
    let script = UNCALLED
        .iter()
        .fold(script, |script, name| without(&script, name));
    // Nobody outside has what could be disposed of.
    let lines = script.split_inclusive('\n');
    lines
        .filter(|line| !line.starts_with("if (Symbol.dispose) "))
        .collect()
}

/// The script without the functions that begin so.
fn without(script: &str, begin: &str) -> String {
    const END: &str = "\n    }\n";
    let mut parts = script.split(begin);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let rest = part.split_once(END).map_or(part, |(_, rest)| rest);
        text + rest
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_browser_has_is_not_asked_for() {
        let script = "const A = (typeof FinalizationRegistry === 'undefined')\n    ? { register: () => {}, unregister: () => {} }\n    : new FinalizationRegistry(f);\n";
        assert_eq!(modern(script), "const A = new FinalizationRegistry(f);\n");
    }
    #[test]
    fn what_nobody_calls_is_not_there() {
        let script = "class A {\n    free() {\n        wasm.f(1);\n    }\n    used() {\n    }\n}\n";
        assert_eq!(modern(script), "class A {\n    used() {\n    }\n}\n");
    }
}
