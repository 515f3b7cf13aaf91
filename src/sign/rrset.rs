//! RRsets in the form in which they are signed, which is the form in which they are served.

use super::SignError;
use super::name::WireName;
use hickory_proto::rr::{DNSClass, RecordSet, RecordType};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};

/// The records of one owner and type: RDATA in canonical form and order (RFC 4034 6.2, 6.3).
///
/// What is served is octet for octet what was signed, so no validator can disagree about the canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rrset {
    /// Its type.
    pub(super) rtype: u16,
    /// Seconds.
    pub(super) ttl: u32,
    /// Canonical, in order, each once.
    pub(super) rdata: Vec<Vec<u8>>,
    /// The RDATA of its RRSIG records; empty for what is not signed.
    pub(super) signatures: Vec<Vec<u8>>,
}

/// One record as it is encoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed<'r> {
    pub(super) owner: &'r WireName,
    pub(super) rtype: u16,
    pub(super) ttl: u32,
    pub(super) rdata: &'r [u8],
}

impl Rrset {
    /// The records, then their signatures.
    pub(super) fn listed<'r>(&'r self, owner: &'r WireName) -> impl Iterator<Item = Listed<'r>> {
        let listed = move |rtype, rdata: &'r Vec<u8>| Listed {
            owner,
            rtype,
            ttl: self.ttl,
            rdata,
        };
        let records = self
            .rdata
            .iter()
            .map(move |rdata| listed(self.rtype, rdata));
        let signatures = self.signatures.iter();
        records.chain(signatures.map(move |rdata| listed(RecordType::RRSIG.into(), rdata)))
    }

    /// An RRset made of these records, not signed.
    pub(super) fn new(rtype: RecordType, ttl: u32, mut rdata: Vec<Vec<u8>>) -> Self {
        rdata.sort();
        rdata.dedup();
        Self {
            rtype: rtype.into(),
            ttl,
            rdata,
            signatures: Vec::new(),
        }
    }

    /// An RRset made of records as values, not signed.
    pub(super) fn of(set: &RecordSet) -> Result<Self, SignError> {
        let unfit = |why: &dyn std::fmt::Display| SignError::Record {
            owner: set.name().to_string(),
            rtype: set.record_type().to_string(),
            why: why.to_string(),
        };
        if set.dns_class() != DNSClass::IN {
            return Err(unfit(&"only class IN is served"));
        }
        let rdata = set
            .records_without_rrsigs()
            .map(|record| canonical(&record.data))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unfit(&error))?;
        Ok(Self::new(set.record_type(), set.ttl(), rdata))
    }

    /// The TTL of a negative answer, when this is a SOA: the least of its own and its last field (RFC 2308 3).
    pub(super) fn negative_ttl(&self) -> u32 {
        self.rdata
            .first()
            .and_then(|soa| soa.last_chunk())
            .map_or(self.ttl, |minimum| {
                u32::from_be_bytes(*minimum).min(self.ttl)
            })
    }

    /// The serial, when this is a SOA.
    pub(super) fn serial(&self) -> u32 {
        self.rdata
            .first()
            .and_then(|soa| soa.last_chunk::<20>()?.first_chunk())
            .map_or(0, |serial| u32::from_be_bytes(*serial))
    }
}

/// The canonical form of RDATA (RFC 4034 6.2).
pub(super) fn canonical(data: &impl BinEncodable) -> Result<Vec<u8>, hickory_proto::ProtoError> {
    let mut rdata = Vec::new();
    let mut encoder = BinEncoder::new(&mut rdata);
    encoder.set_canonical_form(true);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    data.emit(&mut encoder)?;
    Ok(rdata)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::rr::rdata::{MX, SOA, TXT};
    use hickory_proto::rr::{Name, RData};

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    #[test]
    fn records_are_in_canonical_order_and_lower_case() {
        let mut set = RecordSet::with_ttl(name("a.lab."), RecordType::MX, 60);
        for (preference, host) in [(256, "B.lab."), (2, "a.lab."), (256, "a.lab.")] {
            set.add_rdata(RData::MX(MX::new(preference, name(host))));
        }
        let rdata = Rrset::of(&set).unwrap().rdata;
        assert_eq!(
            rdata,
            [
                &b"\0\x02\x01a\x03lab\0"[..],
                b"\x01\0\x01a\x03lab\0",
                b"\x01\0\x01b\x03lab\0"
            ]
        );
        let mut set = RecordSet::with_ttl(name("a.lab."), RecordType::TXT, 60);
        for text in ["bb", "ccc", "A"] {
            set.add_rdata(RData::TXT(TXT::new(vec![text.to_owned()])));
        }
        assert_eq!(
            Rrset::of(&set).unwrap().rdata,
            [&b"\x01A"[..], b"\x02bb", b"\x03ccc"]
        );
    }

    #[test]
    fn the_fields_of_a_soa_are_found() {
        for (ttl, minimum, negative) in [(300, 60, 60), (30, 60, 30)] {
            let soa = SOA::new(name("ns.lab."), name("op.lab."), 77, 1, 2, 3, minimum);
            let mut set = RecordSet::with_ttl(name("lab."), RecordType::SOA, ttl);
            set.add_rdata(RData::SOA(soa));
            let soa = Rrset::of(&set).unwrap();
            assert_eq!((soa.serial(), soa.negative_ttl()), (77, negative));
        }
    }
}
