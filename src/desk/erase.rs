//! Erasing a test, or all of a person: what belongs to them, and forgetting it at once.

use super::Desk;
use super::addressing::Key;
use super::dossier::Dossier;
use super::settings::after;
use crate::base::{Connection, ConnectionId, Event, Mailbox, Test, TestId, Timestamp, limits};
use std::collections::BTreeSet;

/// Whom or what to erase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// One test.
    Test(TestId),
    /// All of a person: everything that names this address as envelope sender, or in From.
    Person(Mailbox),
}

/// All that belongs to whom is to be erased, as far as it was looked for: at the desk ([`Desk::doom`]), among results
/// ([`Doomed::take_in`]) and in the journal ([`Doomed::learn`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doomed {
    whom: Whom,
    tests: BTreeSet<TestId>,
    connections: BTreeSet<ConnectionId>,
    /// Envelope senders of those tests: what else names them goes as well, for a test has more connections than it keeps.
    senders: BTreeSet<Mailbox>,
    /// Envelope senders of tests that stay; of them no more goes than what is known by its number.
    spared: BTreeSet<Mailbox>,
    /// The test opened last, and by which connection.
    opening: Option<(TestId, ConnectionId)>,
}

impl Doomed {
    /// Nothing was looked for yet.
    #[must_use]
    pub fn new(whom: Whom) -> Self {
        let (mut tests, mut senders) = (BTreeSet::new(), BTreeSet::new());
        match &whom {
            Whom::Test(id) => drop(tests.insert(id.clone())),
            Whom::Person(person) => drop(senders.insert(person.clone())),
        }
        Self {
            whom,
            tests,
            connections: BTreeSet::new(),
            senders,
            spared: BTreeSet::new(),
            opening: None,
        }
    }

    /// The tests.
    #[must_use]
    pub const fn tests(&self) -> &BTreeSet<TestId> {
        &self.tests
    }

    /// Takes in a test that is known to belong to them.
    pub fn add(&mut self, test: TestId) {
        self.tests.insert(test);
    }

    /// Takes in the evidence of a result, if it belongs to them.
    pub fn take_in(&mut self, test: &Test) {
        let own = || {
            let contacts = test.connections.iter().filter(|contact| !contact.shared);
            contacts.map(|contact| &contact.connection)
        };
        if self.tests.contains(&test.id)
            || self.is_person(&test.sender)
            || own().any(|connection| self.names(connection))
        {
            self.tests.insert(test.id.clone());
            self.senders.insert(test.sender.clone());
            own().for_each(|connection| self.keep(connection));
        }
    }

    /// Learns from the journal, event by event in its order, what belongs to them.
    pub fn learn(&mut self, event: &Event) {
        match event {
            Event::Opened { test, by, .. } if self.tests.contains(test) => {
                self.connections.insert(*by);
            }
            Event::Opened { test, by, .. } if self.connections.contains(by) => {
                self.tests.insert(test.clone());
            }
            Event::Opened { test, by, .. } => self.opening = Some((test.clone(), *by)),
            Event::Connection(connection) => {
                let is_known = self.connections.contains(&connection.id);
                if !is_known && !self.names(connection) {
                    return;
                }
                self.connections.insert(connection.id);
                match self.opening.take_if(|(_, by)| *by == connection.id) {
                    Some((test, _)) => drop(self.tests.insert(test)),
                    None if is_known => self.keep(connection),
                    None => {}
                }
            }
            _ => {}
        }
    }

    /// Whether an event is to be erased.
    #[must_use]
    pub fn holds(&self, event: &Event) -> bool {
        match event {
            Event::Connection(connection) => {
                self.connections.contains(&connection.id)
                    || self.names(connection)
                    || sender(connection).is_some_and(|sender| {
                        self.senders.contains(sender) && !self.spared.contains(sender)
                    })
            }
            Event::Opened { test, .. }
            | Event::Acknowledged { test, .. }
            | Event::Expired { test, .. }
            | Event::Reported { test, .. } => self.tests.contains(test),
            Event::Query(_)
            | Event::Fetch(_)
            | Event::Order(_)
            | Event::Gap(_)
            | Event::TlsReport(_)
            | Event::Window { .. } => false,
        }
    }

    /// Whether all tests and connections of the other one are here as well.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.tests.is_superset(&other.tests) && self.connections.is_superset(&other.connections)
    }

    fn keep(&mut self, connection: &Connection) {
        self.connections.insert(connection.id);
        self.senders.extend(sender(connection).cloned());
    }

    fn is_person(&self, mailbox: &Mailbox) -> bool {
        matches!(&self.whom, Whom::Person(person) if person == mailbox)
    }

    fn names(&self, connection: &Connection) -> bool {
        let written = connection.message.as_ref();
        let from = written.and_then(|message| message.header_from.as_ref());
        sender(connection)
            .into_iter()
            .chain(from)
            .any(|mailbox| self.is_person(mailbox))
    }
}

fn sender(connection: &Connection) -> Option<&Mailbox> {
    connection.from.as_ref()?.as_ref()
}

impl Desk {
    /// Adds what is known here to belong to them.
    pub fn doom(&self, doomed: &mut Doomed) {
        let belongs = |doomed: &Doomed, dossier: &Dossier| {
            doomed.tests.contains(&dossier.id)
                || self
                    .joined_to(&dossier.id)
                    .any(|gone| doomed.tests.contains(gone))
                || senders(dossier).any(|sender| doomed.is_person(sender))
                || (dossier.connections.iter()).any(|connection| doomed.names(connection))
        };
        doomed.spared.clear();
        for dossier in self.tests.values() {
            if !belongs(doomed, dossier) {
                doomed.spared.extend(senders(dossier).cloned());
                continue;
            }
            doomed.tests.insert(dossier.id.clone());
            doomed.tests.extend(self.joined_to(&dossier.id).cloned());
            doomed.senders.extend(senders(dossier).cloned());
            (dossier.connections.iter()).for_each(|connection| doomed.keep(connection));
        }
    }

    /// Their tests that are kept here.
    #[must_use]
    pub fn tests_of(&self, doomed: &Doomed) -> BTreeSet<TestId> {
        let kept = self.tests.keys();
        kept.filter(|id| doomed.tests.contains(id))
            .cloned()
            .collect()
    }

    /// The tests that turned out to be this one.
    fn joined_to(&self, id: &TestId) -> impl Iterator<Item = &TestId> {
        let joined = self.joined.iter().filter(move |(_, stays)| *stays == id);
        joined.map(|(gone, _)| gone)
    }

    /// Forgets them at once. What sessions and transactions of theirs that began before report later is not taken in;
    /// new mail opens a new test.
    pub fn erase(&mut self, doomed: &Doomed, now: Timestamp) {
        for test in &doomed.tests {
            self.drop_test(test);
        }
        self.opening
            .take_if(|(test, ..)| doomed.tests.contains(test));
        for sender in doomed.senders.difference(&doomed.spared) {
            self.erased.insert(sender.clone(), now);
        }
    }

    /// Whether the connection is of somebody who was erased since it began.
    pub(super) fn was_erased(&self, connection: &Connection) -> bool {
        let erased = sender(connection).and_then(|sender| self.erased.get(sender));
        erased.is_some_and(|time| connection.started <= *time)
    }

    /// Forgets who was erased so long ago that no session can be left from before.
    pub(super) fn forget_erased(&mut self, now: Timestamp) {
        let may_last = |erased: &Timestamp| now < after(*erased, limits::SESSION_TIMEOUT);
        self.erased.retain(|_, erased| may_last(erased));
    }
}

/// Whom a test's mail came from.
fn senders(dossier: &Dossier) -> impl Iterator<Item = &Mailbox> {
    let keys = dossier.keys.iter().filter_map(|key| match key {
        Key::Sender(sender) => Some(sender),
        Key::Token(_) => None,
    });
    keys.chain([&dossier.sender])
}
