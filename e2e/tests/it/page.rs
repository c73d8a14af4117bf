//! Values on the page, from the clients that publish them.

use e2e::{
    Broker, Browser, Client, Dashboard, Kind, Message, Mosquitto, Program, Screen, Theme, Version,
    report, tool,
};
use tokio::process::Command;

const FRIDGE: &str = "Kitchen/Fridge";

#[tokio::test]
async fn a_temperature_from_python_is_on_the_page_within_a_second() {
    let broker = Broker::start().await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    let page = Dashboard::open(&browser, &broker).await;
    let mut fridge = Client::connect(&broker, Kind::Paho161, Version::V311, "fridge").await;

    let reading = Message::new(FRIDGE, 0, "Temperature:14");
    let (sent, seen) = tokio::join!(fridge.publish(&reading), page.shows(FRIDGE, "14"));
    let took = seen.at - sent;
    report(&format!(
        "{took} ms from the publish in Python to the value on the page"
    ));
    assert!(took < 5_000, "it took {took} ms");

    let card = format!("section[data-group=Kitchen] article[data-topic='{FRIDGE}']");
    assert_eq!(
        page.text(&format!("{card} h3")).await.as_deref(),
        Some("Temperature")
    );
    let number = page.attribute(&format!("{card} data.value"), "value").await;
    assert_eq!(number.as_deref(), Some("14"));
    page.wait(
        "const first = document.querySelector('[data-testid=log] li'); \
         return first?.querySelector('b').textContent === given[0] \
             && first.querySelector('span').textContent === given[1]",
        &[FRIDGE.into(), "Temperature:14".into()],
    )
    .await;

    // And every one after it, whoever it is from.
    for (kind, value) in [
        (Kind::Paho2, "15"),
        (Kind::Mosquitto, "14.5"),
        (Kind::MqttJs, "−3"),
    ] {
        let mut other = Client::connect(&broker, kind, Version::V5, "other").await;
        let payload = format!("Temperature:{}", value.replace('−', "-"));
        other.publish(&Message::new(FRIDGE, 2, payload)).await;
        page.shows(FRIDGE, value).await;
        other.leave().await;
    }
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn a_page_that_is_opened_late_shows_what_was_retained() {
    let broker = Broker::start().await;
    let mut monitor = Client::connect(&broker, Kind::Paho161, Version::V311, "monitor").await;
    monitor
        .publish(&Message::new("Kitchen/AirQuality", 1, "CO2:640").retained())
        .await;
    monitor
        .publish(&Message::new("home/led", 1, "Turn On").retained())
        .await;

    let browser = Browser::start(Screen::Phone, Theme::Light).await;
    let page = Dashboard::open(&browser, &broker).await;
    page.shows("Kitchen/AirQuality", "640").await;
    let age = page
        .text("article[data-topic='Kitchen/AirQuality'] .age")
        .await;
    assert_eq!(
        age.as_deref(),
        Some("Retained"),
        "nobody says from when it is"
    );
    page.led_is("on").await;
    page.led_says("Retained").await;
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn what_is_no_number_is_shown_as_what_it_is() {
    let broker = Broker::start().await;
    let browser = Browser::start(Screen::Laptop, Theme::Dark).await;
    let page = Dashboard::open(&browser, &broker).await;
    let mut device = Client::connect(&broker, Kind::Paho2, Version::V5, "device").await;
    for (topic, payload, shown) in [
        ("Kitchen/Purifier", &b"Turn On"[..], "On"),
        (
            "Kitchen/Note",
            b"<b>bread</b> & milk",
            "<b>bread</b> & milk",
        ),
        ("Kitchen/Raw", &[0xff, 0x00, 0x9f], "ff 00 9f"),
        ("Kitchen/Power", b"23.5 W", "23.5"),
    ] {
        device.publish(&Message::new(topic, 1, payload)).await;
        page.shows(topic, shown).await;
    }
    device
        .publish(&Message::new("Kitchen/Nothing", 1, ""))
        .await;
    page.wait(
        "return document.querySelector(\"article[data-topic='Kitchen/Nothing'] .empty\")",
        &[],
    )
    .await;
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn a_topic_that_falls_silent_is_marked_and_one_that_speaks_again_is_not() {
    let broker = Broker::start().await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    browser.take_clock().await;
    let page = Dashboard::open(&browser, &broker).await;
    let mut fridge = Client::connect(&broker, Kind::Paho161, Version::V311, "fridge").await;
    for value in ["11", "12", "13", "14"] {
        fridge
            .publish(&Message::new(FRIDGE, 0, format!("Temperature:{value}")))
            .await;
        page.shows(FRIDGE, value).await;
        browser.advance(10_000).await;
    }
    let late = "return document.querySelector(\"article[data-topic='Kitchen/Fridge']\") \
         .dataset.stale === given[0]";
    browser.advance(12 * 60_000).await;
    page.wait(late, &["true".into()]).await;
    page.shows(FRIDGE, "14").await;
    let age = page.text("article[data-topic='Kitchen/Fridge'] .age").await;
    assert_eq!(age.as_deref(), Some("No value for 12 min"));

    fridge
        .publish(&Message::new(FRIDGE, 0, "Temperature:9"))
        .await;
    page.shows(FRIDGE, "9").await;
    page.wait(
        "return document.querySelector(\"article[data-topic='Kitchen/Fridge']\") \
         .dataset.stale === undefined",
        &[],
    )
    .await;
}

#[tokio::test]
async fn the_simulated_kitchen_is_alive_on_the_page_and_its_led_obeys() {
    let broker = Broker::start().await;
    let browser = Browser::start(Screen::Phone, Theme::Dark).await;
    let page = Dashboard::open(&browser, &broker).await;
    let mut command = Command::new(tool("E2E_KITCHEN"));
    command.args(["--port", &broker.mqtt.to_string()]);
    // The air is bad after six measurements at least, and good again later.
    command.args(["--fridge-every", "0.1", "--air-every", "0.05"]);
    let mut kitchen = Program::start(command);

    page.wait(
        "const text = (topic, what) => \
             document.querySelector(`article[data-topic='Kitchen/${topic}'] ${what}`)?.textContent; \
         return text('Fridge', 'h3') === 'Temperature' && text('AirQuality', 'h3') === 'CO2' \
             && text('Purifier', '.value') === 'Off'",
        &[],
    )
    .await;
    page.shows("Kitchen/Purifier", "On").await;
    page.shows("Kitchen/Purifier", "Off").await;

    browser.click("article.led .two button:first-child").await;
    kitchen.after("The LED is on.").await;
    page.led_is("on").await;
    page.press().await;
    kitchen.after("The LED is off.").await;
    page.led_is("off").await;
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn the_page_works_with_mosquitto_as_well() {
    let ours = Broker::start().await;
    let theirs = Mosquitto::start().await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    let page = Dashboard { browser: &browser };
    browser
        .open(&format!(
            "{}?broker=ws://127.0.0.1:{}",
            ours.url(),
            theirs.web
        ))
        .await;
    page.link_is("connected").await;

    let mut command = Command::new("stdbuf");
    command.arg("-oL").arg(tool("E2E_MOSQUITTO_SUB"));
    command.args(["-p", &theirs.mqtt.to_string(), "-t", "home/led", "-d"]);
    let mut listener = Program::start(command);
    listener.after("Subscribed").await;
    browser.click("article.led .two button:last-child").await;
    listener.after("Turn Off").await;
    page.led_is("off").await;
    page.led_says("Sent").await;

    let mut command = Command::new(tool("E2E_MOSQUITTO_PUB"));
    command.args([
        "-p",
        &theirs.mqtt.to_string(),
        "-t",
        FRIDGE,
        "-m",
        "Temperature:14",
    ]);
    assert!(Program::start(command).ended().await.success());
    page.shows(FRIDGE, "14").await;
    assert_eq!(browser.errors().await, [""; 0]);
}
