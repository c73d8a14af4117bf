//! The keys of a listener that are about TLS.

use std::path::PathBuf;

use super::values::boolean;

/// What a listener's TLS is made of; without a certificate and a key it has
/// none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// The certificate and those that vouch for it, as a PEM file; together
    /// with [`TlsOptions::keyfile`] it makes a listener speak TLS.
    pub certfile: Option<PathBuf>,
    /// The certificate's private key, as a PEM file.
    pub keyfile: Option<PathBuf>,
    /// Who vouches for clients, as a PEM file.
    pub cafile: Option<PathBuf>,
    /// Who vouches for clients, as a folder of PEM files.
    pub capath: Option<PathBuf>,
    /// The certificates of clients that are revoked, as a PEM file.
    pub crlfile: Option<PathBuf>,
    /// Whether a client must have a certificate. As in Mosquitto, none is
    /// asked for one otherwise.
    pub require_certificate: bool,
    /// Whether a client's certificate may have expired, or hold from later on.
    pub disable_client_cert_date_checks: bool,
    /// What a client's certificate says of its user name.
    pub username: CertificateUsername,
    /// The lowest version of TLS.
    pub version: TlsVersion,
    /// What TLS 1.2 may encrypt with, by OpenSSL's names.
    pub ciphers: Option<String>,
    /// What TLS 1.3 may encrypt with.
    pub ciphers_tls13: Option<String>,
}

/// Where a client's user name comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CertificateUsername {
    /// `use_identity_as_username`: it is the common name of its certificate.
    pub is_identity: bool,
    /// `use_subject_as_username`: it is the whole subject, unless it is the
    /// common name.
    pub is_subject: bool,
}

/// The lowest version of TLS that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2, and 1.3 too.
    #[default]
    V1_2,
    /// TLS 1.3 only.
    V1_3,
}

impl TlsVersion {
    /// What `tls_version` says.
    pub(super) fn parse(key: &str, value: &str) -> Result<Self, String> {
        match value {
            "tlsv1.2" => Ok(Self::V1_2),
            "tlsv1.3" => Ok(Self::V1_3),
            _ => Err(format!(
                "{key} is tlsv1.2 or tlsv1.3, not \"{value}\": older ones are not safe any more"
            )),
        }
    }
}

impl CertificateUsername {
    /// Whether a certificate says it at all.
    pub const fn is_used(self) -> bool {
        self.is_identity || self.is_subject
    }
}

impl TlsOptions {
    /// No TLS.
    pub const NONE: Self = Self {
        certfile: None,
        keyfile: None,
        cafile: None,
        capath: None,
        crlfile: None,
        require_certificate: false,
        disable_client_cert_date_checks: false,
        username: CertificateUsername {
            is_identity: false,
            is_subject: false,
        },
        version: TlsVersion::V1_2,
        ciphers: None,
        ciphers_tls13: None,
    };

    /// Whether the listener speaks TLS.
    pub const fn is_on(&self) -> bool {
        self.certfile.is_some() && self.keyfile.is_some()
    }

    /// Takes what a line of the file says; tells whether it is about TLS.
    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<bool, String> {
        match key {
            "cafile" => self.cafile = Some(value.into()),
            "capath" => self.capath = Some(value.into()),
            "certfile" => self.certfile = Some(value.into()),
            "ciphers" => self.ciphers = Some(value.into()),
            "ciphers_tls1.3" => self.ciphers_tls13 = Some(value.into()),
            "crlfile" => self.crlfile = Some(value.into()),
            "disable_client_cert_date_checks" => {
                self.disable_client_cert_date_checks = boolean(key, value)?;
            }
            "keyfile" => self.keyfile = Some(value.into()),
            "require_certificate" => self.require_certificate = boolean(key, value)?,
            "tls_keyform" if value == "pem" => {}
            "tls_keyform" => {
                return Err(format!(
                    "tls_keyform is pem, not \"{value}\": put the private key into keyfile"
                ));
            }
            "tls_version" => self.version = TlsVersion::parse(key, value)?,
            "use_identity_as_username" => self.username.is_identity = boolean(key, value)?,
            "use_subject_as_username" => self.username.is_subject = boolean(key, value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}
