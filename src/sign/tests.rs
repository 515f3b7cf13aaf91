//! Signing as a whole: what is signed, what is refused, what is kept.

use super::*;
use crate::keys::{DnssecKey, KeyState};
use hickory_proto::rr::rdata::{A, CNAME, MX, NS, SOA};
use hickory_proto::rr::{RData, Record, RecordSet, RrKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const DAY: i64 = 24 * 3600;
const TERMS: Terms = Terms {
    ttl_keys: 3600,
    validity: Validity {
        backdate: Duration::from_secs(3600),
        lifetime: Duration::from_secs(14 * 24 * 3600),
    },
};

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn put(zone: &mut Zone, owner: &str, rdata: RData) {
    let rtype = rdata.record_type();
    zone.rrsets
        .entry(RrKey::new(name(owner).into(), rtype))
        .or_insert_with(|| RecordSet::with_ttl(name(owner), rtype, 300))
        .add_rdata(rdata);
}

fn ns(host: &str) -> RData {
    RData::NS(NS(name(host)))
}

fn address() -> RData {
    RData::A(A::new(192, 0, 2, 1))
}

fn bare() -> Zone {
    Zone {
        origin: name("et.lab."),
        rrsets: BTreeMap::new(),
    }
}

fn zone() -> Zone {
    let mut zone = bare();
    let soa = SOA::new(name("ns.lab."), name("op.lab."), 7, 1, 2, 3, 60);
    put(&mut zone, "et.lab.", RData::SOA(soa));
    put(&mut zone, "et.lab.", ns("ns.lab."));
    put(
        &mut zone,
        "et.lab.",
        RData::MX(MX::new(10, name("mx.et.lab."))),
    );
    put(&mut zone, "mx.et.lab.", address());
    put(&mut zone, "cut.et.lab.", ns("ns.cut.et.lab."));
    put(&mut zone, "ns.cut.et.lab.", address());
    zone
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn keys() -> ZoneKeys {
    ZoneKeys::generate(at(0)).unwrap()
}

/// The types signed at each name, with the tags that signed them.
fn signed(records: &[Record]) -> BTreeSet<(String, String, u16)> {
    records
        .iter()
        .filter_map(|record| match &record.data {
            RData::DNSSEC(hickory_proto::dnssec::rdata::DNSSECRData::RRSIG(rrsig)) => Some((
                record.name.to_string(),
                rrsig.input().type_covered.to_string(),
                rrsig.input().key_tag,
            )),
            _ => None,
        })
        .collect()
}

#[test]
fn each_key_signs_its_own_and_nothing_below_a_cut_is_signed() {
    let keys = keys();
    let mut cache = SignatureCache::default();
    let zone = sign(&zone(), &keys, &TERMS, at(0), &mut cache).unwrap();
    let (ksk, zsk) = (keys.ksk[0].tag(), keys.zsk[0].tag());
    let expected = [
        ("et.lab.", "SOA NS MX NSEC", zsk),
        ("et.lab.", "DNSKEY CDS CDNSKEY", ksk),
        ("mx.et.lab.", "A NSEC", zsk),
        ("cut.et.lab.", "NSEC", zsk),
    ];
    let expected: BTreeSet<_> = expected
        .iter()
        .flat_map(|(owner, types, tag)| {
            let row = |rtype: &str| ((*owner).to_owned(), rtype.to_owned(), *tag);
            types.split(' ').map(row)
        })
        .collect();
    let records = zone.records().unwrap();
    assert_eq!(signed(&records), expected);
    assert_eq!(records[0].record_type(), RecordType::SOA);
    assert!(
        records
            .iter()
            .any(|record| record.name == name("ns.cut.et.lab."))
    );
    assert_eq!(zone.serial(), 7);
    assert_eq!(zone.signatures_made(), expected.len());
    assert_eq!(zone.ds()[0].key_tag(), ksk);
}

#[test]
fn only_what_changed_or_runs_out_is_signed_again() {
    let keys = keys();
    let mut cache = SignatureCache::default();
    let mut zone = zone();
    let mut made = |zone: &Zone, keys: &ZoneKeys, days: i64| {
        let signed = sign(zone, keys, &TERMS, at(days * DAY), &mut cache).unwrap();
        (
            signed.signatures_made(),
            signed.next_renewal(at(days * DAY)),
        )
    };
    let all = 10;
    assert_eq!(made(&zone, &keys, 0), (all, at(7 * DAY)));
    assert_eq!(made(&zone, &keys, 1), (0, at(7 * DAY)));
    put(
        &mut zone,
        "et.lab.",
        RData::MX(MX::new(20, name("mx.et.lab."))),
    );
    assert_eq!(made(&zone, &keys, 2).0, 1, "the MX alone");
    // At half of their time, all but the MX.
    assert_eq!(made(&zone, &keys, 7), (all - 1, at(9 * DAY)));
    // A clock that was ahead and is set back.
    assert_eq!(made(&zone, &keys, 6).0, all - 1, "not yet valid");
    let rolled = ZoneKeys {
        ksk: keys.ksk.clone(),
        zsk: vec![Arc::new(DnssecKey::generate(Role::Zsk, at(0)).unwrap())],
    };
    // All that the ZSK signs, and the DNSKEY RRset, which is another one now.
    assert_eq!(made(&zone, &rolled, 6).0, all - 2);
}

#[test]
fn a_key_is_published_before_it_signs_and_after() {
    let key = |role, state| {
        let key = DnssecKey::generate(role, at(0)).unwrap();
        Arc::new(key.with_state(state).unwrap())
    };
    let all = |role| {
        [KeyState::Published, KeyState::Active, KeyState::Retired]
            .map(|state| key(role, state))
            .to_vec()
    };
    let keys = ZoneKeys {
        ksk: all(Role::Ksk),
        zsk: all(Role::Zsk),
    };
    let mut cache = SignatureCache::default();
    let signed_zone = sign(&zone(), &keys, &TERMS, at(0), &mut cache).unwrap();
    let records = signed_zone.records().unwrap();
    let count = |rtype| records.iter().filter(|r| r.record_type() == rtype).count();
    assert_eq!(count(RecordType::DNSKEY), 6);
    // The parent is to know the next key signing key, and to forget the last one.
    assert_eq!((count(RecordType::CDS), count(RecordType::CDNSKEY)), (2, 2));
    assert_eq!(signed_zone.ds().len(), 2);
    let tags: BTreeSet<_> = signed(&records).into_iter().map(|(.., tag)| tag).collect();
    assert_eq!(tags, [keys.ksk[1].tag(), keys.zsk[1].tag()].into());
}

#[test]
fn what_does_not_belong_is_refused_by_name() {
    let alias = || RData::CNAME(CNAME(name("mx.et.lab.")));
    for (owner, rdata, error) in [
        (
            "other.lab.",
            address(),
            "other.lab. A: lies outside the zone",
        ),
        (
            "mx.et.lab.",
            alias(),
            "mx.et.lab. CNAME: stands beside other records",
        ),
        (
            "et.lab.",
            alias(),
            "et.lab. CNAME: cannot stand at the apex",
        ),
        (
            "*.et.lab.",
            ns("ns.lab."),
            "*.et.lab. NS: a wildcard cannot be delegated",
        ),
    ] {
        let mut zone = zone();
        put(&mut zone, owner, rdata);
        let failed = sign(
            &zone,
            &keys(),
            &TERMS,
            at(0),
            &mut SignatureCache::default(),
        );
        assert_eq!(failed.unwrap_err().to_string(), error);
    }
    let failed = sign(
        &bare(),
        &keys(),
        &TERMS,
        at(0),
        &mut SignatureCache::default(),
    );
    assert_eq!(failed.unwrap_err().to_string(), "et.lab. has no SOA record");
    let mut none = keys();
    none.zsk.clear();
    let failed = sign(
        &zone(),
        &none,
        &TERMS,
        at(0),
        &mut SignatureCache::default(),
    );
    let error = failed.unwrap_err().to_string();
    assert_eq!(error, "et.lab. cannot be signed: no zsk is in use");
}
