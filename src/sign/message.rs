//! What is said to each question that can be foreseen: per name and type, with and without DNSSEC records.

use super::blob::{Blob, Owner};
use super::name::{Place, WireName};
use super::rrset::Rrset;
use super::tree::{Met, Node, Tree};
use hickory_proto::rr::RecordType;
use std::collections::BTreeSet;

/// CNAME records followed within a zone; a resolver goes on from there.
const CHAIN: usize = 8;
/// No such name (RFC 1035 4.1.1).
pub(super) const NXDOMAIN: u8 = 3;
/// A type that no name has (RFC 6895 3.1: reserved).
const NO_TYPE: u16 = 65535;
const ANY: u16 = 255;

/// The sections of an answer, in part: denial records are named by their place in the zone's chain.
#[derive(Clone, Debug, Default)]
pub(super) struct Message {
    pub(super) rcode: u8,
    /// The AA bit: not in referrals.
    pub(super) authoritative: bool,
    pub(super) answer: Blob,
    pub(super) authority: Blob,
    pub(super) additional: Blob,
    /// NSEC records that belong into the authority section, by their number in the chain, each once.
    pub(super) denials: Vec<usize>,
}

/// A message without DNSSEC records, and with them.
#[derive(Clone, Debug, Default)]
pub(super) struct Pair {
    pub(super) plain: Message,
    pub(super) dnssec: Message,
}

impl Pair {
    fn of(make: impl Fn(bool) -> Message) -> Self {
        Self {
            plain: make(false),
            dnssec: make(true),
        }
    }

    pub(super) const fn choose(&self, dnssec: bool) -> &Message {
        if dnssec { &self.dnssec } else { &self.plain }
    }
}

/// What one name answers.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    types: Vec<(u16, Pair)>,
    other: Pair,
    /// Whether this is a cut, so that names below it get the same referral.
    pub(super) cut: bool,
    /// The number of the wildcard right below this name.
    pub(super) wildcard: Option<usize>,
}

impl Answers {
    pub(super) fn choose(&self, rtype: u16, dnssec: bool) -> &Message {
        self.types
            .iter()
            .find(|(known, _)| *known == rtype)
            .map_or(&self.other, |(_, pair)| pair)
            .choose(dnssec)
    }

    /// The referral of a cut.
    pub(super) const fn referral(&self, dnssec: bool) -> &Message {
        self.other.choose(dnssec)
    }
}

/// The encoder of one signed zone.
pub(super) struct Encoder<'t> {
    tree: &'t Tree,
    /// The owners of the NSEC records in canonical order, as places.
    chain: Vec<Place>,
}

impl<'t> Encoder<'t> {
    pub(super) fn new(tree: &'t Tree) -> Self {
        let owners = tree
            .nodes
            .iter()
            .filter(|(_, node)| !node.rrsets.is_empty());
        Self {
            tree,
            chain: owners.map(|(place, _)| place.clone()).collect(),
        }
    }

    /// What a name answers; the number of its wildcard is for the caller to know.
    pub(super) fn answers(&self, node: &Node) -> Answers {
        let types = self.types(node);
        let pair = |rtype| Pair::of(|dnssec| self.message(node, rtype, dnssec));
        let other = if node.cut {
            Pair::of(|dnssec| {
                let mut message = Message::default();
                self.refer(&mut message, node, dnssec);
                message
            })
        } else {
            pair(NO_TYPE)
        };
        Answers {
            types: types
                .into_iter()
                .map(|rtype| (rtype, pair(rtype)))
                .collect(),
            other,
            cut: node.cut,
            wildcard: None,
        }
    }

    /// The answer to a name that does not exist, but for the proofs, which depend on the name.
    pub(super) fn nxdomain(&self) -> Pair {
        Pair::of(|dnssec| {
            let mut message = Message {
                rcode: NXDOMAIN,
                authoritative: true,
                ..Message::default()
            };
            self.negative(&mut message, dnssec);
            message
        })
    }

    /// The NSEC records with their places.
    pub(super) fn denials(&self) -> impl Iterator<Item = (Place, Blob)> {
        self.chain.iter().filter_map(|place| {
            let node = self.tree.nodes.get(place)?;
            let nsec = node.get(RecordType::NSEC)?;
            let mut blob = Blob::default();
            blob.push(Owner::Name(&node.name), nsec, &self.tree.apex, true);
            Some((place.clone(), blob))
        })
    }

    /// The types whose answer differs from the others'.
    fn types(&self, node: &Node) -> BTreeSet<u16> {
        if node.cut {
            return [RecordType::DS.into()].into();
        }
        let mut types: BTreeSet<u16> = node.rrsets.keys().copied().collect();
        if !types.is_empty() {
            types.extend([RecordType::RRSIG.into(), ANY]);
        }
        let mut last = node;
        for _ in 0..CHAIN {
            match self.target(last).map(|target| self.tree.walk(&target)) {
                Some(Met::Node(next) | Met::Wildcard(next)) => last = next,
                _ => break,
            }
            types.extend(last.rrsets.keys());
        }
        types
    }

    fn target(&self, node: &Node) -> Option<WireName> {
        let rdata = node.get(RecordType::CNAME)?.rdata.first()?;
        Some(WireName::split(rdata)?.0)
    }

    /// The answer of a name that is no cut, or of DS at a cut.
    fn message(&self, asked: &Node, rtype: u16, dnssec: bool) -> Message {
        let zone = &self.tree.apex;
        let mut message = Message {
            authoritative: true,
            ..Message::default()
        };
        let mut node = asked;
        let mut targets: Vec<WireName> = Vec::new();
        while targets.len() <= CHAIN {
            let owner = targets.last().map_or(Owner::Question, Owner::Name);
            if self.found(&mut message, node, owner, rtype, dnssec) {
                return message;
            }
            let Some(next) = self.target(node) else {
                self.negative(&mut message, dnssec);
                if dnssec {
                    self.deny(&mut message, &node.name);
                }
                return message;
            };
            if let Some(cname) = node.get(RecordType::CNAME) {
                message.answer.push(owner, cname, zone, dnssec);
            }
            if next == asked.name || targets.contains(&next) {
                return message;
            }
            match self.tree.walk(&next) {
                Met::Node(met) => node = met,
                Met::Wildcard(met) => {
                    node = met;
                    if dnssec {
                        self.deny(&mut message, &next);
                    }
                }
                Met::Nothing(encloser) => {
                    message.rcode = NXDOMAIN;
                    self.negative(&mut message, dnssec);
                    if dnssec {
                        self.deny(&mut message, &next);
                        let wildcard = encloser.name.wildcard();
                        self.deny(&mut message, &wildcard.unwrap_or(next));
                    }
                    return message;
                }
                // A referral follows the alias (RFC 1034 4.3.2, step 3b).
                Met::Cut(cut) => {
                    self.refer(&mut message, cut, dnssec);
                    return message;
                }
                Met::Outside => return message,
            }
            targets.push(next);
        }
        message
    }

    /// Puts what the node has of this type into the answer; whether there was something.
    fn found(
        &self,
        message: &mut Message,
        node: &Node,
        owner: Owner<'_>,
        rtype: u16,
        dnssec: bool,
    ) -> bool {
        let zone = &self.tree.apex;
        // What belongs to the name itself before what only says what does not exist.
        let nsec = u16::from(RecordType::NSEC);
        let mut data = node.rrsets.values().filter(|set| set.rtype != nsec);
        let mut first = || data.next().or_else(|| node.rrsets.get(&nsec));
        match RecordType::from(rtype) {
            // One RRset is enough (RFC 8482 4.1).
            RecordType::ANY => first().is_some_and(|set| {
                message.answer.push(owner, set, zone, dnssec);
                true
            }),
            RecordType::RRSIG => first().is_some_and(|set| {
                message.answer.push_signatures(owner, set, set.ttl, zone);
                true
            }),
            _ => node.rrsets.get(&rtype).is_some_and(|set| {
                message.answer.push(owner, set, zone, dnssec);
                true
            }),
        }
    }

    /// Puts the SOA of a negative answer into the authority section.
    fn negative(&self, message: &mut Message, dnssec: bool) {
        let zone = &self.tree.apex;
        if let Some(soa) = self.tree.soa() {
            let ttl = soa.negative_ttl();
            message
                .authority
                .push_with_ttl(Owner::Name(zone), soa, ttl, zone, dnssec);
        }
    }

    /// Adds the NSEC record that matches or covers a name.
    fn deny(&self, message: &mut Message, name: &WireName) {
        let number = cover(&self.chain, &name.place(&self.tree.apex), |place| place);
        if !message.denials.contains(&number) {
            message.denials.push(number);
        }
    }

    /// Puts the delegation into the authority section: NS, DS or the proof that there is none, and glue.
    fn refer(&self, message: &mut Message, cut: &Node, dnssec: bool) {
        let zone = &self.tree.apex;
        let owner = Owner::Name(&cut.name);
        let Some(ns) = cut.get(RecordType::NS) else {
            return;
        };
        message.authority.push(owner, ns, zone, false);
        match cut.get(RecordType::DS) {
            _ if !dnssec => {}
            Some(ds) => message.authority.push(owner, ds, zone, true),
            None => self.deny(message, &cut.name),
        }
        for rdata in &ns.rdata {
            let Some((name, _)) = WireName::split(rdata) else {
                continue;
            };
            for set in self.addresses(&name) {
                message
                    .additional
                    .push(Owner::Name(&name), set, zone, dnssec);
            }
        }
    }

    /// The addresses of a nameserver as far as this zone has them, as glue or as data of its own.
    fn addresses(&self, name: &WireName) -> impl Iterator<Item = &'t Rrset> {
        let inside = name.before(&self.tree.apex).is_some();
        let place = name.place(&self.tree.apex);
        let tree = self.tree;
        let node = inside
            .then(|| tree.glue.get(&place).or_else(|| tree.nodes.get(&place)))
            .flatten();
        [RecordType::A, RecordType::AAAA]
            .into_iter()
            .filter_map(move |rtype| node?.get(rtype))
    }
}

/// The number of the element that matches a place or is the last before it; the first element is the apex.
pub(super) fn cover<T>(chain: &[T], place: &Place, of: impl Fn(&T) -> &Place) -> usize {
    chain
        .partition_point(|element| of(element) <= place)
        .saturating_sub(1)
}
