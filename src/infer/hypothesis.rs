//! The behaviours that are told apart, as a table.
//!
//! A hypothesis is not made likely by anything: it stays until an observation excludes it. What remains is the verdict.

use super::case::Case;
use super::facts::{Facts, Spot};
use crate::base::{Policy, Server};
use crate::cases::{self, Expected};

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
pub(super) enum Window {
    /// Sends its mail.
    Sends,
    /// Sends nothing.
    Leaves,
    /// One or the other.
    Either,
    /// Never even connects.
    Absent,
}

/// Whether a behaviour names the MX host it connects to (RFC 6066 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// It may or may not.
    Any,
    /// Where addresses are shared; at an address of its own a host without SNI says nothing.
    Shared,
    /// In every handshake.
    Always,
}

/// Which certificates a behaviour takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Certificates {
    /// It never comes to see one.
    None,
    Any,
    /// Good ones always, others at the latest after it refused one.
    AnyInTheEnd,
    /// Those with a chain to a trusted root, whatever the name.
    Chain,
    /// Those that the policy takes.
    As(Policy),
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
    /// At `et` while STARTTLS is withheld.
    pub et: Window,
    /// The same at `ut`.
    pub ut: Window,
    /// Whether clear text can be seen at `et`, and at `ut`, although STARTTLS is offered.
    pub despite_offer: [bool; 2],
    /// Whether it sends SNI at hosts of `et`.
    pub naming: Naming,
    certificates: Certificates,
    /// Whether it can avoid server 3 without contacting it.
    pub avoids_three: bool,
    special: Special,
}

impl Hypothesis {
    /// What it does at a certificate: as the case table says of the policy whose checks it makes.
    pub(super) fn answer(&self, spot: Spot) -> Answer {
        let good = matches!(spot, Spot::Five | Spot::Six | Spot::Ut);
        match (self.certificates, spot.server()) {
            (Certificates::None, _) => Answer::Never,
            (Certificates::Any, _) => Answer::Takes,
            (Certificates::AnyInTheEnd, _) if good => Answer::Takes,
            (Certificates::AnyInTheEnd, _) => Answer::Either,
            (Certificates::Chain, _) if spot == Spot::UnnamedIssued => Answer::Takes,
            (Certificates::As(policy), Some(server)) => self.expected(policy, server),
            (Certificates::Chain, Some(server)) => self.expected(Policy::Verify, server),
            (Certificates::As(Policy::Verify) | Certificates::Chain, None) if !good => {
                Answer::Refuses
            }
            (Certificates::As(Policy::Verify) | Certificates::Chain, None) => Answer::Takes,
            (Certificates::As(Policy::DaneOnly), None) => Answer::Never,
            (Certificates::As(_), None) => Answer::Either,
        }
    }

    fn expected(&self, policy: Policy, server: Server) -> Answer {
        match cases::expected(policy, server) {
            Expected::Yes | Expected::YesUnlessDane => Answer::Takes,
            Expected::No => Answer::Refuses,
            Expected::Never if self.avoids_three => Answer::Never,
            Expected::Never => Answer::Refuses,
        }
    }
}

const MAY: Hypothesis = Hypothesis {
    policy: Policy::May,
    et: Window::Sends,
    ut: Window::Sends,
    despite_offer: [true, true],
    naming: Naming::Any,
    certificates: Certificates::Any,
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
const DANE: Hypothesis = Hypothesis {
    policy: Policy::Dane,
    et: Window::Leaves,
    ut: Window::Either,
    despite_offer: [false, true],
    naming: Naming::Shared,
    certificates: Certificates::As(Policy::Dane),
    avoids_three: true,
    special: Special::No,
};
const STS: Hypothesis = Hypothesis {
    policy: Policy::MtaSts,
    naming: Naming::Always,
    certificates: Certificates::As(Policy::MtaSts),
    ..DANE
};
const BOTH: Hypothesis = Hypothesis {
    policy: Policy::DaneMtaSts,
    certificates: Certificates::As(Policy::DaneMtaSts),
    ..DANE
};

/// Every behaviour. What differs in SNI alone is one behaviour with a finding.
pub(super) const HYPOTHESES: [Hypothesis; 16] = [
    Hypothesis {
        policy: Policy::None,
        certificates: Certificates::None,
        ..MAY
    },
    MAY,
    Hypothesis {
        certificates: Certificates::As(Policy::Verify),
        ..MAY
    },
    Hypothesis {
        certificates: Certificates::AnyInTheEnd,
        special: Special::Weakens,
        ..MAY
    },
    ENCRYPT,
    Hypothesis {
        certificates: Certificates::AnyInTheEnd,
        special: Special::Weakens,
        ..ENCRYPT
    },
    Hypothesis {
        policy: Policy::Verify,
        certificates: Certificates::As(Policy::Verify),
        ..ENCRYPT
    },
    Hypothesis {
        policy: Policy::Verify,
        certificates: Certificates::Chain,
        ..ENCRYPT
    },
    DANE,
    Hypothesis {
        policy: Policy::DaneOnly,
        ut: Window::Absent,
        despite_offer: [false, false],
        certificates: Certificates::As(Policy::DaneOnly),
        ..DANE
    },
    STS,
    Hypothesis {
        avoids_three: false,
        ..STS
    },
    Hypothesis {
        special: Special::Lazy,
        ..STS
    },
    Hypothesis {
        avoids_three: false,
        special: Special::LazyLogged,
        ..STS
    },
    BOTH,
    Hypothesis {
        avoids_three: false,
        ..BOTH
    },
];

impl Hypothesis {
    /// The facts that count for it; `None` where nothing speaks for a behaviour that must not be assumed.
    pub(super) fn facts<'b, 'a>(&self, case: &'b Case<'a>) -> Option<&'b Facts<'a>> {
        match (self.special, &case.later) {
            (Special::No, _) => Some(&case.facts),
            (Special::Weakens, _) if case.weakens() => Some(&case.facts),
            (Special::Lazy, Some(later)) => Some(later),
            (Special::LazyLogged, Some(later)) if case.logged() => Some(later),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behaviours_answer_as_the_table_of_the_contract_says() {
        let answers = |hypothesis: &Hypothesis| -> String {
            Spot::ALL
                .into_iter()
                .map(|spot| match hypothesis.answer(spot) {
                    Answer::Takes => 'T',
                    Answer::Refuses => 'R',
                    Answer::Either => 'E',
                    Answer::Never => '-',
                })
                .collect()
        };
        let rows: Vec<_> = HYPOTHESES
            .iter()
            .map(|hypothesis| format!("{} {}", answers(hypothesis), hypothesis.policy))
            .collect();
        // Without SNI self-signed and issued, 3, 4, 5, 6, ut and ut self-signed.
        let expected = [
            "-------- none",
            "TTTTTTTT may",
            "RRRRTTTR may",
            "EEEETTTE may",
            "TTTTTTTT encrypt",
            "EEEETTTE encrypt",
            "RRRRTTTR verify",
            "RTRRTTTR verify",
            "EERTRTEE dane",
            "--RTRT-- dane-only",
            "EE-RTTEE mta-sts",
            "EERRTTEE mta-sts",
            "EE-RTTEE mta-sts",
            "EERRTTEE mta-sts",
            "EE-RRTEE dane+mta-sts",
            "EERRRTEE dane+mta-sts",
        ];
        assert_eq!(rows, expected);
    }
}
