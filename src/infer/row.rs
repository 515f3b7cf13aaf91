//! The evidence of a test as a row of text, in the words that `tests/inference/main.rs` explains: what a verdict rests on
//! and nothing else, so no person, address or host is named in it. Whoever gets a strange case can keep it as a test.

use super::evidence::{about_policy, about_tlsa};
use super::facts::used_tls;
use super::{Coverage, Outbound};
use crate::base::{
    Certificate, Close, Connection, Contact, Domain, GapKind, PolicyType, Query, Seen, Server,
    Status, TakenReport, Test, Timestamp, Transport, Via, Zone,
};

/// The row of a test, with what follows from it.
#[must_use]
pub fn row(test: &Test, outbound: &Outbound, coverage: &Coverage) -> String {
    let mut lines = vec![format!("test {}", test.id)];
    let clock = Clock::of(test);
    if test.addressed != Zone::ALL {
        let zones: Vec<_> = test.addressed.iter().map(|zone| zone.label()).collect();
        let none = zones.is_empty();
        lines.push(format!(
            "addressed {}",
            if none {
                "none".to_owned()
            } else {
                zones.join(" ")
            }
        ));
    }
    lines.push(match test.date {
        Some(date) => format!("date {}", clock.at(date)),
        None => "date none".to_owned(),
    });
    if !test.orders.is_empty() {
        let orders = test.orders.iter().map(|order| {
            let hosts = order.order.map(|server| server.to_string()).concat();
            format!(" {} {hosts}", clock.at(order.time))
        });
        lines.push(format!("orders{}", orders.collect::<String>()));
        lines.push(format!("ttl {}", test.order_ttl));
    }
    lines.extend(beside(test, &clock));
    for contact in &test.connections {
        let at = clock.at(contact.connection.started);
        lines.push(format!(
            "{} {at} {}",
            contact.attempt,
            contact_words(contact)
        ));
    }
    lines.extend(expected(outbound, coverage));
    lines.join("\n") + "\n"
}

/// Counts seconds from the first connection.
struct Clock {
    start: Timestamp,
}

impl Clock {
    fn of(test: &Test) -> Self {
        let starts = test.connections.iter();
        let first = starts.map(|contact| contact.connection.started).min();
        Self {
            start: first.unwrap_or(test.started),
        }
    }

    fn at(&self, time: Timestamp) -> String {
        let milliseconds = time.as_millisecond() - self.start.as_millisecond();
        match milliseconds % 1000 {
            0 => format!("{}", milliseconds / 1000),
            _ => format!("{}", milliseconds as f64 / 1000.0),
        }
    }
}

/// Gaps, fetches, queries and TLS reports. Of names only what says which of ours was asked for is kept.
fn beside(test: &Test, clock: &Clock) -> Vec<String> {
    let shared = |shared: bool| if shared { " shared" } else { "" };
    let mut lines = Vec::new();
    for gap in &test.gaps {
        let what = match gap.what {
            GapKind::Connections => "connections",
            GapKind::Queries => "queries",
        };
        let (from, until) = (clock.at(gap.from), clock.at(gap.until));
        lines.push(format!("gap {what} {from} {until}"));
    }
    for fetch in &test.fetches {
        let at = clock.at(fetch.what.time);
        lines.push(format!("fetch {at}{}", shared(fetch.shared)));
    }
    let told = |query: &&Seen<Query>| about_policy(&query.what) || about_tlsa(&query.what);
    for query in test.queries.iter().filter(told) {
        let (at, name) = (clock.at(query.what.time), relative(&query.what.name));
        let rrtype = plain(&query.what.rrtype);
        lines.push(format!(
            "query {at} {rrtype} {name}.example.org{}",
            shared(query.shared)
        ));
    }
    lines.extend(test.tls_reports.iter().map(report));
    lines
}

/// What a TLS report says of which domain.
fn report(taken: &TakenReport) -> String {
    let said = taken.report.policies.iter().map(|policy| {
        let kind = match policy.policy_type {
            PolicyType::Tlsa => "tlsa",
            PolicyType::Sts => "sts",
            PolicyType::NoPolicyFound => "no-policy-found",
            PolicyType::Other => "other",
        };
        format!(" {}:{kind}", policy.zone.label())
    });
    let unproven = if taken.authenticated { "" } else { " unproven" };
    format!("report{}{unproven}", said.collect::<String>())
}

/// A name up to the label of its zone.
fn relative(name: &Domain) -> String {
    let labels: Vec<_> = name.as_str().split('.').collect();
    let zone = labels
        .iter()
        .position(|label| Zone::ALL.iter().any(|zone| zone.label() == *label));
    plain(&labels[..zone.map_or(1, |zone| zone + 1)].join("."))
}

fn contact_words(contact: &Contact) -> String {
    let facts = &contact.connection;
    let mut words = match used_tls(contact) {
        true => in_tls(facts),
        false => in_clear(facts),
    };
    if facts.from.is_some() && facts.status < Status::Mail {
        words.push("from".to_owned());
    }
    if facts.ehlo.is_none() {
        words.push("mute".to_owned());
    }
    if facts.server.is_none() {
        words.push("stale".to_owned());
    }
    if !contact.shared && facts.status < Status::Mail {
        words.push("single".to_owned());
    }
    if contact.foreign {
        words.push("foreign".to_owned());
    }
    words.extend(
        facts
            .oddities
            .iter()
            .map(|odd| format!("odd:{}", plain(odd))),
    );
    words.join(" ")
}

fn in_clear(facts: &Connection) -> Vec<String> {
    let what = if facts.starttls_offered {
        "clear"
    } else {
        "window"
    };
    let zone = facts.zone.map_or("?", Zone::label);
    let end = match &facts.close {
        _ if facts.status >= Status::Mail => "mail".to_owned(),
        Some(Close::Quit) => "left".to_owned(),
        close => ending(close.as_ref()),
    };
    let mut words = vec![what.to_owned(), zone.to_owned(), end];
    if facts.via == Some(Via::Address) {
        words.extend(facts.server.map(|server| server.to_string()));
    }
    words
}

fn in_tls(facts: &Connection) -> Vec<String> {
    let server = facts.server.unwrap_or(Server::Two);
    let started = facts.status >= Status::TlsStarted;
    let end = match &facts.close {
        _ if facts.accepted() => "took".to_owned(),
        Some(Close::Quit) if started && !facts.ehlo_in_tls => "refused".to_owned(),
        close => ending(close.as_ref()),
    };
    let taken = end == "took" || end == "refused";
    let mut words = vec!["tls".to_owned(), server.to_string(), end];
    let mut say = |when: bool, word: &str| {
        if when {
            words.push(word.to_owned());
        }
    };
    say(started && !taken, "started");
    say(facts.ehlo_in_tls && !facts.accepted(), "greeted");
    say(facts.transport == Transport::Plain && started, "outside");
    say(!facts.starttls_offered, "unoffered");
    let own = facts.via == Some(Via::Address);
    say(own, "own");
    let named = match own {
        true => facts.sni.is_some(),
        false => facts.via == Some(Via::Sni),
    };
    say(server >= Server::Three && !named, "nosni");
    let issued = matches!(facts.certificate, Some(Certificate::Host(_)));
    say(facts.via.is_none() && issued, "ca");
    if server <= Server::Two {
        words.extend(facts.zone.map(|zone| zone.label().to_owned()));
    }
    words
}

fn ending(close: Option<&Close>) -> String {
    close.map_or_else(|| "open".to_owned(), |close| plain(&close.to_string()))
}

/// Text of others as one word that no terminal takes for a command.
fn plain(text: &str) -> String {
    let fit = |c: char| {
        if c.is_ascii_graphic() && c != '#' {
            c
        } else {
            '?'
        }
    };
    text.chars().map(fit).collect()
}

/// What follows, as the row has to say.
fn expected(outbound: &Outbound, coverage: &Coverage) -> Vec<String> {
    let list =
        |key: &str, words: Vec<String>| format!("{key} {}", words.join(" ")).trim_end().to_owned();
    let policy = outbound
        .policy
        .map_or("undetermined", |policy| policy.name());
    let mut lines = vec![format!("policy {policy}")];
    if outbound.policy.is_none() {
        let names = outbound.candidates.iter().map(ToString::to_string);
        lines.push(list("candidates", names.collect()));
    }
    let mut codes: Vec<_> = outbound
        .findings
        .iter()
        .map(|finding| finding.code.clone())
        .collect();
    codes.sort();
    lines.push(list("findings", codes));
    lines.push(format!(
        "coverage starttls_attempts {}",
        coverage.starttls_attempts
    ));
    lines
}
