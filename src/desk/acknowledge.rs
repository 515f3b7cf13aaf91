//! When a test has seen enough, so that its message is taken.

use super::settings::{Settings, after};
use crate::base::{Server, Test, Timestamp, Transport, Zone, limits};
use crate::infer::Coverage;
use std::collections::BTreeSet;

/// Attempts in clear text, though STARTTLS was offered, from which on the message is taken in clear text.
const CLEAR_ATTEMPTS: usize = 3;
/// The fewest attempts in which patience may end.
const PATIENT_ATTEMPTS: u32 = 6;
/// Attempts without `ut` after which it is not awaited any more.
const ATTEMPTS_WITHOUT_UT: u32 = 4;
/// Attempts in which server 2 was accepted, after which a sender without SNI meets nothing new.
const UNNAMED_ATTEMPTS: u32 = 2;

/// Why a message is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// What can be seen was seen.
    Complete,
    /// It is waited no longer for what is missing.
    Exhausted,
}

/// Whether to take a message that comes to this domain now, and why.
pub(super) fn ready(
    test: &Test,
    zone: Option<Zone>,
    settings: &Settings,
    now: Timestamp,
) -> Option<Reason> {
    if now >= after(test.started, settings.deadline) {
        return Some(Reason::Exhausted);
    }
    let coverage = crate::infer::coverage(test);
    let first_et = zone == Some(Zone::Ut) && test.addressed.contains(&Zone::Et);
    if first_et
        && !coverage.et_undeliverable
        && (coverage.et_deliveries > 0 || taken_in_clear(test))
    {
        // `ut` follows `et`, which has been delivered and so comes again.
        return None;
    }
    if complete(test, &coverage) {
        // Where `et` was not seen to be delivered yet, nothing proves that it cannot be.
        return (!first_et || coverage.et_undeliverable).then_some(Reason::Complete);
    }
    exhausted(test, &coverage, settings, now).then_some(Reason::Exhausted)
}

fn complete(test: &Test, coverage: &Coverage) -> bool {
    // What was refused may be taken on a retry, which nobody knows before one has followed.
    if coverage.starttls_attempts < 2 || !coverage.refusals_confirmed {
        return false;
    }
    if crate::infer::policy(test).is_some() {
        return true;
    }
    let answered =
        |servers: &[Server]| (servers.iter()).all(|server| coverage.answered.contains(server));
    let four_to_six = answered(&[Server::Four, Server::Five, Server::Six]);
    let et = four_to_six && (answered(&[Server::Three]) || coverage.three_passed_over)
        || coverage.two_accepted_attempts >= UNNAMED_ATTEMPTS
        || coverage.et_undeliverable;
    let ut = coverage.ut_answered
        || !coverage.ut_addressed
        || coverage.attempts_without_ut >= ATTEMPTS_WITHOUT_UT;
    et && ut
}

fn exhausted(test: &Test, coverage: &Coverage, settings: &Settings, now: Timestamp) -> bool {
    let own = test.connections.iter().filter(|contact| !contact.shared);
    coverage.delivering_attempts >= settings.patience_attempts
        || (coverage.starttls_attempts >= PATIENT_ATTEMPTS
            && now >= after(test.started, settings.patience))
        || own.count() >= limits::TEST_CONNECTIONS
}

/// Whether the sender has come in clear text so often, though STARTTLS was offered, that the message is taken so.
pub(super) fn taken_in_clear(test: &Test) -> bool {
    let attempts: BTreeSet<_> = (test.connections.iter())
        .filter(|contact| {
            let connection = &contact.connection;
            !contact.foreign
                && connection.starttls_offered
                && connection.transport == Transport::Plain
                && connection.in_clear()
        })
        .map(|contact| contact.attempt)
        .collect();
    attempts.len() >= CLEAR_ATTEMPTS
}
