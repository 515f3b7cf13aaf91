//! DKIM signatures of our own mail (RFC 6376, RFC 8463).

use super::compose::ComposeError;
use crate::base::Domain;
use crate::keys::{DkimKey, DkimKeys, DkimKind};
use mail_auth::common::crypto::{Ed25519Key, RsaKey, Sha256, SigningKey};
use mail_auth::common::headers::HeaderWriter as _;
use mail_auth::dkim::{Canonicalization, DkimSigner};
use rustls::pki_types::PrivateKeyDer;

/// What is signed, present or not, so that nothing of it can be added on the way (RFC 6376 5.4).
const HEADERS: [&str; 13] = [
    "From",
    "To",
    "Cc",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

/// The message with one signature of each kind before it.
///
/// # Errors
/// When there is no key to sign with, or one of them does not.
pub(super) fn signed(
    message: &[u8],
    domain: &Domain,
    keys: &DkimKeys,
) -> Result<Vec<u8>, ComposeError> {
    let mut whole = Vec::with_capacity(message.len() + 2048);
    for key in keys.signing() {
        let header = signature(message, domain, key)
            .map_err(|error| ComposeError(format!("DKIM key {}: {error}", key.selector)))?;
        whole.extend_from_slice(header.as_bytes());
    }
    if whole.is_empty() {
        return Err(ComposeError(
            "there is no active DKIM key to sign with".to_owned(),
        ));
    }
    whole.extend_from_slice(message);
    Ok(whole)
}

fn signature(message: &[u8], domain: &Domain, key: &DkimKey) -> Result<String, mail_auth::Error> {
    let pkcs8 = key.pkcs8();
    match key.kind {
        DkimKind::Rsa => {
            let der = PrivateKeyDer::Pkcs8(pkcs8.clone_key());
            by(RsaKey::<Sha256>::from_key_der(der)?, message, domain, key)
        }
        DkimKind::Ed25519 => {
            let der = pkcs8.secret_pkcs8_der();
            let signer = Ed25519Key::from_pkcs8_maybe_unchecked_der(der)?;
            by(signer, message, domain, key)
        }
    }
}

fn by<K: SigningKey>(
    signer: K,
    message: &[u8],
    domain: &Domain,
    key: &DkimKey,
) -> Result<String, mail_auth::Error> {
    Ok(DkimSigner::from_key(signer)
        .domain(domain.as_str())
        .selector(key.selector.as_str())
        .headers(HEADERS)
        .header_canonicalization(Canonicalization::Relaxed)
        .body_canonicalization(Canonicalization::Relaxed)
        .sign(message)?
        .to_header())
}
