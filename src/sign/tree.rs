//! A zone's names in canonical order: what is authoritative, where it is cut, what lies below the cuts, and the
//! NSEC chain over it (RFC 4034 4, RFC 4035 2.3).

use super::SignError;
use super::name::{Place, WireName};
use super::rrset::Rrset;
use crate::zone::Zone;
use hickory_proto::rr::RecordType;
use std::collections::BTreeMap;

/// A name of the zone with its authoritative RRsets.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The name.
    pub(super) name: WireName,
    /// By type number; empty at an empty non-terminal. At a cut: NS, DS and NSEC only.
    pub(super) rrsets: BTreeMap<u16, Rrset>,
    /// Whether the zone ends here (RFC 4033 2).
    pub(super) cut: bool,
}

impl Node {
    const fn empty(name: WireName) -> Self {
        Self {
            name,
            rrsets: BTreeMap::new(),
            cut: false,
        }
    }

    /// The RRset of this type.
    pub(super) fn get(&self, rtype: RecordType) -> Option<&Rrset> {
        self.rrsets.get(&u16::from(rtype))
    }
}

/// What a walk from the apex towards a name finds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Met<'t> {
    /// The name itself.
    Node(&'t Node),
    /// A cut at the name or above it.
    Cut(&'t Node),
    /// The wildcard that stands for the name.
    Wildcard(&'t Node),
    /// Nothing below this closest encloser (RFC 4592 3.3.1).
    Nothing(&'t Node),
    /// The name is not in this zone.
    Outside,
}

/// The names of a zone.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// The apex.
    pub(super) apex: WireName,
    /// Everything authoritative, and the cuts.
    pub(super) nodes: BTreeMap<Place, Node>,
    /// Addresses at and below the cuts, never signed; other data there is not served.
    pub(super) glue: BTreeMap<Place, Node>,
}

/// Types that only the signer makes.
const OURS: [RecordType; 6] = [
    RecordType::RRSIG,
    RecordType::NSEC,
    RecordType::NSEC3,
    RecordType::NSEC3PARAM,
    RecordType::CDS,
    RecordType::CDNSKEY,
];

impl Tree {
    /// The tree of an unsigned zone, without the chain.
    pub(super) fn of(zone: &Zone) -> Result<Self, SignError> {
        let apex = WireName::of(&zone.origin);
        let mut nodes = BTreeMap::new();
        for set in zone.rrsets.values().filter(|set| !set.is_empty()) {
            let name = WireName::of(set.name());
            let unfit = |why: &str| SignError::Record {
                owner: set.name().to_string(),
                rtype: set.record_type().to_string(),
                why: why.to_owned(),
            };
            check(&name, &apex, set.record_type()).map_err(unfit)?;
            let rrset = Rrset::of(set)?;
            nodes
                .entry(name.place(&apex))
                .or_insert_with(|| Node::empty(name))
                .rrsets
                .insert(rrset.rtype, rrset);
        }
        let mut tree = Self {
            apex,
            nodes,
            glue: BTreeMap::new(),
        };
        tree.check_nodes()?;
        tree.cut();
        tree.fill();
        Ok(tree)
    }

    fn check_nodes(&self) -> Result<(), SignError> {
        for node in self.nodes.values() {
            let unfit = |rtype: RecordType, why: &str| SignError::Record {
                owner: node.name.to_string(),
                rtype: rtype.to_string(),
                why: why.to_owned(),
            };
            if let Some(cname) = node.get(RecordType::CNAME) {
                if node.rrsets.len() > 1 {
                    return Err(unfit(RecordType::CNAME, "stands beside other records"));
                }
                if cname.rdata.len() > 1 {
                    return Err(unfit(RecordType::CNAME, "one is allowed at a name"));
                }
            }
            if node.get(RecordType::DS).is_some() && node.get(RecordType::NS).is_none() {
                return Err(unfit(RecordType::DS, "needs NS records at the same name"));
            }
        }
        let apex = self.nodes.get(&Place::default());
        for rtype in [RecordType::SOA, RecordType::NS] {
            if apex.and_then(|node| node.get(rtype)).is_none() {
                return Err(SignError::Missing {
                    zone: self.apex.to_string(),
                    rtype: rtype.to_string(),
                });
            }
        }
        Ok(())
    }

    /// Marks the cuts and takes what lies at or below them out of the authoritative data.
    fn cut(&mut self) {
        let mut cut: Option<WireName> = None;
        let mut authoritative = BTreeMap::new();
        for (place, mut node) in std::mem::take(&mut self.nodes) {
            let below = cut
                .as_ref()
                .is_some_and(|cut| node.name.before(cut).is_some());
            if below {
                self.glue.insert(place, node);
                continue;
            }
            if node.name != self.apex && node.get(RecordType::NS).is_some() {
                cut = Some(node.name.clone());
                let mut glue = Node::empty(node.name.clone());
                glue.rrsets = std::mem::take(&mut node.rrsets);
                node.rrsets = [RecordType::NS, RecordType::DS]
                    .into_iter()
                    .filter_map(|rtype| glue.rrsets.remove_entry(&u16::from(rtype)))
                    .collect();
                node.cut = true;
                if !glue.rrsets.is_empty() {
                    self.glue.insert(place.clone(), glue);
                }
            }
            authoritative.insert(place, node);
        }
        let address = [RecordType::A, RecordType::AAAA].map(u16::from);
        for node in self.glue.values_mut() {
            node.rrsets.retain(|rtype, _| address.contains(rtype));
        }
        self.nodes = authoritative;
    }

    /// Adds the empty non-terminals (RFC 4592 2.2.2).
    fn fill(&mut self) {
        let names: Vec<_> = self.nodes.values().map(|node| node.name.clone()).collect();
        for mut name in names {
            while name != self.apex {
                let Some(parent) = name.parent() else { break };
                name = parent;
                let place = name.place(&self.apex);
                let new = || Node::empty(name.clone());
                self.nodes.entry(place).or_insert_with(new);
            }
        }
    }

    /// Puts an RRset at the apex.
    pub(super) fn add(&mut self, rrset: Rrset) {
        if let Some(apex) = self.nodes.get_mut(&Place::default()) {
            apex.rrsets.insert(rrset.rtype, rrset);
        }
    }

    /// Links the names in a chain of NSEC records, whose TTL is that of negative answers (RFC 9077 3).
    pub(super) fn chain(&mut self) {
        let ttl = self.soa().map_or(0, Rrset::negative_ttl);
        let mut next = self.apex.clone();
        for node in self.nodes.values_mut().rev() {
            if node.rrsets.is_empty() {
                continue;
            }
            let own = [RecordType::NSEC, RecordType::RRSIG].map(u16::from);
            let mut types: Vec<_> = node.rrsets.keys().copied().chain(own).collect();
            types.sort_unstable();
            let mut rdata = next.as_bytes().to_vec();
            rdata.extend(bitmap(&types));
            let nsec = Rrset::new(RecordType::NSEC, ttl, vec![rdata]);
            node.rrsets.insert(nsec.rtype, nsec);
            next = node.name.clone();
        }
    }

    /// The SOA.
    pub(super) fn soa(&self) -> Option<&Rrset> {
        self.nodes.get(&Place::default())?.get(RecordType::SOA)
    }

    /// Walks towards a name.
    pub(super) fn walk(&self, name: &WireName) -> Met<'_> {
        if name.before(&self.apex).is_none() {
            return Met::Outside;
        }
        let mut encloser = name.clone();
        loop {
            match self.nodes.get(&encloser.place(&self.apex)) {
                Some(node) if node.cut => return Met::Cut(node),
                Some(node) if encloser == *name => return Met::Node(node),
                Some(node) => {
                    return match self.wildcard(node) {
                        Some(wildcard) => Met::Wildcard(wildcard),
                        None => Met::Nothing(node),
                    };
                }
                None => match encloser.parent() {
                    Some(parent) => encloser = parent,
                    None => return Met::Outside,
                },
            }
        }
    }

    /// The wildcard right below a node.
    pub(super) fn wildcard(&self, node: &Node) -> Option<&Node> {
        let name = node.name.wildcard()?;
        self.nodes.get(&name.place(&self.apex))
    }
}

fn check(name: &WireName, apex: &WireName, rtype: RecordType) -> Result<(), &'static str> {
    let at_apex = name == apex;
    match rtype {
        _ if name.before(apex).is_none() => Err("lies outside the zone"),
        rtype if OURS.contains(&rtype) || (at_apex && rtype == RecordType::DNSKEY) => {
            Err("is made by the signer")
        }
        RecordType::SOA if !at_apex => Err("belongs at the apex only"),
        RecordType::DS if at_apex => Err("belongs into the parent zone"),
        RecordType::CNAME if at_apex => Err("cannot stand at the apex"),
        RecordType::NS if name.is_wildcard() => Err("a wildcard cannot be delegated"),
        RecordType::DNAME => Err("is not supported"),
        // OPT, and the range of meta types (RFC 6895 3.1).
        rtype if matches!(u16::from(rtype), 0 | 41 | 128..=255) => Err("is no type of data"),
        _ => Ok(()),
    }
}

/// The type bit maps field of types in ascending order (RFC 4034 4.1.2).
fn bitmap(types: &[u16]) -> Vec<u8> {
    let mut field = Vec::new();
    for window in types.chunk_by(|a, b| a >> 8 == b >> 8) {
        let mut bits = [0_u8; 32];
        let mut length = 0;
        for rtype in window {
            let low = usize::from(rtype & 0xff);
            bits[low / 8] |= 0x80 >> (low % 8);
            length = low / 8 + 1;
        }
        let [number, _] = window[0].to_be_bytes();
        field.push(number);
        field.push(u8::try_from(length).unwrap_or(32));
        field.extend(&bits[..length]);
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bit_map_is_that_of_rfc_4034_4_3() {
        // A MX RRSIG NSEC TYPE1234
        let mut expected = vec![0, 6, 0x40, 1, 0, 0, 0, 3, 4, 0x1b];
        expected.extend([0; 26]);
        expected.push(0x20);
        assert_eq!(bitmap(&[1, 15, 46, 47, 1234]), expected);
    }
}
