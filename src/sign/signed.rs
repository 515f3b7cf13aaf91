//! A signed zone: its records, and the answers made of them.

use super::SignError;
use super::blob::Blob;
use super::message::{Answers, Encoder, Message, Pair, cover};
use super::name::{Place, QueryName, WireName};
use super::rrset::{Listed, Rrset};
use super::tree::{Node, Tree};
use crate::base::Timestamp;
use foldhash::fast::RandomState;
use hickory_proto::dnssec::rdata::DS;
use hickory_proto::rr::{Name, Record, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};
use std::collections::HashMap;

/// A zone with its signatures and its answers; nothing in it ever changes.
#[derive(Debug)]
pub struct SignedZone {
    origin: Name,
    tree: Tree,
    labels: usize,
    numbers: HashMap<Box<[u8]>, usize, RandomState>,
    answers: Vec<Answers>,
    nxdomain: Pair,
    denials: Vec<(Place, Blob)>,
    ds: Vec<DS>,
    serial: u32,
    renewal: Timestamp,
    made: usize,
}

/// How the signing went that a zone comes from.
pub(super) struct Outcome {
    pub(super) ds: Vec<DS>,
    pub(super) renewal: Timestamp,
    pub(super) made: usize,
}

impl SignedZone {
    /// Encodes a tree whose RRsets are signed.
    pub(super) fn new(origin: Name, tree: Tree, outcome: Outcome) -> Self {
        let encoder = Encoder::new(&tree);
        let mut answers: Vec<_> = tree
            .nodes
            .values()
            .map(|node| encoder.answers(node))
            .collect();
        let numbers: HashMap<Box<[u8]>, usize, RandomState> = tree
            .nodes
            .values()
            .enumerate()
            .map(|(number, node)| (node.name.as_bytes().into(), number))
            .collect();
        for (node, answers) in tree.nodes.values().zip(&mut answers) {
            let wildcard = tree.wildcard(node);
            answers.wildcard =
                wildcard.and_then(|wildcard| numbers.get(wildcard.name.as_bytes()).copied());
        }
        Self {
            origin,
            labels: tree.apex.labels().count(),
            numbers,
            answers,
            nxdomain: encoder.nxdomain(),
            denials: encoder.denials().collect(),
            ds: outcome.ds,
            serial: tree.soa().map_or(0, Rrset::serial),
            renewal: outcome.renewal,
            made: outcome.made,
            tree,
        }
    }

    /// The apex.
    #[must_use]
    pub const fn origin(&self) -> &Name {
        &self.origin
    }

    /// The serial of the SOA.
    #[must_use]
    pub const fn serial(&self) -> u32 {
        self.serial
    }

    /// The DS records that the parent should have: those of the key signing keys in use or about to be.
    #[must_use]
    pub fn ds(&self) -> &[DS] {
        &self.ds
    }

    /// When the zone should be signed again at the latest, so that half of the time of every signature is left; `now`
    /// if that is past.
    #[must_use]
    pub fn next_renewal(&self, now: Timestamp) -> Timestamp {
        self.renewal.max(now)
    }

    /// How many signatures had to be made for this zone; the others came from the cache.
    #[must_use]
    pub const fn signatures_made(&self) -> usize {
        self.made
    }

    /// Every record that is served, glue included: the SOA, then by name in canonical order, each RRset followed by
    /// its signatures. This is the zone in master format or in a transfer, which ends with the SOA once more.
    ///
    /// # Errors
    /// When a record that was encoded cannot be read back.
    pub fn records(&self) -> Result<Vec<Record>, SignError> {
        self.listed()
            .map(|listed| record(listed.owner, listed.rtype, listed.ttl, listed.rdata))
            .collect()
    }

    /// The same records, as they are encoded.
    pub(super) fn listed(&self) -> impl Iterator<Item = Listed<'_>> {
        let soa = self.tree.soa().map(|soa| (&self.tree.apex, soa));
        let mut nodes: Vec<(&Place, &Node)> =
            self.tree.nodes.iter().chain(&self.tree.glue).collect();
        nodes.sort_by_key(|(place, _)| *place);
        let others = nodes
            .into_iter()
            .flat_map(|(_, node)| node.rrsets.values().map(move |set| (&node.name, set)))
            .filter(|(_, set)| set.rtype != u16::from(RecordType::SOA));
        soa.into_iter()
            .chain(others)
            .flat_map(|(owner, set)| set.listed(owner))
    }

    /// The SOA as a record, for a NOTIFY (RFC 1996 3.7).
    ///
    /// # Errors
    /// When it cannot be read back, or there is none.
    pub fn soa(&self) -> Result<Record, SignError> {
        let first = self.listed().next();
        let soa = first.ok_or_else(|| SignError::Missing {
            zone: self.tree.apex.to_string(),
            rtype: RecordType::SOA.to_string(),
        })?;
        record(soa.owner, soa.rtype, soa.ttl, soa.rdata)
    }

    pub(super) const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Labels of the apex, the root's not counted.
    pub(super) const fn labels(&self) -> usize {
        self.labels
    }

    pub(super) const fn apex(&self) -> &WireName {
        &self.tree.apex
    }

    /// What to say about a name within this zone.
    pub(super) fn find(
        &self,
        name: &QueryName,
        rtype: u16,
        dnssec: bool,
        place: &mut Place,
    ) -> Found<'_> {
        let mut skipped = 0;
        let encloser = loop {
            match self.numbers.get(name.suffix(skipped)) {
                Some(number) => break &self.answers[*number],
                // A name outside would end at the root; the snapshot never asks for one.
                None if skipped > name.count() => break &self.answers[0],
                None => skipped += 1,
            }
        };
        let found = |message| Found {
            zone: self,
            message,
            proofs: [None, None],
        };
        if skipped == 0 {
            return found(encloser.choose(rtype, dnssec));
        }
        if encloser.cut {
            return found(encloser.referral(dnssec));
        }
        let wildcard = encloser.wildcard.map(|number| &self.answers[number]);
        let mut found = found(match wildcard {
            Some(wildcard) => wildcard.choose(rtype, dnssec),
            None => self.nxdomain.choose(dnssec),
        });
        if dnssec {
            name.place(0, self.labels, place);
            found.prove(cover(&self.denials, place, |(place, _)| place));
            if wildcard.is_none() {
                name.place(skipped, self.labels, place);
                place.descend(b"*");
                found.prove(cover(&self.denials, place, |(place, _)| place));
            }
        }
        found
    }
}

fn record(owner: &WireName, rtype: u16, ttl: u32, rdata: &[u8]) -> Result<Record, SignError> {
    let length = u16::try_from(rdata.len()).unwrap_or(u16::MAX);
    let wire = [
        owner.as_bytes(),
        &rtype.to_be_bytes(),
        &[0, 1],
        &ttl.to_be_bytes(),
        &length.to_be_bytes(),
        rdata,
    ]
    .concat();
    Record::read(&mut BinDecoder::new(&wire)).map_err(|error| SignError::Record {
        owner: owner.to_string(),
        rtype: RecordType::from(rtype).to_string(),
        why: error.to_string(),
    })
}

/// What was found for a question; [`Found::write`] makes it part of a message.
#[derive(Clone, Copy, Debug)]
pub struct Found<'z> {
    zone: &'z SignedZone,
    message: &'z Message,
    proofs: [Option<usize>; 2],
}

/// How many records a message has, by section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The answer section.
    pub answer: u16,
    /// The authority section.
    pub authority: u16,
    /// The additional section, without OPT.
    pub additional: u16,
}

impl Found<'_> {
    fn prove(&mut self, number: usize) {
        let known = self.message.denials.contains(&number) || self.proofs.contains(&Some(number));
        if let Some(free) = self.proofs.iter_mut().find(|proof| proof.is_none())
            && !known
        {
            *free = Some(number);
        }
    }

    /// A number that equal answers of one snapshot share, and others do not have: all that deny a name in a zone are
    /// equal, all that a wildcard gives, all of a referral. It is never one of the first 16.
    #[must_use]
    pub fn same(&self) -> usize {
        std::ptr::from_ref(self.message).addr()
    }

    /// The response code: 0, or 3 for a name that does not exist.
    #[must_use]
    pub const fn rcode(&self) -> u8 {
        self.message.rcode
    }

    /// Whether the answer comes from this zone and is no referral (the AA bit).
    #[must_use]
    pub const fn authoritative(&self) -> bool {
        self.message.authoritative
    }

    /// Appends the three sections to a message that so far holds the header and the question, which must be the one
    /// this was found for, its name at octet 12 and `name` octets long.
    pub fn write(&self, name: usize, out: &mut Vec<u8>) -> Counts {
        let apex = 12 + name.saturating_sub(self.zone.apex().as_bytes().len());
        let apex = u16::try_from(apex).unwrap_or_default();
        let mut counts = Counts {
            answer: self.message.answer.write(out, apex),
            authority: self.message.authority.write(out, apex),
            additional: 0,
        };
        let denials = self.message.denials.iter().copied();
        for number in denials.chain(self.proofs.into_iter().flatten()) {
            if let Some((_, nsec)) = self.zone.denials.get(number) {
                counts.authority += nsec.write(out, apex);
            }
        }
        counts.additional = self.message.additional.write(out, apex);
        counts
    }
}
