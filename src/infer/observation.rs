//! What can be observed of a sender, as a table: what proves it, and which behaviours it excludes. Verdict, explanation
//! and what is still waited for are all drawn from these rows, and from nothing else.

use super::case::Case;
use super::evidence::in_order;
use super::facts::{Facts, Spot};
use super::hypothesis::{Answer, Hypothesis, Naming, Window};
use super::passage;
use crate::base::{Contact, Policy, Server, Zone};

/// One kind of observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Observation {
    /// MAIL in clear text at this domain while STARTTLS was withheld.
    Clear(Zone),
    /// A clean end before MAIL at this domain while STARTTLS was withheld, and clear text never seen at `et`.
    Left(Zone),
    /// MAIL in clear text at this domain although STARTTLS was offered.
    Offered(Zone),
    /// The same, and STARTTLS never used.
    NeverSecured,
    /// STARTTLS was used.
    StartTls,
    /// A certificate was taken.
    Accepted(Spot),
    /// A certificate was refused and never taken.
    Refused(Spot),
    /// A good certificate was refused after it had been taken, by a sender that takes others.
    Changed,
    /// TLS at `et` on a shared address without a name of ours in the handshake.
    Unnamed,
    /// TLS at a host of `et` with an address of its own, without SNI.
    Nameless,
    /// Server 3 was passed over.
    ThreeAvoided,
    /// Anything at all at `ut`.
    AtUt,
    /// Nothing came to `ut` although it was written to and there was opportunity enough.
    UtAvoided,
}

impl Observation {
    /// Every kind, those on clear text first.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let by_zone = [Self::Clear, Self::Left, Self::Offered]
            .into_iter()
            .flat_map(|kind| Zone::ALL.map(kind));
        let by_spot =
            (Spot::ALL.into_iter()).flat_map(|spot| [Self::Accepted(spot), Self::Refused(spot)]);
        by_zone
            .chain([Self::NeverSecured, Self::StartTls])
            .chain(by_spot)
            .chain([
                Self::Changed,
                Self::Unnamed,
                Self::Nameless,
                Self::ThreeAvoided,
                Self::AtUt,
                Self::UtAvoided,
            ])
    }

    /// The connections that prove it, as far as `facts` go; none when it was not observed.
    pub(super) fn proof<'a>(self, case: &Case<'a>, facts: &Facts<'a>) -> Vec<&'a Contact> {
        let unless = |not: bool, list: &[&'a Contact]| match not {
            true => Vec::new(),
            false => list.to_vec(),
        };
        let clear_et = !facts.clear_et.is_empty() || !facts.offered_et.is_empty();
        match self {
            Self::Clear(Zone::Et) => facts.clear_et.clone(),
            Self::Clear(Zone::Ut) => facts.clear_ut.clone(),
            Self::Left(Zone::Et) => unless(clear_et, &facts.left_et),
            Self::Left(Zone::Ut) => unless(clear_et, &facts.left_ut),
            Self::Offered(Zone::Et) => facts.offered_et.clone(),
            Self::Offered(Zone::Ut) => facts.offered_ut.clone(),
            Self::NeverSecured => {
                let clear = in_order([&facts.offered_et[..], &facts.offered_ut].concat());
                // What was lost before it may have been STARTTLS that failed.
                let lost = |first: &&Contact| {
                    passage::connections_lost_by(case.evidence, first.connection.started)
                };
                unless(
                    !facts.starttls.is_empty() || clear.first().is_some_and(lost),
                    &clear,
                )
            }
            Self::StartTls => facts.starttls.clone(),
            Self::Accepted(spot) => facts.took(spot).to_vec(),
            Self::Refused(spot) => unless(!facts.only_refused(spot), facts.refused(spot)),
            Self::Changed => changed(facts),
            Self::Unnamed => facts.unnamed_et.clone(),
            Self::Nameless => facts.nameless_et.clone(),
            Self::ThreeAvoided => case.three_avoided.clone().unwrap_or_default(),
            Self::AtUt => facts.at_ut.clone(),
            Self::UtAvoided => case.ut_avoided.clone().unwrap_or_default(),
        }
    }

    /// Whether no sender of this behaviour can have been observed so.
    pub(super) fn excludes(self, hypothesis: &Hypothesis) -> bool {
        let window = |zone| match zone {
            Zone::Et => hypothesis.et,
            Zone::Ut => hypothesis.ut,
        };
        let opportunistic = matches!(hypothesis.policy, Policy::May | Policy::Encrypt);
        match self {
            Self::Clear(zone) => window(zone) == Window::Leaves,
            Self::Left(zone) => window(zone) == Window::Sends,
            Self::Offered(Zone::Et) => !hypothesis.despite_offer[0],
            Self::Offered(Zone::Ut) => !hypothesis.despite_offer[1],
            // Who can do TLS and once sends in clear text is opportunistic; who never tried it cannot be shown to be.
            Self::NeverSecured => hypothesis.policy == Policy::May,
            Self::StartTls => hypothesis.policy == Policy::None,
            Self::Accepted(spot) => {
                matches!(hypothesis.answer(spot), Answer::Refuses | Answer::Never)
            }
            Self::Refused(spot) => {
                matches!(hypothesis.answer(spot), Answer::Takes | Answer::Never)
            }
            // Several senders must be behind that.
            Self::Changed => opportunistic,
            Self::Unnamed => hypothesis.naming != Naming::Any,
            Self::Nameless => hypothesis.naming == Naming::Always,
            Self::ThreeAvoided => !hypothesis.avoids_three,
            Self::AtUt => hypothesis.ut == Window::Absent,
            Self::UtAvoided => hypothesis.policy == Policy::Dane,
        }
    }

    /// Its name in JSON and texts.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Clear(Zone::Et) => "clear-et",
            Self::Clear(Zone::Ut) => "clear-ut",
            Self::Left(Zone::Et) => "left-et",
            Self::Left(Zone::Ut) => "left-ut",
            Self::Offered(Zone::Et) => "clear-although-offered-et",
            Self::Offered(Zone::Ut) => "clear-although-offered-ut",
            Self::NeverSecured => "never-starttls",
            Self::StartTls => "starttls",
            Self::Accepted(Spot::UnnamedIssued) => "accepted-issued",
            Self::Refused(Spot::UnnamedIssued) => "refused-issued",
            Self::Accepted(Spot::UtSelfSigned) => "accepted-self-signed",
            Self::Refused(Spot::UtSelfSigned) => "refused-self-signed",
            Self::Accepted(_) => "accepted",
            Self::Refused(_) => "refused",
            Self::Changed => "refused-later",
            Self::Unnamed => "no-sni",
            Self::Nameless => "no-sni-own-address",
            Self::ThreeAvoided => "passed-over",
            Self::AtUt => "at-ut",
            Self::UtAvoided => "never-at-ut",
        }
    }

    /// The server that it is about.
    pub(super) const fn server(self) -> Option<Server> {
        match self {
            Self::Accepted(spot) | Self::Refused(spot) => Some(spot.number()),
            Self::ThreeAvoided => Some(Server::Three),
            Self::Changed => Some(Server::Five),
            _ => None,
        }
    }
}

/// Who takes any certificate never refuses a good one after he took it.
fn changed<'a>(facts: &Facts<'a>) -> Vec<&'a Contact> {
    let certain = [Spot::Unnamed, Spot::Three]
        .iter()
        .any(|spot| !facts.took(*spot).is_empty());
    let Some(taken) = facts.took(Spot::Five).first() else {
        return Vec::new();
    };
    let mut refused = facts.refused(Spot::Five).to_vec();
    refused.retain(|refused| {
        let later = refused.connection.started > taken.connection.started;
        later && facts.unauthenticated() && !certain
    });
    refused
}
