//! The project's own Python programs, with both of paho-mqtt's generations.

use std::fs;
use std::path::PathBuf;

use e2e::{
    Broker, Browser, Client, Dashboard, Folder, Kind, Message, Program, Screen, Theme, Version,
    tool,
};
use nix::sys::signal::Signal;
use tokio::process::Command;

const PYTHONS: [&str; 2] = ["E2E_PYTHON161", "E2E_PYTHON2"];

fn script(python: &str, name: &str, broker: &Broker, arguments: &[&str]) -> Program {
    let path: PathBuf = tool("E2E_ROOT").join("devices").join("python").join(name);
    let mut command = Command::new(tool(python));
    command
        .arg(path)
        .args(arguments)
        .args(["--port", &broker.mqtt.to_string()]);
    Program::start(command)
}

#[tokio::test]
async fn the_publisher_and_the_subscriber_understand_each_other() {
    let broker = Broker::start().await;
    for python in PYTHONS {
        for qos in ["0", "1", "2"] {
            let listen = ["Kitchen/#", "home/led", "--qos", qos, "--count", "3"];
            let mut subscriber = script(python, "subscriber.py", &broker, &listen);
            subscriber.after("listening to Kitchen/#, home/led").await;
            for (other, topic, message) in [
                (PYTHONS[0], "Kitchen/Fridge", "Temperature:14"),
                (PYTHONS[1], "home/led", "Turn On"),
                (PYTHONS[0], "Kitchen", "Grüße"),
            ] {
                let mut publisher = script(
                    other,
                    "publisher.py",
                    &broker,
                    &[topic, message, "--qos", qos],
                );
                assert!(publisher.ended().await.success(), "{:?}", publisher.said());
                assert_eq!(subscriber.after(topic).await, format!(" {message}"));
            }
            assert!(
                subscriber.ended().await.success(),
                "{:?}",
                subscriber.said()
            );
        }
    }
}

#[tokio::test]
async fn the_scripts_outlive_the_broker_and_say_when_there_is_none() {
    let mut broker = Broker::start().await;
    let mut subscribers =
        PYTHONS.map(|python| script(python, "subscriber.py", &broker, &["home/led"]));
    let mut publisher = script(
        PYTHONS[0],
        "publisher.py",
        &broker,
        &["home/led", "Turn On", "--repeat", "0.2"],
    );
    for subscriber in &mut subscribers {
        subscriber.after("home/led Turn On").await;
    }
    broker.kill().await;
    for subscriber in &mut subscribers {
        subscriber.after("the connection is lost").await;
        subscriber.said();
    }
    for python in PYTHONS {
        for (name, arguments) in [("publisher.py", &["a", "b"][..]), ("subscriber.py", &["a"])] {
            let mut alone = script(python, name, &broker, arguments);
            alone.after("no connection to 127.0.0.1:").await;
            assert_eq!(alone.ended().await.code(), Some(1));
        }
    }
    broker.restart().await;
    for mut subscriber in subscribers {
        subscriber.after("home/led Turn On").await;
        subscriber.signal(Signal::SIGTERM);
        assert!(subscriber.ended().await.success());
    }
    publisher.signal(Signal::SIGTERM);
    assert!(publisher.ended().await.success());
}

#[tokio::test]
async fn the_program_that_the_page_offers_works_as_it_stands() {
    let broker = Broker::start().await;
    let browser = Browser::start(Screen::Laptop, Theme::Light).await;
    let page = Dashboard::open(&browser, &broker).await;
    browser.click("[data-testid=guide-button]").await;
    page.wait(
        "return document.querySelector('[data-testid=script] code')",
        &[],
    )
    .await;
    let program = page
        .text("[data-testid=script] code")
        .await
        .expect("it is there");
    // But for the port, which is everybody's on a broker that is not a test's.
    assert!(program.contains("1883"), "{program}");
    let program = program.replace("1883", &broker.mqtt.to_string());
    let folder = Folder::new();
    let file = folder.path().join("fridge.py");
    fs::write(&file, program).expect("there is room");

    let mut listener = Client::connect(&broker, Kind::MqttJs, Version::V5, "listener").await;
    listener.subscribe("Kitchen/Fridge", 1).await;
    for python in PYTHONS {
        let mut command = Command::new(tool(python));
        command.arg(&file);
        let fridge = Program::start(command);
        let Message { payload, .. } = listener.message().await;
        let said = String::from_utf8(payload).expect("it is text");
        let value = said.strip_prefix("Temperature:").expect("a temperature");
        page.shows("Kitchen/Fridge", value).await;
        drop(fridge);
    }
}
