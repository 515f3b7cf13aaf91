//! The zone: what the appliance publishes, and the operator's records beside it.

use super::generate::{Inputs, Instead, generate, name};
use super::operator::{Merger, Operator, Reserved};
use super::{Zone, ZoneError};
use crate::base::Domain;
use crate::cases::{self, Issue};
use crate::certs::Slot;
use hickory_proto::rr::RecordType;
use std::collections::BTreeMap;

/// The label at which a CA looks for its proof.
const CHALLENGE: &str = "_acme-challenge";

/// What most reserved names decide.
const TEST: &str = "the test";

/// Builds a zone; pure, and the same for the same inputs.
///
/// Of the operator's SOA the names and timers are taken, but neither serial number nor negative TTL; NS at the apex and
/// the addresses of `ns1` take the place of the generated ones; everything else stands beside what is generated.
///
/// # Errors
/// [`ZoneError::Master`] when a record of the operator clashes with a generated one or must not be in the zone,
/// [`ZoneError::Inputs`] when the inputs do not fit together.
pub fn build(inputs: &Inputs<'_>, operator: &Operator) -> Result<Zone, ZoneError> {
    let origin = name(&inputs.base_domain.below(inputs.zone.label())?)?;
    let reserved = reserved(inputs)?;
    let mut merger = Merger {
        operator,
        origin: &origin,
        instead: Instead::default(),
        lines: BTreeMap::new(),
        rrsets: BTreeMap::new(),
    };
    for entry in &operator.entries {
        merger.admit(entry, &reserved)?;
    }
    let made = generate(inputs, &merger.instead)?;
    merger.generated(made)?;
    for entry in &operator.entries {
        merger.operators(entry, inputs.ttls.keys)?;
    }
    merger.check(&reserved)?;
    let rrsets = merger.rrsets;
    Ok(Zone { origin, rrsets })
}

/// What the operator may not publish, by name and type: tests and certificates rest on these.
///
/// `mta-sts` may get addresses from a wildcard: without the TXT record at `_mta-sts` nobody asks for a policy there
/// (RFC 8461 3.1).
fn reserved(inputs: &Inputs<'_>) -> Result<Vec<Reserved>, ZoneError> {
    let apex = inputs.base_domain.below(inputs.zone.label())?;
    let mut names = Vec::new();
    for case in cases::hosts().filter(|case| case.zone == inputs.zone) {
        if let Some(host) = cases::relative_name(case.server) {
            let host = inputs.base_domain.below(&host)?;
            names.push((host.below("_25._tcp")?, Some(RecordType::TLSA), TEST));
        }
    }
    // Whoever answers there gets certificates for our names (RFC 8555 8.4).
    for name in challenged(inputs)? {
        names.push((name.below(CHALLENGE)?, None, "who gets certificates for us"));
    }
    names.push((apex.below("_mta-sts")?, Some(RecordType::TXT), TEST));
    names.push((apex.below("mta-sts")?, None, TEST));
    let reserve = |(domain, decides, why)| {
        let name = name(&domain)?;
        Ok(Reserved { name, decides, why })
    };
    names.into_iter().map(reserve).collect()
}

/// The names of this zone that certificates are for.
fn challenged(inputs: &Inputs<'_>) -> Result<Vec<Domain>, ZoneError> {
    let apex = inputs.base_domain.below(inputs.zone.label())?;
    let mut names = Vec::new();
    for slot in Slot::all().filter(|slot| slot.issue() == Issue::Ca) {
        let all = slot.names(inputs.base_domain)?.into_iter();
        names.extend(all.filter(|name| name.is_within(&apex)));
    }
    Ok(names)
}
