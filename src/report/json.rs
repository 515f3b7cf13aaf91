//! A result as JSON: the contract with everybody who reads it by machine.

use super::Report;
use crate::base::{
    Certificate, Connection, Contact, Fetch, Mailbox, Query, Seen, Server, TakenReport, TestId, Via,
};
use crate::cases;
use serde_json::{Value, json};

/// What is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redaction {
    /// Nothing: for the operator.
    None,
    /// Mail addresses of people (`j***m@example.org`) and tokens: for everybody else.
    Personal,
}

/// What stands in place of a token.
const HIDDEN: &str = "***";

impl Redaction {
    /// The address of a person.
    pub(super) fn person(self, address: &Mailbox) -> String {
        match self {
            Self::None => address.to_string(),
            Self::Personal => address.redacted(),
        }
    }

    /// One of our own addresses, which is nobody's secret but for a token in it.
    pub(super) fn ours(self, address: &Mailbox) -> String {
        match (self, address.local.split_once('+')) {
            (Self::Personal, Some((local, _))) => format!("{local}+{HIDDEN}@{}", address.domain),
            _ => address.to_string(),
        }
    }

    fn token(self, token: &str) -> &str {
        match self {
            Self::None => token,
            Self::Personal => HIDDEN,
        }
    }
}

/// The name of the file under which the evidence of a test is handed out.
#[must_use]
pub fn evidence_file(test: &TestId) -> String {
    format!("mailproof-{test}.json")
}

/// The result as `tests show ID --json` prints it.
#[must_use]
pub fn json(report: &Report, redaction: Redaction) -> Value {
    let test = &report.test;
    let contacts = test.connections.iter();
    json!({
        "id": test.id,
        "sender": redaction.person(&test.sender),
        "token": test.token.as_deref().map(|token| redaction.token(token)),
        "language": test.language,
        "state": test.state,
        "started": test.started,
        "ended": test.ended,
        "addressed": test.addressed,
        "window": if test.connections.iter().any(in_window) { "seen" } else { "unseen" },
        "origins": test.origins,
        "signatures": test.signatures,
        "orders": test.orders,
        "gaps": test.gaps,
        "outbound": report.outbound,
        "authentication": test.authentication,
        "connections": contacts.map(|contact| connection(contact, redaction)).collect::<Vec<_>>(),
        "queries": test.queries.iter().map(query).collect::<Vec<_>>(),
        "fetches": test.fetches.iter().map(fetch).collect::<Vec<_>>(),
        "tls_reports": test.tls_reports.iter().map(tls_report).collect::<Vec<_>>(),
        "inbound": report.inbound.as_ref().map_or_else(|| json!({}), |inbound| json!(inbound)),
        "reply": report.reply,
    })
}

/// Whether the session saw a reply to EHLO without STARTTLS.
fn in_window(contact: &Contact) -> bool {
    contact.connection.ehlo.is_some() && !contact.connection.starttls_offered
}

fn connection(contact: &Contact, redaction: Redaction) -> Value {
    let facts = &contact.connection;
    json!({
        "id": facts.id,
        "attempt": contact.attempt,
        "starttls_offered": facts.starttls_offered,
        "server": facts.server,
        "domain": facts.zone,
        "via": via(facts),
        "address": facts.address,
        "client": facts.client,
        "ptr": facts.ptr,
        "ehlo": facts.ehlo,
        "started": facts.started,
        "ended": facts.ended,
        "transport": facts.transport,
        "status": facts.status,
        "sni": facts.sni,
        "certificate": facts.certificate.and_then(certificate),
        "tls": facts.tls,
        "ehlo_in_tls": facts.ehlo_in_tls,
        "hello": facts.hello.as_ref().map(|hello| json!({
            "versions": hello.versions,
            "suites": hello.suites,
            "groups": hello.groups,
            "signatures": hello.signatures,
        })),
        // The null sender is the empty text; no MAIL is null.
        "from": facts.from.as_ref().map(|from| {
            from.as_ref().map_or_else(String::new, |from| redaction.person(from))
        }),
        "to": facts.to.iter().map(|to| redaction.ours(to)).collect::<Vec<_>>(),
        "parameters": facts.parameters,
        "close": facts.close,
        "oddities": facts.oddities,
        "shared": contact.shared,
        "foreign": contact.foreign,
    })
}

/// The host's name or own address that chose the server.
fn via(facts: &Connection) -> Option<String> {
    match facts.via? {
        Via::Sni => host(facts.server?),
        Via::Address => Some(facts.address.to_string()),
    }
}

fn certificate(certificate: Certificate) -> Option<String> {
    match certificate {
        Certificate::SelfSigned => Some("self-signed".to_owned()),
        Certificate::Host(server) => host(server),
    }
}

fn host(server: Server) -> Option<String> {
    cases::label(server).map(str::to_owned)
}

fn query(seen: &Seen<Query>) -> Value {
    json!({
        "id": seen.what.id,
        "time": seen.what.time,
        "resolver": seen.what.resolver,
        "name": seen.what.name,
        "type": seen.what.rrtype,
        "do": seen.what.dnssec_ok,
        "cd": seen.what.checking_disabled,
        "shared": seen.shared,
    })
}

fn fetch(seen: &Seen<Fetch>) -> Value {
    json!({
        "id": seen.what.id,
        "time": seen.what.time,
        "client": seen.what.client,
        "agent": seen.what.agent,
        "shared": seen.shared,
    })
}

fn tls_report(taken: &TakenReport) -> Value {
    let report = &taken.report;
    json!({
        "id": report.id,
        "organisation": report.organisation,
        "domain": taken.domain,
        "via": taken.via,
        "authenticated": taken.authenticated,
        "time": taken.time,
        "range": {"from": report.from, "until": report.until},
        "policies": report.policies,
    })
}
