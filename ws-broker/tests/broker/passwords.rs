//! User names and passwords (sections 3.1.3.5, 3.1.3.6), password files, and
//! `ws-broker passwd`.

use std::path::{Path, PathBuf};

use codec::{Connect, Packet, PacketType, ProtocolVersion, QoS, ReasonCode};

use crate::common::{Broker, Program, config_file, message, start_with, v3_1_1, v5};

const VERSIONS: [ProtocolVersion; 3] = [
    ProtocolVersion::V3_1,
    ProtocolVersion::V3_1_1,
    ProtocolVersion::V5,
];

/// Written by mosquitto_passwd 2.0.11: `ada` with `secret` as PBKDF2, and by
/// the tests of Mosquitto: `test` with `test`, `empty` without a password, as
/// SHA-512.
const FROM_MOSQUITTO: &str = "# the kitchen\n\n\
    ada:$7$101$ZQJ9shujYXLyU3oy$\
    nG54FiHiirqqnIX8Z7pSEFOY2XX3/hwRqcvgcwtM23s49BAyWc5rOyZfOVBEmijTlBrsRioEnbwcWJ3k7BZ2Vw==\n\
    test:$6$njERlZMi/7DzNB9E$\
    iiavfuXvUm8iyDZArTy7smTxh07GXXOrOsqxfW6gkOYVXHGk+W+i/8d3xDxrMwEPygEBhoA8A/gjQC0N2M4Lkw==\n\
    empty:$6$o+53eGXtmlfHeYrg$\
    FY7X9DNQ4uU1j0NiPmGOOSU05ZSzhqNmNhXIof/0nLpVb1zDhcRHdaC72E3YryH7dtTiG/r6jH6C8J+30cZBgA==\n";

async fn with_passwords(file: &Path, allow_anonymous: bool) -> Broker {
    start_with(|config| {
        config.security.password_file = Some(file.into());
        config.security.allow_anonymous = allow_anonymous;
    })
    .await
}

fn login(mut connect: Connect, user: Option<&str>, password: Option<&str>) -> Connect {
    connect.username = user.map(Into::into);
    connect.password = password.map(|password| password.to_owned().into());
    connect
}

async fn refuses(broker: &Broker, connect: Connect) {
    let mut client = broker.open().await;
    client.send_connect(connect).await;
    client.expect_refusal(ReasonCode::NotAuthorized).await;
}

/// Runs `ws-broker passwd`, which must succeed.
async fn passwd(arguments: &[&str]) {
    let (code, _, err) = Program::run(&[&["passwd"], arguments].concat()).await;
    assert_eq!((code, &*err), (Some(0), ""), "{arguments:?}");
}

/// Runs `ws-broker passwd`, which must fail; gives the line that says why.
async fn passwd_fails(arguments: &[&str]) -> String {
    let (code, out, err) = Program::run(&[&["passwd"], arguments].concat()).await;
    assert_eq!((code, &*out), (Some(1), ""), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    err
}

fn text(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap()
}

/// A path where there is no file yet.
fn no_file() -> PathBuf {
    let file = config_file("");
    std::fs::remove_file(&file).unwrap();
    file.with_extension("passwords")
}

#[tokio::test]
async fn files_of_mosquitto_let_in_who_they_let_in_there() {
    let broker = with_passwords(&config_file(FROM_MOSQUITTO), false).await;
    for version in VERSIONS {
        let connect = |user, password| login(Connect::new(version, "c"), user, password);
        for (user, password) in [("ada", "secret"), ("test", "test")] {
            let connect = connect(Some(user), Some(password));
            broker.client(connect).await.disconnect().await;
        }
        for (user, password) in [
            (Some("ada"), Some("Secret")),
            (Some("ada"), Some("")),
            (Some("ada"), None),
            (Some("empty"), Some("")),
            (Some("nobody"), Some("secret")),
            (Some(""), Some("")),
            (None, None),
        ] {
            refuses(&broker, connect(user, password)).await;
        }
    }
    // 5.0 has passwords without a user; here nobody is let in by one.
    refuses(&broker, login(v5("c"), None, Some("secret"))).await;
}

#[tokio::test]
async fn with_allow_anonymous_only_those_without_a_user_name_need_no_password() {
    let broker = with_passwords(&config_file(FROM_MOSQUITTO), true).await;
    broker.client(v5("anonymous")).await.ping().await;
    let ada = login(v3_1_1("ada"), Some("ada"), Some("secret"));
    broker.client(ada).await.ping().await;
    refuses(&broker, login(v5("c"), Some("ada"), Some("wrong"))).await;
    refuses(&broker, login(v5("c"), Some("nobody"), None)).await;
}

#[tokio::test]
async fn what_comes_with_connect_waits_for_the_password_to_be_checked() {
    let file = no_file();
    let name = file.to_str().unwrap();
    passwd(&["-c", "-b", name, "ada", "secret"]).await;
    let broker = with_passwords(&file, false).await;
    let mut observer = broker
        .client(login(v5("observer"), Some("ada"), Some("secret")))
        .await;
    observer.subscribe("#", QoS::AtMostOnce).await;
    for (password, is_right) in [("wrong", false), ("secret", true)] {
        let mut client = broker.open().await;
        let connect = login(v5("c"), Some("ada"), Some(password));
        client.send_connect(connect).await;
        let sent = message("Kitchen/Fridge", password, QoS::AtMostOnce);
        client.send(Packet::Publish(sent)).await;
        client.send(Packet::PingReq).await;
        if is_right {
            client.connected().await;
            let answer = client.next().await.map(|packet| packet.packet_type());
            assert_eq!(answer, Some(PacketType::PingResp));
        } else {
            client.expect_refusal(ReasonCode::NotAuthorized).await;
        }
    }
    assert_eq!(observer.text().await.1, "secret");
}

#[tokio::test]
async fn who_leaves_while_the_password_is_checked_leaves_nothing() {
    let broker = with_passwords(&config_file(FROM_MOSQUITTO), false).await;
    let kept = || {
        let mut connect = login(v3_1_1("kept"), Some("ada"), Some("secret"));
        connect.clean_start = false;
        connect
    };
    let mut first = broker.client(kept()).await;
    first.subscribe("t", QoS::AtLeastOnce).await;
    // A wrong one takes nothing over, whether it waits for the answer or not.
    for waits in [false, true] {
        let mut wrong = kept();
        wrong.password = Some("wrong".into());
        if waits {
            refuses(&broker, wrong).await;
        } else {
            let mut client = broker.open().await;
            client.send_connect(wrong).await;
            client.cut().await;
        }
    }
    first.ping().await;
    // The right one does, with what was subscribed.
    let second = broker.client(kept()).await;
    assert!(second.connack.session_present);
    first.expect_close().await;
}

#[tokio::test]
async fn a_refusal_names_address_user_and_reason() {
    let file = config_file(FROM_MOSQUITTO);
    let config = format!("listener 0 127.0.0.1\npassword_file {}\n", file.display());
    let mut program = Program::start(&config, &[]).await;
    for (user, password, why) in [
        ("ada", Some("wrong"), "its password is wrong"),
        ("ada", None, "it has no password"),
        ("eve", Some("secret"), "there is no such user"),
    ] {
        let mut client = crate::common::Client::open(program.address()).await;
        client
            .send_connect(login(v5("c"), Some(user), password))
            .await;
        client.expect_refusal(ReasonCode::NotAuthorized).await;
        let line = program
            .line(|line| line.starts_with("Client c disconnected, not authorised. From 127.0.0.1:"))
            .await;
        assert!(line.ends_with(&format!(", user {user}: {why}.")), "{line}");
    }
}

#[tokio::test]
async fn who_guesses_is_reported_with_address_and_user() {
    let file = config_file(FROM_MOSQUITTO);
    let config = format!("listener 0 127.0.0.1\npassword_file {}\n", file.display());
    let mut program = Program::start(&config, &[]).await;
    for _ in 0..5 {
        let mut client = crate::common::Client::open(program.address()).await;
        client
            .send_connect(login(v5("c"), Some("ada"), Some("guess")))
            .await;
        client.expect_refusal(ReasonCode::NotAuthorized).await;
    }
    let line = program
        .line(|line| line.starts_with("Warning: 5 logins"))
        .await;
    assert!(
        line.starts_with("Warning: 5 logins as ada from 127.0.0.1:"),
        "{line}"
    );
    assert!(line.contains("its password is wrong"), "{line}");
    // Whoever it is has to wait, and comes in with the right one.
    let right = login(v5("c"), Some("ada"), Some("secret"));
    program.client(right).await.ping().await;
}

#[tokio::test]
async fn who_has_guessed_has_to_wait_and_nobody_else_has() {
    let broker = with_passwords(&config_file(FROM_MOSQUITTO), false).await;
    for _ in 0..8 {
        refuses(&broker, login(v5("c"), Some("ada"), Some("guess"))).await;
    }
    let mut guesser = broker.open().await;
    let right = login(v5("guesser"), Some("ada"), Some("secret"));
    guesser.send_connect(right).await;
    // From the same address.
    let other = login(v5("other"), Some("test"), Some("test"));
    tokio::select! {
        () = guesser.connected() => panic!("it did not wait"),
        mut other = broker.client(other) => other.ping().await,
    }
    guesser.connected().await;
}

#[tokio::test]
async fn a_bad_line_in_the_file_is_told_with_file_and_line() {
    for (bad, expected) in [
        (
            "bad:$6$",
            "Error: Unable to decode line in password file FILE:2: user bad: ",
        ),
        (
            "bad:plain",
            "Error: Unable to decode line in password file FILE:2: user bad: ",
        ),
        (
            ":$6$AAAA$AAAA",
            "Error: Invalid line in password file FILE:2: ",
        ),
    ] {
        let passwords = config_file(&format!("# users\n{bad}\n{FROM_MOSQUITTO}"));
        let passwords = passwords.to_str().unwrap();
        let config = config_file(&format!(
            "listener 0 127.0.0.1\npassword_file {passwords}\n"
        ));
        let (code, _, err) = Program::run(&["-c", config.to_str().unwrap()]).await;
        assert_eq!(code, Some(1));
        let last = err.lines().last().unwrap().replace(passwords, "FILE");
        assert!(last.starts_with(expected), "{last}");
    }
    let config = config_file("listener 0 127.0.0.1\npassword_file /no/such/file\n");
    let (code, _, err) = Program::run(&["-c", config.to_str().unwrap()]).await;
    assert_eq!(code, Some(1));
    assert!(
        err.contains("cannot read password_file /no/such/file"),
        "{err}"
    );
}

#[tokio::test]
async fn passwd_adds_changes_and_removes_users_and_keeps_the_rest() {
    let file = no_file();
    let name = file.to_str().unwrap();
    assert!(
        passwd_fails(&["-b", name, "ada", "a"])
            .await
            .contains("-c makes one")
    );
    passwd(&["-c", "-b", name, "ada", "first"]).await;
    std::fs::write(&file, format!("# ours\n\n{}", text(&file))).unwrap();
    passwd(&["-b", name, "bob", "b"]).await;
    passwd(&["-b", "-H", "sha512", name, "cy", "c"]).await;
    passwd(&[
        "-b",
        "-H",
        "sha512-pbkdf2",
        "-I",
        "101",
        name,
        "dan smith",
        "d",
    ])
    .await;
    passwd(&["-b", name, "ada", "second"]).await;
    let lines = text(&file);
    let lines: Vec<_> = lines.lines().collect();
    assert_eq!(lines[..2], ["# ours", ""]);
    for (line, start) in lines[2..].iter().zip([
        "ada:$scram-sha-256$15000$",
        "bob:$scram-sha-256$15000$",
        "cy:$6$",
        "dan smith:$7$101$",
    ]) {
        assert!(line.starts_with(start), "{line}");
    }
    assert_eq!(lines.len(), 6);
    let broker = with_passwords(&file, false).await;
    for (user, password) in [
        ("ada", "second"),
        ("bob", "b"),
        ("cy", "c"),
        ("dan smith", "d"),
    ] {
        let connect = login(v3_1_1(user), Some(user), Some(password));
        broker.client(connect).await.ping().await;
    }
    refuses(&broker, login(v5("c"), Some("ada"), Some("first"))).await;

    passwd(&["-D", name, "bob"]).await;
    assert!(!text(&file).contains("bob"));
    assert!(
        passwd_fails(&["-D", name, "bob"])
            .await
            .contains("no user bob")
    );
    passwd(&["-c", "-b", name, "eve", "e"]).await;
    assert_eq!(text(&file).lines().count(), 1);
}

#[tokio::test]
async fn passwd_hashes_a_file_of_plain_passwords() {
    let hashed = FROM_MOSQUITTO.lines().nth(2).unwrap();
    let file = config_file(&format!("# plain\nbob:b:b\n{hashed}\ncy: c \n"));
    let name = file.to_str().unwrap();
    passwd(&["-U", name]).await;
    let lines = text(&file);
    let lines: Vec<_> = lines.lines().collect();
    assert_eq!((lines[0], lines[2]), ("# plain", hashed));
    let broker = with_passwords(&file, false).await;
    for (user, password) in [("bob", "b:b"), ("ada", "secret"), ("cy", " c ")] {
        let connect = login(v5(user), Some(user), Some(password));
        broker.client(connect).await.ping().await;
    }
}

#[tokio::test]
async fn passwd_refuses_what_could_not_log_in() {
    let file = no_file();
    let name = file.to_str().unwrap();
    for (user, password, why) in [
        ("a:b", "x", "it has a colon"),
        ("", "x", "it is empty"),
        ("a\nb", "x", "a control character"),
        (" a", "x", "begins or ends with a space"),
        ("#a", "x", "begins like a comment"),
        ("a", "", "the password of a is empty"),
    ] {
        let error = passwd_fails(&["-c", "-b", name, user, password]).await;
        assert!(error.contains(why), "{error}");
    }
    let error = passwd_fails(&["-c", "-b", "-I", "1", name, "a", "x"]).await;
    assert!(error.contains("from 4096 to"), "{error}");
    assert!(!file.exists());
    let nowhere = passwd_fails(&["-c", "-b", "/no/such/folder/file", "a", "x"]).await;
    assert!(
        nowhere.contains("cannot write /no/such/folder/file"),
        "{nowhere}"
    );
    // Bad usage is what exit code 2 is for.
    for arguments in [
        &["passwd"][..],
        &["passwd", "-D", "-U", "f"],
        &["passwd", "-c", "/no"],
    ] {
        let (code, _, err) = Program::run(arguments).await;
        assert_eq!(code, Some(2), "{err}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn passwd_leaves_the_file_to_its_owner_and_group() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    let mode = |file: &Path| std::fs::metadata(file).unwrap().mode() & 0o777;
    let file = no_file();
    let name = file.to_str().unwrap();
    passwd(&["-c", "-b", name, "ada", "a"]).await;
    assert_eq!(mode(&file), 0o600);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let link = file.with_extension("link");
    symlink(&file, &link).unwrap();
    passwd(&["-b", link.to_str().unwrap(), "bob", "b"]).await;
    assert_eq!(mode(&file), 0o640);
    assert!(link.is_symlink());
    assert_eq!(text(&file).lines().count(), 2);
    let folder = file.parent().unwrap();
    let beside = std::fs::read_dir(folder).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        let name = name.to_string_lossy();
        name.ends_with(".new") && name.starts_with(&*file.file_name().unwrap().to_string_lossy())
    });
    assert_eq!(beside.count(), 0);
    std::fs::remove_file(&link).unwrap();
}
