//! Why handshakes fail.

use std::io;

use rustls::AlertDescription as Alert;
use rustls::CertificateError as Bad;
use rustls::{Error, InvalidMessage, PeerIncompatible};

/// Says the frequent reasons as a person would.
pub(super) fn explain(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return io::Error::new(error.kind(), "the client closed its connection");
    }
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    let why = match inner {
        Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            "the client does not speak TLS"
        }
        Some(Error::AlertReceived(
            Alert::UnknownCA
            | Alert::BadCertificate
            | Alert::DecryptError
            | Alert::CertificateUnknown,
        )) => "the client does not trust the certificate",
        Some(Error::AlertReceived(Alert::CertificateExpired)) => {
            "the client takes the certificate for expired"
        }
        Some(Error::NoCertificatesPresented) => {
            "the client has shown no certificate, and require_certificate asks for one"
        }
        Some(Error::PeerIncompatible(
            PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::SupportedVersionsExtensionRequired,
        )) => "the client speaks no version of TLS that is spoken here; see tls_version",
        Some(Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon)) => {
            "the client has no cipher that is used here; see ciphers"
        }
        Some(Error::InvalidCertificate(bad)) => match of_client(bad) {
            Some(why) => why,
            None => return error,
        },
        _ => return error,
    };
    io::Error::new(error.kind(), why)
}

/// What is wrong with the certificate that a client has shown.
fn of_client(bad: &Bad) -> Option<&'static str> {
    Some(match bad {
        Bad::Expired | Bad::ExpiredContext { .. } => "the client's certificate has expired",
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
            "the client's certificate does not hold yet; is the clock of this machine right?"
        }
        Bad::Revoked => "the client's certificate is revoked, says crlfile",
        Bad::UnknownIssuer => "nobody in cafile or capath vouches for the client's certificate",
        Bad::UnknownRevocationStatus => {
            "crlfile has no list of who vouches for the client's certificate"
        }
        Bad::ExpiredRevocationList | Bad::ExpiredRevocationListContext { .. } => {
            "the list in crlfile has expired: put a new one there"
        }
        Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => {
            "the client's certificate is not one for clients (extended key usage)"
        }
        Bad::BadSignature => {
            "an authority of that name is in cafile or capath, but the client's certificate is \
             not signed with its key"
        }
        _ => return None,
    })
}
