//! What is kept of a message: facts, never content.

use super::Timestamp;
use super::name::{Domain, Mailbox, Zone};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The result of an authentication check, in the words of RFC 8601 2.7.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// Probably not (SPF `~all`).
    SoftFail,
    /// The domain says nothing either way (SPF `?all`).
    Neutral,
    /// There was nothing to check.
    #[default]
    None,
    /// It could not be found out now.
    TempError,
    /// The domain's record or the signature cannot be understood.
    PermError,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::SoftFail => "softfail",
            Self::Neutral => "neutral",
            Self::None => "none",
            Self::TempError => "temperror",
            Self::PermError => "permerror",
        })
    }
}

/// One DKIM signature's result (RFC 6376).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DkimResult {
    /// The signing domain, `d=`.
    pub domain: Domain,
    /// Whether it verifies.
    pub result: Verdict,
}

/// What SPF, DKIM, ARC and DMARC say of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Authentication {
    /// SPF of the envelope sender's domain, or of the EHLO name for the null sender (RFC 7208).
    pub spf: Verdict,
    /// Each DKIM signature, in the order of the message; at most `limits::SIGNATURES`.
    pub dkim: Vec<DkimResult>,
    /// The ARC chain (RFC 8617).
    pub arc: Verdict,
    /// DMARC of the From domain (RFC 7489).
    pub dmarc: Verdict,
}

/// Why a message comes from no person, so that it gets no result mail (RFC 3834 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Robot {
    /// `Auto-Submitted` says other than `no`.
    AutoSubmitted,
    /// List headers, or `Precedence` of bulk, list or junk.
    List,
    /// A delivery status or other report (`multipart/report`).
    Report,
    /// The sender's local part is one of a daemon.
    Daemon,
    /// More `Received` lines than `limits::RECEIVED`: a loop.
    Loop,
}

/// The facts of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageFacts {
    /// The Message-ID without angle brackets.
    pub message_id: Option<String>,
    /// The Date.
    pub date: Option<Timestamp>,
    /// The From address that the result is about, when there is just one.
    pub header_from: Option<Mailbox>,
    /// Which of our domains stand in To or Cc.
    pub addressed: Vec<Zone>,
    /// Kinds of signature present: `Dkim`, `Arc`.
    pub signatures: Vec<String>,
    /// What the checks say.
    pub authentication: Authentication,
    /// Why it comes from no person, if so.
    pub robot: Option<Robot>,
}

impl MessageFacts {
    /// Whether the envelope sender is proven: SPF passes for its domain, or a valid DKIM signature is aligned with it
    /// (same organisational domain) and the message says that it is from just this address: anybody can send a message
    /// again that somebody else of that domain signed. DMARC alone proves another address.
    #[must_use]
    pub fn proves(&self, sender: &Mailbox) -> bool {
        let organisation = sender.domain.registrable();
        let signed = || {
            self.authentication.dkim.iter().any(|signature| {
                signature.result == Verdict::Pass && signature.domain.registrable() == organisation
            })
        };
        self.authentication.spf == Verdict::Pass
            || (self.header_from.as_ref() == Some(sender) && signed())
    }
}
