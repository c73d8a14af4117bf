//! The browser client's npm package as its users load it: on a page, in a
//! worker, from a file, in Node, and in a project with Vite and TypeScript.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use e2e::{Broker, Browser, Files, Folder, Mosquitto, PATIENCE, Screen, Theme, tool};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

/// What holds at the end of the story.
const STORY: &str = "connect iterator large break callbacks properties request errors end";

pub(crate) fn clients() -> PathBuf {
    tool("E2E_ROOT").join("e2e/clients")
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a copy");
        }
    }
}

/// Fills a folder with a web site: the package in `package/`, the story beside
/// it, and an empty page.
pub(crate) fn fill(folder: &Path) {
    copy(&clients().join("package"), folder);
    copy(&tool("E2E_PACKAGE"), &folder.join("package"));
    let page = "<!doctype html><title>a</title>";
    fs::write(folder.join("index.html"), page).expect("a page");
}

/// A web site of its own.
pub(crate) async fn site() -> (Folder, Files) {
    let folder = Folder::new();
    fill(folder.path());
    let files = Files::serve(folder.path()).await;
    (folder, files)
}

/// Runs the body of an async function on the page; its arguments are in
/// `given`, and the package's `index.js` in `mqtt`.
pub(crate) async fn run(browser: &Browser, body: &str, given: &[Value]) -> Value {
    let script = format!(
        "const given = [...arguments], done = given.pop(); \
         import('/package/index.js').then(async (mqtt) => {{ {body} }}) \
             .then(done, (error) => done('failed: ' + error.stack))"
    );
    browser.run_async(&script, given).await
}

pub(crate) async fn page() -> (Folder, Files, Browser) {
    let (folder, files) = site().await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    browser.open(&files.url).await;
    (folder, files, browser)
}

pub(crate) fn url(port: u16) -> Value {
    format!("ws://127.0.0.1:{port}/mqtt").into()
}

async fn output(mut command: Command) -> Output {
    let output = timeout(2 * PATIENCE, command.kill_on_drop(true).output()).await;
    let output = output.expect("it takes too long").expect("it starts");
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

#[tokio::test]
async fn a_page_and_a_worker_use_it_with_ours_and_with_mosquitto() {
    let broker = Broker::start().await;
    let mosquitto = Mosquitto::start().await;
    let (_folder, _files, browser) = page().await;
    for port in [broker.web, mosquitto.web] {
        let body = "const { story } = await import('/story.js'); \
             return (await story(mqtt, given[0])).join(' ')";
        assert_eq!(run(&browser, body, &[url(port)]).await, STORY);
        let body = "const worker = new Worker('/worker.js', { type: 'module' }); \
             worker.postMessage(given[0]); \
             return await new Promise((resolve) => { \
                 worker.onmessage = ({ data }) => resolve(data); \
                 worker.onerror = ({ message }) => resolve('failed: ' + message); \
             })";
        assert_eq!(run(&browser, body, &[url(port)]).await, STORY);
    }
}

#[tokio::test]
async fn one_file_serves_as_a_module() {
    let broker = Broker::start().await;
    let (_folder, _files, browser) = page().await;
    let body = "const client = await import('/package/inline.js'); \
         const { story } = await import('/story.js'); \
         return (await story(client, given[0])).join(' ')";
    assert_eq!(run(&browser, body, &[url(broker.web)]).await, STORY);
}

/// A page that is written down somewhere, with the broker's address and the
/// script's, opened by a double click.
async fn open(browser: &Browser, folder: &Folder, broker: &Broker, html: &str) {
    let written = "ws://localhost:9001/";
    assert!(html.contains(written) && html.contains("\"mqtt.global.js\""));
    let html = html
        .replace(written, &format!("ws://127.0.0.1:{}/", broker.web))
        .replace("mqtt.global.js", "package/mqtt.global.js");
    let file = folder.path().join("written.html");
    fs::write(&file, html).expect("a page");
    browser.open(&format!("file://{}", file.display())).await;
}

/// Waits until an element has this text.
async fn shows(browser: &Browser, selector: &str, text: &str) {
    let wait = "const [selector, text, done] = arguments, look = () => \
         document.querySelector(selector).textContent === text ? done(true) : setTimeout(look, 5); \
         look()";
    browser
        .run_async(wait, &[selector.into(), text.into()])
        .await;
}

#[tokio::test]
async fn the_examples_work_as_they_are_written() {
    let broker = Broker::start().await;
    let (folder, _files, browser) = page().await;
    let js = tool("E2E_ROOT").join("client-wasm/js");
    let read = |name: &str| fs::read_to_string(js.join(name)).expect("it is there");
    // The fridge, which is published to from the page itself.
    let publish = "const [url, text, done] = arguments; \
         mqtt.connect(url).then(async (client) => { \
             await client.publish('Kitchen/Fridge', text, { retain: true, qos: 1 }); \
             await client.end(); \
         }).then(done, (error) => done(error.message))";

    open(&browser, &folder, &broker, &read("examples/led.html")).await;
    shows(&browser, "#state", "connected").await;
    browser.click("#on").await;
    shows(&browser, "#state", "Turn On").await;
    browser.click("#off").await;
    shows(&browser, "#state", "Turn Off").await;

    open(&browser, &folder, &broker, &read("examples/chart.html")).await;
    for celsius in ["14", "9.5"] {
        let text = format!("Temperature:{celsius}");
        let given = [url(broker.web), text.into()];
        assert_eq!(browser.run_async(publish, &given).await, Value::Null);
        shows(&browser, "#now", &format!("{celsius} °C")).await;
    }
    // As a picture, since Chromium warns of pixels that are read again and again.
    let drawn = "const done = arguments[0], canvas = document.querySelector('#chart'); \
         const { width, height } = canvas; \
         const empty = Object.assign(document.createElement('canvas'), { width, height }); \
         const look = () => canvas.toDataURL() === empty.toDataURL() \
             ? setTimeout(look, 5) : done(true); look()";
    assert_eq!(browser.run_async(drawn, &[]).await, true);

    // The README's first page; the last value is retained.
    let readme = read("README.md");
    let first = readme.split("```html\n").nth(1).expect("a page");
    let first = first.split("```").next().expect("its end");
    open(&browser, &folder, &broker, first).await;
    shows(&browser, "#fridge", "Temperature:9.5").await;
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn it_runs_in_node() {
    let broker = Broker::start().await;
    // Before version 22 it has a WebSocket only if it is asked for one.
    let asking = &["--experimental-websocket"][..];
    let ways = [
        ("E2E_NODE", asking, "node.js"),
        ("E2E_NODE", asking, "inline.js"),
        ("E2E_NODE22", &[], "node.js"),
        ("E2E_NODE22", &[], "inline.js"),
    ];
    for (node, arguments, module) in ways {
        let mut command = Command::new(tool(node));
        command
            .args(arguments)
            .arg(clients().join("package/node_story.mjs"))
            .arg(tool("E2E_PACKAGE").join(module))
            .arg(format!("ws://127.0.0.1:{}/mqtt", broker.web));
        let told = output(command).await.stdout;
        assert_eq!(
            String::from_utf8_lossy(&told).trim(),
            STORY,
            "{node} {module}"
        );
    }
}

#[tokio::test]
async fn a_project_with_vite_and_typescript_installs_checks_and_builds_it() {
    let broker = Broker::start().await;
    // Below the folder whose node_modules holds Vite and TypeScript.
    let project = tool("E2E_VITE").join("project");
    let _ = fs::remove_dir_all(&project);
    copy(&clients().join("vite"), &project);

    let files = Files::serve(&built(&project).await).await;
    let browser = Browser::start(Screen::Phone, Theme::Dark).await;
    let broker = format!("ws://127.0.0.1:{}/", broker.web);
    browser
        .open(&format!("{}?broker={broker}", files.url))
        .await;
    let wait = "const done = arguments[0], look = () => { \
         const text = document.querySelector('#fridge').textContent; \
         return text ? done(text) : setTimeout(look, 5) }; look()";
    let shown = browser.run_async(wait, &[]).await;
    assert_eq!(shown, "14 °C, 0, APPLICATION/JSON");
    assert_eq!(browser.errors().await, [""; 0]);
}

/// Installs the package from its tarball in a project with Vite and TypeScript,
/// checks the types and builds it; gives the folder with what was built.
pub(crate) async fn built(project: &Path) -> PathBuf {
    let tools = tool("E2E_VITE");
    let mut install = Command::new(tool("E2E_NPM"));
    install
        .args(["install", "--no-save", "--no-audit", "--no-fund"])
        .args(["--ignore-scripts", "--loglevel=error"])
        .arg(tool("E2E_TARBALL"))
        .current_dir(project);
    output(install).await;
    for (program, arguments) in [
        ("typescript/bin/tsc", &["--strict", "--project", "."][..]),
        ("vite/bin/vite.js", &["build", "--logLevel", "warn"]),
    ] {
        let mut command = Command::new(tool("E2E_NODE"));
        command
            .arg(tools.join("node_modules").join(program))
            .args(arguments)
            .current_dir(project);
        output(command).await;
    }
    project.join("dist")
}

#[tokio::test]
async fn what_waits_for_a_broker_that_comes_back_is_bounded_and_comes() {
    let mut broker = Broker::start().await;
    let (_folder, _files, browser) = page().await;
    let body = "const client = globalThis.client = await mqtt.connect(given[0], { \
             offline: 'queue', queue: { messages: 2, overflow: 'dropOldest' }, \
             reconnect: { first: 50, longest: 200 } }); \
         globalThis.seen = []; \
         globalThis.events = []; \
         for (const name of ['connect', 'reconnect', 'offline', 'close', 'end']) \
             client.on(name, () => events.at(-1) === name || events.push(name)); \
         globalThis.offline = new Promise((resolve) => client.once('offline', resolve)); \
         await client.subscribe('values', { qos: 1, onMessage: (m) => seen.push(m.text()) }); \
         return (await client.publish('values', 'before', { qos: 1 })).reasonCode";
    assert_eq!(run(&browser, body, &[url(broker.web)]).await, 0);
    broker.kill().await;
    let body = "await offline; \
         globalThis.outcomes = ['1', '2', '3'].map((n) => \
             client.publish('values', n, { qos: 1 }) \
                 .then((told) => told.reasonCode, (error) => error.kind)); \
         return await outcomes[0]";
    assert_eq!(run(&browser, body, &[]).await, "dropped");
    broker.restart().await;
    let body = "const all = await Promise.all(outcomes); \
         while (!seen.includes('3')) await new Promise((resolve) => setTimeout(resolve, 5)); \
         await client.end(); \
         return [all.join(' '), seen.join(' '), [...new Set(events)].join(' ')].join('; ')";
    let told = run(&browser, body, &[]).await;
    // Whether the subscription was there again before the publish is the
    // broker's affair; that all comes is not.
    assert_eq!(
        told,
        "dropped 0 0; before 2 3; close offline reconnect connect end"
    );
}

#[tokio::test]
async fn a_full_queue_without_a_broker_lets_go_of_what_its_policy_says() {
    let (_folder, _files, browser) = page().await;
    let body = "const client = await mqtt.connect('ws://127.0.0.1:1/', { \
             offline: 'queue', waitForConnection: false, queue: { messages: 2, ...given[0] } }); \
         const outcomes = ['1', '2', '3'].map((n) => \
             client.publish('values', n, { qos: 1 }).catch(({ kind }) => kind)); \
         await client.end(); \
         return (await Promise.all(outcomes)).join(' ')";
    for (policy, outcomes) in [
        (json!({}), "ended ended queueFull"),
        (json!({ "overflow": "refuse" }), "ended ended queueFull"),
        (json!({ "overflow": "dropOldest" }), "dropped ended ended"),
        (json!({ "overflow": "dropNewest" }), "ended ended dropped"),
    ] {
        assert_eq!(run(&browser, body, &[policy]).await, outcomes);
    }
}

#[tokio::test]
async fn by_scram_the_password_stays_on_the_page_and_both_prove_that_they_know_it() {
    let (name, password) = (
        "ada,=é",
        "pa$$wörd and more than the sixty-four bytes of a block of SHA-256",
    );
    let broker = Broker::with_users(&[(name, password)], &[]).await;
    let (_folder, _files, browser) = page().await;
    let body = "const [url, username, password] = given; \
         const client = await mqtt.connect(url, { scram: { username, password: new TextEncoder().encode(password) } }); \
         const { reasonCode } = await client.reauthenticate(); \
         const told = [client.connected, reasonCode]; \
         await client.end(); \
         const wrong = await mqtt.connect(url, { scram: { username, password: 'pass' } }).catch((error) => error); \
         const liar = await mqtt.connect(url, { authenticator: { method: 'SCRAM-SHA-256', \
             answer: () => { throw new Error('no such thing') } } }).catch((error) => error); \
         const half = await mqtt.connect(url, { scram: { username } }).catch((error) => error); \
         return [...told, wrong.kind, wrong.reasonCode, liar.by, half.message].join(' ')";
    let told = run(
        &browser,
        body,
        &[url(broker.web), name.into(), password.into()],
    )
    .await;
    assert_eq!(
        told,
        "true 0 refused 135 broker options.scram needs username and password"
    );
}

#[tokio::test]
async fn credentials_are_fetched_before_each_connection() {
    let mut broker = Broker::with_users(&[("ada", "token")], &[]).await;
    let (_folder, _files, browser) = page().await;
    let body = "let asked = 0; globalThis.asked = () => asked; \
         globalThis.client = await mqtt.connect(given[0], { \
             reconnect: { first: 20, longest: 50 }, \
             credentials: async () => { asked += 1; return { username: 'ada', password: 'token' }; } }); \
         globalThis.offline = new Promise((resolve) => client.once('offline', resolve)); \
         const wrong = await mqtt.connect(given[0], { username: 'ada', password: 'old' }) \
             .catch((error) => error); \
         const none = await mqtt.connect(given[0], { credentials: () => { throw new Error('no server') } }) \
             .catch((error) => error); \
         return [asked, wrong.kind, wrong.by, wrong.reasonCode, wrong.advice.includes('user name and password'), \
             none.kind, none.message.includes('no server')].join(' ')";
    let told = run(&browser, body, &[url(broker.web)]).await;
    assert_eq!(told, "1 refused broker 135 true credentials true");
    broker.kill().await;
    run(&browser, "await offline", &[]).await;
    broker.restart().await;
    let body = "if (!client.connected) await new Promise((resolve) => client.once('connect', resolve)); \
         const again = asked() > 1; await client.end(); return again";
    assert_eq!(run(&browser, body, &[]).await, true);
}

/// The page's own timers stand still here, as they nearly do when a page has
/// been hidden for minutes.
#[tokio::test]
async fn a_hidden_page_keeps_its_connection_alive() {
    let broker = Broker::start().await;
    let (_folder, _files, browser) = page().await;
    let body = "let pings = 0; const enough = new Promise((resolve) => { \
             const send = WebSocket.prototype.send; \
             WebSocket.prototype.send = function (data) { \
                 if (data.byteLength === 2 && data[0] === 0xc0 && ++pings === 3) resolve(); \
                 return send.call(this, data); \
             } }); \
         const client = await mqtt.connect(given[0], { keepAlive: 1 }); \
         globalThis.setTimeout = () => 0; \
         Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true }); \
         document.dispatchEvent(new Event('visibilitychange')); \
         await enough; \
         return client.connected";
    assert_eq!(run(&browser, body, &[url(broker.web)]).await, true);
}
