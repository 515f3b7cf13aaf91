//! Analysis of sending: what was concluded, from what, and what is missing.

use super::Report;
use super::answer::{policy_name, rating};
use super::history::day_and_time;
use super::sheet::Sheet;
use super::words::{Words, key};
use super::{beside, reasons};
use crate::base::{
    Connection, Contact, GapKind, Policy, Server, Status, Test, TestState, Timestamp, Zone, limits,
};
use crate::cases::{self, Issue, Reach, Tlsa};
use crate::infer::{Confidence, Finding, Plaintext, Rating, ServerState};

pub(super) fn write(report: &Report, words: &Words, sheet: &mut dyn Sheet) {
    let outbound = &report.outbound;
    sheet.heading(&words.plain("sending"));
    sheet.paragraph(&words.say(
        &key("sending", policy_name(outbound.policy)),
        &[("rating", &rating(words, outbound.rating))],
    ));
    if outbound.policy.is_none() {
        undetermined(report, words, sheet);
    }
    if outbound.confidence == Confidence::Supported {
        sheet.paragraph(&words.plain("sending-supported"));
    }
    sheet.blank();
    reasons::write(outbound, words, sheet);
    servers(report, words, sheet);
    for (zone, what) in [
        (Zone::Et, outbound.plaintext.et),
        (Zone::Ut, outbound.plaintext.ut),
    ] {
        sheet.paragraph(&plaintext(zone, what, outbound.policy, words));
        sheet.blank();
    }
    beside::write(&report.test, words, sheet);
    if !outbound.findings.is_empty() {
        sheet.paragraph(&words.plain("findings"));
        for found in &outbound.findings {
            sheet.point(&finding(found, words));
        }
    }
}

/// What the evidence leaves, what is missing, and why it does not come.
fn undetermined(report: &Report, words: &Words, sheet: &mut dyn Sheet) {
    let (test, outbound) = (&report.test, &report.outbound);
    let mut text = if outbound.candidates.is_empty() {
        vec![words.plain("undetermined-contradictory")]
    } else {
        let names: Vec<_> = outbound
            .candidates
            .iter()
            .map(|policy| words.plain(&key("policy", policy.name())))
            .collect();
        let policies = names.join("; ");
        vec![words.say("undetermined-candidates", &[("policies", &policies)])]
    };
    if !outbound.waiting_for.is_empty() {
        let waiting = outbound.waiting_for.iter();
        let servers: Vec<_> = waiting.map(ToString::to_string).collect();
        text.push(words.say("undetermined-waiting", &[("servers", &servers.join(", "))]));
    }
    for (zone, key) in [(Zone::Et, "undetermined-et"), (Zone::Ut, "undetermined-ut")] {
        if !test.addressed.contains(&zone) {
            text.push(words.plain(key));
        }
    }
    let attempts = test.connections.iter().map(|contact| contact.attempt).max();
    text.push(words.say(
        "undetermined-attempts",
        &[
            ("attempts", &attempts.unwrap_or(0).to_string()),
            ("started", &day_and_time(test.started, words)),
            ("ended", &day_and_time(last_seen(test), words)),
        ],
    ));
    let acknowledged = |contact: &Contact| contact.connection.status == Status::Acked;
    text.push(
        words.plain(match test.connections.iter().any(acknowledged) {
            true => "undetermined-patience",
            false if test.state == TestState::Waiting => "undetermined-open",
            false => "undetermined-expired",
        }),
    );
    sheet.paragraph(&text.join(" "));
    for gap in test.gaps.iter().take(limits::REPORT_EVIDENCE) {
        let what = words.plain(match gap.what {
            GapKind::Connections => "gap-connections",
            GapKind::Queries => "gap-queries",
        });
        let (from, until) = (
            day_and_time(gap.from, words),
            day_and_time(gap.until, words),
        );
        sheet.paragraph(&words.say(
            "undetermined-gap",
            &[("from", &from), ("until", &until), ("what", &what)],
        ));
    }
}

/// The end of the last connection.
fn last_seen(test: &Test) -> Timestamp {
    test.connections
        .iter()
        .map(|contact| {
            contact
                .connection
                .ended
                .unwrap_or(contact.connection.started)
        })
        .max()
        .unwrap_or(test.started)
}

/// What is shown of a server.
#[derive(Clone, Copy)]
enum Shown {
    State(ServerState),
    /// Mail came to it in clear text although STARTTLS was offered.
    Clear,
}

fn servers(report: &Report, words: &Words, sheet: &mut dyn Sheet) {
    let all = Server::ALL.into_iter();
    let known: Vec<_> = all
        .filter_map(|server| shown(report, server).map(|shown| (server, shown)))
        .collect();
    if known.is_empty() {
        return;
    }
    sheet.paragraph(&words.plain("servers"));
    for (server, shown) in known {
        let state = words.plain(match shown {
            Shown::State(state) => state_key(state),
            Shown::Clear => "state-clear",
        });
        let values = [
            ("server", &*server.to_string()),
            ("properties", &properties(server, words)),
            ("state", &state),
        ];
        sheet.point(&words.say("servers-line", &values));
    }
    sheet.blank();
}

/// The verdict's state of the servers that it is about, with open ones only where they matter; of the others what
/// their own connections say, if they have any.
fn shown(report: &Report, server: Server) -> Option<Shown> {
    let determined = report.outbound.policy.is_some();
    if let Some(state) = report.outbound.servers.get(&server) {
        return (*state != ServerState::Open || !determined).then_some(Shown::State(*state));
    }
    if !cases::case(server).starttls {
        return None;
    }
    let met: Vec<_> = report
        .test
        .connections
        .iter()
        .map(|contact| &contact.connection)
        .filter(|facts| facts.server == Some(server) && facts.starttls_offered)
        .collect();
    let any = |holds: fn(&Connection) -> bool| met.iter().any(|facts| holds(facts));
    if met.is_empty() {
        None
    } else if any(Connection::in_clear) {
        Some(Shown::Clear)
    } else if any(Connection::accepted) {
        Some(Shown::State(ServerState::Accepted))
    } else if any(Connection::refused) {
        Some(Shown::State(ServerState::Refused))
    } else {
        Some(Shown::State(ServerState::Open))
    }
}

const fn state_key(state: ServerState) -> &'static str {
    match state {
        ServerState::Accepted => "state-accepted",
        ServerState::Refused => "state-refused",
        ServerState::PassedOver => "state-passed-over",
        ServerState::Open => "state-open",
    }
}

/// What sets a server apart, from the case table.
fn properties(server: Server, words: &Words) -> String {
    let case = cases::case(server);
    let mut keys = Vec::new();
    if case.reach == Reach::Unnamed {
        keys.push("server-no-sni");
    }
    keys.extend(case.issue.map(|issue| match issue {
        Issue::SelfSigned => "server-self-signed",
        Issue::Ca => "server-ca",
    }));
    if case.host.is_some() {
        keys.push(match case.tlsa {
            Some(Tlsa::Valid) => "server-tlsa-valid",
            Some(Tlsa::Invalid) => "server-tlsa-invalid",
            None => "server-tlsa-none",
        });
        keys.push(match (case.zone, case.in_policy) {
            (Zone::Ut, _) => "server-no-policy",
            (Zone::Et, true) => "server-in-policy",
            (Zone::Et, false) => "server-not-in-policy",
        });
    }
    let texts: Vec<_> = keys.into_iter().map(|key| words.plain(key)).collect();
    texts.join(", ")
}

/// The sentence on clear text, ending in a rating of its own.
fn plaintext(zone: Zone, what: Plaintext, policy: Option<Policy>, words: &Words) -> String {
    let name = match what {
        Plaintext::Refused => "refused",
        Plaintext::Sent => "sent",
        Plaintext::Unseen => "unseen",
    };
    let rated = plaintext_rating(what, policy);
    words.say(
        &format!("plaintext-{zone}-{name}"),
        &[("rating", &rating(words, rated))],
    )
}

/// Refused is very good; sent is as weak as opportunistic TLS, and bad where nothing is encrypted anyway.
fn plaintext_rating(what: Plaintext, policy: Option<Policy>) -> Option<Rating> {
    match (what, policy) {
        (Plaintext::Refused, _) => Some(Rating::VeryGood),
        (Plaintext::Sent, Some(Policy::None)) => Some(Rating::Bad),
        (Plaintext::Sent, _) => Some(Rating::Weak),
        (Plaintext::Unseen, _) => None,
    }
}

fn finding(found: &Finding, words: &Words) -> String {
    let mut text = words
        .find(&key("finding", &found.code), &[])
        .unwrap_or_else(|| found.text.clone());
    if !found.rfc.is_empty() {
        text.push(' ');
        text.push_str(&words.say("finding-rfc", &[("rfc", &found.rfc)]));
    }
    text + &evidence(&found.evidence, words)
}

/// The ids of the first pieces of evidence, to be put behind a sentence; empty where there are none.
pub(super) fn evidence(ids: &[String], words: &Words) -> String {
    if ids.is_empty() {
        return String::new();
    }
    let first = &ids[..ids.len().min(limits::REPORT_EVIDENCE)];
    let mut evidence = first.join(", ");
    if ids.len() > first.len() {
        evidence.push_str(", ...");
    }
    format!(
        " {}",
        words.say("finding-evidence", &[("evidence", &evidence)])
    )
}
