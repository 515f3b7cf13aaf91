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

/// On which day, until when root, own and issued certificate last and whether the last is issued right, what is made
/// (root, own, issued), when to look again.
type Made = (
    i64,
    Option<i64>,
    Option<i64>,
    Option<(i64, bool)>,
    &'static str,
    Option<i64>,
);

const MADE: [Made; 8] = [
    (0, None, None, None, "roi", None),
    (0, Some(1000), Some(900), Some((90, true)), "", Some(60)),
    (59, Some(1000), Some(900), Some((90, true)), "", Some(60)),
    (60, Some(1000), Some(900), Some((90, true)), "i", Some(90)),
    (0, Some(1000), Some(900), Some((90, false)), "i", Some(870)),
    (0, Some(120), Some(900), Some((90, true)), "r", Some(60)),
    (870, Some(1000), Some(900), None, "oi", Some(880)),
    // A clock that was set back: what begins in the future is of no use.
    (-1, Some(1000), Some(900), Some((90, true)), "roi", None),
];

#[test]
fn what_is_missing_ending_or_wrong_is_made() {
    for (at, until_root, until_own, until_issued, made, next) in MADE {
        let places = [
            (SELF, place(until_own.and_then(|until| held(until, true)))),
            (
                CA,
                place(until_issued.and_then(|(until, right)| held(until, right))),
            ),
        ];
        let held = inventory(Issuer::Internal, until_root, places);
        let action = |letter| match letter {
            'r' => Action::Root,
            'o' => Action::Make(SELF, KeyChoice::Current),
            _ => Action::Make(CA, KeyChoice::Current),
        };
        let expected = Plan {
            actions: made.chars().map(action).collect(),
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

/// What it is; until when the certificate lasts and whether it is issued right; the pause, and that of what is not due;
/// the advice, and when to ask again; the day; what is done (order, order with the next key, advice); when to look again.
type Ordered = (
    &'static str,
    Option<(i64, bool)>,
    [Option<i64>; 2],
    Option<(Option<i64>, i64)>,
    i64,
    &'static str,
    Option<i64>,
);

const NONE: [Option<i64>; 2] = [None, None];
const ORDERED: [Ordered; 15] = [
    ("nothing there", None, NONE, None, 5, "o", None),
    ("a pause", None, [Some(6), None], None, 5, "", Some(6)),
    ("over", None, [Some(5), None], None, 5, "o", None),
    (
        "another clock's",
        None,
        [Some(50), None],
        None,
        5,
        "o",
        None,
    ),
    ("new", Some((90, true)), NONE, None, 5, "a", Some(60)),
    (
        "no ARI",
        Some((90, true)),
        NONE,
        Some((None, 6)),
        5,
        "",
        Some(6),
    ),
    (
        "advice",
        Some((90, true)),
        NONE,
        Some((Some(20), 22)),
        19,
        "",
        Some(20),
    ),
    (
        "now",
        Some((90, true)),
        NONE,
        Some((Some(20), 22)),
        20,
        "o",
        Some(22),
    ),
    (
        "to wait",
        Some((90, true)),
        NONE,
        Some((Some(80), 61)),
        60,
        "",
        Some(61),
    ),
    (
        "two thirds",
        Some((90, true)),
        NONE,
        Some((None, 61)),
        60,
        "o",
        Some(61),
    ),
    (
        "six days",
        Some((6, true)),
        NONE,
        Some((None, 5)),
        4,
        "o",
        Some(5),
    ),
    ("another CA", Some((90, false)), NONE, None, 5, "o", None),
    (
        "not begun",
        Some((90, true)),
        NONE,
        Some((None, 0)),
        -1,
        "",
        Some(0),
    ),
    ("a next key", Some((90, true)), NONE, None, 3, "n", None),
    // The week's room is kept for what falls due.
    (
        "a next key waits",
        Some((90, true)),
        [None, Some(4)],
        Some((None, 9)),
        3,
        "",
        Some(4),
    ),
];

#[test]
fn what_a_ca_issues_is_ordered_when_it_and_we_may() {
    for (what, until, [not_before, wish], advice, at, done, next) in ORDERED {
        let seen = NextKey {
            made: day(1),
            visible: Some(day(1)),
        };
        let place = Place {
            next: what.starts_with("a next key").then_some(seen),
            not_before: not_before.map(day),
            wish_not_before: wish.map(day),
            advice: advice.map(|(renew, ask)| Advice {
                renew: renew.map(day),
                ask_again: day(ask),
            }),
            ..place(until.and_then(|(until, right)| held(until, right)))
        };
        let held = inventory(Issuer::Acme, None, [(CA, place)]);
        let action = |letter| match letter {
            'o' => Action::Order(CA, KeyChoice::Current),
            'n' => Action::Order(CA, KeyChoice::Next),
            _ => Action::Advice(CA),
        };
        let expected = Plan {
            actions: done.chars().map(action).collect(),
            next: next.map(day),
        };
        assert_eq!(plan(&held, day(at)), expected, "{what}");
    }
}
