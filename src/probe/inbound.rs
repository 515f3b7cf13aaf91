//! The outcome of an inbound check, as JSON has it (`inbound` of a test, and what `probe --json` prints).

use crate::base::{Domain, Security};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

/// A mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Mark {
    /// It holds, everywhere.
    #[serde(rename = "pass")]
    Pass,
    /// It does not, somewhere.
    #[serde(rename = "fail")]
    Fail,
    /// It could not be found out now.
    #[default]
    #[serde(rename = "unknown")]
    Unknown,
    /// There is nothing that it could hold for.
    #[serde(rename = "not applicable")]
    NotApplicable,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
            Self::NotApplicable => "not applicable",
        })
    }
}

/// The colour of a domain in the original's surveys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// No encryption.
    Red,
    /// Encryption without trusted certificates.
    Yellow,
    /// Valid certificates.
    White,
    /// SMTP-DANE, or qualified transport encryption.
    Green,
    /// See the findings.
    Grey,
}

/// Whether an address offers STARTTLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StartTls {
    /// Not offered.
    Absent,
    /// Offered; mail is taken without it too, or that was not tried.
    Optional,
    /// Mail is refused without it.
    Required,
    /// Offered, and the handshake fails.
    Failed,
    /// No connection, or no SMTP on it.
    Unknown,
}

/// What a certificate is worth for the MX host's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Trust {
    /// Chain, time and name are right.
    #[serde(rename = "trusted")]
    Trusted,
    /// No chain to a trusted root.
    #[serde(rename = "untrusted")]
    Untrusted,
    /// Expired, or not yet valid.
    #[serde(rename = "expired")]
    Expired,
    /// The chain is right, the name is another.
    #[serde(rename = "name mismatch")]
    NameMismatch,
    /// None was seen.
    #[serde(rename = "unknown")]
    Unknown,
}

/// One address of an MX host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressReport {
    /// The address.
    pub address: IpAddr,
    /// STARTTLS.
    pub starttls: StartTls,
    /// The versions seen to work, such as `1.2`.
    pub tls_versions: Vec<String>,
    /// Whether the handshake had forward secrecy.
    pub forward_secrecy: Mark,
    /// The certificate.
    pub certificate: Trust,
    /// The name of the root that the chain leads to.
    pub root_issuer: Option<String>,
    /// Whether the TLSA records match; not applicable without usable ones.
    pub tlsa: Mark,
    /// What went wrong, in words, where something did.
    pub error: Option<String>,
}

/// The DNSSEC states that lead to an MX host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dnssec {
    /// Of the MX records.
    pub mx: Security,
    /// Of the host's addresses.
    pub a: Security,
    /// Of the TLSA records, or of their absence.
    pub tlsa: Security,
}

/// One MX host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MxReport {
    /// Its name.
    pub host: Domain,
    /// Its preference.
    pub preference: u16,
    /// Its DNSSEC states.
    pub dnssec: Dnssec,
    /// Whether host and certificates agree with the domain's MTA-STS policy.
    pub mta_sts: Mark,
    /// Whether CAA records say who may issue for it.
    pub caa: Mark,
    /// Its addresses.
    pub addresses: Vec<AddressReport>,
}

/// The network behind some addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkOwner {
    /// Its name in the registry.
    pub name: String,
    /// Who holds it.
    pub owner: String,
    /// Two letters.
    pub country: String,
    /// Which addresses lie in it.
    pub addresses: Vec<IpAddr>,
}

/// Something worth knowing beside the marks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// Its code, such as `dane-no-match`.
    pub code: String,
    /// One English sentence.
    pub text: String,
    /// The standard it rests on, such as `7672 2.2`; empty where none applies.
    pub rfc: String,
}

/// How a domain receives mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbound {
    /// The domain.
    pub domain: Domain,
    /// Its colour.
    pub colour: Colour,
    /// RFC 7672 SMTP-DANE.
    pub dane: Mark,
    /// RFC 8461 MTA-STS.
    pub mta_sts: Mark,
    /// Qualified transport encryption.
    pub qualified_transport_encryption: Mark,
    /// RFC 8460 TLSRPT.
    pub tlsrpt: Mark,
    /// RFC 7208 SPF: one record that ends in `-all` or `~all`.
    pub spf: Mark,
    /// RFC 7489 DMARC: one record with a policy of quarantine or reject.
    pub dmarc: Mark,
    /// Whether it says that it takes no mail (RFC 7505).
    pub null_mx: bool,
    /// The networks behind the addresses; empty where not asked for.
    pub networks: Vec<NetworkOwner>,
    /// Remarks.
    pub findings: Vec<Remark>,
    /// The MX hosts by preference.
    pub mx: Vec<MxReport>,
}
