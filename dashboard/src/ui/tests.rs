//! What the components draw, as HTML.

use std::rc::Rc;

use yew::prelude::*;
use yew::{LocalServerRenderer, html::BaseComponent};

use super::card::{Card, CardProps};
use super::group::{GroupProps, GroupSection};
use super::guide::{Guide, GuideProps};
use super::home::{Home, HomeProps};
use super::publish::{Publish, PublishProps};
use super::shared::Shared;
use super::topics::{Topics, TopicsProps};
use super::turns::Told;
use crate::connection::{Refusal, Shown, Why};
use crate::place::Place;
use crate::store::{Message, Store, Topic};
use crate::strings;
use crate::time::{Age, Millis};
use crate::widget::{Controls, Field, Kind, Layout, Value, Widget, led as led_widget};

async fn draw<C: BaseComponent>(props: C::Properties) -> String {
    LocalServerRenderer::<C>::with_props(props)
        .hydratable(false)
        .render()
        .await
}

fn message(topic: &str, payload: &str, at: f64) -> Message {
    Message {
        topic: topic.into(),
        payload: payload.into(),
        retain: false,
        at: Millis(at),
    }
}

/// A card for a widget, as it is when nothing is the matter.
fn of(widget: Widget, topic: Option<Shared<Topic>>) -> CardProps {
    CardProps {
        widget: Rc::new(widget),
        topic,
        control: None,
        age: Age::Now,
        stale: false,
        offline: false,
        offset: 0,
        unavailable: None,
        curves: Vec::new(),
        now: Millis(0.0),
        on_press: Callback::noop(),
    }
}

async fn card(payload: &str) -> String {
    let topic = Shared(Rc::new(Topic::new(&message(
        "Kitchen/Fridge",
        payload,
        0.0,
    ))));
    let widget = Widget::new(Kind::Value, "Kitchen/Fridge");
    draw::<Card>(CardProps {
        age: Age::Seconds(2),
        ..of(widget, Some(topic))
    })
    .await
}

/// The words of some HTML, without the tags.
fn words(html: &str) -> String {
    let mut words = String::new();
    // A topic is one word, in two parts.
    for part in html.replace("</span><span>/", "/").split('<') {
        words.push_str(part.split_once('>').map_or("", |(_, text)| text));
        words.push(' ');
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn has(html: &str, parts: &[&str]) {
    for part in parts {
        assert!(html.contains(part), "no {part} in {html}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn temperature_14_reads_temperature_14() {
    let html = card("Temperature:14").await;
    assert_eq!(words(&html), "Temperature Kitchen/Fridge 14 2 s ago");
    has(
        &html,
        &[
            r#"data-topic="Kitchen/Fridge""#,
            r#"<data value="14" class="value">14</data>"#,
        ],
    );
}

#[tokio::test(flavor = "current_thread")]
async fn a_unit_is_shown_when_it_was_sent_and_not_otherwise() {
    assert!(words(&card("CO2:640 ppm").await).contains("640 ppm"));
    assert!(!card("CO2:640").await.contains("unit"));
}

#[tokio::test(flavor = "current_thread")]
async fn each_kind_of_payload_has_its_card() {
    assert_eq!(
        words(&card(r#"{"a":1,"b":-2.5}"#).await),
        "Fridge Kitchen/Fridge A 1 B −2.5 2 s ago"
    );
    assert_eq!(
        words(&card("Turn On").await),
        "Fridge Kitchen/Fridge On 2 s ago"
    );
    assert_eq!(
        words(&card("Door:open").await),
        "Door Kitchen/Fridge Open 2 s ago"
    );
    assert_eq!(
        words(&card("hello").await),
        "Fridge Kitchen/Fridge hello 2 s ago"
    );
    assert_eq!(
        words(&card("").await),
        "Fridge Kitchen/Fridge Empty payload 2 s ago"
    );
    assert_eq!(
        words(&card("a\0b").await),
        "Fridge Kitchen/Fridge 61 00 62 2 s ago 3 bytes, not text"
    );
}

#[tokio::test(flavor = "current_thread")]
async fn markup_in_a_message_stays_text() {
    let html = card("<script>alert(1)</script>").await;
    assert!(!html.contains("<script>"), "{html}");
}

#[tokio::test(flavor = "current_thread")]
async fn a_late_value_says_so_in_words() {
    let topic = Shared(Rc::new(Topic::new(&message("f", "1", 0.0))));
    let widget = Widget::new(Kind::Value, "Kitchen/Fridge");
    let html = draw::<Card>(CardProps {
        age: Age::Minutes(12),
        stale: true,
        ..of(widget, Some(topic))
    })
    .await;
    has(&html, &[r#"data-stale="true""#, "No value for 12 min"]);
}

/// A control, what was pressed and what was heard, all in the order given.
async fn control(widget: Widget, steps: &[(&str, &str)], props: fn(&mut CardProps)) -> String {
    let widget = Rc::new(widget);
    let (mut controls, mut topic) = (Controls::default(), None::<Topic>);
    for (at, (what, value)) in steps.iter().enumerate() {
        let at = at as f64 * 1_000.0;
        match *what {
            "press" => controls.press(&widget, Value::On(*value == "on"), Millis(at)),
            "wait" => controls.tick(Millis(at + 5_000.0)),
            _ => {
                let message = message(widget.topic(), value, at);
                controls.receive(&message);
                match &mut topic {
                    Some(topic) => topic.receive(&message),
                    None => topic = Some(Topic::new(&message)),
                }
            }
        }
    }
    let mut card = CardProps {
        control: controls.get(&widget).cloned().map(Shared),
        ..of((*widget).clone(), topic.map(|topic| Shared(Rc::new(topic))))
    };
    props(&mut card);
    draw::<Card>(card).await
}

#[tokio::test(flavor = "current_thread")]
async fn a_state_never_seen_is_two_buttons_and_no_switch() {
    let html = control(led_widget(), &[], |_| {}).await;
    assert_eq!(words(&html), "LED home/led On Off State not seen yet");
    assert!(!html.contains(r#"role="switch""#));
    has(&html, &[r#"data-state="unknown""#]);
}

#[tokio::test(flavor = "current_thread")]
async fn a_shared_topic_says_sent_and_only_a_state_of_its_own_confirms() {
    let pending = control(led_widget(), &[("press", "on")], |_| {}).await;
    let parts = [
        r#"role="switch""#,
        r#"aria-checked="true""#,
        "pending",
        "Sending…",
    ];
    has(&pending, &parts);
    let echo = [("press", "on"), ("hear", "Turn On")];
    let sent = control(led_widget(), &echo, |_| {}).await;
    let parts = [
        r#"aria-checked="true""#,
        r#"aria-label="LED""#,
        r#"data-state="on""#,
    ];
    has(&sent, &parts);
    assert_eq!(words(&sent), "LED home/led On Sent 00:00:01");
    let own = led_widget().with(Field::Command, "home/led/set");
    let confirmed = control(own, &echo, |_| {}).await;
    assert_eq!(words(&confirmed), "LED home/led On Confirmed 00:00:01");
}

#[tokio::test(flavor = "current_thread")]
async fn without_a_reply_there_is_a_way_to_retry() {
    let html = control(led_widget(), &[("press", "on"), ("wait", "")], |_| {}).await;
    assert_eq!(words(&html), "LED home/led On Off No reply. Retry");
}

#[tokio::test(flavor = "current_thread")]
async fn without_a_connection_or_a_device_it_is_disabled_with_its_reason() {
    let seen = [("hear", "Turn Off")];
    let offline = control(led_widget(), &seen, |card| {
        card.unavailable = Some("Offline: cannot send");
    });
    let parts = [
        r#"aria-disabled="true""#,
        r#"aria-checked="false""#,
        "Offline: cannot send",
    ];
    has(&offline.await, &parts);
    let away = control(led_widget(), &seen, |card| card.offline = true);
    has(&away.await, &[r#"aria-disabled="true""#, "Device offline"]);
}

#[tokio::test(flavor = "current_thread")]
async fn each_type_of_widget_has_its_control() {
    let heard = |payload| [("hear", payload)];
    let widget = |kind| Widget::new(kind, "a/b").with(Field::Title, "T");
    let button = control(widget(Kind::Button), &[], |_| {}).await;
    assert_eq!(words(&button), "T a/b Send");
    let slider = widget(Kind::Slider)
        .with(Field::Max, "50")
        .with(Field::Unit, "%");
    let slider = control(slider, &heard("20"), |_| {}).await;
    has(&slider, &[r#"type="range""#, r#"max="50""#, "20 %"]);
    let select = widget(Kind::Select).with(Field::Options, "eco, boost");
    let select = control(select, &heard("boost"), |_| {}).await;
    has(
        &select,
        &[
            "<option>eco</option>",
            r#"<option selected="selected">boost</option>"#,
        ],
    );
    let colour = control(widget(Kind::Colour), &heard("#ff0000"), |_| {}).await;
    has(&colour, &[r#"type="color""#, "#ff0000</b>"]);
    let gauge = widget(Kind::Gauge)
        .with(Field::Max, "40")
        .with(Field::Above, "15");
    let gauge = control(gauge, &heard("20"), |_| {}).await;
    has(
        &gauge,
        &[r#"stroke-dasharray="50 200""#, "above 15", "alarm"],
    );
    let warned = widget(Kind::Value).with(Field::WarnBelow, "30");
    let warned = control(warned, &heard("20"), |_| {}).await;
    has(&warned, &["below 30", "warn"]);
    let slider = widget(Kind::Slider).with(Field::Decimals, "1");
    let slider = control(slider, &heard("20.26"), |_| {}).await;
    has(&slider, &["20.3"]);
    let log = control(
        widget(Kind::Log),
        &[("hear", "one"), ("hear", "two")],
        |_| {},
    )
    .await;
    assert!(words(&log).contains("00:00:01 two 00:00:00 one"), "{log}");
}

#[tokio::test(flavor = "current_thread")]
async fn what_is_kept_comes_first_and_what_is_hidden_not_at_all() {
    let mut store = Store::default();
    let all = ["a/b", "a/c", "a/d"].map(|topic| message(topic, "14", 0.0));
    store.receive(&all, Millis(0.0));
    let title = Widget::new(Kind::Value, "a/c").with(Field::Title, "Mine");
    let layout = Layout {
        widgets: vec![Rc::new(title)],
        hidden: vec!["a/d".into()],
    };
    let mut props = home(store);
    let mut known = crate::home::Home::default();
    known.take(crate::home::Event::Kept(layout, 1));
    props.home = Shared(Rc::new(known));
    let html = words(&draw::<Home>(props).await);
    let (mine, rest) = html.split_once("a/b").expect("it is suggested");
    assert!(
        mine.starts_with("Kept Mine a/c") && !rest.contains("Mine"),
        "{html}"
    );
    assert!(
        html.contains("1 topic") && !rest.contains("D a/d"),
        "{html}"
    );
}

fn home(store: Store) -> HomeProps {
    HomeProps {
        store: Shared(Rc::new(store)),
        controls: Shared(Rc::default()),
        home: Shared(Rc::default()),
        tracks: Shared(Rc::default()),
        now: Millis(0.0),
        offset: 0,
        shown: Shown::Connected,
        on_press: Callback::noop(),
        on_home: Callback::noop(),
    }
}

#[tokio::test(flavor = "current_thread")]
async fn home_has_a_section_for_each_group_and_the_latest_messages() {
    let mut store = Store::default();
    store.receive(
        &[message("Kitchen/Fridge", "Temperature:14", 0.0)],
        Millis(1_000.0),
    );
    let html = draw::<Home>(home(store)).await;
    has(
        &html,
        &[
            r#"data-group="home""#,
            r#"data-group="Kitchen""#,
            "1 topic",
            "Temperature:14",
            "Latest messages",
        ],
    );
    assert!(
        !html.contains("style="),
        "the page's policy allows no inline style"
    );
}

#[tokio::test(flavor = "current_thread")]
async fn a_large_group_shows_some_and_offers_the_rest() {
    let mut store = Store::default();
    let many: Vec<Message> = (0..100)
        .map(|i| message(&format!("g/{i}"), "1", 0.0))
        .collect();
    store.receive(&many, Millis(0.0));
    let group = store.groups()[0].clone();
    let html = draw::<GroupSection>(GroupProps {
        group: Shared(group),
        some: 24,
        home: Told::once(home(store)),
    })
    .await;
    has(&html, &["100 topics", "Show 76 more"]);
}

async fn guide(host: &str) -> String {
    let place = Place::find("http:", host, "9001", "");
    draw::<Guide>(GuideProps {
        place,
        waiting: Some(7),
        on_close: None,
    })
    .await
}

#[tokio::test(flavor = "current_thread")]
async fn the_guide_fills_in_the_address() {
    let html = guide("192.168.1.20").await;
    has(
        &html,
        &[
            "7 s",
            r#"data-testid="qr""#,
            "http://192.168.1.20:9001/",
            r#"broker   = "192.168.1.20""#,
        ],
    );
    assert!(!html.contains("BROKER-ADDRESS"));
}

#[tokio::test(flavor = "current_thread")]
async fn a_code_that_leads_a_phone_to_itself_is_not_drawn() {
    let html = guide("localhost").await;
    assert!(!html.contains(r#"data-testid="qr""#));
    has(&html, &["only this computer can reach", "BROKER-ADDRESS"]);
}

fn topics(store: Store, selected: Option<&str>) -> TopicsProps {
    TopicsProps {
        store: Shared(Rc::new(store)),
        selected: selected.map(Into::into),
        watch: None,
        is_old: false,
        now: Millis(0.0),
        offset: 0,
        unavailable: None,
        on_clear: Callback::noop(),
    }
}

#[tokio::test(flavor = "current_thread")]
async fn of_a_long_tree_only_a_part_is_drawn_and_its_room_is_kept() {
    let mut store = Store::default();
    let many: Vec<Message> = (0..2_000)
        .map(|i| message(&format!("{i:04}"), "1", 0.0))
        .collect();
    store.receive(&many, Millis(0.0));
    let html = draw::<Topics>(topics(store, None)).await;
    let drawn = html.matches(r#"role="treeitem""#).count();
    assert!((20..60).contains(&drawn), "{drawn}");
    let rest = format!(r#"height="{}""#, (2_000 - drawn) * 48);
    has(&html, &[&rest, "2,000 topics", r#"aria-level="1""#]);
    assert!(!html.contains("style="));
}

#[tokio::test(flavor = "current_thread")]
async fn a_topic_in_detail_shows_its_payload_as_what_it_is() {
    for (payload, shown) in [
        ("{\"a\":1}", "{\n  \"a\": 1\n}"),
        ("a\0", "61 00"),
        ("<b>", "&lt;b&gt;"),
    ] {
        let mut store = Store::default();
        store.receive(&[message("x", payload, 0.0)], Millis(0.0));
        let html = draw::<Topics>(topics(store, Some("x"))).await;
        let html = html.replace("&quot;", "\"").replace("&#x27;", "'");
        has(&html, &[shown, "Not known yet"]);
    }
    let html = draw::<Topics>(topics(Store::default(), Some("not/heard"))).await;
    has(&html, &["No message on this topic since"]);
}

#[tokio::test(flavor = "current_thread")]
async fn offline_nothing_is_published_and_the_button_says_why() {
    let html = draw::<Publish>(PublishProps {
        store: Shared(Rc::default()),
        is_old: false,
        topic: Some("a/b".into()),
        publications: Shared(Rc::default()),
        unavailable: Some("Offline: cannot send"),
        on_publish: Callback::noop(),
        on_forget: Callback::noop(),
    })
    .await;
    has(&html, &[r#"aria-disabled="true""#, "Offline: cannot send"]);
}

#[test]
fn each_refusal_is_explained_in_its_own_words_with_what_to_do() {
    let refusals = [
        Refusal::Login(None),
        Refusal::Unreachable,
        Refusal::Lost,
        Refusal::Blocked,
        Refusal::Version,
        Refusal::Identifier,
        Refusal::Banned,
        Refusal::Busy,
        Refusal::TakenOver,
        Refusal::Elsewhere(Some("other.example".into())),
        Refusal::Impostor,
        Refusal::Other(Why::default()),
        Refusal::Bare,
    ];
    let mut told = Vec::new();
    for refusal in &refusals {
        let (what, remedy) = strings::refusal(refusal, false);
        assert!(remedy.ends_with('.') && remedy.len() > 20, "{remedy}");
        assert!(!told.contains(&what), "{what}");
        told.push(what);
    }
    assert!(
        strings::refusal(&Refusal::Unreachable, true)
            .1
            .contains("certificate")
    );
    assert!(
        strings::refusal(&refusals[9], false)
            .1
            .contains("other.example")
    );
}
