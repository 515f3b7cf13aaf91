//! Who gives way when there is no room: first the same network, then whoever was silent longest; never a sender who is
//! proven. What is given up as evidence is a gap.

use super::settings::after;
use super::source::Source;
use super::{Desk, FORGETTING};
use crate::base::origin::network;
use crate::base::{Connection, Domain, Event, Gap, GapKind, Origin, TestId, Timestamp, limits};
use std::net::IpAddr;

/// Networks under one name from which on it counts as one service.
const ROAMING: usize = 2;

impl Desk {
    /// What is kept of an origin; a new one finds room.
    pub(super) fn source(&mut self, origin: &Origin, now: Timestamp) -> &mut Source {
        if !self.sources.contains_key(origin) {
            self.make_room(origin, now);
            if let Some((network, name)) = unconfirmed(origin) {
                let networks = self.unconfirmed.entry(name.to_owned()).or_default();
                networks.insert(network);
            }
        }
        self.sources.entry(origin.clone()).or_default()
    }

    /// Forgets an origin; what it kept for tests to come is a gap.
    pub(super) fn drop_source(&mut self, origin: &Origin) {
        let Some(source) = self.sources.remove(origin) else {
            return;
        };
        self.kept -= source.shared.len().min(self.kept);
        for connection in &source.shared {
            self.miss(connection);
        }
        if let Some((network, name)) = unconfirmed(origin)
            && let Some(networks) = self.unconfirmed.get_mut(name)
        {
            networks.remove(&network);
            if networks.is_empty() {
                self.unconfirmed.remove(name);
            }
        }
    }

    /// Notes that a connection is not kept.
    pub(super) fn miss(&mut self, connection: &Connection) {
        self.lost(&Gap {
            from: connection.started,
            until: connection.ended.unwrap_or(connection.started),
            what: GapKind::Connections,
            network: Some(network(connection.client)),
        });
    }

    /// Whether a new origin is one more network of a service that comes from ever new ones and whose names nobody
    /// confirms: it would meet nothing but windows.
    pub(super) fn roams(&self, origin: &Origin) -> bool {
        let networks = unconfirmed(origin).and_then(|(_, name)| self.unconfirmed.get(name));
        !self.sources.contains_key(origin)
            && networks.is_some_and(|networks| networks.len() >= ROAMING)
    }

    /// Before another origin is taken in: one of a network that has many goes for it. When there are too many in all, or
    /// they keep too many connections, a quarter of those without tests goes; all are gone through at most once a minute
    /// for that, unless there are twice too many already.
    fn make_room(&mut self, origin: &Origin, now: Timestamp) {
        if let Origin::Network(network, _) = origin {
            self.make_room_within(*network);
        }
        let room = self.sources.len() < limits::ORIGINS && self.kept < limits::SHARED_CONNECTIONS;
        let rush = self.sources.len() >= 2 * limits::ORIGINS;
        if room || (!rush && now < after(self.forgotten, FORGETTING)) {
            return;
        }
        self.forget(now);
        let mut silent: Vec<_> = (self.sources.iter())
            .filter(|(_, source)| source.tests.is_empty())
            .map(|(origin, source)| (source.last, origin.clone()))
            .collect();
        silent.sort();
        for (_, origin) in silent.iter().take(silent.len().div_ceil(4)) {
            self.drop_source(origin);
        }
    }

    fn make_room_within(&mut self, network: IpAddr) {
        let first = Origin::Network(network, String::new());
        let of_network =
            |origin: &Origin| matches!(origin, Origin::Network(other, _) if *other == network);
        let all = || (self.sources.range(&first..)).take_while(|(origin, _)| of_network(origin));
        if all().count() < limits::ORIGINS_PER_NETWORK {
            return;
        }
        let silent = all()
            .filter(|(_, source)| source.tests.is_empty())
            .min_by_key(|(_, source)| source.last);
        if let Some(origin) = silent.map(|(origin, _)| origin.clone()) {
            self.drop_source(&origin);
        }
    }

    /// Whether another test may begin, by a client of this network. When there is no room, the test that was silent
    /// longest, of a sender who was never proven, ends for it.
    pub(super) fn give_room(
        &mut self,
        connection: &Connection,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) -> bool {
        let near = (self.near.get(&network(connection.client)))
            .filter(|open| open.len() >= limits::OPEN_TESTS_PER_NETWORK);
        if near.is_none() && self.open.len() < limits::OPEN_TESTS {
            return true;
        }
        let Some(test) = self.silent_longest(near.unwrap_or(&self.open).iter()) else {
            return false;
        };
        let time = now;
        let expired = Event::Expired {
            test: test.clone(),
            time,
        };
        self.commit(expired, events);
        // There is nobody to tell.
        self.commit(Event::Reported { test, time }, events);
        true
    }

    fn silent_longest<'a>(&self, tests: impl Iterator<Item = &'a TestId>) -> Option<TestId> {
        tests
            .filter_map(|id| self.tests.get(id))
            .filter(|dossier| !dossier.proven())
            .min_by_key(|dossier| (dossier.last(), dossier.id.clone()))
            .map(|dossier| dossier.id.clone())
    }
}

/// The network and the full name of an origin whose name is not confirmed.
fn unconfirmed(origin: &Origin) -> Option<(IpAddr, &str)> {
    match origin {
        Origin::Network(network, name) if name.contains('.') && Domain::parse(name).is_ok() => {
            Some((*network, name))
        }
        _ => None,
    }
}
