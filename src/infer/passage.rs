//! Whether server 3 was passed over: proven by what was contacted instead of it, never by time.

use super::evidence::Evidence;
use crate::base::{Contact, GapKind, Server, Test, Timestamp, Zone};
use crate::cases::order::IDLE;
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};

/// What attempts must weigh in which 3 led and the next host was contacted first: three times [`CERTAIN`].
const LED: u32 = 3 * CERTAIN;
/// What one of them weighs. A sender that chooses at random does so one time in four; where one of two hosts may have
/// been the next it is every second time, which is half the weight.
const CERTAIN: u32 = 2;
/// Attempts that contacted all but 3.
const ALL_BUT_THREE: usize = 2;
/// Attempts that contacted a host behind 3.
const BEHIND: usize = 24;

/// Whether server 3 was avoided by a sender whose way through the MX list would have led to it.
#[must_use]
pub fn passed_over(test: &Test) -> bool {
    avoids_three(&Evidence::of(test)).is_some()
}

/// The connections that prove it.
pub(super) fn avoids_three<'a>(evidence: &Evidence<'a>) -> Option<Vec<&'a Contact>> {
    // Clear text in the window may have come before the policy was known, and at a shared address it names no host.
    let met = |contact: &&Contact| {
        let connection = &contact.connection;
        let in_window = connection.in_clear() && !connection.starttls_offered;
        connection.server == Some(Server::Three) && !in_window
    };
    if connections_lost(evidence) || evidence.all.iter().any(met) {
        return None;
    }
    let walks = walks(evidence);
    let of = |wanted: fn(&Walk<'_>) -> bool| -> Vec<&Walk<'a>> {
        walks.iter().filter(|walk| wanted(walk)).collect()
    };
    let led = of(|walk| walk.weight() > 0);
    let weight: u32 = led.iter().map(|walk| walk.weight()).sum();
    // One and the same host may lead an older order, which some resolver keeps past its TTL.
    let first: BTreeSet<_> = led.iter().map(|walk| walk.hosts[0]).collect();
    let all_but_three = of(|walk| walk.all_but_three());
    let behind = of(|walk| walk.behind_three());
    let proof = if weight >= LED && first.len() > 1 && walks.iter().all(Walk::obeys) {
        led
    } else if all_but_three.len() >= ALL_BUT_THREE {
        all_but_three
    } else if behind.len() >= BEHIND {
        behind
    } else {
        return None;
    };
    Some(
        proof
            .iter()
            .flat_map(|walk| walk.contacts.clone())
            .collect(),
    )
}

/// Whether SMTP connections may have gone unseen.
pub(super) fn connections_lost(evidence: &Evidence<'_>) -> bool {
    connections_lost_by(evidence, Timestamp::MAX)
}

/// Whether SMTP connections may have gone unseen up to that time.
pub(super) fn connections_lost_by(evidence: &Evidence<'_>, time: Timestamp) -> bool {
    let mut gaps = evidence.test.gaps.iter();
    gaps.any(|gap| gap.what == GapKind::Connections && gap.from <= time)
}

/// The hosts that one attempt contacted, and every order that it may have followed.
struct Walk<'a> {
    /// By start.
    contacts: Vec<&'a Contact>,
    hosts: Vec<Server>,
    orders: Vec<[Server; 4]>,
    /// Those of them that were known by the first contact.
    at_first: Vec<[Server; 4]>,
}

impl Walk<'_> {
    /// Whether the first contact was the first host of an order, 3 left out.
    fn obeys(&self) -> bool {
        let first =
            |order: &[Server; 4]| (order.iter().copied()).find(|server| *server != Server::Three);
        self.at_first
            .iter()
            .any(|order| first(order) == Some(self.hosts[0]))
    }

    /// What it weighs that 3, which led for certain, was not contacted first; in the window nothing, where a shared
    /// address would not show it either.
    fn weight(&self) -> u32 {
        let offered = |contact: &&Contact| contact.connection.starttls_offered;
        if !self.contacts.iter().all(offered) {
            return 0;
        }
        let led = self.at_first.iter().all(|order| order[0] == Server::Three);
        let next: BTreeSet<_> = self.at_first.iter().map(|order| order[1]).collect();
        match next.len() {
            1 if led => CERTAIN,
            2 if led => CERTAIN / 2,
            _ => 0,
        }
    }

    /// Whether all but 3 were contacted, in a row that no order has which ends with 3: some resolver may know it still.
    fn all_but_three(&self) -> bool {
        let mut row: Vec<Server> = Vec::new();
        for host in &self.hosts {
            if !row.contains(host) {
                row.push(*host);
            }
        }
        let ends = |order: &[Server; 4]| order[3] == Server::Three && order[..3] == row[..];
        row.len() == 3
            && !IDLE.iter().any(ends)
            && self.orders.iter().all(|order| order[3] != Server::Three)
    }

    fn behind_three(&self) -> bool {
        self.orders.iter().all(|order| {
            order
                .iter()
                .skip_while(|server| **server != Server::Three)
                .any(|server| self.hosts.contains(server))
        })
    }
}

/// The walks from which something follows. One with a connection that may have been meant for 3, and cannot be told
/// from it, is none: without SNI on a shared address.
fn walks<'a>(evidence: &Evidence<'a>) -> Vec<Walk<'a>> {
    let mut attempts: BTreeMap<u32, Vec<&Contact>> = BTreeMap::new();
    for contact in &evidence.all {
        attempts.entry(contact.attempt).or_default().push(contact);
    }
    attempts
        .values()
        .filter_map(|contacts| walk(evidence, contacts))
        .collect()
}

fn walk<'a>(evidence: &Evidence<'a>, contacts: &[&'a Contact]) -> Option<Walk<'a>> {
    let mut named = Vec::new();
    let mut hosts = Vec::new();
    for contact in contacts {
        match contact.connection.server {
            Some(server @ (Server::Four | Server::Five | Server::Six)) => {
                named.push(*contact);
                hosts.push(server);
            }
            Some(Server::Seven) => {}
            Some(Server::One) if !contact.connection.starttls_offered => {}
            _ if contact.connection.zone == Some(Zone::Ut) => {}
            _ => return None,
        }
    }
    let (first, last) = (
        named.first()?.connection.started,
        named.last()?.connection.started,
    );
    let cached = SignedDuration::from_secs(2 * i64::from(evidence.test.order_ttl));
    let since = first.checked_sub(cached).unwrap_or(Timestamp::MIN);
    let between = |until| {
        let mut orders = evidence.orders_between(since, until)?;
        orders.sort_unstable();
        orders.dedup();
        Some(orders)
    };
    Some(Walk {
        contacts: named,
        hosts,
        orders: between(last)?,
        at_first: between(first)?,
    })
}
