//! Unix sockets: for clients on this machine, and proxies.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::UnixListener;
pub(super) use tokio::net::UnixStream;

use super::Address;
use super::tcp::BACKLOG;
use crate::log::information;
use crate::running::StartError;

/// Who may connect: the broker's user and group, as in Mosquitto.
const MODE: u32 = 0o770;

/// A Unix socket; its file is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
    /// The path, for those who connect.
    name: Arc<str>,
    /// Device and number of the file: another one at the same path is not
    /// ours.
    file: (u64, u64),
}

impl UnixSocket {
    /// Opens a socket in the place of one that nobody listens to any more.
    pub(super) fn open(path: &Path) -> Result<Self, StartError> {
        information!("Opening unix listen socket on path {}.", path.display());
        Self::bind(path).map_err(|error| {
            let hint = match error.kind() {
                io::ErrorKind::AddrInUse => {
                    "; another program has that socket: stop it, or choose another path"
                }
                io::ErrorKind::AlreadyExists => {
                    "; there is a file of another kind: choose another path"
                }
                io::ErrorKind::NotFound => "; the folder must be there",
                io::ErrorKind::InvalidInput => "; choose a shorter path",
                _ => "",
            };
            StartError::Listen {
                address: path.display().to_string(),
                error,
                hint: hint.into(),
            }
        })
    }

    fn bind(path: &Path) -> io::Result<Self> {
        let address = SockAddr::unix(path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        remove_stale(path)?;
        socket.bind(&address)?;
        let file = fs::symlink_metadata(path)?;
        // Before anybody can connect.
        fs::set_permissions(path, Permissions::from_mode(MODE))?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            listener: UnixListener::from_std(socket.into())?,
            path: path.into(),
            name: path.to_string_lossy().into(),
            file: (file.dev(), file.ino()),
        })
    }

    pub(super) async fn accept(&self) -> io::Result<(UnixStream, Address)> {
        let (stream, _) = self.listener.accept().await?;
        Ok((stream, Address::Unix(self.name.clone())))
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        let file = fs::symlink_metadata(&self.path);
        if file.is_ok_and(|file| (file.dev(), file.ino()) == self.file) {
            // Whoever may not remove it leaves it to the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes the socket that a program has left behind.
fn remove_stale(path: &Path) -> io::Result<()> {
    let file = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    if !file.file_type().is_socket() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        // Somebody takes connections there, or has too many.
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(io::ErrorKind::AddrInUse.into())
        }
        Err(error) => Err(error),
    }
}
