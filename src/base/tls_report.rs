//! TLS reports of others (RFC 8460): what they say of mail to our domains, and what is known of who says it. An
//! organisation is named in them, no person.

use super::Timestamp;
use super::name::{Domain, Zone};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// How a report is packed (RFC 8460 6.4, 6.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// `application/tlsrpt+gzip`
    Gzip,
    /// `application/tlsrpt+json`
    Json,
}

impl Packing {
    /// The packing of this media type, its parameters aside; `None` when it is none of a report.
    #[must_use]
    pub fn of(media_type: &str) -> Option<Self> {
        let bare = media_type.split(';').next().unwrap_or_default().trim();
        [
            ("application/tlsrpt+gzip", Self::Gzip),
            ("application/tlsrpt+json", Self::Json),
        ]
        .into_iter()
        .find(|(name, _)| bare.eq_ignore_ascii_case(name))
        .map(|(_, packing)| packing)
    }
}

/// Which policy a sender applied (`policy-type`, RFC 8460 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyType {
    /// TLSA records (RFC 7672).
    Tlsa,
    /// An MTA-STS policy (RFC 8461).
    Sts,
    /// Neither was found.
    NoPolicyFound,
    /// One that is not known here.
    Other,
}

/// Sessions that failed for one reason (`failure-details`, RFC 8460 4.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedFailure {
    /// The kind of failure (`result-type`, RFC 8460 4.3).
    pub result: String,
    /// The MX host it was met at.
    pub mx: Option<String>,
    /// The address of the sender's host.
    pub sender: Option<IpAddr>,
    /// How many sessions.
    pub sessions: u64,
    /// The sender's own code for it.
    pub reason: Option<String>,
}

/// What became of the sessions under one policy of a domain of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedPolicy {
    /// Which kind of policy was applied.
    #[serde(rename = "type")]
    pub policy_type: PolicyType,
    /// Our domain that it is about.
    pub zone: Zone,
    /// The domain that the policy is of (`policy-domain`): that one, or a name in it.
    pub domain: Domain,
    /// The first MX hosts that the policy names.
    pub mx: Vec<String>,
    /// Sessions that succeeded.
    pub success: u64,
    /// Sessions that failed.
    pub failure: u64,
    /// Why they failed: the first details of it.
    pub details: Vec<ReportedFailure>,
}

/// What a report says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsReport {
    /// Its name among those of its organisation (`report-id`).
    pub id: String,
    /// What the organisation calls itself: proven by nothing.
    pub organisation: String,
    /// The beginning of the time that it is about.
    pub from: Timestamp,
    /// The end of that time.
    pub until: Timestamp,
    /// What it says of each policy.
    pub policies: Vec<ReportedPolicy>,
}

/// The way by which a report came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReportVia {
    /// RFC 8460 5.3
    Mail,
    /// RFC 8460 5.4
    Https,
}

/// A report as it was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenReport {
    /// When it came.
    pub time: Timestamp,
    /// By which way.
    pub via: ReportVia,
    /// Whose it is: where authenticated, the domain that signed it or sent it; else the one that it claims to be of.
    pub domain: Domain,
    /// Whether the domain is proven. What is not proven is shown and decides nothing.
    pub authenticated: bool,
    /// What it says.
    #[serde(flatten)]
    pub report: TlsReport,
}

impl TakenReport {
    /// Whether the other one is this report, come again.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.report.id == other.report.id
            && self.authenticated == other.authenticated
            && self.domain.registrable() == other.domain.registrable()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packing_is_told_by_the_media_type() {
        for (media_type, packing) in [
            ("application/tlsrpt+gzip", Some(Packing::Gzip)),
            (
                "Application/TLSRPT+json; charset=utf-8",
                Some(Packing::Json),
            ),
            ("application/json", None),
            ("application/tlsrpt+gzip2", None),
            ("", None),
        ] {
            assert_eq!(Packing::of(media_type), packing, "{media_type:?}");
        }
    }
}
