//! What of a test counts as evidence, each piece once and in the order of time, however it was handed in.
//!
//! Nothing is judged here.

use crate::base::{Contact, Order, Query, Seen, Server, Test, Timestamp};
use jiff::SignedDuration;
use std::collections::BTreeMap;

/// How much older than a message's Date shared evidence may be: clocks differ.
const DATE_TOLERANCE: SignedDuration = SignedDuration::from_secs(60);

/// The evidence of one test.
pub(super) struct Evidence<'a> {
    /// The test itself.
    pub test: &'a Test,
    /// Every connection, older ones of its origins included, by start.
    pub all: Vec<&'a Contact>,
    /// Those that count, by start.
    pub counting: Vec<&'a Contact>,
    /// The MX orders, by time.
    pub orders: Vec<&'a Order>,
}

impl<'a> Evidence<'a> {
    pub(super) fn of(test: &'a Test) -> Self {
        let all = connections(&test.connections);
        let oldest = test.date.map_or(test.started, |date| {
            date.checked_sub(DATE_TOLERANCE).unwrap_or(date)
        });
        let counting = all
            .iter()
            .copied()
            .filter(|contact| {
                let fresh = !contact.shared || contact.connection.started >= oldest;
                fresh && contact.connection.server.is_some()
            })
            .collect();
        let mut orders: Vec<_> = test.orders.iter().collect();
        orders.sort_by_key(|order| (order.time, order.serial));
        orders.dedup();
        Self {
            test,
            all,
            counting,
            orders,
        }
    }

    /// The MX orders that a resolver may have known between two moments; `None` when the first of them is not on record.
    pub(super) fn orders_between(
        &self,
        from: Timestamp,
        until: Timestamp,
    ) -> Option<Vec<[Server; 4]>> {
        let first = self.orders.iter().rposition(|order| order.time <= from)?;
        Some(
            self.orders[first..]
                .iter()
                .take_while(|order| order.time <= from || order.time <= until)
                .map(|order| order.order)
                .collect(),
        )
    }

    /// Fetches of the policy and look-ups of its record by the sender itself: ids, sorted.
    pub(super) fn policy_log(&self) -> Vec<String> {
        [self.fetches(), self.queries(about_policy)].concat()
    }

    /// Fetches of the policy by the sender itself.
    pub(super) fn fetches(&self) -> Vec<String> {
        let mut ids: Vec<_> = (self.test.fetches.iter())
            .filter(|fetch| !fetch.shared)
            .map(|fetch| fetch.what.id)
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ids.iter().map(ToString::to_string).collect()
    }

    /// Look-ups of TLSA records by the sender itself.
    pub(super) fn tlsa_log(&self) -> Vec<String> {
        self.queries(about_tlsa)
    }

    fn queries(&self, wanted: impl Fn(&Query) -> bool) -> Vec<String> {
        let mut ids: Vec<_> = (self.test.queries.iter())
            .filter(|Seen { shared, what }| !shared && wanted(what))
            .map(|query| query.what.id)
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ids.iter().map(ToString::to_string).collect()
    }
}

/// Whether it asks for the record that says that there is a policy (RFC 8461 3.1).
pub(super) fn about_policy(query: &Query) -> bool {
    query.rrtype.eq_ignore_ascii_case("TXT") && query.name.as_str().starts_with("_mta-sts.")
}

/// Whether it asks for TLSA records.
pub(super) fn about_tlsa(query: &Query) -> bool {
    query.rrtype.eq_ignore_ascii_case("TLSA")
}

/// Each connection that may count once, by start. Of several records with one id, the one that knows most.
fn connections(contacts: &[Contact]) -> Vec<&Contact> {
    let knowledge = |contact: &Contact| {
        let connection = &contact.connection;
        (
            connection.ended.is_some(),
            connection.status,
            connection.close.is_some(),
            !contact.shared,
            contact.attempt,
        )
    };
    let mut by_id: BTreeMap<_, &Contact> = BTreeMap::new();
    for contact in contacts.iter().filter(|contact| !contact.foreign) {
        by_id
            .entry(contact.connection.id)
            .and_modify(|known| {
                if knowledge(contact) > knowledge(known) {
                    *known = contact;
                }
            })
            .or_insert(contact);
    }
    in_order(by_id.into_values().collect())
}

/// Each connection once, by start.
pub(super) fn in_order(mut contacts: Vec<&Contact>) -> Vec<&Contact> {
    contacts.sort_by_key(|contact| (contact.connection.started, contact.connection.id));
    contacts.dedup_by_key(|contact| contact.connection.id);
    contacts
}

/// The ids of these connections.
pub(super) fn ids(contacts: &[&Contact]) -> Vec<String> {
    contacts
        .iter()
        .map(|contact| contact.connection.id.to_string())
        .collect()
}
