//! From an unsigned zone to signatures and answers: RRSIG, NSEC, DNSKEY, CDS (RFC 4033 to 4035, 7344, 9077), all
//! encoded ahead of the questions.
//!
//! Nothing here opens a socket, reads a clock or waits. A [`SignedZone`] never changes; a new one takes its place, and
//! only what changed is signed again.
//!
//! NSEC and not NSEC3: what the zones hold is public by purpose, and RFC 9276 prefers it then.

mod blob;
mod history;
mod message;
mod name;
mod rrset;
mod signature;
mod signed;
mod snapshot;
#[cfg(test)]
mod tests;
mod transfer;
mod tree;

pub use name::{Place, QueryName};
pub use signature::SignatureCache;
pub use signed::{Counts, Found, SignedZone};
pub use snapshot::{Snapshot, Transfer};
pub use transfer::Section;

use crate::base::Timestamp;
use crate::keys::{KeyState, Role, ZoneKeys};
use crate::zone::Zone;
use hickory_proto::dnssec::rdata::DS;
use hickory_proto::rr::{Name, RecordType};
use rrset::{Rrset, canonical};
use signature::{Key, Signer};
use signed::Outcome;
use std::fmt;
use std::time::Duration;
use tree::Tree;

/// When signatures are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// How long before it was made a signature is valid, for resolvers whose clock is slow.
    pub backdate: Duration,
    /// How long it is valid from when it was made. At half of that it is made anew.
    pub lifetime: Duration,
}

impl Default for Validity {
    /// From an hour ago, for 14 days.
    fn default() -> Self {
        Self {
            backdate: Duration::from_secs(3600),
            lifetime: Duration::from_secs(14 * 24 * 3600),
        }
    }
}

impl Validity {
    fn backdate(&self) -> i64 {
        i64::try_from(self.backdate.as_secs()).unwrap_or(i64::MAX)
    }

    fn lifetime(&self) -> i64 {
        i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX)
    }

    /// The seconds left at which a signature is renewed.
    fn renewal(&self) -> i64 {
        self.lifetime() / 2
    }
}

/// How to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The TTL of DNSKEY, CDS and CDNSKEY, in seconds.
    pub ttl_keys: u32,
    /// When signatures are valid.
    pub validity: Validity,
}

/// Why a zone cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignError {
    /// A record that does not belong there, or cannot be encoded.
    Record {
        /// Its owner.
        owner: String,
        /// Its type.
        rtype: String,
        /// What is wrong with it.
        why: String,
    },
    /// The apex lacks records of a type.
    Missing {
        /// The apex.
        zone: String,
        /// The type.
        rtype: String,
    },
    /// A key is missing or fails.
    Key {
        /// The apex.
        zone: String,
        /// What is wrong.
        why: String,
    },
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record { owner, rtype, why } => write!(f, "{owner} {rtype}: {why}"),
            Self::Missing { zone, rtype } => write!(f, "{zone} has no {rtype} record"),
            Self::Key { zone, why } => write!(f, "{zone} cannot be signed: {why}"),
        }
    }
}

impl std::error::Error for SignError {}

/// Signs a zone and encodes its answers.
///
/// DNSKEY, CDS and CDNSKEY are added and signed by the key signing keys in use; all else, with the NSEC chain, is
/// signed by the zone signing keys in use. CDS and CDNSKEY name every key signing key that is not retired, so that a
/// parent that reads them has the next key's DS before that key takes over. Delegations and glue are not signed, DS
/// records are. What did not change keeps its signature from `cache`, unless half of its time is over.
///
/// # Errors
/// When a record is out of place, of class other than IN, or of a type that is made here or not supported (DNAME),
/// when SOA or NS are missing at the apex, or when no key of a role is in use. `cache` then stays as it was.
pub fn sign(
    zone: &Zone,
    keys: &ZoneKeys,
    terms: &Terms,
    now: Timestamp,
    cache: &mut SignatureCache,
) -> Result<SignedZone, SignError> {
    let mut tree = Tree::of(zone)?;
    let failed = |error: &dyn fmt::Display| SignError::Key {
        zone: zone.origin.to_string(),
        why: error.to_string(),
    };
    for rrset in key_sets(&zone.origin, keys, terms.ttl_keys).map_err(|error| failed(&error))? {
        tree.add(rrset);
    }
    tree.chain();

    let [ksk, zsk] = [Role::Ksk, Role::Zsk].map(|role| signing(keys, role));
    let (ksk, zsk) = (
        ksk.map_err(|error| failed(&error))?,
        zsk.map_err(|error| failed(&error))?,
    );
    let apex = tree.apex.clone();
    let mut signer = Signer::new(&apex, terms.validity, now, cache);
    let ns = u16::from(RecordType::NS);
    let by_ksk = [RecordType::DNSKEY, RecordType::CDS, RecordType::CDNSKEY].map(u16::from);
    for node in tree.nodes.values_mut() {
        let at_apex = node.name == apex;
        for (rtype, rrset) in &mut node.rrsets {
            if node.cut && *rtype == ns {
                continue;
            }
            let keys = if at_apex && by_ksk.contains(rtype) {
                &ksk
            } else {
                &zsk
            };
            signer.sign(&node.name, rrset, keys)?;
        }
    }
    let (signatures, due, made) = signer.finish();
    *cache = signatures;
    let outcome = Outcome {
        ds: ds(&zone.origin, keys).map_err(|error| failed(&error))?,
        renewal: Timestamp::from_second(due).unwrap_or(now),
        made,
    };
    Ok(SignedZone::new(zone.origin.to_lowercase(), tree, outcome))
}

fn signing(keys: &ZoneKeys, role: Role) -> Result<Vec<Key>, String> {
    let keys = keys
        .signing(role)
        .map(|key| {
            let record = canonical(key.dnskey()).map_err(|error| error.to_string())?;
            let key = key.clone();
            Ok(Key { key, record })
        })
        .collect::<Result<Vec<_>, String>>()?;
    if keys.is_empty() {
        return Err(format!("no {role} is in use"));
    }
    Ok(keys)
}

/// The DNSKEY, CDS and CDNSKEY RRsets.
fn key_sets(origin: &Name, keys: &ZoneKeys, ttl: u32) -> Result<Vec<Rrset>, String> {
    let (mut dnskey, mut cds, mut cdnskey) = (Vec::new(), Vec::new(), Vec::new());
    for key in keys.published() {
        dnskey.push(canonical(key.dnskey()).map_err(|error| error.to_string())?);
    }
    for key in wanted(keys) {
        let digest = key.cds(origin).map_err(|error| error.to_string())?;
        cds.push(canonical(&digest).map_err(|error| error.to_string())?);
        cdnskey.push(canonical(&key.cdnskey()).map_err(|error| error.to_string())?);
    }
    Ok(vec![
        Rrset::new(RecordType::DNSKEY, ttl, dnskey),
        Rrset::new(RecordType::CDS, ttl, cds),
        Rrset::new(RecordType::CDNSKEY, ttl, cdnskey),
    ])
}

fn ds(origin: &Name, keys: &ZoneKeys) -> Result<Vec<DS>, crate::keys::KeyError> {
    wanted(keys).map(|key| key.ds(origin)).collect()
}

/// The key signing keys that the parent should know.
fn wanted(keys: &ZoneKeys) -> impl Iterator<Item = &std::sync::Arc<crate::keys::DnssecKey>> {
    keys.ksk.iter().filter(|key| key.state != KeyState::Retired)
}
