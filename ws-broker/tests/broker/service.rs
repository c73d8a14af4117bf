//! What the program is to the system: in the background, with fewer rights,
//! under systemd.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use codec::ReasonCode;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, User, geteuid, getsid};
use tokio::net::UnixDatagram;

use crate::common::{Certificate, Client, Program, config_file, soon, v5};

const LOCAL: &str = "listener 0 127.0.0.1\nallow_anonymous true\n";

#[tokio::test]
async fn quiet_writes_nothing_whatever_else_is_said() {
    let file = config_file(&format!("{LOCAL}log_type all\n"));
    let mut program = Program::spawn_with(&["-c", file.to_str().unwrap(), "-v", "-q"], &[]);
    program.until_it_catches(Signal::SIGTERM).await;
    program.signal(Signal::SIGTERM);
    assert_eq!(program.ended().await.code(), Some(0));
    assert_eq!(program.outputs().await, (String::new(), String::new()));
}

#[tokio::test]
async fn in_the_background_the_terminal_is_free() {
    let (pid_file, log) = (config_file(""), config_file(""));
    let config = format!(
        "{LOCAL}pid_file {}\nlog_dest file {}\nlog_dest stderr\n",
        pid_file.display(),
        log.display()
    );
    let config = config_file(&config);
    // Its outputs end when the terminal is free.
    let (code, out, _) = Program::run(&["-d", "-c", config.to_str().unwrap()]).await;
    assert_eq!((code, &*out), (Some(0), ""));
    let number = std::fs::read_to_string(&pid_file).unwrap();
    let number: i32 = number.trim().parse().expect("the number of the process");
    let pid = Pid::from_raw(number);
    assert_ne!(getsid(Some(pid)), getsid(None), "a session of its own");
    for stream in 0..3 {
        let target = std::fs::read_link(format!("/proc/{number}/fd/{stream}")).unwrap();
        assert_eq!(target, Path::new("/dev/null"), "{stream}");
    }
    nix::sys::signal::kill(pid, Signal::SIGTERM).unwrap();
    let gone = async {
        while pid_file.exists() {
            tokio::task::yield_now().await;
        }
    };
    soon("its end", gone).await;
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(log.contains(" terminating\n"), "{log}");
}

#[tokio::test]
async fn rights_are_given_up_when_all_is_open() {
    let log = config_file("");
    let folder = log.with_extension("d");
    let config = |user: &str| {
        format!(
            "{LOCAL}user {user}\nlog_dest stderr\nlog_dest file {}\npersistence true\n\
             persistence_location {}\n",
            log.display(),
            folder.display()
        )
    };
    if !geteuid().is_root() {
        // It has none, and goes on as it is.
        let program = Program::start(&config("nobody"), &[]).await;
        return program.client(v5("c")).await.ping().await;
    }
    let file = config_file(&config("no-such-user"));
    let (code, _, err) = Program::run(&["-c", file.to_str().unwrap()]).await;
    assert_eq!(code, Some(1));
    let last =
        "Error: Unable to drop privileges to 'no-such-user' because this user does not exist.";
    assert_eq!(err.lines().last(), Some(last));

    let nobody = User::from_name("nobody").unwrap().unwrap();
    let (uid, gid) = (nobody.uid.as_raw(), nobody.gid.as_raw());
    let program = Program::start(&config("nobody"), &[]).await;
    let said = |line: &String| line == "The broker goes on as user nobody.";
    assert!(program.lines.iter().any(said), "{:?}", program.lines);
    let status = program.status();
    for (name, id) in [("Uid:", uid), ("Gid:", gid)] {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let ids = line.expect(name).split_whitespace();
        let ids: Vec<u32> = ids.map(|id| id.parse().unwrap()).collect();
        assert_eq!(ids, vec![id; 4], "{name}");
    }
    for file in [&log, &folder.join("ws-broker.db")] {
        let owner = std::fs::metadata(file).unwrap().uid();
        assert_eq!(owner, uid, "{}", file.display());
    }
    program.client(v5("c")).await.ping().await;
}

/// What the lesser user may read is read again; what it may not is said, and
/// what was read before goes on.
#[tokio::test]
async fn without_its_rights_it_reads_again_what_it_may() {
    if !geteuid().is_root() {
        eprintln!("not root: there are no rights that could be given up");
        return;
    }
    // Where it may look: this repository may be where only root does.
    let folder = std::env::temp_dir().join(format!("ws-broker-service-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut certificate = Certificate::new();
    certificate.certfile = folder.join("server.crt");
    certificate.keyfile = folder.join("server.key");
    certificate.renew();
    let file = folder.join("broker.conf");
    let config = |is_open: bool| {
        let lines = certificate.lines();
        let text = format!("listener 0 127.0.0.1\nallow_anonymous {is_open}\n{lines}user nobody\n");
        std::fs::write(&file, text).unwrap();
    };
    config(true);
    let mut program = Program::start_with(&["-c", file.to_str().unwrap()]).await;
    let allow = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&certificate.keyfile, mode).unwrap();
    };
    let address = program.address();

    // A new certificate, and another configuration.
    let renewed = certificate.renew();
    allow(0o644);
    config(false);
    program.signal(Signal::SIGHUP);
    certificate.shown(&renewed, address).await;
    let mut stranger = Client::over(certificate.connect(address).await);
    stranger.send_connect(v5("c")).await;
    stranger.expect_refusal(ReasonCode::NotAuthorized).await;

    // One that only root may read.
    certificate.renew();
    allow(0o600);
    program.signal(Signal::SIGHUP);
    let line = program.line(|line| line.starts_with("Error: ")).await;
    let keyfile = certificate.keyfile.display().to_string();
    assert!(line.contains(&keyfile), "{line}");
    assert!(line.ends_with("All stays as it was."), "{line}");
    certificate.shown(&renewed, address).await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn systemd_is_told_what_happens() {
    let path = config_file("").with_extension("socket");
    let manager = UnixDatagram::bind(&path).unwrap();
    let told = async |wanted: &str| {
        loop {
            let mut buffer = [0; 512];
            let length = soon(wanted, manager.recv(&mut buffer)).await.unwrap();
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if text.starts_with(wanted) {
                return text;
            }
            assert!(text.starts_with("WATCHDOG=1"), "{text} before {wanted}");
        }
    };
    let file = config_file(LOCAL);
    let mut program = Program::spawn_with(
        &["-c", file.to_str().unwrap()],
        &[
            ("NOTIFY_SOCKET", path.to_str().unwrap()),
            ("WATCHDOG_USEC", "20000"),
        ],
    );
    told("READY=1").await;
    told("WATCHDOG=1").await;
    told("WATCHDOG=1").await;
    program.signal(Signal::SIGHUP);
    let reloading = told("RELOADING=1").await;
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    told("READY=1").await;
    program.signal(Signal::SIGTERM);
    told("STOPPING=1").await;
    assert_eq!(program.ended().await.code(), Some(0));
}

#[tokio::test]
async fn whether_it_answers_is_its_exit_code() {
    let config = format!("{LOCAL}listener 0 127.0.0.1\nprotocol websockets\n");
    let program = Program::start(&config, &[]).await;
    let [mqtt, web] = program.ports()[..] else {
        panic!("two ports")
    };
    let ask = async |port| Program::run(&["health", &format!("127.0.0.1:{port}")]).await;
    assert_eq!(ask(web).await, (Some(0), String::new(), String::new()));
    let (code, _, err) = ask(mqtt).await;
    assert_eq!(code, Some(1), "{err}");
    drop(program);
    let (code, _, err) = ask(1).await;
    assert_eq!(code, Some(1));
    assert!(
        err.starts_with("Error: nobody answers on 127.0.0.1:1: "),
        "{err}"
    );
}

/// The files that installations begin with can be used.
#[tokio::test]
async fn what_is_packed_can_be_used() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging");
    let file = folder.join("docker.conf");
    let (code, _, err) = Program::run(&["--test-config", "-c", file.to_str().unwrap()]).await;
    assert_eq!((code, &*err), (Some(0), "Configuration file is OK.\n"));
}
