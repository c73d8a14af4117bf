//! The programs that a chore starts: each in a process group of its own, each
//! stopped, with whatever it started in turn, when the chore ends in any way.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a program may take to stop when asked, before it is made to.
const GRACE: Duration = Duration::from_secs(10);
/// How often a program is asked whether it has ended.
const TICK: Duration = Duration::from_millis(20);

static STOPPING: AtomicBool = AtomicBool::new(false);
/// The process groups that run now.
static GROUPS: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// The chore was stopped by Ctrl-C or a signal.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stopped")
    }
}

impl std::error::Error for Interrupted {}

/// From here on, Ctrl-C and SIGTERM ask every running program to stop, and a
/// second one makes it.
pub(crate) fn stop_on_signals() -> Result<()> {
    ctrlc::set_handler(|| {
        let again = STOPPING.swap(true, Ordering::SeqCst);
        let signal = if again { Signal::Now } else { Signal::Please };
        for group in running_groups().iter() {
            send(*group, signal);
        }
    })
    .context("cannot listen for Ctrl-C")
}

/// Whether a signal has asked the chore to stop.
pub(crate) fn stopping() -> bool {
    STOPPING.load(Ordering::SeqCst)
}

/// Runs a command to its end, its output shown, and fails unless it succeeds.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = describe(command);
    let status = Running::start(command)?.wait()?;
    if !status.success() {
        bail!("`{name}` failed ({status})");
    }
    Ok(())
}

/// Runs a command to its end without showing its output, and returns what it
/// wrote to standard output; `None` when it fails or cannot be started.
pub(crate) fn answer(command: &mut Command) -> Option<String> {
    let done = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    done.status
        .success()
        .then(|| String::from_utf8_lossy(&done.stdout).into_owned())
}

/// Runs a command to its end and hands over each line of its standard output as
/// it comes. What it leaves running is stopped.
pub(crate) fn run_by_line(command: &mut Command, mut each: impl FnMut(&str)) -> Result<ExitStatus> {
    command.stdout(Stdio::piped());
    let mut running = Running::start(command)?;
    let output = running.child.stdout.take().context("no output to read")?;
    let (lines, received) = mpsc::channel();
    // A thread, since something the program left behind may hold its output open.
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            if lines
                .send(String::from_utf8_lossy(&line).trim_end().to_owned())
                .is_err()
            {
                break;
            }
            line.clear();
        }
    });
    let status = loop {
        match received.recv_timeout(TICK) {
            Ok(line) => each(&line),
            Err(mpsc::RecvTimeoutError::Disconnected) => break running.wait()?,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                if let Some(status) = running.ended()? {
                    break status;
                }
            }
        }
    };
    running.stop();
    while let Ok(line) = received.recv_timeout(GRACE) {
        each(&line);
    }
    if stopping() {
        return Err(Interrupted.into());
    }
    Ok(status)
}

/// A program that runs, until it ends or this is dropped.
pub(crate) struct Running {
    child: Child,
    ended: bool,
}

impl Running {
    /// Starts it, with no standard input.
    pub(crate) fn start(command: &mut Command) -> Result<Running> {
        if stopping() {
            return Err(Interrupted.into());
        }
        command.stdin(Stdio::null());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let mut groups = running_groups();
        let child = command
            .spawn()
            .with_context(|| format!("cannot start `{}`", describe(command)))?;
        groups.push(child.id());
        Ok(Running {
            child,
            ended: false,
        })
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, or `None` while it runs.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        let status = self.child.try_wait().context("cannot wait for a program")?;
        self.ended |= status.is_some();
        Ok(status)
    }

    /// Waits for its end, or for a signal that stops the chore.
    pub(crate) fn wait(&mut self) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.ended()? {
                if stopping() {
                    return Err(Interrupted.into());
                }
                return Ok(status);
            }
            if stopping() {
                self.stop();
                return Err(Interrupted.into());
            }
            thread::sleep(TICK);
        }
    }

    /// Stops it, and what it started; returns how it ended, when that is known.
    pub(crate) fn stop(&mut self) -> Option<ExitStatus> {
        let group = self.child.id();
        send(group, Signal::Please);
        let deadline = Instant::now() + GRACE;
        while !self.ended && Instant::now() < deadline {
            if self.ended().is_err() {
                break;
            }
            thread::sleep(TICK);
        }
        send(group, Signal::Now);
        if !self.ended {
            let _ = self.child.kill();
        }
        self.ended = true;
        self.child.wait().ok()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            self.stop();
        }
        let id = self.child.id();
        running_groups().retain(|group| *group != id);
    }
}

#[derive(Clone, Copy)]
enum Signal {
    Please,
    Now,
}

#[cfg(unix)]
fn send(group: u32, signal: Signal) {
    use nix::sys::signal::{Signal as Unix, killpg};
    let signal = match signal {
        Signal::Please => Unix::SIGTERM,
        Signal::Now => Unix::SIGKILL,
    };
    if let Ok(group) = i32::try_from(group) {
        // It fails when the group is gone, which is what was wanted.
        let _ = killpg(nix::unistd::Pid::from_raw(group), signal);
    }
}

/// Windows sends Ctrl-C to every program of the console by itself, and `stop`
/// ends what is left.
#[cfg(not(unix))]
fn send(_group: u32, _signal: Signal) {}

fn running_groups() -> std::sync::MutexGuard<'static, Vec<u32>> {
    GROUPS
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The command as a person would type it.
pub(crate) fn describe(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program())
        .file_stem()
        .unwrap_or(command.get_program());
    std::iter::once(program)
        .chain(command.get_args())
        .map(|part| part.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn lines_come_one_by_one_and_the_status_is_passed_on() {
        let mut lines = Vec::new();
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two; exit 3"]);
        let status = run_by_line(&mut command, |line| lines.push(line.to_owned())).unwrap();
        assert_eq!(lines, ["one", "two"]);
        assert_eq!(status.code(), Some(3));
    }

    #[test]
    fn what_a_program_leaves_behind_is_stopped_and_holds_nothing_up() {
        let mut left = String::new();
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 1000 & echo $!"]);
        run_by_line(&mut command, |line| left = line.to_owned()).unwrap();
        let mut alive = Command::new("kill");
        alive.args(["-0", &left]);
        // A killed process stays visible until its new parent has seen its end.
        let deadline = Instant::now() + GRACE;
        while answer(&mut alive).is_some() {
            let state = std::fs::read_to_string(format!("/proc/{left}/stat")).unwrap_or_default();
            if state.contains(") Z ") {
                break;
            }
            assert!(Instant::now() < deadline, "process {left} still runs");
            thread::sleep(TICK);
        }
    }

    #[test]
    fn dropping_stops_the_program() {
        let running = Running::start(Command::new("sleep").arg("1000")).unwrap();
        let id = running.child.id();
        drop(running);
        assert!(answer(Command::new("kill").args(["-0", &id.to_string()])).is_none());
    }

    #[test]
    fn a_failure_names_the_command() {
        let error = run(Command::new("sh").args(["-c", "exit 1"])).unwrap_err();
        assert!(error.to_string().contains("`sh -c exit 1`"), "{error}");
        let error = run(&mut Command::new("no-such-program")).unwrap_err();
        assert!(error.to_string().contains("no-such-program"), "{error}");
    }
}
