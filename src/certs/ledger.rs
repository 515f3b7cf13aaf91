//! What was ordered, issued and refused lately, and what that leaves room for: so that no failure, loop or restart burns
//! the limits of a CA. Kept in `acme/ledger.json`; pure.

use super::Slot;
use super::trouble::{Kind, Trouble};
use crate::base::{Timestamp, limits};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// What happened at the CA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// An order was made.
    Ordered,
    /// A certificate was issued.
    Issued,
    /// A validation failed.
    Failed,
}

/// How often something may happen within a time.
struct Budget {
    what: What,
    /// Of each certificate for itself, or of all together.
    each: bool,
    /// Only what was not due.
    wished: bool,
    most: usize,
    within: Duration,
}

/// Below the limits of Let's Encrypt, which other CAs have copied: 300 orders in three hours, 50 certificates a week
/// for a registered domain, which others below it share, five a week for the same names, five failed validations of a
/// name in an hour.
const BUDGETS: [Budget; 4] = [
    Budget {
        what: What::Ordered,
        each: false,
        wished: false,
        most: 60,
        within: Duration::from_secs(3 * 3600),
    },
    Budget {
        what: What::Issued,
        each: false,
        wished: false,
        most: 20,
        within: WEEK,
    },
    Budget {
        what: What::Issued,
        each: true,
        wished: false,
        most: 4,
        within: WEEK,
    },
    Budget {
        what: What::Failed,
        each: true,
        wished: false,
        most: 3,
        within: HOUR,
    },
];

/// How many certificates of a week the operator may wish for, or use for new keys: what falls due meanwhile has the rest,
/// for a certificate may live no longer than that.
const WISHES: Budget = Budget {
    what: What::Issued,
    each: true,
    wished: true,
    most: 2,
    within: WEEK,
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Event {
    time: Timestamp,
    place: String,
    what: What,
    /// Whether it was the operator's wish, or for a new key, rather than due.
    #[serde(default)]
    wished: bool,
}

/// What went wrong last, and how often in a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind it was.
    pub kind: Kind,
    /// What happened.
    pub detail: String,
    /// When it went wrong first.
    pub since: Timestamp,
    /// When it went wrong last.
    pub last: Timestamp,
    /// How often it went wrong since.
    pub tries: u32,
    /// When it may be tried again.
    pub again: Timestamp,
    /// Before this the CA does not want to be asked again.
    #[serde(default)]
    pub asked: Option<Timestamp>,
}

impl Failure {
    /// The next failure after the last one.
    #[must_use]
    pub fn after(last: Option<&Self>, trouble: &Trouble, now: Timestamp) -> Self {
        let tries = last.map_or(0, |last| last.tries).saturating_add(1);
        let pause = trouble.kind.pause(tries);
        let wait = trouble.wait.unwrap_or_default().max(pause);
        let after = |wait: Duration| {
            let time = now.checked_add(wait.min(limits::ACME_WAIT));
            time.unwrap_or(Timestamp::MAX)
        };
        // A limit of the CA without a word of when it ends is none of ours to end.
        let asked = (trouble.kind == Kind::RateLimited).then_some(wait);
        Self {
            kind: trouble.kind,
            detail: trouble.detail.clone(),
            since: last.map_or(now, |last| last.since),
            last: now,
            tries,
            again: after(wait),
            asked: trouble.wait.or(asked).map(after),
        }
    }

    /// Before this it is not tried again; `None` when it may be, or when the pause is of a clock that was set back since.
    #[must_use]
    pub fn pause(&self, now: Timestamp) -> Option<Timestamp> {
        (self.last <= now && now < self.again).then_some(self.again)
    }
}

/// What is under way for one certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Entry {
    /// The order that was begun, to be gone on with.
    order: Option<String>,
    /// Whether the operator wants a new certificate.
    wanted: bool,
    failure: Option<Failure>,
}

/// The record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ledger {
    /// The directory of the CA that it is about.
    directory: String,
    events: Vec<Event>,
    places: BTreeMap<String, Entry>,
    /// A failure that concerns all certificates.
    common: Option<Failure>,
}

impl Ledger {
    /// The record of this CA: what was noted of another one does not count here.
    #[must_use]
    pub fn of(self, directory: &str) -> Self {
        if self.directory == directory {
            return self;
        }
        Self {
            directory: directory.to_owned(),
            ..Self::default()
        }
    }

    /// Before this no certificate is ordered for this place; `None`: it may be now.
    #[must_use]
    pub fn not_before(&self, slot: Slot, now: Timestamp) -> Option<Timestamp> {
        let pauses = [self.failure(slot), self.common.as_ref()];
        let pauses = pauses
            .into_iter()
            .flatten()
            .filter_map(|failure| failure.pause(now));
        let budgets = BUDGETS
            .iter()
            .filter_map(|budget| self.frees(budget, slot, now));
        pauses.chain(budgets).max()
    }

    /// Before this a certificate for this place is ordered only when it falls due, and not at the operator's wish; `None`:
    /// it may be now.
    #[must_use]
    pub fn wish_not_before(&self, slot: Slot, now: Timestamp) -> Option<Timestamp> {
        self.frees(&WISHES, slot, now)
    }

    /// When the budget has room again; `None`: it has now.
    fn frees(&self, budget: &Budget, slot: Slot, now: Timestamp) -> Option<Timestamp> {
        let ends = |event: &Event| event.time.checked_add(budget.within).ok();
        let mut ends: Vec<_> = (self.events.iter())
            .filter(|event| event.what == budget.what)
            .filter(|event| !budget.each || event.place == slot.label())
            .filter(|event| !budget.wished || event.wished)
            .filter_map(ends)
            .filter(|end| now < *end)
            .collect();
        ends.sort();
        // The oldest of those that fill it must be over.
        let at = ends.len().checked_sub(budget.most)?;
        ends.get(at).copied()
    }

    /// What went wrong with this certificate last, unless it went well since.
    #[must_use]
    pub fn failure(&self, slot: Slot) -> Option<&Failure> {
        self.places.get(slot.label())?.failure.as_ref()
    }

    /// What went wrong last with whatever was ordered, unless something went well since.
    #[must_use]
    pub const fn common(&self) -> Option<&Failure> {
        self.common.as_ref()
    }

    /// The order that was begun for this place.
    #[must_use]
    pub fn order(&self, slot: Slot) -> Option<&str> {
        self.places.get(slot.label())?.order.as_deref()
    }

    /// Whether the operator wants a new certificate here.
    #[must_use]
    pub fn is_wanted(&self, slot: Slot) -> bool {
        self.places
            .get(slot.label())
            .is_some_and(|entry| entry.wanted)
    }

    fn entry(&mut self, slot: Slot) -> &mut Entry {
        self.places.entry(slot.label().to_owned()).or_default()
    }

    fn happened(&mut self, slot: Slot, (what, wished): (What, bool), now: Timestamp) {
        let longest = now.checked_sub(WEEK).unwrap_or(Timestamp::MIN);
        // What lies ahead happened too, by a clock that was set back since.
        self.events.retain(|event| longest < event.time);
        let beyond = (self.events.len() + 1).saturating_sub(limits::ACME_EVENTS);
        self.events.drain(..beyond);
        self.events.push(Event {
            time: now,
            place: slot.label().to_owned(),
            what,
            wished,
        });
    }

    /// Notes that a new order was made; to be kept before anything else is done with it.
    pub fn ordered(&mut self, slot: Slot, order: &str, now: Timestamp) {
        self.happened(slot, (What::Ordered, false), now);
        self.entry(slot).order = Some(order.to_owned());
    }

    /// Notes that the CA issued a certificate; whether for a new key.
    pub fn issued(&mut self, slot: Slot, for_new_key: bool, now: Timestamp) {
        let wished = for_new_key || self.is_wanted(slot);
        self.happened(slot, (What::Issued, wished), now);
        *self.entry(slot) = Entry::default();
        self.common = None;
    }

    /// Notes that a certificate of our own making is in place of the one before.
    pub fn made(&mut self, slot: Slot) {
        self.places.remove(slot.label());
    }

    /// Notes a failure.
    pub fn failed(&mut self, slot: Slot, trouble: &Trouble, now: Timestamp) {
        match trouble.kind {
            // To the CA either is an authorization that failed.
            Kind::Validation | Kind::Caa => self.happened(slot, (What::Failed, false), now),
            // It counts at the CA all the same.
            Kind::Unusable => self.happened(slot, (What::Issued, false), now),
            _ => {}
        }
        if trouble.kind.is_common() {
            self.common = Some(Failure::after(self.common.as_ref(), trouble, now));
            return;
        }
        // The CA answered, so what concerned all is over.
        self.common = None;
        let entry = self.entry(slot);
        entry.failure = Some(Failure::after(entry.failure.as_ref(), trouble, now));
        let ended = ![Kind::NotVisible, Kind::RateLimited, Kind::BadNonce].contains(&trouble.kind);
        if ended {
            entry.order = None;
        }
    }

    /// Notes that the operator wants a new certificate: pauses of our own end, what the CA or its limits ask for stays.
    pub fn want(&mut self, slot: Slot, now: Timestamp) {
        let ends = |failure: &mut Failure| {
            let asked = failure.asked.unwrap_or(now);
            failure.again = failure.again.min(asked.max(now));
        };
        self.common.iter_mut().for_each(ends);
        let entry = self.entry(slot);
        entry.wanted = true;
        entry.failure.iter_mut().for_each(ends);
    }
}

#[cfg(test)]
mod tests;
