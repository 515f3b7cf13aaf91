//! Whether server 3 was passed over: proven by what was contacted instead of it, never by time.

use super::evidence::Evidence;
use crate::base::{Contact, GapKind, Server, Test, Timestamp, Zone};
use jiff::SignedDuration;
use std::collections::BTreeMap;

/// Attempts in which 3 led and the next host was contacted first.
const LED: usize = 3;
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
    let met = |contact: &&Contact| contact.connection.server == Some(Server::Three);
    if connections_lost(evidence) || evidence.all.iter().any(met) {
        return None;
    }
    let walks = walks(evidence);
    let of = |wanted: fn(&Walk<'_>) -> bool| -> Vec<&Walk<'a>> {
        walks.iter().filter(|walk| wanted(walk)).collect()
    };
    let led = of(|walk| walk.led_by_three().is_some());
    let obeyed = of(|walk| walk.led_by_three() == Some(true));
    let all_but_three = of(|walk| walk.all_but_three());
    let behind = of(|walk| walk.behind_three());
    let proof = if obeyed.len() >= LED && obeyed.len() == led.len() {
        obeyed
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
    evidence
        .test
        .gaps
        .iter()
        .any(|gap| gap.what == GapKind::Connections)
}

/// The hosts that one attempt contacted, and every order that it may have followed.
struct Walk<'a> {
    /// By start.
    contacts: Vec<&'a Contact>,
    hosts: Vec<Server>,
    orders: Vec<[Server; 4]>,
}

impl Walk<'_> {
    /// Whether the next host was contacted first, where 3 led for certain.
    fn led_by_three(&self) -> Option<bool> {
        match self.orders[..] {
            [[Server::Three, next, ..]] => Some(self.hosts[0] == next),
            _ => None,
        }
    }

    fn all_but_three(&self) -> bool {
        [Server::Four, Server::Five, Server::Six]
            .iter()
            .all(|server| self.hosts.contains(server))
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
    let mut orders = evidence.orders_between(since, last)?;
    orders.sort_unstable();
    orders.dedup();
    Some(Walk {
        contacts: named,
        hosts,
        orders,
    })
}
