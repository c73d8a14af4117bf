//! The service worker: never an old page while the broker is there, the last
//! one while it is not; and what a browser wants of a page that is installed.

use std::fs;

use e2e::{Broker, Browser, Dashboard, Screen, Theme};
use serde_json::json;

/// Waits until the page is kept whole: what its HTML names, and no more.
async fn is_kept(page: Dashboard<'_>, word: &str) {
    let script = "const done = arguments[1]; const look = async () => { \
         const cache = await caches.open('page'); \
         const html = await (await cache.match('/'))?.text() ?? ''; \
         const paths = (await cache.keys()).map(({ url }) => new URL(url).pathname); \
         const files = [...html.matchAll(/(?:src|href)=\"(\\/[^\"]+)\"/g)].map(([, path]) => path); \
         const wanted = ['/', ...files].sort().join(); \
         if (html.includes(arguments[0]) && paths.sort().join() === wanted \
             && navigator.serviceWorker.controller) done(true); \
         else setTimeout(look, 20); \
     }; look()";
    page.browser.run_async(script, &[word.into()]).await;
}

/// What the page calls itself.
async fn described(page: Dashboard<'_>, words: &str) {
    let script = "return document.querySelector('meta[name=description]')?.content === given[0]";
    page.wait(script, &[words.into()]).await;
}

/// Has the page's worker wait for a silent broker for so long, milliseconds.
fn be_patient(broker: &Broker, patience: u32) {
    let file = broker.page().join("worker.js");
    let script = fs::read_to_string(&file).expect("a worker");
    let (before, rest) = script.split_once("PATIENCE = ").expect("its patience");
    let (_, after) = rest.split_once(';').expect("its patience");
    let script = format!("{before}PATIENCE = {patience};{after}");
    fs::write(&file, script).expect("a worker");
}

#[tokio::test]
async fn a_new_page_is_shown_at_once_and_the_last_one_while_the_broker_is_away() {
    let mut broker = Broker::with_page().await;
    // However slow this machine is.
    be_patient(&broker, u32::MAX >> 1);
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    let page = Dashboard::open(&browser, &broker).await;
    is_kept(page, "What is on the broker, live.").await;

    // A new build: another style, and so another name of it.
    let folder = broker.page();
    let index = folder.join("index.html");
    let html = fs::read_to_string(&index).expect("a page");
    let (_, rest) = html.split_once("/style-").expect("a style");
    let (hash, _) = rest.split_once(".css").expect("a style");
    let [old, new] = [hash, "0123456789abcdef"].map(|hash| format!("style-{hash}.css"));
    fs::rename(folder.join(&old), folder.join(&new)).expect("a style");
    let html = html.replace(&old, &new);
    let html = html.replace("What is on the broker, live.", "The next one.");
    fs::write(&index, html).expect("a page");
    let page = Dashboard::open(&browser, &broker).await;
    described(page, "The next one.").await;
    assert_eq!(browser.errors().await, [""; 0]);
    is_kept(page, &new).await;

    broker.kill().await;
    browser.open(&broker.url()).await;
    described(page, "The next one.").await;
    page.link_is("offline").await;
    let banner = page.text("[data-testid=banner]").await.expect("a banner");
    assert!(banner.starts_with("No answer from "), "{banner}");
    let styled =
        "return getComputedStyle(document.querySelector('article.card')).display !== 'block'";
    page.wait(styled, &[]).await;
    broker.restart().await;
    page.link_is("connected").await;
}

/// As one whose machine is out of memory, or behind a network that loses all.
#[tokio::test]
async fn the_last_page_is_shown_while_the_broker_accepts_and_is_silent() {
    let broker = Broker::with_page().await;
    be_patient(&broker, 50);
    let browser = Browser::start(Screen::Phone, Theme::Light).await;
    let page = Dashboard::open(&browser, &broker).await;
    is_kept(page, "What is on the broker, live.").await;
    broker.hang();
    browser.open(&broker.url()).await;
    described(page, "What is on the broker, live.").await;
    page.wait("return document.querySelector('.link')", &[])
        .await;
    broker.go_on();
    page.link_is("connected").await;
}

#[tokio::test]
async fn the_page_can_be_installed() {
    let broker = Broker::start().await;
    let browser = Browser::start(Screen::Phone, Theme::Light).await;
    let page = Dashboard::open(&browser, &broker).await;
    is_kept(page, "What is on the broker, live.").await;
    let manifest = browser.devtools("Page.getAppManifest", json!({})).await;
    assert_eq!(manifest["errors"], json!([]));
    assert!(
        manifest["url"]
            .as_str()
            .is_some_and(|url| url.ends_with("/manifest.webmanifest"))
    );
    let errors = browser
        .devtools("Page.getInstallabilityErrors", json!({}))
        .await;
    assert_eq!(errors["installabilityErrors"], json!([]));
    assert_eq!(browser.errors().await, [""; 0]);
}
