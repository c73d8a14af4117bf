//! What happens to a page in the middle of something: the network, a reload,
//! and hands that have no mouse or nothing else.

use e2e::{Broker, Browser, Client, Dashboard, Kind, Message, Screen, Theme, Version};
use serde_json::json;

use crate::home::{kept, press, there};

const LED: &str = "home/led";

async fn client(broker: &Broker, id: &str) -> Client {
    Client::connect(broker, Kind::Paho2, Version::V5, id).await
}

/// Timers of more than a moment never end while `frozen` is set: then nothing
/// but an event makes the page try again.
const FREEZE: &str = "{ const set = setTimeout; \
     globalThis.setTimeout = (what, ms, ...more) => \
         globalThis.frozen && ms > 300 ? 0 : set(what, ms, ...more); }";

#[tokio::test]
async fn a_page_that_is_seen_again_or_whose_network_returns_connects_at_once() {
    let mut broker = Broker::start().await;
    let browser = Browser::start(Screen::Phone, Theme::Light).await;
    let source = json!({ "source": FREEZE });
    browser
        .devtools("Page.addScriptToEvaluateOnNewDocument", source)
        .await;
    let page = Dashboard::open(&browser, &broker).await;
    for event in [
        "window.dispatchEvent(new Event('online'))",
        "document.dispatchEvent(new Event('visibilitychange'))",
    ] {
        browser.run("globalThis.frozen = true", &[]).await;
        broker.kill().await;
        page.link_is("offline").await;
        broker.restart().await;
        let state = page.attribute("[data-testid=link]", "data-state").await;
        assert_eq!(state.as_deref(), Some("offline"));
        browser.run(event, &[]).await;
        page.link_is("connected").await;
        browser.run("globalThis.frozen = false", &[]).await;
    }
}

#[tokio::test]
async fn a_reload_in_the_middle_sends_nothing_again_and_claims_nothing() {
    let broker = Broker::start().await;
    let mut lamp = client(&broker, "lamp").await;
    lamp.subscribe(LED, 0).await;
    let browser = Browser::start(Screen::Phone, Theme::Light).await;
    let page = Dashboard::open(&browser, &broker).await;
    page.led_is("unknown").await;
    browser.click("article.led .two button:first-child").await;
    assert_eq!(lamp.message().await.payload, b"Turn On");
    page.led_is("on").await;
    // While Home is being changed.
    browser.click("[data-testid=edit]").await;
    press(page, "[data-group=home] .edited", "Keep").await;
    kept(page, "LED").await;
    browser.run("location.reload()", &[]).await;
    page.link_is("connected").await;
    page.led_is("unknown").await;
    assert_eq!(page.text(".kept").await, None, "it was not saved");
    let mut after = client(&broker, "after").await;
    after.publish(&Message::new(LED, 0, "end")).await;
    assert_eq!(
        lamp.message().await.payload,
        b"end",
        "nothing else was sent"
    );
}

/// Presses keys as a keyboard does, with what the browser makes of them.
async fn keys(browser: &Browser, keys: &[&str]) {
    for key in keys {
        let (code, text) = match *key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            " " => (32, " "),
            _ => (0, *key),
        };
        for kind in ["keyDown", "keyUp"] {
            let event =
                json!({ "type": kind, "key": key, "windowsVirtualKeyCode": code, "text": text });
            browser.devtools("Input.dispatchKeyEvent", event).await;
        }
    }
}

/// Goes on with Tab until an element that a selector finds has the focus.
async fn tab_to(page: Dashboard<'_>, selector: &str) {
    let script = "return document.activeElement?.matches(arguments[0]) ?? false";
    for _ in 0..60 {
        if page.browser.run(script, &[selector.into()]).await == json!(true) {
            return;
        }
        keys(page.browser, &["Tab"]).await;
    }
    panic!("Tab does not lead to {selector}");
}

#[tokio::test]
async fn the_keyboard_alone_leads_through_every_view() {
    let broker = Broker::start().await;
    let mut device = client(&broker, "device").await;
    let reading = Message::new("Kitchen/Fridge", 1, "Temperature:14").retained();
    device.publish(&reading).await;
    device.subscribe("home/#", 0).await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    let page = Dashboard::open(&browser, &broker).await;
    page.shows("Kitchen/Fridge", "14").await;

    // Past the navigation, to the switch and the chart.
    keys(&browser, &["Tab"]).await;
    there(page, ".skip:focus").await;
    keys(&browser, &["Enter"]).await;
    there(page, "#title:focus").await;
    tab_to(page, "article.led .two button").await;
    keys(&browser, &[" "]).await;
    assert_eq!(device.message().await.payload, b"Turn On");
    there(page, "article.led button[role=switch]:focus").await;
    keys(&browser, &["Enter"]).await;
    assert_eq!(device.message().await.payload, b"Turn Off");
    tab_to(page, "article[data-topic='Kitchen/Fridge'] .to-chart").await;
    keys(&browser, &["Enter"]).await;
    tab_to(page, ".plot").await;

    // A card is kept, moved and named.
    browser.run("location.hash = '#/'", &[]).await;
    tab_to(page, "[data-testid=edit]").await;
    keys(&browser, &["Enter"]).await;
    for title in ["LED", "LED,Temperature"] {
        tab_to(page, ".group:not(.kept) .edit-bar .button").await;
        keys(&browser, &["Enter"]).await;
        kept(page, title).await;
        browser
            .run("document.querySelector('#title').focus()", &[])
            .await;
    }
    tab_to(page, "[data-at='1'] [aria-label='Move up']").await;
    keys(&browser, &["Enter"]).await;
    kept(page, "Temperature,LED").await;
    tab_to(page, "[data-testid=edit-bar] .primary").await;
    keys(&browser, &["Enter"]).await;
    there(page, "[data-testid=edit]").await;

    // Each of the other views, and what it is for.
    for (view, stop) in [
        ("topics", "[role=tree]"),
        ("publish", "input[name=topic]"),
        ("log", "[data-testid=pause]"),
        ("broker", "main a, main button, main [tabindex='0']"),
        ("connection", "form[data-testid=other-broker] input"),
    ] {
        browser
            .run("document.activeElement.blur(); scrollTo(0, 0)", &[])
            .await;
        tab_to(page, &format!("nav a[href='#/{view}']")).await;
        keys(&browser, &["Enter"]).await;
        there(page, "#title:focus").await;
        tab_to(page, stop).await;
    }
    // Back through all of them.
    for view in ["broker", "log", "publish", "topics"] {
        browser.run("history.back()", &[]).await;
        let is_back = "return location.hash === `#/${given[0]}`";
        page.wait(is_back, &[view.into()]).await;
    }
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn a_card_goes_where_it_is_dragged_and_is_as_wide_as_it_is_set() {
    let broker = Broker::start().await;
    let mut device = client(&broker, "device").await;
    for topic in ["a/one", "a/two", "a/three"] {
        let name = topic.rsplit('/').next().unwrap_or_default();
        let reading = Message::new(topic, 1, format!("{name}:1"));
        device.publish(&reading.retained()).await;
    }
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    let page = Dashboard::open(&browser, &broker).await;
    there(page, "[data-testid=edit]").await;
    browser.click("[data-testid=edit]").await;
    for (topic, titles) in [
        ("one", "one"),
        ("two", "one,two"),
        ("three", "one,two,three"),
    ] {
        let card = format!("[data-group=a] .edited:has([data-topic='a/{topic}'])");
        press(page, &card, "Keep").await;
        kept(page, titles).await;
    }
    let middle = "const box = document.querySelector(arguments[0]).getBoundingClientRect(); \
         return [box.x + box.width / 2, box.y + box.height / 2]";
    let from = browser.run(middle, &["[data-at='0'] .grip".into()]).await;
    let to = browser.run(middle, &["[data-at='2'] article".into()]).await;
    for (kind, at, buttons) in [
        ("mousePressed", &from, 1),
        ("mouseMoved", &to, 1),
        ("mouseReleased", &to, 0),
        ("mouseMoved", &from, 0),
    ] {
        let button = if kind == "mouseMoved" && buttons == 0 {
            "none"
        } else {
            "left"
        };
        let mouse = json!({ "type": kind, "x": at[0], "y": at[1], "button": button, "buttons": buttons, "clickCount": 1 });
        browser.devtools("Input.dispatchMouseEvent", mouse).await;
    }
    kept(page, "two,three,one").await;

    // Half of the width, and then all of it.
    press(page, ".kept [data-at='2']", "Settings").await;
    for width in ["2", "4"] {
        let set = "const input = document.querySelector('[data-testid=settings] [name=wide]'); \
             if (!input) return false; input.value = given[0]; \
             input.dispatchEvent(new Event('change', { bubbles: true })); return true";
        page.wait(set, &[width.into()]).await;
        let is_wide = "const width = (at) => document.querySelector(`[data-at='${at}'] article`).clientWidth; \
             return Math.round(width(2) / width(0)) === Number(given[0])";
        page.wait(is_wide, &[width.into()]).await;
    }
    press(page, "[data-testid=edit-bar]", "Save").await;
    there(page, ".kept .w-4").await;
    kept(page, "two,three,one").await;
    assert_eq!(browser.errors().await, [""; 0]);
}
