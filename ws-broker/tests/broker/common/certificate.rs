use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, SigningKey,
};
use rustls::client::WantsClientCert;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::asn1_rs::Any;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::soon;

/// A certificate for `localhost` by an authority of its own, as files.
pub(crate) struct Certificate {
    authority: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    pub(crate) cafile: PathBuf,
    pub(crate) certfile: PathBuf,
    pub(crate) keyfile: PathBuf,
}

/// A client's certificate and its key.
pub(crate) struct ClientCertificate {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
    serial: u64,
}

impl ClientCertificate {
    /// With somebody else's certificate, which is not that of the key.
    pub(crate) fn with_chain_of(mut self, other: &Self) -> Self {
        self.chain.clone_from(&other.chain);
        self
    }

    /// With another signature.
    pub(crate) fn with_a_bit_flipped(mut self) -> Self {
        let mut der = self.chain[0].to_vec();
        *der.last_mut().expect("it is not empty") ^= 1;
        self.chain = vec![der.into()];
        self
    }
}

impl Certificate {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([]).expect("no names");
        // OpenSSL takes a certificate by one of the same name for its own.
        let name = format!("authority {}", number());
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority = params.self_signed(&key).expect("an authority");
        let certificate = Self {
            authority: authority.der().clone(),
            issuer: Issuer::new(params, key),
            cafile: file("ca", &authority.pem()),
            certfile: file("crt", ""),
            keyfile: file("key", ""),
        };
        certificate.renew();
        certificate
    }

    /// Puts another certificate, with another key, into the files; gives it.
    pub(crate) fn renew(&self) -> CertificateDer<'static> {
        self.renew_with(|_| {})
    }

    pub(crate) fn renew_with(
        &self,
        set_up: impl FnOnce(&mut CertificateParams),
    ) -> CertificateDer<'static> {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(["localhost".into()]).expect("a name");
        set_up(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        std::fs::write(&self.certfile, certificate.pem()).expect("the file is there");
        std::fs::write(&self.keyfile, key.serialize_pem()).expect("the file is there");
        certificate.der().clone()
    }

    /// Waits until the broker shows a certificate.
    pub(crate) async fn shown(&self, certificate: &CertificateDer<'_>, address: SocketAddr) {
        let shown = async {
            loop {
                let stream = self.connect(address).await;
                let (_, connection) = stream.get_ref();
                let chain = connection.peer_certificates().expect("a certificate");
                if chain[0] == *certificate {
                    return;
                }
            }
        };
        soon("another certificate", shown).await;
    }

    /// A listener's lines in a configuration file.
    pub(crate) fn lines(&self) -> String {
        let (certfile, keyfile) = (self.certfile.display(), self.keyfile.display());
        format!("certfile {certfile}\nkeyfile {keyfile}\n")
    }

    /// As [`Certificate::lines`], for clients with certificates.
    pub(crate) fn lines_for_clients(&self) -> String {
        let (lines, cafile) = (self.lines(), self.cafile.display());
        format!("{lines}cafile {cafile}\nrequire_certificate true\n")
    }

    /// A certificate for a client.
    pub(crate) fn client(&self, name: &[(DnType, &str)]) -> ClientCertificate {
        self.client_with(|params| {
            for (kind, value) in name {
                params.distinguished_name.push(kind.clone(), *value);
            }
        })
    }

    pub(crate) fn client_with(
        &self,
        set_up: impl FnOnce(&mut CertificateParams),
    ) -> ClientCertificate {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([]).expect("no names");
        params.distinguished_name = rcgen::DistinguishedName::new();
        let serial = number();
        params.serial_number = Some(SerialNumber::from(serial));
        set_up(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        ClientCertificate {
            chain: vec![certificate.der().clone()],
            key,
            serial,
        }
    }

    /// A certificate of X.509's version 1 for a client, as `openssl x509 -req`
    /// makes it.
    pub(crate) fn client_of_version_1(&self, name: &[(DnType, &str)]) -> ClientCertificate {
        let mut client = self.client(name);
        let (_, parsed) = X509Certificate::from_der(&client.chain[0]).expect("a certificate");
        // Without the version at the beginning and the extensions at the end,
        // which come behind the key.
        let (_, signed) = Any::from_der(parsed.tbs_certificate.as_ref()).expect("a sequence");
        let (signed, version) = Any::from_der(signed.data)
            .map(|(rest, version)| (rest, version.tag().0))
            .expect("a version");
        assert_eq!(version, 0);
        let key = parsed.public_key().raw;
        let end = signed.windows(key.len()).position(|part| part == key);
        let signed = sequence(&[&signed[..end.expect("a key") + key.len()]]);
        let signature = self.issuer.key().sign(&signed).expect("a signature");
        let (rest, _) = Any::from_der(&client.chain[0])
            .and_then(|(_, all)| Any::from_der(all.data))
            .expect("a sequence");
        let (after, _) = Any::from_der(rest).expect("an algorithm");
        let algorithm = &rest[..rest.len() - after.len()];
        let len = u8::try_from(signature.len() + 1).expect("it is short");
        let bits = [&[3, len, 0], &signature[..]].concat();
        client.chain = vec![sequence(&[&signed, algorithm, &bits]).into()];
        client
    }

    /// Writes the list of certificates that are revoked.
    pub(crate) fn revoke(&self, crlfile: &Path, clients: &[&ClientCertificate]) {
        let now = SystemTime::now();
        let revoked = clients.iter().map(|client| RevokedCertParams {
            serial_number: SerialNumber::from(client.serial),
            revocation_time: now.into(),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: (now - Duration::from_secs(3600)).into(),
            next_update: (now + Duration::from_secs(1000 * 24 * 3600)).into(),
            crl_number: SerialNumber::from(number()),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.issuer).expect("a list");
        std::fs::write(crlfile, list.pem().expect("text")).expect("the folder is there");
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
        self.try_connect_as(versions, None, address).await
    }

    /// A connection with a certificate of the client.
    pub(crate) async fn connect_as(
        &self,
        client: &ClientCertificate,
        address: SocketAddr,
    ) -> TlsStream<TcpStream> {
        let connected = self.try_connect_as(rustls::ALL_VERSIONS, Some(client), address);
        connected.await.expect("the broker shakes hands")
    }

    /// In TLS 1.3 a client whose certificate is refused hears of it with what
    /// it reads next.
    pub(crate) async fn try_connect_as(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        client: Option<&ClientCertificate>,
        address: SocketAddr,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let config = trusting(&self.authority, versions);
        let config = match client {
            None => config.with_no_client_auth(),
            Some(client) => {
                let key = PrivateKeyDer::try_from(client.key.serialize_der()).expect("a key");
                let key = ring::sign::any_supported_type(&key).expect("a key");
                // Whether it is the certificate's is the broker's to judge.
                let certified = CertifiedKey::new(client.chain.clone(), key);
                config.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified)))
            }
        };
        connect(config, "localhost", address).await
    }
}

/// Somebody who trusts an authority.
pub(crate) struct Trusting(CertificateDer<'static>);

impl Trusting {
    pub(crate) fn new(cafile: &Path) -> Self {
        Self(CertificateDer::from_pem_file(cafile).expect("a certificate"))
    }

    pub(crate) async fn connect(
        &self,
        name: &'static str,
        address: SocketAddr,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let config = trusting(&self.0, rustls::ALL_VERSIONS).with_no_client_auth();
        connect(config, name, address).await
    }
}

fn trusting(
    authority: &CertificateDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone()).expect("a certificate");
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .expect("versions that there are")
        .with_root_certificates(roots)
}

async fn connect(
    config: ClientConfig,
    name: &'static str,
    address: SocketAddr,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await.expect("it accepts");
    stream.set_nodelay(true).expect("a working socket");
    let name = ServerName::try_from(name).expect("a name");
    let connect = TlsConnector::from(Arc::new(config)).connect(name, stream);
    soon("a handshake", connect).await
}

/// A SEQUENCE in DER, of 128 bytes or more.
fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let len = u16::try_from(content.len()).expect("it is short");
    let [high, low] = len.to_be_bytes();
    let head = match high {
        0 => vec![0x30, 0x81, low],
        _ => vec![0x30, 0x82, high, low],
    };
    [head, content].concat()
}

fn number() -> u64 {
    static COUNT: AtomicUsize = AtomicUsize::new(1);
    COUNT.fetch_add(1, Ordering::Relaxed) as u64
}

fn file(kind: &str, text: &str) -> PathBuf {
    let name = format!("broker-{}-{}.{kind}", std::process::id(), number());
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, text).expect("the folder is there");
    file
}
