//! The answering function itself, a row for each kind of question.

use crate::ask::{self, query};
use crate::world::World;
use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;
use mailproof::serve::dns::Transport::{self, Tcp, Udp};
use mailproof::serve::dns::{Outcome, Scratch, answer};
use mailproof::sign::Snapshot;
use std::sync::Arc;

pub fn whole_world() -> Snapshot {
    Snapshot::new(World::new().zones)
}

fn et_alone() -> Snapshot {
    let zones = World::new().zones.into_iter();
    Snapshot::new(
        zones
            .filter(|zone| zone.origin().to_string() == "et.lab.")
            .collect(),
    )
}

/// Response code, flags, and the counts of the three sections.
fn summary(out: &[u8]) -> String {
    let count = |at: usize| u16::from_be_bytes([out[at], out[at + 1]]);
    let flag = |set: bool, name: &'static str| if set { name } else { "" };
    format!(
        "{}{}{} {} {} {}",
        out[3] & 15,
        flag(out[2] & 4 != 0, " aa"),
        flag(out[2] & 2 != 0, " tc"),
        count(6),
        count(8),
        count(10)
    )
}

const NO: Option<(u16, bool)> = None;
const EDNS: Option<(u16, bool)> = Some((4096, false));
const DO: Option<(u16, bool)> = Some((4096, true));

pub type Row = (
    &'static str,
    &'static str,
    Option<(u16, bool)>,
    Transport,
    &'static str,
);

pub const ROWS: &[Row] = &[
    // What there is.
    ("et.lab", "MX", NO, Udp, "0 aa 4 0 0"),
    ("et.lab", "MX", EDNS, Udp, "0 aa 4 0 1"),
    ("et.lab", "MX", DO, Udp, "0 aa 5 0 1"),
    ("et.lab", "DNSKEY", DO, Udp, "0 aa 3 0 1"),
    ("et.lab", "NSEC", NO, Udp, "0 aa 1 0 0"),
    // One RRset is enough (RFC 8482).
    ("et.lab", "ANY", NO, Udp, "0 aa 1 0 0"),
    ("et.lab", "ANY", DO, Udp, "0 aa 2 0 1"),
    ("et.lab", "RRSIG", DO, Udp, "0 aa 1 0 1"),
    ("_tcp.mx05.et.lab", "ANY", DO, Udp, "0 aa 0 4 1"),
    ("foo.wild.torture.lab", "ANY", DO, Udp, "0 aa 2 2 1"),
    // What there is not: SOA, then with DO its signature and NSEC records with theirs.
    ("mx04.et.lab", "AAAA", NO, Udp, "0 aa 0 1 0"),
    ("mx04.et.lab", "AAAA", DO, Udp, "0 aa 0 4 1"),
    ("_tcp.mx05.et.lab", "TLSA", DO, Udp, "0 aa 0 4 1"),
    ("nothing.et.lab", "A", NO, Udp, "3 aa 0 1 0"),
    ("nothing.et.lab", "A", DO, Udp, "3 aa 0 6 1"),
    // One NSEC covers both the name and the wildcard.
    ("_a.et.lab", "A", DO, Udp, "3 aa 0 4 1"),
    ("a.b.mx04.et.lab", "A", DO, Udp, "3 aa 0 6 1"),
    // Wildcards.
    ("foo.wild.torture.lab", "A", NO, Udp, "0 aa 1 0 0"),
    ("foo.wild.torture.lab", "A", DO, Udp, "0 aa 2 2 1"),
    ("a.wild.torture.lab", "MX", DO, Udp, "0 aa 0 4 1"),
    ("i.wild.torture.lab", "MX", DO, Udp, "0 aa 0 6 1"),
    // Aliases, followed within the zone.
    ("c1.torture.lab", "A", NO, Udp, "0 aa 3 0 0"),
    ("c1.torture.lab", "A", DO, Udp, "0 aa 6 0 1"),
    ("c1.torture.lab", "MX", DO, Udp, "0 aa 4 4 1"),
    ("cnx1.torture.lab", "A", NO, Udp, "3 aa 1 1 0"),
    ("turn.torture.lab", "A", NO, Udp, "0 aa 2 0 0"),
    ("self.torture.lab", "A", NO, Udp, "0 aa 1 0 0"),
    ("foo.loop.torture.lab", "A", NO, Udp, "0 aa 2 0 0"),
    ("cother.torture.lab", "A", NO, Udp, "0 aa 1 0 0"),
    // Referrals, with glue; with DO the DS, or the proof that there is none.
    ("sub.torture.lab", "A", NO, Udp, "0 0 2 3"),
    ("x.y.sub.torture.lab", "A", NO, Udp, "0 0 2 3"),
    ("x.y.sub.torture.lab", "A", DO, Udp, "0 0 4 4"),
    ("dsub.torture.lab", "A", DO, Udp, "0 0 3 3"),
    ("dsub.torture.lab", "ANY", DO, Udp, "0 0 3 3"),
    ("dsub.torture.lab", "DS", DO, Udp, "0 aa 2 0 1"),
    ("sub.torture.lab", "DS", DO, Udp, "0 aa 0 4 1"),
    // The parent answers DS; the root has none.
    ("et.lab", "DS", NO, Udp, "0 aa 1 0 0"),
    (".", "DS", NO, Udp, "0 aa 0 1 0"),
    // Too long for a datagram, whatever the client takes.
    ("big.torture.lab", "TXT", NO, Udp, "0 aa tc 0 0 0"),
    ("big.torture.lab", "TXT", DO, Udp, "0 aa tc 0 0 1"),
    ("big.torture.lab", "TXT", DO, Tcp, "0 aa 22 0 1"),
    ("et.lab", "MX", Some((0, true)), Udp, "0 aa 5 0 1"),
    // Meta types.
    ("et.lab", "TYPE41", NO, Udp, "1 0 0 0"),
    ("et.lab", "TYPE250", NO, Udp, "4 0 0 0"),
];

#[test]
fn each_question_has_its_answer() {
    let snapshot = whole_world();
    let (mut out, mut scratch) = (Vec::new(), Scratch::default());
    let mut wrong = Vec::new();
    for (name, rtype, edns, transport, expected) in ROWS {
        let rtype = ask::rtype(rtype);
        let query = query(name, rtype, *edns).to_vec().unwrap();
        answer(&snapshot, &query, &mut out, &mut scratch, *transport);
        let found = summary(&out);
        let limit = match (transport, edns) {
            (Tcp, _) => 65535,
            (Udp, None) => 512,
            (Udp, Some(_)) => 1232,
        };
        assert!(out.len() <= limit, "{name} {rtype}: {} octets", out.len());
        Message::from_vec(&out).unwrap();
        if found != *expected {
            wrong.push(format!("{name} {rtype} {edns:?}: {found}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_of_others_are_refused_and_ds_comes_from_the_child_alone() {
    let snapshot = et_alone();
    let (mut out, mut scratch) = (Vec::new(), Scratch::default());
    for (name, rtype, expected) in [
        ("lab", "SOA", "5 0 0 1"),
        ("bet.lab", "MX", "5 0 0 1"),
        (".", "NS", "5 0 0 1"),
        ("et.lab", "DS", "0 aa 0 4 1"),
    ] {
        let query = query(name, ask::rtype(rtype), DO).to_vec().unwrap();
        let outcome = answer(&snapshot, &query, &mut out, &mut scratch, Udp);
        assert_eq!(summary(&out), expected, "{name} {rtype}");
        let ours = matches!(outcome, Outcome::Answered(Some(_)));
        assert_eq!(ours, expected.starts_with('0'), "{name} {rtype}");
    }
}

#[test]
fn what_is_no_plain_question_is_told_apart() {
    let snapshot = et_alone();
    let plain = query("eT.LaB", RecordType::MX, DO).to_vec().unwrap();
    let changed = |at: usize, value: u8| {
        let mut query = plain.clone();
        query[at] = value;
        query
    };
    let opt = plain.len() - 11;
    let version = changed(opt + 6, 1);
    let name_end = 12 + 8;
    for (what, query, expected) in [
        ("plain", plain.clone(), Some("0 aa 5 0 1")),
        ("a response", changed(2, 0x80), None),
        ("eleven octets", plain[..11].to_vec(), None),
        ("twelve octets", plain[..12].to_vec(), Some("1 0 0 0")),
        ("NOTIFY", changed(2, 0x20), None),
        ("class CHAOS", changed(name_end + 3, 3), None),
        ("AXFR", changed(name_end + 1, 252), None),
        ("EDNS version 1", version, Some("0 0 0 1")),
        ("no question", changed(5, 0), Some("1 0 0 0")),
        (
            "cut off",
            plain[..plain.len() - 1].to_vec(),
            Some("1 0 0 0"),
        ),
    ] {
        let (mut out, mut scratch) = (Vec::new(), Scratch::default());
        let outcome = answer(&snapshot, &query, &mut out, &mut scratch, Udp);
        let found = (!out.is_empty()).then(|| summary(&out));
        assert_eq!(found.as_deref(), expected, "{what}: {outcome:?}");
        match what {
            // The question comes back in the case it was written in (draft-vixie-dnsext-dns0x20).
            "plain" => assert_eq!(out[12..24], plain[12..24]),
            "EDNS version 1" => assert_eq!(out[out.len() - 6], 1, "BADVERS"),
            "a response" | "eleven octets" => assert_eq!(outcome, Outcome::Silence),
            "NOTIFY" | "class CHAOS" | "AXFR" => assert_eq!(outcome, Outcome::Special),
            _ => {}
        }
    }
}

#[test]
fn negative_answers_live_as_long_as_the_soa_says() {
    let snapshot = et_alone();
    let (mut out, mut scratch) = (Vec::new(), Scratch::default());
    for name in ["nothing.et.lab", "_tcp.mx05.et.lab"] {
        let query = query(name, RecordType::A, DO).to_vec().unwrap();
        answer(&snapshot, &query, &mut out, &mut scratch, Udp);
        let read = Message::from_vec(&out).unwrap();
        assert!(read.authorities.iter().all(|record| record.ttl == 60));
    }
}

/// Broken queries of every kind: always silence, an error or a readable answer within the limit.
#[test]
fn nothing_that_comes_in_breaks_it() {
    let snapshot = whole_world();
    let seeds: Vec<_> = ROWS
        .iter()
        .map(|(name, rtype, edns, ..)| query(name, ask::rtype(rtype), *edns).to_vec().unwrap())
        .collect();
    let (mut out, mut scratch) = (Vec::new(), Scratch::default());
    let mut state = 1_u64;
    let mut draw = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for _ in 0..30_000 {
        let mut query = seeds[draw(seeds.len())].clone();
        for _ in 0..=draw(4) {
            let at = draw(query.len());
            match draw(4) {
                0 => query.truncate(at.max(1)),
                1 => query.insert(at, u8::try_from(draw(256)).unwrap()),
                _ => query[at] = u8::try_from(draw(256)).unwrap(),
            }
        }
        let outcome = answer(&snapshot, &query, &mut out, &mut scratch, Udp);
        assert!(out.len() <= 1232);
        match outcome {
            Outcome::Answered(_) => {
                assert_eq!(out[..2], query[..2]);
                assert!(Message::from_vec(&out).is_ok(), "{query:?} {out:?}");
            }
            _ => assert!(out.is_empty()),
        }
    }
}

#[test]
fn a_snapshot_of_nothing_refuses() {
    let snapshot = Snapshot::new(Vec::<Arc<_>>::new());
    let (mut out, mut scratch) = (Vec::new(), Scratch::default());
    let query = query("et.lab", RecordType::MX, NO).to_vec().unwrap();
    answer(&snapshot, &query, &mut out, &mut scratch, Udp);
    assert_eq!(summary(&out), "5 0 0 0");
}
