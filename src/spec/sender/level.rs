//! What each policy asks of a host, given what was found out about it.

use super::reason::Reason;
use crate::base::{Domain, Policy, Tlsa};
use crate::spec::tlsa;

/// When the host is named in the handshake (RFC 6066 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sni {
    /// When it must prove its identity, as RFC 7672 8.1 and RFC 8461 7.1 have it.
    #[default]
    Authenticated,
    /// In every handshake.
    Always,
    /// Never.
    Never,
}

/// What a certificate chain must be held against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Whether a trusted certificate for the MX host is required.
    pub pkix: bool,
    /// The TLSA records of which one must match; none: DANE is not required.
    pub tlsa: Vec<Tlsa>,
    /// The reference identifiers for TLSA records of usage 2: TLSA base domain and next-hop domain
    /// (RFC 7672 3.2.2).
    pub names: Vec<Domain>,
}

/// What is known of a host's TLSA records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// MX or addresses are not secure, so that there is nothing to trust (RFC 7672 2.2).
    Insecure,
    /// Securely none, or none that is secure.
    Absent,
    /// Secure ones, at this name.
    Records(Vec<Tlsa>, Domain),
}

/// Whether TLS is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Never,
    IfOffered,
    Required,
}

/// What is asked of one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Level {
    pub tls: Use,
    pub pkix: bool,
    /// The usable records and the TLSA base domain.
    pub dane: Option<(Vec<Tlsa>, Domain)>,
}

impl Level {
    const fn of(tls: Use, pkix: bool) -> Self {
        Self {
            tls,
            pkix,
            dane: None,
        }
    }

    /// The name to send in the handshake.
    pub fn sni(&self, when: Sni, host: &Domain) -> Option<Domain> {
        let base = self.dane.as_ref().map_or(host, |(_, base)| base);
        let authenticated = self.pkix || self.dane.is_some();
        match when {
            Sni::Always => Some(base.clone()),
            Sni::Authenticated if authenticated => Some(base.clone()),
            Sni::Authenticated | Sni::Never => None,
        }
    }

    /// What to hold the chain against.
    pub fn demand(&self, next_hop: &Domain) -> Demand {
        let (tlsa, names) = match &self.dane {
            Some((records, base)) => (records.clone(), vec![base.clone(), next_hop.clone()]),
            None => Default::default(),
        };
        Demand {
            pkix: self.pkix,
            tlsa,
            names,
        }
    }
}

/// Whether the policy looks for TLSA records.
pub(super) const fn wants_dane(policy: Policy) -> bool {
    matches!(policy, Policy::Dane | Policy::DaneOnly | Policy::DaneMtaSts)
}

/// Whether the policy looks for an MTA-STS policy.
pub(super) const fn wants_sts(policy: Policy) -> bool {
    matches!(policy, Policy::MtaSts | Policy::DaneMtaSts)
}

/// What `policy` asks of a host; `enforced` says whether an MTA-STS policy in mode `enforce` permits it.
///
/// # Errors
/// Why the host cannot be used at all.
pub(super) fn level(policy: Policy, enforced: bool, found: Found) -> Result<Level, Reason> {
    Ok(match policy {
        Policy::None => Level::of(Use::Never, false),
        Policy::May => Level::of(Use::IfOffered, false),
        Policy::Encrypt => Level::of(Use::Required, false),
        Policy::Verify => Level::of(Use::Required, true),
        Policy::MtaSts if enforced => Level::of(Use::Required, true),
        Policy::MtaSts => Level::of(Use::IfOffered, false),
        Policy::Dane => by_records(found),
        Policy::DaneOnly => {
            if matches!(found, Found::Insecure) {
                return Err(Reason::Insecure);
            }
            let level = by_records(found);
            match (&level.dane, level.tls) {
                (Some(_), _) => level,
                (None, Use::Required) => return Err(Reason::UnusableTlsa),
                (None, _) => return Err(Reason::NoTlsa),
            }
        }
        // DANE never yields to MTA-STS (RFC 8461 2); here neither yields.
        Policy::DaneMtaSts => {
            let mut level = by_records(found);
            if enforced {
                level.tls = Use::Required;
                level.pkix = true;
            }
            level
        }
    })
}

/// RFC 7672 2.2: usable records must match; unusable ones at least demand TLS; without records TLS is opportunistic.
fn by_records(found: Found) -> Level {
    match found {
        Found::Insecure | Found::Absent => Level::of(Use::IfOffered, false),
        Found::Records(records, base) => {
            let usable: Vec<_> = records.into_iter().filter(tlsa::usable).collect();
            Level {
                dane: (!usable.is_empty()).then_some((usable, base)),
                ..Level::of(Use::Required, false)
            }
        }
    }
}
