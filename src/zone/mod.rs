//! A zone as a value, before it is signed.

pub mod master;

use hickory_proto::rr::{Name, RecordSet, RrKey};
use std::collections::BTreeMap;

/// All records of one zone, unsigned: no RRSIG, NSEC, DNSKEY or CDS is among them.
#[derive(Clone, Debug)]
pub struct Zone {
    /// The apex, fully qualified, lower case.
    pub origin: Name,
    /// The RRsets; just one SOA, at the apex.
    pub rrsets: BTreeMap<RrKey, RecordSet>,
}
