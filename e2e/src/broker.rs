use std::ffi::OsStr;
use std::net::TcpListener;
use std::path::PathBuf;
use std::{fs, io};

use flate2::read::GzDecoder;
use nix::sys::signal::Signal;
use tokio::process::Command;

use crate::{Folder, Program, tool};

/// The broker, with one listener for MQTT and one for WebSockets and the page,
/// both on loopback.
#[derive(Debug)]
pub struct Broker {
    program: Program,
    /// The port for MQTT over TCP.
    pub mqtt: u16,
    /// The port for MQTT over WebSocket, and for the page.
    pub web: u16,
    folder: Folder,
    is_open: bool,
}

impl Broker {
    /// Starts it on free ports, and waits until it accepts connections.
    pub async fn start() -> Broker {
        Broker::of(true).await
    }

    /// Starts it so that nobody gets in without a password, which nobody has.
    pub async fn closed() -> Broker {
        Broker::of(false).await
    }

    /// Starts it so that these users get in with these passwords, and nobody
    /// else. The file is written by `ws-broker passwd`, and the lines of those
    /// `by_mosquitto` by `mosquitto_passwd`.
    ///
    /// # Panics
    /// If the file cannot be written.
    pub async fn with_users(users: &[(&str, &str)], by_mosquitto: &[(&str, &str)]) -> Broker {
        let folder = Folder::new();
        let file = passwords(&folder);
        // Mosquitto's first: its program does not know the other lines.
        let all = by_mosquitto.iter().map(|user| (user, true));
        let all = all.chain(users.iter().map(|user| (user, false)));
        for ((user, password), is_by_mosquitto) in all {
            let mut command = if is_by_mosquitto {
                Command::new("mosquitto_passwd")
            } else {
                let mut command = Command::new(tool("E2E_BROKER"));
                command.arg("passwd");
                command
            };
            if !file.exists() {
                command.arg("-c");
            }
            command.arg("-b").arg(&file).args([user, password]);
            let output = command.output().await;
            assert!(
                output.as_ref().is_ok_and(|output| output.status.success()),
                "{command:?}: {output:?}"
            );
        }
        Broker::in_folder(folder, false).await
    }

    /// Starts it open to everybody, with this `acl_file`.
    ///
    /// # Panics
    /// If the file cannot be written.
    pub async fn with_rules(rules: &str) -> Broker {
        let folder = Folder::new();
        let file = acl(&folder);
        fs::write(&file, rules).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Broker::in_folder(folder, true).await
    }

    /// Starts it open to everybody, with a copy of the page that can be changed
    /// in [`Broker::page`].
    ///
    /// # Panics
    /// If the page cannot be copied.
    pub async fn with_page() -> Broker {
        let folder = Folder::new();
        let copy = page(&folder);
        let copied = fs::create_dir(&copy).and_then(|()| {
            for file in fs::read_dir(tool("E2E_ROOT").join("dist"))? {
                let from = file?.path();
                let to = copy.join(from.file_name().unwrap_or_default());
                match from.extension().and_then(OsStr::to_str) {
                    Some("br") => {}
                    Some("gz") => {
                        let mut plain = GzDecoder::new(fs::File::open(&from)?);
                        io::copy(&mut plain, &mut fs::File::create(to.with_extension(""))?)?;
                    }
                    _ => drop(fs::copy(&from, &to)?),
                }
            }
            Ok(())
        });
        copied.unwrap_or_else(|error| panic!("{}: {error}", copy.display()));
        Broker::in_folder(folder, true).await
    }

    /// Where the copy of the page is.
    #[must_use]
    pub fn page(&self) -> PathBuf {
        page(&self.folder)
    }

    async fn of(is_open: bool) -> Broker {
        Broker::in_folder(Folder::new(), is_open).await
    }

    async fn in_folder(folder: Folder, is_open: bool) -> Broker {
        let (program, mqtt, web) = run(&folder, is_open, 0, 0).await;
        Broker {
            program,
            mqtt,
            web,
            folder,
            is_open,
        }
    }

    /// Where the page is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.web)
    }

    /// Kills it, as a power cut would.
    pub async fn kill(&mut self) {
        self.program.kill().await;
    }

    /// Starts it on the ports that it had.
    pub async fn restart(&mut self) {
        (self.program, self.mqtt, self.web) =
            run(&self.folder, self.is_open, self.mqtt, self.web).await;
    }

    /// Makes it hang: connections stay, and nothing is answered.
    pub fn hang(&self) {
        self.program.signal(Signal::SIGSTOP);
    }

    /// Lets it go on after [`Broker::hang`].
    pub fn go_on(&self) {
        self.program.signal(Signal::SIGCONT);
    }

    /// Waits for a line of its log with these words in it, and returns what
    /// follows them. Each line is found once.
    pub async fn log(&mut self, words: &str) -> String {
        self.program.containing(words).await
    }
}

/// Debian's Mosquitto, with the same two listeners.
#[derive(Debug)]
pub struct Mosquitto {
    /// The port for MQTT over TCP.
    pub mqtt: u16,
    /// The port for MQTT over WebSocket.
    pub web: u16,
    _program: Program,
    _folder: Folder,
}

impl Mosquitto {
    /// Starts it on free ports, and waits until it accepts connections.
    ///
    /// # Panics
    /// If there are no free ports.
    pub async fn start() -> Mosquitto {
        // It does not take port 0, so the ports are free only most likely.
        let free = || TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let [mqtt, web] = [free(), free()].map(|address| address.expect("a free port").port());
        let folder = Folder::new();
        let mut command = Command::new(tool("E2E_MOSQUITTO"));
        command
            .arg("-v")
            .arg("-c")
            .arg(config(&folder, true, mqtt, web));
        let mut program = Program::start(command);
        program.containing(" running").await;
        Mosquitto {
            mqtt,
            web,
            _program: program,
            _folder: folder,
        }
    }
}

fn passwords(folder: &Folder) -> PathBuf {
    folder.path().join("passwords")
}

fn page(folder: &Folder) -> PathBuf {
    folder.path().join("page")
}

fn acl(folder: &Folder) -> PathBuf {
    folder.path().join("acl")
}

fn config(folder: &Folder, is_open: bool, mqtt: u16, web: u16) -> PathBuf {
    let file = folder.path().join("broker.conf");
    let mut config = format!(
        "allow_anonymous {is_open}\n\
         listener {mqtt} 127.0.0.1\n\
         listener {web} 127.0.0.1\nprotocol websockets\n"
    );
    let page = page(folder);
    if page.exists() {
        config.push_str(&format!("http_dir {}\n", page.display()));
    }
    let passwords = passwords(folder);
    if passwords.exists() {
        config.push_str(&format!("password_file {}\n", passwords.display()));
    }
    let rules = acl(folder);
    if rules.exists() {
        config.push_str(&format!("acl_file {}\n", rules.display()));
    }
    fs::write(&file, config).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    file
}

async fn run(folder: &Folder, is_open: bool, mqtt: u16, web: u16) -> (Program, u16, u16) {
    let mut command = Command::new(tool("E2E_BROKER"));
    command
        .arg("-v")
        .arg("-c")
        .arg(config(folder, is_open, mqtt, web));
    let mut program = Program::start(command);
    let mqtt = port(&mut program).await;
    let web = port(&mut program).await;
    program.containing(" running").await;
    (program, mqtt, web)
}

/// The port of the next listener, in the order of the config file.
async fn port(program: &mut Program) -> u16 {
    let rest = program
        .containing("Opening ipv4 listen socket on port ")
        .await;
    let port = rest.trim_end_matches('.').parse();
    port.unwrap_or_else(|error| panic!("a port in \"{rest}\": {error}"))
}
