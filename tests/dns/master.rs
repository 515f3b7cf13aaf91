//! The zone as its records, judged as a whole by `ldns-verify-zone`.

use crate::validators::tool;
use crate::world::World;
use mailproof::sign::SignedZone;
use mailproof::zone::master::write;

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
