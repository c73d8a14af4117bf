//! `disable_client_cert_date_checks`: certificates of clients whose clock, or
//! whose owner, is late.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Takes certificates that held, or will hold, at some time.
#[derive(Debug)]
pub(super) struct WithoutDates(pub(super) Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for WithoutDates {
    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.0.verify_client_cert(certificate, others, now);
        let Err(Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        )) = verified
        else {
            return verified;
        };
        match common_time(certificate, others) {
            Some(then) => self.0.verify_client_cert(certificate, others, then),
            None => verified,
        }
    }

    fn offer_client_auth(&self) -> bool {
        self.0.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.0.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
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

/// A time at which all of them hold.
fn common_time(
    certificate: &CertificateDer<'_>,
    others: &[CertificateDer<'_>],
) -> Option<UnixTime> {
    let (mut from, mut until) = (0, i64::MAX);
    for certificate in std::iter::once(certificate).chain(others) {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        from = from.max(certificate.validity().not_before.timestamp());
        until = until.min(certificate.validity().not_after.timestamp());
    }
    let from = u64::try_from(from).ok().filter(|_| from <= until)?;
    Some(UnixTime::since_unix_epoch(Duration::from_secs(from)))
}
