//! Home builds itself, and somebody makes it theirs: cards by who listens, and
//! a layout that two pages share.

use e2e::{Broker, Browser, Client, Dashboard, Kind, Message, Mosquitto, Screen, Theme, Version};

use serde_json::json;

use crate::accessibility::judge;

const FAN: &str = "home/fan";
const FRIDGE: &str = "Kitchen/Fridge";

async fn client(broker: &Broker, id: &str) -> Client {
    Client::connect(broker, Kind::Paho2, Version::V5, id).await
}

/// Waits until something is there.
pub(crate) async fn there(page: Dashboard<'_>, selector: &str) {
    let script = "return document.querySelector(given[0]) !== null";
    page.wait(script, &[selector.into()]).await;
}

/// Waits until the titles of the cards that are kept are these.
pub(crate) async fn kept(page: Dashboard<'_>, titles: &str) {
    let script = "const all = [...document.querySelectorAll('.kept :is(h2:not(.unseen), h3)')]; \
         return all.map((title) => title.textContent).join() === given[0]";
    page.wait(script, &[titles.into()]).await;
}

/// Clicks on the button with this word on it, in what a selector finds.
pub(crate) async fn press(page: Dashboard<'_>, inside: &str, word: &str) {
    let script = "const all = [...document.querySelectorAll(`${given[0]} button`)]; \
         const one = all.find((one) => (one.ariaLabel ?? one.textContent) === given[1]); \
         one?.click(); return one !== undefined";
    page.wait(script, &[inside.into(), word.into()]).await;
}

/// Writes into a field of the card whose settings are open.
async fn set(page: Dashboard<'_>, field: &str, text: &str) {
    let script = "const input = document.querySelector(`[data-testid=settings] [name=${given[0]}]`); \
         if (!input) return false; \
         input.value = given[1]; \
         input.dispatchEvent(new Event('change', { bubbles: true })); return true";
    page.wait(script, &[field.into(), text.into()]).await;
}

#[tokio::test]
async fn a_state_is_a_switch_where_somebody_listens_and_the_device_confirms_it() {
    let broker = Broker::start().await;
    let mut fan = client(&broker, "fan").await;
    fan.subscribe("home/fan/set", 0).await;
    fan.publish(&Message::new(FAN, 1, "OFF").retained()).await;
    fan.publish(&Message::new("home/door", 1, "open")).await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    let page = Dashboard::open(&browser, &broker).await;
    let card = format!("article[data-topic='{FAN}']");
    there(page, &format!("{card} button[role=switch]")).await;
    there(page, &format!("{card}[data-state=off]")).await;

    browser.click(&format!("{card} button[role=switch]")).await;
    there(page, &format!("{card}[data-state=pending] .pending")).await;
    let heard = fan.message().await;
    assert_eq!(heard.topic, "home/fan/set");
    assert_eq!(heard.payload, b"ON");
    fan.publish(&Message::new(FAN, 1, "ON").retained()).await;
    there(page, &format!("{card}[data-state=on]")).await;
    let script = "return document.querySelector(given[0])?.textContent.startsWith('Confirmed')";
    page.wait(script, &[format!("{card} .meta .age").into()])
        .await;

    // Its device says that it is away.
    let will = Message::new("home/LWT", 1, "Offline").retained();
    fan.publish(&will).await;
    there(page, &format!("{card} [aria-disabled=true]")).await;
    judge(page, "device-offline").await;
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn a_layout_is_kept_on_the_broker_and_two_who_change_it_see_each_other() {
    let broker = Broker::start().await;
    let mut device = client(&broker, "device").await;
    device
        .publish(&Message::new(FRIDGE, 1, "Temperature:14").retained())
        .await;
    device
        .publish(&Message::new("Kitchen/Door", 1, "open").retained())
        .await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    let page = Dashboard::open(&browser, &broker).await;
    page.shows(FRIDGE, "14").await;

    browser.click("[data-testid=edit]").await;
    press(
        page,
        "[data-group=Kitchen] .edited:has([data-topic='Kitchen/Door'])",
        "Keep",
    )
    .await;
    press(
        page,
        "[data-group=Kitchen] .edited:has([data-topic='Kitchen/Fridge'])",
        "Keep",
    )
    .await;
    kept(page, "Door,Temperature").await;
    press(page, ".kept [data-at='1']", "Move up").await;
    kept(page, "Temperature,Door").await;
    press(page, ".kept [data-at='0']", "Settings").await;
    set(page, "title", "Cold").await;
    set(page, "above", "10").await;
    kept(page, "Coldabove 10,Door").await;
    press(page, ".kept [data-at='1']", "Take away").await;
    kept(page, "Coldabove 10").await;
    press(page, "[data-testid=edit-bar]", "Undo").await;
    kept(page, "Coldabove 10,Door").await;
    judge(page, "edit").await;
    browser.look_at(Screen::Laptop, Theme::Light).await;
    press(page, "[data-testid=edit-bar]", "Save").await;
    there(page, "[data-testid=edit]").await;

    // A second page shows the same, and both begin to change it.
    browser.open_window().await;
    browser.use_window(1).await;
    let other = Dashboard::open(&browser, &broker).await;
    kept(other, "Coldabove 10,Door").await;
    browser.click("[data-testid=edit]").await;
    press(other, ".kept [data-at='1']", "Take away").await;
    browser.use_window(0).await;
    browser.click("[data-testid=edit]").await;
    press(page, ".kept [data-at='0']", "Move down").await;
    press(page, "[data-testid=edit-bar]", "Save").await;
    there(page, "[data-testid=edit]").await;
    browser.use_window(1).await;
    there(other, "[data-testid=conflict]").await;
    kept(other, "Coldabove 10").await;
    press(other, "[data-testid=conflict]", "Take theirs").await;
    kept(other, "Door,Coldabove 10").await;

    // As JSON it goes from one to the other, and what is none is refused.
    press(other, "[data-testid=edit-bar]", "Export / Import").await;
    let script = "const area = document.querySelector('[data-testid=edit-bar] textarea'); \
         area.value = given[0] || area.value.replace('\"Cold\"', '\"Warm\"'); \
         area.dispatchEvent(new Event('input', { bubbles: true })); return true";
    other.wait(script, &["none".into()]).await;
    press(other, "[data-testid=edit-bar] .form", "Use it").await;
    there(other, "[data-testid=edit-bar] [role=alert]").await;
    let layout = r#"{"widgets":[{"type":"heading","title":"Mine"},{"type":"gauge","topic":"Kitchen/Fridge","max":"40"}],"hidden":["Kitchen/Door"]}"#;
    other.wait(script, &[layout.into()]).await;
    press(other, "[data-testid=edit-bar] .form", "Use it").await;
    kept(other, "Mine,Temperature").await;
    press(other, "[data-testid=edit-bar]", "Save").await;
    browser.use_window(0).await;
    kept(page, "Mine,Temperature").await;
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn what_the_broker_remembers_fills_a_chart_after_a_reload() {
    let broker = Broker::start().await;
    let mut device = client(&broker, "device").await;
    for value in ["4", "5", "6"] {
        let reading = Message::new(FRIDGE, 1, format!("Temperature:{value}"));
        device.publish(&reading).await;
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    }
    let browser = Browser::start(Screen::Phone, Theme::Light).await;
    browser
        .open(&format!(
            "{}#/chart/Kitchen/Fridge:Temperature",
            broker.url()
        ))
        .await;
    let page = Dashboard { browser: &browser };
    let script = "return document.querySelector('.series .line')?.getAttribute('d').includes('L')";
    page.wait(script, &[]).await;
}

#[tokio::test]
async fn another_broker_keeps_no_layout_and_the_page_says_so() {
    let ours = Broker::start().await;
    let theirs = Mosquitto::start().await;
    let browser = Browser::start(Screen::Phone, Theme::Dark).await;
    let page = Dashboard { browser: &browser };
    let url = format!("{}?broker=ws://127.0.0.1:{}", ours.url(), theirs.web);
    browser.open(&url).await;
    page.link_is("connected").await;
    there(page, "[data-testid=edit]").await;
    browser.click("[data-testid=edit]").await;
    let says =
        "return document.querySelector('[data-testid=edit-bar]')?.textContent.includes(given[0])";
    page.wait(says, &["keeps no layouts".into()]).await;
    press(page, "[data-group=home] .edited", "Keep").await;
    press(page, "[data-testid=edit-bar]", "Save").await;
    kept(page, "LED").await;
    browser.open(&ours.url()).await;
    browser.open(&url).await;
    kept(page, "LED").await;
}

#[tokio::test]
async fn what_a_card_is_told_is_what_it_does() {
    let broker = Broker::start().await;
    let mut fan = client(&broker, "fan").await;
    fan.subscribe("home/fan/set", 2).await;
    let state = |on: &str| Message::new(FAN, 1, format!("{{\"fan\":{{\"state\":\"{on}\"}}}}"));
    fan.publish(&state("stopped").retained()).await;
    fan.publish(&Message::new(FRIDGE, 1, "Temperature:14.25").retained())
        .await;
    let browser = Browser::start(Screen::Phone, Theme::Light).await;
    browser.take_clock().await;
    let page = Dashboard::open(&browser, &broker).await;
    fan.publish(&state("stopped")).await;
    let layout = json!({ "widgets": [
        { "type": "toggle", "topic": FAN, "path": "fan.state", "command": "home/fan/set",
          "on": "running", "off": "stopped", "qos": "2", "stale": "60" },
        { "type": "gauge", "topic": FRIDGE, "decimals": "1", "unit": "°C", "min": "0", "max": "20",
          "above": "20", "warn-above": "10" },
    ] });
    there(page, "[data-testid=edit]").await;
    browser.click("[data-testid=edit]").await;
    browser.click("[data-testid=json]").await;
    let write = "const area = document.querySelector('[data-testid=edit-bar] textarea'); \
         if (!area) return false; area.value = given[0]; \
         area.dispatchEvent(new Event('input', { bubbles: true })); return true";
    page.wait(write, &[layout.to_string().into()]).await;
    press(page, "[data-testid=edit-bar]", "Use it").await;
    there(page, ".kept [data-at='1']").await;

    // Each field that a type has can be written, and is read back.
    for (at, fields) in [
        (
            0,
            "title,topic,path,command,on,off,qos,retain,stale,availability,narrow,wide",
        ),
        (
            1,
            "title,topic,path,unit,decimals,min,max,above,below,warn-above,warn-below,stale,availability,narrow,wide",
        ),
    ] {
        press(page, &format!(".kept [data-at='{at}']"), "Settings").await;
        page.wait(
            "const all = [...document.querySelectorAll('[data-testid=settings] input')]; \
             return all.map((one) => one.name).join() === given[0]",
            &[fields.into()],
        )
        .await;
        press(page, &format!(".kept [data-at='{at}']"), "Settings").await;
    }
    press(page, "[data-testid=edit-bar]", "Save").await;
    let gauge = format!("article.warn[data-topic='{FRIDGE}']");
    page.wait(
        "const card = document.querySelector(given[0]); \
         return card?.querySelector('.beyond').textContent === 'above 10' \
             && card.querySelector('.reading').textContent === '14.3°C'",
        &[gauge.into()],
    )
    .await;
    let toggle = format!("article[data-topic='{FAN}']");
    there(page, &format!("{toggle}[data-state=off]")).await;
    browser.click(&format!("{toggle} [role=switch]")).await;
    let heard = fan.message().await;
    assert_eq!((&*heard.payload, heard.qos), (&b"running"[..], 2));
    fan.publish(&state("running")).await;
    there(page, &format!("{toggle}[data-state=on]")).await;
    judge(page, "card-fields").await;
    browser.advance(61_000).await;
    there(page, &format!("{toggle}[data-stale=true] .late")).await;
    assert_eq!(browser.errors().await, [""; 0]);
}
