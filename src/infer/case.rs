//! The evidence as the hypotheses need it.

use super::evidence::Evidence;
use super::facts::{Facts, Spot};
use super::passage;
use super::statement::{Statement, statements};
use crate::base::{Contact, Server, Zone};

/// The evidence as the hypotheses need it.
pub(super) struct Case<'a> {
    /// The evidence.
    pub evidence: &'a Evidence<'a>,
    /// What all that counts says.
    pub facts: Facts<'a>,
    /// What is said by that which came after the last delivery an MTA-STS policy forbids; `None` when this cannot be
    /// a sender that learnt of the policy late.
    pub later: Option<Facts<'a>>,
    /// What proves that 3 was avoided, if it was.
    pub three_avoided: Option<Vec<&'a Contact>>,
    /// The deliveries to `et` that show that `ut` was avoided, if it was.
    pub ut_avoided: Option<Vec<&'a Contact>>,
    /// Servers of [`Spot::UNTRUSTED`] whose refusal no later attempt has followed yet.
    pub unconfirmed: Vec<Spot>,
    /// Connections that took an untrusted certificate after one was refused.
    pub weakened: Vec<&'a Contact>,
    /// What the sender's own TLS reports say.
    pub statements: Vec<Statement>,
}

impl<'a> Case<'a> {
    /// Everything that the hypotheses ask of the evidence.
    pub(super) fn of(evidence: &'a Evidence<'a>) -> Self {
        let facts = Facts::of(&evidence.counting, &evidence.test.addressed);
        Self {
            later: later(evidence, &facts),
            three_avoided: passage::avoids_three(evidence),
            ut_avoided: ut_avoided(evidence, &facts),
            unconfirmed: unconfirmed(evidence, &facts),
            weakened: weakened(&facts),
            statements: statements(evidence),
            facts,
            evidence,
        }
    }

    /// Whether refusals may be, or were, given up on a retry. Until an attempt has followed one, it may; and where
    /// connections were lost, what was taken may have been refused before.
    pub(super) fn weakens(&self) -> bool {
        let refused = |spot: &Spot| !self.facts.refused(*spot).is_empty();
        let took = |spot: &Spot| !self.facts.took(*spot).is_empty();
        let lost = passage::connections_lost(self.evidence);
        (lost && Spot::UNTRUSTED.iter().any(took))
            || !self.unconfirmed.is_empty()
            || !self.weakened.is_empty()
            || (self.facts.unauthenticated() && Spot::UNTRUSTED.iter().any(refused))
    }

    /// Whether the sender asked for the MTA-STS policy, or may be who fetched it.
    pub(super) fn logged(&self) -> bool {
        !self.evidence.policy_log().is_empty() || !self.evidence.test.fetches.is_empty()
    }
}

/// The facts that count for a sender that learnt of the policy late.
fn later<'a>(evidence: &'a Evidence<'a>, facts: &Facts<'a>) -> Option<Facts<'a>> {
    let taken: Vec<_> = (Spot::UNTRUSTED.iter())
        .flat_map(|spot| facts.took(*spot))
        .copied()
        .collect();
    let start = |contact: &&Contact| (contact.connection.started, contact.connection.id);
    let last = taken.iter().chain(&facts.clear_et).map(start).max()?;
    // Clear text is what a policy forbids first: after TLS was tried, the policy is not late but absent.
    let first_tls = (facts.starttls.iter())
        .filter(|contact| contact.connection.zone != Some(Zone::Ut))
        .map(start)
        .min();
    let last_clear = facts.clear_et.iter().map(start).max();
    if first_tls.is_some_and(|tls| last_clear.is_some_and(|clear| clear > tls)) {
        return None;
    }
    let rest: Vec<_> = (evidence.counting.iter())
        .filter(|contact| start(contact) > last)
        .copied()
        .collect();
    let later = Facts::of(&rest, &evidence.test.addressed);
    let kept = later.only_refused(Spot::Four)
        && !(later.took(Spot::Five).is_empty() && later.took(Spot::Six).is_empty());
    (taken.is_empty() || kept).then_some(later)
}

/// The deliveries to `et`, when nothing came to `ut` although it was written to and there was opportunity enough
/// (dane-only).
fn ut_avoided<'a>(evidence: &Evidence<'a>, facts: &Facts<'a>) -> Option<Vec<&'a Contact>> {
    let deliveries: Vec<_> = [Spot::Three, Spot::Four, Spot::Five, Spot::Six]
        .iter()
        .flat_map(|spot| facts.took(*spot))
        .copied()
        .collect();
    let older = |contact: &&&Contact| contact.connection.zone == Some(Zone::Ut);
    let avoided = evidence.test.addressed.contains(&Zone::Ut)
        && deliveries.len() >= 2
        && starttls_attempts(evidence).len() >= 3
        && facts.untold.is_empty()
        && evidence.all.iter().find(older).is_none()
        && !passage::connections_lost(evidence);
    avoided.then_some(deliveries)
}

/// The attempts in which STARTTLS was offered, each once, in order.
pub(super) fn starttls_attempts(evidence: &Evidence<'_>) -> Vec<u32> {
    let mut attempts: Vec<_> = (evidence.counting.iter())
        .filter(|contact| contact.connection.starttls_offered)
        .map(|contact| contact.attempt)
        .collect();
    attempts.sort_unstable();
    attempts.dedup();
    attempts
}

fn unconfirmed(evidence: &Evidence<'_>, facts: &Facts<'_>) -> Vec<Spot> {
    let last = starttls_attempts(evidence).last().copied();
    Spot::UNTRUSTED
        .into_iter()
        .filter(|spot| {
            let first = facts.refused(*spot).iter().map(|contact| contact.attempt);
            facts.only_refused(*spot) && first.min() >= last
        })
        .collect()
}

fn weakened<'a>(facts: &Facts<'a>) -> Vec<&'a Contact> {
    let first = (Spot::UNTRUSTED.iter())
        .flat_map(|spot| facts.refused(*spot))
        .map(|contact| contact.attempt)
        .min();
    (Spot::UNTRUSTED.iter().chain(&[Spot::UnnamedIssued]))
        .flat_map(|spot| facts.took(*spot))
        .filter(|contact| first.is_some_and(|first| contact.attempt > first))
        .copied()
        .collect()
}

/// The server whose host stands at a spot.
pub(super) fn hosts() -> impl Iterator<Item = (Server, Spot)> {
    crate::cases::order::LEADERS
        .into_iter()
        .filter_map(|server| Spot::host(server).map(|spot| (server, spot)))
}
