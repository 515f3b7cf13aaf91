//! Answers of the DNS as values, with what validation says of them.

use super::name::Domain;
use super::policy::Security;
use serde::{Deserialize, Serialize};

/// The answer to one look-up. Records are absent for certain only when `failed` is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lookup<T> {
    /// The records, after CNAMEs were followed; empty for NODATA and NXDOMAIN.
    pub records: Vec<T>,
    /// What validation says of the records, or of their absence.
    pub security: Security,
    /// Why there is no answer: in words, for people. Bogus answers are failures too, and carry no records.
    pub failed: Option<String>,
    /// The name that the records were found at, where a CNAME led to another one (RFC 7671 7).
    pub canonical: Option<Domain>,
}

impl<T> Lookup<T> {
    /// Records that were found.
    #[must_use]
    pub const fn found(records: Vec<T>, security: Security) -> Self {
        Self {
            records,
            security,
            failed: None,
            canonical: None,
        }
    }

    /// No answer, so that nothing is known.
    #[must_use]
    pub const fn failure(security: Security, why: String) -> Self {
        Self {
            records: Vec::new(),
            security,
            failed: Some(why),
            canonical: None,
        }
    }

    /// Whether there is an answer and it is secure.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.failed.is_none() && self.security == Security::Secure
    }
}

/// A mail exchanger (RFC 5321 5.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mx {
    /// Lower is tried first.
    pub preference: u16,
    /// Its host; `None` is the null MX (RFC 7505).
    pub host: Option<Domain>,
}

/// A TLSA record as it is in the DNS, usable or not (RFC 6698 2.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tlsa {
    /// Certificate usage.
    pub usage: u8,
    /// Selector.
    pub selector: u8,
    /// Matching type.
    pub matching: u8,
    /// Certificate association data.
    pub data: Vec<u8>,
}
