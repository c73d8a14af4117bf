//! The program: its arguments, its exit codes, its end.

use std::net::TcpListener;

use codec::{Disconnect, Packet, ReasonCode};
use nix::sys::signal::Signal;

use crate::common::{Client, Program, WebSocket, config_file, free_port, v3_1_1, v5};

const LOCAL: &str = "listener 0 127.0.0.1\nallow_anonymous true\n";

/// The program does not start, and says why in one line; gives the line.
async fn fails(arguments: &[&str]) -> String {
    let (code, line) = ends(arguments).await;
    assert_eq!(code, Some(1), "{line}");
    line
}

/// How the program ends, and its only error, which is its last line.
async fn ends(arguments: &[&str]) -> (Option<i32>, String) {
    let (code, out, err) = Program::run(arguments).await;
    assert_eq!(out, "");
    let lines: Vec<_> = err.lines().collect();
    let errors = lines.iter().filter(|line| line.starts_with("Error: "));
    assert_eq!(errors.count(), 1, "{err}");
    let last = lines.last().expect("a line");
    assert!(last.starts_with("Error: "), "it is the last: {err}");
    (code, (*last).to_owned())
}

async fn fails_with(config: &str) -> String {
    let file = config_file(config);
    let file = file.to_str().unwrap();
    let error = fails(&["-c", file]).await;
    error.replace(file, "FILE")
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named() {
    let missing = "/no/such/folder/mosquitto.conf";
    let error = fails(&["-c", missing]).await;
    assert!(
        error.starts_with(&format!(
            "Error: Unable to open config file '{missing}'. No such"
        )),
        "{error}"
    );
    let folder = env!("CARGO_TARGET_TMPDIR");
    let error = fails(&["-c", folder]).await;
    assert!(error.contains(folder), "{error}");
    let binary = config_file("");
    std::fs::write(&binary, b"listener 1883\n\xff\xfe\n").unwrap();
    let file = binary.to_str().unwrap();
    assert_eq!(
        fails(&["-c", file]).await,
        format!("Error: Malformed UTF-8 in configuration. Error found at {file}:2.")
    );
}

#[tokio::test]
async fn a_wrong_line_is_named_with_what_was_meant() {
    for (config, expected) in [
        (
            "# home\n\nlisener 1883\n",
            "Error: Unknown configuration variable 'lisener'. Did you mean 'listener'? Error found \
             at FILE:3.",
        ),
        (
            "listener many\n",
            "Error: 'port' value not a number. Error found at FILE:1.",
        ),
        (
            "listener 1883\nallow_anonymous yes\n",
            "Error: Invalid 'allow_anonymous' value (yes). It is true or false. Error found at \
             FILE:2.",
        ),
        (
            "listener 1883\nprotocol http\n",
            "Error: Invalid 'protocol' value (http). It is mqtt or websockets. Error found at \
             FILE:2.",
        ),
    ] {
        assert_eq!(fails_with(config).await, expected);
    }
}

#[tokio::test]
async fn a_port_in_use_is_named_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    // Nor is the listener that could be opened left open.
    let error = fails_with(&format!("{LOCAL}listener {port} 127.0.0.1\n")).await;
    assert!(
        error.contains(&format!("cannot listen on 127.0.0.1:{port}")),
        "{error}"
    );
    assert!(
        error.contains(&format!("has port {port}: stop it, or choose another")),
        "{error}"
    );
    let error = fails(&["-p", &port.to_string()]).await;
    assert!(
        error.contains(&format!("has port {port}: stop it, or choose another")),
        "{error}"
    );
}

#[tokio::test]
async fn a_usage_error_is_2() {
    for arguments in [
        &["--no-such-option"][..],
        &["-c"],
        &["-p", "0"],
        &["-p", "65536"],
        &["-p", "mqtt"],
        &["--threads", "many"],
        &["--threads", "1025"],
        &["mosquitto.conf"],
    ] {
        let (code, out, err) = Program::run(arguments).await;
        assert_eq!(code, Some(2), "{arguments:?}: {err}");
        assert_eq!(out, "");
        assert!(err.contains("--help"), "{err}");
    }
    let (code, out, _) = Program::run(&["--version"]).await;
    assert_eq!(code, Some(0));
    assert_eq!(out, concat!("ws-broker ", env!("CARGO_PKG_VERSION"), "\n"));
    let (code, out, _) = Program::run(&["--help"]).await;
    assert_eq!(code, Some(0));
    assert!(out.contains("--config-file"), "{out}");
}

#[tokio::test]
async fn a_configuration_is_looked_at_without_serving() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let good = config_file(&format!(
        "listener {port} 127.0.0.1\nautosave_interval 60\n"
    ));
    let (code, out, err) = Program::run(&["--test-config", "-c", good.to_str().unwrap()]).await;
    assert_eq!(
        (code, &*out, &*err),
        (
            Some(0),
            "",
            "Warning: autosave_interval has no effect here: what changes is stored at once; \
             durability says otherwise.\nConfiguration file is OK.\n"
        )
    );
    let (code, out, err) = Program::run(&["--test-config"]).await;
    assert_eq!(
        (code, &*out, &*err),
        (
            Some(3),
            "",
            "Error: Please provide a configuration file to test.\n"
        )
    );
    for (text, expected) in [
        ("listener many\n", "Error: 'port' value not a number."),
        (
            "password_file /no/such/file\n",
            "Error: cannot read password_file /no/such/file",
        ),
        (
            "certfile /no/such/file\n",
            "Error: the listener on port 1883 has a certfile",
        ),
    ] {
        let file = config_file(text);
        let file = file.to_str().unwrap();
        let (code, error) = ends(&["--test-config", "-c", file]).await;
        let error = error.replace(file, "FILE");
        // As Mosquitto's.
        assert_eq!(code, Some(3), "{error}");
        assert!(error.starts_with(expected), "{error}");
    }
}

#[tokio::test]
async fn its_number_is_in_the_pid_file_while_it_runs() {
    let file = config_file("");
    let mut program = Program::start(&format!("{LOCAL}pid_file {}\n", file.display()), &[]).await;
    program.client(v5("c")).await.ping().await;
    let number = loop {
        let text = std::fs::read_to_string(&file).unwrap();
        if let Some(number) = text.strip_suffix('\n') {
            break number.to_owned();
        }
        tokio::task::yield_now().await;
    };
    assert!(std::path::Path::new(&format!("/proc/{number}/exe")).exists());
    program.signal(Signal::SIGTERM);
    program.ended().await;
    assert!(!file.exists());
    let error = fails_with("pid_file /no/such/folder/pid\nlistener 0 127.0.0.1\n").await;
    assert!(
        error.starts_with("Error: cannot write pid_file /no/such/folder/pid"),
        "{error}"
    );
}

#[tokio::test]
async fn without_a_file_p_opens_a_port_for_this_machine_only() {
    let port = free_port();
    let program = Program::start_with(&["-p", &port.to_string()]).await;
    assert!(program.ports().iter().all(|opened| *opened == port));
    let lines = &program.lines;
    assert!(
        lines.iter().any(|line| line == "Using default config."),
        "{lines:?}"
    );
    assert!(
        lines.iter().any(|line| line.contains("Only this machine")),
        "{lines:?}"
    );
    program.client(v5("c")).await.ping().await;
}

#[tokio::test]
async fn with_a_file_p_moves_its_first_mqtt_listener() {
    let port = free_port();
    let config =
        "listener 0 127.0.0.1\nprotocol websockets\nlistener 0 127.0.0.1\nallow_anonymous true\n";
    let program = Program::start(config, &["-p", &port.to_string()]).await;
    assert_eq!(program.ports().len(), 2);
    assert_eq!(program.ports()[1], port);
    let mut client = Client::open(([127, 0, 0, 1], port).into()).await;
    client.connect(v5("c")).await;
}

#[tokio::test]
async fn with_a_listener_and_no_leave_nobody_gets_in() {
    let program = Program::start("listener 0 127.0.0.1 # only us\n", &[]).await;
    for connect in [v3_1_1("c"), v5("c")] {
        let mut client = Client::open(program.address()).await;
        client.send_connect(connect).await;
        client.expect_refusal(ReasonCode::NotAuthorized).await;
    }
}

#[tokio::test]
async fn a_signal_stops_it_in_good_order() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let config = format!("{LOCAL}listener 0 127.0.0.1\nprotocol websockets\n");
        let mut program = Program::start(&config, &[]).await;
        let new = program.client(v5("new")).await;
        let old = program.client(v3_1_1("old")).await;
        let web = ([127, 0, 0, 1], program.ports()[1]).into();
        let mut web = WebSocket::open(web, "/").await.into_client();
        web.connect(v5("web")).await;
        let address = program.address();
        program.signal(signal);
        new.expect_disconnect(ReasonCode::ServerShuttingDown).await;
        old.expect_close().await;
        let goodbye = Disconnect::new(ReasonCode::ServerShuttingDown);
        assert_eq!(web.next().await, Some(Packet::Disconnect(goodbye)));
        drop(web);
        assert_eq!(program.ended().await.code(), Some(0));
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
        let lines = program.rest().await;
        assert!(lines.last().unwrap().ends_with(" terminating"), "{lines:?}");
    }
}

#[tokio::test]
async fn a_client_that_never_reads_does_not_keep_it_from_stopping() {
    let mut program = Program::start(LOCAL, &[]).await;
    let _silent = Client::open(program.address()).await;
    let mut stalled = program.client(v3_1_1("stalled")).await;
    stalled.subscribe("t", codec::QoS::AtMostOnce).await;
    let mut publisher = program.client(v3_1_1("p")).await;
    for _ in 0..20 {
        let large = vec![b'x'; 1_000_000];
        let publish = crate::common::message("t", large, codec::QoS::AtMostOnce);
        publisher.publish(publish).await;
    }
    program.signal(Signal::SIGTERM);
    assert_eq!(program.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_second_start_has_the_port_at_once() {
    let port = free_port();
    let config = format!("listener {port} 127.0.0.1\nallow_anonymous true\n");
    for _ in 0..3 {
        let mut program = Program::start(&config, &[]).await;
        let client = program.client(v5("c")).await;
        program.signal(Signal::SIGTERM);
        client
            .expect_disconnect(ReasonCode::ServerShuttingDown)
            .await;
        program.ended().await;
    }
}

#[tokio::test]
async fn it_has_as_many_threads_as_are_asked_for() {
    let config = format!("{LOCAL}threads 3\n");
    assert_eq!(Program::start(&config, &[]).await.workers(), 3);
    let program = Program::start(&config, &["--threads", "1"]).await;
    assert_eq!(program.workers(), 1);
    let cores = std::thread::available_parallelism().unwrap().get();
    for arguments in [&[][..], &["--threads", "0"]] {
        let program = Program::start(LOCAL, arguments).await;
        assert_eq!(program.workers(), cores);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn it_has_as_many_connections_as_the_system_allows() {
    const CLIENTS: usize = 200;
    let program = Program::start_limited("-Sn 50", LOCAL).await;
    let mut clients = Vec::new();
    for i in 0..CLIENTS {
        clients.push(program.client(v5(&i.to_string())).await);
    }
    for client in &mut clients {
        client.ping().await;
    }
}

#[cfg(unix)]
#[tokio::test]
async fn it_says_when_there_is_room_for_fewer_connections_than_asked_for() {
    for (config, expected) in [
        (
            LOCAL,
            Some(
                "There is room for 136 connections: the system lets this program have 200 open \
                 files (ulimit -Hn).",
            ),
        ),
        (
            "listener 0 127.0.0.1\nmax_connections 137\n",
            Some(
                "Warning: 137 connections are allowed, and there is room for 136 only: the \
                 system lets this program have 200 open files. Raise that limit with ulimit \
                 -Hn, or LimitNOFILE= of a systemd unit.",
            ),
        ),
        ("listener 0 127.0.0.1\nmax_connections 136\n", None),
        ("listener 0 127.0.0.1\nglobal_max_connections 136\n", None),
        (
            "listener 0 127.0.0.1\nmax_connections 100\nlistener 0 127.0.0.1\n\
             max_connections 37\nglobal_max_connections 136\n",
            None,
        ),
    ] {
        let program = Program::start_limited("-n 200", config).await;
        let mut lines = program.lines.iter().map(String::as_str);
        let said = lines.find(|line| line.contains(" room for "));
        assert_eq!(said, expected, "{config}");
    }
}

#[tokio::test]
async fn a_log_file_that_cannot_be_written_is_said_with_its_line() {
    let file = config_file("listener 0 127.0.0.1\nlog_dest file /no/such/folder/log\n");
    let (code, _, errors) = Program::run(&["-c", file.to_str().unwrap()]).await;
    assert_eq!(code, Some(1));
    assert!(
        errors.contains("cannot write the log to /no/such/folder/log: ") && errors.contains(":2."),
        "{errors}"
    );
}
