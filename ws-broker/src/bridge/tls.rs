//! TLS from this end: who the other broker is.

use std::io;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::SingleCertAndKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, InvalidMessage, SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::certificate::{self, ciphers};
use crate::config::BridgeTls;

/// Reads what a bridge's options name; an error is one line.
pub(super) fn read(tls: &BridgeTls) -> Result<ClientConfig, String> {
    let options = &tls.options;
    let (cafile, capath) = (options.cafile.as_deref(), options.capath.as_deref());
    let mut roots = certificate::read_authorities(cafile, capath)?;
    if tls.uses_os_certs {
        let found = rustls_native_certs::load_native_certs();
        let (added, _) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            let why = found.errors.first();
            let why = why.map_or("there are none".into(), ToString::to_string);
            return Err(format!(
                "bridge_tls_use_os_certs: cannot read the system's certificates: {why}"
            ));
        }
    }
    let mut provider = certificate::provider();
    if let Some(suites) = ciphers::choose(options, &provider.cipher_suites)?.suites {
        Arc::make_mut(&mut provider).cipher_suites = suites;
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone())
        .build()
        .map_err(|error| format!("the certificates to trust cannot be used: {error}"))?;
    let verifier: Arc<dyn ServerCertVerifier> = if tls.is_insecure {
        Arc::new(AnyName(verifier))
    } else {
        verifier
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(certificate::versions(options.version))
        .map_err(|_| "bridge_ciphers and bridge_tls_version leave nothing that can be spoken")?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match (&options.certfile, &options.keyfile) {
        (Some(certfile), Some(keyfile)) => {
            let key = certificate::certified_key(certfile, keyfile)?;
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key)))
        }
        _ => builder.with_no_client_auth(),
    };
    let alpn = tls.alpn.iter().map(|name| name.clone().into_bytes());
    config.alpn_protocols = alpn.collect();
    Ok(config)
}

/// Shakes hands with the broker on `host`; an error says why that fails.
pub(super) async fn connect(
    tls: &BridgeTls,
    host: &str,
    tcp: TcpStream,
) -> Result<TlsStream<TcpStream>, String> {
    // The files are read each time, so that new ones need no restart.
    let config = read(tls)?;
    let name = ServerName::try_from(host.to_owned());
    let name = name.map_err(|_| format!("{host} is no name that a certificate can be for"))?;
    let connected = TlsConnector::from(Arc::new(config)).connect(name, tcp);
    connected
        .await
        .map_err(|error| format!("TLS: {}", explain(&error)))
}

/// Says the frequent reasons as a person would.
fn explain(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return "it closes the connection; does it want a bridge_certfile?".into();
    }
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "nobody in bridge_cafile or bridge_capath vouches for its certificate".into()
        }
        Some(Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => "its certificate is for another host (bridge_insecure true does not look)".into(),
        Some(Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => "its certificate has expired".into(),
        Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            "it does not speak TLS on that port".into()
        }
        _ => error.to_string(),
    }
}

/// Takes a certificate for any host, if somebody who is trusted vouches for it.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified =
            self.0
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // The name is looked at last.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
