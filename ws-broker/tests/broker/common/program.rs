use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use super::{Client, soon};

/// The broker as a program. It is killed when this is dropped.
pub(crate) struct Program {
    child: Child,
    log: Option<Lines<BufReader<ChildStderr>>>,
    /// The lines of the log so far, without their time.
    pub(crate) lines: Vec<String>,
}

/// What a line says after its time. What cannot be logged has none.
fn without_time(line: &str) -> &str {
    if line.starts_with("Error: ") {
        return line;
    }
    let (time, line) = line.split_once(": ").expect("a time");
    assert!(time.parse::<u64>().is_ok_and(|at| at > 1_700_000_000));
    line
}

/// A configuration file with this text.
pub(crate) fn config_file(text: &str) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("broker-{}-{number}.conf", std::process::id());
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, text).expect("the folder is there");
    file
}

impl Program {
    fn spawn(arguments: &[&str]) -> Child {
        Self::spawn_command(Command::new(env!("CARGO_BIN_EXE_ws-broker")).args(arguments))
    }

    fn spawn_command(command: &mut Command) -> Child {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it was built")
    }

    /// Runs the program, which must end by itself: exit code, standard output,
    /// standard error.
    pub(crate) async fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
        let child = Self::spawn(arguments);
        let output = soon("the end of the program", child.wait_with_output()).await;
        let output = output.expect("it runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        let code = output.status.code();
        (code, text(output.stdout), text(output.stderr))
    }

    /// Starts the program with a configuration file of this text.
    pub(crate) async fn start(config: &str, arguments: &[&str]) -> Self {
        let file = config_file(config);
        let file = file.to_str().expect("text");
        Self::start_with(&[&["-c", file], arguments].concat()).await
    }

    /// Starts the program; returns when it runs.
    pub(crate) async fn start_with(arguments: &[&str]) -> Self {
        Self::started(Self::spawn(arguments)).await
    }

    /// Starts the program with a configuration file of this text, after a
    /// `ulimit`.
    pub(crate) async fn start_limited(ulimit: &str, config: &str) -> Self {
        let script = format!("ulimit {ulimit} && exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command
            .args(["-c", &script, env!("CARGO_BIN_EXE_ws-broker"), "-c"])
            .arg(config_file(config));
        Self::started(Self::spawn_command(&mut command)).await
    }

    /// Starts the program with a configuration file of this text, whose log
    /// is elsewhere or in another form; returns at once.
    pub(crate) async fn start_unread(config: &str) -> Self {
        let file = config_file(config);
        Self::spawn_with(&["-c", file.to_str().expect("text")], &[])
    }

    /// Starts the program with more in its environment; returns at once.
    pub(crate) fn spawn_with(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ws-broker"));
        command.args(arguments).envs(environment.iter().copied());
        let mut child = Self::spawn_command(&mut command);
        let stderr = child.stderr.take().expect("it is piped");
        Self {
            child,
            log: Some(BufReader::new(stderr).lines()),
            lines: Vec::new(),
        }
    }

    /// What the system says of the process.
    pub(crate) fn status(&self) -> String {
        let id = self.child.id().expect("it runs");
        std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs")
    }

    /// Waits until the program looks after a signal.
    pub(crate) async fn until_it_catches(&self, signal: nix::sys::signal::Signal) {
        let catches = async {
            loop {
                let status = self.status();
                let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
                let caught = caught.map(str::trim).unwrap_or_default();
                let caught = u64::from_str_radix(caught, 16).unwrap_or(0);
                if caught & 1 << (signal as u32 - 1) != 0 {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        soon("a handler", catches).await;
    }

    async fn started(mut child: Child) -> Self {
        let stderr = child.stderr.take().expect("it is piped");
        let mut program = Self {
            child,
            log: Some(BufReader::new(stderr).lines()),
            lines: Vec::new(),
        };
        program.line(|line| line.ends_with(" running")).await;
        program
    }

    fn log(&mut self) -> &mut Lines<BufReader<ChildStderr>> {
        self.log.as_mut().expect("nobody else reads it")
    }

    /// Lets nobody wait for the log to be read; there are no more
    /// [`Program::lines`] from here on.
    pub(crate) fn keep_reading(&mut self) {
        let mut log = self.log.take().expect("nobody else reads it");
        tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
    }

    /// Waits for a line of the log.
    pub(crate) async fn line(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        loop {
            let line = soon("a log line", self.log().next_line()).await;
            let Some(line) = line.expect("text") else {
                panic!("the log ended: {:#?}", self.lines);
            };
            let line = without_time(&line);
            self.lines.push(line.into());
            if wanted(line) {
                return line.into();
            }
        }
    }

    /// The ports that are listened on, in the order of the log.
    pub(crate) fn ports(&self) -> Vec<u16> {
        let lines = self.lines.iter();
        lines
            .filter_map(|line| {
                let (_, port) = line.split_once(" listen socket on port ")?;
                port.trim_end_matches('.').parse().ok()
            })
            .collect()
    }

    /// The first port, on this machine.
    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.ports()[0]).into()
    }

    pub(crate) async fn client(&self, connect: codec::Connect) -> Client {
        let mut client = Client::open(self.address()).await;
        client.connect(connect).await;
        client
    }

    /// Resident memory, bytes.
    pub(crate) fn memory(&self) -> usize {
        let id = self.child.id().expect("it runs");
        let statm = std::fs::read_to_string(format!("/proc/{id}/statm")).expect("it runs");
        let pages = statm.split(' ').nth(1).expect("the second number");
        pages.parse::<usize>().expect("a number") * 4096
    }

    /// How many threads serve clients: all but the first and the log's, which
    /// has written by now and so has its name.
    pub(crate) fn workers(&self) -> usize {
        let id = self.child.id().expect("it runs");
        let tasks = std::fs::read_dir(format!("/proc/{id}/task")).expect("it runs");
        let names = tasks.map(|task| {
            let name = task.expect("it runs").path().join("comm");
            std::fs::read_to_string(name).unwrap_or_default()
        });
        names.filter(|name| name != "log\n").count() - 1
    }

    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        let id = self.child.id().expect("it runs");
        let id = nix::unistd::Pid::from_raw(id.try_into().expect("a process id"));
        nix::sys::signal::kill(id, signal).expect("it runs");
    }

    /// Sends a signal by its number.
    pub(crate) fn raw_signal(&self, signal: i32) {
        let id = self.child.id().expect("it runs");
        let sent = std::process::Command::new("kill")
            .args([format!("-{signal}"), id.to_string()])
            .status();
        assert!(sent.expect("there is kill").success());
    }

    /// What is left on standard output and standard error, after its end.
    pub(crate) async fn outputs(mut self) -> (String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        let mut stdout = self.child.stdout.take().expect("it is piped");
        stdout.read_to_string(&mut out).await.expect("text");
        while let Some(line) = self.log().next_line().await.expect("text") {
            err += &line;
            err.push('\n');
        }
        (out, err)
    }

    /// Waits for the program's end; gives how it ended.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let status = soon("the end of the program", self.child.wait()).await;
        status.expect("it runs")
    }

    /// All lines up to the end, which comes by itself.
    pub(crate) async fn rest(mut self) -> Vec<String> {
        while let Some(line) = soon("the log's end", self.log().next_line())
            .await
            .expect("text")
        {
            self.lines.push(without_time(&line).into());
        }
        let mut out = String::new();
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_string(&mut out).await.expect("text");
        }
        assert_eq!(out, "", "the log is all it writes");
        self.lines
    }
}
