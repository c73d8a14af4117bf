use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::sys::signal::Signal;
use tokio::process::Command;

use crate::ports::free_port;
use crate::{Folder, PATIENCE, Program, tool};

/// Which broker it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// This one.
    Ours,
    /// Debian's Mosquitto.
    Mosquitto,
}

impl Which {
    /// Both, the one that is known first.
    pub const BOTH: [Which; 2] = [Which::Mosquitto, Which::Ours];
}

/// Either broker with any configuration, to see that they do the same.
#[derive(Debug)]
pub struct Server {
    /// Which one.
    pub which: Which,
    /// The ports that its configuration has.
    pub ports: Vec<u16>,
    program: Program,
    folder: Folder,
}

impl Server {
    /// Starts it with `-v` and this configuration, in which `{folder}` stands
    /// for a folder of its own and `{1}`, `{2}` and so on for free ports.
    /// `prepare` puts into the folder what else the configuration names.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(which: Which, config: &str, prepare: impl FnOnce(&Path)) -> Server {
        let folder = Folder::new();
        // Mosquitto writes to it as a user of its own.
        let everybody = fs::Permissions::from_mode(0o777);
        fs::set_permissions(folder.path(), everybody).expect("it is ours");
        prepare(folder.path());
        let mut text = config.replace("{folder}", &folder.path().display().to_string());
        let mut ports = Vec::new();
        while text.contains(&format!("{{{}}}", ports.len() + 1)) {
            let port = free_port();
            text = text.replace(&format!("{{{}}}", ports.len() + 1), &port.to_string());
            ports.push(port);
        }
        let file = folder.path().join("mosquitto.conf");
        fs::write(&file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mut command = Command::new(match which {
            Which::Ours => tool("E2E_BROKER"),
            Which::Mosquitto => tool("E2E_MOSQUITTO"),
        });
        command.arg("-v").arg("-c").arg(&file);
        command.current_dir(folder.path());
        Server {
            which,
            ports,
            program: Program::start(command),
            folder,
        }
    }

    /// As [`Server::start`]; returns when it runs, which it says on standard
    /// error.
    ///
    /// # Panics
    /// If it does not.
    pub async fn running(which: Which, config: &str, prepare: impl FnOnce(&Path)) -> Server {
        let mut server = Server::start(which, config, prepare).await;
        server.program.containing(" running").await;
        server
    }

    /// Returns when its first port is open, wherever it logs to.
    ///
    /// # Panics
    /// If it does not open it.
    pub async fn open(&mut self) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let address = ("127.0.0.1", self.ports[0]);
        while tokio::net::TcpStream::connect(address).await.is_err() {
            let said = self.program.said();
            assert!(tokio::time::Instant::now() < deadline, "{said:#?}");
            // There is no event to wait for: it may say nothing at all.
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The program.
    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }

    /// Lets it read its configuration again; returns before it has.
    pub fn reload(&self) {
        self.program.signal(Signal::SIGHUP);
    }

    /// Stops it in good order; all that it has said and nobody has asked for.
    pub async fn stop(mut self) -> Vec<String> {
        self.program.signal(Signal::SIGTERM);
        self.program.ended().await;
        self.program.rest().await
    }
}
