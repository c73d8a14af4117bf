//! What a listener's options and the files that they name come to.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateRevocationListDer;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{RootCertStore, ServerConfig};

use super::client_dates::WithoutDates;
use super::key_log::KeyLogFile;
use super::revoked::Revoked;
use super::version1::WithVersion1;
use crate::certificate::{self, Dates, ciphers};
use crate::config::TlsOptions;

type Lists = Vec<CertificateRevocationListDer<'static>>;

/// What was read.
pub(super) struct Read {
    pub(super) config: Arc<ServerConfig>,
    /// What `crlfile` names, if it has an effect.
    pub(super) revoked: Revoked,
    /// When what is in the files holds.
    pub(super) dates: Vec<Dates>,
    /// What is odd, whatever the time.
    pub(super) warnings: Vec<String>,
}

/// Whether the options of the listener on `port` make sense; tells whether
/// there is TLS.
pub(super) fn check(options: &TlsOptions, port: u16) -> Result<bool, String> {
    let what = match (&options.certfile, &options.keyfile) {
        (Some(_), Some(_)) if !options.require_certificate => return Ok(true),
        (Some(_), Some(_)) if options.cafile.is_some() || options.capath.is_some() => {
            return Ok(true);
        }
        (Some(_), Some(_)) => {
            "require_certificate and no cafile or capath that says who vouches for clients"
        }
        (Some(_), None) => "a certfile and no keyfile: TLS needs both",
        (None, Some(_)) => "a keyfile and no certfile: TLS needs both",
        (None, None) if options.require_certificate => {
            "require_certificate and no certfile and keyfile: TLS needs them"
        }
        (None, None) if options.username.is_used() => {
            "a user name from certificates and no certfile and keyfile: TLS needs them"
        }
        (None, None) => return Ok(false),
    };
    Err(format!("the listener on port {port} has {what}"))
}

/// Reads the files; an error is one line.
pub(super) fn read(
    options: &TlsOptions,
    (certfile, keyfile): (&Path, &Path),
    key_log: Option<&Arc<KeyLogFile>>,
) -> Result<Read, String> {
    let mut key = certificate::certified_key(certfile, keyfile)?;
    let (cafile, capath) = (options.cafile.as_deref(), options.capath.as_deref());
    certificate::complete(&mut key, cafile, capath)?;
    let mut dates = vec![Dates::of_certificate(certfile, &key.cert[0])?];
    let mut provider = certificate::provider();
    let chosen = ciphers::choose(options, &provider.cipher_suites)?;
    if let Some(suites) = chosen.suites {
        Arc::make_mut(&mut provider).cipher_suites = suites;
    }
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(certificate::versions(options.version))
        .map_err(|_| "ciphers and tls_version leave nothing that can be spoken")?;
    let mut revoked = Revoked::default();
    let builder = if options.require_certificate {
        let (verifier, lists) = verifier(options, &mut dates)?;
        revoked = Revoked::of(&lists);
        builder.with_client_cert_verifier(verifier)
    } else {
        // It has no effect, and is wrong all the same if it cannot be read.
        if let Some(file) = &options.crlfile {
            certificate::read_revoked(file)?;
        }
        builder.with_no_client_auth()
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    config.ignore_client_order = chosen.is_ordered;
    if options.require_certificate {
        // A session that is resumed would not be looked at again: not whether
        // the certificate has expired, nor whether it is revoked.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    if let Some(key_log) = key_log {
        config.key_log = key_log.clone();
    }
    Ok(Read {
        config: Arc::new(config),
        revoked,
        dates,
        warnings: chosen.warnings,
    })
}

/// Who judges clients' certificates, and the lists of revoked ones that it
/// goes by.
fn verifier(
    options: &TlsOptions,
    dates: &mut Vec<Dates>,
) -> Result<(Arc<dyn ClientCertVerifier>, Lists), String> {
    let (cafile, capath) = (options.cafile.as_deref(), options.capath.as_deref());
    let provider = certificate::provider();
    let algorithms = provider.signature_verification_algorithms;
    let authorities = certificate::authorities(cafile, capath)?;
    let roots: Arc<RootCertStore> = certificate::read_authorities(cafile, capath)?.into();
    let mut builder = WebPkiClientVerifier::builder_with_provider(roots, provider);
    let mut lists = Vec::new();
    if let Some(file) = &options.crlfile {
        lists = certificate::read_revoked(file)?;
        for list in &lists {
            dates.push(Dates::of_list(file, list)?);
        }
        // As Mosquitto: of the certificate itself, and by a list that holds.
        builder = builder
            .with_crls(lists.clone())
            .only_check_end_entity_revocation()
            .enforce_revocation_expiration();
    }
    let mut others = builder.build().map_err(|error| {
        let file = options.crlfile.as_deref().or(cafile).or(capath);
        certificate::at(file.unwrap_or(Path::new("cafile")), error)
    })?;
    let has_dates = !options.disable_client_cert_date_checks;
    if !has_dates {
        others = Arc::new(WithoutDates(others));
    }
    let verifier = WithVersion1 {
        others,
        authorities,
        lists: lists.clone(),
        has_dates,
        algorithms,
    };
    Ok((Arc::new(verifier), lists))
}

/// What is odd about options that can be used.
pub(super) fn warnings(options: &TlsOptions, port: u16) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut warn = |what: &str| {
        warnings.push(format!("the listener on port {port} has {what}."));
    };
    if options.require_certificate {
        return warnings;
    }
    if options.username.is_used() {
        warn(
            "a user name from certificates without require_certificate: clients are not asked \
             for certificates, so that nobody can connect",
        );
    }
    if options.crlfile.is_some() {
        warn("a crlfile, which has no effect without require_certificate");
    }
    warnings
}
