//! What TLS reports of the sender's own organisation say of its policy for `et`, and which policies that goes with.

use super::Reason;
use super::evidence::Evidence;
use crate::base::{Policy, PolicyType, Zone};
use std::collections::{BTreeMap, BTreeSet};

/// The kinds of policy that a report can say were applied, with the policies of a sender that go with each.
const GO_WITH: [(PolicyType, &[Policy]); 3] = [
    (
        PolicyType::Tlsa,
        &[Policy::Dane, Policy::DaneOnly, Policy::DaneMtaSts],
    ),
    (PolicyType::Sts, &[Policy::MtaSts, Policy::DaneMtaSts]),
    (
        PolicyType::NoPolicyFound,
        &[Policy::None, Policy::May, Policy::Encrypt, Policy::Verify],
    ),
];

/// What one report says.
pub(super) struct Statement {
    /// The report's id.
    pub id: String,
    /// The policies that go with any of what it says.
    pub policies: BTreeSet<Policy>,
}

impl Statement {
    /// Whether all of these go with it.
    pub(super) fn confirms(&self, candidates: &[Policy]) -> bool {
        let goes = |policy: &Policy| self.policies.contains(policy);
        !candidates.is_empty() && candidates.iter().all(goes)
    }

    /// Whether none of these goes with it.
    pub(super) fn contradicts(&self, candidates: &[Policy]) -> bool {
        let goes = |policy: &Policy| self.policies.contains(policy);
        !candidates.is_empty() && !candidates.iter().any(goes)
    }
}

/// The statements of authenticated reports on `et`, by id; of others nothing counts.
pub(super) fn statements(evidence: &Evidence<'_>) -> Vec<Statement> {
    let mut said: BTreeMap<&str, BTreeSet<Policy>> = BTreeMap::new();
    let reports = evidence.test.tls_reports.iter();
    for taken in reports.filter(|taken| taken.authenticated) {
        let of_et = (taken.report.policies.iter()).filter(|policy| policy.zone == Zone::Et);
        for policy in of_et {
            let known = GO_WITH.iter().find(|(kind, _)| *kind == policy.policy_type);
            if let Some((_, policies)) = known {
                let id = taken.report.id.as_str();
                said.entry(id).or_default().extend(policies.iter());
            }
        }
    }
    said.into_iter()
        .map(|(id, policies)| Statement {
            id: id.to_owned(),
            policies,
        })
        .collect()
}

/// What the reports leave of these policies, where that is some and not all of them.
pub(super) fn chooses(statements: &[Statement], candidates: &[Policy]) -> Option<Reason> {
    let goes =
        |policy: &Policy| (statements.iter()).any(|statement| statement.policies.contains(policy));
    let (left, excluded): (Vec<Policy>, Vec<Policy>) =
        candidates.iter().partition(|policy| goes(policy));
    (!left.is_empty() && !excluded.is_empty()).then(|| Reason {
        code: "policy-reported".to_owned(),
        server: None,
        excludes: excluded,
        evidence: (statements.iter())
            .filter(|statement| {
                left.iter()
                    .any(|policy| statement.policies.contains(policy))
            })
            .map(|statement| statement.id.clone())
            .collect(),
    })
}
