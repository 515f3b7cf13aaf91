//! The zone as its records, judged as a whole by `ldns-verify-zone`.

use crate::validators::tool;
use crate::world::World;
use hickory_proto::rr::Name;
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};
use mailproof::sign::SignedZone;
use std::fmt::Write;

/// A signed zone in master format, its RDATA in the form that every reader knows (RFC 3597 5).
pub fn master(zone: &SignedZone) -> String {
    let mut text = String::new();
    for record in zone.records().unwrap() {
        let mut rdata = Vec::new();
        let mut encoder = BinEncoder::new(&mut rdata);
        encoder.set_canonical_form(true);
        encoder.set_name_encoding(NameEncoding::Uncompressed);
        record.data.emit(&mut encoder).unwrap();
        let rtype = u16::from(record.record_type());
        let owner = escaped(&record.name);
        write!(
            text,
            "{owner} {} IN TYPE{rtype} \\# {} ",
            record.ttl,
            rdata.len()
        )
        .unwrap();
        for octet in rdata {
            write!(text, "{octet:02x}").unwrap();
        }
        text.push('\n');
    }
    text
}

fn escaped(name: &Name) -> String {
    let mut text = String::new();
    for label in name.iter() {
        for octet in label {
            match octet {
                b'!'..=b'-' | b'/'..=b'[' | b']'..=b'~' => text.push((*octet).into()),
                other => write!(text, "\\{other:03}").unwrap(),
            }
        }
        text.push('.');
    }
    if text.is_empty() {
        ".".to_owned()
    } else {
        text
    }
}

fn verifies(text: &str) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("zone");
    std::fs::write(&file, text).unwrap();
    let arguments = ["-V", "3", file.to_str().unwrap()];
    let output = tool("ldnsutils", "ldns-verify-zone", &arguments);
    output
        .status
        .success()
        .then_some(())
        .ok_or_else(|| format!("{output:?}"))
}

#[test]
fn every_zone_is_whole_and_rightly_signed() {
    for zone in World::new().zones {
        assert_eq!(verifies(&master(&zone)), Ok(()), "{}", zone.origin());
    }
}

#[test]
fn a_zone_with_a_fault_would_be_found() {
    let world = World::new();
    let text = master(&world.zones[World::ET]);
    for rtype in ["TYPE52", "TYPE47", "TYPE46"] {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        let line = lines.iter_mut().find(|line| line.contains(rtype)).unwrap();
        let last = if line.pop() == Some('0') { '1' } else { '0' };
        line.push(last);
        assert!(verifies(&(lines.join("\n") + "\n")).is_err(), "{rtype}");
    }
}
