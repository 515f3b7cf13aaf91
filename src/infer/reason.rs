//! Why policies are left and others are not: the observations as a proof by elimination, each step with its evidence.

use super::Reason;
use super::case::Case;
use super::evidence::{ids, in_order};
use super::facts::Facts;
use super::hypothesis::{HYPOTHESES, Hypothesis};
use super::observation::Observation;
use crate::base::{Contact, Policy};
use std::collections::{BTreeMap, BTreeSet};

/// What was observed, and which behaviours that excludes.
pub(super) struct Constraint<'a> {
    observation: Observation,
    /// The connections that prove it, by start.
    proof: Vec<&'a Contact>,
    /// Places in [`HYPOTHESES`], of behaviours that may be assumed.
    excluded: BTreeSet<usize>,
}

/// The behaviours that may be assumed, by their places in [`HYPOTHESES`], each with the facts that count for it.
fn assumed<'b, 'a>(case: &'b Case<'a>) -> BTreeMap<usize, &'b Facts<'a>> {
    (HYPOTHESES.iter().enumerate())
        .filter_map(|(place, hypothesis)| Some((place, hypothesis.facts(case)?)))
        .collect()
}

/// What was observed and excludes anything.
pub(super) fn constraints<'a>(case: &Case<'a>) -> Vec<Constraint<'a>> {
    let assumed = assumed(case);
    let mut constraints = Vec::new();
    for observation in Observation::all() {
        let mut proof = Vec::new();
        let mut excluded = BTreeSet::new();
        // A late policy is judged by what came after it alone.
        for facts in [Some(&case.facts), case.later.as_ref()]
            .into_iter()
            .flatten()
        {
            let fallen: Vec<usize> = (assumed.iter())
                .filter(|(place, own)| {
                    std::ptr::eq(**own, facts) && observation.excludes(&HYPOTHESES[**place])
                })
                .map(|(place, _)| *place)
                .collect();
            if fallen.is_empty() {
                continue;
            }
            let seen = observation.proof(case, facts);
            if !seen.is_empty() {
                proof.extend(seen);
                excluded.extend(fallen);
            }
        }
        if !excluded.is_empty() {
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
    let mut left = assumed(case);
    for constraint in constraints {
        left.retain(|place, _| !constraint.excluded.contains(place));
    }
    left.keys().map(|place| &HYPOTHESES[*place]).collect()
}

/// The connections that exclude anything, by start.
pub(super) fn proof<'a>(constraints: &[Constraint<'a>]) -> Vec<&'a Contact> {
    let proofs = constraints.iter().flat_map(|constraint| &constraint.proof);
    in_order(proofs.copied().collect())
}

/// The shortest way that was found through the constraints: each step excludes as many policies as one can.
pub(super) fn reasons(case: &Case<'_>, constraints: &[Constraint<'_>]) -> Vec<Reason> {
    let mut left: BTreeSet<usize> = assumed(case).into_keys().collect();
    let mut open: Vec<_> = constraints.iter().collect();
    let mut reasons = Vec::new();
    loop {
        let before = policies(&left);
        let gain = |constraint: &&Constraint<'_>| {
            let rest: BTreeSet<_> = left.difference(&constraint.excluded).copied().collect();
            (
                before.len() - policies(&rest).len(),
                left.len() - rest.len(),
            )
        };
        let best = (open.iter().enumerate().rev())
            .max_by_key(|(_, constraint)| gain(constraint))
            .filter(|(_, constraint)| gain(constraint).1 > 0);
        let Some((place, _)) = best else {
            return reasons;
        };
        let step = open.remove(place);
        left.retain(|place| !step.excluded.contains(place));
        let after = policies(&left);
        reasons.push(Reason {
            code: step.observation.code().to_owned(),
            server: step.observation.server(),
            excludes: before.difference(&after).copied().collect(),
            evidence: ids(&step.proof),
        });
    }
}

fn policies(places: &BTreeSet<usize>) -> BTreeSet<Policy> {
    places
        .iter()
        .map(|place| HYPOTHESES[*place].policy)
        .collect()
}
