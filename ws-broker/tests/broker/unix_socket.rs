//! `listener 0 PATH`: clients through a Unix socket.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use codec::{Packet, QoS, ReasonCode};
use nix::sys::signal::Signal;
use tokio::net::UnixStream;

use crate::common::{Client, Program, WebSocket, config_file, message, request_over, v3_1_1, v5};

/// A path that nothing is at; paths of sockets are short.
fn path() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("ws-broker-{}-{number}.sock", std::process::id());
    std::env::temp_dir().join(name)
}

async fn connect(path: &Path) -> UnixStream {
    UnixStream::connect(path).await.expect("it accepts")
}

async fn start(path: &Path, more: &str) -> Program {
    let path = path.display();
    Program::start(
        &format!("listener 0 {path}\nallow_anonymous true\n{more}"),
        &[],
    )
    .await
}

#[tokio::test]
async fn mqtt_and_its_log_lines() {
    let path = path();
    let mut program = start(&path, "").await;
    let name = path.display();
    let opening = format!("Opening unix listen socket on path {name}.");
    assert!(program.lines.contains(&opening), "{:?}", program.lines);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o770);
    let mut client = Client::over(connect(&path).await);
    client.connect(v5("c")).await;
    let line = format!("New connection from {name}:0 on port 0.");
    program.line(|l| l == line).await;
    let line = format!("New client connected from {name}:0 as c (p5, c1, ");
    program.line(|l| l.starts_with(&line)).await;
    client.subscribe("a", QoS::AtLeastOnce).await;
    client.publish(message("a", "1", QoS::AtLeastOnce)).await;
    assert_eq!(client.text().await, ("a".into(), "1".into()));
    program.signal(Signal::SIGTERM);
    assert!(program.ended().await.success());
    assert!(!path.exists(), "the socket is removed");
}

#[tokio::test]
async fn websocket_and_http() {
    let path = path();
    let _program = start(&path, "protocol websockets\n").await;
    let get = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    let (head, body) = request_over(connect(&path).await, get).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(body, b"ok\n");
    let protocol = "Sec-WebSocket-Protocol: mqtt\r\n";
    let socket = WebSocket::ask_over(connect(&path).await, "/", protocol).await;
    let mut client = socket.into_client();
    client.connect(v3_1_1("c")).await;
    client.ping().await;
}

#[tokio::test]
async fn a_socket_that_was_left_behind_is_replaced_and_nothing_else() {
    let path = path();
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let _program = start(&path, "").await;
    Client::over(connect(&path).await).connect(v5("c")).await;

    let config = |path: &Path| config_file(&format!("listener 0 {}\n", path.display()));
    let (code, _, err) = Program::run(&["-c", config(&path).to_str().unwrap()]).await;
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("another program has that socket"), "{err}");
    Client::over(connect(&path).await).connect(v5("d")).await;

    let file = config_file("precious");
    let (code, _, err) = Program::run(&["-c", config(&file).to_str().unwrap()]).await;
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("a file of another kind"), "{err}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");

    let long = PathBuf::from(format!("/tmp/{}", "x".repeat(200)));
    let (code, _, err) = Program::run(&["-c", config(&long).to_str().unwrap()]).await;
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("choose a shorter path"), "{err}");
}

#[tokio::test]
async fn the_socket_of_a_successor_stays() {
    let path = path();
    let mut first = start(&path, "").await;
    std::fs::remove_file(&path).unwrap();
    let _second = start(&path, "").await;
    first.signal(Signal::SIGTERM);
    assert!(first.ended().await.success());
    Client::over(connect(&path).await).connect(v5("c")).await;
}

#[tokio::test]
async fn whoever_guesses_passwords_there_has_to_wait_too() {
    // From Mosquitto's tests: the password is `test`.
    let hash = "$6$njERlZMi/7DzNB9E$iiavfuXvUm8iyDZArTy7smTxh07GXXOrOsqxfW6gkOYVXHGk+W+i/8d3x\
                DxrMwEPygEBhoA8A/gjQC0N2M4Lkw==";
    let users = config_file(&format!("ada:{hash}\n"));
    let path = path();
    let password_file = format!("password_file {}\n", users.display());
    let mut program = start(&path, &password_file).await;
    let login = |password: &'static str| {
        let mut connect = v5("c");
        connect.username = Some("ada".into());
        connect.password = Some(password.into());
        connect
    };
    for _ in 0..5 {
        let mut client = Client::over(connect(&path).await);
        client.send_connect(login("wrong")).await;
        let Some(Packet::ConnAck(connack)) = client.next().await else {
            panic!("CONNACK expected");
        };
        assert_eq!(connack.reason, ReasonCode::NotAuthorized);
    }
    let warning = format!("5 logins as ada from {}:0 have failed", path.display());
    program.line(|line| line.contains(&warning)).await;
    Client::over(connect(&path).await)
        .connect(login("test"))
        .await;
}
