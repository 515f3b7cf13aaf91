//! The vocabulary of the whole house: time, ids, names, facts, the ports and every limit.
//!
//! Nothing here reads a clock, draws random numbers or opens a socket; those come in through [`ports`]. The only I/O is
//! that of [`mod@file`], for keys and certificates alike.
//! Nothing here knows the case table: which host name belongs to which server is said in `cases`.

pub mod connection;
pub mod event;
pub mod file;
pub mod id;
pub mod limits;
pub mod lookup;
pub mod message;
pub mod name;
pub mod network;
pub mod origin;
pub mod policy;
pub mod ports;
pub mod server;
pub mod test;
pub mod tls_report;
pub mod url;

pub use connection::{Certificate, ClientHello, Close, Connection, Status, Tls, Transport, Via};
pub use event::{Event, Fetch, Gap, GapKind, Order, Query};
pub use id::{ConnectionId, FetchId, QueryId, TestId};
pub use lookup::{Lookup, Mx, Tlsa};
pub use message::{Authentication, DkimResult, MessageFacts, Robot, Verdict};
pub use name::{Domain, Mailbox, NameError, Zone};
pub use network::Network;
pub use origin::Origin;
pub use policy::{Policy, Security};
pub use server::Server;
pub use test::{Contact, Language, Seen, Test, TestState};
pub use tls_report::{
    Packing, PolicyType, ReportVia, ReportedFailure, ReportedPolicy, TakenReport, TlsReport,
};
pub use url::{Host, HttpsUrl, UrlError};

/// A point in time, in UTC, to the nanosecond; written as RFC 3339 in JSON.
pub use jiff::Timestamp;
