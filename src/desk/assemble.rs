//! A test as a value: its own evidence, and what it shares with its origins.

use super::Desk;
use super::addressing;
use super::attempt;
use super::dossier::Dossier;
use super::settings::{after, before};
use super::sightings::runs_near;
use crate::base::{
    Connection, Contact, Domain, Fetch, Gap, Order, Origin, Query, Seen, Test, Timestamp, Via, Zone,
};
use std::collections::BTreeSet;
use std::net::IpAddr;

impl Desk {
    /// The evidence of one test as of now.
    pub(super) fn assemble(&self, dossier: &Dossier) -> Test {
        let connections = self.contacts(dossier);
        let first = connections
            .first()
            .map_or(dossier.started, |contact| contact.connection.started)
            .min(dossier.started);
        let facts: Vec<_> = dossier.messages().collect();
        let signatures: BTreeSet<_> = (facts.iter())
            .flat_map(|facts| facts.signatures.iter().cloned())
            .collect();
        let (own_queries, own_fetches) = self.sightings(dossier);
        let mut queries = self.alone(dossier, &own_queries, |query| query.time);
        let mut fetches = self.alone(dossier, &own_fetches, |fetch| fetch.time);
        // Those of clients that count for nothing choose nothing, and are shown: they may be of its sender.
        for query in &mut queries {
            query.shared |= !dossier.counts_near(query.what.resolver, None);
        }
        for fetch in &mut fetches {
            fetch.shared |= !dossier.counts_near(fetch.what.client, fetch.what.ptr.as_ref());
        }
        queries.sort_by_key(|query| (query.what.time, query.what.id));
        fetches.sort_by_key(|fetch| (fetch.what.time, fetch.what.id));
        let mut test = Test {
            id: dossier.id.clone(),
            sender: dossier.sender.clone(),
            token: dossier.token.clone(),
            language: dossier.language,
            state: dossier.state,
            started: dossier.started,
            ended: dossier.ended,
            addressed: self.addressed(dossier),
            origins: dossier.origins.iter().cloned().collect(),
            authentication: (facts.last())
                .map(|facts| facts.authentication.clone())
                .unwrap_or_default(),
            message_ids: dossier.message_ids(),
            date: dossier.date(),
            signatures: signatures.into_iter().collect(),
            proven: dossier.proven(),
            robot: facts.iter().find_map(|facts| facts.robot),
            orders: self.orders_during(first, dossier.ended),
            order_ttl: self.settings.order_ttl,
            gaps: self.gaps_during(first, dossier),
            connections,
            queries,
            fetches,
            tls_reports: Vec::new(),
        };
        self.report_to(&mut test);
        test
    }

    /// Its own connections and the shared ones of its origins, numbered by attempt.
    fn contacts(&self, dossier: &Dossier) -> Vec<Contact> {
        let of_the_result =
            |kept: &&Connection| (dossier.reported).is_none_or(|reported| kept.started <= reported);
        let own = (dossier.connections.iter())
            .filter(of_the_result)
            .map(|kept| (kept.clone(), false));
        let shared = self.shared(dossier).map(|kept| (kept.clone(), true));
        let (counting, foreign): (Vec<_>, Vec<_>) = own
            .chain(shared)
            .partition(|(kept, _)| dossier.counts(kept));
        let gap = self.settings.attempt_gap;
        let mut contacts = attempt::number(counting, gap);
        contacts.extend(
            attempt::number(foreign, gap)
                .into_iter()
                .map(|contact| Contact {
                    foreign: true,
                    ..contact
                }),
        );
        contacts.sort_by_key(|contact| (contact.connection.started, contact.connection.id));
        contacts
    }

    /// The connections that ended before MAIL and may be this test's: those of its origins, and those to a host's own
    /// address that came from their networks and never greeted.
    pub(super) fn shared<'a>(
        &'a self,
        dossier: &'a Dossier,
    ) -> impl Iterator<Item = &'a Connection> {
        let oldest = before(dossier.started, self.settings.deadline);
        let greeted = (dossier.origins.iter())
            .filter_map(|origin| self.sources.get(origin))
            .flat_map(|source| source.shared.iter());
        let silent = (dossier.networks.iter())
            .map(|network| Origin::Network(*network, String::new()))
            .filter(|origin| !dossier.origins.contains(origin))
            .filter_map(|origin| self.sources.get(&origin))
            .flat_map(|source| source.shared.iter())
            .filter(|kept| kept.via == Some(Via::Address));
        greeted.chain(silent).filter(move |kept| {
            kept.started >= oldest && dossier.ended.is_none_or(|ended| kept.started <= ended)
        })
    }

    fn addressed(&self, dossier: &Dossier) -> Vec<Zone> {
        let written = dossier
            .connections
            .iter()
            .filter(|kept| dossier.counts(kept))
            .flat_map(|kept| kept.to.iter())
            .filter_map(|address| addressing::zone(address, &self.settings));
        let named = dossier
            .messages()
            .flat_map(|facts| facts.addressed.iter().copied());
        let zones: BTreeSet<_> = written.chain(named).collect();
        zones.into_iter().collect()
    }

    fn orders_during(&self, first: Timestamp, ended: Option<Timestamp>) -> Vec<Order> {
        let start = self.orders.partition_point(|order| order.time <= first);
        (self.orders.iter())
            .skip(start.saturating_sub(1))
            .take_while(|order| ended.is_none_or(|ended| order.time <= ended))
            .cloned()
            .collect()
    }

    /// The gaps that may hide evidence of a test: those of its networks, and those of anybody.
    fn gaps_during(&self, first: Timestamp, dossier: &Dossier) -> Vec<Gap> {
        (self.gaps.iter())
            .filter(|gap| gap.until >= first && dossier.ended.is_none_or(|ended| gap.from <= ended))
            .filter(|gap| {
                gap.network
                    .is_none_or(|network| dossier.networks.contains(&network))
            })
            .cloned()
            .collect()
    }

    /// What was seen, without what its time ties to another test just as well.
    fn alone<T: Clone>(
        &self,
        dossier: &Dossier,
        seen: &[Seen<T>],
        time: impl Fn(&T) -> Timestamp,
    ) -> Vec<Seen<T>> {
        let others: Vec<_> = match seen.iter().any(|seen| seen.shared) {
            true => (self.tests.values())
                .filter(|other| other.id != dossier.id)
                .collect(),
            false => Vec::new(),
        };
        seen.iter()
            .filter(|seen| {
                let time = time(&seen.what);
                dossier
                    .ended
                    .is_none_or(|ended| time <= after(ended, self.settings.settle))
                    && !(seen.shared && others.iter().any(|other| runs_near(other, time)))
            })
            .cloned()
            .collect()
    }

    /// The queries and fetches of a test; those that another sender in the same network may have made are shared.
    fn sightings(&self, dossier: &Dossier) -> (Vec<Seen<Query>>, Vec<Seen<Fetch>>) {
        let mut neighbours = None;
        let mut shared = |client: IpAddr, ptr: Option<&Domain>, time: Timestamp| {
            !dossier.is_at(client, ptr)
                && (neighbours
                    .get_or_insert_with(|| self.neighbours(dossier))
                    .iter())
                .any(|other| other.is_near(client, ptr) && runs_near(other, time))
        };
        let queries = (dossier.queries.iter()).map(|seen| Seen {
            shared: seen.shared || shared(seen.what.resolver, None, seen.what.time),
            ..seen.clone()
        });
        let queries = queries.collect();
        let fetches = (dossier.fetches.iter()).map(|seen| Seen {
            shared: seen.shared || shared(seen.what.client, seen.what.ptr.as_ref(), seen.what.time),
            ..seen.clone()
        });
        (queries, fetches.collect())
    }

    /// The tests of other senders that came from a network of this one's.
    fn neighbours(&self, dossier: &Dossier) -> Vec<&Dossier> {
        (self.tests.values())
            .filter(|other| {
                other.origins.is_disjoint(&dossier.origins)
                    && !other.networks.is_disjoint(&dossier.networks)
            })
            .collect()
    }
}
