//! What the journal did not take, in the order of the steps that it came of. Pure.

use crate::base::{Event, Gap, GapKind, Timestamp, limits};
use crate::desk::Doomed;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The pause after a failure before it is tried again: at least this long, and so many times as long as the failure took,
/// for a large journal is looked through each time.
const PAUSE: Duration = Duration::from_secs(1);
const TIMES: u32 = 10;

/// Events that wait for a journal that can be written again.
#[derive(Debug, Default)]
pub struct Unsaved {
    pieces: BTreeMap<u64, Vec<Event>>,
    events: usize,
    lost: Option<(Timestamp, Timestamp)>,
    /// The steps whose commits are under way.
    under_way: BTreeSet<u64>,
    /// What was erased while commits of earlier steps were under way, and before which step.
    erased: Vec<(u64, Arc<Doomed>)>,
    /// The time of the last failure, and how long nothing is to be tried then.
    failed: Option<(Timestamp, Duration)>,
}

impl Unsaved {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty() && self.lost.is_none()
    }

    /// How many events wait.
    pub const fn events(&self) -> usize {
        self.events
    }

    /// The commit of a step was queued.
    pub fn begun(&mut self, step: u64) {
        self.under_way.insert(step);
    }

    /// The queued commit of a step was made; or it failed, and its events are kept.
    pub fn ended(&mut self, step: u64) {
        self.under_way.remove(&step);
        let first = self.under_way.first().copied();
        (self.erased).retain(|(before, _)| first.is_some_and(|first| first < *before));
    }

    /// Whether no commit is under way.
    pub fn is_quiet(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Forgets what is erased, also of what is under way and may fail yet. `step` is the number of the next step.
    pub fn erase(&mut self, step: u64, doomed: &Arc<Doomed>) {
        for events in self.pieces.values_mut() {
            let before = events.len();
            events.retain(|event| !doomed.holds(event));
            self.events -= before - events.len();
        }
        self.pieces.retain(|_, events| !events.is_empty());
        if !self.is_quiet() {
            self.erased.push((step, Arc::clone(doomed)));
        }
    }

    /// Notes that an attempt, begun then, failed now.
    pub fn failed(&mut self, begun: Timestamp, now: Timestamp) {
        let took = Duration::try_from(now.duration_since(begun)).unwrap_or_default();
        self.failed = Some((now, PAUSE.max(took.saturating_mul(TIMES))));
    }

    /// Whether the last failure is too recent for another attempt. It is not when the clock was set back.
    pub fn rests(&self, now: Timestamp) -> bool {
        self.failed.is_some_and(|(failed, pause)| {
            let since = Duration::try_from(now.duration_since(failed));
            since.is_ok_and(|since| since < pause)
        })
    }

    /// Keeps the events of the step with this number; beyond `limits::EVENT_QUEUE` events they are lost, and a gap will
    /// say so.
    pub fn keep(&mut self, step: u64, mut events: Vec<Event>, now: Timestamp) {
        let erased = self.erased.iter().filter(|(before, _)| step < *before);
        erased.for_each(|(_, doomed)| events.retain(|event| !doomed.holds(event)));
        if events.is_empty() {
            return;
        }
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

    /// The events of the earliest steps, at most so many steps; and the number of the last of these.
    pub fn first(&self, most: usize) -> Option<(u64, Vec<Event>)> {
        let steps = || self.pieces.iter().take(most);
        let last = steps().next_back()?.0;
        Some((
            *last,
            steps().flat_map(|(_, events)| events.clone()).collect(),
        ))
    }

    /// Forgets the events of the steps up to this one, which need not wait any more.
    pub fn settled(&mut self, step: u64) {
        self.failed = None;
        let later = self.pieces.split_off(&(step + 1));
        let settled = std::mem::replace(&mut self.pieces, later);
        self.events -= settled.values().map(Vec::len).sum::<usize>();
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
    use crate::base::TestId;
    use crate::desk::Whom;

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
        assert_eq!(unsaved.first(2), Some((2, vec![event(1), event(2)])));
        while let Some((step, _)) = unsaved.first(1) {
            assert_eq!(unsaved.gap(), None);
            order.push(step);
            unsaved.settled(step);
        }
        assert_eq!(order, [1, 2]);
        let gap = unsaved.gap().unwrap();
        assert_eq!((gap.from, gap.until), (time(10), time(11)));
        assert!(unsaved.is_empty());
    }

    #[test]
    fn what_is_erased_waits_no_longer_and_does_not_come_back() {
        let time = |second: i64| Timestamp::from_second(second).unwrap();
        let test = |number| TestId::from_bits([number; 10]);
        let event = |number| Event::Reported {
            test: test(number),
            time: time(0),
        };
        let mut unsaved = Unsaved::default();
        unsaved.begun(1);
        unsaved.keep(2, vec![event(7), event(8)], time(9));
        unsaved.keep(3, vec![event(7)], time(9));
        unsaved.begun(4);
        unsaved.erase(5, &Arc::new(Doomed::new(Whom::Test(test(7)))));
        assert_eq!(unsaved.events(), 1);
        // Begun before; and after, when something new may have that name.
        unsaved.begun(6);
        unsaved.keep(1, vec![event(8), event(7)], time(10));
        unsaved.ended(1);
        unsaved.keep(6, vec![event(7)], time(10));
        unsaved.ended(6);
        unsaved.keep(4, vec![event(7)], time(10));
        unsaved.ended(4);
        let mut left = Vec::new();
        while let Some((step, events)) = unsaved.first(1) {
            left.push((step, events));
            unsaved.settled(step);
        }
        let expected = [
            (1, vec![event(8)]),
            (2, vec![event(8)]),
            (6, vec![event(7)]),
        ];
        assert_eq!(left, expected);
        assert_eq!((unsaved.erased.len(), unsaved.events()), (0, 0));
    }

    #[test]
    fn the_longer_a_failure_takes_the_longer_it_is_not_repeated() {
        let time = |milli: i64| Timestamp::from_millisecond(milli).unwrap();
        let mut unsaved = Unsaved::default();
        assert!(!unsaved.rests(time(0)));
        unsaved.failed(time(1000), time(1020));
        for (milli, rests) in [(1020, true), (2019, true), (2020, false), (1019, false)] {
            assert_eq!(unsaved.rests(time(milli)), rests, "{milli}");
        }
        unsaved.failed(time(2000), time(5000));
        assert!(unsaved.rests(time(34_999)) && !unsaved.rests(time(35_000)));
        unsaved.settled(1);
        assert!(!unsaved.rests(time(5000)));
    }
}
