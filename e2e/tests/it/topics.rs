//! A topic closely: what changed in it, what is below it, and clearing what the
//! broker keeps there.

use e2e::{Broker, Browser, Client, Dashboard, Kind, Message, Screen, Theme, Version};

use crate::accessibility::judge;

/// Waits until what a selector finds has these words in it.
async fn says(page: Dashboard<'_>, selector: &str, words: &str) {
    page.wait(
        "return document.querySelector(given[0])?.textContent.includes(given[1])",
        &[selector.into(), words.into()],
    )
    .await;
}

#[tokio::test]
async fn what_changed_is_shown_by_word_by_line_or_by_leaf() {
    let broker = Broker::start().await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    let page = Dashboard::open(&browser, &broker).await;
    let mut device = Client::connect(&broker, Kind::Paho2, Version::V5, "device").await;
    browser
        .open(&format!("{}#/topics/home/plug", broker.url()))
        .await;
    page.link_is("connected").await;
    let changes = "[data-testid=diff] ";
    for payload in ["Power:12", "Power:13"] {
        device.publish(&Message::new("home/plug", 1, payload)).await;
    }
    says(page, &format!("{changes}del"), "12").await;
    says(page, &format!("{changes}ins"), "13").await;
    for payload in [
        r#"{"Power":12.5,"on":true,"Wifi":{"RSSI":-60}}"#,
        r#"{"Power":12.5,"on":true,"Wifi":{"RSSI":-71}}"#,
    ] {
        device.publish(&Message::new("home/plug", 1, payload)).await;
    }
    says(page, changes, "Wifi.RSSI-60 -71").await;
    page.wait(
        "return document.querySelectorAll('[data-testid=diff] li').length === 1",
        &[],
    )
    .await;
    judge(page, "topic-diff").await;
    device
        .publish(&Message::new(
            "home/plug",
            1,
            r#"{"Power":12.5,"on":true,"Wifi":{"RSSI":-71}}"#,
        ))
        .await;
    says(page, changes, "Nothing has changed.").await;
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn all_that_is_kept_below_a_branch_is_cleared_after_one_question_that_names_the_number() {
    let broker = Broker::start().await;
    let browser = Browser::start(Screen::Phone, Theme::Light).await;
    let page = Dashboard::open(&browser, &broker).await;
    let mut device = Client::connect(&broker, Kind::Paho2, Version::V5, "device").await;
    for topic in ["home/a", "home/b/c", "home", "homes/x"] {
        device
            .publish(&Message::new(topic, 1, "kept").retained())
            .await;
    }
    device.publish(&Message::new("home/live", 1, "1")).await;
    page.shows("home/live", "1").await;
    browser
        .open(&format!("{}#/topics/home/b/c", broker.url()))
        .await;
    says(page, "[data-testid=retained]", "Yes").await;
    // From a topic to the branch above it.
    browser.click(".levels a[href='#/topics/home/b']").await;
    says(page, "[data-testid=below]", "1 topic").await;
    says(page, "[data-testid=kept]", "1").await;
    browser.click(".levels a[href='#/topics/home']").await;
    says(page, "[data-testid=detail] h2", "home").await;
    page.wait(
        "return document.querySelector('[data-testid=clear-all]')",
        &[],
    )
    .await;
    browser.click("[data-testid=clear-all]").await;
    says(
        page,
        "[data-testid=clear-all-question]",
        "Clear 3 retained messages?",
    )
    .await;
    judge(page, "branch-clear").await;
    browser
        .click("[data-testid=clear-all-question] .danger")
        .await;
    says(page, "[data-testid=clear-all-done]", "Cleared").await;
    let mut late = Client::connect(&broker, Kind::Paho2, Version::V5, "late").await;
    late.subscribe("#", 1).await;
    assert_eq!(late.message().await.topic, "homes/x", "only that is left");
    device.publish(&Message::new("end", 1, "")).await;
    assert_eq!(late.message().await.topic, "end");
    assert_eq!(browser.errors().await, [""; 0]);
}

/// A picture of one red pixel, as GIF.
const PIXEL: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\xff\0\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

#[tokio::test]
async fn a_picture_is_shown_and_a_drawing_that_could_run_a_script_is_a_text() {
    let broker = Broker::start().await;
    let browser = Browser::start(Screen::Laptop, Theme::Dark).await;
    let page = Dashboard::open(&browser, &broker).await;
    let mut camera = Client::connect(&broker, Kind::Paho2, Version::V5, "camera").await;
    camera.publish(&Message::new("door/camera", 1, PIXEL)).await;
    let svg = "<svg xmlns='http://www.w3.org/2000/svg' onload='document.title=1'><script>document.title=2</script></svg>";
    camera.publish(&Message::new("door/drawing", 1, svg)).await;
    page.shows("door/drawing", svg).await;
    // It is drawn by the browser, and not only there.
    page.wait(
        "return document.querySelector(\"[data-topic='door/camera'] img\")?.naturalWidth === 1",
        &[],
    )
    .await;
    judge(page, "pictures").await;
    assert_eq!(browser.run("return document.title", &[]).await, "Home");
    browser
        .open(&format!("{}#/topics/door/camera", broker.url()))
        .await;
    page.link_is("connected").await;
    camera.publish(&Message::new("door/camera", 1, PIXEL)).await;
    page.wait(
        "return document.querySelector('[data-testid=detail] img')?.naturalWidth === 1",
        &[],
    )
    .await;
    says(page, "[data-testid=payload]", "47 49 46 38").await;
    assert_eq!(browser.errors().await, [""; 0]);
}
