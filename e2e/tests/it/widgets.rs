//! What a card is by what was heard, and each type of widget: what it shows,
//! and what it sends.

use e2e::{Broker, Browser, Client, Dashboard, Kind, Message, Screen, Theme, Version};

use crate::accessibility::judge;
use crate::home::{press, there};

async fn client(broker: &Broker, id: &str) -> Client {
    Client::connect(broker, Kind::Paho2, Version::V5, id).await
}

/// Makes Home of a layout, as somebody who imports it.
async fn lay_out(page: Dashboard<'_>, layout: &str) {
    there(page, "[data-testid=edit]").await;
    page.browser.click("[data-testid=edit]").await;
    press(page, "[data-testid=edit-bar]", "Export / Import").await;
    let script = "const area = document.querySelector('[data-testid=edit-bar] textarea'); \
         if (!area) return false; area.value = given[0]; \
         area.dispatchEvent(new Event('input', { bubbles: true })); return true";
    page.wait(script, &[layout.into()]).await;
    press(page, "[data-testid=edit-bar] .form", "Use it").await;
    press(page, "[data-testid=edit-bar]", "Save").await;
    there(page, "[data-testid=edit]").await;
}

/// Waits until what a selector finds has this text.
async fn reads(page: Dashboard<'_>, selector: &str, text: &str) {
    let script = "return document.querySelector(given[0])?.textContent.trim() === given[1]";
    page.wait(script, &[selector.into(), text.into()]).await;
}

/// Gives a field a value, as somebody who has chosen it.
async fn choose(page: Dashboard<'_>, selector: &str, value: &str) {
    let script = "const field = document.querySelector(given[0]); if (!field) return false; \
         field.value = given[1]; \
         field.dispatchEvent(new Event('change', { bubbles: true })); return true";
    page.wait(script, &[selector.into(), value.into()]).await;
}

#[tokio::test]
async fn a_card_is_what_its_topic_says() {
    let broker = Broker::start().await;
    let mut device = client(&broker, "device").await;
    device.subscribe("room/mode/set", 0).await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    let page = Dashboard::open(&browser, &broker).await;
    for (topic, payload) in [
        ("room/temperature", &b"20.5 \xc2\xb0C"[..]),
        ("room/temperature", b"21.5 \xc2\xb0C"),
        ("room/door", b"open"),
        ("room/note", b"eco"),
        ("room/note", b"boost"),
        ("room/mode", b"eco"),
        ("room/mode", b"boost"),
        ("room/plug", br#"{"Power":12.5,"Net":{"Voltage":231}}"#),
        ("room/picture", &[0xff; 100]),
        ("room/LWT", b"Online"),
    ] {
        device.publish(&Message::new(topic, 1, payload)).await;
    }
    let of = |topic: &str, inside: &str| format!("article[data-topic='room/{topic}'] {inside}");
    // A number with its unit and its past, which leads to its chart.
    reads(page, &of("temperature", ".value"), "21.5").await;
    reads(page, &of("temperature", ".unit"), "°C").await;
    there(page, &of("temperature", "a.to-chart .spark .line")).await;
    // A state that nobody listens to is no switch.
    reads(page, &of("door", ".value"), "Open").await;
    assert_eq!(page.text(&of("door", "button")).await, None);
    // Texts are a choice where somebody listens, and text where nobody does.
    reads(page, &of("note", ".words"), "boost").await;
    assert_eq!(page.text(&of("note", "select")).await, None);
    there(page, &of("mode", "select")).await;
    choose(page, &of("mode", "select"), "eco").await;
    let heard = device.message().await;
    assert_eq!(
        (&*heard.topic, &*heard.payload),
        ("room/mode/set", &b"eco"[..])
    );
    // Numbers of JSON, each with its name.
    reads(page, &of("plug", ".stat[data-path=Power] .value"), "12.5").await;
    reads(
        page,
        &of("plug", ".stat[data-path='Net.Voltage'] .value"),
        "231",
    )
    .await;
    // Of what is no text a part, which says so.
    let cut = "return document.querySelector(given[0])?.textContent.includes('100')";
    page.wait(cut, &[of("picture", "").into()]).await;
    reads(page, &of("LWT", ".value"), "Online").await;
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn each_type_of_widget_shows_its_topic_and_sends_what_it_is_told() {
    const LAYOUT: &str = r#"{"widgets":[
        {"type":"heading","title":"Room"},
        {"type":"value","topic":"r/temp","unit":"°C","decimals":"2","above":"20"},
        {"type":"gauge","topic":"r/temp","max":"40"},
        {"type":"chart","topic":"r/temp"},
        {"type":"log","topic":"r/temp"},
        {"type":"toggle","topic":"r/lamp","command":"r/lamp/set","on":"1","off":"0"},
        {"type":"button","topic":"r/bell","command":"r/bell/set","on":"ring"},
        {"type":"slider","topic":"r/dim","command":"r/dim/set","template":"level {value}"},
        {"type":"select","topic":"r/mode","command":"r/mode/set","options":"eco, boost"},
        {"type":"colour","topic":"r/colour","command":"r/colour/set"}],"hidden":[]}"#;
    let broker = Broker::start().await;
    let mut device = client(&broker, "device").await;
    device.subscribe("r/+/set", 0).await;
    for (topic, payload) in [
        ("r/lamp", "0"),
        ("r/dim", "30"),
        ("r/mode", "eco"),
        ("r/colour", "#112233"),
    ] {
        device
            .publish(&Message::new(topic, 1, payload).retained())
            .await;
    }
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    let page = Dashboard::open(&browser, &broker).await;
    lay_out(page, LAYOUT).await;
    for value in ["19", "21.456"] {
        device.publish(&Message::new("r/temp", 1, value)).await;
    }
    reads(page, ".kept .heading h2", "Room").await;
    reads(page, ".kept .alarm.number .value", "21.46").await;
    reads(page, ".kept .gauge .value", "21.456").await;
    there(page, ".kept .charted .series .line").await;
    reads(page, ".kept .past li:nth-child(2) span", "19").await;

    let of = |topic: &str, inside: &str| format!(".kept article[data-topic='r/{topic}'] {inside}");
    // What is set shows at once, and is confirmed by the state.
    let clicks = [
        ("lamp", "button[role=switch]", "1"),
        ("bell", "button", "ring"),
    ];
    for (topic, control, sent) in clicks {
        browser.click(&of(topic, control)).await;
        let heard = device.message().await;
        assert_eq!(heard.topic, format!("r/{topic}/set"));
        assert_eq!(heard.payload, sent.as_bytes());
    }
    let choices = [
        ("dim", "input[type=range]", "70", "level 70"),
        ("mode", "select", "boost", "boost"),
        ("colour", "input[type=color]", "#aabbcc", "#aabbcc"),
    ];
    for (topic, control, value, sent) in choices {
        choose(page, &of(topic, control), value).await;
        there(
            page,
            &format!(".kept article[data-topic='r/{topic}'][data-state=pending]"),
        )
        .await;
        let heard = device.message().await;
        assert_eq!(heard.topic, format!("r/{topic}/set"));
        assert_eq!(heard.payload, sent.as_bytes());
        let state = Message::new(&format!("r/{topic}"), 1, value).retained();
        device.publish(&state).await;
        there(
            page,
            &format!(".kept article[data-topic='r/{topic}'][data-state=known]"),
        )
        .await;
        let confirmed =
            "return document.querySelector(given[0])?.textContent.startsWith('Confirmed')";
        page.wait(confirmed, &[of(topic, ".meta .age").into()])
            .await;
    }
    judge(page, "widgets").await;
    assert_eq!(browser.errors().await, [""; 0]);
}

/// Puts something into a field that is not done yet: nothing is told of it.
async fn begin(page: Dashboard<'_>, selector: &str, value: &str) {
    let script = "const field = document.querySelector(given[0]); if (!field) return false; \
         field.value = given[1]; return true";
    page.wait(script, &[selector.into(), value.into()]).await;
}

async fn holds(page: Dashboard<'_>, selector: &str) -> String {
    let script = "return document.querySelector(arguments[0]).value";
    let value = page.browser.run(script, &[selector.into()]).await;
    value.as_str().expect("a field has a text").to_owned()
}

#[tokio::test]
async fn what_somebody_is_about_to_set_stays_while_a_card_is_drawn_anew() {
    const LAYOUT: &str = r#"{"version":1,"widgets":[
        {"type":"value","topic":"r/temp"},
        {"type":"slider","topic":"r/dim","command":"r/dim/set"},
        {"type":"colour","topic":"r/colour","command":"r/colour/set"}],"hidden":[]}"#;
    const SETTING: &str = "[data-testid=settings] [name=title]";
    let broker = Broker::start().await;
    let mut device = client(&broker, "device").await;
    for (topic, payload) in [("r/dim", "30"), ("r/colour", "#112233"), ("r/temp", "19")] {
        device
            .publish(&Message::new(topic, 1, payload).retained())
            .await;
    }
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    browser.take_clock().await;
    let page = Dashboard::open(&browser, &broker).await;
    lay_out(page, LAYOUT).await;

    let fields = [
        ("r/dim", "input[type=range]", "30", "70"),
        ("r/colour", "input[type=color]", "#112233", "#aabbcc"),
    ];
    let other = "return document.querySelector(given[0]).textContent !== given[1]";
    for (topic, field, before, value) in fields {
        let card = format!(".kept article[data-topic='{topic}']");
        let age = format!("{card} .meta .age");
        // What was retained has no age.
        device.publish(&Message::new(topic, 1, before)).await;
        page.wait(other, &[age.as_str().into(), "Retained".into()])
            .await;
        let young = page.text(&age).await.expect("an age");
        assert_eq!(holds(page, &format!("{card} {field}")).await, before);
        begin(page, &format!("{card} {field}"), value).await;
        browser.advance(600_000).await;
        device.publish(&Message::new(topic, 1, before)).await;
        page.wait(other, &[age.into(), young.into()]).await;
        assert_eq!(holds(page, &format!("{card} {field}")).await, value);
    }

    browser.click("[data-testid=edit]").await;
    press(page, ".kept [data-at='0']", "Settings").await;
    begin(page, SETTING, "Col").await;
    device.publish(&Message::new("r/temp", 1, "21")).await;
    reads(page, ".kept article[data-topic='r/temp'] .value", "21").await;
    assert_eq!(holds(page, SETTING).await, "Col");
    assert_eq!(browser.errors().await, [""; 0]);
}
