//! Which tests a DNS query or a policy fetch belongs to, those that came before the test included.

use super::dossier::Dossier;
use super::settings::{Settings, after, before};
use crate::base::{Fetch, Query, Seen, Timestamp, limits};
use std::collections::VecDeque;
use std::time::Duration;

/// How far from another test a sighting must be to be tied to one by its time alone.
pub(super) const ALONE: Duration = Duration::from_secs(600);

/// The latest queries and fetches, whichever test they belong to.
#[derive(Clone, Debug)]
pub(super) struct Sightings {
    queries: VecDeque<Query>,
    fetches: VecDeque<Fetch>,
}

impl Sightings {
    pub(super) const fn new() -> Self {
        Self {
            queries: VecDeque::new(),
            fetches: VecDeque::new(),
        }
    }

    pub(super) fn query(&mut self, query: Query) {
        let oldest = before(query.time, ALONE);
        self.queries.push_back(query);
        while self.queries.len() > limits::SIGHTINGS
            || self
                .queries
                .front()
                .is_some_and(|first| first.time < oldest)
        {
            self.queries.pop_front();
        }
    }

    pub(super) fn fetch(&mut self, fetch: Fetch, settings: &Settings) {
        let oldest = before(fetch.time, settings.deadline);
        self.fetches.push_back(fetch);
        while self.fetches.len() > limits::SIGHTINGS
            || self
                .fetches
                .front()
                .is_some_and(|first| first.time < oldest)
        {
            self.fetches.pop_front();
        }
    }

    /// Gives a test what came shortly before its sender was known to be near; a policy is fetched long before it is used.
    pub(super) fn hand_to(&self, test: &mut Dossier, now: Timestamp, alone: bool) {
        let recent = before(now, ALONE);
        for query in self.queries.iter().filter(|query| query.time >= recent) {
            let near = test.is_near(query.resolver, None);
            if near || alone {
                test.note_query(seen(query, near));
            }
        }
        for fetch in &self.fetches {
            let near = test.is_near(fetch.client, fetch.ptr.as_ref());
            if near || (alone && fetch.time >= recent) {
                test.note_fetch(seen(fetch, near));
            }
        }
    }
}

/// A sighting for a test, shared unless it is known to be near.
pub(super) fn seen<T: Clone>(what: &T, near: bool) -> Seen<T> {
    Seen {
        shared: !near,
        what: what.clone(),
    }
}

/// Whether a test was running within [`ALONE`] of this time.
pub(super) fn runs_near(test: &Dossier, time: Timestamp) -> bool {
    after(time, ALONE) >= test.started && test.ended.is_none_or(|ended| after(ended, ALONE) >= time)
}
