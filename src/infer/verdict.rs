//! From evidence to verdict: which policies are left, and what would still tell them apart.

use super::case::{Case, hosts};
use super::evidence::Evidence;
use super::facts::Spot;
use super::finding::findings;
use super::hypothesis::Hypothesis;
use super::observation::Observation;
use super::reason::{Constraint, constraints, proof, reasons, survivors};
use super::statement::chooses;
use super::{Confidence, Outbound, Plaintext, PlaintextByZone, Rating, Reason, ServerState};
use crate::base::{Policy, Server, Test, Zone};
use std::collections::{BTreeMap, BTreeSet};

/// The verdict on how the sender of this test protects outgoing mail, in the attempts seen. The order in which the
/// test holds its evidence, and duplicates in it, make no difference.
#[must_use]
pub fn outbound(test: &Test) -> Outbound {
    let evidence = Evidence::of(test);
    let case = Case::of(&evidence);
    let constraints = constraints(&case);
    let standing = Standing::of(&case, &constraints);
    let mut reasons = reasons(&case, &constraints);
    let confidence = match standing.chosen {
        Some(_) => Confidence::Supported,
        None => Confidence::Proven,
    };
    let (policy, waiting_for) = (standing.policy(), standing.waiting_for(&case));
    let candidates = policies(&standing.left);
    reasons.extend(standing.chosen);
    let plaintext = case.facts.plaintext();
    Outbound {
        policy,
        confidence,
        plaintext,
        servers: servers(&case),
        waiting_for,
        rating: policy.map(|policy| rating(policy, plaintext)),
        findings: findings(&case, &candidates, &proof(&constraints)),
        reasons,
        candidates,
    }
}

/// The policy of [`outbound`] alone, which costs less.
#[must_use]
pub fn policy(test: &Test) -> Option<Policy> {
    let evidence = Evidence::of(test);
    let case = Case::of(&evidence);
    Standing::of(&case, &constraints(&case)).policy()
}

/// What [`outbound`] waits for alone, which costs less.
#[must_use]
pub fn waiting_for(test: &Test) -> Vec<Server> {
    let evidence = Evidence::of(test);
    let case = Case::of(&evidence);
    Standing::of(&case, &constraints(&case)).waiting_for(&case)
}

/// What the evidence leaves.
struct Standing {
    left: Vec<&'static Hypothesis>,
    /// The sender's log of the policy, where it has chosen.
    chosen: Option<Reason>,
}

impl Standing {
    fn of<'a>(case: &Case<'a>, constraints: &[Constraint<'a>]) -> Self {
        let mut left = survivors(case, constraints);
        let chosen = beside_deliveries(case, &policies(&left));
        if let Some(reason) = &chosen {
            left.retain(|hypothesis| !reason.excludes.contains(&hypothesis.policy));
        }
        Self { left, chosen }
    }

    fn policy(&self) -> Option<Policy> {
        match policies(&self.left)[..] {
            [policy] => Some(policy),
            _ => None,
        }
    }

    fn waiting_for(&self, case: &Case<'_>) -> Vec<Server> {
        match self.policy() {
            Some(_) => Vec::new(),
            None => awaited(case, &self.left),
        }
    }
}

fn policies(left: &[&Hypothesis]) -> Vec<Policy> {
    let set: BTreeSet<_> = left.iter().map(|hypothesis| hypothesis.policy).collect();
    set.into_iter().collect()
}

/// The sender's own look-ups of the policy, else its own TLS reports, where they decide: 5 was taken and 4 refused, so
/// certificates are checked by PKIX, and MTA-STS is one reason for that among others.
fn beside_deliveries(case: &Case<'_>, candidates: &[Policy]) -> Option<Reason> {
    let facts = case.later.as_ref().unwrap_or(&case.facts);
    let decides = candidates.len() > 1
        && candidates.contains(&Policy::MtaSts)
        && !facts.took(Spot::Five).is_empty()
        && facts.only_refused(Spot::Four);
    let by_report = || chooses(&case.statements, candidates);
    decides
        .then(|| by_log(case, candidates).or_else(by_report))
        .flatten()
}

/// That the sender itself asked for the policy. After deliveries that a policy forbids, only a fetch counts.
fn by_log(case: &Case<'_>, candidates: &[Policy]) -> Option<Reason> {
    let log = if case.facts.unauthenticated() {
        case.evidence.fetches()
    } else {
        case.evidence.policy_log()
    };
    let others = candidates
        .iter()
        .filter(|policy| **policy != Policy::MtaSts);
    (!log.is_empty()).then(|| Reason {
        code: "policy-known".to_owned(),
        server: None,
        excludes: others.copied().collect(),
        evidence: log,
    })
}

fn servers(case: &Case<'_>) -> BTreeMap<Server, ServerState> {
    hosts()
        .map(|(server, _)| match case.facts.state(server) {
            ServerState::Open if server == Server::Three && case.three_avoided.is_some() => {
                (server, ServerState::PassedOver)
            }
            state => (server, state),
        })
        .collect()
}

/// The servers whose answer would tell the behaviours left apart; where none would, those that have not answered yet.
fn awaited(case: &Case<'_>, left: &[&Hypothesis]) -> Vec<Server> {
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
                let avoidable = open(server) && *server == Server::Three;
                (open(server) || case.unconfirmed.contains(spot)) && tells(left, *spot, avoidable)
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

/// Whether some answer here, or that it is avoided, would leave fewer policies.
fn tells(left: &[&Hypothesis], spot: Spot, avoidable: bool) -> bool {
    let policies = |what: Option<Observation>| -> BTreeSet<Policy> {
        (left.iter())
            .filter(|hypothesis| !what.is_some_and(|what| what.excludes(hypothesis)))
            .map(|hypothesis| hypothesis.policy)
            .collect()
    };
    let avoided = avoidable.then_some(Observation::ThreeAvoided);
    let all = policies(None);
    [Observation::Accepted(spot), Observation::Refused(spot)]
        .into_iter()
        .chain(avoided)
        .map(|what| policies(Some(what)))
        .any(|rest| !rest.is_empty() && rest != all)
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
