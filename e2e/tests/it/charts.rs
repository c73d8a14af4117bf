//! Charts: by hand, by key, in words, and by link.

use e2e::{Broker, Browser, Client, Dashboard, Kind, Message, Screen, Theme, Version};
use serde_json::json;

use crate::accessibility::judge;

const FRIDGE: &str = "Kitchen/Fridge";
const AIR: &str = "Kitchen/AirQuality";

/// Opens the page of a kitchen that has said something for a while.
async fn kitchen(page: Dashboard<'_>, device: &mut Client) {
    for n in 0..6 {
        for (topic, payload) in [
            (FRIDGE, format!("Temperature:{} °C", 4 + n % 3)),
            (AIR, format!("CO2:{} ppm", 600 + 20 * n)),
        ] {
            device.publish(&Message::new(topic, 1, payload)).await;
        }
        page.shows(AIR, &(600 + 20 * n).to_string()).await;
        page.browser.advance(30_000).await;
    }
}

/// Moves a pointer over the chart: what happens, and at which share of its width.
async fn point(page: Dashboard<'_>, moves: &[(&str, f64, i32)]) {
    for (what, share, pointer) in moves {
        let script = "const plot = document.querySelector('.plot'); \
             const box = plot.querySelector('.grid').getBoundingClientRect(); \
             const touch = arguments[2] > 1; \
             plot.dispatchEvent(new PointerEvent(arguments[0], { bubbles: true, \
                 clientX: box.left + box.width * arguments[1], clientY: box.top + 20, \
                 pointerId: arguments[2], pointerType: touch ? 'touch' : 'mouse' }))";
        let given = [json!(what), json!(share), json!(pointer)];
        page.browser.run(script, &given).await;
    }
}

/// Waits until the chart says this of what is under its cursor.
async fn reads(page: Dashboard<'_>, words: &str) {
    page.wait(
        "return document.querySelector('.plot')?.getAttribute('aria-valuetext').includes(given[0])",
        &[words.into()],
    )
    .await;
}

/// Waits until as many elements are there.
async fn count(page: Dashboard<'_>, selector: &str, count: usize) {
    page.wait(
        "return document.querySelectorAll(given[0]).length === given[1]",
        &[selector.into(), count.into()],
    )
    .await;
}

#[tokio::test]
async fn a_value_leads_to_its_chart_which_is_read_zoomed_and_linked() {
    let broker = Broker::start().await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    browser.take_clock().await;
    let page = Dashboard::open(&browser, &broker).await;
    let mut device = Client::connect(&broker, Kind::Paho2, Version::V5, "device").await;
    kitchen(page, &mut device).await;

    browser
        .click(&format!("article[data-topic='{FRIDGE}'] .to-chart"))
        .await;
    count(page, "[data-testid=chart] .series .line", 1).await;
    reads(page, "6 °C").await;
    let axis = page.text(".plot .tick").await;
    assert_eq!(axis.as_deref(), Some("°C"));

    // All of it; at its very beginning there was the first value.
    browser.click(".choice button:last-child").await;
    point(page, &[("pointermove", 0.0, 1)]).await;
    reads(page, "4 °C").await;
    point(page, &[("pointerleave", 0.0, 1)]).await;
    reads(page, "6 °C").await;

    // By key.
    browser.click(".plot").await;
    let press = |key: &'static str| async move {
        let script = "document.querySelector('.plot').dispatchEvent(new KeyboardEvent('keydown', \
             { key: arguments[0], bubbles: true, cancelable: true }))";
        page.browser.run(script, &[key.into()]).await;
    };
    press("Home").await;
    reads(page, "4 °C").await;
    press("End").await;
    reads(page, "6 °C").await;

    // By hand: what is marked is zoomed to, and comes back.
    count(page, "[data-testid=reset]", 0).await;
    let drag = [
        ("pointerdown", 0.2, 1),
        ("pointermove", 0.6, 1),
        ("pointerup", 0.6, 1),
    ];
    point(page, &drag).await;
    count(page, "[data-testid=reset]", 1).await;
    browser.click("[data-testid=reset]").await;
    count(page, "[data-testid=reset]", 0).await;
    let pinch = [
        ("pointerdown", 0.4, 2),
        ("pointerdown", 0.6, 3),
        ("pointermove", 0.9, 3),
        ("pointerup", 0.9, 3),
        ("pointerup", 0.4, 2),
    ];
    point(page, &pinch).await;
    count(page, "[data-testid=reset]", 1).await;
    press("0").await;
    count(page, "[data-testid=reset]", 0).await;

    // A second number, with its own axis, and all of it in the link.
    let add = "const select = document.querySelector('[data-testid=add-series]'); \
         const options = [...select.options].map((option) => option.textContent); \
         select.selectedIndex = options.findIndex((text) => text.includes(arguments[0])); \
         select.dispatchEvent(new Event('change', { bubbles: true }))";
    browser.run(add, &[AIR.into()]).await;
    count(page, "[data-testid=chart] .series .line", 2).await;
    reads(page, "700 ppm").await;
    let link = browser.run("return location.hash", &[]).await;
    assert_eq!(
        link,
        json!("#/chart/Kitchen/Fridge:Temperature&Kitchen/AirQuality:CO2")
    );

    // In words.
    browser.click(".chart .bar > .button:last-child").await;
    page.wait(
        "return document.querySelector('.rows tbody')?.textContent.includes('640 ppm')",
        &[],
    )
    .await;
    judge(page, "chart").await;
    browser.look_at(Screen::Laptop, Theme::Light).await;
    browser.click(".legend li:first-child .tool").await;
    count(page, "[data-testid=chart] .series .line", 1).await;
    assert_eq!(browser.errors().await, [""; 0]);
}
