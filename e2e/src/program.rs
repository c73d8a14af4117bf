use std::process::{ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::PATIENCE;
use crate::lines::{Lines, Sink, forward};

/// A running program, its output read by line. It is killed on drop.
#[derive(Debug)]
pub struct Program {
    child: Process,
    lines: Lines,
}

impl Program {
    /// Starts it.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start(command: Command) -> Program {
        let (sink, lines) = Lines::new();
        Program {
            child: Process::start(command, &sink),
            lines,
        }
    }

    /// Waits for a line that begins so, and returns what follows. Lines before
    /// it stay to be asked for.
    ///
    /// # Panics
    /// If there is none in time.
    pub async fn after(&mut self, start: &str) -> String {
        let rest = |line: &str| line.strip_prefix(start).map(str::to_owned);
        self.lines.find(&format!("\"{start}\""), rest).await
    }

    /// The same; `None` if it ends without.
    pub(crate) async fn after_if_any(&mut self, start: &str) -> Option<String> {
        let rest = |line: &str| line.strip_prefix(start).map(str::to_owned);
        self.lines.next(rest).await.ok()
    }

    /// Waits for a line with these words in it, and returns what follows them.
    ///
    /// # Panics
    /// If there is none in time.
    pub async fn containing(&mut self, words: &str) -> String {
        let rest = |line: &str| line.split_once(words).map(|(_, rest)| rest.to_owned());
        self.lines.find(&format!("\"{words}\""), rest).await
    }

    /// Takes the lines so far.
    pub fn said(&mut self) -> Vec<String> {
        self.lines.all(|line| Some(line.to_owned()))
    }

    /// Takes the lines up to the end of its output, which must come.
    ///
    /// # Panics
    /// If it does not.
    pub async fn rest(&mut self) -> Vec<String> {
        self.lines.rest().await
    }

    /// Writes a line to it.
    ///
    /// # Panics
    /// If it does not read any more.
    pub async fn tell(&mut self, line: &str) {
        self.child.tell(line).await;
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// If it has ended.
    pub fn signal(&self, signal: Signal) {
        self.child.signal(signal);
    }

    /// Its number.
    pub(crate) fn id(&self) -> Pid {
        self.child.id()
    }

    /// Kills it, as a power cut would, and waits until it is gone.
    pub async fn kill(&mut self) {
        self.child.kill().await;
    }

    /// Waits until it ends by itself.
    ///
    /// # Panics
    /// If it does not.
    pub async fn ended(&mut self) -> ExitStatus {
        self.child.ended().await
    }
}

/// A child whose output goes somewhere else.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(mut command: Command, sink: &Sink) -> Process {
        let spawned = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut child = spawned.unwrap_or_else(|error| {
            panic!("{}: {error}", command.as_std().get_program().display());
        });
        if let Some(output) = child.stdout.take() {
            forward(output, sink.clone());
        }
        if let Some(errors) = child.stderr.take() {
            forward(errors, sink.clone());
        }
        Process(child)
    }

    pub(crate) async fn tell(&mut self, line: &str) {
        let input = self.0.stdin.as_mut().expect("start() asked for a pipe");
        let written = input.write_all(format!("{line}\n").as_bytes()).await;
        written.unwrap_or_else(|error| panic!("nobody reads \"{line}\": {error}"));
    }

    /// Writes to its input, and closes it.
    pub(crate) async fn give(&mut self, bytes: &[u8]) {
        let mut input = self.0.stdin.take().expect("start() asked for a pipe");
        let written = input.write_all(bytes).await;
        written.unwrap_or_else(|error| panic!("nobody reads: {error}"));
    }

    fn id(&self) -> Pid {
        let id = self.0.id().expect("it has not been waited for");
        Pid::from_raw(i32::try_from(id).expect("ids fit"))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.id(), signal).unwrap_or_else(|error| panic!("{signal}: {error}"));
    }

    pub(crate) async fn kill(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.0.kill().await;
    }

    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let status = timeout(PATIENCE, self.0.wait()).await;
        status
            .expect("it does not end")
            .expect("it can be waited for")
    }
}
