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
        self.now < time && time <= later(self.now, limits::ACME_WAIT)
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
mod tests;
