//! Why policies are left and others are not: the observations as a proof by elimination, each step with its evidence.

use super::Reason;
use super::case::Case;
use super::evidence::{ids, in_order};
use super::facts::Facts;
use super::hypothesis::{HYPOTHESES, Hypothesis};
use super::observation::Observation;
use crate::base::{Contact, Policy};
use std::collections::BTreeSet;

/// Places in [`HYPOTHESES`], a bit each.
type Places = u32;

/// What was observed, and which behaviours that excludes.
pub(super) struct Constraint<'a> {
    observation: Observation,
    /// The connections that prove it, by start.
    proof: Vec<&'a Contact>,
    /// Of the behaviours that may be assumed.
    excluded: Places,
}

/// The places of the behaviours that are such.
fn places(such: impl Fn(&Hypothesis) -> bool) -> Places {
    (HYPOTHESES.iter().enumerate())
        .filter(|(_, hypothesis)| such(hypothesis))
        .fold(0, |places, (place, _)| places | 1 << place)
}

/// The behaviours at these places.
fn behaviours(places: Places) -> impl Iterator<Item = &'static Hypothesis> {
    (HYPOTHESES.iter().enumerate())
        .filter(move |(place, _)| places & 1 << place != 0)
        .map(|(_, hypothesis)| hypothesis)
}

/// The behaviours that may be assumed.
fn assumed(case: &Case<'_>) -> Places {
    places(|hypothesis| hypothesis.facts(case).is_some())
}

/// What was observed and excludes anything.
pub(super) fn constraints<'a>(case: &Case<'a>) -> Vec<Constraint<'a>> {
    // A late policy is judged by what came after it alone.
    let judged: Vec<_> = [Some(&case.facts), case.later.as_ref()]
        .into_iter()
        .flatten()
        .map(|facts| {
            let by = |own: Option<&Facts<'_>>| own.is_some_and(|own| std::ptr::eq(own, facts));
            (facts, places(|hypothesis| by(hypothesis.facts(case))))
        })
        .collect();
    let mut constraints = Vec::new();
    for observation in Observation::all() {
        let mut proof = Vec::new();
        let mut excluded = 0;
        for (facts, judged) in &judged {
            let fallen = judged & places(|hypothesis| observation.excludes(hypothesis));
            if fallen == 0 {
                continue;
            }
            let seen = observation.proof(case, facts);
            if !seen.is_empty() {
                proof.extend(seen);
                excluded |= fallen;
            }
        }
        if excluded != 0 {
            constraints.push(Constraint {
                observation,
                proof: in_order(proof),
                excluded,
            });
        }
    }
    constraints
}

/// The behaviours that nothing excludes.
pub(super) fn survivors(
    case: &Case<'_>,
    constraints: &[Constraint<'_>],
) -> Vec<&'static Hypothesis> {
    let excluded = (constraints.iter()).fold(0, |places, one| places | one.excluded);
    behaviours(assumed(case) & !excluded).collect()
}

/// The connections that exclude anything, by start.
pub(super) fn proof<'a>(constraints: &[Constraint<'a>]) -> Vec<&'a Contact> {
    let proof = (constraints.iter())
        .flat_map(|constraint| &constraint.proof)
        .copied()
        .collect();
    in_order(proof)
}

/// The shortest way that was found through the constraints: each step excludes as many policies as one can.
pub(super) fn reasons(case: &Case<'_>, constraints: &[Constraint<'_>]) -> Vec<Reason> {
    let mut left = assumed(case);
    let mut open: Vec<_> = constraints.iter().collect();
    let mut reasons = Vec::new();
    loop {
        let before = policies(left);
        let gain = |constraint: &&Constraint<'_>| {
            let rest = left & !constraint.excluded;
            (
                before.len() - policies(rest).len(),
                left.count_ones() - rest.count_ones(),
            )
        };
        let best = (open.iter().enumerate().rev())
            .max_by_key(|(_, constraint)| gain(constraint))
            .filter(|(_, constraint)| gain(constraint).1 > 0);
        let Some((place, _)) = best else {
            return reasons;
        };
        let step = open.remove(place);
        left &= !step.excluded;
        let after = policies(left);
        reasons.push(Reason {
            code: step.observation.code().to_owned(),
            server: step.observation.server(),
            excludes: before.difference(&after).copied().collect(),
            evidence: ids(&step.proof),
        });
    }
}

fn policies(places: Places) -> BTreeSet<Policy> {
    behaviours(places)
        .map(|hypothesis| hypothesis.policy)
        .collect()
}
