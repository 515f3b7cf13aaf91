//! Records encoded ahead of the question.
//!
//! A record's owner is the name asked for, always at octet 12 of a message, or lies in the zone, whose apex is the end
//! of the name asked for. Those are the only targets of compression, so that the same octets fit a question of any
//! length: copy them, then set the pointers to the apex. Since owners point into the echoed question, the case in
//! which a resolver wrote the name comes back to it.

use super::name::WireName;
use super::rrset::Rrset;
use hickory_proto::rr::RecordType;

/// Where the name asked for stands in a message, as a compression pointer (RFC 1035 4.1.4).
const QUESTION: [u8; 2] = [0xc0, 12];

/// Who owns encoded records.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner<'n> {
    /// The name asked for.
    Question,
    /// This name.
    Name(&'n WireName),
    /// This name, spelled out.
    Whole(&'n WireName),
}

/// Encoded records.
#[derive(Clone, Debug, Default)]
pub(super) struct Blob {
    octets: Vec<u8>,
    /// Where in `octets` the pointers to the apex are.
    apex: Vec<usize>,
    records: u16,
}

impl Blob {
    /// Adds the records of an RRset, and its signatures if `dnssec`.
    pub(super) fn push(&mut self, owner: Owner<'_>, set: &Rrset, zone: &WireName, dnssec: bool) {
        self.push_with_ttl(owner, set, set.ttl, zone, dnssec);
    }

    /// Adds them with a TTL that is no greater than the one signed.
    pub(super) fn push_with_ttl(
        &mut self,
        owner: Owner<'_>,
        set: &Rrset,
        ttl: u32,
        zone: &WireName,
        dnssec: bool,
    ) {
        for rdata in &set.rdata {
            self.record(owner, set.rtype, ttl, rdata, zone);
        }
        if dnssec {
            self.push_signatures(owner, set, ttl, zone);
        }
    }

    /// Adds the signatures alone.
    pub(super) fn push_signatures(
        &mut self,
        owner: Owner<'_>,
        set: &Rrset,
        ttl: u32,
        zone: &WireName,
    ) {
        for rdata in &set.signatures {
            self.record(owner, RecordType::RRSIG.into(), ttl, rdata, zone);
        }
    }

    /// Adds one record.
    pub(super) fn record(
        &mut self,
        owner: Owner<'_>,
        rtype: u16,
        ttl: u32,
        rdata: &[u8],
        zone: &WireName,
    ) {
        match owner {
            Owner::Question => self.octets.extend(QUESTION),
            Owner::Name(name) => self.name(name, zone),
            Owner::Whole(name) => self.octets.extend(name.as_bytes()),
        }
        self.octets.extend(rtype.to_be_bytes());
        self.octets.extend([0, 1]);
        self.octets.extend(ttl.to_be_bytes());
        let length_at = self.octets.len();
        self.octets.extend([0, 0]);
        self.rdata(rtype, rdata, zone);
        let length = self.octets.len() - length_at - 2;
        let length = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        self.octets[length_at..length_at + 2].copy_from_slice(&length);
        self.records += 1;
    }

    /// Only names in the types of RFC 1035 may be compressed (RFC 3597 4).
    fn rdata(&mut self, rtype: u16, rdata: &[u8], zone: &WireName) {
        let (fixed, names) = match RecordType::from(rtype) {
            RecordType::NS | RecordType::CNAME | RecordType::PTR => (0, 1),
            RecordType::MX => (2, 1),
            RecordType::SOA => (0, 2),
            _ => (0, 0),
        };
        let (head, mut rest) = rdata.split_at(fixed.min(rdata.len()));
        self.octets.extend(head);
        for _ in 0..names {
            if let Some((name, behind)) = WireName::split(rest) {
                self.name(&name, zone);
                rest = behind;
            }
        }
        self.octets.extend(rest);
    }

    fn name(&mut self, name: &WireName, zone: &WireName) {
        match name.before(zone) {
            // The root is one octet, shorter than a pointer to it.
            Some(labels) if zone.as_bytes().len() > 1 => {
                self.octets.extend(labels);
                self.apex.push(self.octets.len());
                self.octets.extend([0, 0]);
            }
            _ => self.octets.extend(name.as_bytes()),
        }
    }

    /// Octets of the records so far.
    pub(super) const fn len(&self) -> usize {
        self.octets.len()
    }

    /// Appends the records to a message that has the apex at octet `apex`, as the end of its question say, and returns
    /// how many.
    pub(super) fn write(&self, out: &mut Vec<u8>, apex: u16) -> u16 {
        let start = out.len();
        out.extend_from_slice(&self.octets);
        let pointer = (0xc000 | apex).to_be_bytes();
        for at in &self.apex {
            if let Some(place) = out[start + at..].first_chunk_mut() {
                *place = pointer;
            }
        }
        self.records
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::rr::Name;

    fn wire(name: &str) -> WireName {
        WireName::of(&Name::from_ascii(name).unwrap())
    }

    #[test]
    fn pointers_are_set_for_the_question_at_hand() {
        let zone = wire("et.lab.");
        let mx = [&[0, 10], wire("mx.et.lab.").as_bytes()].concat();
        let set = Rrset::new(RecordType::MX, 60, vec![mx]);
        let mut blob = Blob::default();
        blob.push(Owner::Question, &set, &zone, true);
        for apex in [12_u16, 200] {
            let mut out = vec![7];
            assert_eq!(blob.write(&mut out, apex), 1);
            let mut expected = b"\x07\xc0\x0c\0\x0f\0\x01\0\0\0\x3c\0\x07\0\x0a\x02mx".to_vec();
            expected.extend((0xc000 | apex).to_be_bytes());
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn names_of_other_zones_newer_types_and_the_root_are_not_compressed() {
        for (zone, rtype, rdata) in [
            ("et.lab.", RecordType::NS, wire("ns.other.").as_bytes()),
            ("et.lab.", RecordType::DNAME, wire("ns.et.lab.").as_bytes()),
            (".", RecordType::NS, wire("ns.other.").as_bytes()),
        ] {
            let set = Rrset::new(rtype, 60, vec![rdata.to_vec()]);
            let mut blob = Blob::default();
            blob.push(Owner::Name(&wire("x.org.")), &set, &wire(zone), false);
            let mut out = Vec::new();
            blob.write(&mut out, 12);
            assert!(out.ends_with(rdata), "{out:?}");
            assert!(out.starts_with(b"\x01x\x03org\0"));
        }
    }
}
