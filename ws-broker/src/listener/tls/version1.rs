//! Clients' certificates of X.509's version 1, which webpki does not take.
//!
//! They have nothing in them but a name, a key and dates. The commands in
//! Mosquitto's manual make such ones (`openssl x509 -req` before OpenSSL 3.2),
//! and devices have them in their flash.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use x509_parser::asn1_rs::Any;
use x509_parser::prelude::{
    CertificateRevocationList, FromDer, SubjectPublicKeyInfo, X509Certificate, X509Version,
};

/// Takes them if an authority has signed them itself.
#[derive(Debug)]
pub(super) struct WithVersion1 {
    /// What judges all others.
    pub(super) others: Arc<dyn ClientCertVerifier>,
    pub(super) authorities: Vec<CertificateDer<'static>>,
    /// Lists of revoked certificates.
    pub(super) lists: Vec<CertificateRevocationListDer<'static>>,
    /// Whether a certificate must hold now.
    pub(super) has_dates: bool,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for WithVersion1 {
    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match version1(certificate) {
            None => self.others.verify_client_cert(certificate, others, now),
            Some(parsed) => {
                self.judge(certificate, &parsed, now)?;
                Ok(ClientCertVerified::assertion())
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let Some(parsed) = version1(certificate) else {
            return self
                .others
                .verify_tls12_signature(message, certificate, signed);
        };
        let schemes = self.algorithms.mapping.iter();
        let possible = schemes.filter(|(scheme, _)| *scheme == signed.scheme);
        let (id, key) = key(parsed.public_key()).ok_or(CertificateError::BadEncoding)?;
        let is_right = possible
            .flat_map(|(_, algorithms)| *algorithms)
            .any(|algorithm| {
                *algorithm.public_key_alg_id() == *id
                    && algorithm
                        .verify_signature(key, message, signed.signature())
                        .is_ok()
            });
        if is_right {
            Ok(HandshakeSignatureValid::assertion())
        } else {
            Err(CertificateError::BadSignature.into())
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let Some(parsed) = version1(certificate) else {
            return self
                .others
                .verify_tls13_signature(message, certificate, signed);
        };
        let key = SubjectPublicKeyInfoDer::from(parsed.public_key().raw);
        verify_tls13_signature_with_raw_key(message, &key, signed, &self.algorithms)
    }

    fn offer_client_auth(&self) -> bool {
        self.others.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.others.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.others.root_hint_subjects()
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.others.supported_verify_schemes()
    }
}

impl WithVersion1 {
    /// As webpki judges others: who has signed it, when it holds, and whether
    /// it is revoked.
    fn judge(
        &self,
        certificate: &CertificateDer<'_>,
        parsed: &X509Certificate<'_>,
        now: UnixTime,
    ) -> Result<(), CertificateError> {
        let authorities = self.authorities.iter();
        let authorities = authorities.filter_map(|der| X509Certificate::from_der(der).ok());
        let named = authorities
            .map(|(_, authority)| authority)
            .filter(|authority| {
                // In version 1 nothing says who is one.
                (authority.is_ca() || authority.version() == X509Version::V1)
                    && authority.subject() == parsed.issuer()
            });
        let named: Vec<_> = named.collect();
        if named.is_empty() {
            return Err(CertificateError::UnknownIssuer);
        }
        let mut named = named.iter();
        let Some(authority) = named.find(|a| self.has_signed(a.public_key(), certificate)) else {
            return Err(CertificateError::BadSignature);
        };
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if self.has_dates && now < parsed.validity().not_before.timestamp() {
            return Err(CertificateError::NotValidYet);
        }
        if self.has_dates && now > parsed.validity().not_after.timestamp() {
            return Err(CertificateError::Expired);
        }
        if self.lists.is_empty() {
            return Ok(());
        }
        for der in &self.lists {
            let Ok((_, list)) = CertificateRevocationList::from_der(der) else {
                continue;
            };
            // What is critical may say that the list is not for all.
            if list.issuer() != parsed.issuer()
                || list.extensions().iter().any(|extension| extension.critical)
                || !self.has_signed(authority.public_key(), der)
            {
                continue;
            }
            if list.next_update().is_none_or(|next| next.timestamp() < now) {
                return Err(CertificateError::ExpiredRevocationList);
            }
            let mut revoked = list.iter_revoked_certificates();
            if revoked.any(|revoked| revoked.user_certificate == parsed.serial) {
                return Err(CertificateError::Revoked);
            }
            return Ok(());
        }
        Err(CertificateError::UnknownRevocationStatus)
    }

    /// Whether something is signed with a key, in a way that is still safe.
    fn has_signed(&self, by: &SubjectPublicKeyInfo<'_>, der: &[u8]) -> bool {
        let (Some((key_id, key)), Some(signed)) = (key(by), Signed::read(der)) else {
            return false;
        };
        self.algorithms.all.iter().any(|algorithm| {
            *algorithm.public_key_alg_id() == *key_id
                && *algorithm.signature_alg_id() == *signed.algorithm
                && algorithm
                    .verify_signature(key, signed.message, signed.signature)
                    .is_ok()
        })
    }
}

/// A certificate, if it is of this version.
fn version1<'a>(certificate: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    (parsed.version() == X509Version::V1).then_some(parsed)
}

/// A certificate or a list (RFC 5280, sections 4.1 and 5.1).
struct Signed<'a> {
    message: &'a [u8],
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let (_, all) = Any::from_der(der).ok()?;
        let (after, _) = Any::from_der(all.data).ok()?;
        let message = all.data.get(..all.data.len() - after.len())?;
        let (after, algorithm) = Any::from_der(after).ok()?;
        Some(Self {
            message,
            algorithm: algorithm.data,
            signature: bits(after)?,
        })
    }
}

/// A key's algorithm and its bits (section 4.1.2.7).
fn key<'a>(key: &SubjectPublicKeyInfo<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let (_, all) = Any::from_der(key.raw).ok()?;
    let (after, algorithm) = Any::from_der(all.data).ok()?;
    Some((algorithm.data, bits(after)?))
}

/// A whole number of bytes as a BIT STRING.
fn bits(der: &[u8]) -> Option<&[u8]> {
    let (_, bits) = Any::from_der(der).ok()?;
    match bits.data {
        [0, bytes @ ..] => Some(bytes),
        _ => None,
    }
}
