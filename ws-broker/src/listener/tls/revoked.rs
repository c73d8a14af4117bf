//! Which certificates are revoked, for clients that are here already.

use std::collections::HashSet;

use foldhash::fast::RandomState;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate, X509Name};

/// A certificate as lists of revoked ones know it: who has issued it, and its
/// number there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Serial {
    issuer: Box<[u8]>,
    number: Box<[u8]>,
}

impl Serial {
    fn new(issuer: &X509Name<'_>, number: &[u8]) -> Self {
        Self {
            issuer: issuer.as_raw().into(),
            number: number.into(),
        }
    }

    /// That of what a client has shown, itself first.
    pub(super) fn of(chain: Option<&[CertificateDer<'_>]>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(chain?.first()?).ok()?;
        Some(Self::new(certificate.issuer(), certificate.raw_serial()))
    }
}

/// All that lists name. They are the operator's own files: who has signed them
/// is looked at when a client shakes hands.
#[derive(Debug, Default)]
pub(super) struct Revoked(HashSet<Serial, RandomState>);

impl Revoked {
    pub(super) fn of(lists: &[CertificateRevocationListDer<'_>]) -> Self {
        let mut all = HashSet::default();
        for der in lists {
            if let Ok((_, list)) = CertificateRevocationList::from_der(der) {
                let issuer = list.issuer();
                let revoked = list.iter_revoked_certificates();
                all.extend(revoked.map(|revoked| Serial::new(issuer, revoked.raw_serial())));
            }
        }
        Self(all)
    }

    pub(super) fn has(&self, serial: &Serial) -> bool {
        self.0.contains(serial)
    }
}
