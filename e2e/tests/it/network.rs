//! The browser client over a network that fails.

use e2e::{Broker, Mosquitto, Proxy};

use crate::package::{page, run, url};

/// A client whose session outlives its connections, and which loses no time.
const KEPT: &str = "{ clientId: given[1], cleanStart: false, offline: 'queue', \
     reconnect: { first: 20, longest: 50 }, properties: { sessionExpiryInterval: 600 } }";

/// Publishes to itself, at QoS 1 and 2 in turn, and tells what has come.
async fn publish_over_a_breaking_network(port: u16) {
    let proxy = Proxy::breaking(port, 3000).await;
    let (_folder, _files, browser) = page().await;
    let body = format!(
        "const count = 400, seen = new Map(); let all; \
         const client = await mqtt.connect(given[0], {{ ...{KEPT}, waitForConnection: false }}); \
         const came = new Promise((resolve) => {{ all = resolve; }}); \
         const subscribed = client.subscribe('values', {{ qos: 2, onMessage: (m) => {{ \
             const number = Number(m.text()); \
             seen.set(number, (seen.get(number) ?? 0) + 1); \
             if (seen.size === count) all(); }} }}); \
         const outcomes = Array.from({{ length: count }}, (_, n) => \
             client.publish('values', String(n), {{ qos: 1 + n % 2 }})); \
         await subscribed; await Promise.all(outcomes); await came; await client.end(); \
         const twice = [...seen].filter(([number, times]) => number % 2 && times > 1).length; \
         return `${{seen.size}} came, ${{twice}} of QoS 2 twice`"
    );
    let told = run(&browser, &body, &[url(proxy.port), "kept".into()]).await;
    assert_eq!(told, "400 came, 0 of QoS 2 twice");
    assert!(proxy.cuts() >= 3, "only {} connections broke", proxy.cuts());
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_when_connections_break_within_packets() {
    let broker = Broker::start().await;
    publish_over_a_breaking_network(broker.web).await;
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_when_connections_to_mosquitto_break() {
    let mosquitto = Mosquitto::start().await;
    publish_over_a_breaking_network(mosquitto.web).await;
}

#[tokio::test]
async fn a_network_that_stalls_is_noticed_and_what_was_published_arrives_later() {
    let broker = Broker::start().await;
    let proxy = Proxy::start(broker.web).await;
    let (_folder, _files, browser) = page().await;
    let given = [url(proxy.port), "stalled".into()];
    let body = format!(
        "globalThis.client = await mqtt.connect(given[0], {{ ...{KEPT}, keepAlive: 1 }}); \
         globalThis.lost = new Promise((resolve) => client.once('close', resolve))"
    );
    run(&browser, &body, &given).await;
    proxy.stall();
    let body = "globalThis.outcome = client.publish('values', 'late', { qos: 2 }); \
         return (await lost).error.kind";
    assert_eq!(run(&browser, body, &[]).await, "keepAliveTimeout");
    proxy.cut();
    let body = "return (await new Promise((resolve) => client.once('close', resolve))).error.kind";
    assert_eq!(run(&browser, body, &[]).await, "unreachable");
    proxy.mend();
    let body = "const { reasonCode } = await outcome; await client.end(); return reasonCode";
    assert_eq!(run(&browser, body, &[]).await, 0);
}
