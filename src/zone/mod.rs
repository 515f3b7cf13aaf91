//! A zone as a value, before it is signed: built from the case table, the configuration, keys and certificates, and
//! from the operator's master file.
//!
//! Everything here is pure: text comes in and goes out, files are read and written by others, nothing is signed.

mod build;
mod generate;
pub mod master;
mod operator;
pub mod policy;
pub mod serial;
#[cfg(test)]
mod tests;

pub use build::build;
pub use generate::{Inputs, Ttls};
pub use operator::Operator;

use hickory_proto::rr::{Name, Record, RecordSet, RrKey};
use master::MasterError;
use std::collections::BTreeMap;
use std::fmt;

/// All records of one zone, unsigned: no RRSIG, NSEC, DNSKEY or CDS is among them.
#[derive(Clone, Debug)]
pub struct Zone {
    /// The apex, fully qualified, lower case.
    pub origin: Name,
    /// The RRsets; just one SOA, at the apex.
    pub rrsets: BTreeMap<RrKey, RecordSet>,
}

impl Zone {
    /// All records, set by set.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.rrsets
            .values()
            .flat_map(RecordSet::records_without_rrsigs)
    }
}

/// Why there is no zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ZoneError {
    /// The operator's file is wrong.
    Master(MasterError),
    /// What it is to be built from does not fit together.
    Inputs(String),
}

impl fmt::Display for ZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Master(error) => error.fmt(f),
            Self::Inputs(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for ZoneError {}

impl From<MasterError> for ZoneError {
    fn from(error: MasterError) -> Self {
        Self::Master(error)
    }
}

impl From<crate::base::NameError> for ZoneError {
    fn from(error: crate::base::NameError) -> Self {
        Self::Inputs(error.0)
    }
}
