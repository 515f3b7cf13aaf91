//! A pair of files, certificate chain and key, read and checked against each other.

use super::plan::Held;
use super::{CertError, InternalCa, Served, Slot};
use crate::base::{Domain, Timestamp, file, limits};
use crate::cases::Issue;
use rcgen::{KeyPair, PublicKeyData as _};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::sign::CertifiedKey;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use webpki::ring::ECDSA_P256_SHA256;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// The internal root's name among the files.
pub(super) const ROOT: &str = "internal-root";

/// A certificate with its key.
pub(super) struct Pair {
    /// As it is served.
    pub(super) served: Served,
    /// As the plan sees it.
    pub(super) held: Held,
    /// Since when there has been a next key, whose digest is [`Served::next`].
    pub(super) next: Option<Timestamp>,
}

/// What the name of a next key's files ends with.
const NEXT: &str = ".next";
/// What stands before the time in a key's file.
const CREATED: &str = "created: ";

/// The key of this name; made when there is none.
pub(super) fn key(directory: &Path, name: &str, now: Timestamp) -> Result<KeyPair, CertError> {
    if let Some((key, _)) = load_key(directory, name)? {
        return Ok(key);
    }
    let key = KeyPair::generate()?;
    let pem = file::pem("PRIVATE KEY", key.serialized_der());
    let path = directory.join(format!("{name}.key"));
    file::write(&path, format!("{CREATED}{now}\n{pem}").as_bytes())?;
    Ok(key)
}

/// The key that comes after the one of this name; made when there is none.
pub(super) fn next_key(directory: &Path, slot: Slot, now: Timestamp) -> Result<KeyPair, CertError> {
    key(directory, &format!("{slot}{NEXT}"), now)
}

/// Makes the next key the key.
pub(super) fn promote(directory: &Path, slot: Slot) -> Result<(), CertError> {
    let from = directory.join(format!("{slot}{NEXT}.key"));
    Ok(file::rename(&from, &directory.join(format!("{slot}.key")))?)
}

/// A key with the time it was made, if its file says so.
type Dated = (KeyPair, Option<Timestamp>);

fn load_key(directory: &Path, name: &str) -> Result<Option<Dated>, CertError> {
    let path = directory.join(format!("{name}.key"));
    let wrong = |why: &str| CertError(format!("{}: {why}", path.display()));
    let Some(text) = file::read(&path, limits::KEY_FILE)? else {
        return Ok(None);
    };
    let der = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes())
        .map_err(|_| wrong("holds no whole \"PRIVATE KEY\""))?;
    let created = text
        .lines()
        .find_map(|line| line.strip_prefix(CREATED))
        .map(|time| time.trim().parse())
        .transpose()
        .map_err(|_| wrong("\"created\" is not a time like 2026-11-23T00:00:00Z"))?;
    KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_ECDSA_P256_SHA256)
        .map(|key| Some((key, created)))
        .map_err(|_| wrong("not a private key of ECDSA P-256"))
}

pub(super) fn load_ca(directory: &Path) -> Result<Option<InternalCa>, CertError> {
    let Some((chain, key)) = load_pair(directory, ROOT)? else {
        return Ok(None);
    };
    let path = directory.join(format!("{ROOT}.pem"));
    let wrong = |why: &str| CertError(format!("{}: {why}", path.display()));
    let [root] = &chain[..] else {
        return Err(wrong("holds more than one certificate"));
    };
    let ca = InternalCa::new(root.clone(), key).map_err(|error| wrong(&error.0))?;
    Ok(Some(ca))
}

pub(super) fn load(
    directory: &Path,
    slot: Slot,
    ca: Option<&InternalCa>,
    now: Timestamp,
) -> Result<Option<Pair>, CertError> {
    let mut next = load_key(directory, &format!("{slot}{NEXT}"))?;
    if let Some((key, _)) = &next
        && is_of(directory, slot, key)?
    {
        // A switch was cut short after the new certificate was written.
        promote(directory, slot)?;
        next = None;
    }
    let Some((chain, key)) = load_pair(directory, slot.label())? else {
        return Ok(None);
    };
    let mut pair = pair(slot, chain, &key, ca, now)?;
    if let Some((key, since)) = next {
        // Without a time it counts as made now: published too long is no harm.
        pair.publish(&key, since.unwrap_or(now));
    }
    Ok(Some(pair))
}

impl Pair {
    /// Publishes the digest of a next key.
    pub(super) fn publish(&mut self, key: &KeyPair, since: Timestamp) {
        self.served.next = Some(digest(&key.subject_public_key_info()));
        self.next = Some(since);
    }
}

/// Whether the certificate in a slot's file is of this key.
fn is_of(directory: &Path, slot: Slot, key: &KeyPair) -> Result<bool, CertError> {
    let path = directory.join(format!("{slot}.pem"));
    let Some(text) = file::read(&path, limits::KEY_FILE)? else {
        return Ok(false);
    };
    let Ok(first) = CertificateDer::from_pem_slice(text.as_bytes()) else {
        return Ok(false);
    };
    let certificate = parse(&first, &path.display().to_string())?;
    Ok(certificate.public_key().raw == key.subject_public_key_info())
}

fn digest(spki: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, spki).as_ref());
    digest
}

type Files = (Vec<CertificateDer<'static>>, KeyPair);

/// Both files, checked against each other; `None` when there is no certificate yet.
fn load_pair(directory: &Path, name: &str) -> Result<Option<Files>, CertError> {
    let path = directory.join(format!("{name}.pem"));
    let wrong = |why: &str| CertError(format!("{}: {why}", path.display()));
    let key = load_key(directory, name)?.map(|(key, _)| key);
    let Some(text) = file::read(&path, limits::KEY_FILE)? else {
        return Ok(None);
    };
    let chain = CertificateDer::pem_slice_iter(text.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| wrong("holds no whole certificate"))?;
    let Some(first) = chain.first() else {
        return Err(wrong("holds no whole certificate"));
    };
    let key = key.ok_or_else(|| wrong(&format!("is there, but not its key {name}.key")))?;
    let certificate = parse(first, &path.display().to_string())?;
    if certificate.public_key().raw != key.subject_public_key_info() {
        return Err(wrong(&format!("is not of the key in {name}.key")));
    }
    Ok(Some((chain, key)))
}

pub(super) fn pair(
    slot: Slot,
    chain: Vec<CertificateDer<'static>>,
    key: &KeyPair,
    ca: Option<&InternalCa>,
    now: Timestamp,
) -> Result<Pair, CertError> {
    let issued_right = issued_right(slot, &chain, ca, now)?;
    let first = chain
        .first()
        .ok_or_else(|| CertError(format!("{slot}: no certificate")))?;
    let certificate = parse(first, slot.label())?;
    let (not_before, not_after) = span(&certificate)?;
    let names = names(&certificate);
    let spki = digest(certificate.public_key().raw);
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialized_der().to_vec()));
    let provider = rustls::crypto::ring::default_provider();
    let certified = CertifiedKey::from_der(chain, private, &provider)
        .map_err(|error| CertError(format!("{slot}.pem: cannot be served: {error}")))?;
    Ok(Pair {
        served: Served {
            key: Arc::new(certified),
            spki,
            next: None,
            not_after,
        },
        held: Held {
            names,
            not_before,
            not_after,
            issued_right,
        },
        next: None,
    })
}

pub(super) fn issued_right(
    slot: Slot,
    chain: &[CertificateDer<'static>],
    ca: Option<&InternalCa>,
    now: Timestamp,
) -> Result<bool, CertError> {
    let [first, ..] = chain else {
        return Ok(false);
    };
    if slot.issue() == Issue::SelfSigned {
        let certificate = parse(first, slot.label())?;
        return Ok(certificate.issuer() == certificate.subject());
    }
    let (Some(ca), Ok(second)) = (ca, u64::try_from(now.as_second())) else {
        return Ok(false);
    };
    let wrong = |error: &webpki::Error| CertError(format!("{slot}.pem: {error}"));
    let anchors = [webpki::anchor_from_trusted_cert(ca.root()).map_err(|error| wrong(&error))?];
    let end = webpki::EndEntityCert::try_from(first).map_err(|error| wrong(&error))?;
    let verified = end.verify_for_usage(
        &[ECDSA_P256_SHA256],
        &anchors,
        &chain[1..],
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

fn names(certificate: &X509Certificate<'_>) -> Vec<Domain> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = names.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Domain::parse(name).ok(),
            _ => None,
        })
        .collect()
}
