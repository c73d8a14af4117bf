//! The code in the README of the browser client, as it is written: copied into
//! an empty folder, with the package as it comes. Its example in Yew, too.

use std::fs;

use e2e::{
    Broker, Browser, Files, Folder, Login, Message, Mosquitto, Raw, Screen, Theme, Version, tool,
};
use serde_json::json;

use crate::package::{built, clients, copy};

/// The blocks of a language, in order.
fn blocks(language: &str) -> Vec<String> {
    let file = tool("E2E_ROOT").join("client-wasm/js/README.md");
    let text = fs::read_to_string(file).expect("a README");
    let begin = format!("```{language}\n");
    let blocks = text.split(&begin).skip(1);
    let block = |rest: &str| rest.split("```").next().expect("its end").to_owned();
    blocks.map(block).collect()
}

/// The code with another address than the one that is written there.
fn with_address(code: &str, written: &str, port: u16) -> String {
    assert!(code.contains(written), "{written} in {code}");
    code.replace(written, &format!("ws://127.0.0.1:{port}/"))
}

const OURS: &str = "ws://localhost:9001/";

/// Waits until a page is called something, and gives that.
async fn title(browser: &Browser) -> String {
    let wait = "const done = arguments[0], look = () => \
         document.title ? done(document.title) : setTimeout(look, 5); look()";
    let title = browser.run_async(wait, &[]).await;
    title.as_str().expect("text").to_owned()
}

async fn raw(port: u16) -> Raw {
    Raw::connected(port, &Login::new(Version::V5, "observer")).await
}

#[tokio::test]
async fn a_module_script_beside_the_packages_folder_connects() {
    let (broker, mosquitto) = (Broker::start().await, Mosquitto::start().await);
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    for port in [broker.web, mosquitto.web] {
        let folder = Folder::new();
        copy(&tool("E2E_PACKAGE"), &folder.path().join("client-wasm"));
        let [_, module] = &blocks("html")[..] else {
            panic!("a page and a module");
        };
        let module = with_address(module, OURS, port);
        let told = "document.title = client.connected;\n</script>";
        let page = format!("<!doctype html>\n{}", module.replace("</script>", told));
        fs::write(folder.path().join("index.html"), page).expect("a page");
        let files = Files::serve(folder.path()).await;
        browser.open(&files.url).await;
        assert_eq!(title(&browser).await, "true");
    }
    assert_eq!(browser.errors().await, [""; 0]);
}

/// Its broker is written into it: the page opens another.
#[tokio::test]
async fn the_example_in_yew_shows_what_comes_and_its_button_publishes() {
    let (broker, folder) = (Broker::start().await, Folder::new());
    copy(&tool("E2E_FRIDGE"), folder.path());
    let page = format!(
        "<!doctype html><title></title><body></body><script type=\"module\">
         const Plain = WebSocket;
         globalThis.WebSocket = class extends Plain {{
             constructor(url, protocols) {{ super(url.replace('{OURS}', '{}'), protocols); }}
         }};
         const {{ default: start }} = await import('./fridge.js');
         await start();
         </script>",
        with_address(OURS, OURS, broker.web)
    );
    fs::write(folder.path().join("index.html"), page).expect("a page");
    let mut observer = raw(broker.mqtt).await;
    observer.subscribe(&[("home/led", 0)]).await;
    let reading = Message::new("Kitchen/Fridge", 1, "Temperature:14").retained();
    observer.publish(&reading).await;

    let files = Files::serve(folder.path()).await;
    let browser = Browser::start(Screen::Phone, Theme::Light).await;
    browser.open(&files.url).await;
    let shown = "const done = arguments[0], look = () => \
         document.querySelector('p')?.textContent.startsWith('T') ? done(document.querySelector('p').textContent) \
             : setTimeout(look, 5); look()";
    let shown = browser.run_async(shown, &[]).await;
    assert_eq!(shown, "Temperature:14");
    browser.click("button").await;
    let on = Message::new("home/led", 0, "Turn On");
    assert_eq!(observer.message().await, on);
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn its_typescript_is_checked_built_by_vite_and_run() {
    let broker = Broker::start().await;
    let users = Broker::with_users(&[("ada", "right")], &[]).await;
    let [connect, store, errors] = &blocks("ts")[..] else {
        panic!("three blocks");
    };
    let import = "import { connect } from 'client-wasm';\n";
    let save = "const save = async (number: number | undefined, order: unknown) => { \
         document.title = `${typeof number} ${JSON.stringify(order)}`; };\n";
    let log = "console.log = (...words: unknown[]) => { document.title = words.join(' '); };\n";
    let address = format!("const url = 'ws://127.0.0.1:{}/';\n", broker.web);
    let login = with_address(errors, "wss://broker.example/mqtt", users.web);

    let project = tool("E2E_VITE").join("readme");
    let _ = fs::remove_dir_all(&project);
    copy(&clients().join("vite"), &project);
    for (name, code) in [
        ("connect", with_address(connect, OURS, broker.web)),
        ("store", [import, &address, save, store].concat()),
        ("errors", [log, &login].concat()),
        (
            "main",
            "document.title = '';\n\
             const blocks = [() => import('./connect'), () => import('./store'), () => import('./errors')];\n\
             await blocks[Number(location.search.slice(1))]?.();\n\
             export {};\n"
                .to_owned(),
        ),
    ] {
        let file = project.join(format!("src/{name}.ts"));
        fs::write(file, code).expect("a module");
    }
    let files = Files::serve(&built(&project).await).await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    let open = async |block: usize| browser.open(&format!("{}?{block}", files.url)).await;

    let mut observer = raw(broker.mqtt).await;
    observer
        .subscribe(&[("home/led", 0), ("readings", 0)])
        .await;
    let last = Message::new("Kitchen/AirQuality", 1, "12").retained();
    observer.publish(&last).await;
    open(0).await;
    let on = Message::new("home/led", 0, "Turn On");
    assert_eq!(observer.message().await, on);

    let order = json!({ "tea": 2 }).to_string();
    let order = Message::new("orders", 1, order).retained();
    observer.publish(&order).await;
    open(1).await;
    assert_eq!(title(&browser).await, "number {\"tea\":2}");
    let reading = Message::new("readings", 0, "14");
    assert_eq!(observer.message().await, reading);

    open(2).await;
    let told = title(&browser).await;
    assert!(told.starts_with("connect 135"), "{told}");
    assert_eq!(browser.errors().await, [""; 0]);
}
