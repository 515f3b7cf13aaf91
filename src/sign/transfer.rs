//! The answer sections of zone transfers: the whole zone (RFC 5936), or what changed since a version (RFC 1995).
//!
//! Headers, the question and TSIG are not made here.

use super::blob::{Blob, Owner};
use super::history::History;
use super::name::WireName;
use super::rrset::Listed;
use super::signed::SignedZone;
use crate::base::limits;
use hickory_proto::rr::SerialNumber;

/// The answer section of one message of a transfer. Names are compressed to the apex in its own first record, not in the
/// question: a secondary keeps them as they come, whatever the case in which it asks.
#[derive(Clone, Debug, Default)]
pub struct Section {
    blob: Blob,
    /// Where the apex is in it.
    apex: usize,
}

impl Section {
    /// Appends the records to a message that so far holds the header and the question, and returns how many.
    pub fn write(&self, out: &mut Vec<u8>) -> u16 {
        let apex = u16::try_from(out.len() + self.apex).unwrap_or_default();
        self.blob.write(out, apex)
    }

    fn push(&mut self, record: &Listed<'_>, zone: &WireName) {
        let owner = if self.blob.len() == 0 {
            self.apex = record.owner.before(zone).map_or(0, <[u8]>::len);
            Owner::Whole(record.owner)
        } else {
            Owner::Name(record.owner)
        };
        self.blob
            .record(owner, record.rtype, record.ttl, record.rdata, zone);
    }
}

/// The whole zone: the SOA, everything else, the SOA again (RFC 5936 2.2).
pub(super) fn whole(zone: &SignedZone) -> Vec<Section> {
    let last = zone.listed().take(1);
    cut(zone.listed().chain(last), zone.apex())
}

/// The SOA alone: what a client hears that has the current version, or that has to come by TCP (RFC 1995 2).
pub(super) fn soa(zone: &SignedZone) -> Vec<Section> {
    cut(zone.listed().take(1), zone.apex())
}

/// From the client's version to the current one: the SOA, then what to remove and what to add, each behind its SOA,
/// and the SOA again (RFC 1995 4), all versions between condensed to one step (RFC 1995 6). The SOA alone when the
/// client is current or ahead; the whole zone when the way from there is not known any more, or longer.
pub(super) fn changes(zone: &SignedZone, history: &History, since: u32) -> Vec<Section> {
    let (theirs, ours) = (SerialNumber::new(since), SerialNumber::new(zone.serial()));
    if theirs >= ours {
        return soa(zone);
    }
    let size = zone.listed().map(|listed| octets(&listed)).sum();
    let Some((removed, added)) = history.since(since) else {
        return whole(zone);
    };
    let way = removed
        .iter()
        .chain(&added)
        .map(|entry| octets(&entry.listed()));
    if way.sum::<usize>() >= size {
        return whole(zone);
    }
    let current = || zone.listed().take(1);
    let between = removed.iter().chain(&added).map(|entry| entry.listed());
    cut(current().chain(between).chain(current()), zone.apex())
}

/// About what a record takes in a message.
pub(super) fn octets(record: &Listed<'_>) -> usize {
    record.owner.as_bytes().len() + 10 + record.rdata.len()
}

/// Cuts records into messages.
fn cut<'r>(records: impl Iterator<Item = Listed<'r>>, zone: &WireName) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut section = Section::default();
    for record in records {
        let length = section.blob.len();
        if length > 0 && length + octets(&record) > limits::TRANSFER_MESSAGE {
            sections.push(std::mem::take(&mut section));
        }
        section.push(&record, zone);
    }
    sections.push(section);
    sections
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;
    use crate::keys::ZoneKeys;
    use crate::sign::{QueryName, SignatureCache, Snapshot, Terms, Transfer, Validity, sign};
    use crate::zone::Zone;
    use hickory_proto::op::Message;
    use hickory_proto::rr::rdata::{A, NS, SOA, TXT};
    use hickory_proto::rr::{Name, RData, Record, RecordSet, RecordType, RrKey};
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    /// Numbers that look random and are the same every time (xorshift).
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % limit
        }
    }

    fn put(zone: &mut Zone, owner: &str, ttl: u32, rdata: RData) {
        let (owner, rtype) = (Name::from_ascii(owner).unwrap(), rdata.record_type());
        zone.rrsets
            .entry(RrKey::new((&owner).into(), rtype))
            .or_insert_with(|| RecordSet::with_ttl(owner, rtype, ttl))
            .add_rdata(rdata);
    }

    /// A zone of hosts, texts and delegations, and among the delegations such as cut off hosts.
    fn zone(serial: u32, dice: &mut Dice, names: u64) -> Zone {
        let name = |text: &str| Name::from_ascii(text).unwrap();
        let mut zone = Zone {
            origin: name("et.lab."),
            rrsets: BTreeMap::new(),
        };
        let soa = SOA::new(name("ns.lab."), name("op.lab."), serial, 1, 2, 3, 60);
        put(&mut zone, "et.lab.", 300, RData::SOA(soa));
        put(&mut zone, "et.lab.", 300, RData::NS(NS(name("ns.lab."))));
        for number in 0..names {
            let (owner, ttl) = (
                format!("n{number}.et.lab."),
                [60, 300][dice.below(2) as usize],
            );
            let below = format!("host.{owner}");
            for octet in 0..dice.below(3) {
                let address = RData::A(A::new(192, 0, 2, octet as u8 + dice.below(2) as u8));
                put(&mut zone, &below, ttl, address);
            }
            match dice.below(3) {
                0 => put(&mut zone, &owner, ttl, RData::NS(NS(name(&below)))),
                1 => {
                    let text = TXT::new(vec![format!("{}", dice.below(4)), "x".repeat(80)]);
                    put(&mut zone, &owner, ttl, RData::TXT(text));
                }
                _ => {}
            }
        }
        zone
    }

    struct Signing(ZoneKeys, SignatureCache);

    impl Signing {
        fn new() -> Self {
            let keys = ZoneKeys::generate(Timestamp::UNIX_EPOCH).unwrap();
            Self(keys, SignatureCache::default())
        }

        fn sign(&mut self, zone: &Zone) -> Arc<SignedZone> {
            let terms = Terms {
                ttl_keys: 3600,
                validity: Validity::default(),
            };
            let now = Timestamp::from_second(1_800_000_000).unwrap();
            Arc::new(sign(zone, &self.0, &terms, now, &mut self.1).unwrap())
        }
    }

    /// The records of a transfer, and how many messages they took.
    fn read(snapshot: &Snapshot, wanted: Transfer) -> (Vec<String>, usize) {
        let question = b"\x02eT\x03lab\0\0\xfc\0\x01";
        let mut apex = QueryName::default();
        apex.read(question).unwrap();
        let sections = snapshot.transfer(&apex, wanted).unwrap();
        let mut records = Vec::new();
        for section in &sections {
            let mut message = vec![0, 7, 0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0];
            message.extend(question);
            let count = section.write(&mut message);
            message[6..8].copy_from_slice(&count.to_be_bytes());
            assert!(message.len() <= limits::TRANSFER_MESSAGE + 40);
            let text = |record: &Record| format!("{} {} {}", record.name, record.ttl, record.data);
            let message = Message::from_vec(&message).unwrap();
            records.extend(message.answers.iter().map(text));
        }
        (records, sections.len())
    }

    fn all(zone: &SignedZone) -> BTreeSet<String> {
        let records = zone.records().unwrap();
        let text = |record: &Record| format!("{} {} {}", record.name, record.ttl, record.data);
        records.iter().map(text).collect()
    }

    fn is_soa(record: &str) -> bool {
        record.contains(" op.lab. ") && record.starts_with("et.lab. 300 ns.lab.")
    }

    #[test]
    fn a_whole_zone_begins_and_ends_with_its_soa() {
        let mut signing = Signing::new();
        for (names, several) in [(3, false), (300, true)] {
            let zone = signing.sign(&zone(7, &mut Dice(3), names));
            let snapshot = Snapshot::new(vec![Arc::clone(&zone)]);
            let (mut records, messages) = read(&snapshot, Transfer::Whole);
            assert_eq!(messages > 1, several, "{messages} messages");
            assert!(is_soa(&records[0]));
            assert_eq!(records.pop().as_ref(), Some(&records[0]));
            assert_eq!(records.len(), zone.records().unwrap().len());
            assert_eq!(records.into_iter().collect::<BTreeSet<_>>(), all(&zone));
            assert_eq!(read(&snapshot, Transfer::Serial).0.len(), 1);
        }
        let mut other = QueryName::default();
        other.read(b"\x01x\x02et\x03lab\0").unwrap();
        let snapshot = Snapshot::default();
        assert!(snapshot.transfer(&other, Transfer::Whole).is_none());
    }

    #[test]
    fn changes_applied_to_any_older_version_give_the_current_one() {
        let (mut signing, mut dice) = (Signing::new(), Dice(11));
        let mut snapshot = Snapshot::default();
        let mut versions: Vec<Arc<SignedZone>> = Vec::new();
        let mut incremental = 0;
        let first = u32::MAX - 5;
        let mut model = zone(first, &mut dice, 40);
        for step in 0..20_u32 {
            let serial = first.wrapping_add(step);
            // Some names change, the others stay as they are.
            let fresh = zone(serial, &mut dice, 40);
            let kept = dice.below(40);
            let near = |key: &RrKey| key.name().to_string().contains(&format!("n{kept}."));
            model.rrsets.retain(|key, _| !near(key));
            let soa = |key: &RrKey| key.record_type == RecordType::SOA;
            for (key, set) in fresh.rrsets {
                if soa(&key) || near(&key) {
                    model.rrsets.insert(key, set);
                }
            }
            versions.push(signing.sign(&model));
            let now = versions.last().unwrap();
            snapshot = snapshot.followed_by(vec![Arc::clone(now)]);
            for old in &versions {
                let (records, _) = read(&snapshot, Transfer::Since(old.serial()));
                if old.serial() == serial {
                    assert_eq!(records.len(), 1);
                    continue;
                }
                assert!(is_soa(&records[0]) && records.last() == records.first());
                let mut parts = records[1..records.len() - 1].split(|record| is_soa(record));
                if records.len() == all(now).len() + 1 {
                    continue;
                }
                incremental += 1;
                assert_eq!(parts.next(), Some(&[][..]), "removals begin with a SOA");
                let (removed, added) = (parts.next().unwrap(), parts.next().unwrap());
                assert_eq!(parts.next(), None);
                let mut held = all(old);
                held.retain(|record| !is_soa(record));
                for record in removed {
                    assert!(held.remove(record), "{record} was never there");
                }
                for record in added {
                    assert!(held.insert(record.clone()), "{record} was there");
                }
                held.insert(records[0].clone());
                assert_eq!(held, all(now));
            }
            let ahead = read(&snapshot, Transfer::Since(serial.wrapping_add(1)));
            assert_eq!(ahead.0.len(), 1);
        }
        assert!(incremental > 50, "{incremental} of the transfers");
    }

    #[test]
    fn what_is_not_known_is_a_whole_zone_and_the_history_is_bounded() {
        let (mut signing, mut dice) = (Signing::new(), Dice(5));
        let mut model = zone(1, &mut dice, 20);
        let mut snapshot = Snapshot::new(vec![signing.sign(&model)]);
        let whole = |snapshot: &Snapshot| read(snapshot, Transfer::Whole).0;
        let versions = u32::try_from(limits::ZONE_VERSIONS).unwrap();
        let last = versions + 10;
        for serial in 2..=last {
            let fresh = zone(serial, &mut Dice(1), 0);
            model.rrsets.extend(fresh.rrsets);
            snapshot = snapshot.followed_by(vec![signing.sign(&model)]);
        }
        for (since, incremental) in [
            (0, false),
            (last - versions - 1, false),
            (last - versions, true),
            (last - 1, true),
        ] {
            let records = read(&snapshot, Transfer::Since(since)).0;
            assert_eq!(records != whole(&snapshot), incremental, "{since}");
        }
        // The same version signed again under its serial, or an older one.
        for serial in [last, last - 5] {
            model.rrsets.extend(zone(serial, &mut Dice(1), 0).rrsets);
            let next = snapshot.followed_by(vec![signing.sign(&model)]);
            let next = next.followed_by(next.zones().map(Arc::clone).collect());
            let records = read(&next, Transfer::Since(serial - 1)).0;
            assert_eq!(records, whole(&next), "{serial}");
        }
    }
}
