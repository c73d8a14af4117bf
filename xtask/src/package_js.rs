//! `cargo xtask package-js`: the browser client as an npm package.
//!
//! | file | for |
//! |---|---|
//! | `index.js` with `core_bg.wasm` | bundlers, and `<script type="module">` |
//! | `node.js` | Node: `index.js` with another way to the wasm |
//! | `store.js` | what is loaded when a program asks for a store |
//! | `inline.js` | an ES module with the wasm in it |
//! | `mqtt.global.js` | `<script>`, also from a file: one global, the wasm in it |

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::process::run;
use crate::steps::Steps;
use crate::tools::{node, system, wasm_target};
use crate::workspace::{cargo, root, target};

/// The steps that [`build`] announces.
pub(crate) const STEPS: usize = 2;

/// What a page loads at most of the package, gzip, KB of 1,000 bytes.
const GOAL: f64 = 80.0;

/// What was made.
pub(crate) struct Package {
    /// The folder with the package's files.
    pub(crate) folder: PathBuf,
    /// What `npm install` takes.
    pub(crate) tarball: PathBuf,
}

/// Builds the package and says how large it is.
pub(crate) fn package() -> Result<()> {
    let package = build(&mut Steps::new(STEPS))?;
    let node = system::node()?;
    let size = |names: &[&str]| gzipped(&node, &package.folder, names);
    let loaded = size(&["index.js", "store.js", "core_bg.wasm"])?;
    let inline = size(&["inline.js"])?;
    println!("a page loads {loaded:.1} KB, or {inline:.1} KB in one file (gzip)");
    if loaded > GOAL {
        println!("the goal is {GOAL} KB");
    }
    println!("{}", package.tarball.display());
    Ok(())
}

/// Builds the package.
pub(crate) fn build(steps: &mut Steps) -> Result<Package> {
    wasm_target::ensure()?;
    steps.next("building the browser client for JavaScript", None);
    run(cargo("rustc")
        .args([
            "--package",
            "client-wasm",
            "--features",
            "js",
            "--crate-type",
            "cdylib",
            "--target",
            wasm_target::WASM,
            "--profile",
            "wasm-release",
            "--",
        ])
        .args(wasm_target::FLAGS))?;
    steps.next("packing it for npm", None);
    run(cargo("build").args(["--package", "xtask-page"]))?;

    let folder = target().join("npm/package");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| failed(&folder))?;
    }
    fs::create_dir_all(&folder).with_context(|| failed(&folder))?;
    bind(&folder)?;
    optimise(&folder)?;
    copy_sources(&folder)?;
    let bytes = read_bytes(&folder.join("core_bg.wasm"))?;
    write(
        &folder.join("wasm.js"),
        &format!(
            "export const bytes = () => Uint8Array.from(atob('{}'), (c) => c.charCodeAt(0));\n",
            base64(&bytes)
        ),
    )?;
    let global = folder.join("mqtt.global.js");
    write(&global, &one_file(&folder, &bytes)?)?;
    let core = folder.join("core.js");
    fs::remove_file(&core).with_context(|| failed(&core))?;
    minify(&global, false)?;
    for module in ["index.js", "store.js"] {
        minify(&folder.join(module), true)?;
    }
    let (global, names) = (read(&global)?, NAMES.join(", "));
    let module = format!("{global}\nexport const {{ {names} }} = mqtt;\n");
    write(&folder.join("inline.js"), &module)?;
    pack(&folder)
}

const NAMES: [&str; 5] = ["connect", "Client", "Message", "MqttError", "Subscription"];

fn bind(folder: &Path) -> Result<()> {
    let wasm = target()
        .join(wasm_target::WASM)
        .join("wasm-release/client_wasm.wasm");
    let mut command = page_tool("xtask-bind");
    command.arg("--wasm").arg(wasm).arg("--out").arg(folder);
    command.args(["--name", "core"]);
    run(&mut command)
}

/// A program of xtask-page.
fn page_tool(name: &str) -> Command {
    let program = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    Command::new(target().join("debug").join(program))
}

/// What Rust's compiler and wasm-bindgen make use of, and browsers have had for
/// years.
const FEATURES: [&str; 7] = [
    "bulk-memory",
    "bulk-memory-opt",
    "multivalue",
    "mutable-globals",
    "nontrapping-float-to-int",
    "reference-types",
    "sign-ext",
];

/// Leaves to binaryen what it makes smaller.
///
/// A function with one caller stays one, for what is alike compresses better
/// apart. Nothing of Rust's lies in the first kilobyte: the stack ends there.
fn optimise(folder: &Path) -> Result<()> {
    let tool = node::binaryen(&system::npm()?)?;
    let wasm = folder.join("core_bg.wasm");
    run(Command::new(system::node()?)
        .arg(tool)
        .args(["-Oz", "--converge", "--low-memory-unused"])
        .args(["--one-caller-inline-max-function-size", "1"])
        .args(FEATURES.map(|feature| format!("--enable-{feature}")))
        .arg("--strip-target-features")
        .arg(&wasm)
        .arg("-o")
        .arg(&wasm))?;
    run(page_tool("xtask-order").arg(&wasm))
}

/// What holds of our scripts and of wasm-bindgen's: no getter does anything but
/// get, and what is written as a function is no constructor.
const COMPRESS: &str = "passes=3,pure_getters,unsafe_arrows,unsafe_methods";

/// What only the script itself calls by these names: wasm-bindgen's and ours.
const PRIVATE: &str = "regex=/^_(_wbg_ptr|_destroy_into_raw|_wrap|wbg_cb_unref|emit|flow|forget|ready|hears|answerChallenge)$/";

/// Leaves to terser what it makes smaller of a script. Of a module it shortens
/// every name but those of classes, which people see.
fn minify(script: &Path, is_module: bool) -> Result<()> {
    let tool = node::terser(&system::npm()?)?;
    run(Command::new(system::node()?)
        .arg(tool)
        .arg(script)
        .args(["--compress", COMPRESS, "--mangle", "--ecma", "2022"])
        .args(["--mangle-props", PRIVATE, "--keep-classnames"])
        .args(is_module.then_some("--module"))
        .arg("--output")
        .arg(script))
}

/// What the face is made of, each after what it uses. In the package it is one
/// file: a page without a bundler would fetch one after the other.
const FACE: [&str; 4] = ["errors.js", "fields.js", "scram.js", "client.js"];

/// The face behind what wasm-bindgen has written: it imports nothing.
fn face(folder: &Path) -> Result<String> {
    let sources = root().join("client-wasm/js");
    let core = replaced(&read(&folder.join("core.js"))?, "\nexport default ", "\n")?;
    let mut face = core.replace("export class", "class");
    face = face.replace("\nexport function", "\nfunction");
    for name in FACE {
        let mut source = read(&sources.join(name))?;
        for other in FACE {
            source = without_import(&source, other)?;
        }
        source = without_import(&source, "core.js")?;
        if name != "client.js" {
            source = source.replace("\nexport ", "\n");
        }
        face.push_str(&source);
    }
    Ok(face)
}

/// The script without the statement, of one line or of several, that imports
/// something of `file`.
fn without_import(script: &str, file: &str) -> Result<String> {
    let from = format!(" from './{file}';\n");
    let Some(end) = script.find(&from) else {
        return Ok(script.to_owned());
    };
    let begin = script[..end].rfind("\nimport ");
    let begin = begin.with_context(|| format!("{file} is imported in a new way"))? + 1;
    Ok([&script[..begin], &script[end + from.len()..]].concat())
}

/// What is in the repository as it is in the package.
fn copy_sources(folder: &Path) -> Result<()> {
    let sources = root().join("client-wasm/js");
    for name in ["index.d.ts", "node.js", "store.js", "README.md"] {
        copy(&sources.join(name), &folder.join(name))?;
    }
    let index = without_import(&read(&sources.join("index.js"))?, "client.js")?;
    let names = "export { Client, Message, MqttError, Subscription, connectWith, start } from './client.js';\n";
    let index = replaced(&index, names, "")?;
    write(&folder.join("index.js"), &[face(folder)?, index].concat())?;
    for name in ["LICENSE-APACHE", "LICENSE-MIT"] {
        copy(&root().join(name), &folder.join(name))?;
    }
    let manifest = read(&sources.join("package.json"))?;
    let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    let manifest = replaced(&manifest, "\"version\": \"0.0.0\"", &version)?;
    write(&folder.join("package.json"), &manifest)
}

/// One script that needs no other file, with one global, `mqtt`.
fn one_file(folder: &Path, wasm: &[u8]) -> Result<String> {
    let face = face(folder)?.replace("\nexport ", "\n");
    let face = face.replace("\n{ MqttError, start };\n", "\n");
    ensure!(
        !["\nimport ", "import(", "\nexport "]
            .iter()
            .any(|word| face.contains(word)),
        "client.js imports something, or exports in a new way"
    );
    let store = read(&root().join("client-wasm/js/store.js"))?;
    let store = replaced(&store, "\nexport const open = ", "\nreturn ")?;
    let wasm = base64(wasm);
    let names = NAMES.join(", ");
    Ok(format!(
        "var mqtt = (() => {{\n\
         {face}\n\
         const open = (() => {{\n{store}\n}})();\n\
         const program = '{wasm}';\n\
         const unpacked = () => Uint8Array.from(atob(program), (c) => c.charCodeAt(0));\n\
         const connect = connectWith(() => start(unpacked()), () => ({{ open }}));\n\
         return {{ {names} }};\n}})();\n"
    ))
}

/// The tarball that npm would publish.
fn pack(folder: &Path) -> Result<Package> {
    let tarball = folder.with_file_name(format!("client-wasm-{}.tgz", env!("CARGO_PKG_VERSION")));
    run(Command::new(system::npm()?)
        .args(["pack", "--silent", "--ignore-scripts", "--pack-destination"])
        .arg(folder.with_file_name(""))
        .current_dir(folder)
        .stdout(std::process::Stdio::null()))?;
    ensure!(tarball.exists(), "npm made no {}", tarball.display());
    Ok(Package {
        folder: folder.to_owned(),
        tarball,
    })
}

/// Kilobytes of these files, each compressed as a web server does.
fn gzipped(node: &Path, folder: &Path, names: &[&str]) -> Result<f64> {
    const SCRIPT: &str = "const z = require('zlib'), f = require('fs'); \
        console.log(process.argv.slice(1).reduce((sum, name) => \
        sum + z.gzipSync(f.readFileSync(name), { level: 9 }).length, 0))";
    let mut command = Command::new(node);
    command.args(["-e", SCRIPT]);
    command.args(names.iter().map(|name| folder.join(name)));
    let bytes = crate::process::answer(&mut command).context("Node measured nothing")?;
    let bytes: f64 = bytes.trim().parse().context("Node measured no number")?;
    Ok(bytes / 1000.0)
}

fn replaced(text: &str, old: &str, new: &str) -> Result<String> {
    if text.matches(old).count() != 1 {
        bail!("client-wasm/js does not have {old:?} once: see xtask/src/package_js.rs");
    }
    Ok(text.replacen(old, new, 1))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            text.push(if place > chunk.len() {
                '='
            } else {
                char::from(DIGITS[(bits >> (18 - 6 * place)) as usize & 63])
            });
        }
    }
    text
}

fn failed(path: &Path) -> String {
    format!("cannot prepare {}", path.display())
}

fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    write(to, &read(from)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }

    #[test]
    fn imports_are_left_out() {
        let script =
            "import { a } from './core.js';\nimport {\n  b,\n} from './b.js';\n\nb('x');\n";
        let script = without_import(script, "b.js").unwrap();
        let script = without_import(&script, "other.js").unwrap();
        assert_eq!(script, "import { a } from './core.js';\n\nb('x');\n");
    }

    #[test]
    fn a_place_to_replace_is_there_once() {
        assert_eq!(replaced("a b", "b", "c").unwrap(), "a c");
        assert!(replaced("a", "b", "c").is_err());
        assert!(replaced("b b", "b", "c").is_err());
    }
}
