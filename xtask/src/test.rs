//! `cargo xtask test`: every test there is.
//!
//! The crate `e2e` finds what it drives in these variables, each a full path:
//!
//! | variable | what |
//! |---|---|
//! | `E2E_BROKER`, `E2E_KITCHEN` | `ws-broker` and `kitchen`, release builds |
//! | `E2E_PYTHON161`, `E2E_PYTHON2` | Python interpreters with paho-mqtt 1.6.1 and 2.x |
//! | `E2E_MOSQUITTO`, `E2E_MOSQUITTO_PUB`, `E2E_MOSQUITTO_SUB` | Debian's Mosquitto and its clients |
//! | `E2E_NODE`, `E2E_NODE22` | Node in version 20, and in 22, which has a WebSocket of its own |
//! | `E2E_NODE_MODULES` | a `node_modules` with `mqtt` 5 and `axe-core` |
//! | `E2E_NPM`, `E2E_VITE` | npm, and a folder with Vite and TypeScript in its `node_modules` |
//! | `E2E_FRIDGE` | the example in Yew as wasm-bindgen makes it, `fridge.js` |
//! | `E2E_PACKAGE`, `E2E_TARBALL` | the browser client's npm package, its folder and its tarball |
//! | `CHROMIUM`, `CHROMEDRIVER` | the browser and its driver |
//! | `E2E_CERTUTIL` | what says whom the browser trusts |
//! | `E2E_ROOT` | the repository, with `devices/python` and `dist` |
//!
//! `client-wasm`'s browser tests find a broker in `CLIENT_WASM_TEST_BROKER`, as
//! they are compiled: `option_env!("CLIENT_WASM_TEST_BROKER")` is a `ws://` URL.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::ValueEnum;

use crate::process::{run, run_by_line};
use crate::results::Results;
use crate::steps::Steps;
use crate::tools::{cargo_tools, node, python, system, wasm_target};
use crate::workspace::{cargo, release_binary, root, target};
use crate::{broker, dashboard, package_js, torture};

/// paho-mqtt as most tutorials have it, and as pip installs it.
const PAHO: [&str; 2] = ["1.6.1", "2.1.0"];

/// What is run.
#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Run only these, each step with what it needs.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Step>,
    /// What to pass on to the test programs, such as a part of a test's name.
    #[arg(last = true)]
    filter: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Step {
    /// Everything that runs without a browser and without other programs.
    Units,
    /// The browser client's own tests, in Chromium, and on wasm32 in Node those
    /// of what it shares with the broker.
    Wasm,
    /// The whole: real clients, a real browser, the broker as it is shipped.
    E2e,
}

/// Runs the steps, all of them even when one fails, and sums up.
pub(crate) fn test(options: &Options) -> Result<ExitCode> {
    let wanted = |step| options.only.is_empty() || options.only.contains(&step);
    let programs = wanted(Step::Wasm) || wanted(Step::E2e);
    let count = [wanted(Step::Units), wanted(Step::Wasm), wanted(Step::E2e)]
        .into_iter()
        .filter(|wanted| *wanted)
        .count();
    let package = if wanted(Step::E2e) {
        package_js::STEPS
    } else {
        0
    };
    let before = if programs { dashboard::STEPS + 1 } else { 0 };
    let mut steps = Steps::new(count + before + package);
    let mut results = Results::default();
    let filter = &options.filter;

    if programs {
        dashboard::build(&mut steps)?;
        steps.next("building the broker and the simulated kitchen", None);
        broker::build()?;
    }
    if wanted(Step::Units) {
        steps.next("testing what needs no other program", None);
        results.add(units(filter)?);
    }
    if wanted(Step::Wasm) {
        steps.next(
            "testing codec and protocol on wasm32, and the browser client in Chromium",
            None,
        );
        results.add(wasm(filter)?);
    }
    if wanted(Step::E2e) {
        let package = package_js::build(&mut steps)?;
        steps.next("testing the whole with real clients", None);
        results.add(e2e(filter, &package)?);
        if filter.is_empty() {
            results.add(torture::as_test());
        }
    }
    if results.is_empty() {
        eprintln!("error: no test has such a name");
        results.failed = 1;
    }
    println!("{} passed, {} failed", results.passed, results.failed);
    Ok(ExitCode::from(u8::from(results.failed > 0)))
}

fn units(filter: &[String]) -> Result<Results> {
    let mut results = count(
        "units",
        filter,
        cargo("test").args(["--workspace", "--exclude", "e2e", "--no-fail-fast"]),
    )?;
    results.add(count(
        "the code in the browser client's README",
        filter,
        cargo("test").args(["--package", "client-wasm", "--features", "store", "--doc"]),
    )?);
    Ok(results)
}

fn wasm(filter: &[String]) -> Result<Results> {
    wasm_target::ensure()?;
    let runner = cargo_tools::wasm_bindgen("wasm-bindgen-test-runner")?;
    // The runner finds Node by its name. Version 18, which is Debian's, cannot run
    // what it makes.
    let [node, _] = node::versions(&system::npm()?)?;
    let mut results = count(
        "wasm in Node",
        filter,
        cargo("test")
            .args(["--package", "codec", "--package", "protocol", "--tests"])
            .args(["--target", wasm_target::WASM, "--no-fail-fast"])
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", &runner)
            .env("PATH", with_first(node.parent())?),
    )?;
    let (_, chromedriver) = system::browser()?;
    let broker = broker::start_for_tests()?;
    results.add(count(
        "wasm in Chromium",
        filter,
        cargo("test")
            .args(["--package", "client-wasm", "--lib", "--tests"])
            .args(["--features", "store"])
            .args(["--target", wasm_target::WASM, "--no-fail-fast"])
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner)
            .env("CHROMEDRIVER", chromedriver)
            .env("WASM_BINDGEN_TEST_TIMEOUT", "120")
            .env("CLIENT_WASM_TEST_BROKER", &broker.url),
    )?);
    Ok(results)
}

fn e2e(filter: &[String], package: &package_js::Package) -> Result<Results> {
    let system = system::all()?;
    let [node, node22] = node::versions(&system.npm)?;
    let mut test = cargo("test");
    test.args(["--package", "e2e", "--no-fail-fast"])
        .env("E2E_ROOT", root())
        .env("E2E_BROKER", release_binary("ws-broker"))
        .env("E2E_KITCHEN", release_binary("kitchen"))
        .env("E2E_PYTHON161", python::with_paho(&system.python, PAHO[0])?)
        .env("E2E_PYTHON2", python::with_paho(&system.python, PAHO[1])?)
        .env("E2E_MOSQUITTO", &system.mosquitto)
        .env("E2E_MOSQUITTO_PUB", &system.mosquitto_pub)
        .env(
            "E2E_MOSQUITTO_SUB",
            system.mosquitto_pub.with_file_name("mosquitto_sub"),
        )
        .env("E2E_NODE", node)
        .env("E2E_NODE22", node22)
        .env("E2E_NODE_MODULES", node::modules(&system.npm)?)
        .env("E2E_NPM", &system.npm)
        .env("E2E_VITE", node::vite(&system.npm)?)
        .env("E2E_PACKAGE", &package.folder)
        .env("E2E_TARBALL", &package.tarball)
        .env("E2E_FRIDGE", fridge()?)
        .env("E2E_CERTUTIL", &system.certutil)
        .env("CHROMIUM", &system.chromium)
        .env("CHROMEDRIVER", &system.chromedriver);
    count("e2e", filter, &mut test)
}

/// The example in Yew, as anybody builds it; gives its folder.
fn fridge() -> Result<PathBuf> {
    run(cargo("build")
        .args(["--package", "dashboard", "--example", "fridge"])
        .args(["--target", wasm_target::WASM, "--profile", "wasm-release"]))?;
    let folder = target().join("fridge");
    let built = target()
        .join(wasm_target::WASM)
        .join("wasm-release/examples/fridge.wasm");
    run(Command::new(cargo_tools::wasm_bindgen("wasm-bindgen")?)
        .args(["--target", "web", "--no-typescript", "--out-dir"])
        .arg(&folder)
        .arg(built))?;
    Ok(folder)
}

/// The folders in which programs are found, and one before them.
fn with_first(folder: Option<&Path>) -> Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = folder.map(Path::to_owned).into_iter();
    Ok(env::join_paths(folders.chain(env::split_paths(&path)))?)
}

/// Runs a step's tests with their output shown, and counts them. A step that
/// ran none has failed, unless only some were asked for.
fn count(name: &str, filter: &[String], command: &mut Command) -> Result<Results> {
    let mut results = Results::default();
    let status = run_by_line(command.arg("--").args(filter), |line| {
        results.read(line);
        println!("{line}");
    })?;
    if results.is_empty() && filter.is_empty() {
        eprintln!("error: the step `{name}` ran no test");
        return Ok(results.of_step(false));
    }
    Ok(results.of_step(status.success()))
}
