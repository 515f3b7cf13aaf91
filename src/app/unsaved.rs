//! What the journal did not take, in the order of the steps that it came of. Pure.

use crate::base::{Event, Gap, GapKind, Timestamp, limits};
use std::collections::BTreeMap;

/// Events that wait for a journal that can be written again.
#[derive(Debug, Default)]
pub struct Unsaved {
    pieces: BTreeMap<u64, Vec<Event>>,
    events: usize,
    lost: Option<(Timestamp, Timestamp)>,
    under_way: usize,
}

impl Unsaved {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty() && self.lost.is_none()
    }

    /// A commit was queued.
    pub fn begun(&mut self) {
        self.under_way += 1;
    }

    /// A queued commit was made, or failed.
    pub fn ended(&mut self) {
        self.under_way -= 1;
    }

    /// Whether no commit is under way.
    pub fn is_quiet(&self) -> bool {
        self.under_way == 0
    }

    /// Keeps the events of the step with this number; beyond `limits::EVENT_QUEUE` events they are lost, and a gap will
    /// say so.
    pub fn keep(&mut self, step: u64, events: Vec<Event>, now: Timestamp) {
        if self.events.saturating_add(events.len()) > limits::EVENT_QUEUE {
            self.lose(now);
            return;
        }
        self.events += events.len();
        self.pieces.insert(step, events);
    }

    /// Notes that something was lost just now.
    pub fn lose(&mut self, now: Timestamp) {
        let from = self.lost.map_or(now, |(from, _)| from);
        self.lost = Some((from, now));
    }

    /// The events of the earliest step.
    pub fn first(&self) -> Option<(u64, Vec<Event>)> {
        let (step, events) = self.pieces.first_key_value()?;
        Some((*step, events.clone()))
    }

    /// Forgets the events of a step, which need not wait any more.
    pub fn settled(&mut self, step: u64) {
        if let Some(events) = self.pieces.remove(&step) {
            self.events -= events.len();
        }
    }

    /// What was lost, told once, when nothing waits any more.
    pub fn gap(&mut self) -> Option<Gap> {
        if !self.pieces.is_empty() {
            return None;
        }
        let (from, until) = self.lost.take()?;
        let what = GapKind::Connections;
        let network = None;
        Some(Gap {
            from,
            until,
            what,
            network,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_wait_in_their_order_and_what_is_too_much_is_a_gap() {
        let time = |second: i64| Timestamp::from_second(second).unwrap();
        let event = |second| {
            Event::Gap(Gap {
                from: time(second),
                until: time(second),
                what: GapKind::Queries,
                network: None,
            })
        };
        let mut unsaved = Unsaved::default();
        // The second failed first.
        unsaved.keep(2, vec![event(2)], time(9));
        unsaved.keep(1, vec![event(1)], time(9));
        unsaved.keep(3, vec![event(3); limits::EVENT_QUEUE], time(10));
        unsaved.keep(4, vec![event(4); limits::EVENT_QUEUE], time(11));
        let mut order = Vec::new();
        while let Some((step, _)) = unsaved.first() {
            assert_eq!(unsaved.gap(), None);
            order.push(step);
            unsaved.settled(step);
        }
        assert_eq!(order, [1, 2]);
        let gap = unsaved.gap().unwrap();
        assert_eq!((gap.from, gap.until), (time(10), time(11)));
        assert!(unsaved.is_empty());
    }
}
