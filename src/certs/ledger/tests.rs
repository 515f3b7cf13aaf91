//! What leaves room for what, as rows.

use super::*;
use crate::base::{Certificate, Server};

const SIX: Slot = Slot::Mail(Certificate::Host(Server::Six));
const FIVE: Slot = Slot::Mail(Certificate::Host(Server::Five));

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap()
}

#[test]
fn budgets_have_room_again_when_the_oldest_is_over() {
    let week = 7 * 24 * 60;
    for (what, slots, times, at_slot, frees) in [
        (What::Issued, &[SIX][..], vec![0, 1, 2], SIX, None),
        (What::Issued, &[SIX], vec![0, 1, 2, 3], SIX, Some(week)),
        (
            What::Issued,
            &[SIX],
            vec![0, 1, 2, 3, 4],
            SIX,
            Some(week + 1),
        ),
        (What::Issued, &[SIX], vec![0, 1, 2, 3], FIVE, None),
        (What::Failed, &[FIVE], vec![0, 5, 9], FIVE, Some(60)),
        (What::Failed, &[FIVE], vec![0, 5, 9], SIX, None),
        (
            What::Issued,
            &[FIVE, SIX],
            (0..10).collect(),
            Slot::Web,
            Some(week),
        ),
        (What::Ordered, &[FIVE], (0..59).collect(), SIX, None),
        (What::Ordered, &[FIVE], (0..60).collect(), SIX, Some(180)),
    ] {
        let mut ledger = Ledger::default();
        for time in &times {
            for slot in slots {
                ledger.happened(*slot, (what, false), at(*time));
            }
        }
        let now = at(*times.last().unwrap());
        assert_eq!(
            ledger.not_before(at_slot, now),
            frees.map(at),
            "{what:?} {times:?}"
        );
        let later = ledger.not_before(at_slot, at(frees.unwrap_or(100) + 100 * week));
        assert_eq!(later, None);
    }
}

#[test]
fn the_operator_leaves_certificates_of_a_week_to_what_falls_due() {
    let week = 7 * 24 * 60;
    for (times, frees) in [
        (vec![0], None),
        (vec![0, 1], Some(week)),
        (vec![0, 1, 2], Some(week + 1)),
    ] {
        let mut ledger = Ledger::default();
        // The first one was due, and is none of them.
        ledger.issued(SIX, false, at(0));
        for time in &times {
            ledger.want(SIX, at(*time));
            ledger.issued(SIX, false, at(*time));
        }
        assert_eq!(
            ledger.wish_not_before(SIX, at(3)),
            frees.map(at),
            "{times:?}"
        );
        assert_eq!(ledger.wish_not_before(FIVE, at(3)), None);
        let full = times.len() == 3;
        assert_eq!(ledger.not_before(SIX, at(3)).is_some(), full, "{times:?}");
    }
}

#[test]
fn a_clock_that_was_wrong_leaves_no_pause_and_forgives_nothing() {
    let mut ledger = Ledger::default();
    ledger.failed(SIX, &Trouble::new(Kind::Clock, "why"), at(5000));
    assert_eq!(ledger.not_before(SIX, at(5000)), Some(at(5001)));
    assert_eq!(ledger.not_before(SIX, at(0)), None, "set back");
    for minute in 40..44 {
        ledger.issued(SIX, false, at(minute));
    }
    ledger.ordered(SIX, "https://ca.example/order/1", at(0));
    assert_eq!(ledger.not_before(SIX, at(0)), Some(at(40 + 7 * 24 * 60)));
}

#[test]
fn failures_pause_what_they_concern_for_longer_and_longer() {
    let trouble = |kind, wait| Trouble {
        wait,
        ..Trouble::new(kind, "why")
    };
    let mut ledger = Ledger::default();
    ledger.ordered(SIX, "https://ca.example/order/1", at(0));
    for (now, kind, wait, six, five) in [
        (0, Kind::Validation, None, Some(20), None),
        (20, Kind::Validation, None, Some(60), None),
        (60, Kind::Caa, None, Some(300), None),
        (300, Kind::RateLimited, Some(HOUR * 50), Some(3300), None),
        // Who asks for less than we would give gets what we would.
        (3300, Kind::RateLimited, Some(HOUR), Some(4260), None),
        (4260, Kind::Unreachable, None, Some(4261), Some(4261)),
        (4261, Kind::Unreachable, None, Some(4263), Some(4263)),
    ] {
        ledger.failed(SIX, &trouble(kind, wait), at(now));
        assert_eq!(
            ledger.not_before(SIX, at(now)),
            six.map(at),
            "{kind} at {now}"
        );
        assert_eq!(
            ledger.not_before(FIVE, at(now)),
            five.map(at),
            "{kind} at {now}"
        );
    }
    assert_eq!(ledger.order(SIX), None);
    assert_eq!(
        ledger.failure(SIX).map(|failure| failure.since),
        Some(at(0))
    );
    ledger.issued(SIX, false, at(4263));
    assert_eq!((ledger.failure(SIX), ledger.common()), (None, None));
    assert_eq!(ledger.not_before(FIVE, at(4263)), None);
}

#[test]
fn the_operator_ends_pauses_of_ours_alone() {
    for (kind, wait, not_before) in [
        (Kind::Caa, None, None),
        (Kind::Clock, None, None),
        (Kind::RateLimited, None, Some(60)),
        (Kind::Unreachable, Some(HOUR * 2), Some(120)),
    ] {
        let mut ledger = Ledger::default();
        let trouble = Trouble {
            wait,
            ..Trouble::new(kind, "why")
        };
        ledger.failed(SIX, &trouble, at(0));
        ledger.want(SIX, at(0));
        assert!(ledger.is_wanted(SIX) && !ledger.is_wanted(FIVE));
        assert_eq!(ledger.not_before(SIX, at(0)), not_before.map(at), "{kind}");
    }
}

#[test]
fn an_order_is_gone_on_with_where_that_can_help() {
    for (kind, kept) in [
        (Kind::NotVisible, true),
        (Kind::Unreachable, true),
        (Kind::Storage, true),
        (Kind::RateLimited, true),
        (Kind::BadNonce, true),
        (Kind::Validation, false),
        (Kind::OrderLost, false),
        (Kind::Unusable, false),
    ] {
        let mut ledger = Ledger::default();
        ledger.ordered(SIX, "https://ca.example/order/1", at(0));
        ledger.failed(SIX, &Trouble::new(kind, "why"), at(0));
        assert_eq!(ledger.order(SIX).is_some(), kept, "{kind}");
        ledger.made(SIX);
        assert_eq!(ledger.order(SIX), None);
    }
}

#[test]
fn another_ca_has_a_record_of_its_own() {
    let mut ledger = Ledger::default().of("https://ca.example/directory");
    ledger.ordered(SIX, "https://ca.example/order/1", at(0));
    let same = ledger.clone().of("https://ca.example/directory");
    assert_eq!(same, ledger);
    let other = ledger.of("https://other.example/directory");
    assert_eq!((other.order(SIX), other.events.len()), (None, 0));
}

#[test]
fn it_is_bounded_and_kept_as_text() {
    let mut ledger = Ledger::default();
    for minute in 0..3000 {
        ledger.happened(SIX, (What::Ordered, false), at(minute));
    }
    assert_eq!(ledger.events.len(), limits::ACME_EVENTS);
    ledger.failed(SIX, &Trouble::new(Kind::Caa, "why"), at(3000));
    let text = serde_json::to_string(&ledger).unwrap();
    assert_eq!(serde_json::from_str::<Ledger>(&text).unwrap(), ledger);
    ledger.happened(SIX, (What::Issued, false), at(8 * 24 * 60 + 3000));
    assert_eq!(ledger.events.len(), 1);
}
