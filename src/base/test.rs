//! One test: the evidence gathered for one sender, from which everything else is derived.

use super::Timestamp;
use super::connection::Connection;
use super::event::{Fetch, Gap, Order, Query};
use super::id::TestId;
use super::message::Authentication;
use super::name::{Mailbox, Zone};
use super::origin::Origin;
use serde::{Deserialize, Serialize};

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
}
