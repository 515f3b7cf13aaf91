//! Folding committed events into the state. Never fails: an event that fits nothing changes nothing.

use super::addressing::Envelope;
use super::dossier::Dossier;
use super::settings::{after, before};
use super::sightings::{ALONE, runs_near, seen};
use super::{Desk, FORGETTING, is_shared};
use crate::base::origin::network;
use crate::base::{
    Connection, Domain, Event, Fetch, Gap, GapKind, Origin, Query, TestId, TestState, Timestamp,
    limits,
};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Losses of the same kind that follow so closely are one.
const ONE_GAP: Duration = Duration::from_secs(60);

impl Desk {
    /// Takes in an event that was, or is about to be, committed; also to replay the journal, in its order.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Connection(connection) => self.connection(connection),
            Event::Query(query) => self.query(query),
            Event::Fetch(fetch) => self.fetch(fetch),
            Event::Order(order) => {
                self.orders.push_back(order.clone());
                if self.orders.len() > limits::ORDERS {
                    self.orders.pop_front();
                }
                // Orders mark the time, also when weeks are replayed.
                if order.time >= after(self.forgotten, FORGETTING) {
                    self.forget(order.time);
                }
            }
            Event::Gap(gap) => self.lost(gap),
            Event::TlsReport(report) => {
                self.wishes.clear();
                self.reports.keep(report);
            }
            Event::Window { origin, time } => self.window(origin, *time),
            Event::Opened { test, time, by } => self.opening = Some((test.clone(), *time, *by)),
            Event::Acknowledged { test, time } => self.ended(test, TestState::Acked, *time),
            Event::Expired { test, time } => self.ended(test, TestState::Expired, *time),
            Event::Reported { test, time } => self.ended(test, TestState::Reported, *time),
        }
    }

    /// A gap that goes on is one gap; so a long one does not drive out others.
    pub(super) fn lost(&mut self, gap: &Gap) {
        self.wishes.clear();
        let goes_on = |known: &&mut Gap| {
            (known.what, known.network) == (gap.what, gap.network)
                && gap.from <= after(known.until, ONE_GAP)
                && gap.until >= known.from
        };
        match self.gaps.iter_mut().rev().find(goes_on) {
            Some(known) => {
                known.from = known.from.min(gap.from);
                known.until = known.until.max(gap.until);
            }
            None => self.gaps.push_back(gap.clone()),
        }
        if self.gaps.len() > limits::GAPS {
            // Two that are forgotten apart are kept as one of anybody's, which is more than was lost, not less.
            let first = self.gaps.pop_front();
            if let (Some(first), Some(second)) = (first, self.gaps.front_mut()) {
                second.from = second.from.min(first.from);
                second.until = second.until.max(first.until);
                if first.what == GapKind::Connections {
                    second.what = first.what;
                }
                second.network = None;
            }
        }
    }

    fn window(&mut self, origin: &Origin, time: Timestamp) {
        let open = self.is_tested(origin);
        let settings = Arc::clone(&self.settings);
        let source = self.source(origin, time);
        source.last = source.last.max(Some(time));
        source.window.begin(time, open, &settings);
    }

    fn connection(&mut self, connection: &Connection) {
        let origin = connection.origin();
        let opening = self.opening.take_if(|(.., by)| *by == connection.id);
        let is_tested = self.is_tested(&origin);
        let settings = Arc::clone(&self.settings);
        let is_full = self.kept >= limits::SHARED_CONNECTIONS;
        let source = self.source(&origin, connection.started);
        source.met(connection, is_tested, &settings);
        if is_shared(connection) {
            if is_full && source.tests.is_empty() {
                self.miss(connection);
                return;
            }
            let before = source.shared.len();
            let gone = source.keep(connection.clone());
            let (grown, tests) = (source.shared.len() - before, source.tests.clone());
            self.kept += grown;
            let near = self
                .near
                .get(&network(connection.client))
                .into_iter()
                .flatten();
            for id in tests.iter().chain(near) {
                self.wishes.remove(id);
            }
            gone.iter().for_each(|gone| self.miss(gone));
            for id in tests {
                self.come_near(&id, network(connection.client), connection.started);
            }
            return;
        }
        let most = match self.owners.len() < limits::OWN_CONNECTIONS {
            true => limits::TEST_CONNECTIONS,
            false => limits::TEST_CONNECTIONS_WHEN_FULL,
        };
        let Some(envelope) = Envelope::of(connection, &self.settings) else {
            // A later record of a connection that a test has already, or one that came no further than its sender.
            if let Some(id) = self.owner_without_recipient(connection)
                && let Some(dossier) = self.tests.get_mut(&id)
                && dossier.keep(connection.clone(), most)
            {
                self.wishes.remove(&id);
                self.owners.insert(connection.id, id);
            }
            return;
        };
        let key = envelope.key.clone();
        let id = match (self.owner(connection, &key), opening) {
            (Some(id), _) => id,
            (None, Some((id, ..))) => {
                let dossier = Dossier::new(id.clone(), connection.started, envelope);
                self.tests.insert(id.clone(), dossier);
                self.open.insert(id.clone());
                // What time alone ties to a test may now be of this one.
                self.wishes.clear();
                id
            }
            (None, None) => return,
        };
        self.keys.insert(key.clone(), id.clone());
        self.wishes.remove(&id);
        if let Some(dossier) = self.tests.get_mut(&id) {
            dossier.keys.insert(key);
            if dossier.keep(connection.clone(), most) {
                self.owners.insert(connection.id, id.clone());
            }
        }
        self.settle_in(&id, &origin, connection);
        self.join_equal(&id, &origin, connection);
    }

    /// Ties a test to an origin: its other networks count as near, and what was seen of it lately is handed over.
    fn settle_in(&mut self, id: &TestId, origin: &Origin, connection: &Connection) {
        let source = self.source(origin, connection.started);
        let mut networks = BTreeSet::from([network(connection.client)]);
        if source.tests.insert(id.clone()) {
            networks.extend(source.networks());
            if let Some(dossier) = self.tests.get_mut(id) {
                dossier.origins.insert(origin.clone());
                // The origin's own name may be what ties a fetch to the test.
                self.sightings.hand_to(dossier, connection.started, false);
            }
        }
        for network in networks {
            self.come_near(id, network, connection.started);
        }
    }

    /// Counts a network as the test's, with what was lately seen from it.
    fn come_near(&mut self, id: &TestId, network: IpAddr, now: Timestamp) {
        if !self.open.contains(id) {
            return;
        }
        let first = self.near.entry(network).or_default().insert(id.clone());
        let alone = self.is_alone(id, now);
        if first {
            // Others may have this network, too.
            self.wishes.clear();
        }
        if let Some(dossier) = self.tests.get_mut(id).filter(|_| first) {
            dossier.networks.insert(network);
            self.sightings.hand_to(dossier, now, alone);
        }
    }

    /// Whether no other test ran lately.
    fn is_alone(&self, id: &TestId, now: Timestamp) -> bool {
        let lately = |other: &Dossier| &other.id != id && runs_near(other, now);
        self.open.len() <= 1 && !self.tests.values().any(lately)
    }

    /// Joins two tests that turn out to be copies of one message, sent under several envelope senders, or come again
    /// after its test ended: equal Message-IDs within an origin.
    fn join_equal(&mut self, id: &TestId, origin: &Origin, connection: &Connection) {
        let Some(message) = connection
            .message
            .as_ref()
            .and_then(|facts| facts.message_id.as_ref())
        else {
            return;
        };
        let Some((token, tests)) = self.tests.get(id).and_then(|dossier| {
            let source = self.sources.get(origin)?;
            Some((dossier.token.clone(), source.tests.clone()))
        }) else {
            return;
        };
        let same = |other: &&Dossier| {
            let recent = other
                .ended
                .is_none_or(|ended| connection.started < after(ended, self.settings.deadline));
            let tokens = token.is_none() || other.token.is_none() || token == other.token;
            &other.id != id && recent && tokens && other.message_ids().contains(message)
        };
        let Some(other) = (tests.iter())
            .filter_map(|other| self.tests.get(other))
            .find(same)
            .map(|other| other.id.clone())
        else {
            return;
        };
        let age = |id: &TestId| {
            let dossier = self.tests.get(id);
            dossier.map(|dossier| (dossier.is_open(), dossier.started, dossier.id.clone()))
        };
        let (stays, goes) = match age(&other) <= age(id) {
            true => (other, id.clone()),
            false => (id.clone(), other),
        };
        self.join(&stays, &goes);
    }

    fn join(&mut self, stays: &TestId, goes: &TestId) {
        let Some(gone) = self.tests.remove(goes) else {
            return;
        };
        self.open.remove(goes);
        self.wishes.clear();
        let takes_over = |owner: &mut TestId| {
            if owner == goes {
                *owner = stays.clone();
            }
        };
        self.joined.values_mut().for_each(takes_over);
        self.joined.insert(goes.clone(), stays.clone());
        self.keys.values_mut().for_each(takes_over);
        for connection in &gone.connections {
            self.owners.insert(connection.id, stays.clone());
        }
        for origin in &gone.origins {
            if let Some(source) = self.sources.get_mut(origin) {
                source.tests.remove(goes);
                source.tests.insert(stays.clone());
            }
        }
        for tests in self.near.values_mut() {
            if tests.remove(goes) {
                tests.insert(stays.clone());
            }
        }
        if let Some(dossier) = self.tests.get_mut(stays) {
            dossier.join(gone);
        }
        if !self.open.contains(stays) {
            self.leave_networks(stays);
        }
    }

    fn query(&mut self, query: &Query) {
        self.sightings.query(query.clone());
        for (id, near) in self.sighted_by(query.time, query.resolver, None) {
            self.wishes.remove(&id);
            if let Some(dossier) = self.tests.get_mut(&id) {
                dossier.note_query(seen(query, near));
            }
        }
    }

    fn fetch(&mut self, fetch: &Fetch) {
        self.sightings.fetch(fetch.clone(), &self.settings);
        for (id, near) in self.sighted_by(fetch.time, fetch.client, fetch.ptr.as_ref()) {
            self.wishes.remove(&id);
            if let Some(dossier) = self.tests.get_mut(&id) {
                dossier.note_fetch(seen(fetch, near));
            }
        }
    }

    /// The open tests that this client is near to; else the only test there is, to which its time alone ties it.
    fn sighted_by(
        &self,
        time: Timestamp,
        client: IpAddr,
        ptr: Option<&Domain>,
    ) -> Vec<(TestId, bool)> {
        let mut near = self.near.get(&network(client)).cloned().unwrap_or_default();
        let named = ptr.map(|name| Origin::Domain(name.registrable()));
        if let Some(source) = named.and_then(|origin| self.sources.get(&origin)) {
            near.extend(source.tests.intersection(&self.open).cloned());
        }
        if !near.is_empty() {
            return near.into_iter().map(|id| (id, true)).collect();
        }
        match self.open.first() {
            Some(only) if self.is_alone(only, time) => vec![(only.clone(), false)],
            _ => Vec::new(),
        }
    }

    fn ended(&mut self, id: &TestId, state: TestState, time: Timestamp) {
        let id = self.joined.get(id).unwrap_or(id).clone();
        let Some(dossier) = self.tests.get_mut(&id) else {
            return;
        };
        dossier.state = state;
        if state == TestState::Reported {
            dossier.reported = dossier.reported.or(Some(time));
        }
        if dossier.ended.is_some() {
            return;
        }
        dossier.ended = Some(time);
        let origins = dossier.origins.clone();
        self.open.remove(&id);
        self.wishes.clear();
        self.leave_networks(&id);
        for origin in origins {
            let open = self.is_tested(&origin);
            if let Some(source) = self.sources.get_mut(&origin) {
                source.tested(time, open, &self.settings);
            }
        }
    }

    pub(super) fn leave_networks(&mut self, id: &TestId) {
        let networks = self.tests.get(id).map(|dossier| dossier.networks.clone());
        for network in networks.into_iter().flatten() {
            if let Some(tests) = self.near.get_mut(&network) {
                tests.remove(id);
                if tests.is_empty() {
                    self.near.remove(&network);
                }
            }
        }
    }

    /// The earliest evidence that a test kept now may want.
    pub fn horizon(&self, now: Timestamp) -> Timestamp {
        let first = (self.tests.values().map(|dossier| dossier.started)).fold(now, Timestamp::min);
        before(before(first, self.settings.deadline), ALONE)
    }
}
