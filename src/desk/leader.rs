//! Which MX host of `et` leads.

use super::Desk;
use super::dossier::Dossier;
use super::settings::after;
use crate::base::{Contact, Order, Server, Test, TestId, Timestamp};
use crate::cases::order::{IDLE, LEADERS, led_by};
use crate::infer::waiting_for;
use std::time::Duration;

/// How many open tests are asked, oldest first, before the order counts as idle.
const ASKED: usize = 64;
/// How long a sender counts as alive after its last connection, at least; else twice the longest pause it has made.
const LIVELY: Duration = Duration::from_secs(1800);

impl Desk {
    /// The order to publish now, or `None` when the current one stands. `turn` counts the orders published so far.
    ///
    /// A server that an open test waits for leads until it has answered or has led one attempt of that test.
    #[must_use]
    pub fn order(&mut self, now: Timestamp, current: &Order, turn: usize) -> Option<[Server; 4]> {
        let due = now >= after(current.time, self.settings.rotation);
        let fresh = |order: [Server; 4]| (due || order[0] != current.order[0]).then_some(order);
        // A test that seems to be given up must not keep the lead from one that is alive.
        let mut open: Vec<_> = (self.open.iter().filter_map(|id| self.tests.get(id)))
            .map(|dossier| (!is_lively(dossier, now), dossier.started, dossier))
            .collect();
        type Asked<'a> = (bool, Timestamp, &'a Dossier);
        let first = |one: &Asked<'_>, other: &Asked<'_>| {
            (one.0, one.1, &one.2.id).cmp(&(other.0, other.1, &other.2.id))
        };
        if open.len() > ASKED {
            open.select_nth_unstable_by(ASKED - 1, first);
            open.truncate(ASKED);
        }
        open.sort_unstable_by(first);
        let open: Vec<_> = (open.into_iter())
            .map(|(.., dossier)| dossier.id.clone())
            .collect();
        let since = self.led_since(current);
        let leader =
            (open.iter()).find_map(|id| self.wish(id, now)?.leader(current.order[0], since));
        match leader {
            Some(leader) => fresh(led_by(leader, turn)),
            None => due.then(|| IDLE[turn % IDLE.len()]),
        }
    }

    /// What an open test wants, as known from before if its evidence is the same.
    fn wish(&mut self, id: &TestId, now: Timestamp) -> Option<Wish> {
        if let Some(wish) = self.wishes.get(id) {
            return Some(wish.clone());
        }
        let test = self.assemble(self.tests.get(id)?);
        let wish = Wish {
            attempts: attempts(&test),
            waiting: waiting_for(&test),
        };
        // An order that is published at the very time of a connection may count for it.
        let is_past = |contact: &Contact| contact.connection.started < now;
        if test.connections.iter().all(is_past) {
            self.wishes.insert(id.clone(), wish.clone());
        }
        Some(wish)
    }

    /// From when on every resolver knows the present leader as such.
    fn led_since(&self, current: &Order) -> Timestamp {
        let leading = current.order[0];
        let since = (self.orders.iter().rev())
            .take_while(|order| order.order[0] == leading)
            .last()
            .map_or(current.time, |order| order.time.min(current.time));
        after(since, Duration::from_secs(self.settings.order_ttl.into()))
    }
}

/// Whether the sender can be expected to come again soon.
fn is_lively(dossier: &Dossier, now: Timestamp) -> bool {
    let starts = || dossier.connections.iter().map(|kept| kept.started);
    let pause = (starts().zip(starts().skip(1)))
        .filter_map(|(one, next)| Duration::try_from(next.duration_since(one)).ok())
        .max()
        .unwrap_or_default();
    now < after(dossier.last(), LIVELY.max(pause * 2))
}

/// What a test wants of the order of the MX.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    attempts: Vec<Attempt>,
    waiting: Vec<Server>,
}

impl Wish {
    /// The server that it wants in the lead.
    fn leader(&self, leading: Server, since: Timestamp) -> Option<Server> {
        choose(&self.attempts, &self.waiting, leading, since)
    }
}

/// The server to lead next, when `leading` has led since that time for all resolvers.
fn choose(
    attempts: &[Attempt],
    waiting: &[Server],
    leading: Server,
    since: Timestamp,
) -> Option<Server> {
    if let Some(refused) = repeated(attempts) {
        return Some(refused);
    }
    let has_led = (attempts.iter())
        .any(|attempt| attempt.started >= since && attempt.leader == Some(leading));
    if waiting.contains(&leading) && !has_led {
        return Some(leading);
    }
    // The next one after a leader that had its attempt, else the first of all.
    let at = LEADERS.iter().position(|server| *server == leading);
    let from = at.filter(|_| has_led).map_or(0, |at| at + 1);
    (0..LEADERS.len())
        .map(|step| LEADERS[(from + step) % LEADERS.len()])
        .find(|server| waiting.contains(server))
}

/// The servers met in an attempt in which STARTTLS was offered.
#[derive(Clone, Debug)]
struct Attempt {
    started: Timestamp,
    leader: Option<Server>,
    accepted: bool,
    refused: Vec<Server>,
}

fn attempts(test: &Test) -> Vec<Attempt> {
    let mut attempts: Vec<(u32, Attempt)> = Vec::new();
    for contact in &test.connections {
        let connection = &contact.connection;
        if !connection.starttls_offered || contact.foreign {
            continue;
        }
        if attempts
            .last()
            .is_none_or(|(number, _)| *number != contact.attempt)
        {
            let attempt = Attempt {
                started: connection.started,
                leader: leader_at(test, connection.started),
                accepted: false,
                refused: Vec::new(),
            };
            attempts.push((contact.attempt, attempt));
        }
        if let Some((_, attempt)) = attempts.last_mut() {
            attempt.accepted |= connection.accepted() || connection.in_clear();
            if connection.refused() {
                attempt.refused.extend(connection.server);
            }
        }
    }
    attempts.into_iter().map(|(_, attempt)| attempt).collect()
}

/// The leader of the order in force at that moment.
fn leader_at(test: &Test, time: Timestamp) -> Option<Server> {
    let order = test.orders.iter().rfind(|order| order.time <= time)?;
    Some(order.order[0])
}

/// The leader to repeat: it was refused in the last attempt, which took nothing, and not repeated yet.
fn repeated(attempts: &[Attempt]) -> Option<Server> {
    let last = attempts.last()?;
    let leader = last.leader?;
    let led =
        |attempt: &&Attempt| attempt.leader == Some(leader) && attempt.refused.contains(&leader);
    let nothing_but = !last.accepted && last.refused.contains(&leader);
    (nothing_but && attempts.iter().filter(led).count() == 1).then_some(leader)
}

#[cfg(test)]
mod tests {
    use super::super::scenario::minute;
    use super::*;
    use Server::{Five as V, Four as IV, Six as VI, Three as III};

    fn attempt(started: i64, leader: Server, accepted: bool, refused: &[Server]) -> Attempt {
        Attempt {
            started: minute(started),
            leader: Some(leader),
            accepted,
            refused: refused.to_vec(),
        }
    }

    #[test]
    fn the_leader_changes_when_it_has_led_or_is_awaited_no_more() {
        for (name, attempts, waiting, leading, since, wanted) in [
            ("nothing is awaited", vec![], vec![], V, 0, None),
            (
                "the first of several",
                vec![],
                vec![III, VI, IV],
                V,
                0,
                Some(IV),
            ),
            (
                "an awaited leader stays",
                vec![],
                vec![V, III],
                III,
                0,
                Some(III),
            ),
            (
                "and goes once it has led",
                vec![attempt(5, III, true, &[])],
                vec![V, III],
                III,
                0,
                Some(V),
            ),
            (
                "though it stays when it is the only one",
                vec![attempt(5, III, true, &[])],
                vec![III],
                III,
                0,
                Some(III),
            ),
            (
                "what it led before it was published anew does not count",
                vec![attempt(5, III, true, &[])],
                vec![V, III],
                III,
                6,
                Some(III),
            ),
            (
                "refused, and nothing taken: once more",
                vec![attempt(5, V, false, &[V])],
                vec![IV],
                V,
                0,
                Some(V),
            ),
            (
                "but not a third time",
                vec![attempt(5, V, false, &[V]), attempt(9, V, false, &[V])],
                vec![IV],
                V,
                0,
                Some(IV),
            ),
            (
                "nor when another was taken",
                vec![attempt(5, V, true, &[V])],
                vec![IV],
                V,
                0,
                Some(IV),
            ),
        ] {
            let found = choose(&attempts, &waiting, leading, minute(since));
            assert_eq!(found, wanted, "{name}");
        }
    }
}
