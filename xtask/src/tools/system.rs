//! Programs that come from the system's package manager: browser, Mosquitto,
//! Python, Node.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{answer, run};

/// A program that tests run, and where it comes from.
struct Wanted {
    /// Names it goes by, the first one found is taken.
    names: &'static [&'static str],
    /// Debian's and Ubuntu's packages.
    packages: &'static [&'static str],
}

const CHROMIUM: Wanted = Wanted {
    names: &["chromium", "chromium-browser", "google-chrome"],
    packages: &["chromium"],
};
const CHROMEDRIVER: Wanted = Wanted {
    names: &["chromedriver"],
    packages: &["chromium-driver"],
};
/// Says whom a browser trusts.
const CERTUTIL: Wanted = Wanted {
    names: &["certutil"],
    packages: &["libnss3-tools"],
};
const MOSQUITTO: Wanted = Wanted {
    names: &["mosquitto"],
    packages: &["mosquitto"],
};
const MOSQUITTO_PUB: Wanted = Wanted {
    names: &["mosquitto_pub"],
    packages: &["mosquitto-clients"],
};
const PYTHON: Wanted = Wanted {
    names: &["python3"],
    packages: &["python3", "python3-venv"],
};
const NODE: Wanted = Wanted {
    names: &["node", "nodejs"],
    packages: &["nodejs"],
};
const NPM: Wanted = Wanted {
    names: &["npm"],
    packages: &["npm"],
};

/// The programs that tests run, by their full paths.
pub(crate) struct System {
    pub(crate) chromium: PathBuf,
    pub(crate) chromedriver: PathBuf,
    pub(crate) certutil: PathBuf,
    pub(crate) mosquitto: PathBuf,
    pub(crate) mosquitto_pub: PathBuf,
    pub(crate) python: PathBuf,
    pub(crate) npm: PathBuf,
}

/// The browser and its driver.
pub(crate) fn browser() -> Result<(PathBuf, PathBuf)> {
    install_missing(&[&CHROMIUM, &CHROMEDRIVER])?;
    Ok((CHROMIUM.path()?, CHROMEDRIVER.path()?))
}

/// JavaScript without a browser.
pub(crate) fn node() -> Result<PathBuf> {
    install_missing(&[&NODE])?;
    NODE.path()
}

/// What installs and packs JavaScript.
pub(crate) fn npm() -> Result<PathBuf> {
    install_missing(&[&NPM])?;
    NPM.path()
}

/// Debian's broker.
pub(crate) fn mosquitto() -> Result<PathBuf> {
    install_missing(&[&MOSQUITTO])?;
    MOSQUITTO.path()
}

/// All of them.
pub(crate) fn all() -> Result<System> {
    install_missing(&[
        &CHROMIUM,
        &CHROMEDRIVER,
        &CERTUTIL,
        &MOSQUITTO,
        &MOSQUITTO_PUB,
        &PYTHON,
        &NODE,
        &NPM,
    ])?;
    Ok(System {
        chromium: CHROMIUM.path()?,
        chromedriver: CHROMEDRIVER.path()?,
        certutil: CERTUTIL.path()?,
        mosquitto: MOSQUITTO.path()?,
        mosquitto_pub: MOSQUITTO_PUB.path()?,
        python: PYTHON.path()?,
        npm: NPM.path()?,
    })
}

impl Wanted {
    fn find(&self) -> Option<PathBuf> {
        self.names.iter().find_map(|name| find(name))
    }

    fn path(&self) -> Result<PathBuf> {
        self.find()
            .with_context(|| format!("{} is still missing", self.names[0]))
    }

    fn missing(&self) -> bool {
        match self.find() {
            None => true,
            // Debian ships Python without what it takes to make an environment.
            Some(python) if self.names == PYTHON.names => {
                answer(Command::new(python).args(["-c", "import venv, ensurepip"])).is_none()
            }
            Some(_) => false,
        }
    }
}

fn install_missing(wanted: &[&Wanted]) -> Result<()> {
    let missing: Vec<&Wanted> = wanted.iter().copied().filter(|w| w.missing()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|w| w.packages).copied().collect();
    let list = packages.join(" ");
    if find("apt-get").is_none() {
        let names: Vec<&str> = missing.iter().map(|w| w.names[0]).collect();
        bail!(
            "the tests need {}: install them with this system's package manager and put them on the PATH",
            names.join(", ")
        );
    }
    let new_broker = packages.contains(&"mosquitto");
    if !is_root() {
        // The package starts a broker of its own on 1883, at every boot.
        let quiet = if new_broker {
            " && sudo systemctl disable --now mosquitto"
        } else {
            ""
        };
        bail!(
            "the tests need packages that are not installed: run `sudo apt-get update && sudo apt-get install --no-install-recommends {list}{quiet}`, then this again"
        );
    }
    eprintln!("installing {list}");
    run(Command::new("apt-get").args(["update", "--quiet"]))?;
    run(Command::new("apt-get")
        .args(["install", "--yes", "--quiet", "--no-install-recommends"])
        .args(&packages)
        .env("DEBIAN_FRONTEND", "noninteractive"))?;
    if new_broker && Path::new("/run/systemd/system").exists() {
        eprintln!("switching off the broker that Debian's mosquitto package starts");
        run(Command::new("systemctl").args(["disable", "--now", "mosquitto"]))?;
    }
    Ok(())
}

/// The program's full path. Debian keeps servers where only root looks.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")])
        .flat_map(|folder| {
            let plain = folder.join(name);
            // npm is a script on Windows.
            [
                plain.with_extension(env::consts::EXE_EXTENSION),
                plain.with_extension("cmd"),
            ]
        })
        .find(|path| path.is_file())
}

#[cfg(unix)]
fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_on_the_path_only() {
        assert!(find("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(find("no-such-program"), None);
    }
}
