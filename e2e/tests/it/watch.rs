//! What watches over the page in the other tests is awake.

use e2e::{Broker, Browser, Dashboard, Screen, Theme};

use crate::accessibility::axe;

#[tokio::test]
async fn errors_on_the_console_and_violations_of_the_policy_are_noticed() {
    let broker = Broker::start().await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    Dashboard::open(&browser, &broker).await;
    assert_eq!(browser.errors().await, [""; 0]);
    for (script, words) in [
        ("console.error('on purpose')", "on purpose"),
        ("setTimeout(() => { throw new Error('thrown') })", "thrown"),
        ("fetch('/no-such-file')", "404"),
        (
            "const inline = document.createElement('script'); inline.textContent = '1'; \
             document.body.append(inline)",
            "Content Security Policy",
        ),
        (
            "document.body.setAttribute('style', 'color: red')",
            "Content Security Policy",
        ),
    ] {
        browser.run(script, &[]).await;
        let error = browser.error().await;
        assert!(error.contains(words), "{script}: {error}");
    }
}

#[tokio::test]
async fn axe_notices_what_is_missing() {
    let broker = Broker::start().await;
    let browser = Browser::start(Screen::Phone, Theme::Dark).await;
    let page = Dashboard::open(&browser, &broker).await;
    assert_eq!(page.violations(&axe()).await, [""; 0]);
    browser
        .run(
            "const tool = document.querySelector('button.tool'); \
             tool.removeAttribute('aria-label'); tool.removeAttribute('title')",
            &[],
        )
        .await;
    let violations = page.violations(&axe()).await;
    assert!(violations[0].starts_with("button-name: "), "{violations:?}");
    assert_eq!(violations.len(), 1, "{violations:?}");
}
