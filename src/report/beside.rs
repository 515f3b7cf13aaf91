//! What was seen beside the deliveries: DNS queries, policy fetches and TLS reports, summed up.

use super::history::day_and_time;
use super::sheet::Sheet;
use super::words::Words;
use crate::base::{Query, Test, Timestamp, limits};
use std::collections::BTreeMap;

/// Queries of one kind, fetches, or TLS reports.
#[derive(Default)]
struct Sum {
    count: usize,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// Who asked, each once: as many as are shown, and one more.
    who: Vec<String>,
    /// How many had the bit DO, and how many CD.
    bits: [usize; 2],
}

impl Sum {
    fn add(&mut self, time: Timestamp, who: String, bits: [bool; 2]) {
        self.count += 1;
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = self.last.max(Some(time));
        if self.who.len() <= limits::REPORT_EVIDENCE && !self.who.contains(&who) {
            self.who.push(who);
        }
        for (sum, bit) in self.bits.iter_mut().zip(bits) {
            *sum += usize::from(bit);
        }
    }

    fn say(&self, what: &str, shared: bool, words: &Words) -> Option<String> {
        let mut who = self.who[..self.who.len().min(limits::REPORT_EVIDENCE)].join(", ");
        if self.who.len() > limits::REPORT_EVIDENCE {
            who.push_str(", ...");
        }
        let mut text = words.say(
            "beside-line",
            &[
                ("what", what),
                ("count", &self.count.to_string()),
                ("first", &day_and_time(self.first?, words)),
                ("last", &day_and_time(self.last?, words)),
                ("who", &who),
            ],
        );
        for (key, count) in ["beside-do", "beside-cd"].into_iter().zip(self.bits) {
            if count > 0 {
                text.push_str(", ");
                text.push_str(&words.say(key, &[("count", &count.to_string())]));
            }
        }
        if shared {
            text.push_str("; ");
            text.push_str(&words.plain("beside-shared"));
        }
        Some(text)
    }
}

/// The kinds that say something of a policy, in the order in which they are shown.
const KINDS: [&str; 6] = [
    "MX",
    "TLSA",
    "_mta-sts TXT",
    "_smtp._tls TXT",
    "DNSKEY",
    "DS",
];

fn kind(query: &Query) -> Option<usize> {
    let name = query.name.as_str();
    KINDS.iter().position(|kind| match kind.split_once(' ') {
        Some((label, rrtype)) => {
            let below = name.strip_prefix(label);
            below.is_some_and(|rest| rest.starts_with('.')) && query.rrtype == rrtype
        }
        None => query.rrtype == *kind,
    })
}

pub(super) fn write(test: &Test, words: &Words, sheet: &mut dyn Sheet) {
    let mut sums: BTreeMap<(usize, bool), Sum> = BTreeMap::new();
    for seen in &test.queries {
        let query = &seen.what;
        let Some(kind) = kind(query) else { continue };
        let bits = [query.dnssec_ok, query.checking_disabled];
        let sum = sums.entry((kind, seen.shared)).or_default();
        sum.add(query.time, query.resolver.to_string(), bits);
    }
    for seen in &test.fetches {
        let fetch = &seen.what;
        let who = match fetch.agent.is_empty() {
            true => fetch.client.to_string(),
            false => format!("{} ({})", fetch.client, fetch.agent),
        };
        let sum = sums.entry((KINDS.len(), seen.shared)).or_default();
        sum.add(fetch.time, who, [false; 2]);
    }
    for taken in &test.tls_reports {
        let sum = sums
            .entry((KINDS.len() + 1, !taken.authenticated))
            .or_default();
        sum.add(taken.time, taken.domain.to_string(), [false; 2]);
    }
    if sums.is_empty() {
        return;
    }
    sheet.paragraph(&words.plain("beside"));
    for ((kind, shared), sum) in &sums {
        let what = match KINDS.get(*kind) {
            Some(kind) => (*kind).to_owned(),
            None if *kind == KINDS.len() => words.plain("beside-fetch"),
            None => words.plain("beside-report"),
        };
        if let Some(line) = sum.say(&what, *shared, words) {
            sheet.point(&line);
        }
    }
    sheet.blank();
}
