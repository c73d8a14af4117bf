//! The broker's view: what it says of itself, who is connected, and how one is
//! disconnected; and what is missing where it is none of ours.

use e2e::{
    Broker, Browser, Client, Dashboard, Kind, Login, Mosquitto, Raw, Screen, Theme, Version,
};

use crate::accessibility::judge;

/// Opens the view by its link, and waits until it has been told something.
async fn visit(page: Dashboard<'_>) {
    page.browser.click("nav a[href='#/broker']").await;
    says(page, "[data-testid=uptime]", "Running for").await;
}

async fn says(page: Dashboard<'_>, selector: &str, words: &str) {
    page.wait(
        "return document.querySelector(given[0])?.textContent.includes(given[1])",
        &[selector.into(), words.into()],
    )
    .await;
}

/// Waits until a client's row says so.
async fn client_says(page: Dashboard<'_>, client: &str, what: &str, value: &str) {
    page.wait(
        "const row = document.querySelector(`[data-client='${given[0]}']`); \
         return row?.querySelector(`[data-testid='${given[1]}']`)?.textContent === given[2]",
        &[client.into(), what.into(), value.into()],
    )
    .await;
}

async fn filter(page: Dashboard<'_>, words: &str, found: usize) {
    page.browser
        .run(
            "document.querySelector('[data-testid=clients] input').select()",
            &[],
        )
        .await;
    let field = "[data-testid=clients] input";
    page.browser.type_into(field, words).await;
    page.wait(
        "return document.querySelectorAll('[data-client]').length === given[0]",
        &[found.into()],
    )
    .await;
}

#[tokio::test]
async fn who_is_connected_is_listed_looked_at_closely_and_disconnected() {
    let mut broker = Broker::start().await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    let mut fridge = Client::connect(&broker, Kind::Paho2, Version::V5, "fridge").await;
    fridge.subscribe("Kitchen/+/set", 1).await;
    let _lamp = Client::connect(&broker, Kind::Paho161, Version::V311, "lamp").await;
    let page = Dashboard::open(&browser, &broker).await;
    visit(page).await;
    says(page, "[data-testid=broker-version]", "ws-broker").await;
    client_says(page, "fridge", "mqtt", "5.0").await;
    client_says(page, "fridge", "subscriptions", "1").await;
    client_says(page, "lamp", "mqtt", "3.1.1").await;
    says(page, "[data-client='fridge'] .who small", "127.0.0.1:").await;
    says(page, "[data-client^=web]", "This page").await;
    // Its traffic is drawn from what it remembers.
    page.wait(
        "const lines = [...document.querySelectorAll('.traffic .series .line')]; \
         return lines.length === 5 && lines.every((line) => line.getAttribute('d'))",
        &[],
    )
    .await;
    says(page, ".traffic .legend", "/s").await;

    // It keeps itself fresh.
    fridge.subscribe("Kitchen/Door/set", 0).await;
    client_says(page, "fridge", "subscriptions", "2").await;
    let _late = Client::connect(&broker, Kind::Paho2, Version::V5, "late").await;
    client_says(page, "late", "mqtt", "5.0").await;
    filter(page, "FRI", 1).await;
    filter(page, "127.0.0.1", 4).await;
    filter(page, "nobody", 0).await;
    filter(page, "fridge", 1).await;

    browser.click("[data-client='fridge'] .who").await;
    says(page, "[data-testid=filters]", "Kitchen/+/set").await;
    says(page, "[data-testid=session]", "Ends with the connection").await;
    judge(page, "broker-client").await;
    browser.look_at(Screen::Laptop, Theme::Light).await;
    browser.click("[data-testid=end]").await;
    says(page, "[data-testid=end-question]", "Disconnect fridge?").await;
    let focus = "return document.activeElement.textContent";
    assert_eq!(browser.run(focus, &[]).await, "Leave it");
    browser.click("[data-testid=end-question] .danger").await;
    says(page, "[data-testid=ended]", "fridge is disconnected.").await;
    broker.log("fridge").await;
    page.wait(
        "return !document.querySelector('[data-client=fridge] [data-connected=true]')",
        &[],
    )
    .await;
    judge(page, "broker").await;
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn what_the_rules_do_not_allow_is_said_with_what_would() {
    let rules = "topic readwrite #\ntopic read $SYS/#\n";
    let broker = Broker::with_rules(rules).await;
    let browser = Browser::start(Screen::Phone, Theme::Dark).await;
    let page = Dashboard::open(&browser, &broker).await;
    visit(page).await;
    says(
        page,
        "[data-testid=clients]",
        "topic write $dashboard/request/clients",
    )
    .await;
    judge(page, "broker-rules").await;

    let rules = format!("{rules}topic write $dashboard/request/clients\n");
    let broker = Broker::with_rules(&rules).await;
    let page = Dashboard::open(&browser, &broker).await;
    visit(page).await;
    page.wait(
        "return document.querySelector('[data-client^=web] .who')",
        &[],
    )
    .await;
    browser.click("[data-client^=web] .who").await;
    says(
        page,
        "[data-client^=web] .closely",
        "topic write $dashboard/request/disconnect",
    )
    .await;
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn hundreds_of_clients_are_shown_some_at_a_time() {
    let mut broker = Broker::start().await;
    let browser = Browser::start(Screen::Phone, Theme::Light).await;
    let mut clients = Vec::new();
    for number in 0..229 {
        let login = Login::new(Version::V311, &format!("sensor{number:03}"));
        clients.push(Raw::connect(broker.mqtt, &login).await);
    }
    // One that is away, and would be the first by its name.
    let away = Login {
        clean: false,
        ..Login::new(Version::V311, "a-sleeper")
    };
    drop(Raw::connect(broker.mqtt, &away).await);
    broker.log("a-sleeper").await;
    let page = Dashboard::open(&browser, &broker).await;
    visit(page).await;
    says(page, "[data-testid=clients] .count", "231 of 231").await;
    let rows = "return document.querySelectorAll('[data-client]').length";
    assert_eq!(browser.run(rows, &[]).await, 50);
    let first = page.attribute("[data-client]", "data-client").await;
    assert_eq!(first.as_deref(), Some("sensor000"), "who is there is first");
    filter(page, "sleeper", 1).await;
    client_says(page, "a-sleeper", "mqtt", "–").await;
    // Out from behind the navigation.
    let row = "document.querySelector('[data-client] .who').scrollIntoView({ block: 'center' })";
    browser.run(row, &[]).await;
    browser.click("[data-client] .who").await;
    says(page, "[data-testid=session]", "Kept for ever").await;
    filter(page, "sensor228", 1).await;
    judge(page, "broker-many").await;
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn another_broker_shows_what_it_says_of_itself_and_the_page_what_is_missing() {
    let ours = Broker::start().await;
    let mosquitto = Mosquitto::start().await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    let address = format!("ws%3A%2F%2F127.0.0.1%3A{}", mosquitto.web);
    browser
        .open(&format!("{}?broker={address}#/broker", ours.url()))
        .await;
    let page = Dashboard { browser: &browser };
    page.link_is("connected").await;
    says(page, "[data-testid=broker-version]", "mosquitto version").await;
    says(page, "[data-testid=foreign]", "who is connected").await;
    says(page, "[data-testid=uptime]", "Running for").await;
    judge(page, "broker-mosquitto").await;
    browser.click("[data-testid=link]").await;
    says(page, "[data-testid=foreign]", "no past values").await;
    assert_eq!(browser.errors().await, [""; 0]);
}
