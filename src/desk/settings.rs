//! What the operator decides about tests, as the desk needs it.

use crate::base::{Domain, Timestamp};
use jiff::SignedDuration;
use std::time::Duration;

/// The settings of all tests (`[test]` of the configuration), validated.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The domain under which `et` and `ut` lie.
    pub base_domain: Domain,
    /// How long STARTTLS is withheld from an origin.
    pub plaintext_window: Duration,
    /// The longest time for which an MX order stays published.
    pub rotation: Duration,
    /// The longest wait for evidence that is still missing.
    pub patience: Duration,
    /// Delivering attempts after which no more evidence is awaited.
    pub patience_attempts: u32,
    /// Connections closer than this are one attempt.
    pub attempt_gap: Duration,
    /// From acknowledgement to analysis.
    pub settle: Duration,
    /// The longest test.
    pub deadline: Duration,
    /// How long after a test its sender, and its origin, count as tested.
    pub quiet: Duration,
    /// The TTL of the MX records, in seconds.
    pub order_ttl: u32,
    /// The key under which tokens are minted.
    pub token_key: [u8; 32],
    /// The local part that results are sent from, at `et`; mail to it is the operator's.
    pub reply_from: String,
}

/// The moment `wait` after `time`; the end of time when there is none so late.
pub(super) fn after(time: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait)
        .ok()
        .and_then(|wait| time.checked_add(wait).ok())
        .unwrap_or(Timestamp::MAX)
}

/// The moment `wait` before `time`; the beginning of time when there is none so early.
pub(super) fn before(time: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait)
        .ok()
        .and_then(|wait| time.checked_sub(wait).ok())
        .unwrap_or(Timestamp::MIN)
}
