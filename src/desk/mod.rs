//! The live tests: origins, windows, attribution, tokens, acknowledgement and the wanted MX order.
//!
//! Everything is folded from committed events by [`Desk::apply`], so that replaying the journal is the restart.
//! Time and random ids come as arguments; nothing here does I/O, reads a clock or keeps content.

mod acknowledge;
mod addressing;
mod assemble;
mod attempt;
mod dossier;
mod erase;
mod fold;
mod forget;
mod leader;
mod need;
mod reports;
mod room;
mod settings;
mod sightings;
mod source;
pub mod token;
mod window;

#[cfg(test)]
mod erasures;
#[cfg(test)]
mod evidence;
#[cfg(test)]
mod forwarders;
#[cfg(test)]
mod intruders;
#[cfg(test)]
mod scenario;
#[cfg(test)]
mod scenes;

pub use erase::{Doomed, Whom};
pub use reports::Full;
pub use settings::Settings;

use crate::base::ports::{Decision, Recipient};
use crate::base::{
    Certificate, Connection, ConnectionId, Domain, Event, Fetch, Gap, Mailbox, Order, Origin,
    Query, Status, Test, TestId, TestState, Timestamp, Transport, Via,
};
use acknowledge::{ready, taken_in_clear};
use addressing::{Envelope, Key};
use dossier::Dossier;
use leader::Wish;
use reports::Reports;
use settings::after;
use sightings::Sightings;
use source::Source;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long after the deadline a test without attempts is expired.
const GRACE: Duration = Duration::from_secs(3600);

/// How often memory is gone through for what may be forgotten.
const FORGETTING: Duration = Duration::from_secs(60);

/// The live tests.
#[derive(Clone, Debug)]
pub struct Desk {
    settings: Arc<Settings>,
    sources: BTreeMap<Origin, Source>,
    /// The networks of the sources that greet under a full name which no reverse name confirms.
    unconfirmed: BTreeMap<String, BTreeSet<IpAddr>>,
    /// How many connections the sources keep.
    kept: usize,
    tests: BTreeMap<TestId, Dossier>,
    open: BTreeSet<TestId>,
    /// The latest test of each key.
    keys: BTreeMap<Key, TestId>,
    owners: BTreeMap<ConnectionId, TestId>,
    /// Tests that turned out to be another one.
    joined: BTreeMap<TestId, TestId>,
    /// The open tests that a network belongs to.
    near: BTreeMap<IpAddr, BTreeSet<TestId>>,
    /// A test whose first connection comes next.
    opening: Option<(TestId, Timestamp, ConnectionId)>,
    sightings: Sightings,
    /// What open tests want of the order of the MX; kept only as long as their evidence stays the same.
    wishes: BTreeMap<TestId, Wish>,
    reports: Reports,
    orders: VecDeque<Order>,
    gaps: VecDeque<Gap>,
    /// Senders who were erased, and when: what they began before is not taken in any more.
    erased: BTreeMap<Mailbox, Timestamp>,
    /// When memory was last gone through.
    forgotten: Timestamp,
}

/// How to greet a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeted {
    /// Whether to offer STARTTLS.
    pub starttls: bool,
    /// The certificate for a client that names no host of ours on a shared address.
    pub without_sni: Certificate,
    /// What to commit before it is greeted; it is applied already.
    pub events: Vec<Event>,
}

/// What came of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transacted {
    /// What to answer, once the events are committed.
    pub decision: Decision,
    /// What to commit; it is applied already.
    pub events: Vec<Event>,
}

/// What time has brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tick {
    /// What to commit; it is applied already.
    pub events: Vec<Event>,
    /// The tests whose result is to be made now: named again in every tick until they are reported.
    pub due: Vec<TestId>,
    /// When to tick next, whatever else happens; `None` while nothing is awaited.
    pub next: Option<Timestamp>,
}

/// A test in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its name.
    pub id: TestId,
    /// The envelope sender.
    pub sender: Mailbox,
    /// Where it stands.
    pub state: TestState,
    /// When it began.
    pub started: Timestamp,
    /// When it was acknowledged or expired.
    pub ended: Option<Timestamp>,
    /// How many connections belong to it alone.
    pub connections: usize,
}

impl Desk {
    /// A desk without tests.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings: Arc::new(settings),
            sources: BTreeMap::new(),
            unconfirmed: BTreeMap::new(),
            kept: 0,
            tests: BTreeMap::new(),
            open: BTreeSet::new(),
            keys: BTreeMap::new(),
            owners: BTreeMap::new(),
            joined: BTreeMap::new(),
            near: BTreeMap::new(),
            opening: None,
            sightings: Sightings::new(),
            wishes: BTreeMap::new(),
            reports: Reports::new(),
            orders: VecDeque::new(),
            gaps: VecDeque::new(),
            erased: BTreeMap::new(),
            forgotten: Timestamp::MIN,
        }
    }

    /// How to greet a client that greets as `ehlo`; `ptr` is its forward-confirmed reverse name.
    pub fn greet(
        &mut self,
        client: IpAddr,
        ptr: Option<&Domain>,
        ehlo: &str,
        now: Timestamp,
    ) -> Greeted {
        let origin = Origin::of(client, ehlo, ptr);
        let need = self.need(&origin, now);
        let roams = self.roams(&origin);
        let settings = Arc::clone(&self.settings);
        let source = self.source(&origin, now);
        source.last = source.last.max(Some(now));
        if roams {
            source.window.skip(now, &settings);
        }
        let before = source.window.begun();
        let starttls = source.window.greet(now, need, &settings);
        let without_sni = source.without_sni(now, need, &settings);
        let mut events = Vec::new();
        if source.window.begun() != before {
            let time = now;
            self.commit(Event::Window { origin, time }, &mut events);
        }
        Greeted {
            starttls,
            without_sni,
            events,
        }
    }

    /// Where mail for this address goes.
    #[must_use]
    pub fn recipient(&self, address: &Mailbox) -> Recipient {
        addressing::recipient(address, &self.settings)
    }

    /// Whether the message that this connection offers needs not be sent again to be judged: an open test of its
    /// sender knows what SPF and DKIM say.
    #[must_use]
    pub fn known(&self, connection: &Connection) -> bool {
        let Some(envelope) = Envelope::of(connection, &self.settings) else {
            return false;
        };
        let Some(dossier) = self.run(&envelope.key, connection.started) else {
            return false;
        };
        dossier.is_open() && dossier.knows(connection)
    }

    /// Takes in a transaction, with its message or before it, and says what to answer. `fresh` names the test that
    /// it may open. The caller commits the events before it answers.
    pub fn transacted(
        &mut self,
        connection: &Connection,
        fresh: TestId,
        now: Timestamp,
    ) -> Transacted {
        let mut events = Vec::new();
        let taken = self
            .offered(connection, fresh, now, &mut events)
            .filter(|id| self.takes(id, connection, now));
        let Some(id) = taken else {
            return Transacted {
                decision: Decision::Later,
                events,
            };
        };
        if connection.message.is_some() {
            let open = self.open.contains(&id);
            let acked = Connection {
                status: Status::Acked,
                ..connection.clone()
            };
            self.commit(Event::Connection(Box::new(acked)), &mut events);
            if open {
                let acknowledged = Event::Acknowledged {
                    test: id.clone(),
                    time: now,
                };
                self.commit(acknowledged, &mut events);
            }
        }
        Transacted {
            decision: Decision::Accept(id),
            events,
        }
    }

    /// Takes in a transaction whose message is refused for its form, which a test may begin with as well.
    pub fn refused(
        &mut self,
        connection: &Connection,
        fresh: TestId,
        now: Timestamp,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        self.offered(connection, fresh, now, &mut events);
        events
    }

    /// Takes in a transaction; says which test it belongs to. `None` when it is of no test, there are too many,
    /// or it is of somebody who was just erased.
    fn offered(
        &mut self,
        connection: &Connection,
        fresh: TestId,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) -> Option<TestId> {
        let envelope = Envelope::of(connection, &self.settings)?;
        if self.was_erased(connection) {
            return None;
        }
        if self.owner(connection, &envelope.key).is_none() {
            if !self.give_room(connection, now, events) {
                return None;
            }
            let opened = Event::Opened {
                test: fresh,
                time: now,
                by: connection.id,
            };
            self.commit(opened, events);
        }
        self.commit(Event::Connection(Box::new(connection.clone())), events);
        self.owner(connection, &envelope.key)
    }

    /// Takes in a connection that ended.
    pub fn closed(&mut self, connection: &Connection) -> Vec<Event> {
        let mut events = Vec::new();
        let known = match Envelope::of(connection, &self.settings) {
            Some(envelope) => self.owner(connection, &envelope.key).is_some(),
            None => self.owner_without_recipient(connection).is_some(),
        };
        if (known && !self.was_erased(connection)) || is_shared(connection) {
            self.commit(Event::Connection(Box::new(connection.clone())), &mut events);
        }
        events
    }

    /// Takes in a DNS query.
    pub fn queried(&mut self, query: Query) -> Vec<Event> {
        self.committed(Event::Query(query))
    }

    /// Takes in a policy fetch.
    pub fn fetched(&mut self, fetch: Fetch) -> Vec<Event> {
        self.committed(Event::Fetch(fetch))
    }

    /// Takes in an MX order that was published.
    pub fn published(&mut self, order: Order) -> Vec<Event> {
        self.committed(Event::Order(order))
    }

    /// Takes in that evidence was lost.
    pub fn gap(&mut self, gap: Gap) -> Vec<Event> {
        self.committed(Event::Gap(gap))
    }

    /// Takes in that a test's result exists.
    pub fn reported(&mut self, test: &TestId, now: Timestamp) -> Vec<Event> {
        self.committed(Event::Reported {
            test: test.clone(),
            time: now,
        })
    }

    /// Ends tests that time has ended, names those whose result is due, and forgets what no test can want any more.
    pub fn tick(&mut self, now: Timestamp) -> Tick {
        let mut tick = Tick::default();
        let mut over = Vec::new();
        for dossier in self.open.iter().filter_map(|id| self.tests.get(id)) {
            let expiry = self.expiry(dossier);
            if now >= expiry {
                over.push(dossier.id.clone());
            } else {
                tick.next = Some(tick.next.map_or(expiry, |next| next.min(expiry)));
            }
        }
        for test in over {
            self.commit(Event::Expired { test, time: now }, &mut tick.events);
        }
        for dossier in self.tests.values() {
            let Some(due) = self.due(dossier) else {
                continue;
            };
            if now >= due {
                tick.due.push(dossier.id.clone());
            } else {
                tick.next = Some(tick.next.map_or(due, |next| next.min(due)));
            }
        }
        if now >= after(self.forgotten, FORGETTING) {
            self.forget(now);
        }
        tick
    }

    /// The evidence of a test; `None` when there is none of this name, or it was forgotten.
    #[must_use]
    pub fn test(&self, id: &TestId) -> Option<Test> {
        let dossier = self.tests.get(self.joined.get(id).unwrap_or(id))?;
        Some(self.assemble(dossier))
    }

    /// The tests kept: open ones, and those that ended within the last `deadline`; oldest first.
    #[must_use]
    pub fn tests(&self) -> Vec<Summary> {
        let mut list: Vec<_> = (self.tests.values())
            .map(|dossier| Summary {
                id: dossier.id.clone(),
                sender: dossier.sender.clone(),
                state: dossier.state,
                started: dossier.started,
                ended: dossier.ended,
                connections: dossier.connections.len(),
            })
            .collect();
        list.sort_by_key(|summary| (summary.started, summary.id.clone()));
        list
    }

    /// Whether to take what the connection offers, now that it is part of the test.
    fn takes(&self, id: &TestId, connection: &Connection, now: Timestamp) -> bool {
        // Content never crosses in clear text while STARTTLS is withheld.
        let Some(dossier) = self.tests.get(id).filter(|_| connection.starttls_offered) else {
            return false;
        };
        if dossier.is_open() && !dossier.counts(connection) {
            return false;
        }
        if !dossier.is_open() {
            return true;
        }
        let test = self.assemble(dossier);
        if connection.transport == Transport::Plain
            && (connection.message.is_none() || !taken_in_clear(&test))
        {
            return taken_in_clear(&test);
        }
        ready(&test, connection.zone, &self.settings, now).is_some()
    }

    fn commit(&mut self, event: Event, events: &mut Vec<Event>) {
        self.apply(&event);
        events.push(event);
    }

    fn committed(&mut self, event: Event) -> Vec<Event> {
        self.apply(&event);
        vec![event]
    }

    /// The test that a transaction belongs to: the one that has its connection, else the one of its sender or token.
    fn owner(&self, connection: &Connection, key: &Key) -> Option<TestId> {
        (self.owners.get(&connection.id).cloned())
            .or_else(|| Some(self.run(key, connection.started)?.id.clone()))
    }

    /// The test that a connection without a recipient of a test belongs to: the one that has it, else the one of its
    /// sender, for a contact that broke off between MAIL and RCPT is a contact all the same.
    fn owner_without_recipient(&self, connection: &Connection) -> Option<TestId> {
        if let Some(id) = self.owners.get(&connection.id) {
            return Some(id.clone());
        }
        let sender = connection.from.clone()??;
        let run = self.run(&Key::Sender(sender), connection.started)?;
        connection.to.is_empty().then(|| run.id.clone())
    }

    /// The test that a transaction with this key, in a connection begun at this time, belongs to.
    fn run(&self, key: &Key, time: Timestamp) -> Option<&Dossier> {
        self.tests
            .get(self.keys.get(key)?)
            .filter(|dossier| dossier.takes(time, &self.settings))
    }

    /// When a test is given up: an hour after its deadline, or after its last attempt if that was later.
    fn expiry(&self, dossier: &Dossier) -> Timestamp {
        let deadline = after(dossier.started, self.settings.deadline);
        after(deadline.max(dossier.last()), GRACE)
    }

    /// When the result of a test is to be made; `None` while it is open, and when that is done.
    fn due(&self, dossier: &Dossier) -> Option<Timestamp> {
        match dossier.state {
            TestState::Acked => Some(after(dossier.ended?, self.settings.settle)),
            TestState::Expired => dossier.ended,
            TestState::Waiting | TestState::Reported => None,
        }
    }
}

/// Whether a connection names no sender, so that it is kept with its origin. One that never greeted says nothing,
/// unless it came to a host's own address; one that met no server, as with the operator's mail, is evidence of nothing.
fn is_shared(connection: &Connection) -> bool {
    connection.from.is_none()
        && !connection.mail_refused()
        && connection.server.is_some()
        && (connection.ehlo.is_some() || connection.via == Some(Via::Address))
}
