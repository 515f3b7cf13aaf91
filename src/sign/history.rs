//! What changed from version to version of a zone, record by record, signatures included.

use super::name::WireName;
use super::rrset::{Listed, Rrset};
use super::signed::SignedZone;
use super::transfer::octets;
use super::tree::Node;
use crate::base::limits;
use hickory_proto::rr::{RecordType, SerialNumber};
use std::cmp::Ordering;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// One record, kept for itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) owner: WireName,
    pub(super) rtype: u16,
    pub(super) ttl: u32,
    pub(super) rdata: Vec<u8>,
}

impl Entry {
    fn of(listed: &Listed<'_>) -> Self {
        Self {
            owner: listed.owner.clone(),
            rtype: listed.rtype,
            ttl: listed.ttl,
            rdata: listed.rdata.to_vec(),
        }
    }

    pub(super) fn listed(&self) -> Listed<'_> {
        Listed {
            owner: &self.owner,
            rtype: self.rtype,
            ttl: self.ttl,
            rdata: &self.rdata,
        }
    }
}

/// The step from one version to the next.
#[derive(Debug)]
struct Change {
    from: u32,
    removed: Vec<Entry>,
    added: Vec<Entry>,
    octets: usize,
}

/// The steps to the version served, the last one leading to it. They are bounded in number and size; the oldest are
/// forgotten first.
#[derive(Clone, Debug, Default)]
pub(super) struct History(VecDeque<Arc<Change>>);

impl History {
    /// The history of a version that takes the place of another one with this history. It is empty when serials do
    /// not rise (RFC 1982): nobody could tell the versions apart.
    pub(super) fn after(&self, before: &SignedZone, now: &SignedZone) -> Self {
        let serial = |zone: &SignedZone| SerialNumber::new(zone.serial());
        if std::ptr::eq(before, now) {
            return self.clone();
        }
        let rises = serial(now).partial_cmp(&serial(before)) == Some(Ordering::Greater);
        if !rises {
            return Self::default();
        }
        let mut steps = self.0.clone();
        steps.push_back(Arc::new(difference(before, now)));
        let mut octets: usize = steps.iter().map(|step| step.octets).sum();
        while steps.len() > limits::ZONE_VERSIONS || octets > limits::ZONE_CHANGES {
            let Some(oldest) = steps.pop_front() else {
                break;
            };
            octets -= oldest.octets;
        }
        Self(steps)
    }

    /// What to remove from this version and what to add to it, to get the version served, each with its SOA first. `None`
    /// when it is not known or not known any more.
    pub(super) fn since(&self, serial: u32) -> Option<(Vec<&Entry>, Vec<&Entry>)> {
        let first = self.0.iter().position(|step| step.from == serial)?;
        let (mut removed, mut added) = (BTreeSet::new(), BTreeSet::new());
        for step in self.0.range(first..) {
            // What came in between and went again is no change, and what went and came again neither.
            for entry in &step.removed {
                if !added.remove(entry) {
                    removed.insert(entry);
                }
            }
            for entry in &step.added {
                if !removed.remove(entry) {
                    added.insert(entry);
                }
            }
        }
        Some((soa_first(removed), soa_first(added)))
    }
}

fn soa_first(entries: BTreeSet<&Entry>) -> Vec<&Entry> {
    let mut entries = Vec::from_iter(entries);
    entries.sort_by_key(|entry| entry.rtype != u16::from(RecordType::SOA));
    entries
}

/// The step between two versions of a zone.
fn difference(before: &SignedZone, now: &SignedZone) -> Change {
    let (old, new) = (before.tree(), now.tree());
    let mut change = Change {
        from: before.serial(),
        removed: Vec::new(),
        added: Vec::new(),
        octets: 0,
    };
    for (old, new) in [(&old.nodes, &new.nodes), (&old.glue, &new.glue)] {
        for (place, node) in old {
            lost(node, new.get(place), &mut change.removed);
        }
        for (place, node) in new {
            lost(node, old.get(place), &mut change.added);
        }
    }
    let entries = change.removed.iter().chain(&change.added);
    change.octets = entries.map(|entry| octets(&entry.listed())).sum();
    change
}

/// Collects the records of a name that the other version of it does not have.
fn lost(node: &Node, other: Option<&Node>, into: &mut Vec<Entry>) {
    for (rtype, set) in &node.rrsets {
        let other: Option<&Rrset> = other.and_then(|other| other.rrsets.get(rtype));
        if other == Some(set) {
            continue;
        }
        let same = |listed: &Listed<'_>| {
            other.is_some_and(|other| {
                other.ttl == listed.ttl
                    && (other.listed(&node.name))
                        .any(|kept| kept.rtype == listed.rtype && kept.rdata == listed.rdata)
            })
        };
        let gone = set.listed(&node.name).filter(|listed| !same(listed));
        into.extend(gone.map(|listed| Entry::of(&listed)));
    }
}
