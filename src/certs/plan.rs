//! What is to be done for the certificates now, and when to look again: a pure decision.

use super::{Issuer, Slot};
use crate::base::{Domain, Timestamp, limits};
use crate::cases::Issue;
use std::collections::BTreeMap;
use std::time::Duration;

const DAY: u64 = 24 * 3600;
/// How long a certificate of the internal CA is valid.
pub const LEAF: Duration = Duration::from_secs(90 * DAY);
/// How long a self-signed certificate and the internal root are valid.
pub const LONG: Duration = Duration::from_secs(3650 * DAY);
/// How long before its end a self-signed certificate is renewed.
pub const AHEAD: Duration = Duration::from_secs(30 * DAY);
/// How long before its end the root is renewed: no certificate may outlive its issuer.
pub const ROOT_AHEAD: Duration = Duration::from_secs((90 + 30) * DAY);

/// A certificate that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The names in it.
    pub names: Vec<Domain>,
    /// When it begins.
    pub not_before: Timestamp,
    /// When it ends.
    pub not_after: Timestamp,
    /// Whether it is issued by whom it should be: itself, the root in use, or the CA of the configuration.
    pub issued_right: bool,
}

impl Held {
    /// Whether it may be presented now: these names, issued by whom it should be, not yet ended.
    #[must_use]
    pub fn is_fit(&self, names: &[Domain], now: Timestamp) -> bool {
        self.issued_right && self.names == names && now < self.not_after
    }
}

/// The key that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextKey {
    /// Since when there has been one, and its digest in our zone.
    pub made: Timestamp,
    /// Since when every name server is known to show its digest.
    pub visible: Option<Timestamp>,
}

/// What the CA said of a certificate's renewal (RFC 9773).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    /// When to renew it: a moment within the window that the CA suggests; `None` when it suggests none.
    pub renew: Option<Timestamp>,
    /// When to ask again.
    pub ask_again: Timestamp,
}

/// A place for a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The names that the certificate should have.
    pub names: Vec<Domain>,
    /// The certificate that is there.
    pub held: Option<Held>,
    /// The next key, if there is one.
    pub next: Option<NextKey>,
    /// What the CA said of the certificate that is there.
    pub advice: Option<Advice>,
    /// Whether the operator wants a new one.
    pub wanted: bool,
    /// Before this nothing is ordered: a pause after a failure, or a limit of the CA.
    pub not_before: Option<Timestamp>,
    /// Before this nothing is ordered that is not due: the operator's wish and a next key wait.
    pub wish_not_before: Option<Timestamp>,
    /// Before this the name servers are not asked again whether they show the next digest.
    pub look_again: Option<Timestamp>,
}

/// All that is there, and what should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    /// Who issues the certificates that are not self-signed.
    pub issuer: Issuer,
    /// How long a TLSA RRset may be cached.
    pub ttl: Duration,
    /// The internal root's span, when there is one.
    pub root: Option<(Timestamp, Timestamp)>,
    /// The places of certificates.
    pub places: BTreeMap<Slot, Place>,
}

/// Which key of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyChoice {
    /// The key in use.
    Current,
    /// The next one, which then is the one in use.
    Next,
}

/// A thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make the internal root, with its old key when there is one.
    Root,
    /// Make this certificate ourselves.
    Make(Slot, KeyChoice),
    /// Order this certificate from the CA.
    Order(Slot, KeyChoice),
    /// Ask the CA when this certificate is to be renewed.
    Advice(Slot),
    /// Ask the name servers whether they show all next digests.
    Look,
}

impl Action {
    /// Whether we need nobody else for it.
    #[must_use]
    pub const fn is_own(self) -> bool {
        matches!(self, Self::Root | Self::Make(..))
    }
}

/// What to do now, in this order, and when to look again after it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The things to do.
    pub actions: Vec<Action>,
    /// When the next thing falls due of what is there now; what the actions bring is not counted.
    pub next: Option<Timestamp>,
}

/// Decides what to do.
#[must_use]
pub fn plan(inventory: &Inventory, now: Timestamp) -> Plan {
    let mut making = Making {
        inventory,
        now,
        plan: Plan {
            actions: Vec::new(),
            next: None,
        },
    };
    if inventory.issuer == Issuer::Internal {
        making.root();
    }
    for (slot, place) in &inventory.places {
        making.place(*slot, place);
    }
    making.plan
}

/// When a certificate is renewed, and whether the CA said so.
#[must_use]
pub fn renewal(slot: Slot, held: &Held, advice: Option<Advice>) -> (Timestamp, bool) {
    if slot.issue() == Issue::SelfSigned {
        return (earlier(held.not_after, AHEAD), false);
    }
    if let Some(renew) = advice.and_then(|advice| advice.renew) {
        return (renew, true);
    }
    let life = Duration::try_from(held.not_after.duration_since(held.not_before));
    (earlier(held.not_after, life.unwrap_or_default() / 3), false)
}

/// When a next key is used: once its digest was visible everywhere for two TTLs (RFC 7671 8.1), or, where it has none in
/// the DNS, at once.
#[must_use]
pub fn switch(slot: Slot, next: NextKey, ttl: Duration) -> Option<Timestamp> {
    if !slot.has_tlsa() {
        return Some(next.made);
    }
    Some(later(next.visible?, ttl * 2))
}

struct Making<'a> {
    inventory: &'a Inventory,
    now: Timestamp,
    plan: Plan,
}

impl Making<'_> {
    fn root(&mut self) {
        match self.inventory.root {
            Some((from, until)) if from <= self.now && self.now < earlier(until, ROOT_AHEAD) => {
                self.later(earlier(until, ROOT_AHEAD));
            }
            _ => self.plan.actions.push(Action::Root),
        }
    }

    fn place(&mut self, slot: Slot, place: &Place) {
        let ordered = self.is_ordered(slot);
        let fit = place.held.as_ref().filter(|held| {
            // A CA that issues what has not begun yet has another clock than we; another order would not help.
            let begun = ordered || held.not_before <= self.now;
            held.is_fit(&place.names, self.now) && begun
        });
        let renewal = fit.map(|held| renewal(slot, held, place.advice).0);
        let is_due = renewal.is_none_or(|renewal| renewal <= self.now);
        let waits = place
            .wish_not_before
            .filter(|time| ordered && !is_due && self.is_ahead(*time));
        if let Some(mut next) = place.next {
            // What was seen before the clock was set back is seen again.
            next.visible = next.visible.filter(|since| *since <= self.now);
            match (switch(slot, next, self.inventory.ttl), waits) {
                (Some(time), Some(wait)) if time <= self.now => self.later(wait),
                (Some(time), None) if time <= self.now => {
                    return self.issue(slot, place, KeyChoice::Next);
                }
                (Some(time), _) => self.later(time),
                (None, _) => self.look(place),
            }
        }
        let (Some(held), Some(renewal)) = (fit, renewal) else {
            return self.issue(slot, place, KeyChoice::Current);
        };
        match waits {
            _ if !place.wanted => {}
            Some(wait) => self.later(wait),
            None => return self.issue(slot, place, KeyChoice::Current),
        }
        if is_due {
            // What ends meanwhile is seen to have ended.
            self.later(held.not_after);
            self.issue(slot, place, KeyChoice::Current);
        } else {
            self.later(renewal);
        }
        if ordered {
            match place.advice {
                Some(advice) if self.is_ahead(advice.ask_again) => self.later(advice.ask_again),
                _ => self.plan.actions.push(Action::Advice(slot)),
            }
        }
    }

    fn issue(&mut self, slot: Slot, place: &Place, key: KeyChoice) {
        if !self.is_ordered(slot) {
            self.plan.actions.push(Action::Make(slot, key));
            return;
        }
        match place.not_before {
            Some(time) if self.is_ahead(time) => self.later(time),
            _ => self.plan.actions.push(Action::Order(slot, key)),
        }
    }

    fn look(&mut self, place: &Place) {
        match place.look_again {
            Some(time) if self.is_ahead(time) => self.later(time),
            _ if self.plan.actions.contains(&Action::Look) => {}
            _ => self.plan.actions.push(Action::Look),
        }
    }

    fn is_ordered(&self, slot: Slot) -> bool {
        self.inventory.issuer == Issuer::Acme && slot.issue() == Issue::Ca
    }

    /// Whether a time that we were to wait for is still to come; one that is too far away was noted under another clock.
    fn is_ahead(&self, time: Timestamp) -> bool {
        self.now < time && time <= later(self.now, limits::ACME_PAUSE)
    }

    fn later(&mut self, time: Timestamp) {
        let next = self.plan.next;
        self.plan.next = Some(next.map_or(time, |next| next.min(time)));
    }
}

fn earlier(time: Timestamp, span: Duration) -> Timestamp {
    time.checked_sub(span).unwrap_or(Timestamp::MIN)
}

fn later(time: Timestamp, span: Duration) -> Timestamp {
    time.checked_add(span).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Certificate, Server};

    const SELF: Slot = Slot::Mail(Certificate::Host(Server::Four));
    const CA: Slot = Slot::Mail(Certificate::Host(Server::Six));
    const BARE: Slot = Slot::Mail(Certificate::Host(Server::Five));

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(day * DAY as i64).unwrap()
    }

    fn name(name: &str) -> Vec<Domain> {
        vec![Domain::parse(name).unwrap()]
    }

    fn held(until: i64, issued_right: bool) -> Option<Held> {
        Some(Held {
            names: name("mx.example.org"),
            not_before: day(0),
            not_after: day(until),
            issued_right,
        })
    }

    fn place(held: Option<Held>) -> Place {
        Place {
            names: name("mx.example.org"),
            held,
            ..Place::default()
        }
    }

    fn inventory(
        issuer: Issuer,
        root: Option<i64>,
        places: impl IntoIterator<Item = (Slot, Place)>,
    ) -> Inventory {
        Inventory {
            issuer,
            ttl: Duration::from_secs(DAY),
            root: root.map(|until| (day(0), day(until))),
            places: places.into_iter().collect(),
        }
    }

    #[test]
    fn what_is_missing_ending_or_wrong_is_made() {
        use KeyChoice::Current;
        let (root, own, issued) = (
            Action::Root,
            Action::Make(SELF, Current),
            Action::Make(CA, Current),
        );
        for (at, until_root, until_own, until_issued, actions, next) in [
            (0, None, None, None, vec![root, own, issued], None),
            (0, Some(1000), Some(900), Some((90, true)), vec![], Some(60)),
            (
                59,
                Some(1000),
                Some(900),
                Some((90, true)),
                vec![],
                Some(60),
            ),
            (
                60,
                Some(1000),
                Some(900),
                Some((90, true)),
                vec![issued],
                Some(90),
            ),
            (
                0,
                Some(1000),
                Some(900),
                Some((90, false)),
                vec![issued],
                Some(870),
            ),
            (
                0,
                Some(120),
                Some(900),
                Some((90, true)),
                vec![root],
                Some(60),
            ),
            (
                870,
                Some(1000),
                Some(900),
                None,
                vec![own, issued],
                Some(880),
            ),
            // A clock that was set back: what begins in the future is of no use.
            (
                -1,
                Some(1000),
                Some(900),
                Some((90, true)),
                vec![root, own, issued],
                None,
            ),
        ] {
            let places = [
                (SELF, place(until_own.and_then(|until| held(until, true)))),
                (
                    CA,
                    place(until_issued.and_then(|(until, right)| held(until, right))),
                ),
            ];
            let held = inventory(Issuer::Internal, until_root, places);
            let expected = Plan {
                actions,
                next: next.map(day),
            };
            assert_eq!(plan(&held, day(at)), expected, "day {at}: {held:?}");
        }
    }

    #[test]
    fn other_names_or_the_operators_wish_want_another_certificate() {
        for change in [
            |place: &mut Place| place.names = name("mx.example.net"),
            |place: &mut Place| place.wanted = true,
        ] {
            let mut place = place(held(900, true));
            change(&mut place);
            let held = inventory(Issuer::Internal, Some(1000), [(SELF, place)]);
            let make = Action::Make(SELF, KeyChoice::Current);
            assert_eq!(plan(&held, day(0)).actions, [make]);
        }
    }

    #[test]
    fn a_next_key_is_used_when_it_was_visible_everywhere_for_two_ttls() {
        use KeyChoice::Next;
        let next = |visible: Option<i64>| NextKey {
            made: day(1),
            visible: visible.map(day),
        };
        for (slot, next, look_again, at, actions, due) in [
            (SELF, next(None), None, 5, vec![Action::Look], Some(870)),
            (SELF, next(None), Some(6), 5, vec![], Some(6)),
            (SELF, next(None), Some(6), 6, vec![Action::Look], Some(870)),
            (SELF, next(Some(5)), None, 6, vec![], Some(7)),
            (
                SELF,
                next(Some(5)),
                None,
                7,
                vec![Action::Make(SELF, Next)],
                None,
            ),
            // Seen in a future that is none any more.
            (SELF, next(Some(50)), None, 7, vec![Action::Look], Some(870)),
            // Nobody looks for the digest of this one.
            (
                BARE,
                next(None),
                None,
                1,
                vec![Action::Make(BARE, Next)],
                None,
            ),
        ] {
            let place = Place {
                next: Some(next),
                look_again: look_again.map(day),
                ..place(held(900, true))
            };
            let held = inventory(Issuer::Internal, Some(9000), [(slot, place)]);
            let mut expected = due.map(day);
            if slot == BARE || expected.is_none() {
                expected = Some(day(9000) - ROOT_AHEAD);
            }
            let planned = plan(&held, day(at));
            assert_eq!(planned.actions, actions, "{slot} on day {at}");
            assert_eq!(planned.next, expected, "{slot} on day {at}");
        }
    }

    #[test]
    fn what_a_ca_issues_is_ordered_when_it_and_we_may() {
        use KeyChoice::{Current, Next};
        let advice = |renew: Option<i64>, ask: i64| {
            Some(Advice {
                renew: renew.map(day),
                ask_again: day(ask),
            })
        };
        let seen = NextKey {
            made: day(1),
            visible: Some(day(1)),
        };
        let order = |key| vec![Action::Order(CA, key)];
        for (what, change, at, actions, next) in [
            ("nothing there", Place::default(), 5, order(Current), None),
            (
                "a pause",
                Place {
                    not_before: Some(day(6)),
                    ..Place::default()
                },
                5,
                vec![],
                Some(6),
            ),
            (
                "over",
                Place {
                    not_before: Some(day(5)),
                    ..Place::default()
                },
                5,
                order(Current),
                None,
            ),
            (
                "of another clock",
                Place {
                    not_before: Some(day(50)),
                    ..Place::default()
                },
                5,
                order(Current),
                None,
            ),
            (
                "new",
                place(held(90, true)),
                5,
                vec![Action::Advice(CA)],
                Some(60),
            ),
            (
                "no ARI",
                Place {
                    advice: advice(None, 6),
                    ..place(held(90, true))
                },
                5,
                vec![],
                Some(6),
            ),
            (
                "advice",
                Place {
                    advice: advice(Some(20), 22),
                    ..place(held(90, true))
                },
                19,
                vec![],
                Some(20),
            ),
            (
                "renewal now",
                Place {
                    advice: advice(Some(20), 22),
                    ..place(held(90, true))
                },
                20,
                order(Current),
                Some(22),
            ),
            (
                "advised to wait",
                Place {
                    advice: advice(Some(80), 61),
                    ..place(held(90, true))
                },
                60,
                vec![],
                Some(61),
            ),
            (
                "two thirds",
                Place {
                    advice: advice(None, 61),
                    ..place(held(90, true))
                },
                60,
                order(Current),
                Some(61),
            ),
            (
                "six days",
                Place {
                    advice: advice(None, 5),
                    ..place(held(6, true))
                },
                4,
                order(Current),
                Some(5),
            ),
            (
                "another CA",
                place(held(90, false)),
                5,
                order(Current),
                None,
            ),
            (
                "not begun",
                Place {
                    advice: advice(None, 0),
                    ..place(held(90, true))
                },
                -1,
                vec![],
                Some(0),
            ),
            (
                "a next key",
                Place {
                    next: Some(seen),
                    ..place(held(90, true))
                },
                3,
                order(Next),
                None,
            ),
        ] {
            let mut place = change;
            place.names = name("mx.example.org");
            let held = inventory(Issuer::Acme, None, [(CA, place)]);
            let expected = Plan {
                actions,
                next: next.map(day),
            };
            assert_eq!(plan(&held, day(at)), expected, "{what}");
        }
    }
}
