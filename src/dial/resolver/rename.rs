//! Aliases of whole subtrees, DNAME (RFC 6672). Pure.
//!
//! The alias that a server makes of a DNAME record for one name has no signature; the DNAME record has one.

use hickory_proto::op::Message;
use hickory_proto::rr::rdata::CNAME;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};

/// The name above this one that holds a DNAME record, by an answer that is not yet validated.
pub(super) fn above(message: &Message, name: &Name) -> Option<Name> {
    let mut answers = message.answers.iter();
    let renames = |record: &&Record| {
        record.record_type() == RecordType::DNAME
            && record.name != *name
            && record.name.zone_of(name)
    };
    answers.find(renames).map(|record| record.name.clone())
}

/// The alias that this DNAME record makes of the name (RFC 6672 2.2); `None` when it would be too long.
pub(super) fn alias(record: &Record, name: &Name) -> Option<Record> {
    let RData::Unknown { rdata, .. } = &record.data else {
        return None;
    };
    let target = Name::read(&mut BinDecoder::new(&rdata.anything)).ok()?;
    let kept = name.num_labels().checked_sub(record.name.num_labels())?;
    let labels = name.iter().take(kept.into());
    let target = Name::from_labels(labels)
        .ok()?
        .append_domain(&target)
        .ok()?;
    let data = RData::CNAME(CNAME(target));
    Some(Record::from_rdata(name.clone(), record.ttl, data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::rr::rdata::NULL;
    use hickory_proto::serialize::binary::BinEncodable;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn dname(owner: &str, target: &str) -> Record {
        let data = RData::Unknown {
            code: RecordType::DNAME,
            rdata: NULL::with(name(target).to_bytes().unwrap()),
        };
        Record::from_rdata(name(owner), 60, data)
    }

    #[test]
    fn the_labels_below_the_owner_are_kept() {
        for (owner, target, asked, renamed) in [
            ("a.z.", "b.y.", "x.a.z.", Some("x.b.y.")),
            ("a.z.", ".", "x.w.a.z.", Some("x.w.")),
            ("z.", "b.y.", "_25._tcp.mx.z.", Some("_25._tcp.mx.b.y.")),
        ] {
            let alias = alias(&dname(owner, target), &name(asked));
            let found = alias.map(|record| match record.data {
                RData::CNAME(target) => target.to_ascii(),
                other => other.to_string(),
            });
            assert_eq!(found.as_deref(), renamed, "{owner} {target} {asked}");
        }
        let long = format!("{0}.{0}.{0}.", "x".repeat(63));
        let asked = format!("{}.{}.z.", "y".repeat(63), "w".repeat(63));
        assert_eq!(alias(&dname("z.", &long), &name(&asked)), None, "too long");
    }

    #[test]
    fn only_a_record_above_the_name_renames_it() {
        for (owner, above_it) in [("a.z.", true), ("x.a.z.", false), ("b.z.", false)] {
            let mut message = Message::query();
            message.add_answer(dname(owner, "y."));
            assert_eq!(
                above(&message, &name("x.a.z.")).is_some(),
                above_it,
                "{owner}"
            );
        }
    }
}
