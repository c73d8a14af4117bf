//! The LED's switch: what it sends, and what it claims.

use e2e::{Broker, Browser, Client, Dashboard, Kind, Message, Screen, Theme, Version};

use crate::accessibility::judge;

const LED: &str = "home/led";

fn turn(on: bool) -> Message {
    Message::new(LED, 0, if on { "Turn On" } else { "Turn Off" })
}

#[tokio::test]
async fn a_click_reaches_python_and_a_publish_by_somebody_else_moves_the_switch() {
    let broker = Broker::start().await;
    let browser = Browser::start(Screen::Phone, Theme::Light).await;
    let page = Dashboard::open(&browser, &broker).await;
    let mut python = Client::connect(&broker, Kind::Paho161, Version::V311, "nodemcu").await;
    python.subscribe(LED, 2).await;

    // Nothing is known of its state: no switch that would claim one.
    page.led_is("unknown").await;
    page.led_says("State not seen yet").await;
    let switches = page
        .attribute("article.led button[role=switch]", "role")
        .await;
    assert_eq!(switches, None);
    browser.click("article.led .two button:first-child").await;
    assert_eq!(python.message().await, turn(true));
    page.led_is("on").await;
    page.led_says("Sent").await;

    for on in [false, true, false] {
        page.press().await;
        assert_eq!(python.message().await, turn(on));
        page.led_is(if on { "on" } else { "off" }).await;
        let checked = page
            .attribute("article.led button[role=switch]", "aria-checked")
            .await;
        assert_eq!(checked.as_deref(), Some(if on { "true" } else { "false" }));
    }

    python.publish(&turn(true)).await;
    page.led_is("on").await;
    page.led_says("Received").await;
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn two_pages_agree() {
    let broker = Broker::start().await;
    let mut fridge = Client::connect(&broker, Kind::Paho2, Version::V5, "fridge").await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    // What drives one window drives the other: only one is in front.
    let page = Dashboard::open(&browser, &broker).await;
    browser.open_window().await;
    Dashboard::open(&browser, &broker).await;

    fridge
        .publish(&Message::new("Kitchen/Fridge", 0, "Temperature:14"))
        .await;
    for window in [1, 0] {
        browser.use_window(window).await;
        page.shows("Kitchen/Fridge", "14").await;
        page.led_is("unknown").await;
    }
    browser.click("article.led .two button:first-child").await;
    let mut on = true;
    for window in [1, 0, 1] {
        browser.use_window(window).await;
        page.led_is(if on { "on" } else { "off" }).await;
        page.led_says("Received").await;
        page.press().await;
        on = !on;
        page.led_is(if on { "on" } else { "off" }).await;
        page.led_says("Sent").await;
    }
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn without_an_echo_it_goes_back_and_offers_to_try_again() {
    let broker = Broker::start().await;
    let browser = Browser::start(Screen::Laptop, Theme::Dark).await;
    browser.take_clock().await;
    let page = Dashboard::open(&browser, &broker).await;
    let mut python = Client::connect(&broker, Kind::Paho161, Version::V311, "nodemcu").await;
    python.subscribe(LED, 0).await;
    python.publish(&turn(false)).await;
    assert_eq!(python.message().await, turn(false));
    page.led_is("off").await;

    broker.hang();
    page.press().await;
    page.led_is("pending").await;
    let checked = page
        .attribute("article.led button[role=switch]", "aria-checked")
        .await;
    assert_eq!(checked.as_deref(), Some("true"), "the thumb moves at once");
    browser.advance(5_000).await;
    page.led_is("off").await;
    page.led_says("No reply").await;
    assert_eq!(
        page.text("article.led .retry").await.as_deref(),
        Some("Retry")
    );
    let told = page.text("[data-testid=announcer]").await;
    assert_eq!(told.as_deref(), Some("LED On: The broker did not reply."));

    judge(page, "no-reply").await;

    browser.click("article.led .retry").await;
    page.led_is("pending").await;
    broker.go_on();
    // Once for each press: what the broker did not answer it had all the same.
    for _ in 0..2 {
        assert_eq!(python.message().await, turn(true));
    }
    page.led_is("on").await;
    assert_eq!(page.text("article.led .retry").await, None);
    assert_eq!(python.messages(), []);
    assert_eq!(browser.errors().await, [""; 0]);
}
