//! The views beside Home: what each is for, with the mouse and the keyboard,
//! and what stands in the way.

use e2e::{Broker, Browser, Client, Dashboard, Kind, Message, Screen, Theme, Version};
use serde_json::json;

use crate::accessibility::judge;

const FRIDGE: &str = "Kitchen/Fridge";
const LOGIN: &str = "form[data-testid=login]";

/// Opens a view by its link.
async fn visit(page: Dashboard<'_>, view: &str) {
    page.browser.click(&format!("nav a[href='#/{view}']")).await;
    page.wait(
        "return document.querySelector('nav [aria-current=page]').getAttribute('href') === `#/${given[0]}`",
        &[view.into()],
    )
    .await;
}

/// Waits until what a selector finds has these words in it.
async fn says(page: Dashboard<'_>, selector: &str, words: &str) {
    page.wait(
        "return document.querySelector(given[0])?.textContent.includes(given[1])",
        &[selector.into(), words.into()],
    )
    .await;
}

/// Types keys into whatever has the focus.
async fn keys(page: Dashboard<'_>, names: &[&str]) {
    for name in names {
        page.browser
            .run(
                "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', \
                 { key: arguments[0], bubbles: true, cancelable: true }))",
                &[json!(name)],
            )
            .await;
    }
}

async fn device(broker: &Broker) -> Client {
    Client::connect(broker, Kind::Paho2, Version::V5, "device").await
}

async fn log_in(page: Dashboard<'_>, user: &str, password: &str) {
    for (field, text) in [("user", user), ("password", password)] {
        let selector = format!("{LOGIN} input[name={field}]");
        page.browser
            .run(
                "document.querySelector(arguments[0]).value = ''",
                &[selector.as_str().into()],
            )
            .await;
        page.browser.type_into(&selector, text).await;
    }
    page.browser
        .click(&format!("{LOGIN} button[type=submit]"))
        .await;
}

#[tokio::test]
async fn topics_are_a_tree_with_a_topic_in_detail_and_links_for_both() {
    let broker = Broker::start().await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    let page = Dashboard::open(&browser, &broker).await;
    let mut device = device(&broker).await;
    visit(page, "topics").await;
    says(page, "[data-testid=topics]", "No topics yet").await;
    for (topic, payload) in [
        (FRIDGE, "Temperature:14"),
        (FRIDGE, "Temperature:15"),
        ("Kitchen/Plug", r#"{"Power":12.5,"on":true}"#),
        ("home/balcony/door", "open"),
    ] {
        device.publish(&Message::new(topic, 1, payload)).await;
    }
    device
        .publish(&Message::new("Kitchen/Raw", 1, [0xff, 0x00]))
        .await;
    says(page, "[data-path='Kitchen/Raw']", "2 bytes").await;
    let values = "return [...document.querySelectorAll('[role=treeitem]')].map((row) => \
         `${row.ariaLevel} ${row.querySelector('.level').textContent} ${row.querySelector('.latest')?.textContent ?? ''}`)";
    assert_eq!(
        browser.run(values, &[]).await,
        json!([
            "1 home ",
            "2 balcony ",
            "3 door Open",
            "1 Kitchen ",
            "2 Fridge 15",
            "2 Plug 12.5",
            "2 Raw 2 bytes, not text",
        ])
    );

    browser.click(&format!("[data-path='{FRIDGE}']")).await;
    says(page, "[data-testid=detail] h2", "Fridge").await;
    says(page, "[data-testid=payload]", "Temperature:15").await;
    says(page, "[data-testid=history]", "Temperature:14").await;
    says(page, "[data-testid=messages]", "2").await;
    device
        .publish(&Message::new(FRIDGE, 2, "Temperature:16"))
        .await;
    says(page, "[data-testid=payload]", "Temperature:16").await;
    says(page, "[data-testid=qos]", "2").await;
    // The closer look brings no message twice, and takes no age away.
    device
        .publish(&Message::new(FRIDGE, 1, "Temperature:17").retained())
        .await;
    says(page, "[data-testid=payload]", "Temperature:17").await;
    says(page, "[data-testid=retained]", "Yes").await;
    let count = page.text("[data-testid=messages]").await;
    assert_eq!(count.as_deref(), Some("4"));
    let when = page.text("[data-testid=when]").await.expect("it is there");
    assert!(!when.contains("unknown"), "{when}");
    assert_eq!(
        browser.run("return location.hash", &[]).await,
        "#/topics/Kitchen/Fridge"
    );

    // The tree with the keyboard alone, and back in history.
    browser
        .run("document.querySelector('[role=tree]').focus()", &[])
        .await;
    keys(page, &["Home", "ArrowLeft"]).await;
    page.wait(
        "return document.querySelector('[data-path=home]').ariaExpanded === 'false' \
             && !document.querySelector(\"[data-path='home/balcony']\")",
        &[],
    )
    .await;
    keys(page, &["ArrowDown"]).await;
    page.wait(
        "return document.querySelector('.cursor').dataset.path === 'Kitchen'",
        &[],
    )
    .await;
    keys(page, &["ArrowDown"]).await;
    page.wait(
        "return document.querySelector('.cursor').dataset.path === 'Kitchen/Fridge'",
        &[],
    )
    .await;
    keys(page, &["ArrowDown"]).await;
    page.wait(
        "const at = document.querySelector('[role=tree]').getAttribute('aria-activedescendant'); \
         return document.getElementById(at)?.dataset.path === 'Kitchen/Plug'",
        &[],
    )
    .await;
    keys(page, &["Enter"]).await;
    says(page, "[data-testid=payload]", "\"Power\": 12.5,\n").await;
    browser.run("history.back()", &[]).await;
    says(page, "[data-testid=detail] h2", "Fridge").await;

    // A filter, and a link that is opened anew.
    browser.type_into("input[name=filter]", "door").await;
    page.wait(
        "return document.querySelectorAll('[role=treeitem]').length === 3",
        &[],
    )
    .await;
    browser.open("about:blank").await;
    device
        .publish(&Message::new("Küche/50%", 1, "kept").retained())
        .await;
    browser
        .open(&format!("{}#/topics/K%C3%BCche/50%25", broker.url()))
        .await;
    says(page, "[data-testid=payload]", "kept").await;
    says(page, "[data-testid=retained]", "Yes").await;

    // What is kept is cleared after one question.
    browser.click("[data-testid=clear]").await;
    says(
        page,
        "[data-testid=clear-question]",
        "Clear 1 retained message?",
    )
    .await;
    let focus = "return document.activeElement.textContent";
    assert_eq!(browser.run(focus, &[]).await, "Leave it");
    judge(page, "topic-clear").await;
    browser.click("[data-testid=clear-question] .danger").await;
    says(page, "[data-testid=clear-done]", "Cleared").await;
    let mut late = Client::connect(&broker, Kind::Paho2, Version::V5, "late").await;
    late.subscribe("Küche/#", 1).await;
    device.publish(&Message::new("Küche/end", 1, "")).await;
    assert_eq!(late.message().await.topic, "Küche/end", "nothing was kept");
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn two_thousand_topics_are_a_tree_of_which_only_what_is_seen_is_drawn() {
    let broker = Broker::start().await;
    let browser = Browser::start(Screen::Phone, Theme::Dark).await;
    let page = Dashboard::open(&browser, &broker).await;
    let mut device = device(&broker).await;
    visit(page, "topics").await;
    for number in 0..2_000 {
        let topic = format!("hall/{}/sensor{number:04}", number % 20);
        device
            .publish(&Message::new(&topic, 0, format!("{number}")))
            .await;
    }
    says(page, ".bar .count", "2,000 topics").await;
    browser.click("[data-path='hall'] .fold").await;
    browser.click("[data-path='hall/7'] .fold").await;
    page.wait(
        "return document.querySelector('[data-path$=sensor0007]')",
        &[],
    )
    .await;
    let drawn = "return document.querySelectorAll('[role=treeitem]').length";
    assert!(browser.run(drawn, &[]).await.as_u64() < Some(60));
    browser
        .run("document.querySelector('[role=tree]').focus()", &[])
        .await;
    keys(page, &["End"]).await;
    page.wait(
        "return document.querySelector('[data-path=\"hall/9\"]')",
        &[],
    )
    .await;
    browser.type_into("input[name=filter]", "1987").await;
    says(page, "[data-path$=sensor1987] .latest", "1,987").await;
    judge(page, "topics-many").await;
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn a_message_is_published_and_the_page_says_what_became_of_it() {
    let broker = Broker::with_rules("topic readwrite #\ntopic deny locked/#\n").await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    let page = Dashboard::open(&browser, &broker).await;
    let mut device = device(&broker).await;
    device.subscribe("Kitchen/Lamp", 2).await;
    device
        .publish(&Message::new("Kitchen/Lamp", 0, "off"))
        .await;
    page.shows("Kitchen/Lamp", "Off").await;
    device.message().await;
    visit(page, "publish").await;
    let first = "[data-testid=sent] li:first-child";

    browser.click("form button[type=submit]").await;
    says(page, "#publish-problem", "Write the topic").await;
    browser.type_into("input[name=topic]", "kitchen/#").await;
    says(page, "#publish-problem", "for subscribing only").await;
    browser
        .type_into("input[name=topic]", "\u{e003}\u{e003}")
        .await;
    page.wait(
        "return [...document.querySelectorAll('datalist option')].some((one) => one.value === 'Kitchen/Lamp')",
        &[],
    )
    .await;
    browser
        .open(&format!("{}#/publish/Kitchen/Lamp", broker.url()))
        .await;
    page.wait(
        "return document.querySelector('input[name=topic]')?.value === 'Kitchen/Lamp'",
        &[],
    )
    .await;
    page.link_is("connected").await;
    browser
        .type_into("textarea[name=payload]", "{\"on\":")
        .await;
    says(page, "#publish-json", "Begins like JSON").await;
    browser.type_into("textarea[name=payload]", "true}").await;
    says(page, "#publish-json", "Valid JSON").await;
    browser.click(".choice button:nth-child(2)").await;
    browser.click("input[name=retain]").await;
    browser.click("form button[type=submit]").await;
    says(page, first, "The broker has it.").await;
    let message = device.message().await;
    assert_eq!(
        (message.topic.as_str(), &*message.payload, message.qos),
        ("Kitchen/Lamp", &b"{\"on\":true}"[..], 1)
    );

    browser
        .open(&format!("{}#/publish/locked/door", broker.url()))
        .await;
    page.wait(
        "return document.querySelector('input[name=topic]')?.value === 'locked/door'",
        &[],
    )
    .await;
    page.link_is("connected").await;
    browser.click(".choice button:nth-child(2)").await;
    page.wait(
        "return document.querySelector('.choice button:nth-child(2)').ariaPressed === 'true'",
        &[],
    )
    .await;
    browser.click("form button[type=submit]").await;
    says(page, first, "Refused: this user may not publish").await;
    judge(page, "publish").await;
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn the_log_shows_messages_as_they_come_and_can_be_filtered_and_stopped() {
    let broker = Broker::start().await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    let page = Dashboard::open(&browser, &broker).await;
    let mut device = device(&broker).await;
    visit(page, "log").await;
    says(page, "[data-testid=messages]", "No messages yet").await;
    for (topic, payload) in [(FRIDGE, "Temperature:14"), ("home/door", "open")] {
        device.publish(&Message::new(topic, 1, payload)).await;
    }
    says(page, ".stream li:first-child", "open").await;
    says(page, ".stream li:nth-child(2)", "Temperature:14").await;
    judge(page, "log").await;
    browser.look_at(Screen::Laptop, Theme::Light).await;

    browser.click("[data-testid=pause]").await;
    device
        .publish(&Message::new(FRIDGE, 1, "Temperature:99"))
        .await;
    says(page, "[data-testid=log-count]", "Paused: 1 new").await;
    let text = page.text(".stream").await.expect("it is there");
    assert!(!text.contains("99"), "{text}");
    browser.click("[data-testid=pause]").await;
    says(page, ".stream li:first-child", "Temperature:99").await;

    // The file that the browser is given.
    let caught = "HTMLAnchorElement.prototype.click = function () { \
         globalThis.saved = `${this.download} ${atob(this.href.split(',')[1])}`; }";
    browser.run(caught, &[]).await;
    browser.click("[data-testid=export]").await;
    let saved = browser.run("return globalThis.saved", &[]).await;
    let saved = saved.as_str().expect("it was saved");
    let lines: Vec<&str> = saved.lines().collect();
    assert!(
        lines[0].starts_with("messages.jsonl {\"time\":\"20"),
        "{saved}"
    );
    let last: serde_json::Value = serde_json::from_str(lines[2]).expect("it is JSON");
    assert_eq!(
        (&last["topic"], &last["payload"]),
        (&json!(FRIDGE), &json!("Temperature:99"))
    );
    assert_eq!((&last["cut"], &last["bytes"]), (&json!(false), &json!(14)));

    browser.type_into("input[name=filter]", "DOOR").await;
    page.wait(
        "return document.querySelectorAll('.stream li').length === 1",
        &[],
    )
    .await;
    browser.click(".stream li a").await;
    says(page, "[data-testid=detail] h2", "door").await;
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn a_login_never_sends_the_password_where_the_broker_knows_scram() {
    let broker = Broker::with_users(&[("ada", "pa$$wörd")], &[]).await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    browser.open(&broker.url()).await;
    let page = Dashboard { browser: &browser };
    page.link_is("refused").await;
    log_in(page, "ada", "wrong").await;
    says(page, LOGIN, "The broker refused this user or password.").await;
    log_in(page, "ada", "pa$$wörd").await;
    page.link_is("connected").await;
    browser.click("[data-testid=link]").await;
    says(page, "[data-testid=user]", "ada").await;
    says(page, "[data-testid=proof]", "never left this page").await;
    judge(page, "connection").await;

    // Not kept, since nobody asked for that; the user is.
    let kept = "return JSON.stringify(localStorage)";
    let kept = browser.run(kept, &[]).await.to_string();
    assert!(kept.contains("ada") && !kept.contains("pa$$"), "{kept}");
    browser.click("[data-testid=log-out]").await;
    page.link_is("refused").await;
    page.wait(
        "return document.querySelector('[data-testid=login] input[name=user]').value === 'ada'",
        &[],
    )
    .await;

    // Another name stays, whatever is drawn anew while it is written.
    let user = format!("{LOGIN} input[name=user]");
    let write = "document.querySelector(arguments[0]).value = arguments[1]";
    browser
        .run(write, &[user.as_str().into(), "bo".into()])
        .await;
    let theme = "return document.querySelector('[data-testid=theme]').ariaPressed";
    let before = browser.run(theme, &[]).await;
    browser.click("[data-testid=theme]").await;
    page.wait(&[theme, " !== given[0]"].concat(), &[before])
        .await;
    browser.type_into(&user, "b").await;
    let value = "return document.querySelector(arguments[0]).value";
    assert_eq!(browser.run(value, &[user.into()]).await, "bob");

    // Kept on demand, until the logout.
    browser.click("input[name=keep]").await;
    log_in(page, "ada", "pa$$wörd").await;
    page.link_is("connected").await;
    browser.open("about:blank").await;
    browser.open(&format!("{}#/connection", broker.url())).await;
    says(page, "[data-testid=user]", "ada").await;
    browser.click("[data-testid=log-out]").await;
    page.link_is("refused").await;
    let kept = browser
        .run("return JSON.stringify(localStorage)", &[])
        .await;
    assert!(!kept.to_string().contains("pa$$"), "{kept}");
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn where_the_broker_knows_no_scram_the_page_says_that_the_password_can_be_read() {
    let broker = Broker::with_users(&[], &[("ada", "secret")]).await;
    let browser = Browser::start(Screen::Phone, Theme::Light).await;
    browser.open(&broker.url()).await;
    let page = Dashboard { browser: &browser };
    page.link_is("refused").await;
    log_in(page, "ada", "secret").await;
    page.link_is("connected").await;
    browser.click("[data-testid=link]").await;
    says(
        page,
        "[data-testid=proof]",
        "anybody on the network can read it",
    )
    .await;
    assert_eq!(browser.errors().await, [""; 0]);
}

/// To the page this is an address of a network, since it is none of those that
/// lead nowhere else.
#[tokio::test]
async fn over_a_network_the_password_is_not_sent_bare_unless_somebody_agrees() {
    let broker = Broker::with_users(&[], &[("ada", "secret")]).await;
    let browser = Browser::start(Screen::Phone, Theme::Light).await;
    let network = format!(
        "{}?broker=ws://[::ffff:7f00:1]:{}",
        broker.url(),
        broker.web
    );
    browser.open(&network).await;
    let page = Dashboard { browser: &browser };
    page.link_is("refused").await;
    log_in(page, "ada", "secret").await;
    says(page, LOGIN, "Your password was not sent").await;
    judge(page, "login-bare").await;
    // Without the tick nothing is sent either.
    browser.click("input[name=keep]").await;
    browser.click("[data-testid=login] [type=submit]").await;
    let unticked = "return document.querySelector('input[name=bare]').validity.valueMissing";
    assert_eq!(browser.run(unticked, &[]).await, true);
    browser.click("input[name=bare]").await;
    browser.click("[data-testid=login] [type=submit]").await;
    page.link_is("connected").await;
    // Kept with the password, since it was asked for.
    browser.open("about:blank").await;
    browser.open(&network).await;
    page.link_is("connected").await;
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn who_cannot_log_in_by_scram_is_told_what_helps() {
    let broker = Broker::with_users(&[("bob", "secret")], &[("ada", "secret")]).await;
    let browser = Browser::start(Screen::Phone, Theme::Light).await;
    browser.open(&broker.url()).await;
    let page = Dashboard { browser: &browser };
    page.link_is("refused").await;
    log_in(page, "ada", "secret").await;
    says(page, LOGIN, "ws-broker passwd FILE USER").await;
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn a_broker_that_is_gone_is_explained_and_another_one_can_be_opened() {
    let mut first = Broker::start().await;
    let second = Broker::start().await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    let page = Dashboard::open(&browser, &second).await;
    visit(page, "connection").await;
    let field = "form[data-testid=other-broker] input";
    browser
        .run(
            "document.querySelector(arguments[0]).select()",
            &[field.into()],
        )
        .await;
    browser.type_into(field, "nonsense").await;
    browser.click("form[data-testid=other-broker] button").await;
    says(page, "#other-problem", "Begin with ws://").await;
    browser
        .run(
            "document.querySelector(arguments[0]).select()",
            &[field.into()],
        )
        .await;
    let address = format!("ws://127.0.0.1:{}", first.web);
    browser.type_into(field, &address).await;
    browser.click("form[data-testid=other-broker] button").await;
    says(page, "[data-testid=broker]", &address).await;
    page.link_is("connected").await;
    first.kill().await;
    says(
        page,
        "[data-testid=refusal] h2",
        "Nobody answers at this address",
    )
    .await;
    page.link_is("offline").await;
    judge(page, "connection-offline").await;
    first.restart().await;
    page.wait("document.querySelector('[data-testid=try]')?.click(); return document.querySelector('[data-testid=link]').dataset.state === 'connected'", &[]).await;
}
