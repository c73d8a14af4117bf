use serde_json::{Value, json};

use crate::{Broker, Browser, PATIENCE};

/// The page in a browser, read and used as its README says.
#[derive(Clone, Copy, Debug)]
pub struct Dashboard<'a> {
    /// The browser.
    pub browser: &'a Browser,
}

/// What was waited for, and when the page had it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What it was.
    pub value: Value,
    /// Milliseconds since 1970, by the page's own clock.
    pub at: u64,
}

/// Calls back as soon as an expression is true, which it can become when the
/// page changes, or in the course of time; or else with what is to be read.
const WAIT: &str = r"
    const given = [...arguments];
    const done = given.pop();
    const patience = given.pop();
    const look = () => { STATEMENTS };
    let observer, timer, deadline;
    const check = () => {
        const value = look();
        if (!value) return false;
        observer?.disconnect();
        clearInterval(timer);
        clearTimeout(deadline);
        done({ value, at: Date.now() });
        return true;
    };
    if (check()) return;
    observer = new MutationObserver(check);
    observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    timer = setInterval(check, 100);
    deadline = setTimeout(() => done({ page: document.body.innerText }), patience);
";

impl<'a> Dashboard<'a> {
    /// Opens the broker's page and waits until it is connected.
    pub async fn open(browser: &'a Browser, broker: &Broker) -> Dashboard<'a> {
        browser.open(&broker.url()).await;
        let page = Dashboard { browser };
        page.link_is("connected").await;
        page
    }

    /// Waits until `return` statements give something that JavaScript holds
    /// for true; in them, `given` is the arguments.
    ///
    /// # Panics
    /// If they do not in time.
    pub async fn wait(&self, statements: &str, arguments: &[Value]) -> Seen {
        let script = WAIT.replace("STATEMENTS", statements);
        let mut given = arguments.to_vec();
        given.push(json!(
            u64::try_from(PATIENCE.as_millis()).expect("it is short")
        ));
        let seen = self.browser.run_async(&script, &given).await;
        if let Some(page) = seen["page"].as_str() {
            panic!("{statements}\ndid not come true with {arguments:?}; the page:\n{page}");
        }
        Seen {
            value: seen["value"].clone(),
            at: seen["at"].as_u64().expect("the script says when"),
        }
    }

    /// Waits until the connection is shown as `connected`, `reconnecting`...
    pub async fn link_is(&self, state: &str) {
        self.wait(
            "return document.querySelector('[data-testid=link]')?.dataset.state === given[0]",
            &[state.into()],
        )
        .await;
    }

    /// Waits until the card of a topic shows a value, as people read it.
    pub async fn shows(&self, topic: &str, value: &str) -> Seen {
        self.wait(
            "const card = document.querySelector(`article[data-topic='${given[0]}']`); \
             return card?.querySelector('.value')?.textContent === given[1]",
            &[topic.into(), value.into()],
        )
        .await
    }

    /// Waits until the LED's card says so: `unknown`, `pending`, `on`, `off`.
    pub async fn led_is(&self, state: &str) -> Seen {
        self.wait(
            "return document.querySelector('article.led')?.dataset.state === given[0]",
            &[state.into()],
        )
        .await
    }

    /// Waits until the LED's note contains these words.
    pub async fn led_says(&self, words: &str) {
        self.wait(
            "return document.querySelector('article.led .meta .age')?.textContent.includes(given[0])",
            &[words.into()],
        )
        .await;
    }

    /// Clicks on the LED's switch.
    pub async fn press(&self) {
        self.browser.click("article.led button[role=switch]").await;
    }

    /// The text of the first element that a selector finds, if there is one.
    pub async fn text(&self, selector: &str) -> Option<String> {
        let script = "return document.querySelector(arguments[0])?.textContent ?? null";
        let text = self.browser.run(script, &[selector.into()]).await;
        text.as_str().map(str::to_owned)
    }

    /// An attribute of the first element that a selector finds.
    pub async fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        let script =
            "return document.querySelector(arguments[0])?.getAttribute(arguments[1]) ?? null";
        let value = self
            .browser
            .run(script, &[selector.into(), name.into()])
            .await;
        value.as_str().map(str::to_owned)
    }

    /// How many pixels the page is wider than its screen.
    pub async fn sideways(&self) -> i64 {
        let script = "const { scrollWidth, clientWidth } = document.documentElement; \
             return scrollWidth - clientWidth";
        self.browser
            .run(script, &[])
            .await
            .as_i64()
            .expect("widths are numbers")
    }

    /// What axe-core has against the page as it is now: a line for each
    /// violation, with the elements that it is about. `axe` is its source.
    pub async fn violations(&self, axe: &str) -> Vec<String> {
        self.browser.run(axe, &[]).await;
        let script = "const done = arguments[0]; \
             axe.run(document).then( \
                 ({ violations }) => done(violations.map(({ id, help, nodes }) => \
                     `${id}: ${help}: ${nodes.map(({ html, failureSummary }) => \
                         `${html} ${failureSummary}`).join(' | ')}`)), \
                 (error) => done([`axe failed: ${error}`]))";
        let found = self.browser.run_async(script, &[]).await;
        let found = found
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![json!("no answer")]);
        found
            .iter()
            .map(|line| line.as_str().unwrap_or_default().to_owned())
            .collect()
    }
}
