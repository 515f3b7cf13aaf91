//! What was seen of a domain, before anything is made of it.

use super::inbound::Trust;
use super::plan::{Exchange, Plan};
use crate::base::{Domain, Lookup, Mx, Security, Tls, Tlsa};
use crate::spec::mta_sts::Policy;
use crate::spec::tlsa::{self, TlsaResult};
use std::net::IpAddr;

/// Of a domain.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The domain.
    pub domain: Domain,
    /// Its MX records.
    pub mx: Lookup<Mx>,
    /// The hosts that follow from them.
    pub plan: Plan,
    /// What was seen of each host of the plan, in its order.
    pub hosts: Vec<Host>,
    /// How many addresses are beyond `limits::MX_ADDRESSES`.
    pub left_out: usize,
    /// Its MTA-STS record and policy.
    pub sts: Sts,
    /// The texts at `_smtp._tls`.
    pub tlsrpt: Lookup<String>,
    /// The texts of the domain, or of the last name that SPF records redirect to.
    pub spf: Lookup<String>,
    /// The texts at `_dmarc`.
    pub dmarc: Dmarc,
}

/// Of a host.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its name and preference.
    pub exchange: Exchange,
    /// Its addresses.
    pub addresses: Lookup<IpAddr>,
    /// The TLSA records that count for it (RFC 7672 2.2.3).
    pub tlsa: Lookup<Tlsa>,
    /// The name below which they are: where aliases of the host lead to, or its own.
    pub base: Domain,
    /// Whether CAA records name issuers (RFC 8659 3), or why that is not known.
    pub caa: Result<bool, String>,
    /// What each of its addresses showed, those left out excepted.
    pub contacts: Vec<(IpAddr, Contact)>,
}

impl Host {
    /// The TLSA records that SMTP can use; none unless they are secure.
    #[must_use]
    pub fn usable(&self) -> Vec<Tlsa> {
        let records = self.tlsa.records.iter().filter(|_| self.tlsa.is_secure());
        records
            .filter(|record| tlsa::usable(record))
            .cloned()
            .collect()
    }
}

/// What an address showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contact {
    /// No connection, or no SMTP on it: nothing is known; why.
    Silent(String),
    /// SMTP, without STARTTLS.
    Clear,
    /// STARTTLS is offered.
    Offered {
        /// The handshakes, in the order they were made; at least one.
        handshakes: Vec<Attempt>,
        /// Whether MAIL is refused without TLS; `None` when that was not found out.
        required: Option<bool>,
    },
}

/// What came of a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// TLS, and EHLO answered inside it.
    Done(Seen),
    /// The server refused or broke it; how.
    Broken(String),
    /// It could not be made or finished, which says nothing of the server; why.
    Lost(String),
}

/// What a server presented, and what it is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Version and suite; every suite that is offered has forward secrecy.
    pub tls: Tls,
    /// The chain by the roots, for the host's name; unknown when the server's key could not be checked.
    pub certificate: Trust,
    /// The name of the root, or of the issuer where no root was found.
    pub root: Option<String>,
    /// What is wrong with the chain, in words; empty when trusted.
    pub why: String,
    /// The chain by the usable TLSA records.
    pub tlsa: TlsaResult,
}

/// MTA-STS as found.
#[derive(Clone, Debug)]
pub struct Sts {
    /// The texts at `_mta-sts`.
    pub record: Lookup<String>,
    /// What the fetch of the policy came to; `None` without a record to fetch it for.
    pub policy: Option<Result<Policy, PolicyFault>>,
}

/// Why there is no policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyFault {
    /// It could not be found out now.
    Unknown(String),
    /// What there is does not count.
    Wrong(String),
}

/// DMARC as found.
#[derive(Clone, Debug)]
pub struct Dmarc {
    /// The texts.
    pub texts: Lookup<String>,
    /// Whether they are those of the organisational domain above (RFC 7489 6.6.3).
    pub inherited: bool,
}

/// No answer for a name that cannot exist, as an answer: there is nothing there, for certain.
pub(super) fn nothing<T>() -> Lookup<T> {
    Lookup::found(Vec::new(), Security::Insecure)
}
