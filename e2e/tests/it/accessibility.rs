//! axe-core has nothing to say about the page, in each of its states, on both
//! screens, light and dark. With `E2E_SCREENSHOTS` set, what it looked like is
//! kept in `target/e2e`.

use std::fs;
use std::path::Path;

use e2e::{Broker, Browser, Client, Dashboard, Kind, Message, Screen, Theme, Version, tool};

const SCREENS: [Screen; 2] = [Screen::Phone, Screen::Laptop];
const THEMES: [Theme; 2] = [Theme::Light, Theme::Dark];

/// The source of axe-core.
pub(crate) fn axe() -> String {
    let file = tool("E2E_NODE_MODULES").join("axe-core").join("axe.min.js");
    fs::read_to_string(file).expect("the module has it")
}

/// Looks at the page as it is, on all screens and in both themes.
pub(crate) async fn judge(page: Dashboard<'_>, state: &str) {
    let axe = axe();
    for screen in SCREENS {
        for theme in THEMES {
            page.browser.look_at(screen, theme).await;
            // The page's own switch for the theme has to follow as well.
            let dark = if theme == Theme::Dark {
                "true"
            } else {
                "false"
            };
            page.wait(
                "return document.querySelector('[data-testid=theme]').ariaPressed === given[0]",
                &[dark.into()],
            )
            .await;
            let what = format!("{state}-{screen:?}-{theme:?}").to_lowercase();
            if std::env::var_os("E2E_SCREENSHOTS").is_some() {
                keep(&what, &page.browser.screenshot().await);
            }
            let violations = page.violations(&axe).await;
            assert!(violations.is_empty(), "{what}:\n{}", violations.join("\n"));
            assert_eq!(page.sideways().await, 0, "{what} is wider than the screen");
        }
    }
}

fn keep(name: &str, picture: &[u8]) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("e2e");
    fs::create_dir_all(&folder).expect("a folder in target");
    fs::write(folder.join(format!("{name}.png")), picture).expect("a file in target");
}

/// What a kitchen says in a while.
async fn kitchen(client: &mut Client, page: Dashboard<'_>) {
    let tenths = [
        140, 131, 118, 104, 92, 83, 71, 62, 55, 48, 43, 38, 35, 41, 46, 52, 57, 63, 66, 70,
    ];
    let co2 = [
        640, 648, 661, 657, 674, 702, 741, 788, 830, 868, 911, 937, 966, 981, 1004, 1019, 1042,
        1038, 1057, 1063,
    ];
    for (tenths, co2) in tenths.into_iter().zip(co2) {
        page.browser.advance(20_000).await;
        let fridge = format!("{}.{}", tenths / 10, tenths % 10);
        for (topic, payload) in [
            ("Kitchen/AirQuality", format!("CO2:{co2}")),
            ("Kitchen/Fridge", format!("Temperature:{fridge}")),
        ] {
            client.publish(&Message::new(topic, 1, payload)).await;
        }
        page.shows("Kitchen/Fridge", &fridge).await;
    }
    for topic in ["Kitchen/Purifier", "home/led"] {
        client.publish(&Message::new(topic, 1, "Turn On")).await;
    }
    page.shows("Kitchen/Purifier", "On").await;
    page.led_is("on").await;
}

/// What else there may be.
async fn the_rest(client: &mut Client, page: Dashboard<'_>) {
    for (topic, payload) in [
        ("home/door", "closed"),
        ("home/balcony/status", "offline"),
        (
            "home/plug/SENSOR",
            r#"{"Voltage":231,"Power":12.5,"Today":0.62}"#,
        ),
        ("home/raw", "\u{0}\u{1}\u{2}"),
        ("home/nothing", ""),
        ("home/note", "Water the plants"),
    ] {
        client.publish(&Message::new(topic, 1, payload)).await;
    }
    page.shows("home/note", "Water the plants").await;
}

#[tokio::test]
async fn nobody_is_kept_out_of_the_page_with_values_or_without() {
    let mut broker = Broker::start().await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    browser.take_clock().await;
    let page = Dashboard::open(&browser, &broker).await;
    browser.advance(5_000).await;
    page.wait("return document.querySelector('[data-testid=guide]')", &[])
        .await;
    judge(page, "empty").await;

    let mut client = Client::connect(&broker, Kind::Paho161, Version::V311, "kitchen").await;
    kitchen(&mut client, page).await;
    judge(page, "kitchen").await;
    the_rest(&mut client, page).await;
    judge(page, "everything").await;
    assert_eq!(browser.errors().await, [""; 0]);

    browser.click("[data-testid=guide-button]").await;
    page.wait("return document.querySelector('[data-testid=guide]')", &[])
        .await;
    judge(page, "guide").await;
    browser.click("[data-testid=guide-button]").await;

    broker.kill().await;
    // Everything is late, and everything is offline.
    browser.advance(12 * 60_000).await;
    page.link_is("offline").await;
    page.wait("return document.querySelector('[data-stale=true]')", &[])
        .await;
    judge(page, "offline").await;
}

#[tokio::test]
async fn nobody_is_kept_out_of_the_login() {
    let broker = Broker::closed().await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    browser.open(&broker.url()).await;
    let page = Dashboard { browser: &browser };
    page.link_is("refused").await;
    judge(page, "login").await;

    page.browser
        .type_into("form[data-testid=login] input[name=user]", "cook")
        .await;
    page.browser
        .type_into("form[data-testid=login] input[name=password]", "wrong")
        .await;
    page.browser
        .click("form[data-testid=login] button[type=submit]")
        .await;
    page.wait(
        "return document.querySelector('form[data-testid=login]').textContent.includes(given[0])",
        &["The broker refused this user or password.".into()],
    )
    .await;
    judge(page, "login-refused").await;
    assert_eq!(browser.errors().await, [""; 0]);
}
