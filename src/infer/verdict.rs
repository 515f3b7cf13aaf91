//! From evidence to verdict: which policies are left, and what would still tell them apart.

use super::case::{Case, hosts};
use super::evidence::Evidence;
use super::facts::Spot;
use super::finding::findings;
use super::hypothesis::{Answer, HYPOTHESES, Hypothesis};
use super::{Confidence, Outbound, Plaintext, PlaintextByZone, Rating, ServerState};
use crate::base::{Contact, Policy, Server, Test, Zone};
use std::collections::{BTreeMap, BTreeSet};

/// The verdict on how the sender of this test protects outgoing mail, in the attempts seen. The order in which the
/// test holds its evidence, and duplicates in it, make no difference.
#[must_use]
pub fn outbound(test: &Test) -> Outbound {
    let evidence = Evidence::of(test);
    let case = Case::of(&evidence);
    let Verdict {
        left,
        against,
        confidence,
    } = judge(&case);
    let candidates = policies(&left);
    let policy = match candidates[..] {
        [policy] => Some(policy),
        _ => None,
    };
    let plaintext = case.facts.plaintext();
    Outbound {
        policy,
        confidence,
        plaintext,
        servers: servers(&case),
        waiting_for: if policy.is_some() {
            Vec::new()
        } else {
            waiting_for(&case, &left)
        },
        rating: policy.map(|policy| rating(policy, plaintext)),
        findings: findings(&case, &candidates, &against),
        candidates,
    }
}

struct Verdict<'a> {
    left: Vec<&'static Hypothesis>,
    /// What contradicts the others.
    against: Vec<&'a Contact>,
    confidence: Confidence,
}

fn judge<'a>(case: &Case<'a>) -> Verdict<'a> {
    let mut left = Vec::new();
    let mut against = Vec::new();
    for hypothesis in &HYPOTHESES {
        match hypothesis.objection(case) {
            None => left.push(hypothesis),
            Some(objection) => against.extend(objection.0),
        }
    }
    against.sort_by_key(|contact| (contact.connection.started, contact.connection.id));
    against.dedup_by_key(|contact| contact.connection.id);
    let confidence = if log_chooses(case, &policies(&left)) {
        left.retain(|hypothesis| hypothesis.policy == Policy::MtaSts);
        Confidence::Supported
    } else {
        Confidence::Proven
    };
    Verdict {
        left,
        against,
        confidence,
    }
}

fn policies(left: &[&Hypothesis]) -> Vec<Policy> {
    let set: BTreeSet<_> = left.iter().map(|hypothesis| hypothesis.policy).collect();
    set.into_iter().collect()
}

/// Whether the sender's own fetch of the policy decides: 5 was taken and 4 refused, so certificates are checked by
/// PKIX, and MTA-STS is one reason for that among others. After deliveries that a policy forbids, only a fetch counts.
fn log_chooses(case: &Case<'_>, candidates: &[Policy]) -> bool {
    let facts = case.later.as_ref().unwrap_or(&case.facts);
    let log = if case.facts.unauthenticated() {
        case.evidence.fetches()
    } else {
        case.evidence.policy_log()
    };
    candidates.len() > 1
        && candidates.contains(&Policy::MtaSts)
        && !facts.took(Spot::Five).is_empty()
        && facts.only_refused(Spot::Four)
        && !log.is_empty()
}

fn servers(case: &Case<'_>) -> BTreeMap<Server, ServerState> {
    hosts()
        .map(|(server, _)| match case.facts.state(server) {
            ServerState::Open if server == Server::Three && case.three_avoided => {
                (server, ServerState::PassedOver)
            }
            state => (server, state),
        })
        .collect()
}

/// The servers whose answer would tell the behaviours left apart; where none would, those that have not answered yet.
fn waiting_for(case: &Case<'_>, left: &[&Hypothesis]) -> Vec<Server> {
    let addressed = &case.evidence.test.addressed;
    let states = servers(case);
    let open = |server: &Server| states.get(server) == Some(&ServerState::Open);
    let answered = states.values().any(|state| *state != ServerState::Open);
    let mut waiting: Vec<Server> = if addressed[..] == [Zone::Ut] {
        Vec::new()
    } else if !case.facts.unnamed_et.is_empty() && !answered {
        let took = case.facts.took(Spot::Unnamed).iter();
        let attempts: BTreeSet<u32> = took.map(|contact| contact.attempt).collect();
        if attempts.len() < 2 {
            vec![Server::Two]
        } else {
            Vec::new()
        }
    } else {
        let telling: Vec<Server> = hosts()
            .filter(|(server, spot)| {
                (open(server) || case.unconfirmed.contains(spot)) && tells(left, *spot)
            })
            .map(|(server, _)| server)
            .collect();
        if telling.is_empty() {
            hosts().map(|(server, _)| server).filter(open).collect()
        } else {
            telling
        }
    };
    if addressed.contains(&Zone::Ut) && !case.facts.ut_answered() {
        waiting.push(Server::Seven);
    }
    waiting
}

/// Whether some answer here, or that 3 is avoided, would leave fewer policies.
fn tells(left: &[&Hypothesis], spot: Spot) -> bool {
    let policies = |possible: &dyn Fn(&Hypothesis) -> bool| -> BTreeSet<Policy> {
        (left.iter().filter(|hypothesis| possible(hypothesis)))
            .map(|hypothesis| hypothesis.policy)
            .collect()
    };
    let answers = |wanted: Answer| {
        policies(&|hypothesis| [wanted, Answer::Either].contains(&hypothesis.answer(spot)))
    };
    let avoiding = policies(&|hypothesis| spot == Spot::Three && hypothesis.avoids_three);
    let all = policies(&|_| true);
    [answers(Answer::Takes), answers(Answer::Refuses), avoiding]
        .iter()
        .any(|rest| !rest.is_empty() && *rest != all)
}

/// The rating of a policy. Clear text to `et` costs the best ones their mark: the policy came too late.
fn rating(policy: Policy, plaintext: PlaintextByZone) -> Rating {
    match policy {
        Policy::None => Rating::Bad,
        Policy::May => Rating::Weak,
        Policy::Encrypt => Rating::Fair,
        Policy::Verify => Rating::Good,
        _ if plaintext.et == Plaintext::Sent => Rating::Fair,
        Policy::Dane | Policy::DaneOnly | Policy::MtaSts | Policy::DaneMtaSts => Rating::VeryGood,
    }
}
