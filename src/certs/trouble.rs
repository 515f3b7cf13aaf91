//! Why a certificate was not obtained, how long to wait for the next try, and what the operator can do: data, and no more.

use crate::base::limits;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The CA cannot be reached, does not answer in time, or answers that it is out of order.
    Unreachable,
    /// The CA did not take any of several fresh nonces (RFC 8555 6.5).
    BadNonce,
    /// What answers at the directory's address does not speak ACME as we know it.
    Protocol,
    /// Our clock is not that of the CA.
    Clock,
    /// A file cannot be written.
    Storage,
    /// The CA does not know our account (any more); the next try makes it anew.
    AccountGone,
    /// The CA has closed our account.
    AccountClosed,
    /// The CA makes no account for us.
    AccountRefused,
    /// The CA has no such profile.
    Profile,
    /// The CA wants to be asked less often (RFC 8555 6.6).
    RateLimited,
    /// A name server does not show what the CA would ask for.
    NotVisible,
    /// The CA did not find what proves that a name is ours.
    Validation,
    /// CAA records forbid it (RFC 8659).
    Caa,
    /// The CA issues no such certificate.
    Rejected,
    /// The order was lost on the way; the next try begins a new one.
    OrderLost,
    /// What the CA issued is not what was ordered.
    Unusable,
}

/// What holds for all failures of a kind.
struct Terms {
    kind: Kind,
    /// The word for it.
    code: &'static str,
    /// Whether any other certificate would fail alike.
    common: bool,
    /// The pause after the first failure; it doubles with each, up to the longest. What the CA asks for goes first.
    first: Duration,
    longest: Duration,
    advice: &'static str,
}

const fn minutes(number: u64) -> Duration {
    Duration::from_secs(60 * number)
}

const TERMS: [Terms; 16] = [
    Terms {
        kind: Kind::Unreachable,
        code: "unreachable",
        common: true,
        first: minutes(1),
        longest: minutes(60),
        advice: "Nothing, if it passes: it is tried again. Else see that this host reaches certificates.directory by HTTPS, and that dial.resolvers answer.",
    },
    Terms {
        kind: Kind::BadNonce,
        code: "bad-nonce",
        common: false,
        first: Duration::from_secs(5),
        longest: minutes(60),
        advice: "Nothing, if it passes: it is tried again. Else tell the CA.",
    },
    Terms {
        kind: Kind::Protocol,
        code: "protocol",
        common: true,
        first: minutes(5),
        longest: minutes(6 * 60),
        advice: "See that certificates.directory is the address of an ACME directory, and ask the CA whether it is out of order.",
    },
    Terms {
        kind: Kind::Clock,
        code: "clock",
        common: true,
        first: minutes(1),
        longest: minutes(60),
        advice: "Set this host's clock, and keep it right by NTP.",
    },
    Terms {
        kind: Kind::Storage,
        code: "storage",
        common: true,
        first: minutes(1),
        longest: minutes(10),
        advice: "Make room on the disk of the state directory, and see that acme/ in it belongs to the user of the appliance.",
    },
    Terms {
        kind: Kind::AccountGone,
        code: "account-gone",
        common: true,
        first: Duration::from_secs(1),
        longest: minutes(60),
        advice: "Nothing, if it passes: the account is made anew with the same key.",
    },
    Terms {
        kind: Kind::AccountClosed,
        code: "account-closed",
        common: true,
        first: minutes(6 * 60),
        longest: minutes(24 * 60),
        advice: "Ask the CA why. For a new account stop the appliance, move acme/account.key and acme/account.json away, and start it.",
    },
    Terms {
        kind: Kind::AccountRefused,
        code: "account-refused",
        common: true,
        first: minutes(60),
        longest: minutes(24 * 60),
        advice: "Correct certificates.contact if that is what the CA refuses. A CA that wants an account made on its web pages first (external account binding) cannot be used.",
    },
    Terms {
        kind: Kind::Profile,
        code: "profile",
        common: true,
        first: minutes(60),
        longest: minutes(24 * 60),
        advice: "Name a profile of this CA in certificates.profile, or leave it out.",
    },
    Terms {
        kind: Kind::RateLimited,
        code: "rate-limited",
        common: false,
        first: minutes(60),
        longest: minutes(24 * 60),
        advice: "Wait: it is tried again when the CA allows. Others who get certificates below the same domain count as well.",
    },
    Terms {
        kind: Kind::NotVisible,
        code: "not-visible",
        common: false,
        first: minutes(1),
        longest: minutes(60),
        advice: "See that the zone above delegates et and ut to this appliance (`mailproof ds`). A name server has to run, to hear of changes and to be allowed to fetch the zones (`mailproof status`); one that is gone is taken out of dns.secondaries and the NS records.",
    },
    Terms {
        kind: Kind::Validation,
        code: "validation",
        common: false,
        first: minutes(20),
        longest: minutes(24 * 60),
        advice: "See that the zone above delegates et and ut to this appliance with the DS records of `mailproof ds`, and that port 53 is reachable by UDP and TCP.",
    },
    Terms {
        kind: Kind::Caa,
        code: "caa",
        common: false,
        first: minutes(60),
        longest: minutes(24 * 60),
        advice: "See that certificates.caa is the name by which this CA knows itself, and that the CAA records of et and ut reach it (`mailproof zone et`).",
    },
    Terms {
        kind: Kind::Rejected,
        code: "rejected",
        common: false,
        first: minutes(6 * 60),
        longest: minutes(24 * 60),
        advice: "Ask the CA whether it issues for this domain, or use another one.",
    },
    Terms {
        kind: Kind::OrderLost,
        code: "order-lost",
        common: false,
        first: minutes(1),
        longest: minutes(6 * 60),
        advice: "Nothing, if it passes: a new order is made.",
    },
    Terms {
        kind: Kind::Unusable,
        code: "unusable",
        common: false,
        first: minutes(6 * 60),
        longest: minutes(24 * 60),
        advice: "Ask the CA; the certificate in service stays.",
    },
];

impl Kind {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        TERMS.iter().map(|terms| terms.kind)
    }

    fn terms(self) -> &'static Terms {
        TERMS
            .iter()
            .find(|terms| terms.kind == self)
            .unwrap_or(&TERMS[0])
    }

    /// The word for it, in reports and JSON.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.terms().code
    }

    /// Whether any other certificate would fail alike, so that none is tried before its time.
    #[must_use]
    pub fn is_common(self) -> bool {
        self.terms().common
    }

    /// What the operator can do.
    #[must_use]
    pub fn advice(self) -> &'static str {
        self.terms().advice
    }

    /// The pause after this many failures in a row, at least one.
    #[must_use]
    pub fn pause(self, failures: u32) -> Duration {
        let terms = self.terms();
        let doubled = 2u32.saturating_pow(failures.saturating_sub(1));
        terms.first.saturating_mul(doubled).min(terms.longest)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// A failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What kind it was.
    pub kind: Kind,
    /// What happened, in words of the CA or of ours: one line of `limits::ACME_DETAIL` characters at most.
    pub detail: String,
    /// How long the CA asks us to wait.
    pub wait: Option<Duration>,
}

impl Trouble {
    /// A failure of this kind; of the detail is kept what fits a line.
    #[must_use]
    pub fn new(kind: Kind, detail: &str) -> Self {
        let words = detail.split(|c: char| c.is_whitespace() || c.is_control());
        let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>();
        Self {
            kind,
            detail: line.join(" ").chars().take(limits::ACME_DETAIL).collect(),
            wait: None,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.detail)
    }
}

impl std::error::Error for Trouble {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_terms_of_its_own() {
        for (kind, terms) in Kind::all().zip(&TERMS) {
            assert_eq!(kind.code(), terms.code);
            let code = serde_json::to_value(kind).unwrap();
            assert_eq!(code, kind.code(), "the same word in files as in reports");
            assert!(!kind.advice().is_empty());
            assert_eq!(kind.pause(1), terms.first, "{kind}");
            assert!(terms.first <= terms.longest && kind.pause(u32::MAX) == terms.longest);
        }
        assert_eq!(Kind::Unreachable.pause(3), minutes(4));
    }

    #[test]
    fn a_detail_is_one_line() {
        let told = format!("a\r\n\x1b[1mb  c {}", "x".repeat(1000));
        let trouble = Trouble::new(Kind::Caa, &told);
        assert!(trouble.to_string().starts_with("caa: a [1mb c xxx"));
        assert_eq!(trouble.detail.chars().count(), limits::ACME_DETAIL);
    }
}
