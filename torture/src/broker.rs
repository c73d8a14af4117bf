//! The broker as a child process.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long it may take to start, its store read, or to stop.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Broker {
    program: PathBuf,
    config: PathBuf,
    log: PathBuf,
    address: SocketAddr,
    child: Option<Child>,
}

impl Broker {
    pub(crate) fn new(program: &Path, folder: &Path) -> Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = free.local_addr()?;
        let config = folder.join("broker.conf");
        let text = format!(
            "listener {} 127.0.0.1\nallow_anonymous true\npersistence true\n\
             max_queued_messages 0\n",
            address.port()
        );
        fs::write(&config, text)?;
        Ok(Self {
            program: program.to_owned(),
            config,
            log: folder.join("broker.log"),
            address,
            child: None,
        })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts it, and waits until it takes connections.
    pub(crate) fn start(&mut self) -> Result<()> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let child = Command::new(&self.program)
            .arg("-c")
            .arg(&self.config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        let mut child = child.with_context(|| format!("{}", self.program.display()))?;
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(self.address).is_err() {
            if let Some(status) = child.try_wait()? {
                bail!("the broker ended ({status}); see {}", self.log.display());
            }
            if Instant::now() > deadline {
                child.kill()?;
                bail!("the broker does not start; see {}", self.log.display());
            }
            thread::sleep(Duration::from_millis(2));
        }
        self.child = Some(child);
        Ok(())
    }

    /// Ends it at once, whatever it does.
    pub(crate) fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            if let Some(status) = child.try_wait()? {
                bail!(
                    "the broker ended by itself ({status}); see {}",
                    self.log.display()
                );
            }
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Asks it to stop, and waits for it.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        let id = child.id().to_string();
        if !Command::new("kill")
            .args(["-TERM", &id])
            .status()?
            .success()
        {
            bail!("the broker ended by itself; see {}", self.log.display());
        }
        let deadline = Instant::now() + PATIENCE;
        while child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                child.kill()?;
                bail!("the broker does not stop; see {}", self.log.display());
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
