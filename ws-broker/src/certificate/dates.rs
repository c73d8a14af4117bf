//! When certificates, and lists of revoked ones, hold.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::prelude::{ASN1Time, CertificateRevocationList, FromDer};

use super::files::{at, parse};

/// How long before its end a certificate is warned of, seconds; whoever renews
/// certificates does it earlier. One that is short-lived has a quarter of its
/// time left then.
const SOON: i64 = 14 * 24 * 3600;

/// When something that was read from a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dates {
    file: PathBuf,
    what: &'static str,
    from: ASN1Time,
    until: Option<ASN1Time>,
}

impl Dates {
    /// Those of a certificate.
    pub(crate) fn of_certificate(
        file: &Path,
        certificate: &CertificateDer<'_>,
    ) -> Result<Self, String> {
        let certificate = parse(file, certificate)?;
        Ok(Self {
            file: file.into(),
            what: "the certificate",
            from: certificate.validity().not_before,
            until: Some(certificate.validity().not_after),
        })
    }

    /// Those of a list of revoked certificates.
    pub(crate) fn of_list(
        file: &Path,
        list: &CertificateRevocationListDer<'_>,
    ) -> Result<Self, String> {
        let Ok((_, list)) = CertificateRevocationList::from_der(list) else {
            let why = "what is in it is not a list of revoked certificates";
            return Err(at(file, why));
        };
        Ok(Self {
            file: file.into(),
            what: "the list of revoked certificates",
            from: list.last_update(),
            until: list.next_update(),
        })
    }

    /// What a person should know of it now.
    pub(crate) fn worry(&self, now: i64) -> Option<String> {
        let date = |time: &ASN1Time| time.to_datetime().date();
        let from = self.from.timestamp();
        let why = match &self.until {
            _ if now < from => format!("holds only from {} on", date(&self.from)),
            Some(until) if now > until.timestamp() => format!("has expired on {}", date(until)),
            Some(until) if until.timestamp() - now < SOON.min((until.timestamp() - from) / 4) => {
                format!("expires on {}: renew it", date(until))
            }
            _ => return None,
        };
        Some(at(&self.file, format!("{} {why}.", self.what)))
    }

    /// The day it ends, for a person.
    pub(crate) fn until(&self) -> String {
        match &self.until {
            Some(until) => until.to_datetime().date().to_string(),
            None => "further notice".into(),
        }
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs().try_into().unwrap_or(i64::MAX))
}
