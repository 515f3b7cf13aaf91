//! DNSSEC, DKIM, TSIG and token keys as values, and their store.
//!
//! Keys are made once, kept in files that `openssl` can read (TSIG keys: `dig`), and handed out as values that no longer know
//! their files. Nothing here signs a zone or a mail, and no private key is ever written to a log or an error.

pub mod dkim;
pub mod dnssec;
pub mod store;
pub mod tsig;

pub use dkim::{DkimKey, DkimKeys, DkimKind};
pub use dnssec::{DnssecKey, KeyState, Role, ZoneKeys};
pub use tsig::TsigKey;

use crate::base::Zone;
use std::collections::BTreeMap;
use std::fmt;

/// Why a key could not be made, read or kept. Holds the file's name where there is one, never key material.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyError(pub String);

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for KeyError {}

/// The key under which tokens are made and recognised (HMAC-SHA-256).
#[derive(Clone)]
pub struct TokenKey(pub [u8; 32]);

/// Without the key.
impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey")
    }
}

/// Everything that the store keeps.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The signing keys of the zone `et`.
    pub et: ZoneKeys,
    /// The signing keys of the zone `ut`.
    pub ut: ZoneKeys,
    /// The keys that sign our mail.
    pub dkim: DkimKeys,
    /// The key of the tokens.
    pub token: TokenKey,
    /// The keys that secondaries share with us, by name.
    pub tsig: BTreeMap<String, TsigKey>,
    /// What the TLSA records published as wrong hold: random, so the digest of no key in use.
    pub invalid_tlsa: [u8; 32],
}

impl Keys {
    /// The signing keys of a zone.
    #[must_use]
    pub const fn zone(&self, zone: Zone) -> &ZoneKeys {
        match zone {
            Zone::Et => &self.et,
            Zone::Ut => &self.ut,
        }
    }
}
