//! The zone as its records, judged as a whole by `ldns-verify-zone`.

use crate::validators::tool;
use crate::world::World;
use hickory_proto::rr::Record;
use hickory_proto::serialize::binary::BinEncodable;
use mailproof::sign::SignedZone;
use mailproof::zone::master::{read, write};
use std::collections::BTreeSet;

/// A signed zone in master format, as the appliance prints it.
pub fn master(zone: &SignedZone) -> String {
    write(&zone.records().unwrap())
}

/// What `ldns-verify-zone` finds wrong with a zone.
pub fn verifies(text: &str) -> Result<(), String> {
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
    for rtype in [" TLSA ", " NSEC ", " RRSIG "] {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        let line = lines.iter_mut().find(|line| line.contains(rtype)).unwrap();
        let last = if line.pop() == Some('0') { '1' } else { '0' };
        line.push(last);
        assert!(verifies(&(lines.join("\n") + "\n")).is_err(), "{rtype}");
    }
}

/// Readers that print what they read: package, program, arguments.
const READERS: [(&str, &str, &[&str]); 2] = [
    ("ldnsutils", "ldns-read-zone", &["FILE"]),
    ("nsd", "nsd-checkzone", &["-p", "ORIGIN", "FILE"]),
];

/// Records on the wire, in no order.
fn octets<'a>(records: impl IntoIterator<Item = &'a Record>) -> BTreeSet<Vec<u8>> {
    let octets = records.into_iter().map(|record| record.to_bytes());
    octets.map(Result::unwrap).collect()
}

fn read_back(text: &str, zone: &SignedZone) -> BTreeSet<Vec<u8>> {
    let entries = read("zone", text, zone.origin(), 1).unwrap();
    octets(entries.iter().map(|entry| &entry.record))
}

#[test]
fn what_is_written_reads_back_octet_for_octet() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("zone");
    for zone in World::new().zones {
        let text = master(&zone);
        let records = zone.records().unwrap();
        let expected = octets(&records);
        assert_eq!(expected.len(), records.len());
        assert_eq!(read_back(&text, &zone), expected, "{}", zone.origin());
        // The readers of others find the same records in it.
        std::fs::write(&file, &text).unwrap();
        let (file, origin) = (file.to_str().unwrap(), zone.origin().to_string());
        for (package, program, arguments) in READERS {
            let fill = |argument: &&'static str| match *argument {
                "FILE" => file,
                "ORIGIN" => &*origin,
                other => other,
            };
            let arguments: Vec<_> = arguments.iter().map(fill).collect();
            let output = tool(package, program, &arguments);
            assert!(output.status.success(), "{program}: {output:?}");
            let theirs = String::from_utf8(output.stdout).unwrap();
            assert_eq!(read_back(&theirs, &zone), expected, "{program} {origin}");
        }
    }
}
