//! DNSSEC, DKIM and token keys as values, and their store.
//!
//! Keys are made once, kept in files that `openssl` can read, and handed out as values that no longer know their
//! files. Nothing here signs a zone or a mail, and no private key is ever written to a log or an error.

pub mod dnssec;

pub use dnssec::{DnssecKey, KeyState, Role, ZoneKeys};

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
