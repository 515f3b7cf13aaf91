//! What a test has seen of the servers, for whoever decides when it has seen enough. Decides nothing itself.

use super::case::{Case, hosts, starttls_attempts};
use super::evidence::Evidence;
use super::facts::{Facts, Spot};
use crate::base::{Contact, Server, Status, Test, Zone};
use serde::Serialize;
use std::collections::BTreeSet;

/// What has been seen of the servers; only connections that count are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Attempts in which STARTTLS was offered.
    pub starttls_attempts: u32,
    /// Of these, attempts in which mail was offered, in TLS or without.
    pub delivering_attempts: u32,
    /// Connections in which a server of `et` was accepted.
    pub et_deliveries: u32,
    /// Servers 3 to 6 that accepted or were refused.
    pub answered: BTreeSet<Server>,
    /// Whether 3 was passed over.
    pub three_passed_over: bool,
    /// Attempts in which server 2 was accepted: `et` on a shared address, without SNI.
    pub two_accepted_attempts: u32,
    /// Whether `ut` was addressed, as far as seen.
    pub ut_addressed: bool,
    /// Whether 7 accepted or was refused, or got mail in clear text although STARTTLS was offered.
    pub ut_answered: bool,
    /// Attempts with STARTTLS offered in which nothing came to `ut`.
    pub attempts_without_ut: u32,
    /// Whether any certificate was refused and never taken.
    pub refused: bool,
    /// Whether an attempt followed the first refusal at each server that was refused; `true` when none was.
    pub refusals_confirmed: bool,
    /// Attempts, with STARTTLS offered, in which `et` refused everything it met and took nothing.
    pub refusing_attempts: u32,
    /// Whether `et` cannot be delivered: nothing was ever taken there, and 3 to 6 were all refused in two attempts or
    /// more, or the one certificate that a sender without SNI could take was refused twice.
    pub et_undeliverable: bool,
}

/// What the test has seen of the servers.
#[must_use]
pub fn coverage(test: &Test) -> Coverage {
    let evidence = Evidence::of(test);
    let case = Case::of(&evidence);
    let facts = &case.facts;
    let attempts = starttls_attempts(&evidence);
    let in_attempts = |wanted: &dyn Fn(&Contact) -> bool| -> BTreeSet<u32> {
        (evidence.counting.iter())
            .filter(|contact| contact.connection.starttls_offered && wanted(contact))
            .map(|contact| contact.attempt)
            .collect()
    };
    let delivering = in_attempts(&|contact| contact.connection.status >= Status::Mail);
    let two = in_attempts(&|contact| {
        contact.connection.server == Some(Server::Two) && contact.connection.accepted()
    });
    let at_ut = in_attempts(&|contact| contact.connection.zone == Some(Zone::Ut));
    let refusing = in_attempts(&|contact| {
        contact.connection.refused() && contact.connection.zone != Some(Zone::Ut)
    });
    let taking = in_attempts(&|contact| {
        contact.connection.accepted() && contact.connection.zone == Some(Zone::Et)
    });
    let answered_at = |spot: Spot| !facts.took(spot).is_empty() || facts.only_refused(spot);
    let refusing_attempts = count(refusing.difference(&taking).count());
    Coverage {
        starttls_attempts: count(attempts.len()),
        delivering_attempts: count(delivering.len()),
        et_deliveries: count(et_deliveries(facts)),
        answered: hosts()
            .filter(|(_, spot)| answered_at(*spot))
            .map(|(server, _)| server)
            .collect(),
        three_passed_over: case.three_avoided.is_some(),
        two_accepted_attempts: count(two.len()),
        ut_addressed: test.addressed.contains(&Zone::Ut),
        ut_answered: facts.ut_answered(),
        attempts_without_ut: count(attempts.len() - at_ut.len()),
        refused: Spot::ALL.into_iter().any(|spot| facts.only_refused(spot)),
        refusals_confirmed: refusals_confirmed(facts, &attempts),
        refusing_attempts,
        et_undeliverable: et_deliveries(facts) == 0
            && facts.offered_et.is_empty()
            && (hosts().all(|(_, spot)| facts.only_refused(spot)) && refusing_attempts >= 2
                || undeliverable_unnamed(facts)),
    }
}

/// Connections in which a certificate of `et` was taken.
pub(super) fn et_deliveries(facts: &Facts<'_>) -> usize {
    (Spot::ALL.into_iter())
        .filter(|spot| !matches!(spot, Spot::Ut | Spot::UtSelfSigned))
        .map(|spot| facts.took(spot).len())
        .sum()
}

fn undeliverable_unnamed(facts: &Facts<'_>) -> bool {
    let refused: BTreeSet<u32> = (facts.unnamed_et.iter())
        .filter(|contact| contact.connection.refused())
        .map(|contact| contact.attempt)
        .collect();
    refused.len() >= 2
}

fn refusals_confirmed(facts: &Facts<'_>, attempts: &[u32]) -> bool {
    let last = attempts.last().copied();
    Spot::ALL
        .into_iter()
        .filter(|spot| facts.only_refused(*spot))
        .all(|spot| {
            let first = facts.refused(spot).iter().map(|contact| contact.attempt);
            first.min() < last
        })
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
