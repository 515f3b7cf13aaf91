//! Sender policies, and what DNSSEC says of an answer.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How a sender protects outgoing mail: the columns of the case table and the combination seen beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Never uses TLS.
    None,
    /// Opportunistic TLS (RFC 7435).
    May,
    /// TLS required, certificates not checked.
    Encrypt,
    /// TLS with a trusted certificate for the MX host required.
    Verify,
    /// SMTP-DANE where TLSA records exist, opportunistic elsewhere (RFC 7672).
    Dane,
    /// SMTP-DANE required everywhere.
    DaneOnly,
    /// MTA-STS where a policy exists (RFC 8461).
    MtaSts,
    /// DANE and MTA-STS enforced together.
    #[serde(rename = "dane+mta-sts")]
    DaneMtaSts,
}

impl Policy {
    /// Every policy, weakest first.
    pub const ALL: [Self; 8] = [
        Self::None,
        Self::May,
        Self::Encrypt,
        Self::Verify,
        Self::Dane,
        Self::DaneOnly,
        Self::MtaSts,
        Self::DaneMtaSts,
    ];

    /// The name in configuration, commands and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::May => "may",
            Self::Encrypt => "encrypt",
            Self::Verify => "verify",
            Self::Dane => "dane",
            Self::DaneOnly => "dane-only",
            Self::MtaSts => "mta-sts",
            Self::DaneMtaSts => "dane+mta-sts",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Policy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|policy| policy.name() == text)
            .ok_or_else(|| {
                let names: Vec<_> = Self::ALL.iter().map(|policy| policy.name()).collect();
                format!("{text:?} is not a policy; there are {}", names.join(", "))
            })
    }
}

/// What validation says of a DNS answer, present or absent (RFC 4035 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    /// A chain of signatures leads to a trust anchor.
    Secure,
    /// Proven to lie outside every signed zone.
    Insecure,
    /// Should be signed and is not, or is signed wrongly.
    Bogus,
    /// Could not be found out: no answer, or no way to tell.
    Unknown,
}
