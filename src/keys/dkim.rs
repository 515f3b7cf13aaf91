//! The keys that sign our own mail: RSA-2048 (RFC 6376) for everybody, Ed25519 (RFC 8463) for those who can.

use super::{KeyError, KeyState};
use crate::base::Timestamp;
use data_encoding::BASE64;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use rsa::pkcs8::EncodePrivateKey as _;
use rustls::pki_types::PrivatePkcs8KeyDer;
use std::fmt;
use std::sync::Arc;

/// Bits of an RSA key: what every verifier takes (RFC 8301 3.2).
const RSA_BITS: usize = 2048;

/// What stands before an RSAPublicKey of 2048 bits and exponent 65537 to make it a SubjectPublicKeyInfo, which is what
/// `p=` holds (RFC 6376 3.6.1 with erratum 3017).
const RSA_PREFIX: [u8; 24] = [
    0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
    0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00,
];
/// Octets of that RSAPublicKey.
const RSA_PUBLIC: usize = 270;

/// What stands before the 32 octets of an Ed25519 private key in PKCS#8 version 1 (RFC 8410 7), the only form that both
/// ring and OpenSSL read.
const ED25519_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// The algorithm of a DKIM key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DkimKind {
    /// `rsa-sha256`.
    Rsa,
    /// `ed25519-sha256`.
    Ed25519,
}

impl DkimKind {
    /// Both kinds, in the order of signing.
    pub const ALL: [Self; 2] = [Self::Rsa, Self::Ed25519];

    /// What selectors of this kind begin with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::Ed25519 => "ed",
        }
    }

    /// The usual selector of a key made now: `rsa20261123`.
    #[must_use]
    pub fn selector(self, now: Timestamp) -> String {
        format!("{}{}", self.prefix(), now.strftime("%Y%m%d"))
    }

    /// The kind that a selector begins with, when what follows are digits.
    #[must_use]
    pub fn of_selector(selector: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| {
            selector.strip_prefix(kind.prefix()).is_some_and(|rest| {
                !rest.is_empty()
                    && rest.len() < 20
                    && rest.bytes().all(|byte| byte.is_ascii_digit())
            })
        })
    }
}

/// A key with its selector.
pub struct DkimKey {
    /// Its algorithm.
    pub kind: DkimKind,
    /// The label before `_domainkey`.
    pub selector: String,
    /// Where it is in its life; its record is published in every state.
    pub state: KeyState,
    /// When it was made.
    pub created: Timestamp,
    pkcs8: PrivatePkcs8KeyDer<'static>,
    public: Vec<u8>,
}

impl DkimKey {
    /// A new key, in use at once. RSA takes a second or so.
    ///
    /// # Errors
    /// When the system has no random bits.
    pub fn generate(kind: DkimKind, selector: &str, now: Timestamp) -> Result<Self, KeyError> {
        let pkcs8 = match kind {
            DkimKind::Rsa => new_rsa()?,
            DkimKind::Ed25519 => new_ed25519()?,
        };
        Self::from_pkcs8(kind, selector, KeyState::Active, now, pkcs8)
    }

    /// The key whose private half is `pkcs8`.
    ///
    /// # Errors
    /// When that is not a PKCS#8 private key of this kind.
    pub fn from_pkcs8(
        kind: DkimKind,
        selector: &str,
        state: KeyState,
        created: Timestamp,
        pkcs8: PrivatePkcs8KeyDer<'static>,
    ) -> Result<Self, KeyError> {
        let der = pkcs8.secret_pkcs8_der();
        let public = match kind {
            DkimKind::Rsa => rsa_public(der)?,
            DkimKind::Ed25519 => Ed25519KeyPair::from_pkcs8_maybe_unchecked(der)
                .map_err(|error| KeyError(format!("not an Ed25519 private key: {error}")))?
                .public_key()
                .as_ref()
                .to_vec(),
        };
        Ok(Self {
            kind,
            selector: selector.to_owned(),
            state,
            created,
            pkcs8,
            public,
        })
    }

    /// The record at `SELECTOR._domainkey`, one text of up to some 400 characters.
    #[must_use]
    pub fn txt(&self) -> String {
        let kind = match self.kind {
            DkimKind::Rsa => "rsa",
            DkimKind::Ed25519 => "ed25519",
        };
        format!("v=DKIM1; k={kind}; p={}", BASE64.encode(&self.public))
    }

    /// The private half, PKCS#8: for mail-auth `RsaKey::from_key_der` or `Ed25519Key::from_pkcs8_maybe_unchecked_der`.
    #[must_use]
    pub const fn pkcs8(&self) -> &PrivatePkcs8KeyDer<'static> {
        &self.pkcs8
    }
}

/// Without the private half.
impl fmt::Debug for DkimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.selector, self.state)
    }
}

/// All keys whose records are published.
#[derive(Clone, Debug)]
pub struct DkimKeys {
    /// In the order of [`DkimKind::ALL`], then of their selectors.
    pub keys: Vec<Arc<DkimKey>>,
}

impl DkimKeys {
    /// The keys that sign: the newest active one of each kind.
    pub fn signing(&self) -> impl Iterator<Item = &Arc<DkimKey>> {
        DkimKind::ALL.into_iter().filter_map(|kind| {
            self.keys
                .iter()
                .filter(|key| key.kind == kind && key.state == KeyState::Active)
                .max_by_key(|key| key.created)
        })
    }

    /// Selector and text of every record.
    #[must_use]
    pub fn records(&self) -> Vec<(String, String)> {
        let keys = self.keys.iter();
        keys.map(|key| (key.selector.clone(), key.txt())).collect()
    }
}

fn new_rsa() -> Result<PrivatePkcs8KeyDer<'static>, KeyError> {
    let failed = |error: &dyn fmt::Display| KeyError(format!("no RSA key can be made: {error}"));
    let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, RSA_BITS)
        .map_err(|error| failed(&error))?;
    let der = key.to_pkcs8_der().map_err(|error| failed(&error))?;
    Ok(PrivatePkcs8KeyDer::from(der.as_bytes().to_vec()))
}

fn new_ed25519() -> Result<PrivatePkcs8KeyDer<'static>, KeyError> {
    let mut seed = [0; 32];
    SystemRandom::new()
        .fill(&mut seed)
        .map_err(|_| KeyError("no Ed25519 key can be made: no random bits".to_owned()))?;
    let der = [&ED25519_PREFIX[..], &seed].concat();
    Ok(PrivatePkcs8KeyDer::from(der))
}

fn rsa_public(pkcs8: &[u8]) -> Result<Vec<u8>, KeyError> {
    let pair = RsaKeyPair::from_pkcs8(pkcs8)
        .map_err(|error| KeyError(format!("not an RSA private key: {error}")))?;
    let public = pair.public_key().as_ref();
    if public.len() != RSA_PUBLIC {
        let why = format!("an RSA key must have {RSA_BITS} bits and the exponent 65537");
        return Err(KeyError(why));
    }
    Ok([&RSA_PREFIX[..], public].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_auth::common::crypto::{Ed25519Key, RsaKey, Sha256};
    use mail_auth::dkim::DkimSigner;
    use rsa::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _};
    use rustls::pki_types::PrivateKeyDer;

    #[test]
    fn ed25519_signs_and_its_record_is_of_rfc_8463() {
        let key = DkimKey::generate(DkimKind::Ed25519, "ed1", Timestamp::UNIX_EPOCH).unwrap();
        let text = key.txt();
        let public = text.strip_prefix("v=DKIM1; k=ed25519; p=").unwrap();
        assert_eq!(BASE64.decode(public.as_bytes()).unwrap().len(), 32);
        let signer = Ed25519Key::from_pkcs8_maybe_unchecked_der(key.pkcs8().secret_pkcs8_der());
        DkimSigner::from_key(signer.unwrap());
    }

    #[test]
    fn rsa_signs_and_its_record_holds_the_public_key() {
        let key = DkimKey::generate(DkimKind::Rsa, "rsa1", Timestamp::UNIX_EPOCH).unwrap();
        let text = key.txt();
        let public = text.strip_prefix("v=DKIM1; k=rsa; p=").unwrap();
        let expected = rsa::RsaPrivateKey::from_pkcs8_der(key.pkcs8().secret_pkcs8_der())
            .unwrap()
            .to_public_key()
            .to_public_key_der()
            .unwrap();
        assert_eq!(public, BASE64.encode(expected.as_bytes()));
        let pkcs8 = PrivateKeyDer::Pkcs8(key.pkcs8().clone_key());
        DkimSigner::from_key(RsaKey::<Sha256>::from_key_der(pkcs8).unwrap());
    }

    #[test]
    fn selectors_say_kind_and_day() {
        let day: Timestamp = "2026-11-23T23:59:59Z".parse().unwrap();
        for kind in DkimKind::ALL {
            assert_eq!(DkimKind::of_selector(&kind.selector(day)), Some(kind));
        }
        assert_eq!(DkimKind::Rsa.selector(day), "rsa20261123");
        for wrong in ["rsa", "rsa2026x", "edd1", "x1", "ed123456789012345678901"] {
            assert_eq!(DkimKind::of_selector(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_of_the_other_kind_is_refused() {
        let key = DkimKey::generate(DkimKind::Ed25519, "ed1", Timestamp::UNIX_EPOCH).unwrap();
        let (state, pkcs8) = (KeyState::Active, key.pkcs8().clone_key());
        let other = DkimKey::from_pkcs8(DkimKind::Rsa, "rsa1", state, key.created, pkcs8);
        assert!(other.unwrap_err().0.contains("not an RSA private key"));
    }
}
