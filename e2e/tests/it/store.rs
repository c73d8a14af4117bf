//! The browser client's store: tabs that are killed in the middle of QoS 2, and
//! several that want the same one.

use std::collections::{BTreeMap, BTreeSet};

use e2e::{Broker, Browser, Login, Message, Mosquitto, Proxy, Raw, Screen, Theme, Version};
use nix::sys::signal::{Signal, kill};
use serde_json::{Value, json};

use crate::package::{page, run, site, url};

/// Kills tabs of a program that publishes and receives, each after so many
/// bytes as dice say, and checks what came through.
async fn kill_tabs(mqtt: u16, web: u16, times: usize) {
    let proxy = Proxy::start(web).await;
    let (_folder, files) = site().await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    // Another site than the one with the store, which has another process.
    browser
        .open(&files.url.replace("127.0.0.1", "localhost"))
        .await;
    let driven: BTreeSet<_> = browser.pages().into_iter().collect();
    let mut observer = raw(mqtt, "observer").await;
    assert_eq!(observer.subscribe(&[("out", 0)]).await, [0]);
    let mut sender = raw(mqtt, "sender").await;

    let mut dice = fastrand::Rng::with_seed(7);
    let broker = format!("ws://127.0.0.1:{}/mqtt", proxy.port);
    let (mut sent, mut out) = (0, Vec::new());
    for life in 0..times {
        // Behind the handshake of WebSocket, up to where nothing can be lost:
        // what breaks there makes the client look who is there, once more than
        // is counted.
        proxy.break_after(dice.usize(800..4000));
        browser
            .open_tab(&format!(
                "{}store.html?life={life}&broker={broker}",
                files.url
            ))
            .await;
        proxy.connections(life + 1).await;
        let tab: Vec<_> = browser
            .pages()
            .into_iter()
            .filter(|id| !driven.contains(id))
            .collect();
        for _ in 0..4 {
            let qos = 1 + u8::from(is_qos_2(sent));
            let message = Message::new("in", qos, format!("in-{sent}"));
            // Nobody subscribes before the first page has.
            let code = sender.publish(&message).await;
            sent += usize::from(code == 0);
        }
        proxy.broken(life + 1).await;
        assert!(!tab.is_empty(), "the tab has no process of its own");
        for id in tab {
            kill(id, Signal::SIGKILL).expect("it lives");
        }
        out.extend(observer.settle().await);
    }

    proxy.break_after(usize::MAX);
    browser.open(&format!("{}index.html", files.url)).await;
    let script =
        "const { last } = await import('/store.js'); return await last(given[0], given[1])";
    let told = run(&browser, script, &[broker.into(), sent.into()]).await;
    out.extend(observer.settle().await);
    check(&told, sent, &out);
}

/// Two of three messages to the page.
fn is_qos_2(number: usize) -> bool {
    !number.is_multiple_of(3)
}

async fn raw(port: u16, id: &str) -> Raw {
    let login = Login {
        version: Version::V5,
        id: id.to_owned(),
        user: None,
        password: None,
        clean: true,
        keep_alive: 0,
        will: None,
    };
    Raw::connected(port, &login).await
}

fn check(told: &Value, sent: usize, out: &[Message]) {
    let texts = |name: &str| -> Vec<String> {
        let list = told[name].as_array().unwrap_or_else(|| panic!("{told}"));
        list.iter()
            .map(|text| text.as_str().expect("text").to_owned())
            .collect()
    };
    assert_eq!(texts("wrong"), [""; 0]);

    // In: all of them, in order, none at QoS 2 twice.
    let got = texts("got");
    let mut seen = BTreeSet::new();
    for text in &got {
        let number: usize = text[3..].parse().expect("a number");
        assert!(
            seen.insert(number) || !is_qos_2(number),
            "{text} came twice"
        );
    }
    assert_eq!(seen.len(), sent);
    for at_qos_2 in [false, true] {
        let mut last = None;
        for number in got
            .iter()
            .map(|text| text[3..].parse::<usize>().expect("a number"))
        {
            if is_qos_2(number) == at_qos_2 && seen.remove(&number) {
                assert!(last < Some(number), "{number} after {last:?}");
                last = Some(number);
            }
        }
    }

    // Out: what was acknowledged, and what was stored when a tab was killed;
    // of each life the first ones, without a gap; none at QoS 2 twice.
    let mut arrived = BTreeSet::new();
    let mut lives: BTreeMap<(&str, &str), Vec<u32>> = BTreeMap::new();
    let payloads: Vec<_> = out
        .iter()
        .map(|message| String::from_utf8_lossy(&message.payload).into_owned())
        .collect();
    for text in &payloads {
        let is_new = arrived.insert(text.as_str());
        let [_, qos, life, number] = text.split('-').collect::<Vec<_>>()[..] else {
            panic!("{text}");
        };
        assert!(is_new || qos == "1", "{text} arrived twice");
        if is_new {
            lives
                .entry((life, qos))
                .or_default()
                .push(number.parse().expect("a number"));
        }
    }
    for text in texts("acked").iter().chain(&texts("left")) {
        assert!(arrived.contains(text.as_str()), "{text} is lost");
    }
    for (life, numbers) in &lives {
        let all = (0u32..).filter(|number| number.is_multiple_of(4) == (life.1 == "1"));
        let expected: Vec<u32> = all.take(numbers.len()).collect();
        assert_eq!(*numbers, expected, "life {life:?}");
    }
    e2e::report(&format!(
        "{} received, {} published",
        got.len(),
        arrived.len()
    ));
}

#[tokio::test]
async fn a_tab_killed_100_times_in_the_middle_of_qos_2_loses_and_doubles_nothing() {
    let broker = Broker::start().await;
    kill_tabs(broker.mqtt, broker.web, 100).await;
}

#[tokio::test]
async fn a_tab_killed_again_and_again_with_mosquitto_loses_and_doubles_nothing() {
    let mosquitto = Mosquitto::start().await;
    kill_tabs(mosquitto.mqtt, mosquitto.web, 20).await;
}

#[tokio::test]
async fn two_tabs_do_not_have_one_store_at_a_time() {
    let broker = Broker::start().await;
    let (_folder, files, browser) = page().await;
    let body = "globalThis.client = await mqtt.connect(given[0], { store: 'shared' }); \
         return client.clientId";
    let id = run(&browser, body, &[url(broker.web)]).await;
    browser.open_window().await;
    browser.open(&files.url).await;
    let body = "const error = await mqtt.connect(given[0], { store: 'shared' }).catch((error) => error); \
         globalThis.other = mqtt.connect(given[0], { store: { name: 'shared', wait: true } }); \
         return `${error.kind} ${error.by}`";
    assert_eq!(
        run(&browser, body, &[url(broker.web)]).await,
        "storeInUse caller"
    );
    browser.use_window(0).await;
    // One that is not acknowledged by then.
    let body = "client.publish('nobody', 'x', { qos: 1 }).catch(() => {}); await client.end()";
    run(&browser, body, &[]).await;
    browser.use_window(1).await;
    let body = "const client = await other; const { clientId } = client; await client.end(); return clientId";
    assert_eq!(run(&browser, body, &[]).await, id);
    assert_eq!(browser.errors().await, [""; 0]);
}

#[tokio::test]
async fn a_publish_that_there_is_no_room_for_is_refused_and_the_client_goes_on() {
    let broker = Broker::start().await;
    let (_folder, files, browser) = page().await;
    let origin = files.url.trim_end_matches('/');
    // Chromium lets some more in.
    let room = json!({ "origin": origin, "quotaSize": 200_000 });
    let method = "Storage.overrideQuotaForOrigin";
    browser.devtools(method, room).await;
    let body = "const client = await mqtt.connect('ws://127.0.0.1:1/', { \
             store: 'full', offline: 'queue', waitForConnection: false }); \
         const publish = (text) => client.publish('values', text, { qos: 2 }) \
             .catch(({ kind, by }) => `${kind} ${by}`); \
         const { records } = await import('/store.js'); \
         const small = publish('small'); \
         while ((await records('full')).keys.length < 2) \
             await new Promise((resolve) => setTimeout(resolve, 5)); \
         const large = publish('x'.repeat(1e7)); \
         await new Promise((resolve) => setTimeout(resolve)); \
         const later = publish('later'); \
         const told = [await large]; \
         await client.end(); \
         return [...told, await small, await later].join(', ')";
    assert_eq!(
        run(&browser, body, &[]).await,
        "storeFull browser, ended caller, ended caller"
    );
    let mut observer = raw(broker.mqtt, "observer").await;
    observer.subscribe(&[("values", 0)]).await;
    let body = "const client = await mqtt.connect(given[0], { store: 'full' }); \
         const { reasonCode } = await client.publish('values', 'last', { qos: 2 }); \
         await client.end(); return reasonCode";
    assert_eq!(run(&browser, body, &[url(broker.web)]).await, 0);
    let came: Vec<_> = observer.settle().await;
    let came: Vec<_> = came.iter().map(|message| &message.payload[..]).collect();
    assert_eq!(came, [&b"small"[..], b"later", b"last"]);
}

#[tokio::test]
async fn what_the_broker_refuses_of_an_earlier_page_comes_in_an_error_event() {
    let broker = Broker::with_rules("topic read #\ntopic write open\n").await;
    let (_folder, _files, browser) = page().await;
    let body = "const client = await mqtt.connect('ws://127.0.0.1:1/', { \
             store: 'left', offline: 'queue', waitForConnection: false }); \
         for (const [topic, qos] of [['closed/1', 1], ['closed/2', 2], ['open', 2]]) \
             client.publish(topic, 'of an earlier page', { qos }).catch(() => {}); \
         await client.end()";
    assert_eq!(run(&browser, body, &[]).await, Value::Null);
    let body = "\
        const client = await mqtt.connect(given[0], { store: 'left', waitForConnection: false }); \
        const told = []; \
        await new Promise((enough) => client.on('error', (error) => { \
            const { kind, by, operation, reasonCode, packet } = error; \
            told.push([kind, by, operation, reasonCode, packet.topic, packet.qos, packet.text(), \
                packet instanceof mqtt.Message]); \
            if (told.length === 2) enough(); \
        })); \
        await client.end(); \
        return told";
    let refused = |topic: &str, qos: u8| {
        json!([
            "refused",
            "broker",
            "publish",
            0x87,
            topic,
            qos,
            "of an earlier page",
            true
        ])
    };
    let told = run(&browser, body, &[url(broker.web)]).await;
    assert_eq!(
        told,
        json!([refused("closed/1", 1), refused("closed/2", 2)])
    );
}
