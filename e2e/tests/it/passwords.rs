//! Logging in with a user name and a password.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use e2e::{Broker, Folder, Login, Program, Raw, Server, Version, Which, tool};
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
    let (ours, theirs): (&[_], &[_]) = match is_by_mosquitto {
        true => (&[], &users),
        false => (&users, &[]),
    };
    let mut broker = Broker::with_users(ours, theirs).await;
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
            let said = publisher.rest().await.join("\n").to_lowercase();
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

/// Which program writes a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    MosquittoPasswd,
    Ours,
}

impl Writer {
    /// Runs it; both take the same arguments.
    async fn run(self, arguments: &[&str]) {
        let mut command = match self {
            Writer::MosquittoPasswd => Command::new("mosquitto_passwd"),
            Writer::Ours => {
                let mut command = Command::new(tool("E2E_BROKER"));
                command.arg("passwd");
                command
            }
        };
        let output = command.args(arguments).output().await.expect("it is there");
        assert!(
            output.status.success(),
            "{self:?} {arguments:?}: {output:?}"
        );
    }

    /// A file with users that were added, changed, removed, and hashed later.
    async fn write(self, file: &Path, hash: &[&str]) {
        let name = file.to_str().expect("text");
        let run = async |arguments: &[&str]| self.run(&[hash, arguments].concat()).await;
        run(&["-c", "-b", name, "gone", "secret"]).await;
        run(&["-b", name, "ada", "before"]).await;
        run(&["-b", name, "Jürgen Ö", "pa$$wörd x"]).await;
        run(&["-b", name, "ada", "secret"]).await;
        run(&["-D", name, "gone"]).await;
        let plain = file.with_extension("plain");
        fs::write(&plain, "bob:plain\ncy:$tr%ange\n").expect("room for a file");
        run(&["-U", plain.to_str().expect("text")]).await;
        let hashed = fs::read_to_string(&plain).expect("it is there");
        assert!(!hashed.contains("plain"), "{hashed}");
        let lines = fs::read_to_string(file).expect("it is there") + hashed.as_str();
        assert_eq!(lines.lines().count(), 4, "{lines}");
        fs::write(file, lines).expect("room for a file");
        // Mosquitto reads it as a user of its own.
        let everybody = fs::Permissions::from_mode(0o644);
        fs::set_permissions(file, everybody).expect("it is ours");
    }
}

const LOGINS: [(&str, &str, bool); 9] = [
    ("ada", "secret", true),
    ("ada", "before", false),
    ("Ada", "secret", false),
    ("Jürgen Ö", "pa$$wörd x", true),
    ("Jürgen Ö", "pa$$wörd", false),
    ("bob", "plain", true),
    ("cy", "$tr%ange", true),
    ("gone", "secret", false),
    ("bob", "", false),
];

/// Each file lets the same users in here and there.
#[tokio::test]
async fn each_broker_reads_what_the_others_program_has_written() {
    let folder = Folder::new();
    for (writer, hash) in [
        (Writer::MosquittoPasswd, &[][..]),
        (Writer::MosquittoPasswd, &["-H", "sha512"]),
        (Writer::MosquittoPasswd, &["-H", "sha512-pbkdf2"]),
        (Writer::Ours, &["-H", "sha512"]),
        (Writer::Ours, &["-H", "sha512-pbkdf2"]),
    ] {
        let file = folder.path().join("passwords");
        writer.write(&file, hash).await;
        for which in Which::BOTH {
            let config = format!(
                "listener {{1}} 127.0.0.1\npassword_file {}\n",
                file.display()
            );
            let server = Server::running(which, &config, |_| {}).await;
            for version in [Version::V311, Version::V5] {
                for (user, password, is_right) in LOGINS {
                    let mut login = Login::new(version, "c").named(Some(user));
                    login.password = Some(password.to_owned());
                    let (raw, code) = Raw::connect(server.ports[0], &login).await;
                    let refusal = if version == Version::V5 { 0x87 } else { 5 };
                    let expected = if is_right { 0 } else { refusal };
                    let case = format!("{user} {password} in {which:?} by {writer:?} {hash:?}");
                    assert_eq!(code, expected, "{case}");
                    if is_right {
                        raw.leave(false).await;
                    }
                }
            }
        }
    }
}

/// Who gets in with `allow_anonymous` and a `password_file` or without, for all
/// or for one listener: a table that Mosquitto fills in.
#[tokio::test]
async fn who_gets_in_is_the_same_whatever_the_configuration_leaves_out() {
    let folder = Folder::new();
    let file = folder.path().join("passwords");
    Writer::MosquittoPasswd.write(&file, &[]).await;
    let mut configs = Vec::new();
    for passwords in ["", "password_file FILE\n"] {
        for anonymous in ["", "allow_anonymous true\n", "allow_anonymous false\n"] {
            for per_listener in ["", "per_listener_settings true\n"] {
                for (before, after) in [
                    // For all, or for the first listener only; said before it or after.
                    ("", format!("{passwords}{anonymous}")),
                    (passwords, anonymous.to_owned()),
                    (anonymous, passwords.to_owned()),
                ] {
                    configs.push(format!(
                        "{per_listener}{before}listener {{1}} 127.0.0.1\n{after}listener {{2}} 127.0.0.1\n"
                    ));
                }
            }
        }
    }
    configs.sort();
    configs.dedup();
    let login = |user: Option<&str>, password: Option<&str>| {
        let mut login = Login::new(Version::V311, "c").named(user);
        login.password = password.map(str::to_owned);
        login
    };
    let logins = [
        login(None, None),
        login(Some("ada"), Some("secret")),
        login(Some("ada"), Some("wrong")),
        login(Some("ada"), None),
        login(Some("eve"), Some("secret")),
        login(Some(""), None),
    ];
    for config in configs {
        let config = config.replace("FILE", &file.display().to_string());
        let mut codes = Vec::new();
        for which in Which::BOTH {
            let server = Server::running(which, &config, |_| {}).await;
            let mut all = Vec::new();
            for port in &server.ports {
                for login in &logins {
                    all.push(Raw::connect(*port, login).await.1);
                }
            }
            codes.push(all);
        }
        assert_eq!(codes[0], codes[1], "Mosquitto's and ours with\n{config}");
    }
}
