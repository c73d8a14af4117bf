//! A socket that never waits, with or without TLS.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use mio::event::Source;
use mio::{Interest, Registry, Token};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

/// How to speak TLS to a broker that has the certificate in this file.
pub(crate) fn tls(certificate: &Path) -> Result<Arc<ClientConfig>> {
    let pem =
        fs::read(certificate).with_context(|| format!("cannot read {}", certificate.display()))?;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&pem)?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// What TLS remembers of a connection.
pub(crate) type Session = Box<ClientConnection>;

/// A session for a connection to this machine.
pub(crate) fn session(config: &Arc<ClientConfig>) -> Result<Session> {
    let name = ServerName::try_from("localhost")?;
    Ok(Box::new(ClientConnection::new(config.clone(), name)?))
}

/// Reads while waiting, before there is a [`Stream`].
pub(crate) fn read_waiting(
    mut socket: &TcpStream,
    session: Option<&mut Session>,
    buf: &mut [u8],
) -> io::Result<usize> {
    match session {
        Some(session) => rustls::Stream::new(&mut **session, &mut socket).read(buf),
        None => socket.read(buf),
    }
}

/// Writes all while waiting, before there is a [`Stream`].
pub(crate) fn write_waiting(
    mut socket: &TcpStream,
    session: Option<&mut Session>,
    bytes: &[u8],
) -> io::Result<()> {
    match session {
        Some(session) => {
            let mut stream = rustls::Stream::new(&mut **session, &mut socket);
            stream.write_all(bytes)?;
            stream.flush()
        }
        None => socket.write_all(bytes),
    }
}

/// A connection that has been opened.
pub(crate) struct Stream {
    socket: mio::net::TcpStream,
    session: Option<Session>,
}

impl Stream {
    pub(crate) fn new(socket: TcpStream, session: Option<Session>) -> Result<Stream> {
        socket.set_nonblocking(true)?;
        Ok(Stream {
            socket: mio::net::TcpStream::from_std(socket),
            session,
        })
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.socket.register(registry, token, interest)
    }

    /// Whether a read that gets less than it could has got all there was.
    pub(crate) fn is_plain(&self) -> bool {
        self.session.is_none()
    }

    /// Whether something that was written is still here.
    pub(crate) fn holds_back(&self) -> bool {
        self.session.as_ref().is_some_and(|s| s.wants_write())
    }

    pub(crate) fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Some(session) = &mut self.session else {
            return self.socket.read(buf);
        };
        loop {
            match session.reader().read(buf) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            if session.read_tls(&mut self.socket)? == 0 {
                return Ok(0);
            }
            session.process_new_packets().map_err(io::Error::other)?;
        }
    }

    /// Writes until all has gone, or no more goes now; `WouldBlock` when that
    /// was nothing.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(session) = &mut self.session else {
            return self.socket.write(bytes);
        };
        let mut written = 0;
        loop {
            written += session.writer().write(&bytes[written..])?;
            while session.wants_write() {
                match session.write_tls(&mut self.socket) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock && written > 0 => {
                        return Ok(written);
                    }
                    Err(error) => return Err(error),
                    Ok(_) => {}
                }
            }
            if written == bytes.len() {
                return Ok(written);
            }
        }
    }
}
