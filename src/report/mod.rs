//! The result of a test as a value, its JSON, its text and its page.
//!
//! Pure: no clock, no I/O. It decides nothing about the sender or the domain; it says what `infer` and `probe` found.
//! Stored results have a form and a version of their own, in [`Report::to_stored`].

mod advice;
mod answer;
mod beside;
mod explain;
mod export;
mod history;
mod html;
mod json;
mod reasons;
mod receiving;
mod sending;
mod sheet;
mod stored;
mod text;
mod words;
mod wrap;

pub use explain::explain;
pub use export::{Export, Format};
pub use html::html;
pub use json::{Redaction, evidence_file, json};
pub use stored::StoredError;
pub use text::{sending_text, subject, text};

use crate::base::Test;
use crate::infer::Outbound;
use crate::probe::inbound::Inbound;
use serde::{Deserialize, Serialize};

/// What became of the result mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplyState {
    /// It waits for its next attempt.
    Queued,
    /// The recipient's server took it.
    Sent,
    /// It was given up.
    Failed,
    /// It was never to be sent.
    Withheld,
}

/// The result mail as the result knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// What became of it.
    pub state: ReplyState,
    /// Why, or how, in words; empty while nothing was tried.
    pub reason: String,
}

/// The result of one test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The evidence.
    pub test: Test,
    /// How the sender protects outgoing mail.
    pub outbound: Outbound,
    /// How the sender's domain receives mail; `None` when it was not looked at.
    pub inbound: Option<Inbound>,
    /// The result mail.
    pub reply: Reply,
}
