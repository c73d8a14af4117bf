//! What the broker's process has used, as the system counts it.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// A process that is watched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// Its user and system time so far, all threads, in steps of 10 ms.
    pub(crate) fn cpu(self) -> Result<Duration> {
        let stat = self.read("stat")?;
        cpu(&stat).with_context(|| format!("/proc/{}/stat says no times", self.0))
    }

    /// The memory it holds, in bytes.
    pub(crate) fn memory(self) -> Result<u64> {
        let status = self.read("status")?;
        memory(&status).with_context(|| format!("/proc/{}/status says no VmRSS", self.0))
    }

    fn read(self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.0);
        fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
    }
}

/// Linux tells programs times in hundredths of a second, whatever it counts in.
const TICK: Duration = Duration::from_millis(10);

fn cpu(stat: &str) -> Option<Duration> {
    // The program's name, in brackets, may hold spaces and brackets.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(TICK * (user + system))
}

fn memory(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_behind_any_name() {
        let stat = "7 (a) b (c) S 1 1 1 0 -1 4194560 100 0 0 0 120 34 5 6 20 0 3 0 5 1 2";
        assert_eq!(cpu(stat), Some(Duration::from_millis(1540)));
        assert_eq!(cpu("7 a"), None);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let status = "Name:\ta\nVmHWM:\t    9 kB\nVmRSS:\t   12 kB\n";
        assert_eq!(memory(status), Some(12 * 1024));
        assert_eq!(memory(""), None);
    }
}
