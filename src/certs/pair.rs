//! A certificate with its chain in a file, `NAME.pem`, read and checked against its key and its issuer.
//!
//! Before the chain of a CA stands which directory it came from: certificates of another one are not taken for its own.

use super::keyfile::{self, Key};
use super::plan::Held;
use super::{CertError, InternalCa, Issuer, Served, Slot};
use crate::base::{Domain, Timestamp, file, limits};
use crate::cases::Issue;
use rcgen::{KeyPair, PublicKeyData as _};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::sign::CertifiedKey;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// The internal root's name among the files.
pub(super) const ROOT: &str = "internal-root";
/// What stands before the directory of the CA.
const DIRECTORY: &str = "directory: ";

/// Who should have issued what is not self-signed.
pub(super) struct Expected<'a> {
    pub(super) issuer: Issuer,
    pub(super) ca: Option<&'a InternalCa>,
    /// Of the CA, with [`Issuer::Acme`].
    pub(super) directory: &'a str,
}

/// A certificate as it lies in its file.
pub(super) struct Pair {
    /// As it is served.
    pub(super) served: Served,
    /// As the plan sees it.
    pub(super) held: Held,
    /// Who issued it, in the words of the certificate.
    pub(super) issuer: String,
    /// Its serial number, in hexadecimal.
    pub(super) serial: String,
}

/// The chain as it is in a file.
#[derive(Clone)]
pub(super) struct Chain {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    /// The directory of the CA that it came from.
    pub(super) directory: Option<String>,
}

impl Chain {
    pub(super) fn write(&self, directory: &Path, slot: Slot) -> Result<(), CertError> {
        let ca = self.directory.as_deref();
        let mut text = ca.map_or_else(String::new, |ca| format!("{DIRECTORY}{ca}\n"));
        for certificate in &self.certificates {
            text.push_str(&file::pem("CERTIFICATE", certificate));
        }
        let path = directory.join(format!("{slot}.pem"));
        Ok(file::write(&path, text.as_bytes())?)
    }

    /// The chain in this file, at least one certificate; `None` when there is no file.
    fn read(path: &Path) -> Result<Option<Self>, CertError> {
        let Some(text) = file::read(path, limits::KEY_FILE)? else {
            return Ok(None);
        };
        let certificates = CertificateDer::pem_slice_iter(text.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .ok()
            .filter(|chain| !chain.is_empty());
        let certificates = certificates
            .ok_or_else(|| CertError(format!("{}: holds no whole certificate", path.display())))?;
        let directory = text.lines().find_map(|line| line.strip_prefix(DIRECTORY));
        Ok(Some(Self {
            certificates,
            directory: directory.map(|url| url.trim().to_owned()),
        }))
    }
}

pub(super) fn load_ca(directory: &Path, now: Timestamp) -> Result<Option<InternalCa>, CertError> {
    let key = keyfile::load(directory, ROOT, now)?;
    let Some(chain) = read_with_key(directory, ROOT, key.as_ref().map(|key| &key.pair))? else {
        return Ok(None);
    };
    let path = directory.join(format!("{ROOT}.pem"));
    let wrong = |why: &str| CertError(format!("{}: {why}", path.display()));
    let (Ok([root]), Some(key)) = (<[_; 1]>::try_from(chain.certificates), key) else {
        return Err(wrong("holds more than one certificate"));
    };
    let ca = InternalCa::new(root, key.pair).map_err(|error| wrong(&error.0))?;
    Ok(Some(ca))
}

/// The certificate of this slot; `None` when there is none yet.
pub(super) fn load(
    directory: &Path,
    slot: Slot,
    key: Option<&Key>,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<Option<Pair>, CertError> {
    let key = key.map(|key| &key.pair);
    match (read_with_key(directory, slot.label(), key)?, key) {
        (Some(chain), Some(key)) => pair(slot, &chain, key, expected, now).map(Some),
        _ => Ok(None),
    }
}

/// Whether the certificate in a slot's file is of this key.
pub(super) fn is_of(directory: &Path, slot: Slot, key: &KeyPair) -> Result<bool, CertError> {
    let path = directory.join(format!("{slot}.pem"));
    let Ok(Some(chain)) = Chain::read(&path) else {
        return Ok(false);
    };
    let name = path.display().to_string();
    let certificate = parse(first(&chain.certificates, &name)?, &name)?;
    Ok(certificate.public_key().raw == key.subject_public_key_info())
}

fn first<'a>(
    chain: &'a [CertificateDer<'static>],
    name: &str,
) -> Result<&'a CertificateDer<'static>, CertError> {
    chain
        .first()
        .ok_or_else(|| CertError(format!("{name}: no certificate")))
}

/// The chain in a file, which is of this key.
fn read_with_key(
    directory: &Path,
    name: &str,
    key: Option<&KeyPair>,
) -> Result<Option<Chain>, CertError> {
    let path = directory.join(format!("{name}.pem"));
    let wrong = |why: &str| CertError(format!("{}: {why}", path.display()));
    let Some(chain) = Chain::read(&path)? else {
        return Ok(None);
    };
    let key = key.ok_or_else(|| wrong(&format!("is there, but not its key {name}.key")))?;
    let shown = path.display().to_string();
    let certificate = parse(first(&chain.certificates, &shown)?, &shown)?;
    if certificate.public_key().raw != key.subject_public_key_info() {
        return Err(wrong(&format!("is not of the key in {name}.key")));
    }
    Ok(Some(chain))
}

pub(super) fn pair(
    slot: Slot,
    chain: &Chain,
    key: &KeyPair,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<Pair, CertError> {
    let issued_right = issued_right(slot, chain, expected, now)?;
    let certificate = parse(first(&chain.certificates, slot.label())?, slot.label())?;
    let (not_before, not_after) = span(&certificate)?;
    let (names, serial) = (names(&certificate), certificate.raw_serial());
    let (issuer, serial) = (
        certificate.issuer().to_string(),
        data_encoding::HEXLOWER.encode(serial),
    );
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialized_der().to_vec()));
    let provider = rustls::crypto::ring::default_provider();
    let certified = CertifiedKey::from_der(chain.certificates.clone(), private, &provider)
        .map_err(|error| CertError(format!("{slot}.pem: cannot be served: {error}")))?;
    Ok(Pair {
        served: Served {
            key: Arc::new(certified),
            not_after,
        },
        held: Held {
            names,
            not_before,
            not_after,
            issued_right,
        },
        issuer,
        serial,
    })
}

fn issued_right(
    slot: Slot,
    chain: &Chain,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<bool, CertError> {
    let first = first(&chain.certificates, slot.label())?;
    match (slot.issue(), expected.issuer) {
        (Issue::SelfSigned, _) => {
            let certificate = parse(first, slot.label())?;
            Ok(certificate.issuer() == certificate.subject())
        }
        (Issue::Ca, Issuer::Acme) => Ok(chain.directory.as_deref() == Some(expected.directory)),
        (Issue::Ca, Issuer::Internal) => match expected.ca {
            Some(ca) => leads_to(&chain.certificates, ca.root(), now)
                .map_err(|error| CertError(format!("{slot}.pem: {error}"))),
            None => Ok(false),
        },
    }
}

/// Whether the chain leads to this anchor now, for a server.
///
/// # Errors
/// When one of them is no certificate.
pub(super) fn leads_to(
    chain: &[CertificateDer<'static>],
    anchor: &CertificateDer<'_>,
    now: Timestamp,
) -> Result<bool, webpki::Error> {
    let ([first, others @ ..], Ok(second)) = (chain, u64::try_from(now.as_second())) else {
        return Ok(false);
    };
    let anchors = [webpki::anchor_from_trusted_cert(anchor)?];
    let end = webpki::EndEntityCert::try_from(first)?;
    let verified = end.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &anchors,
        others,
        UnixTime::since_unix_epoch(Duration::from_secs(second)),
        webpki::KeyUsage::server_auth(),
        None,
        None,
    );
    Ok(verified.is_ok())
}

pub(super) fn parse<'a>(
    der: &'a CertificateDer<'_>,
    name: &str,
) -> Result<X509Certificate<'a>, CertError> {
    X509Certificate::from_der(der)
        .map(|(_, certificate)| certificate)
        .map_err(|_| CertError(format!("{name}: the certificate is damaged")))
}

pub(super) fn span(certificate: &X509Certificate<'_>) -> Result<(Timestamp, Timestamp), CertError> {
    let time = |second| {
        Timestamp::from_second(second)
            .map_err(|_| CertError("a certificate has an impossible time".to_owned()))
    };
    let validity = certificate.validity();
    Ok((
        time(validity.not_before.timestamp())?,
        time(validity.not_after.timestamp())?,
    ))
}

/// The names in it, sorted, since a CA may put them in another order than we.
fn names(certificate: &X509Certificate<'_>) -> Vec<Domain> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = names.value.general_names.iter();
    let mut names: Vec<_> = names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Domain::parse(name).ok(),
            _ => None,
        })
        .collect();
    names.sort();
    names
}
