//! TLS: certificates and keys from files, and handshakes.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{AlertDescription, InvalidMessage, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::Listener;
use crate::running::StartError;

/// How long a client may take for a handshake. Small devices need seconds.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(20);

/// What a listener needs to speak TLS 1.2 and 1.3.
#[derive(Clone, Debug)]
pub(crate) struct Tls(Arc<ServerConfig>);

/// Reads a listener's certificate and key; `None` if it has neither.
pub(crate) fn read(listener: &Listener) -> Result<Option<Tls>, StartError> {
    let (certfile, keyfile) = match (&listener.certfile, &listener.keyfile) {
        (None, None) => return Ok(None),
        (Some(certfile), Some(keyfile)) => (certfile, keyfile),
        (one, _) => {
            let (has, lacks) = match one {
                Some(_) => ("certfile", "keyfile"),
                None => ("keyfile", "certfile"),
            };
            let port = listener.port;
            return Err(StartError::Tls(format!(
                "the listener on port {port} has a {has} and no {lacks}: TLS needs both"
            )));
        }
    };
    let failure =
        |file: &Path, what: String| StartError::Tls(format!("{}: {what}", file.display()));
    let certificates = CertificateDer::pem_file_iter(certfile)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| failure(certfile, unreadable("certificate", &error)))?;
    if certificates.is_empty() {
        return Err(failure(
            certfile,
            unreadable("certificate", &pem::Error::NoItemsFound),
        ));
    }
    let key = PrivateKeyDer::from_pem_file(keyfile)
        .map_err(|error| failure(keyfile, unreadable("private key", &error)))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(certificates, key)
        })
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                let certfile = certfile.display();
                failure(
                    keyfile,
                    format!("not the key of the certificate in {certfile}"),
                )
            }
            rustls::Error::InvalidCertificate(_) => failure(certfile, error.to_string()),
            _ => failure(keyfile, error.to_string()),
        })?;
    Ok(Some(Tls(Arc::new(config))))
}

fn unreadable(what: &str, error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => format!("cannot read the {what}: {error}"),
        pem::Error::NoItemsFound => {
            format!("there is no {what} in it: a PEM file is wanted, without a passphrase")
        }
        error => format!("cannot read the {what}: {error}"),
    }
}

impl Tls {
    /// Shakes hands with a client.
    ///
    /// # Errors
    /// The client does not, or not in time; displays as what a person can do
    /// something with.
    pub(super) async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let accept = TlsAcceptor::from(self.0.clone()).accept(stream);
        match tokio::time::timeout(HANDSHAKE_TIMEOUT, accept).await {
            Ok(accepted) => accepted.map_err(explain),
            Err(_) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("not done after {} s", HANDSHAKE_TIMEOUT.as_secs()),
            )),
        }
    }
}

/// Says the frequent reasons as a person would.
fn explain(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return io::Error::new(error.kind(), "the client closed its connection");
    }
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    let why = match inner {
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            "the client does not speak TLS"
        }
        Some(rustls::Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::DecryptError
            | AlertDescription::CertificateUnknown,
        )) => "the client does not trust the certificate",
        Some(rustls::Error::AlertReceived(AlertDescription::CertificateExpired)) => {
            "the client takes the certificate for expired"
        }
        _ => return error,
    };
    io::Error::new(error.kind(), why)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, generate_simple_self_signed};

    use super::*;
    use crate::config::Protocol;

    #[tokio::test(start_paused = true)]
    async fn a_handshake_has_a_time_limit() {
        let folder = std::env::temp_dir();
        let file = |name: &str, text: String| {
            let file = folder.join(format!("ws-broker-{name}-{}", std::process::id()));
            std::fs::write(&file, text).unwrap();
            Some(file)
        };
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".into()]).unwrap();
        let tls = read(&Listener {
            certfile: file("certificate", cert.pem()),
            keyfile: file("key", signing_key.serialize_pem()),
            ..Listener::new(0, Protocol::Mqtt)
        });
        let (near, _far) = tokio::io::duplex(100);
        let start = tokio::time::Instant::now();
        let error = tls.unwrap().unwrap().accept(near).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed(), HANDSHAKE_TIMEOUT);
    }
}
