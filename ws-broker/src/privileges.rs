//! Rights that the broker gives up once what needs them is open: ports below
//! 1024, keys, the log, the store.

use crate::config::Config;
use crate::running::StartError;

/// Somebody with fewer rights.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct Lesser(nix::unistd::User);

/// Whom the broker is to go on as; nobody, if it has no rights to give up.
///
/// # Errors
/// There is no such user.
#[cfg(unix)]
pub(crate) fn find(config: &Config) -> Result<Option<Lesser>, StartError> {
    use nix::unistd::{User, geteuid};

    let Some(name) = config.user.as_deref().filter(|_| geteuid().is_root()) else {
        return Ok(None);
    };
    match User::from_name(name) {
        Ok(Some(user)) => Ok(Some(Lesser(user))),
        Ok(None) => Err(StartError::User(format!(
            "Unable to drop privileges to '{name}' because this user does not exist."
        ))),
        Err(error) => Err(StartError::User(format!(
            "cannot look user {name} up: {error}"
        ))),
    }
}

#[cfg(unix)]
impl Lesser {
    /// Goes on as that user, whose the log and the store are from here on.
    ///
    /// # Errors
    /// The system does not let it.
    pub(crate) fn take_over(&self, config: &Config) -> Result<(), StartError> {
        use nix::unistd::{chown, fchown, setgid, setuid};

        let Self(user) = self;
        let (uid, gid) = (user.uid, user.gid);
        let cannot = |error: nix::Error| {
            StartError::User(format!("cannot go on as user {}: {error}", user.name))
        };
        for file in config.log.files() {
            if file.metadata().is_ok_and(|data| data.is_file()) {
                fchown(file, Some(uid), Some(gid)).map_err(cannot)?;
            }
        }
        if let Some(stored) = &config.persistence {
            chown(&stored.location.join(&stored.file), Some(uid), Some(gid)).map_err(cannot)?;
        }
        #[cfg(not(target_vendor = "apple"))]
        {
            let name = std::ffi::CString::new(user.name.as_str()).unwrap_or_default();
            nix::unistd::initgroups(&name, gid).map_err(cannot)?;
        }
        setgid(gid).map_err(cannot)?;
        setuid(uid).map_err(cannot)?;
        crate::log::information!("The broker goes on as user {}.", user.name);
        Ok(())
    }
}

/// Says that there are rights that nobody needs.
#[cfg(unix)]
pub(crate) fn warn() {
    if nix::unistd::geteuid().is_root() {
        crate::log::warning!(
            "Warning: the broker runs as root. With a line `user mosquitto`, or another name, it \
             gives these rights up when its ports and files are open."
        );
    }
}

/// There are no such users elsewhere.
#[cfg(not(unix))]
#[derive(Debug)]
pub(crate) enum Lesser {}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail elsewhere")]
pub(crate) fn find(_: &Config) -> Result<Option<Lesser>, StartError> {
    Ok(None)
}

#[cfg(not(unix))]
impl Lesser {
    pub(crate) fn take_over(&self, _: &Config) -> Result<(), StartError> {
        match *self {}
    }
}

#[cfg(not(unix))]
pub(crate) fn warn() {}
