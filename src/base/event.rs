//! Everything that can happen to the appliance and be written into its journal. No event can hold content.

use super::Timestamp;
use super::connection::Connection;
use super::id::{FetchId, QueryId, TestId};
use super::name::Domain;
use super::origin::Origin;
use super::server::Server;
use super::tls_report::TakenReport;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// One DNS query for a name of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// Its name.
    pub id: QueryId,
    /// When it came.
    pub time: Timestamp,
    /// Who asked: a resolver.
    pub resolver: IpAddr,
    /// The name asked for, lower case.
    pub name: Domain,
    /// The type asked for, as its mnemonic (`TLSA`) or `TYPE123` (RFC 3597).
    #[serde(rename = "type")]
    pub rrtype: String,
    /// The DNSSEC OK bit (RFC 3225).
    #[serde(rename = "do")]
    pub dnssec_ok: bool,
    /// The Checking Disabled bit.
    #[serde(rename = "cd")]
    pub checking_disabled: bool,
}

/// One fetch of the MTA-STS policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// Its name.
    pub id: FetchId,
    /// When it came.
    pub time: Timestamp,
    /// Who fetched.
    pub client: IpAddr,
    /// Its forward-confirmed reverse name.
    pub ptr: Option<Domain>,
    /// The User-Agent, at most `limits::AGENT` characters.
    pub agent: String,
}

/// An order of the MX hosts of `et`, best preference first, as published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// From when.
    pub time: Timestamp,
    /// Servers 3 to 6, each once.
    pub order: [Server; 4],
    /// The zone's serial with it.
    pub serial: u32,
}

/// What a gap in the evidence may hide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GapKind {
    /// SMTP connections: the appliance was down, the journal could not be written, or clients were turned away.
    Connections,
    /// DNS queries and policy fetches: more came than were noted.
    Queries,
}

/// A time in which evidence was lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Of which kind.
    pub what: GapKind,
    /// Whose evidence was lost, as [`origin::network`](super::origin::network) has it; `None` is anybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<IpAddr>,
}

/// What happens, in the order in which it is committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// The facts of a connection as of now; replaces earlier ones with its id.
    Connection(Box<Connection>),
    /// A query for a name of ours.
    Query(Query),
    /// A fetch of the policy.
    Fetch(Fetch),
    /// A new MX order is published.
    Order(Order),
    /// Evidence was lost.
    Gap(Gap),
    /// From now on STARTTLS is withheld from an origin, for as long as a window lasts.
    Window {
        /// From whom.
        origin: Origin,
        /// Since when.
        time: Timestamp,
    },
    /// A test was opened by a connection; its id is drawn once and kept.
    Opened {
        /// The new test.
        test: TestId,
        /// When.
        time: Timestamp,
        /// The connection whose transaction opened it.
        by: super::ConnectionId,
    },
    /// A test's mail was, or from now on is, answered with `250`.
    Acknowledged {
        /// Which test.
        test: TestId,
        /// When.
        time: Timestamp,
    },
    /// A test ended without acknowledgement.
    Expired {
        /// Which test.
        test: TestId,
        /// When.
        time: Timestamp,
    },
    /// A test's result exists; nothing more is added to it but TLS reports.
    Reported {
        /// Which test.
        test: TestId,
        /// When.
        time: Timestamp,
    },
    /// A TLS report was taken.
    TlsReport(Box<TakenReport>),
}
