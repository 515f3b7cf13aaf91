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
    avoids_three(&Evidence::of(test))
}

pub(super) fn avoids_three(evidence: &Evidence<'_>) -> bool {
    let met = |contact: &&Contact| contact.connection.server == Some(Server::Three);
    if connections_lost(evidence) || evidence.all.iter().any(met) {
        return false;
    }
    let walks = walks(evidence);
    let count = |wanted: fn(&Walk) -> bool| walks.iter().filter(|walk| wanted(walk)).count();
    let led = count(|walk| walk.led_by_three().is_some());
    let obeyed = count(|walk| walk.led_by_three() == Some(true));
    (obeyed >= LED && obeyed == led)
        || count(Walk::all_but_three) >= ALL_BUT_THREE
        || count(Walk::behind_three) >= BEHIND
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
struct Walk {
    hosts: Vec<Server>,
    orders: Vec<[Server; 4]>,
}

impl Walk {
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
fn walks(evidence: &Evidence<'_>) -> Vec<Walk> {
    let mut attempts: BTreeMap<u32, Vec<&Contact>> = BTreeMap::new();
    for contact in &evidence.all {
        attempts.entry(contact.attempt).or_default().push(contact);
    }
    attempts
        .values()
        .filter_map(|contacts| walk(evidence, contacts))
        .collect()
}

fn walk(evidence: &Evidence<'_>, contacts: &[&Contact]) -> Option<Walk> {
    let mut named = Vec::new();
    for contact in contacts {
        match contact.connection.server {
            Some(server @ (Server::Four | Server::Five | Server::Six)) => {
                named.push((server, contact.connection.started));
            }
            Some(Server::Seven) => {}
            Some(Server::One) if !contact.connection.starttls_offered => {}
            _ if contact.connection.zone == Some(Zone::Ut) => {}
            _ => return None,
        }
    }
    let first = named.iter().map(|(_, started)| *started).min()?;
    let last = named.iter().map(|(_, started)| *started).max()?;
    let cached = SignedDuration::from_secs(2 * i64::from(evidence.test.order_ttl));
    let since = first.checked_sub(cached).unwrap_or(Timestamp::MIN);
    let mut orders = evidence.orders_between(since, last)?;
    orders.sort_unstable();
    orders.dedup();
    Some(Walk {
        hosts: named.into_iter().map(|(server, _)| server).collect(),
        orders,
    })
}
