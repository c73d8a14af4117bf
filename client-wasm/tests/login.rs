//! Logging in with SCRAM-SHA-256 (section 4.12), to a broker that knows `ada`
//! with the password `secret`.
#![cfg(target_arch = "wasm32")]

mod common;

use std::time::Duration;

use client_wasm::{Client, Error, Event, ProtocolVersion, QoS, Reconnect};
use common::{connected, next, options, unique, until, within};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// Why the first attempt to connect fails.
async fn refusal(user: &str, password: &'static str) -> Error {
    let hour = Duration::from_secs(3600);
    let client = Client::new(options().scram(user, password).reconnect(Reconnect {
        first: hour,
        longest: hour,
    }));
    let event = until(&client, |event| matches!(event, Event::Disconnected { .. })).await;
    client.end().await;
    match event {
        Event::Disconnected {
            error: Some(error), ..
        } => error,
        other => panic!("{other:?}"),
    }
}

#[wasm_bindgen_test]
async fn section_4_12_with_the_password_proved_but_not_sent() {
    let client = connected(options().scram("ada", "secret")).await;
    let topic = unique("login");
    let mut stream = within(client.subscribe(&*topic, QoS::AtLeastOnce))
        .await
        .unwrap();
    // All else goes on while it authenticates again (section 4.12.1).
    for text in ["1", "2"] {
        let again = client.reauthenticate();
        let message = client_wasm::Message::new(&*topic, text).unwrap();
        within(client.publish(message)).await.unwrap();
        assert_eq!(next(&mut stream).await.text(), Some(text));
        within(again).await.unwrap();
    }
    assert!(client.is_connected());
    client.end().await;
}

#[wasm_bindgen_test]
async fn section_4_12_a_wrong_password_or_user_is_refused() {
    for (user, password) in [("ada", "wrong"), ("nobody", "secret")] {
        let error = refusal(user, password).await;
        assert!(error.is_about_credentials(), "{error}");
    }
}

#[wasm_bindgen_test]
async fn credentials_may_change_from_one_connection_to_the_next() {
    let client = connected(options().scram("ada", "secret")).await;
    let events = async |client: &Client| {
        until(client, |event| matches!(event, Event::Disconnected { .. })).await
    };
    client.set_scram("ada", "wrong");
    let Err(error) = within(client.reauthenticate()).await else {
        panic!("it is the wrong password");
    };
    assert!(matches!(error, Error::Disconnected { .. }), "{error}");
    events(&client).await;
    // And back again, as a plain login.
    client.set_credentials(Some("ada".into()), Some("secret".into()));
    client.reconnect_now();
    until(&client, |event| matches!(event, Event::Connected { .. })).await;
    let error = within(client.reauthenticate()).await.unwrap_err();
    assert!(matches!(error, Error::Authentication(_)), "{error}");
    client.end().await;
}

#[wasm_bindgen_test]
async fn before_5_0_it_is_an_error_of_this_end() {
    let options = options()
        .scram("ada", "secret")
        .version(ProtocolVersion::V3_1_1);
    let client = Client::new(options);
    let event = until(&client, |event| matches!(event, Event::Disconnected { .. })).await;
    let Event::Disconnected {
        error: Some(Error::Authentication(why)),
        ..
    } = event
    else {
        panic!("{event:?}");
    };
    assert!(why.contains("MQTT 5.0"), "{why}");
    client.end().await;
}
