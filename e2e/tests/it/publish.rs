//! What a message says beside its payload, from the page to the wire.

use e2e::{Broker, Browser, Dashboard, Screen, Theme, tool};
use serde_json::json;
use tokio::process::Command;

use crate::accessibility::judge;

/// What the broker keeps for a topic, with its properties.
async fn kept(broker: &Broker, topic: &str) -> String {
    let mut command = Command::new(tool("E2E_MOSQUITTO_SUB"));
    command
        .args(["-V", "mqttv5", "-C", "1", "-t", topic])
        .args(["-p", &broker.mqtt.to_string()])
        .args(["-F", "%p|%C|%R|%D|%F|%P|%E"]);
    let output = command.output().await.expect("it runs");
    String::from_utf8(output.stdout).expect("it is text")
}

#[tokio::test]
async fn the_properties_of_a_message_are_checked_sent_and_brought_back() {
    let broker = Broker::start().await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    let page = Dashboard::open(&browser, &broker).await;
    let link = format!("{}#/publish/Kitchen/Lamp", broker.url());
    browser.open(&link).await;
    page.link_is("connected").await;
    let is_open = "return document.querySelector('details').open";
    assert_eq!(
        browser.run(is_open, &[]).await,
        false,
        "they are folded away"
    );
    browser.click("summary").await;
    for (field, text) in [
        ("textarea[name=payload]", "21"),
        ("input[name=content-type]", "text/plain"),
        ("input[name=response-topic]", "answer/+"),
        ("input[name=correlation-data]", "nr 7"),
        ("input[name=message-expiry]", "soon"),
        ("textarea[name=user-properties]", "room: kitchen\nby: ada"),
    ] {
        browser.type_into(field, text).await;
    }
    browser.click("input[name=payload-format]").await;
    browser.click("input[name=retain]").await;
    browser.click(".choice button:nth-child(2)").await;
    let says = async |words: &str| {
        page.wait(
            "return document.querySelector('#publish-problem').textContent.includes(given[0])",
            &[words.into()],
        )
        .await;
    };
    let submit = "form button[type=submit]";
    browser.click(submit).await;
    says("whole seconds").await;
    let again = async |field: &str, text: &str| {
        let select = "document.querySelector(arguments[0]).select()";
        browser.run(select, &[json!(field)]).await;
        browser.type_into(field, text).await;
    };
    again("input[name=message-expiry]", "60").await;
    says("Answers go to one topic").await;
    again("input[name=response-topic]", "answer/lamp").await;
    judge(page, "publish-properties").await;
    browser.look_at(Screen::Laptop, Theme::Light).await;
    browser.click(submit).await;
    page.wait(
        "return document.querySelector('[data-testid=sent] li')?.textContent.includes('The broker has it')",
        &[],
    )
    .await;
    let got = kept(&broker, "Kitchen/Lamp").await;
    let got = got.trim().rsplit_once('|');
    let (properties, expiry) = got.expect("it ends with the expiry");
    assert_eq!(
        properties,
        "21|text/plain|answer/lamp|nr 7|1|room:kitchen by:ada"
    );
    let left: u32 = expiry.parse().expect("seconds");
    assert!((1..=60).contains(&left), "{left}");

    // What was sent can be edited again, with all it said.
    page.wait(
        "return document.querySelector('[data-testid=sent] li')?.textContent.includes('6 properties')",
        &[],
    )
    .await;
    again("input[name=content-type]", "other").await;
    browser.click("[data-testid=sent] .retry").await;
    page.wait(
        "return document.querySelector('input[name=content-type]').value === 'text/plain'",
        &[],
    )
    .await;
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn what_was_published_is_there_after_a_reload_until_it_is_forgotten() {
    let broker = Broker::start().await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    let page = Dashboard::open(&browser, &broker).await;
    let link = format!("{}#/publish/Kitchen/Lamp", broker.url());
    browser.open(&link).await;
    page.link_is("connected").await;
    browser.type_into("textarea[name=payload]", "Turn On").await;
    browser.click("form button[type=submit]").await;
    let is_listed =
        "return document.querySelector('[data-testid=sent] li')?.textContent.includes(given[0])";
    page.wait(is_listed, &["Sent. At QoS 0".into()]).await;

    browser.run("location.reload()", &[]).await;
    page.wait(is_listed, &["From before".into()]).await;
    page.link_is("connected").await;
    browser.click("[data-testid=sent] .retry").await;
    let is_back = "return document.querySelector('textarea[name=payload]').value === 'Turn On'";
    page.wait(is_back, &[]).await;
    browser.click("[data-testid=forget]").await;
    let is_empty = "return document.querySelector('[data-testid=sent]') \
         && !document.querySelector('[data-testid=sent] li')";
    page.wait(is_empty, &[]).await;
    let kept = "return Object.values(localStorage).some((text) => text.includes('Kitchen/Lamp'))";
    page.wait(&kept.replace("return ", "return !"), &[]).await;
    browser.run("location.reload()", &[]).await;
    page.link_is("connected").await;
    page.wait(is_empty, &[]).await;
    assert_eq!(browser.errors().await, [""; 0]);
}
