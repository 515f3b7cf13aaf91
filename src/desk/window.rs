//! The time in which STARTTLS is withheld from an origin.

use super::need::Need;
use super::settings::{Settings, after};
use crate::base::Timestamp;

/// The windows of one origin.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    /// When the latest one began.
    from: Option<Timestamp>,
    /// When the latest additional one began, which an open test asked for.
    extra: Option<Timestamp>,
    /// Until when a test that came of it keeps it done.
    until: Option<Timestamp>,
}

impl Window {
    /// When the latest one began.
    pub(super) const fn begun(&self) -> Option<Timestamp> {
        self.from
    }

    /// Whether STARTTLS is offered to a client that greets now; begins a window when one is due.
    pub(super) fn greet(&mut self, now: Timestamp, need: Need, settings: &Settings) -> bool {
        let Some(from) = self.from else {
            self.from = Some(now);
            return false;
        };
        if now < after(from, settings.plaintext_window) {
            return false;
        }
        if !self.done(now, need.open, settings) {
            self.from = Some(now);
            self.until = None;
            return false;
        }
        let rested = |extra| now >= after(extra, settings.quiet);
        if need.evidence && self.extra.is_none_or(rested) {
            self.from = Some(now);
            self.extra = Some(now);
            return false;
        }
        true
    }

    /// Takes in that one began, as [`Window::greet`] had it.
    pub(super) fn begin(&mut self, time: Timestamp, open: bool, settings: &Settings) {
        if self.from.is_some_and(|from| from < time) {
            match self.done(time, open, settings) {
                true => self.extra = Some(time),
                false => self.until = None,
            }
        }
        self.from = self.from.max(Some(time));
    }

    /// Counts as done where none has begun.
    pub(super) fn skip(&mut self, now: Timestamp, settings: &Settings) {
        let done = super::settings::before(now, settings.plaintext_window);
        self.from = self.from.or(Some(done));
    }

    /// A test of the origin ended: the window stays done until `quiet` is over.
    pub(super) fn tested(&mut self, ended: Timestamp, settings: &Settings) {
        self.until = self.until.max(Some(after(ended, settings.quiet)));
    }

    /// Whether anything of it still matters.
    pub(super) fn matters(&self, now: Timestamp, settings: &Settings) -> bool {
        let rests = |extra| now < after(extra, settings.quiet);
        self.extra.is_some_and(rests) || self.done(now, false, settings)
    }

    fn done(&self, now: Timestamp, open: bool, settings: &Settings) -> bool {
        open || match (self.until, self.from) {
            (Some(until), _) => now < until,
            (None, Some(from)) => now < after(from, settings.deadline),
            (None, None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scenario::settings;
    use super::*;

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + minute * 60).unwrap()
    }

    const NONE: Need = Need {
        open: false,
        evidence: false,
    };
    const OPEN: Need = Need {
        open: true,
        evidence: false,
    };
    const LACKING: Need = Need {
        open: true,
        evidence: true,
    };
    /// A minute, what the tests need, and whether STARTTLS is offered.
    type Row = (i64, Need, bool);

    /// When a test ended, if one did, and greetings.
    const ROWS: [(&str, Option<i64>, &[Row]); 5] = [
        (
            "no test came: done for the deadline, from the first connection on",
            None,
            &[
                (0, NONE, false),
                (2, NONE, false),
                (3, NONE, true),
                (1199, NONE, true),
                (1200, NONE, false),
                (1202, NONE, false),
                (1203, NONE, true),
            ],
        ),
        (
            "a test ended: done for an hour more",
            Some(20),
            &[(0, NONE, false), (79, NONE, true), (80, NONE, false)],
        ),
        (
            "a test is open: done however long it takes",
            None,
            &[(0, NONE, false), (1300, OPEN, true)],
        ),
        (
            "a test without clear text of its own asks once an hour",
            None,
            &[
                (0, NONE, false),
                (5, LACKING, false),
                (7, LACKING, false),
                (8, LACKING, true),
                (64, LACKING, true),
                (65, LACKING, false),
            ],
        ),
        (
            "a new window ends what a test left",
            Some(20),
            &[(0, NONE, false), (100, NONE, false), (103, NONE, true)],
        ),
    ];

    #[test]
    fn starttls_is_withheld_for_three_minutes_and_then_offered() {
        for (name, ended, greetings) in ROWS {
            let settings = settings();
            let mut window = Window::default();
            let mut restarted = Window::default();
            for (time, need, offered) in greetings {
                let now = minute(*time);
                assert_eq!(
                    window.greet(now, *need, &settings),
                    *offered,
                    "{name}: {time}"
                );
                let foreseen = restarted.clone().greet(now, *need, &settings);
                assert_eq!(foreseen, *offered, "{name}, restarted: {time}");
                if window.begun() == Some(now) {
                    restarted.begin(now, need.open, &settings);
                }
                if let Some(ended) = ended.filter(|_| *time == 0) {
                    window.tested(minute(ended), &settings);
                    restarted.tested(minute(ended), &settings);
                }
            }
        }
    }
}
