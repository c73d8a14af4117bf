//! A page in Yew with `client-wasm`, as small as can be: what the fridge says,
//! and a button for the LED.

use client_wasm::{Client, Message, Options, QoS};
use futures_util::StreamExt;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

#[component]
fn Fridge() -> Html {
    let text = use_state(|| "...".to_owned());
    let client = use_memo((), |()| Client::new(Options::new("ws://localhost:9001/")));

    let (reader, shown) = (client.clone(), text.clone());
    use_effect_with((), move |()| {
        let handle = reader.clone();
        spawn_local(async move {
            // Without a broker it waits for one.
            let values = reader.subscribe("Kitchen/Fridge", QoS::AtMostOnce).await;
            let Ok(mut values) = values else { return };
            while let Some(message) = values.next().await {
                shown.set(message.text().unwrap_or("?").to_owned());
            }
        });
        // Ends the stream, and with it the task, when the component goes.
        move || spawn_local(async move { handle.end().await })
    });

    let press = move |_| {
        let client = client.clone();
        spawn_local(async move {
            if let Ok(on) = Message::new("home/led", "Turn On") {
                // Without a broker nothing happens, now or later.
                let _ = client.publish(on).await;
            }
        });
    };
    html! {
        <>
            <p>{ (*text).clone() }</p>
            <button onclick={press}>{ "On" }</button>
        </>
    }
}

fn main() {
    yew::Renderer::<Fridge>::new().render();
}
