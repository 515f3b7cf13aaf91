//! What is kept of one test beside what it shares with its origins.

use super::addressing::{Envelope, Key};
use super::settings::{Settings, after, before};
use crate::base::origin::network;
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

    /// Whether a transaction at this time belongs to it: while it is open and until `quiet` is over.
    pub(super) fn takes(&self, time: Timestamp, settings: &Settings) -> bool {
        self.ended
            .is_none_or(|ended| time < after(ended, settings.quiet))
    }

    /// Takes in a connection of its own; a later record replaces an earlier one.
    /// Returns whether it is kept.
    pub(super) fn keep(&mut self, connection: Connection) -> bool {
        self.started = self.started.min(connection.started);
        if let Some(known) = self
            .connections
            .iter_mut()
            .find(|kept| kept.id == connection.id)
        {
            *known = connection;
            return true;
        }
        if self.connections.len() >= limits::TEST_CONNECTIONS {
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
            self.keep(connection);
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

    /// The facts of its messages, by commit.
    pub(super) fn messages(&self) -> impl DoubleEndedIterator<Item = &MessageFacts> {
        self.connections
            .iter()
            .filter_map(|connection| connection.message.as_ref())
    }

    /// The Message-IDs seen, each once.
    pub(super) fn message_ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        for id in self
            .messages()
            .filter_map(|facts| facts.message_id.as_ref())
        {
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
        self.connections.iter().any(|connection| {
            let sender = connection.from.as_ref().and_then(Option::as_ref);
            sender.is_some_and(|sender| sender.domain == self.sender.domain)
                && (connection.message.as_ref()).is_some_and(|facts| facts.proves(&self.sender))
        })
    }

    /// The oldest shared evidence that may be of its message: clocks differ by a minute.
    pub(super) fn oldest_shared(&self) -> Timestamp {
        before(self.date().unwrap_or(self.started), TOLERANCE)
    }

    /// Whether a message from this client was judged, and the look-ups for it succeeded.
    pub(super) fn judged_from(&self, client: IpAddr) -> bool {
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
        let named = |origin: &Origin| match (origin, ptr) {
            (Origin::Domain(domain), Some(ptr)) => ptr.is_within(domain),
            _ => false,
        };
        self.networks.contains(&network(client)) || self.origins.iter().any(named)
    }

    /// The end of its last own connection.
    pub(super) fn last(&self) -> Timestamp {
        self.connections
            .iter()
            .map(|kept| kept.ended.unwrap_or(kept.started))
            .fold(self.started, Timestamp::max)
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
