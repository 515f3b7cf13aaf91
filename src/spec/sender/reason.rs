//! Why a host, or the whole domain, was given up.

use super::{Reply, Stage};
use crate::base::Domain;
use std::fmt;
use std::net::IpAddr;

/// Something given up, and why.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GivenUp {
    /// The MX host; `None` when it is about the domain.
    pub host: Option<Domain>,
    /// Its address; `None` when it is about the host or the domain.
    pub address: Option<IpAddr>,
    /// Why.
    pub why: Reason,
}

impl fmt::Display for GivenUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.host {
            write!(f, "{host}")?;
            if let Some(address) = self.address {
                write!(f, " [{address}]")?;
            }
            f.write_str(": ")?;
        }
        write!(f, "{}", self.why)
    }
}

/// Why.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The MX could not be looked up.
    MxLookUp(String),
    /// The domain takes no mail (RFC 7505).
    NullMx,
    /// The domain has neither MX nor address.
    NoMailHost,
    /// The host's addresses could not be looked up.
    AddressLookUp(String),
    /// The host has no address.
    NoAddress,
    /// The TLSA records could not be looked up, or are bogus (RFC 7672 2.1.2).
    TlsaLookUp(String),
    /// DANE is required, and MX or addresses are not secure.
    Insecure,
    /// DANE is required, and there are no TLSA records.
    NoTlsa,
    /// DANE is required, and no TLSA record is usable.
    UnusableTlsa,
    /// The MTA-STS policy does not name the host (RFC 8461 5).
    NotInPolicy,
    /// There was no connection.
    NotConnected(String),
    /// TLS is required and was not offered.
    NoStartTls,
    /// STARTTLS was refused, or the handshake broke.
    NotSecured(String),
    /// The certificate is not trusted for the host.
    Untrusted(String),
    /// The TLSA records do not match.
    TlsaMismatch(String),
    /// The server said no.
    Refused(Stage, Reply),
    /// The connection broke, or the server did not keep to the protocol.
    Lost(Stage, String),
    /// As many hosts, addresses or sessions as one attempt may have were used; others remain.
    EnoughTried,
    /// A step and its answer did not fit together: a fault of ours.
    OutOfStep,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MxLookUp(why) => write!(f, "MX look-up failed: {why}"),
            Self::NullMx => f.write_str("the domain accepts no mail (null MX)"),
            Self::NoMailHost => f.write_str("the domain has neither MX nor address"),
            Self::AddressLookUp(why) => write!(f, "address look-up failed: {why}"),
            Self::NoAddress => f.write_str("no address"),
            Self::TlsaLookUp(why) => write!(f, "TLSA look-up failed: {why}"),
            Self::Insecure => {
                f.write_str("DANE is required, but MX or addresses are not secured by DNSSEC")
            }
            Self::NoTlsa => f.write_str("DANE is required, but there are no secure TLSA records"),
            Self::UnusableTlsa => f.write_str("DANE is required, but no TLSA record is usable"),
            Self::NotInPolicy => {
                f.write_str("the MTA-STS policy of the domain does not name this host")
            }
            Self::NotConnected(why) => f.write_str(why),
            Self::NoStartTls => f.write_str("TLS is required, but STARTTLS was not offered"),
            Self::NotSecured(why) => write!(f, "no TLS: {why}"),
            Self::Untrusted(why) => write!(f, "certificate refused: {why}"),
            Self::TlsaMismatch(why) => write!(f, "certificate refused: {why}"),
            Self::Refused(stage, reply) => write!(f, "refused at {stage}: {reply}"),
            Self::Lost(stage, why) => write!(f, "{why} (at {stage})"),
            Self::EnoughTried => f.write_str("enough hosts were tried in this attempt"),
            Self::OutOfStep => f.write_str("internal error: an answer without its question"),
        }
    }
}
