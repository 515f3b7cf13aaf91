//! What is asked: of every name in the zones what senders and their resolvers ask, and names that do not exist.

use std::collections::BTreeSet;

/// The types asked for at each name.
const TYPES: [&str; 6] = ["A", "AAAA", "MX", "TLSA", "TXT", "DS"];
/// Asked for at the apexes as well.
const APEX: [&str; 3] = ["SOA", "NS", "DNSKEY"];

/// Questions as dnsperf reads them, about zones in master format, in an order of no meaning and always the same.
pub fn of(zones: &str) -> String {
    let mut names = BTreeSet::new();
    let mut apexes = BTreeSet::new();
    for line in zones.lines() {
        let mut fields = line.split_whitespace();
        let owner = fields.next().unwrap_or_default();
        names.insert(owner);
        if fields.nth(2) == Some("SOA") {
            apexes.insert(owner);
        }
    }
    let mut questions: Vec<String> = Vec::new();
    for name in &names {
        questions.extend(TYPES.map(|rtype| format!("{name} {rtype}\n")));
        questions.push(format!("nothing.{name} A\n"));
    }
    for name in &apexes {
        questions.extend(APEX.map(|rtype| format!("{name} {rtype}\n")));
    }
    questions.sort_by_cached_key(|question| {
        ring::digest::digest(&ring::digest::SHA256, question.as_bytes())
            .as_ref()
            .to_vec()
    });
    questions.concat()
}
