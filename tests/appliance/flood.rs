//! More queries than are taken as evidence: every one is answered, and what was not noted is counted.

use crate::appliance::{Appliance, wait_for};
use crate::dns;
use hickory_proto::rr::RecordType;

/// More than a network may have noted at once, and in the time that asking takes.
const QUERIES: u64 = 2_000;

#[test]
fn what_is_not_noted_is_counted_and_told() {
    let appliance = Appliance::started();
    assert_eq!(appliance.json(&["status"])["queries_not_noted"], 0);
    for _ in 0..QUERIES {
        dns::ask(appliance.ports.dns, "et.example.org", RecordType::MX);
    }
    let lost = wait_for("a count", || {
        let status = appliance.json(&["status"]);
        status["queries_not_noted"]
            .as_u64()
            .filter(|lost| *lost > 0)
    });
    assert!(lost < QUERIES, "some were noted");
    let line = wait_for("a line in the log", || {
        let log = appliance.log();
        let line = log.lines().find(|line| line.contains("not noted"));
        line.map(str::to_owned)
    });
    assert!(
        line.contains("WARN") && line.contains("DNS queries"),
        "{line}"
    );
    let text = appliance.text(&["status"]);
    assert!(text.contains("queries_not_noted: "), "{text}");
}
