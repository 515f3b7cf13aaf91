//! What is decided, as rows.

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
