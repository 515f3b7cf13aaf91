//! The signing keys of a zone: algorithm 13, key signing and zone signing keys apart (RFC 4034, RFC 6605).

use super::KeyError;
use crate::base::Timestamp;
use hickory_proto::dnssec::crypto::EcdsaSigningKey;
use hickory_proto::dnssec::rdata::{CDNSKEY, CDS, DNSKEY, DS};
use hickory_proto::dnssec::{Algorithm, DigestType, PublicKey as _, SigningKey as _};
use hickory_proto::rr::Name;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// The one algorithm in use: ECDSA P-256 with SHA-256 (RFC 6605).
pub const ALGORITHM: Algorithm = Algorithm::ECDSAP256SHA256;

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The DNSKEY, CDS and CDNSKEY RRsets; the DS at the parent is of this key.
    Ksk,
    /// Everything else.
    Zsk,
}

impl Role {
    /// The flags of the key's DNSKEY record: 257 with the secure entry point bit, else 256 (RFC 4034 2.1.1).
    #[must_use]
    pub const fn flags(self) -> u16 {
        match self {
            Self::Ksk => 257,
            Self::Zsk => 256,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ksk => "ksk",
            Self::Zsk => "zsk",
        })
    }
}

/// Where a key is in its life; in every state its DNSKEY is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Published ahead of its use; signs nothing yet.
    Published,
    /// Signs.
    Active,
    /// Signs no more; still published, for signatures in caches.
    Retired,
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Published => "published",
            Self::Active => "active",
            Self::Retired => "retired",
        })
    }
}

/// A signing key with its public record.
pub struct DnssecKey {
    /// What it signs.
    pub role: Role,
    /// Where it is in its life.
    pub state: KeyState,
    /// When it was made.
    pub created: Timestamp,
    pkcs8: PrivatePkcs8KeyDer<'static>,
    pair: EcdsaSigningKey,
    dnskey: DNSKEY,
    tag: u16,
}

impl DnssecKey {
    /// A new key, in use at once.
    ///
    /// # Errors
    /// When the cryptographic library fails, which it does only without a source of random bits.
    pub fn generate(role: Role, now: Timestamp) -> Result<Self, KeyError> {
        let pkcs8 = EcdsaSigningKey::generate_pkcs8(ALGORITHM)
            .map_err(|error| KeyError(format!("no {role} can be made: {error}")))?;
        Self::from_pkcs8(role, KeyState::Active, now, pkcs8)
    }

    /// The key whose private half is `pkcs8`.
    ///
    /// # Errors
    /// When that is no PKCS#8 private key on the curve P-256 with its public half.
    pub fn from_pkcs8(
        role: Role,
        state: KeyState,
        created: Timestamp,
        pkcs8: PrivatePkcs8KeyDer<'static>,
    ) -> Result<Self, KeyError> {
        let wrong = |error: &dyn fmt::Display| {
            KeyError(format!("not a private key of ECDSA P-256: {error}"))
        };
        let pair = EcdsaSigningKey::from_pkcs8(&pkcs8, ALGORITHM).map_err(|error| wrong(&error))?;
        let public = pair.to_public_key().map_err(|error| wrong(&error))?;
        // Not DNSKEY::from_key: that is always 257.
        let dnskey = DNSKEY::with_flags(role.flags(), public);
        let tag = dnskey.calculate_key_tag().map_err(|error| wrong(&error))?;
        Ok(Self {
            role,
            state,
            created,
            pkcs8,
            pair,
            dnskey,
            tag,
        })
    }

    /// The same key in another state.
    ///
    /// # Errors
    /// As [`DnssecKey::from_pkcs8`].
    pub fn with_state(&self, state: KeyState) -> Result<Self, KeyError> {
        Self::from_pkcs8(self.role, state, self.created, self.pkcs8.clone_key())
    }

    /// The public record, with the flags of the role.
    #[must_use]
    pub const fn dnskey(&self) -> &DNSKEY {
        &self.dnskey
    }

    /// The key tag of the public record (RFC 4034 appendix B).
    #[must_use]
    pub const fn tag(&self) -> u16 {
        self.tag
    }

    /// The private half, loaded.
    #[must_use]
    pub const fn signing_key(&self) -> &EcdsaSigningKey {
        &self.pair
    }

    /// The private half as it is kept.
    #[must_use]
    pub const fn pkcs8(&self) -> &PrivatePkcs8KeyDer<'static> {
        &self.pkcs8
    }

    /// The DS record for the parent, with SHA-256 (RFC 4509).
    ///
    /// # Errors
    /// When the name cannot be encoded.
    pub fn ds(&self, origin: &Name) -> Result<DS, KeyError> {
        let digest = self.digest(origin)?;
        Ok(DS::new(self.tag, ALGORITHM, DigestType::SHA256, digest))
    }

    /// The CDS record that asks the parent for [`DnssecKey::ds`] (RFC 7344).
    ///
    /// # Errors
    /// When the name cannot be encoded.
    pub fn cds(&self, origin: &Name) -> Result<CDS, KeyError> {
        let digest = self.digest(origin)?;
        let algorithm = Some(ALGORITHM);
        Ok(CDS::new(self.tag, algorithm, DigestType::SHA256, digest))
    }

    /// The CDNSKEY record that asks the parent for a DS of this key (RFC 7344).
    #[must_use]
    pub fn cdnskey(&self) -> CDNSKEY {
        let public = self.dnskey.public_key().public_bytes().to_vec();
        CDNSKEY::with_flags(self.role.flags(), Some(ALGORITHM), public)
    }

    fn digest(&self, origin: &Name) -> Result<Vec<u8>, KeyError> {
        self.dnskey
            .to_digest(origin, DigestType::SHA256)
            .map(|digest| digest.as_ref().to_vec())
            .map_err(|error| KeyError(format!("no DS for {origin}: {error}")))
    }
}

/// Without the private half.
impl fmt::Debug for DnssecKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.role, self.tag, self.state)
    }
}

/// The keys of one zone: all that are published, whether they sign or not.
#[derive(Clone, Debug)]
pub struct ZoneKeys {
    /// Those for the DNSKEY, CDS and CDNSKEY RRsets.
    pub ksk: Vec<Arc<DnssecKey>>,
    /// Those for the rest.
    pub zsk: Vec<Arc<DnssecKey>>,
}

impl ZoneKeys {
    /// One new key of each role, in use at once.
    ///
    /// # Errors
    /// As [`DnssecKey::generate`].
    pub fn generate(now: Timestamp) -> Result<Self, KeyError> {
        let key = |role| DnssecKey::generate(role, now).map(|key| vec![Arc::new(key)]);
        Ok(Self {
            ksk: key(Role::Ksk)?,
            zsk: key(Role::Zsk)?,
        })
    }

    /// Every key: what the DNSKEY RRset holds.
    pub fn published(&self) -> impl Iterator<Item = &Arc<DnssecKey>> {
        self.ksk.iter().chain(&self.zsk)
    }

    /// The keys of this role that sign.
    pub fn signing(&self, role: Role) -> impl Iterator<Item = &Arc<DnssecKey>> {
        let keys = match role {
            Role::Ksk => &self.ksk,
            Role::Zsk => &self.zsk,
        };
        keys.iter().filter(|key| key.state == KeyState::Active)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_carry_the_flags_of_the_role() {
        let keys = ZoneKeys::generate(Timestamp::UNIX_EPOCH).unwrap();
        for (role, flags) in [(Role::Ksk, 257), (Role::Zsk, 256)] {
            let key = keys.signing(role).next().unwrap();
            assert_eq!(key.dnskey().flags(), flags);
            assert_eq!(key.dnskey().public_key().algorithm(), ALGORITHM);
            assert_eq!(key.tag(), key.dnskey().calculate_key_tag().unwrap());
            assert_eq!(key.cdnskey().flags(), flags);
        }
    }

    #[test]
    fn a_key_is_the_same_after_reading_but_signs_only_when_active() {
        let key = DnssecKey::generate(Role::Zsk, Timestamp::UNIX_EPOCH).unwrap();
        for (state, signs) in [
            (KeyState::Published, 0),
            (KeyState::Active, 1),
            (KeyState::Retired, 0),
        ] {
            let again = key.with_state(state).unwrap();
            assert_eq!(again.dnskey(), key.dnskey());
            let keys = ZoneKeys {
                ksk: Vec::new(),
                zsk: vec![Arc::new(again)],
            };
            assert_eq!(keys.published().count(), 1);
            assert_eq!(keys.signing(Role::Zsk).count(), signs, "{state}");
        }
    }

    #[test]
    fn the_ds_is_that_of_rfc_6605() {
        // RFC 6605 6.1: the DNSKEY of example.net. and its DS.
        let public = data_encoding::BASE64
            .decode(b"GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==")
            .unwrap();
        let public = hickory_proto::dnssec::PublicKeyBuf::new(public, ALGORITHM);
        let mut key = DnssecKey::generate(Role::Ksk, Timestamp::UNIX_EPOCH).unwrap();
        key.dnskey = DNSKEY::with_flags(257, public);
        key.tag = key.dnskey.calculate_key_tag().unwrap();
        let ds = key.ds(&Name::from_ascii("example.net.").unwrap()).unwrap();
        assert_eq!(
            ds.to_string().to_lowercase(),
            "55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17"
        );
    }
}
