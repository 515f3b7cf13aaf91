//! The behaviours that are told apart, as a table, and what speaks against each of them.
//!
//! A hypothesis is not made likely by anything: it stays until a fact contradicts it. What remains is the verdict.

use super::evidence::Evidence;
use super::facts::{Facts, Spot};
use crate::base::{Contact, Policy, Server, Zone};

/// What a behaviour does at a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Takes it.
    Takes,
    /// Refuses it.
    Refuses,
    /// One or the other.
    Either,
    /// Never gets there.
    Never,
}

/// What a behaviour does at a domain while STARTTLS is withheld.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Window {
    Sends,
    Leaves,
    Either,
    /// Sends nothing and never even connects.
    Absent,
}

/// Whether a behaviour names the MX host it connects to (RFC 6066 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    Any,
    /// Where addresses are shared; at an address of its own a host without SNI says nothing.
    Shared,
    Always,
}

/// What only a part of the behaviours needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Special {
    No,
    /// Refuses at first and takes any certificate later.
    Weakens,
    /// Delivered before it knew the policy, and keeps it since.
    Lazy,
    /// The same, where the sender's fetch of the policy was seen.
    LazyLogged,
}

/// One behaviour.
pub(super) struct Hypothesis {
    /// The policy it is reported as.
    pub policy: Policy,
    et: Window,
    ut: Window,
    /// Whether clear text can be seen at `et`, and at `ut`, although STARTTLS is offered.
    despite_offer: [bool; 2],
    naming: Naming,
    /// By [`Spot::ALL`].
    answers: [Answer; 8],
    /// Whether it can avoid server 3 without contacting it.
    avoids_three: bool,
    special: Special,
}

impl Hypothesis {
    /// What it does at a certificate.
    pub(super) const fn answer(&self, spot: Spot) -> Answer {
        self.answers[spot as usize]
    }
}

use Answer::{Either as E, Never as N, Refuses as R, Takes as T};

const MAY: Hypothesis = Hypothesis {
    policy: Policy::May,
    et: Window::Sends,
    ut: Window::Sends,
    despite_offer: [true, true],
    naming: Naming::Any,
    answers: [T; 8],
    avoids_three: false,
    special: Special::No,
};
const ENCRYPT: Hypothesis = Hypothesis {
    policy: Policy::Encrypt,
    et: Window::Leaves,
    ut: Window::Leaves,
    despite_offer: [false, false],
    ..MAY
};
const WEAKENING: [Answer; 8] = [E, E, E, E, T, T, T, E];
const VERIFYING: [Answer; 8] = [R, R, R, R, T, T, T, R];
const CHAIN_ONLY: [Answer; 8] = [R, T, R, R, T, T, T, R];
const DANE: Hypothesis = Hypothesis {
    policy: Policy::Dane,
    et: Window::Leaves,
    ut: Window::Either,
    despite_offer: [false, true],
    naming: Naming::Shared,
    answers: [E, E, R, T, R, T, E, E],
    avoids_three: true,
    special: Special::No,
};
const STS: Hypothesis = Hypothesis {
    policy: Policy::MtaSts,
    naming: Naming::Always,
    answers: [E, E, N, R, T, T, E, E],
    ..DANE
};
const STS_CONNECTS: [Answer; 8] = [E, E, R, R, T, T, E, E];

/// Every behaviour (DESIGN 3.8). What differs in SNI alone is one behaviour with a finding.
pub(super) const HYPOTHESES: [Hypothesis; 15] = [
    Hypothesis {
        policy: Policy::None,
        answers: [N; 8],
        ..MAY
    },
    MAY,
    Hypothesis {
        answers: VERIFYING,
        ..MAY
    },
    Hypothesis {
        answers: WEAKENING,
        special: Special::Weakens,
        ..MAY
    },
    ENCRYPT,
    Hypothesis {
        answers: WEAKENING,
        special: Special::Weakens,
        ..ENCRYPT
    },
    Hypothesis {
        policy: Policy::Verify,
        answers: VERIFYING,
        ..ENCRYPT
    },
    Hypothesis {
        policy: Policy::Verify,
        answers: CHAIN_ONLY,
        ..ENCRYPT
    },
    DANE,
    Hypothesis {
        policy: Policy::DaneOnly,
        ut: Window::Absent,
        despite_offer: [false, false],
        answers: [N, N, R, T, R, T, N, N],
        ..DANE
    },
    STS,
    Hypothesis {
        answers: STS_CONNECTS,
        avoids_three: false,
        ..STS
    },
    Hypothesis {
        special: Special::Lazy,
        ..STS
    },
    Hypothesis {
        answers: STS_CONNECTS,
        avoids_three: false,
        special: Special::LazyLogged,
        ..STS
    },
    Hypothesis {
        policy: Policy::DaneMtaSts,
        answers: [E, E, R, R, R, T, E, E],
        ..DANE
    },
];

/// The evidence as the hypotheses need it.
pub(super) struct Case<'a> {
    /// The evidence.
    pub evidence: &'a Evidence<'a>,
    /// What all that counts says.
    pub facts: Facts<'a>,
    /// What is said by that which came after the last delivery an MTA-STS policy forbids; `None` when this cannot be
    /// a sender that learnt of the policy late.
    pub later: Option<Facts<'a>>,
    /// Whether 3 was avoided.
    pub three_avoided: bool,
    /// Whether `ut` was avoided.
    pub ut_avoided: bool,
    /// Servers of [`Spot::UNTRUSTED`] whose refusal no later attempt has followed yet.
    pub unconfirmed: Vec<Spot>,
    /// Connections that took an untrusted certificate after one was refused.
    pub weakened: Vec<&'a Contact>,
}

/// What contradicts a behaviour; empty where it is only that nothing speaks for a behaviour that must not be assumed.
pub(super) struct Objection<'a>(pub Vec<&'a Contact>);

impl Hypothesis {
    /// What speaks against it, if anything does.
    pub(super) fn objection<'a>(&self, case: &Case<'a>) -> Option<Objection<'a>> {
        let unfounded = Some(Objection(Vec::new()));
        let facts = match (self.special, &case.later) {
            (Special::No, _) => &case.facts,
            (Special::Weakens, _) if case.weakens() => &case.facts,
            (Special::Lazy, Some(later)) => later,
            (Special::LazyLogged, Some(later)) if case.logged() => later,
            _ => return unfounded,
        };
        if (case.three_avoided && !self.avoids_three)
            || (case.ut_avoided && self.policy == Policy::Dane)
        {
            return unfounded;
        }
        let against = [
            self.in_the_window(facts),
            self.despite_offer(facts),
            self.at_certificates(facts),
            self.by_name(facts),
            self.changing(facts),
        ]
        .concat();
        (!against.is_empty()).then_some(Objection(against))
    }

    fn in_the_window<'a>(&self, facts: &Facts<'a>) -> Vec<&'a Contact> {
        let mut against = Vec::new();
        let anywhere = !facts.clear_et.is_empty() || !facts.offered_et.is_empty();
        for (window, clear, left) in [
            (self.et, &facts.clear_et, &facts.left_et),
            (self.ut, &facts.clear_ut, &facts.left_ut),
        ] {
            match window {
                Window::Sends if !anywhere => against.extend(left),
                Window::Leaves => against.extend(clear),
                Window::Absent => against.extend(&facts.at_ut),
                Window::Sends | Window::Either => {}
            }
        }
        against
    }

    fn despite_offer<'a>(&self, facts: &Facts<'a>) -> Vec<&'a Contact> {
        let mut against = Vec::new();
        for (allowed, clear) in self
            .despite_offer
            .into_iter()
            .zip([&facts.offered_et, &facts.offered_ut])
        {
            // Who can do TLS and once sends in clear text is opportunistic; who never tried it cannot be shown to be.
            let never_tried = facts.starttls.is_empty() && self.policy == Policy::May;
            if !allowed || never_tried {
                against.extend(clear);
            }
        }
        if self.policy == Policy::None {
            against.extend(&facts.starttls);
        }
        against
    }

    fn at_certificates<'a>(&self, facts: &Facts<'a>) -> Vec<&'a Contact> {
        let mut against = Vec::new();
        for spot in Spot::ALL {
            let answer = self.answer(spot);
            if matches!(answer, Answer::Refuses | Answer::Never) {
                against.extend(facts.took(spot));
            }
            if matches!(answer, Answer::Takes | Answer::Never) && facts.only_refused(spot) {
                against.extend(facts.refused(spot));
            }
        }
        against
    }

    fn by_name<'a>(&self, facts: &Facts<'a>) -> Vec<&'a Contact> {
        match self.naming {
            Naming::Any => Vec::new(),
            Naming::Shared => facts.unnamed_et.clone(),
            Naming::Always => [&facts.unnamed_et[..], &facts.nameless_et].concat(),
        }
    }

    /// Who takes any certificate never refuses a good one after he took it: several senders must be behind that.
    fn changing<'a>(&self, facts: &Facts<'a>) -> Vec<&'a Contact> {
        let weak = matches!(self.policy, Policy::May | Policy::Encrypt);
        let certain = [Spot::Unnamed, Spot::Three]
            .iter()
            .any(|spot| !facts.took(*spot).is_empty());
        let first_taken = facts.took(Spot::Five).first();
        match first_taken {
            Some(taken) if weak && facts.unauthenticated() && !certain => facts
                .refused(Spot::Five)
                .iter()
                .copied()
                .filter(|refused| refused.connection.started > taken.connection.started)
                .collect(),
            _ => Vec::new(),
        }
    }
}

impl<'a> Case<'a> {
    /// Everything that the hypotheses ask of the evidence.
    pub(super) fn of(evidence: &'a Evidence<'a>) -> Self {
        let facts = Facts::of(&evidence.counting, &evidence.test.addressed);
        Self {
            later: later(evidence, &facts),
            three_avoided: super::passage::avoids_three(evidence),
            ut_avoided: ut_avoided(evidence, &facts),
            unconfirmed: unconfirmed(evidence, &facts),
            weakened: weakened(&facts),
            facts,
            evidence,
        }
    }

    /// Whether refusals may be, or were, given up on a retry. Until an attempt has followed one, it may.
    fn weakens(&self) -> bool {
        let refused = |spot: &Spot| !self.facts.refused(*spot).is_empty();
        !self.unconfirmed.is_empty()
            || !self.weakened.is_empty()
            || (self.facts.unauthenticated() && Spot::UNTRUSTED.iter().any(refused))
    }

    fn logged(&self) -> bool {
        !self.evidence.policy_log().is_empty()
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

/// Whether nothing came to `ut` although it was written to and there was opportunity enough (DESIGN 3.8, dane-only).
fn ut_avoided(evidence: &Evidence<'_>, facts: &Facts<'_>) -> bool {
    let deliveries: usize = [Spot::Three, Spot::Four, Spot::Five, Spot::Six]
        .iter()
        .map(|spot| facts.took(*spot).len())
        .sum();
    let older = |contact: &&&Contact| contact.connection.zone == Some(Zone::Ut);
    evidence.test.addressed.contains(&Zone::Ut)
        && deliveries >= 2
        && starttls_attempts(evidence).len() >= 3
        && facts.untold.is_empty()
        && evidence.all.iter().find(older).is_none()
        && !super::passage::connections_lost(evidence)
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
