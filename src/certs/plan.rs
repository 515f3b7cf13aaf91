//! When which certificate is made anew: a pure decision.

use super::Slot;
use crate::base::{Domain, Timestamp};
use crate::cases::Issue;
use std::collections::BTreeMap;
use std::time::Duration;

const DAY: u64 = 24 * 3600;
/// How long a certificate of the internal CA is valid.
pub const LEAF: Duration = Duration::from_secs(90 * DAY);
/// How long a self-signed certificate and the internal root are valid.
pub const LONG: Duration = Duration::from_secs(3650 * DAY);
/// How long before its end a certificate is renewed, at the earliest.
pub const AHEAD: Duration = Duration::from_secs(30 * DAY);
/// How long before its end the root is renewed: no certificate may outlive its issuer.
pub const ROOT_AHEAD: Duration = Duration::from_secs((90 + 30) * DAY);

/// How long the digest of a next key is published before the key is used: twice the longest TTL of a TLSA RRset, and time
/// for secondaries to follow (RFC 7671 8.1).
pub const PUBLISHED: Duration = Duration::from_secs(3600);

/// A certificate that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The names in it.
    pub names: Vec<Domain>,
    /// When it begins.
    pub not_before: Timestamp,
    /// When it ends.
    pub not_after: Timestamp,
    /// Whether it is issued by whom it should be: itself, or the root in use.
    pub issued_right: bool,
}

/// A place for a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The names that the certificate should have.
    pub names: Vec<Domain>,
    /// The certificate that is there.
    pub held: Option<Held>,
    /// Since when there has been a next key.
    pub next: Option<Timestamp>,
}

/// All that is there, and what should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    /// The internal root's span, when there is one.
    pub root: Option<(Timestamp, Timestamp)>,
    /// The places of certificates.
    pub places: BTreeMap<Slot, Place>,
}

/// A thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make the internal root, with its old key when there is one.
    Root,
    /// Make this certificate, with its old key when there is one.
    Issue(Slot),
    /// Make this certificate with its next key, which then is its key.
    Switch(Slot),
}

/// What to do now, in this order, and when to look again after it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The things to do.
    pub actions: Vec<Action>,
    /// When the next of the certificates held falls due; those made now are not counted.
    pub next: Option<Timestamp>,
}

/// Decides what to do.
#[must_use]
pub fn plan(inventory: &Inventory, now: Timestamp) -> Plan {
    let mut actions = Vec::new();
    let mut dates = Vec::new();
    let needs_root = inventory
        .places
        .keys()
        .any(|slot| slot.issue() == Issue::Ca);
    if needs_root {
        match inventory.root {
            Some((from, until)) if from <= now && now < due(until, ROOT_AHEAD) => {
                dates.push(due(until, ROOT_AHEAD));
            }
            _ => actions.push(Action::Root),
        }
    }
    for (slot, place) in &inventory.places {
        let switch = place
            .next
            .map(|since| since.checked_add(PUBLISHED).unwrap_or(Timestamp::MAX));
        if switch.is_some_and(|switch| switch <= now) {
            actions.push(Action::Switch(*slot));
            continue;
        }
        dates.extend(switch);
        let good = place.held.as_ref().filter(|held| {
            held.issued_right
                && held.names == place.names
                && held.not_before <= now
                && now < due(held.not_after, AHEAD)
        });
        match good {
            Some(held) => dates.push(due(held.not_after, AHEAD)),
            None => actions.push(Action::Issue(*slot)),
        }
    }
    Plan {
        actions,
        next: dates.into_iter().min(),
    }
}

fn due(end: Timestamp, ahead: Duration) -> Timestamp {
    end.checked_sub(ahead).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Certificate, Server};

    const SELF: Slot = Slot::Mail(Certificate::Host(Server::Four));
    const CA: Slot = Slot::Mail(Certificate::Host(Server::Six));

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(day * DAY as i64).unwrap()
    }

    fn inventory(root: Option<i64>, own: Option<i64>, issued: Option<(i64, bool)>) -> Inventory {
        let name = vec![Domain::parse("mx.example.org").unwrap()];
        let held = |until: i64, issued_right: bool| Held {
            names: name.clone(),
            not_before: day(0),
            not_after: day(until),
            issued_right,
        };
        let place = |held| Place {
            names: name.clone(),
            held,
            next: None,
        };
        Inventory {
            root: root.map(|until| (day(0), day(until))),
            places: BTreeMap::from([
                (SELF, place(own.map(|until| held(until, true)))),
                (CA, place(issued.map(|(until, right)| held(until, right)))),
            ]),
        }
    }

    #[test]
    fn what_is_missing_ending_or_wrong_is_made() {
        let (root, own, issued) = (Action::Root, Action::Issue(SELF), Action::Issue(CA));
        for (at, held, actions, next) in [
            (
                0,
                inventory(None, None, None),
                vec![root, own, issued],
                None,
            ),
            (
                0,
                inventory(Some(1000), Some(900), Some((90, true))),
                vec![],
                Some(60),
            ),
            (
                59,
                inventory(Some(1000), Some(900), Some((90, true))),
                vec![],
                Some(60),
            ),
            (
                60,
                inventory(Some(1000), Some(900), Some((90, true))),
                vec![issued],
                Some(870),
            ),
            (
                0,
                inventory(Some(1000), Some(900), Some((90, false))),
                vec![issued],
                Some(870),
            ),
            (
                0,
                inventory(Some(120), Some(900), Some((90, true))),
                vec![root],
                Some(60),
            ),
            (
                870,
                inventory(Some(1000), Some(900), None),
                vec![own, issued],
                Some(880),
            ),
            // A clock that was set back: what begins in the future is of no use.
            (
                -1,
                inventory(Some(1000), Some(900), Some((90, true))),
                vec![root, own, issued],
                None,
            ),
        ] {
            let expected = Plan {
                actions,
                next: next.map(day),
            };
            assert_eq!(plan(&held, day(at)), expected, "day {at}: {held:?}");
        }
    }

    #[test]
    fn other_names_want_another_certificate() {
        let mut held = inventory(Some(1000), Some(900), Some((90, true)));
        if let Some(place) = held.places.get_mut(&SELF) {
            place.names = vec![Domain::parse("mx.example.net").unwrap()];
        }
        assert_eq!(plan(&held, day(0)).actions, [Action::Issue(SELF)]);
    }

    #[test]
    fn a_next_key_is_used_when_it_was_published_long_enough() {
        let mut held = inventory(Some(1000), Some(900), Some((90, true)));
        if let Some(place) = held.places.get_mut(&SELF) {
            place.next = Some(day(1));
        }
        let switch = day(1) + PUBLISHED;
        assert_eq!(plan(&held, day(1)).actions, []);
        assert_eq!(plan(&held, day(1)).next, Some(switch));
        assert_eq!(plan(&held, switch).actions, [Action::Switch(SELF)]);
    }
}
