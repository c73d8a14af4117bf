//! The broker goes, and comes back.

use e2e::{Broker, Browser, Client, Dashboard, Kind, Message, Screen, Theme, Version, report};

const FRIDGE: &str = "Kitchen/Fridge";
const LED: &str = "home/led";
const SWITCH: &str = "article.led button[role=switch]";

#[tokio::test]
async fn the_page_says_that_the_broker_is_gone_and_goes_on_when_it_is_back() {
    let mut broker = Broker::start().await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    let page = Dashboard::open(&browser, &broker).await;
    let mut fridge = Client::connect(&broker, Kind::Paho161, Version::V311, "fridge").await;
    fridge
        .publish(&Message::new(FRIDGE, 0, "Temperature:14"))
        .await;
    fridge.publish(&Message::new(LED, 0, "Turn Off")).await;
    page.shows(FRIDGE, "14").await;
    page.led_is("off").await;
    assert_eq!(browser.errors().await, [""; 0]);

    broker.kill().await;
    page.link_is("reconnecting").await;
    page.led_says("cannot send").await;
    page.link_is("offline").await;
    let banner = page.text("[data-testid=banner]").await.expect("a banner");
    assert!(banner.starts_with("Offline since "), "{banner}");
    let told = page
        .text("[data-testid=announcer]")
        .await
        .unwrap_or_default();
    assert!(told.starts_with("Offline."), "{told}");
    page.shows(FRIDGE, "14").await;

    // A command is refused, and not sent later either.
    assert_eq!(
        page.attribute(SWITCH, "aria-disabled").await.as_deref(),
        Some("true")
    );
    page.press().await;
    page.led_is("off").await;

    broker.restart().await;
    let mut python = Client::connect(&broker, Kind::Paho2, Version::V5, "nodemcu").await;
    python.subscribe("#", 0).await;
    let started = python.publish(&Message::new("back", 0, "yes")).await;
    assert_eq!(python.message().await.topic, "back");
    page.link_is("connected").await;
    let seen = page
        .wait(
            "return !document.querySelector('[data-testid=banner]')",
            &[],
        )
        .await;
    report(&format!(
        "{} ms from the broker's return to the page's",
        seen.at.saturating_sub(started)
    ));
    page.shows(FRIDGE, "14").await;

    let reading = Message::new(FRIDGE, 0, "Temperature:15");
    python.publish(&reading).await;
    page.shows(FRIDGE, "15").await;
    page.press().await;
    page.led_is("on").await;
    assert_eq!(python.message().await, reading);
    assert_eq!(python.message().await, Message::new(LED, 0, "Turn On"));
    assert_eq!(python.messages(), []);

    // Chromium reports each attempt that nobody answers, and nothing can keep
    // it from that.
    let errors = browser.errors().await;
    let others: Vec<_> = errors
        .iter()
        .filter(|error| !error.contains("WebSocket connection to"))
        .collect();
    assert!(others.is_empty(), "{others:?}");
}
