//! The verdict on a sender, from the evidence of one test. Pure: no clock, no I/O, no order of events matters.
//!
//! [`outbound()`] gives the verdict, [`coverage()`] what the test has seen of the servers, from which the acknowledgement
//! is decided elsewhere. What can be told apart stands in `hypothesis`, what tells it in `observation`, what the sender's own
//! reports say in `statement`; `facts` says what counts as seen.

mod case;
mod coverage;
mod evidence;
mod facts;
mod finding;
mod hypothesis;
mod observation;
mod passage;
mod reason;
mod row;
mod statement;
mod verdict;

pub use coverage::{Coverage, coverage};
pub use passage::passed_over;
pub use row::row;
pub use verdict::{outbound, policy, waiting_for};

use crate::base::{Policy, Server};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;

/// What is known of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ServerState {
    /// MAIL and RCPT came inside TLS.
    #[serde(rename = "accepted")]
    Accepted,
    /// Its certificate was refused, and never taken: a delivery counts more than any refusal.
    #[serde(rename = "refused")]
    Refused,
    /// Proven to be avoided: never contacted where the order of the MX demanded it.
    #[serde(rename = "passed over")]
    PassedOver,
    /// Nothing is known yet.
    #[default]
    #[serde(rename = "open")]
    Open,
}

/// What became of mail while STARTTLS was withheld.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Plaintext {
    /// The sender came and went without MAIL.
    Refused,
    /// The sender offered the message in clear text.
    Sent,
    /// No connection of the kind was seen.
    #[default]
    Unseen,
}

/// What became of clear text, by domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaintextByZone {
    /// At `et`.
    pub et: Plaintext,
    /// At `ut`.
    pub ut: Plaintext,
}

/// What the verdict rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Deliveries alone leave no other policy.
    Proven,
    /// Evidence from DNS, HTTPS or reports chose among what deliveries leave.
    Supported,
}

/// The rating of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rating {
    /// none
    Bad,
    /// may
    Weak,
    /// encrypt
    Fair,
    /// verify
    Good,
    /// dane, dane-only, dane+mta-sts, mta-sts, with no clear text to `et`
    #[serde(rename = "very good")]
    VeryGood,
}

/// Something worth knowing beside the policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its code, such as `plaintext-ut-only`.
    pub code: String,
    /// One English sentence; the report has it in other languages by the code.
    pub text: String,
    /// The standard it rests on, such as `7672 2.2`; empty where none applies.
    pub rfc: String,
    /// The connections, queries, fetches and TLS reports that prove it.
    pub evidence: Vec<String>,
}

/// One step from all policies to those that are left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// What was observed, such as `accepted` or `left-et`.
    pub code: String,
    /// The server that it is about, if it is about one.
    pub server: Option<Server>,
    /// The policies that are out with it and the steps before it; empty where it only clears the way for a later step.
    pub excludes: Vec<Policy>,
    /// The connections, queries and fetches that prove it.
    pub evidence: Vec<String>,
}

/// The verdict on how the sender protects outgoing mail; serialises as `outbound` of `tests show --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbound {
    /// The policy, when just one is left; `undetermined` in JSON otherwise.
    #[serde(
        serialize_with = "or_undetermined",
        deserialize_with = "unless_undetermined"
    )]
    pub policy: Option<Policy>,
    /// The policies that the evidence leaves, weakest first; empty when it contradicts all of them.
    pub candidates: Vec<Policy>,
    /// What the policy, or the choice of candidates, rests on.
    pub confidence: Confidence,
    /// What became of clear text while STARTTLS was withheld.
    pub plaintext: PlaintextByZone,
    /// Servers 3 to 6.
    pub servers: BTreeMap<Server, ServerState>,
    /// Why the others are not among them, step by step.
    #[serde(default)]
    pub reasons: Vec<Reason>,
    /// The servers that would still tell candidates apart, or, where none would, whose answer is still needed; those of
    /// `et` first, in the order in which they should lead, then 7. Where `et` is met without SNI on a shared address, 2
    /// stands for all of `et`. Empty once a policy is named.
    pub waiting_for: Vec<Server>,
    /// The rating of the policy; `None` for undetermined.
    pub rating: Option<Rating>,
    /// Findings by code.
    pub findings: Vec<Finding>,
}

fn or_undetermined<S: Serializer>(policy: &Option<Policy>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(policy.map_or("undetermined", Policy::name))
}

fn unless_undetermined<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Option<Policy>, D::Error> {
    let name = String::deserialize(from)?;
    match name.as_str() {
        "undetermined" => Ok(None),
        name => name.parse().map(Some).map_err(serde::de::Error::custom),
    }
}
