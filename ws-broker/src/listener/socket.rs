//! Sockets that clients connect to.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};

#[cfg(unix)]
use super::unix::{UnixSocket, UnixStream};
use super::{Address, tcp};
use crate::config::{Bind, Listener};
use crate::running::StartError;

/// A socket that clients connect to.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixSocket),
}

/// A connection that was just accepted.
pub(super) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Opens a listener's sockets. `earlier` are those that are open already.
///
/// # Errors
/// One line that says which, and what to do.
pub(crate) async fn open(
    listener: &Listener,
    earlier: &[SocketAddr],
) -> Result<Vec<Socket>, StartError> {
    match &listener.bind {
        #[cfg(unix)]
        Bind::Unix(path) => Ok(vec![Socket::Unix(UnixSocket::open(path)?)]),
        #[cfg(not(unix))]
        Bind::Unix(path) => Err(StartError::Listen {
            address: path.display().to_string(),
            error: io::ErrorKind::Unsupported.into(),
            hint: "; this system has no Unix sockets for it".into(),
        }),
        _ => {
            let opened = tcp::open(listener, earlier).await?;
            Ok(opened.into_iter().map(Socket::Tcp).collect())
        }
    }
}

impl Socket {
    /// Its address and port; `None` for a Unix socket.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.local_addr().ok(),
            #[cfg(unix)]
            Self::Unix(_) => None,
        }
    }

    pub(super) async fn accept(&self) -> io::Result<(Stream, Address)> {
        match self {
            Self::Tcp(socket) => {
                let (stream, address) = socket.accept().await?;
                // Without it small packets wait for acknowledgements of
                // earlier ones. It fails only on a socket that is broken
                // anyway.
                let _ = stream.set_nodelay(true);
                Ok((Stream::Tcp(stream), address.into()))
            }
            #[cfg(unix)]
            Self::Unix(socket) => {
                let (stream, address) = socket.accept().await?;
                Ok((Stream::Unix(stream), address))
            }
        }
    }
}
