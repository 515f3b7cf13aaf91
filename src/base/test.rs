//! One test: the evidence gathered for one sender, from which everything else is derived.

use super::Timestamp;
use super::connection::Connection;
use super::event::{Fetch, Gap, Order, Query};
use super::id::TestId;
use super::limits;
use super::message::Authentication;
use super::name::{Domain, Mailbox, Zone};
use super::origin::Origin;
use super::tls_report::TakenReport;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The language of the answer, chosen by the local part written to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Language {
    /// `en@`
    #[default]
    #[serde(rename = "en")]
    English,
    /// `de@`
    #[serde(rename = "de")]
    German,
}

impl Language {
    /// Both languages.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// The local part, which is the language tag too.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }
}

/// Where a test stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TestState {
    /// More attempts are needed.
    Waiting,
    /// The message was, or will be, taken with `250`.
    Acked,
    /// The result exists.
    Reported,
    /// Nothing came for an hour after the deadline.
    Expired,
}

/// A connection as evidence of a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The attempt it belongs to, from 1.
    pub attempt: u32,
    /// Whether it ended before MAIL and so may belong to another test of the same origin.
    pub shared: bool,
    /// Whether others brought the message as the sender's own, proven, and this connection came from elsewhere: anybody
    /// can write any envelope sender. It is shown and counts for nothing.
    #[serde(default)]
    pub foreign: bool,
    /// The facts.
    #[serde(flatten)]
    pub connection: Connection,
}

/// A query or fetch as evidence of a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen<T> {
    /// Whether only its time ties it to this test; it is shown and chooses nothing.
    pub shared: bool,
    /// The facts.
    #[serde(flatten)]
    pub what: T,
}

/// The evidence of one test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Test {
    /// Its name.
    pub id: TestId,
    /// The envelope sender.
    pub sender: Mailbox,
    /// The token written to, if any.
    pub token: Option<String>,
    /// The language of the answer.
    pub language: Language,
    /// Where it stands.
    pub state: TestState,
    /// The first connection that belongs to it alone.
    pub started: Timestamp,
    /// When it was acknowledged or expired.
    pub ended: Option<Timestamp>,
    /// The domains that the user wrote to, as far as seen.
    pub addressed: Vec<Zone>,
    /// The origins seen.
    pub origins: Vec<Origin>,
    /// The facts of the message, as last judged.
    pub authentication: Authentication,
    /// The Message-IDs seen.
    pub message_ids: Vec<String>,
    /// The Date of the message as first seen.
    pub date: Option<Timestamp>,
    /// The kinds of signature seen: `Dkim`, `Arc`.
    pub signatures: Vec<String>,
    /// Whether the sender's address is proven, by any copy of the message.
    pub proven: bool,
    /// Why the message comes from no person, if so.
    pub robot: Option<super::Robot>,
    /// The MX orders in force while it ran, the one in force at its start first.
    pub orders: Vec<Order>,
    /// The time for which a resolver may keep an order, in seconds: the TTL of the MX records.
    pub order_ttl: u32,
    /// The evidence lost while it ran.
    pub gaps: Vec<Gap>,
    /// Its connections by start.
    pub connections: Vec<Contact>,
    /// DNS queries by time.
    pub queries: Vec<Seen<Query>>,
    /// Policy fetches by time.
    pub fetches: Vec<Seen<Fetch>>,
    /// TLS reports of the organisations that send for it, by time.
    #[serde(default)]
    pub tls_reports: Vec<TakenReport>,
}

impl Test {
    /// The organisations that send for it: that of the sender's domain, and those of the origins that count.
    #[must_use]
    pub fn organisations(&self) -> BTreeSet<Domain> {
        let counting = (self.connections.iter()).filter(|contact| !contact.foreign);
        let origins = counting.filter_map(|contact| match contact.connection.origin() {
            Origin::Domain(domain) => Some(domain),
            Origin::Network(..) => None,
        });
        origins.chain([self.sender.domain.registrable()]).collect()
    }

    /// Takes in a report on the time in which it ran, of one of its organisations; says whether it did. Each report once,
    /// and of those that are authenticated, and of the others, only so many.
    pub fn take_in(&mut self, report: &TakenReport) -> bool {
        let likewise = |kept: &&TakenReport| kept.authenticated == report.authenticated;
        let most = match report.authenticated {
            true => limits::TEST_TLS_REPORTS,
            false => limits::TEST_TLS_REPORTS_UNPROVEN,
        };
        let ran = report.report.until >= self.started
            && self.ended.is_none_or(|ended| report.report.from <= ended);
        if !ran
            || self.tls_reports.iter().any(|kept| kept.is_same(report))
            || self.tls_reports.iter().filter(likewise).count() >= most
            || !self.organisations().contains(&report.domain.registrable())
        {
            return false;
        }
        let behind = (self.tls_reports).partition_point(|kept| kept.time <= report.time);
        self.tls_reports.insert(behind, report.clone());
        true
    }
}
