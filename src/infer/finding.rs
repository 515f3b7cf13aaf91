//! Findings: what is worth knowing beside the policy, one row a code.

use super::case::Case;
use super::evidence::{ids, in_order};
use super::facts::{Facts, Spot};
use super::statement::Statement;
use super::{Finding, Plaintext};
use crate::base::{Close, Contact, Policy, Zone};

/// A finding as a row: when it is made, and on what it rests.
struct Row {
    code: &'static str,
    text: &'static str,
    rfc: &'static str,
    /// Its evidence, or `None` when it is not to be made.
    made: fn(&Scene<'_, '_>) -> Option<Vec<String>>,
}

/// What the rows look at.
struct Scene<'a, 'b> {
    case: &'b Case<'a>,
    candidates: &'b [Policy],
    against: &'b [&'a Contact],
}

impl<'a, 'b> Scene<'a, 'b> {
    fn facts(&self) -> &'b Facts<'a> {
        &self.case.facts
    }

    fn policy(&self) -> Option<Policy> {
        match self.candidates {
            [policy] => Some(*policy),
            _ => None,
        }
    }

    fn is(&self, policies: &[Policy]) -> bool {
        self.policy()
            .is_some_and(|policy| policies.contains(&policy))
    }

    fn offered(&self) -> Vec<&'a Contact> {
        [&self.facts().offered_et[..], &self.facts().offered_ut].concat()
    }

    /// Uses of STARTTLS from which no delivery came, before clear text was sent.
    fn failures(&self) -> Vec<&'a Contact> {
        let offered = self.offered();
        let Some(last) = offered
            .iter()
            .map(|contact| contact.connection.started)
            .max()
        else {
            return Vec::new();
        };
        (self.facts().starttls.iter())
            .filter(|contact| !contact.connection.accepted() && contact.connection.started <= last)
            .copied()
            .collect()
    }

    /// The TLS reports that say so of the candidates.
    fn stated(&self, says: fn(&Statement, &[Policy]) -> bool) -> Option<Vec<String>> {
        let statements = self.case.statements.iter();
        let ids: Vec<_> = statements
            .filter(|statement| says(statement, self.candidates))
            .map(|statement| statement.id.clone())
            .collect();
        (!ids.is_empty()).then_some(ids)
    }

    fn took(&self, spots: &[Spot]) -> Vec<&'a Contact> {
        (spots.iter())
            .flat_map(|spot| self.facts().took(*spot))
            .copied()
            .collect()
    }

    fn only_refused(&self, spots: &[Spot]) -> Vec<&'a Contact> {
        (spots.iter())
            .filter(|spot| self.facts().only_refused(**spot))
            .flat_map(|spot| self.facts().refused(*spot))
            .copied()
            .collect()
    }
}

/// The findings that the case gives rise to, in the order of the table.
pub(super) fn findings(
    case: &Case<'_>,
    candidates: &[Policy],
    against: &[&Contact],
) -> Vec<Finding> {
    let scene = Scene {
        case,
        candidates,
        against,
    };
    ROWS.iter()
        .filter_map(|row| {
            (row.made)(&scene).map(|evidence| Finding {
                code: row.code.to_owned(),
                text: row.text.to_owned(),
                rfc: row.rfc.to_owned(),
                evidence,
            })
        })
        .collect()
}

/// The ids, in the order of time, when there are any.
fn some(contacts: Vec<&Contact>) -> Option<Vec<String>> {
    (!contacts.is_empty()).then(|| ids(&in_order(contacts)))
}

const STRICT: [Policy; 3] = [Policy::Dane, Policy::MtaSts, Policy::DaneMtaSts];

const ROWS: [Row; 23] = [
    Row {
        code: "plaintext-although-offered",
        text: "In the attempts seen, mail was sent in clear text although the server offered STARTTLS.",
        rfc: "3207 4",
        made: |scene| {
            let without_cause = scene.failures().is_empty();
            some(scene.offered()).filter(|_| without_cause)
        },
    },
    Row {
        code: "plaintext-after-tls-failure",
        text: "After a TLS handshake failed, mail was sent in clear text.",
        rfc: "7435 3",
        made: |scene| {
            let offered = scene.offered();
            let failures = scene.failures();
            (!offered.is_empty() && !failures.is_empty())
                .then(|| some([failures, offered].concat()))
                .flatten()
        },
    },
    Row {
        code: "opportunistic-sni",
        text: "The sender names the mail server in the handshake (SNI), yet takes any certificate.",
        rfc: "7435 3",
        made: |scene| {
            let mut named = scene.took(&[Spot::Three, Spot::Four]);
            named.retain(|contact| contact.connection.sni.is_some());
            some(named).filter(|_| scene.is(&[Policy::May]) && scene.facts().unauthenticated())
        },
    },
    Row {
        code: "opportunistic-verifying",
        text: "Certificates are checked where TLS is offered, but without TLS mail is sent in clear text, so the check protects nothing.",
        rfc: "7435 3",
        made: |scene| {
            let checked = !scene.facts().unauthenticated();
            some(scene.only_refused(&Spot::UNTRUSTED))
                .filter(|_| scene.is(&[Policy::May]) && checked)
        },
    },
    Row {
        code: "weakens-on-retry",
        text: "A certificate was refused at first, and any certificate taken on a later attempt.",
        rfc: "7435 3",
        made: |scene| {
            let weak = scene.is(&[Policy::May, Policy::Encrypt]);
            some(scene.case.weakened.clone()).filter(|_| weak)
        },
    },
    Row {
        code: "verify-without-sni",
        text: "Certificates are checked, but the mail server is not named in the handshake (SNI), so servers with several names cannot show the right one.",
        rfc: "6066 3",
        made: |scene| {
            let facts = scene.facts();
            let unnamed = [&facts.unnamed_et[..], &facts.nameless_et].concat();
            some(unnamed).filter(|_| scene.is(&[Policy::Verify]))
        },
    },
    Row {
        code: "chain-only",
        text: "A certificate issued for another name was taken after a self-signed one had been refused: only its issuer is checked, or the check is given up on a retry.",
        rfc: "9525 6",
        made: |scene| {
            let refused = !scene.facts().refused(Spot::Unnamed).is_empty();
            let verify = scene.candidates.contains(&Policy::Verify);
            some(scene.took(&[Spot::UnnamedIssued])).filter(|_| refused && verify)
        },
    },
    Row {
        code: "plaintext-ut-only",
        text: "Mail to the domain that publishes no policy was sent in clear text when TLS was withheld; mail to the domain that publishes one was not.",
        rfc: "7672 2.2",
        made: |scene| {
            let kept = scene.facts().plaintext().et != Plaintext::Sent;
            some(scene.facts().clear_ut.clone()).filter(|_| kept && scene.is(&STRICT))
        },
    },
    Row {
        code: "ut-not-addressed",
        text: "Only a mail to the second address as well can show whether TLS is also required where no TLSA records exist.",
        rfc: "7672 2.2",
        made: |scene| {
            let open = scene.candidates == [Policy::Dane, Policy::DaneOnly];
            let addressed = scene.case.evidence.test.addressed.contains(&Zone::Ut);
            (open && !addressed).then(Vec::new)
        },
    },
    Row {
        code: "sts-refused-after-connect",
        text: "The sender connects to a host outside the MTA-STS policy and only then turns away, instead of leaving it out.",
        rfc: "8461 5",
        made: |scene| {
            some(scene.only_refused(&[Spot::Three])).filter(|_| scene.is(&[Policy::MtaSts]))
        },
    },
    Row {
        code: "sts-lazy",
        text: "A first attempt was made before the MTA-STS policy was known, and without its protection.",
        rfc: "8461 5.1",
        made: |scene| {
            let taken = scene.took(&Spot::UNTRUSTED);
            some([taken, scene.facts().clear_et.clone()].concat())
                .filter(|_| scene.is(&[Policy::MtaSts]))
        },
    },
    Row {
        code: "sts-overrides-dane",
        text: "The sender asks for TLSA records, yet took a certificate that they do not match: MTA-STS must not override DANE.",
        rfc: "8461 2",
        made: |scene| {
            let log = scene.case.evidence.tlsa_log();
            let taken = scene.took(&[Spot::Five]);
            let over = scene.is(&[Policy::MtaSts]) && !log.is_empty() && !taken.is_empty();
            over.then(|| [ids(&taken), log].concat())
        },
    },
    Row {
        code: "dane-and-sts",
        text: "Both DANE and MTA-STS have to be satisfied before this sender delivers.",
        rfc: "8461 2",
        made: |scene| {
            some(scene.only_refused(&[Spot::Four, Spot::Five]))
                .filter(|_| scene.is(&[Policy::DaneMtaSts]))
        },
    },
    Row {
        code: "tls-too-old",
        text: "A handshake failed because the sender offered no TLS version and cipher suite of TLS 1.2 or 1.3.",
        rfc: "8996 5",
        made: |scene| {
            let mut old = scene.facts().starttls.clone();
            old.retain(|contact| matches!(contact.connection.close, Some(Close::Incompatible(_))));
            some(old)
        },
    },
    Row {
        code: "window-unseen",
        text: "No attempt was seen while TLS was withheld, so nothing is known of clear text to the first domain.",
        rfc: "",
        made: |scene| {
            let tried = !scene.facts().starttls.is_empty();
            let addressed = scene.case.evidence.test.addressed != [Zone::Ut];
            let unseen = scene.facts().plaintext().et == Plaintext::Unseen;
            (tried && addressed && unseen).then(Vec::new)
        },
    },
    Row {
        code: "three-unproven",
        text: "Servers 4, 5 and 6 have answered, but whether server 3 is avoided or was only never reached is not proven.",
        rfc: "8461 5",
        made: |scene| {
            let answered = |spot: &Spot| {
                !scene.facts().took(*spot).is_empty() || scene.facts().only_refused(*spot)
            };
            let others = [Spot::Four, Spot::Five, Spot::Six].iter().all(answered);
            let open = !answered(&Spot::Three) && scene.case.three_avoided.is_none();
            (others && open && scene.policy().is_none()).then(Vec::new)
        },
    },
    Row {
        code: "et-not-addressed",
        text: "Only a mail to the first address as well can show which certificates are taken.",
        rfc: "",
        made: |scene| {
            let only_ut = scene.case.evidence.test.addressed == [Zone::Ut];
            (only_ut && scene.policy().is_none()).then(Vec::new)
        },
    },
    Row {
        code: "all-refused",
        text: "Every certificate was refused, the right one too: no mail can be delivered to such servers.",
        rfc: "",
        made: |scene| {
            let all = [Spot::Four, Spot::Five, Spot::Six];
            let every = all.iter().all(|spot| scene.facts().only_refused(*spot));
            some(scene.only_refused(&all)).filter(|_| every)
        },
    },
    Row {
        code: "tlsrpt-confirms",
        text: "The sender's own TLS report (RFC 8460) agrees with what was seen.",
        rfc: "8460 4.4",
        made: |scene| scene.stated(Statement::confirms),
    },
    Row {
        code: "tlsrpt-contradicts",
        text: "The sender's own TLS report (RFC 8460) says otherwise than what was seen.",
        rfc: "8460 4.4",
        made: |scene| scene.stated(Statement::contradicts),
    },
    Row {
        code: "bare-line-end",
        text: "Lines were sent that do not end with CRLF, by which messages can be smuggled past filters; they were refused.",
        rfc: "5321 2.3.8",
        made: |scene| {
            let bare = |odd: &String| ["bare-lf", "bare-cr"].contains(&odd.as_str());
            let mut bare_ends = scene.case.evidence.counting.clone();
            bare_ends.retain(|contact| contact.connection.oddities.iter().any(bare));
            some(bare_ends)
        },
    },
    Row {
        code: "foreign-connections",
        text: "Others sent under this address as well, from hosts that could not prove that they may; what they did counts for nothing.",
        rfc: "7208 11.5",
        made: |scene| {
            let foreign = scene.case.evidence.test.connections.iter();
            some(foreign.filter(|contact| contact.foreign).collect())
        },
    },
    Row {
        code: "contradictory",
        text: "What was seen fits no known behaviour: several mail servers with different settings may be at work.",
        rfc: "",
        made: |scene| scene.candidates.is_empty().then(|| ids(scene.against)),
    },
];
