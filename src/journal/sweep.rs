//! Which events are forgotten, and their removal.

use super::record::{Number, moment, number};
use super::store::{CONNECTIONS, EVENTS, walk};
use crate::base::{Event, Timestamp, limits};
use jiff::SignedDuration;
use redb::WriteTransaction;

/// How far the order of events may differ from the order of time: what stands behind an event that is younger by so
/// much is not looked at.
const DISORDER: SignedDuration = SignedDuration::from_hours(24);

/// What to forget.
pub(super) enum Sweep {
    /// Events before this time, at most `limits::SWEEP` at once; the newest order among them stays, for it is in force.
    Before(Timestamp),
    /// Events for which this holds.
    Matching(Box<dyn Fn(&Event) -> bool + Send>),
}

/// Forgets events; says how many.
pub(super) fn sweep(from: &WriteTransaction, sweep: &Sweep) -> Result<u64, redb::Error> {
    let mut events = from.open_table(EVENTS)?;
    let mut connections = from.open_table(CONNECTIONS)?;
    let mut doomed: Vec<(u64, Option<u64>)> = Vec::new();
    let mut order = None;
    walk(&events, |place, event| {
        let connection = match number(&event) {
            Some(Number::Connection(number)) => Some(number),
            _ => None,
        };
        match sweep {
            Sweep::Matching(holds) if holds(&event) => doomed.push((place, connection)),
            Sweep::Matching(_) => {}
            Sweep::Before(before) => {
                let time = moment(&event);
                let late = before.checked_add(DISORDER).is_ok_and(|late| time > late);
                if late || doomed.len() as u64 == limits::SWEEP {
                    return false;
                }
                if time < *before {
                    if matches!(event, Event::Order(_)) {
                        doomed.extend(order.replace(place).map(|earlier| (earlier, None)));
                    } else {
                        doomed.push((place, connection));
                    }
                }
            }
        }
        true
    })?;
    for (place, connection) in &doomed {
        events.remove(place)?;
        if let Some(number) = connection {
            connections.remove(number)?;
        }
    }
    Ok(doomed.len() as u64)
}
