//! `conformance.toml` names the tests that show what the specifications
//! demand; this sees that they are there.
//!
//! The sources are read line by line, which is enough for code that rustfmt
//! has been over, and keeps this under a second: nothing is compiled.

use std::collections::HashSet;
use std::fmt::{self, Display};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use toml::{Table, Value};

use crate::workspace::root;

const FILE: &str = "conformance.toml";

/// The tables of the file.
const VERSIONS: [&str; 2] = ["5.0", "3.1.1"];

/// The crates whose tests may be named.
const CRATES: [&str; 7] = [
    "client-wasm",
    "codec",
    "dashboard",
    "devices",
    "e2e",
    "protocol",
    "ws-broker",
];

/// How many statements there are of each kind.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    shown: usize,
    cannot_be: usize,
    missing: usize,
}

impl Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            shown,
            cannot_be,
            missing,
        } = self;
        let all = shown + cannot_be + missing;
        write!(
            f,
            "conformance: {all} statements, {shown} shown, {cannot_be} cannot be, {missing} missing"
        )
    }
}

/// Checks the file against the sources; the error has a line for each fault.
pub(crate) fn check() -> Result<Summary> {
    let mut tests = HashSet::new();
    for name in CRATES {
        let module = name.replace('-', "_");
        for folder in ["src", "tests"] {
            find_in_folder(&root().join(name).join(folder), &module, &mut tests)?;
        }
    }
    let text = fs::read_to_string(root().join(FILE)).with_context(|| format!("no {FILE}"))?;
    let (summary, faults) = judge(&text, &tests)?;
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(summary)
}

fn judge(text: &str, tests: &HashSet<String>) -> Result<(Summary, Vec<String>)> {
    let file: Table = text.parse().with_context(|| format!("{FILE} is no TOML"))?;
    let mut summary = Summary::default();
    let mut faults = Vec::new();
    for version in file.keys() {
        if !VERSIONS.contains(&version.as_str()) {
            faults.push(format!("{FILE}: there is no table for MQTT {version}"));
        }
    }
    for version in VERSIONS {
        let Some(statements) = file.get(version).and_then(Value::as_array) else {
            faults.push(format!("{FILE}: no statements of {version}"));
            continue;
        };
        let mut seen = HashSet::new();
        for (at, statement) in statements.iter().enumerate() {
            let id = statement.get("id").and_then(Value::as_str);
            let Some(id) = id.filter(|id| is_statement(id)) else {
                let name = id.map_or_else(|| format!("number {}", at + 1), |id| format!("`{id}`"));
                faults.push(format!("{FILE}: {version}, {name} is no statement's id"));
                continue;
            };
            let mut fault = |what| faults.push(format!("{FILE}: {version}, {id} {what}"));
            if !seen.insert(id) {
                fault("is there twice".to_owned());
            }
            let verdict = match Verdict::of(statement) {
                Ok(verdict) => verdict,
                Err(error) => {
                    fault(error.to_string());
                    continue;
                }
            };
            for name in verdict.tests.iter().filter(|name| !tests.contains(**name)) {
                fault(format!("names {name}, which is no test"));
            }
            if verdict.is_missing {
                summary.missing += 1;
            } else if verdict.cannot_be {
                summary.cannot_be += 1;
            } else {
                summary.shown += 1;
            }
        }
    }
    Ok((summary, faults))
}

/// Whether it looks like `MQTT-3.1.2-24`.
fn is_statement(id: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    id.strip_prefix("MQTT-")
        .and_then(|id| id.split_once('-'))
        .is_some_and(|(section, number)| {
            section.split('.').count() == 3
                && section.split('.').all(is_number)
                && is_number(number)
        })
}

/// What the file says of a statement. One of which a part is shown and a part
/// is missing counts as missing.
#[derive(Default)]
struct Verdict<'a> {
    tests: Vec<&'a str>,
    cannot_be: bool,
    is_missing: bool,
}

impl<'a> Verdict<'a> {
    fn of(statement: &'a Value) -> Result<Self> {
        let statement = statement.as_table().context("is no table")?;
        let mut verdict = Self::default();
        for (key, value) in statement {
            let is_text = value.as_str().is_some_and(|text| !text.is_empty());
            match key.as_str() {
                "id" => {}
                "says" if is_text => {}
                "none" if is_text => verdict.cannot_be = true,
                "missing" if is_text => verdict.is_missing = true,
                "tests" => {
                    let names = value.as_array().and_then(|names| {
                        let names: Option<Vec<_>> = names.iter().map(Value::as_str).collect();
                        names.filter(|names| !names.is_empty())
                    });
                    verdict.tests = names.context("names no tests")?;
                }
                _ => bail!("has an unknown or empty `{key}`"),
            }
        }
        ensure!(statement.contains_key("says"), "does not say anything");
        let is_shown = !verdict.tests.is_empty();
        ensure!(
            is_shown || verdict.cannot_be || verdict.is_missing,
            "has none of `tests`, `none` and `missing`"
        );
        ensure!(
            !verdict.cannot_be || !is_shown && !verdict.is_missing,
            "has `none` beside `tests` or `missing`"
        );
        Ok(verdict)
    }
}

/// The tests below a folder, whose files' names are modules below `module`.
fn find_in_folder(folder: &Path, module: &str, tests: &mut HashSet<String>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    let unreadable = || format!("cannot read {}", folder.display());
    for entry in fs::read_dir(folder).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else {
            continue;
        };
        let inner = match name {
            "lib" | "main" | "mod" => module.to_owned(),
            name => format!("{module}::{name}"),
        };
        if path.is_dir() {
            find_in_folder(&path, &inner, tests)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            tests.extend(find(&source, &inner));
        }
    }
    Ok(())
}

/// The tests in a file, by path; one that is ignored shows nothing.
fn find(source: &str, module: &str) -> Vec<String> {
    let mut tests = Vec::new();
    // Open inline modules, with the indents at which they close.
    let mut modules: Vec<(usize, &str)> = Vec::new();
    let (mut is_test, mut is_ignored) = (false, false);
    for line in source.lines() {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        if let Some(attribute) = code.strip_prefix("#[") {
            let end = attribute.find(['(', ']', ' ']).unwrap_or(attribute.len());
            let path = &attribute[..end];
            is_test |= path.rsplit("::").next() == Some("test") || path == "wasm_bindgen_test";
            is_ignored |= path == "ignore";
        } else if let Some(name) = function(code) {
            if is_test && !is_ignored {
                let inline: String = modules.iter().map(|(_, m)| format!("::{m}")).collect();
                tests.push(format!("{module}{inline}::{name}"));
            }
            (is_test, is_ignored) = (false, false);
        } else if let Some(name) = inline_module(code) {
            modules.push((indent, name));
        } else if code == "}" && modules.last().is_some_and(|(at, _)| *at == indent) {
            modules.pop();
        }
    }
    tests
}

/// The name, when a line begins a function.
fn function(code: &str) -> Option<&str> {
    let (before, after) = match code.strip_prefix("fn ") {
        Some(after) => ("", after),
        None => code.split_once(" fn ")?,
    };
    let is_qualifier = |word| matches!(word, "pub" | "pub(crate)" | "pub(super)" | "async");
    if !before
        .split(' ')
        .all(|word| word.is_empty() || is_qualifier(word))
    {
        return None;
    }
    Some(&after[..after.find(['(', '<'])?])
}

/// The name, when a line begins a module with a body.
fn inline_module(code: &str) -> Option<&str> {
    let code = code.strip_suffix(" {")?;
    let name = code.strip_prefix("mod ").or_else(|| {
        code.strip_prefix("pub(crate) mod ")
            .or_else(|| code.strip_prefix("pub mod "))
    })?;
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"
fn helper() {}

#[test]
fn plain() {
}

/// Says why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_threads() {
}

#[test]
#[ignore = "slow"]
fn ignored() {
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn in_a_macro((a, b) in strategy()) {
    }
}

#[cfg(test)]
mod tests {
    #[test]
    #[rustfmt::skip] // A table is read in rows.
    fn inside() {
        if true {
        }
    }

    mod deeper {
        #[wasm_bindgen_test]
        async fn in_the_browser() {
        }
    }

    #[cfg(unix)]
    fn no_test() {}
}

#[test]
fn after() {}
"#;

    #[test]
    fn tests_are_found_by_their_attributes_and_modules() {
        let expected = [
            "c::plain",
            "c::with_threads",
            "c::in_a_macro",
            "c::tests::inside",
            "c::tests::deeper::in_the_browser",
            "c::after",
        ];
        assert_eq!(find(SOURCE, "c"), expected);
    }

    #[test]
    fn ids_are_sections_and_numbers() {
        assert!(is_statement("MQTT-3.1.2-24"));
        for id in [
            "",
            "3.1.2-24",
            "MQTT-3.1-2",
            "MQTT-3.1.2",
            "MQTT-3.1.x-2",
            "MQTT-3.1.2-",
        ] {
            assert!(!is_statement(id), "{id}");
        }
    }

    fn faults(text: &str) -> Vec<String> {
        let tests = HashSet::from(["c::plain".to_owned()]);
        judge(text, &tests).unwrap().1
    }

    #[test]
    fn what_is_right_is_counted() {
        let text = r#"
            [["5.0"]]
            id = "MQTT-1.5.4-1"
            says = "a"
            tests = ["c::plain"]

            [["5.0"]]
            id = "MQTT-1.5.4-2"
            says = "b"
            none = "on the application"

            [["3.1.1"]]
            id = "MQTT-1.5.4-1"
            says = "c"
            missing = "all of it"

            [["3.1.1"]]
            id = "MQTT-1.5.4-2"
            says = "d"
            tests = ["c::plain"]
            missing = "half of it"
        "#;
        let tests = HashSet::from(["c::plain".to_owned()]);
        let (summary, faults) = judge(text, &tests).unwrap();
        assert_eq!(faults, [""; 0]);
        assert_eq!(
            summary.to_string(),
            "conformance: 4 statements, 1 shown, 1 cannot be, 2 missing"
        );
    }

    #[test]
    fn each_fault_has_its_line() {
        let text = r#"
            [["5.0"]]
            id = "MQTT-1.5.4-1"
            says = "a"
            tests = ["c::plain", "c::gone", "d::gone"]

            [["5.0"]]
            id = "MQTT-1.5.4-1"
            says = "a"
            none = "b"
            missing = "c"

            [["5.0"]]
            id = "MQTT-1.5-1"

            [["5.0"]]
            id = "MQTT-1.5.4-2"
            says = "a"

            [["3.1.1"]]
            says = "a"

            [["3.1.1"]]
            id = "MQTT-1.5.4-3"
            says = "a"
            test = ["c::plain"]

            [["3.1"]]
            id = "MQTT-1.5.4-3"
        "#;
        let expected = [
            "there is no table for MQTT 3.1",
            "5.0, MQTT-1.5.4-1 names c::gone, which is no test",
            "5.0, MQTT-1.5.4-1 names d::gone, which is no test",
            "5.0, MQTT-1.5.4-1 is there twice",
            "5.0, MQTT-1.5.4-1 has `none` beside `tests` or `missing`",
            "5.0, `MQTT-1.5-1` is no statement's id",
            "5.0, MQTT-1.5.4-2 has none of `tests`, `none` and `missing`",
            "3.1.1, number 1 is no statement's id",
            "3.1.1, MQTT-1.5.4-3 has an unknown or empty `test`",
        ];
        assert_eq!(
            faults(text),
            expected.map(|line| format!("conformance.toml: {line}"))
        );
    }

    #[test]
    fn this_workspace_has_what_its_table_names() {
        check().unwrap();
    }
}
