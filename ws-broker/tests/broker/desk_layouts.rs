//! Layouts of the dashboard: kept by the broker, changed by one at a time.

use codec::QoS;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::common::{start, start_with, v5};
use crate::desk::{Page, code, ruled, user};
use crate::persistence::Kept;

fn layout(name: &str, revision: u64, layout: &Value) -> Value {
    json!({"name": name, "revision": revision, "layout": layout})
}

#[tokio::test]
async fn a_layout_is_seen_by_all_who_subscribe_now_and_later() {
    let broker = start().await;
    let mut page = Page::connect(&broker, v5("page")).await;
    let mut phone = broker.client(v5("phone")).await;
    phone
        .subscribe("$dashboard/layout/+", QoS::AtLeastOnce)
        .await;
    let cards = json!({"cards": ["Kitchen/Fridge", "é"], "n": 1.50});
    assert_eq!(
        page.ask("layout", layout("home", 0, &cards)).await,
        json!({"revision": 1})
    );
    let seen = phone.message().await;
    assert_eq!(&*seen.topic, "$dashboard/layout/home");
    let seen: Value = serde_json::from_slice(&seen.payload).unwrap();
    assert_eq!(seen, json!({"revision": 1, "layout": cards}));
    assert_eq!(
        page.ask("layout", layout("home", 1, &json!({}))).await,
        json!({"revision": 2})
    );
    assert_eq!(
        phone.message().await.payload,
        r#"{"revision":2,"layout":{}}"#
    );
    let mut late = broker.client(v5("late")).await;
    late.subscribe("$dashboard/layout/home", QoS::AtMostOnce)
        .await;
    let kept = late.message().await;
    assert!(kept.retain);
    assert_eq!(kept.payload, r#"{"revision":2,"layout":{}}"#);
}

#[tokio::test]
async fn of_two_editors_at_once_exactly_one_wins_each_time() {
    let broker = start().await;
    let mut editors = Vec::new();
    for n in 0..4 {
        editors.push(Page::connect(&broker, v5(&format!("editor-{n}"))).await);
    }
    for revision in 0..20 {
        for (n, editor) in editors.iter_mut().enumerate() {
            let own = layout("home", revision, &json!({ "by": n }));
            editor.send("layout", own.to_string()).await;
        }
        let mut winners = 0;
        for editor in &mut editors {
            let answer = editor.answer().await;
            assert_eq!(answer["revision"], revision + 1, "either way it is told");
            match answer.get("error") {
                None => winners += 1,
                Some(_) => assert_eq!(code(&answer), "conflict"),
            }
        }
        assert_eq!(winners, 1);
    }
    let mut page = Page::connect(&broker, v5("page")).await;
    let ahead = page.ask("layout", layout("home", 30, &json!({}))).await;
    assert_eq!((code(&ahead), &ahead["revision"]), ("conflict", &json!(20)));
    let other = page.ask("layout", layout("other", 1, &json!({}))).await;
    assert_eq!((code(&other), &other["revision"]), ("conflict", &json!(0)));
}

#[tokio::test]
async fn names_layouts_and_their_number_are_bounded() {
    let broker = start().await;
    let mut page = Page::connect(&broker, v5("page")).await;
    let long = "x".repeat(33);
    for name in ["", "Home", "a/b", "a b", "é", "+", long.as_str()] {
        let answer = page.ask("layout", layout(name, 0, &json!({}))).await;
        assert_eq!(code(&answer), "malformed", "{name}");
    }
    for shape in [json!([]), json!("x"), json!(1), json!(true)] {
        let answer = page.ask("layout", layout("home", 0, &shape)).await;
        assert_eq!(code(&answer), "malformed", "{shape}");
    }
    let large = json!({"text": "x".repeat(65_000)});
    assert_eq!(
        page.ask("layout", layout("large", 0, &large)).await["revision"],
        1
    );
    let too_large = json!({"text": "x".repeat(66_000)});
    assert_eq!(
        code(&page.ask("layout", layout("large", 1, &too_large)).await),
        "too_large"
    );
    for n in 1..32 {
        let answer = page
            .ask("layout", layout(&format!("l-{n}"), 0, &json!({})))
            .await;
        assert_eq!(answer["revision"], 1);
    }
    assert_eq!(
        code(&page.ask("layout", layout("more", 0, &json!({}))).await),
        "too_large"
    );
    // One that is taken away makes room, and its revision goes on until then.
    let nothing = Value::Null;
    assert_eq!(
        page.ask("layout", layout("l-7", 1, &nothing)).await["revision"],
        2
    );
    assert_eq!(
        code(&page.ask("layout", layout("l-7", 0, &json!({}))).await),
        "conflict"
    );
    assert_eq!(
        page.ask("layout", layout("more", 0, &json!({}))).await["revision"],
        1
    );
    page.client
        .subscribe("$dashboard/layout/l-7", QoS::AtMostOnce)
        .await;
    page.client.has_nothing().await;
    assert_eq!(
        code(&page.ask("layout", layout("l-7", 0, &json!({}))).await),
        "too_large"
    );
}

#[tokio::test]
async fn without_retained_messages_there_are_no_layouts() {
    let broker = start_with(|config| config.retain_available = false).await;
    let mut page = Page::connect(&broker, v5("page")).await;
    assert_eq!(page.ask("info", json!({})).await["retain"], false);
    let answer = page.ask("layout", layout("home", 0, &json!({}))).await;
    assert_eq!(code(&answer), "unavailable");
}

#[tokio::test]
async fn who_may_read_layouts_need_not_be_who_changes_them() {
    let broker = ruled(
        "user editor\ntopic write $dashboard/request/layout\n\
         user reader\ntopic read $dashboard/layout/#\n",
    )
    .await;
    let mut editor = Page::connect(&broker, user("editor")).await;
    let mut reader = Page::connect(&broker, user("reader")).await;
    reader
        .client
        .subscribe("$dashboard/layout/+", QoS::AtMostOnce)
        .await;
    let mut nobody = broker.client(v5("nobody")).await;
    nobody
        .subscribe("$dashboard/layout/+", QoS::AtMostOnce)
        .await;
    nobody
        .subscribe("$dashboard/layout/home", QoS::AtMostOnce)
        .await;
    let home = layout("home", 0, &json!({}));
    assert_eq!(
        code(&reader.ask("layout", home.clone()).await),
        "not_allowed"
    );
    assert_eq!(editor.ask("layout", home).await["revision"], 1);
    let seen = reader.client.message().await;
    assert_eq!(seen.payload, r#"{"revision":1,"layout":{}}"#);
    nobody.has_nothing().await;
}

#[tokio::test]
async fn a_layout_outlives_a_kill_after_its_answer() {
    let mut broker = Kept::start().await;
    for revision in 0..6 {
        let client = broker.client(v5("page")).await;
        let mut page = Page::new(client, "page").await;
        assert_eq!(page.ask("info", json!({})).await["persistence"], true);
        let mine = json!({"n": revision});
        let answer = page.ask("layout", layout("home", revision, &mine)).await;
        assert_eq!(answer["revision"], revision + 1);
        broker.end(Signal::SIGKILL).await;
        let mut late = broker.client(v5("late")).await;
        late.subscribe("$dashboard/layout/home", QoS::AtMostOnce)
            .await;
        let kept: Value = serde_json::from_slice(&late.message().await.payload).unwrap();
        assert_eq!(kept, json!({"revision": revision + 1, "layout": mine}));
    }
}
