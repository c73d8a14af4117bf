//! The page with brokers that do not take MQTT 5.0.

use e2e::{Broker, Browser, Dashboard, Screen, Server, Theme, Which};
use tokio::io::{self, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::accessibility::judge;

const FRIDGE: &str = "Kitchen/Fridge";

/// Listens for MQTT and for the page, and refuses MQTT 5.0 from the latter.
const OLD: &str = "allow_anonymous true\n\
     listener {1} 127.0.0.1\n\
     listener {2} 127.0.0.1\nprotocol websockets\naccept_protocol_versions 4\n";

async fn says(page: Dashboard<'_>, selector: &str, words: &str) {
    page.wait(
        "return document.querySelector(given[0])?.textContent.includes(given[1])",
        &[selector.into(), words.into()],
    )
    .await;
}

async fn open_at(page: Dashboard<'_>, ours: &Broker, port: u16, view: &str) {
    let broker = format!("ws%3A%2F%2F127.0.0.1%3A{port}");
    let address = format!("{}?broker={broker}#/{view}", ours.url());
    page.browser.open(&address).await;
    page.link_is("connected").await;
}

#[tokio::test]
async fn with_a_broker_that_refuses_mqtt_5_the_page_speaks_3_1_1_and_says_what_is_missing() {
    let ours = Broker::start().await;
    let browser = Browser::start(Screen::Phone, Theme::Light).await;
    let page = Dashboard { browser: &browser };
    // Debian's Mosquitto cannot be told to refuse it.
    let old = Server::running(Which::Ours, OLD, |_| {}).await;
    open_at(page, &ours, old.ports[1], "connection").await;
    says(page, "[data-testid=version]", "MQTT 3.1.1 over WebSocket").await;
    says(page, "[data-testid=foreign]", "does not take MQTT 5.0").await;
    judge(page, "connection-old").await;

    // What is published comes back, and is found retained when looked at.
    open_at(page, &ours, old.ports[1], "publish/Kitchen/Fridge").await;
    says(page, "form > .hint:not([id])", "3.1.1").await;
    browser
        .type_into("textarea[name=payload]", "Temperature:14")
        .await;
    browser.click("input[name=retain]").await;
    browser.click(".options .choice button:nth-child(2)").await;
    browser.click("form button[type=submit]").await;
    says(page, "[data-testid=sent] .done", "The broker has it").await;
    browser.click("nav a[href='#/']").await;
    page.shows(FRIDGE, "14").await;
    open_at(page, &ours, old.ports[1], "topics/Kitchen/Fridge").await;
    says(page, "[data-testid=retained]", "Yes").await;
    browser.click("[data-testid=clear]").await;
    browser.click("[data-testid=clear-question] .danger").await;
    says(page, "[data-testid=clear-done]", "Cleared").await;
    assert_eq!(browser.errors().await, [""; 0]);
}

/// Passes on what goes to the broker, as brokers do that cannot read a CONNECT
/// of MQTT 5.0: they hang up without a word.
async fn wordless(broker: u16) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let task = tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut server = TcpStream::connect(("127.0.0.1", broker)).await?;
                let (mut from, mut to) = client.split();
                let (mut answers, mut asks) = server.split();
                let there = async {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        head.push(from.read_u8().await?);
                    }
                    asks.write_all(&head).await?;
                    // The first frame: two bytes, the mask, and the CONNECT of
                    // less than 126 bytes, whose ninth is the version.
                    let mut frame = [0; 15];
                    from.read_exact(&mut frame).await?;
                    if frame[14] ^ frame[2] == 5 {
                        return Ok(0);
                    }
                    asks.write_all(&frame).await?;
                    io::copy(&mut from, &mut asks).await
                };
                let back = io::copy(&mut answers, &mut to);
                tokio::select! { done = there => done, done = back => done }
            });
        }
    });
    (port, task)
}

#[tokio::test]
async fn a_broker_that_hangs_up_at_mqtt_5_is_spoken_to_in_3_1_1_as_well() {
    let ours = Broker::start().await;
    let (port, task) = wordless(ours.web).await;
    let browser = Browser::start(Screen::Laptop, Theme::Dark).await;
    let page = Dashboard { browser: &browser };
    open_at(page, &ours, port, "connection").await;
    says(page, "[data-testid=version]", "MQTT 3.1.1").await;
    assert_eq!(browser.errors().await, [""; 0]);
    task.abort();
}
