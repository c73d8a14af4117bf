//! Logging in with a user name and a password.

use std::path::PathBuf;

use e2e::{Broker, Program, tool};
use tokio::process::Command;

const PYTHONS: [&str; 2] = ["E2E_PYTHON161", "E2E_PYTHON2"];

/// What people have who publish with a password.
fn publisher(python: &str, broker: &Broker, login: &[&str]) -> Program {
    let path: PathBuf = tool("E2E_ROOT").join("devices/python/publisher.py");
    let mut command = Command::new(tool(python));
    command
        .arg(path)
        .args(["home/led", "Turn On", "--port", &broker.mqtt.to_string()])
        .args(login);
    Program::start(command)
}

/// The file is made by this broker's program, or by Mosquitto's.
async fn paho_logs_in(is_by_mosquitto: bool) {
    let users = [("ada", "secret"), ("Jürgen", "pa$$:wörd")];
    let mut broker = Broker::with_users(&users, is_by_mosquitto).await;
    for python in PYTHONS {
        for (user, password) in users {
            let right = ["--user", user, "--password", password];
            let mut publisher = publisher(python, &broker, &right);
            assert!(publisher.ended().await.success(), "{:?}", publisher.said());
            broker.log(&format!("u'{user}'")).await;
        }
        for (login, why) in [
            (
                &["--user", "ada", "--password", "wrong"][..],
                "its password is wrong",
            ),
            (
                &["--user", "eve", "--password", "secret"],
                "there is no such user",
            ),
            (&["--user", "ada"], "it has no password"),
            (&[], "anonymous clients are not allowed"),
        ] {
            let mut publisher = publisher(python, &broker, login);
            assert_eq!(publisher.ended().await.code(), Some(1));
            let said = publisher.said().join("\n").to_lowercase();
            assert!(said.contains("not authori"), "{said}");
            broker.log(&format!(": {why}.")).await;
        }
    }
}

#[tokio::test]
async fn paho_logs_in_with_a_file_of_ws_broker_passwd() {
    paho_logs_in(false).await;
}

#[tokio::test]
async fn paho_logs_in_with_a_file_of_mosquitto_passwd() {
    paho_logs_in(true).await;
}
