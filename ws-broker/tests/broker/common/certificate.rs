use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::soon;

/// A certificate for `localhost` by an authority of its own, as files.
pub(crate) struct Certificate {
    authority: CertificateDer<'static>,
    pub(crate) certfile: PathBuf,
    pub(crate) keyfile: PathBuf,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([]).expect("no names");
        // OpenSSL takes a certificate by one of the same name for its own.
        params
            .distinguished_name
            .push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).expect("an authority");
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(["localhost".into()]).expect("a name");
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        let file = |kind: &str, text: String| {
            let name = format!("broker-{}-{number}.{kind}", std::process::id());
            let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
            std::fs::write(&file, text).expect("the folder is there");
            file
        };
        Self {
            authority: authority.der().clone(),
            certfile: file("crt", certificate.pem()),
            keyfile: file("key", key.serialize_pem()),
        }
    }

    /// A listener's lines in a configuration file.
    pub(crate) fn lines(&self) -> String {
        let (certfile, keyfile) = (self.certfile.display(), self.keyfile.display());
        format!("certfile {certfile}\nkeyfile {keyfile}\n")
    }

    /// A connection over TLS of any version, as one who trusts the authority.
    pub(crate) async fn connect(&self, address: SocketAddr) -> TlsStream<TcpStream> {
        self.connect_with(rustls::ALL_VERSIONS, address).await
    }

    pub(crate) async fn connect_with(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        address: SocketAddr,
    ) -> TlsStream<TcpStream> {
        let connected = self.try_connect(versions, address).await;
        connected.expect("the broker shakes hands")
    }

    pub(crate) async fn try_connect(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        address: SocketAddr,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone()).expect("a certificate");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("versions that there are")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(address).await.expect("it accepts");
        stream.set_nodelay(true).expect("a working socket");
        let name = ServerName::try_from("localhost").expect("a name");
        let connect = TlsConnector::from(Arc::new(config)).connect(name, stream);
        soon("a handshake", connect).await
    }
}
