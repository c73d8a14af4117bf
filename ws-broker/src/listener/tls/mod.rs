//! TLS: certificates and keys from files, which are read again when they
//! change, and handshakes.

mod client_dates;
mod failure;
mod key_log;
mod revoked;
mod server;
mod stamps;
mod username;
mod version1;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::certificate::{self, Dates};
use crate::config::{Listener, TlsOptions};
use crate::listener::proxy;
use crate::log::{notice, warning};
use failure::explain;
pub(crate) use key_log::KeyLogFile;
use revoked::Revoked;
pub(crate) use revoked::Serial;
use stamps::Stamps;
pub(crate) use username::Shown;

/// How long a client may take for a handshake. Small devices need seconds.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(20);

/// A listener's TLS.
#[derive(Debug)]
pub(crate) struct Tls {
    options: TlsOptions,
    files: (PathBuf, PathBuf),
    key_log: Option<Arc<KeyLogFile>>,
    /// What handshakes go by.
    config: RwLock<Arc<ServerConfig>>,
    /// What `crlfile` names.
    revoked: RwLock<Revoked>,
    /// What was found when the files were looked at last.
    seen: Mutex<Seen>,
    /// What is odd about the options.
    warnings: Vec<String>,
}

#[derive(Debug)]
struct Seen {
    stamps: Stamps,
    /// Why the files as they are now were not taken over, and whether that was
    /// said.
    failure: Option<(String, bool)>,
    /// Why the certificate could not be renewed.
    unable: Option<String>,
    dates: Vec<Dates>,
    /// What was said about the dates.
    worries: Vec<String>,
}

/// What a client's certificate says of it.
#[derive(Debug)]
pub(super) struct Certified {
    /// Its user name, if that counts.
    pub(super) shown: Option<Shown>,
    /// What lists of revoked ones would call it, if it has shown any.
    pub(super) serial: Option<Serial>,
}

impl Tls {
    /// Reads what a listener's options name; `None` if it has no TLS. An error
    /// is one line.
    pub(crate) fn read(
        listener: &Listener,
        key_log: Option<&Arc<KeyLogFile>>,
    ) -> Result<Option<Self>, String> {
        proxy::check(listener)?;
        if listener.proxy.is_some() {
            // It has TLS with its clients, if anybody has.
            return Ok(None);
        }
        let (options, port) = (&listener.tls, listener.port);
        if !server::check(options, port)? {
            return Ok(None);
        }
        let (Some(certfile), Some(keyfile)) = (&options.certfile, &options.keyfile) else {
            return Ok(None);
        };
        // What changes while it is read is seen later.
        let stamps = Stamps::of(options);
        let read = server::read(options, (certfile, keyfile), key_log)?;
        let mut warnings = server::warnings(options, port);
        warnings.extend(read.warnings);
        Ok(Some(Self {
            options: options.clone(),
            files: (certfile.clone(), keyfile.clone()),
            key_log: key_log.cloned(),
            config: RwLock::new(read.config),
            revoked: RwLock::new(read.revoked),
            seen: Mutex::new(Seen {
                stamps,
                failure: None,
                unable: None,
                worries: worries(&read.dates),
                dates: read.dates,
            }),
            warnings,
        }))
    }

    /// What a person should know.
    pub(crate) fn warnings(&self) -> Vec<String> {
        [&self.warnings[..], &self.seen().worries].concat()
    }

    /// Reads the files again if they have changed; tells whether others are in
    /// use now. What cannot be used leaves all as it was; that is said once,
    /// and not of a file that somebody is just writing.
    pub(crate) fn look_again(&self) -> bool {
        let mut seen = self.seen();
        self.renew(&mut seen);
        let stamps = Stamps::of(&self.options);
        let has_changed = stamps != seen.stamps;
        if has_changed {
            seen.stamps = stamps;
            seen.failure = self.take(&mut seen).err().map(|why| (why, false));
        } else if let Some((why, is_said @ false)) = &mut seen.failure {
            warning!("Warning: {why}. The certificate that was there is used on.");
            *is_said = true;
        }
        let worries = worries(&seen.dates);
        for worry in worries.iter().filter(|worry| !seen.worries.contains(worry)) {
            warning!("Warning: {worry}");
        }
        seen.worries = worries;
        has_changed && seen.failure.is_none()
    }

    /// Renews a certificate that is this machine's own affair.
    fn renew(&self, seen: &mut Seen) {
        let (certfile, keyfile) = &self.files;
        let file = certfile.display();
        let renewed = certificate::renew(certfile, keyfile);
        match &renewed {
            Ok(Some(names)) => notice!("Made the certificate {file} anew, for {names}."),
            Ok(None) => {}
            Err(why) if seen.unable.as_ref() == Some(why) => {}
            Err(why) => {
                warning!("Warning: the certificate {file} cannot be renewed: {why}.");
            }
        }
        seen.unable = renewed.err();
    }

    fn take(&self, seen: &mut Seen) -> Result<(), String> {
        let (certfile, keyfile) = &self.files;
        let read = server::read(&self.options, (certfile, keyfile), self.key_log.as_ref())?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = read.config;
        *self.revoked.write().unwrap_or_else(PoisonError::into_inner) = read.revoked;
        seen.dates = read.dates;
        let until = seen.dates.first().map(Dates::until).unwrap_or_default();
        notice!(
            "The files of TLS have changed and are in use: {} holds until {until}.",
            certfile.display()
        );
        Ok(())
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn config(&self) -> Arc<ServerConfig> {
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner);
        config.clone()
    }

    /// Whether a certificate is revoked by now.
    pub(crate) fn is_revoked(&self, serial: &Serial) -> bool {
        let revoked = self.revoked.read().unwrap_or_else(PoisonError::into_inner);
        revoked.has(serial)
    }

    /// Shakes hands with a client; gives what its certificate says of it.
    ///
    /// # Errors
    /// The client does not, or not in time; displays as what a person can do
    /// something with.
    pub(super) async fn accept<S>(&self, stream: S) -> io::Result<(TlsStream<S>, Certified)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let accept = TlsAcceptor::from(self.config()).accept(stream);
        let stream = match tokio::time::timeout(HANDSHAKE_TIMEOUT, accept).await {
            Ok(accepted) => accepted.map_err(explain)?,
            Err(_) => {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("not done after {} s", HANDSHAKE_TIMEOUT.as_secs()),
                ));
            }
        };
        let username = self.options.username;
        let (_, connection) = stream.get_ref();
        let chain = connection.peer_certificates();
        let certified = Certified {
            shown: username.is_used().then(|| username::of(chain, username)),
            serial: Serial::of(chain),
        };
        Ok((stream, certified))
    }
}

fn worries(dates: &[Dates]) -> Vec<String> {
    let now = certificate::now();
    dates.iter().filter_map(|dates| dates.worry(now)).collect()
}

#[cfg(test)]
mod tests;
