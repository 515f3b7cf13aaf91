//! What is kept of one test beside what it shares with its origins.

use super::addressing::{Envelope, Key};
use super::settings::{Settings, after, before};
use crate::base::origin::{client, network};
use crate::base::{
    Connection, Domain, Fetch, Language, Mailbox, MessageFacts, Origin, Query, Seen, TestId,
    TestState, Timestamp, Verdict, limits,
};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

/// How much older than a message's Date shared evidence may be: clocks differ.
const TOLERANCE: Duration = Duration::from_secs(60);

/// One test.
#[derive(Clone, Debug)]
pub(super) struct Dossier {
    pub id: TestId,
    /// What it is known by; several after tests were joined.
    pub keys: BTreeSet<Key>,
    pub sender: Mailbox,
    pub token: Option<String>,
    pub language: Language,
    pub state: TestState,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    /// When its result existed; later connections are not part of it.
    pub reported: Option<Timestamp>,
    pub origins: BTreeSet<Origin>,
    /// Those of its origins that brought a message which proves the sender, and the networks it came from.
    proving: BTreeSet<Origin>,
    proving_networks: BTreeSet<IpAddr>,
    /// The networks that its own connections came from.
    pub networks: BTreeSet<IpAddr>,
    /// Its own connections, by commit.
    pub connections: Vec<Connection>,
    /// How many more there were than are kept.
    pub dropped: u64,
    pub queries: Vec<Seen<Query>>,
    pub fetches: Vec<Seen<Fetch>>,
}

impl Dossier {
    pub(super) fn new(id: TestId, started: Timestamp, envelope: Envelope) -> Self {
        Self {
            id,
            keys: BTreeSet::from([envelope.key]),
            sender: envelope.sender,
            token: envelope.token,
            language: envelope.language,
            state: TestState::Waiting,
            started,
            ended: None,
            reported: None,
            origins: BTreeSet::new(),
            proving: BTreeSet::new(),
            proving_networks: BTreeSet::new(),
            networks: BTreeSet::new(),
            connections: Vec::new(),
            dropped: 0,
            queries: Vec::new(),
            fetches: Vec::new(),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.state == TestState::Waiting
    }

    /// Whether a transaction at this time belongs to it: while it is open and until `quiet` is over. A test whose sender
    /// never was proven may have been anybody's, and takes nothing from the true one when it is over.
    pub(super) fn takes(&self, time: Timestamp, settings: &Settings) -> bool {
        self.ended
            .is_none_or(|ended| self.proven() && time < after(ended, settings.quiet))
    }

    /// Takes in a connection of its own, if there are not as many as `most` yet; a later record replaces an earlier one.
    /// Returns whether it is kept.
    pub(super) fn keep(&mut self, connection: Connection, most: usize) -> bool {
        self.started = self.started.min(connection.started);
        if self.is_proven_by(&connection) {
            self.proving.insert(connection.origin());
            self.proving_networks.insert(network(connection.client));
        }
        if let Some(known) = self
            .connections
            .iter_mut()
            .find(|kept| kept.id == connection.id)
        {
            *known = connection;
            return true;
        }
        if self.connections.len() >= most {
            self.dropped += 1;
            return false;
        }
        self.origins.insert(connection.origin());
        self.networks.insert(network(connection.client));
        self.connections.push(connection);
        true
    }

    /// Takes over the evidence of a test that turned out to be the same one.
    pub(super) fn join(&mut self, other: Self) {
        self.keys.extend(other.keys);
        self.dropped += other.dropped;
        for connection in other.connections {
            self.keep(connection, limits::TEST_CONNECTIONS);
        }
        for query in other.queries {
            self.note_query(query);
        }
        for fetch in other.fetches {
            self.note_fetch(fetch);
        }
    }

    pub(super) fn note_query(&mut self, query: Seen<Query>) {
        note(&mut self.queries, query, |query| query.id);
    }

    pub(super) fn note_fetch(&mut self, fetch: Seen<Fetch>) {
        note(&mut self.fetches, fetch, |fetch| fetch.id);
    }

    /// The facts of the messages that count, by commit.
    pub(super) fn messages(&self) -> impl DoubleEndedIterator<Item = &MessageFacts> {
        self.connections
            .iter()
            .filter(|connection| self.counts(connection))
            .filter_map(|connection| connection.message.as_ref())
    }

    /// The Message-IDs seen, each once.
    pub(super) fn message_ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        let all = (self.connections.iter()).filter_map(|connection| connection.message.as_ref());
        for id in all.filter_map(|facts| facts.message_id.as_ref()) {
            if !ids.contains(id) {
                ids.push(id.clone());
            }
        }
        ids
    }

    /// The Date first seen, at the latest when the test began: a message cannot be younger than its delivery.
    pub(super) fn date(&self) -> Option<Timestamp> {
        self.messages()
            .find_map(|facts| facts.date)
            .map(|date| date.min(self.started))
    }

    /// Whether any copy of the message proves the sender that the result goes to.
    pub(super) fn proven(&self) -> bool {
        !self.proving.is_empty()
    }

    /// Whether a connection's message proves the sender that the result goes to. Copies may have senders of their own
    /// in one domain (VERP), but not when a token alone ties them together.
    fn is_proven_by(&self, connection: &Connection) -> bool {
        let sender = connection.from.as_ref().and_then(Option::as_ref);
        let same = sender.is_some_and(|sender| match self.token {
            Some(_) => *sender == self.sender,
            None => sender.domain == self.sender.domain,
        });
        same && (connection.message.as_ref()).is_some_and(|facts| facts.proves(&self.sender))
    }

    /// Whether what a connection did counts: once the sender is proven, only what its own hosts did.
    pub(super) fn counts(&self, connection: &Connection) -> bool {
        let silent = || {
            connection.ehlo.is_none()
                && (self.proving_networks).contains(&network(connection.client))
        };
        self.proving.is_empty() || self.proving.contains(&connection.origin()) || silent()
    }

    /// Whether what this client did counts, as [`Dossier::counts`], by its network or its confirmed name.
    pub(super) fn counts_near(&self, client: IpAddr, ptr: Option<&Domain>) -> bool {
        self.proving.is_empty()
            || self.proving_networks.contains(&network(client))
            || self.proving.iter().any(|origin| is_named(origin, ptr))
    }

    /// The oldest shared evidence that may be of its message: clocks differ by a minute.
    pub(super) fn oldest_shared(&self) -> Timestamp {
        before(self.date().unwrap_or(self.started), TOLERANCE)
    }

    /// Whether a message that this client brings needs not be judged again: its origin has proven the sender, or the
    /// look-ups for one that it brought before succeeded.
    pub(super) fn knows(&self, connection: &Connection) -> bool {
        self.proving.contains(&connection.origin()) || self.judged_from(connection.client)
    }

    /// Whether a message from this client was judged, and the look-ups for it succeeded.
    fn judged_from(&self, client: IpAddr) -> bool {
        self.connections.iter().any(|kept| {
            kept.client == client
                && kept.message.as_ref().is_some_and(|facts| {
                    let checks = &facts.authentication;
                    let failed = |verdict| verdict == Verdict::TempError;
                    !failed(checks.spf) && !checks.dkim.iter().any(|dkim| failed(dkim.result))
                })
        })
    }

    /// Whether a client lies in one of its origins' domains by its confirmed name, or in a network they sent from.
    pub(super) fn is_near(&self, client: IpAddr, ptr: Option<&Domain>) -> bool {
        self.networks.contains(&network(client))
            || self.origins.iter().any(|origin| is_named(origin, ptr))
    }

    /// Whether a client is one that sent its message, or lies in one of its origins' domains by its confirmed name.
    pub(super) fn is_at(&self, address: IpAddr, ptr: Option<&Domain>) -> bool {
        let same = |kept: &Connection| client(kept.client) == client(address);
        self.connections.iter().any(same) || self.origins.iter().any(|origin| is_named(origin, ptr))
    }

    /// The end of its last own connection.
    pub(super) fn last(&self) -> Timestamp {
        self.connections
            .iter()
            .map(|kept| kept.ended.unwrap_or(kept.started))
            .fold(self.started, Timestamp::max)
    }
}

/// Whether a client of this confirmed name is the origin's.
fn is_named(origin: &Origin, ptr: Option<&Domain>) -> bool {
    match (origin, ptr) {
        (Origin::Domain(domain), Some(ptr)) => ptr.is_within(domain),
        _ => false,
    }
}

/// Adds what was seen, once; knowing better that it is this test's own replaces a guess.
fn note<T, I: PartialEq>(list: &mut Vec<Seen<T>>, seen: Seen<T>, id: impl Fn(&T) -> I) {
    let place = (list.iter()).position(|noted| id(&noted.what) == id(&seen.what));
    match place {
        Some(place) => list[place].shared &= seen.shared,
        None if list.len() < limits::TEST_QUERIES => list.push(seen),
        None => {}
    }
}
