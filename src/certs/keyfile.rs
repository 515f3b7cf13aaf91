//! Private keys in files of their own: `NAME.key`, PKCS#8 as `openssl pkey` reads it, with the time it was made before it.

use super::{CertError, Slot};
use crate::base::{Timestamp, file, limits};
use rcgen::{KeyPair, PublicKeyData as _};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use std::path::Path;

/// What the name of a next key's file ends with.
const NEXT: &str = ".next";
/// What stands before the time.
const CREATED: &str = "created: ";

/// A key of ECDSA P-256.
pub(super) struct Key {
    pub(super) pair: KeyPair,
    /// Since when there has been one: now, if its file does not say.
    pub(super) made: Timestamp,
    /// SHA-256 of its SubjectPublicKeyInfo: what TLSA `3 1 1` holds (RFC 6698 2.1).
    pub(super) digest: [u8; 32],
}

impl Key {
    fn new(pair: KeyPair, made: Timestamp) -> Self {
        let spki = pair.subject_public_key_info();
        let mut digest = [0; 32];
        digest.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, &spki).as_ref());
        Self { pair, made, digest }
    }
}

/// The name of a slot's next key.
pub(super) fn next(slot: Slot) -> String {
    format!("{slot}{NEXT}")
}

/// The key of this name; made when there is none.
pub(super) fn open(directory: &Path, name: &str, now: Timestamp) -> Result<Key, CertError> {
    match load(directory, name, now)? {
        Some(key) => Ok(key),
        None => make(directory, name, now),
    }
}

fn make(directory: &Path, name: &str, now: Timestamp) -> Result<Key, CertError> {
    let pair = KeyPair::generate()?;
    let pem = file::pem("PRIVATE KEY", pair.serialized_der());
    let path = directory.join(format!("{name}.key"));
    file::write(&path, format!("{CREATED}{now}\n{pem}").as_bytes())?;
    Ok(Key::new(pair, now))
}

/// The key of this name, if there is one.
pub(super) fn load(directory: &Path, name: &str, now: Timestamp) -> Result<Option<Key>, CertError> {
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
    let made = created.unwrap_or(now);
    KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_ECDSA_P256_SHA256)
        .map(|pair| Some(Key::new(pair, made)))
        .map_err(|_| wrong("not a private key of ECDSA P-256"))
}

/// Makes the next key the key.
pub(super) fn promote(directory: &Path, slot: Slot) -> Result<(), CertError> {
    let from = directory.join(format!("{}.key", next(slot)));
    Ok(file::rename(&from, &directory.join(format!("{slot}.key")))?)
}
